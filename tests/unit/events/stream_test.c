/* SPDX-License-Identifier: MIT
 *
 * What both streams promise: on SQLite always, on a private Redis where
 * TROUPE_TEST_REDIS is set (tests/live/redis/run).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/events/stream.h"
#include "bus/code.h"
#include "tests/unit/store/redis_server.h"

#define ALL ((UINT32_C(1) << EVENTS_PARTS) - 1)

struct scene {
    char folder[64], file[96];
    struct redis_server server; /* pid 0: SQLite */
    struct stream_options options;
    struct stream *stream;
    struct bus_arena arena;
    struct bus_error err;
};

static int64_t wall_us; /* of streams in SQLite */

static int64_t fake_wall(void *arg)
{
    (void)arg;
    return wall_us;
}

static const struct bus_clock clock = {.wall = fake_wall};
static const struct stream_group one = {"order", "mail", "mail#1"};
static const struct stream_group two = {"order", "mail", "mail#2"};
static const struct stream_group other = {"order", "count", "count#1"};
static const struct stream_group late = {"order", "late", "late#1"};

static struct scene *scene_new(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/troupe-events-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    bus_arena_init(&scene->arena, BUS_ARENA_LIMIT);
    wall_us = INT64_C(1700000000000000);
    scene->options.clock = &clock;
    *state = scene;
    return scene;
}

static int open_sql(void **state)
{
    struct scene *scene = scene_new(state);
    snprintf(scene->file, sizeof(scene->file), "%s/events.db", scene->folder);
    scene->options.file = scene->file;
    return stream_open(&scene->options, &scene->stream, &scene->err);
}

static int open_redis(void **state)
{
    struct scene *scene = scene_new(state);
    redis_server_start(&scene->server, scene->folder, "redis.sock");
    scene->options.redis = scene->server.socket;
    return stream_open(&scene->options, &scene->stream, &scene->err);
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    char path[128];
    scene->stream->driver->close(scene->stream);
    if (scene->server.pid)
        redis_server_kill(&scene->server);
    bus_arena_release(&scene->arena);
    static const char *const names[] = {"events.db", "events.db-wal",
                                        "events.db-shm", "redis.sock"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", scene->folder, names[i]);
        unlink(path);
    }
    rmdir(scene->folder);
    test_free(scene);
    return 0;
}

/* ---- shorthand ---- */

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static void append(struct scene *scene, unsigned part, const char *blob)
{
    const struct stream_put put = {"order", part, bytes(blob)};
    assert_int_equal(
        scene->stream->driver->append(scene->stream, &put, 1, &scene->err),
        BUS_OK);
}

static struct stream_share tend(struct scene *scene,
                                const struct stream_group *group, uint32_t up)
{
    struct stream_share share;
    assert_int_equal(scene->stream->driver->tend(scene->stream, group, up,
                                                 &share, &scene->err),
                     BUS_OK);
    return share;
}

/* Blobs of a list, a space after each. */
static const char *blobs(const struct bus_list *list)
{
    static char text[256];
    const struct stream_entry *entry = list->items;
    text[0] = '\0';
    for (size_t i = 0; i < list->count; i++)
        snprintf(text + strlen(text), 32, "%.*s ", (int)entry[i].blob.len,
                 (const char *)entry[i].blob.data);
    return text;
}

static struct bus_list fetch(struct scene *scene,
                             const struct stream_group *group, unsigned max)
{
    struct bus_list list = {0};
    assert_int_equal(scene->stream->driver->fetch(scene->stream, group, ALL,
                                                  max, &scene->arena, &list,
                                                  &scene->err),
                     BUS_OK);
    return list;
}

static struct bus_list recover(struct scene *scene,
                               const struct stream_group *group, unsigned part)
{
    struct bus_list list = {0};
    assert_int_equal(scene->stream->driver->recover(scene->stream, group, part,
                                                    &scene->arena, &list,
                                                    &scene->err),
                     BUS_OK);
    return list;
}

static struct stream_done done_of(const struct bus_list *list, size_t index)
{
    const struct stream_entry *entry =
        (const struct stream_entry *)list->items + index;
    struct stream_done done = {.part = entry->part, .noted = true};
    memcpy(done.id, entry->id, sizeof(done.id));
    return done;
}

static void finish(struct scene *scene, const struct stream_group *group,
                   const struct bus_list *list, size_t index)
{
    struct stream_done done = done_of(list, index);
    assert_int_equal(scene->stream->driver->done(scene->stream, group, &done, 1,
                                                 &scene->err),
                     BUS_OK);
}

/* ---- success ---- */

