/* SPDX-License-Identifier: MIT
 *
 * Internal to actors/store: what a process's and a worker's store hold, and how
 * the files of this folder reach the connection of a call.
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "actors/store/cache.h"
#include "actors/store/form.h"
#include "actors/store/gate.h"
#include "actors/store/model.h"
#include "actors/store/pool.h"
#include "actors/store/sql.h"
#include "actors/store/store.h"
#include "actors/store/watch.h"
#include "actors/store/zone.h"

/* How often what happened, since the process started. */
struct store_counts {
    _Atomic uint64_t hits, misses, placeholders, joins, fallbacks;
};

struct purger;

struct store_shared {
    const struct sql_driver *driver;
    struct pool pool;
    char **replicas; /* owned; data sources to read from */
    size_t replica_count;
    bool replicas_random; /* else one after the other */
    _Atomic size_t replica_next;
    struct purger *purger; /* NULL: nobody purges */
    int64_t slow_ns;       /* statements that take longer are logged */
    char *source;          /* owned */
    const struct model_table *const *tables;
    struct zone zone;    /* of times that others read in the cache */
    struct cache *cache; /* NULL: none */
    struct flights *flights;
    int64_t row_ns, absent_ns; /* expiries, before jitter */
    struct gate gate; /* reads of the database while the cache is down */
    struct store_counts counts;
    struct sql *watching; /* keeps what watch looks at; NULL without cache */
    struct watch watch;
    struct sql_hooks hooks; /* its own: by them a commit is told from others */
    uint32_t expected; /* by watch, of the commit that runs; its thread's */
    bool expecting;    /* one that it counts */
    pthread_mutex_t clearing;
    struct store_form *forms; /* one a cached table; owned */
    size_t form_count;
};

struct store {
    struct store_shared *shared;
    struct sql *sql;         /* NULL until it is needed */
    bool begun;              /* inside a transaction */
    bool ran;                /* in it: a statement, whose effects a
                              * repetition from the start would lack */
    bool wrote;              /* in it, or others beside it in the same: the
                              * cache may not be read or filled */
    bool changed;            /* in it: rows, as the database counts */
    bool step;               /* a saga step whose reply is to be stored */
    int doomed;              /* a code: it may not be committed; 0 */
    bool from_replica;       /* this call's reads, outside a transaction */
    size_t replica;          /* which */
    struct sql **replicas;   /* owned; by number, NULL until needed */
    unsigned barriers;       /* that the handler asked for */
    bool aside;              /* reading beside any transaction */
    struct cache_key *stale; /* to be deleted after the commit; in the
                              * call's arena */
    struct bus_call *call;   /* while keys are being deleted */
};

/* The call's deadline on the system's clock, which drivers and waits use. */
int64_t store_deadline(const struct bus_call *call);

/* The part of opening and closing that has to do with the cache (caching.c).
 * shared->driver and shared->tables are there; closing may follow a failure. */
int caching_open(struct store_shared *shared,
                 const struct store_options *options, struct bus_error *err);
void caching_close(struct store_shared *shared);

/* Drops what is cached if anybody else changed the database since. Before any
 * look into the cache. */
void store_refresh(struct store_shared *shared);

/* Gives the worker its connection. */
int store_connect(struct bus_call *call);

/* Makes the call's store ready for a statement: connected and, in a method
 * that may write, inside the transaction. */
int store_use(struct bus_call *call);

/* The same for a statement that writes: refused (INTERNAL) to methods marked
 * NO_SIDE_EFFECTS. From here on the call does without the cache. */
int store_use_to_write(struct bus_call *call);

/* True if the transaction was lost to a deadlock. */
bool store_met_deadlock(const struct bus_call *call, int code);

/* True if the call's transaction was lost to a deadlock and has begun again,
 * empty: what ran in it may be run once more. counts its tries. */
bool store_again(struct bus_call *call, int code, int *tries);

/* After that: writes a step's barrier rows again, which went with it. */
int store_enter_anew(struct bus_call *call);

/* Statements without the checks of sql_exec and sql_query; store_use was
 * called. Slow ones are logged, arguments never. */
int store_exec(struct bus_call *call, const char *text,
               const struct sql_value *args, size_t count,
               struct sql_done *ret);
int store_query(struct bus_call *call, const char *text,
                const struct sql_value *args, size_t count,
                const struct bus_shape *row, size_t max, struct bus_list *ret);

#endif
