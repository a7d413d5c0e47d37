/* SPDX-License-Identifier: MIT
 *
 * A callee killed with -9 in mid-call: its caller is told at once, its name
 * goes, and the next incarnation takes its place.
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

#define TOLD_MS 1000 /* 50 is the aim; a loaded machine is slower */

extern char **environ;

struct world {
    char home[FOLDER_MAX];
    struct bus *bus;
    pid_t callee;
    int heard; /* reads a byte for every request the callee took */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    int code;
    char reason[BUS_REASON_MAX];
};

static void start_callee(struct world *world)
{
    int pipes[2];
    char *argv[] = {(char[]){CALLEE}, world->home, (char[]){"1"}, NULL};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe(pipes), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipes[0]);
    assert_int_equal(
        posix_spawn(&world->callee, CALLEE, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    world->heard = pipes[0];
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

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_caller_of_a_killed_callee_is_told),
        CASE(test_the_next_incarnation_takes_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
