/* SPDX-License-Identifier: MIT
 *
 * Rows to cached JSON and back. Writing walks the columns. For reading, the
 * walker does the work: this file makes the shape it walks, in which a nullable
 * column is a message of two fields, and turns what Go writes differently
 * (decimals, blobs) into what a row holds.
 */
#include "actors/store/form.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/cache.h"
#include "actors/store/row.h"
#include "bus/json.h"
#include "bus/text.h"
#include "bus/utf8.h"

#define DECIMAL_PRECISION 10 /* MySQL's, where nothing is said */
#define MINUTE_US INT64_C(60000000)

/* time.Time{} of a sql.NullTime. */
static const char no_time[] = "\"0001-01-01T00:00:00Z\"";

/* One of Go's sql.NullX. */
struct box {
    union {
        int64_t integer;
        double real;
        const char *text;
        struct bus_bytes bytes;
    } value;
    bool valid;
};

struct form_column {
    bool nullable;
    bool wide;       /* a decimal that a float64 may not carry */
    uint8_t scale;   /* of a decimal */
    uint32_t offset; /* of the pointer to the box, where nullable */
    struct bus_field fields[2];
    struct bus_shape shape;
};

/* What Go calls the value of its sql.NullX. */
static const char *null_name(uint8_t kind)
{
    if (kind == BUS_BOOL)
        return "Bool";
    if (kind == BUS_F32 || kind == BUS_F64 || kind == BUS_DECIMAL)
        return "Float64";
    if (kind == BUS_TIME)
        return "Time";
    if (kind == BUS_TEXT || kind == BUS_BYTES)
        return "String";
    return "Int64";
}

static bool is_text(const struct bus_field *field)
{
    return field->kind == BUS_TEXT || field->kind == BUS_DECIMAL;
}

/* ---- the shape ---- */

/* Precision and scale of "decimal(10,2)". */
static void decimal_init(struct form_column *column, const char *type)
{
    unsigned long precision = DECIMAL_PRECISION, scale = 0;
    const char *open = strchr(type, '(');
    char *end;
    if (open) {
        precision = strtoul(open + 1, &end, 10);
        if (*end == ',')
            scale = strtoul(end + 1, NULL, 10);
    }
    column->wide = precision > FORM_EXACT_DIGITS;
    column->scale = scale < UINT8_MAX ? (uint8_t)scale : UINT8_MAX;
}

/* Turns field into a pointer to a box at that offset. */
static void null_init(struct form_column *column, struct bus_field *field,
                      uint32_t offset)
{
    column->nullable = true;
    column->offset = offset;
    column->fields[0] =
        (struct bus_field){.name = null_name(field->kind),
                           .kind = field->kind,
                           .flags = field->flags & (uint16_t)~BUS_NULLABLE,
                           .offset = offsetof(struct box, value),
                           .presence = BUS_NO_PRESENCE,
                           .values = field->values};
    column->fields[1] =
        (struct bus_field){.name = "Valid",
                           .kind = BUS_BOOL,
                           .offset = offsetof(struct box, valid),
                           .presence = BUS_NO_PRESENCE};
    column->shape =
        (struct bus_shape){"null", sizeof(struct box), 2, column->fields};
    field->kind = BUS_MESSAGE;
    field->flags = 0;
    field->offset = offset;
    field->presence = BUS_NO_PRESENCE;
    field->shape = &column->shape;
    field->values = NULL;
    field->rule = NULL;
}

static void *array_new(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);
    if (!array)
        abort();
    return array;
}

static void column_init(struct store_form *form, uint16_t i, uint32_t *size)
{
    const struct model_table *table = form->table;
    struct form_column *column = &form->columns[i];
    struct bus_field *field = &form->fields[i];
    *field = table->row->fields[i];
    if (table->columns[i].cached)
        field->name = table->columns[i].cached;
    if (field->kind == BUS_DECIMAL)
        decimal_init(column, table->columns[i].type);
    /* Read as text; of the same place in the struct. */
    if (field->kind == BUS_BYTES || column->wide)
        field->kind = BUS_TEXT;
    if (field->presence == BUS_NO_PRESENCE)
        return;
    null_init(column, field, *size);
    column->fields[0].name = null_name(table->row->fields[i].kind);
    *size += (uint32_t)sizeof(void *);
}

void form_init(struct store_form *form, const struct model_table *table,
               const struct zone *zone, bool shared)
{
    uint32_t align = sizeof(void *);
    uint32_t size = (table->row->size + align - 1) / align * align;
    *form = (struct store_form){.table = table, .zone = zone, .shared = shared};
    form->fields = array_new(table->column_count, sizeof(*form->fields));
    form->columns = array_new(table->column_count, sizeof(*form->columns));
    for (uint16_t i = 0; i < table->column_count; i++)
        column_init(form, i, &size);
    form->shape = (struct bus_shape){table->row->name, size,
                                     table->column_count, form->fields};
    form->prefixes =
        array_new((size_t)table->unique_count + 1, sizeof(*form->prefixes));
    form->prefixes[0] = table->primary.cache_prefix;
    for (uint16_t i = 0; i < table->unique_count; i++)
        form->prefixes[i + 1] = table->unique[i].cache_prefix;
}

