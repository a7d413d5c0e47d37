/* SPDX-License-Identifier: MIT
 *
 * The closing thread: a queue in order, and a wait with a limit at the end.
 */
#include "bus/reap.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct reaper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct reap *first, **last;
    bool stop, done;
};

static void *reaper_run(void *arg)
{
    struct reaper *reaper = arg;
    pthread_mutex_lock(&reaper->lock);
    while (reaper->first || !reaper->stop) {
        struct reap *reap = reaper->first;
        if (!reap) {
            pthread_cond_wait(&reaper->changed, &reaper->lock);
            continue;
        }
        reaper->first = reap->next;
        if (!reaper->first)
            reaper->last = &reaper->first;
        pthread_mutex_unlock(&reaper->lock);
        reap->run(reap);
        pthread_mutex_lock(&reaper->lock);
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
