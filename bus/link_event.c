/* SPDX-License-Identifier: MIT
 *
 * nng's carrier for events: a radio is one PUB socket, an ear one SUB socket.
 * The rules of link.c hold here too. A publisher cannot be asked to pause, so
 * an ear that is closed first falls deaf, which its owner sees as closed; the
 * socket follows when nothing has come for a moment, or is left to the kernel
 * if events never cease until the end.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>

#include "bus/clock.h"
#include "bus/code.h"
#include "bus/frame.h"
#include "bus/link_nng.h"

#define RADIO_QUEUE 4096 /* messages a subscriber may lag */
#define MESSAGE_LEAST 64 /* publishers are told nothing */

struct nng_radio {
    struct link_radio base;
    struct reap reap;
    struct nng_net *net;
    nng_socket socket;
    pthread_mutex_t lock;      /* held while joined is called */
    void (*joined)(void *arg); /* NULL: closed */
    void *arg;
};

struct nng_ear {
    struct link_ear base;
    struct reap reap;
    struct nng_net *net;
    const struct link_ear_owner *owner;
    void *arg;
    nng_socket socket;
    nng_aio *recv_aio;
    _Atomic int64_t heard; /* when anything last came */
    pthread_mutex_t lock;  /* held while the owner is told */
    bool deaf;             /* closed: the owner is told nothing */
    struct nng_ear *next;  /* among those left */
};

/* Ears that were never quiet: their sockets are the kernel's to close. */
static struct {
    pthread_mutex_t lock;
    struct nng_ear *first;
} left = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void radio_pipe_event(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void)pipe;
    (void)event;
    struct nng_radio *radio = arg;
    pthread_mutex_lock(&radio->lock);
    if (radio->joined)
        radio->joined(radio->arg);
    pthread_mutex_unlock(&radio->lock);
}

static void radio_end(struct nng_radio *radio)
{
    nng_close(radio->socket);
    pthread_mutex_destroy(&radio->lock);
    free(radio);
}

static void radio_reap(struct reap *reap)
{
    radio_end(OWNER_OF(struct nng_radio, reap, reap));
}

static int radio_start(struct nng_radio *radio, const char *url)
{
    nng_socket socket = radio->socket;
    int rv = nng_socket_set_int(socket, NNG_OPT_SENDBUF, RADIO_QUEUE);
    if (!rv)
        rv = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, MESSAGE_LEAST);
    if (!rv)
        rv = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, radio_pipe_event,
                             radio);
    return rv ? rv : nng_listen(socket, url, NULL, 0);
}

int link_radio_open(struct link_net *base,
                    const struct link_listen_events *listen,
                    struct link_radio **ret, struct bus_error *err)
{
    nng_socket socket;
    int rv = nng_pub0_open(&socket);
    if (rv)
        return link_failed(rv, "publish on", listen->url, err);
    struct nng_radio *radio = link_zeroed(sizeof(*radio));
    radio->base.carrier = &link_carrier_nng;
    radio->net = (struct nng_net *)base;
    radio->reap.run = radio_reap;
    radio->socket = socket;
    pthread_mutex_init(&radio->lock, NULL);
    radio->joined = listen->joined;
    radio->arg = listen->arg;
    *ret = &radio->base;
    rv = radio_start(radio, listen->url);
    if (!rv)
        return BUS_OK;
    *ret = NULL;
    radio_end(radio);
    return link_failed(rv, "publish on", listen->url, err);
}

void link_radio_send(struct link_radio *base, struct bus_bytes message)
{
    struct nng_radio *radio = (struct nng_radio *)base;
    nng_msg *msg = link_message(message);
    if (nng_sendmsg(radio->socket, msg, NNG_FLAG_NONBLOCK))
        nng_msg_free(msg);
}

void link_radio_close(struct link_radio *base)
{
    struct nng_radio *radio = (struct nng_radio *)base;
    pthread_mutex_lock(&radio->lock);
    radio->joined = NULL;
    pthread_mutex_unlock(&radio->lock);
    reap_later(radio->net->reaper, &radio->reap);
}

static void ear_noted(struct nng_ear *ear)
{
    atomic_store_explicit(&ear->heard, bus_now(&bus_clock_system),
                          memory_order_relaxed);
}

