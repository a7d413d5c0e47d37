/* SPDX-License-Identifier: MIT
 *
 * A hash table whose entries also stand in a list in order of their beginning:
 * the oldest are let go when they are too old, too many or too large together.
 * One that still runs stays.
 */
#include "actors/runtime/replies.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"

#define BUCKETS 4096

struct entry {
    struct entry *chain; /* in its bucket */
    struct entry *older, *newer;
    uint64_t hash;
    int64_t begun;
    bool running;
    size_t id_len, body_len, headers_len;
    uint8_t *kept; /* body, then headers */
    uint8_t id[];  /* method, NUL, key, NUL, claims */
};

struct replies {
    const struct bus_clock *clock;
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
    struct entry *oldest, *newest;
    size_t count, bytes;
};

struct replies *replies_new(const struct bus_clock *clock)
{
    struct replies *replies = calloc(1, sizeof(*replies));
    if (!replies)
        abort();
    replies->clock = clock;
    pthread_mutex_init(&replies->lock, NULL);
    return replies;
}

static void remove_entry(struct replies *replies, struct entry *entry)
{
    struct entry **at = &replies->buckets[entry->hash % BUCKETS];
    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    *(entry->older ? &entry->older->newer : &replies->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &replies->newest) = entry->older;
    replies->count--;
    replies->bytes -= entry->body_len + entry->headers_len;
    free(entry->kept);
    free(entry);
}

void replies_free(struct replies *replies)
{
    if (!replies)
        return;
    while (replies->oldest)
        remove_entry(replies, replies->oldest);
    pthread_mutex_destroy(&replies->lock);
    free(replies);
}

/* ---- Finding ---- */

static size_t id_len(const struct replies_id *id)
{
    return strlen(id->method) + 1 + strlen(id->key) + 1 + id->claims.len;
}

static void id_write(const struct replies_id *id, uint8_t *to)
{
    size_t method = strlen(id->method) + 1, key = strlen(id->key) + 1;
    memcpy(to, id->method, method);
    memcpy(to + method, id->key, key);
    if (id->claims.len)
        memcpy(to + method + key, id->claims.data, id->claims.len);
}

static uint64_t id_hash(const uint8_t *id, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ id[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

static struct entry *entry_new(const struct replies_id *id)
{
    size_t len = id_len(id);
    struct entry *entry = calloc(1, sizeof(*entry) + len);
    if (!entry)
        abort();
    id_write(id, entry->id);
    entry->id_len = len;
    entry->hash = id_hash(entry->id, len);
    entry->running = true;
    return entry;
}

/* The one of the same id; NULL: there is none. */
static struct entry *find(const struct replies *replies,
                          const struct entry *like)
{
    struct entry *entry = replies->buckets[like->hash % BUCKETS];
    while (entry &&
           (entry->hash != like->hash || entry->id_len != like->id_len ||
            memcmp(entry->id, like->id, like->id_len) != 0))
        entry = entry->chain;
    return entry;
}

static void add(struct replies *replies, struct entry *entry)
{
    struct entry **bucket = &replies->buckets[entry->hash % BUCKETS];
    entry->chain = *bucket;
    *bucket = entry;
    entry->older = replies->newest;
    *(replies->newest ? &replies->newest->newer : &replies->oldest) = entry;
    replies->newest = entry;
    replies->count++;
}

/* Lets the oldest go while there is too much. */
static void sweep(struct replies *replies, int64_t now)
{
    struct entry *entry = replies->oldest;
    while (entry && (replies->count > REPLIES_MAX ||
                     replies->bytes > REPLIES_BYTES_MAX ||
                     now - entry->begun > REPLIES_AGE)) {
        struct entry *next = entry->newer;
        if (!entry->running)
            remove_entry(replies, entry);
        entry = next;
    }
}

/* ---- What requests want ---- */

static bool copy_out(const struct entry *entry, struct bus_arena *arena,
                     struct kept_reply *ret)
{
    size_t len = entry->body_len + entry->headers_len;
    uint8_t *copy = bus_arena_alloc(arena, len ? len : 1);
    if (!copy)
        return false;
    if (len)
        memcpy(copy, entry->kept, len);
    *ret = (struct kept_reply){
        {copy, entry->body_len},
        {copy + entry->body_len, entry->headers_len},
    };
    return true;
}

enum replies_state replies_begin(struct replies *replies,
                                 const struct replies_id *id,
                                 struct bus_arena *arena,
                                 struct kept_reply *ret)
{
    struct entry *fresh = entry_new(id);
    enum replies_state state = REPLIES_NEW;
    fresh->begun = bus_now(replies->clock);
    pthread_mutex_lock(&replies->lock);
    sweep(replies, fresh->begun);
    const struct entry *entry = find(replies, fresh);
    if (!entry)
        add(replies, fresh);
    else if (entry->running)
        state = REPLIES_RUNNING;
    else
        state = copy_out(entry, arena, ret) ? REPLIES_KEPT : REPLIES_FULL;
    pthread_mutex_unlock(&replies->lock);
    if (state != REPLIES_NEW)
        free(fresh);
    return state;
}

static void keep(struct entry *entry, const struct kept_reply *reply)
{
    size_t len = reply->body.len + reply->headers.len;
    entry->kept = malloc(len ? len : 1);
    if (!entry->kept)
        abort();
    if (reply->body.len)
        memcpy(entry->kept, reply->body.data, reply->body.len);
    if (reply->headers.len)
        memcpy(entry->kept + reply->body.len, reply->headers.data,
               reply->headers.len);
    entry->body_len = reply->body.len;
    entry->headers_len = reply->headers.len;
    entry->running = false;
}

void replies_end(struct replies *replies, const struct replies_id *id,
                 const struct kept_reply *reply)
{
    struct entry *like = entry_new(id);
    pthread_mutex_lock(&replies->lock);
    struct entry *entry = find(replies, like);
    bool fits =
        reply && reply->body.len + reply->headers.len <= REPLIES_ONE_MAX;
    if (entry && fits) {
        keep(entry, reply);
        replies->bytes += entry->body_len + entry->headers_len;
        sweep(replies, bus_now(replies->clock));
    } else if (entry) {
        remove_entry(replies, entry);
    }
    pthread_mutex_unlock(&replies->lock);
    free(like);
}
