/* SPDX-License-Identifier: MIT
 *
 * Names as files: seen by others, refused twice, gone with their owner.
 */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/bus_internal.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/names.h"
#include "tests/unit/bus/folder.h"

#define WAIT_MS 10000
#define INOTIFY_MAX 4096 /* more than any user has */

struct world {
    char home[FOLDER_MAX];
    struct bus_names *ours, *theirs;
};

static int set_up(void **state)
{
    static struct world world;
    folder_make(world.home);
    assert_int_equal(bus_names_open(world.home, &world.ours, NULL), BUS_OK);
    assert_int_equal(bus_names_open(world.home, &world.theirs, NULL), BUS_OK);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    bus_names_close(world->ours);
    bus_names_close(world->theirs);
    folder_remove(world->home);
    return 0;
}

static struct bus_name name_of(const char *actor, const char *instance)
{
    struct bus_name name = {.pid = (int32_t)getpid(), .started = 7};
    snprintf(name.actor, sizeof(name.actor), "%s", actor);
    snprintf(name.instance, sizeof(name.instance), "%s", instance);
    snprintf(name.node, sizeof(name.node), "n1");
    snprintf(name.url, sizeof(name.url), "ipc:///tmp/%s.%s", actor, instance);
    return name;
}

static void publish(struct bus_names *names, const char *actor,
                    const char *instance)
{
    struct bus_name name = name_of(actor, instance);
    assert_int_equal(bus_names_publish(names, &name, NULL), BUS_OK);
}

/* Until there are that many live names of an actor. */
static void await(struct bus_names *names, const char *actor, size_t count)
{
    uint64_t seen = 0;
    for (int i = 0; i < WAIT_MS / 100; i++) {
        if (bus_names_list(names, actor, NULL, 0) == count)
            return;
        seen = bus_names_wait(names, seen, 100);
    }
    fail_msg("%s: %zu names, not %zu", actor,
             bus_names_list(names, actor, NULL, 0), count);
}

static void test_others_see_a_name_come_and_go(void **state)
{
    struct world *world = *state;
    struct bus_name seen;
    publish(world->ours, "user", "1");
    await(world->theirs, "user", 1);
    assert_int_equal(bus_names_list(world->theirs, NULL, &seen, 1), 1);
    assert_string_equal(seen.actor, "user");
    assert_string_equal(seen.instance, "1");
    assert_string_equal(seen.node, "n1");
    assert_string_equal(seen.url, "ipc:///tmp/user.1");
    assert_int_equal(seen.pid, getpid());
    assert_int_equal(seen.started, 7);
    bus_names_withdraw(world->ours, "user", "1");
    await(world->theirs, "user", 0);
    assert_int_equal(bus_names_state(world->theirs, "user"), NAMES_EMPTY);
    assert_int_equal(bus_names_state(world->theirs, "nobody"), NAMES_UNKNOWN);
}

static void test_ten_comes_after_nine(void **state)
{
    struct world *world = *state;
    struct bus_name seen[3];
    publish(world->ours, "user", "10");
    publish(world->ours, "user", "9");
    publish(world->ours, "score", "1");
    await(world->theirs, NULL, 3);
    assert_int_equal(bus_names_list(world->theirs, NULL, seen, 3), 3);
    assert_string_equal(seen[0].actor, "score");
    assert_string_equal(seen[1].instance, "9");
    assert_string_equal(seen[2].instance, "10");
}

static void test_the_same_name_twice_is_refused(void **state)
{
    struct world *world = *state;
    struct bus_error err;
    struct bus_name name = name_of("user", "1");
    publish(world->ours, "user", "1");
    assert_int_equal(bus_names_publish(world->theirs, &name, &err),
                     BUS_ALREADY_EXISTS);
    await(world->ours, "user", 1);
}

static void test_bad_names_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"", ".user", "a/b", "$x", "a b", "a\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bus_name name = name_of(bad[i], "1");
        assert_int_equal(bus_names_publish(world->ours, &name, NULL),
                         BUS_INVALID_ARGUMENT);
    }
    assert_true(bus_name_valid("user-api_2.x"));
}

