/* SPDX-License-Identifier: MIT
 *
 * A server over the real nng links, on Unix sockets in a temporary home.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "bus/frame.h"
#include "bus/server.h"
#include "tests/unit/bus/folder.h"
#include "tests/unit/bus/serve.h"

struct world {
    char home[FOLDER_MAX];
    struct bus *caller, *callee;
    struct bus_server *server;
    struct bus_arena arena;
};

static void echo_serve_one(void *arg, struct bus_inbound *inbound)
{
    struct world *world = arg;
    struct bus_reply reply;
    bus_reply_init(&reply);
    reply.body = inbound->body;
    bus_inbound_reply(inbound, &reply);
    bus_server_flush(world->server);
}

static void echo_serve(void *arg, struct bus_inbound *list)
{
    serve_each(echo_serve_one, arg, list);
}

static int set_up(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    folder_make(world.home);
    struct bus_options options = {.home = world.home, .actor = "tester"};
    assert_int_equal(bus_open(&options, &world.caller, NULL), BUS_OK);
    assert_int_equal(bus_open(&options, &world.callee, NULL), BUS_OK);
    struct bus_server_options served = {
        .actor = "echo",
        .instance = "1",
        .node = "n1",
        .serve = echo_serve,
        .arg = &world,
    };
    assert_int_equal(
        bus_server_open(world.callee, &served, &world.server, NULL), BUS_OK);
    assert_int_equal(bus_server_publish(world.server, NULL), BUS_OK);
    bus_arena_init(&world.arena, BUS_ARENA_LIMIT);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    bus_server_close(world->server);
    bus_close(world->caller);
    bus_close(world->callee);
    bus_arena_release(&world->arena);
    folder_remove(world->home);
    return 0;
}

static void test_calls_go_and_come(void **state)
{
    static const uint8_t body[] = {0xa2, 'h', 'i'};
    struct world *world = *state;
    for (int i = 0; i < 1000; i++) {
        struct bus_request request = {
            .target = "echo",
            .method = "say",
            .deadline = bus_now(bus_clock(world->caller)) + 5 * BUS_SECOND,
            .body = {body, sizeof(body)},
        };
        struct bus_reply reply;
        int code = bus_wait(world->caller, &request, &world->arena, &reply);
        if (code)
            fail_msg("call %d: %s", i, reply.error.sentence);
        assert_int_equal(reply.body.len, sizeof(body));
        bus_arena_reset(&world->arena);
    }
}

static void test_same_instance_twice_is_refused(void **state)
{
    struct world *world = *state;
    struct bus_server_options options = {
        .actor = "echo", .instance = "1", .serve = echo_serve, .arg = world};
    struct bus_server *second;
    struct bus_error err;
    assert_int_equal(bus_server_open(world->caller, &options, &second, NULL),
                     BUS_OK);
    assert_int_equal(bus_server_publish(second, &err), BUS_ALREADY_EXISTS);
    bus_server_close(second);
    test_calls_go_and_come(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_calls_go_and_come, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_same_instance_twice_is_refused,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
