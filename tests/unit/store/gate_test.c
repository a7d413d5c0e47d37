/* SPDX-License-Identifier: MIT
 *
 * A gate lets so many in and the others wait, until their deadline at most.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "actors/store/gate.h"
#include "bus/clock.h"

#define ROOM 3
#define THREADS 8
#define ROUNDS 500

struct crowd {
    struct gate gate;
    _Atomic int inside, most;
};

static int64_t in(int64_t ns)
{
    return bus_now(&bus_clock_system) + ns;
}

static void *come_and_go(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (!gate_enter(&crowd->gate, in(10 * BUS_SECOND)))
            return crowd;
        int now = atomic_fetch_add(&crowd->inside, 1) + 1;
        int most = atomic_load(&crowd->most);
        while (now > most &&
               !atomic_compare_exchange_weak(&crowd->most, &most, now))
            ;
        atomic_fetch_sub(&crowd->inside, 1);
        gate_leave(&crowd->gate);
    }
    return NULL;
}

static void never_more_than_its_room_are_inside(void **state)
{
    (void)state;
    struct crowd crowd = {.inside = 0};
    pthread_t threads[THREADS];
    gate_init(&crowd.gate, ROOM);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, come_and_go, &crowd);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_in_range(crowd.most, 1, ROOM);
    gate_release(&crowd.gate);
}

static void a_full_gate_keeps_waiting_until_the_deadline(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate, 1);
    assert_true(gate_enter(&gate, in(BUS_SECOND)));
    assert_false(gate_enter(&gate, in(5 * BUS_MILLI)));
    gate_leave(&gate);
    assert_true(gate_enter(&gate, in(0)));
    gate_release(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_than_its_room_are_inside),
        cmocka_unit_test(a_full_gate_keeps_waiting_until_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
