/* SPDX-License-Identifier: MIT
 *
 * The engine: one table says what an event means in a phase, one which phase
 * may follow which; a handler an event; then engine_advance starts whatever has
 * become possible. Steps follow a partial order (engine_rule.after); a plan in
 * plain order is the case where each comes after all before it.
 */
#include "actors/saga/engine.h"

#include <assert.h>
#include <string.h>

#include "bus/code.h"

#define BIT(i) (UINT64_C(1) << (i))
#define SHIFT_MAX 20 /* doublings of a back-off; 2^20 passes every cap */

/* Which phases may follow. RUNNING to CLOSING_UNDONE: nothing to undo. */
static const uint16_t moves[PHASE_COUNT] = {
    [PHASE_NEW] = 1u << PHASE_ACCEPTING,
    [PHASE_ACCEPTING] = 1u << PHASE_RUNNING | 1u << PHASE_REFUSED,
    [PHASE_RUNNING] = 1u << PHASE_TURNING | 1u << PHASE_CLOSING_DONE |
                      1u << PHASE_CLOSING_UNDONE,
    [PHASE_TURNING] = 1u << PHASE_UNDOING,
    [PHASE_UNDOING] = 1u << PHASE_CLOSING_UNDONE,
    [PHASE_CLOSING_DONE] = 1u << PHASE_DONE,
    [PHASE_CLOSING_UNDONE] = 1u << PHASE_UNDONE,
};

enum { N = REACT_NEVER, I = REACT_IGNORE, H = REACT_HANDLE };

/* Columns as in ENGINE_EVENTS: SUBMITTED COMMITTED UNWRITTEN ANSWERED LOST
 * UNSENT TIMER RESUMED DEADLINE. No call is in flight while a phase waits for
 * the disk, but a timer of a step given up may still fire. */
static const uint8_t reactions[PHASE_COUNT][EVENT_COUNT] = {
    [PHASE_NEW] = {H, N, N, N, N, N, N, N, N},
    [PHASE_ACCEPTING] = {N, H, H, N, N, N, N, N, H},
    [PHASE_RUNNING] = {N, H, I, H, H, H, H, H, H},
    [PHASE_TURNING] = {N, H, I, I, I, N, I, N, I},
    [PHASE_UNDOING] = {N, I, I, H, H, H, H, H, I},
    [PHASE_CLOSING_DONE] = {N, H, I, I, I, N, I, N, I},
    [PHASE_CLOSING_UNDONE] = {N, H, I, I, I, N, I, N, I},
    [PHASE_DONE] = {N, I, I, I, I, N, I, N, I},
    [PHASE_UNDONE] = {N, I, I, I, I, N, I, N, I},
    [PHASE_REFUSED] = {N, I, I, I, I, N, I, N, I},
};

/* One event in work. */
struct work {
    struct engine *engine;
    struct engine_out *out;
    bool changed; /* the state is to be written */
    bool sync;    /* and waited for */
};

static void say(struct engine_out *out, struct engine_command command)
{
    assert(out->count < ENGINE_COMMANDS_MAX);
    out->items[out->count++] = command;
}

static void move(struct engine *engine, enum engine_phase to)
{
    assert(moves[engine->phase] & 1u << to);
    engine->phase = (uint8_t)to;
}

/* Moves to a phase that lasts until the state is on disk. */
static void move_gated(struct work *work, enum engine_phase to)
{
    move(work->engine, to);
    work->engine->gate = work->engine->version + 1;
    work->changed = true;
    work->sync = true;
}

static struct engine_branch *branch_of(struct engine *engine, size_t step,
                                       enum engine_op op)
{
    assert(step < engine->count);
    return &engine->steps[step].branch[op];
}

