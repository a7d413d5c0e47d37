/* SPDX-License-Identifier: MIT
 *
 * Another process of a test. It is forked before this process opens the
 * database, for SQLite forbids carrying a connection over; two pipes of single
 * bytes keep both in step.
 */
#ifndef TESTS_STORE_CHILD_H
#define TESTS_STORE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int in;  /* what the other says */
    int out; /* what it hears */
};

/* Runs body(self, arg) in a child, whose exit status is what it returns. The
 * child dies with this process. */
void child_start(struct child *child,
                 int (*body)(struct child *self, void *arg), void *arg);

/* Both sides: say one byte; wait for one (false: the other side is gone). */
void child_say(struct child *child);
bool child_hear(struct child *child);

/* Waits for the end: its exit status, or minus the signal. */
int child_wait(struct child *child);
int child_kill(struct child *child);

#endif
