/* SPDX-License-Identifier: MIT
 *
 * A worker keeps one connection a replica, opened when it first reads there.
 */
#include "actors/store/replica.h"

#include <stdlib.h>
#include <string.h>

#define MIX UINT64_C(0x9E3779B97F4A7C15)

static void *array_new(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);
    if (!array)
        abort();
    return array;
}

int replicas_open(struct store_shared *shared,
                  const struct store_options *options, struct bus_error *err)
{
    if (options->replica_count && shared->driver->dialect == SQL_SQLITE)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "a SQLite file has no replicas");
    shared->replicas = array_new(options->replica_count, sizeof(char *));
    shared->replicas_random = options->replicas_random;
    for (size_t i = 0; i < options->replica_count; i++) {
        shared->replicas[i] = strdup(options->replicas[i]);
        if (!shared->replicas[i])
            abort();
    }
    shared->replica_count = options->replica_count;
    return BUS_OK;
}

void replicas_close(struct store_shared *shared)
{
    for (size_t i = 0; i < shared->replica_count; i++)
        free(shared->replicas[i]);
    free(shared->replicas);
}

bool replica_wanted(const struct store *store)
{
    return store->from_replica && !store->begun && !store->aside;
}

/* One after the other, or any: a counter, mixed where order is not wanted. */
static size_t choose(struct store_shared *shared)
{
    uint64_t turn = atomic_fetch_add(&shared->replica_next, 1);
    if (shared->replicas_random)
        turn = (turn ^ turn >> 17) * MIX >> 33;
    return (size_t)(turn % shared->replica_count);
}

void sql_use_replica(struct bus_call *call, bool on)
{
    struct store *store = call->store;
    if (!store || !store->shared->replica_count)
        return;
    store->from_replica = on;
    if (on)
        store->replica = choose(store->shared);
}

static int connection(struct bus_call *call, size_t at, struct sql **ret)
{
    struct store *store = call->store;
    struct store_shared *shared = store->shared;
    int code = BUS_OK;
    if (!store->replicas)
        store->replicas =
            array_new(shared->replica_count, sizeof(struct sql *));
    if (!store->replicas[at])
        code = shared->driver->open(shared->replicas[at], &store->replicas[at],
                                    &call->error);
    if (code == BUS_OK)
        *ret = store->replicas[at];
    return code;
}

int replica_query(struct bus_call *call, const char *text,
                  const struct sql_value *args, size_t count,
                  const struct bus_shape *row, size_t max, struct bus_list *ret)
{
    struct store *store = call->store;
    const struct sql_driver *driver = store->shared->driver;
    int code = BUS_UNAVAILABLE;
    struct sql *sql = NULL;
    for (size_t i = 0;
         i < store->shared->replica_count && code == BUS_UNAVAILABLE; i++) {
        size_t at = (store->replica + i) % store->shared->replica_count;
        code = connection(call, at, &sql);
        if (code == BUS_OK)
            code = driver->query(sql, text, args, count, store_deadline(call),
                                 row, max, call->arena, ret, &call->error);
    }
    if (code != BUS_UNAVAILABLE)
        return code;
    code = store_connect(call);
    return code == BUS_OK ? driver->query(store->sql, text, args, count,
                                          store_deadline(call), row, max,
                                          call->arena, ret, &call->error)
                          : code;
}

void replica_close(struct store *store)
{
    for (size_t i = 0; store->replicas && i < store->shared->replica_count; i++)
        if (store->replicas[i])
            store->shared->driver->close(store->replicas[i]);
    free(store->replicas);
}
