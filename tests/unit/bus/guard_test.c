/* SPDX-License-Identifier: MIT
 *
 * The breaker's figures as go-zero computes them, and the budget of
 * repetitions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/guard.h"

#define START (1000 * BUS_SECOND)
#define UNLUCKY 0 /* refused if anything is */
#define LUCKY UINT32_MAX

static struct guard guard;

static int set_up(void **state)
{
    (void)state;
    guard_init(&guard);
    return 0;
}

static void note(int64_t now, int count, bool good)
{
    for (int i = 0; i < count; i++)
        guard_note(&guard, now, good);
}

/* How many of 1,000 evenly spread chances pass; time stands still. */
static int passing(int64_t now)
{
    int passed = 0;
    assert_true(guard_allows(&guard, now, LUCKY)); /* and none is forced */
    for (uint32_t i = 0; i < 1000; i++)
        passed += guard_allows(&guard, now, i * (UINT32_MAX / 1000));
    return passed;
}

static void test_success_never_refuses(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        note(START + i * GUARD_BUCKET, 50, true);
        assert_true(guard_allows(&guard, START + i * GUARD_BUCKET, UNLUCKY));
    }
}

static void test_a_few_failures_are_protected(void **state)
{
    (void)state;
    guard_allows(&guard, START, LUCKY);
    note(START, GUARD_PROTECTED, false);
    assert_true(guard_allows(&guard, START, UNLUCKY));
    note(START, 1, false);
    assert_false(guard_allows(&guard, START, UNLUCKY));
}

/* 100 good and 100 bad in one bucket: (200 - 5 - 1.5 * 100) / 201 = 22.4 %. */
static void test_half_failing_refuses_as_computed(void **state)
{
    (void)state;
    note(START, 100, true);
    note(START, 100, false);
    assert_in_range(passing(START), 770, 782);
}

/* All failing: (1000 - 5) / 1001 = 99.4 % refused. */
static void test_all_failing_lets_one_pass_a_second(void **state)
{
    (void)state;
    note(START, 1000, false);
    assert_in_range(passing(START), 3, 8);
    int64_t later = START + GUARD_PASS_EVERY;
    assert_false(guard_allows(&guard, later, UNLUCKY));
    assert_true(guard_allows(&guard, later + 1, UNLUCKY));
    assert_false(guard_allows(&guard, later + 2, UNLUCKY));
}

/* Recovered for 5 of the 10 seconds: half of the share is forgiven. */
static void test_recovery_is_forgiven_by_and_by(void **state)
{
    (void)state;
    note(START, 1000, false);
    int before = passing(START);
    int64_t now = START + 20 * GUARD_BUCKET;
    note(now, 1, true);
    int half = passing(now);
    assert_in_range(half, 480, 520);
    assert_true(half > before);
    now = START + GUARD_BUCKETS * GUARD_BUCKET;
    assert_true(guard_allows(&guard, now, UNLUCKY)); /* forgotten */
}

static void test_old_buckets_do_not_count(void **state)
{
    (void)state;
    note(START, 1000, false);
    int64_t now = START + (GUARD_BUCKETS + 3) * GUARD_BUCKET;
    note(now, GUARD_PROTECTED, false);
    guard_allows(&guard, now, LUCKY);
    assert_true(guard_allows(&guard, now, UNLUCKY));
}

static void test_budget_of_repetitions(void **state)
{
    (void)state;
    for (int i = 0; i < GUARD_RETRIES; i++)
        assert_true(guard_retries(&guard));
    assert_false(guard_retries(&guard));
    for (int i = 0; i < 4; i++)
        guard_allows(&guard, START, LUCKY);
    assert_false(guard_retries(&guard)); /* a fifth of a call each */
    guard_allows(&guard, START, LUCKY);
    assert_true(guard_retries(&guard));
    assert_false(guard_retries(&guard));
    for (int i = 0; i < 1000; i++) /* no more is saved than at first */
        guard_allows(&guard, START, LUCKY);
    for (int i = 0; i < GUARD_RETRIES; i++)
        assert_true(guard_retries(&guard));
    assert_false(guard_retries(&guard));
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup(test, set_up)
    const struct CMUnitTest tests[] = {
        CASE(test_success_never_refuses),
        CASE(test_a_few_failures_are_protected),
        CASE(test_half_failing_refuses_as_computed),
        CASE(test_all_failing_lets_one_pass_a_second),
        CASE(test_recovery_is_forgiven_by_and_by),
        CASE(test_old_buckets_do_not_count),
        CASE(test_budget_of_repetitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
