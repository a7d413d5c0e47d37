/* SPDX-License-Identifier: MIT
 *
 * A session begins with a list of everything and a watch from the revision
 * after it, goes on in turns (hear, settle, keep) and ends at the first call
 * that fails, or when the watch ends or is canceled. Between sessions names are
 * marked stale; leases are kept in mind, so that the next session keeps what
 * etcd still knows and registers anew what it does not.
 */
#include "actors/registrar/registrar.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/log.h"

#define PREFIXES_MAX 256

struct registrar {
    const struct actor_process *process;
    struct etcd *etcd;
    struct mirror mirror;
    struct announce announce;
    int64_t revision; /* of the last event heard */
    int64_t keep_at;  /* monotonic ns */
    bool lost;        /* the watch says nothing more */
    bool said;        /* that etcd is out of reach */
    size_t watched;   /* keys of names, while they were watched */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    atomic_bool stop;
};

/* ---- Hearing ---- */

static void on_pair(void *arg, const struct registry_pair *pair, bool deleted)
{
    struct registrar *self = arg;
    mirror_hear(&self->mirror, pair, deleted);
    if (deleted)
        announce_deleted(&self->announce, pair->key);
}

static void on_line(void *arg, struct bus_bytes line)
{
    struct registrar *self = arg;
    if (registry_line(line, on_pair, self, &self->revision) != REGISTRY_HEARD)
        self->lost = true;
}

static void on_names(void *arg)
{
    struct registrar *self = arg;
    etcd_wake(self->etcd);
}

/* ---- What is watched ---- */

struct prefixes {
    char text[PREFIXES_MAX][BUS_KEY_NAME_MAX + 1];
    const char *list[PREFIXES_MAX];
    size_t count;
};

static void prefix_add(struct prefixes *all, const char *key, const char *end)
{
    char text[BUS_KEY_NAME_MAX + 1];
    snprintf(text, sizeof(text), "%.*s%s", BUS_KEY_NAME_MAX - 1, key, end);
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->text[i], text) == 0)
            return;
    if (!key[0] || all->count == PREFIXES_MAX)
        return;
    memcpy(all->text[all->count], text, sizeof(text));
    all->list[all->count] = all->text[all->count];
    all->count++;
}

/* Our own keys, those of the configuration, those of the names announced. */
static struct prefixes *prefixes_new(const struct registrar *self)
{
    struct prefixes *all = calloc(1, sizeof(*all));
    if (!all)
        abort();
    prefix_add(all, REGISTRY_PREFIX, "");
    for (size_t i = 0; i < self->mirror.key_count; i++)
        prefix_add(all, self->mirror.keys[i].key, "/");
    for (size_t i = 0; i < self->announce.count; i++)
        prefix_add(all, self->announce.all[i].name.key, "/");
    return all;
}

static void watch(struct registrar *self)
{
    struct prefixes *all = prefixes_new(self);
    registry_watch(self->etcd, all->list, all->count, self->revision + 1);
    self->watched = all->count;
    free(all);
}

/* A new service's key is watched from now on. */
static void watch_more(struct registrar *self)
{
    struct prefixes *all = prefixes_new(self);
    bool more = all->count > self->watched;
    free(all);
    if (more)
        watch(self);
}

/* ---- A session ---- */

static int session_list(struct registrar *self, struct bus_error *err)
{
    struct prefixes *all = prefixes_new(self);
    int code = BUS_OK;
    int64_t least = INT64_MAX, revision = 0;
    mirror_clear(&self->mirror);
    for (size_t i = 0; !code && i < all->count; i++) {
        code = registry_list(self->etcd, all->list[i], mirror_hear,
                             &self->mirror, &revision, err);
        if (revision < least)
            least = revision;
    }
    free(all);
    self->revision = least; /* what came between two lists is heard again */
    return code;
}

static int keep(struct registrar *self, struct bus_error *err)
{
    int64_t now = bus_now(&bus_clock_system);
    if (now < self->keep_at)
        return BUS_OK;
    self->keep_at = now + REGISTRAR_TTL_S * BUS_SECOND / 3;
    return announce_keep(&self->announce, self->etcd, err);
}

