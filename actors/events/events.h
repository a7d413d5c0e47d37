/* SPDX-License-Identifier: MIT
 *
 * What a process has of durable events: a relay where its actor has a store, a
 * consumer where it consumes, a thread for each. In a test there are no threads
 * and events_step is called.
 */
#ifndef EVENTS_EVENTS_H
#define EVENTS_EVENTS_H

#include "actors/events/consumer.h"
#include "actors/events/relay.h"

struct events_options {
    const char *actor;
    const char *member; /* the instance, the same after a restart */
    const struct bus_clock *clock;
    struct stream_options stream; /* its texts must outlive the events */
    struct store_shared *store;   /* NULL: nothing to relay */
    int64_t keep_ns;
    const struct events_route *routes;
    size_t count; /* 0: nothing to consume */
    unsigned flight;
    void (*deliver)(void *arg, const struct events_delivery *delivery);
    void *arg;
    bool threads; /* false: events_step */
};

struct events;

int events_open(const struct events_options *options, struct events **ret,
                struct bus_error *err);

/* Starts the threads, once deliveries can be taken. */
void events_start(struct events *events);

/* Starts nothing new, waits for what runs until the deadline (monotonic ns),
 * acknowledges it and gives up the partitions; ends the threads. */
void events_stop(struct events *events, int64_t deadline);

/* After events_stop, and when nobody can answer any more. */
void events_close(struct events *events);

/* A handler's events are committed. Any thread. */
void events_poke(struct events *events);

/* How a delivery ended. Any thread. */
void events_answered(struct events *events, void *token,
                     const struct bus_reply *reply);

/* Without threads: does what can be done; 0, or when to come again. */
int64_t events_step(struct events *events);

/* Appends one map of counters; nil where there is nothing to count. */
void events_stats_pack(struct events *events, struct bus_buf *buf);

/* dead.h, for this actor. */
int events_dead(struct events *events, struct bus_bytes request,
                struct bus_buf *answer, struct bus_error *err);

#endif
