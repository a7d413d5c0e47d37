/* SPDX-License-Identifier: MIT
 *
 * The list of an input's faults: what it takes, and what it leaves to be
 * returned at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/fault.h"

struct fixture {
    struct bus_arena arena;
    struct bus_faults faults;
    struct bus_error err;
};

static int setup(void **state)
{
    static struct fixture fixture;
    bus_arena_init(&fixture.arena, BUS_ARENA_LIMIT);
    bus_faults_init(&fixture.faults, &fixture.arena);
    fixture.err = (struct bus_error){0};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bus_arena_release(&f->arena);
    return 0;
}

/* ---- success ---- */

static void keeps_what_is_of_a_field(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bus_faults_error(&f->faults, &f->err), BUS_OK);
    bus_error_field(&f->err, BUS_INVALID_ARGUMENT, "a", "%s", "one");
    assert_true(bus_fault_keep(&f->faults, &f->err));
    bus_error_field(&f->err, BUS_INVALID_ARGUMENT, "b.c", "%s", "two");
    assert_true(bus_fault_keep(&f->faults, &f->err));
    assert_int_equal(f->faults.count, 2);
    assert_string_equal(f->faults.items[1].field, "b.c");
    assert_int_equal(bus_faults_error(&f->faults, &f->err),
                     BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.field, "a");
    assert_string_equal(f->err.sentence, "one");
}

static void drops_what_comes_after_the_limit(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2 * BUS_FAULTS_MAX; i++) {
        char field[20];
        snprintf(field, sizeof(field), "f%d", i);
        bus_error_field(&f->err, BUS_INVALID_ARGUMENT, field, "bad");
        assert_true(bus_fault_keep(&f->faults, &f->err));
    }
    assert_int_equal(f->faults.count, BUS_FAULTS_MAX);
    assert_string_equal(f->faults.items[BUS_FAULTS_MAX - 1].field, "f63");
}

/* ---- failure ---- */

static void leaves_the_rest_to_be_returned(void **state)
{
    struct fixture *f = *state;
    bus_error_set(&f->err, BUS_INVALID_ARGUMENT, "malformed");
    assert_false(bus_fault_keep(&f->faults, &f->err));
    bus_error_field(&f->err, BUS_RESOURCE_EXHAUSTED, "a", "no room");
    assert_false(bus_fault_keep(&f->faults, &f->err));
    bus_error_field(&f->err, BUS_INVALID_ARGUMENT, "a", "bad");
    assert_false(bus_fault_keep(NULL, &f->err));
    assert_false(bus_fault_keep(&f->faults, NULL));
    assert_int_equal(f->faults.count, 0);
    assert_int_equal(bus_faults_error(NULL, &f->err), BUS_OK);
}

static void refuses_still_when_there_is_no_room(void **state)
{
    struct fixture *f = *state;
    struct bus_arena small;
    bus_arena_init(&small, 1);
    bus_faults_init(&f->faults, &small);
    bus_error_field(&f->err, BUS_INVALID_ARGUMENT, "a", "bad");
    assert_false(bus_fault_keep(&f->faults, &f->err));
    bus_arena_release(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(keeps_what_is_of_a_field),
        TEST(drops_what_comes_after_the_limit),
        TEST(leaves_the_rest_to_be_returned),
        TEST(refuses_still_when_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
