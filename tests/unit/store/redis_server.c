/* SPDX-License-Identifier: MIT
 *
 * A child that dies with the test.
 */
#define _GNU_SOURCE
#include "tests/unit/store/redis_server.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 2000
#define STEP_MS 5

bool redis_server_wanted(void)
{
    return getenv("TROUPE_TEST_REDIS") != NULL;
}

bool redis_await(bool (*is_true)(void *arg), void *arg)
{
    for (int i = 0; i < TRIES; i++) {
        if (is_true(arg))
            return true;
        poll(NULL, 0, STEP_MS);
    }
    return false;
}

static bool answers(void *arg)
{
    return strcmp(redis_server_ask(arg, "PING", NULL, NULL, NULL), "PONG") == 0;
}

static void run(struct redis_server *server)
{
    pid_t parent = getpid();
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        const char *pass = server->pass ? server->pass : "";
        /* By this name the program serves, whatever its file is called. */
        execl(getenv("TROUPE_TEST_REDIS"), "redis-server", "--port", "0",
              "--unixsocket", server->socket, "--save", "", "--appendonly",
              "no", "--logfile", "/dev/null", "--requirepass", pass, "--dir",
              "/tmp", (char *)NULL);
        _exit(1);
    }
    if (server->pid < 0 || !redis_await(answers, server)) {
        fprintf(stderr, "no Redis at %s\n", server->socket);
        abort();
    }
}

void redis_server_start(struct redis_server *server, const char *folder,
                        const char *name)
{
    snprintf(server->socket, sizeof(server->socket), "%s/%s", folder, name);
    signal(SIGPIPE, SIG_IGN); /* as an actor does */
    run(server);
}

void redis_server_restart(struct redis_server *server)
{
    run(server);
}

void redis_server_kill(struct redis_server *server)
{
    if (server->pid <= 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void redis_server_hang(struct redis_server *server)
{
    kill(server->pid, SIGSTOP);
}

void redis_server_go_on(struct redis_server *server)
{
    kill(server->pid, SIGCONT);
}

const char *redis_server_ask(const struct redis_server *server,
                             const char *name, const char *a, const char *b,
                             const char *c)
{
    static char answer[8192];
    const struct redis_options options = {server->socket, NULL, server->pass};
    struct redis *redis;
    struct redis_command command;
    struct redis_reply reply;
    struct bus_arena arena;
    if (redis_open(&options, &redis, NULL) != 0)
        abort();
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    redis_command(&command, name);
    const char *const more[] = {a, b, c};
    for (size_t i = 0; i < 3 && more[i]; i++)
        redis_text(&command, more[i]);
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .deadline =
                                       bus_now(&bus_clock_system) + BUS_SECOND,
                                   .arena = &arena};
    answer[0] = '\0';
    if (redis_run(redis, &what, &reply) != 0)
        snprintf(answer, sizeof(answer), "no answer");
    else if (reply.type == REDIS_NUMBER)
        snprintf(answer, sizeof(answer), "%" PRId64, reply.number);
    else if (reply.type != REDIS_NIL)
        snprintf(answer, sizeof(answer), "%s", (const char *)reply.text.data);
    bus_arena_release(&arena);
    redis_close(redis);
    return answer;
}
