/* SPDX-License-Identifier: MIT
 *
 * What names.c and names_watch.c share.
 */
#ifndef BUS_NAMES_INTERNAL_H
#define BUS_NAMES_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "bus/bus_internal.h"
#include "bus/names_dir.h"
#include "bus/names_set.h"

#define LISTENERS_MAX 8

struct actor_seen {
    char name[BUS_NAME_MAX];
    int watch;       /* inotify's; -1: none */
    int64_t crashed; /* Unix us; 0: never */
    bool there;      /* while scanning */
    bool dirty;      /* something happened in its folder */
};

struct listener {
    void (*heard)(void *arg);
    void *arg;
};

struct bus_names {
    char home[BUS_PATH_MAX]; /* "": memory only */
    const struct bus_clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t count; /* changes */
    struct names_set set;
    struct actor_seen *actors;
    size_t actor_count, actor_cap;

    pthread_mutex_t scan_lock; /* one scan at a time */
    pthread_mutex_t listen_lock;
    struct listener listeners[LISTENERS_MAX];

    pthread_t thread;
    int inotify;       /* -1: none */
    int root;          /* its watch of names/ */
    int wake;          /* eventfd */
    atomic_bool poked; /* all is to be looked at */
    bool stop;
};

/* The first three with the lock held. */
void names_changed(struct bus_names *names);
/* NULL if it never had a folder. */
struct actor_seen *names_actor(struct bus_names *names, const char *actor);
struct actor_seen *names_actor_get(struct bus_names *names, const char *actor);

void names_tell(struct bus_names *names);
void names_scan(struct bus_names *names); /* all folders, now */
void names_wake(struct bus_names *names);

/* Leaves names->inotify at -1 where there is none to be had: then the folders
 * are polled. */
void names_watch_open(struct bus_names *names);
void *names_watch(void *arg); /* the thread; arg: names */

#endif
