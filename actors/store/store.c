/* SPDX-License-Identifier: MIT
 *
 * The store: opening a process's share and a worker's own, and the transaction
 * of one call from its first statement to store_end. Cache keys collected on
 * the way are deleted after the commit and before the next writer is let in.
 */
#include "actors/store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/barrier.h"
#include "actors/store/ddl.h"
#include "actors/store/outbox.h"
#include "actors/store/pool.h"
#include "actors/store/purger.h"
#include "actors/store/replica.h"
#include "actors/store/state.h"
#include "bus/hook.h"

#define DEADLOCK_TRIES 5

/* ---- around a commit ---- */

/* Strangers' commits are noticed first. Several calls may share this one: it
 * counts once; with strangers it is one of theirs. */
static void before_commit(void *arg, bool mixed)
{
    const struct store *store = arg;
    struct store_shared *shared = store->shared;
    if (!shared->watching || !store->changed || shared->expecting || mixed)
        return;
    store_refresh(shared);
    shared->expected = watch_expect(&shared->watch);
    shared->expecting = true;
}

static void after_commit(void *arg, bool committed)
{
    const struct store *store = arg;
    struct store_shared *shared = store->shared;
    struct cache *cache = shared->cache;
    if (committed && cache && store->stale)
        cache->driver->del(cache, store->call, store->stale);
    if (shared->expecting)
        watch_settle(&shared->watch, shared->expected, committed);
    shared->expecting = false;
}

/* ---- what a process shares ---- */

/* Where defining tables ends transactions, another lock keeps processes apart,
 * until the connection is closed. */
static int tables_lock(const struct store_shared *shared, struct sql *sql,
                       struct bus_error *err)
{
    if (shared->driver->dialect != SQL_MYSQL)
        return BUS_OK;
    return sql_define(shared->driver, sql,
                      "do get_lock(concat('troupe.', database()), 60)", err);
}

static int tables_ensure(struct store_shared *shared, struct sql *sql,
                         struct bus_error *err)
{
    int code = tables_lock(shared, sql, err);
    if (code == BUS_OK)
        code = barrier_ensure(shared->driver, sql, err);
    if (code == BUS_OK)
        code = outbox_ensure(shared->driver, sql, err);
    const struct model_table *const *table = shared->tables;
    for (; table && *table && code == BUS_OK; table++)
        code = ddl_ensure(shared->driver, sql, *table, err);
    return code;
}

/* All tables and seeds, or none. */
static int tables_create(struct store_shared *shared, struct bus_error *err)
{
    struct sql *sql;
    int code = shared->driver->open(shared->source, &sql, err);
    if (code != BUS_OK)
        return code;
    code = shared->driver->begin(sql, BUS_FOREVER, err);
    if (code == BUS_OK) {
        code = tables_ensure(shared, sql, err);
        if (code == BUS_OK)
            code = shared->driver->commit(sql, err);
    }
    if (code == BUS_OK && shared->cache && shared->cache->driver->clear) {
        watch_init(&shared->watch, shared->driver->commits(sql));
        shared->watching = sql;
    } else {
        shared->driver->close(sql); /* rolls back what is not committed */
    }
    return code;
}

int store_ensure(struct store_shared *shared, const struct model_table *table,
                 struct bus_error *err)
{
    const struct sql_driver *driver = shared->driver;
    struct sql *sql;
    int code = driver->open(shared->source, &sql, err);
    if (code != BUS_OK)
        return code;
    code = driver->begin(sql, BUS_FOREVER, err);
    if (code == BUS_OK)
        code = tables_lock(shared, sql, err);
    if (code == BUS_OK)
        code = ddl_ensure(driver, sql, table, err);
    if (code == BUS_OK)
        code = driver->commit(sql, err);
    driver->close(sql); /* rolls back what is not committed */
    return code;
}

static void *array_new(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);
    if (!array)
        abort();
    return array;
}

int store_shared_open(const struct store_options *options,
                      struct store_shared **ret, struct bus_error *err)
{
    struct store_shared *shared = array_new(1, sizeof(*shared));
    shared->driver =
        strncmp(options->source, "sqlite:", 7) == 0 ? &sql_sqlite : &sql_mysql;
    shared->source = strdup(options->source);
    if (!shared->source)
        abort();
    shared->tables = options->tables;
    shared->hooks = (struct sql_hooks){before_commit, after_commit};
    shared->slow_ns = options->slow_ns ? options->slow_ns : STORE_SLOW_NS;
    pool_init(&shared->pool, shared->driver, shared->source,
              options->connections_max);
    shared->flights = flights_new();
    pthread_mutex_init(&shared->clearing, NULL);
    int code = caching_open(shared, options, err);
    if (code == BUS_OK)
        code = replicas_open(shared, options, err);
    if (code == BUS_OK)
        code = tables_create(shared, err);
    if (code == BUS_OK && options->keep_ns)
        shared->purger = purger_start(shared, options->keep_ns);
    if (code != BUS_OK) {
        store_shared_close(shared);
        return code;
    }
    *ret = shared;
    return BUS_OK;
}

