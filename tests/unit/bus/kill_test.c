/* SPDX-License-Identifier: MIT
 *
 * A callee killed with -9 in mid-call: its caller is told at once, its name
 * goes, and the next incarnation takes its place. One of two that is frozen
 * with -STOP is soon asked no more. Callers killed with -9 in mid-call leave
 * nothing behind that keeps a callee from serving. Nor does a clock that is
 * set matter to a deadline.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/call.h"
#include "bus/frame.h"
#include "bus/names.h"
#include "bus/sp.h"
#include "tests/unit/bus/folder.h"
#include "tests/unit/bus/stranger.h"

#define FROZEN_DEADLINE_MS 250
#define CALL_MS 5000 /* more than a loaded machine takes */
#define CALLERS 1000
#define CALLERS_AT_ONCE 20
#define TOLD_MS 1000 /* 50 is the aim; a loaded machine is slower */

extern char **environ;

struct world {
    char home[FOLDER_MAX];
    struct bus *bus;
    pid_t callee, other;
    int heard; /* reads a byte for every request the callee took */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    int code;
    char reason[BUS_REASON_MAX];
};

/* Returns its pid; *ret_heard is what it says. */
static pid_t spawn(struct world *world, char *instance, int *ret_heard)
{
    int pipes[2];
    pid_t pid;
    char *argv[] = {(char[]){CALLEE}, world->home, instance, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    assert_int_equal(pipe(pipes), 0);
    /* A group of its own: one that is left without a parent while something in
     * it is stopped gets SIGHUP, all of it. */
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipes[0]);
    assert_int_equal(
        posix_spawn(&pid, CALLEE, &actions, &attributes, argv, environ), 0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    *ret_heard = pipes[0];
    return pid;
}

static void start_callee(struct world *world)
{
    world->callee = spawn(world, (char[]){"1"}, &world->heard);
}

static void kill_callee(struct world *world)
{
    if (world->callee <= 0)
        return;
    kill(world->callee, SIGKILL);
    waitpid(world->callee, NULL, 0);
    world->callee = 0;
    close(world->heard);
}

static int set_up(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    pthread_mutex_init(&world.lock, NULL);
    pthread_cond_init(&world.changed, NULL);
    folder_make(world.home);
    struct bus_options options = {.home = world.home, .actor = "tester"};
    assert_int_equal(bus_open(&options, &world.bus, NULL), BUS_OK);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    kill_callee(world);
    if (world->other > 0) {
        kill(world->other, SIGKILL);
        waitpid(world->other, NULL, 0);
    }
    bus_close(world->bus);
    folder_remove(world->home);
    pthread_mutex_destroy(&world->lock);
    pthread_cond_destroy(&world->changed);
    return 0;
}

static void told(void *arg, const struct bus_reply *reply)
{
    struct world *world = arg;
    pthread_mutex_lock(&world->lock);
    world->done = true;
    world->code = reply->error.code;
    memcpy(world->reason, reply->error.reason, sizeof(world->reason));
    pthread_cond_signal(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static void await_names(struct world *world, size_t count)
{
    struct bus_names *names = bus_names(world->bus);
    uint64_t seen = 0;
    for (int i = 0; i < 100; i++) {
        if (bus_names_list(names, "victim", NULL, 0) == count)
            return;
        seen = bus_names_wait(names, seen, 200);
    }
    fail_msg("never %zu names", count);
}

static void call_and_kill(struct world *world)
{
    char byte;
    struct bus_request request = {
        .target = "victim",
        .method = "anything",
        .deadline = bus_now(bus_clock(world->bus)) + 30 * BUS_SECOND,
    };
    start_callee(world);
    await_names(world, 1);
    world->done = false;
    bus_start(world->bus, &request, told, world);
    assert_int_equal(read(world->heard, &byte, 1), 1);
    int64_t before = bus_now(bus_clock(world->bus));
    kill_callee(world);
    pthread_mutex_lock(&world->lock);
    while (!world->done)
        pthread_cond_wait(&world->changed, &world->lock);
    pthread_mutex_unlock(&world->lock);
    int64_t took = bus_now(bus_clock(world->bus)) - before;
    print_message("told after %.1f ms\n", (double)took / 1e6);
    assert_true(took < TOLD_MS * BUS_MILLI);
    assert_int_equal(world->code, BUS_UNKNOWN);
    assert_string_equal(world->reason, "outcome_unknown");
    await_names(world, 0);
}

static void test_caller_of_a_killed_callee_is_told(void **state)
{
    call_and_kill(*state);
}

static void test_the_next_incarnation_takes_its_place(void **state)
{
    call_and_kill(*state);
    call_and_kill(*state);
    call_and_kill(*state);
}

/* Calls "echo" until `until`, each for ms at most; returns how many,
 * *ret_failed did not succeed. */
static int call_until(struct world *world, int64_t until, int ms,
                      int *ret_failed)
{
    struct bus_arena arena;
    int calls = 0, failed = 0;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    for (;;) {
        struct bus_reply reply;
        int64_t now = bus_now(bus_clock(world->bus));
        if (now >= until)
            break;
        struct bus_request request = {
            .target = "victim",
            .method = "echo",
            .deadline = now + ms * BUS_MILLI,
        };
        calls++;
        failed += bus_wait(world->bus, &request, &arena, &reply) != BUS_OK;
        bus_arena_reset(&arena);
    }
    bus_arena_release(&arena);
    *ret_failed = failed;
    return calls;
}

/* What a caller says: SP's greeting, then a request in a plain frame, framed
 * for a Unix socket. */
static void caller_words(struct bus_buf *words)
{
    struct bus_buf frame, tail;
    uint8_t greeting[SP_GREETING], head[SP_HEAD_MAX];
    const struct bus_request request = {.method = "anything"};
    sp_greeting(SP_REQ, greeting);
    bus_buf_init(&frame, 4096);
    bus_buf_init(&tail, 4096);
    bus_frame_begin(&frame, false);
    const struct bus_frame_head kind = {
        BUS_ENVELOPE_REQUEST, bus_frame_tail(&tail, &request), 1, 60000};
    bus_frame_request(&frame, &kind, bus_buf_bytes(&tail));
    bus_buf_init(words, 4096);
    bus_buf_add(words, greeting, sizeof(greeting));
    bus_buf_add(words, head, sp_head(SP_OVER_IPC, 4 + frame.len, head));
    bus_buf_add(words, "\x80\0\0\1", 4);
    bus_buf_add(words, frame.data, frame.len);
    bus_buf_release(&frame);
    bus_buf_release(&tail);
}

/* A caller that hangs in its call. After fork it uses nothing but the kernel.
 */
static pid_t caller(const char *url, const struct bus_buf *words)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int fd = stranger_connect(url);
    if (fd < 0 || write(fd, words->data, words->len) != (ssize_t)words->len)
        _exit(1);
    for (;;)
        pause();
}

static void test_callers_killed_in_mid_call(void **state)
{
    struct world *world = *state;
    struct bus_name name;
    struct bus_buf words;
    int failed;
    start_callee(world);
    await_names(world, 1);
    assert_int_equal(bus_names_list(bus_names(world->bus), "victim", &name, 1),
                     1);
    caller_words(&words);
    for (int killed = 0; killed < CALLERS; killed += CALLERS_AT_ONCE) {
        pid_t pids[CALLERS_AT_ONCE];
        char bytes[CALLERS_AT_ONCE];
        for (int i = 0; i < CALLERS_AT_ONCE; i++)
            pids[i] = caller(name.url, &words);
        for (ssize_t heard = 0; heard < CALLERS_AT_ONCE;) {
            ssize_t n = read(world->heard, bytes, sizeof(bytes));
            assert_true(n > 0);
            heard += n;
        }
        for (int i = 0; i < CALLERS_AT_ONCE; i++) {
            int status;
            kill(pids[i], SIGKILL);
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFSIGNALED(status));
        }
    }
    bus_buf_release(&words);
    int64_t now = bus_now(bus_clock(world->bus));
    assert_true(call_until(world, now + BUS_SECOND / 10, CALL_MS, &failed) > 0);
    assert_int_equal(failed, 0);
}

static void test_a_frozen_one_of_two_is_passed_over(void **state)
{
    struct world *world = *state;
    int heard, failed;
    start_callee(world);
    world->other = spawn(world, (char[]){"2"}, &heard);
    await_names(world, 2);
    int64_t start = bus_now(bus_clock(world->bus));
    call_until(world, start + BUS_SECOND / 2, CALL_MS, &failed);
    assert_int_equal(failed, 0);
    kill(world->callee, SIGSTOP);
    start = bus_now(bus_clock(world->bus));
    call_until(world, start + BUS_SECOND, FROZEN_DEADLINE_MS, &failed);
    int calls =
        call_until(world, start + 3 * BUS_SECOND, FROZEN_DEADLINE_MS, &failed);
    print_message("%d of %d calls failed beside a frozen replica\n", failed,
                  calls);
    assert_true(calls > 100 && failed * 100 < calls);
    kill(world->callee, SIGCONT);
    close(heard);
}

static int64_t step_us;

static int64_t monotonic(void *arg)
{
    (void)arg;
    return bus_now(&bus_clock_system);
}

static int64_t stepped_wall(void *arg)
{
    (void)arg;
    return bus_wall(&bus_clock_system) + step_us;
}

/* An unanswered call ends at its deadline, not an hour off. */
static void assert_times_out(struct bus *bus)
{
    struct bus_arena arena;
    struct bus_reply reply;
    int64_t before = bus_now(&bus_clock_system);
    struct bus_request request = {
        .target = "victim",
        .method = "anything",
        .deadline = before + 100 * BUS_MILLI,
    };
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    assert_int_equal(bus_wait(bus, &request, &arena, &reply),
                     BUS_DEADLINE_EXCEEDED);
    int64_t took = bus_now(&bus_clock_system) - before;
    assert_in_range(took / BUS_MILLI, 100, 100 + TOLD_MS);
    bus_arena_release(&arena);
}

static void test_steps_of_the_clock_upset_nothing(void **state)
{
    static const int64_t hours[] = {0, 1, -1, 0};
    struct world *world = *state;
    /* Used until tear_down closes the bus. */
    static const struct bus_clock clock = {monotonic, stepped_wall, NULL};
    const struct bus_options options = {
        .home = world->home, .actor = "tester", .clock = &clock};
    bus_close(world->bus);
    assert_int_equal(bus_open(&options, &world->bus, NULL), BUS_OK);
    start_callee(world);
    await_names(world, 1);
    for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
        int failed;
        step_us = hours[i] * 3600 * INT64_C(1000000);
        int64_t until = bus_now(&bus_clock_system) + 50 * BUS_MILLI;
        assert_true(call_until(world, until, CALL_MS, &failed) > 0);
        assert_int_equal(failed, 0);
        assert_times_out(world->bus);
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_caller_of_a_killed_callee_is_told),
        CASE(test_the_next_incarnation_takes_its_place),
        CASE(test_a_frozen_one_of_two_is_passed_over),
        CASE(test_callers_killed_in_mid_call),
        CASE(test_steps_of_the_clock_upset_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
