/* SPDX-License-Identifier: MIT
 *
 * Calls of ours: an echo actor, started as a plain process in a temporary home,
 * called with 100-byte texts. One in flight is a blocking call; more are
 * callbacks that start the next.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "bench.h"
#include "bus/frame.h"
#include "bus/names.h"
#include "bus/pack.h"
#include "echo.bus.h"

#define RUNNER_MAX 8
#define CALLS_IN_FLIGHT 64

/* What all callers of one run share. */
struct calling {
    struct bus *bus;
    struct round *round;
    _Atomic int64_t left; /* calls; unless the time decides */
    bool counted;
};

struct caller {
    struct calling *calling;
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

static bool goes_on(struct calling *calling, int64_t now)
{
    if (calling->counted)
        return atomic_fetch_sub(&calling->left, 1) > 0;
    return now < calling->round->until;
}

static void called(void *arg, const struct bus_reply *reply)
{
    struct caller *caller = arg;
    struct round *round = caller->calling->round;
    struct echo_Text answer = {0};
    int64_t now = bus_now(&bus_clock_system);
    scratch_begin();
    if (reply->error.code || bus_unpack_message(reply->body, &echo_Text_shape,
                                                &scratch.arena, &answer, NULL))
        atomic_fetch_add(&round->failed, 1);
    else
        round_note(round, now - caller->started);
    if (goes_on(caller->calling, now))
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
    bus_start(caller->calling->bus, &sent, called, caller);
}

static void many(struct calling *calling)
{
    struct round *round = calling->round;
    int count = round->in_flight;
    struct caller *callers = calloc((size_t)count, sizeof(*callers));
    if (!callers)
        abort();
    atomic_store(&round->running, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        callers[i].calling = calling;
        scratch_begin();
        call(&callers[i], bus_now(&bus_clock_system));
    }
    while (sem_wait(&round->ended))
        ;
    free(callers);
}

static void one(struct calling *calling)
{
    struct round *round = calling->round;
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    do {
        int64_t before = bus_now(&bus_clock_system);
        struct echo_Text request = {.text = text_100}, answer = {0};
        struct bus_call context = {
            .bus = calling->bus,
            .arena = &arena,
            .clock = &bus_clock_system,
            .deadline = before + 5 * BUS_SECOND,
        };
        memset(&context.meta.trace, 1, sizeof(context.meta.trace));
        if (bus_call(&context, NULL, &echo_say_method, &request, &answer))
            atomic_fetch_add(&round->failed, 1);
        round_note(round, bus_now(&bus_clock_system) - before);
        bus_arena_reset(&arena);
    } while (bus_now(&bus_clock_system) < round->until);
    bus_arena_release(&arena);
}

/* ---- Envelopes a frame ---- */

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

static struct traffic traffic(struct bus *bus)
{
    struct bus_arena arena;
    struct bus_reply reply;
    struct bus_request request = {.target = "echo", .method = "$stats"};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_wait(bus, &request, &arena, &reply);
    struct traffic now = {
        counter(reply.body, "server.frames_in"),
        counter(reply.body, "server.frames_out"),
        counter(reply.body, "server.requests"),
        counter(reply.body, "server.replies"),
    };
    bus_arena_release(&arena);
    return now;
}

void ours_round(struct ours *ours, struct round *round, struct figures *ret)
{
    struct calling calling = {.bus = ours->bus, .round = round};
    struct traffic before = traffic(ours->bus);
    if (round->in_flight == 1)
        one(&calling);
    else
        many(&calling);
    struct traffic after = traffic(ours->bus);
    if (after.frames_in > before.frames_in)
        ret->in = (after.requests - before.requests) /
                  (after.frames_in - before.frames_in);
    if (after.frames_out > before.frames_out)
        ret->out = (after.replies - before.replies) /
                   (after.frames_out - before.frames_out);
}

void ours_calls(struct ours *ours, struct round *round, uint64_t calls)
{
    struct calling calling = {.bus = ours->bus,
                              .round = round,
                              .counted = true,
                              .left = (int64_t)calls - CALLS_IN_FLIGHT};
    round->in_flight = CALLS_IN_FLIGHT;
    many(&calling);
}

/* ---- The actor ---- */

static bool launch_echo(struct ours *ours, const char *const *runner)
{
    char echo[BENCH_PATH + 16];
    const char *argv[RUNNER_MAX + 16];
    int count = 0;
    snprintf(echo, sizeof(echo), "%s/echo", ours->bin);
    for (; runner && runner[count] && count < RUNNER_MAX; count++)
        argv[count] = runner[count];
    const char *const own[] = {echo, "-f",        BENCH_CONFIG, "--instance",
                               "1",  "--home",    ours->home,   "--node",
                               "n1", "--workers", "2",          NULL};
    memcpy(argv + count, own, sizeof(own));
    ours->pid = launch(argv, NULL, -1);
    return ours->pid > 0;
}

bool ours_open(struct ours *ours, const char *const *runner)
{
    struct bus_error err;
    struct bus_options options = {.home = ours->home, .actor = "bench"};
    if (!launch_echo(ours, runner) || bus_open(&options, &ours->bus, &err))
        return false;
    uint64_t seen = 0;
    struct bus_name name;
    while (bus_names_list(bus_names(ours->bus), "echo", &name, 1) == 0) {
        if (waitpid(ours->pid, NULL, WNOHANG) != 0) {
            fprintf(stderr, "bench: the echo actor ended at its start\n");
            ours->pid = -1;
            return false;
        }
        seen = bus_names_wait(bus_names(ours->bus), seen, 1000);
    }
    return true;
}

void ours_close(struct ours *ours)
{
    bus_close(ours->bus);
    if (ours->pid <= 0)
        return;
    kill(ours->pid, SIGTERM);
    waitpid(ours->pid, NULL, 0);
}
