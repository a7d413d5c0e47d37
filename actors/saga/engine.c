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

#include "actors/saga/engine_work.h"

/* Which phases may follow. RUNNING to CLOSING_UNDONE: nothing to undo; DONE to
 * TURNING: its parent rolls back. */
#define TO(name) (1u << PHASE_##name)
static const uint16_t moves[PHASE_COUNT] = {
    [PHASE_NEW] = TO(ACCEPTING) | TO(PREPARING),
    [PHASE_PREPARING] = TO(PREPARED) | TO(REFUSED) | TO(SUBMITTING) |
                        TO(TURNING) | TO(CLOSING_DONE) | TO(CLOSING_UNDONE),
    [PHASE_PREPARED] =
        TO(SUBMITTING) | TO(TURNING) | TO(CLOSING_DONE) | TO(CLOSING_UNDONE),
    [PHASE_SUBMITTING] = TO(RUNNING) | TO(CLOSING_UNDONE),
    [PHASE_ACCEPTING] = TO(RUNNING) | TO(REFUSED) | TO(CLOSING_UNDONE),
    [PHASE_RUNNING] = TO(TURNING) | TO(CLOSING_DONE) | TO(CLOSING_UNDONE),
    [PHASE_TURNING] = TO(UNDOING) | TO(CLOSING_UNDONE),
    [PHASE_UNDOING] = TO(CLOSING_UNDONE),
    [PHASE_CLOSING_DONE] = TO(DONE),
    [PHASE_CLOSING_UNDONE] = TO(UNDONE),
    [PHASE_DONE] = TO(TURNING) | TO(CLOSING_UNDONE),
};

enum { N = REACT_NEVER, I = REACT_IGNORE, H = REACT_HANDLE };

/* Columns as in ENGINE_EVENTS: SUBMITTED COMMITTED UNWRITTEN ANSWERED LOST
 * UNSENT TIMER RESUMED DEADLINE PREPARE REGISTERED ABORT CLOSE STOP WAKE
 * SETTLED URGED UNDO. Where a branch may be in flight although the phase does
 * not wait for it (a check while its client speaks up, a stop), its answer is
 * ignored. */
static const uint8_t reactions[PHASE_COUNT][EVENT_COUNT] = {
    [PHASE_NEW] = {H, N, N, N, N, N, N, N, N, H, N, N, N, N, N, N, N, N},
    [PHASE_PREPARING] = {H, H, H, N, N, N, N, N, I, I, H, H, H, H, I, I, I, N},
    [PHASE_PREPARED] = {H, I, I, H, H, H, H, H, H, I, H, H, H, H, H, I, I, N},
    [PHASE_SUBMITTING] = {I, H, I, I, I, N, I, N, I, I, N, I, N, H, I, I, I, N},
    [PHASE_ACCEPTING] = {I, H, H, N, N, N, N, N, H, I, N, H, N, H, I, I, I, N},
    [PHASE_RUNNING] = {I, H, I, H, H, H, H, H, H, I, N, H, N, H, H, H, H, N},
    [PHASE_TURNING] = {N, H, I, I, I, N, I, N, I, N, N, I, N, H, I, I, H, N},
    [PHASE_UNDOING] = {N, I, I, H, H, H, H, H, I, N, N, I, N, H, H, H, H, N},
    [PHASE_CLOSING_DONE] = {N, H, I, I, I, N, I, N, I, N, N, N, N, I, I, I, I,
                            N},
    [PHASE_CLOSING_UNDONE] = {N, H, I, I, I, N, I, N, I, N, N, N, N, I, I, I, I,
                              N},
    [PHASE_DONE] = {N, I, I, I, I, N, I, N, I, N, N, N, N, I, I, I, I, H},
    [PHASE_UNDONE] = {N, I, I, I, I, N, I, N, I, N, N, N, N, I, I, I, I, N},
    [PHASE_REFUSED] = {N, I, I, I, I, N, I, N, I, N, N, N, N, I, I, I, I, N},
};

void work_say(struct engine_out *out, struct engine_command command)
{
    assert(out->count < ENGINE_COMMANDS_MAX);
    out->items[out->count++] = command;
}

void work_move(struct engine *engine, enum engine_phase to)
{
    assert(moves[engine->phase] & 1u << to);
    engine->phase = (uint8_t)to;
}

