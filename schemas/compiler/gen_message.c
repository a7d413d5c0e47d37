/* SPDX-License-Identifier: MIT
 *
 * Structs, and the tables of their fields that bus/shape.h describes.
 */
#include <math.h>
#include <string.h>

#include "gen.h"

static const struct kind_name {
    const char *kind; /* in bus/shape.h */
    const char *type; /* in C, with its blank */
} kinds[] = {
    [SCHEMA_BOOL] = {"BUS_BOOL", "bool "},
    [SCHEMA_I8] = {"BUS_I8", "int8_t "},
    [SCHEMA_I16] = {"BUS_I16", "int16_t "},
    [SCHEMA_I32] = {"BUS_I32", "int32_t "},
    [SCHEMA_I64] = {"BUS_I64", "int64_t "},
    [SCHEMA_U8] = {"BUS_U8", "uint8_t "},
    [SCHEMA_U16] = {"BUS_U16", "uint16_t "},
    [SCHEMA_U32] = {"BUS_U32", "uint32_t "},
    [SCHEMA_U64] = {"BUS_U64", "uint64_t "},
    [SCHEMA_F32] = {"BUS_F32", "float "},
    [SCHEMA_F64] = {"BUS_F64", "double "},
    [SCHEMA_TEXT] = {"BUS_TEXT", "const char *"},
    [SCHEMA_BYTES] = {"BUS_BYTES", "struct bus_bytes "},
    [SCHEMA_ENUM] = {"BUS_ENUM", "int32_t "},
    [SCHEMA_DECIMAL] = {"BUS_DECIMAL", "const char *"},
    [SCHEMA_TIME] = {"BUS_TIME", "int64_t "},
    [SCHEMA_DURATION] = {"BUS_DURATION", "int64_t "},
    [SCHEMA_MESSAGE] = {"BUS_MESSAGE", ""},
    [SCHEMA_ANY] = {"BUS_ANY", "struct bus_bytes "},
};

const char *gen_c_type(struct gen *gen, const struct schema_field *field)
{
    if (field->cardinality != SCHEMA_ONE)
        return "struct bus_list ";
    if (field->kind == SCHEMA_MESSAGE)
        return pool_printf(gen->pool, "struct %s *", field->message->c_name);
    return kinds[field->kind].type;
}

const char *gen_kind_type(struct pool *pool, enum schema_kind kind)
{
    const char *type = kinds[kind].type;
    size_t len = strlen(type);
    while (len && type[len - 1] == ' ')
        len--;
    return pool_text_n(pool, type, len);
}

const char *gen_parameter(struct gen *gen, const struct schema_field *field)
{
    return pool_printf(gen->pool, "%s%s", gen_c_type(gen, field),
                       field->c_name);
}

static void struct_member(struct gen *gen, struct out *out,
                          const struct schema_field *field)
{
    out_doc(out, "    ", field->doc);
    out_printf(out, "    %s%s;", gen_c_type(gen, field), field->c_name);
    if (field->cardinality == SCHEMA_LIST && field->kind == SCHEMA_MESSAGE)
        out_printf(out, " /* of struct %s */", field->message->c_name);
    else if (field->cardinality == SCHEMA_LIST)
        out_printf(out, " /* of %.*s */",
                   (int)strcspn(kinds[field->kind].type, "*") - 1 +
                       (strchr(kinds[field->kind].type, '*') ? 2 : 0),
                   kinds[field->kind].type);
    else if (field->cardinality == SCHEMA_MAP)
        out_printf(out, " /* of struct %s */", field->message->c_name);
    if (field->presence)
        out_printf(out, "\n    bool has_%s;", field->c_name);
    out_printf(out, "\n");
}

void gen_struct(struct gen *gen, struct out *out,
                const struct schema_message *message)
{
    out_doc(out, "", message->doc);
    out_printf(out, "struct %s {\n", message->c_name);
    for (size_t i = 0; i < message->field_count; i++)
        struct_member(gen, out, &message->fields[i]);
    if (!message->field_count)
        out_printf(out, "    char unused_; /* C has no empty structs */\n");
    out_printf(out, "};\nextern const struct bus_shape %s_shape;\n\n",
               message->c_name);
}

static bool has_values(const struct schema_field *field)
{
    return field->kind == SCHEMA_ENUM && field->values;
}

static void number(struct out *out, double value)
{
    if (isinf(value))
        out_printf(out, "%sHUGE_VAL", value < 0 ? "-" : "");
    else
        out_printf(out, "%.17g", value);
}

static void rule_text(struct out *out, const char *member, const char *text)
{
    if (!text)
        return;
    out_printf(out, "    .%s = ", member);
    out_quoted(out, text);
    out_printf(out, ",\n");
}

static void rule_options(struct out *out, const char *owner, size_t index,
                         const struct schema_field *field)
{
    out_printf(out, "static const char *const %s_options_%zu[] = {", owner,
               index);
    for (const char *const *at = field->rule->options; *at; at++) {
        out_quoted(out, *at);
        out_printf(out, ", ");
    }
    out_printf(out, "NULL};\n");
}

