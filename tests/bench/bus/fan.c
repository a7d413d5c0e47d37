/* SPDX-License-Identifier: MIT
 *
 * The actor publishes bursts of live events, each heard by FAN_SUBSCRIBERS
 * subscriptions of this process; the next burst is asked for when all of the
 * one before were heard, or told as lost.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "bus/event.h"
#include "echo.bus.h"

#define BURST 500
#define READY_MS 5000

struct fan {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t heard, lost;
};

static void heard(void *arg, const struct bus_event *event)
{
    struct fan *fan = arg;
    pthread_mutex_lock(&fan->lock);
    fan->heard++;
    fan->lost += event->lost;
    pthread_cond_signal(&fan->changed);
    pthread_mutex_unlock(&fan->lock);
}

/* The last of a burst may be lost itself: then nothing tells so, and the wait
 * ends after a second. */
static void burst_wait(struct fan *fan, uint64_t until)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec++;
    int rc = 0;
    pthread_mutex_lock(&fan->lock);
    while (fan->heard + fan->lost < until && rc == 0)
        rc = pthread_cond_timedwait(&fan->changed, &fan->lock, &end);
    if (fan->heard + fan->lost < until)
        fan->lost = until - fan->heard;
    pthread_mutex_unlock(&fan->lock);
}

static bool burst(struct ours *ours)
{
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    struct bus_call call = {
        .bus = ours->bus,
        .arena = &arena,
        .clock = &bus_clock_system,
        .deadline = bus_now(&bus_clock_system) + 5 * BUS_SECOND,
    };
    const struct echo_Burst request = {.count = BURST};
    struct echo_Done done = {0};
    int code = bus_call(&call, NULL, &echo_tell_method, &request, &done);
    if (code)
        fprintf(stderr, "bench: no events: %s\n", call.error.sentence);
    bus_arena_release(&arena);
    return code == BUS_OK;
}

bool fan_round(struct ours *ours, double seconds, struct fan_figures *ret)
{
    struct fan fan = {.lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    struct bus_subscription *subs[FAN_SUBSCRIBERS] = {NULL};
    struct bus_error err;
    bool good = true;
    for (int i = 0; good && i < FAN_SUBSCRIBERS; i++)
        good =
            !bus_subscribe(ours->bus, "bench.*", heard, &fan, &subs[i], &err) &&
            bus_subscription_ready(subs[i], READY_MS);
    int64_t start = bus_now(&bus_clock_system);
    int64_t until = start + (int64_t)(seconds * 1e9);
    for (uint64_t n = 1; good && bus_now(&bus_clock_system) < until; n++) {
        good = burst(ours);
        if (good)
            burst_wait(&fan, n * BURST * FAN_SUBSCRIBERS);
    }
    double took = (double)(bus_now(&bus_clock_system) - start) / 1e9;
    for (int i = 0; i < FAN_SUBSCRIBERS; i++)
        if (subs[i])
            bus_unsubscribe(subs[i]);
    *ret = (struct fan_figures){(double)fan.heard / took, fan.lost};
    return good;
}
