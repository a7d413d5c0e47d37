/* SPDX-License-Identifier: MIT
 *
 * Sizes, alignments and offsets of fields.
 */
#include "actors/edge/layout.h"

#include <assert.h>

#include "schemas/compiler/schema.h"

struct layout_known {
    const struct schema_message *message;
    struct bus_shape *shape;
    struct layout_known *next;
};

/* The two enums and the flags are one contract written twice, because the
 * compiler includes nothing of ours. */
_Static_assert((int)SCHEMA_ANY == (int)BUS_ANY, "kinds differ");
_Static_assert((int)SCHEMA_MAP == (int)BUS_MAP, "cardinalities differ");
_Static_assert((int)SCHEMA_STRING_OUT == (int)BUS_STRING_OUT, "flags differ");

static void *need(void *memory)
{
    assert(memory); /* schemas are bounded far below the arena's limit */
    return memory;
}

static const struct bus_rule *rule_copy(struct layout *layout,
                                        const struct schema_rule *rule)
{
    if (!rule)
        return NULL;
    struct bus_rule *copy = need(bus_arena_alloc(layout->arena, sizeof(*copy)));
    *copy = (struct bus_rule){
        .fallback = rule->fallback,
        .options = rule->options,
        .low = rule->low,
        .high = rule->high,
        .with = rule->with,
        .without = rule->without,
        .form = rule->form,
        .path = rule->path,
        .header = rule->header,
        .env = rule->env,
    };
    return copy;
}

static const struct bus_enum_value *values_copy(struct layout *layout,
                                                const struct schema_enum *from)
{
    if (!from)
        return NULL;
    struct bus_enum_value *copy = need(
        bus_arena_array(layout->arena, from->value_count + 1, sizeof(*copy)));
    for (size_t i = 0; i < from->value_count; i++)
        copy[i] = (struct bus_enum_value){from->values[i].name,
                                          from->values[i].number};
    return copy;
}

static uint32_t align_up(uint32_t at, uint32_t to)
{
    return (at + to - 1) / to * to;
}

static uint32_t field_align(const struct bus_field *field)
{
    uint32_t size = (uint32_t)bus_field_size(field);
    bool scalar = field->cardinality == BUS_ONE && field->kind != BUS_MESSAGE;
    return scalar && size < 8 ? size : 8;
}

/* Places one field at the end of what is laid out; returns the new end. */
static uint32_t field_place(struct layout *layout, struct bus_field *field,
                            const struct schema_field *from, uint32_t at)
{
    *field = (struct bus_field){
        .name = from->name,
        .kind = (uint8_t)from->kind,
        .cardinality = (uint8_t)from->cardinality,
        .flags = from->flags,
        .presence = BUS_NO_PRESENCE,
        .values = values_copy(layout, from->values),
        .rule = rule_copy(layout, from->rule),
    };
    if (from->message)
        field->shape = layout_shape(layout, from->message);
    if (from->presence) {
        field->presence = at;
        at += (uint32_t)sizeof(bool);
    }
    bool single = field->cardinality == BUS_ONE;
    at = align_up(at, single ? field_align(field) : 8);
    field->offset = at;
    if (!single)
        return at + (uint32_t)sizeof(struct bus_list);
    if (field->kind == BUS_MESSAGE)
        return at + (uint32_t)sizeof(void *);
    return at + (uint32_t)bus_field_size(field);
}

const struct bus_shape *layout_shape(struct layout *layout,
                                     const struct schema_message *message)
{
    for (struct layout_known *k = layout->known; k; k = k->next)
        if (k->message == message)
            return k->shape;
    struct bus_shape *shape =
        need(bus_arena_alloc(layout->arena, sizeof(*shape)));
    struct layout_known *known =
        need(bus_arena_alloc(layout->arena, sizeof(*known)));
    *known = (struct layout_known){message, shape, layout->known};
    layout->known = known; /* before the fields: a message may hold itself */

    struct bus_field *fields = need(
        bus_arena_array(layout->arena, message->field_count, sizeof(*fields)));
    uint32_t at = 0;
    for (size_t i = 0; i < message->field_count; i++)
        at = field_place(layout, &fields[i], &message->fields[i], at);
    *shape = (struct bus_shape){
        .name = message->full,
        .size = align_up(at ? at : 1, 8),
        .count = (uint16_t)message->field_count,
        .fields = fields,
    };
    return shape;
}
