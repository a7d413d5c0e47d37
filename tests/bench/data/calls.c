/* SPDX-License-Identifier: MIT
 *
 * Ours as a user runs it: the finder actor, started by `bus up` in a home of
 * its own, called over the bus by one client that keeps CALLS in flight. A
 * round times each call.
 */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/pack.h"
#include "data.h"
#include "finder.bus.h"

#define CALLS 64
#define CALL_NS (10 * BUS_SECOND)
#define WARM_NS (50 * BUS_MILLI)

struct caller {
    struct calls *calls;
    int64_t started, id;
    struct bus_arena arena;
    struct bus_buf body;
};

struct calls {
    struct bus *bus;
    struct caller callers[CALLS];
    sem_t ended;
    atomic_uint running;
    _Atomic uint64_t turn, done;
    int64_t until;
    uint32_t *samples;
};

static void die(const char *what, const struct bus_error *err)
{
    fprintf(stderr, "finder: %s: %s\n", what, err->sentence);
    exit(1);
}

static void fill(struct calls *calls)
{
    struct bus_call call = {.bus = calls->bus,
                            .arena = &calls->callers[0].arena,
                            .clock = &bus_clock_system,
                            .deadline = bus_now(&bus_clock_system) + CALL_NS};
    const struct finder_Count rows = {BENCH_ROWS};
    struct finder_Count filled;
    memset(&call.meta.trace, 1, sizeof(call.meta.trace));
    if (bus_finder_fill(&call, &rows, &filled))
        die("fill", &call.error);
    bus_arena_reset(call.arena);
}

static void call(struct caller *caller);

static void called(void *arg, const struct bus_reply *reply)
{
    struct caller *caller = arg;
    struct calls *calls = caller->calls;
    struct finder_User user = {0};
    int64_t now = bus_now(&bus_clock_system);
    if (reply->error.code)
        die("find", &reply->error);
    if (bus_unpack_message(reply->body, &finder_User_shape, &caller->arena,
                           &user, NULL) ||
        user.score != caller->id * 3)
        abort();
    uint64_t nth = atomic_fetch_add(&calls->done, 1);
    calls->samples[nth % BENCH_SAMPLES] =
        (uint32_t)((now - caller->started) / 10);
    bus_arena_reset(&caller->arena);
    if (now < calls->until)
        call(caller);
    else if (atomic_fetch_sub(&calls->running, 1) == 1)
        sem_post(&calls->ended);
}

static void call(struct caller *caller)
{
    caller->id = bench_id(atomic_fetch_add(&caller->calls->turn, 1));
    const struct finder_Id id = {caller->id};
    bus_buf_reset(&caller->body);
    bus_pack_message(&caller->body, &finder_Id_shape, &id);
    caller->started = bus_now(&bus_clock_system);
    struct bus_request request = {
        .target = "finder",
        .method = finder_find_method.name,
        .deadline = caller->started + CALL_NS,
        .flags = finder_find_method.flags,
        .body = bus_buf_bytes(&caller->body),
    };
    memset(&request.meta.trace, 1, sizeof(request.meta.trace));
    bus_start(caller->calls->bus, &request, called, caller);
}

uint64_t calls_find(void *lane, int64_t until, uint32_t *samples)
{
    struct calls *calls = lane;
    calls->until = until;
    calls->samples = samples;
    atomic_store(&calls->done, 0);
    atomic_store(&calls->running, CALLS);
    for (int i = 0; i < CALLS; i++)
        call(&calls->callers[i]);
    bus_flush(calls->bus);
    while (sem_wait(&calls->ended))
        ;
    return atomic_load(&calls->done);
}

/* Each row once, so that a cache has it. */
static void warm(struct calls *calls)
{
    uint32_t *samples = calloc(BENCH_SAMPLES, sizeof(*samples));
    uint64_t done = 0;
    if (!samples)
        abort();
    while (done < BENCH_ROWS)
        done +=
            calls_find(calls, bus_now(&bus_clock_system) + WARM_NS, samples);
    free(samples);
}

struct calls *calls_open(const char *home)
{
    const struct bus_options options = {.home = home, .actor = "bench"};
    struct bus_error err = {0};
    struct calls *calls = calloc(1, sizeof(*calls));
    if (!calls)
        abort();
    if (bus_open(&options, &calls->bus, &err))
        die("bus", &err);
    sem_init(&calls->ended, 0, 0);
    for (int i = 0; i < CALLS; i++) {
        calls->callers[i].calls = calls;
        bus_arena_init(&calls->callers[i].arena, BUS_ARENA_LIMIT);
        bus_buf_init(&calls->callers[i].body, 4096);
    }
    fill(calls);
    warm(calls);
    return calls;
}

void calls_close(struct calls *calls)
{
    bus_close(calls->bus);
    for (int i = 0; i < CALLS; i++) {
        bus_arena_release(&calls->callers[i].arena);
        bus_buf_release(&calls->callers[i].body);
    }
    sem_destroy(&calls->ended);
    free(calls);
}
