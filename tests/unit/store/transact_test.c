/* SPDX-License-Identifier: MIT
 *
 * Transactions of a handler's own choice: all of it or nothing, done when the
 * function returns, run again after a deadlock; part of the call's own where
 * there is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/store/fixture.h"

struct scene {
    struct world world;
    struct worker worker;
};

static int open_scene(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    world_open(&scene->world, true);
    worker_open(&scene->worker, scene->world.shared);
    *state = scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    worker_close(&scene->worker);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

static struct bus_call *writing(void **state)
{
    struct scene *scene = *state;
    return worker_call(&scene->worker, &person_write_method);
}

static int64_t people(void **state)
{
    struct scene *scene = *state;
    return world_count(&scene->world, "person");
}

/* Inserts two, then answers code; the first `deadlocks` times as if the
 * database had met one. */
struct work {
    int code;
    int deadlocks;
    int runs;
};

static int insert_two(struct bus_call *call, void *arg)
{
    struct work *work = arg;
    struct person first = person_make(0, "first");
    struct person second = person_make(0, "second");
    work->runs++;
    assert_true(call->locked || work->runs == 1);
    assert_int_equal(model_insert(call, &person_table, &first), BUS_OK);
    assert_int_equal(model_insert(call, &person_table, &second), BUS_OK);
    if (work->runs <= work->deadlocks)
        return bus_error_reason(&call->error, BUS_UNAVAILABLE, SQL_DEADLOCK,
                                "a deadlock");
    if (work->code != BUS_OK)
        return bus_error_set(&call->error, work->code, "refused");
    return BUS_OK;
}

/* ---- what works ---- */

static void done_when_it_returns(void **state)
{
    struct bus_call *call = writing(state);
    struct work work = {0};
    call_begin(call);
    assert_int_equal(sql_transact(call, insert_two, &work), BUS_OK);
    assert_false(call->locked); /* other actors may be called now */
    assert_int_equal(people(state), 3);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_int_equal(people(state), 3);
}

static void two_one_after_the_other(void **state)
{
    struct bus_call *call = writing(state);
    struct person found;
    struct work refused = {.code = BUS_ABORTED}, work = {0};
    call_begin(call);
    assert_int_equal(sql_transact(call, insert_two, &refused), BUS_ABORTED);
    assert_int_equal(sql_transact(call, insert_two, &work), BUS_OK);
    assert_int_equal(person_find_by_number(call, "second", &found), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_int_equal(people(state), 3);
}

static void run_again_after_a_deadlock(void **state)
{
    struct bus_call *call = writing(state);
    struct work work = {.deadlocks = 2};
    call_begin(call);
    assert_int_equal(sql_transact(call, insert_two, &work), BUS_OK);
    assert_int_equal(work.runs, 3);
    assert_int_equal(people(state), 3);
}

static void part_of_a_step(void **state)
{
    struct scene *scene = *state;
    struct bus_call *call = worker_step(&scene->worker, "g", "action");
    struct work work = {0};
    call_begin(call);
    assert_int_equal(sql_transact(call, insert_two, &work), BUS_OK);
    assert_true(call->locked);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_int_equal(people(state), 1);
}

/* ---- what is refused ---- */

static void nothing_of_it_if_it_fails(void **state)
{
    struct bus_call *call = writing(state);
    struct work work = {.code = BUS_OUT_OF_RANGE};
    call_begin(call);
    assert_int_equal(sql_transact(call, insert_two, &work), BUS_OUT_OF_RANGE);
    assert_string_equal(call->error.sentence, "refused");
    assert_false(call->locked);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_int_equal(people(state), 1);
}

static void a_deadlock_each_time_is_unavailable(void **state)
{
    struct bus_call *call = writing(state);
    struct work work = {.deadlocks = 100};
    call_begin(call);
    assert_int_equal(sql_transact(call, insert_two, &work), BUS_UNAVAILABLE);
    assert_int_equal(work.runs, 5);
    assert_int_equal(people(state), 1);
}

static void a_step_cannot_be_done_without_it(void **state)
{
    struct scene *scene = *state;
    struct bus_call *call = worker_step(&scene->worker, "g", "action");
    struct work work = {.code = BUS_OUT_OF_RANGE};
    call_begin(call);
    assert_int_equal(sql_transact(call, insert_two, &work), BUS_OUT_OF_RANGE);
    assert_int_equal(call_end(call, BUS_OK), BUS_OUT_OF_RANGE);
    assert_int_equal(people(state), 1);
}

static void a_reading_method_has_none(void **state)
{
    struct scene *scene = *state;
    struct bus_call *call = worker_call(&scene->worker, &person_read_method);
    struct work work = {0};
    assert_int_equal(sql_transact(call, insert_two, &work), BUS_INTERNAL);
    assert_int_equal(work.runs, 0);
}

#define SCENE(test)                                                            \
    cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(done_when_it_returns),
        SCENE(two_one_after_the_other),
        SCENE(run_again_after_a_deadlock),
        SCENE(part_of_a_step),
        SCENE(nothing_of_it_if_it_fails),
        SCENE(a_deadlock_each_time_is_unavailable),
        SCENE(a_step_cannot_be_done_without_it),
        SCENE(a_reading_method_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
