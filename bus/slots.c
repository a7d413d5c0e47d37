/* SPDX-License-Identifier: MIT
 *
 * Calls in flight: an array of pointers and a stack of free places. An id is
 * the place and a round, so that a late reply to an older call that had the
 * place finds nobody.
 */
#include "bus/slots.h"

#include <stdlib.h>

#define SLOTS_FIRST 64
#define ROUNDS 0x8000 /* times BUS_LINE_CALLS_MAX: ids stay below 2^31 */

static void slots_grow(struct slots *slots)
{
    uint32_t old = slots->count;
    uint32_t count = old ? old * 2 : SLOTS_FIRST;
    slots->attempts =
        realloc(slots->attempts, count * sizeof(*slots->attempts));
    slots->free = realloc(slots->free, count * sizeof(*slots->free));
    if (!slots->attempts || !slots->free)
        abort();
    /* Lowest first: small ids pack into fewer bytes. */
    for (uint32_t i = count; i > old; i--) {
        slots->attempts[i - 1] = NULL;
        slots->free[slots->free_count++] = i - 1;
    }
    slots->count = count;
}

void slots_release(struct slots *slots)
{
    free(slots->attempts);
    free(slots->free);
}

bool slots_add(struct slots *slots, struct attempt *attempt)
{
    if (slots->free_count == 0) {
        if (slots->count >= BUS_LINE_CALLS_MAX)
            return false;
        slots_grow(slots);
    }
    uint32_t slot = slots->free[--slots->free_count];
    slots->attempts[slot] = attempt;
    attempt->id = slot + BUS_LINE_CALLS_MAX * (slots->round++ % ROUNDS);
    atomic_fetch_add_explicit(&slots->used, 1, memory_order_relaxed);
    return true;
}

static void slot_free(struct slots *slots, uint32_t slot)
{
    slots->attempts[slot] = NULL;
    slots->free[slots->free_count++] = slot;
    atomic_fetch_sub_explicit(&slots->used, 1, memory_order_relaxed);
}

struct attempt *slots_take(struct slots *slots, uint64_t id)
{
    uint32_t slot = (uint32_t)(id % BUS_LINE_CALLS_MAX);
    if (slot >= slots->count)
        return NULL;
    struct attempt *attempt = slots->attempts[slot];
    if (!attempt || attempt->id != id)
        return NULL;
    slot_free(slots, slot);
    return attempt;
}

struct attempt *slots_pick(struct slots *slots, slot_match *match,
                           int64_t value)
{
    struct attempt *list = NULL;
    if (slots->used == 0)
        return NULL;
    for (uint32_t i = slots->count; i > 0; i--) {
        struct attempt *attempt = slots->attempts[i - 1];
        if (!attempt || !match(attempt, value))
            continue;
        slot_free(slots, i - 1);
        attempt->next = list;
        list = attempt;
    }
    return list;
}

bool slot_any(const struct attempt *attempt, int64_t unused)
{
    (void)attempt;
    (void)unused;
    return true;
}

bool slot_in_frame(const struct attempt *attempt, int64_t frame)
{
    return attempt->frame == (uint64_t)frame;
}

bool slot_oneway_in_frame(const struct attempt *attempt, int64_t frame)
{
    return attempt->oneway && slot_in_frame(attempt, frame);
}

bool slot_up_to_frame(const struct attempt *attempt, int64_t frame)
{
    return attempt->frame <= (uint64_t)frame;
}

bool slot_overdue(const struct attempt *attempt, int64_t now)
{
    return attempt->deadline <= now;
}

bool slot_repeatable(const struct attempt *attempt, int64_t unused)
{
    (void)unused;
    return attempt->idempotent;
}

int64_t slots_next_deadline(const struct slots *slots)
{
    int64_t next = BUS_FOREVER;
    if (slots->used == 0)
        return next;
    for (uint32_t i = 0; i < slots->count; i++) {
        const struct attempt *attempt = slots->attempts[i];
        if (attempt && attempt->deadline < next)
            next = attempt->deadline;
    }
    return next;
}
