/* SPDX-License-Identifier: MIT
 *
 * The inside of one running actor: what its links' threads, its workers, its
 * system thread and its main thread share. bus_main and the fixture open it,
 * start it (the fixture: without threads), stop it and close it, in that order.
 * Nothing here is for authors; actor.h is.
 */
#ifndef ACTOR_RUNTIME_H
#define ACTOR_RUNTIME_H

#include <stdatomic.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/cpu.h"
#include "actors/runtime/mailbox.h"
#include "actors/runtime/methods.h"
#include "actors/runtime/process.h"
#include "actors/runtime/settings.h"
#include "actors/runtime/shed.h"

#define RUNTIME_SYSTEM_MAX 64               /* system requests that wait */
#define RUNTIME_REPLY_MAX ((size_t)8 << 20) /* bytes of one reply's body */
#define RUNTIME_HEADERS_MAX 8192            /* bytes of all of one answer */
#define RUNTIME_BATCH_MAX 32                /* requests taken at once */
#define RUNTIME_SHORT_NS                                                       \
    (50 * INT64_C(1000)) /* a handler this quick is short */
#define RUNTIME_HOLD_NS (200 * INT64_C(1000)) /* a reply waits no longer */

struct schedule;
struct schedule_entry;
struct store_shared;
struct events;
struct runtime;

/* One instance: a thread with private state, one request at a time. */
struct actor_worker {
    struct runtime *runtime;
    int index;
    struct bus_arena arena; /* of the request in hand */
    struct bus_buf reply;   /* its packed reply */
    struct bus_buf headers; /* and the headers of that */
    struct store *store;    /* NULL: the actor has none */
    void *state;            /* what type->open made */
    bool sent_later;        /* the request in hand left a delayed message */
    bool opened;
    bool published;         /* durable events, in the request in hand */
    unsigned held;          /* replies given since the last flush */
    int64_t held_since;     /* of the oldest of these, ns */
    struct bus_error error; /* why it did not open */
    pthread_t thread;
};

/* Moments at which the fixture may let the actor die. */
enum runtime_point {
    RUNTIME_BEFORE_HANDLER,
    RUNTIME_BEFORE_COMMIT,
    RUNTIME_AFTER_COMMIT,
};

struct runtime_options {
    const struct actor_type *type;
    const char *home; /* NULL: as bus_home */
    const char *node, *instance;
    const char *config_path; /* NULL: config_text, or none */
    const char *config_text; /* the fixture's */
    const char *topology;    /* file that has more cron entries; NULL: none */
    int workers;             /* 0: the configuration's */
    int replicas;            /* 0: 1 */
    bool check;              /* bus_main: only read the configuration */
    bool test_hooks; /* a test drives the clock, where the actor has such */
    const struct bus_clock *clock;
    struct bus_memory *memory; /* NULL: nng */
};

struct runtime {
    struct actor_process process; /* first: what system actors are given */
    struct runtime_options options;
    struct method_table methods;
    struct store_shared *shared; /* NULL: no store */
    struct events *events;       /* NULL: no durable ones */
    struct schedule *schedule;   /* NULL: none */
    struct schedule_entry *crons;
    size_t cron_count;
    struct replies *replies; /* under idempotency keys */
    struct shed shed;
    struct cpu cpu;

    struct mailbox mailbox; /* of the workers */
    struct mailbox system;  /* of the system thread */
    struct actor_worker *workers;
    int opened; /* workers that said how their opening went */
    pthread_mutex_t opening;
    pthread_cond_t opened_one;
    pthread_t system_thread;
    bool system_runs, workers_run, inline_runs;
    void *_Atomic loop_self; /* of type->loop, once started */

    int64_t started; /* monotonic ns */
    _Atomic uint64_t calls, errors, busy;
    _Atomic uint64_t refused; /* mailbox full or closed */
    _Atomic uint64_t expired; /* deadline passed before its turn */
    _Atomic int64_t ewma_ns;  /* service time over all methods */

    void (*drain)(void *arg); /* what $drain asks for; must not block */
    void *drain_arg;
    bool (*dies)(void *arg, enum runtime_point point); /* the fixture's */
    void *dies_arg;
};

/* Reads the configuration and nothing else. On failure *ret is untouched and
 * the sentence begins with FILE:LINE:COL where a file is to blame. */
int runtime_new(const struct runtime_options *options, struct runtime **ret,
                struct bus_error *err);

/* What remains to be read: a loop's own files. Opens nothing. */
int runtime_check(struct runtime *runtime, struct bus_error *err);

/* Opens store, schedule and bus: what a script has. */
int runtime_reach(struct runtime *runtime, struct bus_error *err);

/* The same and the server; publishes nothing. */
int runtime_open(struct runtime *runtime, struct bus_error *err);

/* Opens the workers on their threads, or the loop, then publishes the name. */
int runtime_start(struct runtime *runtime, struct bus_error *err);

/* The same with one worker and no thread: whoever serves the requests runs
 * them where they arrive. */
int runtime_start_inline(struct runtime *runtime, struct bus_error *err);

/* Withdraws the name, drains, finishes what was accepted, joins every thread.
 * Callers' acknowledgements are awaited until the deadline (monotonic ns). */
void runtime_stop(struct runtime *runtime, int64_t deadline);

/* Frees everything, after any of the above, failed or not; stops first what
 * still runs. */
void runtime_free(struct runtime *runtime);

/* Takes one request from a link's thread: the server's serve function. */
void runtime_serve(void *arg, struct bus_inbound *list);

/* The same for a request of the process's own. */
void runtime_take(struct runtime *runtime, struct bus_inbound *inbound);

/* Answers with a refusal and frees the request; the reply is flushed. */
void runtime_refuse(struct runtime *runtime, struct bus_inbound *inbound,
                    int code, const char *reason, const char *sentence);

#endif
