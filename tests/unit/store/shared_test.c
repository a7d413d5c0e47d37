/* SPDX-License-Identifier: MIT
 *
 * The cache that processes share, on a Redis of its own: what lies in it beside
 * what go-zero puts there, what Go's entries mean to us, the races between
 * processes, each interleaved by hand, and a server that hangs, dies and comes
 * back. Two shares are to the servers what two processes are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/shared.h"
#include "actors/store/state.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/store/redis_server.h"

#define ROW_KEY "cache:person:id:1"
#define INDEX_KEY "cache:person:number:666"
#define READERS 6
#define COUNTERS 4
#define COUNTS 60 /* a thread */

struct scene;

typedef void hook(struct scene *scene);

/* A cache in front of the real one that runs something before it stores. */
struct watched {
    struct cache base;
    struct cache *real;
    struct scene *scene;
    _Atomic(hook *) before_set; /* once; NULL: nothing */
};

struct scene {
    struct world world; /* whose own share has no cache */
    struct redis_server server, second;
    struct store_shared *here, *there;
    struct watched watched; /* in front of here's */
    struct cache_driver driver;
    struct worker reader, writer; /* of here, of there */
    char pending[128];
    sem_t entered, go;
};

static void watched_set(struct cache *cache, struct bus_call *call,
                        const struct cache_item *item)
{
    struct watched *watched = (struct watched *)cache;
    hook *run = atomic_exchange(&watched->before_set, NULL);
    if (run)
        run(watched->scene);
    watched->real->driver->set(watched->real, call, item);
}

/* The rest goes through. */
static enum cache_found watched_get(struct cache *cache, struct bus_call *call,
                                    struct cache_look *look)
{
    struct cache *real = ((struct watched *)cache)->real;
    return real->driver->get(real, call, look);
}

static void watched_release(struct cache *cache, struct bus_call *call,
                            const char *key, uint64_t token)
{
    struct cache *real = ((struct watched *)cache)->real;
    real->driver->release(real, call, key, token);
}

static void watched_del(struct cache *cache, struct bus_call *call,
                        const struct cache_key *keys)
{
    struct cache *real = ((struct watched *)cache)->real;
    real->driver->del(real, call, keys);
}

static void watched_fence(struct cache *cache, struct bus_call *call,
                          const struct cache_key *keys)
{
    struct cache *real = ((struct watched *)cache)->real;
    real->driver->fence(real, call, keys);
}

static void watched_stats(struct cache *cache, struct cache_stats *ret)
{
    struct cache *real = ((struct watched *)cache)->real;
    real->driver->stats(real, ret);
}

static void watch(struct scene *scene)
{
    scene->driver = (struct cache_driver){.shared = true,
                                          .get = watched_get,
                                          .set = watched_set,
                                          .release = watched_release,
                                          .del = watched_del,
                                          .fence = watched_fence,
                                          .stats = watched_stats};
    scene->watched.base.driver = &scene->driver;
    scene->watched.real = scene->here->cache;
    scene->watched.scene = scene;
    scene->here->cache = &scene->watched.base;
}

static struct store_shared *share(const struct scene *scene,
                                  const char *pending)
{
    struct store_node node = {.host = scene->server.socket,
                              .pass = scene->server.pass,
                              .weight = 100};
    return world_share_by(&scene->world,
                          (struct store_options){.nodes = &node,
                                                 .node_count = 1,
                                                 .pending = pending});
}

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    world_open(&scene->world, false);
    scene->server.pass = "secret";
    redis_server_start(&scene->server, scene->world.folder, "redis.sock");
    snprintf(scene->pending, sizeof(scene->pending), "%s/pending",
             scene->world.folder);
    scene->here = share(scene, NULL);
    scene->there = share(scene, NULL);
    watch(scene);
    worker_open(&scene->reader, scene->here);
    worker_open(&scene->writer, scene->there);
    sem_init(&scene->entered, 0, 0);
    sem_init(&scene->go, 0, 0);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    worker_close(&scene->reader);
    worker_close(&scene->writer);
    scene->here->cache = scene->watched.real;
    store_shared_close(scene->here);
    store_shared_close(scene->there);
    redis_server_kill(&scene->server);
    redis_server_kill(&scene->second);
    world_close(&scene->world);
    sem_destroy(&scene->entered);
    sem_destroy(&scene->go);
    test_free(scene);
    return 0;
}

