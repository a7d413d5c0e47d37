/* SPDX-License-Identifier: MIT
 *
 * A line whose name goes away while its link is being made, by a carrier in
 * whose dial other threads' work is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "bus/bus_internal.h"
#include "bus/line.h"
#include "bus/memory.h"

static struct scene {
    struct bus_memory *memory;
    struct bus *bus;
    struct link_net *real;
    struct line *line;
    const struct link_owner *owner;
    void *arg;
    int code;   /* of dialling */
    bool whole; /* dial has returned */
    int closed; /* how often the link was */
    bool closed_half;
} scene;

static void link_close(struct link *link)
{
    (void)link;
    scene.closed++;
    scene.closed_half = !scene.whole;
    scene.owner->gone(scene.arg);
}

static int link_dial(struct link_net *net, const struct link_dial *dial,
                     struct link **ret, struct bus_error *err);

static const struct link_carrier carrier = {.dial = link_dial,
                                            .close = link_close};
static struct link_net net = {&carrier};

static int link_dial(struct link_net *base, const struct link_dial *dial,
                     struct link **ret, struct bus_error *err)
{
    static struct link link = {&carrier};
    bool closed = false;
    (void)base;
    (void)err;
    *ret = &link;
    scene.owner = dial->owner;
    scene.arg = dial->arg;
    line_retire(scene.line);
    line_tick(scene.line, bus_now(scene.bus->clock), &closed);
    assert_true(closed);
    scene.whole = true;
    if (scene.code != BUS_OK)
        *ret = NULL;
    return scene.code;
}

static int set_up(void **state)
{
    const struct bus_name name = {
        .actor = "user", .instance = "1", .node = "n1", .url = "memory"};
    struct bus_error err;
    (void)state;
    memset(&scene, 0, sizeof(scene));
    scene.memory = bus_memory_new();
    const struct bus_options options = {.memory = scene.memory,
                                        .actor = "test"};
    if (bus_open(&options, &scene.bus, &err) != BUS_OK)
        return -1;
    scene.real = scene.bus->net;
    scene.bus->net = &net;
    scene.line = line_new(scene.bus, &name);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    line_unref(scene.line);
    scene.bus->net = scene.real;
    bus_close(scene.bus);
    bus_memory_free(scene.memory);
    return 0;
}

static void a_link_is_closed_when_it_is_whole(void **state)
{
    (void)state;
    line_warm(scene.line);
    assert_int_equal(scene.closed, 1);
    assert_false(scene.closed_half);
}

static void a_link_that_was_not_made_is_not_closed(void **state)
{
    (void)state;
    scene.code = BUS_UNAVAILABLE;
    line_warm(scene.line);
    assert_int_equal(scene.closed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_link_is_closed_when_it_is_whole,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_that_was_not_made_is_not_closed,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
