/* SPDX-License-Identifier: MIT
 *
 * Fields to SQL values and back. Integers of all widths go through one pair of
 * functions that load and store by kind with a range check.
 */
#include "actors/store/row.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "bus/code.h"
#include "bus/text.h"

#define ROWS_FIRST ((size_t)16) /* room that an array begins with */
#define DATE_LEN 10             /* 2021-06-01 */
#define TIME_LEN 19             /* 2021-06-01 12:00:00 */

struct limits {
    int64_t low;
    uint64_t high;
    uint8_t bytes; /* 0: not an integer in SQL */
};

static const struct limits limits[] = {
    [BUS_BOOL] = {0, 1, 1},
    [BUS_I8] = {INT8_MIN, INT8_MAX, 1},
    [BUS_I16] = {INT16_MIN, INT16_MAX, 2},
    [BUS_I32] = {INT32_MIN, INT32_MAX, 4},
    [BUS_I64] = {INT64_MIN, INT64_MAX, 8},
    [BUS_U8] = {0, UINT8_MAX, 1},
    [BUS_U16] = {0, UINT16_MAX, 2},
    [BUS_U32] = {0, UINT32_MAX, 4},
    [BUS_U64] = {0, UINT64_MAX, 8},
    [BUS_ENUM] = {INT32_MIN, INT32_MAX, 4},
    [BUS_DURATION] = {INT64_MIN, INT64_MAX, 8},
    [BUS_ANY] = {0, 0, 0},
};

static const void *place(const struct bus_field *field, const void *row)
{
    return (const char *)row + field->offset;
}

static int mismatch(const struct bus_field *field, struct bus_error *err)
{
    return bus_error_field(err, BUS_INTERNAL, field->name,
                           "column %s does not hold what its schema says",
                           field->name);
}

/* The integer as 64 bits, sign extended where the kind has a sign. */
static uint64_t load_bits(const struct bus_field *field, const void *row)
{
    const struct limits *limit = &limits[field->kind];
    uint64_t bits = 0;
    /* Little or big endian: through the type of that width. */
    union {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } raw;
    memcpy(&raw, place(field, row), limit->bytes);
    switch (limit->bytes) {
    case 1:
        bits = limit->low ? (uint64_t)(int8_t)raw.u8 : raw.u8;
        break;
    case 2:
        bits = limit->low ? (uint64_t)(int16_t)raw.u16 : raw.u16;
        break;
    case 4:
        bits = limit->low ? (uint64_t)(int32_t)raw.u32 : raw.u32;
        break;
    default:
        bits = raw.u64;
        break;
    }
    return bits;
}

static void store_bits(const struct bus_field *field, void *row, uint64_t bits)
{
    char *to = (char *)row + field->offset;
    uint8_t u8 = (uint8_t)bits;
    uint16_t u16 = (uint16_t)bits;
    uint32_t u32 = (uint32_t)bits;
    switch (limits[field->kind].bytes) {
    case 1:
        memcpy(to, &u8, sizeof(u8));
        break;
    case 2:
        memcpy(to, &u16, sizeof(u16));
        break;
    case 4:
        memcpy(to, &u32, sizeof(u32));
        break;
    default:
        memcpy(to, &bits, sizeof(bits));
        break;
    }
}

static struct sql_value get_double(const struct bus_field *field,
                                   const void *row)
{
    struct sql_value value = {.type = SQL_DOUBLE};
    if (field->kind == BUS_F64) {
        memcpy(&value.as.real, place(field, row), sizeof(double));
    } else {
        float narrow;
        memcpy(&narrow, place(field, row), sizeof(narrow));
        value.as.real = (double)narrow;
    }
    return value;
}

static struct sql_value get_text(const struct bus_field *field, const void *row)
{
    const char *text;
    memcpy(&text, place(field, row), sizeof(text));
    if (!text || (field->kind == BUS_DECIMAL && !*text))
        text = field->kind == BUS_DECIMAL ? "0" : "";
    return sql_text(text);
}

/* RFC 3339 without its T and Z is how SQL writes times. */
static const char *time_write(int64_t time, struct bus_arena *arena)
{
    char text[TEXT_TIME_MAX];
    text_time_write(time, text);
    size_t len = strlen(text);
    if (len < TIME_LEN)
        return "";
    assert(text[len - 1] == 'Z');
    text[DATE_LEN] = ' ';
    return bus_arena_text_n(arena, text, len - 1);
}

