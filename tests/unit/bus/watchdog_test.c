/* SPDX-License-Identifier: MIT
 *
 * What a server's watchdog finds: nng's listener dead (#1518), and nng's
 * closing thread hanging, which is played by a probe that does not leave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <time.h>

#include "bus/names.h"
#include "bus/server.h"
#include "bus/watchdog.h"
#include "tests/unit/bus/folder.h"
#include "tests/unit/bus/stranger.h"

#define BURST 64
#define BURSTS_MAX 100
#define PROBE_MS 250    /* a listener alive answers sooner, or is asked again */
#define REVIVAL_MS 1500 /* as promised; */
#define SLACK_MS 3500   /* and for a machine with other things to do */
#define SICK_MS 20000

struct world {
    char home[FOLDER_MAX];
    struct bus *bus;
    struct bus_server *server;
    struct bus_name name;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int sick;
    char why[256];
    int haunt; /* a connection held */
};

static void serve(void *arg, struct bus_inbound *inbound)
{
    struct world *world = arg;
    struct bus_reply reply;
    bus_reply_init(&reply);
    bus_inbound_reply(inbound, &reply);
    bus_server_flush(world->server);
}

static void sick(void *arg, const char *why)
{
    struct world *world = arg;
    pthread_mutex_lock(&world->lock);
    world->sick++;
    snprintf(world->why, sizeof(world->why), "%s", why);
    pthread_cond_signal(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static int set_up(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    world.haunt = -1;
    pthread_mutex_init(&world.lock, NULL);
    pthread_cond_init(&world.changed, NULL);
    folder_make(world.home);
    struct bus_options options = {.home = world.home, .actor = "echo"};
    assert_int_equal(bus_open(&options, &world.bus, NULL), BUS_OK);
    struct bus_server_options served = {.actor = "echo",
                                        .instance = "1",
                                        .serve = serve,
                                        .sick = sick,
                                        .arg = &world};
    assert_int_equal(bus_server_open(world.bus, &served, &world.server, NULL),
                     BUS_OK);
    assert_int_equal(bus_server_publish(world.server, NULL), BUS_OK);
    assert_int_equal(
        bus_names_list(bus_names(world.bus), "echo", &world.name, 1), 1);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    if (world->haunt >= 0)
        close(world->haunt);
    bus_server_close(world->server);
    bus_close(world->bus);
    folder_remove(world->home);
    pthread_mutex_destroy(&world->lock);
    pthread_cond_destroy(&world->changed);
    return 0;
}

/* Connects and leaves at once, until the listener is seen dead. */
static bool listener_killed(struct world *world)
{
    for (int burst = 0; burst < BURSTS_MAX; burst++) {
        for (int i = 0; i < BURST; i++) {
            int fd = stranger_connect(world->name.url);
            if (fd >= 0)
                close(fd);
        }
        if (!watchdog_probe(world->name.url, "", PROBE_MS))
            return true;
    }
    return false;
}

static void test_dead_listener_is_replaced(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 3; round++) {
        assert_true(listener_killed(world));
        int64_t since = bus_now(&bus_clock_system) - PROBE_MS * BUS_MILLI;
        int64_t end = since + (REVIVAL_MS + SLACK_MS) * BUS_MILLI;
        bool welcome = false;
        while (!welcome && bus_now(&bus_clock_system) < end)
            welcome = watchdog_probe(world->name.url, "", PROBE_MS);
        print_message(
            "dead for %lld ms\n",
            (long long)((bus_now(&bus_clock_system) - since) / BUS_MILLI));
        assert_true(welcome);
    }
    assert_int_equal(world->sick, 0);
}

/* The listener's death is nothing to callers that come later. */
static void test_callers_come_through_a_dead_listener(void **state)
{
    struct world *world = *state;
    struct bus_arena arena;
    struct bus_reply reply;
    assert_true(listener_killed(world));
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    struct bus_request request = {
        .target = "echo",
        .method = "say",
        .deadline = bus_now(&bus_clock_system) + 20 * BUS_SECOND,
        .flags = BUS_NO_SIDE_EFFECTS,
    };
    assert_int_equal(bus_wait(world->bus, &request, &arena, &reply), BUS_OK);
    bus_arena_release(&arena);
}

static int await_sick(struct world *world, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + ms * BUS_MILLI;
    until.tv_sec += ns / BUS_SECOND;
    until.tv_nsec = ns % BUS_SECOND;
    pthread_mutex_lock(&world->lock);
    int rc = 0;
    while (!world->sick && rc == 0)
        rc = pthread_cond_timedwait(&world->changed, &world->lock, &until);
    int times = world->sick;
    pthread_mutex_unlock(&world->lock);
    return times;
}

static void test_unreported_end_makes_sick(void **state)
{
    struct world *world = *state;
    world->haunt = stranger_haunt(world->name.url);
    assert_true(world->haunt >= 0);
    assert_int_equal(await_sick(world, SICK_MS), 1);
    assert_non_null(strstr(world->why, "closing thread"));
}

/* Whoever does not know the word is no probe. */
static void test_other_watchdogs_may_stay(void **state)
{
    struct world *world = *state;
    world->haunt = stranger_connect(world->name.url);
    assert_true(stranger_hello(world->haunt, WATCHDOG_NAME, "another"));
    assert_int_equal(
        await_sick(world, WATCHDOG_GONE_MS + 2 * WATCHDOG_EVERY_MS), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_dead_listener_is_replaced),
        CASE(test_callers_come_through_a_dead_listener),
        CASE(test_unreported_end_makes_sick),
        CASE(test_other_watchdogs_may_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
