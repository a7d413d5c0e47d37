/* SPDX-License-Identifier: MIT
 *
 * nng's carrier: only this file and link_event.c include nng. A dialled link is
 * one raw REQ socket, a hub one raw REP socket with a link for every pipe.
 * Callbacks of nng's come in on its threads and go straight to the owner.
 *
 * Written for nng 1.5.2 and its faults: frames leave by aio and the next is
 * given only when the last was taken, so a raw REP never has more than one
 * waiting above its pipe; on a pipe's removal the pending send is cancelled,
 * for it would reach whoever connects next; sizes are limited on every socket;
 * no time-out of nng's is used (they follow the wall clock); nothing is ever
 * inserted into a message; sockets are closed by one thread of their own, whose
 * hanging is waited for with a limit, and only after every aio on them was
 * stopped: one begun while its raw socket closes is left on a queue that is
 * freed. Nor is a pipe closed at the moment that it goes on to receive the next
 * frame: that receive may never end, and nng's one closing thread waits for it
 * for ever; so sockets are closed when they have been quiet for a moment.
 */
#include "bus/link.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "bus/clock.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/frame.h"
#include "bus/link_nng.h"

#define URL_MAX 160
#define REQUEST_BIT UINT32_C(0x80000000) /* ends the SP backtrace */
#define HEADER_ROOM 64                   /* of RECVMAXSZ: ids before a frame */
#define HUB_BUCKETS 64

struct nng_hub;

struct nng_link {
    struct link base;
    struct reap reap;
    struct nng_net *net;
    struct nng_hub *hub; /* NULL: dialled */
    const struct link_owner *owner;
    void *arg;
    nng_socket socket;
    nng_aio *send_aio;
    nng_aio *recv_aio;     /* dialled links */
    atomic_uint pipe;      /* 0: not connected */
    _Atomic int64_t heard; /* when the last frame came */
    uint32_t request;      /* last id used, dialled links */
    atomic_uint refs;      /* of a hub's link: the map, running callbacks */
    bool stopped;          /* a hub's link, under the hub's lock */
    struct nng_link *next; /* in the hub's bucket */
};

struct nng_hub {
    struct link_hub base;
    struct reap reap;
    struct nng_net *net;
    const struct link_hub_owner *owner;
    void *arg;
    nng_socket socket;
    nng_listener listener;
    nng_aio *recv_aio;
    _Atomic int64_t heard; /* when the last frame came */
    pthread_mutex_t lock;
    bool closing; /* takes no connection any more */
    struct nng_link *buckets[HUB_BUCKETS];
    char url[URL_MAX];
};

void *link_zeroed(size_t size)
{
    void *made = calloc(1, size);
    if (!made)
        abort();
    return made;
}

int link_failed(int rv, const char *what, const char *url,
                struct bus_error *err)
{
    int code = rv == NNG_EADDRINUSE ? BUS_ALREADY_EXISTS : BUS_UNAVAILABLE;
    return bus_error_set(err, code, "cannot %s %s: %s", what, url,
                         nng_strerror(rv));
}

nng_aio *link_aio_new(void (*done)(void *), void *arg)
{
    nng_aio *aio;
    if (nng_aio_alloc(&aio, done, arg))
        abort();
    nng_aio_set_timeout(aio, NNG_DURATION_INFINITE);
    return aio;
}

void link_aio_end(nng_aio *aio)
{
    if (!aio)
        return;
    nng_aio_stop(aio);
    nng_msg *left = nng_aio_get_msg(aio);
    if (left && nng_aio_result(aio) != 0)
        nng_msg_free(left);
    nng_aio_free(aio);
}

/* Waits until the last frame is a while ago. */
static void quiet_wait(_Atomic int64_t *heard)
{
    for (;;) {
        int64_t left =
            atomic_load(heard) + LINK_QUIET_NS - bus_now(&bus_clock_system);
        if (left <= 0)
            return;
        struct timespec pause = {.tv_nsec = left};
        nanosleep(&pause, NULL);
    }
}

/* ---- Links ---- */

static void link_send_done(void *arg)
{
    struct nng_link *link = arg;
    bool taken = nng_aio_result(link->send_aio) == 0;
    if (!taken)
        nng_msg_free(nng_aio_get_msg(link->send_aio));
    nng_aio_set_msg(link->send_aio, NULL);
    link->owner->sent(link->arg, taken);
}

static void header_add(nng_msg *msg, const void *bytes, size_t len)
{
    if (nng_msg_header_append(msg, bytes, len))
        abort();
}

