/* SPDX-License-Identifier: MIT
 *
 * Requests in, answers out. A path is decoded and cleaned by http's target.c:
 * a slash at its end makes no difference.
 */
#include "actors/saga/dtm_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actors/http/server.h"
#include "actors/http/target.h"
#include "actors/http/tls.h"
#include "actors/saga/allow.h"
#include "bus/code.h"

#define BEARER "Bearer "
#define HTTP_BAD_REQUEST 400
#define HTTP_UNAUTHORIZED 401
#define HTTP_BUSY 429

/* One request under way. */
struct asker {
    struct asker *next; /* among those to be flushed */
    struct http_ticket ticket;
    int status;
    const char *type;
    uint8_t *copy;
    size_t len;
};

struct dtm_http {
    struct dtm_http_options options;
    struct http_server *server;
    struct http_tls *tls; /* NULL: plain HTTP */
    struct http_listener *api, *debug;
    struct asker *answered, **answered_last;
    int64_t second; /* of the rate's count */
    uint32_t count;
};

static const char *mime_json = "application/json; charset=utf-8";

static struct asker *asker_new(struct http_conn *conn)
{
    struct asker *asker = calloc(1, sizeof(*asker));
    if (!asker)
        abort();
    http_take(conn, &asker->ticket);
    return asker;
}

void dtm_http_answer(struct dtm_http *http, void *asker_, int status,
                     const char *type, struct bus_bytes body)
{
    struct asker *asker = asker_;
    asker->status = status;
    asker->type = type;
    asker->len = body.len;
    if (body.len > 0) {
        asker->copy = malloc(body.len);
        if (!asker->copy)
            abort();
        memcpy(asker->copy, body.data, body.len);
    }
    *http->answered_last = asker;
    http->answered_last = &asker->next;
}

static void say(struct dtm_http *http, struct asker *asker, int status,
                const char *message)
{
    char text[256];
    snprintf(text, sizeof(text), "{\"message\":\"%s\"}", message);
    dtm_http_answer(http, asker, status, mime_json,
                    (struct bus_bytes){(const uint8_t *)text, strlen(text)});
}

bool dtm_http_pending(const struct dtm_http *http)
{
    return http->answered != NULL;
}

void dtm_http_flush(struct dtm_http *http)
{
    while (http->answered) {
        struct asker *asker = http->answered;
        http->answered = asker->next;
        if (!http->answered)
            http->answered_last = &http->answered;
        struct http_answer answer = {.status = asker->status,
                                     .type = asker->type,
                                     .body = {asker->copy, asker->len}};
        http_answer(&asker->ticket, &answer);
        free(asker->copy);
        free(asker);
    }
}

static void refuse(struct dtm_http *http, struct http_conn *conn)
{
    struct http_ticket ticket = {0};
    struct http_answer answer = {0};
    struct bus_arena arena;
    (void)http;
    http_take(conn, &ticket);
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    http_answer_refusal(&answer, http_request(conn), &arena);
    http_answer(&ticket, &answer);
    bus_arena_release(&arena);
}

/* As long as the longer of the two, whatever differs. */
static bool same_secret(struct bus_bytes given, const char *wanted)
{
    size_t len = strlen(wanted);
    unsigned differ = given.len != len;
    for (size_t i = 0; i < given.len; i++)
        differ |= given.data[i] ^ (uint8_t)wanted[len > 0 ? i % len : 0];
    return differ == 0;
}

static bool is_allowed(const struct dtm_http *http,
                       const struct http_reader *request)
{
    size_t count = 0;
    size_t word = strlen(BEARER);
    if (!http->options.token[0])
        return true;
    struct bus_bytes value = http_header(request, "Authorization", &count);
    if (count != 1 || value.len < word ||
        strncasecmp((const char *)value.data, BEARER, word) != 0)
        return false;
    value.data += word;
    value.len -= word;
    return same_secret(value, http->options.token);
}

static bool is_too_fast(struct dtm_http *http)
{
    int64_t second = bus_now(http->options.clock) / BUS_SECOND;
    if (second != http->second) {
        http->second = second;
        http->count = 0;
    }
    return http->options.rate > 0 && ++http->count > http->options.rate;
}

/* "/a/b" of a target's segments; NULL: too long. */
static const char *path_of(const struct target *target, struct bus_arena *arena)
{
    struct bus_buf buf;
    bus_buf_init(&buf, HTTP_TARGET_MAX);
    for (size_t i = 0; i < target->segment_count; i++) {
        bus_buf_byte(&buf, '/');
        bus_buf_add(&buf, target->segments[i].data, target->segments[i].len);
    }
    const char *path =
        buf.failed ? NULL
                   : bus_arena_text_n(arena, (const char *)buf.data, buf.len);
    bus_buf_release(&buf);
    return path;
}

