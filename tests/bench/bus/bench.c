/* SPDX-License-Identifier: MIT
 *
 * ops/bench bus: calls to an actor at 1, 64 and 1,024 in flight; plain nng
 * beside it in short rounds that alternate, of which the medians are printed,
 * and Redis answering PING; then events to many, and what a call costs in
 * instructions. Usage: bench_bus [--seconds N] [--json] [--case NAME]
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "bus/clock.h"
#include "tests/unit/bus/folder.h"

#define ROUNDS 5
#define REDIS_SHARE 0.1 /* of the time a case has, for each of its rounds */
#define REDIS_FEW 2000  /* pings of the round that says how quick it is */
#define DURABLE_SECONDS 3.0
#define FAN_SECONDS 2.0

extern char **environ;

struct bench {
    char home[FOLDER_MAX];
    char bin[BENCH_PATH];
    struct ours ours;
    pid_t nng;
    int nng_input;
    struct nng_client *client;
    struct redis redis;
    struct round round;
};

struct wish {
    double seconds;
    bool json;
    const char *only;    /* "echo-64"; NULL: all cases */
    uint64_t calls;      /* instead: so many, and nothing else */
    const char *counted; /* where callgrind writes of the actor */
};

/* ---- Rounds ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int by_rate(const void *a, const void *b)
{
    double x = ((const struct figures *)a)->rate;
    double y = ((const struct figures *)b)->rate;
    return x < y ? -1 : x > y;
}

/* What this process and the other have used, in ns. */
static int64_t cpu_used(pid_t other)
{
    clockid_t id;
    struct timespec own, its = {0, 0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    if (clock_getcpuclockid(other, &id) == 0)
        clock_gettime(id, &its);
    return (own.tv_sec + its.tv_sec) * BUS_SECOND + own.tv_nsec + its.tv_nsec;
}

static void round_figures(struct round *round, double took, int64_t used,
                          struct figures *ret)
{
    uint64_t calls = round->calls;
    size_t kept = calls < BENCH_SAMPLES ? (size_t)calls : BENCH_SAMPLES;
    if (round->failed)
        fprintf(stderr, "bench: %llu calls failed\n",
                (unsigned long long)round->failed);
    ret->rate = (double)calls / took;
    if (!kept)
        return;
    qsort(round->samples, kept, sizeof(uint32_t), by_number);
    ret->cpu_us = (double)used / 1000 / (double)calls;
    ret->p50_us = round->samples[kept / 2] / 10.0;
    ret->p99_us = round->samples[kept * 99 / 100] / 10.0;
}

static struct figures one_round(struct bench *bench, int in_flight, double s,
                                bool ours)
{
    struct round *round = &bench->round;
    struct figures got = {0};
    round->calls = round->failed = 0;
    round->in_flight = in_flight;
    pid_t other = ours ? bench->ours.pid : bench->nng;
    int64_t used = cpu_used(other);
    int64_t start = bus_now(&bus_clock_system);
    round->until = start + (int64_t)(s * 1e9);
    if (ours)
        ours_round(&bench->ours, round, &got);
    else
        nng_client_round(bench->client, round);
    double took = (double)(bus_now(&bus_clock_system) - start) / 1e9;
    round_figures(round, took, cpu_used(other) - used, &got);
    return got;
}

/* ---- Rows ---- */

struct table {
    bool json, begun;
};

static void table_begin(struct table *table)
{
    if (table->json)
        printf("[");
    else
        printf("%-16s %10s %8s %8s %7s  %-6s %10s %8s %8s %7s %7s\n", "case",
               "troupe/s", "p50 us", "p99 us", "cpu us", "peer", "peer/s",
               "p50 us", "p99 us", "cpu us", "ratio");
}

static void table_end(const struct table *table)
{
    if (table->json)
        puts("\n]");
}

static void json_next(struct table *table)
{
    printf("%s\n  ", table->begun ? "," : "");
    table->begun = true;
}

/* Beside a peer. */
static void row_pair(struct table *table, const char *name, const char *peer,
                     const struct figures *a, const struct figures *b)
{
    double ratio = a->rate / b->rate;
    if (!table->json) {
        printf("%-16s %10.0f %8.1f %8.1f %7.2f  %-6s %10.0f %8.1f %8.1f %7.2f "
               "%7.2f\n",
               name, a->rate, a->p50_us, a->p99_us, a->cpu_us, peer, b->rate,
               b->p50_us, b->p99_us, b->cpu_us, ratio);
        return;
    }
    json_next(table);
    printf("{\"bench\": \"bus\", \"case\": \"%s\", \"peer\": \"%s\", "
           "\"value\": %.0f, \"unit\": \"calls/s\", \"ratio\": %.3f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_us\": %.2f, "
           "\"peer_value\": %.0f, \"peer_p50_us\": %.1f, \"peer_p99_us\": "
           "%.1f, \"peer_cpu_us\": %.2f, \"requests_per_frame\": %.1f, "
           "\"replies_per_frame\": %.1f}",
           name, peer, a->rate, ratio, a->p50_us, a->p99_us, a->cpu_us, b->rate,
           b->p50_us, b->p99_us, b->cpu_us, a->in, a->out);
}

static void row_alone(struct table *table, const char *name, double value,
                      const char *unit)
{
    if (!table->json) {
        printf("%-16s %10.0f %s\n", name, value, unit);
        return;
    }
    json_next(table);
    printf("{\"bench\": \"bus\", \"case\": \"%s\", \"peer\": \"\", \"value\": "
           "%.0f, \"unit\": \"%s\", \"ratio\": null}",
           name, value, unit);
}

/* ---- Cases ---- */

static bool wanted(const struct wish *wish, const char *name)
{
    return !wish->only || strcmp(wish->only, name) == 0;
}

/* Redis plays after the rounds: it begins with a process of its own. */
static void redis_row(struct bench *bench, struct table *table, int in_flight,
                      double seconds, const struct figures *ours)
{
    struct figures rounds[ROUNDS];
    char name[32];
    if (bench->redis.pid <= 0 ||
        !redis_round(&bench->redis, in_flight, REDIS_FEW, &rounds[0]))
        return;
    uint64_t requests = (uint64_t)(rounds[0].rate * seconds) + REDIS_FEW;
    for (int i = 0; i < ROUNDS; i++)
        if (!redis_round(&bench->redis, in_flight, requests, &rounds[i]))
            return;
    qsort(rounds, ROUNDS, sizeof(rounds[0]), by_rate);
    snprintf(name, sizeof(name), "ping-%d", in_flight);
    row_pair(table, name, "redis", ours, &rounds[ROUNDS / 2]);
}

static void echo_case(struct bench *bench, struct table *table, int in_flight,
                      double seconds)
{
    struct figures ours[ROUNDS], peer[ROUNDS];
    double each = seconds * (1 - ROUNDS * REDIS_SHARE) / (2 * ROUNDS);
    char name[32];
    one_round(bench, in_flight, 0.1, true); /* connects, warms up */
    one_round(bench, in_flight, 0.1, false);
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = one_round(bench, in_flight, each, true);
        peer[i] = one_round(bench, in_flight, each, false);
    }
    qsort(ours, ROUNDS, sizeof(ours[0]), by_rate);
    qsort(peer, ROUNDS, sizeof(peer[0]), by_rate);
    snprintf(name, sizeof(name), "echo-%d", in_flight);
    row_pair(table, name, "nng", &ours[ROUNDS / 2], &peer[ROUNDS / 2]);
    redis_row(bench, table, in_flight, seconds * REDIS_SHARE,
              &ours[ROUNDS / 2]);
}

