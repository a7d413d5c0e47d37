/* SPDX-License-Identifier: MIT
 *
 * Timers: a binary heap of objects that lie in their owners. Nothing fires by
 * itself: somebody asks when the first is due, and takes it.
 */
#ifndef SAGA_TIMERS_H
#define SAGA_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t due; /* monotonic ns */
    void *owner;
    uint32_t at;  /* place in the heap, from 1; 0: not set */
    uint8_t kind; /* the owner's */
};

struct timers {
    struct timer **heap;
    size_t count, cap;
};

void timers_release(struct timers *timers);

/* Sets or moves a timer. It must be cancelled before it goes away. */
void timers_set(struct timers *timers, struct timer *timer, int64_t due);
void timers_cancel(struct timers *timers, struct timer *timer);

/* When the first is due; INT64_MAX: none is set. */
int64_t timers_due(const struct timers *timers);
/* Takes the first if it is due; NULL: none is. */
struct timer *timers_take(struct timers *timers, int64_t now);

#endif
