/* SPDX-License-Identifier: MIT
 *
 * Numbers are fetched as 64 bits or doubles, times as their parts, everything
 * else as the bytes that the server sent, one value after the other: so that a
 * DECIMAL never is a float and a blob is copied once.
 */
#include "actors/store/mysql_rows.h"

#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/text.h"

#define BINARY_CHARSET 63 /* the number of "no charset" */
#define BITS_MAX 8        /* bytes of a BIT column */
#define DAY_S INT64_C(86400)
#define SECOND_US INT64_C(1000000)

enum how { AS_INT, AS_UINT, AS_DOUBLE, AS_TIME, AS_TEXT, AS_BLOB, AS_BITS };

struct column {
    const struct bus_field *field; /* NULL: not in the shape */
    enum how how;
    union {
        int64_t integer;
        uint64_t natural;
        double real;
        MYSQL_TIME time;
    } as;
    char text[TEXT_TIME_MAX];
    unsigned long length;
    my_bool is_null, error;
};

/* ---- what to fetch a column as ---- */

static enum how how_decimal(const struct bus_field *field)
{
    if (field->kind == BUS_F32 || field->kind == BUS_F64)
        return AS_DOUBLE;
    return text_is_int(field->kind) ? AS_INT : AS_TEXT; /* sum(score) */
}

static enum how how_of(const MYSQL_FIELD *column, const struct bus_field *field)
{
    switch ((int)column->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        return column->flags & UNSIGNED_FLAG ? AS_UINT : AS_INT;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        return AS_DOUBLE;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
        return how_decimal(field);
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE:
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
        return field->kind == BUS_TIME ? AS_TIME : AS_TEXT;
    case MYSQL_TYPE_BIT:
        return AS_BITS;
    default:
        return column->charsetnr == BINARY_CHARSET &&
                       column->type != MYSQL_TYPE_TIME
                   ? AS_BLOB
                   : AS_TEXT;
    }
}

static void bind_column(MYSQL_BIND *bind, struct column *column)
{
    bind->length = &column->length;
    bind->is_null = &column->is_null;
    bind->error = &column->error;
    bind->buffer = &column->as;
    bind->buffer_length = sizeof(column->as);
    if (column->how == AS_INT || column->how == AS_UINT) {
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->is_unsigned = column->how == AS_UINT;
    } else if (column->how == AS_DOUBLE) {
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
    } else if (column->how == AS_TIME) {
        bind->buffer_type = MYSQL_TYPE_DATETIME;
    } else { /* only the length; the bytes are fetched when it is known */
        bind->buffer_type =
            column->how == AS_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
        bind->buffer = NULL;
        bind->buffer_length = 0;
    }
}

/* ---- values ---- */

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t in_era = year - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year -
           719468;
}

/* A date of zeros is no time: NULL. */
static struct sql_value time_value(const struct mysql_reading *reading,
                                   struct column *column)
{
    const MYSQL_TIME *time = &column->as.time;
    struct sql_value value = {.type = SQL_NULL};
    if (time->month == 0 || time->day == 0)
        return value;
    int64_t seconds = days_of(time->year, time->month, time->day) * DAY_S +
                      (int64_t)time->hour * 3600 + (int64_t)time->minute * 60 +
                      time->second;
    int64_t us = seconds * SECOND_US + (int64_t)time->second_part;
    text_time_write(zone_from_local(reading->zone, us), column->text);
    value = sql_text(column->text);
    value.type = SQL_TIME;
    return value;
}

static uint8_t *scratch_grow(struct mysql_scratch *scratch, size_t size)
{
    if (size > scratch->room) {
        free(scratch->data);
        scratch->data = malloc(size);
        if (!scratch->data)
            abort();
        scratch->room = size;
    }
    return scratch->data;
}

/* A column's bytes, now that their number is known. */
static int fetch_bytes(const struct mysql_reading *reading, unsigned at,
                       struct column *column, struct sql_value *ret,
                       struct bus_error *err)
{
    unsigned long len = column->length;
    if (len > BUS_ARENA_LIMIT)
        return sql_no_memory(err);
    MYSQL_BIND bind = {.buffer_type = column->how == AS_TEXT ? MYSQL_TYPE_STRING
                                                             : MYSQL_TYPE_BLOB,
                       .buffer = scratch_grow(reading->scratch, len + 1),
                       .buffer_length = len,
                       .length = &column->length,
                       .is_null = &column->is_null,
                       .error = &column->error};
    if (len && mysql_stmt_fetch_column(reading->stmt, &bind, at, 0))
        return MYSQL_ROWS_FAILED;
    ret->type = column->how == AS_TEXT ? SQL_TEXT : SQL_BLOB;
    ret->as.bytes = (struct bus_bytes){reading->scratch->data, len};
    return BUS_OK;
}

