/* SPDX-License-Identifier: MIT
 *
 * A worker's data: one lazily opened SQL connection, one cache, and the state
 * of the transaction that the current call runs in. The runtime brackets every
 * handler with begin and end; models and authors' own SQL reach it through the
 * call.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/call.h"

struct model_table;
struct store;
struct store_shared;

/* One Redis server of a shared cache: an entry of go-zero's CacheRedis. */
struct store_node {
    const char *host; /* "host:port", or the path of a socket */
    const char *user, *pass;
    int32_t weight; /* 100: as many keys as any other */
    bool tls, cluster;
};

/* Another prefix for the cache keys of a table: everything before the value. */
struct store_prefix {
    const char *key; /* "user": its primary key; "user.number": a unique one */
    const char *prefix; /* "cache:user:id::" */
};

#define STORE_SLOW_NS (500 * BUS_MILLI) /* a statement that is logged */

struct store_options {
    const char *source; /* "sqlite:/path", or go-zero's MySQL DSN */
    const struct model_table *const *tables; /* NULL-ended */
    const struct bus_clock *clock;
    bool cache;                     /* the in-process cache; see watch.h */
    size_t cache_bytes;             /* 0: the default */
    const struct store_node *nodes; /* any: the shared cache instead */
    size_t node_count;
    const char *pending; /* file for deletes that failed; NULL: none */
    const struct store_prefix *prefixes;
    size_t prefix_count;
    const char *const *replicas; /* data sources to read from; see sql.h */
    size_t replica_count;
    bool replicas_random;   /* else round-robin */
    size_t connections_max; /* of all workers; 0: one a worker */
    int64_t keep_ns; /* how old rows of the barrier get; 0: nobody purges */
    int64_t slow_ns; /* 0: STORE_SLOW_NS */
    size_t fallback; /* reads at once, cache down; 0: the default */
    int64_t row_ns, absent_ns; /* expiries; 0: go-zero's */
};

/* Counters since the start. */
struct store_stats {
    bool cached; /* false: there is no cache, and the rest is 0 */
    bool shared;
    uint64_t hits, misses, placeholders, fills, refused, joins, fallbacks;
    uint64_t failed_deletes, pending_deletes, lost_deletes;
    uint64_t evicted, entries, bytes;
    uint64_t nodes, nodes_down;
};

/* What the workers of one process share: the writer's mutex, the cache. Creates
 * tables that are missing (SQLite) and seeds those it created. */
int store_shared_open(const struct store_options *options,
                      struct store_shared **ret, struct bus_error *err);
void store_shared_close(struct store_shared *shared);
/* Creates one more table, which is no schema's, if it is missing. */
int store_ensure(struct store_shared *shared, const struct model_table *table,
                 struct bus_error *err);
/* Any thread. */
void store_stats(struct store_shared *shared, struct store_stats *ret);

/* One worker's own. Not thread-safe. */
int store_open(struct store_shared *shared, struct store **ret,
               struct bus_error *err);
void store_close(struct store *store);

/* What store_begin found about the step that a call is. */
enum store_verdict {
    STORE_RUN,    /* run the handler */
    STORE_REPEAT, /* done before: answer with the stored reply (may be empty) */
    STORE_NULL,   /* a compensation of what never happened: answer OK, empty */
    STORE_LATE,   /* an action after its compensation, the check of a message
                   * without local part: refuse ABORTED */
};

/* Before the handler. Without saga metadata nothing is begun: the transaction
 * starts at the first statement of a method that is not BUS_NO_SIDE_EFFECTS
 * (BEGIN IMMEDIATE), and from there on call->locked is set. With metadata the
 * transaction begins now, with the barrier row in it. stored receives the reply
 * of an earlier run (STORE_REPEAT), or, for a compensation, the reply of its
 * action for meta.saga.fill (STORE_RUN; len 0 if none); both live in
 * call->arena. On failure (call->error) nothing is begun.
 *
 * With call->bare the rows are committed now, before the handler, which then
 * runs as in a plain call, again at each repetition: that the step began is
 * what its compensation has to know (else it would be null) and what an action
 * that comes after its compensation finds. */
int store_begin(struct bus_call *call, enum store_verdict *ret_verdict,
                struct bus_bytes *stored);

/* Another barrier inside the same step, for a handler that does several things
 * of which some may be done before the others; as store_begin, by DTM's
 * barrier_id "02" and so on, in the order of asking. Outside a saga: STORE_RUN.
 * STORE_REPEAT has no reply here, and STORE_NULL means to leave it out. */
int store_barrier(struct bus_call *call, enum store_verdict *ret_verdict);

/* The local part of a two-phase message, written with the handler's own changes
 * in the call's transaction: what makes the message's check (a call that
 * carries gid and op "msg", answered without the handler) say that it happened.
 * ABORTED: a check came first, and the message was given up; ALREADY_EXISTS:
 * done before. Refuse the call then. */
int store_message(struct bus_call *call, const char *gid);

/* After the handler: commits if code is BUS_OK (storing the packed reply of a
 * saga step in the same transaction), rolls back otherwise; then deletes the
 * cache keys that writes collected. Returns code, or what the commit said (then
 * in call->error). Does nothing where nothing was begun. */
int store_end(struct bus_call *call, int code, struct bus_bytes reply);

/* Deletes barrier rows and stored replies written before that wall time (Unix
 * us), a batch a transaction. A step repeated after that runs again: keep them
 * for longer than any saga lives. */
int store_purge(struct store_shared *shared, int64_t older_than,
                struct bus_error *err);

#endif