typedef void serve(struct dtm *dtm, const struct dtm_ask *ask);

static void pass_on(struct dtm_http *http, struct http_conn *conn, serve *to)
{
    const struct http_reader *request = http_request(conn);
    struct asker *asker = asker_new(conn);
    struct target target = {0};
    struct bus_arena arena;
    struct bus_error error = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    const char *path = NULL;
    if (target_parse(request->target, &arena, &target, &error) == BUS_OK)
        path = path_of(&target, &arena);
    if (!path) {
        say(http, asker, HTTP_BAD_REQUEST, "bad request target");
    } else {
        const struct dtm_ask ask = {
            .method = request->method,
            .path = path,
            .query = target.query,
            .body = bus_buf_bytes(&request->body),
            .asker = asker,
        };
        to(http->options.dtm, &ask);
    }
    bus_arena_release(&arena);
}

static void serve_api(void *arg, struct http_conn *conn)
{
    struct dtm_http *http = arg;
    const struct http_reader *request = http_request(conn);
    if (request->state == READER_REFUSED)
        refuse(http, conn);
    else if (!is_allowed(http, request))
        say(http, asker_new(conn), HTTP_UNAUTHORIZED,
            "a bearer token is needed");
    else if (is_too_fast(http))
        say(http, asker_new(conn), HTTP_BUSY, "too many requests");
    else
        pass_on(http, conn, dtm_serve);
}

static void serve_debug(void *arg, struct http_conn *conn)
{
    struct dtm_http *http = arg;
    if (http_request(conn)->state == READER_REFUSED)
        refuse(http, conn);
    else
        pass_on(http, conn, dtm_serve_hook);
}

static int listen_at(struct dtm_http *http, int port, http_serve *serve,
                     struct http_tls *tls, struct http_listener **ret,
                     struct bus_error *err)
{
    const struct http_listener_options listener = {
        .name = "DTM's API",
        .host = http->options.host,
        .port = port,
        .body_max =
            http->options.body_max ? http->options.body_max : DTM_BODY_MAX,
        .tls = tls,
        .serve = serve,
        .arg = http,
    };
    return http_listen(http->server, &listener, ret, err);
}

static int check(const struct dtm_http_options *options, struct bus_error *err)
{
    if (allow_loopback(options->host))
        return BUS_OK;
    if (options->debug_port >= 0)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "a test's clock is served on loopback only");
    if (!options->token[0] && !options->client_ca[0])
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "DTM's API needs a Token, or Tls with a ClientCa, "
                             "where its Host is not loopback");
    return BUS_OK;
}

int dtm_http_open(const struct dtm_http_options *options, struct dtm_http **ret,
                  struct bus_error *err)
{
    int code = check(options, err);
    if (code)
        return code;
    struct dtm_http *http = calloc(1, sizeof(*http));
    if (!http)
        abort();
    const struct http_server_options server = {
        .loop = options->loop,
        .clock = options->clock,
        .conn_max = DTM_CONNECTIONS_MAX,
        .waits = http_waits_default,
    };
    http->options = *options;
    http->answered_last = &http->answered;
    http->server = http_server_new(&server);
    if (options->cert[0])
        code = http_tls_new(options->cert, options->key, options->client_ca,
                            &http->tls, err);
    if (!code)
        code = listen_at(http, options->port, serve_api, http->tls, &http->api,
                         err);
    if (!code && options->debug_port >= 0)
        code = listen_at(http, options->debug_port, serve_debug, NULL,
                         &http->debug, err);
    *ret = http; /* the caller closes it also when it failed */
    return code;
}

int dtm_http_port(const struct dtm_http *http)
{
    return http_listener_port(http->api);
}

int dtm_http_debug_port(const struct dtm_http *http)
{
    return http->debug ? http_listener_port(http->debug) : -1;
}

void dtm_http_leave(struct dtm_http *http)
{
    http_server_leave(http->server);
}

void dtm_http_close(struct dtm_http *http)
{
    dtm_http_flush(http);
    http_server_close(http->server);
}

void dtm_http_free(struct dtm_http *http)
{
    dtm_http_flush(http);
    http_server_free(http->server);
    http_tls_free(http->tls);
    free(http);
}
