/* SPDX-License-Identifier: MIT
 *
 * Two threads that step, sleep until the next step is due, and are woken.
 */
#include "actors/events/events.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include "actors/events/dead.h"
#include "actors/store/wait.h"
#include "bus/code.h"
#include "bus/pack.h"

#define DRAIN_PAUSE (5 * BUS_MILLI)

struct sleeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool runs, woken, stop;
    int64_t deadline; /* of stopping */
};

struct events {
    struct events_options options;
    struct relay *relay;       /* NULL: none */
    struct consumer *consumer; /* NULL: none */
    struct sleeper relaying, consuming;
};

/* ---- sleeping ---- */

static void sleeper_init(struct sleeper *sleeper)
{
    pthread_mutex_init(&sleeper->lock, NULL);
    wait_init(&sleeper->changed);
}

static void sleeper_release(struct sleeper *sleeper)
{
    pthread_cond_destroy(&sleeper->changed);
    pthread_mutex_destroy(&sleeper->lock);
}

static void wake(struct sleeper *sleeper)
{
    pthread_mutex_lock(&sleeper->lock);
    sleeper->woken = true;
    pthread_cond_signal(&sleeper->changed);
    pthread_mutex_unlock(&sleeper->lock);
}

/* Until then, or until woken. False: it is to stop. */
static bool sleep_until(struct sleeper *sleeper, int64_t until)
{
    pthread_mutex_lock(&sleeper->lock);
    while (!sleeper->woken && !sleeper->stop && until &&
           wait_until(&sleeper->changed, &sleeper->lock, until))
        ;
    sleeper->woken = false;
    bool goes_on = !sleeper->stop;
    pthread_mutex_unlock(&sleeper->lock);
    return goes_on;
}

static void sleeper_start(struct sleeper *sleeper, void *(*run)(void *arg),
                          void *arg)
{
    if (pthread_create(&sleeper->thread, NULL, run, arg) != 0)
        abort();
    sleeper->runs = true;
}

static void sleeper_stop(struct sleeper *sleeper, int64_t deadline)
{
    pthread_mutex_lock(&sleeper->lock);
    sleeper->stop = true;
    sleeper->deadline = deadline;
    pthread_cond_signal(&sleeper->changed);
    pthread_mutex_unlock(&sleeper->lock);
    if (sleeper->runs)
        pthread_join(sleeper->thread, NULL);
    sleeper->runs = false;
}

/* ---- threads ---- */

static void *relay_main(void *arg)
{
    struct events *events = arg;
    while (sleep_until(&events->relaying, relay_step(events->relay)))
        ;
    return NULL;
}

static void drain(struct events *events)
{
    struct sleeper *sleeper = &events->consuming;
    while (!consumer_drain(events->consumer)) {
        int64_t now = bus_now(&bus_clock_system);
        if (now >= sleeper->deadline)
            return;
        pthread_mutex_lock(&sleeper->lock);
        if (!sleeper->woken)
            wait_until(&sleeper->changed, &sleeper->lock, now + DRAIN_PAUSE);
        sleeper->woken = false;
        pthread_mutex_unlock(&sleeper->lock);
    }
    consumer_leave(events->consumer);
}

static void *consumer_main(void *arg)
{
    struct events *events = arg;
    while (sleep_until(&events->consuming, consumer_step(events->consumer)))
        ;
    drain(events);
    return NULL;
}

/* ---- life ---- */

static int relay_make(struct events *events, struct bus_error *err)
{
    const struct events_options *options = &events->options;
    const struct relay_options relay = {.store = options->store,
                                        .member = options->member,
                                        .clock = options->clock,
                                        .stream = &options->stream,
                                        .poll_ns =
                                            options->threads ? RELAY_POLL : 0,
                                        .keep_ns = options->keep_ns};
    return options->store ? relay_open(&relay, &events->relay, err) : BUS_OK;
}

static int consumer_make(struct events *events, struct bus_error *err)
{
    const struct events_options *options = &events->options;
    const struct consumer_options consumer = {.actor = options->actor,
                                              .member = options->member,
                                              .clock = options->clock,
                                              .stream = &options->stream,
                                              .routes = options->routes,
                                              .count = options->count,
                                              .flight = options->flight,
                                              .deliver = options->deliver,
                                              .arg = options->arg};
    return options->count ? consumer_open(&consumer, &events->consumer, err)
                          : BUS_OK;
}

int events_open(const struct events_options *options, struct events **ret,
                struct bus_error *err)
{
    struct events *events = calloc(1, sizeof(*events));
    if (!events)
        abort();
    events->options = *options;
    sleeper_init(&events->relaying);
    sleeper_init(&events->consuming);
    int code = relay_make(events, err);
    if (!code)
        code = consumer_make(events, err);
    if (code) {
        events_close(events);
        return code;
    }
    *ret = events;
    return BUS_OK;
}

void events_start(struct events *events)
{
    if (!events || !events->options.threads)
        return;
    if (events->relay)
        sleeper_start(&events->relaying, relay_main, events);
    if (events->consumer)
        sleeper_start(&events->consuming, consumer_main, events);
}

void events_stop(struct events *events, int64_t deadline)
{
    if (!events)
        return;
    sleeper_stop(&events->consuming, deadline);
    sleeper_stop(&events->relaying, deadline);
}

void events_close(struct events *events)
{
    if (!events)
        return;
    assert(!events->relaying.runs && !events->consuming.runs);
    relay_close(events->relay);
    consumer_close(events->consumer);
    sleeper_release(&events->relaying);
    sleeper_release(&events->consuming);
    free(events);
}

void events_poke(struct events *events)
{
    if (!events || !events->relay)
        return;
    relay_poke(events->relay);
    wake(&events->relaying);
}

void events_answered(struct events *events, void *token,
                     const struct bus_reply *reply)
{
    consumer_answered(events->consumer, token, reply);
    wake(&events->consuming);
}

int64_t events_step(struct events *events)
{
    int64_t relay = BUS_FOREVER, consumer = BUS_FOREVER;
    if (events->relay)
        relay = relay_step(events->relay);
    if (events->consumer)
        consumer = consumer_step(events->consumer);
    return relay < consumer ? relay : consumer;
}

/* ---- what is asked ---- */

void events_stats_pack(struct events *events, struct bus_buf *buf)
{
    struct relay_stats relay = {0};
    struct consumer_stats consumer = {0};
    if (!events) {
        bus_pack_nil(buf);
        return;
    }
    if (events->relay)
        relay_stats(events->relay, &relay);
    if (events->consumer)
        consumer_stats(events->consumer, &consumer);
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"outbox", relay.backlog},      {"relayed", relay.relayed},
        {"handled", consumer.handled},  {"failed", consumer.failed},
        {"dead", consumer.dead},        {"held", consumer.held},
        {"partitions", consumer.parts}, {"away", relay.away || consumer.away},
    };
    const size_t count = sizeof(counters) / sizeof(*counters);
    bus_pack_map(buf, count);
    for (size_t i = 0; i < count; i++) {
        bus_pack_text(buf, counters[i].name);
        bus_pack_uint(buf, counters[i].value);
    }
}

int events_dead(struct events *events, struct bus_bytes request,
                struct bus_buf *answer, struct bus_error *err)
{
    return dead_answer(&events->options.stream, events->options.actor, request,
                       answer, err);
}
