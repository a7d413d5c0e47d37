/* SPDX-License-Identifier: MIT
 *
 * One replica's part in the schedule of its actor: it finds what is due, in the
 * configuration (cron entries) and in the table (delayed messages), makes sure
 * with the other replicas' help that each due time is started once, has it run,
 * and writes down how it ended. It knows neither the bus nor a handler: what it
 * does with a firing, and whom it tells of an accident, are functions.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/schedule/cron.h"
#include "bus/buf.h"
#include "bus/call.h"

#define SCHEDULE_ENTRIES_MAX 256   /* of one actor */
#define SCHEDULE_RUNS_MAX 32       /* at once, of one replica */
#define SCHEDULE_CATCHUP_MAX 100   /* missed firings that are run; the newest */
#define SCHEDULE_COUNT_MAX 1000000 /* missed firings that are counted */
#define SCHEDULE_TRIES_MAX 20      /* of a message, then it has failed */
#define SCHEDULE_BACKOFF_MAX_US INT64_C(60000000) /* between two of them */
#define SCHEDULE_GRACE_US INT64_C(60000000) /* later than this is missed */
#define SCHEDULE_POLL (1 * BUS_SECOND)      /* between two looks */
#define SCHEDULE_LEASE (5 * BUS_SECOND)     /* an owner this silent is dead */
#define SCHEDULE_KEEP_US (INT64_C(7) * 86400 * 1000000) /* rows that ended */
#define SCHEDULE_PURGE (600 * BUS_SECOND)
#define SCHEDULE_PURGE_BATCH 500
#define SCHEDULE_ORDERS_MAX 16 /* to fire an entry, that wait */

struct store_shared;

/* What becomes of firings that nobody ran in time, or began and did not end. */
enum schedule_catchup {
    SCHEDULE_NONE, /* they are reported */
    SCHEDULE_LAST, /* and the newest is run */
    SCHEDULE_ALL,  /* and each is run, the oldest first */
};

struct schedule_entry {
    const char *name;
    const char *at, *zone_name; /* as written */
    const char *spec;           /* both: what its rows are kept under */
    const char *method;
    struct cron cron;
    struct zone zone;
    struct bus_bytes body; /* msgpack */
    enum schedule_catchup catchup;
    bool overlap;       /* run although the firing before still runs */
    int64_t timeout_ns; /* of one run; 0: no limit */
};

/* Something that is to be run now. Texts live until the function returns. */
struct schedule_firing {
    const char *name;   /* the entry's, or the message's id */
    int64_t due;        /* Unix us */
    const char *target; /* a message's actor; "": the actor itself */
    const char *method;
    struct bus_bytes body;
    int64_t timeout_ns; /* -1: the method's own */
    struct bus_trace trace;
    const char
        *gid; /* it may be run again: only its first run counts; or NULL */
};

enum schedule_event {
    SCHEDULE_MISSED,
    SCHEDULE_INTERRUPTED,
    SCHEDULE_SKIPPED,
    SCHEDULE_FAILED,
    SCHEDULE_EVENTS,
};

struct schedule_report {
    enum schedule_event event;
    const char *name;
    int64_t first, due; /* of several missed: the oldest and the newest */
    uint64_t count;
    const char *said; /* why, and what follows */
};

enum schedule_owner {
    SCHEDULE_UNKNOWN, /* its beat tells */
    SCHEDULE_ALIVE,   /* however long its beat stands still */
    SCHEDULE_DEAD,
};

struct schedule_run;

struct schedule_world {
    void *arg;
    const struct bus_clock *clock;
    /* Begins it; schedule_ended is called once for the run, from any thread. */
    void (*fire)(void *arg, const struct schedule_firing *firing,
                 struct schedule_run *run);
    void (*report)(void *arg, const struct schedule_report *report);
    /* What is known of another incarnation, by its name. */
    enum schedule_owner (*owner)(void *arg, const char *owner);
};

struct schedule_options {
    const char *actor;
    const char *owner; /* this incarnation's name, of nobody else ever */
    struct schedule_entry *entries; /* outlive the schedule */
    size_t count;
    enum schedule_catchup later; /* of delayed messages */
    struct store_shared *shared;
    struct schedule_world world;
};

struct schedule_stats {
    uint64_t started, done;
    uint64_t events[SCHEDULE_EVENTS];
};

struct schedule;

/* Makes the table where it is missing. INTERNAL: this user may not. */
int schedule_new(const struct schedule_options *options, struct schedule **ret,
                 struct bus_error *err);

/* Does what is due. 0: did something, ask again; else when to ask again
 * (monotonic ns), unless poked before. One thread. */
int64_t schedule_step(struct schedule *schedule);

/* The same on a thread of its own, SCHEDULE_POLL from now on: whoever listens
 * for accidents shall have heard of us when we tell of those while we were
 * away. */
int schedule_start(struct schedule *schedule, struct bus_error *err);
/* Begins nothing any more; what runs is still looked after. */
void schedule_halt(struct schedule *schedule);
/* Waits until what runs has ended, or the deadline (monotonic ns). What still
 * runs then is interrupted, as far as other replicas can see. */
void schedule_stop(struct schedule *schedule, int64_t deadline);
/* No run may end any more. NULL: does nothing. */
void schedule_free(struct schedule *schedule);

/* How a run ended; any thread. */
void schedule_ended(struct schedule_run *run, const struct bus_error *error);

/* There is something new in the table; any thread. */
void schedule_poke(struct schedule *schedule);

void schedule_stats(struct schedule *schedule, struct schedule_stats *ret);

/* Appends {"entries": [...], "waiting": messages}; any thread. */
int schedule_pack(struct schedule *schedule, struct bus_buf *buf,
                  struct bus_error *err);

/* Has an entry fired by hand, beside its times, with the next step; any thread.
 * NOT_FOUND; FAILED_PRECONDITION: it runs, and may not overlap;
 * RESOURCE_EXHAUSTED: too many wait; UNAVAILABLE: halted. */
int schedule_fire(struct schedule *schedule, const char *name, int64_t *ret_due,
                  struct bus_error *err);

#endif
