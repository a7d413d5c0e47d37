/* SPDX-License-Identifier: MIT
 *
 * One request's way through the edge: route, size, token, values bound and
 * checked, packed, called over the bus; then the reply as JSON. Each step
 * either goes on or leaves an answer.
 */
#include "actors/edge/edge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actors/http/multipart.h"
#include "actors/runtime/settings.h"
#include "actors/runtime/token.h"
#include "bus/bind.h"
#include "bus/frame.h"
#include "bus/json.h"
#include "bus/log.h"
#include "bus/pack.h"
#include "bus/utf8.h"

#define LOG_LINE_URI 1024 /* bytes of a target kept for the log */

static struct exchange *exchange_new(struct api *api, struct http_conn *conn)
{
    struct edge *edge = api->edge;
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange)
        abort();
    exchange->edge = edge;
    exchange->api = api;
    exchange->started = bus_now(edge->clock);
    bus_arena_init(&exchange->arena, EDGE_ARENA);
    http_take(conn, &exchange->ticket);
    edge_hold(edge);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    struct edge *edge = exchange->edge;
    bus_arena_release(&exchange->arena);
    free(exchange);
    edge_drop(edge);
}

/* go-zero's access line. */
static void log_exchange(const struct exchange *exchange)
{
    double ms = (double)(bus_now(exchange->edge->clock) - exchange->started) /
                (double)BUS_MILLI;
    char duration[32];
    snprintf(duration, sizeof(duration), "%.1fms", ms);
    struct bus_log_field fields[] = {{"duration", duration, 0}, {0}};
    int status = exchange->answer.status;
    bus_log(status >= 500 ? BUS_LOG_ERROR : BUS_LOG_INFO, &exchange->trace,
            fields, "[HTTP] %d - %s - %s", status,
            exchange->line ? exchange->line : "?",
            exchange->ticket.conn ? http_peer(exchange->ticket.conn)
                                  : "client gone");
}

static void finish(struct exchange *exchange)
{
    log_exchange(exchange);
    if (exchange->ticket.conn) { /* else gone; so may the actor be */
        actor_answered(exchange->edge->process, exchange->answer.status >= 500);
        http_answer(&exchange->ticket, &exchange->answer);
    }
    exchange_free(exchange);
}

/* --- steps: each returns false when it has left an answer --- */

static bool refuse(struct exchange *exchange, const struct bus_error *err)
{
    answer_refused(&exchange->answer, exchange->api->style, err,
                   &exchange->arena);
    return false;
}

static bool refuse_status(struct exchange *exchange, int status,
                          const char *sentence)
{
    http_answer_text(&exchange->answer, status, sentence, &exchange->arena);
    return false;
}

static bool verb_is(struct bus_bytes verb, const char *word)
{
    return verb.len == strlen(word) && !memcmp(verb.data, word, verb.len);
}

static bool step_route(struct exchange *exchange, struct bus_bytes verb,
                       const struct target *target, struct route_match *match)
{
    routes_match(&exchange->api->routes, verb, target, match);
    exchange->route = match->route;
    if (match->route)
        return true;
    if (!match->known)
        return refuse_status(exchange, 404, "404 page not found");
    /* go-zero has neither; every client library expects both. */
    exchange->answer.status = verb_is(verb, "OPTIONS") ? 204 : 405;
    exchange->answer.allow = bus_arena_text(&exchange->arena, match->allow);
    return false;
}

static bool step_size(struct exchange *exchange, const struct http_reader *in)
{
    int64_t most = exchange->route->body_max;
    if (!most)
        most = exchange->api->config->max_bytes;
    if (in->body.len > (uint64_t)most)
        return refuse_status(exchange, 413, "request body too large");
    size_t coded;
    struct bus_bytes coding = http_header(in, "Content-Encoding", &coded);
    if (coded && !(coding.len == 8 &&
                   !strncasecmp((const char *)coding.data, "identity", 8)))
        return refuse_status(exchange, 415, "content coding not supported");
    return true;
}

