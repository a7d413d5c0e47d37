/* SPDX-License-Identifier: MIT
 *
 * What DTM's clients do with a transaction: prepare, submit, abort, register a
 * branch, stop it. A request that comes twice is answered twice and done once;
 * what DTM processes again (a submit of what is submitted) is not, because it
 * would call branches that are being called, or that are done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm_judge.h"
#include "actors/saga/dtm_work.h"
#include "bus/clock.h"
#include "bus/code.h"

#define HTTP_BAD_REQUEST 400
#define HTTP_NOT_FOUND 404
#define HTTP_ERROR 500
#define HTTP_UNAVAILABLE 503
#define MESSAGE_MAX 512

static int64_t wall(const struct dtm *dtm)
{
    return dtm->orch->world.wall(dtm->orch->world.arg);
}

static void fail(struct dtm_work *work, const char *of, const char *what)
{
    char message[MESSAGE_MAX];
    snprintf(message, sizeof(message), "%.128s %s", of, what);
    dtm_failure(work->dtm, dtm_take_asker(work), message);
}

static void cannot(struct dtm_work *work, const struct saga *saga,
                   const char *what)
{
    char message[MESSAGE_MAX];
    snprintf(message, sizeof(message), "current status '%s', cannot %s.",
             dtm_status(saga), what);
    dtm_failure(work->dtm, dtm_take_asker(work), message);
}

static void unknown(struct dtm_work *work, const char *gid)
{
    char message[MESSAGE_MAX];
    snprintf(message, sizeof(message), "no TransGlobal with gid: %.128s found",
             gid);
    dtm_error(work->dtm, dtm_take_asker(work), HTTP_NOT_FOUND, message);
}

/* Answered once the state as it is now is on disk; perhaps it is. */
static void when_durable(struct dtm_work *work, struct run *run)
{
    if (run->durable >= run->saga.engine.gate &&
        run->durable >= run->registered) {
        dtm_ok(work->dtm, dtm_take_asker(work));
        return;
    }
    struct waiter *waiter =
        waiter_new(work->dtm->orch, run, dtm_take_asker(work), WAITER_DURABLE);
    waiter->version = run->saga.engine.gate > run->registered
                          ? run->saga.engine.gate
                          : run->registered;
}

static void when_round_over(struct dtm_work *work, struct run *run, bool aborts)
{
    struct waiter *waiter =
        waiter_new(work->dtm->orch, run, dtm_take_asker(work), WAITER_ROUND);
    waiter->aborts = aborts;
}

/* ---- Beginning ---- */

/* NULL: err says why. */
static struct run *begin(struct dtm_work *work, enum engine_event_kind kind,
                         struct bus_error *err)
{
    struct dtm *dtm = work->dtm;
    struct orchestrator *orch = dtm->orch;
    const struct dtm_making making = {.defaults = dtm->config.defaults,
                                      .topic_urls = dtm_topic_find,
                                      .arg = work,
                                      .arena = &work->arena};
    struct engine_event event = {.kind = kind};
    struct dtm_made made = {0};
    struct plan *plan = NULL;
    struct saga saga;
    int code = submit_open(orch, err);
    if (!code)
        code = dtm_plan_make(&making, &work->trans, &made, err);
    if (!code)
        code = run_fits(orch, made.plan.len, made.request.len, err);
    if (!code)
        code = plans_take(&orch->plans, bus_buf_bytes(&made.plan), &plan, err);
    struct run *run = NULL;
    if (!code) {
        saga_init(&saga, plan, work->trans.gid, bus_buf_bytes(&made.request));
        saga.digest = made.digest;
        saga.created = wall(dtm);
        saga.updated = saga.created;
        run = run_new(orch, &saga);
        run->contested = true;
        if (kind == EVENT_SUBMITTED)
            run_begin_round(run);
        run_event(orch, run, &event);
    }
    bus_buf_release(&made.plan);
    bus_buf_release(&made.request);
    return run;
}

static bool is_prepared(const struct saga *saga)
{
    return saga->engine.phase == PHASE_PREPARING ||
           saga->engine.phase == PHASE_PREPARED;
}

/* A workflow's client learns how far it had come. */
static void answer_progress(struct dtm_work *work, struct run *run)
{
    const struct dtm_target target = {.run = run, .saga = &run->saga};
    dtm_verb_query(work, &target);
}

