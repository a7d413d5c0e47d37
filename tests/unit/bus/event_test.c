/* SPDX-License-Identifier: MIT
 *
 * Events: topics and patterns, and what a subscriber hears over nng and in
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "bus/event.h"
#include "bus/memory.h"
#include "bus/server.h"
#include "tests/unit/bus/folder.h"
#include "tests/unit/bus/serve.h"

struct world {
    char home[FOLDER_MAX];
    struct bus_memory *memory;
    struct bus *bus;
    struct bus_server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t heard;
    uint64_t lost, last;
    char topic[BUS_TOPIC_MAX];
    uint8_t body[8];
    atomic_bool enough; /* has been published */
};

#define CLOSE_MS 5000 /* is too long, also for a busy machine */

static void serve_one(void *arg, struct bus_inbound *inbound)
{
    (void)arg;
    static const struct bus_reply none = {.body = {NULL, 0}};
    bus_inbound_reply(inbound, &none);
}

static void serve(void *arg, struct bus_inbound *list)
{
    serve_each(serve_one, arg, list);
}

static void hear(void *arg, const struct bus_event *event)
{
    struct world *world = arg;
    pthread_mutex_lock(&world->lock);
    world->heard++;
    world->lost += event->lost;
    world->last = event->sequence;
    strncpy(world->topic, event->topic, sizeof(world->topic) - 1);
    if (event->body.len <= sizeof(world->body) && event->body.len)
        memcpy(world->body, event->body.data, event->body.len);
    pthread_cond_signal(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static void await_heard(struct world *world, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&world->lock);
    int rc = 0;
    while (world->heard < count && rc == 0)
        rc = pthread_cond_timedwait(&world->changed, &world->lock, &until);
    size_t heard = world->heard;
    pthread_mutex_unlock(&world->lock);
    assert_int_equal(heard, count);
}

static int set_up_with(void **state, struct bus_memory *memory)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    pthread_mutex_init(&world.lock, NULL);
    pthread_cond_init(&world.changed, NULL);
    folder_make(world.home);
    world.memory = memory;
    struct bus_options options = {
        .home = world.home, .actor = "user", .memory = memory};
    assert_int_equal(bus_open(&options, &world.bus, NULL), BUS_OK);
    struct bus_server_options served = {
        .actor = "user", .instance = "1", .serve = serve, .arg = &world};
    assert_int_equal(bus_server_open(world.bus, &served, &world.server, NULL),
                     BUS_OK);
    assert_int_equal(bus_server_publish(world.server, NULL), BUS_OK);
    *state = &world;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, NULL);
}

static int set_up_memory(void **state)
{
    return set_up_with(state, bus_memory_new());
}

static int tear_down(void **state)
{
    struct world *world = *state;
    bus_server_close(world->server);
    bus_close(world->bus);
    if (world->memory)
        bus_memory_free(world->memory);
    folder_remove(world->home);
    pthread_mutex_destroy(&world->lock);
    pthread_cond_destroy(&world->changed);
    return 0;
}

static void publish(struct world *world, const char *topic, uint8_t number)
{
    struct bus_bytes body = {&number, 1};
    assert_int_equal(bus_server_event(world->server, topic, body, NULL),
                     BUS_OK);
}

static struct bus_subscription *subscribe(struct world *world,
                                          const char *pattern)
{
    struct bus_subscription *sub;
    assert_int_equal(
        bus_subscribe(world->bus, pattern, hear, world, &sub, NULL), BUS_OK);
    assert_true(bus_subscription_ready(sub, 10000));
    return sub;
}

static void test_matching_events_are_heard(void **state)
{
    struct world *world = *state;
    publish(world, "user.before", 9); /* nobody listens yet */
    struct bus_subscription *sub = subscribe(world, "user.>");
    publish(world, "order.made", 1);
    publish(world, "user.registered", 2);
    await_heard(world, 1);
    assert_string_equal(world->topic, "user.registered");
    assert_int_equal(world->body[0], 2);
    assert_int_equal(world->last, 3);
    assert_int_equal(world->lost, 0);
    for (uint8_t i = 0; i < 100; i++)
        publish(world, "user.registered", i);
    await_heard(world, 101);
    assert_int_equal(world->lost, 0);
    bus_unsubscribe(sub);
}

static void test_late_publishers_are_followed(void **state)
{
    struct world *world = *state;
    struct bus_subscription *sub = subscribe(world, "*.registered");
    struct bus_server *late;
    struct bus_server_options served = {
        .actor = "score", .instance = "1", .serve = serve, .arg = world};
    assert_int_equal(bus_server_open(world->bus, &served, &late, NULL), BUS_OK);
    assert_int_equal(bus_server_publish(late, NULL), BUS_OK);
    assert_true(bus_subscription_ready(sub, 10000));
    uint8_t number = 1;
    assert_int_equal(bus_server_event(late, "score.registered",
                                      (struct bus_bytes){&number, 1}, NULL),
                     BUS_OK);
    await_heard(world, 1);
    bus_unsubscribe(sub);
    bus_server_close(late);
}