void store_shared_close(struct store_shared *shared)
{
    if (!shared)
        return;
    purger_stop(shared->purger);
    caching_close(shared);
    replicas_close(shared);
    pool_close(&shared->pool);
    if (shared->watching)
        shared->driver->close(shared->watching);
    pthread_mutex_destroy(&shared->clearing);
    flights_free(shared->flights);
    free(shared->source);
    free(shared);
}

/* ---- what a worker has ---- */

int store_open(struct store_shared *shared, struct store **ret,
               struct bus_error *err)
{
    (void)err; /* connecting waits for the first statement */
    struct store *store = array_new(1, sizeof(*store));
    store->shared = shared;
    *ret = store;
    return BUS_OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    replica_close(store);
    if (store->sql)
        pool_drop(&store->shared->pool, store->sql);
    free(store);
}

/* ---- the transaction of a call ---- */

int64_t store_deadline(const struct bus_call *call)
{
    if (call->deadline == BUS_FOREVER)
        return BUS_FOREVER;
    /* The call's clock may be a test's: only the time left carries over. */
    int64_t left = call->deadline - bus_now(call->clock);
    int64_t now = bus_now(&bus_clock_system);
    return left < BUS_FOREVER - now ? now + left : BUS_FOREVER;
}

int store_connect(struct bus_call *call)
{
    struct store *store = call->store;
    if (store->sql)
        return BUS_OK;
    int code = pool_take(&store->shared->pool, store_deadline(call),
                         &store->sql, &call->error);
    if (code == BUS_OK)
        store->shared->driver->on_commit(store->sql, &store->shared->hooks,
                                         store);
    return code;
}

/* The driver has begun. */
static void enter(struct bus_call *call)
{
    struct store *store = call->store;
    const struct sql_driver *driver = store->shared->driver;
    store->begun = true;
    store->ran = false; /* what was read before it does not count */
    if (driver->in_company && driver->in_company(store->sql))
        store->wrote = true;
    call->locked = true;
}

static int begin(struct bus_call *call)
{
    struct store *store = call->store;
    int code = store_connect(call);
    if (code == BUS_OK)
        code = store->shared->driver->begin(store->sql, store_deadline(call),
                                            &call->error);
    if (code == BUS_OK)
        enter(call);
    return code;
}

static int use_primary(struct bus_call *call)
{
    if (!call->store)
        return bus_error_set(&call->error, BUS_INTERNAL,
                             "this actor has no store");
    if (call->store->begun)
        return BUS_OK;
    if (call->store->aside ||
        (call->method && call->method->flags & BUS_NO_SIDE_EFFECTS))
        return store_connect(call);
    return begin(call);
}

int store_use(struct bus_call *call)
{
    return call->store && replica_wanted(call->store) ? BUS_OK
                                                      : use_primary(call);
}

int store_use_to_write(struct bus_call *call)
{
    if (call->method && call->method->flags & BUS_NO_SIDE_EFFECTS)
        return bus_error_set(&call->error, BUS_INTERNAL,
                             "%s is marked NO_SIDE_EFFECTS and may not write",
                             call->method->name);
    int code = use_primary(call);
    if (code == BUS_OK)
        call->store->wrote = true;
    return code;
}

bool store_met_deadlock(const struct bus_call *call, int code)
{
    return code == BUS_UNAVAILABLE &&
           strcmp(call->error.reason, SQL_DEADLOCK) == 0;
}

bool store_again(struct bus_call *call, int code, int *tries)
{
    struct store *store = call->store;
    const struct sql_driver *driver = store->shared->driver;
    if (!store_met_deadlock(call, code) || !store->begun ||
        ++*tries >= DEADLOCK_TRIES)
        return false;
    driver->rollback(store->sql);
    store->ran = store->wrote = store->changed = false;
    struct bus_error err;
    if (driver->begin(store->sql, store_deadline(call), &err) == BUS_OK)
        return true;
    store->doomed = code; /* nothing may come of what follows */
    return false;
}

static void leave(struct bus_call *call)
{
    struct store *store = call->store;
    store->begun = store->ran = store->wrote = store->changed = store->step =
        false;
    store->doomed = 0;
    store->stale = NULL;
    call->locked = false;
}

