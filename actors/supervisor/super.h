/* SPDX-License-Identifier: MIT
 *
 * The supervisor's mind: which children should run, in which order, and what to
 * do when one comes, goes or is late. It does no I/O: processes, signals, time
 * and chance come through one struct of function pointers, so that a test can
 * be the world. After every event it settles: it compares what is wanted with
 * what is there and takes the next steps.
 *
 * Rules: actors start in the topology's order, each when all before it have
 * been ready; they stop in reverse, one actor at a time; a child that dies is
 * started again alone (one_for_one); scaling down stops the highest numbers;
 * a rolling restart stops the next replica when all others are ready. Not
 * thread-safe: it belongs to the loop's thread.
 */
#ifndef SUPER_H
#define SUPER_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/supervisor/backoff.h"
#include "actors/supervisor/life.h"
#include "actors/supervisor/topology.h"
#include "bus/clock.h"
#include "bus/shape.h"

struct bus_error;

#define SUPER_ACTORS_MAX 256 /* twice the topology's: with those that leave */
#define SUPER_CAUSE_MAX 256
#define SUPER_LINE_MAX ((size_t)4096) /* bytes of one line a child says */
#define SUPER_WORDS_MAX 256           /* bytes of a last line, NUL counted */
#define SUPER_FAILURES_TOLD 3         /* in a row: whoever waits is told */
#define SUPER_REFUSED_STATUS 2        /* exit status: wrong usage or config */

/* What a child says of itself each second. */
struct super_stats {
    int64_t queue_age_ms; /* how long the oldest request has waited */
    int64_t queued;
    int64_t busy;
    int64_t workers;
    int64_t calls;
    int64_t errors;
};

extern const struct bus_shape super_stats_shape;

struct super_actor;

struct super_instance {
    struct super_actor *actor;
    int number; /* from 1 */
    enum life_state state;
    int pid;           /* 0: no process */
    int64_t since;     /* monotonic ns: of the last change of state */
    int64_t due;       /* when the state has lasted too long; BUS_FOREVER */
    uint32_t failures; /* in a row, see backoff.h */
    uint32_t restarts; /* all of them */
    bool stale;        /* to be stopped and started again when its turn comes */
    bool overdue;      /* killed because it was never ready */
    bool refused;      /* exited with SUPER_REFUSED_STATUS before ready */
    char cause[SUPER_CAUSE_MAX]; /* of the last end; "": never ended */
    /* The last line of what it wrote to its log; the world sets it before
     * super_exited. */
    char last_words[SUPER_WORDS_MAX];
    struct super_stats stats;
    void *child; /* the world's */
};

struct super_actor {
    const struct topology_actor *spec;
    int replicas; /* wanted now: the topology's until scaled */
    bool up;      /* all replicas were ready once: the next may start */
    bool gone;    /* not in the topology any more */
    struct super_instance *instances[TOPOLOGY_REPLICAS_MAX]; /* [number-1] */
    int count; /* highest number in use */
};

struct super_world {
    /* Starts a process: its pid, or a negative number with the cause said. */
    int (*spawn)(void *arg, struct super_instance *instance,
                 char cause[SUPER_CAUSE_MAX]);
    void (*signal)(void *arg, struct super_instance *instance, int signo);
    /* A state has changed (instance->state), or is about to be forgotten. */
    void (*changed)(void *arg, const struct super_instance *instance);
    void (*forget)(void *arg, struct super_instance *instance);
    uint64_t (*random)(void *arg);
    const struct bus_clock *clock;
    void *arg;
};

struct super {
    struct super_world world;
    struct topology *topology;                    /* owned */
    struct super_actor *actors[SUPER_ACTORS_MAX]; /* in start order */
    size_t count;
    bool down; /* stopping all */
};

/* Takes the topology over. Nothing starts before super_settle. */
void super_init(struct super *super, const struct super_world *world,
                struct topology *topology);
/* Frees everything; all children must be stopped. */
void super_release(struct super *super);

/* The events. `said` takes one line of a child without its newline; unknown
 * words are ignored. signo 0: it exited with status. */
void super_said(struct super *super, struct super_instance *instance,
                const char *line);
void super_exited(struct super *super, struct super_instance *instance,
                  int status, int signo);
/* The time is super_due or later. */
void super_tick(struct super *super);
void super_settle(struct super *super);

/* When super_tick is next needed, monotonic ns; BUS_FOREVER: never. */
int64_t super_due(const struct super *super);

/* The commands. NOT_FOUND, reason no_such_actor: no actor of that name. name
 * NULL: all of them. They return at once; super_reached tells when it is so. */
int super_scale(struct super *super, const char *name, int replicas,
                struct bus_error *err);
int super_restart(struct super *super, const char *name, struct bus_error *err);
/* Takes the topology over on success only. Actors whose program, config or
 * settings changed are restarted one replica at a time. FAILED_PRECONDITION
 * while actors of the last reload are still leaving. */
int super_reload(struct super *super, struct topology *topology,
                 struct bus_error *err);
void super_down(struct super *super);

/* OK: every replica wanted of that actor (NULL: of all) is ready and no other
 * is left. UNAVAILABLE: one of them failed SUPER_FAILURES_TOLD times in a row
 * (INVALID_ARGUMENT: refused its configuration); err says the cause.
 * FAILED_PRECONDITION: not yet. */
int super_reached(const struct super *super, const char *name,
                  struct bus_error *err);
/* No child is left after super_down. */
bool super_ended(const struct super *super);

struct super_actor *super_find(const struct super *super, const char *name);

#endif