/* The token of "Authorization: [Bearer ]token". */
static struct bus_bytes token_of(const struct http_reader *in)
{
    size_t count;
    struct bus_bytes value = http_header(in, "Authorization", &count);
    if (count != 1)
        return (struct bus_bytes){0};
    if (value.len > 7 && !strncasecmp((const char *)value.data, "Bearer ", 7)) {
        value.data += 7;
        value.len -= 7;
    }
    return value;
}

static bool step_token(struct exchange *exchange, const struct http_reader *in)
{
    if (!exchange->route->jwt)
        return true;
    struct bus_error err = {0};
    const struct actor_auth *auth = exchange->route->auth;
    int64_t now = bus_wall(exchange->edge->clock) / 1000000;
    struct bus_bytes token = token_of(in);
    int code = actor_token_read(token, auth->access_secret, now,
                                &exchange->arena, &exchange->claims, &err);
    if (code && auth->prev_secret && auth->prev_secret[0])
        code = actor_token_read(token, auth->prev_secret, now, &exchange->arena,
                                &exchange->claims, &err);
    if (code == BUS_OK)
        return true;
    bus_log(BUS_LOG_INFO, &exchange->trace, NULL, "token refused: %s",
            err.sentence);
    exchange->answer.status = 401; /* and an empty body, as go-zero */
    return false;
}

/* Media types compare in any case; parameters do not matter. */
static bool media_is(const struct http_reader *in, const char *type)
{
    struct bus_bytes value = http_header(in, "Content-Type", NULL);
    size_t len = strlen(type);
    if (value.len < len ||
        strncasecmp((const char *)value.data, type, len) != 0)
        return false;
    return value.len == len || strchr("; \t", value.data[len]);
}

/* How many pairs a form of this text can hold at the most. */
static size_t pairs_most(struct bus_bytes text)
{
    size_t count = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '&';
    return count;
}

/* Only a problem has room for more than the first fault. */
static bool bind_values(struct exchange *exchange, struct bus_bind_input *input,
                        void *message)
{
    enum answer_style style = exchange->api->style;
    struct bus_faults faults;
    struct bus_error err = {0};
    bus_faults_init(&faults, &exchange->arena);
    if (style == ANSWER_PROBLEM)
        input->faults = &faults;
    if (!bus_bind(input, exchange->route->request, &exchange->arena, message,
                  &err))
        return true;
    answer_unbound(&exchange->answer, style, &err, &faults, &exchange->arena);
    return false;
}

/* The values of a body that is a form, then those of the query. */
static int take_form(struct exchange *exchange, const struct http_reader *in,
                     struct bus_bytes query, struct bus_bind_input *input,
                     struct bus_error *err)
{
    struct bus_arena *arena = &exchange->arena;
    struct bus_bytes body = bus_buf_bytes(&in->body);
    struct bus_bytes type = http_header(in, "Content-Type", NULL);
    bool urlencoded = media_is(in, "application/x-www-form-urlencoded");
    bool multipart = multipart_is(type);
    size_t count = 0, max = pairs_most(query);
    if (urlencoded)
        max += pairs_most(body);
    if (multipart || max > BUS_FORM_VALUES_MAX)
        max = BUS_FORM_VALUES_MAX;
    struct bus_pair *form = bus_arena_array(arena, max, sizeof(*form));
    if (!form)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "request too large");
    int code = BUS_OK;
    if (urlencoded)
        code = target_form(body, arena, form, max, &count, err);
    else if (multipart)
        code = multipart_form(type, body, arena, form, max, &count, err);
    if (!code)
        code = target_form(query, arena, form, max, &count, err);
    input->form = form;
    input->form_count = count;
    return code;
}

static bool step_bind(struct exchange *exchange, const struct http_reader *in,
                      const struct target *target,
                      const struct route_match *match, void **ret)
{
    struct bus_error err = {0};
    struct bus_bind_input input = {
        .path = match->params,
        .path_count = match->param_count,
        .headers = in->headers,
        .headers_count = in->header_count,
    };
    int code = take_form(exchange, in, target->query, &input, &err);
    *ret = bus_arena_alloc(&exchange->arena, exchange->route->request->size);
    if (code == BUS_RESOURCE_EXHAUSTED || !*ret)
        return refuse_status(exchange, 413, "request too large");
    if (media_is(in, "application/json"))
        input.json = bus_buf_bytes(&in->body);
    return code ? refuse(exchange, &err) : bind_values(exchange, &input, *ret);
}