static void roll_back(struct bus_call *call)
{
    call->store->shared->driver->rollback(call->store->sql);
    leave(call);
}

/* A transaction with the step's barrier rows in it, or nothing. */
static int try_step(struct bus_call *call, enum store_verdict *ret_verdict,
                    struct bus_bytes *stored)
{
    int code = begin(call);
    if (code == BUS_OK)
        code = barrier_enter(call, ret_verdict, stored);
    if (code != BUS_OK && call->store->begun)
        roll_back(call);
    return code;
}

static int begin_step(struct bus_call *call, enum store_verdict *ret_verdict,
                      struct bus_bytes *stored)
{
    struct store *store = call->store;
    assert(!store->begun);
    int code = barrier_check(call);
    if (code != BUS_OK)
        return code;
    int tries = 0; /* until the handler runs, all of it is ours */
    do
        code = try_step(call, ret_verdict, stored);
    while (store_met_deadlock(call, code) && ++tries < DEADLOCK_TRIES);
    if (code != BUS_OK)
        return code;
    store->step = *ret_verdict == STORE_RUN;
    store->ran = false; /* nothing of the handler's */
    return BUS_OK;
}

/* The commit itself, and with it the cache's part. */
static int commit_now(struct bus_call *call)
{
    struct store *store = call->store;
    struct store_shared *shared = store->shared;
    struct cache *cache = shared->cache;
    const struct cache_driver *fencing =
        cache && cache->driver->fence && store->stale ? cache->driver : NULL;
    if (fencing)
        fencing->fence(cache, call, store->stale);
    store->call = call;
    int code = shared->driver->commit(store->sql, &call->error);
    /* It may still be committed, after the deletes: keep readers from storing
     * for as long as a fence stands. */
    if (fencing && code == BUS_UNKNOWN)
        fencing->fence(cache, call, store->stale);
    else if (fencing && code != BUS_OK)
        fencing->del(cache, call, store->stale);
    store->call = NULL;
    return code;
}

static bool is_check(const struct bus_call *call)
{
    const char *op = call->meta.saga.op;
    return op && strcmp(op, MESSAGE_OP) == 0;
}

/* A step that runs without the barrier, in plain transactions. */
static bool is_bare_step(const struct bus_call *call)
{
    return call->bare && call->meta.saga.gid && !is_check(call);
}

static int commit(struct bus_call *call, struct bus_bytes reply)
{
    struct store *store = call->store;
    int code = store->doomed;
    if (code == BUS_OK && (store->step || is_bare_step(call)))
        code = barrier_keep(call, reply);
    if (code != BUS_OK) {
        roll_back(call);
        return code;
    }
    bus_effect("commit");
    code = commit_now(call);
    if (code == BUS_OK)
        bus_effect("commit");
    leave(call);
    return code;
}

int store_begin(struct bus_call *call, enum store_verdict *ret_verdict,
                struct bus_bytes *stored)
{
    struct store *store = call->store;
    enum store_verdict verdict = STORE_RUN;
    struct bus_bytes reply = {0};
    int code = BUS_OK;
    if (store) {
        store->from_replica = false;
        store->barriers = 0;
    }
    if (store && call->meta.saga.gid && !(call->bare && is_check(call))) {
        code = begin_step(call, &verdict, &reply);
        /* What a bare step and a check have written holds, come what may. */
        if (code == BUS_OK && (call->bare || is_check(call)))
            code = commit(call, (struct bus_bytes){0});
    }
    if (code != BUS_OK)
        return code;
    *ret_verdict = verdict;
    *stored = reply;
    return BUS_OK;
}

int store_end(struct bus_call *call, int code, struct bus_bytes reply)
{
    struct store *store = call->store;
    if (!store)
        return code;
    if (code == BUS_OK && !store->begun && reply.len > 0 && is_bare_step(call))
        code = begin(call); /* to keep the reply */
    if (store->begun && code == BUS_OK)
        code = commit(call, reply);
    else if (store->begun)
        roll_back(call);
    if (store->sql && pool_give(&store->shared->pool, store->sql))
        store->sql = NULL;
    return code;
}

int store_enter_anew(struct bus_call *call)
{
    enum store_verdict verdict = STORE_RUN;
    struct bus_bytes stored;
    if (!call->store->step)
        return BUS_OK;
    int code = barrier_enter(call, &verdict, &stored);
    if (code == BUS_OK && verdict != STORE_RUN)
        code = bus_error_set(&call->error, BUS_UNAVAILABLE,
                             "the step is done elsewhere meanwhile");
    if (code != BUS_OK)
        call->store->doomed = code;
    call->store->ran = false;
    return code;
}
