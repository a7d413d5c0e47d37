/* SPDX-License-Identifier: MIT
 *
 * One process of an actor: started by uv_spawn in a session of its own (a
 * terminal's Ctrl-C is the supervisor's business), heard through one notify
 * pipe (lines: ready, stats {json}, stopping), its output captured. Forked from
 * the loop's thread, which lives as long as the supervisor: the child's
 * PR_SET_PDEATHSIG follows that thread.
 */
#ifndef CHILD_H
#define CHILD_H

#include <uv.h>

#include "actors/supervisor/launch.h"
#include "actors/supervisor/super.h"

struct child_host {
    uv_loop_t *loop;
    struct launch_site site;
    void (*said)(void *arg, struct super_instance *instance, const char *line);
    void (*exited)(void *arg, struct super_instance *instance, int status,
                   int signo);
    void *arg;
};

/* Starts a process for the instance and sets instance->child. Returns its pid,
 * or -1 with the cause. `exited` is called once, later; the instance may not
 * go away before. */
int child_start(const struct child_host *host, struct super_instance *instance,
                char cause[SUPER_CAUSE_MAX]);

/* Sends a signal; SIGKILL goes to all processes of its session's group. */
void child_signal(struct super_instance *instance, int signo);

#endif
