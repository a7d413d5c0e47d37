/* SPDX-License-Identifier: MIT
 *
 * Calls between actors. struct bus_call is the one context that goes down the
 * whole path of a request: who asks, until when, in which trace, with which
 * claims, inside which saga, what may be allocated and what went wrong.
 * bus_call() makes a call from inside a handler and blocks its worker;
 * bus_start() is the same without a thread, for event loops.
 */
#ifndef BUS_CALL_H
#define BUS_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/names.h"
#include "bus/shape.h"
#include "bus/trace.h"

#define BUS_CALL_DEPTH_MAX 16    /* calls within calls */
#define BUS_CALL_TIMEOUT_MS 2000 /* when nobody said otherwise */
#define BUS_TARGET_MAX 192       /* "user#3", "user@n2", "user#3@n2" */
#define BUS_METHOD_MAX 128

/* Method flags. */
enum {
    BUS_IDEMPOTENT = 1 << 0,      /* may be repeated: retried when lost */
    BUS_NO_SIDE_EFFECTS = 1 << 1, /* only reads; implies idempotent */
};

/* What is declared of a method; the schema compiler emits one each. */
struct bus_method {
    const char *actor; /* "user" */
    const char *name;  /* "getUser" */
    const char *path;  /* "/user.User/getUser", or "POST /user/login" */
    const struct bus_shape *request; /* NULL: none */
    const struct bus_shape *reply;
    uint32_t flags;
    const char *doc; /* "" if the schema says nothing */
};

/* A call made as a step of a saga. */
struct bus_saga_mark {
    const char *gid; /* NULL: not in a saga */
    const char *branch;
    const char *op; /* "action", "compensate" */
    /* msgpack map {field: "path"}: fields of a compensation's request that are
     * to be taken from the action's stored reply. len 0: none. */
    struct bus_bytes fill;
};

/* What travels beside the body of a request. */
struct bus_meta {
    struct bus_trace trace;
    uint8_t depth;
    struct bus_bytes claims; /* msgpack map of the token's claims; len 0 */
    const char *key;         /* idempotency key; NULL: none */
    struct bus_saga_mark saga;
    const char *app, *token; /* who calls, to be checked; NULL: unsaid */
};

struct bus;
struct store;
struct actor_worker;
struct bus_outbox;
struct bus_fake;

struct bus_call {
    struct bus *bus;
    struct bus_arena *arena; /* dies with the call */
    const struct bus_clock *clock;
    int64_t deadline; /* monotonic ns */
    struct bus_meta meta;
    struct bus_buf headers;    /* reply headers: msgpack text pairs in a row */
    struct bus_outbox *outbox; /* events that leave after success */
    struct store *store;       /* NULL: the actor has none */
    struct actor_worker *worker; /* NULL outside the runtime */
    const struct bus_method *method;
    void *state;           /* what NAME_open made for this worker */
    int64_t due;           /* bus_due */
    bool locked;           /* in a transaction: bus_call is refused */
    bool bare;             /* a saga's step outside the barrier's transaction */
    struct bus_fake *fake; /* tests: answers in the bus's place (bus/fake.h) */
    struct bus_error error; /* what a refusal says; large, so it is last */
};

struct bus_options {
    const char *home;              /* as bus_home; NULL with memory */
    const char *actor;             /* who is calling, for hello and logs */
    const struct bus_clock *clock; /* NULL: bus_clock_system */
    struct bus_memory *memory;     /* NULL: nng; else the fixture's links */
};

/* One bus a process (several in the fixture). Opening starts no connection:
 * links are made on first use and kept. */
int bus_open(const struct bus_options *options, struct bus **ret,
             struct bus_error *err);
void bus_close(struct bus *bus);
struct bus_names *bus_names(struct bus *bus);
const struct bus_clock *bus_clock(struct bus *bus);

/* Calls a method and waits. target: "user", "user#3", "user@n2"; NULL:
 * method->actor. Deadline, trace, claims and depth come from call; the reply
 * lives in call->arena. Returns the code; call->error says the rest. Refused at
 * once: no such actor, deadline passed, depth over BUS_CALL_DEPTH_MAX, inside
 * an open transaction (FAILED_PRECONDITION). Idempotent methods are tried again
 * within the deadline when an instance was lost. */
int bus_call(struct bus_call *call, const char *target,
             const struct bus_method *method, const void *request, void *reply);

/* The untyped request below it. Spans are copied before bus_start returns. */
struct bus_request {
    const char *target;
    const char *method;
    int64_t deadline;
    struct bus_meta meta;
    uint32_t flags;            /* of the method, BUS_IDEMPOTENT */
    struct bus_bytes affinity; /* goes where others of this key go; len 0 */
    bool oneway; /* nothing comes back; done hears only of the sending */
    struct bus_bytes body;
};

struct bus_reply {
    struct bus_error error;   /* error.code is BUS_OK on success */
    struct bus_bytes headers; /* msgpack array of texts: name, value, ... */
    struct bus_bytes body;    /* one msgpack value; len 0: none */
    struct bus_bytes detail;  /* refusal's own msgpack map; len 0: none */
};

typedef void bus_done(void *arg, const struct bus_reply *reply);

/* Starts a call; done is called exactly once, from any thread, perhaps before
 * bus_start returns, must not block, and sees spans that die with its return.
 */
void bus_start(struct bus *bus, const struct bus_request *request,
               bus_done *done, void *arg);

/* bus_start and a wait. The reply's spans are copied to arena. Returns
 * reply->error.code. */
int bus_wait(struct bus *bus, const struct bus_request *request,
             struct bus_arena *arena, struct bus_reply *reply);

/* Sends what bus_start gathered on every link, where a caller knows that
 * nothing more follows. Blocking calls and idle links need not. */
void bus_flush(struct bus *bus);

#endif
