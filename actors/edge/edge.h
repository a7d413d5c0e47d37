/* SPDX-License-Identifier: MIT
 *
 * What the files of the edge share: one loop, its APIs (a listener each) and
 * an exchange for every request under way. All of it belongs
 * to the loop's thread, but for the queue of exchanges that the bus answered.
 */
#ifndef EDGE_H
#define EDGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "actors/edge/answer.h"
#include "actors/edge/route.h"
#include "actors/http/server.h"
#include "actors/runtime/process.h"

#define EDGE_APIS_MAX 64
#define EDGE_FILES_KEPT 128           /* descriptors for all but connections */
#define EDGE_ARENA ((size_t)32 << 20) /* bytes of one request's memory */

struct edge;

/* One API: a schema, its configuration and the listener they make. */
struct api {
    struct edge *edge;
    struct schema *schema; /* owned; routes and shapes point into it */
    const struct actor_config *config;
    struct routes routes;
    enum answer_style style;
    size_t body_max; /* the largest that any of its routes takes */
    int port;
};

/* One request between its last byte read and its answer's first byte written.
 */
struct exchange {
    struct edge *edge;
    struct api *api;
    struct http_ticket ticket;
    struct bus_arena arena;
    struct bus_trace trace;
    const char *key;  /* the client's Idempotency-Key; NULL: none */
    const char *line; /* "GET /search/do": for the log, in the arena */
    const struct route *route;
    int64_t started, deadline; /* monotonic ns */
    struct bus_bytes claims;
    struct bus_reply reply; /* copied by the bus's thread */
    struct http_answer answer;
    struct exchange *next; /* among those answered */
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
    struct http_server *http;
    size_t conn_max;
    bool leaving; /* draining, as the loop knows */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t quiet; /* signalled when busy falls to 0 */
    struct exchange *answered;
    size_t busy; /* connections, and exchanges under way */
    bool draining, stopping;
    bool closed;    /* the loop takes no more answers */
    bool abandoned; /* whoever brings busy to 0 frees the edge */
};

/* exchange.c: one request (an http_serve; arg: its struct api), from its values
 * to its answer, at once or when the bus has answered. */
void exchange_start(void *arg, struct http_conn *conn);
/* On the loop's thread, with exchange->reply there. */
void exchange_resume(struct exchange *exchange);
void exchange_free(struct exchange *exchange);

/* actor.c */
/* For every connection and exchange: the edge lives, and drains, as long as
 * any. Any thread. */
void edge_hold(struct edge *edge);
void edge_drop(struct edge *edge);

extern const struct actor_type edge_actor;

#endif