static int session_open(struct registrar *self, struct bus_error *err)
{
    self->lost = false;
    self->keep_at = 0;
    int code = session_list(self, err);
    if (!code)
        code = keep(self, err);
    if (code)
        return code;
    watch(self);
    if (self->said)
        mirror_hold(&self->mirror, REGISTRAR_TTL_S * BUS_SECOND * 2);
    mirror_settle(&self->mirror);
    mirror_mark(&self->mirror, false);
    if (self->said)
        bus_log(BUS_LOG_INFO, NULL, NULL, "etcd is back");
    self->said = false;
    return BUS_OK;
}

static int session_turn(struct registrar *self, struct bus_error *err)
{
    bool more = false;
    int code = announce_settle(&self->announce, self->etcd, &more, err);
    if (!code)
        code = keep(self, err);
    if (code)
        return code;
    watch_more(self);
    etcd_poll(self->etcd, more ? 0 : REGISTRAR_TURN_MS);
    mirror_settle(&self->mirror);
    if (self->lost || !etcd_watching(self->etcd))
        return bus_error_set(err, BUS_UNAVAILABLE, "etcd: the watch ended");
    return BUS_OK;
}

/* ---- The thread ---- */

static void wait_again(struct registrar *self)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REGISTRAR_AGAIN_MS / 1000;
    int rc = 0;
    pthread_mutex_lock(&self->lock);
    while (!self->stop && rc == 0)
        rc = pthread_cond_timedwait(&self->stopped, &self->lock, &until);
    pthread_mutex_unlock(&self->lock);
}

static void lose(struct registrar *self, const struct bus_error *err)
{
    mirror_mark(&self->mirror, true);
    if (!self->said)
        bus_log(BUS_LOG_ERROR, NULL, NULL,
                "%s; the names known stay as they are", err->sentence);
    self->said = true;
    wait_again(self);
}

static void *registrar_main(void *arg)
{
    struct registrar *self = arg;
    while (!self->stop) {
        struct bus_error err = {0};
        int code = session_open(self, &err);
        while (!code && !self->stop)
            code = session_turn(self, &err);
        /* A canceled watch is no loss: the next session lists anew. */
        if (code && self->lost)
            wait_again(self);
        else if (code)
            lose(self, &err);
    }
    announce_leave(&self->announce, self->etcd, self->process->type->name,
                   self->process->instance);
    return NULL;
}

/* ---- Life ---- */

int registrar_start(const struct registrar_options *options,
                    struct registrar **ret, struct bus_error *err)
{
    const struct actor_process *process = options->process;
    struct bus_names *names = bus_names(process->bus);
    struct registrar *self = calloc(1, sizeof(*self));
    if (!self)
        abort();
    struct etcd_options etcd = options->etcd;
    etcd.heard = on_line;
    etcd.arg = self;
    mirror_init(&self->mirror, names, process->node);
    int code = bus_wire_read(process->home, &self->mirror.wire, err);
    if (!code)
        code = etcd_open(&etcd, &self->etcd, err);
    if (code) {
        free(self);
        return code;
    }
    self->process = process;
    self->mirror.keys = options->keys;
    self->mirror.key_count = options->key_count;
    self->announce = (struct announce){.names = names,
                                       .node = process->node,
                                       .ttl_s = REGISTRAR_TTL_S,
                                       .loopback = options->loopback,
                                       .services = options->services,
                                       .service_count = options->service_count};
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&self->stopped, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&self->thread, NULL, registrar_main, self))
        abort();
    bus_names_listen(names, on_names, self);
    *ret = self;
    return BUS_OK;
}

void registrar_stop(struct registrar *self)
{
    bus_names_unlisten(bus_names(self->process->bus), self);
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->stopped);
    pthread_mutex_unlock(&self->lock);
    etcd_wake(self->etcd);
    pthread_join(self->thread, NULL);
    mirror_release(&self->mirror);
    announce_release(&self->announce);
    etcd_close(self->etcd);
    pthread_cond_destroy(&self->stopped);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
