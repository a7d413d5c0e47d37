/* SPDX-License-Identifier: MIT
 *
 * What a tag says of its field: the name on the wire, where the value comes
 * from, presence and rules.
 */
#include <string.h>

#include "tag.h"

static const char *other_name(const char *name, const char *wire)
{
    return name && name[0] && strcmp(name, "-") && strcmp(name, wire) ? name
                                                                      : NULL;
}

const struct schema_rule *tag_rule(struct pool *pool, const struct tag *tag,
                                   const char *wire)
{
    struct schema_rule rule = {.fallback = tag->fallback,
                               .options = tag->options,
                               .low = tag->low,
                               .high = tag->high,
                               .with = tag->with,
                               .without = tag->without,
                               .form = other_name(tag->names[TAG_FORM], wire),
                               .path = other_name(tag->names[TAG_PATH], wire),
                               .header =
                                   other_name(tag->names[TAG_HEADER], wire),
                               .env = tag->env};
    if (!rule.fallback && !rule.options && !tag->has_range && !rule.with &&
        !rule.without && !rule.form && !rule.path && !rule.header && !rule.env)
        return NULL;
    struct schema_rule *kept = pool_alloc(pool, sizeof(*kept));
    *kept = rule;
    return kept;
}

const char *tag_wire_name(const struct tag *tag, const char *written)
{
    for (int i = 0; i < TAG_SOURCES; i++)
        if (tag->names[i] && tag->names[i][0] && strcmp(tag->names[i], "-"))
            return tag->names[i];
    return written;
}

bool tag_drops(const struct tag *tag)
{
    bool dropped = false;
    for (int i = 0; i < TAG_SOURCES; i++) {
        if (tag->names[i] && strcmp(tag->names[i], "-"))
            return false;
        dropped = dropped || tag->names[i];
    }
    return dropped;
}

static uint16_t source_flags(const struct tag *tag)
{
    unsigned flags = 0;
    for (int i = 0; i < TAG_SOURCES; i++)
        if (tag->names[i] && strcmp(tag->names[i], "-"))
            flags |= (unsigned)SCHEMA_IN_JSON << i;
    return (uint16_t)(flags ? flags : SCHEMA_IN_JSON);
}

static bool is_number(enum schema_kind kind)
{
    return kind >= SCHEMA_I8 && kind <= SCHEMA_F64;
}

void tag_apply(struct pool *pool, struct schema_field *field,
               const struct tag *tag, bool pointer)
{
    bool scalar = field->cardinality == SCHEMA_ONE &&
                  field->kind != SCHEMA_MESSAGE && field->kind != SCHEMA_ANY;
    bool any = field->kind == SCHEMA_ANY && field->cardinality == SCHEMA_ONE;
    bool untold = tag->foreign && !tag->names[TAG_JSON] &&
                  !tag->names[TAG_FORM] && !tag->names[TAG_PATH] &&
                  !tag->names[TAG_HEADER];
    unsigned flags = source_flags(tag);
    if (!tag->optional && !tag->fallback && !tag->env && !untold)
        flags |= SCHEMA_REQUIRED;
    flags |= tag->omitempty ? SCHEMA_OMITEMPTY : 0;
    flags |= pointer || any ? SCHEMA_NULLABLE : 0;
    flags |= tag->text ? SCHEMA_FROM_TEXT : 0;
    flags |= tag->text && is_number(field->kind) ? SCHEMA_STRING_OUT : 0;
    flags |= tag->inherit ? SCHEMA_INHERIT : 0;
    flags |= tag->has_range ? SCHEMA_HAS_RANGE : 0;
    flags |= tag->open_low ? SCHEMA_OPEN_LOW : 0;
    flags |= tag->open_high ? SCHEMA_OPEN_HIGH : 0;
    field->flags = (uint16_t)flags;
    field->presence = scalar && !tag->fallback && (tag->optional || pointer);
    field->rule = tag_rule(pool, tag, field->name);
}
