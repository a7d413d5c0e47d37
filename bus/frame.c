/* SPDX-License-Identifier: MIT
 *
 * Packing and reading envelopes. Positions are fixed and those at the end may
 * be left out, so an ordinary request is six elements and an OK reply four.
 * Whatever a peer sends, the reader stays inside the frame; a value of the
 * wrong type, an element too many or a missing one makes the frame bad.
 */
#include "bus/frame.h"

#include <assert.h>
#include <string.h>

#define TRACE_BYTES 25                  /* id, span, flags */
#define BUDGET_MS_MAX INT64_C(86400000) /* longer is as good as none */

void bus_frame_begin(struct bus_buf *buf, bool multi)
{
    assert(buf->len == 0);
    bus_buf_byte(buf, multi ? BUS_FRAME_VERSION | BUS_FRAME_MULTI
                            : BUS_FRAME_VERSION);
}

/* ---- Packing ---- */

static void pack_bytes(struct bus_buf *buf, struct bus_bytes bytes)
{
    bus_pack_bin(buf, bytes.data, bytes.len);
}

static void pack_trace(struct bus_buf *buf, const struct bus_trace *trace)
{
    uint8_t bytes[TRACE_BYTES];
    memcpy(bytes, trace->id, 16);
    memcpy(bytes + 16, trace->span, 8);
    bytes[24] = trace->flags;
    bus_pack_bin(buf, bytes, sizeof(bytes));
}

static size_t meta_count(const struct bus_meta *meta)
{
    const struct bus_saga_mark *saga = &meta->saga;
    size_t count = (size_t)(meta->claims.len > 0) + (size_t)(meta->key != NULL);
    count += (size_t)(meta->app != NULL) + (size_t)(meta->token != NULL);
    if (saga->gid)
        count += 3 + (size_t)(saga->fill.len > 0);
    return count;
}

static void pack_named_text(struct bus_buf *buf, const char *name,
                            const char *text)
{
    bus_pack_text(buf, name);
    bus_pack_text(buf, text);
}

static void pack_named_bytes(struct bus_buf *buf, const char *name,
                             struct bus_bytes bytes)
{
    bus_pack_text(buf, name);
    pack_bytes(buf, bytes);
}

static void pack_meta(struct bus_buf *buf, const struct bus_meta *meta)
{
    const struct bus_saga_mark *saga = &meta->saga;
    bus_pack_map(buf, meta_count(meta));
    if (meta->claims.len)
        pack_named_bytes(buf, "claims", meta->claims);
    if (meta->key)
        pack_named_text(buf, "key", meta->key);
    if (meta->app)
        pack_named_text(buf, "app", meta->app);
    if (meta->token)
        pack_named_text(buf, "token", meta->token);
    if (!saga->gid)
        return;
    pack_named_text(buf, "gid", saga->gid);
    pack_named_text(buf, "branch", saga->branch);
    pack_named_text(buf, "op", saga->op);
    if (saga->fill.len)
        pack_named_bytes(buf, "fill", saga->fill);
}

uint8_t bus_frame_tail(struct bus_buf *buf, const struct bus_request *request)
{
    const struct bus_meta *meta = &request->meta;
    bool traced = bus_trace_some(&meta->trace);
    bool more = meta_count(meta) > 0;
    bus_pack_text(buf, request->method);
    pack_bytes(buf, request->body);
    if (!traced && !meta->depth && !more)
        return 2;
    if (traced)
        pack_trace(buf, &meta->trace);
    else
        bus_pack_nil(buf);
    if (!meta->depth && !more)
        return 3;
    bus_pack_uint(buf, meta->depth);
    if (!more)
        return 4;
    pack_meta(buf, meta);
    return 5;
}

void bus_frame_request(struct bus_buf *buf, const struct bus_frame_head *head,
                       struct bus_bytes tail)
{
    bus_pack_array(buf, 3 + (size_t)head->tail);
    bus_pack_uint(buf, head->kind);
    bus_pack_uint(buf, head->id);
    bus_pack_uint(buf, head->budget_ms);
    bus_pack_raw(buf, tail);
}

