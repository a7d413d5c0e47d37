/* SPDX-License-Identifier: MIT
 *
 * First the greeting goes out, then one receive is always under way until the
 * end, and at most one send beside it; where two protocols are taken, the other
 * side's greeting comes in first, and is answered in its own. Both are begun
 * only under the lock and only while the connection is not cut: nng never ends
 * an operation begun on a closed stream. Whoever finds the end (a failed send,
 * the owner, time) closes the stream; that the receive fails is the end for
 * all, told on one thread. What is freed is freed by the chores' thread, for
 * callbacks of nng's stand in it. nng's own time-outs are never used: they
 * follow the wall clock.
 */
#include "bus/conn.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

#include "bus/clock.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/wire.h"

#define PEM_MAX ((size_t)1 << 20)
#define OUT_KEEP ((size_t)256 << 10) /* a larger buffer is given back */

struct conn {
    struct chore chore; /* first the greeting's time limit, then the end */
    struct chores *chores;
    nng_stream *stream;
    nng_aio *send_aio, *recv_aio;
    const struct conn_owner *owner;
    void *arg;
    uint16_t self, peer, also_self, also_peer;
    enum sp_mapping mapping;
    atomic_uint refs; /* the receiving, a send */
    struct sp_reader in;

    pthread_mutex_t lock;
    struct bus_buf out;
    size_t out_at; /* bytes of it that have left */
    bool greeting; /* what is in out */
    bool opened;
    bool sending;
    bool cut;    /* nothing is begun any more */
    bool failed; /* a send that closed answers */
    bool closed; /* was told */
};

void *conn_zeroed(size_t size)
{
    void *made = calloc(1, size);
    if (!made)
        abort();
    return made;
}

int conn_failed(int rv, const char *what, const char *url,
                struct bus_error *err)
{
    int code = rv == NNG_EADDRINUSE ? BUS_ALREADY_EXISTS : BUS_UNAVAILABLE;
    return bus_error_set(err, code, "cannot %s %s: %s", what, url,
                         nng_strerror(rv));
}

/* A whole text file, NUL-ended. */
static int pem_read(const char *path, struct bus_buf *ret)
{
    char chunk[4096];
    size_t len;
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == EACCES ? NNG_EPERM : NNG_ENOENT;
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        bus_buf_add(ret, chunk, len);
    fclose(file);
    bus_buf_byte(ret, '\0');
    return ret->failed ? NNG_EMSGSIZE : 0;
}

static int tls_fill(nng_tls_config *tls, const struct bus_wire *wire,
                    bool server, const char **ret_file)
{
    int rv = nng_tls_config_version(tls, NNG_TLS_1_2, NNG_TLS_1_3);
    if (!rv)
        rv = nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_REQUIRED);
    if (!rv && !server && wire->server_name[0])
        rv = nng_tls_config_server_name(tls, wire->server_name);
    *ret_file = wire->ca;
    if (!rv)
        rv = nng_tls_config_ca_file(tls, wire->ca);
    if (rv)
        return rv;
    struct bus_buf cert, key;
    bus_buf_init(&cert, PEM_MAX);
    bus_buf_init(&key, PEM_MAX);
    *ret_file = wire->cert;
    rv = pem_read(wire->cert, &cert);
    if (!rv) {
        *ret_file = wire->key;
        rv = pem_read(wire->key, &key);
    }
    if (!rv)
        rv = nng_tls_config_own_cert(tls, (const char *)cert.data,
                                     (const char *)key.data, NULL);
    bus_buf_release(&cert);
    bus_buf_release(&key);
    return rv;
}

int conn_tls(const struct bus_wire *wire, bool server,
             struct nng_tls_config **ret, struct bus_error *err)
{
    nng_tls_config *tls;
    const char *file = "";
    int rv = nng_tls_config_alloc(&tls, server ? NNG_TLS_MODE_SERVER
                                               : NNG_TLS_MODE_CLIENT);
    if (rv)
        abort();
    rv = tls_fill(tls, wire, server, &file);
    if (rv) {
        nng_tls_config_free(tls);
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "cannot use %.300s for TLS: %s", file,
                             nng_strerror(rv));
    }
    *ret = tls;
    return BUS_OK;
}

void conn_tls_free(struct nng_tls_config *tls)
{
    if (tls)
        nng_tls_config_free(tls);
}

static struct conn *conn_of(struct chore *chore)
{
    return (struct conn *)(void *)((char *)chore -
                                   offsetof(struct conn, chore));
}