static void bits_to_number(struct sql_value *value)
{
    struct bus_bytes bytes = value->as.bytes;
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.len && i < BITS_MAX; i++)
        number = number << 8 | bytes.data[i];
    value->type = SQL_UINT;
    value->as.natural = number;
}

static int column_value(const struct mysql_reading *reading, unsigned at,
                        struct column *column, struct sql_value *ret,
                        struct bus_error *err)
{
    int code = BUS_OK;
    *ret = (struct sql_value){.type = SQL_NULL};
    if (column->is_null)
        return BUS_OK;
    switch (column->how) {
    case AS_INT:
        *ret = sql_int(column->as.integer);
        break;
    case AS_UINT:
        ret->type = SQL_UINT;
        ret->as.natural = column->as.natural;
        break;
    case AS_DOUBLE:
        ret->type = SQL_DOUBLE;
        ret->as.real = column->as.real;
        break;
    case AS_TIME:
        *ret = time_value(reading, column);
        break;
    case AS_TEXT:
    case AS_BLOB:
    case AS_BITS:
        code = fetch_bytes(reading, at, column, ret, err);
        if (code == BUS_OK && column->how == AS_BITS)
            bits_to_number(ret);
        break;
    }
    return code;
}

/* ---- rows ---- */

static int match_columns(struct mysql_reading *reading, struct column *columns,
                         MYSQL_BIND *binds)
{
    MYSQL_RES *meta = mysql_stmt_result_metadata(reading->stmt);
    if (!meta)
        return MYSQL_ROWS_FAILED;
    unsigned count = mysql_num_fields(meta);
    const MYSQL_FIELD *fields = mysql_fetch_fields(meta);
    for (unsigned i = 0; i < count; i++) {
        columns[i].field = bus_shape_find(reading->rows.shape, fields[i].name,
                                          strlen(fields[i].name));
        columns[i].how =
            columns[i].field ? how_of(&fields[i], columns[i].field) : AS_BLOB;
        bind_column(&binds[i], &columns[i]);
    }
    mysql_free_result(meta);
    return mysql_stmt_bind_result(reading->stmt, binds) ? MYSQL_ROWS_FAILED
                                                        : BUS_OK;
}

static int read_row(struct mysql_reading *reading, struct column *columns,
                    unsigned count, struct bus_error *err)
{
    void *row = row_array_add(&reading->rows);
    if (!row)
        return sql_no_memory(err);
    int code = BUS_OK;
    for (unsigned i = 0; i < count && code == BUS_OK; i++) {
        struct sql_value value;
        if (!columns[i].field)
            continue;
        code = column_value(reading, i, &columns[i], &value, err);
        if (code == BUS_OK)
            code = row_set(columns[i].field, &value, reading->rows.arena, row,
                           err);
    }
    return code;
}

static int read_rows(struct mysql_reading *reading, struct column *columns,
                     unsigned count, struct bus_error *err)
{
    int code = BUS_OK;
    while (code == BUS_OK && reading->rows.rows.count < reading->rows.max) {
        int rc = mysql_stmt_fetch(reading->stmt);
        if (rc == MYSQL_NO_DATA)
            break;
        /* Truncated are the texts, which are fetched by themselves. */
        code = rc == 0 || rc == MYSQL_DATA_TRUNCATED
                   ? read_row(reading, columns, count, err)
                   : MYSQL_ROWS_FAILED;
    }
    return code;
}

int mysql_rows_read(struct mysql_reading *reading, struct bus_error *err)
{
    unsigned count = mysql_stmt_field_count(reading->stmt);
    if (count == 0)
        return BUS_OK; /* a statement without rows */
    struct column *columns = calloc(count, sizeof(*columns));
    MYSQL_BIND *binds = calloc(count, sizeof(*binds));
    if (!columns || !binds)
        abort();
    int code = match_columns(reading, columns, binds);
    if (code == BUS_OK)
        code = read_rows(reading, columns, count, err);
    free(columns);
    free(binds);
    return code;
}