static size_t refusal_count(const struct bus_reply *reply)
{
    const struct bus_error *e = &reply->error;
    int count = (e->reason[0] != '\0') + (e->business != 0) + (e->http != 0) +
                (e->field[0] != '\0') + (e->sentence[0] != '\0') +
                (reply->headers.len > 0) + (reply->detail.len > 0);
    return (size_t)count;
}

static void pack_refusal(struct bus_buf *buf, const struct bus_reply *reply)
{
    const struct bus_error *e = &reply->error;
    bus_pack_map(buf, refusal_count(reply));
    if (e->reason[0])
        pack_named_text(buf, "reason", e->reason);
    if (e->business) {
        bus_pack_text(buf, "business");
        bus_pack_int(buf, e->business);
    }
    if (e->http) {
        bus_pack_text(buf, "http");
        bus_pack_int(buf, e->http);
    }
    if (e->field[0])
        pack_named_text(buf, "field", e->field);
    if (e->sentence[0])
        pack_named_text(buf, "sentence", e->sentence);
    if (reply->headers.len)
        pack_named_bytes(buf, "headers", reply->headers);
    if (reply->detail.len)
        pack_named_bytes(buf, "detail", reply->detail);
}

void bus_frame_reply(struct bus_buf *buf, uint64_t id,
                     const struct bus_reply *reply)
{
    bool more = refusal_count(reply) > 0;
    bool body = more || reply->body.len > 0;
    bus_pack_array(buf, 3 + (size_t)body + (size_t)more);
    bus_pack_uint(buf, BUS_ENVELOPE_REPLY);
    bus_pack_uint(buf, id);
    bus_pack_uint(buf, (uint64_t)reply->error.code);
    if (body)
        pack_bytes(buf, reply->body);
    if (more)
        pack_refusal(buf, reply);
}

void bus_frame_mark(struct bus_buf *buf, enum bus_envelope_kind kind,
                    uint64_t id)
{
    bus_pack_array(buf, 2);
    bus_pack_uint(buf, kind);
    bus_pack_uint(buf, id);
}

void bus_frame_hello(struct bus_buf *buf, enum bus_envelope_kind kind,
                     const char *actor, const char *instance, const char *node)
{
    bus_pack_array(buf, 5);
    bus_pack_uint(buf, kind);
    bus_pack_uint(buf, 0);
    bus_pack_text(buf, actor);
    bus_pack_text(buf, instance);
    bus_pack_text(buf, node);
}

/* ---- Reading ---- */

bool bus_frame_open(struct bus_frame_reader *reader, struct bus_bytes frame)
{
    if (frame.len < 2)
        return false;
    uint8_t version = frame.data[0];
    if ((version & ~BUS_FRAME_MULTI) != BUS_FRAME_VERSION)
        return false;
    struct bus_bytes rest = {frame.data + 1, frame.len - 1};
    reader->in = bus_unpack_open(rest);
    reader->multi = (version & BUS_FRAME_MULTI) != 0;
    reader->count = 0;
    return true;
}

static bool bytes_are(struct bus_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) &&
           memcmp(bytes.data, text, bytes.len) == 0;
}

static bool read_trace(struct bus_unpack *in, struct bus_trace *ret)
{
    struct bus_bytes bytes;
    if (bus_unpack_nil(in))
        return true;
    if (!bus_unpack_bin(in, &bytes) || bytes.len != TRACE_BYTES)
        return false;
    memcpy(ret->id, bytes.data, 16);
    memcpy(ret->span, bytes.data + 16, 8);
    ret->flags = bytes.data[24];
    return true;
}

/* A text without NUL: it becomes a C string. */
static bool read_text(struct bus_unpack *in, size_t max, struct bus_bytes *ret)
{
    return bus_unpack_text(in, ret) && ret->len <= max &&
           (ret->len == 0 || !memchr(ret->data, '\0', ret->len));
}