/* Moves to a phase that lasts until the state is on disk. */
void work_move_gated(struct work *work, enum engine_phase to)
{
    work_move(work->engine, to);
    work->engine->gate = work->engine->version + 1;
    work->changed = true;
    work->sync = true;
}

struct engine_branch *engine_branch_of(struct engine *engine, size_t step,
                                       enum engine_op op)
{
    if (op == OP_CHECK)
        return &engine->check;
    assert(step < engine->count);
    return &engine->steps[step].branch[op];
}

void engine_init(struct engine *engine, const struct engine_rule *rules,
                 struct engine_step *steps, uint16_t count)
{
    assert(count <= ENGINE_STEPS_MAX);
    *engine = (struct engine){
        .phase = PHASE_NEW,
        .count = count,
        .failed = -1,
        .rules = rules,
        .steps = steps,
    };
    if (count > 0)
        memset(steps, 0, count * sizeof(*steps));
    for (uint16_t i = 0; i < count; i++)
        if (!rules[i].compensates)
            steps[i].branch[OP_COMPENSATE].status = BRANCH_NONE;
}

void engine_grow(struct engine *engine, const struct engine_rule *rules,
                 struct engine_step *steps, uint16_t count)
{
    assert(engine->phase <= PHASE_PREPARED && count <= ENGINE_STEPS_MAX &&
           count >= engine->count);
    for (uint16_t i = engine->count; i < count; i++) {
        steps[i] = (struct engine_step){0};
        if (!rules[i].compensates)
            steps[i].branch[OP_COMPENSATE].status = BRANCH_NONE;
    }
    engine->rules = rules;
    engine->steps = steps;
    engine->count = count;
}

/* Once it runs it goes on to its end, whatever a branch says. */
bool engine_firm(const struct engine *engine)
{
    return engine->pattern != PATTERN_SAGA;
}

static bool registers(const struct engine *engine)
{
    return engine->pattern == PATTERN_TCC || engine->pattern == PATTERN_XA;
}

const struct engine_rule *engine_rule_of(const struct engine *engine,
                                         const struct engine_event *event)
{
    return event->op == OP_CHECK ? engine->check_rule
                                 : &engine->rules[event->step];
}

