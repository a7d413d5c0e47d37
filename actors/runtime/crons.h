/* SPDX-License-Identifier: MIT
 *
 * An actor's cron entries: from `Cron:` of its own configuration and of its
 * place in the topology.
 *
 *     Cron:
 *       count:                  # a name of the author's choice
 *         At: "0 3 * * mon-fri" # or @daily, @every 30s: schedule/cron.h
 *         Zone: Europe/Berlin   # UTC
 *         Method: countUsers
 *         Body: {kind: all}     # checked against the method's request
 *         Catchup: last         # none: what nobody ran in time stays undone
 *         Overlap: run          # skip: not while the one before still runs
 *         Timeout: 60000        # ms; the method's own; 0: no limit
 */
#ifndef RUNTIME_CRONS_H
#define RUNTIME_CRONS_H

#include "actors/runtime/runtime.h"

#define CRONS_ZONE_MAX 60 /* bytes of a zone's name */

/* Takes the key out of the map and returns what it holds, NULL without it: the
 * shapes of the other keys do not know the methods. */
struct bus_yaml *crons_cut(struct bus_yaml *map);

/* Fills runtime->crons from that and from options.topology; both live in the
 * process's arena. INVALID_ARGUMENT with the position, also where an actor
 * without a store has entries. */
int crons_read(struct runtime *runtime, const struct bus_yaml *own,
               struct bus_error *err);
void crons_release(struct runtime *runtime);

#endif