/* ---- words ---- */

static int read_by(struct worker *worker, int64_t id, struct person *ret)
{
    return person_find(worker_call(worker, &person_read_method), id, ret);
}

static int read_number(struct worker *worker, const char *number,
                       struct person *ret)
{
    struct bus_call *call = worker_call(worker, &person_read_method);
    return person_find_by_number(call, number, ret);
}

static void update(struct worker *worker, const char *number, uint8_t age)
{
    struct bus_call *call = worker_call(worker, &person_write_method);
    struct person person = person_make(1, number);
    person.age = age;
    assert_int_equal(model_update(call, &person_table, &person), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

static const char *ask(struct scene *scene, const char *name, const char *key)
{
    return redis_server_ask(&scene->server, name, key, NULL, NULL);
}

static bool has(struct scene *scene, const char *key)
{
    return atoi(ask(scene, "EXISTS", key)) == 1;
}

static void put(struct scene *scene, const char *key, const char *value)
{
    assert_string_equal(
        redis_server_ask(&scene->server, "SET", key, value, NULL), "OK");
}

static struct store_stats stats(struct store_shared *shared)
{
    struct store_stats stats;
    store_stats(shared, &stats);
    return stats;
}

/* ---- go-zero's entries ---- */

/* As Go's json prints a person of a source in that zone. */
static const char *go_row(const char *name, int age)
{
    static char text[512];
    snprintf(text, sizeof(text),
             "{\"Id\":1,\"Name\":\"%s\",\"Number\":\"666\",\"Age\":%d,"
             "\"Balance\":0,\"Weight\":60.5,\"Member\":true,\"Nick\":{"
             "\"String\":\"\",\"Valid\":false},\"Photo\":\"\\u0001A\","
             "\"Born\":\"2003-04-05T06:07:08%s\"}",
             name, age, world_on_mysql() ? "+08:00" : "Z");
    return text;
}

static void within(struct scene *scene, const char *key, int low, int high)
{
    int left = atoi(ask(scene, "TTL", key));
    assert_in_range(left, low, high);
}

static void entries_are_go_zeros(void **state)
{
    struct scene *scene = *state;
    struct person found;
    int week = 7 * 86400;
    assert_int_equal(read_number(&scene->reader, "666", &found), BUS_OK);
    assert_string_equal(ask(scene, "GET", INDEX_KEY), "1");
    assert_string_equal(ask(scene, "GET", ROW_KEY), go_row("小明", 18));
    within(scene, INDEX_KEY, week * 95 / 100 - 5, week * 105 / 100 + 1);
    int left = atoi(ask(scene, "TTL", INDEX_KEY));
    within(scene, ROW_KEY, left + 4, left + 6);
    assert_int_equal(read_by(&scene->reader, 404, &found), BUS_NOT_FOUND);
    assert_string_equal(ask(scene, "GET", "cache:person:id:404"), "*");
    within(scene, "cache:person:id:404", 55, 64);
    assert_int_equal(read_number(&scene->reader, "404", &found), BUS_NOT_FOUND);
    assert_string_equal(ask(scene, "GET", "cache:person:number:404"), "*");
    /* and nothing else: leases are gone */
    assert_string_equal(
        redis_server_ask(&scene->server, "DBSIZE", NULL, NULL, NULL), "4");
}

static void what_go_put_there_is_read(void **state)
{
    struct scene *scene = *state;
    struct person found;
    put(scene, ROW_KEY, go_row("Go's", 33));
    put(scene, INDEX_KEY, "1");
    put(scene, "cache:person:id:7", "*");
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_int_equal(found.age, 33);
    assert_string_equal(found.name, "Go's");
    assert_string_equal(found.balance, "0.00");
    assert_int_equal(read_number(&scene->reader, "666", &found), BUS_OK);
    assert_int_equal(found.age, 33);
    assert_int_equal(read_by(&scene->reader, 7, &found), BUS_NOT_FOUND);
    struct store_stats now = stats(scene->here);
    assert_int_equal(now.hits, 3); /* one row, one index and its row */
    assert_int_equal(now.placeholders, 1);
    assert_int_equal(now.misses, 0);
}

static void what_is_no_row_is_replaced(void **state)
{
    struct scene *scene = *state;
    static const char *const bad[] = {"", "{", "{\"Id\":1}", "nil", "[1]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct person found;
        put(scene, ROW_KEY, bad[i]);
        assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
        assert_int_equal(found.age, 18);
        assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
        assert_string_equal(ask(scene, "GET", ROW_KEY), go_row("小明", 18));
    }
}

static void a_tables_prefix_can_be_another(void **state)
{
    struct scene *scene = *state;
    const struct store_node node = {.host = scene->server.socket,
                                    .pass = scene->server.pass,
                                    .weight = 100};
    static const struct store_prefix prefixes[] = {
        {"person", "cache:person:id::"}, {"person.number", "n:"}};
    struct store_shared *shared = world_share_by(
        &scene->world, (struct store_options){.nodes = &node,
                                              .node_count = 1,
                                              .prefixes = prefixes,
                                              .prefix_count = 2});
    struct worker worker;
    struct person found;
    worker_open(&worker, shared);
    assert_int_equal(read_number(&worker, "666", &found), BUS_OK);
    assert_string_equal(ask(scene, "GET", "n:666"), "1");
    assert_true(has(scene, "cache:person:id::1"));
    update(&worker, "666", 20);
    assert_false(has(scene, "cache:person:id::1"));
    assert_false(has(scene, "n:666"));
    worker_close(&worker);
    store_shared_close(shared);
}

/* On MySQL alone: a replica may be behind what the cache may hold. */
static void what_is_cached_is_read_from_the_source(void **state)
{
    struct scene *scene = *state;
    struct world other;
    struct worker worker, there;
    struct person found, old = person_make(1, "666");
    const struct store_node node = {
        .host = scene->server.socket, .pass = "secret", .weight = 100};
    world_open(&other, false);
    old.age = 71;
    worker_open(&there, other.shared);
    struct bus_call *call = worker_call(&there, &person_write_method);
    assert_int_equal(model_update(call, &person_table, &old), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    worker_close(&there);
    const char *const replicas[] = {other.source};
    struct store_shared *shared = world_share_by(
        &scene->world, (struct store_options){.nodes = &node,
                                              .node_count = 1,
                                              .replicas = replicas,
                                              .replica_count = 1});
    worker_open(&worker, shared);
    call = worker_call(&worker, &person_read_method);
    sql_use_replica(call, true);
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    assert_int_equal(found.age, 18);
    assert_non_null(strstr(ask(scene, "GET", ROW_KEY), "\"Age\":18"));
    worker_close(&worker);
    store_shared_close(shared);
    world_close(&other);
}

static void several_servers_share_the_keys(void **state)
{
    struct scene *scene = *state;
    struct worker worker;
    struct person found;
    redis_server_start(&scene->second, scene->world.folder, "second.sock");
    const struct store_node nodes[] = {
        {.host = scene->server.socket, .pass = "secret", .weight = 100},
        {.host = scene->second.socket, .weight = 100}};
    struct store_shared *shared = world_share_by(
        &scene->world, (struct store_options){.nodes = nodes, .node_count = 2});
    worker_open(&worker, shared);
    for (int i = 100; i < 140; i++)
        assert_int_equal(read_by(&worker, i, &found), BUS_NOT_FOUND);
    int first =
        atoi(redis_server_ask(&scene->server, "DBSIZE", NULL, NULL, NULL));
    int second =
        atoi(redis_server_ask(&scene->second, "DBSIZE", NULL, NULL, NULL));
    assert_int_equal(first + second, 40);
    assert_true(first > 5 && second > 5);
    /* One of them gone: its keys come from the database, the others as ever. */
    redis_server_kill(&scene->second);
    for (int i = 100; i < 140; i++)
        assert_int_equal(read_by(&worker, i, &found), BUS_NOT_FOUND);
    struct store_stats now = stats(shared);
    assert_int_equal(now.placeholders, first);
    assert_int_equal(now.fallbacks, second);
    worker_close(&worker);
    store_shared_close(shared);
}

/* ---- writes ---- */

static void an_update_removes_keys_of_both_rows(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_number(&scene->reader, "666", &found), BUS_OK);
    assert_int_equal(read_number(&scene->reader, "777", &found), BUS_NOT_FOUND);
    update(&scene->writer, "777", 44);
    assert_int_equal(read_number(&scene->reader, "777", &found), BUS_OK);
    assert_int_equal(read_number(&scene->reader, "666", &found), BUS_NOT_FOUND);
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_int_equal(found.age, 44);
}

static void keys_go_after_the_commit(void **state)
{
    struct scene *scene = *state;
    struct person found, person = person_make(1, "666");
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    assert_int_equal(model_update(call, &person_table, &person), BUS_OK);
    assert_true(has(scene, ROW_KEY));
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_true(has(scene, ROW_KEY));
}

static void a_transaction_reads_its_own_view(void **state)
{
    struct scene *scene = *state;
    struct person found;
    put(scene, ROW_KEY, go_row("cached", 99));
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    assert_int_equal(found.age, 99); /* nothing has begun yet */
    assert_false(call->locked);
    assert_int_equal(
        sql_exec(call, "update person set age = 5 where id = 2", NULL, 0, NULL),
        BUS_OK);
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    assert_int_equal(found.age, 18);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_true(has(scene, ROW_KEY));
}

/* Both ways of finding say so, and leave nothing in Redis. */
static void assert_finds(struct scene *scene, struct bus_call *call,
                         uint8_t age)
{
    struct person found;
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    assert_int_equal(found.age, age);
    assert_int_equal(person_find_by_number(call, "666", &found), BUS_OK);
    assert_int_equal(found.age, age);
    assert_int_equal(person_find(call, 9, &found), BUS_NOT_FOUND);
    assert_false(has(scene, "cache:person:id:9"));
}

/* One that only read so far, and a saga's step. */
static void inside_a_transaction_the_cache_has_no_say(void **state)
{
    struct scene *scene = *state;
    enum store_verdict verdict;
    struct bus_bytes stored;
    for (int i = 0; i < 2; i++) {
        struct bus_call *call =
            worker_call(&scene->writer, &person_write_method);
        struct bus_list rows;
        if (i == 0) {
            assert_int_equal(sql_query(call, "select * from person", NULL, 0,
                                       person_table.row, 9, &rows),
                             BUS_OK);
        } else {
            call = worker_step(&scene->writer, "g1", "action");
            assert_int_equal(store_begin(call, &verdict, &stored), BUS_OK);
        }
        assert_true(call->locked);
        assert_finds(scene, call, 18);
        assert_false(has(scene, ROW_KEY)); /* not filled */
        assert_false(has(scene, INDEX_KEY));
        put(scene, ROW_KEY, go_row("cached", 99));
        put(scene, INDEX_KEY, "9");
        assert_finds(scene, call, 18);
        assert_true(has(scene, ROW_KEY));
        assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
        redis_server_ask(&scene->server, "DEL", ROW_KEY, INDEX_KEY, NULL);
    }
}

static void a_transaction_sees_what_it_wrote_and_fills_nothing(void **state)
{
    struct scene *scene = *state;
    struct person found, person = person_make(1, "666");
    person.age = 44;
    for (int i = 0; i < 2; i++) {
        bool commits = i == 1;
        struct bus_call *call =
            worker_call(&scene->writer, &person_write_method);
        assert_int_equal(model_update(call, &person_table, &person), BUS_OK);
        assert_finds(scene, call, 44);
        assert_false(has(scene, ROW_KEY));
        assert_false(has(scene, INDEX_KEY));
        assert_int_equal(call_end(call, commits ? BUS_OK : BUS_ABORTED),
                         commits ? BUS_OK : BUS_ABORTED);
        assert_int_equal(read_number(&scene->reader, "666", &found), BUS_OK);
        assert_int_equal(found.age, commits ? 44 : 18);
        redis_server_ask(&scene->server, "DEL", ROW_KEY, INDEX_KEY, NULL);
    }
}

/* ---- races ---- */

static void grow_older(struct scene *scene)
{
    update(&scene->writer, "666", 99);
}

static void a_slow_reader_does_not_bring_the_old_row_back(void **state)
{
    struct scene *scene = *state;
    struct person found;
    scene->watched.before_set = grow_older;
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_int_equal(found.age, 18); /* read before the update */
    assert_false(has(scene, ROW_KEY));
    assert_int_equal(stats(scene->here).refused, 1);
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_int_equal(found.age, 99);
    assert_true(has(scene, ROW_KEY));
}

static void take_another_number(struct scene *scene)
{
    update(&scene->writer, "777", 98);
}

static void a_slow_reader_by_index_brings_nothing_back(void **state)
{
    struct scene *scene = *state;
    struct person found;
    scene->watched.before_set = take_another_number;
    assert_int_equal(read_number(&scene->reader, "666", &found), BUS_OK);
    assert_false(has(scene, ROW_KEY));
    assert_false(has(scene, INDEX_KEY));
    assert_int_equal(read_number(&scene->reader, "666", &found), BUS_NOT_FOUND);
}

/* A new loader between the delete and the late store must not lend the old one
 * its token. */
static void update_and_load(struct scene *scene)
{
    struct cache_look look = {.key = ROW_KEY, .loads = true};
    update(&scene->writer, "666", 99);
    struct cache *there = scene->there->cache;
    assert_int_equal(
        there->driver->get(
            there, worker_call(&scene->writer, &person_read_method), &look),
        CACHE_MISS);
    assert_true(look.token != 0);
}

static void a_later_loader_does_not_help_a_slow_reader(void **state)
{
    struct scene *scene = *state;
    struct person found;
    scene->watched.before_set = update_and_load;
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_false(has(scene, ROW_KEY));
}

static void a_writer_that_dies_leaves_nothing_stale(void **state)
{
    struct scene *scene = *state;
    struct person found;
    const struct cache_key keys = {ROW_KEY, NULL};
    struct cache *there = scene->there->cache;
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    there->driver->fence(there, call, &keys); /* and no del after it */
    assert_false(has(scene, ROW_KEY));
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_false(has(scene, ROW_KEY)); /* the commit may still be to come */
    int left = atoi(ask(scene, "PTTL", "lease:" ROW_KEY));
    assert_in_range(left, 1, SHARED_FENCE_MS);
    /* Another writer's deletes do not take the fence down. */
    update(&scene->reader, "666", 20);
    there->driver->fence(there, call, &keys);
    scene->here->cache->driver->del(scene->here->cache, &scene->reader.call,
                                    &keys);
    assert_true(has(scene, "lease:" ROW_KEY));
    there->driver->del(there, call, &keys);
    assert_false(has(scene, "lease:" ROW_KEY));
}

static void wait_for_go(struct scene *scene)
{
    sem_post(&scene->entered);
    sem_wait(&scene->go);
}

struct reader {
    struct store_shared *shared;
    int code;
    struct person found;
};

static void *read_in_thread(void *arg)
{
    struct reader *reader = arg;
    struct worker worker;
    worker_open(&worker, reader->shared);
    reader->code = read_by(&worker, 1, &reader->found);
    worker_close(&worker);
    return NULL;
}

/* One process loads; another's readers wait for what it stores. */
static void of_two_processes_one_loads(void **state)
{
    struct scene *scene = *state;
    pthread_t threads[READERS + 1];
    struct reader readers[READERS + 1];
    scene->watched.before_set = wait_for_go;
    readers[0] = (struct reader){scene->here, BUS_UNKNOWN, {0}};
    pthread_create(&threads[0], NULL, read_in_thread, &readers[0]);
    sem_wait(&scene->entered);
    for (int i = 1; i <= READERS; i++) {
        readers[i] = (struct reader){scene->there, BUS_UNKNOWN, {0}};
        pthread_create(&threads[i], NULL, read_in_thread, &readers[i]);
    }
    sem_post(&scene->go);
    for (int i = 0; i <= READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].code, BUS_OK);
        assert_int_equal(readers[i].found.age, 18);
    }
    assert_int_equal(stats(scene->here).fills, 1);
    assert_int_equal(stats(scene->there).fills, 0);
}

