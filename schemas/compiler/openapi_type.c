/* SPDX-License-Identifier: MIT
 *
 * Types as JSON Schema 2020-12, the dialect of OpenAPI 3.1. What a tag demands
 * becomes a constraint: options an enum, range bounds, default a default,
 * optional=other a dependency.
 */
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "openapi.h"

static const struct kind {
    const char *type; /* NULL: anything */
    const char *format;
    const char *low, *high; /* NULL: none */
} kinds[] = {
    [SCHEMA_BOOL] = {"boolean", NULL, NULL, NULL},
    [SCHEMA_I8] = {"integer", "int32", "-128", "127"},
    [SCHEMA_I16] = {"integer", "int32", "-32768", "32767"},
    [SCHEMA_I32] = {"integer", "int32", NULL, NULL},
    [SCHEMA_I64] = {"integer", "int64", NULL, NULL},
    [SCHEMA_U8] = {"integer", "int32", "0", "255"},
    [SCHEMA_U16] = {"integer", "int32", "0", "65535"},
    [SCHEMA_U32] = {"integer", "int64", "0", "4294967295"},
    [SCHEMA_U64] = {"integer", NULL, "0", NULL},
    [SCHEMA_F32] = {"number", "float", NULL, NULL},
    [SCHEMA_F64] = {"number", "double", NULL, NULL},
    [SCHEMA_TEXT] = {"string", NULL, NULL, NULL},
    [SCHEMA_BYTES] = {"string", NULL, NULL, NULL},
    [SCHEMA_ENUM] = {"integer", "int32", NULL, NULL},
    [SCHEMA_DECIMAL] = {"string", NULL, NULL, NULL},
    [SCHEMA_TIME] = {"string", "date-time", NULL, NULL},
    [SCHEMA_DURATION] = {"string", NULL, NULL, NULL},
    [SCHEMA_MESSAGE] = {"object", NULL, NULL, NULL},
    [SCHEMA_ANY] = {NULL, NULL, NULL, NULL},
};

const char *openapi_name(struct out *out, const struct schema_message *message)
{
    return name_c(out->pool, message->name);
}

void openapi_ref(struct out *out, const struct schema_message *message)
{
    js_pair(out, "$ref",
            pool_printf(out->pool, "#/components/schemas/%s",
                        openapi_name(out, message)));
}

const char *openapi_source_name(const struct schema_field *field,
                                unsigned source)
{
    const char *name = NULL;
    if (field->rule && source == SCHEMA_IN_PATH)
        name = field->rule->path;
    if (field->rule && source == SCHEMA_IN_FORM)
        name = field->rule->form;
    if (field->rule && source == SCHEMA_IN_HEADER)
        name = field->rule->header;
    return name ? name : field->name;
}

static bool is_number(enum schema_kind kind)
{
    return kind >= SCHEMA_I8 && kind <= SCHEMA_F64;
}

/* A number as JSON writes it: no sign before it but '-', digits around '.'. */
static bool is_json_number(const char *text)
{
    text += *text == '-';
    size_t digits = strspn(text, "0123456789");
    if (!digits || (digits > 1 && *text == '0'))
        return false;
    text += digits;
    if (*text == '.') {
        digits = strspn(++text, "0123456789");
        text += digits;
    }
    return digits && !*text;
}

static bool fits(const struct schema_field *field, const char *text)
{
    if (field->kind == SCHEMA_BOOL)
        return !strcmp(text, "true") || !strcmp(text, "false");
    return field->kind == SCHEMA_TEXT ||
           (is_number(field->kind) && is_json_number(text));
}

/* A value of the tag, where a value may stand. */
static void put_value(struct out *out, const struct schema_field *field,
                      const char *text)
{
    bool quoted =
        field->kind == SCHEMA_TEXT || (field->flags & SCHEMA_STRING_OUT);
    if (quoted)
        js_text(out, text);
    else
        out_printf(out, "%s", text);
}

static void put_options(struct out *out, const struct schema_field *field)
{
    const char *between = "";
    if (!field->rule || !field->rule->options || !field->rule->options[0])
        return;
    for (size_t i = 0; field->rule->options[i]; i++)
        if (!fits(field, field->rule->options[i]))
            return;
    js_open(out, "enum", '[');
    for (size_t i = 0; field->rule->options[i]; i++) {
        bool twice = false;
        for (size_t j = 0; j < i; j++)
            twice = twice ||
                    !strcmp(field->rule->options[i], field->rule->options[j]);
        if (twice)
            continue;
        out_printf(out, "%s", between);
        put_value(out, field, field->rule->options[i]);
        between = ",";
    }
    js_close(out, ']');
}

