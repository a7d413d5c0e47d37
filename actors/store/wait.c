/* SPDX-License-Identifier: MIT
 *
 * Waiting and hashing.
 */
#include "actors/store/wait.h"

#include <time.h>

#include "bus/clock.h"

#define FNV_BASIS UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

void wait_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline)
{
    struct timespec until = {.tv_sec = (time_t)(deadline / BUS_SECOND),
                             .tv_nsec = (long)(deadline % BUS_SECOND)};
    return pthread_cond_timedwait(cond, lock, &until) == 0;
}

uint64_t text_hash(const char *text)
{
    uint64_t hash = FNV_BASIS;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * FNV_PRIME;
    return hash;
}