void dtm_verb_prepare(struct dtm_work *work, const struct dtm_target *target)
{
    struct bus_error error = {0};
    struct run *run = target->run;
    if (work->resuming && target->saga) {
        dtm_verb_query(work, target);
        return;
    }
    if (target->saga && !is_prepared(target->saga)) {
        cannot(work, target->saga, "prepare");
        return;
    }
    if (!run)
        run = begin(work, EVENT_PREPARE, &error);
    if (!run)
        dtm_refuse(work->dtm, dtm_take_asker(work), &error);
    else if (work->resuming)
        answer_progress(work, run);
    else
        when_durable(work, run);
}

/* ---- Submitting ---- */

/* Its client has come to an end and says to which. */
static void close_workflow(struct dtm_work *work,
                           const struct dtm_target *target)
{
    const struct bus_list *extra = &work->trans.req_extra;
    const char *status = dtm_pair(extra, "status");
    const char *reason = dtm_pair(extra, "rollback_reason");
    const char *result = dtm_pair(extra, "result");
    bool done = strcmp(status, "succeed") == 0;
    struct engine_event event = {.kind = EVENT_CLOSE,
                                 .code = done ? BUS_OK : BUS_ABORTED};
    struct bus_error error = {0};
    if (!target->saga) {
        unknown(work, work->trans.gid);
        return;
    }
    if (target->run && target->saga->engine.phase ==
                           (done ? PHASE_CLOSING_DONE : PHASE_CLOSING_UNDONE)) {
        when_durable(work, target->run); /* said before, not yet on disk */
        return;
    }
    if (!target->run || !is_prepared(target->saga)) {
        cannot(work, target->saga, "sumbmit");
        return;
    }
    if (!done && strcmp(status, "failed") != 0) {
        dtm_error(work->dtm, dtm_take_asker(work), HTTP_BAD_REQUEST,
                  "req_extra.status is neither succeed nor failed");
        return;
    }
    if (run_fits(work->dtm->orch, saga_weight(target->saga), strlen(result),
                 &error)) {
        dtm_refuse(work->dtm, dtm_take_asker(work), &error);
        return;
    }
    if (reason[0])
        saga_reason(&target->run->saga, reason);
    saga_result(&target->run->saga,
                (struct bus_bytes){(const uint8_t *)result, strlen(result)});
    run_event(work->dtm->orch, target->run, &event);
    when_durable(work, target->run);
}

/* A submit of what is submitted. */
static void submit_again(struct dtm_work *work, struct run *run)
{
    struct dtm_made made = {0};
    const struct dtm_making making = {.defaults = work->dtm->config.defaults,
                                      .topic_urls = dtm_topic_find,
                                      .arg = work,
                                      .arena = &work->arena};
    struct bus_error error = {0};
    int code = dtm_plan_make(&making, &work->trans, &made, &error);
    bool same = !code && made.digest == run->saga.digest;
    bus_buf_release(&made.plan);
    bus_buf_release(&made.request);
    if (code)
        dtm_refuse(work->dtm, dtm_take_asker(work), &error);
    else if (!same)
        fail(work, work->trans.gid, "was submitted before with other content.");
    else if (work->trans.wait_result && run->round)
        when_round_over(work, run, false);
    else
        when_durable(work, run);
}

static bool is_submitted(const struct saga *saga)
{
    return strcmp(dtm_status(saga), "submitted") == 0;
}

static void submit_wait(struct dtm_work *work, struct run *run)
{
    if (work->trans.wait_result)
        when_round_over(work, run, false);
    else
        when_durable(work, run);
}

void dtm_verb_submit(struct dtm_work *work, const struct dtm_target *target)
{
    struct bus_error error = {0};
    struct engine_event event = {.kind = EVENT_SUBMITTED};
    struct run *run = target->run;
    if (strcmp(work->trans.trans_type, "workflow") == 0) {
        close_workflow(work, target);
    } else if (!target->saga) {
        run = begin(work, EVENT_SUBMITTED, &error);
        if (run)
            submit_wait(work, run);
        else
            dtm_refuse(work->dtm, dtm_take_asker(work), &error);
    } else if (run && is_prepared(&run->saga)) {
        run_begin_round(run);
        run_event(work->dtm->orch, run, &event);
        submit_wait(work, run);
    } else if (run && is_submitted(&run->saga)) {
        submit_again(work, run);
    } else {
        cannot(work, target->saga, "sumbmit");
    }
}

