/* SPDX-License-Identifier: MIT
 *
 * The watching thread: inotify on names/ and on every actor's folder, each
 * folder read again after its watch is set (files already in a new folder are
 * not announced), and all of them once a second besides, for a lock that goes
 * with its process makes no event. An event has only its own folder read.
 * Where there is no inotify instance to be had the second is a tenth. However
 * many names there are, looking takes at most half of the thread's time.
 */
#define _GNU_SOURCE /* inotify */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "bus/names_internal.h"

#define NAMES_MAX 65536 /* live names, of all actors */
#define PROBE_MS 1000
#define PROBE_MS_MAX 60000
#define POLL_MS 100
#define GAP_MS_MAX 100 /* between two looks */
#define PROBE_SHARE 20 /* a look at all takes at most this part of the time */
#define EVENTS_BYTES 16384
#define WATCH_MASK                                                             \
    (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

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
        if (strcmp(entry->name.actor, actor) != 0 ||
            entry->lock != NAMES_ANOTHERS || found_has(found, &entry->name))
            continue;
        names_set_remove(&names->set, entry);
        differs = true;
    }
    bool fixed = names_set_fixed(&names->set, actor);
    for (size_t i = 0; i < found->count && !fixed; i++) {
        struct names_entry *known =
            names_set_find(&names->set, actor, found->names[i].instance);
        if (known && known->lock == NAMES_ANOTHERS)
            known->name.origin = found->names[i].origin;
        if (known)
            continue;
        names_set_add(&names->set, &found->names[i], NAMES_ANOTHERS);
        differs = true;
    }
    if (differs)
        names_changed(names);
}

static void actor_scan(struct bus_names *names, const char *actor)
{
    struct found found = {NULL, 0, 0};
    int64_t crashed = 0;
    bool there =
        names_dir_scan(names->home, actor, found_add, &found, &crashed);
    pthread_mutex_lock(&names->lock);
    actor_merge(names, actor, &found);
    struct actor_seen *seen = there ? names_actor_get(names, actor) : NULL;
    if (seen)
        seen->crashed = crashed;
    pthread_mutex_unlock(&names->lock);
    free(found.names);
}

static void actor_watch(struct bus_names *names, const char *actor)
{
    pthread_mutex_lock(&names->lock);
    struct actor_seen *seen = names_actor_get(names, actor);
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
        if (seen->there || names_set_fixed(&names->set, seen->name))
            continue;
        actor_merge(names, seen->name, &nothing);
        if (seen->watch >= 0)
            inotify_rm_watch(names->inotify, seen->watch);
        *seen = names->actors[--names->actor_count];
    }
}

void names_scan(struct bus_names *names)
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

static void wake_drop(int fd)
{
    uint64_t count;
    while (read(fd, &count, sizeof(count)) > 0)
        ;
}

/* What has to be looked at again. */
struct look {
    bool all;
    bool some; /* the actors marked */
};

static void event_take(struct bus_names *names,
                       const struct inotify_event *event, struct look *look)
{
    struct actor_seen *seen = NULL;
    bool root = event->wd == names->root;
    pthread_mutex_lock(&names->lock);
    if (root && event->len && bus_name_valid(event->name))
        seen = names_actor_get(names, event->name);
    for (size_t i = 0; !seen && i < names->actor_count; i++)
        if (names->actors[i].watch == event->wd)
            seen = &names->actors[i];
    if (seen)
        seen->dirty = true;
    pthread_mutex_unlock(&names->lock);
    look->some |= seen != NULL;
    look->all |= !seen || (event->mask & (IN_Q_OVERFLOW | IN_IGNORED)) ||
                 (root && !(event->mask & IN_CREATE));
}

static void events_take(struct bus_names *names, struct look *look)
{
    _Alignas(struct inotify_event) char events[EVENTS_BYTES];
    ssize_t len;
    while ((len = read(names->inotify, events, sizeof(events))) > 0) {
        for (char *at = events; at < events + len;) {
            const struct inotify_event *event = (const void *)at;
            event_take(names, event, look);
            at += sizeof(*event) + event->len;
        }
    }
}

static void scan_some(struct bus_names *names)
{
    char actor[BUS_NAME_MAX];
    pthread_mutex_lock(&names->scan_lock);
    for (bool more = true; more;) {
        more = false;
        pthread_mutex_lock(&names->lock);
        for (size_t i = 0; !more && i < names->actor_count; i++) {
            more = names->actors[i].dirty;
            names->actors[i].dirty = false;
            if (more)
                memcpy(actor, names->actors[i].name, sizeof(actor));
        }
        pthread_mutex_unlock(&names->lock);
        if (more)
            scan_found(names, actor);
    }
    pthread_mutex_unlock(&names->scan_lock);
}

/* One look, and what it cost (ns). */
static int64_t look_again(struct bus_names *names, const struct look *look)
{
    int64_t before = bus_now(&bus_clock_system);
    if (look->all)
        names_scan(names);
    else if (look->some)
        scan_some(names);
    int64_t cost = bus_now(&bus_clock_system) - before;
    names_tell(names);
    return cost;
}

static int clamped(int64_t value, int64_t low, int64_t high)
{
    return (int)(value < low ? low : value > high ? high : value);
}

void *names_watch(void *arg)
{
    struct bus_names *names = arg;
    struct pollfd polled[2] = {{.fd = names->wake, .events = POLLIN},
                               {.fd = names->inotify, .events = POLLIN}};
    int least_ms = names->inotify >= 0 ? PROBE_MS : POLL_MS;
    int64_t due = bus_now(&bus_clock_system); /* for a look at all */
    while (!stopping(names)) {
        struct look look = {false, false};
        int64_t left = due - bus_now(&bus_clock_system);
        if (poll(polled, 2, clamped(left / BUS_MILLI, 0, PROBE_MS_MAX)) < 0 &&
            errno != EINTR)
            break;
        if (polled[0].revents)
            wake_drop(names->wake);
        if (polled[1].revents)
            events_take(names, &look);
        look.all |= atomic_exchange(&names->poked, false) ||
                    bus_now(&bus_clock_system) >= due;
        int64_t cost = look_again(names, &look);
        if (look.all)
            due = bus_now(&bus_clock_system) +
                  clamped(cost * PROBE_SHARE / BUS_MILLI, least_ms,
                          PROBE_MS_MAX) *
                      BUS_MILLI;
        poll(NULL, 0, clamped(cost / BUS_MILLI, 0, GAP_MS_MAX));
    }
    return NULL;
}

void names_wake(struct bus_names *names)
{
    uint64_t one = 1;
    if (names->home[0] && write(names->wake, &one, sizeof(one)) < 0)
        assert(errno == EAGAIN || errno == EINTR); /* awake soon anyhow */
}

/* NULL where inotify is exhausted: then the folders are polled. */
void names_watch_open(struct bus_names *names)
{
    char path[BUS_PATH_MAX];
    names->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (names->inotify < 0)
        return;
    if (snprintf(path, sizeof(path), "%s/names", names->home) >=
            (int)sizeof(path) ||
        (names->root = inotify_add_watch(names->inotify, path, WATCH_MASK)) <
            0) {
        close(names->inotify);
        names->inotify = -1;
    }
}