/* Whole at once, as names are: watchers look while we write. */
static void write_file(const char *path, const char *text)
{
    char temp[FOLDER_MAX + 80];
    const char *slash = strrchr(path, '/');
    snprintf(temp, sizeof(temp), "%.*s/.temp", (int)(slash - path), path);
    FILE *file = fopen(temp, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(temp, path), 0);
}

/* As a process killed with -9 leaves it: no lock, a socket left behind. */
static void test_stale_name_is_skipped_and_swept(void **state)
{
    struct world *world = *state;
    char path[FOLDER_MAX + 64], sock[FOLDER_MAX + 64], text[2 * FOLDER_MAX];
    publish(world->ours, "user", "2"); /* makes the folder */
    snprintf(sock, sizeof(sock), "%s/sock/user.1.5.x", world->home);
    write_file(sock, "");
    snprintf(path, sizeof(path), "%s/names/user/1", world->home);
    snprintf(text, sizeof(text), "url ipc://%s\nnode n1\npid 5\nstarted 1\n",
             sock);
    write_file(path, text);
    bus_names_refresh(world->theirs);
    assert_int_equal(bus_names_list(world->theirs, "user", NULL, 0), 1);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_not_equal(access(sock, F_OK), 0);
    bus_names_withdraw(world->ours, "user", "2");
    await(world->theirs, "user", 0);
    assert_int_equal(bus_names_state(world->theirs, "user"), NAMES_CRASHED);
    publish(world->ours, "user", "1"); /* its place is free */
    await(world->theirs, "user", 1);
}

/* Sweeping never touches what lies outside of the home's own sockets. */
static void test_sweeping_stays_inside_sock(void **state)
{
    struct world *world = *state;
    char path[FOLDER_MAX + 64], kept[FOLDER_MAX + 64], text[2 * FOLDER_MAX];
    publish(world->ours, "user", "2");
    snprintf(kept, sizeof(kept), "%s/data/kept", world->home);
    write_file(kept, "");
    snprintf(path, sizeof(path), "%s/names/user/1", world->home);
    snprintf(text, sizeof(text), "url ipc://%s/sock/../data/kept\n",
             world->home);
    write_file(path, text);
    bus_names_refresh(world->theirs);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(access(kept, F_OK), 0);
}

