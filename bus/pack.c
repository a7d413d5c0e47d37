/* SPDX-License-Identifier: MIT
 *
 * Writing msgpack: thin names over msgpack-c's packer, whose output goes to a
 * buffer with a cap, and the walker that writes a struct by its shape. Headers
 * of one or two bytes, which are nearly all, are written here. Reading is not
 * done with msgpack-c: see unpack.c.
 */
#include "bus/pack.h"

#include <string.h>

#include <msgpack/pack.h>

/* First bytes, and how much they can announce by themselves. */
#define FIX_UINT_MAX 0x7F
#define FIX_MAP 0x80
#define FIX_ARRAY 0x90
#define FIX_COUNT_MAX 15
#define FIX_TEXT 0xA0
#define FIX_TEXT_MAX 31
#define BIN_8 0xC4
#define TEXT_8 0xD9

static int buf_write(void *arg, const char *data, size_t len)
{
    struct bus_buf *buf = arg;
    bus_buf_add(buf, data, len);
    return buf->failed ? -1 : 0;
}

static msgpack_packer packer(struct bus_buf *buf)
{
    return (msgpack_packer){.data = buf, .callback = buf_write};
}

/* msgpack counts in 32 bits. */
static bool countable(struct bus_buf *buf, size_t count)
{
    if (count > UINT32_MAX)
        buf->failed = true;
    return !buf->failed;
}

void bus_pack_nil(struct bus_buf *buf)
{
    msgpack_packer to = packer(buf);
    msgpack_pack_nil(&to);
}

void bus_pack_bool(struct bus_buf *buf, bool value)
{
    msgpack_packer to = packer(buf);
    if (value)
        msgpack_pack_true(&to);
    else
        msgpack_pack_false(&to);
}

void bus_pack_int(struct bus_buf *buf, int64_t value)
{
    if (value >= 0 && value <= FIX_UINT_MAX) {
        bus_buf_byte(buf, (uint8_t)value);
        return;
    }
    msgpack_packer to = packer(buf);
    msgpack_pack_int64(&to, value);
}

void bus_pack_uint(struct bus_buf *buf, uint64_t value)
{
    if (value <= FIX_UINT_MAX) {
        bus_buf_byte(buf, (uint8_t)value);
        return;
    }
    msgpack_packer to = packer(buf);
    msgpack_pack_uint64(&to, value);
}

void bus_pack_double(struct bus_buf *buf, double value)
{
    msgpack_packer to = packer(buf);
    msgpack_pack_double(&to, value);
}

void bus_pack_text(struct bus_buf *buf, const char *text)
{
    bus_pack_text_n(buf, text, text ? strlen(text) : 0);
}

/* A header of one byte, or two, and what it announces. */
static void pack_short(struct bus_buf *buf, uint8_t first, size_t head,
                       const void *data, size_t len)
{
    if (!bus_buf_room(buf, head + len))
        return;
    uint8_t *at = buf->data + buf->len;
    at[0] = first;
    at[head - 1] = head == 1 ? first : (uint8_t)len;
    if (len)
        memcpy(at + head, data, len);
    buf->len += head + len;
}

void bus_pack_text_n(struct bus_buf *buf, const char *text, size_t len)
{
    if (len <= FIX_TEXT_MAX) {
        pack_short(buf, (uint8_t)(FIX_TEXT | len), 1, text, len);
        return;
    }
    if (len <= UINT8_MAX) {
        pack_short(buf, TEXT_8, 2, text, len);
        return;
    }
    if (!countable(buf, len))
        return;
    msgpack_packer to = packer(buf);
    msgpack_pack_str(&to, len);
    bus_buf_add(buf, text, len);
}

void bus_pack_bin(struct bus_buf *buf, const void *data, size_t len)
{
    if (len <= UINT8_MAX) {
        pack_short(buf, BIN_8, 2, data, len);
        return;
    }
    if (!countable(buf, len))
        return;
    msgpack_packer to = packer(buf);
    msgpack_pack_bin(&to, len);
    bus_buf_add(buf, data, len);
}

void bus_pack_array(struct bus_buf *buf, size_t count)
{
    if (count <= FIX_COUNT_MAX) {
        bus_buf_byte(buf, (uint8_t)(FIX_ARRAY | count));
        return;
    }
    if (!countable(buf, count))
        return;
    msgpack_packer to = packer(buf);
    msgpack_pack_array(&to, count);
}

void bus_pack_map(struct bus_buf *buf, size_t count)
{
    if (count <= FIX_COUNT_MAX) {
        bus_buf_byte(buf, (uint8_t)(FIX_MAP | count));
        return;
    }
    if (!countable(buf, count))
        return;
    msgpack_packer to = packer(buf);
    msgpack_pack_map(&to, count);
}

void bus_pack_raw(struct bus_buf *buf, struct bus_bytes value)
{
    bus_buf_add(buf, value.data, value.len);
}

static void pack_float(struct bus_buf *buf, float value)
{
    msgpack_packer to = packer(buf);
    msgpack_pack_float(&to, value);
}

static void pack_any(struct bus_buf *buf, const struct bus_bytes *value)
{
    if (value->len)
        bus_pack_raw(buf, *value);
    else
        bus_pack_nil(buf);
}

static void pack_struct(struct bus_buf *buf, const struct bus_shape *shape,
                        const void *message, int depth);

