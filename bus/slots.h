/* SPDX-License-Identifier: MIT
 *
 * The calls in flight on a line, by id. Not thread-safe, but for `used`: the
 * line's lock is held.
 */
#ifndef BUS_SLOTS_H
#define BUS_SLOTS_H

#include "bus/bus_internal.h"

struct slots {
    struct attempt **attempts; /* NULL: free */
    uint32_t count;
    uint32_t *free; /* a stack of free ones */
    uint32_t free_count;
    uint32_t round; /* makes ids differ that share a slot */
    atomic_uint used;
};

void slots_release(struct slots *slots);

/* Gives the attempt an id. False: BUS_LINE_CALLS_MAX are in flight. */
bool slots_add(struct slots *slots, struct attempt *attempt);

/* Takes out the one of that id; NULL: it is not there (any more). */
struct attempt *slots_take(struct slots *slots, uint64_t id);

typedef bool slot_match(const struct attempt *attempt, int64_t value);

bool slot_any(const struct attempt *attempt, int64_t unused);
bool slot_in_frame(const struct attempt *attempt, int64_t frame);
bool slot_oneway_in_frame(const struct attempt *attempt, int64_t frame);
bool slot_up_to_frame(const struct attempt *attempt, int64_t frame);
bool slot_overdue(const struct attempt *attempt, int64_t now);
bool slot_repeatable(const struct attempt *attempt, int64_t unused);

/* Takes out those that match, as a list. */
struct attempt *slots_pick(struct slots *slots, slot_match *match,
                           int64_t value);

int64_t slots_next_deadline(const struct slots *slots);

#endif
