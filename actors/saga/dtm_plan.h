/* SPDX-License-Identifier: MIT
 *
 * A transaction as DTM's client sent it becomes a plan and a request, as any
 * other saga has them: options and orders become rules, payloads the request,
 * topics the URLs of their subscribers. Pure.
 */
#ifndef SAGA_DTM_PLAN_H
#define SAGA_DTM_PLAN_H

#include "actors/saga/dtm_request.h"
#include "actors/saga/plan.h"

#define SAGA_PAYLOADS_MAX ((size_t)4 << 20) /* bytes of all payloads */

/* The server's, where a transaction says 0. Seconds. */
struct dtm_defaults {
    uint32_t timeout_to_fail;
    uint32_t retry_interval;
    uint32_t request_timeout;
};

/* Who listens to a topic: fills ret (const char *) in the arena. False: there
 * is no such topic. */
typedef bool dtm_topic_urls(void *arg, const char *topic,
                            struct bus_arena *arena, struct bus_list *ret);

struct dtm_making {
    struct dtm_defaults defaults;
    dtm_topic_urls *topic_urls;
    void *arg;
    struct bus_arena *arena;
};

struct dtm_made {
    struct bus_buf plan;    /* to be released, whatever was returned */
    struct bus_buf request; /* the same */
    uint64_t digest;        /* of type, steps and payloads; never 0 */
};

/* INVALID_ARGUMENT and a sentence for what cannot be. */
int dtm_plan_make(const struct dtm_making *making,
                  const struct dtm_trans *trans, struct dtm_made *ret,
                  struct bus_error *err);

/* SAGA_WORKFLOW + 1 if there is no such type. */
enum saga_pattern dtm_pattern(const char *trans_type);

#endif
