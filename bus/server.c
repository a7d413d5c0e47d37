/* SPDX-License-Identifier: MIT
 *
 * A server's life: sockets first, the name last; on the way out the name first,
 * goodbye to every caller, and the sockets when all that was answered is
 * acknowledged. A socket's path belongs to one incarnation of the instance, so
 * that no frame meant for the one before reaches it.
 */
#include "bus/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bus/event_internal.h"
#include "bus/peer.h"
#include "bus/wire.h"

#define LAST_WORDS_MS 500  /* for callers to acknowledge the last replies */
#define PLAIN_LINGER_MS 20 /* plain callers acknowledge nothing */
#define WAIT_SLICE_MS 20

void server_wake(struct bus_server *server)
{
    pthread_mutex_lock(&server->lock);
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

void server_unref(struct bus_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&server->lock);
    pthread_mutex_destroy(&server->dirty_lock);
    pthread_cond_destroy(&server->changed);
    free(server);
}

/* ---- Connections ---- */

static void hub_accept(void *arg, struct link *link, void **ret_peer)
{
    struct bus_server *server = arg;
    struct bus_peer *peer = peer_new(server, link);
    *ret_peer = peer;
    pthread_mutex_lock(&server->lock);
    peer->next = server->peers;
    server->peers = peer;
    server->peer_count++;
    pthread_mutex_unlock(&server->lock);
}

static void hub_gone(void *arg)
{
    struct bus_server *server = arg;
    pthread_mutex_lock(&server->lock);
    server->hubs--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    server_unref(server);
}

static const struct link_hub_owner hub_owner = {
    .peer = &peer_owner,
    .accept = hub_accept,
    .gone = hub_gone,
};

/* ---- Opening ---- */

static void base36(uint64_t value, char ret[16])
{
    char reversed[16];
    size_t len = 0;
    do {
        reversed[len++] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
        value /= 36;
    } while (value && len < sizeof(reversed) - 1);
    for (size_t i = 0; i < len; i++)
        ret[i] = reversed[len - 1 - i];
    ret[len] = '\0';
}

/* HOME/sock/ACTOR.INSTANCE.PID.START, and the same with ".e" for events. */
static int name_addresses(struct bus_server *server, struct bus_error *err)
{
    struct bus_name *name = &server->name;
    char path[BUS_PATH_MAX];
    char start[16];
    base36((uint64_t)name->started, start);
    const char *scheme = server->bus->memory ? "mem" : "ipc";
    int len = snprintf(path, sizeof(path), "%s/sock/%s.%s.%d.%s",
                       server->bus->memory ? "" : server->bus->home,
                       name->actor, name->instance, name->pid, start);
    if (len < 0 || len + 2 > BUS_SOCKET_PATH_MAX)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "%.300s: a socket's path holds at most %d bytes; "
                             "choose a shorter home",
                             path, BUS_SOCKET_PATH_MAX);
    snprintf(name->url, sizeof(name->url), "%s://%.*s", scheme, len, path);
    snprintf(name->events, sizeof(name->events), "%s://%.*s.e", scheme, len,
             path);
    return BUS_OK;
}

static int name_fill(struct bus_server *server,
                     const struct bus_server_options *options,
                     struct bus_error *err)
{
    static _Atomic int64_t last; /* two starts in one us still differ */
    struct bus_name *name = &server->name;
    const char *node = options->node ? options->node : "";
    if (!bus_name_valid(options->actor) || !bus_name_valid(options->instance) ||
        strlen(options->instance) >= BUS_INSTANCE_MAX ||
        (node[0] && !bus_name_valid(node)))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "not a name: actor \"%s\", instance \"%s\"",
                             options->actor, options->instance);
    snprintf(name->actor, sizeof(name->actor), "%s", options->actor);
    snprintf(name->instance, sizeof(name->instance), "%s", options->instance);
    snprintf(name->node, sizeof(name->node), "%s", node);
    snprintf(name->key, sizeof(name->key), "%s",
             options->key ? options->key : "");
    snprintf(name->affinity, sizeof(name->affinity), "%s",
             options->affinity ? options->affinity : "");
    name->pid = (int32_t)getpid();
    int64_t seen = atomic_load(&last);
    do {
        name->started = bus_wall(server->bus->clock);
        if (name->started <= seen)
            name->started = seen + 1;
    } while (!atomic_compare_exchange_weak(&last, &seen, name->started));
    return name_addresses(server, err);
}

static struct bus_server *server_new(struct bus *bus,
                                     const struct bus_server_options *options)
{
    struct bus_server *server = calloc(1, sizeof(*server));
    if (!server)
        abort();
    server->bus = bus;
    server->serve = options->serve;
    server->arg = options->arg;
    server->frame_max = options->frame_bytes_max ? options->frame_bytes_max
                                                 : BUS_FRAME_BYTES_MAX;
    atomic_init(&server->refs, 1);
    pthread_mutex_init(&server->lock, NULL);
    pthread_mutex_init(&server->dirty_lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &attr);
    pthread_condattr_destroy(&attr);
    return server;
}

