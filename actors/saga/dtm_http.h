/* SPDX-License-Identifier: MIT
 *
 * The sockets of DTM's API: a listener for its clients, with a bearer token,
 * clients' certificates or both, one of which is a must off loopback, limits on
 * size and rate, and on loopback a second one for a test's clock. Everything
 * belongs to the loop's thread. Answers are kept and go out in dtm_http_flush,
 * because an answer may bring the connection's next request, which the
 * orchestrator must not meet in the middle of something.
 */
#ifndef SAGA_DTM_HTTP_H
#define SAGA_DTM_HTTP_H

#include <uv.h>

#include "actors/saga/dtm.h"
#include "bus/clock.h"

#define DTM_PORT 36789
#define DTM_BODY_MAX ((size_t)4 << 20) /* bytes of a request */
#define DTM_CONNECTIONS_MAX 4096

struct dtm_http_options {
    uv_loop_t *loop;
    const struct bus_clock *clock;
    struct dtm *dtm;
    const char *host;
    int port;          /* 0: any free one */
    int debug_port;    /* of a test's clock; below 0: none */
    const char *token; /* ""; none is asked for */
    const char *cert;  /* PEM files; "": plain HTTP */
    const char *key;
    const char *client_ca; /* ""; no certificate is asked for */
    size_t body_max;       /* 0: DTM_BODY_MAX */
    uint32_t rate;         /* requests a second; 0: no limit */
};

struct dtm_http;

/* INVALID_ARGUMENT for an address off loopback without a token or a client CA,
 * or with a debug port, or for files that cannot be used; as http_listen. */
int dtm_http_open(const struct dtm_http_options *options, struct dtm_http **ret,
                  struct bus_error *err);
int dtm_http_port(const struct dtm_http *http);
int dtm_http_debug_port(const struct dtm_http *http);

/* world->http: asker is what dtm_serve was given. */
void dtm_http_answer(struct dtm_http *http, void *asker, int status,
                     const char *type, struct bus_bytes body);
/* Something is to be flushed. */
bool dtm_http_pending(const struct dtm_http *http);
/* Never inside the orchestrator. */
void dtm_http_flush(struct dtm_http *http);

/* Takes nothing new. */
void dtm_http_leave(struct dtm_http *http);
/* Everything is closed; once the loop has run out, free. */
void dtm_http_close(struct dtm_http *http);
void dtm_http_free(struct dtm_http *http);

#endif
