/* SPDX-License-Identifier: MIT
 *
 * A connection: reads until a request is whole, waits for its answer, writes
 * it, goes on with the next one (pipelined requests wait in `pending`). Every
 * wait has a time limit on one timer. A refused request is answered and the
 * connection closed gently: reading on for a moment, so that the client sees
 * the answer and not a reset.
 */
#include "actors/http/conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void go_on(struct http_conn *conn);

static struct http_conn *conn_of(uv_handle_t *handle)
{
    return handle->data;
}

static void conn_free(struct http_conn *conn)
{
    *conn->self = conn->next;
    if (conn->next)
        conn->next->self = conn->self;
    struct http_server *server = conn->server;
    server->conn_count--;
    http_reader_release(&conn->reader);
    bus_buf_release(&conn->pending);
    bus_buf_release(&conn->out);
    bus_buf_release(&conn->sealed);
    tls_link_free(conn->link);
    free(conn);
    if (server->options.closed)
        server->options.closed(server->options.arg);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_conn *conn = conn_of(handle);
    if (--conn->handles == 0)
        conn_free(conn);
}

void conn_close(struct http_conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    if (conn->ticket) {
        conn->ticket->conn = NULL;
        conn->ticket = NULL;
    }
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
    uv_close((uv_handle_t *)&conn->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
    conn_close(conn_of((uv_handle_t *)timer));
}

/* The loop's clock stands while many pipelined requests are answered; counted
 * from there, a wait could be over before it began. */
static void timer_set(struct http_conn *conn, uint64_t ms)
{
    if (conn->closing)
        return;
    uv_update_time(conn->server->options.loop);
    uv_timer_start(&conn->timer, on_timer, ms, 0);
}

static const struct http_waits *waits_of(const struct http_conn *conn)
{
    return &conn->server->options.waits;
}

static void idle_begin(struct http_conn *conn)
{
    bool leaving = conn->server->leaving;
    timer_set(conn, leaving ? HTTP_PARTING_MS : waits_of(conn)->idle_ms);
}

void conn_part(struct http_conn *conn)
{
    bool idle = !conn->ticket && !conn->ending && conn->out.len == 0 &&
                conn->reader.state == READER_HEAD && !conn->reader.head.len;
    if (idle)
        idle_begin(conn);
}

/* --- writing --- */

static void answer_sent(struct http_conn *conn)
{
    if (conn->out.cap > HTTP_KEEP)
        bus_buf_release(&conn->out);
    bus_buf_reset(&conn->out);
    if (conn->sealed.cap > HTTP_KEEP)
        bus_buf_release(&conn->sealed);
    bus_buf_reset(&conn->sealed);
    if (conn->closing)
        return;
    if (conn->ending) {
        /* Our half is shut; what the client still sends is read and dropped
         * until it closes too or the time is over. */
        timer_set(conn, waits_of(conn)->linger_ms);
        if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, NULL))
            conn_close(conn);
    } else {
        http_reader_next(&conn->reader);
        idle_begin(conn);
    }
    if (!conn->taking)
        go_on(conn);
}

static void on_written(uv_write_t *write, int status)
{
    struct http_conn *conn = write->data;
    if (status < 0)
        conn_close(conn);
    else
        answer_sent(conn);
}

/* As records, and the word of the end behind the last answer. */
static bool seal(struct http_conn *conn)
{
    if (!tls_link_send(conn->link, bus_buf_bytes(&conn->out), &conn->sealed))
        return false;
    if (conn->ending)
        tls_link_end(conn->link, &conn->sealed);
    return !conn->sealed.failed;
}

static void out_write(struct http_conn *conn)
{
    if (conn->out.failed || (conn->link && !seal(conn))) {
        conn_close(conn);
        return;
    }
    const struct bus_buf *out = conn->link ? &conn->sealed : &conn->out;
    uv_buf_t buf = uv_buf_init((char *)out->data, (unsigned)out->len);
    int done = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    if (done == (int)buf.len) {
        answer_sent(conn);
        return;
    }
    if (done > 0) {
        buf.base += done;
        buf.len -= (size_t)done;
    }
    timer_set(conn, waits_of(conn)->write_ms);
    conn->write.data = conn;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written))
        conn_close(conn);
}

