/* SPDX-License-Identifier: MIT
 *
 * Reading through the cache: what is stored under which key, and the races
 * between readers and writers, each interleaved by hand at the one place where
 * it hurts: a cache that runs something just before a value is stored or just
 * after one was looked up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "actors/store/state.h"
#include "tests/unit/store/fixture.h"

#define ROW_KEY "cache:person:id:1"
#define INDEX_KEY "cache:person:number:666"
#define ROUNDS_MAX 100
#define READERS 6
#define COUNTERS 4
#define COUNTS 100 /* a thread */

struct scene;

typedef void hook(struct scene *scene);

/* A cache in front of the real one. */
struct watched {
    struct cache base;
    struct cache *real;
    _Atomic(hook *) before_set; /* each once; NULL: nothing */
    _Atomic(hook *) after_get;
    struct scene *scene;
    _Atomic int sets;
};

struct scene {
    struct world world;
    struct worker reader;
    struct worker writer;
    struct watched cache;
    sem_t entered, go;
};

static void run_once(struct scene *scene, _Atomic(hook *) *what)
{
    hook *run = atomic_exchange(what, NULL);
    if (run)
        run(scene);
}

static enum cache_found watched_get(struct cache *cache, struct bus_call *call,
                                    struct cache_look *look)
{
    struct watched *watched = (struct watched *)cache;
    struct cache *real = watched->real;
    enum cache_found found = real->driver->get(real, call, look);
    if (found == CACHE_HIT)
        run_once(watched->scene, &watched->after_get);
    return found;
}

static void watched_set(struct cache *cache, struct bus_call *call,
                        const struct cache_item *item)
{
    struct watched *watched = (struct watched *)cache;
    run_once(watched->scene, &watched->before_set);
    atomic_fetch_add(&watched->sets, 1);
    watched->real->driver->set(watched->real, call, item);
}

static void watched_del(struct cache *cache, struct bus_call *call,
                        const struct cache_key *keys)
{
    struct cache *real = ((struct watched *)cache)->real;
    real->driver->del(real, call, keys);
}

static void watched_clear(struct cache *cache)
{
    struct cache *real = ((struct watched *)cache)->real;
    real->driver->clear(real);
}

static const struct cache_driver watched_driver = {.get = watched_get,
                                                   .set = watched_set,
                                                   .del = watched_del,
                                                   .clear = watched_clear};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    world_open(&scene->world, true);
    scene->cache.base.driver = &watched_driver;
    scene->cache.real = scene->world.shared->cache;
    scene->cache.scene = scene;
    scene->world.shared->cache = &scene->cache.base;
    worker_open(&scene->reader, scene->world.shared);
    worker_open(&scene->writer, scene->world.shared);
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
    scene->world.shared->cache = scene->cache.real;
    world_close(&scene->world);
    sem_destroy(&scene->entered);
    sem_destroy(&scene->go);
    test_free(scene);
    return 0;
}

static int read_id(struct scene *scene, int64_t id, struct person *ret)
{
    struct bus_call *call = worker_call(&scene->reader, &person_read_method);
    return person_find(call, id, ret);
}

static int read_number(struct scene *scene, const char *number,
                       struct person *ret)
{
    struct bus_call *call = worker_call(&scene->reader, &person_read_method);
    return person_find_by_number(call, number, ret);
}

