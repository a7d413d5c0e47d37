/* SPDX-License-Identifier: MIT
 *
 * Injected faults, in builds with TROUPE_TESTS only: the file
 * HOME/fault/ACTOR.METHOD holds words like "INTERNAL INTERNAL
 * FAILED_PRECONDITION"; each call takes the first word off and answers that
 * code before its handler runs. "OK" lets one call through.
 */
#ifndef ACTOR_FAULT_H
#define ACTOR_FAULT_H

struct actor_process;

#define FAULT_BYTES_MAX 4096 /* of one file */

/* The code that this call must answer; BUS_OK: none, and always so in builds
 * without test hooks. Any thread, any replica. */
int fault_take(const struct actor_process *process, const char *method);

#endif
