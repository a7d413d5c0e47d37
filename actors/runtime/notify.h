/* SPDX-License-Identifier: MIT
 *
 * What an actor tells its supervisor, a line each through the descriptor that
 * TROUPE_NOTIFY_FD names: "ready", "stats {json}" and "stopping". Without that
 * variable nothing is told. Also the guard that ends an actor whose supervisor
 * is gone.
 */
#ifndef ACTOR_NOTIFY_H
#define ACTOR_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

#define NOTIFY_LINE_MAX                                                        \
    512 /* bytes; below PIPE_BUF, so a line is one write                       \
         */

struct notify {
    int fd; /* -1: nobody listens */
};

struct notify_stats {
    int64_t queue_age_ms; /* of the oldest request that waits */
    uint64_t queued, busy, workers, calls, errors;
};

/* Takes the descriptor from the environment; -1 if there is none or it is not
 * open. It is made close-on-exec and non-blocking: a supervisor that does not
 * read loses stats lines and stops nobody. */
void notify_open(struct notify *notify);
void notify_ready(struct notify *notify);
void notify_stats(struct notify *notify, const struct notify_stats *stats);
void notify_stopping(struct notify *notify);
void notify_close(struct notify *notify);

/* From now on this process dies with its parent, if TROUPE_SUPERVISOR_PID says
 * that a supervisor is its parent. Non-zero: that parent is gone already. */
int notify_guard(void);

#endif