/* ---- Ending otherwise ---- */

static bool can_abort(const struct dtm_work *work, const struct saga *saga)
{
    const char *type = work->trans.trans_type;
    const char *status = dtm_status(saga);
    return (strcmp(type, "xa") == 0 || strcmp(type, "tcc") == 0) &&
           (saga->engine.pattern == PATTERN_TCC ||
            saga->engine.pattern == PATTERN_XA) &&
           (is_prepared(saga) || strcmp(status, "aborting") == 0);
}

void dtm_verb_abort(struct dtm_work *work, const struct dtm_target *target)
{
    struct engine_event event = {.kind = EVENT_ABORT};
    struct run *run = target->run;
    const struct saga *saga = target->saga;
    char message[MESSAGE_MAX];
    if (!saga) {
        unknown(work, work->trans.gid);
        return;
    }
    bool drop = saga->engine.pattern == PATTERN_MESSAGE && is_prepared(saga);
    if (!run || (!drop && !can_abort(work, saga))) {
        snprintf(message, sizeof(message),
                 "trans type: '%s' current status '%s', cannot abort.",
                 saga->plan->dtm ? saga->plan->dtm->trans_type : "saga",
                 dtm_status(saga));
        dtm_failure(work->dtm, dtm_take_asker(work), message);
        return;
    }
    if (work->trans.rollback_reason[0])
        saga_reason(&run->saga, work->trans.rollback_reason);
    if (is_prepared(saga)) {
        run->round = !drop;
        run_event(work->dtm->orch, run, &event);
    } else if (!run->round) {
        dtm_wake(work->dtm, run, 0);
    }
    if (work->trans.wait_result && run->round)
        when_round_over(work, run, true);
    else
        when_durable(work, run);
}

void dtm_verb_stop(struct dtm_work *work, const struct dtm_target *target)
{
    struct engine_event event = {.kind = EVENT_STOP};
    char message[MESSAGE_MAX];
    if (!target->saga) {
        unknown(work, work->trans.gid);
    } else if (!target->run || engine_closing(&target->saga->engine)) {
        snprintf(message, sizeof(message),
                 "global transaction force stop error. status: %s. error:",
                 dtm_status(target->saga));
        dtm_failure(work->dtm, dtm_take_asker(work), message);
    } else {
        run_event(work->dtm->orch, target->run, &event);
        when_durable(work, target->run);
    }
}

void dtm_verb_wake(struct dtm_work *work, const struct dtm_target *target)
{
    if (!target->saga) {
        unknown(work, work->trans.gid);
        return;
    }
    if (target->run && !target->run->round)
        dtm_due_now(work->dtm, target->run);
    dtm_ok(work->dtm, dtm_take_asker(work));
}

static bool is_overdue(const struct dtm *dtm, const struct saga *saga,
                       int64_t shift)
{
    const struct plan *plan = saga->plan;
    int64_t age = (wall(dtm) - saga->created) * 1000 + shift;
    uint32_t limit = plan->plan.timeout_ms;
    if (saga->engine.phase == PHASE_PREPARED)
        limit = plan->dtm->prepared_ms;
    return limit > 0 && age >= limit * BUS_MILLI;
}

void dtm_wake(struct dtm *dtm, struct run *run, int64_t shift)
{
    struct engine *engine = &run->saga.engine;
    struct engine_event event = {.kind = EVENT_WAKE};
    int64_t age = (wall(dtm) - run->saga.created) * 1000;
    bool firm = engine->pattern != PATTERN_SAGA;
    if (engine->phase == PHASE_PREPARED &&
        engine->check.status == BRANCH_WAITING) {
        if (engine->pattern != PATTERN_WORKFLOW &&
            !is_overdue(dtm, &run->saga, shift))
            event.kind = EVENT_COUNT;
        else
            event.kind = EVENT_DEADLINE;
    } else if (engine->phase == PHASE_RUNNING && engine->held) {
        if (age + dtm->cron_forward < run->saga.plan->dtm->delay_ms * BUS_MILLI)
            event.kind = EVENT_COUNT;
        else
            event.kind = EVENT_DEADLINE;
    } else if (engine->phase == PHASE_RUNNING && !firm &&
               is_overdue(dtm, &run->saga, shift)) {
        event.kind = EVENT_DEADLINE;
    }
    run_begin_round(run);
    run->timed_out = event.kind == EVENT_DEADLINE;
    if (event.kind != EVENT_COUNT)
        run_event(dtm->orch, run, &event);
    else
        dtm_round_over(dtm, run);
}

