/* SPDX-License-Identifier: MIT
 *
 * The three styles of refusal and the bytes of an answer.
 */
#include "actors/edge/answer.h"

#include <string.h>
#include <strings.h>

#include "actors/edge/http.h"
#include "bus/json.h"
#include "bus/pack.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define TEXT_TYPE "text/plain; charset=utf-8"
#define PROBLEM_TYPE "application/problem+json"
#define REFUSAL_MAX ((size_t)64 << 10) /* bytes of a refusal's body */

bool answer_style_from_name(const char *name, enum answer_style *ret)
{
    static const char *const names[] = {"text", "code", "problem"};
    for (int i = 0; i < 3; i++) {
        if (!strcmp(name, names[i])) {
            *ret = (enum answer_style)i;
            return true;
        }
    }
    return false;
}

/* Moves a buffer's content into the arena as the body. */
static void body_take(struct answer *answer, struct bus_buf *buf,
                      struct bus_arena *arena)
{
    char *copy = bus_arena_text_n(arena, (const char *)buf->data, buf->len);
    if (copy && !buf->failed)
        answer->body = (struct bus_bytes){(const uint8_t *)copy, buf->len};
    bus_buf_release(buf);
}

void answer_text(struct answer *answer, int status, const char *sentence,
                 struct bus_arena *arena)
{
    struct bus_buf buf;
    bus_buf_init(&buf, REFUSAL_MAX);
    bus_buf_text(&buf, sentence);
    bus_buf_byte(&buf, '\n');
    answer->status = status;
    answer->type = TEXT_TYPE;
    answer->nosniff = true;
    body_take(answer, &buf, arena);
}

static void json_member(struct bus_buf *buf, const char *name,
                        const char *value)
{
    bus_json_text(buf, name, strlen(name));
    bus_buf_byte(buf, ':');
    bus_json_text(buf, value, strlen(value));
}

static void answer_problem(struct answer *answer, int status,
                           const struct bus_error *err, const char *sentence,
                           struct bus_arena *arena)
{
    struct bus_buf buf;
    bus_buf_init(&buf, REFUSAL_MAX);
    bus_buf_text(&buf, "{\"type\":\"about:blank\",");
    json_member(&buf, "title", http_status_text(status));
    bus_buf_printf(&buf, ",\"status\":%d,", status);
    json_member(&buf, "detail", sentence);
    bus_buf_byte(&buf, ',');
    json_member(&buf, "code", bus_code_name(err->code));
    if (err->business)
        bus_buf_printf(&buf, ",\"business\":%d", err->business);
    if (err->field[0]) {
        bus_buf_text(&buf, ",\"errors\":[{");
        json_member(&buf, "field", err->field);
        bus_buf_byte(&buf, ',');
        json_member(&buf, "detail", sentence);
        bus_buf_text(&buf, "}]");
    }
    bus_buf_byte(&buf, '}');
    answer->status = status;
    answer->type = PROBLEM_TYPE;
    body_take(answer, &buf, arena);
}

/* What a stranger may read: words of ours about our own insides (addresses,
 * instances, statements) stay in the log. */
static const char *public_sentence(const struct bus_error *err)
{
    if (err->reason[0])
        return err->reason;
    if (err->code == BUS_INTERNAL || err->code == BUS_DATA_LOSS)
        return "internal error";
    return err->sentence[0] ? err->sentence : bus_code_name(err->code);
}

static bool busy(const struct bus_error *err)
{
    return err->code == BUS_RESOURCE_EXHAUSTED || err->code == BUS_UNAVAILABLE;
}

void answer_refused(struct answer *answer, enum answer_style style,
                    const struct bus_error *err, struct bus_arena *arena)
{
    int status = bus_code_http(err->code, err->reason);
    if (style == ANSWER_PROBLEM)
        answer_problem(answer, status, err, public_sentence(err), arena);
    else
        answer_text(answer, status, public_sentence(err), arena);
    answer->retry_after = status == 503 && busy(err);
}

