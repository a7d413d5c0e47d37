/* SPDX-License-Identifier: MIT
 *
 * Several calls at once: all, any, the first success, every instance, and what
 * comes after nobody waits any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/gather.h"
#include "tests/unit/bus/echo_world.h"

struct text {
    const char *text;
};

static const struct bus_field text_fields[] = {
    {.name = "text",
     .kind = BUS_TEXT,
     .offset = offsetof(struct text, text),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape text_shape = {.name = "Text",
                                            .fields = text_fields,
                                            .count = 1,
                                            .size = sizeof(struct text)};
static const struct bus_method say = {.actor = "echo",
                                      .name = "say",
                                      .request = &text_shape,
                                      .reply = &text_shape};

static struct bus_call context(struct world *world)
{
    return (struct bus_call){
        .bus = world->caller,
        .arena = &world->arena,
        .clock = bus_clock(world->caller),
        .deadline = bus_now(bus_clock(world->caller)) + 2 * BUS_SECOND,
    };
}

static void open_three(struct world *world)
{
    open_echo(world, 0, "1");
    open_echo(world, 1, "2");
    open_echo(world, 2, "3");
}

static void test_all(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    struct text replies[3] = {{0}};
    const struct text requests[3] = {{"a"}, {"b"}, {"c"}};
    open_three(world);
    struct bus_gather *gather = bus_gather_new(&call);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            bus_gather_begin(gather, NULL, &say, &requests[i], &replies[i]), i);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_ALL), BUS_OK);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(replies[i].text, requests[i].text);
        assert_int_equal(bus_gather_ended(gather, i)->code, BUS_OK);
    }
    bus_gather_end(gather);
}

static void test_all_tells_the_first_that_failed(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    struct text reply = {0};
    const struct text request = {"a"};
    open_three(world);
    world->echo[1].code = BUS_NOT_FOUND;
    struct bus_gather *gather = bus_gather_new(&call);
    bus_gather_begin(gather, "echo#1", &say, &request, &reply);
    bus_gather_begin(gather, "echo#2", &say, &request, NULL);
    bus_gather_begin(gather, "nobody", &say, &request, NULL);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_ALL), BUS_NOT_FOUND);
    assert_int_equal(bus_gather_which(gather), 1);
    assert_string_equal(call.error.sentence, "refused");
    assert_string_equal(reply.text, "a");
    assert_int_equal(bus_gather_ended(gather, 2)->code, BUS_UNIMPLEMENTED);
    bus_gather_end(gather);
}

static void answer_kept(struct echo *echo)
{
    while (echo->kept) {
        struct bus_inbound *inbound = echo->kept;
        struct bus_reply reply;
        echo->kept = inbound->next;
        bus_reply_init(&reply);
        reply.body = inbound->body;
        bus_inbound_reply(inbound, &reply);
    }
    bus_server_flush(echo->server);
}

static void test_any_and_later_the_rest(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    struct text slow = {0}, quick = {0};
    const struct text request = {"a"};
    open_three(world);
    world->echo[0].keep = true;
    struct bus_gather *gather = bus_gather_new(&call);
    bus_gather_begin(gather, "echo#1", &say, &request, &slow);
    bus_gather_begin(gather, "echo#2", &say, &request, &quick);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_ANY), BUS_OK);
    assert_int_equal(bus_gather_which(gather), 1);
    assert_string_equal(quick.text, "a");
    assert_null(slow.text);
    assert_null(bus_gather_ended(gather, 0));
    answer_kept(&world->echo[0]);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_ALL), BUS_OK);
    assert_string_equal(slow.text, "a");
    bus_gather_end(gather);
}

static void test_first_success_passes_failures_over(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    struct text replies[3] = {{0}};
    const struct text request = {"a"};
    open_three(world);
    world->echo[0].code = BUS_INTERNAL;
    struct bus_gather *gather = bus_gather_new(&call);
    bus_gather_begin(gather, "echo#1", &say, &request, &replies[0]);
    bus_gather_begin(gather, "echo#3", &say, &request, &replies[2]);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_SUCCESS), BUS_OK);
    assert_int_equal(bus_gather_which(gather), 1);
    assert_string_equal(replies[2].text, "a");
    bus_gather_end(gather);
}

static void test_no_success_at_all(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    const struct text request = {"a"};
    open_three(world);
    world->echo[0].code = world->echo[1].code = BUS_ABORTED;
    struct bus_gather *gather = bus_gather_new(&call);
    bus_gather_begin(gather, "echo#1", &say, &request, NULL);
    bus_gather_begin(gather, "echo#2", &say, &request, NULL);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_SUCCESS), BUS_ABORTED);
    bus_gather_end(gather);
}

static void test_every_instance(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    struct text replies[5] = {{0}};
    const struct text request = {"all"};
    open_three(world);
    struct bus_gather *gather = bus_gather_new(&call);
    assert_int_equal(bus_gather_everywhere(gather, &say, &request, replies, 5),
                     3);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_ALL), BUS_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world->echo[i].served, 1);
        assert_string_equal(replies[i].text, "all");
    }
    bus_gather_end(gather);
}

static void test_nobody_everywhere(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    const struct text request = {"all"};
    struct bus_gather *gather = bus_gather_new(&call);
    assert_int_equal(bus_gather_everywhere(gather, &say, &request, NULL, 5), 0);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_ALL), BUS_OK);
    bus_gather_end(gather);
}

static void test_one_deadline_for_all(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    const struct text request = {"a"};
    open_three(world);
    world->echo[0].keep = true;
    struct bus_gather *gather = bus_gather_new(&call);
    bus_gather_begin(gather, "echo#1", &say, &request, NULL);
    bus_gather_begin(gather, "echo#2", &say, &request, NULL);
    assert_int_equal(bus_gather_wait(gather, BUS_GATHER_ALL),
                     BUS_DEADLINE_EXCEEDED);
    assert_int_equal(bus_now(call.clock), call.deadline);
    bus_gather_end(gather);
}

/* The answers come when the arena is long gone. */
static void test_late_answers_are_forgotten(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    struct text reply = {0};
    const struct text request = {"a"};
    open_three(world);
    world->echo[0].keep = true;
    struct bus_gather *gather = bus_gather_new(&call);
    bus_gather_begin(gather, "echo#1", &say, &request, &reply);
    bus_flush(world->caller);
    bus_gather_end(gather);
    answer_kept(&world->echo[0]);
    assert_null(reply.text);
}

static void test_refused_in_a_transaction(void **state)
{
    struct world *world = *state;
    struct bus_call call = context(world);
    const struct text request = {"a"};
    open_three(world);
    call.locked = true;
    struct bus_gather *gather = bus_gather_new(&call);
    assert_int_equal(bus_gather_begin(gather, NULL, &say, &request, NULL), -1);
    assert_int_equal(call.error.code, BUS_FAILED_PRECONDITION);
    bus_gather_end(gather);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_all),
        CASE(test_all_tells_the_first_that_failed),
        CASE(test_any_and_later_the_rest),
        CASE(test_first_success_passes_failures_over),
        CASE(test_no_success_at_all),
        CASE(test_every_instance),
        CASE(test_nobody_everywhere),
        CASE(test_one_deadline_for_all),
        CASE(test_late_answers_are_forgotten),
        CASE(test_refused_in_a_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
