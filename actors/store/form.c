/* SPDX-License-Identifier: MIT
 *
 * Rows to cached JSON and back. The walker does the work: this file makes the
 * shape it walks, in which a nullable column is a message of two fields, and
 * copies such columns out of and into the row.
 */
#include "actors/store/form.h"

#include <stdlib.h>
#include <string.h>

#include "actors/store/cache.h"
#include "actors/store/row.h"
#include "bus/json.h"

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

struct form_null {
    uint16_t column;
    uint32_t offset; /* of the pointer to the box */
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

/* Turns field into a pointer to a box at that offset. */
static void null_init(struct form_null *null, struct bus_field *field,
                      uint16_t column, uint32_t offset)
{
    null->column = column;
    null->offset = offset;
    null->fields[0] =
        (struct bus_field){.name = null_name(field->kind),
                           .kind = field->kind,
                           .flags = field->flags & (uint16_t)~BUS_NULLABLE,
                           .offset = offsetof(struct box, value),
                           .presence = BUS_NO_PRESENCE,
                           .values = field->values};
    null->fields[1] = (struct bus_field){.name = "Valid",
                                         .kind = BUS_BOOL,
                                         .offset = offsetof(struct box, valid),
                                         .presence = BUS_NO_PRESENCE};
    null->shape =
        (struct bus_shape){"null", sizeof(struct box), 2, null->fields};
    field->kind = BUS_MESSAGE;
    field->flags = 0;
    field->offset = offset;
    field->presence = BUS_NO_PRESENCE;
    field->shape = &null->shape;
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

void form_init(struct store_form *form, const struct model_table *table)
{
    uint32_t align = sizeof(void *);
    uint32_t size = (table->row->size + align - 1) / align * align;
    *form = (struct store_form){.table = table};
    form->fields = array_new(table->column_count, sizeof(*form->fields));
    form->nulls = array_new(table->column_count, sizeof(*form->nulls));
    for (uint16_t i = 0; i < table->column_count; i++) {
        struct bus_field *field = &form->fields[i];
        *field = table->row->fields[i];
        if (table->columns[i].cached)
            field->name = table->columns[i].cached;
        if (field->presence != BUS_NO_PRESENCE) {
            null_init(&form->nulls[form->null_count++], field, i, size);
            size += align;
        }
    }
    form->shape = (struct bus_shape){table->row->name, size,
                                     table->column_count, form->fields};
}

void form_release(struct store_form *form)
{
    free(form->fields);
    free(form->nulls);
}

/* ---- JSON ---- */

bool form_json_write(struct bus_call *call, const struct bus_shape *shape,
                     const void *message, struct bus_bytes *ret)
{
    struct bus_buf buf;
    const char *copy = NULL;
    bus_buf_init(&buf, CACHE_VALUE_MAX);
    bus_json_write(&buf, shape, message);
    if (!buf.failed)
        copy = bus_arena_text_n(call->arena, (const char *)buf.data, buf.len);
    if (copy)
        *ret = (struct bus_bytes){(const uint8_t *)copy, buf.len};
    bus_buf_release(&buf);
    return copy != NULL;
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

/* ---- rows ---- */

bool form_write(const struct store_form *form, struct bus_call *call,
                const void *row, struct bus_bytes *ret)
{
    const struct model_table *table = form->table;
    char *message = bus_arena_alloc(call->arena, form->shape.size);
    struct box *boxes =
        bus_arena_array(call->arena, form->null_count, sizeof(*boxes));
    if (!message || !boxes)
        return false;
    memcpy(message, row, table->row->size);
    for (size_t i = 0; i < form->null_count; i++) {
        const struct form_null *null = &form->nulls[i];
        const struct bus_field *field = &table->row->fields[null->column];
        struct box *box = &boxes[i];
        box->valid = *((const bool *)row + field->presence);
        if (box->valid)
            memcpy(&box->value, (const char *)row + field->offset,
                   bus_field_size(field));
        memcpy(message + null->offset, &box, sizeof(box));
    }
    return form_json_write(call, &form->shape, message, ret);
}

bool form_read(const struct store_form *form, struct bus_call *call,
               struct bus_bytes text, void *row)
{
    const struct model_table *table = form->table;
    char *message = bus_arena_alloc(call->arena, form->shape.size);
    if (!message || !form_json_read(call, &form->shape, text, message))
        return false;
    for (size_t i = 0; i < form->null_count; i++) {
        const struct form_null *null = &form->nulls[i];
        const struct bus_field *field = &table->row->fields[null->column];
        const struct box *box;
        memcpy(&box, message + null->offset, sizeof(box));
        *((bool *)message + field->presence) = box->valid;
        memcpy(message + field->offset, &box->value, bus_field_size(field));
    }
    memcpy(row, message, table->row->size);
    return true;
}
