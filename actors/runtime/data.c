/* SPDX-License-Identifier: MIT
 *
 * The runtime's keys Mysql, Sqlite, CacheRedis and Cache turned into the
 * store's options. Without any of them the data lies in a SQLite file of the
 * home, and the cache in the process's memory.
 */
#include "actors/runtime/data.h"

#include <stdio.h>
#include <string.h>

#include "actors/store/store.h"
#include "bus/home.h"

#define SQLITE_PREFIX "sqlite:"

static int no_arena(struct bus_error *err)
{
    return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
}

/* A file's path in the home's folder data, in the process's arena. */
static int data_path(struct actor_process *process, const char *name,
                     const char **ret, struct bus_error *err)
{
    char path[BUS_PATH_MAX];
    int code =
        bus_home_path(process->home, "data", name, path, sizeof(path), err);
    if (code)
        return code;
    *ret = bus_arena_text(&process->arena, path);
    return *ret ? BUS_OK : no_arena(err);
}

/* The data source: MySQL's if configured, else a SQLite file. */
static int source_make(struct actor_process *process, const char **ret,
                       struct bus_error *err)
{
    const struct actor_config *config = process->config;
    char name[BUS_NAME_MAX + 4];
    const char *file = NULL;
    if (config->mysql) {
        *ret = config->mysql->data_source;
        return BUS_OK;
    }
    snprintf(name, sizeof(name), "%s.db", process->type->name);
    int code = data_path(process, name, &file, err);
    if (code)
        return code;
    if (config->sqlite)
        file = config->sqlite->data_source;
    bool named = strncmp(file, SQLITE_PREFIX, strlen(SQLITE_PREFIX)) == 0;
    *ret = bus_arena_printf(&process->arena, "%s%s", named ? "" : SQLITE_PREFIX,
                            file);
    return *ret ? BUS_OK : no_arena(err);
}

/* CacheRedis, and where deletes go that it did not hear. */
static int nodes_make(struct actor_process *process,
                      struct store_options *options, struct bus_error *err)
{
    const struct bus_list *list = &process->config->cache_redis;
    const struct actor_redis *from = list->items;
    char name[BUS_NAME_MAX + BUS_INSTANCE_MAX + 8];
    struct store_node *nodes =
        bus_arena_array(&process->arena, list->count, sizeof(*nodes));
    if (!nodes)
        return no_arena(err);
    for (size_t i = 0; i < list->count; i++)
        nodes[i] = (struct store_node){
            .host = from[i].host,
            .user = from[i].user,
            .pass = from[i].pass,
            .weight = from[i].weight,
            .tls = from[i].tls,
            .cluster = strcmp(from[i].type, "cluster") == 0};
    options->nodes = nodes;
    options->node_count = list->count;
    if (list->count == 0)
        return BUS_OK;
    snprintf(name, sizeof(name), "%s.%s.stale", process->type->name,
             process->instance);
    return data_path(process, name, &options->pending, err);
}

static int cache_make(struct actor_process *process,
                      struct store_options *options, struct bus_error *err)
{
    const struct actor_cache *cache = process->config->cache;
    if (!cache)
        return BUS_OK;
    const struct actor_cache_prefix *from = cache->prefixes.items;
    struct store_prefix *prefixes = bus_arena_array(
        &process->arena, cache->prefixes.count, sizeof(*prefixes));
    if (!prefixes)
        return no_arena(err);
    for (size_t i = 0; i < cache->prefixes.count; i++)
        prefixes[i] = (struct store_prefix){from[i].key, from[i].prefix};
    options->prefixes = prefixes;
    options->prefix_count = cache->prefixes.count;
    options->cache_bytes = cache->bytes;
    options->row_ns = cache->expiry_ns;
    options->absent_ns = cache->absent_ns;
    options->fallback = cache->fallback;
    return BUS_OK;
}

/* Mysql's other keys, and the barrier's. */
static void sql_make(const struct runtime *runtime,
                     struct store_options *options)
{
    const struct actor_config *config = runtime->process.config;
    const struct actor_mysql *mysql = config->mysql;
    if (mysql) {
        options->replicas = mysql->replicas.items;
        options->replica_count = mysql->replicas.count;
        options->replicas_random = strcmp(mysql->policy, "random") == 0;
        options->connections_max = mysql->max_open_conns;
    }
    options->slow_ns = config->slow_statement_ns;
    /* The fixture's actors have no threads of their own. */
    if (!runtime->options.memory)
        options->keep_ns = config->barrier->keep_ns;
}

int data_open(struct runtime *runtime, struct bus_error *err)
{
    struct actor_process *process = &runtime->process;
    struct store_options options = {
        .tables = process->type->tables,
        .clock = process->clock,
        .cache = true, /* it notices other replicas' commits by itself */
    };
    if (!process->type->tables && !process->config->sqlite)
        return BUS_OK;
    sql_make(runtime, &options);
    int code = source_make(process, &options.source, err);
    if (!code)
        code = nodes_make(process, &options, err);
    if (!code)
        code = cache_make(process, &options, err);
    return code ? code : store_shared_open(&options, &runtime->shared, err);
}
