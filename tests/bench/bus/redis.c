/* SPDX-License-Identifier: MIT
 *
 * A private Redis on a Unix socket, pinged by its own redis-benchmark: as many
 * connections as calls in flight, one ping a time on each.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define READY_MS 5000

/* Debian's redis-tools has the server under the name of one of its uses. */
static const char *const programs[] = {"/usr/bin/redis-server",
                                       "/usr/bin/redis-check-rdb"};

/* Waits for its socket, at most READY_MS: it is made by listening on it. */
static bool await_socket(int watch, const char *path)
{
    struct pollfd changed = {.fd = watch, .events = POLLIN};
    char names[4096];
    while (access(path, F_OK) != 0) {
        if (poll(&changed, 1, READY_MS) <= 0 ||
            read(watch, names, sizeof(names)) <= 0)
            return false;
    }
    return true;
}

bool redis_open(struct redis *redis, const char *home, bool synced)
{
    const char *program = NULL;
    for (size_t i = 0; !program && i < sizeof(programs) / sizeof(*programs);
         i++)
        if (access(programs[i], X_OK) == 0)
            program = programs[i];
    redis->pid = -1;
    if (!program || access("/usr/bin/redis-benchmark", X_OK) != 0) {
        fprintf(stderr, "bench: no Redis here: its rows are left out\n");
        return false;
    }
    snprintf(redis->socket, sizeof(redis->socket), "%s/redis%s", home,
             synced ? "-synced" : "");
    const char *const argv[] = {program,
                                "--port",
                                "0",
                                "--save",
                                "",
                                "--unixsocket",
                                redis->socket,
                                "--dir",
                                home,
                                "--appendonly",
                                synced ? "yes" : "no",
                                "--appendfsync",
                                "always",
                                NULL};
    int watch = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(watch, home, IN_CREATE);
    redis->pid = launch(argv, "redis-server", -1);
    bool up = redis->pid > 0 && await_socket(watch, redis->socket);
    close(watch);
    if (up)
        return true;
    fprintf(stderr, "bench: Redis does not answer: its rows are left out\n");
    redis_close(redis);
    return false;
}

void redis_close(struct redis *redis)
{
    if (redis->pid <= 0)
        return;
    kill(redis->pid, SIGTERM);
    waitpid(redis->pid, NULL, 0);
    redis->pid = -1;
}

bool redis_round(const struct redis *redis, int in_flight, uint64_t requests,
                 struct figures *ret)
{
    char command[2 * BENCH_PATH], line[256];
    bool found = false;
    snprintf(command, sizeof(command),
             "redis-benchmark -s %s -t ping_mbulk --csv -c %d -n %llu "
             "2>/dev/null",
             redis->socket, in_flight, (unsigned long long)requests);
    FILE *output = popen(command, "re");
    *ret = (struct figures){0};
    while (output && fgets(line, sizeof(line), output)) {
        double rate, average, least, p50, p95, p99;
        /* "test","rps","avg_latency_ms","min","p50","p95","p99","max" */
        if (sscanf(line,
                   "\"PING_MBULK\",\"%lf\",\"%lf\",\"%lf\",\"%lf\",\"%lf\","
                   "\"%lf\"",
                   &rate, &average, &least, &p50, &p95, &p99) != 6)
            continue;
        *ret = (struct figures){
            .rate = rate, .p50_us = p50 * 1000, .p99_us = p99 * 1000};
        found = rate > 0;
    }
    if (output)
        pclose(output);
    return found;
}
