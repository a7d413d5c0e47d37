/* SPDX-License-Identifier: MIT
 *
 * Calls by a configuration: to fixed addresses without any name on disk, with
 * the time-out, App and Token that were set for the actor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/bus_internal.h"
#include "bus/client.h"
#include "bus/frame.h"
#include "bus/server.h"
#include "tests/unit/bus/folder.h"
#include "tests/unit/bus/serve.h"

#define SERVERS 2

struct node {
    char home[FOLDER_MAX];
    struct bus *bus;
    struct bus_server *server;
    char address[BUS_URL_MAX]; /* "127.0.0.1:5001" */
    _Atomic int calls;
    bool mute; /* takes requests and says nothing */
    struct bus_inbound *kept;
    char app[64], token[64]; /* of the last call */
};

struct world {
    char home[FOLDER_MAX];
    struct bus *bus;
    struct node nodes[SERVERS];
    struct bus_arena arena;
};

static void answer(struct node *node, struct bus_inbound *inbound)
{
    struct bus_reply reply;
    bus_reply_init(&reply);
    bus_inbound_reply(inbound, &reply);
    bus_server_flush(node->server);
}

static void node_serve_one(void *arg, struct bus_inbound *inbound)
{
    struct node *node = arg;
    const struct bus_meta *meta = &inbound->meta;
    snprintf(node->app, sizeof(node->app), "%s", meta->app ? meta->app : "-");
    snprintf(node->token, sizeof(node->token), "%s",
             meta->token ? meta->token : "-");
    node->calls++;
    if (node->mute)
        node->kept = inbound;
    else
        answer(node, inbound);
}

static void node_serve(void *arg, struct bus_inbound *list)
{
    serve_each(node_serve_one, arg, list);
}

static void node_open(struct node *node)
{
    struct bus_name name;
    struct bus_options options = {.home = node->home, .actor = "callee"};
    const struct bus_server_options served = {.actor = "user",
                                              .instance = "1",
                                              .node = "n2",
                                              .listen_on = "127.0.0.1:0",
                                              .serve = node_serve,
                                              .arg = node};
    folder_make(node->home);
    assert_int_equal(bus_open(&options, &node->bus, NULL), BUS_OK);
    assert_int_equal(bus_server_open(node->bus, &served, &node->server, NULL),
                     BUS_OK);
    assert_int_equal(bus_server_publish(node->server, NULL), BUS_OK);
    assert_int_equal(bus_names_list(bus_names(node->bus), "user", &name, 1), 1);
    snprintf(node->address, sizeof(node->address), "%s",
             strstr(name.tcp, "://") + 3);
}

static int set_up(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    struct bus_options options = {.home = world.home, .actor = "caller"};
    folder_make(world.home);
    for (int i = 0; i < SERVERS; i++)
        node_open(&world.nodes[i]);
    assert_int_equal(bus_open(&options, &world.bus, NULL), BUS_OK);
    bus_arena_init(&world.arena, BUS_ARENA_LIMIT);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    bus_close(world->bus);
    for (int i = 0; i < SERVERS; i++) {
        struct node *node = &world->nodes[i];
        if (node->kept)
            answer(node, node->kept);
        bus_server_close(node->server);
        bus_close(node->bus);
        folder_remove(node->home);
    }
    bus_arena_release(&world->arena);
    folder_remove(world->home);
    return 0;
}

static int call(struct world *world, int64_t timeout_ms)
{
    struct bus_reply reply;
    const struct bus_request request = {
        .target = "user",
        .method = "say",
        .deadline = bus_now(bus_clock(world->bus)) + timeout_ms * BUS_MILLI,
    };
    bus_arena_reset(&world->arena);
    return bus_wait(world->bus, &request, &world->arena, &reply);
}

static int set_target(struct world *world, const char *target,
                      struct bus_error *err)
{
    const struct bus_client client = {.actor = "user", .target = target};
    return bus_client_set(world->bus, &client, err);
}

