/* SPDX-License-Identifier: MIT
 *
 * An actor described from its own tables: methods with their messages' fields,
 * then, once each, the messages nested in these. Names of types are those that
 * .api and .proto authors write: int64, string, []string, map[string]int64.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "actors/runtime/system.h"
#include "bus/pack.h"

#define DESCRIBE_TYPES_MAX 1024

/* Shapes nested in methods' messages, in the order they were met. */
struct nested {
    const struct bus_shape *shapes[DESCRIBE_TYPES_MAX];
    size_t count;
};

static const char *const kind_names[] = {
    [BUS_BOOL] = "bool",         [BUS_I8] = "int8",
    [BUS_I16] = "int16",         [BUS_I32] = "int32",
    [BUS_I64] = "int64",         [BUS_U8] = "uint8",
    [BUS_U16] = "uint16",        [BUS_U32] = "uint32",
    [BUS_U64] = "uint64",        [BUS_F32] = "float32",
    [BUS_F64] = "float64",       [BUS_TEXT] = "string",
    [BUS_BYTES] = "bytes",       [BUS_ENUM] = "enum",
    [BUS_DECIMAL] = "decimal",   [BUS_TIME] = "time",
    [BUS_DURATION] = "duration", [BUS_MESSAGE] = "message",
    [BUS_ANY] = "any",
};

static void nested_add(struct nested *nested, const struct bus_shape *shape)
{
    for (size_t i = 0; i < nested->count; i++)
        if (nested->shapes[i] == shape)
            return;
    if (shape && nested->count < DESCRIBE_TYPES_MAX)
        nested->shapes[nested->count++] = shape;
}

static const char *base_name(const struct bus_field *field)
{
    if (field->kind == BUS_MESSAGE && field->shape)
        return field->shape->name;
    return kind_names[field->kind];
}

static void type_pack(const struct bus_field *field, struct bus_buf *buf)
{
    char text[2 * BUS_FIELD_MAX];
    const char *base = base_name(field);
    if (field->cardinality == BUS_MAP && field->shape->count == 2)
        snprintf(text, sizeof(text), "map[%s]%s",
                 base_name(&field->shape->fields[0]),
                 base_name(&field->shape->fields[1]));
    else
        snprintf(text, sizeof(text), "%s%s",
                 field->cardinality == BUS_LIST ? "[]" : "", base);
    bus_pack_text(buf, text);
}

static size_t option_count(const struct bus_field *field)
{
    size_t count = 0;
    while (field->rule && field->rule->options && field->rule->options[count])
        count++;
    return count;
}

static size_t value_count(const struct bus_field *field)
{
    size_t count = 0;
    while (field->kind == BUS_ENUM && field->values &&
           field->values[count].name)
        count++;
    return count;
}

/* "[0:100)", in the schema's own notation. */
static void range_pack(const struct bus_field *field, struct bus_buf *buf)
{
    char low[32] = "", high[32] = "", text[80];
    if (isfinite(field->rule->low))
        snprintf(low, sizeof(low), "%.15g", field->rule->low);
    if (isfinite(field->rule->high))
        snprintf(high, sizeof(high), "%.15g", field->rule->high);
    snprintf(text, sizeof(text), "%c%s:%s%c",
             field->flags & BUS_OPEN_LOW ? '(' : '[', low, high,
             field->flags & BUS_OPEN_HIGH ? ')' : ']');
    bus_pack_text(buf, "range");
    bus_pack_text(buf, text);
}

static void choices_pack(const struct bus_field *field, struct bus_buf *buf)
{
    size_t options = option_count(field), values = value_count(field);
    if (options > 0) {
        bus_pack_text(buf, "options");
        bus_pack_array(buf, options);
        for (size_t i = 0; i < options; i++)
            bus_pack_text(buf, field->rule->options[i]);
    }
    if (values > 0) {
        bus_pack_text(buf, "values");
        bus_pack_map(buf, values);
        for (size_t i = 0; i < values; i++) {
            bus_pack_text(buf, field->values[i].name);
            bus_pack_int(buf, field->values[i].number);
        }
    }
}

