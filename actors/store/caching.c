/* SPDX-License-Identifier: MIT
 *
 * Which cache a process has: Redis where nodes are configured; else its own
 * memory, where the database tells of other processes' commits (watch.h); else
 * none. With it go the tables' cached forms and the counters.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/store/cached.h"
#include "actors/store/dsn.h"
#include "actors/store/shared.h"

static void *array_new(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);
    if (!array)
        abort();
    return array;
}

/* ---- forms ---- */

static int zone_make(struct store_shared *shared, const char *source,
                     struct bus_error *err)
{
    struct dsn dsn;
    if (shared->driver->dialect != SQL_MYSQL)
        return BUS_OK; /* UTC */
    int code = dsn_parse(source, &dsn, err);
    if (code != BUS_OK)
        return code;
    code = zone_open(&shared->zone, dsn.loc, err);
    dsn_release(&dsn);
    return code;
}

static void forms_make(struct store_shared *shared, bool is_shared)
{
    size_t count = 0;
    while (shared->tables && shared->tables[count])
        count++;
    shared->forms = array_new(count, sizeof(*shared->forms));
    for (size_t i = 0; i < count; i++) {
        if (shared->tables[i]->cached)
            form_init(&shared->forms[shared->form_count++], shared->tables[i],
                      &shared->zone, is_shared);
    }
}

/* Where the form keeps the prefix that "table" or "table.key" names. */
static const char **prefix_place(struct store_form *form, const char *name)
{
    const struct model_table *table = form->table;
    size_t len = strlen(table->name);
    if (strncmp(name, table->name, len) != 0)
        return NULL;
    if (!name[len])
        return &form->prefixes[0];
    for (uint16_t i = 0; i < table->unique_count && name[len] == '.'; i++) {
        if (strcmp(name + len + 1, table->unique[i].name) == 0)
            return &form->prefixes[i + 1];
    }
    return NULL;
}

static int set_prefix(struct store_shared *shared,
                      const struct store_prefix *prefix, struct bus_error *err)
{
    const char **place = NULL;
    for (size_t i = 0; i < shared->form_count && !place; i++)
        place = prefix_place(&shared->forms[i], prefix->key);
    if (!place)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "Cache.Prefixes.%s: no cached table or unique key "
                             "of that name; expected table or table.key",
                             prefix->key);
    *place = prefix->prefix;
    return BUS_OK;
}

/* ---- opening ---- */

static int cache_open(struct store_shared *shared,
                      const struct store_options *options,
                      struct bus_error *err)
{
    if (options->node_count)
        return cache_shared_open(options->nodes, options->node_count,
                                 options->pending, &shared->cache, err);
    /* Where nobody counts commits, other processes' would go unnoticed. */
    if (options->cache && shared->driver == &sql_sqlite)
        shared->cache = cache_memory_open(
            options->cache_bytes ? options->cache_bytes : CACHE_BYTES,
            options->clock);
    return BUS_OK;
}

int caching_open(struct store_shared *shared,
                 const struct store_options *options, struct bus_error *err)
{
    gate_init(&shared->gate,
              options->fallback ? options->fallback : CACHE_FALLBACK);
    shared->row_ns = options->row_ns ? options->row_ns : CACHE_ROW_NS;
    shared->absent_ns =
        options->absent_ns ? options->absent_ns : CACHE_ABSENT_NS;
    forms_make(shared, options->node_count > 0);
    int code = zone_make(shared, options->source, err);
    for (size_t i = 0; i < options->prefix_count && code == BUS_OK; i++)
        code = set_prefix(shared, &options->prefixes[i], err);
    return code == BUS_OK ? cache_open(shared, options, err) : code;
}

void caching_close(struct store_shared *shared)
{
    if (shared->cache)
        shared->cache->driver->close(shared->cache);
    for (size_t i = 0; i < shared->form_count; i++)
        form_release(&shared->forms[i]);
    free(shared->forms);
    zone_close(&shared->zone);
    gate_release(&shared->gate);
}

/* ---- while it runs ---- */

void store_refresh(struct store_shared *shared)
{
    uint32_t now;
    struct cache *cache = shared->cache;
    if (!cache || !cache->driver->clear || !watch_moved(&shared->watch, &now))
        return;
    pthread_mutex_lock(&shared->clearing);
    if (watch_moved(&shared->watch, &now)) { /* nobody was faster */
        cache->driver->clear(cache);
        watch_accept(&shared->watch, now);
    }
    pthread_mutex_unlock(&shared->clearing);
}

static uint64_t value_of(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void store_stats(struct store_shared *shared, struct store_stats *ret)
{
    struct store_counts *counts = &shared->counts;
    struct cache_stats cache = {0};
    *ret = (struct store_stats){0};
    if (!shared->cache)
        return;
    shared->cache->driver->stats(shared->cache, &cache);
    *ret = (struct store_stats){.cached = true,
                                .shared = shared->cache->driver->shared,
                                .hits = value_of(&counts->hits),
                                .misses = value_of(&counts->misses),
                                .placeholders = value_of(&counts->placeholders),
                                .fills = cache.stored,
                                .refused = cache.refused,
                                .joins = value_of(&counts->joins),
                                .fallbacks = value_of(&counts->fallbacks),
                                .failed_deletes = cache.failed_deletes,
                                .pending_deletes = cache.pending_deletes,
                                .lost_deletes = cache.lost_deletes,
                                .evicted = cache.evicted,
                                .entries = cache.entries,
                                .bytes = cache.bytes,
                                .nodes = cache.nodes,
                                .nodes_down = cache.nodes_down};
}
