/* SPDX-License-Identifier: MIT
 *
 * The table of dtm_judge.h, and the words of a reason.
 */
#include "actors/saga/dtm_judge.h"

#include <string.h>

#include "bus/code.h"
#include "bus/error.h"
#include "bus/pack.h"
#include "bus/json.h"

#define HTTP_OK 200
#define HTTP_REDIRECT 300
#define HTTP_CONFLICT 409
#define HTTP_TOO_EARLY 425
#define RPC_FAILURE (-32901)
#define RPC_ONGOING (-32902)
#define FAILURE "FAILURE"

static bool contains(struct bus_bytes body, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= body.len; i++)
        if (memcmp(body.data + i, word, len) == 0)
            return true;
    return false;
}

int dtm_judge(int status, struct bus_bytes body, bool strict)
{
    if (status == HTTP_TOO_EARLY || (!strict && contains(body, "ONGOING")))
        return BUS_FAILED_PRECONDITION;
    if (status == HTTP_CONFLICT || (!strict && contains(body, FAILURE)))
        return BUS_ABORTED;
    bool done = strict ? status >= HTTP_OK && status < HTTP_REDIRECT
                       : status == HTTP_OK;
    return done ? BUS_OK : BUS_UNKNOWN;
}

/* True if the answer holds an error; its code, or 0. */
static bool rpc_error(struct bus_bytes body, int64_t *ret)
{
    struct bus_buf pack;
    struct bus_error ignored;
    struct bus_bytes error, code;
    bool some = false;
    *ret = 0;
    bus_buf_init(&pack, body.len * 2 + 64);
    if (bus_json_to_pack(body, &pack, &ignored) == BUS_OK &&
        bus_pack_find(bus_buf_bytes(&pack), "error", &error)) {
        struct bus_unpack in = bus_unpack_open(error);
        some = bus_unpack_type(&in) != BUS_PACK_NIL;
        if (bus_pack_find(error, "code", &code)) {
            in = bus_unpack_open(code);
            bus_unpack_int(&in, ret);
        }
    }
    bus_buf_release(&pack);
    return some;
}

int dtm_judge_rpc(int status, struct bus_bytes body, bool strict)
{
    int64_t number = 0;
    int code = dtm_judge(status, body, strict);
    if (code != BUS_OK || !rpc_error(body, &number))
        return code;
    if (number == RPC_FAILURE)
        return BUS_ABORTED;
    return number == RPC_ONGOING ? BUS_FAILED_PRECONDITION : BUS_UNKNOWN;
}

void dtm_judge_reason(struct bus_buf *buf, const char *url,
                      struct bus_bytes body)
{
    static const char end[] = " " FAILURE;
    size_t len = body.len;
    size_t tail = sizeof(end) - 1;
    if (len >= tail && memcmp(body.data + len - tail, end, tail) == 0)
        len -= tail;
    bus_buf_text(buf, "url:");
    bus_buf_text(buf, url);
    bus_buf_text(buf, " return failed: ");
    bus_buf_add(buf, body.data, len);
    bus_buf_text(buf, end);
}
