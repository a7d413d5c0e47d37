/* SPDX-License-Identifier: MIT
 *
 * The cache of one process: shards by hash of the key, each a hash table and a
 * list in order of use under its own mutex, with an equal part of the byte
 * limit.
 *
 * The guard against stale values is one counter for all keys, raised by every
 * delete, and in each shard a table of slots that remember when a key of that
 * slot was last deleted. A token is the counter at the time of a get; a set
 * whose slot was deleted later is refused. Two keys may share a slot: then a
 * value is not stored that could have been, and never the other way round.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/cache.h"
#include "actors/store/wait.h"

#define SHARDS 16
#define DELETED_SLOTS 256       /* a shard */
#define ENTRY_BYTES_TYPICAL 256 /* of the limit, to one bucket */
#define BUCKETS_MIN 16          /* a shard */

struct entry {
    struct entry *chain; /* same bucket */
    struct entry *newer, *older;
    uint64_t hash;
    int64_t expires; /* monotonic ns */
    size_t key_len;
    size_t value_len;
    char data[]; /* key, NUL, value */
};

struct shard {
    pthread_mutex_t lock;
    struct entry **buckets;
    struct entry *newest, *oldest;
    size_t bytes;
    struct cache_stats stats; /* bytes and entries of this shard */
    uint64_t deleted[DELETED_SLOTS];
};

struct memory {
    struct cache base;
    const struct bus_clock *clock;
    size_t shard_bytes;  /* limit of one */
    size_t bucket_count; /* of one; a power of two */
    _Atomic uint64_t deletes;
    struct shard shards[SHARDS];
};

/* Shard, bucket and slot are taken from different ends of it. */
static uint64_t key_hash(const char *key)
{
    uint64_t hash = text_hash(key);
    return hash ^ hash >> 32;
}

static struct shard *shard_of(struct memory *memory, uint64_t hash)
{
    return &memory->shards[hash % SHARDS];
}

static size_t entry_bytes(const struct entry *entry)
{
    return sizeof(*entry) + entry->key_len + 1 + entry->value_len;
}

static struct entry **bucket_find(const struct memory *memory,
                                  struct shard *shard, uint64_t hash,
                                  const char *key)
{
    size_t bucket = (size_t)(hash / SHARDS) & (memory->bucket_count - 1);
    struct entry **at = &shard->buckets[bucket];
    while (*at && ((*at)->hash != hash || strcmp((*at)->data, key) != 0))
        at = &(*at)->chain;
    return at;
}

static void order_remove(struct shard *shard, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &shard->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &shard->oldest) = entry->newer;
}

static void order_push(struct shard *shard, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = shard->newest;
    *(shard->newest ? &shard->newest->newer : &shard->oldest) = entry;
    shard->newest = entry;
}

static void entry_remove(struct shard *shard, struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->chain;
    order_remove(shard, entry);
    assert(shard->bytes >= entry_bytes(entry));
    shard->bytes -= entry_bytes(entry);
    shard->stats.entries--;
    free(entry);
}

static struct entry *entry_new(const struct cache_item *item, uint64_t hash)
{
    size_t key_len = strlen(item->key);
    struct entry *entry =
        malloc(sizeof(*entry) + key_len + 1 + item->value.len);
    if (!entry)
        abort();
    *entry = (struct entry){
        .hash = hash, .key_len = key_len, .value_len = item->value.len};
    memcpy(entry->data, item->key, key_len + 1);
    if (item->value.len)
        memcpy(entry->data + key_len + 1, item->value.data, item->value.len);
    return entry;
}

/* The entry if it is there and has not expired; expired ones go. */
static struct entry *lookup(struct memory *memory, struct shard *shard,
                            uint64_t hash, const char *key)
{
    struct entry **at = bucket_find(memory, shard, hash, key);
    if (*at && bus_now(memory->clock) >= (*at)->expires) {
        entry_remove(shard, at);
        return NULL;
    }
    return *at;
}

static enum cache_found memory_get(struct cache *cache, struct bus_call *call,
                                   struct cache_look *look)
{
    struct memory *memory = (struct memory *)cache;
    uint64_t hash = key_hash(look->key);
    struct shard *shard = shard_of(memory, hash);
    enum cache_found found = CACHE_MISS;
    look->token = atomic_load(&memory->deletes);
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = lookup(memory, shard, hash, look->key);
    if (entry) {
        const char *value = entry->data + entry->key_len + 1;
        char *copy = bus_arena_text_n(call->arena, value, entry->value_len);
        look->value = (struct bus_bytes){(uint8_t *)copy, entry->value_len};
        found = copy ? CACHE_HIT : CACHE_FULL;
        order_remove(shard, entry);
        order_push(shard, entry);
    }
    pthread_mutex_unlock(&shard->lock);
    return found;
}

static void make_room(struct memory *memory, struct shard *shard, size_t bytes)
{
    while (shard->bytes + bytes > memory->shard_bytes) {
        struct entry *last = shard->oldest;
        assert(last);
        entry_remove(shard, bucket_find(memory, shard, last->hash, last->data));
        shard->stats.evicted++;
    }
}

