/* SPDX-License-Identifier: MIT
 *
 * Has anybody else changed the database? The cache of one process cannot see
 * the commits of other replicas, of `bus scale` or of a person with sqlite3;
 * the database counts all of them, and this process knows its own. Where the
 * two differ, everything cached is dropped.
 */
#ifndef STORE_WATCH_H
#define STORE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct watch {
    /* Grows by one with every commit that changed something; NULL: unknown,
     * and nothing is ever noticed. Somebody else's memory. */
    const volatile _Atomic uint32_t *commits;
    /* What it may be without a stranger having committed: low half or, while
     * this process commits, high half. */
    _Atomic uint64_t known;
};

void watch_init(struct watch *watch, const volatile _Atomic uint32_t *commits);

/* True if somebody else committed since what is cached was read; ret_now is
 * for watch_accept. Any thread; a load or two. */
bool watch_moved(const struct watch *watch, uint32_t *ret_now);

/* What was cached before has been dropped. */
void watch_accept(struct watch *watch, uint32_t now);

/* Around a commit of this process that changed something: expect is called
 * inside the transaction, when watch_moved has just been answered, settle with
 * what expect returned. */
uint32_t watch_expect(struct watch *watch);
void watch_settle(struct watch *watch, uint32_t expected, bool committed);

#endif