static void a_dead_loader_delays_and_does_not_stop(void **state)
{
    struct scene *scene = *state;
    struct person found;
    put(scene, "lease:" ROW_KEY, "somebody's");
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_false(has(scene, ROW_KEY)); /* the token was not ours */
}

/* ---- a server that fails ---- */

static bool is_up(void *arg)
{
    return stats(arg).nodes_down == 0;
}

static bool nothing_pends(void *arg)
{
    return stats(arg).pending_deletes == 0;
}

static void without_redis_everything_works(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    redis_server_kill(&scene->server);
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_int_equal(found.age, 18);
    update(&scene->writer, "666", 55);
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_int_equal(found.age, 55);
    assert_int_equal(read_number(&scene->reader, "666", &found), BUS_OK);
    assert_int_equal(read_by(&scene->reader, 404, &found), BUS_NOT_FOUND);
    assert_true(stats(scene->here).fallbacks >= 4);
    assert_int_equal(stats(scene->here).nodes_down, 1);
    assert_true(stats(scene->there).failed_deletes >= 2);
    redis_server_restart(&scene->server);
    int64_t back = bus_now(&bus_clock_system);
    assert_true(redis_await(is_up, scene->here));
    assert_true(bus_now(&bus_clock_system) - back < BUS_SECOND);
    assert_true(redis_await(nothing_pends, scene->there));
    assert_int_equal(read_by(&scene->reader, 1, &found), BUS_OK);
    assert_true(has(scene, ROW_KEY));
}

