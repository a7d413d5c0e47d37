/* SPDX-License-Identifier: MIT
 *
 * Timers come in order, whatever order they were set, moved and cancelled in.
 */
#include "tests/unit/saga/cmocka_all.h"

#include "actors/saga/timers.h"

#define MANY 1000

static void come_in_order(void **state)
{
    static struct timer all[MANY];
    struct timers timers = {0};
    struct timer *timer;
    int64_t last = 0;
    size_t taken = 0;
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        timers_set(&timers, &all[i], (int64_t)(i * 7919 % MANY));
    for (size_t i = 0; i < MANY; i += 3)
        timers_set(&timers, &all[i], (int64_t)(i * 31 % MANY));
    for (size_t i = 1; i < MANY; i += 3)
        timers_cancel(&timers, &all[i]);
    while ((timer = timers_take(&timers, INT64_MAX - 1)) != NULL) {
        assert_true(timer->due >= last);
        assert_int_equal(timer->at, 0);
        last = timer->due;
        taken++;
    }
    assert_int_equal(taken, MANY - MANY / 3);
    assert_int_equal(timers_due(&timers), INT64_MAX);
    timers_release(&timers);
}

static void only_when_due(void **state)
{
    struct timer one = {0};
    struct timers timers = {0};
    (void)state;
    timers_set(&timers, &one, 10);
    assert_null(timers_take(&timers, 9));
    assert_ptr_equal(timers_take(&timers, 10), &one);
    timers_cancel(&timers, &one); /* cancelled twice is fine */
    timers_release(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(come_in_order),
        cmocka_unit_test(only_when_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