static int hub_open(struct bus_server *server, const char *url,
                    struct link_radio *radio, struct link_hub **ret,
                    struct bus_error *err)
{
    struct link_net *net = server->bus->net;
    struct link_listen listen = {
        .url = url,
        .frame_max = server->frame_max,
        .radio = radio,
        .owner = &hub_owner,
        .arg = server,
    };
    atomic_fetch_add(&server->refs, 1); /* the hub's, until gone */
    server->hubs++;
    int code = net->carrier->listen(net, &listen, ret, err);
    if (code != BUS_OK) {
        server->hubs--;
        server_unref(server);
    }
    return code;
}

/* The address for other nodes, for their calls and their subscribers, beside
 * those for this. Replica N of an actor
 * takes the port N - 1 above the one it is given, unless that is 0: any. */
static int far_listen(struct bus_server *server, const char *listen_on,
                      struct bus_error *err)
{
    char url[BUS_URL_MAX];
    struct bus_wire wire;
    const struct bus *bus = server->bus;
    int number = (int)strtol(server->name.instance, NULL, 10);
    if (bus->memory || !listen_on || !*listen_on)
        return BUS_OK;
    int code = bus_wire_read(bus->home, &wire, err);
    if (code == BUS_OK)
        code = bus_wire_listen(&wire, listen_on, number > 1 ? number - 1 : 0,
                               url, err);
    if (code == BUS_OK)
        code = hub_open(server, url, server->radio, &server->far, err);
    if (code != BUS_OK)
        return code;
    int port = server->far->carrier->hub_port(server->far);
    return bus_wire_public(url, port, server->name.tcp, err);
}

/* Closing is asynchronous: hubs counts those not gone. */
static void hubs_close(struct bus_server *server)
{
    server->hub->carrier->hub_close(server->hub);
    if (server->far)
        server->far->carrier->hub_close(server->far);
}

static int server_listen(struct bus_server *server, const char *listen_on,
                         struct bus_error *err)
{
    int code = hub_open(server, server->name.url, NULL, &server->hub, err);
    if (code != BUS_OK)
        return code;
    code = far_listen(server, listen_on, err);
    if (code != BUS_OK)
        hubs_close(server);
    return code;
}

static void server_join(struct bus_server *server)
{
    struct bus *bus = server->bus;
    pthread_mutex_lock(&bus->server_lock);
    server->next = bus->servers;
    bus->servers = server;
    pthread_mutex_unlock(&bus->server_lock);
}

static void server_leave(struct bus_server *server)
{
    struct bus *bus = server->bus;
    pthread_mutex_lock(&bus->server_lock);
    struct bus_server **at = &bus->servers;
    while (*at && *at != server)
        at = &(*at)->next;
    if (*at)
        *at = server->next;
    pthread_mutex_unlock(&bus->server_lock);
}

int bus_server_open(struct bus *bus, const struct bus_server_options *options,
                    struct bus_server **ret, struct bus_error *err)
{
    struct bus_server *server = server_new(bus, options);
    int code = name_fill(server, options, err);
    if (code == BUS_OK)
        code = event_source_open(server, err);
    if (code == BUS_OK)
        code = server_listen(server, options->listen_on, err);
    if (code != BUS_OK) {
        event_source_close(server);
        server_unref(server);
        return code;
    }
    server_join(server);
    *ret = server;
    return BUS_OK;
}

int bus_server_publish(struct bus_server *server, struct bus_error *err)
{
    return bus_names_publish(server->bus->names, &server->name, err);
}

/* ---- Drain points ---- */

static void server_flush(struct bus_server *server)
{
    if (!atomic_load_explicit(&server->some_dirty, memory_order_acquire))
        return;
    pthread_mutex_lock(&server->dirty_lock);
    struct bus_peer *list = server->dirty;
    server->dirty = NULL;
    atomic_store(&server->some_dirty, false);
    pthread_mutex_unlock(&server->dirty_lock);
    while (list) {
        struct bus_peer *peer = list;
        list = peer->dirty_next;
        peer_flush(peer);
        peer_unref(peer);
    }
}

void bus_server_flush(struct bus_server *server)
{
    server_flush(server);
    bus_settle(server->bus);
}

void servers_flush(struct bus *bus)
{
    pthread_mutex_lock(&bus->server_lock);
    for (struct bus_server *s = bus->servers; s; s = s->next)
        server_flush(s);
    pthread_mutex_unlock(&bus->server_lock);
    bus_settle(bus);
}

/* Cuts those whose malformed frame was answered. Returns when the next is due.
 */
