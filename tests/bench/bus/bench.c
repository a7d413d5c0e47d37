/* SPDX-License-Identifier: MIT
 *
 * ops/bench bus: an echo actor, started as a plain process in a temporary home,
 * called with 100-byte texts at 1, 64 and 1,024 in flight; plain nng beside it,
 * in short rounds that alternate, of which the medians are printed. Usage:
 * bench_bus [--seconds N] [--json] [--case echo-1024]
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "bus/frame.h"
#include "bus/names.h"
#include "bus/pack.h"
#include "echo.bus.h"
#include "tests/unit/bus/folder.h"

#define ROUNDS 5
#define PATH 1024

extern char **environ;

struct figures {
    double rate;
    double p50_us, p99_us;
    double cpu_us; /* of both processes, a call */
    double in, out; /* envelopes a frame, requests and replies */
};

struct bench {
    char home[FOLDER_MAX];
    char bin[PATH];
    pid_t echo, nng;
    int nng_input;
    struct bus *bus;
    struct nng_client *client;
    struct round round;
};

/* ---- Ours ---- */

struct caller {
    struct bench *bench;
    int64_t started;
};

/* A callback is over before the next one on its thread begins: one arena and
 * one buffer a thread serve all callers. */
static _Thread_local struct {
    bool ready;
    struct bus_arena arena;
    struct bus_buf body;
} scratch;

static void scratch_begin(void)
{
    if (!scratch.ready) {
        bus_arena_init(&scratch.arena, BUS_ARENA_LIMIT);
        bus_buf_init(&scratch.body, 4096);
        scratch.ready = true;
    }
    bus_arena_reset(&scratch.arena);
    bus_buf_reset(&scratch.body);
}

static const char text_100[] =
    "0123456789012345678901234567890123456789012345678901234567890123456789"
    "01234567890123456789012";

static void call(struct caller *caller, int64_t now);

static void called(void *arg, const struct bus_reply *reply)
{
    struct caller *caller = arg;
    struct round *round = &caller->bench->round;
    struct echo_Text answer = {0};
    int64_t now = bus_now(&bus_clock_system);
    scratch_begin();
    if (reply->error.code || bus_unpack_message(reply->body, &echo_Text_shape,
                                                &scratch.arena, &answer, NULL))
        atomic_fetch_add(&round->failed, 1);
    else
        round_note(round, now - caller->started);
    if (now < round->until)
        call(caller, now);
    else
        round_leave(round);
}

static void call(struct caller *caller, int64_t now)
{
    struct echo_Text request = {.text = text_100};
    bus_pack_message(&scratch.body, &echo_Text_shape, &request);
    caller->started = now;
    struct bus_request sent = {
        .target = "echo",
        .method = echo_say_method.name,
        .deadline = caller->started + 5 * BUS_SECOND,
        .flags = echo_say_method.flags,
        .body = bus_buf_bytes(&scratch.body),
    };
    memset(&sent.meta.trace, 1, sizeof(sent.meta.trace));
    bus_start(caller->bench->bus, &sent, called, caller);
}

static void many(struct bench *bench)
{
    int count = bench->round.in_flight;
    struct caller *callers = calloc((size_t)count, sizeof(*callers));
    if (!callers)
        abort();
    atomic_store(&bench->round.running, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        callers[i].bench = bench;
        scratch_begin();
        call(&callers[i], bus_now(&bus_clock_system));
    }
    while (sem_wait(&bench->round.ended))
        ;
    free(callers);
}

static void one(struct bench *bench)
{
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    do {
        int64_t before = bus_now(&bus_clock_system);
        struct echo_Text request = {.text = text_100}, answer = {0};
        struct bus_call context = {
            .bus = bench->bus,
            .arena = &arena,
            .clock = &bus_clock_system,
            .deadline = before + 5 * BUS_SECOND,
        };
        memset(&context.meta.trace, 1, sizeof(context.meta.trace));
        if (bus_call(&context, NULL, &echo_say_method, &request, &answer))
            atomic_fetch_add(&bench->round.failed, 1);
        round_note(&bench->round, bus_now(&bus_clock_system) - before);
        bus_arena_reset(&arena);
    } while (bus_now(&bus_clock_system) < bench->round.until);
    bus_arena_release(&arena);
}

struct traffic {
    double frames_in, frames_out, requests, replies;
};