/* ---- Success ---- */

static void test_endpoints_are_reached_without_names(void **state)
{
    struct world *world = *state;
    const char *const endpoints[] = {world->nodes[0].address,
                                     world->nodes[1].address};
    const struct bus_client client = {.actor = "user",
                                      .endpoints = endpoints,
                                      .count = SERVERS,
                                      .target = "direct:///127.0.0.1:1"};
    assert_int_equal(call(world, 5000), BUS_UNIMPLEMENTED);
    assert_int_equal(bus_client_set(world->bus, &client, NULL), BUS_OK);
    for (int i = 0;
         i < 2000 && !(world->nodes[0].calls && world->nodes[1].calls); i++)
        assert_int_equal(call(world, 5000), BUS_OK);
    assert_true(world->nodes[0].calls && world->nodes[1].calls);
    bus_names_refresh(bus_names(world->bus)); /* of which the folder is empty */
    assert_int_equal(call(world, 5000), BUS_OK);
    assert_string_equal(world->nodes[0].app, "-");
}

static void test_a_target_is_a_list_of_addresses(void **state)
{
    struct world *world = *state;
    char target[3 * BUS_URL_MAX];
    snprintf(target, sizeof(target), "direct:///%s,tcp://%s",
             world->nodes[0].address, world->nodes[1].address);
    assert_int_equal(set_target(world, target, NULL), BUS_OK);
    assert_int_equal(bus_names_list(bus_names(world->bus), "user", NULL, 0), 2);
    assert_int_equal(call(world, 5000), BUS_OK);
}

static void test_a_registrys_target_is_names_on_disk(void **state)
{
    struct world *world = *state;
    assert_int_equal(set_target(world, "etcd://127.0.0.1:1/user.rpc", NULL),
                     BUS_OK);
    assert_int_equal(bus_names_list(bus_names(world->bus), "user", NULL, 0), 0);
}

static void test_app_and_token_go_along(void **state)
{
    struct world *world = *state;
    const char *const endpoints[] = {world->nodes[0].address};
    const struct bus_client client = {.actor = "user",
                                      .endpoints = endpoints,
                                      .count = 1,
                                      .app = "shop",
                                      .token = "t0ken"};
    assert_int_equal(bus_client_set(world->bus, &client, NULL), BUS_OK);
    assert_int_equal(call(world, 5000), BUS_OK);
    assert_string_equal(world->nodes[0].app, "shop");
    assert_string_equal(world->nodes[0].token, "t0ken");
}

/* ---- Failure ---- */

static void test_the_shorter_time_out_counts(void **state)
{
    struct world *world = *state;
    const char *const endpoints[] = {world->nodes[0].address};
    const struct bus_client client = {
        .actor = "user", .endpoints = endpoints, .count = 1, .timeout_ms = 300};
    world->nodes[0].mute = true;
    assert_int_equal(bus_client_set(world->bus, &client, NULL), BUS_OK);
    int64_t before = bus_now(&bus_clock_system);
    assert_int_equal(call(world, 60000), BUS_DEADLINE_EXCEEDED);
    int64_t took = bus_now(&bus_clock_system) - before;
    assert_true(took >= 299 * BUS_MILLI && took < 20 * BUS_SECOND);
}

static void test_bad_addresses_are_refused(void **state)
{
    struct bus_error err;
    assert_int_equal(set_target(*state, "nowhere", &err), BUS_INVALID_ARGUMENT);
    assert_int_equal(set_target(*state, "192.0.2.1:80", &err),
                     BUS_PERMISSION_DENIED);
    assert_int_equal(set_target(*state, "k8s://a/b:1", &err),
                     BUS_INVALID_ARGUMENT);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_endpoints_are_reached_without_names),
        CASE(test_a_target_is_a_list_of_addresses),
        CASE(test_a_registrys_target_is_names_on_disk),
        CASE(test_app_and_token_go_along),
        CASE(test_the_shorter_time_out_counts),
        CASE(test_bad_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
