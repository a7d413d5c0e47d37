/* SPDX-License-Identifier: MIT
 *
 * Sagas in memory, by gid; events into the engine, its commands out of it;
 * their timers and deadlines. Calls are run_call.c's.
 */
#include "actors/saga/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm.h"
#include "bus/clock.h"
#include "bus/code.h"

int64_t run_wall(const struct orchestrator *orch)
{
    return orch->world.wall(orch->world.arg);
}

struct branch_timer *run_timer_of(struct run *run, uint16_t step,
                                  enum engine_op op)
{
    return op == OP_CHECK ? &run->check : &run->timers[step];
}

static uint64_t gid_hash(const struct orchestrator *orch, const char *gid)
{
    uint64_t hash = orch->seed;
    for (; *gid; gid++)
        hash = (hash ^ (uint8_t)*gid) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

static struct run **buckets_new(size_t size)
{
    struct run **buckets = calloc(size, sizeof(struct run *));
    if (!buckets)
        abort();
    return buckets;
}

struct run *run_find(struct orchestrator *orch, const char *gid)
{
    uint64_t hash = gid_hash(orch, gid);
    struct run *run = orch->buckets[hash & (orch->size - 1)];
    while (run && (run->hash != hash || strcmp(run->saga.gid, gid) != 0))
        run = run->next;
    return run;
}

static void table_grow(struct orchestrator *orch)
{
    size_t size = orch->size * 2;
    struct run **buckets = buckets_new(size);
    for (size_t i = 0; i < orch->size; i++) {
        struct run *run = orch->buckets[i];
        while (run) {
            struct run *next = run->next;
            run->next = buckets[run->hash & (size - 1)];
            buckets[run->hash & (size - 1)] = run;
            run = next;
        }
    }
    free(orch->buckets);
    orch->buckets = buckets;
    orch->size = size;
}

static void table_remove(struct orchestrator *orch, struct run *run)
{
    struct run **at = &orch->buckets[run->hash & (orch->size - 1)];
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    orch->stats.sagas--;
}

struct run *run_new(struct orchestrator *orch, struct saga *saga)
{
    struct run *run = calloc(1, sizeof(*run));
    if (!run)
        abort();
    run->saga = *saga;
    run->timers = calloc(saga->engine.count, sizeof(*run->timers));
    if (!run->timers)
        abort();
    for (uint16_t i = 0; i < saga->engine.count; i++) {
        run->timers[i].timer.owner = run;
        run->timers[i].timer.kind = TIMER_BRANCH;
        run->timers[i].step = i;
    }
    run->check.timer.owner = run;
    run->check.timer.kind = TIMER_BRANCH;
    run->check.op = OP_CHECK;
    run->deadline.owner = run;
    run->deadline.kind = TIMER_DEADLINE;
    link_init(&run->dirty);
    link_init(&run->held);
    if (orch->stats.sagas >= orch->size)
        table_grow(orch);
    run->hash = gid_hash(orch, saga->gid);
    struct run **bucket = &orch->buckets[run->hash & (orch->size - 1)];
    run->next = *bucket;
    *bucket = run;
    orch->stats.sagas++;
    return run;
}

/* It is not found any more, and nothing of it waits. */
void run_retire(struct orchestrator *orch, struct run *run)
{
    table_remove(orch, run);
    for (uint16_t i = 0; i < run->saga.engine.count; i++)
        timers_cancel(&orch->timers, &run->timers[i].timer);
    timers_cancel(&orch->timers, &run->check.timer);
    timers_cancel(&orch->timers, &run->deadline);
    link_drop(&run->dirty);
    link_drop(&run->held);
    while (run->waiters)
        waiter_remove(orch, run->waiters);
}

void run_free(struct orchestrator *orch, struct run *run)
{
    link_drop(&run->held);
    free(run->timers);
    saga_release(&run->saga, &orch->plans);
    free(run);
}

/* Told. A call in flight that nobody waits for any more comes back to it. */
static void run_end(struct orchestrator *orch, struct run *run)
{
    run_retire(orch, run);
    if (run->inflight > 0)
        link_append(&orch->ghosts, &run->held);
    else
        run_free(orch, run);
}

void run_lose(struct orchestrator *orch, struct run *run)
{
    while (run->waiters)
        submit_late(orch, run->waiters);
    run->over = true;
    run_end(orch, run);
}

bool run_add(struct orchestrator *orch, struct run *run,
             const struct saga_added *added)
{
    uint16_t count = run->saga.engine.count;
    if (!saga_add(&run->saga, added))
        return false;
    if (run->saga.engine.count == count)
        return true;
    /* No step's timer is set while it is prepared: they may move. */
    run->timers = realloc(run->timers, (count + 1u) * sizeof(*run->timers));
    if (!run->timers)
        abort();
    (void)orch;
    run->timers[count] = (struct branch_timer){
        .timer = {.owner = run, .kind = TIMER_BRANCH}, .step = count};
    for (uint16_t i = 0; i < count; i++)
        assert(run->timers[i].timer.at == 0);
    return true;
}

#define WORDS_MAX ((size_t)2 << 20) /* bytes of histories and sentences */

int run_fits(const struct orchestrator *orch, size_t weight, size_t more,
             struct bus_error *err)
{
    size_t most =
        orch->world.state_max ? orch->world.state_max : SAGA_STATE_MAX;
    size_t words = most / 4 < WORDS_MAX ? most / 4 : WORDS_MAX;
    if (weight + more <= most - words)
        return BUS_OK;
    return bus_error_set(err, BUS_INVALID_ARGUMENT,
                         "a saga of %zu bytes, and the journal takes %zu",
                         weight + more, most - words);
}

bool run_frozen(const struct orchestrator *orch, const struct run *run)
{
    return run->saga.plan->dtm && orch->dtm && dtm_frozen(orch->dtm);
}

static void run_timer_set(struct orchestrator *orch, struct run *run,
                          struct timer *timer, int64_t due)
{
    timers_cancel(&orch->timers, timer);
    timer->due = due;
    if (!run_frozen(orch, run))
        timers_set(&orch->timers, timer, due);
}

static bool timer_armed(const struct orchestrator *orch, const struct run *run,
                        const struct timer *timer)
{
    return timer->at > 0 || (timer->due > 0 && run_frozen(orch, run));
}

int64_t run_due(const struct orchestrator *orch, const struct run *run)
{
    int64_t first = INT64_MAX;
    for (uint16_t i = 0; i < run->saga.engine.count; i++)
        if (timer_armed(orch, run, &run->timers[i].timer) &&
            run->timers[i].timer.due < first)
            first = run->timers[i].timer.due;
    if (timer_armed(orch, run, &run->check.timer) &&
        run->check.timer.due < first)
        first = run->check.timer.due;
    if (timer_armed(orch, run, &run->deadline) && run->deadline.due < first)
        first = run->deadline.due;
    return first;
}

/* Jitter takes up to half off, so that what failed together does not come back
 * together; of what DTM's API brought an eighth, for there the wait is its
 * client's wish. */
static void run_timer(struct orchestrator *orch, struct run *run,
                      const struct engine_command *command)
{
    struct branch_timer *timer = run_timer_of(run, command->step, command->op);
    int64_t delay = command->delay_ms * BUS_MILLI;
    int64_t part = run->saga.plan->dtm ? 8 : 2;
    if (command->jitter && delay >= part && !run_frozen(orch, run))
        delay -= (int64_t)(orch->world.random(orch->world.arg) %
                           (uint64_t)(delay / part));
    timer->op = (uint8_t)command->op;
    timer->attempt = command->attempt;
    run_timer_set(orch, run, &timer->timer,
                  orch->world.now(orch->world.arg) + delay);
}

/* How long a phase may last, from when the saga was made; 0: as it likes. */
static uint32_t phase_limit_ms(const struct saga *saga)
{
    const struct plan *plan = saga->plan;
    enum engine_phase phase = saga->engine.phase;
    if (phase == PHASE_PREPARED)
        return plan->dtm->prepared_ms;
    if (phase != PHASE_RUNNING)
        return 0;
    return saga->engine.held ? plan->dtm->delay_ms : plan->plan.timeout_ms;
}

/* A phase has begun: its deadline; before it runs, whether it waits first. */
static void run_arm(struct orchestrator *orch, struct run *run)
{
    struct saga *saga = &run->saga;
    int64_t now = orch->world.now(orch->world.arg);
    int64_t age = (run_wall(orch) - saga->created) * 1000;
    if (saga->engine.phase == PHASE_SUBMITTING ||
        saga->engine.phase == PHASE_ACCEPTING)
        saga->engine.held =
            saga->engine.pattern == PATTERN_MESSAGE &&
            age + (orch->dtm ? dtm_cron_forward(orch->dtm) : 0) <
                saga->plan->dtm->delay_ms * BUS_MILLI;
    if (saga->engine.phase == PHASE_PREPARED)
        run->cron_at = now + saga->plan->dtm->retry_interval_s * BUS_SECOND;
    uint32_t limit = phase_limit_ms(saga);
    timers_cancel(&orch->timers, &run->deadline);
    run->deadline.due = 0;
    int64_t due = now + limit * BUS_MILLI - age;
    if (limit > 0)
        run_timer_set(orch, run, &run->deadline, due > now ? due : now);
}

static void run_news(struct orchestrator *orch, struct run *run,
                     const struct engine_command *command)
{
    const struct orchestrator_world *world = &orch->world;
    if (command->news == NEWS_PARKED) {
        if (world->alert)
            world->alert(world->arg, &run->saga, command->step, command->op,
                         "it failed too often and is parked");
        return;
    }
    if (command->news == NEWS_ACCEPTED)
        phase_add(&orch->stats.phases.accepted,
                  run_wall(orch) - run->saga.created);
    else if (command->news == NEWS_OUTCOME)
        phase_add(&orch->stats.phases.closed,
                  run_wall(orch) - run->saga.finished);
    submit_news(orch, run, command->news);
    if (command->news == NEWS_OUTCOME && world->ended)
        world->ended(world->arg, &run->saga);
    run->over = command->news != NEWS_ACCEPTED;
}

static void run_command(struct orchestrator *orch, struct run *run,
                        const struct engine_command *command)
{
    switch (command->kind) {
    case COMMAND_JOURNAL:
        run->saga.updated = run_wall(orch);
        commit_want(orch, run, command->sync);
        break;
    case COMMAND_CALL:
        run_call_or_hold(orch, run, command->step, command->op);
        break;
    case COMMAND_TIMER:
        run_timer(orch, run, command);
        break;
    case COMMAND_TELL:
        run_news(orch, run, command);
        break;
    }
}

/* When a branch has come to its end, and the saga to its own. */
static void run_stamp(struct orchestrator *orch, struct run *run,
                      const struct engine_event *event)
{
    struct saga *saga = &run->saga;
    bool branch = event->kind == EVENT_ANSWERED || event->kind == EVENT_LOST ||
                  event->kind == EVENT_UNSENT || event->kind == EVENT_SETTLED;
    if (branch && event->op != OP_CHECK) {
        enum engine_branch_status status =
            saga->steps[event->step].branch[event->op].status;
        if (status == BRANCH_DONE || status == BRANCH_FAILED)
            saga->notes[event->step][event->op].finished = run_wall(orch);
    }
    if (engine_closing(&saga->engine) && !saga->finished)
        saga->finished = run_wall(orch);
}

void run_begin_round(struct run *run)
{
    run->round = true;
    run->last_code = BUS_OK;
}

/* A round of DTM's: from what sets a transaction going until nothing but time
 * moves it. */
static void run_round(struct orchestrator *orch, struct run *run)
{
    if (!run->round || !engine_quiet(&run->saga.engine))
        return;
    run->round = false;
    if (run->saga.plan->dtm && orch->dtm)
        dtm_round_over(orch->dtm, run);
}

void run_event(struct orchestrator *orch, struct run *run,
               const struct engine_event *event)
{
    struct engine_out out;
    uint8_t phase = run->saga.engine.phase;
    engine_handle(&run->saga.engine, event, &out);
    run_stamp(orch, run, event);
    if (run->saga.plan->dtm)
        dtm_reason(run);
    if (run->saga.engine.phase != phase || event->kind == EVENT_RESUMED)
        run_arm(orch, run);
    for (size_t i = 0; i < out.count; i++)
        run_command(orch, run, &out.items[i]);
    run_round(orch, run);
    if (run->over)
        run_end(orch, run);
}
