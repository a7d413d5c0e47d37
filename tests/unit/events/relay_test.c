/* SPDX-License-Identifier: MIT
 *
 * From the outbox to a stream in SQLite, step by step, under a fake clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/events/relay.h"
#include "actors/store/outbox.h"
#include "bus/log.h"
#include "tests/unit/store/fixture.h"

static int64_t now_ns;

static int64_t fake_now(void *arg)
{
    (void)arg;
    return now_ns;
}

static int64_t fake_wall(void *arg)
{
    (void)arg;
    return INT64_C(1700000000000000) + now_ns / 1000;
}

static const struct bus_clock clock = {.now = fake_now, .wall = fake_wall};
static const struct stream_group group = {"a", "g", "g#1"};

static struct world world;
static struct worker worker;
static struct bus_arena arena;
static struct bus_error err;
static char file[96];
static struct stream_options stream;
static struct relay *relay;

static struct relay *relay_make(const char *member)
{
    struct relay *made = NULL;
    const struct relay_options options = {.store = world.shared,
                                          .member = member,
                                          .clock = &clock,
                                          .stream = &stream,
                                          .poll_ns = RELAY_POLL};
    assert_int_equal(relay_open(&options, &made, &err), BUS_OK);
    return made;
}

static int set_up(void **state)
{
    (void)state;
    bus_log_level(BUS_LOG_SEVERE);
    now_ns = BUS_SECOND;
    world_open(&world, false);
    worker_open(&worker, world.shared);
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    snprintf(file, sizeof(file), "%s/events.db", world.folder);
    stream = (struct stream_options){.file = file, .clock = &clock};
    relay = relay_make("a#1");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    static const char *const ends[] = {"", "-wal", "-shm"};
    relay_close(relay);
    bus_arena_release(&arena);
    worker_close(&worker);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", file, ends[i]);
        unlink(path);
    }
    world_close(&world);
    return 0;
}

static void put(const char *key)
{
    static const uint8_t body[] = {0x80};
    const struct outbox_row row = {.event = key,
                                   .topic = "a.b",
                                   .key = key,
                                   .trace = "",
                                   .body = {body, 1}};
    struct bus_call *call = worker_call(&worker, &person_write_method);
    call_begin(call);
    assert_int_equal(outbox_put(call, &row), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

/* Steps until nothing is left to do now; when it wants to be asked again. */
static int64_t run(struct relay *one)
{
    int64_t next;
    while ((next = relay_step(one)) == 0)
        ;
    return next;
}

/* Keys of what a group finds, in order of their partitions. */
static unsigned found(void)
{
    struct stream *reading;
    struct stream_share share;
    struct bus_list list = {0};
    assert_int_equal(stream_open(&stream, &reading, &err), BUS_OK);
    reading->driver->tend(reading, &group, 0, &share, &err);
    reading->driver->fetch(reading, &group, share.parts, 8, &arena, &list,
                           &err);
    reading->driver->close(reading);
    return (unsigned)list.count;
}

static struct relay_stats stats(struct relay *one)
{
    struct relay_stats now;
    relay_stats(one, &now);
    return now;
}

static void rows_are_handed_on_when_poked(void **state)
{
    (void)state;
    assert_int_equal(run(relay), now_ns + RELAY_POLL);
    put("k1");
    put("k2");
    assert_int_equal(relay_step(relay), now_ns + RELAY_POLL);
    relay_poke(relay);
    run(relay);
    assert_int_equal(found(), 2);
    assert_int_equal(world_count(&world, "troupe_outbox"), 0);
    assert_int_equal(stats(relay).relayed, 2);
    assert_int_equal(stats(relay).backlog, 0);
}

static void others_rows_are_found_by_looking(void **state)
{
    (void)state;
    run(relay);
    put("k");
    now_ns += RELAY_POLL;
    run(relay);
    assert_int_equal(found(), 1);
}

static void one_relay_works_at_a_time(void **state)
{
    (void)state;
    struct relay *other = relay_make("a#2");
    put("k1");
    run(relay);
    put("k2");
    relay_poke(other);
    assert_int_equal(run(other), now_ns + RELAY_POLL);
    assert_int_equal(stats(other).relayed, 0);
    assert_int_equal(stats(other).backlog, 1);
    now_ns += OUTBOX_LEASE + BUS_SECOND; /* the first said nothing more */
    run(other);
    assert_int_equal(stats(other).relayed, 1);
    assert_int_equal(found(), 2);
    relay_close(other);
}

static void rows_wait_while_the_stream_is_away(void **state)
{
    (void)state;
    char nowhere[128];
    snprintf(nowhere, sizeof(nowhere), "%s/nowhere/events.db", world.folder);
    stream.file = nowhere;
    struct relay *other = relay_make("a#1");
    put("k");
    int64_t first = run(other);
    assert_int_equal(first, now_ns + RELAY_AWAY);
    assert_true(stats(other).away);
    assert_int_equal(stats(other).backlog, 1);
    relay_poke(other); /* does not make it hurry */
    assert_int_equal(run(other), first);
    now_ns = first;
    assert_int_equal(run(other), now_ns + 2 * RELAY_AWAY);
    for (int i = 0; i < 10; i++)
        now_ns = run(other);
    assert_int_equal(run(other), now_ns + RELAY_AWAY_MAX);
    assert_int_equal(world_count(&world, "troupe_outbox"), 1);
    relay_close(other);
    stream.file = file;
    run(relay);
    assert_int_equal(found(), 1);
}

static void more_than_a_batch_is_handed_on_whole(void **state)
{
    (void)state;
    for (int i = 0; i < OUTBOX_BATCH + 3; i++)
        put("k");
    run(relay);
    assert_int_equal(stats(relay).relayed, OUTBOX_BATCH + 3);
    assert_int_equal(world_count(&world, "troupe_outbox"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_handed_on_when_poked),
        TEST(others_rows_are_found_by_looking),
        TEST(one_relay_works_at_a_time),
        TEST(more_than_a_batch_is_handed_on_whole),
        TEST(rows_wait_while_the_stream_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
