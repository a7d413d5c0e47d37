/* SPDX-License-Identifier: MIT
 *
 * The set of live names in memory, kept true by a watching thread: inotify on
 * names/ and on every actor's folder, each folder read again after its watch is
 * set (files already in a new folder are not announced), and once a second
 * besides, for a lock that goes with its process makes no event. Where there is
 * no inotify instance to be had the second is a tenth.
 */
#define _GNU_SOURCE /* inotify, eventfd */
#include "bus/names.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "bus/affinity.h"
#include "bus/bus_internal.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/names_dir.h"
#include "bus/names_set.h"

#define NAMES_MAX 65536 /* live names, of all actors */
#define LISTENERS_MAX 8
#define PROBE_MS 1000
#define POLL_MS 100
#define WATCH_MASK                                                             \
    (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

struct actor_seen {
    char name[BUS_NAME_MAX];
    int watch;       /* inotify's; -1: none */
    int64_t crashed; /* Unix us; 0: never */
    bool there;      /* while scanning */
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
    int inotify; /* -1: none */
    int wake;    /* eventfd */
    bool stop;
};

bool bus_name_valid(const char *text)
{
    static const char more[] = "-_.";
    size_t len = strlen(text);
    if (len == 0 || len >= BUS_NAME_MAX || text[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9');
        if (!plain && !strchr(more, c))
            return false;
    }
    return true;
}

/* ---- The set ---- */

static void changed(struct bus_names *names)
{
    names->count++;
    pthread_cond_broadcast(&names->changed);
}

static struct actor_seen *actor_find(struct bus_names *names, const char *actor)
{
    for (size_t i = 0; i < names->actor_count; i++)
        if (strcmp(names->actors[i].name, actor) == 0)
            return &names->actors[i];
    return NULL;
}

static struct actor_seen *actor_get(struct bus_names *names, const char *actor)
{
    struct actor_seen *seen = actor_find(names, actor);
    if (seen)
        return seen;
    if (names->actor_count == names->actor_cap) {
        size_t cap = names->actor_cap ? names->actor_cap * 2 : 16;
        names->actors = realloc(names->actors, cap * sizeof(*names->actors));
        if (!names->actors)
            abort();
        names->actor_cap = cap;
    }
    seen = &names->actors[names->actor_count++];
    *seen = (struct actor_seen){.watch = -1};
    snprintf(seen->name, sizeof(seen->name), "%s", actor);
    return seen;
}

static void tell(struct bus_names *names)
{
    pthread_mutex_lock(&names->listen_lock);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (names->listeners[i].heard)
            names->listeners[i].heard(names->listeners[i].arg);
    pthread_mutex_unlock(&names->listen_lock);
}

void bus_names_listen(struct bus_names *names, void (*heard)(void *arg),
                      void *arg)
{
    size_t i = 0;
    pthread_mutex_lock(&names->listen_lock);
    while (i < LISTENERS_MAX && names->listeners[i].heard)
        i++;
    assert(i < LISTENERS_MAX);
    names->listeners[i] = (struct listener){heard, arg};
    pthread_mutex_unlock(&names->listen_lock);
}

void bus_names_unlisten(struct bus_names *names, void *arg)
{
    pthread_mutex_lock(&names->listen_lock);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (names->listeners[i].arg == arg)
            names->listeners[i] = (struct listener){NULL, NULL};
    pthread_mutex_unlock(&names->listen_lock);
}

/* ---- Reading the folders ---- */

struct found {
    struct bus_name *names;
    size_t count, cap;
};

static void found_add(void *arg, const struct bus_name *name)
{
    struct found *found = arg;
    if (found->count >= NAMES_MAX)
        return;
    if (found->count == found->cap) {
        size_t cap = found->cap ? found->cap * 2 : 16;
        found->names = realloc(found->names, cap * sizeof(*found->names));
        if (!found->names)
            abort();
        found->cap = cap;
    }
    found->names[found->count++] = *name;
}

static bool found_has(const struct found *found, const struct bus_name *name)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct bus_name *other = &found->names[i];
        if (other->pid == name->pid && other->started == name->started &&
            !strcmp(other->instance, name->instance) &&
            !strcmp(other->url, name->url))
            return true;
    }
    return false;
}