nng_msg *link_message(struct bus_bytes frame)
{
    nng_msg *msg;
    if (nng_msg_alloc(&msg, frame.len))
        abort();
    if (frame.len)
        memcpy(nng_msg_body(msg), frame.data, frame.len);
    return msg;
}

static void link_send(struct link *base, const struct link_route *route,
                      struct bus_bytes frame)
{
    struct nng_link *link = (struct nng_link *)base;
    nng_msg *msg = link_message(frame);
    if (link->hub && nng_msg_header_append_u32(msg, atomic_load(&link->pipe)))
        abort();
    if (route)
        header_add(msg, route->bytes, route->len);
    else if (nng_msg_header_append_u32(msg, REQUEST_BIT | ++link->request))
        abort();
    nng_aio_set_msg(link->send_aio, msg);
    nng_send_aio(link->socket, link->send_aio);
}

static void link_drop(struct link *base)
{
    struct nng_link *link = (struct nng_link *)base;
    nng_pipe pipe = {.id = atomic_load(&link->pipe)};
    if (pipe.id)
        nng_pipe_close(pipe);
}

struct bus_bytes link_body(nng_msg *msg)
{
    return (struct bus_bytes){nng_msg_body(msg), nng_msg_len(msg)};
}

static void link_recv_done(void *arg)
{
    struct nng_link *link = arg;
    if (nng_aio_result(link->recv_aio))
        return; /* closed */
    nng_msg *msg = nng_aio_get_msg(link->recv_aio);
    nng_aio_set_msg(link->recv_aio, NULL);
    atomic_store_explicit(&link->heard, bus_now(&bus_clock_system),
                          memory_order_relaxed);
    if ((uint32_t)nng_msg_get_pipe(msg).id == atomic_load(&link->pipe))
        link->owner->frame(link->arg, NULL, link_body(msg));
    nng_msg_free(msg);
    nng_recv_aio(link->socket, link->recv_aio);
}

static void link_pipe_event(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct nng_link *link = arg;
    if (event == NNG_PIPE_EV_ADD_POST) {
        atomic_store(&link->pipe, (unsigned)pipe.id);
        link->owner->up(link->arg);
        return;
    }
    if (atomic_load(&link->pipe) != (unsigned)pipe.id)
        return;
    atomic_store(&link->pipe, 0);
    link->owner->down(link->arg);
    nng_aio_cancel(link->send_aio);
}

static void link_reap(struct reap *reap)
{
    struct nng_link *link = OWNER_OF(struct nng_link, reap, reap);
    nng_aio_stop(link->recv_aio);
    nng_aio_stop(link->send_aio);
    quiet_wait(&link->heard);
    nng_close(link->socket);
    link_aio_end(link->send_aio);
    link_aio_end(link->recv_aio);
    link->owner->gone(link->arg);
    free(link);
}

static void link_close(struct link *base)
{
    struct nng_link *link = (struct nng_link *)base;
    reap_later(link->net->reaper, &link->reap);
}

int link_limits(nng_socket socket, size_t frame_max)
{
    int rv =
        nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, frame_max + HEADER_ROOM);
    if (!rv)
        rv = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, LINK_REDIAL_MIN_MS);
    if (!rv)
        rv = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, LINK_REDIAL_MAX_MS);
    return rv;
}

int link_events(nng_socket socket, nng_pipe_cb heard, void *arg)
{
    int rv = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, heard, arg);
    if (!rv)
        rv = nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, heard, arg);
    return rv;
}

static int link_dial(struct link_net *base, const struct link_dial *dial,
                     struct link **ret, struct bus_error *err)
{
    nng_socket socket;
    int rv = nng_req0_open_raw(&socket);
    if (rv)
        return link_failed(rv, "dial", dial->url, err);
    struct nng_link *link = link_zeroed(sizeof(*link));
    link->base.carrier = &link_carrier_nng;
    link->net = (struct nng_net *)base;
    link->reap.run = link_reap;
    link->owner = dial->owner;
    link->arg = dial->arg;
    link->socket = socket;
    link->send_aio = link_aio_new(link_send_done, link);
    link->recv_aio = link_aio_new(link_recv_done, link);
    *ret = &link->base; /* up may be heard before we return */
    rv = link_limits(socket, BUS_FRAME_BYTES_MAX);
    if (!rv)
        rv = link_events(socket, link_pipe_event, link);
    if (!rv)
        rv = nng_dial(socket, dial->url, NULL, NNG_FLAG_NONBLOCK);
    if (!rv) {
        nng_recv_aio(socket, link->recv_aio);
        return BUS_OK;
    }
    *ret = NULL;
    nng_close(socket);
    link_aio_end(link->send_aio);
    link_aio_end(link->recv_aio);
    free(link);
    return link_failed(rv, "dial", dial->url, err);
}