/* Locked before it is there, as names are: else it is swept as stale. */
static void test_rubbish_in_a_file_is_skipped(void **state)
{
    struct world *world = *state;
    char temp[FOLDER_MAX + 64], path[FOLDER_MAX + 64];
    static const char rubbish[] = "\xff\xfe rubbish without end";
    publish(world->ours, "user", "2");
    snprintf(temp, sizeof(temp), "%s/names/user/.temp", world->home);
    snprintf(path, sizeof(path), "%s/names/user/1", world->home);
    int fd = open(temp, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_int_equal(write(fd, rubbish, sizeof(rubbish)), sizeof(rubbish));
    assert_int_equal(rename(temp, path), 0);
    bus_names_refresh(world->theirs);
    assert_int_equal(bus_names_list(world->theirs, "user", NULL, 0), 1);
    close(fd);
}

/* Written by the registrar: where others find it, and whether it is stale. */
static void test_a_mirrored_name_says_so(void **state)
{
    struct world *world = *state;
    struct bus_name seen, name = name_of("user", "n2.1");
    snprintf(name.node, sizeof(name.node), "n2");
    snprintf(name.key, sizeof(name.key), "user.rpc");
    name.origin = BUS_NAME_MIRRORED;
    assert_int_equal(bus_names_publish(world->ours, &name, NULL), BUS_OK);
    await(world->theirs, "user", 1);
    bus_names_list(world->theirs, "user", &seen, 1);
    assert_int_equal(seen.origin, BUS_NAME_MIRRORED);
    assert_string_equal(seen.key, "user.rpc");
    for (int stale = 1; stale >= 0; stale--) {
        assert_true(bus_names_mark(world->ours, "user", "n2.1", stale));
        bus_names_refresh(world->theirs);
        bus_names_list(world->theirs, "user", &seen, 1);
        assert_int_equal(seen.origin,
                         stale ? BUS_NAME_STALE : BUS_NAME_MIRRORED);
    }
    assert_false(bus_names_mark(world->theirs, "user", "n2.1", true));
}

static void test_fixed_names_take_the_folders_place(void **state)
{
    struct world *world = *state;
    struct bus_name seen, name = name_of("user", "1");
    publish(world->ours, "user", "7");
    await(world->theirs, "user", 1);
    bus_names_fix(world->theirs, &name);
    bus_names_refresh(world->theirs);
    assert_int_equal(bus_names_list(world->theirs, "user", &seen, 1), 1);
    assert_string_equal(seen.instance, "1");
    assert_int_equal(bus_names_list(world->ours, "user", &seen, 1), 1);
    assert_string_equal(seen.instance, "7");
}

/* A thousand starts are seen by others; the figure is the bench's. */
static void test_a_thousand_names(void **state)
{
    struct world *world = *state;
    char actor[16], instance[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(actor, sizeof(actor), "a%d", i % 50);
        snprintf(instance, sizeof(instance), "%d", i / 50 + 1);
        publish(world->ours, actor, instance);
    }
    for (int i = 0; i < 50; i++) {
        snprintf(actor, sizeof(actor), "a%d", i);
        await(world->theirs, actor, 20);
    }
    int64_t before = bus_now(&bus_clock_system);
    struct bus_names *late;
    assert_int_equal(bus_names_open(world->home, &late, NULL), BUS_OK);
    assert_int_equal(bus_names_list(late, NULL, NULL, 0), 1000);
    bus_names_close(late);
    assert_true(bus_now(&bus_clock_system) - before < 10 * BUS_SECOND);
}

/* A user has so many inotify instances: past them the folder is polled. */
static void test_without_inotify_names_are_polled(void **state)
{
    struct world *world = *state;
    static int taken[INOTIFY_MAX];
    size_t count = 0;
    while (count < INOTIFY_MAX &&
           (taken[count] = inotify_init1(IN_CLOEXEC)) >= 0)
        count++;
    assert_true(count < INOTIFY_MAX); /* it ran out of them */
    struct bus_names *poor;
    assert_int_equal(bus_names_open(world->home, &poor, NULL), BUS_OK);
    assert_true(inotify_init1(IN_CLOEXEC) < 0);
    publish(world->ours, "user", "1");
    await(poor, "user", 1);
    bus_names_withdraw(world->ours, "user", "1");
    await(poor, "user", 0);
    bus_names_close(poor);
    while (count > 0)
        close(taken[--count]);
}

static void test_names_in_memory(void **state)
{
    (void)state;
    struct bus_names *names = bus_names_memory();
    struct bus_name name = name_of("user", "1");
    publish(names, "user", "1");
    assert_int_equal(bus_names_publish(names, &name, NULL), BUS_ALREADY_EXISTS);
    assert_int_equal(bus_names_state(names, "user"), NAMES_LIVE);
    bus_names_withdraw(names, "user", "1");
    assert_int_equal(bus_names_state(names, "user"), NAMES_EMPTY);
    bus_names_memory_close(names);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_others_see_a_name_come_and_go),
        CASE(test_ten_comes_after_nine),
        CASE(test_the_same_name_twice_is_refused),
        CASE(test_bad_names_are_refused),
        CASE(test_stale_name_is_skipped_and_swept),
        CASE(test_sweeping_stays_inside_sock),
        CASE(test_rubbish_in_a_file_is_skipped),
        CASE(test_a_mirrored_name_says_so),
        CASE(test_fixed_names_take_the_folders_place),
        CASE(test_a_thousand_names),
        CASE(test_without_inotify_names_are_polled),
        cmocka_unit_test(test_names_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
