/* SPDX-License-Identifier: MIT
 *
 * Sagas in memory, by gid; events into the engine, its commands out of it.
 * Calls that may not start (the journal fails, too many are in flight, we are
 * draining) are held: for the engine they are in flight already.
 */
#include "actors/saga/orchestrator.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/run.h"
#include "actors/saga/values.h"
#include "bus/clock.h"
#include "bus/code.h"

#define BUCKETS_FIRST ((size_t)1024)
#define BODY_MAX ((size_t)8 << 20) /* bytes of one call's body */

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

static void run_free(struct orchestrator *orch, struct run *run)
{
    table_remove(orch, run);
    for (uint16_t i = 0; i < run->saga.engine.count; i++)
        timers_cancel(&orch->timers, &run->timers[i].timer);
    link_drop(&run->dirty);
    link_drop(&run->held);
    while (run->waiters) {
        struct waiter *waiter = run->waiters;
        run->waiters = waiter->next;
        timers_cancel(&orch->timers, &waiter->timer);
        free(waiter);
    }
    free(run->timers);
    saga_release(&run->saga, &orch->plans);
    free(run);
}

static void run_send(struct orchestrator *orch, struct run *run, uint16_t step,
                     enum engine_op op)
{
    const struct saga *saga = &run->saga;
    const struct saga_step *plan = &saga->plan->plan.steps[step];
    const struct saga_branch *branch =
        op == OP_ACTION ? &plan->action : &plan->compensate;
    char id[SAGA_BRANCH_TEXT];
    saga_branch_id(step, id);
    orch->stats.calls++;
    struct saga_call call = {
        .run = run,
        .step = step,
        .op = op,
        .attempt = saga->steps[step].branch[op].attempts,
        .target = branch->target,
        .method = branch->method,
        .timeout_ms = plan->timeout_ms,
        .trace = saga->trace,
        .mark = {.gid = saga->gid,
                 .branch = id,
                 .op = op == OP_ACTION ? "action" : "compensate",
                 .fill = bus_buf_bytes(&orch->fill)},
        .body = bus_buf_bytes(&orch->body),
    };
    orch->world.call(orch->world.arg, &call);
}

static int64_t wall(const struct orchestrator *orch)
{
    return orch->world.wall(orch->world.arg);
}

/* The call cannot be made: its inputs do not fit. */
static void run_unsent(struct orchestrator *orch, struct run *run,
                       uint16_t step, enum engine_op op,
                       const struct bus_error *error)
{
    struct engine_event event = {
        .kind = EVENT_UNSENT,
        .step = step,
        .op = op,
        .attempt = run->saga.steps[step].branch[op].attempts,
        .code = error->code,
    };
    saga_sentence(&run->saga, step, op, error->sentence);
    run_event(orch, run, &event);
}

/* Evaluates the inputs and starts the call. */
static void run_call(struct orchestrator *orch, struct run *run, uint16_t step,
                     enum engine_op op)
{
    struct bus_error error = {0};
    struct saga_note *note = &run->saga.notes[step][op];
    bus_buf_reset(&orch->body);
    bus_buf_reset(&orch->fill);
    if (!note->started)
        note->started = wall(orch);
    int code =
        values_body(&run->saga, step, op, &orch->body, &orch->fill, &error);
    if (!code && (orch->body.failed || orch->fill.failed))
        code = bus_error_set(&error, BUS_OUT_OF_RANGE,
                             "the request is larger than %zu bytes", BODY_MAX);
    if (code)
        run_unsent(orch, run, step, op, &error);
    else
        run_send(orch, run, step, op);
}

static bool must_hold(const struct orchestrator *orch)
{
    return orch->stats.failing || orch->draining ||
           orch->stats.calls >= ORCHESTRATOR_CALLS_MAX;
}

static void run_call_or_hold(struct orchestrator *orch, struct run *run,
                             uint16_t step, enum engine_op op)
{
    if (!must_hold(orch)) {
        run_call(orch, run, step, op);
        return;
    }
    run->holding[op] |= UINT64_C(1) << step;
    if (link_alone(&run->held))
        link_append(&orch->held, &run->held);
}

