/* SPDX-License-Identifier: MIT
 *
 * Commands on a Redis server of the test's own: answers of each type, scripts,
 * connections that died, deadlines, and a server taken for down. Only addresses
 * are tested where TROUPE_TEST_REDIS is not set.
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

#include "bus/code.h"
#include "tests/unit/store/redis_server.h"

struct scene {
    char folder[64];
    struct redis_server server;
    struct redis *redis;
    struct bus_arena arena;
    struct redis_reply reply;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/troupe-redis-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    redis_server_start(&scene->server, scene->folder, "redis.sock");
    const struct redis_options options = {scene->server.socket, NULL, NULL};
    assert_int_equal(redis_open(&options, &scene->redis, NULL), BUS_OK);
    bus_arena_init(&scene->arena, BUS_ARENA_LIMIT);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    redis_close(scene->redis);
    redis_server_kill(&scene->server);
    unlink(scene->server.socket);
    rmdir(scene->folder);
    bus_arena_release(&scene->arena);
    test_free(scene);
    return 0;
}

static int64_t in(int64_t ns)
{
    return bus_now(&bus_clock_system) + ns;
}

static int run_until(struct scene *scene, struct redis_command *command,
                     int64_t deadline)
{
    const struct redis_run what = {.commands = command,
                                   .count = 1,
                                   .deadline = deadline,
                                   .arena = &scene->arena};
    return redis_run(scene->redis, &what, &scene->reply);
}

static int run(struct scene *scene, const char *name, const char *a,
               const char *b)
{
    struct redis_command command;
    redis_command(&command, name);
    if (a)
        redis_text(&command, a);
    if (b)
        redis_text(&command, b);
    return run_until(scene, &command, in(5 * BUS_SECOND));
}

static void answers_have_their_types(void **state)
{
    struct scene *scene = *state;
    struct redis_command command;
    assert_int_equal(run(scene, "GET", "a", NULL), BUS_OK);
    assert_int_equal(scene->reply.type, REDIS_NIL);
    redis_command(&command, "SET");
    redis_text(&command, "a");
    redis_bytes(&command, (struct bus_bytes){(const uint8_t *)"x\0y", 3});
    assert_int_equal(run_until(scene, &command, in(BUS_SECOND)), BUS_OK);
    assert_int_equal(scene->reply.type, REDIS_TEXT);
    assert_string_equal((const char *)scene->reply.text.data, "OK");
    assert_int_equal(run(scene, "GET", "a", NULL), BUS_OK);
    assert_int_equal(scene->reply.text.len, 3);
    assert_memory_equal(scene->reply.text.data, "x\0y", 4);
    assert_int_equal(run(scene, "DEL", "a", "b"), BUS_OK);
    assert_int_equal(scene->reply.type, REDIS_NUMBER);
    assert_int_equal(scene->reply.number, 1);
    assert_int_equal(run(scene, "NONSENSE", NULL, NULL), BUS_OK);
    assert_int_equal(scene->reply.type, REDIS_REFUSED);
    assert_false(redis_is_down(scene->redis));
}

static void scripts_are_loaded_where_they_are_not_known(void **state)
{
    struct scene *scene = *state;
    static struct redis_script script = {
        "return redis.call('INCRBY', KEYS[1], ARGV[1])", ""};
    struct redis_command commands[2];
    struct redis_reply replies[2];
    for (int i = 1; i <= 3; i++) {
        for (int k = 0; k < 2; k++) {
            redis_script_command(&commands[k], "1");
            redis_text(&commands[k], "counter");
            redis_text(&commands[k], "2");
        }
        const struct redis_run what = {.commands = commands,
                                       .count = 2,
                                       .script = &script,
                                       .deadline = in(BUS_SECOND),
                                       .arena = &scene->arena};
        assert_int_equal(redis_run(scene->redis, &what, replies), BUS_OK);
        assert_int_equal(replies[0].number, 4 * i - 2);
        assert_int_equal(replies[1].number, 4 * i);
        assert_int_equal(run(scene, "SCRIPT", "FLUSH", NULL), BUS_OK);
    }
}

static void a_connection_that_died_is_replaced(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_OK);
    redis_server_kill(&scene->server);
    redis_server_restart(&scene->server);
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_OK);
    assert_false(redis_is_down(scene->redis));
}

static void a_dead_connection_is_seen_before_what_runs_once(void **state)
{
    struct scene *scene = *state;
    struct redis_command command;
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_OK);
    redis_server_kill(&scene->server);
    redis_server_restart(&scene->server);
    redis_command(&command, "INCR");
    redis_text(&command, "once");
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .once = true,
                                   .deadline = in(BUS_SECOND),
                                   .arena = &scene->arena};
    assert_int_equal(redis_run(scene->redis, &what, &scene->reply), BUS_OK);
    assert_int_equal(scene->reply.number, 1);
}

/* ---- failure ---- */