void work_call(struct work *work, uint16_t step, enum engine_op op)
{
    struct engine_branch *branch = engine_branch_of(work->engine, step, op);
    assert(branch->status == BRANCH_WAITING || engine_branch_timed(branch) ||
           branch->status == BRANCH_PARKED || branch->status == BRANCH_URGED);
    branch->status = BRANCH_CALLING;
    branch->attempts++;
    if (op == OP_ACTION)
        work->engine->reached |= BIT(step);
    work->changed = true;
    work_say(work->out, (struct engine_command){.kind = COMMAND_CALL,
                                                .op = op,
                                                .step = step,
                                                .attempt = branch->attempts});
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

bool engine_undo_due(const struct engine *engine, uint16_t step)
{
    for (uint16_t i = 0; i < engine->count; i++)
        if ((engine->rules[step].undo_after & BIT(i)) &&
            !engine_branch_settled(&engine->steps[i].branch[OP_COMPENSATE]))
            return false;
    return true;
}

static bool compensation_ready(const struct engine *engine, uint16_t step)
{
    const struct engine_branch *undo =
        &engine->steps[step].branch[OP_COMPENSATE];
    return undo->status == BRANCH_URGED ||
           (undo->status == BRANCH_WAITING && engine_undo_due(engine, step));
}

/* Chooses what is to be undone: what may have run and can be fed. Returns false
 * if there is nothing. Actions that waited for another try are given up. What
 * was registered may have been tried by its client. */
static bool choose_compensations(struct engine *engine)
{
    uint64_t done = engine_done(engine);
    if (registers(engine))
        engine->reached = engine_mask(engine->count);
    bool some = false;
    for (uint16_t i = 0; i < engine->count; i++) {
        struct engine_branch *action = engine_branch_of(engine, i, OP_ACTION);
        struct engine_branch *undo = engine_branch_of(engine, i, OP_COMPENSATE);
        if (engine_branch_timed(action) || action->status == BRANCH_PARKED)
            action->status = BRANCH_FAILED;
        if (!(engine->reached & BIT(i)) || (engine->rules[i].needs & ~done))
            undo->status = BRANCH_NONE;
        some = some || undo->status == BRANCH_WAITING ||
               undo->status == BRANCH_URGED;
    }
    return some;
}

void work_turn(struct work *work)
{
    bool some = choose_compensations(work->engine);
    work_move_gated(work, some ? PHASE_TURNING : PHASE_CLOSING_UNDONE);
}

static void advance_running(struct work *work)
{
    struct engine *engine = work->engine;
    uint64_t done = engine_done(engine);
    if (engine->abort) {
        if (engine_calling(engine))
            return;
        work_turn(work);
        return;
    }
    if (engine->held)
        return;
    bool all = true;
    for (uint16_t i = 0; i < engine->count; i++) {
        all = all && (done & BIT(i));
        if (action_ready(work, i, done))
            work_call(work, i, OP_ACTION);
    }
    if (all)
        work_move_gated(work, PHASE_CLOSING_DONE);
}

static void advance_undoing(struct work *work)
{
    struct engine *engine = work->engine;
    bool all = true;
    for (uint16_t i = 0; i < engine->count; i++) {
        all = all &&
              engine_branch_settled(engine_branch_of(engine, i, OP_COMPENSATE));
        if (compensation_ready(engine, i))
            work_call(work, i, OP_COMPENSATE);
    }
    if (all)
        work_move_gated(work, PHASE_CLOSING_UNDONE);
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
    if (phase == PHASE_ACCEPTING || phase == PHASE_SUBMITTING)
        work_move(engine, PHASE_RUNNING);
    else if (phase == PHASE_PREPARING)
        work_move(engine, PHASE_PREPARED);
    else if (phase == PHASE_TURNING)
        work_move(engine, PHASE_UNDOING);
    else if (phase == PHASE_CLOSING_DONE)
        work_move(engine, PHASE_DONE);
    else if (phase == PHASE_CLOSING_UNDONE)
        work_move(engine, PHASE_UNDONE);
    else
        return;
    if (phase != PHASE_TURNING)
        work_say(work->out,
                 (struct engine_command){.kind = COMMAND_TELL,
                                         .news = engine_finished(engine)
                                                     ? NEWS_OUTCOME
                                                     : NEWS_ACCEPTED});
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
    if (work->engine->phase != PHASE_ACCEPTING &&
        work->engine->phase != PHASE_PREPARING)
        return;
    work_move(work->engine, PHASE_REFUSED);
    work_say(work->out, (struct engine_command){.kind = COMMAND_TELL,
                                                .news = NEWS_REFUSED});
}

static void dispatch(struct work *work, const struct engine_event *event)
{
    switch (event->kind) {
    case EVENT_SUBMITTED:
        work_submit(work);
        break;
    case EVENT_PREPARE:
        work_move_gated(work, PHASE_PREPARING);
        break;
    case EVENT_REGISTERED:
        work->changed = true;
        work->sync = true;
        break;
    case EVENT_ABORT:
        work_on_abort(work);
        break;
    case EVENT_CLOSE:
        work_close_with(work, event->code);
        break;
    case EVENT_STOP:
        work_on_stop(work);
        break;
    case EVENT_WAKE:
        work_on_wake(work);
        break;
    case EVENT_SETTLED:
        work_on_settled(work, event);
        break;
    case EVENT_URGED:
        work_on_urged(work, event);
        break;
    case EVENT_UNDO:
        work->engine->reached = engine_mask(work->engine->count);
        work_turn(work);
        break;
    case EVENT_COMMITTED:
        on_committed(work, event);
        break;
    case EVENT_UNWRITTEN:
        on_unwritten(work);
        break;
    case EVENT_ANSWERED:
        work_on_answered(work, event);
        break;
    case EVENT_LOST:
        work_on_lost(work, event);
        break;
    case EVENT_UNSENT:
        work_on_unsent(work, event);
        break;
    case EVENT_TIMER:
        work_on_timer(work, event);
        break;
    case EVENT_RESUMED:
        work_on_resumed(work->engine);
        break;
    case EVENT_DEADLINE:
        work_on_deadline(work);
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
        work_say(ret, (struct engine_command){.kind = COMMAND_JOURNAL,
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
