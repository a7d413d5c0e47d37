/* SPDX-License-Identifier: MIT
 *
 * What branches say, and what follows: a verdict from the code, another try, a
 * way back, or a place among the parked. A check is a branch of its own: its
 * answer speaks for the client.
 */
#include <assert.h>

#include "actors/saga/engine_work.h"
#include "bus/code.h"

#define SHIFT_MAX 20 /* doublings of a back-off; 2^20 passes every cap */

/* True if the event speaks of the call that is in flight. */
static bool is_current(struct engine *engine, const struct engine_event *event)
{
    const struct engine_branch *branch =
        engine_branch_of(engine, event->step, event->op);
    return branch->status == BRANCH_CALLING &&
           branch->attempts == event->attempt;
}

enum engine_verdict engine_verdict(int code)
{
    switch (code) {
    case BUS_OK:
        return VERDICT_DONE;
    case BUS_FAILED_PRECONDITION:
        return VERDICT_ASK;
    case BUS_ABORTED:
    case BUS_INVALID_ARGUMENT:
    case BUS_NOT_FOUND:
    case BUS_ALREADY_EXISTS:
    case BUS_OUT_OF_RANGE:
    case BUS_PERMISSION_DENIED:
        return VERDICT_REFUSE;
    default:
        return VERDICT_RETRY;
    }
}

uint32_t engine_backoff_ms(const struct engine_rule *rule, uint32_t failures,
                           bool unreached)
{
    uint32_t cap = rule->retry_max_ms;
    if (unreached && cap > ENGINE_UNREACHED_MS)
        cap = ENGINE_UNREACHED_MS;
    uint32_t shift = failures > 0 ? failures - 1 : 0;
    if (shift > SHIFT_MAX)
        shift = SHIFT_MAX;
    uint64_t delay = (uint64_t)rule->retry_first_ms << shift;
    return delay < cap ? (uint32_t)delay : cap;
}

static void wait_then_call(struct work *work, const struct engine_event *event,
                           uint32_t delay_ms, bool jitter)
{
    work_say(work->out, (struct engine_command){.kind = COMMAND_TIMER,
                                                .op = event->op,
                                                .step = event->step,
                                                .attempt = event->attempt,
                                                .delay_ms = delay_ms,
                                                .jitter = jitter});
}

/* It never happened, and so nothing that comes after it did: with the barrier
 * an action that happened answers OK again. */
static void refuse(struct work *work, uint16_t step)
{
    struct engine *engine = work->engine;
    for (uint16_t i = 0; i < engine->count; i++)
        if (engine->rules[i].after & BIT(step))
            engine->reached &= ~BIT(i);
    work_fail(work, step);
}

void work_fail(struct work *work, uint16_t step)
{
    struct engine *engine = work->engine;
    engine_branch_of(engine, step, OP_ACTION)->status = BRANCH_FAILED;
    if (engine->failed < 0)
        engine->failed = (int16_t)step;
    engine->abort = true;
    work->changed = true;
}

static void park(struct work *work, const struct engine_event *event)
{
    engine_branch_of(work->engine, event->step, event->op)->status =
        BRANCH_PARKED;
    work->sync = true; /* it is to be found among the parked */
    work_say(work->out, (struct engine_command){.kind = COMMAND_TELL,
                                                .news = NEWS_PARKED,
                                                .op = event->op,
                                                .step = event->step});
}

/* Failed too often, and there is no way back. */
static bool must_park(const struct engine *engine,
                      const struct engine_event *event, uint32_t failures)
{
    const struct engine_rule *rule = engine_rule_of(engine, event);
    return rule->park_limit > 0 && failures >= rule->park_limit &&
           (event->op == OP_COMPENSATE ||
            (event->op == OP_ACTION && engine_firm(engine)));
}

/* True if the action's tries have an end, and this was the last. */
static bool was_last(const struct engine *engine,
                     const struct engine_event *event, uint32_t failures)
{
    const struct engine_rule *rule = engine_rule_of(engine, event);
    return event->op == OP_ACTION && !engine_firm(engine) &&
           rule->retry_limit > 0 && failures >= rule->retry_limit;
}

