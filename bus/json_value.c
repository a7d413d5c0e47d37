/* SPDX-License-Identifier: MIT
 *
 * JSON without a schema: to msgpack and back. A list's or map's header needs
 * its count first, so the items are packed, then the header behind them, and
 * the two change places. Stands apart from json_read.c because troupe_base must
 * link without msgpack.
 */
#include "bus/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/json_in.h"
#include "bus/pack.h"
#include "bus/text.h"

#define INT_DOUBLE_MAX 9.2e18 /* doubles below it read as int64 */
#define HEADER_MAX 8          /* bytes of a msgpack list's or map's header */

static int pack_value(struct json_in *in, struct bus_buf *buf);

static int pack_number(struct json_in *in, struct bus_buf *buf)
{
    struct bus_bytes text = {0};
    const uint8_t *from = in->at;
    int64_t small;
    uint64_t big;
    double value;
    int code = json_number(in, &text);
    if (code)
        return code;
    if (text_int(text, INT64_MIN, INT64_MAX, &small) == TEXT_FINE)
        bus_pack_int(buf, small);
    else if (text_uint(text, UINT64_MAX, &big) == TEXT_FINE)
        bus_pack_uint(buf, big);
    else if (memchr(text.data, '.', text.len) == NULL &&
             memchr(text.data, 'e', text.len) == NULL &&
             memchr(text.data, 'E', text.len) == NULL)
        return json_bad(in, from, "the number does not fit 64 bits");
    else if (text_double(text, false, &value) == TEXT_FINE)
        bus_pack_double(buf, value);
    else
        return json_bad(in, from, "the number does not fit a double");
    return 0;
}

/* Moves what was packed behind `middle` in front of what lies from `from`. */
static void header_first(struct bus_buf *buf, size_t from, size_t middle)
{
    uint8_t header[HEADER_MAX];
    if (buf->failed)
        return;
    size_t len = buf->len - middle;
    assert(len <= sizeof(header) && from <= middle);
    memcpy(header, buf->data + middle, len);
    memmove(buf->data + from + len, buf->data + from, middle - from);
    memcpy(buf->data + from, header, len);
}

static int pack_member(struct json_in *in, const struct json_scope *scope,
                       struct bus_buf *buf)
{
    struct bus_bytes key = {0};
    int code = 0;
    if (scope->close == '}') {
        code = json_key(in, &key);
        if (code == 0)
            code = json_remember(in, key);
        if (code == 0)
            bus_pack_text_n(buf, (const char *)key.data, key.len);
    }
    return code ? code : pack_value(in, buf);
}

static int pack_inside(struct json_in *in, struct bus_buf *buf)
{
    struct json_scope scope = {0};
    size_t from = buf->len, count = 0;
    bool more = true;
    int code = json_enter(in, &scope);
    while (code == 0) {
        code = json_more(in, &scope, &more);
        if (code || !more)
            break;
        if (count++ == BUS_ITEMS_MAX)
            return json_bad(in, in->at, "too many items");
        code = pack_member(in, &scope, buf);
    }
    if (code)
        return code;
    size_t middle = buf->len;
    if (scope.close == '}')
        bus_pack_map(buf, count);
    else
        bus_pack_array(buf, count);
    header_first(buf, from, middle);
    return 0;
}

static int pack_text(struct json_in *in, struct bus_buf *buf)
{
    struct bus_bytes text = {0};
    int code = json_text(in, &text);
    if (code == 0)
        bus_pack_text_n(buf, (const char *)text.data, text.len);
    return code;
}

static int pack_bool(struct json_in *in, struct bus_buf *buf)
{
    struct bus_bytes word = {0};
    int code = json_bool(in, &word);
    if (code == 0)
        bus_pack_bool(buf, word.data[0] == 't');
    return code;
}

static int pack_null(struct json_in *in, struct bus_buf *buf)
{
    int code = json_null(in);
    if (code == 0)
        bus_pack_nil(buf);
    return code;
}

static int pack_value(struct json_in *in, struct bus_buf *buf)
{
    if (buf->failed)
        return json_full(in);
    switch (json_peek(in)) {
    case JSON_NULL:
        return pack_null(in, buf);
    case JSON_BOOL:
        return pack_bool(in, buf);
    case JSON_NUMBER:
        return pack_number(in, buf);
    case JSON_TEXT:
        return pack_text(in, buf);
    case JSON_LIST:
    case JSON_OBJECT:
        return pack_inside(in, buf);
    case JSON_NONE:
        break;
    }
    return json_skip(in); /* says what was expected */
}

int bus_json_to_pack(struct bus_bytes text, struct bus_buf *buf,
                     struct bus_error *err)
{
    struct bus_arena scratch;
    struct json_in in;
    size_t from = buf->len;
    bus_arena_init(&scratch, BUS_ARENA_LIMIT);
    json_open(&in, text, &scratch, err);
    int code = pack_value(&in, buf);
    if (code == 0)
        code = json_end(&in);
    if (code == 0 && buf->failed)
        code = json_full(&in);
    if (code)
        buf->len = from;
    json_close(&in);
    bus_arena_release(&scratch);
    return code;
}

static int keep_packed(struct json_in *in, const struct bus_buf *buf,
                       struct bus_bytes *ret)
{
    uint8_t *copy = buf->failed ? NULL : bus_arena_alloc(in->arena, buf->len);
    if (!copy)
        return json_full(in);
    memcpy(copy, buf->data, buf->len);
    *ret = (struct bus_bytes){copy, buf->len};
    return 0;
}