/* What a server that hung still holds is deleted before it serves again. */
/* With room for one reader, and that one inside. */
static void without_redis_few_read_at_once(void **state)
{
    struct scene *scene = *state;
    struct worker worker;
    struct person found;
    const struct store_node node = {
        .host = scene->server.socket, .pass = "secret", .weight = 100};
    struct store_shared *shared = world_share_by(
        &scene->world,
        (struct store_options){.nodes = &node, .node_count = 1, .fallback = 1});
    worker_open(&worker, shared);
    redis_server_kill(&scene->server);
    assert_true(gate_enter(&shared->gate, BUS_FOREVER));
    struct bus_call *call = worker_call(&worker, &person_read_method);
    call->deadline = bus_now(call->clock) + 20 * BUS_MILLI;
    assert_int_equal(person_find(call, 1, &found), BUS_DEADLINE_EXCEEDED);
    assert_non_null(strstr(call->error.sentence, "while the cache is down"));
    gate_leave(&shared->gate);
    for (int i = 0; i < 2; i++) /* who was inside has left */
        assert_int_equal(read_by(&worker, 1, &found), BUS_OK);
    worker_close(&worker);
    store_shared_close(shared);
}

static void deletes_are_repeated_when_it_is_back(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_number(&scene->writer, "666", &found), BUS_OK);
    redis_server_hang(&scene->server);
    update(&scene->writer, "666", 56);
    assert_int_equal(stats(scene->there).nodes_down, 1);
    assert_int_equal(read_by(&scene->writer, 1, &found), BUS_OK);
    assert_int_equal(found.age, 56);
    redis_server_go_on(&scene->server);
    assert_true(redis_await(is_up, scene->there));
    assert_int_equal(read_number(&scene->writer, "666", &found), BUS_OK);
    assert_int_equal(found.age, 56);
    assert_true(redis_await(nothing_pends, scene->there));
}

