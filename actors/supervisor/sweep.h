/* SPDX-License-Identifier: MIT
 *
 * What dead children leave behind: names in HOME/names that no process holds
 * any more, and sockets in HOME/sock of processes that are gone. A child that
 * ends in order takes its own away; this is for those that were killed. A name
 * is dead when its lock is free, a socket when the pid in its file name is.
 */
#ifndef SWEEP_H
#define SWEEP_H

/* The name of one instance whose process is dead becomes the mark of a crash;
 * its sockets are removed. */
void sweep_instance(const char *home, const char *actor, int number, int pid);

/* Everything dead in the home, and folders without a name in them. For when
 * nothing is running. */
void sweep_home(const char *home);

#endif