void engine_init(struct engine *engine, const struct engine_rule *rules,
                 struct engine_step *steps, uint16_t count)
{
    assert(count > 0 && count <= ENGINE_STEPS_MAX);
    *engine = (struct engine){
        .phase = PHASE_NEW,
        .count = count,
        .failed = -1,
        .rules = rules,
        .steps = steps,
    };
    memset(steps, 0, count * sizeof(*steps));
    for (uint16_t i = 0; i < count; i++)
        if (!rules[i].compensates)
            steps[i].branch[OP_COMPENSATE].status = BRANCH_NONE;
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

static void call(struct work *work, uint16_t step, enum engine_op op)
{
    struct engine_branch *branch = branch_of(work->engine, step, op);
    assert(branch->status == BRANCH_WAITING || engine_branch_timed(branch));
    branch->status = BRANCH_CALLING;
    branch->attempts++;
    if (op == OP_ACTION)
        work->engine->reached |= BIT(step);
    work->changed = true;
    say(work->out, (struct engine_command){.kind = COMMAND_CALL,
                                           .op = op,
                                           .step = step,
                                           .attempt = branch->attempts});
}

static void wait_then_call(struct work *work, const struct engine_event *event,
                           uint32_t delay_ms, bool jitter)
{
    say(work->out, (struct engine_command){.kind = COMMAND_TIMER,
                                           .op = event->op,
                                           .step = event->step,
                                           .attempt = event->attempt,
                                           .delay_ms = delay_ms,
                                           .jitter = jitter});
}

/* Rule 2: the order allows it and what its compensation takes is on disk. Asks
 * for the disk if that alone is missing. */
static bool action_ready(struct work *work, uint16_t step, uint64_t done)
{
    const struct engine *engine = work->engine;
    const struct engine_rule *rule = &engine->rules[step];
    if (engine->steps[step].branch[OP_ACTION].status != BRANCH_WAITING ||
        (rule->after & ~done) != 0)
        return false;
    assert((rule->needs & ~rule->after) == 0);
    if ((rule->needs & ~engine->durable) == 0)
        return true;
    work->changed = true;
    work->sync = true;
    return false;
}

/* Strict reverse: whatever came after it is undone already. */
static bool compensation_ready(const struct engine *engine, uint16_t step)
{
    if (engine->steps[step].branch[OP_COMPENSATE].status != BRANCH_WAITING)
        return false;
    for (uint16_t i = 0; i < engine->count; i++)
        if ((engine->rules[i].after & BIT(step)) &&
            !engine_branch_settled(&engine->steps[i].branch[OP_COMPENSATE]))
            return false;
    return true;
}

/* Chooses what is to be undone: what may have run and can be fed. Returns false
 * if there is nothing. Actions that waited for another try are given up. */
static bool choose_compensations(struct engine *engine)
{
    uint64_t done = engine_done(engine);
    bool some = false;
    for (uint16_t i = 0; i < engine->count; i++) {
        struct engine_branch *action = branch_of(engine, i, OP_ACTION);
        struct engine_branch *undo = branch_of(engine, i, OP_COMPENSATE);
        if (engine_branch_timed(action))
            action->status = BRANCH_FAILED;
        if (!(engine->reached & BIT(i)) || (engine->rules[i].needs & ~done))
            undo->status = BRANCH_NONE;
        some = some || undo->status == BRANCH_WAITING;
    }
    return some;
}

static void advance_running(struct work *work)
{
    struct engine *engine = work->engine;
    uint64_t done = engine_done(engine);
    if (engine->abort) {
        if (engine_calling(engine))
            return;
        bool some = choose_compensations(engine);
        move_gated(work, some ? PHASE_TURNING : PHASE_CLOSING_UNDONE);
        return;
    }
    bool all = true;
    for (uint16_t i = 0; i < engine->count; i++) {
        all = all && (done & BIT(i));
        if (action_ready(work, i, done))
            call(work, i, OP_ACTION);
    }
    if (all)
        move_gated(work, PHASE_CLOSING_DONE);
}

static void advance_undoing(struct work *work)
{
    struct engine *engine = work->engine;
    bool all = true;
    for (uint16_t i = 0; i < engine->count; i++) {
        all = all && engine_branch_settled(branch_of(engine, i, OP_COMPENSATE));
        if (compensation_ready(engine, i))
            call(work, i, OP_COMPENSATE);
    }
    if (all)
        move_gated(work, PHASE_CLOSING_UNDONE);
}

static void advance(struct work *work)
{
    if (work->engine->phase == PHASE_RUNNING)
        advance_running(work);
    else if (work->engine->phase == PHASE_UNDOING)
        advance_undoing(work);
}

/* Leaves a phase that waited for the disk. */
static void pass_gate(struct work *work)
{
    struct engine *engine = work->engine;
    enum engine_phase phase = engine->phase;
    if (phase == PHASE_ACCEPTING)
        move(engine, PHASE_RUNNING);
    else if (phase == PHASE_TURNING)
        move(engine, PHASE_UNDOING);
    else if (phase == PHASE_CLOSING_DONE)
        move(engine, PHASE_DONE);
    else if (phase == PHASE_CLOSING_UNDONE)
        move(engine, PHASE_UNDONE);
    else
        return;
    if (phase != PHASE_TURNING)
        say(work->out, (struct engine_command){.kind = COMMAND_TELL,
                                               .news = phase == PHASE_ACCEPTING
                                                           ? NEWS_ACCEPTED
                                                           : NEWS_OUTCOME});
}

static void on_committed(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    assert(event->version <= engine->version);
    for (uint16_t i = 0; i < engine->count; i++)
        if (engine->steps[i].branch[OP_ACTION].status == BRANCH_DONE &&
            engine->steps[i].settled <= event->version)
            engine->durable |= BIT(i);
    if (event->version >= engine->gate)
        pass_gate(work);
}

static void on_unwritten(struct work *work)
{
    if (work->engine->phase != PHASE_ACCEPTING)
        return;
    move(work->engine, PHASE_REFUSED);
    say(work->out,
        (struct engine_command){.kind = COMMAND_TELL, .news = NEWS_REFUSED});
}

static void fail(struct work *work, uint16_t step)
{
    struct engine *engine = work->engine;
    branch_of(engine, step, OP_ACTION)->status = BRANCH_FAILED;
    if (engine->failed < 0)
        engine->failed = (int16_t)step;
    engine->abort = true;
    work->changed = true;
}

static void retry(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    const struct engine_rule *rule = &engine->rules[event->step];
    struct engine_branch *branch = branch_of(engine, event->step, event->op);
    branch->failures++;
    work->changed = true;
    if (event->op == OP_ACTION && rule->retry_limit > 0 &&
        branch->failures >= rule->retry_limit) {
        fail(work, event->step);
        return;
    }
    branch->status = BRANCH_BACKOFF;
    if (event->op == OP_ACTION && engine->abort)
        return; /* given up as soon as nothing else is in flight */
    wait_then_call(work, event,
                   engine_backoff_ms(rule, branch->failures, event->unreached),
                   true);
}

static void settle(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    branch_of(engine, event->step, event->op)->status = BRANCH_DONE;
    if (event->op == OP_ACTION)
        engine->steps[event->step].settled = engine->version + 1;
    work->changed = true;
}

/* It never happened, and so nothing that comes after it did: with the barrier
 * an action that happened answers OK again. */
static void refuse(struct work *work, uint16_t step)
{
    struct engine *engine = work->engine;
    for (uint16_t i = 0; i < engine->count; i++)
        if (engine->rules[i].after & BIT(step))
            engine->reached &= ~BIT(i);
    fail(work, step);
}

static void ask_again(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    branch_of(engine, event->step, event->op)->status = BRANCH_ASKING;
    work->changed = true;
    wait_then_call(work, event, engine->rules[event->step].interval_ms, false);
}

/* True if the event speaks of the call that is in flight. */
static bool is_current(struct engine *engine, const struct engine_event *event)
{
    const struct engine_branch *branch =
        branch_of(engine, event->step, event->op);
    return branch->status == BRANCH_CALLING &&
           branch->attempts == event->attempt;
}

static void on_answered(struct work *work, const struct engine_event *event)
{
    enum engine_verdict verdict = engine_verdict(event->code);
    if (event->op == OP_COMPENSATE && verdict == VERDICT_REFUSE)
        verdict = VERDICT_RETRY; /* what is to be undone will be undone */
    branch_of(work->engine, event->step, event->op)->code =
        (uint8_t)event->code;
    if (verdict == VERDICT_DONE)
        settle(work, event);
    else if (verdict == VERDICT_ASK)
        ask_again(work, event);
    else if (verdict == VERDICT_REFUSE)
        refuse(work, event->step);
    else
        retry(work, event);
}

static void on_lost(struct work *work, const struct engine_event *event)
{
    branch_of(work->engine, event->step, event->op)->code =
        (uint8_t)event->code;
    retry(work, event);
}

/* Inputs depend on nothing but what is known, so it was never sent before. */
static void on_unsent(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    struct engine_branch *branch = branch_of(engine, event->step, event->op);
    branch->code = (uint8_t)event->code;
    if (event->op == OP_COMPENSATE) {
        retry(work, event);
        return;
    }
    branch->attempts--;
    engine->reached &= ~BIT(event->step);
    refuse(work, event->step);
}

static void on_timer(struct work *work, const struct engine_event *event)
{
    const struct engine_branch *branch =
        branch_of(work->engine, event->step, event->op);
    if (engine_branch_timed(branch) && branch->attempts == event->attempt &&
        !(event->op == OP_ACTION && work->engine->abort))
        call(work, event->step, event->op);
}

/* Rule 3. Tries that were under way or waiting begin again at once. */
static void on_resumed(struct engine *engine)
{
    bool running = engine->phase == PHASE_RUNNING;
    enum engine_op op = running ? OP_ACTION : OP_COMPENSATE;
    for (uint16_t i = 0; i < engine->count; i++) {
        struct engine_branch *branch = branch_of(engine, i, op);
        if (branch->status == BRANCH_CALLING || engine_branch_timed(branch))
            branch->status = BRANCH_WAITING;
        if (running && branch->status == BRANCH_FAILED)
            engine->abort = true;
    }
    engine->durable = engine_done(engine);
    engine->reached = UINT64_MAX >> (ENGINE_STEPS_MAX - engine->count);
}

static void dispatch(struct work *work, const struct engine_event *event)
{
    switch (event->kind) {
    case EVENT_SUBMITTED:
        move_gated(work, PHASE_ACCEPTING);
        break;
    case EVENT_COMMITTED:
        on_committed(work, event);
        break;
    case EVENT_UNWRITTEN:
        on_unwritten(work);
        break;
    case EVENT_ANSWERED:
        if (is_current(work->engine, event))
            on_answered(work, event);
        break;
    case EVENT_LOST:
        if (is_current(work->engine, event))
            on_lost(work, event);
        break;
    case EVENT_UNSENT:
        assert(is_current(work->engine, event));
        on_unsent(work, event);
        break;
    case EVENT_TIMER:
        on_timer(work, event);
        break;
    case EVENT_RESUMED:
        on_resumed(work->engine);
        break;
    case EVENT_DEADLINE:
        work->engine->abort = true;
        break;
    case EVENT_COUNT:
        break;
    }
}

void engine_handle(struct engine *engine, const struct engine_event *event,
                   struct engine_out *ret)
{
    struct work work = {.engine = engine, .out = ret};
    ret->count = 0;
    enum engine_reaction reaction = engine_reaction(engine->phase, event->kind);
    assert(reaction != REACT_NEVER);
    if (reaction == REACT_IGNORE)
        return;
    dispatch(&work, event);
    advance(&work);
    if (work.changed) {
        engine->version++;
        say(ret, (struct engine_command){.kind = COMMAND_JOURNAL,
                                         .sync = work.sync});
    }
    assert(engine_sound(engine));
}

enum engine_reaction engine_reaction(enum engine_phase phase,
                                     enum engine_event_kind kind)
{
    assert(phase < PHASE_COUNT && kind < EVENT_COUNT);
    return (enum engine_reaction)reactions[phase][kind];
}
