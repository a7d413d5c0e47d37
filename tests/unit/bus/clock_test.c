/* SPDX-License-Identifier: MIT
 *
 * The system's clocks, and a clock of a test's own in their place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "bus/clock.h"

static int64_t fake_now(void *arg)
{
    return *(int64_t *)arg;
}

static int64_t fake_wall(void *arg)
{
    return *(int64_t *)arg / 1000;
}

static void monotonic_never_goes_back(void **state)
{
    int64_t before = bus_now(&bus_clock_system);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t now = bus_now(&bus_clock_system);
        assert_true(now >= before);
        before = now;
    }
}

static void wall_is_unix_time_in_us(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL);
    int64_t wall = bus_wall(&bus_clock_system);
    int64_t after = (int64_t)time(NULL);
    /* time(2) may lag the clock by a tick. */
    assert_in_range(wall / 1000000, before, after + 1);
}

static void a_test_may_bring_its_own(void **state)
{
    int64_t time = 5 * BUS_SECOND + 7 * BUS_MILLI;
    struct bus_clock clock = {fake_now, fake_wall, &time};
    (void)state;
    assert_int_equal(bus_now(&clock), 5007000000);
    assert_int_equal(bus_wall(&clock), 5007000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_never_goes_back),
        cmocka_unit_test(wall_is_unix_time_in_us),
        cmocka_unit_test(a_test_may_bring_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
