/* SPDX-License-Identifier: MIT
 *
 * The table of states: the road of a good life, of a death, and what may not
 * happen at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "actors/supervisor/life.h"

static void expect(enum life_state state, enum life_event event,
                   enum life_state next, enum life_action action)
{
    struct life_move move = life_step(state, event);
    assert_int_equal(move.action, action);
    assert_int_equal(move.next, next);
}

static void a_good_life(void **state)
{
    (void)state;
    expect(LIFE_STOPPED, LIFE_START, LIFE_STARTING, LIFE_SPAWN);
    expect(LIFE_STARTING, LIFE_SAID_READY, LIFE_READY, LIFE_MARK_READY);
    expect(LIFE_READY, LIFE_STOP, LIFE_STOPPING, LIFE_TERM);
    expect(LIFE_STOPPING, LIFE_EXITED, LIFE_STOPPED, LIFE_REST);
}

static void a_death_is_followed_by_a_delay_and_a_start(void **state)
{
    (void)state;
    expect(LIFE_READY, LIFE_EXITED, LIFE_BACKING_OFF, LIFE_DELAY);
    expect(LIFE_STARTING, LIFE_EXITED, LIFE_BACKING_OFF, LIFE_DELAY);
    expect(LIFE_BACKING_OFF, LIFE_DUE, LIFE_STARTING, LIFE_SPAWN);
    expect(LIFE_BACKING_OFF, LIFE_START, LIFE_STARTING, LIFE_SPAWN);
    expect(LIFE_BACKING_OFF, LIFE_STOP, LIFE_STOPPED, LIFE_REST);
}

static void the_late_are_killed(void **state)
{
    (void)state;
    expect(LIFE_STARTING, LIFE_DUE, LIFE_STARTING, LIFE_KILL);
    expect(LIFE_STOPPING, LIFE_DUE, LIFE_STOPPING, LIFE_KILL);
}

static void ready_is_only_said_to_those_who_wait_for_it(void **state)
{
    (void)state;
    expect(LIFE_READY, LIFE_SAID_READY, LIFE_READY, LIFE_IGNORE);
    expect(LIFE_STOPPING, LIFE_SAID_READY, LIFE_STOPPING, LIFE_IGNORE);
}

static void what_cannot_happen_is_refused(void **state)
{
    (void)state;
    assert_int_equal(life_step(LIFE_STOPPED, LIFE_EXITED).action, LIFE_REFUSED);
    assert_int_equal(life_step(LIFE_STOPPED, LIFE_SAID_READY).action,
                     LIFE_REFUSED);
    assert_int_equal(life_step(LIFE_BACKING_OFF, LIFE_SAID_READY).action,
                     LIFE_REFUSED);
    assert_int_equal(life_step(LIFE_READY, LIFE_DUE).action, LIFE_REFUSED);
}

/* Wherever a child is, being told to stop leads to stopped. */
static void stop_always_ends_in_stopped(void **state)
{
    (void)state;
    for (int from = 0; from < LIFE_STATES; from++) {
        struct life_move move = life_step((enum life_state)from, LIFE_STOP);
        assert_int_not_equal(move.action, LIFE_REFUSED);
        if (move.next == LIFE_STOPPING)
            move = life_step(move.next, LIFE_EXITED);
        assert_int_equal(move.next, LIFE_STOPPED);
    }
}

static void every_state_has_a_word(void **state)
{
    (void)state;
    assert_string_equal(life_word(LIFE_STOPPED), "stopped");
    assert_string_equal(life_word(LIFE_BACKING_OFF), "backing off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_life),
        cmocka_unit_test(a_death_is_followed_by_a_delay_and_a_start),
        cmocka_unit_test(the_late_are_killed),
        cmocka_unit_test(ready_is_only_said_to_those_who_wait_for_it),
        cmocka_unit_test(what_cannot_happen_is_refused),
        cmocka_unit_test(stop_always_ends_in_stopped),
        cmocka_unit_test(every_state_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