/* --- the call --- */

static struct bus_bytes keep(struct bus_arena *arena, struct bus_bytes from)
{
    char *copy = NULL;
    if (from.len)
        copy = bus_arena_text_n(arena, (const char *)from.data, from.len);
    if (!copy)
        return (struct bus_bytes){0};
    return (struct bus_bytes){(uint8_t *)copy, from.len};
}

/* On any thread: the exchange's arena is nobody else's while it waits. */
static void on_reply(void *arg, const struct bus_reply *reply)
{
    struct exchange *exchange = arg;
    struct edge *edge = exchange->edge;
    exchange->reply.error = reply->error;
    exchange->reply.headers = keep(&exchange->arena, reply->headers);
    exchange->reply.body = keep(&exchange->arena, reply->body);
    exchange->reply.detail = keep(&exchange->arena, reply->detail);
    if (reply->body.len && !exchange->reply.body.len)
        bus_error_set(&exchange->reply.error, BUS_RESOURCE_EXHAUSTED,
                      "reply larger than a request's memory");
    pthread_mutex_lock(&edge->lock);
    bool closed = edge->closed; /* stopped before the bus could answer */
    if (!closed) {
        exchange->next = edge->answered;
        edge->answered = exchange;
        uv_async_send(&edge->wake); /* which the lock keeps from closing */
    }
    pthread_mutex_unlock(&edge->lock);
    if (closed)
        exchange_free(exchange);
}

static void call_start(struct exchange *exchange, const void *message)
{
    struct edge *edge = exchange->edge;
    const struct route *route = exchange->route;
    int64_t timeout = route->timeout_ms ? route->timeout_ms
                                        : exchange->api->config->timeout_ms;
    exchange->deadline =
        timeout ? exchange->started + timeout * BUS_MILLI : BUS_FOREVER;
    struct bus_buf body;
    bus_buf_init(&body, EDGE_ARENA);
    if (route->request)
        bus_pack_message(&body, route->request, message);
    struct bus_request request = {
        .target = route->actor,
        .method = route->method,
        .deadline = exchange->deadline,
        .meta = {.trace = exchange->trace,
                 .claims = exchange->claims,
                 .key = exchange->key},
        .body = bus_buf_bytes(&body),
    };
    bus_start(edge->bus, &request, on_reply, exchange);
    bus_flush(edge->bus);
    bus_buf_release(&body);
}

/* --- from bytes read to the call --- */

static void trace_begin(struct exchange *exchange, const struct http_reader *in)
{
    size_t count;
    struct bus_bytes text = http_header(in, "traceparent", &count);
    char parent[BUS_TRACEPARENT_TEXT] = "";
    struct bus_trace given;
    if (count == 1 && text.len < sizeof(parent))
        memcpy(parent, text.data, text.len);
    if (bus_trace_parse(parent, &given))
        bus_trace_child(&given, &exchange->trace);
    else
        bus_trace_new(&exchange->trace);
}

/* A key that is no text for a frame is none: it could not be told apart. */
static bool step_key(struct exchange *exchange, const struct http_reader *in)
{
    size_t count;
    struct bus_bytes text = http_header(in, "idempotency-key", &count);
    if (count == 0)
        return true;
    struct bus_error err;
    if (count > 1 || text.len == 0 || text.len > BUS_KEY_MAX ||
        memchr(text.data, '\0', text.len) ||
        !bus_utf8_valid(text.data, text.len)) {
        bus_error_field(&err, BUS_INVALID_ARGUMENT, "Idempotency-Key",
                        "Idempotency-Key: one text of 1 to %d bytes",
                        BUS_KEY_MAX);
        return refuse(exchange, &err);
    }
    exchange->key = bus_arena_printf(&exchange->arena, "%.*s", (int)text.len,
                                     (const char *)text.data);
    return true;
}

