/* SPDX-License-Identifier: MIT
 *
 * One accept is always under way until closing, or a wait for the next. Every
 * connection is a guest in a list, so that closing can cut them all; guests
 * that have not shaken hands are unknown to the owner.
 */
#include "bus/listen.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <nng/nng.h>

#include "bus/clock.h"
#include "bus/code.h"

struct guest {
    struct guest *next, **at; /* in the listener's list, under its lock */
    struct listener *listener;
    struct conn *conn;
    const struct listener_owner *owner; /* once accepted; NULL: not yet */
    void *arg;
};

struct listener {
    struct chore chore; /* the wait; the end */
    struct chores *chores;
    struct conn_kind kind;
    const struct listener_owner *owner;
    void *arg;
    struct listener_also also;
    nng_stream_listener *listener;
    nng_aio *aio;
    atomic_uint refs; /* the accepting, guests not gone */

    pthread_mutex_t lock;
    struct guest *guests;
    bool waiting;
    bool closing;
};

static struct listener *listener_of(struct chore *chore)
{
    return (struct listener *)(void *)((char *)chore -
                                       offsetof(struct listener, chore));
}

static void listener_free(struct chore *chore)
{
    struct listener *listener = listener_of(chore);
    nng_aio_free(listener->aio);
    nng_stream_listener_free(listener->listener);
    pthread_mutex_destroy(&listener->lock);
    if (listener->owner->gone)
        listener->owner->gone(listener->arg);
    if (listener->also.owner)
        listener->also.owner->gone(listener->also.arg);
    struct chores *chores = listener->chores;
    free(listener);
    chores_drop(chores);
}

static void listener_unref(struct listener *listener)
{
    if (atomic_fetch_sub(&listener->refs, 1) == 1)
        chores_put(listener->chores, &listener->chore, listener_free, 0);
}

/* ---- Guests ---- */

static void guest_opened(void *arg, struct conn *conn)
{
    struct guest *guest = arg;
    const struct listener *listener = guest->listener;
    bool other =
        listener->also.owner && conn_peer(conn) == listener->kind.also_peer;
    guest->owner = other ? listener->also.owner : listener->owner;
    guest->owner->accept(other ? listener->also.arg : listener->arg, conn,
                         &guest->arg);
}

static void guest_message(void *arg, struct bus_bytes message)
{
    struct guest *guest = arg;
    guest->owner->message(guest->arg, message);
}

static void guest_sent(void *arg, bool taken)
{
    struct guest *guest = arg;
    guest->owner->sent(guest->arg, taken);
}

static void guest_closed(void *arg)
{
    struct guest *guest = arg;
    struct listener *listener = guest->listener;
    pthread_mutex_lock(&listener->lock);
    *guest->at = guest->next;
    if (guest->next)
        guest->next->at = guest->at;
    pthread_mutex_unlock(&listener->lock);
    if (guest->owner)
        guest->owner->closed(guest->arg);
}

static void guest_gone(void *arg)
{
    struct guest *guest = arg;
    struct listener *listener = guest->listener;
    if (guest->owner && guest->owner->guest_gone)
        guest->owner->guest_gone(guest->arg);
    free(guest);
    listener_unref(listener);
}

static const struct conn_owner guest_conn = {
    .opened = guest_opened,
    .message = guest_message,
    .sent = guest_sent,
    .closed = guest_closed,
    .gone = guest_gone,
};

/* Lock held. */
static void guest_add(struct listener *listener, nng_stream *stream)
{
    struct guest *guest = conn_zeroed(sizeof(*guest));
    const struct conn_start start = {
        .chores = listener->chores,
        .kind = listener->kind,
        .stream = stream,
        .owner = &guest_conn,
        .arg = guest,
    };
    guest->listener = listener;
    guest->at = &listener->guests;
    guest->next = listener->guests;
    if (guest->next)
        guest->next->at = &guest->next;
    listener->guests = guest;
    atomic_fetch_add(&listener->refs, 1);
    conn_start(&start, &guest->conn);
    if (listener->closing)
        conn_cut(guest->conn);
}

/* ---- Accepting ---- */

static void accept_again(struct chore *chore)
{
    struct listener *listener = listener_of(chore);
    pthread_mutex_lock(&listener->lock);
    bool first = listener->waiting; /* closing may ask once more */
    bool closing = listener->closing;
    listener->waiting = false;
    if (!closing)
        nng_stream_listener_accept(listener->listener, listener->aio);
    pthread_mutex_unlock(&listener->lock);
    if (closing && first)
        listener_unref(listener);
}

static void accept_done(void *arg)
{
    struct listener *listener = arg;
    int rv = nng_aio_result(listener->aio);
    pthread_mutex_lock(&listener->lock);
    bool closing = listener->closing;
    if (!rv)
        guest_add(listener, nng_aio_get_output(listener->aio, 0));
    if (!closing && !rv) {
        nng_stream_listener_accept(listener->listener, listener->aio);
    } else if (!closing) {
        listener->waiting = true;
        chores_put(listener->chores, &listener->chore, accept_again,
                   bus_now(&bus_clock_system) + LISTEN_AGAIN_MS * BUS_MILLI);
    }
    pthread_mutex_unlock(&listener->lock);
    if (closing)
        listener_unref(listener);
}

/* ---- What the owner wants ---- */

static void never_began(struct listener *listener)
{
    nng_stream_listener_free(listener->listener);
    nng_aio_free(listener->aio);
    pthread_mutex_destroy(&listener->lock);
    free(listener);
}

int listener_start(const struct listener_start *start, struct listener **ret,
                   struct bus_error *err)
{
    nng_stream_listener *made;
    int rv = nng_stream_listener_alloc(&made, start->url);
    if (rv)
        return conn_failed(rv, "listen on", start->url, err);
    if (start->tls)
        rv = nng_stream_listener_set_ptr(made, NNG_OPT_TLS_CONFIG, start->tls);
    if (rv) {
        nng_stream_listener_free(made);
        return conn_failed(rv, "listen on", start->url, err);
    }
    struct listener *listener = conn_zeroed(sizeof(*listener));
    listener->listener = made;
    if (nng_aio_alloc(&listener->aio, accept_done, listener))
        abort();
    nng_aio_set_timeout(listener->aio, NNG_DURATION_INFINITE);
    listener->chores = start->chores;
    listener->kind = start->kind;
    listener->owner = start->owner;
    listener->arg = start->arg;
    listener->also = start->also;
    atomic_init(&listener->refs, 1);
    pthread_mutex_init(&listener->lock, NULL);
    rv = nng_stream_listener_listen(made);
    if (rv) {
        never_began(listener);
        return conn_failed(rv, "listen on", start->url, err);
    }
    chores_hold(listener->chores);
    *ret = listener;
    nng_stream_listener_accept(made, listener->aio);
    return BUS_OK;
}

int listener_port(struct listener *listener)
{
    int port = 0;
    nng_stream_listener_get_int(listener->listener, NNG_OPT_TCP_BOUND_PORT,
                                &port);
    return port;
}

void listener_close(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    listener->closing = true;
    nng_stream_listener_close(listener->listener);
    for (struct guest *guest = listener->guests; guest; guest = guest->next)
        conn_cut(guest->conn);
    if (listener->waiting)
        chores_put(listener->chores, &listener->chore, accept_again, 0);
    pthread_mutex_unlock(&listener->lock);
}