static void field_pack(const struct bus_field *field, struct bus_buf *buf)
{
    bool fallback = field->rule && field->rule->fallback;
    bool range = field->rule && field->flags & BUS_HAS_RANGE;
    bus_pack_map(buf, (size_t)3 + fallback + range + (option_count(field) > 0) +
                          (value_count(field) > 0));
    bus_pack_text(buf, "name");
    bus_pack_text(buf, field->name);
    bus_pack_text(buf, "type");
    type_pack(field, buf);
    bus_pack_text(buf, "required");
    bus_pack_bool(buf, field->flags & BUS_REQUIRED);
    if (fallback) {
        bus_pack_text(buf, "default");
        bus_pack_text(buf, field->rule->fallback);
    }
    if (range)
        range_pack(field, buf);
    choices_pack(field, buf);
}

/* A message: its name and fields; what is nested in it is noted. nil: none. */
static void shape_pack(const struct bus_shape *shape, struct nested *nested,
                       struct bus_buf *buf)
{
    if (!shape) {
        bus_pack_nil(buf);
        return;
    }
    bus_pack_map(buf, 2);
    bus_pack_text(buf, "name");
    bus_pack_text(buf, shape->name);
    bus_pack_text(buf, "fields");
    bus_pack_array(buf, shape->count);
    for (size_t i = 0; i < shape->count; i++) {
        const struct bus_field *field = &shape->fields[i];
        field_pack(field, buf);
        if (field->cardinality == BUS_MAP && field->shape->count == 2)
            field = &field->shape->fields[1];
        if (field->kind == BUS_MESSAGE)
            nested_add(nested, field->shape);
    }
}

static void method_pack(const struct bus_method *method, struct nested *nested,
                        struct bus_buf *buf)
{
    bus_pack_map(buf, 7);
    bus_pack_text(buf, "name");
    bus_pack_text(buf, method->name);
    bus_pack_text(buf, "path");
    bus_pack_text(buf, method->path);
    bus_pack_text(buf, "doc");
    bus_pack_text(buf, method->doc);
    bus_pack_text(buf, "idempotent");
    bus_pack_bool(buf, method->flags & (BUS_IDEMPOTENT | BUS_NO_SIDE_EFFECTS));
    bus_pack_text(buf, "no_side_effects");
    bus_pack_bool(buf, method->flags & BUS_NO_SIDE_EFFECTS);
    bus_pack_text(buf, "request");
    shape_pack(method->request, nested, buf);
    bus_pack_text(buf, "reply");
    shape_pack(method->reply, nested, buf);
}

/* Types grow while they are packed: nested ones name further ones. They are
 * packed apart first, since an array's count stands before its items. */
static void types_pack(struct nested *nested, struct bus_buf *buf)
{
    struct bus_buf types;
    bus_buf_init(&types, buf->limit);
    for (size_t i = 0; i < nested->count; i++)
        shape_pack(nested->shapes[i], nested, &types);
    bus_pack_text(buf, "types");
    bus_pack_array(buf, nested->count);
    bus_pack_raw(buf, bus_buf_bytes(&types));
    buf->failed |= types.failed;
    bus_buf_release(&types);
}

void describe_pack(const struct actor_process *process, struct bus_buf *buf)
{
    const struct actor_type *type = process->type;
    struct nested nested = {.count = 0};
    bus_pack_map(buf, 6);
    bus_pack_text(buf, "name");
    bus_pack_text(buf, type->name);
    bus_pack_text(buf, "version");
    bus_pack_text(buf, type->version);
    bus_pack_text(buf, "instance");
    bus_pack_text(buf, process->instance);
    bus_pack_text(buf, "node");
    bus_pack_text(buf, process->node);
    bus_pack_text(buf, "methods");
    bus_pack_array(buf, type->count);
    for (size_t i = 0; i < type->count; i++)
        method_pack(type->methods[i].method, &nested, buf);
    types_pack(&nested, buf);
}