static void conn_free(struct chore *chore)
{
    struct conn *conn = conn_of(chore);
    nng_aio_free(conn->send_aio);
    nng_aio_free(conn->recv_aio);
    nng_stream_free(conn->stream);
    sp_reader_release(&conn->in);
    bus_buf_release(&conn->out);
    pthread_mutex_destroy(&conn->lock);
    if (conn->owner->gone)
        conn->owner->gone(conn->arg);
    struct chores *chores = conn->chores;
    free(conn);
    chores_drop(chores);
}

static void conn_unref(struct conn *conn)
{
    if (atomic_fetch_sub(&conn->refs, 1) == 1)
        chores_put(conn->chores, &conn->chore, conn_free, 0);
}

/* Lock held. */
static void cut_locked(struct conn *conn)
{
    if (conn->cut)
        return;
    conn->cut = true;
    nng_stream_close(conn->stream);
}

void conn_cut(struct conn *conn)
{
    pthread_mutex_lock(&conn->lock);
    cut_locked(conn);
    pthread_mutex_unlock(&conn->lock);
}

static void greeting_overdue(struct chore *chore)
{
    struct conn *conn = conn_of(chore);
    pthread_mutex_lock(&conn->lock);
    if (!conn->opened)
        cut_locked(conn);
    pthread_mutex_unlock(&conn->lock);
}

/* The receiving is over: nothing more of it comes. */
static void conn_end(struct conn *conn)
{
    conn_cut(conn);
    conn->owner->closed(conn->arg);
    pthread_mutex_lock(&conn->lock);
    conn->closed = true;
    bool failed = conn->failed;
    pthread_mutex_unlock(&conn->lock);
    if (failed)
        conn->owner->sent(conn->arg, false);
    conn_unref(conn);
}

/* ---- Receiving ---- */

static void greet(struct conn *conn);

static void receive(struct conn *conn)
{
    nng_iov iov;
    iov.iov_buf = sp_reader_room(&conn->in, &iov.iov_len);
    nng_aio_set_iov(conn->recv_aio, 1, &iov);
    pthread_mutex_lock(&conn->lock);
    bool cut = conn->cut;
    if (!cut)
        nng_stream_recv(conn->stream, conn->recv_aio);
    pthread_mutex_unlock(&conn->lock);
    if (cut)
        conn_end(conn);
}

static void opened(struct conn *conn)
{
    pthread_mutex_lock(&conn->lock);
    conn->opened = true;
    pthread_mutex_unlock(&conn->lock);
    conn->owner->opened(conn->arg, conn);
}

static enum sp_step take_greeting(struct conn *conn)
{
    enum sp_step step = sp_reader_greeting(&conn->in, conn->peer);
    if (step != SP_BAD || !conn->also_peer)
        return step;
    step = sp_reader_greeting(&conn->in, conn->also_peer);
    if (step == SP_ONE) {
        conn->self = conn->also_self;
        conn->peer = conn->also_peer;
    }
    return step;
}

static enum sp_step take_messages(struct conn *conn)
{
    struct bus_bytes message;
    enum sp_step step;
    while ((step = sp_reader_next(&conn->in, &message)) == SP_ONE)
        conn->owner->message(conn->arg, message);
    return step;
}

/* What came is taken; then more may come. */
static void take(struct conn *conn)
{
    enum sp_step step = conn->opened ? SP_ONE : take_greeting(conn);
    if (step == SP_ONE && !conn->opened) {
        if (conn->also_peer) {
            greet(conn); /* and goes on when that has left */
            return;
        }
        opened(conn);
    }
    if (step == SP_ONE)
        step = take_messages(conn);
    if (step == SP_BAD)
        conn_end(conn);
    else
        receive(conn);
}

static void recv_done(void *arg)
{
    struct conn *conn = arg;
    if (nng_aio_result(conn->recv_aio)) {
        conn_end(conn);
        return;
    }
    sp_reader_took(&conn->in, nng_aio_count(conn->recv_aio));
    take(conn);
}

/* ---- Sending ---- */

/* Lock held, not cut. */
static void send_rest(struct conn *conn)
{
    nng_iov iov = {.iov_buf = conn->out.data + conn->out_at,
                   .iov_len = conn->out.len - conn->out_at};
    nng_aio_set_iov(conn->send_aio, 1, &iov);
    nng_stream_send(conn->stream, conn->send_aio);
}