static void retry(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    const struct engine_rule *rule = engine_rule_of(engine, event);
    struct engine_branch *branch =
        engine_branch_of(engine, event->step, event->op);
    branch->failures++;
    work->changed = true;
    if (was_last(engine, event, branch->failures)) {
        work_fail(work, event->step);
        return;
    }
    if (must_park(engine, event, branch->failures)) {
        park(work, event);
        return;
    }
    branch->status = BRANCH_BACKOFF;
    if (event->op == OP_ACTION && engine->abort)
        return; /* given up as soon as nothing else is in flight */
    if (event->op == OP_ACTION && rule->at_once && rule->retry_limit > 0)
        work_call(work, event->step, event->op);
    else
        wait_then_call(
            work, event,
            engine_backoff_ms(rule, branch->failures, event->unreached), true);
}

void work_settle(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    engine_branch_of(engine, event->step, event->op)->status = BRANCH_DONE;
    if (event->op == OP_CHECK)
        engine->check.status = BRANCH_WAITING; /* may be asked again */
    if (event->op == OP_ACTION)
        engine->steps[event->step].settled = engine->version + 1;
    work->changed = true;
}

static void ask_again(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    const struct engine_rule *rule = engine_rule_of(engine, event);
    if (event->op == OP_ACTION && rule->at_once && rule->retry_limit > 0) {
        retry(work, event);
        return;
    }
    engine_branch_of(engine, event->step, event->op)->status = BRANCH_ASKING;
    work->changed = true;
    wait_then_call(work, event, rule->interval_ms, false);
}

/* What the client answered to the check. A workflow's client speaks by itself;
 * that it was woken says nothing. */
static void checked(struct work *work, const struct engine_event *event,
                    enum engine_verdict verdict)
{
    struct engine *engine = work->engine;
    if (engine->pattern == PATTERN_WORKFLOW) {
        if (verdict == VERDICT_RETRY)
            retry(work, event);
        else
            ask_again(work, event);
    } else if (verdict == VERDICT_DONE) {
        work_submit(work);
    } else if (verdict == VERDICT_REFUSE) {
        engine->check = (struct engine_branch){0};
        work_turn(work);
    } else if (verdict == VERDICT_ASK) {
        ask_again(work, event);
    } else {
        retry(work, event);
    }
}

void work_on_answered(struct work *work, const struct engine_event *event)
{
    if (!is_current(work->engine, event))
        return;
    enum engine_verdict verdict = engine_verdict(event->code);
    bool may_refuse = event->op == OP_CHECK ||
                      (event->op == OP_ACTION && !engine_firm(work->engine));
    if (verdict == VERDICT_REFUSE && !may_refuse)
        verdict = VERDICT_RETRY; /* what is to be undone will be undone */
    engine_branch_of(work->engine, event->step, event->op)->code =
        (uint8_t)event->code;
    if (event->op == OP_CHECK)
        checked(work, event, verdict);
    else if (verdict == VERDICT_DONE)
        work_settle(work, event);
    else if (verdict == VERDICT_ASK)
        ask_again(work, event);
    else if (verdict == VERDICT_REFUSE)
        refuse(work, event->step);
    else
        retry(work, event);
}

void work_on_lost(struct work *work, const struct engine_event *event)
{
    if (!is_current(work->engine, event))
        return;
    engine_branch_of(work->engine, event->step, event->op)->code =
        (uint8_t)event->code;
    retry(work, event);
}

/* Inputs depend on nothing but what is known, so it was never sent before. */
void work_on_unsent(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    struct engine_branch *branch =
        engine_branch_of(engine, event->step, event->op);
    assert(is_current(engine, event));
    branch->code = (uint8_t)event->code;
    if (event->op != OP_ACTION || engine_firm(engine)) {
        retry(work, event);
        return;
    }
    branch->attempts--;
    engine->reached &= ~BIT(event->step);
    refuse(work, event->step);
}

void work_on_timer(struct work *work, const struct engine_event *event)
{
    const struct engine_branch *branch =
        engine_branch_of(work->engine, event->step, event->op);
    if (engine_branch_timed(branch) && branch->attempts == event->attempt &&
        !(event->op == OP_ACTION && work->engine->abort))
        work_call(work, event->step, event->op);
}
