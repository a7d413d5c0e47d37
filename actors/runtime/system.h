/* SPDX-License-Identifier: MIT
 *
 * The system methods, answered for every actor alike by a thread of their own,
 * so that an actor whose workers are all busy still says so: $ping, $describe,
 * $stats, $drain, $publish, $dlq, $cron, $cron_run. Formats: bus/WIRE.md,
 * "System methods".
 */
#ifndef ACTOR_SYSTEM_H
#define ACTOR_SYSTEM_H

#include "actors/runtime/runtime.h"

/* Every system method's name begins with it. */
#define SYSTEM_MARK '$'

int system_start(struct runtime *runtime, struct bus_error *err);
/* Answers what is waiting, then joins the thread. */
void system_stop(struct runtime *runtime);

/* Answers one request here; frees it. */
void system_serve(struct runtime *runtime, struct bus_inbound *inbound);

/* What `$describe` answers: one msgpack map, from the actor's own tables. */
void describe_pack(const struct actor_process *process, struct bus_buf *buf);

#endif
