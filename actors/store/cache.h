/* SPDX-License-Identifier: MIT
 *
 * One small interface to a cache; memory.c fills it inside one process,
 * shared.c over Redis, by the same table of functions. A value read from the
 * database may be stored only if its key was not deleted since before the
 * reading: a look hands out a token, set is refused (silently) when the key was
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

#define CACHE_KEY_MAX 4096                /* bytes; longer: not cached */
#define CACHE_VALUE_MAX ((size_t)1 << 20) /* bytes; larger: not cached */
#define CACHE_BYTES ((size_t)32 << 20)    /* default limit of memory.c */
#define CACHE_FALLBACK 16 /* reads at once of the database, cache down */
#define CACHE_ROW_NS                                                           \
    (7 * INT64_C(86400) * BUS_SECOND)     /* how long rows are kept */
#define CACHE_ABSENT_NS (60 * BUS_SECOND) /* how long "no such row" */

struct cache;

enum cache_found {
    CACHE_HIT,
    CACHE_MISS,
    CACHE_HELD, /* somebody in another process loads it: look again soon */
    CACHE_DOWN, /* no answer; the database has to do */
    CACHE_FULL, /* the call's arena is */
};

struct cache_look {
    const char *key;
    bool loads;             /* the caller will load it on a miss */
    struct bus_bytes value; /* CACHE_HIT: in the call's arena */
    uint64_t token; /* CACHE_MISS: for a later set of this or another key;
                     * 0: nothing may be set */
};

struct cache_item {
    const char *key;
    struct bus_bytes value;
    uint64_t token;
    const char *looked; /* the key of the look that gave the token */
    int64_t expiry_ns;  /* from now */
};

/* Keys to delete. */
struct cache_key {
    const char *key;
    struct cache_key *next;
};

struct cache_stats {
    uint64_t stored, refused; /* refused: deleted since, or too large */
    uint64_t evicted;         /* pushed out by the byte limit */
    uint64_t entries, bytes;  /* now */
    uint64_t failed_deletes;  /* so far; each is tried again */
    uint64_t pending_deletes; /* now */
    uint64_t lost_deletes;    /* there were too many */
    uint64_t nodes, nodes_down;
};

/* Any thread. Failures of a cache are its own: none of these makes a call
 * fail. */
struct cache_driver {
    bool shared; /* with other processes, Go's among them */
    enum cache_found (*get)(struct cache *cache, struct bus_call *call,
                            struct cache_look *look);
    void (*set)(struct cache *cache, struct bus_call *call,
                const struct cache_item *item);
    /* Nothing will be set with that token of a look at the key. NULL: nobody
     * waits for it. */
    void (*release)(struct cache *cache, struct bus_call *call, const char *key,
                    uint64_t token);
    /* What was cached under these keys is out of date, and what was looked
     * for under them before now may not be stored. */
    void (*del)(struct cache *cache, struct bus_call *call,
                const struct cache_key *keys);
    /* Before a commit that makes these keys stale: deletes them and lets
     * nobody store any for a while, so that a process that dies between its
     * commit and its deletes leaves nothing stale behind. del ends it. NULL:
     * such a process takes the cache with it. */
    void (*fence)(struct cache *cache, struct bus_call *call,
                  const struct cache_key *keys);
    /* Deletes everything. NULL: the cache is shared with those who write. */
    void (*clear)(struct cache *cache);
    void (*stats)(struct cache *cache, struct cache_stats *ret);
    void (*close)(struct cache *cache);
};

/* What every driver's own struct begins with. */
struct cache {
    const struct cache_driver *driver;
};

/* In this process's memory, least recently used out first. Any thread. */
struct cache *cache_memory_open(size_t bytes_max,
                                const struct bus_clock *clock);

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