/* One value that is no message. */
static void pack_scalar(struct bus_buf *buf, uint8_t kind, const void *at)
{
    switch ((enum bus_kind)kind) {
    case BUS_BOOL:
        bus_pack_bool(buf, *(const bool *)at);
        break;
    case BUS_I8:
        bus_pack_int(buf, *(const int8_t *)at);
        break;
    case BUS_I16:
        bus_pack_int(buf, *(const int16_t *)at);
        break;
    case BUS_I32:
    case BUS_ENUM:
        bus_pack_int(buf, *(const int32_t *)at);
        break;
    case BUS_I64:
    case BUS_TIME:
    case BUS_DURATION:
        bus_pack_int(buf, *(const int64_t *)at);
        break;
    case BUS_U8:
        bus_pack_uint(buf, *(const uint8_t *)at);
        break;
    case BUS_U16:
        bus_pack_uint(buf, *(const uint16_t *)at);
        break;
    case BUS_U32:
        bus_pack_uint(buf, *(const uint32_t *)at);
        break;
    case BUS_U64:
        bus_pack_uint(buf, *(const uint64_t *)at);
        break;
    case BUS_F32:
        pack_float(buf, *(const float *)at);
        break;
    case BUS_F64:
        bus_pack_double(buf, *(const double *)at);
        break;
    case BUS_TEXT:
    case BUS_DECIMAL:
        bus_pack_text(buf, *(const char *const *)at);
        break;
    case BUS_BYTES: {
        const struct bus_bytes *bytes = at;
        bus_pack_bin(buf, bytes->data, bytes->len);
        break;
    }
    case BUS_ANY:
        pack_any(buf, at);
        break;
    case BUS_MESSAGE:
        break;
    }
}

static void pack_list(struct bus_buf *buf, const struct bus_field *field,
                      const struct bus_list *list, int depth)
{
    const unsigned char *item = list->items;
    size_t size = bus_field_size(field);
    bus_pack_array(buf, list->count);
    for (size_t i = 0; i < list->count && !buf->failed; i++, item += size) {
        if (field->kind == BUS_MESSAGE)
            pack_struct(buf, field->shape, item, depth + 1);
        else
            pack_scalar(buf, field->kind, item);
    }
}

static void pack_field(struct bus_buf *buf, const struct bus_field *field,
                       const void *message, int depth);

static void pack_entries(struct bus_buf *buf, const struct bus_field *field,
                         const struct bus_list *list, int depth)
{
    const unsigned char *entry = list->items;
    bus_pack_map(buf, list->count);
    for (size_t i = 0; i < list->count && !buf->failed; i++) {
        pack_field(buf, &field->shape->fields[0], entry, depth + 1);
        pack_field(buf, &field->shape->fields[1], entry, depth + 1);
        entry += field->shape->size;
    }
}

static void pack_field(struct bus_buf *buf, const struct bus_field *field,
                       const void *message, int depth)
{
    const void *at = (const unsigned char *)message + field->offset;
    const void *inner;
    if (field->cardinality != BUS_ONE && depth >= BUS_DEPTH_MAX)
        buf->failed = true;
    else if (field->cardinality == BUS_LIST)
        pack_list(buf, field, at, depth);
    else if (field->cardinality == BUS_MAP)
        pack_entries(buf, field, at, depth);
    else if (field->kind != BUS_MESSAGE)
        pack_scalar(buf, field->kind, at);
    else if ((inner = *(const void *const *)at) != NULL)
        pack_struct(buf, field->shape, inner, depth);
    else
        bus_pack_map(buf, 0); /* a map's value that nobody made */
}

static bool all_zero(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

/* The zero of its kind: what a struct holds where nothing was given. */
static bool field_zero(const struct bus_field *field, const void *message)
{
    const void *at = (const unsigned char *)message + field->offset;
    if (field->cardinality != BUS_ONE)
        return ((const struct bus_list *)at)->count == 0;
    if (field->kind == BUS_TEXT || field->kind == BUS_DECIMAL) {
        const char *text = *(const char *const *)at;
        return !text || !*text;
    }
    if (field->kind == BUS_BYTES)
        return ((const struct bus_bytes *)at)->len == 0;
    return all_zero(at, bus_field_size(field));
}

/* Optional fields that have no place to say that they are absent: lists, whose
 * empty form says as much, and those under a rule. */
static bool zero_is_absent(const struct bus_field *field)
{
    const struct bus_rule *rule = field->rule;
    if (field->flags & BUS_REQUIRED || field->presence != BUS_NO_PRESENCE)
        return false;
    if (rule && rule->fallback)
        return false;
    return field->cardinality != BUS_ONE || field->flags & BUS_HAS_RANGE ||
           (rule && (rule->options || rule->with || rule->without));
}

static bool field_sent(const struct bus_shape *shape,
                       const struct bus_field *field, const void *message)
{
    const struct bus_rule *rule = field->rule;
    if (!bus_field_present(field, message))
        return false;
    if (!zero_is_absent(field) || !field_zero(field, message))
        return true;
    if (!rule || !rule->with)
        return false;
    /* A zero beside a partner that was given must have been given too. */
    const struct bus_field *other =
        bus_shape_find(shape, rule->with, strlen(rule->with));
    return other && bus_field_present(other, message) &&
           !field_zero(other, message);
}

/* depth: how many lists and maps stand around this one. */
static void pack_struct(struct bus_buf *buf, const struct bus_shape *shape,
                        const void *message, int depth)
{
    size_t count = 0;
    if (depth >= BUS_DEPTH_MAX) {
        buf->failed = true;
        return;
    }
    for (uint16_t i = 0; i < shape->count; i++)
        count += field_sent(shape, &shape->fields[i], message);
    bus_pack_map(buf, count);
    for (uint16_t i = 0; i < shape->count && !buf->failed; i++) {
        if (!field_sent(shape, &shape->fields[i], message))
            continue;
        bus_pack_text(buf, shape->fields[i].name);
        pack_field(buf, &shape->fields[i], message, depth + 1);
    }
}

void bus_pack_message(struct bus_buf *buf, const struct bus_shape *shape,
                      const void *message)
{
    pack_struct(buf, shape, message, 0);
}
