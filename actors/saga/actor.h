/* SPDX-License-Identifier: MIT
 *
 * The saga actor: the orchestrator on a thread of its own, with the bus for its
 * calls and a journal for its memory. Methods submit, show and list; see
 * README.md for what they take and answer.
 */
#ifndef SAGA_ACTOR_H
#define SAGA_ACTOR_H

#include "actors/runtime/process.h"
#include "actors/saga/orchestrator.h"

#define SAGA_INBOUND_MAX 65536 /* requests that wait for the loop */

extern const struct actor_type saga_actor;

/* What saga_actor.loop is made of, for tests that run it without threads:
 * saga_actor_open with threads false, then saga_actor_step again and again. */
struct saga_actor;

int saga_actor_open(struct actor_process *process, bool threads,
                    struct saga_actor **ret, struct bus_error *err);
void saga_actor_serve(struct saga_actor *self, struct bus_inbound *inbound);
/* One round. 0: something was done; else when to ask again (monotonic ns). */
int64_t saga_actor_step(struct saga_actor *self);
void saga_actor_drain(struct saga_actor *self, int64_t deadline);
void saga_actor_close(struct saga_actor *self);

#endif
