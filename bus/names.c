/* SPDX-License-Identifier: MIT
 *
 * The set of live names in memory, and what is asked of it. names_watch.c keeps
 * it true to the folders; own names are true by themselves.
 */
#include "bus/names.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bus/bus_internal.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/names_internal.h"

/* ---- The set ---- */

void names_changed(struct bus_names *names)
{
    names->count++;
    pthread_cond_broadcast(&names->changed);
}

struct actor_seen *names_actor(struct bus_names *names, const char *actor)
{
    for (size_t i = 0; i < names->actor_count; i++)
        if (strcmp(names->actors[i].name, actor) == 0)
            return &names->actors[i];
    return NULL;
}

struct actor_seen *names_actor_get(struct bus_names *names, const char *actor)
{
    struct actor_seen *seen = names_actor(names, actor);
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

void names_tell(struct bus_names *names)
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
    names_watch_open(names);
    names_scan(names);
    if (pthread_create(&names->thread, NULL, names_watch, names))
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
    names_wake(names);
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
        names_actor_get(names, name->actor)->crashed = 0;
        names_set_add(&names->set, name, NAMES_ANOTHERS);
        names_changed(names);
    }
    pthread_mutex_unlock(&names->lock);
    if (taken)
        return bus_error_set(err, BUS_ALREADY_EXISTS,
                             "%s#%s is running already", name->actor,
                             name->instance);
    names_tell(names);
    return BUS_OK;
}

void bus_names_memory_crash(struct bus_names *names, const char *actor,
                            const char *instance)
{
    pthread_mutex_lock(&names->lock);
    struct names_entry *entry = names_set_find(&names->set, actor, instance);
    if (entry) {
        names_set_remove(&names->set, entry);
        names_changed(names);
    }
    names_actor_get(names, actor)->crashed = bus_wall(names->clock);
    pthread_mutex_unlock(&names->lock);
    names_tell(names);
}

/* ---- What callers want ---- */

/* In the place of another's entry, if there is one; false: it is ours. */
static bool entry_put(struct bus_names *names, const struct bus_name *name,
                      int lock)
{
    pthread_mutex_lock(&names->lock);
    struct names_entry *old =
        names_set_find(&names->set, name->actor, name->instance);
    bool ours = old && old->lock != NAMES_ANOTHERS;
    if (old && !ours)
        names_set_remove(&names->set, old);
    if (!ours) {
        names_actor_get(names, name->actor);
        names_set_add(&names->set, name, lock);
    }
    pthread_mutex_unlock(&names->lock);
    return !ours;
}

int bus_names_publish(struct bus_names *names, const struct bus_name *name,
                      struct bus_error *err)
{
    if (!names_complete(name))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "not a name: actor \"%s\", instance \"%s\"",
                             name->actor, name->instance);
    if (!names->home[0])
        return memory_publish(names, name, err);
    /* The entry first, unseen: a scan that meets the file then knows it as ours
     * already. */
    int lock;
    if (!entry_put(names, name, NAMES_COMING))
        return bus_error_set(err, BUS_ALREADY_EXISTS,
                             "%s#%s is running already", name->actor,
                             name->instance);
    int code = names_dir_publish(names->home, name, &lock, err);
    pthread_mutex_lock(&names->lock);
    struct names_entry *entry =
        names_set_find(&names->set, name->actor, name->instance);
    if (code == BUS_OK)
        entry->lock = lock;
    else
        names_set_remove(&names->set, entry);
    names_changed(names);
    pthread_mutex_unlock(&names->lock);
    names_wake(names);
    return code;
}

void bus_names_withdraw(struct bus_names *names, const char *actor,
                        const char *instance)
{
    pthread_mutex_lock(&names->scan_lock);
    pthread_mutex_lock(&names->lock);
    struct names_entry *entry = names_set_find(&names->set, actor, instance);
    bool ours = entry && (entry->lock >= 0 || !names->home[0]);
    struct names_entry gone = {.lock = NAMES_ANOTHERS};
    if (ours) {
        gone = *entry;
        names_set_remove(&names->set, entry);
        names_changed(names);
    }
    pthread_mutex_unlock(&names->lock);
    if (gone.lock >= 0)
        names_dir_withdraw(names->home, &gone.name, gone.lock);
    pthread_mutex_unlock(&names->scan_lock);
    if (ours && names->home[0])
        names_wake(names);
    else if (ours)
        names_tell(names);
}

bool bus_names_mark(struct bus_names *names, const char *actor,
                    const char *instance, bool stale)
{
    uint8_t origin = stale ? BUS_NAME_STALE : BUS_NAME_MIRRORED;
    pthread_mutex_lock(&names->lock);
    struct names_entry *entry = names_set_find(&names->set, actor, instance);
    bool ours = entry && entry->lock >= 0;
    if (ours && entry->name.origin != origin) {
        entry->name.origin = origin;
        names_dir_mark(entry->lock, origin);
    }
    pthread_mutex_unlock(&names->lock);
    return ours;
}

void bus_names_fix(struct bus_names *names, const struct bus_name *name)
{
    pthread_mutex_lock(&names->lock);
    for (size_t i = names->set.count; i > 0; i--) {
        struct names_entry *entry = &names->set.entries[i - 1];
        if (entry->lock == NAMES_ANOTHERS &&
            !strcmp(entry->name.actor, name->actor))
            names_set_remove(&names->set, entry);
    }
    names_set_add(&names->set, name, NAMES_FIXED);
    names_actor_get(names, name->actor)->there = true;
    names_changed(names);
    pthread_mutex_unlock(&names->lock);
}

size_t bus_names_list(struct bus_names *names, const char *actor,
                      struct bus_name *ret, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&names->lock);
    for (size_t i = 0; i < names->set.count; i++) {
        const struct bus_name *name = &names->set.entries[i].name;
        if ((actor && strcmp(name->actor, actor) != 0) ||
            names->set.entries[i].lock == NAMES_COMING)
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
        names_scan(names);
        names_wake(names); /* listeners hear on the watcher's thread */
    }
}

void bus_names_poke(struct bus_names *names)
{
    atomic_store(&names->poked, true);
    names_wake(names);
}

enum names_state bus_names_state(struct bus_names *names, const char *actor)
{
    enum names_state state = NAMES_UNKNOWN;
    pthread_mutex_lock(&names->lock);
    const struct actor_seen *seen = names_actor(names, actor);
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