/* {"code":N,"msg":"..."} and what the handler added of its own. */
static void answer_code(struct answer *answer, int status,
                        const struct bus_error *err, struct bus_bytes detail,
                        struct bus_arena *arena)
{
    struct bus_buf buf;
    bus_buf_init(&buf, REFUSAL_MAX);
    bus_buf_printf(&buf, "{\"code\":%d,",
                   err->business ? err->business : err->code);
    json_member(&buf, "msg", err->sentence);
    struct bus_bytes gid, text;
    if (detail.len && bus_pack_find(detail, "gid", &gid)) {
        struct bus_unpack in = bus_unpack_open(gid);
        if (bus_unpack_text(&in, &text)) {
            bus_buf_text(&buf, ",\"gid\":");
            bus_json_text(&buf, (const char *)text.data, text.len);
        }
    }
    bus_buf_byte(&buf, '}');
    answer->status = status;
    answer->type = JSON_TYPE;
    body_take(answer, &buf, arena);
}

/* A handler's own status; what is no final one would break the framing. */
static int status_of(const struct bus_error *err)
{
    return err->http >= 200 && err->http <= 599 ? err->http : 500;
}

void answer_failed(struct answer *answer, enum answer_style style,
                   const struct bus_error *err, struct bus_bytes detail,
                   struct bus_arena *arena)
{
    if (style == ANSWER_CODE && err->http)
        answer_code(answer, status_of(err), err, detail, arena);
    else if (style == ANSWER_CODE && err->business)
        answer_code(answer, 200, err, detail, arena);
    else if (style == ANSWER_CODE && !err->reason[0])
        answer->status = 500; /* the tutorial's handler: status, no body */
    else if (style != ANSWER_PROBLEM && err->http)
        answer_text(answer, status_of(err), public_sentence(err), arena);
    else if (err->http)
        answer_problem(answer, status_of(err), err, public_sentence(err),
                       arena);
    else
        answer_refused(answer, style, err, arena);
}

/* --- bytes --- */

static bool name_safe(struct bus_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (c <= 0x20 || c >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", c))
            return false;
    }
    return name.len > 0;
}

static bool value_safe(struct bus_bytes value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.data[i] < 0x20 && value.data[i] != '\t') ||
            value.data[i] == 0x7f)
            return false;
    return true;
}

/* Names that say how the answer is framed are ours alone. */
static bool name_ours(struct bus_bytes name)
{
    static const char *const ours[] = {"Content-Length", "Transfer-Encoding",
                                       "Connection", "Date"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (name.len == strlen(ours[i]) &&
            !strncasecmp((const char *)name.data, ours[i], name.len))
            return true;
    return false;
}

static void own_headers(struct bus_buf *out, struct bus_bytes packed)
{
    struct bus_unpack in = bus_unpack_open(packed);
    struct bus_bytes name, value;
    uint32_t count;
    if (!bus_unpack_array(&in, &count))
        return;
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        if (!bus_unpack_text(&in, &name) || !bus_unpack_text(&in, &value))
            return;
        if (!name_safe(name) || name_ours(name) || !value_safe(value))
            continue;
        bus_buf_add(out, name.data, name.len);
        bus_buf_text(out, ": ");
        bus_buf_add(out, value.data, value.len);
        bus_buf_text(out, "\r\n");
    }
}

/* RFC 9110 6.4.1: the client waits for none after these. */
static bool has_body(int status)
{
    return status != 204 && status != 304;
}

void answer_write(struct bus_buf *out, const struct answer *answer,
                  const char *date)
{
    bus_buf_printf(out, "HTTP/1.1 %d %s\r\n", answer->status,
                   http_status_text(answer->status));
    if (answer->allow)
        bus_buf_printf(out, "Allow: %s\r\n", answer->allow);
    if (answer->type)
        bus_buf_printf(out, "Content-Type: %s\r\n", answer->type);
    if (answer->retry_after)
        bus_buf_text(out, "Retry-After: 1\r\n");
    if (answer->nosniff)
        bus_buf_text(out, "X-Content-Type-Options: nosniff\r\n");
    if (answer->headers.len)
        own_headers(out, answer->headers);
    bus_buf_printf(out, "Date: %s\r\n", date);
    if (has_body(answer->status))
        bus_buf_printf(out, "Content-Length: %zu\r\n", answer->body.len);
    if (answer->close)
        bus_buf_text(out, "Connection: close\r\n");
    else if (answer->keep)
        bus_buf_text(out, "Connection: keep-alive\r\n");
    bus_buf_text(out, "\r\n");
    if (!answer->head_only && has_body(answer->status))
        bus_buf_add(out, answer->body.data, answer->body.len);
}