static void put_bound(struct out *out, const char *key, double value)
{
    js_key(out, key);
    out_printf(out, "%.17g", value);
}

static void put_range(struct out *out, const struct schema_field *field)
{
    const struct kind *kind = &kinds[field->kind];
    bool ranged = (field->flags & SCHEMA_HAS_RANGE) && field->rule &&
                  is_number(field->kind) && !(field->flags & SCHEMA_STRING_OUT);
    bool low = ranged && field->rule->low > -1e308;
    bool high = ranged && field->rule->high < 1e308;
    if (low)
        put_bound(out,
                  field->flags & SCHEMA_OPEN_LOW ? "exclusiveMinimum"
                                                 : "minimum",
                  field->rule->low);
    else if (kind->low && !(field->flags & SCHEMA_STRING_OUT))
        js_raw(out, "minimum", kind->low);
    if (high)
        put_bound(out,
                  field->flags & SCHEMA_OPEN_HIGH ? "exclusiveMaximum"
                                                  : "maximum",
                  field->rule->high);
    else if (kind->high && !(field->flags & SCHEMA_STRING_OUT))
        js_raw(out, "maximum", kind->high);
}

static void put_type(struct out *out, const char *type, bool nullable)
{
    if (!nullable) {
        js_pair(out, "type", type);
        return;
    }
    js_open(out, "type", '[');
    js_item(out, type);
    js_item(out, "null");
    js_close(out, ']');
}

/* One value of the field, whatever its cardinality. */
static void put_one(struct out *out, const struct schema_field *field,
                    bool nullable)
{
    const struct kind *kind = &kinds[field->kind];
    if (field->kind == SCHEMA_MESSAGE && nullable) {
        js_open(out, "anyOf", '[');
        js_open_item(out, '{');
        openapi_ref(out, field->message);
        out_printf(out, "},{\"type\":\"null\"}]");
        return;
    }
    if (field->kind == SCHEMA_MESSAGE) {
        openapi_ref(out, field->message);
        return;
    }
    if (!kind->type)
        return;
    bool text = field->flags & SCHEMA_STRING_OUT;
    put_type(out, text ? "string" : kind->type, nullable);
    if (kind->format && !text)
        js_pair(out, "format", kind->format);
    if (field->kind == SCHEMA_BYTES)
        js_pair(out, "contentEncoding", "base64");
    put_options(out, field);
    put_range(out, field);
}

void openapi_base(struct out *out, const char *name)
{
    static const struct {
        const char *name;
        enum schema_kind kind;
    } bases[] = {{"bool", SCHEMA_BOOL},
                 {"int8", SCHEMA_I8},
                 {"int16", SCHEMA_I16},
                 {"int32", SCHEMA_I32},
                 {"rune", SCHEMA_I32},
                 {"int", SCHEMA_I64},
                 {"int64", SCHEMA_I64},
                 {"uint8", SCHEMA_U8},
                 {"byte", SCHEMA_U8},
                 {"uint16", SCHEMA_U16},
                 {"uint32", SCHEMA_U32},
                 {"uint", SCHEMA_U64},
                 {"uint64", SCHEMA_U64},
                 {"uintptr", SCHEMA_U64},
                 {"float32", SCHEMA_F32},
                 {"float64", SCHEMA_F64},
                 {"string", SCHEMA_TEXT},
                 {"time.Time", SCHEMA_TIME},
                 {"time.Duration", SCHEMA_DURATION}};
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        struct schema_field field = {.kind = bases[i].kind};
        if (!strcmp(bases[i].name, name))
            put_one(out, &field, false);
    }
}

static void put_default(struct out *out, const struct schema_field *field)
{
    if (!field->rule || !field->rule->fallback ||
        field->cardinality != SCHEMA_ONE || !fits(field, field->rule->fallback))
        return;
    js_key(out, "default");
    put_value(out, field, field->rule->fallback);
}

