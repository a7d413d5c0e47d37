/* SPDX-License-Identifier: MIT
 *
 * The thread for later: order of due times, a chore put anew, and the stop that
 * waits for what is held.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "bus/chores.h"
#include "bus/clock.h"

#define LONG (60 * BUS_SECOND)

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char order[16];
    size_t count;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .changed = PTHREAD_COND_INITIALIZER};

struct named {
    struct chore chore;
    char name;
};

static void note(struct chore *chore)
{
    pthread_mutex_lock(&world.lock);
    world.order[world.count++] = ((struct named *)chore)->name;
    pthread_cond_signal(&world.changed);
    pthread_mutex_unlock(&world.lock);
}

static void never(struct chore *chore)
{
    (void)chore;
    fail();
}

static void await(size_t count)
{
    pthread_mutex_lock(&world.lock);
    while (world.count < count)
        pthread_cond_wait(&world.changed, &world.lock);
    pthread_mutex_unlock(&world.lock);
}

static int set_up(void **state)
{
    memset(world.order, 0, sizeof(world.order));
    world.count = 0;
    *state = chores_start();
    return 0;
}

static void test_in_order_of_due_time(void **state)
{
    struct chores *chores = *state;
    struct named a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    int64_t now = bus_now(&bus_clock_system);
    chores_put(chores, &b.chore, note, now + 40 * BUS_MILLI);
    chores_put(chores, &c.chore, note, now + 60 * BUS_MILLI);
    chores_put(chores, &a.chore, note, now + 20 * BUS_MILLI);
    await(3);
    assert_string_equal(world.order, "abc");
    assert_true(bus_now(&bus_clock_system) >= now + 60 * BUS_MILLI);
    assert_true(chores_stop(chores, 1000));
}

static void test_put_anew_takes_the_last_word(void **state)
{
    struct chores *chores = *state;
    struct named a = {.name = 'a'};
    chores_put(chores, &a.chore, never, bus_now(&bus_clock_system) + LONG);
    chores_put(chores, &a.chore, note, 0);
    await(1);
    chores_put(chores, &a.chore, note, 0);
    await(2);
    assert_string_equal(world.order, "aa");
    assert_true(chores_stop(chores, 1000));
}

static struct chores *held;

static void drop(struct chore *chore)
{
    note(chore);
    chores_drop(held);
}

static void test_stop_waits_for_what_is_held(void **state)
{
    struct named a = {.name = 'a'};
    held = *state;
    chores_hold(held);
    chores_put(held, &a.chore, drop,
               bus_now(&bus_clock_system) + 50 * BUS_MILLI);
    assert_true(chores_stop(held, 5000));
    assert_string_equal(world.order, "a");
}

static void test_stop_leaves_behind_what_hangs(void **state)
{
    static struct chores *left; /* by contract; its thread ends by itself */
    left = *state;
    chores_hold(left);
    assert_false(chores_stop(left, 20));
    chores_drop(left);
}

static void test_stop_asks_for_no_chore_that_nobody_holds(void **state)
{
    struct named a = {.name = 'a'};
    chores_put(*state, &a.chore, never, bus_now(&bus_clock_system) + LONG);
    assert_true(chores_stop(*state, 1000));
}

#define ROUNDS 5000 /* the wait before the second put grows with them */

static int ends;

static void end(struct chore *chore)
{
    (void)chore;
    ends++;
}

static void begin(struct chore *chore)
{
    (void)chore;
}

/* The thread may have taken the chore already when it is put anew: it does what
 * it was taken for, and then the other, each once. */
static void test_put_anew_beside_the_thread(void **state)
{
    struct chores *chores = *state;
    struct chore chore = {0};
    ends = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct named last = {.name = 'z'};
        world.count = 0;
        chores_put(chores, &chore, begin, 0);
        for (volatile int wait = 0; wait < i; wait++)
            ;
        chores_put(chores, &chore, end, 0);
        chores_put(chores, &last.chore, note, bus_now(&bus_clock_system));
        await(1);
    }
    assert_int_equal(ends, ROUNDS);
    assert_true(chores_stop(chores, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_in_order_of_due_time, set_up),
        cmocka_unit_test_setup(test_put_anew_takes_the_last_word, set_up),
        cmocka_unit_test_setup(test_put_anew_beside_the_thread, set_up),
        cmocka_unit_test_setup(test_stop_waits_for_what_is_held, set_up),
        cmocka_unit_test_setup(test_stop_leaves_behind_what_hangs, set_up),
        cmocka_unit_test_setup(test_stop_asks_for_no_chore_that_nobody_holds,
                               set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
