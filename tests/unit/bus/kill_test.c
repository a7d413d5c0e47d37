/* SPDX-License-Identifier: MIT
 *
 * A callee killed with -9 in mid-call: its caller is told at once, its name
 * goes, and the next incarnation takes its place. One of two that is frozen
 * with -STOP is soon asked no more.
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
#include "bus/names.h"
#include "tests/unit/bus/folder.h"

#define FROZEN_DEADLINE_MS 250
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
    assert_int_equal(pipe(pipes), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipes[0]);
    assert_int_equal(posix_spawn(&pid, CALLEE, &actions, NULL, argv, environ),
                     0);
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

/* Calls "echo" until `until`; returns how many, *ret_failed did not succeed. */
static int call_until(struct world *world, int64_t until, int *ret_failed)
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
            .deadline = now + FROZEN_DEADLINE_MS * BUS_MILLI,
        };
        calls++;
        failed += bus_wait(world->bus, &request, &arena, &reply) != BUS_OK;
        bus_arena_reset(&arena);
    }
    bus_arena_release(&arena);
    *ret_failed = failed;
    return calls;
}

static void test_a_frozen_one_of_two_is_passed_over(void **state)
{
    struct world *world = *state;
    int heard, failed;
    start_callee(world);
    world->other = spawn(world, (char[]){"2"}, &heard);
    await_names(world, 2);
    int64_t start = bus_now(bus_clock(world->bus));
    call_until(world, start + BUS_SECOND / 2, &failed);
    assert_int_equal(failed, 0);
    kill(world->callee, SIGSTOP);
    start = bus_now(bus_clock(world->bus));
    call_until(world, start + BUS_SECOND, &failed);
    int calls = call_until(world, start + 3 * BUS_SECOND, &failed);
    print_message("%d of %d calls failed beside a frozen replica\n", failed,
                  calls);
    assert_true(calls > 100 && failed * 100 < calls);
    kill(world->callee, SIGCONT);
    close(heard);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_caller_of_a_killed_callee_is_told),
        CASE(test_the_next_incarnation_takes_its_place),
        CASE(test_a_frozen_one_of_two_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
