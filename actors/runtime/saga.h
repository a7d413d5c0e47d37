/* SPDX-License-Identifier: MIT
 *
 * A saga as its author submits it: the schema compiler turns a .saga file into
 * one struct saga_plan and a typed function; the plan travels with the
 * submission, so the orchestrator needs no file and a running saga keeps the
 * plan it began with.
 */
#ifndef ACTOR_SAGA_H
#define ACTOR_SAGA_H

#include "bus/call.h"

#define SAGA_STEPS_MAX 64
#define SAGA_INPUTS_MAX 64
#define SAGA_GID_MAX 128
#define SAGA_NESTED_MAX 8 /* sagas within sagas */
#define SAGA_ACTOR "saga"

/* Where an input comes from: "req.name" and "user.id" are paths into the
 * request and into the reply of the step named user; a literal otherwise. */
enum saga_convert {
    SAGA_AS_IS,
    SAGA_TO_INT, /* decimal text to an integer: int(user.id) */
    SAGA_TO_TEXT /* an integer to decimal text: text(score.user_id) */
};

struct saga_input {
    const char *field; /* of the step's request, or of the saga's reply */
    const char *from;  /* "req", a step's name; NULL: literal */
    const char *path;  /* "name", "a.b"; "" the whole */
    uint8_t convert;   /* enum saga_convert, applied to what was found */
    struct bus_bytes literal; /* one msgpack value */
};

struct saga_plan;

/* A saga is a step of another where plan is set: target is "saga", method its
 * name, inputs its request. Its gid is the outer one's, a slash and the branch,
 * so that a repeated call finds it again. Compensated by target "saga", too, it
 * is undone as a whole: rolled back if it still runs, else by the compensations
 * of its steps. */
struct saga_branch {
    const char *target; /* "user"; NULL: no compensation */
    const char *method; /* "saveUser" */
    const struct saga_input *inputs;
    uint16_t input_count;
    const struct saga_plan *plan; /* of an action; NULL: a method is called */
    struct bus_bytes packed;      /* or the same, as it came by wire */
};

struct saga_step {
    const char *name; /* "user" */
    struct saga_branch action;
    struct saga_branch compensate;
    uint32_t timeout_ms;     /* of one try; 0: the orchestrator's */
    uint32_t retry_first_ms; /* back-off: first, doubled up to max; 0 */
    uint32_t retry_max_ms;
    uint32_t retry_limit; /* tries of an action; 0: no limit */
    uint32_t interval_ms; /* after FAILED_PRECONDITION; 0: default */
    uint64_t after; /* of a partial plan: bit i: step i comes before it. A step
                     * whose reply it takes must be among them, or before one
                     * of them. */
};

/* What is sequenced, and how (actors/saga/engine.h). */
enum saga_pattern { SAGA_SAGA, SAGA_MSG, SAGA_TCC, SAGA_XA, SAGA_WORKFLOW };

struct saga_plan {
    const char *name; /* "register" */
    const struct saga_step *steps;
    uint16_t step_count;
    const struct saga_input *result; /* the saga's reply */
    uint16_t result_count;
    const struct bus_shape *request;
    const struct bus_shape *reply;
    bool partial; /* steps follow `after`; else each all that are before it */
    uint8_t pattern;      /* enum saga_pattern */
    uint32_t timeout_ms;  /* rolled back if not done by then; 0: never */
    struct bus_bytes dtm; /* of a transaction that came by DTM's API: one value,
                           * actors/saga/plan.h; len 0: none */
};

/* Submits and waits for the outcome until the call's deadline. BUS_OK: done,
 * reply filled. ABORTED, reason rolled_back: call->error holds the failing
 * step's sentence and business code (business: its own, or its gRPC code's
 * number). DEADLINE_EXCEEDED, reason still_running, a little before the call's
 * own deadline; without that reason the orchestrator said nothing at all.
 * ret_gid (in the call's arena; may be NULL) is set in all three cases and
 * wherever the saga may have begun; untouched where it was refused. */
int bus_saga_run(struct bus_call *call, const struct saga_plan *plan,
                 const void *request, void *reply, const char **ret_gid);

#endif
