/* SPDX-License-Identifier: MIT
 *
 * Calls through the fixture's links: one thread, one fake clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bus/echo_world.h"

static struct bus_request ask(struct world *world, const char *target,
                              uint32_t flags)
{
    static const uint8_t body[] = {0xa2, 'h', 'i'};
    return (struct bus_request){
        .target = target,
        .method = "say",
        .deadline = bus_now(bus_clock(world->caller)) + 2 * BUS_SECOND,
        .flags = flags,
        .body = {body, sizeof(body)},
    };
}

static int call(struct world *world, const char *target, uint32_t flags,
                struct bus_reply *reply)
{
    struct bus_request request = ask(world, target, flags);
    return bus_wait(world->caller, &request, &world->arena, reply);
}

static void note_reply(void *arg, const struct bus_reply *reply)
{
    struct bus_reply *got = arg;
    *got = *reply;
    got->body.data = NULL; /* it dies with our return */
}

static void test_reply_comes_back(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    assert_int_equal(call(world, "echo", 0, &reply), BUS_OK);
    assert_int_equal(reply.body.len, 3);
    assert_memory_equal(reply.body.data, "\xa2hi", 3);
    assert_string_equal(world->echo[0].method, "say");
}

static void test_refusal_comes_back(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    world->echo[0].code = BUS_NOT_FOUND;
    assert_int_equal(call(world, "echo", 0, &reply), BUS_NOT_FOUND);
    assert_string_equal(reply.error.reason, "why");
    assert_string_equal(reply.error.sentence, "refused");
}

static void test_unknown_actor_is_told_at_once(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    int64_t before = bus_now(bus_clock(world->caller));
    assert_int_equal(call(world, "nobody", 0, &reply), BUS_UNIMPLEMENTED);
    assert_string_equal(reply.error.reason, "no_such_actor");
    assert_int_equal(bus_now(bus_clock(world->caller)), before);
}

static void test_deadline_passes(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    world->echo[0].keep = true;
    int64_t before = bus_now(bus_clock(world->caller));
    assert_int_equal(call(world, "echo", 0, &reply), BUS_DEADLINE_EXCEEDED);
    int64_t took = bus_now(bus_clock(world->caller)) - before;
    assert_int_equal(took, 2 * BUS_SECOND);
}

static void test_stopped_actor_is_told_at_once(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    bus_server_close(world->echo[0].server);
    world->echo[0].server = NULL;
    int64_t before = bus_now(bus_clock(world->caller));
    assert_int_equal(call(world, "echo", BUS_IDEMPOTENT, &reply),
                     BUS_UNAVAILABLE);
    assert_string_equal(reply.error.reason, "no_responder");
    assert_int_equal(bus_now(bus_clock(world->caller)), before);
}

static void test_too_deep_is_refused(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    struct bus_request request = ask(world, "echo", 0);
    request.meta.depth = BUS_CALL_DEPTH_MAX + 1;
    assert_int_equal(bus_wait(world->caller, &request, &world->arena, &reply),
                     BUS_RESOURCE_EXHAUSTED);
    assert_int_equal(world->echo[0].served, 0);
}

static void test_bad_targets_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"", "#1", "echo#", "e/cho", "echo@"};
    struct bus_reply reply;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(call(world, bad[i], 0, &reply), BUS_INVALID_ARGUMENT);
}

static void test_targets_choose_the_instance(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    open_echo(world, 1, "2");
    for (int i = 0; i < 20; i++)
        assert_int_equal(call(world, "echo#2", 0, &reply), BUS_OK);
    assert_int_equal(world->echo[1].served, 20);
    assert_int_equal(call(world, "echo@n1", 0, &reply), BUS_OK);
    assert_int_equal(call(world, "echo#3", 0, &reply), BUS_UNAVAILABLE);
    assert_int_equal(call(world, "echo@n2", 0, &reply), BUS_UNAVAILABLE);
}

static void test_all_instances_serve(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    open_echo(world, 1, "2");
    open_echo(world, 2, "3");
    /* Drawn at random: the chance that one is left out of so many is below
     * one in 10^500. */
    for (int i = 0; i < 3000; i++)
        assert_int_equal(call(world, "echo", 0, &reply), BUS_OK);
    for (int i = 0; i < 3; i++)
        assert_true(world->echo[i].served > 0);
}

static void test_broken_reply_is_unknown(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    bus_memory_lose(world->memory, "echo", 1, BUS_MEMORY_BROKEN);
    assert_int_equal(call(world, "echo", 0, &reply), BUS_UNKNOWN);
    assert_string_equal(reply.error.reason, "outcome_unknown");
    assert_int_equal(world->echo[0].served, 1);
    assert_int_equal(call(world, "echo", 0, &reply), BUS_OK);
}

static void test_broken_reply_of_a_repeatable_method(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    bus_memory_lose(world->memory, "echo", 2, BUS_MEMORY_BROKEN);
    assert_int_equal(call(world, "echo", BUS_NO_SIDE_EFFECTS, &reply), BUS_OK);
    assert_int_equal(world->echo[0].served, 3);
}