static void entry_add(struct memory *memory, struct shard *shard,
                      struct entry *entry)
{
    make_room(memory, shard, entry_bytes(entry));
    struct entry **at = bucket_find(memory, shard, entry->hash, entry->data);
    entry->chain = *at;
    *at = entry;
    order_push(shard, entry);
    shard->bytes += entry_bytes(entry);
    shard->stats.entries++;
    shard->stats.stored++;
}

static void memory_set(struct cache *cache, struct bus_call *call,
                       const struct cache_item *item)
{
    (void)call;
    struct memory *memory = (struct memory *)cache;
    uint64_t hash = key_hash(item->key);
    struct shard *shard = shard_of(memory, hash);
    struct entry *entry = entry_new(item, hash);
    entry->expires = bus_now(memory->clock) + item->expiry_ns;
    pthread_mutex_lock(&shard->lock);
    bool fits = item->value.len <= CACHE_VALUE_MAX &&
                entry_bytes(entry) <= memory->shard_bytes;
    uint64_t deleted = shard->deleted[hash / SHARDS % DELETED_SLOTS];
    if (fits && deleted <= item->token) {
        struct entry **at = bucket_find(memory, shard, hash, item->key);
        if (*at)
            entry_remove(shard, at);
        entry_add(memory, shard, entry);
        entry = NULL;
    } else {
        shard->stats.refused++;
    }
    pthread_mutex_unlock(&shard->lock);
    free(entry);
}

static void delete_key(struct memory *memory, const char *key)
{
    uint64_t hash = key_hash(key);
    struct shard *shard = shard_of(memory, hash);
    pthread_mutex_lock(&shard->lock);
    shard->deleted[hash / SHARDS % DELETED_SLOTS] =
        atomic_fetch_add(&memory->deletes, 1) + 1;
    struct entry **at = bucket_find(memory, shard, hash, key);
    if (*at)
        entry_remove(shard, at);
    pthread_mutex_unlock(&shard->lock);
}

static void memory_del(struct cache *cache, struct bus_call *call,
                       const struct cache_key *keys)
{
    (void)call;
    for (; keys; keys = keys->next)
        delete_key((struct memory *)cache, keys->key);
}

static void shard_clear(struct memory *memory, struct shard *shard)
{
    while (shard->oldest)
        entry_remove(shard, bucket_find(memory, shard, shard->oldest->hash,
                                        shard->oldest->data));
}

static void memory_clear(struct cache *cache)
{
    struct memory *memory = (struct memory *)cache;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &memory->shards[i];
        pthread_mutex_lock(&shard->lock);
        uint64_t at = atomic_fetch_add(&memory->deletes, 1) + 1;
        for (size_t slot = 0; slot < DELETED_SLOTS; slot++)
            shard->deleted[slot] = at;
        shard_clear(memory, shard);
        pthread_mutex_unlock(&shard->lock);
    }
}

static void memory_close(struct cache *cache)
{
    struct memory *memory = (struct memory *)cache;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &memory->shards[i];
        shard_clear(memory, shard);
        pthread_mutex_destroy(&shard->lock);
        free(shard->buckets);
    }
    free(memory);
}

static void memory_stats(struct cache *cache, struct cache_stats *ret)
{
    struct memory *memory = (struct memory *)cache;
    struct cache_stats sum = {0};
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &memory->shards[i];
        pthread_mutex_lock(&shard->lock);
        sum.stored += shard->stats.stored;
        sum.refused += shard->stats.refused;
        sum.evicted += shard->stats.evicted;
        sum.entries += shard->stats.entries;
        sum.bytes += shard->bytes;
        pthread_mutex_unlock(&shard->lock);
    }
    *ret = sum;
}

static const struct cache_driver driver = {.get = memory_get,
                                           .set = memory_set,
                                           .del = memory_del,
                                           .clear = memory_clear,
                                           .stats = memory_stats,
                                           .close = memory_close};

struct cache *cache_memory_open(size_t bytes_max, const struct bus_clock *clock)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    if (!memory)
        abort();
    memory->base.driver = &driver;
    memory->clock = clock;
    atomic_init(&memory->deletes, 1); /* token 0 means: none */
    memory->shard_bytes = bytes_max / SHARDS;
    memory->bucket_count = BUCKETS_MIN;
    while (memory->bucket_count < memory->shard_bytes / ENTRY_BYTES_TYPICAL)
        memory->bucket_count *= 2;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &memory->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->buckets = calloc(memory->bucket_count, sizeof(struct entry *));
        if (!shard->buckets)
            abort();
    }
    return &memory->base;
}

int64_t cache_jitter(int64_t duration_ns)
{
    static _Atomic uint64_t calls;
    /* splitmix64 over a counter: spread out, not secret. */
    uint64_t bits = atomic_fetch_add(&calls, 1) * UINT64_C(0x9E3779B97F4A7C15);
    bits = (bits ^ bits >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94D049BB133111EB);
    double part = (double)(bits >> 11) / 9007199254740992.0; /* [0, 1) */
    double spread = (double)duration_ns * (0.95 + part * 0.1);
    int64_t ns = (int64_t)spread;
    return (ns + BUS_SECOND - 1) / BUS_SECOND * BUS_SECOND;
}
