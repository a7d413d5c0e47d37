/* SPDX-License-Identifier: MIT
 *
 * From the streams to handlers. Each replica of an actor that consumes is a
 * member of its groups: it keeps partitions, hands their events to methods, a
 * lane's one after the other, tries again what failed, and puts among the dead
 * what failed too often. It only starts deliveries and hears how they ended;
 * which thread runs it is its owner's choice.
 */
#ifndef EVENTS_CONSUMER_H
#define EVENTS_CONSUMER_H

#include "actors/events/stream.h"

#define CONSUMER_ATTEMPTS 5
#define CONSUMER_BACKOFF (200 * BUS_MILLI)
#define CONSUMER_BACKOFF_MAX (30 * BUS_SECOND)
#define CONSUMER_TIMEOUT (30 * BUS_SECOND) /* of a method without one */

struct bus_reply;

/* One line below Consume: of the configuration. */
struct events_route {
    const char *pattern; /* its first word is literal */
    const char *method;
    const char *group;
    int32_t attempts;
    int64_t backoff_ns, backoff_max_ns;
    int64_t timeout_ns; /* of one attempt */
};

struct events_delivery {
    const struct events_route *route;
    const struct event *event;
    void *token; /* for consumer_answered */
};

struct consumer_options {
    const char *actor;
    const char *member; /* who we are, the same after a restart */
    const struct bus_clock *clock;
    const struct stream_options *stream;
    const struct events_route *routes; /* must outlive it */
    size_t count;
    unsigned flight; /* deliveries at once, at most */
    /* Starts one; must not block. Answered by consumer_answered, perhaps before
     * it returns. */
    void (*deliver)(void *arg, const struct events_delivery *delivery);
    void *arg;
};

struct consumer_stats {
    uint64_t handled; /* events done */
    uint64_t failed;  /* attempts */
    uint64_t dead;    /* events */
    uint64_t held;    /* fetched and not done */
    uint32_t parts;   /* of all groups */
    bool away;        /* the stream does not answer */
};

struct consumer;

int consumer_open(const struct consumer_options *options, struct consumer **ret,
                  struct bus_error *err);
/* Nothing may be running any more. */
void consumer_close(struct consumer *consumer);

/* Does what can be done now. 0: it did something; else when (monotonic ns) it
 * wants to be asked again. One thread. */
int64_t consumer_step(struct consumer *consumer);

/* How a delivery ended. Any thread. */
void consumer_answered(struct consumer *consumer, void *token,
                       const struct bus_reply *reply);

/* From now on nothing new is started. True once nothing runs and all that was
 * done is acknowledged, or the stream does not take it. Same thread as step. */
bool consumer_drain(struct consumer *consumer);

/* Frees the partitions for others, after draining. */
void consumer_leave(struct consumer *consumer);

/* Any thread. */
void consumer_stats(struct consumer *consumer, struct consumer_stats *ret);

#endif
