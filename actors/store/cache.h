/* SPDX-License-Identifier: MIT
 *
 * One small interface to a cache; memory.c fills it inside one process, a
 * driver for Redis by the same table of functions. A value read from the
 * database may be stored only if its key was not deleted since before the
 * reading: get hands out a token, set is refused (silently) when the key was
 * deleted after it. That closes the race in which a slow reader puts an old row
 * back behind a writer's delete.
 *
 * A flight is one loading of one key: of those who miss the same key at once,
 * one asks the database and the others wait for what it stores.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "bus/call.h"

#define CACHE_KEY_MAX 1024                /* bytes; longer: not cached */
#define CACHE_VALUE_MAX ((size_t)1 << 20) /* bytes; larger: not cached */
#define CACHE_BYTES ((size_t)32 << 20)    /* default limit of memory.c */
#define CACHE_ROW_NS                                                           \
    (7 * INT64_C(86400) * BUS_SECOND)     /* how long rows are kept */
#define CACHE_ABSENT_NS (60 * BUS_SECOND) /* how long "no such row" */

struct cache;

struct cache_item {
    const char *key;
    struct bus_bytes value;
    uint64_t token;    /* of the get before the value was read */
    int64_t expiry_ns; /* from now */
};

struct cache_driver {
    /* BUS_OK: the value, copied to call->arena. BUS_NOT_FOUND: none, and the
     * token for a later set of this or another key. Else call->error. */
    int (*get)(struct cache *cache, struct bus_call *call, const char *key,
               struct bus_bytes *ret, uint64_t *ret_token);
    int (*set)(struct cache *cache, struct bus_call *call,
               const struct cache_item *item);
    int (*del)(struct cache *cache, struct bus_call *call, const char *key);
    /* Deletes everything. NULL: the cache is shared with those who write. */
    void (*clear)(struct cache *cache);
    void (*close)(struct cache *cache);
};

/* What every driver's own struct begins with. */
struct cache {
    const struct cache_driver *driver;
};

struct cache_stats {
    uint64_t hits, misses;
    uint64_t stored, refused; /* refused: deleted since, or too large */
    uint64_t evicted;         /* pushed out by the byte limit */
    uint64_t entries, bytes;  /* now */
};

/* In this process's memory, least recently used out first. Any thread. */
struct cache *cache_memory_open(size_t bytes_max,
                                const struct bus_clock *clock);
void cache_memory_stats(struct cache *cache, struct cache_stats *ret);

/* duration times a factor from 0.95 to 1.05, in whole seconds rounded up, so
 * that what was stored together does not expire together. Any thread. */
int64_t cache_jitter(int64_t duration_ns);

enum flight_role {
    FLIGHT_LEAD,   /* load it, then flight_leave */
    FLIGHT_WAITED, /* somebody else did: look into the cache again */
    FLIGHT_LATE,   /* the deadline passed */
};

struct flights;

struct flights *flights_new(void);
void flights_free(struct flights *flights);
/* key must live until flight_leave. deadline: the system's monotonic clock. */
enum flight_role flight_enter(struct flights *flights, const char *key,
                              int64_t deadline);
void flight_leave(struct flights *flights, const char *key);

#endif
