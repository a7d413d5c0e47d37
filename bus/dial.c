/* SPDX-License-Identifier: MIT
 *
 * A dialer is in one of three states, and always exactly one thing is under way
 * that will end it: nng's dialling, a connection, a wait. Closing hurries that
 * thing along; whoever then finds the dialer closing lets it go.
 */
#include "bus/dial.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <nng/nng.h>

#include "bus/clock.h"
#include "bus/code.h"

enum dialer_state { DIALLING, CONNECTED, WAITING };

struct dialer {
    struct chore chore; /* the wait; the end */
    struct chores *chores;
    struct conn_kind kind;
    const struct dialer_owner *owner;
    void *arg;
    nng_stream_dialer *dialer;
    nng_aio *aio;
    atomic_uint refs; /* what is under way, connections not gone */

    pthread_mutex_t lock;
    enum dialer_state state;
    struct conn *conn; /* CONNECTED */
    int again_ms;
    bool up; /* was told */
    bool closing;
};

static struct dialer *dialer_of(struct chore *chore)
{
    return (struct dialer *)(void *)((char *)chore -
                                     offsetof(struct dialer, chore));
}

static void dialer_free(struct chore *chore)
{
    struct dialer *dialer = dialer_of(chore);
    nng_aio_free(dialer->aio);
    nng_stream_dialer_free(dialer->dialer);
    pthread_mutex_destroy(&dialer->lock);
    if (dialer->owner->gone)
        dialer->owner->gone(dialer->arg);
    struct chores *chores = dialer->chores;
    free(dialer);
    chores_drop(chores);
}

static void dialer_unref(struct dialer *dialer)
{
    if (atomic_fetch_sub(&dialer->refs, 1) == 1)
        chores_put(dialer->chores, &dialer->chore, dialer_free, 0);
}

/* ---- The three states ---- */

static void wait_over(struct chore *chore)
{
    struct dialer *dialer = dialer_of(chore);
    pthread_mutex_lock(&dialer->lock);
    bool first = dialer->state == WAITING; /* closing may ask once more */
    bool closing = dialer->closing;
    dialer->state = DIALLING;
    if (!closing)
        nng_stream_dialer_dial(dialer->dialer, dialer->aio);
    pthread_mutex_unlock(&dialer->lock);
    if (closing && first)
        dialer_unref(dialer);
}

/* What was under way has ended without a connection, or with one. */
static void wait_begin(struct dialer *dialer)
{
    pthread_mutex_lock(&dialer->lock);
    bool closing = dialer->closing;
    dialer->state = WAITING;
    dialer->conn = NULL;
    dialer->up = false;
    if (!closing)
        chores_put(dialer->chores, &dialer->chore, wait_over,
                   bus_now(&bus_clock_system) + dialer->again_ms * BUS_MILLI);
    dialer->again_ms *= 2;
    if (dialer->again_ms > DIAL_AGAIN_MAX_MS)
        dialer->again_ms = DIAL_AGAIN_MAX_MS;
    pthread_mutex_unlock(&dialer->lock);
    if (closing)
        dialer_unref(dialer);
}

static void dialer_opened(void *arg, struct conn *conn)
{
    (void)conn;
    struct dialer *dialer = arg;
    pthread_mutex_lock(&dialer->lock);
    dialer->up = true;
    dialer->again_ms = DIAL_AGAIN_MIN_MS;
    pthread_mutex_unlock(&dialer->lock);
    if (dialer->owner->up)
        dialer->owner->up(dialer->arg);
}

static void dialer_message(void *arg, struct bus_bytes message)
{
    struct dialer *dialer = arg;
    dialer->owner->message(dialer->arg, message);
}

static void dialer_sent(void *arg, bool taken)
{
    struct dialer *dialer = arg;
    dialer->owner->sent(dialer->arg, taken);
}

static void dialer_closed(void *arg)
{
    struct dialer *dialer = arg;
    pthread_mutex_lock(&dialer->lock);
    bool up = dialer->up;
    pthread_mutex_unlock(&dialer->lock);
    if (up && dialer->owner->down)
        dialer->owner->down(dialer->arg);
    wait_begin(dialer);
}

static void dialer_conn_gone(void *arg)
{
    dialer_unref(arg);
}

static const struct conn_owner dialer_conn = {
    .opened = dialer_opened,
    .message = dialer_message,
    .sent = dialer_sent,
    .closed = dialer_closed,
    .gone = dialer_conn_gone,
};

static void dial_done(void *arg)
{
    struct dialer *dialer = arg;
    if (nng_aio_result(dialer->aio)) {
        wait_begin(dialer);
        return;
    }
    const struct conn_start start = {
        .chores = dialer->chores,
        .kind = dialer->kind,
        .stream = nng_aio_get_output(dialer->aio, 0),
        .owner = &dialer_conn,
        .arg = dialer,
    };
    pthread_mutex_lock(&dialer->lock);
    dialer->state = CONNECTED;
    atomic_fetch_add(&dialer->refs, 1);
    conn_start(&start, &dialer->conn);
    if (dialer->closing)
        conn_cut(dialer->conn);
    pthread_mutex_unlock(&dialer->lock);
}

/* ---- What the owner wants ---- */

int dialer_start(const struct dialer_start *start, struct dialer **ret,
                 struct bus_error *err)
{
    nng_stream_dialer *made;
    int rv = nng_stream_dialer_alloc(&made, start->url);
    if (rv)
        return conn_failed(rv, "dial", start->url, err);
    if (start->tls)
        rv = nng_stream_dialer_set_ptr(made, NNG_OPT_TLS_CONFIG, start->tls);
    if (rv) {
        nng_stream_dialer_free(made);
        return conn_failed(rv, "dial", start->url, err);
    }
    struct dialer *dialer = conn_zeroed(sizeof(*dialer));
    dialer->dialer = made;
    if (nng_aio_alloc(&dialer->aio, dial_done, dialer))
        abort();
    nng_aio_set_timeout(dialer->aio, NNG_DURATION_INFINITE);
    dialer->chores = start->chores;
    chores_hold(dialer->chores);
    dialer->kind = start->kind;
    dialer->owner = start->owner;
    dialer->arg = start->arg;
    dialer->again_ms = DIAL_AGAIN_MIN_MS;
    atomic_init(&dialer->refs, 1);
    pthread_mutex_init(&dialer->lock, NULL);
    *ret = dialer;
    nng_stream_dialer_dial(dialer->dialer, dialer->aio);
    return BUS_OK;
}

void dialer_send(struct dialer *dialer, struct bus_bytes head,
                 struct bus_bytes body)
{
    /* Not under the lock: between up and down nobody changes it. */
    conn_send(dialer->conn, head, body);
}

void dialer_drop(struct dialer *dialer)
{
    pthread_mutex_lock(&dialer->lock);
    if (dialer->conn)
        conn_cut(dialer->conn);
    pthread_mutex_unlock(&dialer->lock);
}

void dialer_close(struct dialer *dialer)
{
    pthread_mutex_lock(&dialer->lock);
    dialer->closing = true;
    switch (dialer->state) {
    case DIALLING:
        nng_stream_dialer_close(dialer->dialer);
        break;
    case CONNECTED:
        conn_cut(dialer->conn);
        break;
    case WAITING:
        chores_put(dialer->chores, &dialer->chore, wait_over, 0);
        break;
    }
    pthread_mutex_unlock(&dialer->lock);
}
