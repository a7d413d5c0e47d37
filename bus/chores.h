/* SPDX-License-Identifier: MIT
 *
 * A thread for what must not be done where it is noticed: freeing what a
 * callback still stands in, trying again after a while. It keeps time by the
 * monotonic clock, and it knows how many things are not freed yet.
 */
#ifndef BUS_CHORES_H
#define BUS_CHORES_H

#include <stdbool.h>
#include <stdint.h>

/* Lies in the object it belongs to, zeroed at first; the thread forgets it
 * before it calls run, which may free the object. */
struct chore {
    struct chore *next, *prev;
    int64_t due; /* monotonic ns */
    bool queued;
    void (*run)(struct chore *chore);
};

struct chores;

struct chores *chores_start(void);

/* One more object that chores_stop waits for, and one less. */
void chores_hold(struct chores *chores);
void chores_drop(struct chores *chores);

/* Has run called once on the thread, at that time or soon after; due 0: as soon
 * as may be. A chore that waits already gets this run and due in place of its
 * own. */
void chores_put(struct chores *chores, struct chore *chore,
                void (*run)(struct chore *chore), int64_t due);

/* Waits until everything held was dropped, at most limit_ms, and frees; false
 * if something hangs, and then the thread is left behind. */
bool chores_stop(struct chores *chores, int limit_ms);

#endif
