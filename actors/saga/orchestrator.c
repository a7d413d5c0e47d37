/* SPDX-License-Identifier: MIT
 *
 * The orchestrator's life: made, started, asked, turned, drained, freed. What
 * lives in it is in run.c.
 */
#include "actors/saga/orchestrator.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm.h"
#include "actors/saga/run.h"
#include "actors/saga/values.h"
#include "bus/clock.h"
#include "bus/code.h"

#define ALERT_LIMIT 3 /* as DTM has it */
#define BUCKETS_FIRST ((size_t)1024)
#define MICRO INT64_C(1000000)     /* us a second */
#define BODY_MAX ((size_t)8 << 20) /* bytes of one call's body */

static void timer_fired(struct orchestrator *orch, struct timer *timer)
{
    if (timer->kind == TIMER_WAITER) {
        submit_late(orch, timer->owner);
        return;
    }
    if (timer->kind == TIMER_LOOKUP) {
        submit_look_again(orch, timer->owner);
        return;
    }
    struct run *run = timer->owner;
    run_begin_round(run);
    run->timed_out = timer->kind == TIMER_DEADLINE;
    if (timer->kind == TIMER_DEADLINE) {
        struct engine_event deadline = {.kind = EVENT_DEADLINE};
        run_event(orch, run, &deadline);
        return;
    }
    struct branch_timer *branch = (struct branch_timer *)(void *)timer;
    struct engine_event event = {
        .kind = EVENT_TIMER,
        .step = branch->step,
        .op = (enum engine_op)branch->op,
        .attempt = branch->attempt,
    };
    run_event(orch, run, &event);
}

void orchestrator_tick(struct orchestrator *orch)
{
    int64_t now = orch->world.now(orch->world.arg);
    struct timer *timer;
    while ((timer = timers_take(&orch->timers, now)) != NULL)
        timer_fired(orch, timer);
    if (orch->stats.fenced)
        return;
    if (orch->resume_at <= now)
        resume_next(orch);
    if (orch->expire_at <= now && !orch->draining)
        resume_expire(orch);
    if (orch->take_at <= now)
        resume_take(orch);
    commit_flush(orch);
}

int64_t orchestrator_due(const struct orchestrator *orch)
{
    int64_t timer = timers_due(&orch->timers);
    int64_t commit = commit_due(orch);
    int64_t first = timer < commit ? timer : commit;
    if (orch->expire_at < first && !orch->draining)
        first = orch->expire_at;
    if (orch->take_at < first)
        first = orch->take_at;
    return first < orch->resume_at ? first : orch->resume_at;
}

void orchestrator_request(struct orchestrator *orch,
                          const struct orchestrator_request *request)
{
    struct bus_error error;
    if (strcmp(request->method, "submit") == 0 ||
        strcmp(request->method, "undo") == 0) {
        submit_request(orch, request);
    } else if (strcmp(request->method, "show") == 0) {
        show_request(orch, request);
    } else if (strcmp(request->method, "list") == 0) {
        list_request(orch, request);
    } else if (strcmp(request->method, "retry") == 0 ||
               strcmp(request->method, "skip") == 0 ||
               strcmp(request->method, "fail") == 0 ||
               strcmp(request->method, "compensate") == 0 ||
               strcmp(request->method, "abort") == 0) {
        operate_request(orch, request);
    } else if (strcmp(request->method, "dtm") == 0 && orch->dtm) {
        dtm_forward_serve(orch->dtm, request);
    } else if (strcmp(request->method, "stats") == 0) {
        stats_request(orch, request);
    } else {
        bus_error_reason(&error, BUS_UNIMPLEMENTED, "no_such_method",
                         "saga has no method %.64s", request->method);
        answer_error(orch, request->asker, &error);
    }
}

void orchestrator_done(struct orchestrator *orch, struct journal_job *job)
{
    if (job->kind == JOURNAL_COMMIT) {
        commit_done(orch);
        return;
    }
    struct lookup *lookup = job->arg;
    if (lookup->kind == LOOKUP_RESUME)
        resume_done(orch, job);
    else if (lookup->kind == LOOKUP_EXPIRE)
        resume_expired(orch, job);
    else if (lookup->kind == LOOKUP_DTM)
        dtm_found(orch->dtm, job);
    else if (lookup->kind == LOOKUP_TAKE)
        resume_taken(orch, job);
    else if (lookup->kind == LOOKUP_SUBMIT)
        submit_found(orch, job);
    else if (lookup->kind == LOOKUP_OPERATE)
        operate_found(orch, job);
    else
        show_found(orch, job);
    lookup_free(orch, lookup);
}

