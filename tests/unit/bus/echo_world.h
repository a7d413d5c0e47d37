/* SPDX-License-Identifier: MIT
 *
 * The world of tests that call: one caller and up to three instances of an
 * actor that echoes, in memory, in one thread, under one fake clock.
 */
#ifndef TEST_ECHO_WORLD_H
#define TEST_ECHO_WORLD_H

#include <string.h>

#include "bus/call.h"
#include "bus/frame.h"
#include "bus/memory.h"
#include "bus/server.h"
#include "tests/unit/bus/serve.h"

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
    const char *keys; /* of the echoes' names */
};

static inline void echo_serve_one(void *arg, struct bus_inbound *inbound)
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

static inline void echo_serve(void *arg, struct bus_inbound *list)
{
    serve_each(echo_serve_one, arg, list);
}

static inline struct bus *open_bus(struct bus_memory *memory, const char *actor)
{
    struct bus *bus;
    struct bus_options options = {.memory = memory, .actor = actor};
    assert_int_equal(bus_open(&options, &bus, NULL), BUS_OK);
    return bus;
}

static inline void open_echo(struct world *world, int i, const char *instance)
{
    struct echo *echo = &world->echo[i];
    struct bus_server_options options = {
        .actor = "echo",
        .instance = instance,
        .node = "n1",
        .affinity = world->keys,
        .serve = echo_serve,
        .arg = echo,
    };
    assert_int_equal(
        bus_server_open(world->callee, &options, &echo->server, NULL), BUS_OK);
    assert_int_equal(bus_server_publish(echo->server, NULL), BUS_OK);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

#endif