static void fan_case(struct bench *bench, struct table *table)
{
    struct fan_figures fan;
    char name[32];
    if (!fan_round(&bench->ours, FAN_SECONDS, &fan))
        return;
    snprintf(name, sizeof(name), "fan-out-%d", FAN_SUBSCRIBERS);
    row_alone(table, name, fan.rate, "events heard/s");
    if (fan.lost)
        fprintf(stderr, "bench: %llu events were lost\n",
                (unsigned long long)fan.lost);
}

static void durable_case(struct bench *bench, struct table *table)
{
    struct redis redis;
    double rate;
    if (durable_round(&bench->ours, NULL, DURABLE_SECONDS, &rate))
        row_alone(table, "durable-sqlite", rate, "events handled/s");
    if (!redis_open(&redis, bench->home, true))
        return;
    if (durable_round(&bench->ours, redis.socket, DURABLE_SECONDS, &rate))
        row_alone(table, "durable-redis", rate, "events handled/s");
    redis_close(&redis);
}

static void instructions_case(struct bench *bench, struct table *table)
{
    struct instructions cost;
    char program[BENCH_PATH + 16];
    snprintf(program, sizeof(program), "%s/bench_bus", bench->bin);
    if (!instructions_count(program, bench->home, &cost))
        return;
    row_alone(table, "cost-caller", cost.caller, "instructions/call");
    row_alone(table, "cost-callee", cost.callee, "instructions/call");
}

