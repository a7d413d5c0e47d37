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

#include "bus/call.h"
#include "bus/frame.h"
#include "bus/memory.h"
#include "bus/server.h"

struct echo {
    struct bus_server *server;
    int served;
    char method[BUS_METHOD_MAX];
    struct bus_inbound *kept; /* with keep: not answered */
    bool keep;
    int code; /* to refuse with; 0: echo */
};

struct world {
    struct bus_memory *memory;
    struct bus *caller, *callee;
    struct bus_arena arena;
    struct echo echo[3];
};

static void echo_serve(void *arg, struct bus_inbound *inbound)
{
    struct echo *echo = arg;
    struct bus_reply reply;
    echo->served++;
    strncpy(echo->method, inbound->method, sizeof(echo->method) - 1);
    if (echo->keep) {
        inbound->next = echo->kept;
        echo->kept = inbound;
        return;
    }
    bus_reply_init(&reply);
    reply.body = inbound->body;
    if (echo->code)
        bus_error_reason(&reply.error, echo->code, "why", "refused");
    bus_inbound_reply(inbound, &reply);
    bus_server_flush(echo->server);
}

static struct bus *open_bus(struct bus_memory *memory, const char *actor)
{
    struct bus *bus;
    struct bus_options options = {.memory = memory, .actor = actor};
    assert_int_equal(bus_open(&options, &bus, NULL), BUS_OK);
    return bus;
}

static void open_echo(struct world *world, int i, const char *instance)
{
    struct echo *echo = &world->echo[i];
    struct bus_server_options options = {
        .actor = "echo",
        .instance = instance,
        .node = "n1",
        .serve = echo_serve,
        .arg = echo,
    };
    assert_int_equal(
        bus_server_open(world->callee, &options, &echo->server, NULL), BUS_OK);
    assert_int_equal(bus_server_publish(echo->server, NULL), BUS_OK);
}

static int set_up(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    world.memory = bus_memory_new();
    world.caller = open_bus(world.memory, "tester");
    world.callee = open_bus(world.memory, "echo");
    bus_arena_init(&world.arena, BUS_ARENA_LIMIT);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 3; i++) {
        struct bus_reply reply;
        bus_reply_init(&reply);
        while (world->echo[i].kept) {
            struct bus_inbound *inbound = world->echo[i].kept;
            world->echo[i].kept = inbound->next;
            bus_inbound_reply(inbound, &reply);
        }
        bus_server_close(world->echo[i].server);
    }
    bus_close(world->caller);
    bus_close(world->callee);
    bus_memory_free(world->memory);
    bus_arena_release(&world->arena);
    return 0;
}

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

/* Done when it has left; served once, answered never. */
static void test_one_way_is_done_when_it_has_left(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    open_echo(world, 0, "1");
    struct bus_request request = ask(world, "echo", 0);
    request.oneway = true;
    assert_int_equal(bus_wait(world->caller, &request, &world->arena, &reply),
                     BUS_OK);
    assert_int_equal(reply.body.len, 0);
    assert_int_equal(world->echo[0].served, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reply_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_refusal_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_actor_is_told_at_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_way_is_done_when_it_has_left,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deadline_passes, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
