/* SPDX-License-Identifier: MIT
 *
 * One scalar from text: the switch over kinds, and the kinds that are simple.
 * Numbers with a point are in text_number.c, times in text_time.c.
 */
#include "bus/text.h"

#include <string.h>
#include <strings.h>

#include "bus/arena.h"
#include "bus/bind.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/utf8.h"

static bool text_equal(struct bus_bytes text, const char *word)
{
    size_t len = strlen(word);
    return text.len == len &&
           strncasecmp((const char *)text.data, word, len) == 0;
}

enum text_fault text_bool(struct bus_bytes text, bool *ret)
{
    bool yes = text_equal(text, "true") || text_equal(text, "1") ||
               text_equal(text, "t");
    if (!yes && !text_equal(text, "false") && !text_equal(text, "0") &&
        !text_equal(text, "f"))
        return TEXT_SYNTAX;
    *ret = yes;
    return TEXT_FINE;
}

/* Digits into an unsigned value. Syntax is checked to the end before range is
 * judged, as a text with a letter in it is no number however long. */
static enum text_fault digits(struct bus_bytes text, uint64_t *ret)
{
    uint64_t value = 0;
    bool over = false;
    if (text.len == 0)
        return TEXT_SYNTAX;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return TEXT_SYNTAX;
        over |= __builtin_mul_overflow(value, 10, &value);
        over |= __builtin_add_overflow(value, text.data[i] - '0', &value);
    }
    if (over)
        return TEXT_RANGE;
    *ret = value;
    return TEXT_FINE;
}

enum text_fault text_uint(struct bus_bytes text, uint64_t high, uint64_t *ret)
{
    uint64_t value;
    if (text.len && text.data[0] == '+')
        text = (struct bus_bytes){text.data + 1, text.len - 1};
    enum text_fault fault = digits(text, &value);
    if (fault)
        return fault;
    if (value > high)
        return TEXT_RANGE;
    *ret = value;
    return TEXT_FINE;
}

enum text_fault text_int(struct bus_bytes text, int64_t low, int64_t high,
                         int64_t *ret)
{
    uint64_t size;
    bool minus = text.len && text.data[0] == '-';
    if (text.len && (minus || text.data[0] == '+'))
        text = (struct bus_bytes){text.data + 1, text.len - 1};
    enum text_fault fault = digits(text, &size);
    if (fault)
        return fault;
    if (size > (uint64_t)INT64_MAX + minus)
        return TEXT_RANGE;
    int64_t value = minus ? (int64_t)(0 - size) : (int64_t)size;
    if (value < low || value > high)
        return TEXT_RANGE;
    *ret = value;
    return TEXT_FINE;
}

/* -- base64 ---------------------------------------------------------------- */

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_digit(uint8_t byte)
{
    if (byte == '\0')
        return -1;
    const char *at = strchr(base64_alphabet, byte);
    return at ? (int)(at - base64_alphabet) : -1;
}

/* Four characters to up to three bytes; returns how many, 0 if malformed. Only
 * the last group may be padded. */
static size_t base64_group(const uint8_t *in, bool last, uint8_t out[3])
{
    size_t pad = 0;
    if (last && in[3] == '=')
        pad = in[2] == '=' ? 2 : 1;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4 - pad; i++) {
        int digit = base64_digit(in[i]);
        if (digit < 0)
            return 0;
        bits |= (uint32_t)digit << (18 - 6 * i);
    }
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 8);
    out[2] = (uint8_t)bits;
    /* Bits that the padding cuts off must be zero, else two texts would mean
     * the same bytes. */
    if ((pad == 1 && out[2]) || (pad == 2 && out[1]))
        return 0;
    return 3 - pad;
}

enum text_fault text_base64(struct bus_bytes text, struct bus_arena *arena,
                            struct bus_bytes *ret)
{
    if (text.len % 4)
        return TEXT_SYNTAX;
    uint8_t *data = bus_arena_alloc(arena, text.len / 4 * 3);
    if (!data)
        return TEXT_FULL;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        uint8_t group[3];
        bool last = i + 4 == text.len;
        size_t got = base64_group(text.data + i, last, group);
        if (got == 0)
            return TEXT_SYNTAX;
        memcpy(data + len, group, got);
        len += got;
    }
    *ret = (struct bus_bytes){data, len};
    return TEXT_FINE;
}

void text_base64_write(struct bus_buf *buf, struct bus_bytes data)
{
    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i;
        uint32_t bits = (uint32_t)data.data[i] << 16;
        if (left > 1)
            bits |= (uint32_t)data.data[i + 1] << 8;
        if (left > 2)
            bits |= data.data[i + 2];
        char out[4];
        for (int k = 0; k < 4; k++)
            out[k] = base64_alphabet[bits >> (18 - 6 * k) & 63];
        if (left < 3)
            out[3] = '=';
        if (left < 2)
            out[2] = '=';
        bus_buf_add(buf, out, sizeof(out));
    }
}

/* -- kinds ----------------------------------------------------------------- */

static enum text_fault item_text(struct bus_bytes text, struct bus_arena *arena,
                                 const char **slot)
{
    if (text.len > BUS_TEXT_MAX)
        return TEXT_RANGE;
    if (text.len && memchr(text.data, '\0', text.len))
        return TEXT_NUL;
    if (!bus_utf8_valid(text.data, text.len))
        return TEXT_UTF8;
    char *copy = bus_arena_text_n(arena, (const char *)text.data, text.len);
    if (!copy)
        return TEXT_FULL;
    *slot = copy;
    return TEXT_FINE;
}

