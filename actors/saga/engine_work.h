/* SPDX-License-Identifier: MIT
 *
 * What the files of the engine share: one event in work, the moves that any
 * handler may make, and the handlers that engine.c calls. Not for anybody else.
 */
#ifndef SAGA_ENGINE_WORK_H
#define SAGA_ENGINE_WORK_H

#include "actors/saga/engine.h"

#define BIT(i) (UINT64_C(1) << (i))

struct work {
    struct engine *engine;
    struct engine_out *out;
    bool changed; /* the state is to be written */
    bool sync;    /* and waited for */
};

/* engine.c */
struct engine_branch *engine_branch_of(struct engine *engine, size_t step,
                                       enum engine_op op);
const struct engine_rule *engine_rule_of(const struct engine *engine,
                                         const struct engine_event *event);
/* Once it runs it goes on to its end, whatever a branch says. */
bool engine_firm(const struct engine *engine);
/* Of a saga strict reverse: whatever came after it is undone already. */
bool engine_undo_due(const struct engine *engine, uint16_t step);
void work_say(struct engine_out *out, struct engine_command command);
void work_move(struct engine *engine, enum engine_phase to);
/* Moves to a phase that lasts until the state is on disk. */
void work_move_gated(struct work *work, enum engine_phase to);
void work_call(struct work *work, uint16_t step, enum engine_op op);
/* Back, or to the end if there is nothing to undo. */
void work_turn(struct work *work);

/* engine_branch.c */
void work_fail(struct work *work, uint16_t step);
void work_settle(struct work *work, const struct engine_event *event);
void work_on_answered(struct work *work, const struct engine_event *event);
void work_on_lost(struct work *work, const struct engine_event *event);
void work_on_unsent(struct work *work, const struct engine_event *event);
void work_on_timer(struct work *work, const struct engine_event *event);

/* engine_client.c */
void work_submit(struct work *work);
void work_on_resumed(struct engine *engine);
void work_on_deadline(struct work *work);
void work_on_abort(struct work *work);
void work_on_stop(struct work *work);
void work_on_wake(struct work *work);
void work_close_with(struct work *work, int code);
void work_on_settled(struct work *work, const struct engine_event *event);
void work_on_urged(struct work *work, const struct engine_event *event);

#endif
