/* SPDX-License-Identifier: MIT
 *
 * A thread that deletes old rows of the barrier and old replies, so that they
 * do not grow for ever.
 */
#ifndef STORE_PURGER_H
#define STORE_PURGER_H

#include <stdint.h>

#include "bus/clock.h"

#define PURGER_STEP (600 * BUS_SECOND) /* between two rounds */
#define PURGER_PAUSE (20 * BUS_MILLI)  /* between two batches */

struct purger;
struct store_shared;

/* Deletes what is older than that, at once and then every PURGER_STEP, batch
 * after batch with pauses in which others write. */
struct purger *purger_start(struct store_shared *shared, int64_t keep_ns);

/* Waits for the batch that runs. NULL: does nothing. */
void purger_stop(struct purger *purger);

#endif