void http_answer(struct http_ticket *ticket, struct http_answer *answer)
{
    struct http_conn *conn = ticket->conn;
    if (!conn)
        return;
    assert(conn->ticket == ticket);
    answer->close = answer->close || conn->ending || !conn->reader.keep_alive ||
                    conn->server->leaving;
    conn->ending = answer->close;
    answer->keep = conn->reader.old && !answer->close;
    http_answer_write(&conn->out, answer, server_date(conn->server));
    conn->ticket = NULL;
    ticket->conn = NULL;
    out_write(conn);
}

/* --- reading --- */

/* Bytes of the handshake, or an alert. */
struct aside {
    uv_write_t write;
    struct http_conn *conn; /* to be closed afterwards; NULL: it goes on */
    struct bus_buf bytes;
};

static void on_aside(uv_write_t *write, int status)
{
    struct aside *aside = write->data;
    (void)status; /* what fails here fails for the connection, too */
    if (aside->conn)
        conn_close(aside->conn);
    bus_buf_release(&aside->bytes);
    free(aside);
}

/* Takes the bytes over. last: the connection is closed behind them. */
static void send_aside(struct http_conn *conn, struct bus_buf *bytes, bool last)
{
    struct aside *aside = calloc(1, sizeof(*aside));
    if (!aside)
        abort();
    uv_buf_t buf = uv_buf_init((char *)bytes->data, (unsigned)bytes->len);
    aside->write.data = aside;
    aside->conn = last ? conn : NULL;
    aside->bytes = *bytes;
    if (uv_write(&aside->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_aside)) {
        bus_buf_release(&aside->bytes);
        free(aside);
        conn_close(conn);
    }
}

static void say_continue(struct http_conn *conn)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct bus_bytes word = {(const uint8_t *)text, sizeof(text) - 1};
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, sizeof(text) - 1);
    conn->reader.wants_continue = false;
    if (conn->link) {
        struct bus_buf sealed;
        bus_buf_init(&sealed, HTTP_TLS_RECORD);
        if (tls_link_send(conn->link, word, &sealed))
            send_aside(conn, &sealed, false);
        else
            bus_buf_release(&sealed);
        return;
    }
    /* A client whose window has no room for 25 bytes just waits for them; half
     * of them would be garbage. */
    int done = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    if (done > 0 && done < (int)buf.len)
        conn_close(conn);
}

/* Feeds bytes to the reader, up to the end of one request, which is then
 * started (and may be answered before this returns). Returns how many. */
static size_t feed(struct http_conn *conn, const uint8_t *data, size_t len)
{
    struct http_reader *reader = &conn->reader;
    enum reader_state before = reader->state;
    size_t had = reader->head.len;
    size_t taken = http_reader_feed(reader, data, len);
    if (reader->state == READER_HEAD && had == 0 && reader->head.len)
        timer_set(conn, waits_of(conn)->head_ms);
    if (before == READER_HEAD && reader->state == READER_BODY)
        timer_set(conn, waits_of(conn)->body_ms);
    if (reader->state == READER_BODY && reader->wants_continue)
        say_continue(conn);
    if (reader->state == READER_DONE || reader->state == READER_REFUSED) {
        uv_timer_stop(&conn->timer);
        conn->listener->serve(conn->listener->arg, conn);
    }
    return taken;
}

/* True when nothing stands between the connection and its next bytes. */
static bool may_take(const struct http_conn *conn)
{
    return !conn->closing && !conn->ending && !conn->ticket &&
           conn->out.len == 0;
}

/* Takes requests one after the other, keeping what must wait for an answer. A
 * loop and not a recursion: answers that are there at once come back here. */
static void take(struct http_conn *conn, const uint8_t *data, size_t len)
{
    size_t at = 0;
    conn->taking = true;
    while (at < len && may_take(conn))
        at += feed(conn, data + at, len - at);
    conn->taking = false;
    bus_buf_add(&conn->pending, data + at, len - at);
    if (!may_take(conn) && !conn->ending && !conn->closing)
        uv_read_stop((uv_stream_t *)&conn->tcp);
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *ret)
{
    (void)hint;
    struct http_server *server = conn_of(handle)->server;
    *ret = uv_buf_init((char *)server->read_bytes, HTTP_READ_BYTES);
}

