/* SPDX-License-Identifier: MIT
 *
 * Opening and closing a bus, and its ticker: one thread that sleeps until the
 * next deadline, redial, ping or parked call is due, on our own monotonic
 * clock. In the fixture there is no such thread: advancing the fake clock runs
 * the same tick.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/bus_internal.h"
#include "bus/callees.h"
#include "bus/client.h"
#include "bus/event_internal.h"
#include "bus/memory.h"
#include "bus/memory_internal.h"
#include "bus/wire.h"

/* ---- The ticker ---- */

void bus_tick_at(struct bus *bus, int64_t when)
{
    if (atomic_load_explicit(&bus->tick_at, memory_order_relaxed) <= when)
        return;
    pthread_mutex_lock(&bus->tick_lock);
    if (atomic_load(&bus->tick_at) > when) {
        atomic_store(&bus->tick_at, when);
        pthread_cond_signal(&bus->tick_changed);
    }
    pthread_mutex_unlock(&bus->tick_lock);
}

int64_t bus_tick(struct bus *bus)
{
    /* Whoever wants a tick from now on must ask anew. */
    atomic_store(&bus->tick_at, BUS_FOREVER);
    int64_t now = bus_now(bus->clock);
    int64_t wake = route_tick(bus, now);
    int64_t parked = attempts_unpark(bus, false);
    int64_t served = servers_tick(bus, now);
    if (parked < wake)
        wake = parked;
    if (served < wake)
        wake = served;
    bus_tick_at(bus, wake);
    bus_settle(bus);
    return wake;
}

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / BUS_SECOND,
                             .tv_nsec = ns % BUS_SECOND};
}

/* Waits until tick_at; that is on bus->clock, whose pace is the monotonic
 * clock's but whose zero may be another. */
static void ticker_wait(struct bus *bus)
{
    int64_t at = atomic_load(&bus->tick_at);
    if (at == BUS_FOREVER) {
        pthread_cond_wait(&bus->tick_changed, &bus->tick_lock);
        return;
    }
    int64_t left = at - bus_now(bus->clock);
    if (left <= 0)
        return;
    struct timespec until = timespec_of(bus_now(&bus_clock_system) + left);
    pthread_cond_timedwait(&bus->tick_changed, &bus->tick_lock, &until);
}

static void *ticker_run(void *arg)
{
    struct bus *bus = arg;
    pthread_mutex_lock(&bus->tick_lock);
    while (!bus->stop) {
        if (bus_now(bus->clock) < atomic_load(&bus->tick_at)) {
            ticker_wait(bus);
            continue;
        }
        pthread_mutex_unlock(&bus->tick_lock);
        bus_tick(bus);
        pthread_mutex_lock(&bus->tick_lock);
    }
    pthread_mutex_unlock(&bus->tick_lock);
    return NULL;
}

static void ticker_start(struct bus *bus)
{
    if (pthread_create(&bus->ticker, NULL, ticker_run, bus))
        abort();
    bus->ticking = true;
}

static void ticker_stop(struct bus *bus)
{
    if (!bus->ticking)
        return;
    pthread_mutex_lock(&bus->tick_lock);
    bus->stop = true;
    pthread_cond_signal(&bus->tick_changed);
    pthread_mutex_unlock(&bus->tick_lock);
    pthread_join(bus->ticker, NULL);
}

/* ---- A bus ---- */

static void names_heard(void *arg)
{
    struct bus *bus = arg;
    route_sync(bus);
    attempts_unpark(bus, true);
    events_sync(bus);
    bus_settle(bus);
}

static struct bus *bus_new(const struct bus_options *options)
{
    struct bus *bus = calloc(1, sizeof(*bus));
    if (!bus)
        abort();
    bus->memory = options->memory;
    bus->clock = options->clock ? options->clock : &bus_clock_system;
    if (bus->memory && !options->clock)
        bus->clock = bus_memory_clock(bus->memory);
    if (options->actor)
        strncpy(bus->actor, options->actor, sizeof(bus->actor) - 1);
    bus->callees = callees_new();
    atomic_init(&bus->tick_at, BUS_FOREVER);
    pthread_mutex_init(&bus->route_lock, NULL);
    pthread_mutex_init(&bus->park_lock, NULL);
    pthread_mutex_init(&bus->server_lock, NULL);
    pthread_mutex_init(&bus->event_lock, NULL);
    pthread_mutex_init(&bus->tick_lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&bus->tick_changed, &attr);
    pthread_condattr_destroy(&attr);
    return bus;
}

static void bus_free(struct bus *bus)
{
    pthread_mutex_destroy(&bus->route_lock);
    pthread_mutex_destroy(&bus->park_lock);
    pthread_mutex_destroy(&bus->server_lock);
    pthread_mutex_destroy(&bus->event_lock);
    pthread_mutex_destroy(&bus->tick_lock);
    pthread_cond_destroy(&bus->tick_changed);
    callees_free(bus->callees);
    clients_free(bus);
    free(bus);
}

static int open_real(struct bus *bus, const char *home, struct bus_error *err)
{
    struct bus_wire wire;
    int code = bus_home(home, bus->home, err);
    if (code == BUS_OK)
        code = bus_wire_read(bus->home, &wire, err);
    if (code == BUS_OK)
        code = bus_names_open(bus->home, &bus->names, err);
    if (code != BUS_OK)
        return code;
    bus->own_names = true;
    bus->net = link_net_stream(&wire);
    ticker_start(bus);
    return BUS_OK;
}

int bus_open(const struct bus_options *options, struct bus **ret,
             struct bus_error *err)
{
    struct bus *bus = bus_new(options);
    if (bus->memory) {
        bus->names = memory_names(bus->memory);
        bus->net = memory_net(bus->memory);
        memory_join(bus->memory, bus);
    } else {
        int code = open_real(bus, options->home, err);
        if (code != BUS_OK) {
            bus_free(bus);
            return code;
        }
    }
    bus_names_listen(bus->names, names_heard, bus);
    *ret = bus;
    return BUS_OK;
}

void bus_close(struct bus *bus)
{
    if (!bus)
        return;
    assert(!bus->servers); /* servers are closed first */
    bus_names_unlisten(bus->names, bus);
    ticker_stop(bus);
    if (bus->memory)
        memory_leave(bus->memory, bus);
    bus->closing = true;
    route_close(bus);
    attempts_end(bus);
    bus_settle(bus);
    /* Links that are being closed still poke the names; what hangs in nng may
     * call back later: then the bus stays. */
    if (!bus->memory && !bus->net->carrier->net_close(bus->net))
        return;
    if (bus->own_names)
        bus_names_close(bus->names);
    bus_free(bus);
}

struct bus_names *bus_names(struct bus *bus)
{
    return bus->names;
}

const struct bus_clock *bus_clock(struct bus *bus)
{
    return bus->clock;
}

void bus_settle(struct bus *bus)
{
    if (bus->memory)
        memory_settle(bus->memory);
}
