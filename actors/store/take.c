/* SPDX-License-Identifier: MIT
 *
 * go-zero's Take: a hit, a placeholder for an absent row, or one loading a key.
 */
#include "actors/store/take.h"

#include <assert.h>
#include <string.h>

static const struct bus_bytes absent = {(const uint8_t *)"*", 1};

static int look(struct take *take, enum take_found *ret_found,
                struct bus_bytes *ret_value)
{
    struct cache *cache = take->call->store->shared->cache;
    struct bus_bytes value = {0};
    store_refresh(take->call->store->shared);
    int code =
        cache->driver->get(cache, take->call, take->key, &value, &take->token);
    *ret_found = TAKE_MISS;
    if (code == BUS_NOT_FOUND)
        return BUS_OK;
    if (code != BUS_OK)
        return code;
    bool is_absent =
        value.len == absent.len && memcmp(value.data, absent.data, 1) == 0;
    *ret_found = is_absent ? TAKE_ABSENT : TAKE_HIT;
    *ret_value = value;
    return BUS_OK;
}

int take_begin(struct take *take, enum take_found *ret_found,
               struct bus_bytes *ret_value)
{
    struct flights *flights = take->call->store->shared->flights;
    for (;;) {
        int code = look(take, ret_found, ret_value);
        if (code != BUS_OK || *ret_found != TAKE_MISS || take->leads) {
            if (code != BUS_OK || *ret_found != TAKE_MISS)
                take_end(take);
            return code;
        }
        switch (flight_enter(flights, take->key, store_deadline(take->call))) {
        case FLIGHT_LEAD:
            take->leads = true; /* and look again: it may have just landed */
            break;
        case FLIGHT_WAITED:
            break;
        case FLIGHT_LATE:
            return bus_error_set(&take->call->error, BUS_DEADLINE_EXCEEDED,
                                 "the deadline passed waiting for a row that "
                                 "another worker loads");
        }
    }
}

void take_store(const struct take *take, const char *key,
                struct bus_bytes value, int64_t expiry_ns)
{
    assert(take->leads);
    struct cache *cache = take->call->store->shared->cache;
    const struct cache_item item = {key, value, take->token, expiry_ns};
    cache->driver->set(cache, take->call, &item);
}

void take_store_absent(const struct take *take)
{
    take_store(take, take->key, absent, cache_jitter(CACHE_ABSENT_NS));
}

void take_end(struct take *take)
{
    if (take->leads)
        flight_leave(take->call->store->shared->flights, take->key);
    take->leads = false;
}