static void update(struct scene *scene, const char *number, uint8_t age)
{
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    struct person person = person_make(1, number);
    person.age = age;
    assert_int_equal(model_update(call, &person_table, &person), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

static void grow_older(struct scene *scene)
{
    update(scene, "666", 99);
}

static void take_another_number(struct scene *scene)
{
    update(scene, "777", 98);
}

static void insert_absent(struct scene *scene)
{
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    struct person person = person_make(5, "555");
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

/* The cached text under a key, or NULL. */
static const char *cached(struct scene *scene, const char *key)
{
    struct cache_look look = {.key = key};
    struct cache *real = scene->cache.real;
    return real->driver->get(real, &scene->reader.call, &look) == CACHE_HIT
               ? (const char *)look.value.data
               : NULL;
}

static void put_bytes(struct scene *scene, const char *key,
                      struct bus_bytes value)
{
    struct cache *real = scene->cache.real;
    const struct cache_item item = {key, value, UINT64_MAX, key, BUS_SECOND};
    real->driver->set(real, &scene->reader.call, &item);
}

static void put(struct scene *scene, const char *key, const char *text)
{
    put_bytes(scene, key,
              (struct bus_bytes){(const uint8_t *)text, strlen(text)});
}

/* ---- what is stored ---- */

static void keys_and_placeholders_are_go_zeros(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_number(scene, "666", &found), BUS_OK);
    assert_string_equal(cached(scene, INDEX_KEY), "1");
    assert_non_null(cached(scene, ROW_KEY));
    assert_int_equal(read_number(scene, "404", &found), BUS_NOT_FOUND);
    assert_string_equal(cached(scene, "cache:person:number:404"), "*");
    assert_int_equal(read_id(scene, 404, &found), BUS_NOT_FOUND);
    assert_string_equal(cached(scene, "cache:person:id:404"), "*");
}

static void a_second_read_does_not_ask_the_database(void **state)
{
    struct scene *scene = *state;
    struct person found;
    struct bus_bytes image;
    assert_int_equal(read_number(scene, "666", &found), BUS_OK);
    found.age = 3;
    assert_true(form_image_write(scene->world.shared->forms,
                                 &scene->reader.call, &found, &image));
    put_bytes(scene, ROW_KEY, image);
    assert_int_equal(read_number(scene, "666", &found), BUS_OK);
    assert_int_equal(found.age, 3);
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_int_equal(found.age, 3);
}

static void a_placeholder_goes_with_the_insert(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_id(scene, 5, &found), BUS_NOT_FOUND);
    assert_int_equal(read_number(scene, "555", &found), BUS_NOT_FOUND);
    insert_absent(scene);
    assert_int_equal(read_id(scene, 5, &found), BUS_OK);
    assert_int_equal(read_number(scene, "555", &found), BUS_OK);
}

static void a_bad_value_is_replaced(void **state)
{
    struct scene *scene = *state;
    static const char *const bad[] = {"{", "{\"Id\":1}", "", "7"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct person found;
        put(scene, ROW_KEY, bad[i]);
        put(scene, INDEX_KEY, bad[i][0] == '7' ? "[1]" : bad[i]);
        assert_int_equal(read_number(scene, "666", &found), BUS_OK);
        assert_int_equal(found.id, 1);
        assert_int_equal(read_id(scene, 1, &found), BUS_OK);
        assert_int_equal(found.age, 18);
        assert_int_equal(read_number(scene, "666", &found), BUS_OK);
        assert_string_equal(cached(scene, INDEX_KEY), "1");
    }
}

static void the_cache_waits_for_the_commit(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    struct person person = person_make(1, "666");
    person.age = 44;
    assert_int_equal(model_update(call, &person_table, &person), BUS_OK);
    assert_non_null(cached(scene, ROW_KEY));
    /* Its own write is seen by the call itself and by nobody else. */
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    assert_int_equal(found.age, 44);
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_int_equal(found.age, 18);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_non_null(cached(scene, ROW_KEY));
    grow_older(scene);
    assert_null(cached(scene, ROW_KEY));
}

static void a_call_that_wrote_fills_nothing(void **state)
{
    struct scene *scene = *state;
    struct person found;
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    struct person person = person_make(1, "666");
    person.age = 44;
    assert_int_equal(model_update(call, &person_table, &person), BUS_OK);
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    assert_int_equal(person_find_by_number(call, "666", &found), BUS_OK);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_int_equal(scene->cache.sets, 0);
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_int_equal(found.age, 18);
}

static void own_sql_is_told_to_the_cache(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_number(scene, "666", &found), BUS_OK);
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    assert_int_equal(
        sql_exec(call, "update person set age = 77", NULL, 0, NULL), BUS_OK);
    assert_int_equal(model_forget(call, &person_table, &found), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_int_equal(read_number(scene, "666", &found), BUS_OK);
    assert_int_equal(found.age, 77);
}

/* ---- strangers ---- */

/* A connection that this store knows nothing of, as `sqlite3` would have. */
static void stranger(struct scene *scene, const char *text)
{
    struct sql *sql;
    struct bus_error err;
    int64_t later = bus_now(&bus_clock_system) + SOON;
    assert_int_equal(sql_sqlite.open(scene->world.source, &sql, &err), BUS_OK);
    assert_int_equal(sql_sqlite.begin(sql, later, &err), BUS_OK);
    assert_int_equal(sql_sqlite.exec(sql, text, NULL, 0, later, NULL, &err),
                     BUS_OK);
    assert_int_equal(sql_sqlite.commit(sql, &err), BUS_OK);
    sql_sqlite.close(sql);
}

static void a_strangers_delete_is_seen(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_number(scene, "666", &found), BUS_OK);
    stranger(scene, "delete from person where id = 1");
    assert_int_equal(read_id(scene, 1, &found), BUS_NOT_FOUND);
    assert_int_equal(read_number(scene, "666", &found), BUS_NOT_FOUND);
    stranger(scene, "insert into person (id, number, weight, member, photo, "
                    "born) values (1, '666', 0, 0, x'', '2001-01-01')");
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
}