void form_release(struct store_form *form)
{
    free(form->fields);
    free(form->columns);
    free(form->prefixes);
}

/* ---- JSON of any shape ---- */

static bool keep(struct bus_call *call, struct bus_buf *buf,
                 struct bus_bytes *ret)
{
    const char *copy = NULL;
    if (!buf->failed)
        copy = bus_arena_text_n(call->arena, (const char *)buf->data, buf->len);
    if (copy)
        *ret = (struct bus_bytes){(const uint8_t *)copy, buf->len};
    bus_buf_release(buf);
    return copy != NULL;
}

bool form_json_write(struct bus_call *call, const struct bus_shape *shape,
                     const void *message, struct bus_bytes *ret)
{
    struct bus_buf buf;
    bus_buf_init(&buf, CACHE_VALUE_MAX);
    bus_json_write(&buf, shape, message);
    return keep(call, &buf, ret);
}

static bool seen_all(const struct bus_shape *shape, const bool *seen)
{
    for (uint16_t i = 0; i < shape->count; i++) {
        if (!seen[i] && shape->fields[i].presence == BUS_NO_PRESENCE)
            return false;
    }
    return true;
}

bool form_json_read(struct bus_call *call, const struct bus_shape *shape,
                    struct bus_bytes text, void *message)
{
    void *fresh = bus_arena_alloc(call->arena, shape->size);
    bool *seen = bus_arena_array(call->arena, shape->count, sizeof(*seen));
    if (!fresh || !seen)
        return false;
    row_init(shape, fresh);
    if (bus_json_read(text, shape, call->arena, fresh, seen, NULL) != BUS_OK ||
        !seen_all(shape, seen))
        return false;
    memcpy(message, fresh, shape->size);
    return true;
}

/* ---- rows to JSON ---- */

/* RFC 3339 with the zone's offset, as Go prints a time.Time of that place. */
static void write_time(struct bus_buf *buf, const struct zone *zone,
                       const void *slot)
{
    int64_t time;
    char text[TEXT_TIME_MAX];
    memcpy(&time, slot, sizeof(time));
    int64_t local = zone_to_local(zone, time);
    int64_t minutes = (local - time) / MINUTE_US;
    text_time_write(local, text);
    if (!text[0]) {
        buf->failed = true;
        return;
    }
    if (minutes) {
        text[strlen(text) - 1] = '\0'; /* the Z */
        int64_t size = minutes < 0 ? -minutes : minutes;
        bus_buf_printf(buf, "\"%s%c%02" PRId64 ":%02" PRId64 "\"", text,
                       minutes < 0 ? '-' : '+', size / 60, size % 60);
    } else {
        bus_buf_printf(buf, "\"%s\"", text);
    }
}

/* 12.30 as 12.3, the way a float64 would come out, without being one. */
static void write_decimal(struct bus_buf *buf, const struct form_column *column,
                          struct bus_bytes text)
{
    size_t len = text.len;
    if (column->wide) {
        bus_json_text(buf, (const char *)text.data, len);
        return;
    }
    if (memchr(text.data, '.', len)) {
        while (text.data[len - 1] == '0')
            len--;
        len -= text.data[len - 1] == '.';
    }
    bus_buf_add(buf, text.data, len);
}

/* A blob is a string to Go, which turns what is no UTF-8 into U+FFFD. */
static void write_bytes(struct bus_buf *buf, struct bus_bytes bytes)
{
    const char *text = bytes.len ? (const char *)bytes.data : "";
    if (!bus_utf8_valid(bytes.data, bytes.len) || strlen(text) < bytes.len)
        buf->failed = true;
    else
        bus_json_text(buf, text, bytes.len);
}

static void write_double(struct bus_buf *buf, const struct bus_field *field,
                         double value)
{
    char text[TEXT_DOUBLE_MAX];
    text_double_write(value, field->kind == BUS_F32, text);
    bus_buf_text(buf, text);
}

