/* SPDX-License-Identifier: MIT
 *
 * What the actor's files share: the actor, a call of its in flight. Not for
 * anybody else.
 */
#ifndef SAGA_ACTOR_INSIDE_H
#define SAGA_ACTOR_INSIDE_H

#include <pthread.h>

#include <uv.h>

#include "actors/saga/actor.h"
#include "actors/saga/branch_call.h"
#include "actors/saga/dtm_http.h"

#define RANDOM_WORDS 32

/* A branch call in flight; once answered, the answer. */
struct flight {
    struct flight *next;
    struct saga_actor *actor;
    void *asker; /* of a request that was forwarded; NULL: a branch call */
    bool http;   /* he came by DTM's API */
    void *run;
    uint16_t step;
    enum engine_op op;
    uint32_t attempt;
    struct bus_reply reply; /* body points into copy */
    uint8_t *copy;
};

struct saga_actor {
    struct actor_process *process;
    struct bus *bus;
    struct bus_server *server;
    const struct bus_clock *clock;
    struct journal *journal;
    struct orchestrator *orch;
    uint64_t random[RANDOM_WORDS];
    size_t random_left;
    bool threads;
    bool log;     /* one line a saga */
    bool failing; /* the journal's last write did; of the loop's thread */
    pthread_t thread;
    uv_loop_t loop; /* with threads only, as wake and timer */
    uv_async_t wake;
    uv_timer_t timer;          /* the orchestrator's next due time */
    struct branch_calls calls; /* none without threads */
    struct dtm_http *http;     /* NULL: DTM's API is not served */
    bool http_left;
    const char *alert_url; /* "": nobody is told */
    pthread_mutex_t lock;
    pthread_cond_t quiet; /* for whoever drains */
    /* under lock */
    struct bus_inbound *inbound, **inbound_last;
    size_t inbound_count;
    struct flight *answers, **answers_last;
    struct journal_job *jobs, **jobs_last;
    bool draining, idle, stopping;
    unsigned holders; /* calls in flight, and the owner */
};

/* actor_world.c */
/* The orchestrator's world; whatever is parked is told there. */
void actor_world(struct saga_actor *self, struct orchestrator_world *ret);
/* Something came in. Under lock, which keeps the loop from closing. */
void actor_wake_locked(struct saga_actor *self);
/* Under lock; unlocks. The last holder frees the actor. */
void actor_drop_locked(struct saga_actor *self);
void actor_flight_free(struct flight *flight);
/* Answers the request that another orchestrator has answered. */
void actor_forwarded(struct saga_actor *self, const struct flight *flight);
/* On the journal's thread, or inside journal_do without threads. */
void actor_job_done(void *arg, struct journal_job *job);

#endif
