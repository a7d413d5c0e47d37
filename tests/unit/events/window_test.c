/* SPDX-License-Identifier: MIT
 *
 * Which of a partition's events may run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "actors/events/window.h"

static struct window window;
static struct bus_arena arena;

static int set_up(void **state)
{
    (void)state;
    window = (struct window){0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (struct held *at = window.first; at; at = at->next)
        at->state = HELD_WAITING;
    window_clear(&window);
    bus_arena_release(&arena);
    return 0;
}

static struct held *add(const char *id, const char *key)
{
    static const uint8_t nothing[] = {0x80};
    const struct event event = {
        .id = id, .topic = "a.b", .key = key, .body = {nothing, 1}};
    struct stream_entry entry = {.part = 3};
    struct bus_error err;
    snprintf(entry.id, sizeof(entry.id), "%s", id);
    assert_int_equal(
        event_pack(&event_shape, &event, &arena, &entry.blob, &err), 0);
    return window_add(&window, &entry);
}

static void done(struct held *held)
{
    window_remove(&window, held);
    held_free(held);
}

static void the_oldest_of_a_lane_runs_alone(void **state)
{
    (void)state;
    struct held *first = add("1", "k"), *second = add("2", "k");
    struct held *third = add("3", "k"), *other = add("4", "l");
    assert_ptr_equal(window_next(&window, 0, true), first);
    first->state = HELD_RUNNING;
    assert_ptr_equal(window_next(&window, 0, true), other);
    other->state = HELD_RUNNING;
    assert_null(window_next(&window, 0, true));
    assert_true(window_runs(&window));
    done(first);
    assert_ptr_equal(window_next(&window, 0, true), second);
    second->state = HELD_RUNNING;
    assert_null(window_next(&window, 0, true));
    done(second);
    assert_ptr_equal(window_next(&window, 0, true), third);
}

static void one_in_the_middle_may_leave(void **state)
{
    (void)state;
    struct held *first = add("1", "k"), *second = add("2", "k");
    struct held *third = add("3", "k");
    done(second);
    first->state = HELD_RUNNING;
    assert_null(window_next(&window, 0, true));
    done(first);
    assert_ptr_equal(window_next(&window, 0, true), third);
    struct held *last = add("4", "k");
    done(last);
    assert_null(third->follower);
}

static void without_a_key_each_is_its_own_lane(void **state)
{
    (void)state;
    struct held *first = add("1", "");
    struct held *second = add("2", "");
    first->state = HELD_RUNNING;
    assert_ptr_equal(window_next(&window, 0, true), second);
}

static void one_that_waits_lets_others_pass(void **state)
{
    (void)state;
    struct held *first = add("1", "k");
    add("2", "k");
    struct held *other = add("3", "l");
    first->due = 100;
    other->due = 50;
    assert_int_equal(window_due(&window), 50);
    assert_null(window_next(&window, 49, true));
    assert_ptr_equal(window_next(&window, 50, true), other);
    done(other);
    assert_int_equal(window_due(&window), 100);
    assert_ptr_equal(window_next(&window, 100, true), first);
    done(first);
}

static void lanes_that_wait_are_not_active(void **state)
{
    (void)state;
    struct held *first = add("1", "k");
    add("2", "k");
    struct held *other = add("3", "l");
    add("4", "l");
    assert_int_equal(window_active(&window, 0), 4);
    first->due = 100;
    assert_int_equal(window_active(&window, 99), 2);
    assert_int_equal(window_active(&window, 100), 4);
    other->state = HELD_RUNNING;
    assert_int_equal(window_active(&window, 0), 2);
}

static void suspects_run_where_they_may(void **state)
{
    (void)state;
    struct held *first = add("1", "k");
    struct held *other = add("2", "l");
    first->suspect = true;
    assert_ptr_equal(window_next(&window, 0, false), other);
    assert_ptr_equal(window_next(&window, 0, true), first);
}

static void tries_come_back(void **state)
{
    (void)state;
    const struct event_tries tries = {.attempts = 4,
                                      .first = 10,
                                      .last = 20,
                                      .started = true,
                                      .code = 9,
                                      .sentence = "why"};
    const struct event event = {.id = "1", .topic = "a.b", .key = "k"};
    struct stream_entry entry = {.part = 1, .id = "7-0"};
    struct bus_error err;
    event_pack(&event_shape, &event, &arena, &entry.blob, &err);
    event_pack(&event_tries_shape, &tries, &arena, &entry.tries, &err);
    const struct held *held = window_add(&window, &entry);
    assert_true(held->at.noted && held->tries.started);
    assert_int_equal(held->tries.attempts, 4);
    assert_string_equal(held->tries.sentence, "why");
    assert_string_equal(held->at.id, "7-0");
}

static void bytes_add_up_to_nothing(void **state)
{
    (void)state;
    struct held *held = add("1", "k");
    assert_true(window.bytes > 0);
    assert_non_null(bus_arena_text(&held->arena, "grown since"));
    done(held);
    assert_int_equal(window.bytes, 0);
    assert_int_equal(window.count, 0);
}

static void what_is_no_event_is_marked(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0x81, 0xa2, 'i', 'd'};
    struct stream_entry entry = {.id = "9", .blob = {junk, sizeof(junk)}};
    const struct held *held = window_add(&window, &entry);
    assert_true(held->broken);
    assert_string_equal(held->event->id, "9");
    assert_int_equal(held->event->body.len, sizeof(junk) + 2);
}

static void clearing_keeps_what_runs(void **state)
{
    (void)state;
    struct held *first = add("1", "k");
    add("2", "k");
    first->state = HELD_RUNNING;
    window_clear(&window);
    assert_true(first->lost);
    assert_null(first->follower);
    assert_int_equal(window.count, 0);
    held_free(first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_oldest_of_a_lane_runs_alone),
        TEST(one_in_the_middle_may_leave),
        TEST(without_a_key_each_is_its_own_lane),
        TEST(one_that_waits_lets_others_pass),
        TEST(lanes_that_wait_are_not_active),
        TEST(suspects_run_where_they_may),
        TEST(tries_come_back),
        TEST(bytes_add_up_to_nothing),
        TEST(what_is_no_event_is_marked),
        TEST(clearing_keeps_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
