/* SPDX-License-Identifier: MIT
 *
 * A supervisor at work: the loop that joins the mind (super.h) with processes,
 * signals, the clock and the control socket.
 */
#ifndef RUN_H
#define RUN_H

struct run_options {
    const char *home;     /* absolute, made */
    const char *topology; /* a path */
    const char *bin;      /* where programs lie */
    const char *log; /* where its own log goes once it runs; NULL: stderr */
};

/* Runs until it is told to stop (SIGTERM, SIGINT, SIGHUP, or `down`) and all
 * children are gone. Returns the exit status: 0, or 2 with the reason said on
 * standard error when nothing was started. If TROUPE_NOTIFY_FD is set, writes
 * "listening\n" there when it takes commands, and "ready\n" when all children
 * were ready. */
int run_supervisor(const struct run_options *options);

#endif