static struct run *run_of_held(struct link *held)
{
    return (struct run *)(void *)((char *)held - offsetof(struct run, held));
}

void run_held_release(struct orchestrator *orch)
{
    while (!must_hold(orch) && !link_alone(&orch->held)) {
        struct run *run = run_of_held(orch->held.next);
        int op = run->holding[OP_ACTION] ? OP_ACTION : OP_COMPENSATE;
        assert(run->holding[op] != 0);
        uint16_t step = (uint16_t)__builtin_ctzll(run->holding[op]);
        run->holding[op] &= ~(UINT64_C(1) << step);
        if ((run->holding[OP_ACTION] | run->holding[OP_COMPENSATE]) == 0)
            link_drop(&run->held);
        run_call(orch, run, step, (enum engine_op)op);
    }
}

/* Jitter takes up to half off, so that what failed together does not come back
 * together. */
static void run_timer(struct orchestrator *orch, struct run *run,
                      const struct engine_command *command)
{
    struct branch_timer *timer = &run->timers[command->step];
    int64_t delay = command->delay_ms * BUS_MILLI;
    if (command->jitter && delay > 1)
        delay -= (int64_t)(orch->world.random(orch->world.arg) %
                           (uint64_t)(delay / 2));
    timer->op = (uint8_t)command->op;
    timer->attempt = command->attempt;
    timers_set(&orch->timers, &timer->timer,
               orch->world.now(orch->world.arg) + delay);
}

static void run_command(struct orchestrator *orch, struct run *run,
                        const struct engine_command *command)
{
    switch (command->kind) {
    case COMMAND_JOURNAL:
        run->saga.updated = wall(orch);
        commit_want(orch, run, command->sync);
        break;
    case COMMAND_CALL:
        run_call_or_hold(orch, run, command->step, command->op);
        break;
    case COMMAND_TIMER:
        run_timer(orch, run, command);
        break;
    case COMMAND_TELL:
        submit_news(orch, run, command->news);
        if (command->news == NEWS_OUTCOME && orch->world.ended)
            orch->world.ended(orch->world.arg, &run->saga);
        run->over = command->news != NEWS_ACCEPTED;
        break;
    }
}

/* When a branch has come to its end, and the saga to its own. */
static void run_stamp(struct orchestrator *orch, struct run *run,
                      const struct engine_event *event)
{
    struct saga *saga = &run->saga;
    if (event->kind == EVENT_ANSWERED || event->kind == EVENT_LOST ||
        event->kind == EVENT_UNSENT) {
        enum engine_branch_status status =
            saga->steps[event->step].branch[event->op].status;
        if (status == BRANCH_DONE || status == BRANCH_FAILED)
            saga->notes[event->step][event->op].finished = wall(orch);
    }
    if (saga->engine.phase >= PHASE_CLOSING_DONE && !saga->finished)
        saga->finished = wall(orch);
}

void run_event(struct orchestrator *orch, struct run *run,
               const struct engine_event *event)
{
    struct engine_out out;
    engine_handle(&run->saga.engine, event, &out);
    run_stamp(orch, run, event);
    for (size_t i = 0; i < out.count; i++)
        run_command(orch, run, &out.items[i]);
    if (run->over)
        run_free(orch, run);
}