static enum text_fault item_enum(const struct bus_enum_value *values,
                                 struct bus_bytes text, int32_t *slot)
{
    for (; values && values->name; values++) {
        if (strlen(values->name) == text.len &&
            memcmp(values->name, text.data, text.len) == 0) {
            *slot = values->number;
            return TEXT_FINE;
        }
    }
    int64_t number;
    enum text_fault fault = text_int(text, INT32_MIN, INT32_MAX, &number);
    if (!fault)
        *slot = (int32_t)number;
    return fault;
}

bool text_is_int(uint8_t kind)
{
    return kind >= BUS_I8 && kind <= BUS_U64;
}

static enum text_fault item_int(uint8_t kind, struct bus_bytes text, void *slot)
{
    int bits = 8 << (kind - BUS_I8);
    int64_t high = INT64_MAX >> (64 - bits);
    int64_t value;
    enum text_fault fault = text_int(text, -high - 1, high, &value);
    if (fault)
        return fault;
    if (bits == 8)
        *(int8_t *)slot = (int8_t)value;
    else if (bits == 16)
        *(int16_t *)slot = (int16_t)value;
    else if (bits == 32)
        *(int32_t *)slot = (int32_t)value;
    else
        *(int64_t *)slot = value;
    return TEXT_FINE;
}

static enum text_fault item_uint(uint8_t kind, struct bus_bytes text,
                                 void *slot)
{
    int bits = 8 << (kind - BUS_U8);
    uint64_t value;
    enum text_fault fault = text_uint(text, UINT64_MAX >> (64 - bits), &value);
    if (fault)
        return fault;
    if (bits == 8)
        *(uint8_t *)slot = (uint8_t)value;
    else if (bits == 16)
        *(uint16_t *)slot = (uint16_t)value;
    else if (bits == 32)
        *(uint32_t *)slot = (uint32_t)value;
    else
        *(uint64_t *)slot = value;
    return TEXT_FINE;
}

static enum text_fault item_double(uint8_t kind, struct bus_bytes text,
                                   void *slot)
{
    double value;
    enum text_fault fault = text_double(text, kind == BUS_F32, &value);
    if (fault)
        return fault;
    if (kind == BUS_F32)
        *(float *)slot = (float)value;
    else
        *(double *)slot = value;
    return TEXT_FINE;
}

enum text_fault text_item(const struct bus_field *field, struct bus_bytes text,
                          struct bus_arena *arena, void *slot)
{
    switch ((enum bus_kind)field->kind) {
    case BUS_BOOL:
        return text_bool(text, slot);
    case BUS_I8:
    case BUS_I16:
    case BUS_I32:
    case BUS_I64:
        return item_int(field->kind, text, slot);
    case BUS_U8:
    case BUS_U16:
    case BUS_U32:
    case BUS_U64:
        return item_uint(field->kind, text, slot);
    case BUS_F32:
    case BUS_F64:
        return item_double(field->kind, text, slot);
    case BUS_TEXT:
        return item_text(text, arena, slot);
    case BUS_BYTES:
        return text_base64(text, arena, slot);
    case BUS_ENUM:
        return item_enum(field->values, text, slot);
    case BUS_DECIMAL:
        return text_decimal(text, arena, slot);
    case BUS_TIME:
        return text_time(text, slot);
    case BUS_DURATION:
        return text_duration(text, slot);
    case BUS_ANY:
        return text_any ? text_any(text, arena, slot) : TEXT_KIND;
    case BUS_MESSAGE:
        break;
    }
    return TEXT_KIND;
}

/* How much of a text a sentence may quote: whole characters, and only if it is
 * proper UTF-8. */
static int echo_len(struct bus_bytes text)
{
    size_t len = 0;
    while (len < text.len) {
        size_t step = bus_utf8_char(text.data + len, text.data + text.len);
        if (step == 0)
            return 0;
        if (len + step > TEXT_ECHO_MAX)
            break;
        len += step;
    }
    return (int)len;
}

int text_fault_error(enum text_fault fault, const char *path,
                     struct bus_bytes text, struct bus_error *err)
{
    int code = BUS_INVALID_ARGUMENT;
    int len = echo_len(text);
    const char *echo = text.len ? (const char *)text.data : "";
    switch (fault) {
    case TEXT_RANGE:
        return bus_error_field(err, code, path,
                               "field \"%s\": parsing \"%.*s\": value out of "
                               "range",
                               path, len, echo);
    case TEXT_UTF8:
        return bus_error_field(err, code, path, "field \"%s\": invalid UTF-8",
                               path);
    case TEXT_NUL:
        return bus_error_field(err, code, path,
                               "field \"%s\": holds a NUL character", path);
    case TEXT_FULL:
        return bus_error_field(err, BUS_RESOURCE_EXHAUSTED, path,
                               "field \"%s\": out of memory for this request",
                               path);
    case TEXT_KIND:
        return bus_error_field(err, code, path,
                               "type mismatch for field \"%s\"", path);
    case TEXT_SYNTAX:
    case TEXT_FINE:
        break;
    }
    return bus_error_field(err, code, path,
                           "field \"%s\": parsing \"%.*s\": invalid syntax",
                           path, len, echo);
}

int bus_text_item(const struct bus_field *field, struct bus_bytes text,
                  struct bus_arena *arena, void *slot, struct bus_error *err)
{
    enum text_fault fault = text_item(field, text, arena, slot);
    if (fault)
        return text_fault_error(fault, field->name, text, err);
    return 0;
}

int bus_text_set(const struct bus_field *field, struct bus_bytes text,
                 struct bus_arena *arena, void *message, struct bus_error *err)
{
    char *slot = (char *)message + field->offset;
    if (field->cardinality != BUS_ONE)
        return text_fault_error(TEXT_KIND, field->name, text, err);
    int code = bus_text_item(field, text, arena, slot, err);
    if (code == 0 && field->presence != BUS_NO_PRESENCE)
        *((bool *)message + field->presence) = true;
    return code;
}
