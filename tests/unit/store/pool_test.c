/* SPDX-License-Identifier: MIT
 *
 * Fewer connections than workers, and, where TROUPE_TEST_MYSQL names a server,
 * reading from replicas: databases of the same server that hold other rows, so
 * that it shows where a row came from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/state.h"
#include "tests/unit/store/fixture.h"

#define WORKERS 8
#define CALLS 30

struct scene {
    struct world world;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    world_open(&scene->world, false);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

static void *count_up(void *arg)
{
    struct store_shared *shared = arg;
    struct worker worker;
    intptr_t failed = 0;
    worker_open(&worker, shared);
    for (int i = 0; i < CALLS; i++) {
        struct bus_call *call = worker_call(&worker, &person_write_method);
        int code =
            sql_exec(call, "update person set weight = weight + 1 where id = 1",
                     NULL, 0, NULL);
        failed += call_end(call, code) != BUS_OK;
    }
    worker_close(&worker);
    return (void *)failed;
}

static void workers_share_fewer_connections(void **state)
{
    struct scene *scene = *state;
    pthread_t threads[WORKERS];
    struct person person;
    struct store_shared *shared = world_share_by(
        &scene->world, (struct store_options){.connections_max = 2});
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, count_up, shared);
    for (int i = 0; i < WORKERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_in_range(shared->pool.idle_count, 1, 2);
    struct worker worker;
    worker_open(&worker, shared);
    struct bus_call *call = worker_call(&worker, &person_read_method);
    assert_int_equal(person_find(call, 1, &person), BUS_OK);
    assert_true(person.weight == 60.5 + WORKERS * CALLS);
    worker_close(&worker);
    store_shared_close(shared);
}

static void who_finds_none_free_hears_it_in_time(void **state)
{
    struct scene *scene = *state;
    struct worker first, second;
    struct person person;
    struct store_shared *shared = world_share_by(
        &scene->world, (struct store_options){.connections_max = 1});
    worker_open(&first, shared);
    worker_open(&second, shared);
    struct bus_call *holds = worker_call(&first, &person_read_method);
    assert_int_equal(person_find(holds, 1, &person), BUS_OK);
    struct bus_call *call = worker_call(&second, &person_read_method);
    call->deadline = bus_now(call->clock) + 20 * BUS_MILLI;
    assert_int_equal(person_find(call, 1, &person), BUS_RESOURCE_EXHAUSTED);
    assert_int_equal(call_end(holds, BUS_OK), BUS_OK);
    call = worker_call(&second, &person_read_method);
    assert_int_equal(person_find(call, 1, &person), BUS_OK);
    worker_close(&second);
    worker_close(&first);
    store_shared_close(shared);
}

static void a_file_has_no_replicas(void **state)
{
    (void)state;
    static const char *const replicas[] = {"sqlite:/tmp/other.db"};
    const struct store_options options = {.source = "sqlite:/tmp/none.db",
                                          .clock = &bus_clock_system,
                                          .replicas = replicas,
                                          .replica_count = 1};
    struct store_shared *shared = NULL;
    struct bus_error err;
    assert_int_equal(store_shared_open(&options, &shared, &err),
                     BUS_INVALID_ARGUMENT);
    assert_null(shared);
}

/* ---- replicas ---- */

static int read_age(struct worker *worker, bool replica)
{
    struct person person;
    struct bus_call *call = worker_call(worker, &person_write_method);
    call_begin(call);
    sql_use_replica(call, replica);
    int code = person_find(call, 1, &person);
    bool locked = call->locked;
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_int_equal(code, BUS_OK);
    assert_true(locked != replica);
    return person.age;
}

static void set_age(struct world *world, int age)
{
    struct worker worker;
    const struct sql_value args[] = {sql_int(age)};
    worker_open(&worker, world->shared);
    struct bus_call *call = worker_call(&worker, &person_write_method);
    assert_int_equal(sql_exec(call, "update person set age = ?", args, 1, NULL),
                     BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    worker_close(&worker);
}

static void only_what_asks_for_a_replica_is_read_there(void **state)
{
    struct scene *scene = *state;
    struct world other, third;
    struct worker worker;
    world_open(&other, false);
    world_open(&third, false);
    set_age(&other, 71);
    set_age(&third, 72);
    const char *const replicas[] = {other.source, third.source};
    struct store_shared *shared = world_share_by(
        &scene->world,
        (struct store_options){.replicas = replicas, .replica_count = 2});
    worker_open(&worker, shared);
    assert_int_equal(read_age(&worker, false), 18);
    assert_int_equal(read_age(&worker, true), 71);
    assert_int_equal(read_age(&worker, true), 72);
    assert_int_equal(read_age(&worker, true), 71);
    assert_int_equal(read_age(&worker, false), 18);
    /* What has begun a transaction reads what that one sees. */
    struct person person;
    struct bus_call *call = worker_call(&worker, &person_write_method);
    call_begin(call);
    assert_int_equal(sql_exec(call, "update person set age = 5", NULL, 0, NULL),
                     BUS_OK);
    sql_use_replica(call, true);
    assert_int_equal(person_find(call, 1, &person), BUS_OK);
    assert_int_equal(person.age, 5);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    worker_close(&worker);
    store_shared_close(shared);
    world_close(&other);
    world_close(&third);
}

static void a_replica_that_is_gone_is_done_without(void **state)
{
    struct scene *scene = *state;
    struct worker worker;
    static const char *const replicas[] = {"root@unix(/nowhere.sock)/x",
                                           "root@tcp(127.0.0.1:1)/x"};
    struct store_shared *shared = world_share_by(
        &scene->world,
        (struct store_options){.replicas = replicas, .replica_count = 2});
    worker_open(&worker, shared);
    assert_int_equal(read_age(&worker, true), 18);
    worker_close(&worker);
    store_shared_close(shared);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(workers_share_fewer_connections),
        T(who_finds_none_free_hears_it_in_time),
        cmocka_unit_test(a_file_has_no_replicas),
    };
    const struct CMUnitTest replicas[] = {
        T(only_what_asks_for_a_replica_is_read_there),
        T(a_replica_that_is_gone_is_done_without),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (world_on_mysql())
        failed += cmocka_run_group_tests(replicas, NULL, NULL);
    return failed;
}
