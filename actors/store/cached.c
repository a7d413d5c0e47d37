/* SPDX-License-Identifier: MIT
 *
 * Cache keys and values of rows. The JSON of a primary key is that of a struct
 * with one field, without its braces and name.
 */
#include "actors/store/cached.h"

#include <string.h>

#include "actors/store/row.h"

/* ---- keys ---- */

#define NUMBER_MAX 24 /* bytes of one */

/* Built on the stack: a look costs no allocation but its result. */
struct key_text {
    size_t len;
    bool failed;
    char text[CACHE_KEY_MAX];
};

static void add(struct key_text *key, const void *data, size_t len)
{
    if (key->failed || len >= sizeof(key->text) - key->len) {
        key->failed = true;
        return;
    }
    if (len)
        memcpy(key->text + key->len, data, len);
    key->len += len;
}

static void add_text(struct key_text *key, const char *text)
{
    add(key, text, strlen(text));
}

static void add_number(struct key_text *key, bool minus, uint64_t size)
{
    char digits[NUMBER_MAX];
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + size % 10);
    while (size /= 10);
    if (minus)
        digits[--at] = '-';
    add(key, digits + at, sizeof(digits) - at);
}

static bool has_byte(struct bus_bytes bytes, char byte)
{
    return bytes.len && memchr(bytes.data, byte, bytes.len);
}

/* Go's %v. */
static void add_plain(struct key_text *key, const struct bus_field *field,
                      const struct sql_value *value)
{
    int64_t integer = value->as.integer;
    switch (value->type) {
    case SQL_INT:
        add_number(key, integer < 0,
                   integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer);
        return;
    case SQL_UINT:
        if (field->kind == BUS_BOOL)
            add_text(key, value->as.natural ? "true" : "false");
        else
            add_number(key, false, value->as.natural);
        return;
    case SQL_TEXT:
    case SQL_BLOB:
        if (field->kind == BUS_DECIMAL || has_byte(value->as.bytes, '\0'))
            key->failed = true;
        else
            add(key, value->as.bytes.data, value->as.bytes.len);
        return;
    case SQL_TIME:
    case SQL_DOUBLE:
    case SQL_NULL:
        break;
    }
    key->failed = true;
}

/* A sql.NullX is a struct, which %v puts into braces with its second field. */
static void add_value(struct key_text *key, const struct bus_field *field,
                      const struct sql_value *value)
{
    bool nullable = field->presence != BUS_NO_PRESENCE;
    if (nullable)
        add_text(key, "{");
    add_plain(key, field, value);
    if (nullable)
        add_text(key, " true}");
}

static bool is_ambiguous(const struct model_key *key,
                         const struct sql_value *value)
{
    return key->count > 1 &&
           (value->type == SQL_TEXT || value->type == SQL_BLOB) &&
           has_byte(value->as.bytes, ':');
}

static const char *prefix_of(const struct store_form *form,
                             const struct model_key *key)
{
    const struct model_table *table = form->table;
    if (key == &table->primary)
        return form->prefixes[0];
    for (uint16_t i = 0; i < table->unique_count; i++) {
        if (key == &table->unique[i])
            return form->prefixes[i + 1];
    }
    return NULL;
}

static int add_values(struct bus_call *call, const struct store_form *form,
                      const struct model_key *key, enum cached_use use,
                      const void *row, struct key_text *text)
{
    for (uint16_t i = 0; i < key->count; i++) {
        const struct bus_field *field =
            &form->table->row->fields[key->columns[i]];
        struct sql_value value;
        int code = row_get(field, row, call->arena, &value, &call->error);
        if (code != BUS_OK)
            return code;
        if (i)
            add_text(text, ":");
        add_value(text, field, &value);
        if (use == CACHED_LOOK && is_ambiguous(key, &value))
            text->failed = true;
    }
    return BUS_OK;
}

int cached_key(struct bus_call *call, const struct store_form *form,
               const struct model_key *key, enum cached_use use,
               const void *row, const char **ret)
{
    struct key_text text;
    const char *prefix = prefix_of(form, key);
    text.len = 0;
    text.failed = !prefix;
    if (prefix)
        add_text(&text, prefix);
    int code = add_values(call, form, key, use, row, &text);
    if (code != BUS_OK)
        return code;
    *ret = NULL;
    if (text.failed)
        return BUS_OK;
    *ret = bus_arena_text_n(call->arena, text.text, text.len);
    return *ret ? BUS_OK : sql_no_memory(&call->error);
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

bool cached_row(struct bus_call *call, const struct store_form *form,
                const void *row, struct bus_bytes *ret)
{
    return form->shared ? form_write(form, call, row, ret)
                        : form_image_write(form, call, row, ret);
}

bool cached_row_read(struct bus_call *call, const struct store_form *form,
                     struct bus_bytes value, void *row)
{
    return form->shared ? form_read(form, call, value, row)
                        : form_image_read(form, value, row);
}

/* ---- the primary key's value ---- */

static const char wrap_open[] = "{\"k\":";

/* A shape of the primary key's columns; one alone is named k. */
static bool primary_shape(struct bus_call *call, const struct store_form *form,
                          struct bus_shape *ret)
{
    const struct model_key *key = &form->table->primary;
    struct bus_field *fields =
        bus_arena_array(call->arena, key->count, sizeof(*fields));
    if (!fields)
        return false;
    for (uint16_t i = 0; i < key->count; i++)
        fields[i] = form->table->row->fields[key->columns[i]];
    if (key->count == 1)
        fields->name = "k";
    *ret = *form->table->row;
    ret->fields = fields;
    ret->count = key->count;
    return true;
}

bool cached_primary(struct bus_call *call, const struct store_form *form,
                    const void *row, struct bus_bytes *ret)
{
    struct bus_shape shape;
    if (!primary_shape(call, form, &shape) ||
        !form_json_write(call, &shape, row, ret))
        return false;
    if (shape.count == 1) {
        ret->data += sizeof(wrap_open) - 1;
        ret->len -= sizeof(wrap_open); /* and the closing brace */
    }
    return true;
}

bool cached_primary_read(struct bus_call *call, const struct store_form *form,
                         struct bus_bytes value, void *row)
{
    struct bus_shape shape;
    if (value.len > CACHE_VALUE_MAX || !primary_shape(call, form, &shape))
        return false;
    if (shape.count > 1)
        return form_json_read(call, &shape, value, row);
    const char *json =
        bus_arena_printf(call->arena, "%s%.*s}", wrap_open, (int)value.len,
                         (const char *)value.data);
    if (!json)
        return false;
    struct bus_bytes wrapped = {(const uint8_t *)json, strlen(json)};
    return form_json_read(call, &shape, wrapped, row);
}
