/* SPDX-License-Identifier: MIT
 *
 * Live events over nng pub/sub: every instance publishes at its own address,
 * and to other nodes where they call it; subscribers follow all names. They may
 * be lost; sequence numbers a publisher make the gap countable. Topics are
 * dotted words ("user.registered"); patterns take '*' for one word and a last
 * '>' for one or more.
 */
#ifndef BUS_EVENT_H
#define BUS_EVENT_H

#include "bus/call.h"

#define BUS_TOPIC_MAX 128
#define BUS_OUTBOX_MAX 1024 /* events of one handler */

struct bus_event {
    const char *topic;
    const char *actor, *instance; /* who published */
    uint64_t sequence;            /* of that incarnation, from 1 */
    uint64_t lost;                /* events of it missed just before this one */
    struct bus_trace trace;
    int64_t time;          /* Unix time, us */
    struct bus_bytes body; /* one msgpack value */
};

typedef void bus_heard(void *arg, const struct bus_event *event);

struct bus_subscription;

/* True if a topic matches a pattern. */
bool bus_topic_match(const char *pattern, const char *topic);
bool bus_topic_valid(const char *topic);
/* A topic in which words may be '*' and the last may be '>'. */
bool bus_pattern_valid(const char *pattern);

/* Follows every instance that publishes, now and later. heard runs on one
 * thread of the subscription; in memory, in the one that published. */
int bus_subscribe(struct bus *bus, const char *pattern, bus_heard *heard,
                  void *arg, struct bus_subscription **ret,
                  struct bus_error *err);
/* Waits until every publisher now named is connected; false on time-out. */
bool bus_subscription_ready(struct bus_subscription *sub, int timeout_ms);
void bus_unsubscribe(struct bus_subscription *sub);

/* From a handler: kept in the call's outbox until it succeeded and its
 * transaction is committed, then published by the runtime. */
int bus_publish(struct bus_call *call, const char *topic,
                const struct bus_shape *shape, const void *message);

/* One event of an outbox, oldest first. */
struct bus_outbox {
    const char *topic;
    struct bus_bytes body;
    struct bus_outbox *next;
};

#endif