static void each_group_reads_once_in_order(void **state)
{
    struct scene *scene = *state;
    append(scene, 3, "a");
    tend(scene, &one, 0);
    tend(scene, &other, 0);
    append(scene, 3, "b");
    append(scene, 3, "c");
    struct bus_list list = fetch(scene, &one, 2);
    assert_string_equal(blobs(&list), "a b ");
    assert_int_equal(((struct stream_entry *)list.items)->part, 3);
    list = fetch(scene, &one, 2);
    assert_string_equal(blobs(&list), "c ");
    list = fetch(scene, &one, 2);
    assert_int_equal(list.count, 0);
    list = fetch(scene, &other, 8);
    assert_string_equal(blobs(&list), "a b c ");
}

static void what_is_not_done_is_recovered(void **state)
{
    struct scene *scene = *state;
    tend(scene, &one, 0);
    for (const char *blob = "a\0b\0c\0d\0"; *blob; blob += 2)
        append(scene, 5, blob);
    struct bus_list list = fetch(scene, &one, 3);
    finish(scene, &one, &list, 1);
    struct bus_list left = recover(scene, &two, 5);
    assert_string_equal(blobs(&left), "a c ");
    finish(scene, &one, &list, 0);
    finish(scene, &one, &list, 0); /* it may be repeated */
    left = recover(scene, &two, 5);
    assert_string_equal(blobs(&left), "c ");
    left = recover(scene, &two, 6);
    assert_int_equal(left.count, 0);
    list = fetch(scene, &one, 3);
    assert_string_equal(blobs(&list), "d ");
}

static void tries_are_remembered_until_done(void **state)
{
    struct scene *scene = *state;
    tend(scene, &one, 0);
    append(scene, 5, "a");
    struct bus_list list = fetch(scene, &one, 3);
    struct stream_entry *entry = list.items;
    entry->tries = bytes("once");
    assert_int_equal(
        scene->stream->driver->note(scene->stream, &one, entry, &scene->err),
        BUS_OK);
    entry->tries = bytes("twice");
    scene->stream->driver->note(scene->stream, &one, entry, &scene->err);
    struct bus_list left = recover(scene, &one, 5);
    assert_int_equal(left.count, 1);
    struct bus_bytes tries = ((struct stream_entry *)left.items)->tries;
    assert_int_equal(tries.len, 5);
    assert_memory_equal(tries.data, "twice", 5);
    finish(scene, &one, &list, 0);
    assert_int_equal(recover(scene, &one, 5).count, 0);
}

static void members_share_evenly(void **state)
{
    struct scene *scene = *state;
    struct stream_share first = tend(scene, &one, 0);
    assert_int_equal(first.parts, ALL);
    assert_int_equal(first.fair, EVENTS_PARTS);
    assert_int_equal(tend(scene, &two, 0).parts, 0);
    first = tend(scene, &one, 0);
    assert_int_equal(first.fair, EVENTS_PARTS / 2);
    assert_int_equal(first.parts, ALL); /* nobody takes them away */
    first = tend(scene, &one, 0xFF00);
    assert_int_equal(first.parts, 0x00FF);
    assert_int_equal(tend(scene, &two, 0).parts, 0xFF00);
    assert_int_equal(tend(scene, &one, 0).parts, 0x00FF);
    assert_int_equal(tend(scene, &other, 0).parts, ALL);
}

static void who_leaves_leaves_all(void **state)
{
    struct scene *scene = *state;
    tend(scene, &one, 0);
    assert_int_equal(
        scene->stream->driver->leave(scene->stream, &one, &scene->err), 0);
    struct stream_share share = tend(scene, &two, 0);
    assert_int_equal(share.parts, ALL);
    assert_int_equal(share.fair, EVENTS_PARTS);
}

static void who_says_nothing_is_forgotten(void **state)
{
    struct scene *scene = *state;
    tend(scene, &one, 0);
    wall_us += STREAM_LEASE / 1000 - 1;
    assert_int_equal(tend(scene, &two, 0).parts, 0);
    wall_us += 2;
    assert_int_equal(tend(scene, &two, 0).parts, ALL);
    assert_int_equal(tend(scene, &one, 0).parts, 0);
    wall_us -= INT64_C(3600000000); /* the clock was set back */
    tend(scene, &one, 0);
    assert_int_equal(tend(scene, &one, 0).fair, EVENTS_PARTS);
}