/* ---- Hubs ---- */

static struct nng_link **hub_slot(struct nng_hub *hub, uint32_t pipe)
{
    struct nng_link **slot = &hub->buckets[pipe % HUB_BUCKETS];
    while (*slot && atomic_load(&(*slot)->pipe) != pipe)
        slot = &(*slot)->next;
    return slot;
}

static void peer_reap(struct reap *reap)
{
    struct nng_link *link = OWNER_OF(struct nng_link, reap, reap);
    link_aio_end(link->send_aio);
    link->owner->gone(link->arg);
    free(link);
}

static void peer_unref(struct nng_link *link)
{
    if (atomic_fetch_sub(&link->refs, 1) == 1)
        reap_later(link->net->reaper, &link->reap);
}

static bool hub_open(struct nng_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    bool open = !hub->closing;
    pthread_mutex_unlock(&hub->lock);
    return open;
}

/* Lock not held: the owner has locks of its own. False: closing meanwhile. */
static bool hub_insert(struct nng_hub *hub, struct nng_link *link)
{
    pthread_mutex_lock(&hub->lock);
    bool open = !hub->closing;
    struct nng_link **slot = &hub->buckets[link->pipe % HUB_BUCKETS];
    if (open) {
        link->next = *slot;
        *slot = link;
    }
    pthread_mutex_unlock(&hub->lock);
    return open;
}

static void hub_add(struct nng_hub *hub, uint32_t pipe)
{
    struct nng_link *link = link_zeroed(sizeof(*link));
    link->base.carrier = &link_carrier_nng;
    link->net = hub->net;
    link->hub = hub;
    link->reap.run = peer_reap;
    link->owner = hub->owner->peer;
    link->socket = hub->socket;
    link->send_aio = link_aio_new(link_send_done, link);
    atomic_init(&link->pipe, pipe);
    atomic_init(&link->refs, 1);
    link->arg = hub->owner->accept(hub->arg, &link->base);
    if (hub_insert(hub, link))
        return;
    link->owner->down(link->arg);
    peer_unref(link);
}

static void hub_remove(struct nng_hub *hub, uint32_t pipe)
{
    pthread_mutex_lock(&hub->lock);
    struct nng_link **slot = hub_slot(hub, pipe);
    struct nng_link *link = *slot;
    if (link)
        *slot = link->next;
    pthread_mutex_unlock(&hub->lock);
    if (!link)
        return;
    link->owner->down(link->arg);
    nng_aio_cancel(link->send_aio);
    peer_unref(link);
}

static void hub_pipe_event(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    if (event != NNG_PIPE_EV_ADD_PRE)
        hub_remove(arg, (uint32_t)pipe.id);
    else if (hub_open(arg))
        hub_add(arg, (uint32_t)pipe.id);
    else
        nng_pipe_close(pipe);
}

static struct nng_link *hub_find(struct nng_hub *hub, uint32_t pipe)
{
    pthread_mutex_lock(&hub->lock);
    struct nng_link *link = *hub_slot(hub, pipe);
    if (link)
        atomic_fetch_add(&link->refs, 1);
    pthread_mutex_unlock(&hub->lock);
    return link;
}

/* The header holds the pipe's id, which is ours, and then the backtrace. */
static bool route_read(nng_msg *msg, struct link_route *route)
{
    size_t len = nng_msg_header_len(msg);
    if (len < 2 * sizeof(uint32_t) || len > sizeof(uint32_t) + LINK_ROUTE_MAX)
        return false;
    route->len = (uint8_t)(len - sizeof(uint32_t));
    const uint8_t *header = nng_msg_header(msg);
    memcpy(route->bytes, header + sizeof(uint32_t), route->len);
    return true;
}

static void hub_recv_done(void *arg)
{
    struct nng_hub *hub = arg;
    if (nng_aio_result(hub->recv_aio))
        return; /* closed */
    nng_msg *msg = nng_aio_get_msg(hub->recv_aio);
    nng_aio_set_msg(hub->recv_aio, NULL);
    atomic_store_explicit(&hub->heard, bus_now(&bus_clock_system),
                          memory_order_relaxed);
    struct link_route route;
    struct nng_link *link = hub_find(hub, (uint32_t)nng_msg_get_pipe(msg).id);
    if (link && route_read(msg, &route))
        link->owner->frame(link->arg, &route, link_body(msg));
    nng_msg_free(msg);
    if (link)
        peer_unref(link);
    nng_recv_aio(hub->socket, hub->recv_aio);
}