static void run(struct bench *bench, const struct wish *wish)
{
    static const int in_flight[] = {1, 64, 1024};
    static const int count = sizeof(in_flight) / sizeof(in_flight[0]);
    struct table table = {.json = wish->json};
    table_begin(&table);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "echo-%d", in_flight[i]);
        if (wanted(wish, name))
            echo_case(bench, &table, in_flight[i],
                      wish->seconds / (wish->only ? 1 : count));
    }
    if (wanted(wish, "fan-out"))
        fan_case(bench, &table);
    if (wanted(wish, "durable"))
        durable_case(bench, &table);
    if (wanted(wish, "cost"))
        instructions_case(bench, &table);
    table_end(&table);
}

/* ---- Processes ---- */

pid_t launch(const char *const *argv, const char *name, int input)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    const char *told[32];
    size_t count = 0;
    while (argv[count] && count < sizeof(told) / sizeof(told[0]) - 1) {
        told[count] = argv[count];
        count++;
    }
    told[count] = NULL;
    if (name)
        told[0] = name;
    posix_spawn_file_actions_init(&actions);
    if (input >= 0)
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    int rc = posix_spawn(&pid, argv[0], &actions, NULL,
                         (char *const *)(uintptr_t)told, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc) {
        fprintf(stderr, "bench: cannot start %s: %s\n", argv[0], strerror(rc));
        return -1;
    }
    return pid;
}

static bool nng_start(struct bench *bench)
{
    char nng[BENCH_PATH + 16], url[BENCH_PATH];
    int pipes[2];
    snprintf(nng, sizeof(nng), "%s/bench_nng", bench->bin);
    snprintf(url, sizeof(url), "ipc://%s/nng", bench->home);
    if (pipe(pipes))
        return false;
    fcntl(pipes[0], F_SETFD, FD_CLOEXEC);
    fcntl(pipes[1], F_SETFD, FD_CLOEXEC);
    bench->nng_input = pipes[1];
    const char *const argv[] = {nng, url, NULL};
    bench->nng = launch(argv, NULL, pipes[0]);
    close(pipes[0]);
    return bench->nng > 0;
}

static bool start(struct bench *bench)
{
    char url[BENCH_PATH];
    if (!nng_start(bench) || !ours_open(&bench->ours, NULL))
        return false;
    /* A blocking dial fails until the peer listens: it does, ours took longer.
     */
    snprintf(url, sizeof(url), "ipc://%s/nng", bench->home);
    bench->client = nng_client_open(url);
    redis_open(&bench->redis, bench->home, false);
    return true;
}

static void stop(struct bench *bench)
{
    ours_close(&bench->ours);
    redis_close(&bench->redis);
    close(bench->nng_input);
    if (bench->nng > 0)
        waitpid(bench->nng, NULL, 0);
}

/* Under callgrind, and the actor too. */
static bool calls_only(struct bench *bench, const struct wish *wish)
{
    char option[BENCH_PATH + 64];
    snprintf(option, sizeof(option), "--callgrind-out-file=%s", wish->counted);
    const char *const runner[] = {"/usr/bin/valgrind", "-q", "--tool=callgrind",
                                  option, NULL};
    bool good = ours_open(&bench->ours, runner);
    if (good)
        ours_calls(&bench->ours, &bench->round, wish->calls);
    ours_close(&bench->ours);
    return good && bench->round.failed == 0;
}

static bool wish_read(int argc, char **argv, struct wish *ret)
{
    *ret = (struct wish){.seconds = 15};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            ret->json = true;
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            ret->seconds = strtod(argv[++i], NULL);
        else if (strcmp(argv[i], "--case") == 0 && i + 1 < argc)
            ret->only = argv[++i];
        else if (strcmp(argv[i], "--calls") == 0 && i + 2 < argc) {
            ret->calls = strtoull(argv[++i], NULL, 10);
            ret->counted = argv[++i];
        } else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct wish wish;
    if (!wish_read(argc, argv, &wish)) {
        fprintf(stderr, "usage: bench_bus [--seconds N] [--json] "
                        "[--case NAME]\n");
        return 2;
    }
    snprintf(bench.bin, sizeof(bench.bin), "%s", argv[0]);
    char *slash = strrchr(bench.bin, '/');
    if (slash)
        *slash = '\0';
    bench.round.samples = calloc(BENCH_SAMPLES, sizeof(uint32_t));
    sem_init(&bench.round.ended, 0, 0);
    folder_make(bench.home);
    bench.ours = (struct ours){.home = bench.home, .bin = bench.bin};
    bool good;
    if (wish.calls) {
        good = calls_only(&bench, &wish);
    } else {
        good = start(&bench);
        if (good)
            run(&bench, &wish);
        stop(&bench);
    }
    folder_remove(bench.home);
    free(bench.round.samples);
    fflush(stdout);
    if (wish.calls)
        return good ? 0 : 1;
    _exit(good ? 0 : 1); /* the peer's client leaves nng's threads */
}