static void deletes_survive_the_process(void **state)
{
    struct scene *scene = *state;
    struct worker worker;
    struct person found;
    struct store_shared *dying = share(scene, scene->pending);
    worker_open(&worker, dying);
    assert_int_equal(read_number(&worker, "666", &found), BUS_OK);
    redis_server_hang(&scene->server);
    update(&worker, "666", 57);
    assert_true(stats(dying).pending_deletes >= 2);
    worker_close(&worker);
    store_shared_close(dying);
    redis_server_go_on(&scene->server);
    /* The hung server may have had the commands in its socket: as if not. */
    put(scene, ROW_KEY, go_row("stale", 18));
    struct store_shared *next = share(scene, scene->pending);
    assert_true(redis_await(nothing_pends, next));
    assert_false(has(scene, ROW_KEY));
    store_shared_close(next);
}

static void a_wrong_password_is_a_server_that_is_down(void **state)
{
    struct scene *scene = *state;
    struct worker worker;
    struct person found;
    const struct store_node node = {
        .host = scene->server.socket, .pass = "wrong", .weight = 100};
    struct store_shared *shared = world_share_by(
        &scene->world, (struct store_options){.nodes = &node, .node_count = 1});
    worker_open(&worker, shared);
    assert_int_equal(read_by(&worker, 1, &found), BUS_OK);
    assert_int_equal(stats(shared).nodes_down, 1);
    worker_close(&worker);
    store_shared_close(shared);
}

