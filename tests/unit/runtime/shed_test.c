/* SPDX-License-Identifier: MIT
 *
 * Shedding: never without both overload and too much in flight.
 */
#include "actors/runtime/shed.h"

#include "tests/unit/runtime/cmocka_all.h"

#define THRESHOLD 900
#define START (1000 * BUS_SECOND)

static struct shed shed;

static int set_up(void **state)
{
    (void)state;
    shed_init(&shed, THRESHOLD);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    shed_release(&shed);
    return 0;
}

/* 100 requests of 20 ms in every bucket of the five seconds before `now`: 20
 * can be in flight. */
static void history(int64_t now)
{
    for (int i = 1; i < SHED_BUCKETS; i++)
        for (int n = 0; n < 100; n++) {
            int64_t then = now - i * SHED_BUCKET;
            assert_true(shed_admits(&shed, then, THRESHOLD - 1));
            shed_done(&shed, then, 20 * BUS_MILLI);
        }
}

/* So many in flight, for long enough that the average knows. */
static void fly(int64_t now, int count)
{
    for (int i = 0; i < count; i++)
        assert_true(shed_admits(&shed, now, THRESHOLD - 1));
    for (int i = 0; i < 100; i++) {
        assert_true(shed_admits(&shed, now, THRESHOLD - 1));
        shed_done(&shed, now, 20 * BUS_MILLI);
    }
}

static void idle_processors_refuse_nothing(void **state)
{
    (void)state;
    history(START);
    fly(START, 1000);
    assert_true(shed_admits(&shed, START, 0));
    assert_true(shed_admits(&shed, START, THRESHOLD - 1));
}

static void few_in_flight_are_never_refused(void **state)
{
    (void)state;
    history(START);
    fly(START, 15);
    assert_true(shed_admits(&shed, START, THRESHOLD));
}

static void too_many_under_load_are_refused(void **state)
{
    (void)state;
    history(START);
    fly(START, 25);
    assert_false(shed_admits(&shed, START, THRESHOLD));
}

/* At 990 of 1,000 the factor is (1000 - 990) / 100 = 0.1: two in flight. */
static void the_busier_the_fewer(void **state)
{
    (void)state;
    history(START);
    fly(START, 10);
    assert_true(shed_admits(&shed, START, THRESHOLD));
    assert_false(shed_admits(&shed, START, 990));
}

static void it_cools_off(void **state)
{
    (void)state;
    history(START);
    fly(START, 25);
    assert_false(shed_admits(&shed, START, THRESHOLD));
    assert_false(shed_admits(&shed, START + SHED_COOL_OFF - 1, THRESHOLD - 1));
    /* That one counted as a refusal too. */
    assert_true(shed_admits(&shed, START + 2 * SHED_COOL_OFF, THRESHOLD - 1));
}

static void nothing_measured_admits_one_second_of_work(void **state)
{
    (void)state;
    fly(START, 5);
    assert_true(shed_admits(&shed, START, THRESHOLD)); /* ten fit */
    fly(START, 10);
    assert_false(shed_admits(&shed, START, THRESHOLD));
}

static void zero_turns_it_off(void **state)
{
    (void)state;
    shed_release(&shed);
    shed_init(&shed, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(shed_admits(&shed, START, 1000));
}

static void what_was_not_served_does_not_fly(void **state)
{
    (void)state;
    history(START);
    for (int i = 0; i < 1000; i++) {
        assert_true(shed_admits(&shed, START, THRESHOLD));
        shed_undo(&shed);
    }
    assert_int_equal(shed.flying, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(idle_processors_refuse_nothing),
        TEST(few_in_flight_are_never_refused),
        TEST(too_many_under_load_are_refused),
        TEST(the_busier_the_fewer),
        TEST(it_cools_off),
        TEST(nothing_measured_admits_one_second_of_work),
        TEST(zero_turns_it_off),
        TEST(what_was_not_served_does_not_fly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
