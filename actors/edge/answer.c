/* SPDX-License-Identifier: MIT
 *
 * The three styles of refusal.
 */
#include "actors/edge/answer.h"

#include <string.h>

#include "actors/http/reader.h"
#include "bus/json.h"
#include "bus/pack.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define PROBLEM_TYPE "application/problem+json"
#define REFUSAL_MAX ((size_t)64 << 10) /* bytes of a refusal's body */

bool answer_style_from_name(const char *name, enum answer_style *ret)
{
    static const struct {
        const char *name;
        enum answer_style style;
    } names[] = {{"text", ANSWER_TEXT},
                 {"code", ANSWER_CODE},
                 {"problem", ANSWER_PROBLEM},
                 {"json", ANSWER_PROBLEM}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(name, names[i].name)) {
            *ret = names[i].style;
            return true;
        }
    }
    return false;
}

/* Moves a buffer's content into the arena as the body. */
static void body_take(struct http_answer *answer, struct bus_buf *buf,
                      struct bus_arena *arena)
{
    char *copy = bus_arena_text_n(arena, (const char *)buf->data, buf->len);
    if (copy && !buf->failed)
        answer->body = (struct bus_bytes){(const uint8_t *)copy, buf->len};
    bus_buf_release(buf);
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

static void json_member(struct bus_buf *buf, const char *name,
                        const char *value)
{
    bus_json_text(buf, name, strlen(name));
    bus_buf_byte(buf, ':');
    bus_json_text(buf, value, strlen(value));
}

/* One object a field, with what is wrong there. */
static void problem_fields(struct bus_buf *buf, const struct bus_fault *faults,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bus_buf_text(buf, i ? ",{" : ",\"errors\":[{");
        json_member(buf, "field", faults[i].field);
        bus_buf_byte(buf, ',');
        json_member(buf, "detail", faults[i].sentence);
        bus_buf_byte(buf, '}');
    }
    if (count)
        bus_buf_byte(buf, ']');
}

/* faults: NULL, or all that err is the first of. */
static void answer_problem(struct http_answer *answer, int status,
                           const struct bus_error *err,
                           const struct bus_faults *faults,
                           struct bus_arena *arena)
{
    const char *sentence = public_sentence(err);
    struct bus_fault only = {err->field, sentence};
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
    if (faults && faults->count)
        problem_fields(&buf, faults->items, faults->count);
    else
        problem_fields(&buf, &only, err->field[0] ? 1 : 0);
    bus_buf_byte(&buf, '}');
    answer->status = status;
    answer->type = PROBLEM_TYPE;
    body_take(answer, &buf, arena);
}

static bool busy(const struct bus_error *err)
{
    return err->code == BUS_RESOURCE_EXHAUSTED || err->code == BUS_UNAVAILABLE;
}

void answer_refused(struct http_answer *answer, enum answer_style style,
                    const struct bus_error *err, struct bus_arena *arena)
{
    answer_unbound(answer, style, err, NULL, arena);
}

void answer_unbound(struct http_answer *answer, enum answer_style style,
                    const struct bus_error *err,
                    const struct bus_faults *faults, struct bus_arena *arena)
{
    int status = bus_code_http(err->code, err->reason);
    if (style == ANSWER_PROBLEM)
        answer_problem(answer, status, err, faults, arena);
    else
        http_answer_text(answer, status, public_sentence(err), arena);
    answer->retry_after = status == 503 && busy(err);
}

/* {"code":N,"msg":"..."} and what the handler added of its own. */
static void answer_code(struct http_answer *answer, int status,
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

void answer_failed(struct http_answer *answer, enum answer_style style,
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
        http_answer_text(answer, status_of(err), public_sentence(err), arena);
    else if (err->http)
        answer_problem(answer, status_of(err), err, NULL, arena);
    else
        answer_refused(answer, style, err, arena);
}