static void write_value(struct bus_buf *buf, const struct bus_field *field,
                        const struct form_column *column,
                        const struct sql_value *value)
{
    struct bus_bytes bytes = value->as.bytes;
    switch (value->type) {
    case SQL_INT:
        bus_buf_printf(buf, "%" PRId64, value->as.integer);
        break;
    case SQL_UINT:
        if (field->kind == BUS_BOOL)
            bus_buf_text(buf, value->as.natural ? "true" : "false");
        else
            bus_buf_printf(buf, "%" PRIu64, value->as.natural);
        break;
    case SQL_DOUBLE:
        write_double(buf, field, value->as.real);
        break;
    case SQL_TEXT:
        if (field->kind == BUS_DECIMAL)
            write_decimal(buf, column, bytes);
        else
            bus_json_text(buf, (const char *)bytes.data, bytes.len);
        break;
    case SQL_BLOB:
        write_bytes(buf, bytes);
        break;
    case SQL_TIME:
    case SQL_NULL:
        buf->failed = true; /* told apart before */
        break;
    }
}

/* What stands in a sql.NullX that holds nothing. */
static const char *zero_of(uint8_t kind)
{
    if (kind == BUS_TIME)
        return no_time;
    if (kind == BUS_TEXT || kind == BUS_BYTES)
        return "\"\"";
    return kind == BUS_BOOL ? "false" : "0";
}

static void write_column(const struct store_form *form, uint16_t i,
                         struct bus_call *call, const void *row,
                         struct bus_buf *buf)
{
    const struct bus_field *field = &form->table->row->fields[i];
    const struct form_column *column = &form->columns[i];
    struct sql_value value = {.type = SQL_TIME};
    bus_buf_printf(buf, "%s\"%s\":", i ? "," : "", form->fields[i].name);
    bool present = !column->nullable || *((const bool *)row + field->presence);
    if (column->nullable)
        bus_buf_printf(buf, "{\"%s\":", null_name(field->kind));
    if (!present)
        bus_buf_text(buf, zero_of(field->kind));
    else if (field->kind == BUS_TIME)
        write_time(buf, form->zone, (const char *)row + field->offset);
    else if (row_get(field, row, call->arena, &value, NULL) != BUS_OK)
        buf->failed = true;
    else
        write_value(buf, field, column, &value);
    if (column->nullable)
        bus_buf_text(buf, present ? ",\"Valid\":true}" : ",\"Valid\":false}");
}

bool form_write(const struct store_form *form, struct bus_call *call,
                const void *row, struct bus_bytes *ret)
{
    struct bus_buf buf;
    bus_buf_init(&buf, CACHE_VALUE_MAX);
    bus_buf_byte(&buf, '{');
    for (uint16_t i = 0; i < form->table->column_count; i++)
        write_column(form, i, call, row, &buf);
    bus_buf_byte(&buf, '}');
    return keep(call, &buf, ret);
}

/* ---- and back ---- */

/* Puts the zeros back that the column's scale asks for. False for more digits
 * than it has. */
static bool read_decimal(struct bus_call *call,
                         const struct form_column *column, char *slot)
{
    const char *text;
    memcpy(&text, slot, sizeof(text));
    const char *point = strchr(text, '.');
    size_t has = point ? strlen(point + 1) : 0;
    if (has > column->scale || !*text)
        return false;
    if (has == column->scale)
        return true;
    const char *padded =
        bus_arena_printf(call->arena, "%s%s%0*d", text, point ? "" : ".",
                         (int)(column->scale - has), 0);
    memcpy(slot, &padded, sizeof(padded));
    return padded != NULL;
}

static bool read_bytes(char *slot)
{
    const char *text;
    memcpy(&text, slot, sizeof(text));
    const struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    memcpy(slot, &bytes, sizeof(bytes));
    return !strstr(text, "\xEF\xBF\xBD"); /* Go may have lost bytes */
}

/* Takes one column out of the message that was read, where it is not in place
 * already. */
static bool settle_column(const struct store_form *form, uint16_t i,
                          struct bus_call *call, char *message)
{
    const struct bus_field *field = &form->table->row->fields[i];
    const struct form_column *column = &form->columns[i];
    char *slot = message + field->offset;
    static const char *const empty = "";
    if (column->nullable) {
        const struct box *box;
        memcpy(&box, message + column->offset, sizeof(box));
        *((bool *)message + field->presence) = box->valid;
        if (!box->valid) {
            memset(slot, 0, bus_field_size(field));
            if (is_text(field))
                memcpy(slot, &empty, sizeof(empty));
            return true;
        }
        memcpy(slot, &box->value, bus_field_size(field));
    }
    if (field->kind == BUS_BYTES)
        return read_bytes(slot);
    return field->kind != BUS_DECIMAL || read_decimal(call, column, slot);
}

bool form_read(const struct store_form *form, struct bus_call *call,
               struct bus_bytes text, void *row)
{
    const struct model_table *table = form->table;
    char *message = bus_arena_alloc(call->arena, form->shape.size);
    if (!message || !form_json_read(call, &form->shape, text, message))
        return false;
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!settle_column(form, i, call, message))
            return false;
    }
    memcpy(row, message, table->row->size);
    return true;
}