/* A test's clock finds it first; the real one has it go on at once. */
void dtm_due_now(struct dtm *dtm, struct run *run)
{
    int64_t now = dtm->orch->world.now(dtm->orch->world.arg);
    if (!dtm->config.hooks || engine_parked(&run->saga.engine)) {
        dtm_wake(dtm, run, 0);
        return;
    }
    run->cron_at = now;
    for (uint16_t i = 0; i < run->saga.engine.count; i++)
        if (run->timers[i].timer.due > now)
            run->timers[i].timer.due = now;
    if (run->check.timer.due > now)
        run->check.timer.due = now;
}

/* ---- Branches ---- */

static const struct saga_added *find_added(const struct saga *saga,
                                           const char *branch, const char *op)
{
    for (size_t i = 0; i < saga->added_count; i++)
        if (strcmp(saga->added[i].branch, branch) == 0 &&
            strcmp(saga->added[i].op ? saga->added[i].op : "", op) == 0)
            return &saga->added[i];
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_added(const struct saga_added *a, const struct saga_added *b)
{
    return same_text(a->url[0], b->url[0]) && same_text(a->url[1], b->url[1]) &&
           same_text(a->status, b->status) && a->data.len == b->data.len &&
           (a->data.len == 0 ||
            memcmp(a->data.data, b->data.data, a->data.len) == 0);
}

/* Only reads what the pairs hold; the casts are for the owned strings' type. */
static void added_of(const struct dtm_work *work, enum engine_pattern pattern,
                     struct saga_added *ret)
{
    const struct bus_list *pairs = &work->pairs;
    struct bus_arena *arena = &((struct dtm_work *)(uintptr_t)work)->arena;
    const char *data = dtm_pair(pairs, "data");
    bool tcc = pattern == PATTERN_TCC;
    bool log = pattern == PATTERN_WORKFLOW;
    const char *url = log ? "" : dtm_pair(pairs, tcc ? "confirm" : "url");
    *ret = (struct saga_added){
        .branch = bus_arena_text(arena, dtm_pair(pairs, "branch_id")),
        .op = bus_arena_text(arena, log ? dtm_pair(pairs, "op") : ""),
        .status = bus_arena_text(arena, log ? dtm_pair(pairs, "status") : ""),
        .url = {bus_arena_text(arena, url),
                bus_arena_text(arena, tcc ? dtm_pair(pairs, "cancel") : url)},
        .data = {(const uint8_t *)data, strlen(data)},
        .created = wall(work->dtm),
    };
}

static void add(struct dtm_work *work, struct run *run,
                const struct saga_added *added)
{
    struct orchestrator *orch = work->dtm->orch;
    struct engine_event event = {.kind = EVENT_REGISTERED};
    struct bus_error error = {0};
    if (run_fits(orch, saga_weight(&run->saga), added->data.len, &error)) {
        dtm_refuse(work->dtm, dtm_take_asker(work), &error);
        return;
    }
    if (!run_add(orch, run, added)) {
        fail(work, run->saga.gid, "has too many branches.");
        return;
    }
    run_event(orch, run, &event);
    run->registered = run->saga.engine.version;
    when_durable(work, run);
}

void dtm_verb_register(struct dtm_work *work, const struct dtm_target *target)
{
    const char *type = dtm_pair(&work->pairs, "trans_type");
    const char *gid = dtm_pair(&work->pairs, "gid");
    struct saga_added added;
    char message[MESSAGE_MAX];
    if (type[0] && dtm_pattern(type) > SAGA_WORKFLOW) {
        snprintf(message, sizeof(message), "unknow trans type: %.64s", type);
        dtm_error(work->dtm, dtm_take_asker(work), HTTP_ERROR, message);
        return;
    }
    struct run *run = target->run;
    if (!run || !is_prepared(&run->saga) ||
        run->saga.engine.pattern < PATTERN_TCC) {
        snprintf(message, sizeof(message),
                 "no trans with gid: %.128s status: prepared found", gid);
        dtm_failure(work->dtm, dtm_take_asker(work), message);
        return;
    }
    added_of(work, (enum engine_pattern)run->saga.engine.pattern, &added);
    const struct saga_added *old =
        find_added(&run->saga, added.branch, added.op);
    if (!old)
        add(work, run, &added);
    else if (same_added(old, &added))
        when_durable(work, run);
    else
        fail(work, added.branch, "is registered with other content.");
}

/* ---- What the orchestrator tells ---- */

void dtm_durable(struct dtm *dtm, struct waiter *waiter)
{
    dtm_ok(dtm, waiter->asker);
    waiter->asker = NULL;
}

void dtm_late(struct dtm *dtm, struct waiter *waiter)
{
    dtm_error(dtm, waiter->asker, HTTP_UNAVAILABLE,
              "the journal cannot be written, or we are stopping: "
              "ask for the transaction again");
    waiter->asker = NULL;
}

static void answer_round(struct dtm *dtm, const struct run *run,
                         struct waiter *waiter)
{
    const struct saga *saga = &run->saga;
    struct dtm_asker *asker = waiter->asker;
    bool firm = saga->engine.pattern == PATTERN_TCC ||
                saga->engine.pattern == PATTERN_XA;
    waiter->asker = NULL;
    if (saga->engine.phase == PHASE_DONE ||
        (waiter->aborts && saga->engine.phase == PHASE_UNDONE))
        dtm_ok(dtm, asker);
    else if (!firm)
        dtm_failure(dtm, asker,
                    saga->reason ? saga->reason
                                 : "wait result not return success:");
    else if (run->last_code == BUS_FAILED_PRECONDITION)
        dtm_ongoing(dtm, asker, "a branch is still going:");
    else if (run->last_code == BUS_ABORTED)
        dtm_failure(dtm, asker, "unkown result will be retried:");
    else
        dtm_error(dtm, asker, 500, "unkown result will be retried");
}

void dtm_round_over(struct dtm *dtm, struct run *run)
{
    struct waiter *next;
    for (struct waiter *waiter = run->waiters; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->kind != WAITER_ROUND)
            continue;
        answer_round(dtm, run, waiter);
        waiter_remove(dtm->orch, waiter);
    }
    run->round = false;
    dtm_clock_processed(dtm, run);
}

