/* SPDX-License-Identifier: MIT
 *
 * Internal to the consumer: one group's reading of one word's streams.
 */
#ifndef EVENTS_SUBSCRIPTION_H
#define EVENTS_SUBSCRIPTION_H

#include <pthread.h>
#include <stdatomic.h>

#include "actors/events/consumer.h"
#include "actors/events/window.h"

#define SUBSCRIPTION_TEND BUS_SECOND /* between two signs of life */
#define SUBSCRIPTION_FETCH 8         /* of a partition at once */
#define SUBSCRIPTION_AHEAD 16 /* held of a partition, after which none is */
#define SUBSCRIPTION_POLL (5 * BUS_MILLI) /* doubled while nothing comes */
#define SUBSCRIPTION_POLL_MAX (40 * BUS_MILLI)
#define SUBSCRIPTION_AWAY (100 * BUS_MILLI) /* doubled while it is away */
#define SUBSCRIPTION_AWAY_MAX (2 * BUS_SECOND)
#define SUBSCRIPTION_BUSY (20 * BUS_MILLI) /* after a full mailbox */

struct answer;

struct subscription {
    struct consumer *consumer;
    const struct events_route *route; /* the first: word and group */
    struct stream_group group;
    struct window windows[EVENTS_PARTS];
    uint32_t parts;  /* bits: ours */
    uint32_t giving; /* of these: to be given up once nothing runs there */
    uint32_t stale;  /* of these: to be recovered before anything is fetched */
    int64_t tend_at, ours_until;
    int64_t fetch_at, fetch_pause;
    int64_t retry_at, retry_pause; /* the stream did not answer */
    bool away;
    struct stream_done *done; /* to be acknowledged */
    size_t done_count, done_room;
    unsigned turn; /* where starting begins */
};

struct consumer {
    struct consumer_options options;
    struct stream *stream;
    struct bus_arena names, arena; /* for good; of one round */
    struct subscription *subscriptions;
    size_t count;
    unsigned flying;
    bool suspect_runs, draining;

    pthread_mutex_t lock;
    struct answer *answers, **last_answer;

    _Atomic uint64_t handled, failed, dead, held;
    _Atomic uint32_t parts;
    atomic_bool away;
};

void subscription_init(struct subscription *sub, struct consumer *consumer,
                       const struct events_route *route);
void subscription_release(struct subscription *sub);

/* Talks to the stream; as consumer_step. */
int64_t subscription_step(struct subscription *sub, int64_t now);

/* Starts the next event; false: none may run. */
bool subscription_start(struct subscription *sub, int64_t now);

/* What became of an attempt. */
void subscription_settle(struct subscription *sub, struct held *held,
                         const struct bus_error *error);

/* True: all that was done is acknowledged. */
bool subscription_flush(struct subscription *sub);

/* Who handles it; NULL: nobody. */
const struct events_route *consumer_route(const struct consumer *consumer,
                                          const struct subscription *sub,
                                          const struct event *event);

#endif