static bool time_read(struct bus_bytes text, int64_t *ret)
{
    char full[TEXT_TIME_MAX];
    if (text.len < DATE_LEN || text.len > sizeof(full) - 2)
        return false;
    memcpy(full, text.data, text.len);
    size_t len = text.len;
    if (len == DATE_LEN) {
        memcpy(full + len, "T00:00:00", TIME_LEN - DATE_LEN);
        len = TIME_LEN;
    }
    if (full[DATE_LEN] == ' ')
        full[DATE_LEN] = 'T';
    if (full[len - 1] != 'Z')
        full[len++] = 'Z';
    return text_time((struct bus_bytes){(uint8_t *)full, len}, ret) ==
           TEXT_FINE;
}

static int get_time(const struct bus_field *field, const void *row,
                    struct bus_arena *arena, struct sql_value *ret,
                    struct bus_error *err)
{
    int64_t time;
    memcpy(&time, place(field, row), sizeof(time));
    const char *text = time_write(time, arena);
    if (!text)
        return sql_no_memory(err);
    if (!*text)
        return bus_error_field(err, BUS_INVALID_ARGUMENT, field->name,
                               "time of %s is outside years 0 to 9999",
                               field->name);
    *ret = sql_text(text);
    ret->type = SQL_TIME;
    return BUS_OK;
}

static bool row_has(const struct bus_field *field, const void *row)
{
    return field->presence == BUS_NO_PRESENCE ||
           *((const bool *)row + field->presence);
}

static int get_present(const struct bus_field *field, const void *row,
                       struct bus_arena *arena, struct sql_value *ret,
                       struct bus_error *err)
{
    if (limits[field->kind].bytes) {
        uint64_t bits = load_bits(field, row);
        *ret = limits[field->kind].low == 0
                   ? (struct sql_value){SQL_UINT, {.natural = bits}}
                   : sql_int((int64_t)bits);
        return BUS_OK;
    }
    if (field->kind == BUS_F32 || field->kind == BUS_F64) {
        *ret = get_double(field, row);
    } else if (field->kind == BUS_TEXT || field->kind == BUS_DECIMAL) {
        *ret = get_text(field, row);
    } else if (field->kind == BUS_BYTES) {
        struct bus_bytes bytes;
        memcpy(&bytes, place(field, row), sizeof(bytes));
        *ret = sql_blob(bytes);
    } else if (field->kind == BUS_TIME) {
        return get_time(field, row, arena, ret, err);
    } else {
        return mismatch(field, err);
    }
    return BUS_OK;
}

int row_get(const struct bus_field *field, const void *row,
            struct bus_arena *arena, struct sql_value *ret,
            struct bus_error *err)
{
    if (field->cardinality != BUS_ONE)
        return mismatch(field, err);
    if (!row_has(field, row)) {
        *ret = (struct sql_value){.type = SQL_NULL};
        return BUS_OK;
    }
    return get_present(field, row, arena, ret, err);
}

static bool set_integer(const struct bus_field *field,
                        const struct sql_value *value, void *row)
{
    const struct limits *limit = &limits[field->kind];
    if (value->type == SQL_INT && value->as.integer < 0) {
        if (value->as.integer < limit->low)
            return false;
    } else if (value->type == SQL_INT || value->type == SQL_UINT) {
        if (value->as.natural > limit->high)
            return false;
    } else {
        return false;
    }
    store_bits(field, row, value->as.natural);
    return true;
}

static bool set_double(const struct bus_field *field,
                       const struct sql_value *value, void *row)
{
    double wide;
    if (value->type == SQL_DOUBLE)
        wide = value->as.real;
    else if (value->type == SQL_INT)
        wide = (double)value->as.integer;
    else if (value->type == SQL_UINT)
        wide = (double)value->as.natural;
    else
        return false;
    float narrow = (float)wide;
    char *to = (char *)row + field->offset;
    if (field->kind == BUS_F64)
        memcpy(to, &wide, sizeof(wide));
    else
        memcpy(to, &narrow, sizeof(narrow));
    return true;
}

