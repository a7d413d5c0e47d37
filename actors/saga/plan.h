/* SPDX-License-Identifier: MIT
 *
 * A plan as it travels and as the orchestrator keeps it: unpacked and checked
 * once, shared by all sagas that were submitted with the same bytes. The wire
 * form is the shape saga_plan_shape in actors/runtime/saga_pack.h.
 *
 * A target is an actor ("user", with a method) or a URL (http, https, or bus:
 * bus://user/saveUser), without one. Plans made for DTM's API say more in
 * struct plan_dtm; their steps take no inputs: each has a payload in the saga's
 * request, and an empty URL is a branch that succeeds by itself.
 */
#ifndef SAGA_PLAN_H
#define SAGA_PLAN_H

#include "actors/runtime/saga.h"
#include "actors/saga/engine.h"
#include "bus/arena.h"
#include "bus/error.h"

#define PLAN_BYTES_MAX ((size_t)1 << 20)
#define PLAN_TIMEOUT_MS 3000 /* of one try, where the plan says nothing */
#define PLAN_RETRY_FIRST_MS 50
#define PLAN_RETRY_MAX_MS 5000
#define PLAN_INTERVAL_MS 500
#define PLAN_WAIT_MAX_MS                                                       \
    86400000u /* a day: the longest of the plan's times                        \
               */

#define PLAN_DTM_RETRY_MAX_MS                                                  \
    3600000u /* an hour: DTM's own back-off has no cap */
#define PLAN_URL_MAX 8192
#define PLAN_HEADERS_MAX 64

/* from of an input that is neither literal nor another step's reply */
#define PLAN_REQUEST "req"

struct plan_header {
    const char *name;
    const char *value;
};

/* What DTM's API knows of a transaction beside its steps and payloads. */
struct plan_dtm {
    const char *trans_type;     /* "saga", "tcc" ... */
    const char *protocol;       /* "http", "json-rpc" */
    const char *query_prepared; /* "": none */
    const char *custom_data;    /* as it came */
    const char *options;        /* JSON text, as it is shown */
    struct bus_list headers;    /* struct plan_header, of every branch call */
    bool strict;                /* words in a body decide nothing */
    bool concurrent;
    uint32_t retry_interval_s;   /* in force */
    uint32_t request_timeout_ms; /* in force */
    uint32_t prepared_ms;        /* until what is prepared is overdue */
    uint32_t delay_ms;           /* of a message */
    uint32_t retry_limit;
    const char *workflow;  /* its name: the operation of its resume call */
    struct bus_bytes data; /* what it is resumed with */
};

extern const struct bus_shape plan_dtm_shape;

struct plan {
    struct plan *next; /* in its bucket */
    uint64_t hash;
    size_t sagas; /* that hold it */
    struct bus_bytes bytes;
    struct saga_plan plan;
    struct engine_rule *rules;      /* one a step */
    const struct plan_dtm *dtm;     /* NULL: a saga of our own */
    struct engine_rule branch_rule; /* of a branch that is registered */
    struct engine_rule check_rule;
    bool checks; /* check_rule counts */
    struct bus_arena arena;
};

/* Plans by content. Not thread-safe. */
struct plans {
    struct plan **buckets;
    size_t size; /* buckets, a power of two */
    size_t count;
    uint32_t park_limit; /* of every rule made from now on; 0: none is parked */
};

void plans_init(struct plans *plans);
void plans_release(struct plans *plans); /* every plan must have been dropped */

/* The plan with these bytes, unpacked and checked if it is new. Malformed:
 * INVALID_ARGUMENT and a sentence. plans_drop gives it back. */
int plans_take(struct plans *plans, struct bus_bytes bytes, struct plan **ret,
               struct bus_error *err);
void plans_drop(struct plans *plans, struct plan *plan);

/* The step of that name, or -1. */
int plan_step(const struct saga_plan *plan, const char *name);

/* True if that branch of a step is a saga of its own. */
bool plan_nested(const struct saga_step *step, enum engine_op op);

/* True for a URL. */
bool plan_is_url(const char *target);

#endif