struct orchestrator *orchestrator_new(const struct orchestrator_world *world)
{
    struct orchestrator *orch = calloc(1, sizeof(*orch));
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!orch || !batch)
        abort();
    orch->world = *world;
    orch->batch = batch;
    orch->seed = world->random(world->arg);
    orch->buckets = calloc(BUCKETS_FIRST, sizeof(struct run *));
    if (!orch->buckets)
        abort();
    orch->size = BUCKETS_FIRST;
    plans_init(&orch->plans);
    link_init(&orch->urgent);
    link_init(&orch->riding);
    link_init(&orch->held);
    link_init(&orch->ghosts);
    link_init(&orch->lookups);
    orch->resume_at = INT64_MAX;
    orch->expire_at = INT64_MAX;
    orch->alert_limit = ALERT_LIMIT;
    orch->take_at = INT64_MAX;
    bus_buf_init(&orch->body, BODY_MAX);
    bus_buf_init(&orch->fill, BODY_MAX);
    bus_buf_init(&orch->detail, BODY_MAX);
    bus_buf_init(&batch->bytes, ORCHESTRATOR_BATCH_BYTES + SAGA_STATE_MAX);
    return orch;
}

void orchestrator_free(struct orchestrator *orch)
{
    for (size_t i = 0; i < orch->size; i++)
        while (orch->buckets[i]) {
            struct run *run = orch->buckets[i];
            run_retire(orch, run);
            run_free(orch, run);
        }
    while (!link_alone(&orch->ghosts))
        run_free(orch, run_of_held(orch->ghosts.next));
    while (!link_alone(&orch->lookups))
        lookup_free(orch, (struct lookup *)(void *)orch->lookups.next);
    if (orch->dtm)
        dtm_free(orch->dtm);
    plans_release(&orch->plans);
    timers_release(&orch->timers);
    bus_buf_release(&orch->body);
    bus_buf_release(&orch->fill);
    bus_buf_release(&orch->detail);
    bus_buf_release(&orch->batch->bytes);
    free(orch->buckets);
    free(orch->batch);
    free(orch);
}

void orchestrator_configure(struct orchestrator *orch,
                            const struct orchestrator_config *config)
{
    orch->plans.park_limit = config->park_limit;
    if (config->alert_limit > 0)
        orch->alert_limit = config->alert_limit;
    orch->keep_us = config->keep_s * MICRO;
    orch->expire_at = config->keep_s ? 0 : INT64_MAX;
}

void orchestrator_start(struct orchestrator *orch)
{
    orch->stats.resuming = true;
    orch->resume_after = INT64_MIN;
    if (orch->world.shared)
        orch->take_at = 0;
    resume_next(orch);
}

void orchestrator_drain(struct orchestrator *orch)
{
    orch->draining = true;
    orch->take_at = INT64_MAX;
}

bool orchestrator_idle(const struct orchestrator *orch)
{
    return orch->stats.calls == 0 && link_alone(&orch->lookups) &&
           !orch->batch->busy && link_alone(&orch->urgent) &&
           link_alone(&orch->riding);
}

/* Their answer lies in a journal that is closed by now. */
static void dismiss_lookups(struct orchestrator *orch)
{
    struct bus_error error;
    bus_error_reason(&error, BUS_UNAVAILABLE, "draining",
                     "the saga actor is stopping");
    for (struct link *at = orch->lookups.next; at != &orch->lookups;
         at = at->next) {
        struct lookup *lookup = (struct lookup *)(void *)at; /* first member */
        if (lookup->kind == LOOKUP_DTM)
            dtm_dismiss(orch->dtm, lookup);
        else if (lookup->asker)
            answer_error(orch, lookup->asker, &error);
        lookup->asker = NULL;
    }
}

void orchestrator_dismiss(struct orchestrator *orch)
{
    dismiss_lookups(orch);
    if (orch->dtm)
        dtm_stop(orch->dtm);
    for (size_t i = 0; i < orch->size; i++)
        for (struct run *run = orch->buckets[i]; run; run = run->next)
            while (run->waiters)
                submit_late(orch, run->waiters);
}

void orchestrator_stats(const struct orchestrator *orch,
                        struct orchestrator_stats *ret)
{
    *ret = orch->stats;
}
