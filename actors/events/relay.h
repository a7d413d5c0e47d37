/* SPDX-License-Identifier: MIT
 *
 * From the outbox to the streams. Each replica of an actor with a store has a
 * relay, and one of them at a time works: whoever has the lease. Rows are
 * appended in the order of their ids and deleted when the stream has them.
 */
#ifndef EVENTS_RELAY_H
#define EVENTS_RELAY_H

#include "actors/events/stream.h"

#define RELAY_POLL BUS_SECOND        /* for other replicas' rows */
#define RELAY_AWAY (100 * BUS_MILLI) /* doubled while the stream is away */
#define RELAY_AWAY_MAX (2 * BUS_SECOND)
#define RELAY_TRIM (60 * BUS_SECOND) /* between two looks for old events */

struct store_shared;

struct relay_options {
    struct store_shared *store;
    const char *member; /* who we are */
    const struct bus_clock *clock;
    const struct stream_options *stream;
    int64_t poll_ns; /* 0: only when poked, and once at the start */
    int64_t keep_ns; /* how old events get; 0: for ever */
};

struct relay_stats {
    uint64_t relayed; /* by this process */
    uint64_t backlog; /* rows seen last; of all replicas */
    bool away;        /* the stream, or the database, did not answer */
};

struct relay;

int relay_open(const struct relay_options *options, struct relay **ret,
               struct bus_error *err);
void relay_close(struct relay *relay);

/* There are rows now. Any thread. */
void relay_poke(struct relay *relay);

/* Does what can be done now. 0: it did something; else when (monotonic ns) it
 * wants to be asked again. One thread. */
int64_t relay_step(struct relay *relay);

/* Any thread. */
void relay_stats(struct relay *relay, struct relay_stats *ret);

#endif