/* Replaces what is known of one actor. Lock held. Own names stay: their truth
 * is here, not in the folder. */
static void actor_merge(struct bus_names *names, const char *actor,
                        const struct found *found)
{
    bool differs = false;
    for (size_t i = names->set.count; i > 0; i--) {
        struct names_entry *entry = &names->set.entries[i - 1];
        if (strcmp(entry->name.actor, actor) != 0 || entry->lock >= 0 ||
            found_has(found, &entry->name))
            continue;
        names_set_remove(&names->set, entry);
        differs = true;
    }
    for (size_t i = 0; i < found->count; i++) {
        if (names_set_find(&names->set, actor, found->names[i].instance))
            continue;
        names_set_add(&names->set, &found->names[i], -1);
        differs = true;
    }
    if (differs)
        changed(names);
}

static void actor_scan(struct bus_names *names, const char *actor)
{
    struct found found = {NULL, 0, 0};
    int64_t crashed = 0;
    bool there =
        names_dir_scan(names->home, actor, found_add, &found, &crashed);
    pthread_mutex_lock(&names->lock);
    actor_merge(names, actor, &found);
    struct actor_seen *seen = there ? actor_get(names, actor) : NULL;
    if (seen)
        seen->crashed = crashed;
    pthread_mutex_unlock(&names->lock);
    free(found.names);
}

static void actor_watch(struct bus_names *names, const char *actor)
{
    pthread_mutex_lock(&names->lock);
    struct actor_seen *seen = actor_get(names, actor);
    seen->there = true;
    if (seen->watch < 0 && names->inotify >= 0) {
        char path[BUS_PATH_MAX];
        if (snprintf(path, sizeof(path), "%s/names/%s", names->home, actor) <
            (int)sizeof(path))
            seen->watch = inotify_add_watch(names->inotify, path, WATCH_MASK);
    }
    pthread_mutex_unlock(&names->lock);
}

static void scan_found(void *arg, const char *actor)
{
    struct bus_names *names = arg;
    actor_watch(names, actor); /* before the look, so that nothing is missed */
    actor_scan(names, actor);
}

/* Actors whose folder somebody removed are forgotten. Lock held. */
static void actors_forget(struct bus_names *names)
{
    static const struct found nothing = {NULL, 0, 0};
    for (size_t i = names->actor_count; i > 0; i--) {
        struct actor_seen *seen = &names->actors[i - 1];
        if (seen->there)
            continue;
        actor_merge(names, seen->name, &nothing);
        if (seen->watch >= 0)
            inotify_rm_watch(names->inotify, seen->watch);
        *seen = names->actors[--names->actor_count];
    }
}

static void scan_all(struct bus_names *names)
{
    pthread_mutex_lock(&names->scan_lock);
    pthread_mutex_lock(&names->lock);
    for (size_t i = 0; i < names->actor_count; i++)
        names->actors[i].there = false;
    pthread_mutex_unlock(&names->lock);
    names_dir_actors(names->home, scan_found, names);
    pthread_mutex_lock(&names->lock);
    actors_forget(names);
    pthread_mutex_unlock(&names->lock);
    pthread_mutex_unlock(&names->scan_lock);
}

/* ---- The watching thread ---- */

static bool stopping(struct bus_names *names)
{
    pthread_mutex_lock(&names->lock);
    bool stop = names->stop;
    pthread_mutex_unlock(&names->lock);
    return stop;
}

/* Which folder it was does not matter: a look at all of them is cheap. */
static void events_drop(int fd)
{
    char events[4096];
    while (read(fd, events, sizeof(events)) > 0)
        ;
}

static void *watch_run(void *arg)
{
    struct bus_names *names = arg;
    struct pollfd polled[2] = {{.fd = names->wake, .events = POLLIN},
                               {.fd = names->inotify, .events = POLLIN}};
    int wait_ms = names->inotify >= 0 ? PROBE_MS : POLL_MS;
    while (!stopping(names)) {
        int n = poll(polled, 2, wait_ms);
        if (n < 0 && errno != EINTR)
            break;
        if (polled[0].revents)
            events_drop(names->wake);
        if (polled[1].revents)
            events_drop(names->inotify);
        scan_all(names);
        tell(names);
    }
    return NULL;
}

