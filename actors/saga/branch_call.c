/* SPDX-License-Identifier: MIT
 *
 * A saga's call to an HTTP request, and its answer to a reply.
 */
#include "actors/saga/branch_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm_judge.h"
#include "bus/code.h"
#include "bus/json.h"

#define BODY_MAX ((size_t)16 << 20)
#define BUS_SCHEME "bus://"
#define HEADERS_MAX (PLAN_HEADERS_MAX + 1)

/* A call under way. */
struct branch_flight {
    struct branch_flight *next, **self;
    branch_done *done;
    void *arg;
    bool dtm, strict, rpc;
};

static bool cut(const char *from, size_t len, char *to, size_t size)
{
    if (len == 0 || len >= size)
        return false;
    memcpy(to, from, len);
    to[len] = 0;
    return true;
}

bool branch_place(const char *url, struct branch_place *ret)
{
    bool rpc = url[0] == '/';
    if (!rpc && strncmp(url, BUS_SCHEME, strlen(BUS_SCHEME)) != 0)
        return false;
    const char *actor = url + (rpc ? 1 : strlen(BUS_SCHEME));
    const char *slash = strchr(actor, '/');
    if (!slash)
        return false;
    size_t len = (size_t)(slash - actor);
    const char *dot = rpc ? memchr(actor, '.', len) : NULL;
    return cut(actor, dot ? (size_t)(dot - actor) : len, ret->actor,
               sizeof(ret->actor)) &&
           cut(slash + 1, strcspn(slash + 1, "?"), ret->method,
               sizeof(ret->method));
}

int branch_call_body(struct bus_bytes json, struct bus_buf *ret,
                     struct bus_error *err)
{
    const struct bus_bytes empty = {(const uint8_t *)"{}", 2};
    return bus_json_to_pack(json.len > 0 ? json : empty, ret, err);
}

static int judge(const struct branch_flight *flight,
                 const struct http_branch_answer *answer)
{
    bool strict = flight->strict || !flight->dtm;
    return flight->rpc ? dtm_judge_rpc(answer->status, answer->body, strict)
                       : dtm_judge(answer->status, answer->body, strict);
}

/* What a saga of ours keeps is msgpack. */
static void keep_json(struct bus_bytes json, struct bus_buf *pack,
                      struct bus_reply *reply)
{
    struct bus_error ignored;
    reply->body = (struct bus_bytes){0};
    if (json.len > 0 && bus_json_to_pack(json, pack, &ignored) == BUS_OK)
        reply->body = bus_buf_bytes(pack);
}

static void flight_drop(struct branch_flight *flight,
                        const struct bus_reply *reply)
{
    *flight->self = flight->next;
    if (flight->next)
        flight->next->self = flight->self;
    flight->done(flight->arg, reply);
    free(flight);
}

static void answered(void *arg, const struct http_branch_answer *answer)
{
    struct branch_flight *flight = arg;
    struct bus_reply reply = {.error = answer->error, .body = answer->body};
    struct bus_buf pack;
    bus_buf_init(&pack, BODY_MAX);
    if (answer->status > 0) {
        int code = judge(flight, answer);
        reply.error = (struct bus_error){0};
        if (code != BUS_OK)
            bus_error_set(
                &reply.error, code, "%d %.*s", answer->status,
                answer->body.len > BUS_SENTENCE_MAX ? BUS_SENTENCE_MAX
                                                    : (int)answer->body.len,
                answer->body.len ? (const char *)answer->body.data : "");
    } else if (reply.error.code == BUS_INVALID_ARGUMENT ||
               reply.error.code == BUS_PERMISSION_DENIED) {
        reply.body = (struct bus_bytes){(const uint8_t *)reply.error.sentence,
                                        strlen(reply.error.sentence)};
    }
    if (!flight->dtm)
        keep_json(answer->body, &pack, &reply);
    flight_drop(flight, &reply);
    bus_buf_release(&pack);
}

void branch_calls_lost(struct branch_calls *calls)
{
    struct bus_reply reply = {0};
    bus_error_reason(&reply.error, BUS_UNKNOWN, "outcome_unknown",
                     "we are stopping");
    while (calls->first)
        flight_drop(calls->first, &reply);
}

static bool is_rpc(const struct saga_call *call)
{
    return call->dtm && strcmp(call->dtm->protocol, "json-rpc") == 0 &&
           strstr(call->target, "method");
}

void branch_call_http(struct branch_calls *calls, const struct saga_call *call,
                      branch_done *done, void *arg)
{
    const struct plan_dtm *dtm = call->dtm;
    struct http_branch_header headers[HEADERS_MAX];
    const struct plan_header *own = dtm ? dtm->headers.items : NULL;
    size_t count = dtm ? dtm->headers.count : 0;
    struct branch_flight *flight = calloc(1, sizeof(*flight));
    struct bus_buf json;
    if (!flight)
        abort();
    *flight = (struct branch_flight){.next = calls->first,
                                     .self = &calls->first,
                                     .done = done,
                                     .arg = arg,
                                     .dtm = dtm != NULL,
                                     .strict = dtm && dtm->strict,
                                     .rpc = is_rpc(call)};
    if (flight->next)
        flight->next->self = &flight->next;
    calls->first = flight;
    for (size_t i = 0; i < count; i++)
        headers[i] = (struct http_branch_header){own[i].name, own[i].value};
    bus_buf_init(&json, BODY_MAX);
    if (!dtm)
        bus_json_from_pack(&json, call->body);
    const struct http_branch_call http = {
        .url = call->target,
        .gid = call->mark.gid,
        .trans_type = dtm ? dtm->trans_type : "saga",
        .branch_id = call->mark.branch,
        .op = call->mark.op,
        .form = flight->rpc ? HTTP_BRANCH_JSON_RPC : HTTP_BRANCH_QUERY,
        .post = !dtm || strcmp(dtm->trans_type, "xa") == 0,
        .body = dtm ? call->body : bus_buf_bytes(&json),
        .headers = headers,
        .header_count = count,
        .timeout_ms = call->timeout_ms,
        .done = answered,
        .arg = flight,
    };
    http_branch_start(calls->branches, &http);
    bus_buf_release(&json);
}
