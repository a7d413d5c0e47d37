/* SPDX-License-Identifier: MIT
 *
 * go-zero's Take: a hit, a placeholder for an absent row, or one loading a key,
 * in this process by a flight, among processes by the lease that the look of a
 * loader takes. Who finds the lease taken looks again for a while; a holder
 * that is slower than that, or dead, costs one more reading of the database.
 */
#include "actors/store/take.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#define HELD_STEP (2 * BUS_MILLI) /* between looks for what another loads */
#define HELD_MAX (200 * BUS_MILLI)

static const struct bus_bytes absent = {(const uint8_t *)"*", 1};

static struct store_shared *shared_of(const struct take *take)
{
    return take->call->store->shared;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static int late(const struct take *take, const char *what)
{
    return bus_error_set(&take->call->error, BUS_DEADLINE_EXCEEDED,
                         "the deadline passed waiting for %s", what);
}

static enum cache_found look_once(struct take *take,
                                  struct bus_bytes *ret_value)
{
    struct store_shared *shared = shared_of(take);
    struct cache_look look = {.key = take->key, .loads = take->leads};
    store_refresh(shared);
    enum cache_found found =
        shared->cache->driver->get(shared->cache, take->call, &look);
    take->token = found == CACHE_MISS ? look.token : 0;
    if (found == CACHE_HIT)
        *ret_value = look.value;
    return found;
}

/* The same, and again while another process loads the key. */
static enum cache_found look(struct take *take, struct bus_bytes *ret_value)
{
    const struct timespec step = {.tv_nsec = HELD_STEP};
    int64_t until = bus_now(&bus_clock_system) + HELD_MAX;
    int64_t deadline = store_deadline(take->call);
    enum cache_found found;
    if (deadline < until)
        until = deadline;
    while ((found = look_once(take, ret_value)) == CACHE_HELD) {
        if (bus_now(&bus_clock_system) >= until)
            return CACHE_MISS;
        nanosleep(&step, NULL);
    }
    return found;
}

static enum take_found hit(const struct take *take, struct bus_bytes value)
{
    struct store_counts *counts = &shared_of(take)->counts;
    bool is_absent =
        value.len == absent.len && memcmp(value.data, absent.data, 1) == 0;
    count(is_absent ? &counts->placeholders : &counts->hits);
    return is_absent ? TAKE_ABSENT : TAKE_HIT;
}

static int fall_back(struct take *take)
{
    struct store_shared *shared = shared_of(take);
    count(&shared->counts.fallbacks);
    if (!gate_enter(&shared->gate, store_deadline(take->call)))
        return late(take, "the database while the cache is down");
    take->gated = true;
    return BUS_OK;
}

/* After a miss: the caller leads (BUS_OK, leads), or shall look again. */
static int join(struct take *take)
{
    struct store_shared *shared = shared_of(take);
    switch (
        flight_enter(shared->flights, take->key, store_deadline(take->call))) {
    case FLIGHT_LEAD:
        take->leads = true; /* and look again: it may have just landed */
        return BUS_OK;
    case FLIGHT_WAITED:
        count(&shared->counts.joins);
        return BUS_OK;
    case FLIGHT_LATE:
        break;
    }
    return late(take, "a row that another worker loads");
}

/* What an answer of the cache means; ret_again: look once more. */
static int settle(struct take *take, enum cache_found found,
                  struct bus_bytes value, enum take_found *ret_found,
                  bool *ret_again)
{
    *ret_again = false;
    *ret_found = TAKE_MISS;
    switch (found) {
    case CACHE_HIT:
        *ret_found = hit(take, value);
        take_end(take);
        return BUS_OK;
    case CACHE_DOWN:
        take_end(take);
        return fall_back(take);
    case CACHE_FULL:
        take_end(take);
        return sql_no_memory(&take->call->error);
    case CACHE_MISS:
    case CACHE_HELD:
        break;
    }
    if (take->leads) {
        count(&shared_of(take)->counts.misses);
        return BUS_OK;
    }
    *ret_again = true;
    return join(take);
}

int take_begin(struct take *take, enum take_found *ret_found,
               struct bus_bytes *ret_value)
{
    bool again = false;
    int code;
    do {
        struct bus_bytes value = {0};
        enum cache_found found = look(take, &value);
        code = settle(take, found, value, ret_found, &again);
        *ret_value = value;
    } while (again && code == BUS_OK);
    return code;
}

void take_store(struct take *take, const char *key, struct bus_bytes value,
                int64_t expiry_ns)
{
    struct cache *cache = shared_of(take)->cache;
    if (!take->token)
        return;
    assert(take->leads);
    const struct cache_item item = {key, value, take->token, take->key,
                                    expiry_ns};
    cache->driver->set(cache, take->call, &item);
    if (key == take->key)
        take->token = 0; /* used up */
}

void take_store_absent(struct take *take)
{
    take_store(take, take->key, absent,
               cache_jitter(shared_of(take)->absent_ns));
}

void take_end(struct take *take)
{
    struct store_shared *shared = shared_of(take);
    const struct cache_driver *driver = shared->cache->driver;
    if (take->token && take->leads && driver->release)
        driver->release(shared->cache, take->call, take->key, take->token);
    if (take->leads)
        flight_leave(shared->flights, take->key);
    if (take->gated)
        gate_leave(&shared->gate);
    take->leads = take->gated = false;
}