static void test_silently_lost_reply_times_out(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    bus_memory_lose(world->memory, "echo", 1, BUS_MEMORY_SILENT);
    assert_int_equal(call(world, "echo", 0, &reply), BUS_DEADLINE_EXCEEDED);
    assert_int_equal(call(world, "echo", 0, &reply), BUS_OK);
}

static void test_cut_links_are_passed_over(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    open_echo(world, 1, "2");
    assert_int_equal(call(world, "echo#1", 0, &reply), BUS_OK);
    assert_int_equal(call(world, "echo#2", 0, &reply), BUS_OK);
    bus_memory_cut(world->memory, "echo", "1");
    int before = world->echo[1].served;
    for (int i = 0; i < 20; i++)
        assert_int_equal(call(world, "echo", 0, &reply), BUS_OK);
    assert_int_equal(world->echo[1].served, before + 20);
    bus_memory_mend(world->memory);
    assert_int_equal(call(world, "echo#1", 0, &reply), BUS_OK);
}

static void test_killed_instance_loses_its_calls(void **state)
{
    struct world *world = *state;
    struct bus_reply got = {.error = {.code = -1}};
    open_echo(world, 0, "1");
    world->echo[0].keep = true;
    struct bus_request request = ask(world, "echo", 0);
    bus_start(world->caller, &request, note_reply, &got);
    assert_int_equal(got.error.code, -1);
    bus_memory_kill(world->memory, "echo", "1");
    assert_int_equal(got.error.code, BUS_UNKNOWN);
    assert_string_equal(got.error.reason, "outcome_unknown");
}

/* The next incarnation is there half a second later. */
static bool revive(void *arg)
{
    struct world *world = arg;
    if (world->echo[1].server)
        return false;
    bus_memory_advance(world->memory, BUS_SECOND / 2);
    open_echo(world, 1, "1");
    return true;
}

static void test_repeatable_call_waits_for_the_next_incarnation(void **state)
{
    struct world *world = *state;
    struct bus_reply got = {.error = {.code = -1}}, reply;
    open_echo(world, 0, "1");
    world->echo[0].keep = true;
    struct bus_request request = ask(world, "echo", BUS_IDEMPOTENT);
    bus_start(world->caller, &request, note_reply, &got);
    bus_memory_kill(world->memory, "echo", "1");
    assert_int_equal(got.error.code, -1);
    bus_memory_pump(world->memory, revive, world);
    assert_int_equal(call(world, "echo", BUS_IDEMPOTENT, &reply), BUS_OK);
    assert_int_equal(got.error.code, BUS_OK);
}

static void test_draining_instance_refuses_unexecuted(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    open_echo(world, 1, "2");
    assert_int_equal(call(world, "echo#1", 0, &reply), BUS_OK);
    bus_server_drain(world->echo[0].server, 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(call(world, "echo", 0, &reply), BUS_OK);
    assert_int_equal(world->echo[0].served, 1);
    assert_int_equal(call(world, "echo#1", 0, &reply), BUS_UNAVAILABLE);
}

static void test_oneway_is_served_and_not_answered(void **state)
{
    struct world *world = *state;
    struct bus_reply got = {.error = {.code = -1}};
    open_echo(world, 0, "1");
    struct bus_request request = ask(world, "echo", 0);
    request.oneway = true;
    bus_start(world->caller, &request, note_reply, &got);
    assert_int_equal(world->echo[0].served, 1);
    assert_int_equal(got.error.code, BUS_OK);
    assert_int_equal(got.body.len, 0);
}

static void test_call_inside_a_transaction_is_refused(void **state)
{
    struct world *world = *state;
    static const struct bus_method say = {.actor = "echo", .name = "say"};
    open_echo(world, 0, "1");
    struct bus_call context = {
        .bus = world->caller, .arena = &world->arena, .locked = true};
    assert_int_equal(bus_call(&context, NULL, &say, NULL, NULL),
                     BUS_FAILED_PRECONDITION);
    context.locked = false;
    assert_int_equal(bus_call(&context, NULL, &say, NULL, NULL), BUS_OK);
    assert_int_equal(world->echo[0].served, 1);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_reply_comes_back),
        CASE(test_refusal_comes_back),
        CASE(test_targets_choose_the_instance),
        CASE(test_all_instances_serve),
        CASE(test_oneway_is_served_and_not_answered),
        CASE(test_unknown_actor_is_told_at_once),
        CASE(test_stopped_actor_is_told_at_once),
        CASE(test_deadline_passes),
        CASE(test_too_deep_is_refused),
        CASE(test_bad_targets_are_refused),
        CASE(test_call_inside_a_transaction_is_refused),
        CASE(test_broken_reply_is_unknown),
        CASE(test_broken_reply_of_a_repeatable_method),
        CASE(test_silently_lost_reply_times_out),
        CASE(test_cut_links_are_passed_over),
        CASE(test_killed_instance_loses_its_calls),
        CASE(test_repeatable_call_waits_for_the_next_incarnation),
        CASE(test_draining_instance_refuses_unexecuted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
