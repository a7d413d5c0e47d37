/* SPDX-License-Identifier: MIT
 *
 * What a child is started with: its arguments and its whole environment, as
 * NULL-ended arrays in an arena. Pure.
 */
#ifndef LAUNCH_H
#define LAUNCH_H

#include "actors/supervisor/topology.h"

#define LAUNCH_NOTIFY_FD 3 /* the child's end of the notify pipe */

struct launch_site {
    const char *home;
    const char *node;
    int supervisor_pid;
    char *const *environ; /* what the supervisor itself was given */
};

struct launch {
    char **args; /* args[0] is the program */
    char **env;
};

/* PROGRAM -f CONFIG --instance N --home DIR --node NAME --workers N
 * --replicas N, with TROUPE_HOME, TROUPE_NOTIFY_FD, TROUPE_SUPERVISOR_PID and
 * the actor's Env over the supervisor's environment. */
struct launch launch_run(const struct launch_site *site,
                         const struct topology_actor *spec, int number,
                         int replicas, struct bus_arena *arena);

/* PROGRAM --check -f CONFIG --home DIR --node NAME, without a notify pipe. */
struct launch launch_check(const struct launch_site *site,
                           const struct topology_actor *spec,
                           struct bus_arena *arena);

#endif