static void what_is_not_built_is_refused(void **state)
{
    (void)state;
    static const struct store_node nodes[] = {{.host = "a:1", .tls = true},
                                              {.host = "a:1", .cluster = true},
                                              {.host = "a:b"},
                                              {.host = ":7"}};
    for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
        struct cache *cache = NULL;
        struct bus_error err;
        assert_int_equal(cache_shared_open(&nodes[i], 1, NULL, &cache, &err),
                         BUS_INVALID_ARGUMENT);
        assert_null(cache);
        assert_non_null(strstr(err.sentence, "expected"));
    }
}

/* ---- everything at once ---- */

struct counter {
    struct store_shared *shared;
    int64_t counted;
    bool failed;
};

static bool count_one(struct worker *worker, int64_t *last)
{
    struct person person;
    struct bus_call *call = worker_call(worker, &person_write_method);
    bool done = sql_exec(call, "update person set age = age where id = 1", NULL,
                         0, NULL) == BUS_OK &&
                person_find(call, 1, &person) == BUS_OK;
    if (done)
        person.born += 1000000;
    done = done && model_update(call, &person_table, &person) == BUS_OK;
    if (call_end(call, done ? BUS_OK : BUS_ABORTED) != BUS_OK || !done)
        return false;
    *last = person.born;
    return true;
}

