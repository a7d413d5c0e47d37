/* SPDX-License-Identifier: MIT
 *
 * Delays: the first at once for who had been ready, then doubling to the cap,
 * spread by the jitter, forgiven by time spent ready.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "actors/supervisor/backoff.h"

static const struct backoff policy = {100, 5000, 1000};

static void first_failure_after_ready_is_repaired_at_once(void **state)
{
    (void)state;
    assert_int_equal(backoff_delay(&policy, 1, true, 7), 0);
}

static void first_failure_before_ready_waits(void **state)
{
    (void)state;
    /* The low end of the jitter is 20 % below. */
    assert_int_equal(backoff_delay(&policy, 1, false, 0), 80);
    assert_int_equal(backoff_delay(&policy, 1, false, 40), 120);
    assert_int_equal(backoff_delay(&policy, 1, false, 41), 80);
}

static void delays_double_up_to_the_cap(void **state)
{
    (void)state;
    static const int64_t low[] = {80, 160, 320, 640, 1280, 2560, 4000, 4000};
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(backoff_delay(&policy, i + 1, false, 0), low[i]);
        assert_int_equal(backoff_delay(&policy, i + 2, true, 0), low[i]);
    }
}

static void it_never_gives_up(void **state)
{
    (void)state;
    int64_t ms = backoff_delay(&policy, UINT32_MAX, false, UINT64_MAX);
    assert_in_range((uintmax_t)ms, 4000, 6000);
}

static void every_random_number_stays_in_the_jitter(void **state)
{
    (void)state;
    for (uint64_t random = 0; random < 1000; random++) {
        int64_t ms = backoff_delay(&policy, 2, false, random * 7919);
        assert_in_range((uintmax_t)ms, 160, 240);
    }
}

static void time_spent_ready_forgives(void **state)
{
    (void)state;
    assert_int_equal(backoff_forgive(&policy, 5, 999), 5);
    assert_int_equal(backoff_forgive(&policy, 5, 1000), 4);
    assert_int_equal(backoff_forgive(&policy, 5, 4999), 1);
    assert_int_equal(backoff_forgive(&policy, 5, 5000), 0);
    assert_int_equal(backoff_forgive(&policy, 5, INT64_MAX), 0);
    assert_int_equal(backoff_forgive(&policy, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_failure_after_ready_is_repaired_at_once),
        cmocka_unit_test(first_failure_before_ready_waits),
        cmocka_unit_test(delays_double_up_to_the_cap),
        cmocka_unit_test(it_never_gives_up),
        cmocka_unit_test(every_random_number_stays_in_the_jitter),
        cmocka_unit_test(time_spent_ready_forgives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