static void watch_wake(struct bus_names *names)
{
    uint64_t one = 1;
    if (names->home[0] && write(names->wake, &one, sizeof(one)) < 0)
        assert(errno == EAGAIN || errno == EINTR); /* awake soon anyhow */
}

static struct bus_names *names_new(void)
{
    struct bus_names *names = calloc(1, sizeof(*names));
    if (!names)
        abort();
    names->inotify = names->wake = -1;
    names->clock = &bus_clock_system;
    pthread_mutex_init(&names->lock, NULL);
    pthread_mutex_init(&names->scan_lock, NULL);
    pthread_mutex_init(&names->listen_lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&names->changed, &attr);
    pthread_condattr_destroy(&attr);
    return names;
}

static void names_free(struct bus_names *names)
{
    for (size_t i = 0; i < names->set.count; i++)
        if (names->set.entries[i].lock >= 0)
            names_dir_withdraw(names->home, &names->set.entries[i].name,
                               names->set.entries[i].lock);
    if (names->inotify >= 0)
        close(names->inotify);
    if (names->wake >= 0)
        close(names->wake);
    pthread_mutex_destroy(&names->lock);
    pthread_mutex_destroy(&names->scan_lock);
    pthread_mutex_destroy(&names->listen_lock);
    pthread_cond_destroy(&names->changed);
    free(names->set.entries);
    free(names->actors);
    free(names);
}

/* NULL where inotify is exhausted: then the folders are polled. */
static void watch_open(struct bus_names *names)
{
    char path[BUS_PATH_MAX];
    names->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (names->inotify < 0)
        return;
    if (snprintf(path, sizeof(path), "%s/names", names->home) >=
            (int)sizeof(path) ||
        inotify_add_watch(names->inotify, path, WATCH_MASK) < 0) {
        close(names->inotify);
        names->inotify = -1;
    }
}

int bus_names_open(const char *home, struct bus_names **ret,
                   struct bus_error *err)
{
    char full[BUS_PATH_MAX];
    int code = bus_home(home, full, err);
    if (code != BUS_OK)
        return code;
    struct bus_names *names = names_new();
    memcpy(names->home, full, sizeof(full));
    names->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (names->wake < 0) {
        code = bus_error_set(err, BUS_UNAVAILABLE, "cannot make an eventfd: %s",
                             strerror(errno));
        names_free(names);
        return code;
    }
    watch_open(names);
    scan_all(names);
    if (pthread_create(&names->thread, NULL, watch_run, names))
        abort();
    *ret = names;
    return BUS_OK;
}

void bus_names_close(struct bus_names *names)
{
    if (!names)
        return;
    assert(names->home[0]);
    pthread_mutex_lock(&names->lock);
    names->stop = true;
    pthread_mutex_unlock(&names->lock);
    watch_wake(names);
    pthread_join(names->thread, NULL);
    names_free(names);
}

/* ---- In memory ---- */

struct bus_names *bus_names_memory(void)
{
    return names_new();
}

void bus_names_clock(struct bus_names *names, const struct bus_clock *clock)
{
    names->clock = clock;
}

void bus_names_memory_close(struct bus_names *names)
{
    assert(!names->home[0]);
    names_free(names);
}

static int memory_publish(struct bus_names *names, const struct bus_name *name,
                          struct bus_error *err)
{
    pthread_mutex_lock(&names->lock);
    bool taken =
        names_set_find(&names->set, name->actor, name->instance) != NULL;
    if (!taken) {
        actor_get(names, name->actor)->crashed = 0;
        names_set_add(&names->set, name, -1);
        changed(names);
    }
    pthread_mutex_unlock(&names->lock);
    if (taken)
        return bus_error_set(err, BUS_ALREADY_EXISTS,
                             "%s#%s is running already", name->actor,
                             name->instance);
    tell(names);
    return BUS_OK;
}

void bus_names_memory_crash(struct bus_names *names, const char *actor,
                            const char *instance)
{
    pthread_mutex_lock(&names->lock);
    struct names_entry *entry = names_set_find(&names->set, actor, instance);
    if (entry) {
        names_set_remove(&names->set, entry);
        changed(names);
    }
    actor_get(names, actor)->crashed = bus_wall(names->clock);
    pthread_mutex_unlock(&names->lock);
    tell(names);
}

