/* SPDX-License-Identifier: MIT
 *
 * The control socket HOME/sock/supervisor.ctl: takes lines from several clients
 * at once, hands parsed commands on, and keeps those that wait. A client that
 * says nothing for long, too much, or does not read its answers is dropped.
 * Whoever may enter the home (0700) may command.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <uv.h>

#include "actors/supervisor/command.h"
#include "bus/home.h"

#define CONTROL_PEERS_MAX 32
#define CONTROL_BACKLOG 128  /* connections not yet accepted */
#define CONTROL_IDLE_MS 3000 /* without a whole line, while not waiting */
#define CONTROL_UNREAD_MAX                                                     \
    ((size_t)1 << 20) /* bytes a client leaves unread                          \
                       */

/* Answers a command: appends a reply line and returns true, or returns false:
 * the client waits, and is asked about again by control_review. `first` is
 * false when it is asked again. */
typedef bool control_answer(void *arg, const struct command *command,
                            bool first, struct bus_buf *reply);

struct control_peer;

struct control {
    uv_loop_t *loop;
    uv_pipe_t listener;
    bool listening;
    char path[BUS_PATH_MAX];
    control_answer *answer;
    void *arg;
    struct control_peer *peers;
    int count;
};

/* Listens; takes the place of a socket that a dead supervisor left. */
int control_open(struct control *control, uv_loop_t *loop, const char *home,
                 struct bus_error *err);

/* Asks again about everyone who waits. */
void control_review(struct control *control);

/* Sends a line to everyone who waits and asked for progress. */
void control_tell(struct control *control, const struct bus_buf *line);

/* Removes the socket and drops everyone; the handles close in the loop. */
void control_close(struct control *control);

#endif