/* What a peer sent that talks TLS. */
static void take_sealed(struct http_conn *conn, struct bus_bytes from)
{
    struct bus_buf plain, out;
    bus_buf_init(&plain, HTTP_PENDING_MAX);
    bus_buf_init(&out, HTTP_PENDING_MAX);
    bool fine = tls_link_receive(conn->link, from, &plain, &out);
    if (out.len > 0)
        send_aside(conn, &out, !fine);
    else if (!fine)
        conn_close(conn);
    if (fine && plain.len > 0 && !conn->closing)
        take(conn, plain.data, plain.len);
    bus_buf_release(&plain);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct http_conn *conn = conn_of((uv_handle_t *)stream);
    if (len < 0) {
        conn_close(conn);
        return;
    }
    if (len == 0 || conn->ending)
        return;
    if (conn->link) {
        take_sealed(
            conn, (struct bus_bytes){(const uint8_t *)buf->base, (size_t)len});
        return;
    }
    take(conn, (const uint8_t *)buf->base, (size_t)len);
}

/* After an answer: what was read ahead, then the socket again. */
static void go_on(struct http_conn *conn)
{
    struct bus_buf ahead = conn->pending;
    bus_buf_init(&conn->pending, HTTP_PENDING_MAX);
    if (ahead.len)
        take(conn, ahead.data, ahead.len);
    bus_buf_release(&ahead);
    if (!conn->closing && (conn->ending || may_take(conn))) {
        int failed =
            uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
        if (failed && failed != UV_EALREADY)
            conn_close(conn);
    }
}

/* --- accepting --- */

static void note_peer(struct http_conn *conn)
{
    struct sockaddr_storage address;
    int len = sizeof(address);
    char host[48] = "?";
    int port = 0;
    if (!uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&address, &len)) {
        if (address.ss_family == AF_INET6) {
            struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
            uv_ip6_name(six, host, sizeof(host));
            port = ntohs(six->sin6_port);
        } else {
            struct sockaddr_in *four = (struct sockaddr_in *)&address;
            uv_ip4_name(four, host, sizeof(host));
            port = ntohs(four->sin_port);
        }
    }
    snprintf(conn->peer, sizeof(conn->peer), "%s:%d", host, port);
}

static struct http_conn *conn_new(struct http_listener *listener)
{
    struct http_server *server = listener->server;
    struct http_conn *conn = calloc(1, sizeof(*conn));
    if (!conn)
        abort();
    conn->server = server;
    conn->listener = listener;
    conn->handles = 2;
    uv_tcp_init(server->options.loop, &conn->tcp);
    uv_timer_init(server->options.loop, &conn->timer);
    conn->tcp.data = conn->timer.data = conn;
    http_reader_init(&conn->reader, listener->body_max);
    bus_buf_init(&conn->pending, HTTP_PENDING_MAX);
    bus_buf_init(&conn->out, HTTP_ANSWER_MAX);
    bus_buf_init(&conn->sealed, HTTP_ANSWER_MAX * 2);
    if (listener->tls)
        conn->link = tls_link_new(listener->tls);
    conn->next = server->conns;
    conn->self = &server->conns;
    if (conn->next)
        conn->next->self = &conn->next;
    server->conns = conn;
    server->conn_count++;
    if (server->options.opened)
        server->options.opened(server->options.arg);
    return conn;
}

void conn_accept(struct http_listener *listener)
{
    struct http_conn *conn = conn_new(listener);
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&conn->tcp)) {
        conn_close(conn);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    note_peer(conn);
    size_t count = conn->server->conn_count;
    size_t most = conn->server->options.conn_max;
    if (count > most + HTTP_REFUSED_MAX || (count > most && conn->link)) {
        conn_close(conn);
        return;
    }
    if (count > most) {
        static const char full[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                   "Retry-After: 1\r\nContent-Length: 0\r\n"
                                   "Connection: close\r\n\r\n";
        bus_buf_add(&conn->out, full, sizeof(full) - 1);
        conn->ending = true;
        out_write(conn);
        return;
    }
    if (conn->link)
        timer_set(conn, waits_of(conn)->head_ms); /* the handshake, too */
    else
        idle_begin(conn);
    go_on(conn);
}

/* --- what a listener's function may ask --- */

const struct http_reader *http_request(const struct http_conn *conn)
{
    return &conn->reader;
}

const char *http_peer(const struct http_conn *conn)
{
    return conn->peer;
}

void http_take(struct http_conn *conn, struct http_ticket *ticket)
{
    assert(!conn->ticket && !ticket->conn);
    conn->ticket = ticket;
    ticket->conn = conn;
}

void http_drop(struct http_ticket *ticket)
{
    if (ticket->conn)
        conn_close(ticket->conn);
}