/* ---- What callers want ---- */

static bool name_complete(const struct bus_name *name)
{
    return bus_name_valid(name->actor) && bus_name_valid(name->instance) &&
           strlen(name->instance) < BUS_INSTANCE_MAX && name->url[0] &&
           !strchr(name->url, '\n') && !strchr(name->events, '\n') &&
           affinity_keys_valid(name->affinity) &&
           (name->node[0] == '\0' || bus_name_valid(name->node));
}

int bus_names_publish(struct bus_names *names, const struct bus_name *name,
                      struct bus_error *err)
{
    if (!name_complete(name))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "not a name: actor \"%s\", instance \"%s\"",
                             name->actor, name->instance);
    if (!names->home[0])
        return memory_publish(names, name, err);
    int lock;
    /* A scan between the rename and set_add would see our own name as
     * somebody's: hold it off. */
    pthread_mutex_lock(&names->scan_lock);
    int code = names_dir_publish(names->home, name, &lock, err);
    if (code == BUS_OK) {
        pthread_mutex_lock(&names->lock);
        struct names_entry *old =
            names_set_find(&names->set, name->actor, name->instance);
        if (old)
            names_set_remove(&names->set, old);
        actor_get(names, name->actor);
        names_set_add(&names->set, name, lock);
        changed(names);
        pthread_mutex_unlock(&names->lock);
    }
    pthread_mutex_unlock(&names->scan_lock);
    watch_wake(names);
    return code;
}

void bus_names_withdraw(struct bus_names *names, const char *actor,
                        const char *instance)
{
    pthread_mutex_lock(&names->scan_lock);
    pthread_mutex_lock(&names->lock);
    struct names_entry *entry = names_set_find(&names->set, actor, instance);
    bool ours = entry && (entry->lock >= 0 || !names->home[0]);
    struct names_entry gone = {.lock = -1};
    if (ours) {
        gone = *entry;
        names_set_remove(&names->set, entry);
        changed(names);
    }
    pthread_mutex_unlock(&names->lock);
    if (gone.lock >= 0)
        names_dir_withdraw(names->home, &gone.name, gone.lock);
    pthread_mutex_unlock(&names->scan_lock);
    if (ours && names->home[0])
        watch_wake(names);
    else if (ours)
        tell(names);
}

size_t bus_names_list(struct bus_names *names, const char *actor,
                      struct bus_name *ret, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&names->lock);
    for (size_t i = 0; i < names->set.count; i++) {
        const struct bus_name *name = &names->set.entries[i].name;
        if (actor && strcmp(name->actor, actor) != 0)
            continue;
        if (count < max)
            ret[count] = *name;
        count++;
    }
    pthread_mutex_unlock(&names->lock);
    return count;
}

uint64_t bus_names_wait(struct bus_names *names, uint64_t seen, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&names->lock);
    int rc = timeout_ms > 0 ? 0 : ETIMEDOUT;
    while (names->count <= seen && rc == 0)
        rc = pthread_cond_timedwait(&names->changed, &names->lock, &until);
    uint64_t count = names->count;
    pthread_mutex_unlock(&names->lock);
    return count;
}

void bus_names_refresh(struct bus_names *names)
{
    if (names->home[0]) {
        scan_all(names);
        watch_wake(names); /* listeners hear on the watcher's thread */
    }
}

void bus_names_poke(struct bus_names *names)
{
    watch_wake(names);
}

enum names_state bus_names_state(struct bus_names *names, const char *actor)
{
    enum names_state state = NAMES_UNKNOWN;
    pthread_mutex_lock(&names->lock);
    const struct actor_seen *seen = actor_find(names, actor);
    int64_t crashed = seen ? seen->crashed : 0;
    if (seen)
        state = NAMES_EMPTY;
    for (size_t i = 0; i < names->set.count && state != NAMES_LIVE; i++)
        if (strcmp(names->set.entries[i].name.actor, actor) == 0)
            state = NAMES_LIVE;
    pthread_mutex_unlock(&names->lock);
    if (state != NAMES_EMPTY || crashed == 0)
        return state;
    int64_t since = bus_wall(names->clock) - crashed;
    return since >= 0 && since < BUS_REVIVE_MS * INT64_C(1000) ? NAMES_CRASHED
                                                               : state;
}
