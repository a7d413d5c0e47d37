/* SPDX-License-Identifier: MIT
 *
 * Answers in DTM's form: {"dtm_result", "message"} by HTTP, an error object by
 * JSON-RPC. An asker is answered once and freed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm_work.h"
#include "bus/code.h"
#include "bus/json.h"

#define HTTP_OK 200
#define HTTP_BAD_REQUEST 400
#define HTTP_NOT_FOUND 404
#define HTTP_CONFLICT 409
#define HTTP_TOO_LARGE 413
#define HTTP_TOO_EARLY 425
#define HTTP_BUSY 429
#define HTTP_ERROR 500
#define HTTP_UNAVAILABLE 503
#define RPC_PARSE (-32700)
#define RPC_INTERNAL (-32603)
#define RPC_FAILURE (-32901)
#define RPC_ONGOING (-32902)

struct dtm_asker *dtm_take_asker(struct dtm_work *work)
{
    struct dtm_asker *asker = work->asker;
    work->asker = NULL;
    return asker;
}

static void send(struct dtm *dtm, struct dtm_asker *asker, int status,
                 const struct bus_buf *body)
{
    dtm_send(dtm, asker, status, "application/json; charset=utf-8",
             bus_buf_bytes(body));
}

void dtm_text(struct dtm *dtm, struct dtm_asker *asker, const char *type,
              const struct bus_buf *text)
{
    dtm_send(dtm, asker, HTTP_OK, type, bus_buf_bytes(text));
}

void dtm_not_found(struct dtm *dtm, struct dtm_asker *asker)
{
    static const char text[] = "404 page not found";
    const struct bus_bytes body = {(const uint8_t *)text, sizeof(text) - 1};
    dtm_send(dtm, asker, HTTP_NOT_FOUND, "text/plain", body);
}

/* The frame of JSON-RPC around an error or a result. */
static void send_rpc(struct dtm *dtm, struct dtm_asker *asker, int code,
                     const char *message, const struct bus_buf *result)
{
    struct bus_buf buf;
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    bus_buf_text(&buf, "{\"error\":");
    if (code) {
        bus_buf_printf(&buf, "{\"code\":%d,\"message\":", code);
        bus_json_text(&buf, message, strlen(message));
        bus_buf_text(&buf, "}");
    } else {
        bus_buf_text(&buf, "null");
    }
    bus_buf_text(&buf, ",\"id\":");
    bus_json_text(&buf, asker->id, strlen(asker->id));
    bus_buf_text(&buf, ",\"jsonrpc\":\"2.0\",\"result\":");
    if (result)
        bus_buf_add(&buf, result->data, result->len);
    else
        bus_buf_text(&buf, "null");
    bus_buf_text(&buf, "}");
    send(dtm, asker, code == RPC_PARSE ? HTTP_BAD_REQUEST : HTTP_OK, &buf);
    bus_buf_release(&buf);
}

void dtm_rpc_error(struct dtm *dtm, struct dtm_asker *asker, int code,
                   const char *what, const char *of)
{
    char message[BUS_SENTENCE_MAX + 64];
    snprintf(message, sizeof(message), "%s%.512s", what, of);
    send_rpc(dtm, asker, code, message, NULL);
}

static void send_message(struct dtm *dtm, struct dtm_asker *asker, int status,
                         const char *result, const char *message)
{
    struct bus_buf buf;
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    bus_buf_text(&buf, "{");
    if (result)
        bus_buf_printf(&buf, "\"dtm_result\":\"%s\"%s", result,
                       message ? "," : "");
    if (message) {
        bus_buf_text(&buf, "\"message\":");
        bus_json_text(&buf, message, strlen(message));
    }
    bus_buf_text(&buf, "}");
    send(dtm, asker, status, &buf);
    bus_buf_release(&buf);
}

void dtm_ok(struct dtm *dtm, struct dtm_asker *asker)
{
    if (asker->rpc)
        send_rpc(dtm, asker, 0, NULL, NULL);
    else
        send_message(dtm, asker, HTTP_OK, "SUCCESS", NULL);
}

static void send_word(struct dtm *dtm, struct dtm_asker *asker, bool ongoing,
                      const char *message)
{
    const char *word = ongoing ? "ONGOING" : "FAILURE";
    struct bus_buf buf;
    size_t len = strlen(message);
    size_t tail = strlen(word);
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    bus_buf_text(&buf, message);
    if (len < tail || strcmp(message + len - tail, word) != 0)
        bus_buf_printf(&buf, " %s", word);
    bus_buf_byte(&buf, 0);
    const char *text = (const char *)buf.data;
    if (asker->rpc)
        send_rpc(dtm, asker, ongoing ? RPC_ONGOING : RPC_FAILURE, text, NULL);
    else
        send_message(dtm, asker, ongoing ? HTTP_TOO_EARLY : HTTP_CONFLICT, word,
                     text);
    bus_buf_release(&buf);
}

void dtm_failure(struct dtm *dtm, struct dtm_asker *asker, const char *message)
{
    send_word(dtm, asker, false, message);
}

void dtm_ongoing(struct dtm *dtm, struct dtm_asker *asker, const char *message)
{
    send_word(dtm, asker, true, message);
}

void dtm_error(struct dtm *dtm, struct dtm_asker *asker, int status,
               const char *message)
{
    if (asker->rpc)
        send_rpc(dtm, asker, RPC_INTERNAL, message, NULL);
    else
        send_message(dtm, asker, status, NULL, message);
}

static int status_of(int code)
{
    switch (code) {
    case BUS_UNAVAILABLE:
        return HTTP_UNAVAILABLE;
    case BUS_RESOURCE_EXHAUSTED:
        return HTTP_TOO_LARGE;
    case BUS_INVALID_ARGUMENT:
        return HTTP_BAD_REQUEST;
    default:
        return HTTP_ERROR;
    }
}

void dtm_refuse(struct dtm *dtm, struct dtm_asker *asker,
                const struct bus_error *error)
{
    int status = status_of(error->code);
    if (strcmp(error->reason, "busy") == 0)
        status = HTTP_BUSY;
    dtm_error(dtm, asker, status, error->sentence);
}

void dtm_body(struct dtm *dtm, struct dtm_asker *asker,
              const struct bus_buf *body)
{
    if (body->failed)
        dtm_error(dtm, asker, HTTP_ERROR, "the answer is too large");
    else if (asker->rpc)
        send_rpc(dtm, asker, 0, NULL, body);
    else
        send(dtm, asker, HTTP_OK, body);
}