static void the_dead_are_listed_and_revived(void **state)
{
    struct scene *scene = *state;
    const struct stream_driver *driver = scene->stream->driver;
    tend(scene, &one, 0);
    append(scene, 2, "a");
    append(scene, 2, "b");
    struct bus_list list = fetch(scene, &one, 3), dead = {0};
    for (size_t i = 0; i < 2; i++) {
        struct stream_done done = done_of(&list, i);
        assert_int_equal(driver->bury(scene->stream, &one, &done, "mailer",
                                      bytes(i ? "dead b" : "dead a"),
                                      &scene->err),
                         BUS_OK);
    }
    assert_int_equal(recover(scene, &one, 2).count, 0);
    driver->dead(scene->stream, "mailer", "", 10, &scene->arena, &dead,
                 &scene->err);
    assert_string_equal(blobs(&dead), "dead a dead b ");
    const char *id = ((struct stream_entry *)dead.items)->id;
    const struct stream_put put = {"order", 2, bytes("again")};
    driver->dead(scene->stream, "mailer", id, 10, &scene->arena, &list,
                 &scene->err);
    assert_string_equal(blobs(&list), "dead b ");
    assert_int_equal(
        driver->revive(scene->stream, "somebody", id, &put, &scene->err),
        BUS_NOT_FOUND);
    assert_int_equal(
        driver->revive(scene->stream, "mailer", id, &put, &scene->err), BUS_OK);
    assert_int_equal(
        driver->revive(scene->stream, "mailer", id, &put, &scene->err),
        BUS_NOT_FOUND);
    list = fetch(scene, &one, 3);
    assert_string_equal(blobs(&list), "again ");
}

static void what_somebody_has_not_done_is_not_trimmed(void **state)
{
    struct scene *scene = *state;
    const struct stream_driver *driver = scene->stream->driver;
    const int64_t later = INT64_C(4000000000000000);
    tend(scene, &one, 0);
    tend(scene, &other, 0);
    append(scene, 2, "a");
    append(scene, 2, "b");
    struct bus_list list = fetch(scene, &one, 3);
    finish(scene, &one, &list, 0);
    finish(scene, &one, &list, 1);
    assert_int_equal(driver->trim(scene->stream, "order", later, &scene->err),
                     BUS_OK);
    list = fetch(scene, &other, 3);
    assert_string_equal(blobs(&list), "a b ");
    assert_int_equal(driver->trim(scene->stream, "order", later, &scene->err),
                     BUS_OK);
    struct bus_list left = recover(scene, &other, 2);
    assert_string_equal(blobs(&left), "a b ");
    finish(scene, &other, &list, 0);
    finish(scene, &other, &list, 1);
    assert_int_equal(driver->trim(scene->stream, "order", later, &scene->err),
                     BUS_OK);
    tend(scene, &late, 0); /* Redis keeps the last of a stream */
    list = fetch(scene, &late, 3);
    assert_null(strstr(blobs(&list), "a "));
}

/* ---- failure ---- */

static void no_server_is_unavailable(void **state)
{
    struct scene *scene = *state;
    const struct stream_put put = {"order", 0, bytes("a")};
    redis_server_kill(&scene->server);
    assert_int_equal(
        scene->stream->driver->append(scene->stream, &put, 1, &scene->err),
        BUS_UNAVAILABLE);
    assert_non_null(strstr(scene->err.sentence, scene->server.socket));
    redis_server_restart(&scene->server);
    append(scene, 0, "a");
}

static void no_group_is_said(void **state)
{
    struct scene *scene = *state;
    struct bus_list list;
    append(scene, 0, "a");
    assert_int_equal(scene->stream->driver->fetch(scene->stream, &one, ALL, 1,
                                                  &scene->arena, &list,
                                                  &scene->err),
                     BUS_UNAVAILABLE);
    assert_non_null(strstr(scene->err.sentence, "NOGROUP"));
}

#define BOTH(name)                                                             \
    {#name, name, open_sql, scene_close, NULL},                                \
    {                                                                          \
#name " on Redis", name, open_redis, scene_close, NULL                 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(each_group_reads_once_in_order),
        BOTH(what_is_not_done_is_recovered),
        BOTH(tries_are_remembered_until_done),
        BOTH(members_share_evenly),
        BOTH(who_leaves_leaves_all),
        BOTH(the_dead_are_listed_and_revived),
        BOTH(what_somebody_has_not_done_is_not_trimmed),
        cmocka_unit_test_setup_teardown(who_says_nothing_is_forgotten, open_sql,
                                        scene_close),
        {"no_server_is_unavailable on Redis", no_server_is_unavailable,
         open_redis, scene_close, NULL},
        {"no_group_is_said on Redis", no_group_is_said, open_redis, scene_close,
         NULL},
    };
    if (!redis_server_wanted())
        cmocka_set_skip_filter("*Redis*");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
