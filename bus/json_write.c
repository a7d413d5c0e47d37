/* SPDX-License-Identifier: MIT
 *
 * Structs to JSON by their shapes, fields in shape order. What has no JSON form
 * (NaN, an absent message, a time outside the calendar) is null.
 */
#include "bus/json.h"

#include <math.h>
#include <string.h>

#include "bus/json_in.h"
#include "bus/shape.h"
#include "bus/text.h"

#define NUMBER_TEXT 21 /* an integer and its sign */

static void write_object(struct bus_buf *buf, const struct bus_shape *shape,
                         const char *message, int depth);

/* Opens a list or object inside `depth` others. Structs deeper than readers
 * accept are a mistake of ours, or a cycle. */
static bool write_open(struct bus_buf *buf, uint8_t bracket, int depth)
{
    if (depth >= BUS_DEPTH_MAX)
        buf->failed = true;
    bus_buf_byte(buf, bracket);
    return !buf->failed;
}

/* Any integer kind: a value and whether it lies beyond INT64_MAX. */
static uint64_t load_int(uint8_t kind, const void *at, bool *ret_minus)
{
    int64_t value = 0;
    *ret_minus = false;
    switch ((enum bus_kind)kind) {
    case BUS_I8:
        value = *(const int8_t *)at;
        break;
    case BUS_I16:
        value = *(const int16_t *)at;
        break;
    case BUS_I32:
    case BUS_ENUM:
        value = *(const int32_t *)at;
        break;
    case BUS_I64:
    case BUS_TIME:
    case BUS_DURATION:
        value = *(const int64_t *)at;
        break;
    case BUS_U8:
        return *(const uint8_t *)at;
    case BUS_U16:
        return *(const uint16_t *)at;
    case BUS_U32:
        return *(const uint32_t *)at;
    case BUS_U64:
        return *(const uint64_t *)at;
    case BUS_BOOL:
    case BUS_F32:
    case BUS_F64:
    case BUS_TEXT:
    case BUS_BYTES:
    case BUS_DECIMAL:
    case BUS_MESSAGE:
    case BUS_ANY:
        break;
    }
    *ret_minus = value < 0;
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static void write_int(struct bus_buf *buf, uint8_t kind, const void *slot,
                      const char *quote)
{
    char text[NUMBER_TEXT], *at = text + sizeof(text);
    bool minus;
    uint64_t size = load_int(kind, slot, &minus);
    do
        *--at = (char)('0' + size % 10);
    while (size /= 10);
    if (minus)
        *--at = '-';
    bus_buf_text(buf, quote);
    bus_buf_add(buf, at, (size_t)(text + sizeof(text) - at));
    bus_buf_text(buf, quote);
}

static void write_double(struct bus_buf *buf, uint8_t kind, const void *slot,
                         const char *quote)
{
    char text[TEXT_DOUBLE_MAX];
    bool single = kind == BUS_F32;
    double value =
        single ? (double)*(const float *)slot : *(const double *)slot;
    if (!isfinite(value)) {
        bus_buf_text(buf, "null");
        return;
    }
    text_double_write(value, single, text);
    bus_buf_text(buf, quote);
    bus_buf_text(buf, text);
    bus_buf_text(buf, quote);
}

static void write_text(struct bus_buf *buf, const char *text)
{
    bus_json_text(buf, text ? text : "", text ? strlen(text) : 0);
}

static void write_enum(struct bus_buf *buf, const struct bus_enum_value *value,
                       const void *slot)
{
    int32_t number = *(const int32_t *)slot;
    while (value && value->name && value->number != number)
        value++;
    if (value && value->name)
        write_text(buf, value->name);
    else
        write_int(buf, BUS_ENUM, slot, "");
}

static void write_time(struct bus_buf *buf, uint8_t kind, const void *slot)
{
    char text[TEXT_TIME_MAX];
    if (kind == BUS_TIME)
        text_time_write(*(const int64_t *)slot, text);
    else
        text_duration_write(*(const int64_t *)slot, text);
    if (text[0])
        write_text(buf, text);
    else
        bus_buf_text(buf, "null");
}

static void write_base64(struct bus_buf *buf, const struct bus_bytes *data)
{
    bus_buf_byte(buf, '"');
    text_base64_write(buf, *data);
    bus_buf_byte(buf, '"');
}

static void write_any(struct bus_buf *buf, const struct bus_bytes *value)
{
    if (value->len && json_any_write)
        json_any_write(buf, *value);
    else
        bus_buf_text(buf, "null");
}

/* A scalar of the field's kind; messages are the callers'. */
static void write_scalar(struct bus_buf *buf, const struct bus_field *field,
                         const void *slot)
{
    const char *quote = field->flags & BUS_STRING_OUT ? "\"" : "";
    switch ((enum bus_kind)field->kind) {
    case BUS_BOOL:
        bus_buf_text(buf, quote);
        bus_buf_text(buf, *(const bool *)slot ? "true" : "false");
        bus_buf_text(buf, quote);
        break;
    case BUS_F32:
    case BUS_F64:
        write_double(buf, field->kind, slot, quote);
        break;
    case BUS_TEXT:
        write_text(buf, *(const char *const *)slot);
        break;
    case BUS_DECIMAL: {
        const char *text = *(const char *const *)slot;
        write_text(buf, text && text[0] ? text : "0");
        break;
    }
    case BUS_BYTES:
        write_base64(buf, slot);
        break;
    case BUS_ENUM:
        write_enum(buf, field->values, slot);
        break;
    case BUS_TIME:
    case BUS_DURATION:
        write_time(buf, field->kind, slot);
        break;
    case BUS_ANY:
        write_any(buf, slot);
        break;
    case BUS_I8:
    case BUS_I16:
    case BUS_I32:
    case BUS_I64:
    case BUS_U8:
    case BUS_U16:
    case BUS_U32:
    case BUS_U64:
        write_int(buf, field->kind, slot, quote);
        break;
    case BUS_MESSAGE:
        break;
    }
}

static void write_one(struct bus_buf *buf, const struct bus_field *field,
                      const void *slot, int depth)
{
    if (field->kind != BUS_MESSAGE) {
        write_scalar(buf, field, slot);
        return;
    }
    const char *message = *(const char *const *)slot;
    if (message)
        write_object(buf, field->shape, message, depth);
    else
        bus_buf_text(buf, "null");
}

static void write_list(struct bus_buf *buf, const struct bus_field *field,
                       const struct bus_list *list, int depth)
{
    size_t size = bus_field_size(field);
    const char *item = list->items;
    if (!write_open(buf, '[', depth))
        return;
    for (size_t i = 0; i < list->count && !buf->failed; i++, item += size) {
        if (i)
            bus_buf_byte(buf, ',');
        /* Message items lie in the list itself. */
        if (field->kind == BUS_MESSAGE)
            write_object(buf, field->shape, item, depth + 1);
        else
            write_scalar(buf, field, item);
    }
    bus_buf_byte(buf, ']');
}

static void write_value(struct bus_buf *buf, const struct bus_field *field,
                        const char *message, int depth);

/* JSON keys are strings: other keys are written as text in quotes. */
static void write_key(struct bus_buf *buf, const struct bus_field *key,
                      const void *slot)
{
    struct bus_field quoted = *key;
    quoted.flags |= BUS_STRING_OUT;
    if (key->kind == BUS_ENUM)
        quoted.kind = BUS_I32;
    write_scalar(buf, &quoted, slot);
}

static void write_map(struct bus_buf *buf, const struct bus_field *field,
                      const struct bus_list *list, int depth)
{
    const struct bus_shape *entry = field->shape;
    const char *at = list->items;
    if (!write_open(buf, '{', depth))
        return;
    for (size_t i = 0; i < list->count && !buf->failed;
         i++, at += entry->size) {
        if (i)
            bus_buf_byte(buf, ',');
        write_key(buf, &entry->fields[0], at + entry->fields[0].offset);
        bus_buf_byte(buf, ':');
        write_value(buf, &entry->fields[1], at, depth + 1);
    }
    bus_buf_byte(buf, '}');
}

static void write_value(struct bus_buf *buf, const struct bus_field *field,
                        const char *message, int depth)
{
    const void *slot = message + field->offset;
    if (field->cardinality == BUS_LIST)
        write_list(buf, field, slot, depth);
    else if (field->cardinality == BUS_MAP)
        write_map(buf, field, slot, depth);
    else
        write_one(buf, field, slot, depth);
}

static bool bytes_are_zero(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i])
            return false;
    return true;
}