static void a_stranger_between_own_commits_is_seen(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    stranger(scene, "update person set age = 5");
    insert_absent(scene);
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_int_equal(found.age, 5);
}

static void change_age(struct scene *scene)
{
    stranger(scene, "update person set age = 6");
}

static void a_slow_reader_does_not_hide_a_stranger(void **state)
{
    struct scene *scene = *state;
    struct person found;
    scene->cache.before_set = change_age;
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_int_equal(found.age, 18);
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_int_equal(found.age, 6);
}

static void own_commits_drop_only_their_rows(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    insert_absent(scene);
    struct bus_call *call = worker_call(&scene->writer, &person_write_method);
    struct sql_done done;
    assert_int_equal(sql_exec(call, "update person set age = 1 where id = 0",
                              NULL, 0, &done),
                     BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    call = worker_call(&scene->writer, &person_write_method);
    assert_int_equal(
        sql_exec(call, "update person set age = 1", NULL, 0, &done), BUS_OK);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_int_equal(read_id(scene, 5, &found), BUS_OK);
    assert_non_null(cached(scene, ROW_KEY));
}

/* ---- races ---- */

static void a_slow_reader_does_not_bring_the_old_row_back(void **state)
{
    struct scene *scene = *state;
    struct person found;
    scene->cache.before_set = grow_older;
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_int_equal(found.age, 18); /* read before the update */
    assert_null(cached(scene, ROW_KEY));
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_int_equal(found.age, 99);
}

static void a_slow_reader_by_index_brings_nothing_back(void **state)
{
    struct scene *scene = *state;
    struct person found;
    scene->cache.before_set = take_another_number;
    assert_int_equal(read_number(scene, "666", &found), BUS_OK);
    assert_null(cached(scene, ROW_KEY));
    assert_null(cached(scene, INDEX_KEY));
    assert_int_equal(read_number(scene, "666", &found), BUS_NOT_FOUND);
    assert_int_equal(read_id(scene, 1, &found), BUS_OK);
    assert_string_equal(found.number, "777");
}

static void a_slow_reader_of_nothing_hides_no_insert(void **state)
{
    struct scene *scene = *state;
    struct person found;
    scene->cache.before_set = insert_absent;
    assert_int_equal(read_number(scene, "555", &found), BUS_NOT_FOUND);
    assert_int_equal(read_number(scene, "555", &found), BUS_OK);
}

static void a_row_that_changed_under_its_index_is_not_answered(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(read_number(scene, "666", &found), BUS_OK);
    scene->cache.after_get = take_another_number; /* after the index */
    assert_int_equal(read_number(scene, "666", &found), BUS_NOT_FOUND);
}

static void wait_for_go(struct scene *scene)
{
    sem_post(&scene->entered);
    sem_wait(&scene->go);
}

struct reader {
    struct scene *scene;
    int code;
    struct person found;
};

static void *read_in_thread(void *arg)
{
    struct reader *reader = arg;
    struct worker worker;
    worker_open(&worker, reader->scene->world.shared);
    struct bus_call *call = worker_call(&worker, &person_read_method);
    reader->code = person_find(call, 1, &reader->found);
    worker_close(&worker);
    return NULL;
}

static void of_many_readers_one_loads(void **state)
{
    struct scene *scene = *state;
    pthread_t threads[READERS];
    struct reader readers[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){scene, BUS_UNKNOWN, {0}};
        /* The first stops while it holds what it loaded. */
        if (i == 0)
            scene->cache.before_set = wait_for_go;
        pthread_create(&threads[i], NULL, read_in_thread, &readers[i]);
        if (i == 0)
            sem_wait(&scene->entered);
    }
    sem_post(&scene->go);
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].code, BUS_OK);
        assert_int_equal(readers[i].found.age, 18);
    }
    assert_int_equal(scene->cache.sets, 1);
    const struct store_counts *counts = &scene->world.shared->counts;
    assert_int_equal(counts->misses, 1);
    assert_int_equal(counts->hits, READERS - 1);
    assert_in_range(counts->joins, 0, READERS - 1);
}

