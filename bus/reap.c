/* SPDX-License-Identifier: MIT
 *
 * The closing thread: a queue in order, but for what is not due yet, and a wait
 * with a limit at the end.
 */
#include "bus/reap.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "bus/clock.h"

struct reaper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct reap *first, **last;
    bool stop, done;
    int64_t patience; /* when it waits no longer for what is not due */
};

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / BUS_SECOND,
                             .tv_nsec = ns % BUS_SECOND};
}

/* Takes the first that is due; else says when one will be. Lock held. */
static struct reap *take_due(struct reaper *reaper, int64_t *wake)
{
    int64_t now = bus_now(&bus_clock_system);
    struct reap **at = &reaper->first;
    *wake = BUS_FOREVER;
    while (*at) {
        struct reap *reap = *at;
        int64_t due = reap->due ? reap->due(reap) : now;
        if (due <= now || now >= reaper->patience) {
            *at = reap->next;
            if (!*at)
                reaper->last = at;
            reap->next = NULL;
            return reap;
        }
        if (due < *wake)
            *wake = due;
        at = &reap->next;
    }
    if (reaper->patience < *wake)
        *wake = reaper->patience;
    return NULL;
}

static void reap_one(struct reaper *reaper, struct reap *reap)
{
    bool stop = reaper->stop;
    pthread_mutex_unlock(&reaper->lock);
    if (stop && reap->due && reap->due(reap) > bus_now(&bus_clock_system))
        reap->leave(reap);
    else
        reap->run(reap);
    pthread_mutex_lock(&reaper->lock);
}

static void *reaper_run(void *arg)
{
    struct reaper *reaper = arg;
    pthread_mutex_lock(&reaper->lock);
    while (reaper->first || !reaper->stop) {
        int64_t wake;
        struct reap *reap = take_due(reaper, &wake);
        struct timespec until = timespec_of(wake);
        if (reap)
            reap_one(reaper, reap);
        else if (wake == BUS_FOREVER)
            pthread_cond_wait(&reaper->changed, &reaper->lock);
        else
            pthread_cond_timedwait(&reaper->changed, &reaper->lock, &until);
    }
    reaper->done = true;
    pthread_cond_broadcast(&reaper->changed);
    pthread_mutex_unlock(&reaper->lock);
    return NULL;
}

struct reaper *reaper_start(void)
{
    struct reaper *reaper = calloc(1, sizeof(*reaper));
    if (!reaper)
        abort();
    reaper->last = &reaper->first;
    reaper->patience = BUS_FOREVER;
    pthread_mutex_init(&reaper->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&reaper->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&reaper->thread, NULL, reaper_run, reaper))
        abort();
    return reaper;
}

void reap_later(struct reaper *reaper, struct reap *reap)
{
    pthread_mutex_lock(&reaper->lock);
    reap->next = NULL;
    *reaper->last = reap;
    reaper->last = &reap->next;
    pthread_cond_broadcast(&reaper->changed);
    pthread_mutex_unlock(&reaper->lock);
}

static bool done_wait(struct reaper *reaper, int limit_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (limit_ms + 999) / 1000;
    pthread_mutex_lock(&reaper->lock);
    reaper->stop = true;
    reaper->patience =
        bus_now(&bus_clock_system) + REAP_PATIENCE_MS * BUS_MILLI;
    pthread_cond_broadcast(&reaper->changed);
    int rc = 0;
    while (!reaper->done && rc == 0)
        rc = pthread_cond_timedwait(&reaper->changed, &reaper->lock, &until);
    bool done = reaper->done;
    pthread_mutex_unlock(&reaper->lock);
    return done;
}

bool reaper_stop(struct reaper *reaper, int limit_ms)
{
    if (!done_wait(reaper, limit_ms)) {
        pthread_detach(reaper->thread);
        return false;
    }
    pthread_join(reaper->thread, NULL);
    pthread_cond_destroy(&reaper->changed);
    pthread_mutex_destroy(&reaper->lock);
    free(reaper);
    return true;
}
