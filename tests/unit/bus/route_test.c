/* SPDX-License-Identifier: MIT
 *
 * Which instance a call goes to, and when none is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/bus_internal.h"
#include "bus/guard.h"
#include "bus/pack.h"
#include "tests/unit/bus/echo_world.h"

#define KEYS 60

static int call(struct world *world, struct bus *bus,
                const struct bus_request *asked, struct bus_reply *reply)
{
    struct bus_request request = *asked;
    request.deadline = bus_now(bus_clock(bus)) + 2 * BUS_SECOND;
    if (!request.target)
        request.target = "echo";
    request.method = "say";
    return bus_wait(bus, &request, &world->arena, reply);
}

static int plain_call(struct world *world, struct bus_reply *reply)
{
    return call(world, world->caller, &(struct bus_request){0}, reply);
}

/* Says {"id": key}; returns which instance served it. */
static int served_by(struct world *world, uint64_t key)
{
    int before[3];
    struct bus_reply reply;
    struct bus_buf body;
    bus_buf_init(&body, 64);
    bus_pack_map(&body, 1);
    bus_pack_text(&body, "id");
    bus_pack_uint(&body, key);
    for (int i = 0; i < 3; i++)
        before[i] = world->echo[i].served;
    const struct bus_request asked = {.body = bus_buf_bytes(&body)};
    assert_int_equal(call(world, world->caller, &asked, &reply), BUS_OK);
    bus_buf_release(&body);
    for (int i = 0; i < 3; i++)
        if (world->echo[i].served > before[i])
            return i;
    fail();
    return -1;
}

static void open_three(struct world *world)
{
    open_echo(world, 0, "1");
    open_echo(world, 1, "2");
    open_echo(world, 2, "3");
}

static void test_a_key_keeps_its_instance(void **state)
{
    struct world *world = *state;
    int served[3] = {0}, first[KEYS];
    world->keys = "other=x,say=id";
    open_three(world);
    for (int round = 0; round < 3; round++)
        for (uint64_t key = 0; key < KEYS; key++) {
            int at = served_by(world, key);
            if (round == 0)
                first[key] = at;
            assert_int_equal(at, first[key]);
            served[at]++;
        }
    for (int i = 0; i < 3; i++)
        assert_in_range(served[i], KEYS / 2, 3 * KEYS - KEYS);
    /* One dies: its keys move, the others' do not. */
    bus_memory_kill(world->memory, "echo", "2");
    for (uint64_t key = 0; key < KEYS; key++) {
        int at = served_by(world, key);
        if (first[key] == 1)
            assert_int_not_equal(at, 1);
        else
            assert_int_equal(at, first[key]);
    }
}

static void test_a_key_of_the_callers_own(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_three(world);
    for (char key = 'a'; key < 'a' + 20; key++) {
        int before[3], moved = 0;
        const struct bus_request asked = {
            .affinity = {(const uint8_t *)&key, 1}};
        for (int i = 0; i < 3; i++)
            before[i] = world->echo[i].served;
        for (int i = 0; i < 5; i++)
            assert_int_equal(call(world, world->caller, &asked, &reply),
                             BUS_OK);
        for (int i = 0; i < 3; i++)
            moved += world->echo[i].served > before[i];
        assert_int_equal(moved, 1);
    }
}

/* Callers that live for one call must not all meet at the same instance. */
static void test_any_instance_may_be_the_first(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_three(world);
    for (int i = 0; i < 90; i++) {
        struct bus *caller = open_bus(world->memory, "once");
        assert_int_equal(call(world, caller, &(struct bus_request){0}, &reply),
                         BUS_OK);
        bus_close(caller);
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(world->echo[i].served, 10, 60);
}

static void test_breaker_opens_and_closes(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    int refused = 0;
    open_echo(world, 0, "1");
    world->echo[0].code = BUS_INTERNAL;
    for (int i = 0; i < 200; i++)
        if (plain_call(world, &reply) == BUS_UNAVAILABLE) {
            assert_string_equal(reply.error.reason, "breaker_open");
            refused++;
        }
    assert_in_range(refused, 100, 200 - GUARD_PROTECTED);
    assert_int_equal(world->echo[0].served, 200 - refused);
    /* Another method is another matter, and so are the system's. */
    struct bus_request other = {.target = "echo",
                                .method = "$ping",
                                .deadline = bus_now(bus_clock(world->caller)) +
                                            BUS_SECOND};
    assert_int_equal(bus_wait(world->caller, &other, &world->arena, &reply),
                     BUS_INTERNAL);
    /* It is well again: seen by the one call a second, then forgotten. */
    world->echo[0].code = BUS_OK;
    bus_memory_advance(world->memory, GUARD_BUCKETS * GUARD_BUCKET);
    for (int i = 0; i < 100; i++)
        assert_int_equal(plain_call(world, &reply), BUS_OK);
}

static void test_refusals_of_handlers_open_nothing(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    world->echo[0].code = BUS_NOT_FOUND;
    for (int i = 0; i < 200; i++)
        assert_int_equal(plain_call(world, &reply), BUS_NOT_FOUND);
    assert_int_equal(world->echo[0].served, 200);
}

static void test_repetitions_have_a_budget(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    const struct bus_request asked = {.flags = BUS_IDEMPOTENT};
    open_echo(world, 0, "1");
    bus_memory_lose(world->memory, "echo", 1000, BUS_MEMORY_BROKEN);
    assert_int_equal(call(world, world->caller, &asked, &reply), BUS_UNKNOWN);
    assert_string_equal(reply.error.reason, "outcome_unknown");
    assert_int_equal(world->echo[0].served, 1 + GUARD_RETRIES);
}

static void forget(void *arg, const struct bus_reply *reply)
{
    (void)arg;
    (void)reply;
}

/* One that breaks connection after connection under calls. */
static void test_a_losing_instance_is_passed_over(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    open_echo(world, 1, "2");
    world->echo[0].keep = true;
    for (int i = 0; i < BUS_EJECT_LOSSES; i++) {
        struct bus_request request = {
            .target = "echo#1",
            .method = "other",
            .deadline = bus_now(bus_clock(world->caller)) + BUS_SECOND};
        bus_start(world->caller, &request, forget, NULL);
        bus_memory_cut(world->memory, "echo", "1");
        bus_memory_mend(world->memory);
        bus_memory_advance(world->memory, 10 * BUS_MILLI);
    }
    int before = world->echo[0].served;
    for (int i = 0; i < 50; i++)
        assert_int_equal(plain_call(world, &reply), BUS_OK);
    assert_int_equal(world->echo[0].served, before);
    /* Its time is over: asked again, it answers, and has its share. */
    world->echo[0].keep = false;
    bus_memory_advance(world->memory, (BUS_EJECT_MS + 1) * BUS_MILLI);
    for (int i = 0; i < 50; i++)
        assert_int_equal(plain_call(world, &reply), BUS_OK);
    assert_true(world->echo[0].served > before + 5);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_a_key_keeps_its_instance),
        CASE(test_a_key_of_the_callers_own),
        CASE(test_any_instance_may_be_the_first),
        CASE(test_breaker_opens_and_closes),
        CASE(test_refusals_of_handlers_open_nothing),
        CASE(test_repetitions_have_a_budget),
        CASE(test_a_losing_instance_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
