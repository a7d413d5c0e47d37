/* SPDX-License-Identifier: MIT
 *
 * Workers: threads that take requests out of the mailbox and answer them.
 */
#ifndef ACTOR_WORKER_H
#define ACTOR_WORKER_H

#include "actors/runtime/runtime.h"

/* Arena, store and the author's state; on the worker's own thread. On failure
 * worker->error says why; worker_close is called all the same. */
int worker_open(struct actor_worker *worker);
void worker_close(struct actor_worker *worker);

/* Starts every worker's thread and waits until all have opened. */
int workers_start(struct runtime *runtime, struct bus_error *err);
/* Closes the mailbox, lets the workers finish what is in it, joins them. */
void workers_stop(struct runtime *runtime);

/* Runs one request here and answers it. */
void worker_serve(struct actor_worker *worker, struct bus_inbound *inbound);

#endif
