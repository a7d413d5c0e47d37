/* SPDX-License-Identifier: MIT
 *
 * A caller that stays: caller HOME THREADS. Each thread calls user.getUser one
 * after the other, never tried again by the bus, until SIGTERM; every call
 * writes a line "START END CODE", Unix time in ms and the code's name.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/call.h"
#include "bus/pack.h"

#define TIMEOUT_MS 2000
#define THREADS_MAX 64
#define PAUSE_NS 2000000 /* between two calls of a thread */

static volatile sig_atomic_t stopping;
static struct bus *bus;
static struct bus_bytes body;

static void on_term(int signo)
{
    (void)signo;
    stopping = 1;
}

static long long wall_ms(void)
{
    return (long long)(bus_wall(&bus_clock_system) / 1000);
}

static void call_once(struct bus_arena *arena)
{
    struct bus_reply reply;
    const struct bus_request request = {
        .target = "user",
        .method = "getUser",
        .deadline = bus_now(&bus_clock_system) + TIMEOUT_MS * BUS_MILLI,
        .body = body,
    };
    long long start = wall_ms();
    int code = bus_wait(bus, &request, arena, &reply);
    printf("%lld %lld %s\n", start, wall_ms(), bus_code_name(code));
    fflush(stdout);
    bus_arena_reset(arena);
}

static void *caller_run(void *arg)
{
    struct bus_arena arena;
    (void)arg;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    while (!stopping) {
        call_once(&arena);
        /* A steady load, not a bench: awaits nothing. */
        struct timespec pause = {0, PAUSE_NS};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    bus_arena_release(&arena);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX];
    struct bus_error err;
    struct bus_buf packed;
    if (argc != 3)
        return 2;
    long count = strtol(argv[2], NULL, 10);
    if (count < 1 || count > THREADS_MAX)
        return 2;
    const struct bus_options options = {.home = argv[1], .actor = "caller"};
    if (bus_open(&options, &bus, &err)) {
        fprintf(stderr, "%s\n", err.sentence);
        return 1;
    }
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    bus_buf_init(&packed, 256);
    bus_pack_map(&packed, 1);
    bus_pack_text(&packed, "id");
    bus_pack_text(&packed, "1");
    body = bus_buf_bytes(&packed);
    for (long i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, caller_run, NULL))
            abort();
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    bus_close(bus);
    bus_buf_release(&packed);
    return 0;
}