/* A reader may come too late to wait, so this is tried until one did. */
static void who_waits_for_a_loader_is_counted(void **state)
{
    struct scene *scene = *state;
    const struct store_counts *counts = &scene->world.shared->counts;
    for (int i = 0; i < ROUNDS_MAX && counts->joins == 0; i++) {
        scene->cache.sets = 0;
        scene->world.shared->counts.misses = 0;
        scene->world.shared->counts.hits = 0;
        update(scene, "666", 18); /* and it is no more in the cache */
        of_many_readers_one_loads(state);
    }
    assert_in_range(counts->joins, 1, READERS - 1);
}

static void waiting_for_a_loader_ends_at_the_deadline(void **state)
{
    struct scene *scene = *state;
    pthread_t thread;
    struct reader reader = {scene, BUS_UNKNOWN, {0}};
    struct person found;
    scene->cache.before_set = wait_for_go;
    pthread_create(&thread, NULL, read_in_thread, &reader);
    sem_wait(&scene->entered);
    struct bus_call *call = worker_call(&scene->reader, &person_read_method);
    call->deadline = bus_now(call->clock) + 20 * BUS_MILLI;
    int code = person_find(call, 1, &found);
    sem_post(&scene->go);
    pthread_join(thread, NULL);
    assert_int_equal(code, BUS_DEADLINE_EXCEEDED);
    assert_int_equal(reader.code, BUS_OK);
}

/* ---- everything at once ---- */

struct counter {
    struct store_shared *shared;
    bool failed;
};

/* Counts a row up and looks, as a reader, that it never goes back. */
static void *count_up(void *arg)
{
    struct counter *counter = arg;
    struct worker worker;
    int64_t last = 0;
    worker_open(&worker, counter->shared);
    for (int i = 0; i < COUNTS && !counter->failed; i++) {
        struct person person;
        struct bus_call *call = worker_call(&worker, &person_write_method);
        bool done = person_find(call, 1, &person) == BUS_OK;
        person.born += 1;
        done = done && model_update(call, &person_table, &person) == BUS_OK &&
               call_end(call, BUS_OK) == BUS_OK;
        call = worker_call(&worker, &person_read_method);
        done = done && person_find_by_number(call, "666", &person) == BUS_OK;
        counter->failed = !done || person.born < last;
        last = person.born;
    }
    worker_close(&worker);
    return NULL;
}

/* Two shares are to the database what two processes are. */
static void counting_through_two_caches_loses_nothing(void **state)
{
    struct scene *scene = *state;
    struct store_shared *shares[] = {scene->world.shared,
                                     world_share(&scene->world, true)};
    struct counter counters[COUNTERS];
    pthread_t threads[COUNTERS];
    struct person before, after;
    assert_int_equal(read_id(scene, 1, &before), BUS_OK);
    for (int i = 0; i < COUNTERS; i++) {
        counters[i] = (struct counter){shares[i % 2], false};
        pthread_create(&threads[i], NULL, count_up, &counters[i]);
    }
    for (int i = 0; i < COUNTERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(counters[i].failed);
    }
    assert_int_equal(read_id(scene, 1, &after), BUS_OK);
    assert_int_equal(after.born - before.born, COUNTERS * COUNTS);
    store_shared_close(shares[1]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keys_and_placeholders_are_go_zeros),
        T(a_second_read_does_not_ask_the_database),
        T(a_placeholder_goes_with_the_insert),
        T(a_bad_value_is_replaced),
        T(the_cache_waits_for_the_commit),
        T(a_call_that_wrote_fills_nothing),
        T(own_sql_is_told_to_the_cache),
        T(a_strangers_delete_is_seen),
        T(a_stranger_between_own_commits_is_seen),
        T(a_slow_reader_does_not_hide_a_stranger),
        T(own_commits_drop_only_their_rows),
        T(a_slow_reader_does_not_bring_the_old_row_back),
        T(a_slow_reader_by_index_brings_nothing_back),
        T(a_slow_reader_of_nothing_hides_no_insert),
        T(a_row_that_changed_under_its_index_is_not_answered),
        T(of_many_readers_one_loads),
        T(who_waits_for_a_loader_is_counted),
        T(counting_through_two_caches_loses_nothing),
        T(waiting_for_a_loader_ends_at_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