/* Lock held, not cut. */
static void send_begin(struct conn *conn)
{
    conn->out_at = 0;
    conn->sending = true;
    atomic_fetch_add(&conn->refs, 1);
    send_rest(conn);
}

static void greet(struct conn *conn)
{
    uint8_t greeting[SP_GREETING];
    sp_greeting(conn->self, greeting);
    pthread_mutex_lock(&conn->lock);
    bool cut = conn->cut;
    if (!cut) {
        bus_buf_add(&conn->out, greeting, SP_GREETING);
        conn->greeting = true;
        send_begin(conn);
    }
    pthread_mutex_unlock(&conn->lock);
    if (cut)
        conn_end(conn);
}

static void greeting_sent(struct conn *conn, bool taken)
{
    if (!taken) {
        conn_end(conn);
    } else if (conn->also_peer) {
        opened(conn);
        take(conn);
    } else {
        receive(conn);
    }
}

static void send_done(void *arg)
{
    struct conn *conn = arg;
    bool good = nng_aio_result(conn->send_aio) == 0;
    pthread_mutex_lock(&conn->lock);
    if (good)
        conn->out_at += nng_aio_count(conn->send_aio);
    bool taken = conn->out_at == conn->out.len;
    if (good && !taken && !conn->cut) {
        send_rest(conn);
        pthread_mutex_unlock(&conn->lock);
        return;
    }
    bool greeting = conn->greeting;
    conn->greeting = conn->sending = false;
    if (conn->out.cap > OUT_KEEP)
        bus_buf_release(&conn->out);
    if (!taken) {
        cut_locked(conn);
        conn->failed = !conn->closed && !greeting;
    }
    bool told_later = conn->failed;
    pthread_mutex_unlock(&conn->lock);
    if (greeting)
        greeting_sent(conn, taken);
    else if (!told_later)
        conn->owner->sent(conn->arg, taken);
    conn_unref(conn);
}

static void send_parts(struct conn *conn, const struct bus_bytes *parts,
                       size_t count)
{
    pthread_mutex_lock(&conn->lock);
    assert(!conn->closed && !conn->sending);
    if (conn->cut) {
        conn->failed = true;
    } else {
        bus_buf_reset(&conn->out);
        for (size_t i = 0; i < count; i++)
            bus_buf_add(&conn->out, parts[i].data, parts[i].len);
        send_begin(conn);
    }
    pthread_mutex_unlock(&conn->lock);
}

void conn_send(struct conn *conn, struct bus_bytes head, struct bus_bytes body)
{
    uint8_t length[SP_HEAD_MAX];
    size_t len = sp_head(conn->mapping, head.len + body.len, length);
    const struct bus_bytes parts[] = {{length, len}, head, body};
    send_parts(conn, parts, 3);
}

void conn_send_framed(struct conn *conn, struct bus_bytes messages)
{
    send_parts(conn, &messages, 1);
}

/* ---- Beginning ---- */

static nng_aio *aio_new(void (*done)(void *), void *arg)
{
    nng_aio *aio;
    if (nng_aio_alloc(&aio, done, arg))
        abort();
    nng_aio_set_timeout(aio, NNG_DURATION_INFINITE);
    return aio;
}

void conn_start(const struct conn_start *start, struct conn **ret)
{
    const struct conn_kind *kind = &start->kind;
    struct conn *conn = conn_zeroed(sizeof(*conn));
    conn->chores = start->chores;
    chores_hold(conn->chores);
    conn->stream = start->stream;
    conn->owner = start->owner;
    conn->arg = start->arg;
    conn->self = kind->self;
    conn->peer = kind->peer;
    conn->also_self = kind->also_self;
    conn->also_peer = kind->also_peer;
    conn->mapping = kind->mapping;
    atomic_init(&conn->refs, 1);
    pthread_mutex_init(&conn->lock, NULL);
    sp_reader_init(&conn->in, conn->mapping, kind->message_max);
    bus_buf_init(&conn->out, SIZE_MAX);
    conn->send_aio = aio_new(send_done, conn);
    conn->recv_aio = aio_new(recv_done, conn);
    *ret = conn;
    chores_put(conn->chores, &conn->chore, greeting_overdue,
               bus_now(&bus_clock_system) + CONN_GREETING_MS * BUS_MILLI);
    if (conn->also_peer)
        receive(conn);
    else
        greet(conn);
}

uint16_t conn_peer(const struct conn *conn)
{
    return conn->peer;
}

enum sp_mapping conn_mapping(const struct conn *conn)
{
    return conn->mapping;
}
