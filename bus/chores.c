/* SPDX-License-Identifier: MIT
 *
 * One list in order of due time. New entries are mostly the latest or due at
 * once, so both ends are where the search for their place begins.
 */
#include "bus/chores.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "bus/clock.h"

struct chores {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct chore ends; /* of the ring; its next is due first */
    unsigned held;
    bool stop, done;
};

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / BUS_SECOND,
                             .tv_nsec = ns % BUS_SECOND};
}

static void take_out(struct chore *chore)
{
    chore->prev->next = chore->next;
    chore->next->prev = chore->prev;
    chore->queued = false;
}

static void put_after(struct chore *place, struct chore *chore)
{
    chore->prev = place;
    chore->next = place->next;
    place->next->prev = chore;
    place->next = chore;
    chore->queued = true;
}

/* The first that is due, taken out, and what it wants run: once the lock is
 * given up the chore may be put anew with another. NULL: wait until *wake. Lock
 * held. */
static struct chore *take_due(struct chores *chores, int64_t *wake,
                              void (**ret_run)(struct chore *chore))
{
    struct chore *first = chores->ends.next;
    *wake = BUS_FOREVER;
    if (first == &chores->ends)
        return NULL;
    if (first->due > bus_now(&bus_clock_system)) {
        *wake = first->due;
        return NULL;
    }
    take_out(first);
    *ret_run = first->run;
    return first;
}

static void *chores_run(void *arg)
{
    struct chores *chores = arg;
    pthread_mutex_lock(&chores->lock);
    while (chores->held > 0 || !chores->stop) {
        int64_t wake;
        void (*run)(struct chore * chore);
        struct chore *chore = take_due(chores, &wake, &run);
        if (chore) {
            pthread_mutex_unlock(&chores->lock);
            run(chore);
            pthread_mutex_lock(&chores->lock);
        } else if (wake == BUS_FOREVER) {
            pthread_cond_wait(&chores->changed, &chores->lock);
        } else {
            struct timespec until = timespec_of(wake);
            pthread_cond_timedwait(&chores->changed, &chores->lock, &until);
        }
    }
    chores->done = true;
    pthread_cond_broadcast(&chores->changed);
    pthread_mutex_unlock(&chores->lock);
    return NULL;
}

struct chores *chores_start(void)
{
    struct chores *chores = calloc(1, sizeof(*chores));
    if (!chores)
        abort();
    chores->ends.next = chores->ends.prev = &chores->ends;
    pthread_mutex_init(&chores->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&chores->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&chores->thread, NULL, chores_run, chores))
        abort();
    return chores;
}

void chores_hold(struct chores *chores)
{
    pthread_mutex_lock(&chores->lock);
    chores->held++;
    pthread_mutex_unlock(&chores->lock);
}

void chores_drop(struct chores *chores)
{
    pthread_mutex_lock(&chores->lock);
    assert(chores->held > 0);
    chores->held--;
    if (chores->held == 0 && chores->stop)
        pthread_cond_broadcast(&chores->changed);
    pthread_mutex_unlock(&chores->lock);
}

void chores_put(struct chores *chores, struct chore *chore,
                void (*run)(struct chore *chore), int64_t due)
{
    pthread_mutex_lock(&chores->lock);
    if (chore->queued)
        take_out(chore);
    chore->run = run;
    chore->due = due;
    struct chore *place = &chores->ends;
    if (due > 0)
        do
            place = place->prev;
        while (place != &chores->ends && place->due > due);
    put_after(place, chore);
    if (chores->ends.next == chore)
        pthread_cond_broadcast(&chores->changed);
    pthread_mutex_unlock(&chores->lock);
}

static bool done_wait(struct chores *chores, int limit_ms)
{
    int64_t end = bus_now(&bus_clock_system) + limit_ms * BUS_MILLI;
    struct timespec until = timespec_of(end);
    pthread_mutex_lock(&chores->lock);
    chores->stop = true;
    pthread_cond_broadcast(&chores->changed);
    int rc = 0;
    while (!chores->done && rc == 0)
        rc = pthread_cond_timedwait(&chores->changed, &chores->lock, &until);
    bool done = chores->done;
    pthread_mutex_unlock(&chores->lock);
    return done;
}

bool chores_stop(struct chores *chores, int limit_ms)
{
    if (!done_wait(chores, limit_ms)) {
        pthread_detach(chores->thread);
        return false;
    }
    pthread_join(chores->thread, NULL);
    pthread_cond_destroy(&chores->changed);
    pthread_mutex_destroy(&chores->lock);
    free(chores);
    return true;
}
