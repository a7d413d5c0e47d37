/* SPDX-License-Identifier: MIT
 *
 * What the files of this folder share.
 */
#ifndef SCHEDULE_INSIDE_H
#define SCHEDULE_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "actors/schedule/rows.h"
#include "actors/schedule/schedule.h"

#define SECOND_US INT64_C(1000000)
#define WATCH_MAX 1024 /* rows that run, of all replicas */

/* One firing in the hands of this replica. */
struct schedule_run {
    struct schedule *schedule;
    enum { RUN_FREE, RUN_RUNS, RUN_ENDED } state; /* under the lock */
    char name[ROWS_NAME_MAX];
    int64_t due;
    int32_t tries;
    const struct schedule_entry *entry; /* NULL: a message */
    int code;
    char reason[BUS_REASON_MAX];
    char said[ROWS_SAID_MAX];
};

/* An entry's place in time. */
struct place {
    struct schedule_entry *entry;
    int64_t checked; /* Unix s: times up to this one have been seen to */
    int64_t next;    /* the one after that */
};

/* Another replica's firing, watched. */
struct seen {
    char name[ROWS_NAME_MAX];
    int64_t due;
    int32_t tries;
    int64_t beat, since; /* since when (monotonic ns) it has not moved */
};

/* An entry that is to be fired by hand. */
struct order {
    const struct schedule_entry *entry;
    int64_t due;
};

struct schedule {
    struct schedule_options options;
    char actor[ROWS_ACTOR_MAX], owner[ROWS_OWNER_MAX];
    struct store *store;
    struct bus_arena arena; /* of one step */
    struct place *places;
    struct seen *seen;
    size_t seen_count;
    int64_t begin;              /* not before that, monotonic ns */
    int64_t next, pulse, purge; /* monotonic ns */
    int64_t complained;         /* about the database, monotonic ns; 0: not */

    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct schedule_run runs[SCHEDULE_RUNS_MAX];
    struct order orders[SCHEDULE_ORDERS_MAX];
    size_t order_count;
    bool poked, halted, stopping, threaded;
    int64_t deadline; /* of stopping */
    pthread_t thread;
    _Atomic uint64_t started, done, events[SCHEDULE_EVENTS];
};

/* Wall time, Unix us. */
int64_t schedule_wall(const struct schedule *schedule);

/* A call of the schedule's own. writes: its statements run in a transaction. */
struct bus_call schedule_call(struct schedule *schedule, struct store *store,
                              struct bus_arena *arena, bool writes);

/* Says once in a while that the database does not do what it should. Returns
 * the code. */
int schedule_complain(struct schedule *schedule, const struct bus_call *call,
                      int code);

void schedule_tell(struct schedule *schedule,
                   const struct schedule_report *report);

/* take.c: the due times of an entry that have come, into the table. */
int take_due(struct schedule *schedule, struct place *place);

/* run.c: rows that wait are claimed and begun; ends are written. *ret_did is
 * set if anything was done. */
int run_ready(struct schedule *schedule, bool *ret_did);
int run_ends(struct schedule *schedule, bool *ret_did);
const struct schedule_entry *run_entry(const struct schedule *schedule,
                                       const char *name);

/* list.c: what was ordered by hand goes into the table. */
int orders_take(struct schedule *schedule);

/* watch.c: this replica's sign of life, and the others'. */
int watch_pulse(struct schedule *schedule);

#endif