/* One link not yet stopped, referenced; NULL: there is none. */
static struct nng_link *hub_unstopped(struct nng_hub *hub)
{
    struct nng_link *link = NULL;
    pthread_mutex_lock(&hub->lock);
    hub->closing = true;
    for (size_t i = 0; i < HUB_BUCKETS && !link; i++) {
        link = hub->buckets[i];
        while (link && link->stopped)
            link = link->next;
    }
    if (link) {
        link->stopped = true;
        atomic_fetch_add(&link->refs, 1);
    }
    pthread_mutex_unlock(&hub->lock);
    return link;
}

static void hub_free(struct nng_hub *hub)
{
    struct nng_link *link;
    while ((link = hub_unstopped(hub))) {
        nng_aio_stop(link->send_aio);
        peer_unref(link);
    }
    nng_aio_stop(hub->recv_aio);
    quiet_wait(&hub->heard);
    nng_close(hub->socket);
    link_aio_end(hub->recv_aio);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

static void hub_reap(struct reap *reap)
{
    struct nng_hub *hub = OWNER_OF(struct nng_hub, reap, reap);
    const struct link_hub_owner *owner = hub->owner;
    void *arg = hub->arg;
    hub_free(hub);
    owner->gone(arg);
}

static void hub_close(struct link_hub *base)
{
    struct nng_hub *hub = (struct nng_hub *)base;
    reap_later(hub->net->reaper, &hub->reap);
}

static int hub_start(struct nng_hub *hub, size_t frame_max)
{
    nng_socket socket = hub->socket;
    int rv = link_limits(socket, frame_max);
    if (!rv)
        rv = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, hub_pipe_event, hub);
    if (!rv)
        rv = nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, hub_pipe_event, hub);
    if (!rv)
        rv = nng_listen(socket, hub->url, &hub->listener, 0);
    if (!rv)
        nng_recv_aio(socket, hub->recv_aio);
    return rv;
}

static int hub_listen(struct link_net *base, const struct link_listen *listen,
                      struct link_hub **ret, struct bus_error *err)
{
    nng_socket socket;
    int rv = nng_rep0_open_raw(&socket);
    if (rv)
        return link_failed(rv, "listen on", listen->url, err);
    struct nng_hub *hub = link_zeroed(sizeof(*hub));
    hub->base.carrier = &link_carrier_nng;
    hub->reap.run = hub_reap;
    hub->net = (struct nng_net *)base;
    hub->owner = listen->owner;
    hub->arg = listen->arg;
    hub->socket = socket;
    hub->recv_aio = link_aio_new(hub_recv_done, hub);
    pthread_mutex_init(&hub->lock, NULL);
    snprintf(hub->url, sizeof(hub->url), "%s", listen->url);
    rv = hub_start(hub, listen->frame_max);
    if (rv) {
        hub_free(hub);
        return link_failed(rv, "listen on", listen->url, err);
    }
    *ret = &hub->base;
    return BUS_OK;
}

static int hub_relisten(struct link_hub *base, struct bus_error *err)
{
    struct nng_hub *hub = (struct nng_hub *)base;
    /* First close, which removes the socket's file, then listen: the other
     * way round the new file is the one removed. */
    nng_listener_close(hub->listener);
    int rv = nng_listen(hub->socket, hub->url, &hub->listener, 0);
    return rv ? link_failed(rv, "listen on", hub->url, err) : BUS_OK;
}

/* ---- The net ---- */

static bool net_close(struct link_net *base)
{
    struct nng_net *net = (struct nng_net *)base;
    if (!reaper_stop(net->reaper, LINK_CLOSE_MS))
        return false;
    free(net);
    return true;
}

const struct link_carrier link_carrier_nng = {
    .dial = link_dial,
    .send = link_send,
    .drop = link_drop,
    .close = link_close,
    .listen = hub_listen,
    .relisten = hub_relisten,
    .hub_close = hub_close,
    .radio_open = link_radio_open,
    .radio_send = link_radio_send,
    .radio_close = link_radio_close,
    .ear_open = link_ear_open,
    .ear_close = link_ear_close,
    .net_close = net_close,
};

struct link_net *link_net_nng(void)
{
    struct nng_net *net = link_zeroed(sizeof(*net));
    net->base.carrier = &link_carrier_nng;
    net->reaper = reaper_start();
    return &net->base;
}
