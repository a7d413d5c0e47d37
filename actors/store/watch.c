/* SPDX-License-Identifier: MIT
 *
 * Every race here ends in `known` being too old, never too new: then the cache
 * is dropped once more than it had to be.
 */
#include "actors/store/watch.h"

#include <stddef.h>

static uint64_t pair(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

static uint32_t commits_now(const struct watch *watch)
{
    return watch->commits ? atomic_load(watch->commits) : 0;
}

void watch_init(struct watch *watch, const volatile _Atomic uint32_t *commits)
{
    watch->commits = commits;
    uint32_t now = commits_now(watch);
    atomic_init(&watch->known, pair(now, now));
}

bool watch_moved(const struct watch *watch, uint32_t *ret_now)
{
    /* In this order: what is known may grow after it was loaded, and a newer
     * count compared with it only drops too much. */
    uint64_t known = atomic_load(&watch->known);
    uint32_t now = commits_now(watch);
    *ret_now = now;
    return now != (uint32_t)known && now != (uint32_t)(known >> 32);
}

void watch_accept(struct watch *watch, uint32_t now)
{
    atomic_store(&watch->known, pair(now, now));
}

uint32_t watch_expect(struct watch *watch)
{
    uint32_t now = commits_now(watch);
    atomic_store(&watch->known, pair(now, now + 1));
    return now + 1;
}

void watch_settle(struct watch *watch, uint32_t expected, bool committed)
{
    uint32_t now = committed ? expected : expected - 1;
    atomic_store(&watch->known, pair(now, now));
}
