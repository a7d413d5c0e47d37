/* SPDX-License-Identifier: MIT
 *
 * The heap: children of place i (from 1) at 2i and 2i+1.
 */
#include "actors/saga/timers.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST ((size_t)64)

void timers_release(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

static void put(struct timers *timers, size_t at, struct timer *timer)
{
    timers->heap[at - 1] = timer;
    timer->at = (uint32_t)at;
}

static void rise(struct timers *timers, size_t at)
{
    struct timer *timer = timers->heap[at - 1];
    while (at > 1 && timers->heap[at / 2 - 1]->due > timer->due) {
        put(timers, at, timers->heap[at / 2 - 1]);
        at /= 2;
    }
    put(timers, at, timer);
}

static void sink(struct timers *timers, size_t at)
{
    struct timer *timer = timers->heap[at - 1];
    for (;;) {
        size_t child = at * 2;
        if (child > timers->count)
            break;
        if (child < timers->count &&
            timers->heap[child]->due < timers->heap[child - 1]->due)
            child++;
        if (timers->heap[child - 1]->due >= timer->due)
            break;
        put(timers, at, timers->heap[child - 1]);
        at = child;
    }
    put(timers, at, timer);
}

void timers_set(struct timers *timers, struct timer *timer, int64_t due)
{
    timers_cancel(timers, timer);
    assert(timers->count < UINT32_MAX);
    if (timers->count == timers->cap) {
        timers->cap = timers->cap ? timers->cap * 2 : FIRST;
        timers->heap =
            realloc(timers->heap, timers->cap * sizeof(struct timer *));
        if (!timers->heap)
            abort();
    }
    timer->due = due;
    timers->heap[timers->count++] = timer;
    rise(timers, timers->count);
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
    size_t at = timer->at;
    if (at == 0)
        return;
    assert(timers->heap[at - 1] == timer);
    timer->at = 0;
    struct timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    put(timers, at, last);
    rise(timers, at);
    sink(timers, last->at);
}

int64_t timers_due(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[0]->due : INT64_MAX;
}

struct timer *timers_take(struct timers *timers, int64_t now)
{
    if (timers_due(timers) > now)
        return NULL;
    struct timer *first = timers->heap[0];
    timers_cancel(timers, first);
    return first;
}
