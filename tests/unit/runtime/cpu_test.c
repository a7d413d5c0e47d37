/* SPDX-License-Identifier: MIT
 *
 * The process's share of the processors.
 */
#include "actors/runtime/cpu.h"

#include "bus/clock.h"
#include "tests/unit/runtime/cmocka_all.h"

static struct cpu cpu;

static void samples_are_smoothed(void **state)
{
    (void)state;
    cpu_init(&cpu, 0);
    cpu.processors = 2;
    int64_t used = cpu.used;
    for (int i = 0; i < 200; i++) { /* one of two, all the time */
        used += BUS_SECOND;
        cpu_sample(&cpu, BUS_SECOND, used);
    }
    assert_in_range(cpu.thousandths, 499, 501);
    cpu_sample(&cpu, BUS_SECOND, used); /* idle for one sample */
    assert_in_range(cpu.thousandths, 474, 476);
}

static void something_is_allowed(void **state)
{
    (void)state;
    cpu_init(&cpu, 0);
    assert_true(cpu.processors > 0);
}

/* Spins until a sample sees it. */
static void real_work_is_seen(void **state)
{
    (void)state;
    cpu_init(&cpu, bus_now(&bus_clock_system));
    int64_t end = bus_now(&bus_clock_system) + 30 * BUS_SECOND;
    while (cpu_thousandths(&cpu, bus_now(&bus_clock_system)) == 0 &&
           bus_now(&bus_clock_system) < end)
        ;
    assert_in_range(cpu.thousandths, 1, 1000);
}

static void no_sample_before_its_time(void **state)
{
    (void)state;
    cpu_init(&cpu, 0);
    cpu.used = 0; /* as if all of it had come just now */
    assert_int_equal(cpu_thousandths(&cpu, 249 * BUS_MILLI), 0);
    assert_int_equal(cpu.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_smoothed),
        cmocka_unit_test(something_is_allowed),
        cmocka_unit_test(real_work_is_seen),
        cmocka_unit_test(no_sample_before_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