static void field_rule(struct out *out, const char *owner, size_t index,
                       const struct schema_field *field)
{
    const struct schema_rule *rule = field->rule;
    if (rule->options)
        rule_options(out, owner, index, field);
    out_printf(out, "static const struct bus_rule %s_rule_%zu = {\n", owner,
               index);
    rule_text(out, "fallback", rule->fallback);
    if (rule->options)
        out_printf(out, "    .options = %s_options_%zu,\n", owner, index);
    out_printf(out, "    .low = ");
    number(out, rule->low);
    out_printf(out, ",\n    .high = ");
    number(out, rule->high);
    out_printf(out, ",\n");
    rule_text(out, "with", rule->with);
    rule_text(out, "without", rule->without);
    rule_text(out, "form", rule->form);
    rule_text(out, "path", rule->path);
    rule_text(out, "header", rule->header);
    rule_text(out, "env", rule->env);
    out_printf(out, "};\n");
}

/* Statics of one field, before field_entry names them: by the field's place,
 * for owner and field together may be the name of something else. */
static void field_statics(struct out *out, const char *owner, size_t index,
                          const struct schema_field *field)
{
    if (field->rule)
        field_rule(out, owner, index, field);
    if (!has_values(field))
        return;
    out_printf(out, "static const struct bus_enum_value %s_values_%zu[] = {\n",
               owner, index);
    for (size_t i = 0; i < field->values->value_count; i++) {
        out_printf(out, "    {");
        out_quoted(out, field->values->values[i].name);
        out_printf(out, ", %d},\n", field->values->values[i].number);
    }
    out_printf(out, "    {NULL, 0}};\n");
}

static void field_flags(struct out *out, unsigned flags)
{
    static const char *const names[] = {
        "REQUIRED", "OMITEMPTY", "NULLABLE",  "FROM_TEXT", "IN_JSON",
        "IN_FORM",  "IN_PATH",   "IN_HEADER", "INHERIT",   "HAS_RANGE",
        "OPEN_LOW", "OPEN_HIGH", "SECRET",    "STRING_OUT"};
    const char *between = "";
    if (!flags)
        return;
    out_printf(out, "     .flags = ");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!(flags & 1u << i))
            continue;
        out_printf(out, "%sBUS_%s", between, names[i]);
        between = " | ";
    }
    out_printf(out, ",\n");
}

static void field_entry(struct out *out, const char *owner, size_t index,
                        const struct schema_field *field)
{
    static const char *const cardinalities[] = {"BUS_ONE", "BUS_LIST",
                                                "BUS_MAP"};
    out_printf(out, "    {.name = ");
    out_quoted(out, field->name);
    out_printf(out, ",\n     .kind = %s,\n", kinds[field->kind].kind);
    if (field->cardinality != SCHEMA_ONE)
        out_printf(out, "     .cardinality = %s,\n",
                   cardinalities[field->cardinality]);
    field_flags(out, field->flags);
    out_printf(out, "     .offset = offsetof(struct %s, %s),\n", owner,
               field->c_name);
    if (field->message)
        out_printf(out, "     .shape = &%s_shape,\n", field->message->c_name);
    if (has_values(field))
        out_printf(out, "     .values = %s_values_%zu,\n", owner, index);
    if (field->rule)
        out_printf(out, "     .rule = &%s_rule_%zu,\n", owner, index);
    if (field->presence)
        out_printf(out, "     .presence = offsetof(struct %s, has_%s)},\n",
                   owner, field->c_name);
    else
        out_printf(out, "     .presence = BUS_NO_PRESENCE},\n");
}

void gen_shape(struct gen *gen, struct out *out,
               const struct schema_message *message)
{
    const char *owner = message->c_name;
    (void)gen;
    for (size_t i = 0; i < message->field_count; i++)
        field_statics(out, owner, i, &message->fields[i]);
    if (message->field_count) {
        out_printf(out, "static const struct bus_field %s_fields[] = {\n",
                   owner);
        for (size_t i = 0; i < message->field_count; i++)
            field_entry(out, owner, i, &message->fields[i]);
        out_printf(out, "};\n");
    }
    out_printf(out, "%sconst struct bus_shape %s_shape = {\n    .name = ",
               message->imported ? "__attribute__((weak)) " : "", owner);
    out_quoted(out, message->full);
    out_printf(out, ",\n    .size = sizeof(struct %s),\n    .count = %zu,\n",
               owner, message->field_count);
    if (message->field_count)
        out_printf(out, "    .fields = %s_fields,\n", owner);
    out_printf(out, "};\n\n");
}

void gen_enum(struct out *out, const struct schema_enum *values, bool guarded)
{
    if (guarded)
        out_printf(out, "#ifndef SCHEMA_ENUM_%s\n#define SCHEMA_ENUM_%s\n",
                   values->c_name, values->c_name);
    out_printf(out, "enum %s {\n", values->c_name);
    for (size_t i = 0; i < values->value_count; i++)
        out_printf(out, "    %s_%s = %d,\n", values->c_name,
                   values->values[i].name, values->values[i].number);
    out_printf(out, "};\n%s\n", guarded ? "#endif\n" : "");
}
