/* SPDX-License-Identifier: MIT
 *
 * The bytes of an answer, in the order of Go's server.
 */
#include "actors/http/answer.h"

#include <string.h>
#include <strings.h>

#include "actors/http/reader.h"
#include "bus/pack.h"

#define TEXT_TYPE "text/plain; charset=utf-8"

void http_answer_text(struct http_answer *answer, int status,
                      const char *sentence, struct bus_arena *arena)
{
    char *body = bus_arena_printf(arena, "%s\n", sentence);
    answer->status = status;
    answer->type = TEXT_TYPE;
    answer->nosniff = true;
    answer->body =
        (struct bus_bytes){(const uint8_t *)body, body ? strlen(body) : 0};
}

void http_answer_refusal(struct http_answer *answer,
                         const struct http_reader *reader,
                         struct bus_arena *arena)
{
    http_answer_text(answer, reader->refusal.status, reader->refusal.why,
                     arena);
    answer->close = true;
}

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

void http_answer_write(struct bus_buf *out, const struct http_answer *answer,
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