void openapi_field(struct out *out, const struct schema_field *field)
{
    bool nullable = field->flags & SCHEMA_NULLABLE;
    if (field->cardinality == SCHEMA_ONE) {
        put_one(out, field, nullable);
    } else if (field->cardinality == SCHEMA_LIST) {
        put_type(out, "array", nullable);
        js_open(out, "items", '{');
        put_one(out, field, false);
        js_close(out, '}');
    } else {
        put_type(out, "object", nullable);
        js_open(out, "additionalProperties", '{');
        openapi_field(out, &field->message->fields[1]);
        js_close(out, '}');
    }
    put_default(out, field);
    if (field->doc[0])
        js_pair(out, "description", field->doc);
}

static const struct schema_field *partner(const struct schema_message *message,
                                          const char *name, unsigned sources)
{
    for (size_t i = 0; name && i < message->field_count; i++)
        if (!strcmp(message->fields[i].name, name) &&
            (message->fields[i].flags & sources))
            return &message->fields[i];
    return NULL;
}

/* Must be sent; or, of what only comes back, is always there. */
static bool is_there(const struct schema_field *field, bool asked)
{
    bool value = field->cardinality != SCHEMA_ONE ||
                 (field->kind != SCHEMA_MESSAGE && field->kind != SCHEMA_ANY);
    if (asked)
        return field->flags & SCHEMA_REQUIRED;
    return value && !field->presence && !(field->flags & SCHEMA_OMITEMPTY);
}

static void put_required(struct out *out, const struct schema_message *message,
                         unsigned sources, bool asked)
{

    bool any = false;
    for (size_t i = 0; i < message->field_count; i++) {
        const struct schema_field *field = &message->fields[i];
        if (!(field->flags & sources) || !is_there(field, asked))
            continue;
        if (!any)
            js_open(out, "required", '[');
        any = true;
        js_item(out, openapi_source_name(field, sources));
    }
    if (any)
        js_close(out, ']');
}

/* One more rule about several fields, into an object that is left open. */
static void open_rule(struct out *out, bool *any)
{
    if (!*any)
        js_open(out, "allOf", '[');
    *any = true;
    js_open_item(out, '{');
}

/* optional=other: both or neither. */
static void put_together(struct out *out, const char *name, const char *with)
{
    const char *const names[] = {name, with, name};
    js_open(out, "dependentRequired", '{');
    for (int i = 0; i < 2 && (!i || strcmp(name, with) != 0); i++) {
        js_open(out, names[i], '[');
        js_item(out, names[i + 1]);
        js_close(out, ']');
    }
    js_close(out, '}');
}

/* optional=!other: exactly one of two. */
static void put_apart(struct out *out, const char *name, const char *without)
{
    const char *const names[] = {name, without};
    js_open(out, "oneOf", '[');
    for (int i = 0; i < 2; i++) {
        js_open_item(out, '{');
        js_open(out, "required", '[');
        js_item(out, names[i]);
        js_close(out, ']');
        js_close(out, '}');
    }
    js_close(out, ']');
}

/* Both say it: it is one rule. */
static bool said_before(const struct schema_field *field,
                        const struct schema_field *other)
{
    return other < field && other->rule && other->rule->without &&
           !strcmp(other->rule->without, field->name);
}

static void put_rules(struct out *out, const struct schema_message *message,
                      unsigned sources)
{
    bool any = false;
    for (size_t i = 0; i < message->field_count; i++) {
        const struct schema_field *field = &message->fields[i];
        if (!(field->flags & sources) || !field->rule)
            continue;
        const struct schema_field *with =
            partner(message, field->rule->with, sources);
        const struct schema_field *without =
            partner(message, field->rule->without, sources);
        if (with) {
            open_rule(out, &any);
            put_together(out, field->name, with->name);
            js_close(out, '}');
        }
        if (without && without != field && !said_before(field, without)) {
            open_rule(out, &any);
            put_apart(out, field->name, without->name);
            js_close(out, '}');
        }
    }
    if (any)
        js_close(out, ']');
}

void openapi_object(struct out *out, const struct schema_message *message,
                    unsigned sources, bool asked)
{
    js_pair(out, "type", "object");
    if (message->doc[0])
        js_pair(out, "description", message->doc);
    js_open(out, "properties", '{');
    for (size_t i = 0; i < message->field_count; i++) {
        if (!(message->fields[i].flags & sources))
            continue;
        js_open(out, openapi_source_name(&message->fields[i], sources), '{');
        openapi_field(out, &message->fields[i]);
        js_close(out, '}');
    }
    js_close(out, '}');
    put_required(out, message, sources, asked);
    put_rules(out, message, sources);
}