static void note_line(struct exchange *exchange, const struct http_reader *in)
{
    size_t len = in->target.len < LOG_LINE_URI ? in->target.len : LOG_LINE_URI;
    exchange->line =
        bus_arena_printf(&exchange->arena, "%.*s %.*s", (int)in->method.len,
                         in->method.data, (int)len, in->target.data);
}

/* True when the call is under way; otherwise the answer is there. */
static bool request_take(struct exchange *exchange,
                         const struct http_reader *in)
{
    struct target target;
    struct route_match match;
    struct bus_error err = {0};
    void *message = NULL;
    exchange->answer.head_only = verb_is(in->method, "HEAD");
    if (target_parse(in->target, &exchange->arena, &target, &err))
        return refuse(exchange, &err);
    if (!step_route(exchange, in->method, &target, &match) ||
        !step_size(exchange, in) || !step_token(exchange, in) ||
        !step_key(exchange, in))
        return false;
    if (match.route->request &&
        !step_bind(exchange, in, &target, &match, &message))
        return false;
    call_start(exchange, message);
    return true;
}

void exchange_start(void *arg, struct http_conn *conn)
{
    const struct http_reader *in = http_request(conn);
    struct exchange *exchange = exchange_new(arg, conn);
    trace_begin(exchange, in);
    if (in->state == READER_REFUSED) {
        http_answer_refusal(&exchange->answer, in, &exchange->arena);
    } else {
        note_line(exchange, in);
        if (request_take(exchange, in))
            return;
    }
    finish(exchange);
}

/* --- from the reply to the answer --- */

static bool answer_json(struct exchange *exchange)
{
    const struct route *route = exchange->route;
    struct bus_buf json;
    int code = BUS_OK;
    bus_buf_init(&json, EDGE_ARENA);
    if (route->reply) {
        struct bus_error err = {0};
        void *message = bus_arena_alloc(&exchange->arena, route->reply->size);
        code = message ? bus_unpack_message(exchange->reply.body, route->reply,
                                            &exchange->arena, message, &err)
                       : BUS_RESOURCE_EXHAUSTED;
        if (!code && route->bare)
            bus_json_write_value(&json, route->reply->fields, message);
        else if (!code)
            bus_json_write(&json, route->reply, message);
    } else {
        bus_json_from_pack(&json, exchange->reply.body);
    }
    exchange->answer.body = keep(&exchange->arena, bus_buf_bytes(&json));
    bool good = !code && !json.failed && exchange->answer.body.len;
    bus_buf_release(&json);
    return good;
}

static void answer_ok(struct exchange *exchange)
{
    struct http_answer *answer = &exchange->answer;
    answer->status = 200;
    if (!exchange->route->replies)
        return;
    answer->type = "application/json; charset=utf-8";
    if (!answer_json(exchange)) {
        bus_log(BUS_LOG_ERROR, &exchange->trace, NULL,
                "%s.%s: reply does not fit its schema", exchange->route->actor,
                exchange->route->method);
        *answer = (struct http_answer){.status = 500};
    }
}

/* The caller's own deadline, as against one that the handler reported. */
static bool timed_out(const struct exchange *exchange)
{
    return exchange->reply.error.code == BUS_DEADLINE_EXCEEDED &&
           !exchange->reply.error.http &&
           bus_now(exchange->edge->clock) >= exchange->deadline;
}

void exchange_resume(struct exchange *exchange)
{
    struct http_answer *answer = &exchange->answer;
    const struct bus_reply *reply = &exchange->reply;
    answer->headers = reply->headers;
    if (reply->error.code == BUS_OK) {
        answer_ok(exchange);
    } else if (timed_out(exchange)) {
        answer->status = 503; /* go-zero's text, without a type */
        answer->body =
            (struct bus_bytes){(const uint8_t *)"Request Timeout", 15};
    } else {
        if (reply->error.code == BUS_INTERNAL || reply->error.reason[0])
            bus_log(BUS_LOG_ERROR, &exchange->trace, NULL, "%s.%s: %s %s: %s",
                    exchange->route->actor, exchange->route->method,
                    bus_code_name(reply->error.code), reply->error.reason,
                    reply->error.sentence);
        answer_failed(answer, exchange->api->style, &reply->error,
                      reply->detail, &exchange->arena);
    }
    finish(exchange);
}
