/* SPDX-License-Identifier: MIT
 *
 * Sagas that are steps of other sagas. The outer one submits the inner one as
 * anybody would, to the saga actor, under a gid made of its own and the branch:
 * a repeated call joins the saga that is there. Its outcome decides the step.
 * To compensate the step the inner saga is undone: it is rolled back if it
 * still runs; if it is done, the compensations of all its steps run; if nobody
 * knows it, it is written down as rolled back, so that a late submission finds
 * that and does nothing.
 */
#ifndef SAGA_NESTED_H
#define SAGA_NESTED_H

#include "actors/saga/run.h"

/* True if that branch is a saga. */
bool nested_is(const struct saga *saga, uint16_t step, enum engine_op op);

/* The method of the saga actor that does it. */
const char *nested_method(enum engine_op op);

/* From the branch's inputs to the request of that method. INVALID_ARGUMENT: its
 * gid would be too long. */
int nested_body(const struct saga *saga, uint16_t step, enum engine_op op,
                struct bus_bytes inputs, struct bus_buf *ret,
                struct bus_error *err);

/* What the saga actor answered, as the answer of a step. Spans point into
 * reply. */
struct bus_reply nested_reply(const struct bus_reply *reply, enum engine_op op);

/* saga.undo: nobody, a run, or a finished row has the gid. */
void nested_undo_none(struct orchestrator *orch, struct submission *submission);
void nested_undo_run(struct orchestrator *orch, struct run *run,
                     const struct submission *submission);
void nested_undo_row(struct orchestrator *orch,
                     const struct submission *submission,
                     const struct journal_row *row);
/* It still runs and is another orchestrator's, at that address ("" unknown): he
 * alone can turn it back, and is asked to. */
void nested_undo_elsewhere(struct orchestrator *orch,
                           const struct submission *submission,
                           const char *address);
/* Tells whoever waits for an undo that it has ended, or is late. */
void nested_told(struct orchestrator *orch, const struct waiter *waiter,
                 enum engine_news news);
void nested_late(struct orchestrator *orch, const struct waiter *waiter);

#endif