static bool text_fits(const struct bus_field *field,
                      const struct sql_value *value)
{
    if (value->type == SQL_INT)
        return field->kind == BUS_DECIMAL;
    return value->type == SQL_TEXT &&
           (value->as.bytes.len == 0 ||
            !memchr(value->as.bytes.data, 0, value->as.bytes.len));
}

static int set_text(const struct bus_field *field,
                    const struct sql_value *value, struct bus_arena *arena,
                    void *row, struct bus_error *err)
{
    if (!text_fits(field, value))
        return mismatch(field, err);
    const char *copy;
    if (value->type == SQL_INT)
        copy = bus_arena_printf(arena, "%" PRId64, value->as.integer);
    else
        copy = bus_arena_text_n(arena, (const char *)value->as.bytes.data,
                                value->as.bytes.len);
    if (!copy)
        return sql_no_memory(err);
    memcpy((char *)row + field->offset, &copy, sizeof(copy));
    return BUS_OK;
}

static int set_bytes(const struct bus_field *field,
                     const struct sql_value *value, struct bus_arena *arena,
                     void *row, struct bus_error *err)
{
    if (value->type != SQL_BLOB && value->type != SQL_TEXT)
        return mismatch(field, err);
    struct bus_bytes bytes = value->as.bytes;
    bytes.data = (const uint8_t *)bus_arena_text_n(
        arena, (const char *)bytes.data, bytes.len);
    if (!bytes.data)
        return sql_no_memory(err);
    memcpy((char *)row + field->offset, &bytes, sizeof(bytes));
    return BUS_OK;
}

static bool set_time(const struct bus_field *field,
                     const struct sql_value *value, void *row)
{
    int64_t time;
    if ((value->type != SQL_TEXT && value->type != SQL_TIME) ||
        !time_read(value->as.bytes, &time))
        return false;
    memcpy((char *)row + field->offset, &time, sizeof(time));
    return true;
}

static int set_present(const struct bus_field *field,
                       const struct sql_value *value, struct bus_arena *arena,
                       void *row, struct bus_error *err)
{
    bool fits = false;
    if (limits[field->kind].bytes)
        fits = set_integer(field, value, row);
    else if (field->kind == BUS_F32 || field->kind == BUS_F64)
        fits = set_double(field, value, row);
    else if (field->kind == BUS_TEXT || field->kind == BUS_DECIMAL)
        return set_text(field, value, arena, row, err);
    else if (field->kind == BUS_BYTES)
        return set_bytes(field, value, arena, row, err);
    else if (field->kind == BUS_TIME)
        fits = set_time(field, value, row);
    return fits ? BUS_OK : mismatch(field, err);
}

int row_set(const struct bus_field *field, const struct sql_value *value,
            struct bus_arena *arena, void *row, struct bus_error *err)
{
    if (field->cardinality != BUS_ONE)
        return mismatch(field, err);
    int code = BUS_OK;
    if (value->type != SQL_NULL)
        code = set_present(field, value, arena, row, err);
    if (code == BUS_OK && field->presence != BUS_NO_PRESENCE)
        *((bool *)row + field->presence) = value->type != SQL_NULL;
    return code;
}

void row_init(const struct bus_shape *shape, void *row)
{
    static const char *const empty = "";
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct bus_field *field = &shape->fields[i];
        if (field->cardinality == BUS_ONE &&
            (field->kind == BUS_TEXT || field->kind == BUS_DECIMAL))
            memcpy((char *)row + field->offset, &empty, sizeof(empty));
    }
}

void *row_array_add(struct row_array *array)
{
    size_t size = array->shape->size;
    if (array->rows.count == array->room) {
        size_t room = array->room ? array->room * 2 : ROWS_FIRST;
        if (room > array->max)
            room = array->max;
        void *items = bus_arena_array(array->arena, room, size);
        if (!items)
            return NULL;
        if (array->rows.count)
            memcpy(items, array->rows.items, array->rows.count * size);
        array->rows.items = items;
        array->room = room;
    }
    assert(array->rows.count < array->room);
    void *row = (char *)array->rows.items + size * array->rows.count++;
    row_init(array->shape, row);
    return row;
}
