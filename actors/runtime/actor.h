/* SPDX-License-Identifier: MIT
 *
 * An author's whole world. A service is its schemas and one file of handlers:
 * the compiler emits a struct actor_type from the schemas, bus_main runs it.
 * A worker is a thread that handles one message at a time with private state;
 * it may block. A handler's return value is the reply: BUS_OK and what it put
 * into its reply struct, or a code and what bus_refuse said. It never sees a
 * socket, a frame or a codec.
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "bus/call.h"
#include "bus/event.h"
#include "bus/log.h"
#include "bus/server.h"

struct actor_worker;
struct actor_process;
struct actor_next;
struct model_table;

typedef int actor_handler(struct bus_call *call, const void *request,
                          void *reply);
typedef int actor_middleware(struct bus_call *call, struct actor_next *next);

struct actor_method {
    const struct bus_method *method;
    actor_handler *handler;
    actor_middleware *const *middlewares; /* outermost first; NULL-ended */
};

/* Actors that run an event loop of their own (edge, saga) in place of workers.
 * System methods are answered by the runtime all the same. */
struct actor_loop {
    /* With --check: reads what start would read (schemas, other files), opens
     * neither socket nor store; process->bus is NULL. NULL: nothing to read. */
    int (*check)(struct actor_process *process, struct bus_error *err);
    /* Before the name is published; blocks. err->sentence ends the start. */
    int (*start)(struct actor_process *process, void **ret_self,
                 struct bus_error *err);
    /* Every request that is not a system method, on a link's thread: must not
     * block, owns inbound. */
    void (*serve)(void *self, struct bus_inbound *inbound);
    /* Take nothing new, finish what was accepted; blocks until the deadline. */
    void (*drain)(void *self, int64_t deadline);
    void (*stop)(void *self); /* frees self */
};

struct actor_type {
    const char *name;    /* "user" */
    const char *version; /* "" */
    const struct actor_method *methods;
    size_t count;
    const struct bus_shape *config; /* the service's own keys; NULL: none */
    /* Once a worker, config bound and checked; NULL: none. */
    int (*open)(struct actor_worker *worker, const void *config,
                void **ret_state);
    void (*close)(void *state);
    const struct model_table *const *tables; /* NULL-ended; NULL: no store */
    const struct actor_loop *loop;           /* NULL: workers */
};

/* Runs the actor until it is told to stop. Arguments: -f CONFIG.yaml
 * --instance N --home DIR --node NAME --workers N (--replicas N: how many of it
 * run, for the in-process cache) --topology FILE (its Cron: counts, too)
 * --check (only reads the configuration). Exit status 2: wrong usage or config.
 */
int bus_main(int argc, char **argv, const struct actor_type *type);

/* A script that is run once by hand, with the service's configuration, store
 * and models, and one transaction that is committed when it returns BUS_OK.
 * argv: what stands behind the options. */
typedef int actor_script(struct bus_call *call, int argc, char **argv);

/* Runs it as that actor, which need not run. Options as bus_main's, then the
 * script's own arguments. Exit status: by the code (DESIGN: 0 done, 1 refused,
 * 5 deadline ...), 2 for usage or config. */
int bus_script_main(int argc, char **argv, const struct actor_type *type,
                    actor_script *run);

/* Refuses: `return bus_refuse(call, BUS_NOT_FOUND, "no user %s", id);` */
int bus_refuse(struct bus_call *call, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses with a business code, the tutorial's CodeError: INVALID_ARGUMENT on
 * the bus; 200 {"code","msg"} with `Errors: code`, 400 text otherwise. */
int bus_refuse_business(struct bus_call *call, int32_t business,
                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses with an HTTP status of the handler's own choice: the edge answers it
 * with {"code","msg"} under `Errors: code`, text under `text`. */
int bus_refuse_http(struct bus_call *call, int32_t http, int code,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A durable event, written in the call's own transaction (which it begins where
 * none is): it reaches every group that consumes the topic at least once if and
 * only if that is committed, events of one key (NULL, "": none) in order. A
 * group's handler gets message as its request. FAILED_PRECONDITION without a
 * store; INTERNAL in a method marked NO_SIDE_EFFECTS; RESOURCE_EXHAUSTED: more
 * than 256 KiB. Write the row that the event tells of first: whoever locks it
 * next publishes next. */
int bus_publish_durable(struct bus_call *call, const char *topic,
                        const char *key, const struct bus_shape *shape,
                        const void *message);

/* A claim of the caller's token. False if there is none of that type. */
bool bus_claim_int(const struct bus_call *call, const char *name, int64_t *ret);
const char *bus_claim_text(struct bus_call *call, const char *name); /* NULL */

/* Sets a header of the HTTP answer. */
void bus_header(struct bus_call *call, const char *name, const char *value);

/* Packs a struct into a field of type any; lives in the call's arena. */
struct bus_bytes bus_any(struct bus_call *call, const struct bus_shape *shape,
                         const void *message);

/* The service's Config message; NULL outside the runtime or without one. */
const void *bus_config(const struct bus_call *call);

/* The runtime's own keys (settings.h): Auth, Timeout and the like. */
struct actor_config;
const struct actor_config *bus_settings(const struct bus_call *call);

/* The secret and the life of tokens behind `jwt: NAME`: the key NAME of the
 * YAML, or Auth without one. NULL outside the runtime and where neither is. */
struct actor_auth;
const struct actor_auth *bus_auth(const struct bus_call *call,
                                  const char *name);

#define BUS_LATER_MS_MAX (INT64_C(3660) * 86400000) /* ten years */

/* Leaves a message that is delivered to method (of this actor or another, as
 * bus_call with target NULL) after the delay: a row in the handler's own
 * transaction, gone when that rolls back. It is started once when it is due,
 * whatever dies meanwhile, tried again where another try may help, and takes
 * effect once in the callee's store. ret_id (or NULL) is what bus_cancel wants.
 * FAILED_PRECONDITION: this actor has no store. */
int bus_later(struct bus_call *call, const struct bus_method *method,
              int64_t delay_ms, const void *request, const char **ret_id);

/* Takes a message back, in the handler's transaction. NOT_FOUND: it has been
 * started, or never was. */
int bus_cancel(struct bus_call *call, const char *id);

/* When what runs was due (Unix us), in a firing of `Cron:` and in a delayed
 * message to this actor itself; 0 in any other call. */
int64_t bus_due(const struct bus_call *call);

/* One log line with the call's trace. */
void bus_info(const struct bus_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bus_warn(const struct bus_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Goes on to the next middleware or the handler; returns its code. A middleware
 * acts before, after, or refuses in its place. */
int bus_next(struct bus_call *call, struct actor_next *next);

#endif