static double counter(struct bus_bytes stats, const char *path)
{
    struct bus_bytes value;
    uint64_t number = 0;
    if (bus_pack_find(stats, path, &value)) {
        struct bus_unpack in = bus_unpack_open(value);
        bus_unpack_uint(&in, &number);
    }
    return (double)number;
}

static struct traffic traffic(struct bench *bench)
{
    struct bus_arena arena;
    struct bus_reply reply;
    struct bus_request request = {.target = "echo", .method = "$stats"};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_wait(bench->bus, &request, &arena, &reply);
    struct traffic now = {
        counter(reply.body, "server.frames_in"),
        counter(reply.body, "server.frames_out"),
        counter(reply.body, "server.requests"),
        counter(reply.body, "server.replies"),
    };
    bus_arena_release(&arena);
    return now;
}

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

static struct figures one_round(struct bench *bench, int in_flight, double s,
                                bool ours)
{
    struct round *round = &bench->round;
    struct traffic before = {0}, after = {0};
    round->calls = round->failed = 0;
    round->in_flight = in_flight;
    if (ours)
        before = traffic(bench);
    pid_t other = ours ? bench->echo : bench->nng;
    int64_t used = cpu_used(other);
    int64_t start = bus_now(&bus_clock_system);
    round->until = start + (int64_t)(s * 1e9);
    if (!ours)
        nng_client_round(bench->client, round);
    else if (in_flight == 1)
        one(bench);
    else
        many(bench);
    double took = (double)(bus_now(&bus_clock_system) - start) / 1e9;
    used = cpu_used(other) - used;
    if (ours)
        after = traffic(bench);
    uint64_t calls = round->calls;
    size_t kept = calls < BENCH_SAMPLES ? (size_t)calls : BENCH_SAMPLES;
    qsort(round->samples, kept, sizeof(uint32_t), by_number);
    if (round->failed)
        fprintf(stderr, "bench: %llu calls failed\n",
                (unsigned long long)round->failed);
    struct figures got = {.rate = (double)calls / took};
    if (kept) {
        got.cpu_us = (double)used / 1000 / (double)calls;
        got.p50_us = round->samples[kept / 2] / 10.0;
        got.p99_us = round->samples[kept * 99 / 100] / 10.0;
    }
    if (after.frames_in > before.frames_in)
        got.in = (after.requests - before.requests) /
                 (after.frames_in - before.frames_in);
    if (after.frames_out > before.frames_out)
        got.out = (after.replies - before.replies) /
                  (after.frames_out - before.frames_out);
    return got;
}

static void report(int in_flight, const struct figures *ours,
                   const struct figures *peer, bool json)
{
    double ratio = ours->rate / peer->rate;
    if (json) {
        printf("  {\"bench\": \"bus\", \"case\": \"echo-%d\", \"peer\": "
               "\"nng\", \"value\": %.0f, \"unit\": \"calls/s\", \"ratio\": "
               "%.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"peer_value\": "
               "%.0f, \"peer_p50_us\": %.1f, \"peer_p99_us\": %.1f, "
               "\"requests_per_frame\": %.1f, \"replies_per_frame\": "
               "%.1f, \"cpu_us\": %.2f, \"peer_cpu_us\": %.2f}",
               in_flight, ours->rate, ratio, ours->p50_us, ours->p99_us,
               peer->rate, peer->p50_us, peer->p99_us, ours->in, ours->out,
               ours->cpu_us, peer->cpu_us);
        return;
    }
    printf("echo-%-5d %10.0f %8.1f %8.1f %11.0f %8.1f %8.1f %7.2f %8.1f "
           "%8.1f %7.2f %7.2f\n",
           in_flight, ours->rate, ours->p50_us, ours->p99_us, peer->rate,
           peer->p50_us, peer->p99_us, ratio, ours->in, ours->out,
           ours->cpu_us, peer->cpu_us);
}

struct wish {
    double seconds;
    bool json;
    const char *only; /* "echo-64"; NULL: all cases */
};

static const int cases[] = {1, 64, 1024}; /* in flight */
#define CASES ((int)(sizeof(cases) / sizeof(cases[0])))

static bool wanted(const struct wish *wish, int in_flight)
{
    char name[32];
    snprintf(name, sizeof(name), "echo-%d", in_flight);
    return !wish->only || strcmp(wish->only, name) == 0;
}

