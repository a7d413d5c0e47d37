/* SPDX-License-Identifier: MIT
 *
 * What the wire's own files share: a bus, a call on its way (attempt), a
 * connection to one instance (line), and the router that finds one. Locks are
 * taken in this order: router, line, peer, names; callbacks of users run under
 * none of them.
 */
#ifndef BUS_INTERNAL_H
#define BUS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "bus/call.h"
#include "bus/home.h"
#include "bus/link.h"
#include "bus/names.h"

#define BUS_HELLO_MS 1000  /* a connection unanswered this long is redialled */
#define BUS_PING_MS 500    /* silence, with calls in flight, before a ping */
#define BUS_SILENT_MS 900  /* silence before an instance is avoided */
#define BUS_REVIVE_MS 1500 /* how long a lost call waits for an instance */
#define BUS_HANGUP_MS 5000 /* for a nameless instance to close its end */
#define BUS_DOOM_MS 50     /* between a malformed frame and the cut */
#define BUS_TRIES_MAX 32
#define BUS_CREDIT_FRAMES 32     /* reply frames unacknowledged at most */
#define BUS_LINE_CALLS_MAX 65536 /* in flight to one instance */
#define BUS_ROUTE_BUCKETS 64
#define BUS_LINES_MAX 1024 /* instances of one actor */

#define BUS_EJECT_LOSSES 3 /* connections lost in mid-call, in a row */
#define BUS_EJECT_MS 1000  /* then it is passed over so long, doubling */
#define BUS_EJECT_MS_MAX 30000
#define BUS_WARM_MS 5000 /* an instance is given its full share after that */

struct callee;
struct callees;
struct line;
struct bus_server;
struct bus_memory;
struct client;

/* ---- A bus (bus.c) ---- */

struct route;

struct bus {
    const struct bus_clock *clock;
    struct bus_memory *memory; /* NULL: nng */
    struct bus_names *names;
    bool own_names;
    struct link_net *net;
    char home[BUS_PATH_MAX];
    char actor[BUS_NAME_MAX];

    pthread_mutex_t route_lock;
    struct route *routes[BUS_ROUTE_BUCKETS];
    struct line *retired; /* whose name is gone, until their calls are */

    struct callees *callees;

    pthread_mutex_t park_lock;
    struct attempt *parked; /* waiting for another instance */

    pthread_mutex_t server_lock;
    struct bus_server *servers;

    pthread_mutex_t event_lock;
    struct bus_subscription *subscriptions;

    struct client *clients; /* client.c; set before the first call */

    atomic_bool closing; /* nothing is tried again */
    pthread_t ticker;
    bool ticking;
    pthread_mutex_t tick_lock;
    pthread_cond_t tick_changed;
    _Atomic int64_t tick_at; /* when the ticker wakes next */
    bool stop;
};

/* Makes the ticker run at that time or before. */
void bus_tick_at(struct bus *bus, int64_t when);

/* Everything that time alone brings about: deadlines, redials, pings, calls
 * that wait. Returns when it wants to run again. */
int64_t bus_tick(struct bus *bus);

/* Delivers what the fixture's links hold back while locks are held; nothing to
 * do with nng. Call with no lock held. */
void bus_settle(struct bus *bus);

/* ---- A call on its way (call.c) ---- */

enum attempt_fate {
    ATTEMPT_UNSENT,   /* never written: not executed */
    ATTEMPT_DRAINING, /* refused by a draining instance: not executed */
    ATTEMPT_UNKNOWN,  /* connection lost after writing */
    ATTEMPT_SILENT,   /* the instance answers no ping */
};

struct attempt {
    struct attempt *next;
    struct bus *bus;
    bus_done *done;
    void *arg;
    int64_t deadline;
    int64_t started; /* of this try, monotonic ns */
    int64_t lost_at; /* when first lost; 0: never */
    int64_t wake;    /* while parked */
    struct callee *callee;
    uint64_t key;             /* affinity.h; 0: none */
    const struct line *avoid; /* compared, never read */
    uint64_t frame;           /* the line's frame that carries it */
    uint32_t id;              /* the line's */
    uint32_t tail_len;
    uint8_t tail_count;
    uint8_t tries;
    bool oneway;
    bool idempotent;
    bool looked;  /* the names were read anew for it */
    bool guarded; /* the callee's guard is told of the end */
    uint8_t tail[];
};

/* Ends a call: done is called, the attempt freed. No lock may be held. now may
 * be some moments old: it is for the method's guard. */
void attempt_finish(struct attempt *attempt, const struct bus_reply *reply,
                    int64_t now);
void attempt_fail(struct attempt *attempt, int code, const char *reason,
                  const char *sentence);
/* Tries it elsewhere, parks it or ends it. */
void attempt_lost(struct attempt *attempt, enum attempt_fate fate);
/* The same for a list; and all that are overdue. */
void attempts_lost(struct attempt *list, enum attempt_fate fate);
void attempts_overdue(struct attempt *list);

/* Tries parked calls again: those due, or all of them (names changed). Returns
 * when the next is due. */
int64_t attempts_unpark(struct bus *bus, bool all);
void attempts_end(struct bus *bus); /* fails all that are parked */

/* ---- Finding an instance (route.c) ---- */

enum route_find {
    ROUTE_FOUND,
    ROUTE_NO_ACTOR, /* never heard of */
    ROUTE_NOBODY,   /* known, nobody there */
    ROUTE_CRASHED,  /* as before, but its last instance died just now */
};

/* Chooses a line; the caller holds a reference to *ret. request: what gives the
 * attempt its key, if it has one; NULL: that is known. */
enum route_find route_choose(struct attempt *attempt,
                             const struct bus_request *request, int64_t now,
                             struct line **ret);
/* A random number, not for secrets. */
uint32_t route_draw(void);
/* Names changed: lines are made and retired. */
void route_sync(struct bus *bus);
int64_t route_tick(struct bus *bus, int64_t now);
void route_flush(struct bus *bus);
void route_close(struct bus *bus);

/* ---- Servers of this bus (server.c) ---- */

int64_t servers_tick(struct bus *bus, int64_t now);
void servers_flush(struct bus *bus);

/* ---- Names, beyond names.h ---- */

enum names_state { NAMES_UNKNOWN, NAMES_EMPTY, NAMES_CRASHED, NAMES_LIVE };

enum names_state bus_names_state(struct bus_names *names, const char *actor);
/* Asks the watcher to look again; returns at once. */
void bus_names_poke(struct bus_names *names);
/* An instance of this process's own knowledge. As long as an actor has one,
 * what the folder says of it is not asked. */
void bus_names_fix(struct bus_names *names, const struct bus_name *name);
void bus_names_memory_close(struct bus_names *names);
/* Whose wall time says how long ago an instance died. */
void bus_names_clock(struct bus_names *names, const struct bus_clock *clock);
/* As if its process had died. */
void bus_names_memory_crash(struct bus_names *names, const char *actor,
                            const char *instance);

#endif
