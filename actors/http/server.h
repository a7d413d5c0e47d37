/* SPDX-License-Identifier: MIT
 *
 * An HTTP/1.1 server on a caller's uv loop: listeners, strict requests in
 * (reader.h), answers out (answer.h), pipelining, a time limit on every wait,
 * a limit on connections, draining. It routes nothing and calls nobody: each
 * whole or refused request goes to its listener's function, which answers at
 * once or later.
 *
 * Everything here belongs to the loop's thread. Order of an end:
 * http_server_leave (may be left out), http_server_close, the loop run until
 * nothing of the server's is left on it, http_server_free.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <uv.h>

#include "actors/http/answer.h"
#include "actors/http/reader.h"
#include "bus/clock.h"
#include "bus/error.h"

struct http_tls;

#define HTTP_BACKLOG 1024
#define HTTP_READ_BYTES ((size_t)64 << 10) /* one read */
#define HTTP_IDLE_MS 75000                 /* a connection between requests */
#define HTTP_HEAD_MS 10000  /* from a head's first byte to its last */
#define HTTP_BODY_MS 30000  /* a body, from the head's end */
#define HTTP_WRITE_MS 30000 /* an answer that the client takes slowly */
#define HTTP_LINGER_MS 1000 /* reading on after an answer that closes */
#define HTTP_PARTING_MS 50  /* idle when leaving: one may be on its way */
#define HTTP_REFUSED_MAX 64 /* connections past the limit that hear why */

struct http_server;
struct http_listener;
struct http_conn;

/* How long each wait of a connection may take. */
struct http_waits {
    uint64_t idle_ms, head_ms, body_ms, write_ms, linger_ms;
};

/* The limits above. */
extern const struct http_waits http_waits_default;

struct http_server_options {
    uv_loop_t *loop;
    const struct bus_clock *clock; /* for the Date header */
    size_t conn_max;               /* more hear 503 and are closed */
    struct http_waits waits;
    /* Told of every connection's begin and end; may be NULL. */
    void (*opened)(void *arg);
    void (*closed)(void *arg);
    void *arg;
};

/* One request under way, as whoever answers it keeps it. */
struct http_ticket {
    struct http_conn *conn; /* NULL once the connection has closed */
};

/* A request is whole (READER_DONE) or refused (READER_REFUSED: answer with
 * http_answer_refusal or words of one's own). Must call http_take before it
 * returns; the request stays as it is until the ticket is answered or its
 * connection closed. Nothing is read meanwhile: that a client went away shows
 * when its answer is written. */
typedef void http_serve(void *arg, struct http_conn *conn);

struct http_listener_options {
    const char *name;     /* what errors begin with */
    const char *host;     /* an IP address, v4 or v6 */
    int port;             /* 0: any free one, see http_listener_port */
    size_t body_max;      /* bytes of one request's body */
    struct http_tls *tls; /* tls.h; the caller's, outlives it; NULL: none */
    http_serve *serve;
    void *arg;
};

struct http_server *http_server_new(const struct http_server_options *options);

/* INVALID_ARGUMENT for a host that is no address, UNAVAILABLE when the port
 * cannot be had. The listener is the server's. */
int http_listen(struct http_server *server,
                const struct http_listener_options *options,
                struct http_listener **ret, struct bus_error *err);
int http_listener_port(const struct http_listener *listener);

/* Nothing new: listeners close, idle connections too; what is under way is
 * answered. */
void http_server_leave(struct http_server *server);

/* Everything is closed, tickets lose their connections. */
void http_server_close(struct http_server *server);

/* After the loop has run out. */
void http_server_free(struct http_server *server);

/* The request of a connection, spans and all, until it is answered. */
const struct http_reader *http_request(const struct http_conn *conn);
const char *http_peer(const struct http_conn *conn); /* "127.0.0.1:4711" */

/* ticket: zeroed, and left where it is until it is answered or dropped. */
void http_take(struct http_conn *conn, struct http_ticket *ticket);

/* Writes the answer (close and keep are settled here) and goes on with the
 * connection's next request, perhaps before this returns. Nothing happens
 * when the connection has closed. The ticket and the answer are the caller's
 * again.
 */
void http_answer(struct http_ticket *ticket, struct http_answer *answer);

/* Nobody will answer: closes the connection, if there still is one. */
void http_drop(struct http_ticket *ticket);

#endif