static void run(struct bench *bench, const struct wish *wish)
{
    bool json = wish->json, first = true;
    double each = wish->seconds / ((wish->only ? 1 : CASES) * ROUNDS * 2);
    if (json)
        puts("[");
    else
        printf("case       troupe/s    p50us    p99us       nng/s    p50us    "
               "p99us   ratio  req/frm  rep/frm   cpu us nng cpu\n");
    for (int c = 0; c < CASES; c++) {
        if (!wanted(wish, cases[c]))
            continue;
        struct figures ours[ROUNDS], peer[ROUNDS];
        one_round(bench, cases[c], 0.1, true); /* connects, warms up */
        one_round(bench, cases[c], 0.1, false);
        for (int i = 0; i < ROUNDS; i++) {
            ours[i] = one_round(bench, cases[c], each, true);
            peer[i] = one_round(bench, cases[c], each, false);
        }
        qsort(ours, ROUNDS, sizeof(ours[0]), by_rate);
        qsort(peer, ROUNDS, sizeof(peer[0]), by_rate);
        if (json && !first)
            puts(",");
        first = false;
        report(cases[c], &ours[ROUNDS / 2], &peer[ROUNDS / 2], json);
    }
    if (json)
        puts("\n]");
}

/* ---- Processes ---- */

static pid_t launch(const char *const *argv, int input)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    if (input >= 0)
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    int rc = posix_spawn(&pid, argv[0], &actions, NULL,
                         (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc) {
        fprintf(stderr, "bench: cannot start %s: %s\n", argv[0], strerror(rc));
        return -1;
    }
    return pid;
}

static bool start(struct bench *bench)
{
    static char echo[PATH + 16], nng[PATH + 16], url[PATH];
    int pipes[2];
    struct bus_error err;
    snprintf(echo, sizeof(echo), "%s/echo", bench->bin);
    snprintf(nng, sizeof(nng), "%s/bench_nng", bench->bin);
    snprintf(url, sizeof(url), "ipc://%s/nng", bench->home);
    if (pipe(pipes))
        return false;
    fcntl(pipes[0], F_SETFD, FD_CLOEXEC);
    fcntl(pipes[1], F_SETFD, FD_CLOEXEC);
    bench->nng_input = pipes[1];
    const char *nng_argv[] = {nng, url, NULL};
    const char *echo_argv[] = {echo, "-f",        BENCH_CONFIG, "--instance",
                               "1",  "--home",    bench->home,  "--node",
                               "n1", "--workers", "2",          NULL};
    bench->nng = launch(nng_argv, pipes[0]);
    bench->echo = launch(echo_argv, -1);
    close(pipes[0]);
    struct bus_options options = {.home = bench->home, .actor = "bench"};
    if (bench->nng < 0 || bench->echo < 0 ||
        bus_open(&options, &bench->bus, &err))
        return false;
    uint64_t seen = 0;
    struct bus_name name;
    while (bus_names_list(bus_names(bench->bus), "echo", &name, 1) == 0) {
        if (waitpid(bench->echo, NULL, WNOHANG) != 0) {
            fprintf(stderr, "bench: the echo actor ended at its start\n");
            bench->echo = -1;
            return false;
        }
        seen = bus_names_wait(bus_names(bench->bus), seen, 1000);
    }
    /* A blocking dial fails until the peer listens. */
    bench->client = nng_client_open(url);
    return true;
}

static void stop(struct bench *bench)
{
    bus_close(bench->bus);
    close(bench->nng_input);
    if (bench->echo > 0) {
        kill(bench->echo, SIGTERM);
        waitpid(bench->echo, NULL, 0);
    }
    if (bench->nng > 0)
        waitpid(bench->nng, NULL, 0);
    folder_remove(bench->home);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct wish wish = {.seconds = 15};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            wish.json = true;
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            wish.seconds = strtod(argv[++i], NULL);
        else if (strcmp(argv[i], "--case") == 0 && i + 1 < argc)
            wish.only = argv[++i];
        else {
            fprintf(stderr, "usage: bench_bus [--seconds N] [--json] "
                            "[--case NAME]\n");
            return 2;
        }
    }
    snprintf(bench.bin, sizeof(bench.bin), "%s", argv[0]);
    char *slash = strrchr(bench.bin, '/');
    if (slash)
        *slash = '\0';
    bench.round.samples = calloc(BENCH_SAMPLES, sizeof(uint32_t));
    sem_init(&bench.round.ended, 0, 0);
    folder_make(bench.home);
    bool started = start(&bench);
    if (started)
        run(&bench, &wish);
    stop(&bench);
    free(bench.round.samples);
    fflush(stdout);
    _exit(started ? 0 : 1); /* the peer's client leaves nng's threads */
}
