/* SPDX-License-Identifier: MIT
 *
 * What clients and operators want, what time brings, and what a restart finds.
 */
#include "actors/saga/engine_work.h"
#include "bus/code.h"

/* Its client means it. */
void work_submit(struct work *work)
{
    struct engine *engine = work->engine;
    engine->check = (struct engine_branch){0};
    work_move_gated(work, engine->phase == PHASE_NEW ? PHASE_ACCEPTING
                                                     : PHASE_SUBMITTING);
}

/* The client of what is prepared has said nothing in time. */
static void overdue(struct work *work)
{
    struct engine *engine = work->engine;
    if (!engine->check_rule)
        work_turn(work);
    else if (engine->check.status == BRANCH_WAITING)
        work_call(work, 0, OP_CHECK);
}

void work_on_deadline(struct work *work)
{
    struct engine *engine = work->engine;
    if (engine->phase == PHASE_PREPARED)
        overdue(work);
    else if (engine_firm(engine))
        engine->held = false;
    else
        engine->abort = true;
}

void work_on_abort(struct work *work)
{
    struct engine *engine = work->engine;
    if (engine->phase == PHASE_PREPARED || engine->phase == PHASE_PREPARING)
        work_turn(work);
    else if (!engine_firm(engine))
        engine->abort = true;
}

/* Nothing is called any more; what is in flight is not waited for. */
void work_on_stop(struct work *work)
{
    struct engine *engine = work->engine;
    for (uint16_t i = 0; i < engine->count; i++) {
        struct engine_branch *action = engine_branch_of(engine, i, OP_ACTION);
        struct engine_branch *undo = engine_branch_of(engine, i, OP_COMPENSATE);
        if (action->status != BRANCH_WAITING && action->status != BRANCH_DONE)
            action->status = BRANCH_FAILED;
        if (undo->status != BRANCH_DONE)
            undo->status = BRANCH_NONE;
    }
    engine->check = (struct engine_branch){0};
    work_move_gated(work, PHASE_CLOSING_UNDONE);
}

static void wake_branch(struct work *work, uint16_t step, enum engine_op op)
{
    struct engine_branch *branch = engine_branch_of(work->engine, step, op);
    if (branch->status == BRANCH_PARKED)
        branch->failures = 0;
    if (engine_branch_timed(branch) || branch->status == BRANCH_PARKED)
        work_call(work, step, op);
}

void work_on_wake(struct work *work)
{
    struct engine *engine = work->engine;
    if (engine->phase == PHASE_PREPARED) {
        wake_branch(work, 0, OP_CHECK);
        return;
    }
    for (uint16_t i = 0; i < engine->count; i++) {
        if (engine->phase == PHASE_UNDOING)
            wake_branch(work, i, OP_COMPENSATE);
        else if (!engine->abort)
            wake_branch(work, i, OP_ACTION);
    }
}

void work_close_with(struct work *work, int code)
{
    if (code != BUS_OK) {
        work_on_stop(work);
        return;
    }
    work->engine->check = (struct engine_branch){0};
    work_move_gated(work, PHASE_CLOSING_DONE);
}

/* By hand, of what waits for another try or is parked. */
void work_on_settled(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    const struct engine_branch *branch =
        engine_branch_of(engine, event->step, event->op);
    if (!engine_branch_timed(branch) && branch->status != BRANCH_PARKED)
        return;
    if (event->code == BUS_OK)
        work_settle(work, event);
    else if (event->op == OP_ACTION && !engine_firm(engine))
        work_fail(work, event->step);
}

static bool waits(const struct engine_branch *branch)
{
    return engine_branch_timed(branch) || branch->status == BRANCH_PARKED;
}

bool engine_may_urge(const struct engine *engine, uint16_t step,
                     enum engine_op op)
{
    const struct engine_step *at = &engine->steps[step];
    bool forth = engine->phase == PHASE_RUNNING;
    bool back =
        engine->phase == PHASE_TURNING || engine->phase == PHASE_UNDOING;
    if (op == OP_ACTION)
        return forth && !engine->abort && waits(&at->branch[OP_ACTION]);
    if (back && waits(&at->branch[OP_COMPENSATE]))
        return true;
    if (at->branch[OP_COMPENSATE].status != BRANCH_WAITING ||
        engine_firm(engine))
        return false;
    return back || (forth && at->branch[OP_ACTION].status == BRANCH_DONE);
}

/* What is to be undone before its turn is marked so: on disk, for it was asked
 * for; and called with what else can be once the way back is. */
void work_on_urged(struct work *work, const struct engine_event *event)
{
    struct engine *engine = work->engine;
    struct engine_branch *branch =
        engine_branch_of(engine, event->step, event->op);
    if (!engine_may_urge(engine, event->step, event->op))
        return;
    work->changed = true;
    work->sync = true;
    if (waits(branch)) {
        wake_branch(work, event->step, event->op);
        return;
    }
    branch->status = BRANCH_URGED;
    if (engine->phase == PHASE_RUNNING)
        engine->abort = true;
}

/* Rule 3. Tries that were under way or waiting begin again at once; what is
 * parked stays so, and what was called before its turn is again. */
void work_on_resumed(struct engine *engine)
{
    bool running = engine->phase == PHASE_RUNNING;
    enum engine_op op = running ? OP_ACTION : OP_COMPENSATE;
    engine->check = (struct engine_branch){0};
    if (engine->phase == PHASE_PREPARED)
        return;
    for (uint16_t i = 0; i < engine->count; i++) {
        struct engine_branch *branch = engine_branch_of(engine, i, op);
        if (branch->status == BRANCH_CALLING || engine_branch_timed(branch))
            branch->status = running || engine_undo_due(engine, i)
                                 ? BRANCH_WAITING
                                 : BRANCH_URGED;
        if (running &&
            (branch->status == BRANCH_FAILED ||
             engine->steps[i].branch[OP_COMPENSATE].status == BRANCH_URGED))
            engine->abort = true;
    }
    engine->durable = engine_done(engine);
    engine->reached = engine_mask(engine->count);
}