static void ear_recv_done(void *arg)
{
    struct nng_ear *ear = arg;
    if (nng_aio_result(ear->recv_aio))
        return; /* closed */
    nng_msg *msg = nng_aio_get_msg(ear->recv_aio);
    nng_aio_set_msg(ear->recv_aio, NULL);
    ear_noted(ear);
    pthread_mutex_lock(&ear->lock);
    if (!ear->deaf)
        ear->owner->heard(ear->arg, link_body(msg));
    pthread_mutex_unlock(&ear->lock);
    nng_msg_free(msg);
    nng_recv_aio(ear->socket, ear->recv_aio);
}

static void ear_pipe_event(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void)pipe;
    struct nng_ear *ear = arg;
    ear_noted(ear);
    pthread_mutex_lock(&ear->lock);
    if (!ear->deaf && event == NNG_PIPE_EV_ADD_POST)
        ear->owner->up(ear->arg);
    else if (!ear->deaf)
        ear->owner->down(ear->arg);
    pthread_mutex_unlock(&ear->lock);
}

static void ear_end(struct nng_ear *ear)
{
    nng_aio_stop(ear->recv_aio);
    nng_close(ear->socket);
    link_aio_end(ear->recv_aio);
    pthread_mutex_destroy(&ear->lock);
    free(ear);
}

static void ear_reap(struct reap *reap)
{
    ear_end(OWNER_OF(struct nng_ear, reap, reap));
}

static int64_t ear_due(struct reap *reap)
{
    struct nng_ear *ear = OWNER_OF(struct nng_ear, reap, reap);
    return atomic_load(&ear->heard) + LINK_QUIET_NS;
}

static void ear_leave(struct reap *reap)
{
    struct nng_ear *ear = OWNER_OF(struct nng_ear, reap, reap);
    nng_aio_stop(ear->recv_aio);
    pthread_mutex_lock(&left.lock);
    ear->next = left.first;
    left.first = ear;
    pthread_mutex_unlock(&left.lock);
}

void link_ear_close(struct link_ear *base)
{
    struct nng_ear *ear = (struct nng_ear *)base;
    struct reaper *reaper = ear->net->reaper;
    pthread_mutex_lock(&ear->lock);
    ear->deaf = true;
    pthread_mutex_unlock(&ear->lock);
    ear->owner->gone(ear->arg);
    reap_later(reaper, &ear->reap);
}

static int ear_start(struct nng_ear *ear, const struct link_follow *follow)
{
    nng_socket socket = ear->socket;
    /* Everything: what nng left out could not be told from what was lost. */
    int rv = nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);
    if (!rv)
        rv = nng_socket_set_int(socket, NNG_OPT_RECVBUF, RADIO_QUEUE);
    if (!rv)
        rv = link_limits(socket, BUS_FRAME_BYTES_MAX);
    if (!rv)
        rv = link_events(socket, ear_pipe_event, ear);
    return rv ? rv : nng_dial(socket, follow->url, NULL, NNG_FLAG_NONBLOCK);
}

int link_ear_open(struct link_net *base, const struct link_follow *follow,
                  struct link_ear **ret, struct bus_error *err)
{
    nng_socket socket;
    int rv = nng_sub0_open(&socket);
    if (rv)
        return link_failed(rv, "follow", follow->url, err);
    struct nng_ear *ear = link_zeroed(sizeof(*ear));
    ear->base.carrier = &link_carrier_nng;
    ear->reap.run = ear_reap;
    ear->reap.due = ear_due;
    ear->reap.leave = ear_leave;
    pthread_mutex_init(&ear->lock, NULL);
    ear->net = (struct nng_net *)base;
    ear->owner = follow->owner;
    ear->arg = follow->arg;
    ear->socket = socket;
    ear->recv_aio = link_aio_new(ear_recv_done, ear);
    rv = ear_start(ear, follow);
    if (rv) {
        ear_end(ear);
        return link_failed(rv, "follow", follow->url, err);
    }
    *ret = &ear->base;
    nng_recv_aio(socket, ear->recv_aio);
    return BUS_OK;
}
