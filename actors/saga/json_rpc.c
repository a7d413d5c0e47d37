/* SPDX-License-Identifier: MIT
 *
 * Params by splicing: the payload is checked as a whole and then kept byte for
 * byte, so that no number of it changes its spelling.
 */
#include "actors/saga/json_rpc.h"

#include <stdio.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/json.h"

static const struct bus_shape any_object = {.name = "saga.params", .size = 1};

static void member(struct bus_buf *buf, const char *name, const char *value)
{
    bus_json_text(buf, name, strlen(name));
    bus_buf_byte(buf, ':');
    bus_json_text(buf, value, strlen(value));
}

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What stands between the braces of a checked object, without blanks around. */
static struct bus_bytes inside(struct bus_bytes object)
{
    const uint8_t *at = object.data, *end = object.data + object.len;
    while (*at != '{')
        at++;
    while (end[-1] != '}')
        end--;
    at++;
    end--;
    while (at < end && blank(*at))
        at++;
    while (at < end && blank(end[-1]))
        end--;
    return (struct bus_bytes){at, (size_t)(end - at)};
}

static int payload_check(struct bus_bytes payload, struct bus_error *err)
{
    struct bus_arena arena;
    uint8_t nothing = 0;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = bus_json_read(payload, &any_object, &arena, &nothing, NULL, err);
    bus_arena_release(&arena);
    return code;
}

int json_rpc_write(const struct json_rpc *call, struct bus_buf *buf,
                   struct bus_error *err)
{
    struct bus_bytes params = {0};
    if (call->payload.len) {
        int code = payload_check(call->payload, err);
        if (code)
            return code;
        params = inside(call->payload);
    }
    char id[256];
    snprintf(id, sizeof(id), "%s-%s-%s", call->gid, call->branch_id, call->op);
    bus_buf_byte(buf, '{');
    member(buf, "id", id);
    bus_buf_byte(buf, ',');
    member(buf, "jsonrpc", "2.0");
    bus_buf_byte(buf, ',');
    member(buf, "method", call->method);
    bus_buf_text(buf, ",\"params\":{");
    bus_buf_add(buf, params.data, params.len);
    if (params.len)
        bus_buf_byte(buf, ',');
    member(buf, "branch_id", call->branch_id);
    bus_buf_byte(buf, ',');
    member(buf, "gid", call->gid);
    bus_buf_byte(buf, ',');
    member(buf, "op", call->op);
    bus_buf_byte(buf, ',');
    member(buf, "trans_type", call->trans_type);
    bus_buf_text(buf, "}}");
    return buf->failed ? bus_error_set(err, BUS_OUT_OF_RANGE,
                                       "the request is too large")
                       : BUS_OK;
}