static void who_does_not_answer_is_down_until_said_otherwise(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_OK);
    redis_server_hang(&scene->server);
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_UNAVAILABLE);
    assert_true(redis_is_down(scene->redis));
    int64_t before = in(0);
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_UNAVAILABLE);
    assert_true(in(0) - before < REDIS_WAIT / 2);
    redis_server_go_on(&scene->server);
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_UNAVAILABLE);
    struct redis_command command;
    redis_command(&command, "PING");
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .probing = true,
                                   .deadline = in(5 * BUS_SECOND),
                                   .arena = &scene->arena};
    assert_int_equal(redis_run(scene->redis, &what, &scene->reply), BUS_OK);
    assert_true(redis_is_down(scene->redis));
    redis_up(scene->redis);
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_OK);
}

static void a_deadline_says_nothing_about_the_server(void **state)
{
    struct scene *scene = *state;
    struct redis_command command;
    assert_int_equal(run(scene, "PING", NULL, NULL), BUS_OK);
    redis_server_hang(&scene->server);
    redis_command(&command, "PING");
    assert_int_equal(run_until(scene, &command, in(20 * BUS_MILLI)),
                     BUS_DEADLINE_EXCEEDED);
    assert_false(redis_is_down(scene->redis));
    assert_int_equal(run_until(scene, &command, in(0)), BUS_DEADLINE_EXCEEDED);
    redis_server_go_on(&scene->server);
}

static void what_runs_once_may_have_run(void **state)
{
    struct scene *scene = *state;
    struct redis_command command;
    redis_server_hang(&scene->server);
    redis_command(&command, "INCR");
    redis_text(&command, "once");
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .once = true,
                                   .deadline = in(5 * BUS_SECOND),
                                   .arena = &scene->arena};
    assert_int_equal(redis_run(scene->redis, &what, &scene->reply),
                     BUS_UNKNOWN);
    redis_server_go_on(&scene->server);
}

static void a_full_arena_is_an_error_and_no_more(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(run(scene, "SET", "a", "of more than sixteen bytes"),
                     BUS_OK);
    scene->arena.limit = 16;
    assert_int_equal(run(scene, "GET", "a", NULL), BUS_RESOURCE_EXHAUSTED);
    scene->arena.limit = BUS_ARENA_LIMIT;
    assert_int_equal(run(scene, "GET", "a", NULL), BUS_OK);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1:6379", "redis", "[::1]:6379",
                                       "[::1]", "/run/redis.sock"};
    static const char *const bad[] = {
        "",        ":6379",       "redis:", "redis:0",
        "redis:x", "redis:65536", "[::1",   "[::1]x"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct redis *redis;
        const struct redis_options options = {good[i], NULL, NULL};
        assert_int_equal(redis_open(&options, &redis, NULL), BUS_OK);
        assert_string_equal(redis_address(redis), good[i]);
        redis_close(redis);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct redis *redis;
        const struct redis_options options = {bad[i], NULL, NULL};
        assert_int_equal(redis_open(&options, &redis, NULL),
                         BUS_INVALID_ARGUMENT);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest alone[] = {cmocka_unit_test(addresses_are_checked)};
    const struct CMUnitTest tests[] = {
        T(answers_have_their_types),
        T(scripts_are_loaded_where_they_are_not_known),
        T(a_connection_that_died_is_replaced),
        T(a_dead_connection_is_seen_before_what_runs_once),
        T(who_does_not_answer_is_down_until_said_otherwise),
        T(a_deadline_says_nothing_about_the_server),
        T(what_runs_once_may_have_run),
        T(a_full_arena_is_an_error_and_no_more),
    };
    int failed = cmocka_run_group_tests(alone, NULL, NULL);
    if (redis_server_wanted())
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    return failed;
}