static bool is_zero(const struct bus_field *field, const char *message)
{
    const void *slot = message + field->offset;
    if (field->cardinality != BUS_ONE)
        return ((const struct bus_list *)slot)->count == 0;
    if (field->kind == BUS_BYTES || field->kind == BUS_ANY)
        return ((const struct bus_bytes *)slot)->len == 0;
    if (field->kind == BUS_TEXT || field->kind == BUS_DECIMAL) {
        const char *text = *(const char *const *)slot;
        return !text || !text[0];
    }
    return bytes_are_zero(slot, bus_field_size(field));
}

static bool is_omitted(const struct bus_field *field, const char *message)
{
    if (!(field->flags & BUS_OMITEMPTY))
        return false;
    if (field->presence != BUS_NO_PRESENCE)
        return !bus_field_present(field, message);
    return is_zero(field, message);
}

static void write_member(struct bus_buf *buf, const struct bus_field *field,
                         const char *message, int depth)
{
    if (field->flags & BUS_NULLABLE && !bus_field_present(field, message))
        bus_buf_text(buf, "null");
    else
        write_value(buf, field, message, depth);
}

static void write_object(struct bus_buf *buf, const struct bus_shape *shape,
                         const char *message, int depth)
{
    bool begun = false;
    if (!write_open(buf, '{', depth))
        return;
    for (size_t i = 0; i < shape->count && !buf->failed; i++) {
        const struct bus_field *field = &shape->fields[i];
        if (is_omitted(field, message))
            continue;
        if (begun)
            bus_buf_byte(buf, ',');
        begun = true;
        write_text(buf, field->name);
        bus_buf_byte(buf, ':');
        write_member(buf, field, message, depth + 1);
    }
    bus_buf_byte(buf, '}');
}

void bus_json_write(struct bus_buf *buf, const struct bus_shape *shape,
                    const void *message)
{
    write_object(buf, shape, message, 0);
}

void bus_json_write_value(struct bus_buf *buf, const struct bus_field *field,
                          const void *message)
{
    write_member(buf, field, message, 0);
}