int json_any_read(struct json_in *in, struct bus_bytes *ret)
{
    struct bus_buf buf;
    bus_buf_init(&buf, BUS_ARENA_LIMIT);
    int code = pack_value(in, &buf);
    if (code == 0)
        code = keep_packed(in, &buf, ret);
    bus_buf_release(&buf);
    return code;
}

enum text_fault text_any(struct bus_bytes text, struct bus_arena *arena,
                         struct bus_bytes *ret)
{
    struct bus_field as_text = {.kind = BUS_TEXT};
    const char *checked = NULL;
    enum text_fault fault = text_item(&as_text, text, arena, &checked);
    if (fault)
        return fault;
    struct bus_buf buf;
    struct json_in in = {.arena = arena};
    bus_buf_init(&buf, BUS_ARENA_LIMIT);
    bus_pack_text_n(&buf, checked, text.len);
    int code = keep_packed(&in, &buf, ret);
    bus_buf_release(&buf);
    return code ? TEXT_FULL : TEXT_FINE;
}

/* -- msgpack to JSON ------------------------------------------------------- */

static void write_value(struct bus_buf *buf, struct bus_unpack *in);

/* A key that is no text stands as the text of its JSON. */
static void write_key(struct bus_buf *buf, struct bus_unpack *in)
{
    struct bus_buf key;
    if (bus_unpack_type(in) == BUS_PACK_TEXT) {
        write_value(buf, in);
        return;
    }
    bus_buf_init(&key, buf->limit);
    write_value(&key, in);
    bus_json_text(buf, (const char *)key.data, key.len);
    buf->failed |= key.failed;
    bus_buf_release(&key);
}

static void write_map(struct bus_buf *buf, struct bus_unpack *in)
{
    uint32_t count = 0;
    bus_unpack_map(in, &count);
    bus_buf_byte(buf, '{');
    for (uint32_t i = 0; i < count && !buf->failed; i++) {
        if (i)
            bus_buf_byte(buf, ',');
        write_key(buf, in);
        bus_buf_byte(buf, ':');
        write_value(buf, in);
    }
    bus_buf_byte(buf, '}');
}

static void write_array(struct bus_buf *buf, struct bus_unpack *in)
{
    uint32_t count = 0;
    bus_unpack_array(in, &count);
    bus_buf_byte(buf, '[');
    for (uint32_t i = 0; i < count && !buf->failed; i++) {
        if (i)
            bus_buf_byte(buf, ',');
        write_value(buf, in);
    }
    bus_buf_byte(buf, ']');
}

static void write_double(struct bus_buf *buf, struct bus_unpack *in)
{
    char text[TEXT_DOUBLE_MAX] = "null";
    double value = 0;
    bus_unpack_double(in, &value);
    if (isfinite(value))
        text_double_write(value, false, text);
    bus_buf_text(buf, text);
    /* Digits alone would read as an integer: one that does not fit, or a zero
     * without its sign. */
    bool zero = fpclassify(value) == FP_ZERO && signbit(value);
    bool digits = strspn(text, "-0123456789") == strlen(text);
    if (digits && (zero || fabs(value) >= INT_DOUBLE_MAX))
        bus_buf_text(buf, ".0");
}

static void write_bytes(struct bus_buf *buf, struct bus_unpack *in)
{
    struct bus_bytes data = {0};
    bus_unpack_bin(in, &data);
    bus_buf_byte(buf, '"');
    text_base64_write(buf, data);
    bus_buf_byte(buf, '"');
}

static void write_scalar(struct bus_buf *buf, struct bus_unpack *in)
{
    bool yes = false;
    int64_t minus = 0;
    uint64_t plus = 0;
    struct bus_bytes text = {0};
    if (bus_unpack_bool(in, &yes))
        bus_buf_text(buf, yes ? "true" : "false");
    else if (bus_unpack_uint(in, &plus))
        bus_buf_printf(buf, "%" PRIu64, plus);
    else if (bus_unpack_int(in, &minus))
        bus_buf_printf(buf, "%" PRId64, minus);
    else if (bus_unpack_text(in, &text))
        bus_json_text(buf, (const char *)text.data, text.len);
}

/* One value of a text that bus_pack_valid has passed: every read succeeds. */
static void write_value(struct bus_buf *buf, struct bus_unpack *in)
{
    switch (bus_unpack_type(in)) {
    case BUS_PACK_MAP:
        write_map(buf, in);
        break;
    case BUS_PACK_ARRAY:
        write_array(buf, in);
        break;
    case BUS_PACK_DOUBLE:
        write_double(buf, in);
        break;
    case BUS_PACK_BIN:
        write_bytes(buf, in);
        break;
    case BUS_PACK_BOOL:
    case BUS_PACK_INT:
    case BUS_PACK_UINT:
    case BUS_PACK_TEXT:
        write_scalar(buf, in);
        break;
    case BUS_PACK_NIL:
    case BUS_PACK_EXT:
    case BUS_PACK_END:
        bus_unpack_value(in, NULL);
        bus_buf_text(buf, "null");
        break;
    }
}

void bus_json_from_pack(struct bus_buf *buf, struct bus_bytes value)
{
    struct bus_unpack in = bus_unpack_open(value);
    if (bus_pack_valid(value))
        write_value(buf, &in);
    else
        bus_buf_text(buf, "null");
}

void json_any_write(struct bus_buf *buf, struct bus_bytes value)
{
    bus_json_from_pack(buf, value);
}
