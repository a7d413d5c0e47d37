/* SPDX-License-Identifier: MIT
 *
 * A plan as it travels and as the orchestrator keeps it: unpacked and checked
 * once, shared by all sagas that were submitted with the same bytes. The wire
 * form is the shape saga_plan_shape in actors/runtime/saga_pack.h.
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

/* from of an input that is neither literal nor another step's reply */
#define PLAN_REQUEST "req"

struct plan {
    struct plan *next; /* in its bucket */
    uint64_t hash;
    size_t sagas; /* that hold it */
    struct bus_bytes bytes;
    struct saga_plan plan;
    struct engine_rule *rules; /* one a step */
    struct bus_arena arena;
};

/* Plans by content. Not thread-safe. */
struct plans {
    struct plan **buckets;
    size_t size; /* buckets, a power of two */
    size_t count;
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

#endif