static bool is_word(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* Codes that say the call may or may not have been executed, or was not. */
static enum engine_event_kind kind_of(const struct bus_error *error,
                                      bool *ret_unreached)
{
    static const char *const unreached[] = {"no_responder", "no_such_actor",
                                            "draining", NULL};
    *ret_unreached = error->code != BUS_OK && is_word(error->reason, unreached);
    if (*ret_unreached || error->code == BUS_DEADLINE_EXCEEDED ||
        (error->code != BUS_OK &&
         strcmp(error->reason, "outcome_unknown") == 0))
        return EVENT_LOST;
    return EVENT_ANSWERED;
}

static void keep_answer(struct saga *saga, const struct engine_event *event,
                        const struct bus_reply *reply)
{
    struct saga_note *note = &saga->notes[event->step][event->op];
    note->business = reply->error.business;
    saga_sentence(saga, event->step, event->op,
                  reply->error.code ? reply->error.sentence : "");
    if (event->op == OP_ACTION && reply->error.code == BUS_OK)
        saga_reply(saga, event->step, reply->body);
}

void orchestrator_answered(struct orchestrator *orch, void *run_, uint16_t step,
                           enum engine_op op, uint32_t attempt,
                           const struct bus_reply *reply)
{
    struct run *run = run_;
    struct engine_event event = {
        .step = step,
        .op = op,
        .attempt = attempt,
        .code = reply->error.code,
    };
    event.kind = kind_of(&reply->error, &event.unreached);
    assert(orch->stats.calls > 0);
    assert(run->saga.steps[step].branch[op].attempts == attempt);
    orch->stats.calls--;
    keep_answer(&run->saga, &event, reply);
    run_event(orch, run, &event);
    run_held_release(orch);
}

static void timer_fired(struct orchestrator *orch, struct timer *timer)
{
    if (timer->kind == TIMER_WAITER) {
        submit_late(orch, timer->owner);
        return;
    }
    struct branch_timer *branch = (struct branch_timer *)(void *)timer;
    struct engine_event event = {
        .kind = EVENT_TIMER,
        .step = branch->step,
        .op = (enum engine_op)branch->op,
        .attempt = branch->attempt,
    };
    run_event(orch, timer->owner, &event);
}

void orchestrator_tick(struct orchestrator *orch)
{
    int64_t now = orch->world.now(orch->world.arg);
    struct timer *timer;
    while ((timer = timers_take(&orch->timers, now)) != NULL)
        timer_fired(orch, timer);
    if (orch->resume_at <= now)
        resume_next(orch);
    commit_flush(orch);
}

int64_t orchestrator_due(const struct orchestrator *orch)
{
    int64_t timer = timers_due(&orch->timers);
    int64_t commit = commit_due(orch);
    int64_t first = timer < commit ? timer : commit;
    return first < orch->resume_at ? first : orch->resume_at;
}

void orchestrator_request(struct orchestrator *orch,
                          const struct orchestrator_request *request)
{
    struct bus_error error;
    if (strcmp(request->method, "submit") == 0) {
        submit_request(orch, request);
    } else if (strcmp(request->method, "show") == 0) {
        show_request(orch, request);
    } else if (strcmp(request->method, "list") == 0) {
        list_request(orch, request);
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
    else if (lookup->kind == LOOKUP_SUBMIT)
        submit_found(orch, job);
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
    orch->buckets = buckets_new(BUCKETS_FIRST);
    orch->size = BUCKETS_FIRST;
    plans_init(&orch->plans);
    link_init(&orch->urgent);
    link_init(&orch->riding);
    link_init(&orch->held);
    link_init(&orch->lookups);
    orch->resume_at = INT64_MAX;
    bus_buf_init(&orch->body, BODY_MAX);
    bus_buf_init(&orch->fill, BODY_MAX);
    bus_buf_init(&orch->detail, BODY_MAX);
    bus_buf_init(&batch->bytes, ORCHESTRATOR_BATCH_BYTES + SAGA_STATE_MAX);
    return orch;
}

void orchestrator_free(struct orchestrator *orch)
{
    for (size_t i = 0; i < orch->size; i++)
        while (orch->buckets[i])
            run_free(orch, orch->buckets[i]);
    while (!link_alone(&orch->lookups))
        lookup_free(orch, (struct lookup *)(void *)orch->lookups.next);
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

void orchestrator_start(struct orchestrator *orch)
{
    orch->stats.resuming = true;
    orch->resume_after = INT64_MIN;
    resume_next(orch);
}

void orchestrator_drain(struct orchestrator *orch)
{
    orch->draining = true;
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
        if (lookup->asker)
            answer_error(orch, lookup->asker, &error);
        lookup->asker = NULL;
    }
}

void orchestrator_dismiss(struct orchestrator *orch)
{
    dismiss_lookups(orch);
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
