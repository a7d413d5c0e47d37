/* SPDX-License-Identifier: MIT
 *
 * The last one given back is the first to be taken again: its prepared
 * statements and the server's caches are warm.
 */
#include "actors/store/pool.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/code.h"

void pool_init(struct pool *pool, const struct sql_driver *driver,
               const char *source, size_t max)
{
    *pool = (struct pool){.driver = driver, .source = source, .max = max};
    gate_init(&pool->gate, max);
    pthread_mutex_init(&pool->lock, NULL);
    pool->idle = calloc(max + 1, sizeof(struct sql *));
    if (!pool->idle)
        abort();
}

void pool_close(struct pool *pool)
{
    while (pool->idle_count)
        pool->driver->close(pool->idle[--pool->idle_count]);
    free(pool->idle);
    pthread_mutex_destroy(&pool->lock);
    gate_release(&pool->gate);
}

static struct sql *take_idle(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct sql *sql = pool->idle_count ? pool->idle[--pool->idle_count] : NULL;
    pthread_mutex_unlock(&pool->lock);
    return sql;
}

int pool_take(struct pool *pool, int64_t deadline, struct sql **ret,
              struct bus_error *err)
{
    if (pool->max && !gate_enter(&pool->gate, deadline))
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "all %zu connections to the database were in use",
                             pool->max);
    struct sql *idle = take_idle(pool);
    if (idle) {
        *ret = idle;
        return BUS_OK;
    }
    int code = pool->driver->open(pool->source, ret, err);
    if (code != BUS_OK && pool->max)
        gate_leave(&pool->gate);
    return code;
}

bool pool_give(struct pool *pool, struct sql *sql)
{
    if (!pool->max)
        return false;
    pthread_mutex_lock(&pool->lock);
    assert(pool->idle_count < pool->max);
    pool->idle[pool->idle_count++] = sql;
    pthread_mutex_unlock(&pool->lock);
    gate_leave(&pool->gate);
    return true;
}

void pool_drop(struct pool *pool, struct sql *sql)
{
    pool->driver->close(sql);
    if (pool->max)
        gate_leave(&pool->gate);
}
