/* SPDX-License-Identifier: MIT
 *
 * Cache keys and values of rows. The JSON of a primary key is that of a struct
 * with one field, without its braces and name.
 */
#include "actors/store/cached.h"

#include <inttypes.h>
#include <string.h>

#include "actors/store/row.h"

/* ---- keys ---- */

static bool has_byte(struct bus_bytes bytes, char byte)
{
    return bytes.len && memchr(bytes.data, byte, bytes.len);
}

/* Go's %v. False for a value that no key can be made of. */
static bool add_value(struct bus_buf *buf, const struct bus_field *field,
                      const struct sql_value *value, bool alone)
{
    switch (value->type) {
    case SQL_INT:
        bus_buf_printf(buf, "%" PRId64, value->as.integer);
        return true;
    case SQL_UINT:
        if (field->kind == BUS_BOOL)
            bus_buf_text(buf, value->as.natural ? "true" : "false");
        else
            bus_buf_printf(buf, "%" PRIu64, value->as.natural);
        return true;
    case SQL_TEXT:
    case SQL_TIME:
    case SQL_BLOB:
        if (has_byte(value->as.bytes, '\0') ||
            (!alone && has_byte(value->as.bytes, ':')))
            return false;
        bus_buf_add(buf, value->as.bytes.data, value->as.bytes.len);
        return true;
    case SQL_DOUBLE:
    case SQL_NULL:
        break;
    }
    return false;
}

static int add_values(struct bus_call *call, struct bus_buf *buf,
                      const struct model_table *table,
                      const struct model_key *key, const void *row)
{
    for (uint16_t i = 0; i < key->count; i++) {
        const struct bus_field *field = &table->row->fields[key->columns[i]];
        struct sql_value value;
        int code = row_get(field, row, call->arena, &value, &call->error);
        if (code != BUS_OK)
            return code;
        if (i)
            bus_buf_byte(buf, ':');
        if (!add_value(buf, field, &value, key->count == 1))
            buf->failed = true;
    }
    return BUS_OK;
}

int cached_key(struct bus_call *call, const struct model_table *table,
               const struct model_key *key, const void *row, const char **ret)
{
    struct bus_buf buf;
    const char *text = NULL;
    int code = BUS_OK;
    bus_buf_init(&buf, CACHE_KEY_MAX);
    if (key->cache_prefix) {
        bus_buf_text(&buf, key->cache_prefix);
        code = add_values(call, &buf, table, key, row);
        if (code == BUS_OK && !buf.failed) {
            text =
                bus_arena_text_n(call->arena, (const char *)buf.data, buf.len);
            if (!text)
                code = sql_no_memory(&call->error);
        }
    }
    bus_buf_release(&buf);
    if (code == BUS_OK)
        *ret = text;
    return code;
}

/* ---- values ---- */

const struct store_form *cached_form(const struct bus_call *call,
                                     const struct model_table *table)
{
    const struct store_shared *shared = call->store->shared;
    for (size_t i = 0; shared->cache && i < shared->form_count; i++) {
        if (shared->forms[i].table == table)
            return &shared->forms[i];
    }
    return NULL;
}

/* ---- the primary key's value ---- */

static const char wrap_open[] = "{\"k\":";

/* A shape of the primary key's one column, named k. */
static struct bus_shape primary_shape(const struct store_form *form,
                                      struct bus_field *field)
{
    *field = form->table->row->fields[form->table->primary.columns[0]];
    field->name = "k";
    struct bus_shape shape = *form->table->row;
    shape.fields = field;
    shape.count = 1;
    return shape;
}

bool cached_primary(struct bus_call *call, const struct store_form *form,
                    const void *row, struct bus_bytes *ret)
{
    struct bus_field field;
    struct bus_bytes json;
    if (form->table->primary.count != 1)
        return false;
    struct bus_shape shape = primary_shape(form, &field);
    if (!form_json_write(call, &shape, row, &json))
        return false;
    ret->data = json.data + (sizeof(wrap_open) - 1);
    ret->len = json.len - sizeof(wrap_open); /* and the closing brace */
    return true;
}

bool cached_primary_read(struct bus_call *call, const struct store_form *form,
                         struct bus_bytes value, void *row)
{
    struct bus_field field;
    if (form->table->primary.count != 1 || value.len > CACHE_VALUE_MAX)
        return false;
    struct bus_shape shape = primary_shape(form, &field);
    const char *json =
        bus_arena_printf(call->arena, "%s%.*s}", wrap_open, (int)value.len,
                         (const char *)value.data);
    if (!json)
        return false;
    struct bus_bytes wrapped = {(const uint8_t *)json, strlen(json)};
    return form_json_read(call, &shape, wrapped, row);
}