void dtm_resuming(struct orchestrator *orch, struct run *run)
{
    struct saga *saga = &run->saga;
    int64_t age = (orch->world.wall(orch->world.arg) - saga->created) * 1000;
    run_begin_round(run);
    if (saga->engine.phase != PHASE_RUNNING ||
        saga->engine.pattern != PATTERN_MESSAGE)
        return;
    bool begun = false;
    for (uint16_t i = 0; i < saga->engine.count; i++)
        begun = begun || saga->steps[i].branch[OP_ACTION].attempts > 0;
    saga->engine.held = !begun && age < saga->plan->dtm->delay_ms * BUS_MILLI;
}

void dtm_answered(struct run *run, const struct engine_event *event,
                  const struct bus_reply *reply)
{
    struct saga *saga = &run->saga;
    struct bus_buf reason;
    if (saga->engine.pattern != PATTERN_SAGA || event->op != OP_ACTION ||
        engine_verdict(event->code) != VERDICT_REFUSE || saga->reason)
        return;
    bus_buf_init(&reason, SAGA_TEXT_MAX * 2);
    struct bus_bytes body = reply->body;
    if (body.len > SAGA_TEXT_MAX)
        body.len = SAGA_TEXT_MAX;
    dtm_judge_reason(&reason, saga_target(saga, event->step, OP_ACTION), body);
    bus_buf_byte(&reason, 0);
    saga_reason(saga, (const char *)reason.data);
    bus_buf_release(&reason);
}

void dtm_reason(struct run *run)
{
    struct saga *saga = &run->saga;
    char text[128] = "";
    if (saga->reason || (saga->engine.phase != PHASE_TURNING &&
                         saga->engine.phase != PHASE_CLOSING_UNDONE))
        return;
    if (saga->engine.failed >= 0)
        snprintf(text, sizeof(text),
                 "RetryCount is greater than RetryLimit, RetryLimit: %u",
                 saga->plan->dtm->retry_limit);
    else if (run->timed_out)
        snprintf(
            text, sizeof(text), "Timeout after %u seconds",
            (saga->engine.pattern == PATTERN_SAGA && saga->plan->plan.timeout_ms
                 ? saga->plan->plan.timeout_ms
                 : saga->plan->dtm->prepared_ms) /
                1000);
    if (text[0])
        saga_reason(saga, text);
}