static bool read_meta_one(struct bus_unpack *in, struct bus_envelope *ret)
{
    struct bus_bytes name;
    if (!bus_unpack_text(in, &name))
        return false;
    if (bytes_are(name, "claims"))
        return bus_unpack_bin(in, &ret->claims) && bus_pack_valid(ret->claims);
    if (bytes_are(name, "key"))
        return read_text(in, BUS_KEY_MAX, &ret->key);
    if (bytes_are(name, "gid"))
        return read_text(in, BUS_KEY_MAX, &ret->gid);
    if (bytes_are(name, "branch"))
        return read_text(in, BUS_KEY_MAX, &ret->branch);
    if (bytes_are(name, "op"))
        return read_text(in, BUS_KEY_MAX, &ret->op);
    if (bytes_are(name, "fill"))
        return bus_unpack_bin(in, &ret->fill) && bus_pack_valid(ret->fill);
    if (bytes_are(name, "app"))
        return read_text(in, BUS_KEY_MAX, &ret->app);
    if (bytes_are(name, "token"))
        return read_text(in, BUS_KEY_MAX, &ret->token);
    return bus_unpack_value(in, NULL); /* of a later version */
}

static bool read_meta(struct bus_unpack *in, struct bus_envelope *ret)
{
    uint32_t count;
    if (!bus_unpack_map(in, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_meta_one(in, ret))
            return false;
    return true;
}

static bool read_request(struct bus_unpack *in, uint32_t count,
                         struct bus_envelope *ret)
{
    uint64_t depth = 0;
    if (count < 5 || count > 8 || !bus_unpack_uint(in, &ret->budget_ms) ||
        !read_text(in, BUS_METHOD_MAX - 1, &ret->method) ||
        ret->method.len == 0 || !bus_unpack_bin(in, &ret->body))
        return false;
    if (count > 5 && !read_trace(in, &ret->trace))
        return false;
    if (count > 6 && (!bus_unpack_uint(in, &depth) || depth > UINT8_MAX))
        return false;
    ret->depth = (uint8_t)depth;
    return count < 8 || read_meta(in, ret);
}

static bool read_int32(struct bus_unpack *in, int32_t *ret)
{
    int64_t value;
    if (!bus_unpack_int(in, &value) || value < INT32_MIN || value > INT32_MAX)
        return false;
    *ret = (int32_t)value;
    return true;
}

static bool read_refusal_one(struct bus_unpack *in, struct bus_envelope *ret)
{
    struct bus_bytes name;
    if (!bus_unpack_text(in, &name))
        return false;
    if (bytes_are(name, "reason"))
        return bus_unpack_text(in, &ret->reason);
    if (bytes_are(name, "business"))
        return read_int32(in, &ret->business);
    if (bytes_are(name, "http"))
        return read_int32(in, &ret->http);
    if (bytes_are(name, "field"))
        return bus_unpack_text(in, &ret->field);
    if (bytes_are(name, "sentence"))
        return bus_unpack_text(in, &ret->sentence);
    if (bytes_are(name, "headers"))
        return bus_unpack_bin(in, &ret->headers) &&
               bus_pack_valid(ret->headers);
    if (bytes_are(name, "detail"))
        return bus_unpack_bin(in, &ret->detail) && bus_pack_valid(ret->detail);
    return bus_unpack_value(in, NULL);
}

static bool read_reply(struct bus_unpack *in, uint32_t count,
                       struct bus_envelope *ret)
{
    uint64_t code;
    uint32_t names;
    if (count < 3 || count > 5 || !bus_unpack_uint(in, &code) ||
        code > BUS_UNAUTHENTICATED)
        return false;
    ret->code = (int)code;
    if (count > 3 && !bus_unpack_bin(in, &ret->body))
        return false;
    if (count < 5)
        return true;
    if (!bus_unpack_map(in, &names))
        return false;
    for (uint32_t i = 0; i < names; i++)
        if (!read_refusal_one(in, ret))
            return false;
    return true;
}

static bool read_hello(struct bus_unpack *in, uint32_t count,
                       struct bus_envelope *ret)
{
    return count == 5 && bus_unpack_text(in, &ret->actor) &&
           bus_unpack_text(in, &ret->instance) &&
           bus_unpack_text(in, &ret->node);
}

static bool read_rest(struct bus_unpack *in, uint32_t count,
                      struct bus_envelope *ret)
{
    switch ((enum bus_envelope_kind)ret->kind) {
    case BUS_ENVELOPE_REQUEST:
    case BUS_ENVELOPE_ONEWAY:
        return read_request(in, count, ret);
    case BUS_ENVELOPE_REPLY:
        return read_reply(in, count, ret);
    case BUS_ENVELOPE_HELLO:
    case BUS_ENVELOPE_WELCOME:
        return read_hello(in, count, ret);
    case BUS_ENVELOPE_ACK:
    case BUS_ENVELOPE_PING:
    case BUS_ENVELOPE_PONG:
    case BUS_ENVELOPE_GOODBYE:
    case BUS_ENVELOPE_FAREWELL:
        return count == 2;
    }
    return false;
}

enum bus_frame_step bus_frame_next(struct bus_frame_reader *reader,
                                   struct bus_envelope *ret)
{
    struct bus_unpack *in = &reader->in;
    uint32_t count;
    uint64_t kind;
    if (in->at == in->end)
        return reader->count ? BUS_FRAME_END : BUS_FRAME_BAD;
    if (reader->count++ >= BUS_FRAME_ENVELOPES_MAX)
        return BUS_FRAME_BAD;
    memset(ret, 0, sizeof(*ret));
    if (!bus_unpack_array(in, &count) || count < 2 ||
        !bus_unpack_uint(in, &kind) || kind > BUS_ENVELOPE_FAREWELL ||
        !bus_unpack_uint(in, &ret->id))
        return BUS_FRAME_BAD;
    ret->kind = (uint8_t)kind;
    return read_rest(in, count, ret) ? BUS_FRAME_ONE : BUS_FRAME_BAD;
}

void bus_reply_init(struct bus_reply *reply)
{
    static const struct bus_bytes none = {NULL, 0};
    bus_error_clear(&reply->error);
    reply->headers = reply->body = reply->detail = none;
}

/* Copies as much as fits, never half a UTF-8 character. */
static void copy_text(char *to, size_t size, struct bus_bytes from)
{
    size_t len = from.len < size ? from.len : size - 1;
    if (len < from.len)
        while (len > 0 && (from.data[len] & 0xC0) == 0x80)
            len--;
    if (len)
        memcpy(to, from.data, len);
    to[len] = '\0';
}

void bus_frame_to_reply(const struct bus_envelope *envelope,
                        struct bus_reply *ret)
{
    bus_reply_init(ret);
    ret->body = envelope->body;
    ret->headers = envelope->headers;
    if (envelope->code == BUS_OK)
        return;
    struct bus_error *error = &ret->error;
    error->code = envelope->code;
    error->business = envelope->business;
    error->http = envelope->http;
    copy_text(error->reason, sizeof(error->reason), envelope->reason);
    copy_text(error->field, sizeof(error->field), envelope->field);
    copy_text(error->sentence, sizeof(error->sentence), envelope->sentence);
    ret->detail = envelope->detail;
}

void bus_frame_refusal(struct bus_buf *buf, uint64_t id, const char *sentence)
{
    struct bus_reply reply;
    bus_reply_init(&reply);
    bus_error_set(&reply.error, BUS_RESOURCE_EXHAUSTED, "%s", sentence);
    bus_frame_reply(buf, id, &reply);
}

size_t bus_reply_size(const struct bus_reply *reply)
{
    return reply->body.len + reply->headers.len + reply->detail.len +
           sizeof(reply->error);
}

int64_t bus_frame_deadline(int64_t now, uint64_t budget_ms)
{
    if (budget_ms == 0 || budget_ms > (uint64_t)BUDGET_MS_MAX)
        return BUS_FOREVER;
    return now + (int64_t)budget_ms * BUS_MILLI;
}