static int64_t cut_doomed(struct bus_server *server, int64_t now)
{
    int64_t next = BUS_FOREVER;
    pthread_mutex_lock(&server->lock);
    for (struct bus_peer *peer = server->peers; peer; peer = peer->next) {
        int64_t doom = peer->doom;
        if (doom > now && doom < next)
            next = doom;
        if (!doom || doom > now)
            continue;
        pthread_mutex_lock(&peer->lock);
        if (peer->link)
            peer->link->carrier->drop(peer->link);
        pthread_mutex_unlock(&peer->lock);
    }
    pthread_mutex_unlock(&server->lock);
    return next;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t servers_tick(struct bus *bus, int64_t now)
{
    int64_t next = BUS_FOREVER;
    servers_flush(bus);
    pthread_mutex_lock(&bus->server_lock);
    for (struct bus_server *s = bus->servers; s; s = s->next)
        next = least(next, cut_doomed(s, now));
    pthread_mutex_unlock(&bus->server_lock);
    return next;
}

/* ---- Leaving ---- */

/* A multiplexed caller that has not said farewell, or lacks replies. */
static bool peer_owes(struct bus_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    bool owes = peer->link && (peer->head || peer->busy ||
                               (peer->said_goodbye && !peer->farewell));
    pthread_mutex_unlock(&peer->lock);
    return owes;
}

static bool all_settled(struct bus_server *server)
{
    for (struct bus_peer *peer = server->peers; peer; peer = peer->next)
        if (peer_owes(peer))
            return false;
    return true;
}

static struct timespec slice_end(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)ms * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static void wait_settled(struct bus_server *server, int64_t deadline)
{
    pthread_mutex_lock(&server->lock);
    while (!all_settled(server) && bus_now(server->bus->clock) < deadline &&
           !server->bus->memory) {
        struct timespec until = slice_end(WAIT_SLICE_MS);
        pthread_cond_timedwait(&server->changed, &server->lock, &until);
    }
    pthread_mutex_unlock(&server->lock);
}

static void goodbye_all(struct bus_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct bus_peer *peer = server->peers; peer; peer = peer->next)
        peer_goodbye(peer);
    pthread_mutex_unlock(&server->lock);
    bus_settle(server->bus);
}

void bus_server_drain(struct bus_server *server, int64_t deadline)
{
    bus_names_withdraw(server->bus->names, server->name.actor,
                       server->name.instance);
    server->draining = true;
    bus_server_flush(server);
    goodbye_all(server);
    wait_settled(server, deadline);
}

/* Plain callers acknowledge nothing: their last answers get a moment. */
static void linger_plain(struct bus_server *server)
{
    bool plain = false;
    pthread_mutex_lock(&server->lock);
    for (struct bus_peer *peer = server->peers; peer; peer = peer->next)
        plain |= !peer->multi;
    struct timespec until = slice_end(PLAIN_LINGER_MS);
    while (plain && pthread_cond_timedwait(&server->changed, &server->lock,
                                           &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&server->lock);
}

static void wait_hub_gone(struct bus_server *server)
{
    struct timespec until = slice_end(0);
    until.tv_sec += LINK_CLOSE_MS / 1000;
    int rc = 0;
    bus_settle(server->bus);
    pthread_mutex_lock(&server->lock);
    while (server->hubs && rc == 0)
        rc = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    pthread_mutex_unlock(&server->lock);
}

void bus_server_close(struct bus_server *server)
{
    if (!server)
        return;
    struct bus *bus = server->bus;
    bus_names_withdraw(bus->names, server->name.actor, server->name.instance);
    server->draining = true;
    bus_server_flush(server);
    goodbye_all(server); /* whose acknowledgement says: all replies are here */
    wait_settled(server, bus_now(bus->clock) + LAST_WORDS_MS * BUS_MILLI);
    if (!bus->memory)
        linger_plain(server);
    server_leave(server);
    event_source_close(server);
    hubs_close(server);
    wait_hub_gone(server);
    bus_server_flush(server); /* drops the dirty list's references */
    server_unref(server);
}

void bus_server_stats(struct bus_server *server, struct bus_server_stats *ret)
{
    pthread_mutex_lock(&server->lock);
    uint64_t peers = server->peer_count;
    uint64_t unsent = 0;
    for (struct bus_peer *peer = server->peers; peer; peer = peer->next) {
        pthread_mutex_lock(&peer->lock);
        unsent += peer->queued;
        pthread_mutex_unlock(&peer->lock);
    }
    pthread_mutex_unlock(&server->lock);
    *ret = (struct bus_server_stats){
        .frames_in = server->frames_in,
        .frames_out = server->frames_out,
        .requests = server->requests,
        .replies = server->replies,
        .dropped = server->dropped,
        .peers = peers,
        .unsent = unsent,
    };
}