/* Counts a row up, and looks that its own count is never gone again, whatever
 * happens to the server meanwhile. */
static void *count_up(void *arg)
{
    struct counter *counter = arg;
    struct worker worker;
    worker_open(&worker, counter->shared);
    for (int i = 0; i < COUNTS && !counter->failed; i++) {
        int64_t last = 0;
        struct person person;
        bool counted = count_one(&worker, &last);
        counter->counted += counted;
        counter->failed =
            read_by(&worker, 1, &person) != BUS_OK || person.born < last;
    }
    worker_close(&worker);
    return NULL;
}

/* Kills it again as soon as both have found it back. */
static void trouble(struct scene *scene)
{
    for (int i = 0; i < 6; i++) {
        redis_server_kill(&scene->server);
        redis_server_restart(&scene->server);
        redis_await(is_up, scene->here);
        redis_await(is_up, scene->there);
    }
}

static void counting_while_it_dies_loses_nothing(void **state)
{
    struct scene *scene = *state;
    struct counter counters[COUNTERS];
    pthread_t threads[COUNTERS];
    struct person before, after;
    int64_t counted = 0;
    assert_int_equal(read_by(&scene->reader, 1, &before), BUS_OK);
    for (int i = 0; i < COUNTERS; i++) {
        counters[i] =
            (struct counter){.shared = i % 2 ? scene->here : scene->there};
        pthread_create(&threads[i], NULL, count_up, &counters[i]);
    }
    trouble(scene); /* here: the servers end with the thread that began them */
    for (int i = 0; i < COUNTERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(counters[i].failed);
        counted += counters[i].counted;
    }
    assert_true(redis_await(is_up, scene->here));
    assert_true(redis_await(nothing_pends, scene->here));
    assert_true(redis_await(nothing_pends, scene->there));
    assert_int_equal(read_by(&scene->reader, 1, &after), BUS_OK);
    assert_int_equal((after.born - before.born) / 1000000, counted);
    assert_true(counted > COUNTERS * COUNTS / 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(entries_are_go_zeros),
        T(what_go_put_there_is_read),
        T(what_is_no_row_is_replaced),
        T(a_tables_prefix_can_be_another),
        T(several_servers_share_the_keys),
        T(an_update_removes_keys_of_both_rows),
        T(keys_go_after_the_commit),
        T(a_transaction_reads_its_own_view),
        T(inside_a_transaction_the_cache_has_no_say),
        T(a_transaction_sees_what_it_wrote_and_fills_nothing),
        T(a_slow_reader_does_not_bring_the_old_row_back),
        T(a_slow_reader_by_index_brings_nothing_back),
        T(a_later_loader_does_not_help_a_slow_reader),
        T(a_writer_that_dies_leaves_nothing_stale),
        T(of_two_processes_one_loads),
        T(a_dead_loader_delays_and_does_not_stop),
        T(without_redis_everything_works),
        T(without_redis_few_read_at_once),
        T(deletes_are_repeated_when_it_is_back),
        T(deletes_survive_the_process),
        T(a_wrong_password_is_a_server_that_is_down),
        T(counting_while_it_dies_loses_nothing),
    };
    const struct CMUnitTest on_mysql[] = {
        T(what_is_cached_is_read_from_the_source),
    };
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(what_is_not_built_is_refused),
    };
    int failed = cmocka_run_group_tests(alone, NULL, NULL);
    if (redis_server_wanted())
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    if (redis_server_wanted() && world_on_mysql())
        failed += cmocka_run_group_tests(on_mysql, NULL, NULL);
    return failed;
}