static void test_a_slow_listener_is_told_what_it_lost(void **state)
{
    struct world *world = *state;
    struct bus_subscription *sub = subscribe(world, "user.>");
    pthread_mutex_lock(&world->lock); /* the listener stands still */
    for (uint32_t i = 0; i < 80000; i++)
        publish(world, "user.many", 0);
    pthread_mutex_unlock(&world->lock);
    /* What comes after the flood says how much of it is missing. */
    uint64_t before = 0;
    while (before < 80000) {
        struct timespec until;
        publish(world, "user.after", 0);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_mutex_lock(&world->lock);
        pthread_cond_timedwait(&world->changed, &world->lock, &until);
        before = world->last;
        pthread_mutex_unlock(&world->lock);
    }
    pthread_mutex_lock(&world->lock);
    assert_int_equal(world->heard + world->lost, world->last);
    assert_true(world->lost > 0);
    pthread_mutex_unlock(&world->lock);
    bus_unsubscribe(sub);
}

static void *stream(void *arg)
{
    struct world *world = arg;
    static const struct bus_bytes none = {NULL, 0};
    while (!atomic_load(&world->enough) &&
           bus_server_event(world->server, "user.many", none, NULL) == BUS_OK)
        ;
    return NULL;
}

/* Its socket cannot be closed safely; nobody waits for that, and its listener
 * hears nothing more. */
static void test_leaving_a_stream_that_never_ends(void **state)
{
    struct world *world = *state;
    struct bus_options options = {.home = world->home, .actor = "listener"};
    struct bus *listener;
    struct bus_subscription *sub;
    pthread_t thread;
    assert_int_equal(bus_open(&options, &listener, NULL), BUS_OK);
    assert_int_equal(bus_subscribe(listener, "user.>", hear, world, &sub, NULL),
                     BUS_OK);
    assert_true(bus_subscription_ready(sub, 10000));
    assert_int_equal(pthread_create(&thread, NULL, stream, world), 0);
    pthread_mutex_lock(&world->lock);
    while (world->heard < 1000)
        pthread_cond_wait(&world->changed, &world->lock);
    pthread_mutex_unlock(&world->lock);
    bus_unsubscribe(sub);
    size_t heard = world->heard;
    int64_t start = bus_now(&bus_clock_system);
    bus_close(listener);
    int64_t took = bus_now(&bus_clock_system) - start;
    assert_int_equal(world->heard, heard);
    atomic_store(&world->enough, true);
    pthread_join(thread, NULL);
    assert_in_range(took / BUS_MILLI, 0, CLOSE_MS);
}

static void test_topics_and_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *topic;
        bool match;
    } rows[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a.b", "a.b", true},
        {"a.b", "a", false},
        {"a", "a.b", false},
        {"a.*", "a.b", true},
        {"a.*", "a.b.c", false},
        {"a.*", "a", false},
        {"*.b", "a.b", true},
        {"a.>", "a.b", true},
        {"a.>", "a.b.c.d", true},
        {"a.>", "a", false},
        {">", "a", true},
        {">", "a.b", true},
        {"*", "a", true},
        {"*", "a.b", false},
        {"a.*.c", "a.b.c", true},
        {"a.*.c", "a.b.d", false},
        {"user.>", "users.a", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (bus_topic_match(rows[i].pattern, rows[i].topic) != rows[i].match)
            fail_msg("%s and %s", rows[i].pattern, rows[i].topic);
    assert_true(bus_topic_valid("user.registered"));
    static const char *const bad[] = {"",     ".",   "a.", ".a",
                                      "a..b", "a b", "*",  "a.>"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bus_topic_valid(bad[i]));
}

static void test_bad_patterns_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"", "a..b", ">.a", "a*", "a.>b", "."};
    struct bus_subscription *sub;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(
            bus_subscribe(world->bus, bad[i], hear, world, &sub, NULL),
            BUS_INVALID_ARGUMENT);
}

static void test_outbox_keeps_order_and_a_limit(void **state)
{
    (void)state;
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    struct bus_call call = {.arena = &arena};
    assert_int_equal(bus_publish(&call, "a.first", NULL, NULL), BUS_OK);
    for (int i = 1; i < BUS_OUTBOX_MAX; i++)
        assert_int_equal(bus_publish(&call, "a.next", NULL, NULL), BUS_OK);
    assert_int_equal(bus_publish(&call, "a.next", NULL, NULL),
                     BUS_RESOURCE_EXHAUSTED);
    assert_string_equal(call.outbox->topic, "a.first");
    assert_int_equal(bus_publish(&call, "a..b", NULL, NULL),
                     BUS_INVALID_ARGUMENT);
    bus_arena_release(&arena);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define CASE_MEMORY(test)                                                      \
    cmocka_unit_test_setup_teardown(test, set_up_memory, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_matching_events_are_heard),
        CASE_MEMORY(test_matching_events_are_heard),
        CASE(test_late_publishers_are_followed),
        CASE_MEMORY(test_late_publishers_are_followed),
        CASE(test_a_slow_listener_is_told_what_it_lost),
        CASE(test_leaving_a_stream_that_never_ends),
        CASE_MEMORY(test_bad_patterns_are_refused),
        cmocka_unit_test(test_topics_and_patterns),
        cmocka_unit_test(test_outbox_keeps_order_and_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
