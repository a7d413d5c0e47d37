/* SPDX-License-Identifier: MIT
 *
 * What the files of the edge share: one loop, its APIs (a listener each), its
 * connections, and an exchange for every request under way. All of it belongs
 * to the loop's thread, but for the queue of exchanges that the bus answered.
 */
#ifndef EDGE_H
#define EDGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "actors/edge/answer.h"
#include "actors/edge/http.h"
#include "actors/edge/route.h"
#include "actors/runtime/process.h"

#define EDGE_APIS_MAX 64
#define EDGE_BACKLOG 1024
#define EDGE_READ_BYTES ((size_t)64 << 10) /* one read */
#define EDGE_IDLE_MS 75000                 /* a connection between requests */
#define EDGE_HEAD_MS 10000  /* from a head's first byte to its last */
#define EDGE_BODY_MS 30000  /* a body, from the head's end */
#define EDGE_WRITE_MS 30000 /* an answer that the client takes slowly */
#define EDGE_LINGER_MS 1000 /* reading on after an answer that closes */
#define EDGE_PARTING_MS                                                        \
    50                      /* idle when draining: a request may be on its way \
                             */
#define EDGE_REFUSED_MAX 64 /* connections past the limit that hear why */
#define EDGE_FILES_KEPT 128 /* descriptors for all but connections */
#define EDGE_ARENA ((size_t)32 << 20) /* bytes of one request's memory */

struct edge;
struct conn;

/* One API: a schema, its configuration and the listener they make. */
struct api {
    struct edge *edge;
    struct schema *schema; /* owned; routes and shapes point into it */
    const struct actor_config *config;
    struct routes routes;
    enum answer_style style;
    size_t body_max; /* the largest that any of its routes takes */
    int port;
    uv_tcp_t listener;
    bool listening;
};

/* One request between its last byte read and its answer's first byte written.
 */
struct exchange {
    struct edge *edge;
    struct api *api;
    struct conn *conn; /* NULL once the client has gone */
    struct bus_arena arena;
    struct bus_trace trace;
    const char *line; /* "GET /search/do": for the log, in the arena */
    const struct route *route;
    int64_t started, deadline; /* monotonic ns */
    struct bus_bytes claims;
    struct bus_reply reply; /* copied by the bus's thread */
    struct answer answer;
    struct exchange *next; /* among those answered */
};

struct conn {
    struct api *api;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct http_reader reader;
    struct bus_buf pending; /* bytes read past the current request */
    struct bus_buf out;
    struct exchange *exchange; /* NULL: none under way */
    struct conn *next, **self; /* among all connections */
    char peer[64];
    int handles; /* still open: tcp and timer */
    bool taking; /* inside take(): it will go on by itself */
    bool ending; /* the last answer is out or on its way */
    bool closing;
};

/* How long each wait of a connection may take; builds with test hooks read
 * them from the environment (TROUPE_EDGE_HEAD_MS and so on). */
struct edge_waits {
    uint64_t idle_ms, head_ms, body_ms, write_ms, linger_ms;
};

struct edge {
    struct actor_process *process;
    struct bus *bus;
    const struct bus_clock *clock;
    struct api *apis;
    size_t api_count;

    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t wake;
    struct conn *conns;
    size_t conn_count, conn_max;
    struct edge_waits waits;
    bool leaving; /* draining, as the loop knows */
    uint8_t read_bytes[EDGE_READ_BYTES];
    char date[40];
    int64_t date_second;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t quiet; /* signalled when busy falls to 0 */
    struct exchange *answered;
    size_t busy; /* connections, and exchanges under way */
    bool draining, stopping;
    bool closed;    /* the loop takes no more answers */
    bool abandoned; /* whoever brings busy to 0 frees the edge */
};

/* conn.c: connections. */
void conn_accept(struct api *api);
/* Writes the exchange's answer and frees it; goes on with the next request. */
void conn_answer(struct conn *conn, struct exchange *exchange);
void conn_close(struct conn *conn);
/* When draining: closes a connection that has nothing under way, soon. */
void conn_part(struct conn *conn);

/* exchange.c: one request, from its values to its answer. Ends in
 * exchange_finish, at once or when the bus has answered. */
void exchange_start(struct conn *conn);
/* On the loop's thread, with exchange->reply there. */
void exchange_resume(struct exchange *exchange);
void exchange_free(struct exchange *exchange);

/* actor.c */
const char *edge_date(struct edge *edge);
/* For every connection and exchange: the edge lives, and drains, as long as
 * any. Any thread. */
void edge_hold(struct edge *edge);
void edge_drop(struct edge *edge);

extern const struct actor_type edge_actor;

#endif
