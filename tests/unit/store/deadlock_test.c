/* SPDX-License-Identifier: MIT
 *
 * sql_transact in deadlocks, alone and inside a saga's step, which must not
 * lose its barrier. Deadlocks need a server that has row locks: the tests run
 * where TROUPE_TEST_MYSQL names one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/store/fixture.h"

#define ROUNDS 20

struct scene {
    struct world world;
    struct worker worker;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    world_open(&scene->world, false);
    worker_open(&scene->worker, scene->world.shared);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    worker_close(&scene->worker);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

struct work {
    int code; /* what it returns */
    int runs;
};

static int insert_one(struct bus_call *call, void *arg)
{
    struct work *work = arg;
    struct person person = person_make(70 + work->runs++, "70");
    int code = model_insert(call, &person_table, &person);
    return code ? code : work->code;
}

static struct bus_call *writing(struct scene *scene)
{
    return worker_call(&scene->worker, &person_write_method);
}

/* Two rows, locked in the order of one's own. */
struct swap {
    struct scene *scene;
    pthread_barrier_t *both;
    int64_t first, second;
    int runs, code;
    const char *gid; /* NULL: no step */
};

static int touch(struct bus_call *call, int64_t id)
{
    const struct sql_value args[] = {sql_int(id)};
    return sql_exec(call, "update person set age = age + 1 where id = ?", args,
                    1, NULL);
}

static int touch_both(struct bus_call *call, void *arg)
{
    struct swap *swap = arg;
    int code = touch(call, swap->first);
    if (swap->runs++ == 0)
        pthread_barrier_wait(swap->both);
    return code ? code : touch(call, swap->second);
}

static void *swap_run(void *arg)
{
    struct swap *swap = arg;
    struct worker worker;
    worker_open(&worker, swap->scene->world.shared);
    struct bus_call *call = swap->gid
                                ? worker_step(&worker, swap->gid, "action")
                                : worker_call(&worker, &person_write_method);
    call_begin(call);
    swap->code = sql_transact(call, touch_both, swap);
    int code = call_end(call, swap->code);
    swap->code = swap->code ? swap->code : code;
    worker_close(&worker);
    return NULL;
}

static void deadlocks_end_well(struct scene *scene, bool steps)
{
    struct work work = {BUS_OK, 0};
    struct person first, second;
    int repeated = 0;
    struct bus_call *call = writing(scene);
    assert_int_equal(sql_transact(call, insert_one, &work), BUS_OK);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_t both;
        pthread_t thread;
        char gids[2][16];
        struct swap a = {scene, &both, 1, 70, 0, 0, NULL}, b = a;
        snprintf(gids[0], sizeof(gids[0]), "a%d", i);
        snprintf(gids[1], sizeof(gids[1]), "b%d", i);
        b.first = 70;
        b.second = 1;
        a.gid = steps ? gids[0] : NULL;
        b.gid = steps ? gids[1] : NULL;
        pthread_barrier_init(&both, NULL, 2);
        pthread_create(&thread, NULL, swap_run, &a);
        swap_run(&b);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&both);
        assert_int_equal(a.code, BUS_OK);
        assert_int_equal(b.code, BUS_OK);
        repeated += a.runs + b.runs - 2;
    }
    assert_true(repeated >= ROUNDS);
    call = worker_call(&scene->worker, &person_read_method);
    assert_int_equal(person_find(call, 1, &first), BUS_OK);
    assert_int_equal(person_find(call, 70, &second), BUS_OK);
    assert_int_equal(first.age, 18 + 2 * ROUNDS);
    assert_int_equal(second.age, 30 + 2 * ROUNDS);
}

static void a_deadlock_is_run_again(void **state)
{
    deadlocks_end_well(*state, false);
}

static void a_step_in_a_deadlock_is_run_again_behind_its_barrier(void **state)
{
    struct scene *scene = *state;
    deadlocks_end_well(scene, true);
    assert_int_equal(world_count(&scene->world, "barrier"), 2 * ROUNDS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_deadlock_is_run_again),
        T(a_step_in_a_deadlock_is_run_again_behind_its_barrier),
    };
    return world_on_mysql() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
