/* SPDX-License-Identifier: MIT
 *
 * Inputs of a saga's calls: where each value comes from, and whether it can be
 * what the field wants. Nothing is converted silently.
 */
#include <stdlib.h>
#include <string.h>

#include "saga.h"

static const char *kind_name(const struct schema_field *field)
{
    static const char *const names[] = {
        "bool",    "int8",   "int16",    "int32",   "int64", "uint8", "uint16",
        "uint32",  "uint64", "float",    "double",  "text",  "bytes", "enum",
        "decimal", "time",   "duration", "message", "any"};
    if (field->cardinality == SCHEMA_LIST)
        return "list";
    return field->cardinality == SCHEMA_MAP ? "map" : names[field->kind];
}

static bool is_integer(enum schema_kind kind)
{
    return kind >= SCHEMA_I8 && kind <= SCHEMA_U64;
}

/* Bits of value an integer kind holds, without its sign. */
static int bits_of(enum schema_kind kind)
{
    static const int bits[] = {
        [SCHEMA_I8] = 7,   [SCHEMA_I16] = 15, [SCHEMA_I32] = 31,
        [SCHEMA_I64] = 63, [SCHEMA_U8] = 8,   [SCHEMA_U16] = 16,
        [SCHEMA_U32] = 32, [SCHEMA_U64] = 64};
    return is_integer(kind) ? bits[kind] : 0;
}

static bool is_signed(enum schema_kind kind)
{
    return kind >= SCHEMA_I8 && kind <= SCHEMA_I64;
}

static bool integer_fits(enum schema_kind from, enum schema_kind into)
{
    if (is_signed(from) && !is_signed(into))
        return false;
    return bits_of(from) <= bits_of(into);
}

static bool scalar_fits(const struct schema_field *from,
                        const struct schema_field *into)
{
    if (into->kind == SCHEMA_ANY)
        return true;
    if (is_integer(from->kind) && is_integer(into->kind))
        return integer_fits(from->kind, into->kind);
    if (from->kind == SCHEMA_ENUM && into->kind == SCHEMA_I32)
        return true;
    if (is_integer(from->kind) && into->kind == SCHEMA_F64)
        return bits_of(from->kind) <= 32;
    if (from->kind == SCHEMA_F32 && into->kind == SCHEMA_F64)
        return true;
    if (from->kind == SCHEMA_MESSAGE && into->kind == SCHEMA_MESSAGE)
        return from->message == into->message ||
               !strcmp(from->message->full, into->message->full);
    return from->kind == into->kind;
}

static bool field_fits(const struct schema_field *from,
                       const struct schema_field *into)
{
    if (into->kind == SCHEMA_ANY && into->cardinality == SCHEMA_ONE)
        return true;
    return from->cardinality == into->cardinality && scalar_fits(from, into);
}

/* What int(...) and text(...) make of a field; false if they cannot. */
static bool convert_field(struct schema_field *field,
                          enum schema_convert convert)
{
    if (convert == SCHEMA_AS_IS)
        return true;
    if (field->cardinality != SCHEMA_ONE)
        return false;
    if (convert == SCHEMA_TO_INT && field->kind == SCHEMA_TEXT)
        /* Whether the number fits is seen when it runs. */
        field->kind = SCHEMA_I8;
    else if (convert == SCHEMA_TO_TEXT && is_integer(field->kind))
        field->kind = SCHEMA_TEXT;
    else
        return false;
    return true;
}

/* What would make it fit, for the error. */
static const char *advice(const struct schema_field *from,
                          const struct schema_field *into)
{
    if (from->cardinality != SCHEMA_ONE || into->cardinality != SCHEMA_ONE)
        return "";
    if (from->kind == SCHEMA_TEXT && is_integer(into->kind))
        return "; int(...) converts";
    if (is_integer(from->kind) && into->kind == SCHEMA_TEXT)
        return "; text(...) converts";
    return "";
}

static bool literal_in_range(const char *text, enum schema_kind kind)
{
    long long value = strtoll(text, NULL, 10);
    if (value < 0)
        return is_signed(kind) &&
               (bits_of(kind) == 63 || value >= -(1LL << bits_of(kind)));
    return bits_of(kind) >= 63 || value < 1LL << bits_of(kind);
}

static bool is_value_of(const struct schema_enum *values, const char *text)
{
    long long number = strtoll(text, NULL, 10);
    for (size_t i = 0; values && i < values->value_count; i++)
        if (values->values[i].number == number)
            return true;
    return false;
}

static bool literal_fits(const struct schema_input *input,
                         const struct schema_field *into)
{
    bool one = into->cardinality == SCHEMA_ONE;
    if (one && into->kind == SCHEMA_ANY)
        return true;
    switch (input->literal_kind) {
    case SCHEMA_LITERAL_NULL:
        return into->presence || (into->flags & SCHEMA_NULLABLE);
    case SCHEMA_LITERAL_BOOL:
        return one && into->kind == SCHEMA_BOOL;
    case SCHEMA_LITERAL_INT:
        if (one && into->kind == SCHEMA_F64)
            return true;
        if (one && into->kind == SCHEMA_ENUM)
            return is_value_of(into->values, input->literal);
        return one && is_integer(into->kind) &&
               literal_in_range(input->literal, into->kind);
    case SCHEMA_LITERAL_FLOAT:
        return one && (into->kind == SCHEMA_F64 || into->kind == SCHEMA_F32);
    case SCHEMA_LITERAL_TEXT:
        return one &&
               (into->kind == SCHEMA_TEXT || into->kind == SCHEMA_DECIMAL);
    case SCHEMA_NO_LITERAL:
        break;
    }
    return false;
}

/* The message that the first word of a path names. */
static const struct schema_message *scope_find(const struct saga_scope *scope,
                                               const struct raw_input *input,
                                               bool *ret_known)
{
    *ret_known = true;
    if (!strcmp(input->made.from, SAGA_REQUEST))
        return scope->request;
    for (size_t i = 0; i < scope->step_count; i++)
        if (!strcmp(scope->steps[i].made.name, input->made.from)) {
            const struct schema_method *method =
                scope->steps[i].made.action.method;
            if (!(scope->visible & UINT64_C(1) << i))
                source_error(scope->file->source, input->at,
                             "'%s' may not have answered yet: say 'after %s'",
                             input->made.from, input->made.from);
            /* A step that was itself refused says no more. */
            *ret_known = method != NULL;
            return method ? method->reply : NULL;
        }
    source_error(scope->file->source, input->at,
                 "found '%s', expected req or the name of a step before this "
                 "one",
                 input->made.from);
    *ret_known = false;
    return NULL;
}

static const struct schema_field *
path_find(const struct saga_scope *scope, const struct raw_input *input,
          const struct schema_message *message)
{
    struct pool *pool = scope->file->pool;
    const struct schema_field *field = NULL;
    for (const char *at = input->made.path; message && *at;) {
        size_t len = strcspn(at, ".");
        const char *name = pool_text_n(pool, at, len);
        field = schema_field_find(message, name);
        if (!field) {
            source_error(scope->file->source, input->at,
                         "found '%s', expected a field of '%s'", name,
                         message->full);
            return NULL;
        }
        at += len;
        at += *at == '.';
        bool nested =
            field->kind == SCHEMA_MESSAGE && field->cardinality == SCHEMA_ONE;
        if (*at && !nested) {
            source_error(scope->file->source, input->at,
                         "'%s' is no message, it has no fields", name);
            return NULL;
        }
        message = field->message;
    }
    return field;
}

static void check_kinds(const struct saga_scope *scope,
                        const struct raw_input *input,
                        const struct schema_field *from,
                        const struct schema_field *into)
{
    struct source *source = scope->file->source;
    bool to_int = input->made.convert == SCHEMA_TO_INT;
    struct schema_field made = *from;
    if (!convert_field(&made, input->made.convert)) {
        source_error(source, input->at, "found '%s' (%s), expected %s",
                     from->name, kind_name(from),
                     to_int ? "a text in int(...)" : "an integer in text(...)");
        return;
    }
    if (to_int && into->cardinality == SCHEMA_ONE && is_integer(into->kind))
        return;
    if (!field_fits(&made, into))
        source_error(source, input->at,
                     "found '%s' (%s), expected a value for '%s' (%s)%s",
                     from->name, to_int ? "integer" : kind_name(&made),
                     into->name, kind_name(into),
                     input->made.convert ? "" : advice(from, into));
}

static void check_input(const struct saga_scope *scope,
                        const struct raw_input *input,
                        const struct schema_field *into)
{
    struct source *source = scope->file->source;
    bool known;
    if (input->made.literal_kind != SCHEMA_NO_LITERAL) {
        if (!literal_fits(&input->made, into))
            source_error(source, input->at,
                         "found '%s', expected a value for '%s' (%s)",
                         input->made.literal, into->name, kind_name(into));
        return;
    }
    const struct schema_message *message = scope_find(scope, input, &known);
    if (!known)
        return;
    if (!message) {
        source_error(source, input->at, "'%s' has no reply to take from",
                     input->made.from);
        return;
    }
    struct schema_field whole = {
        .name = input->made.from, .kind = SCHEMA_MESSAGE, .message = message};
    const struct schema_field *from =
        input->made.path[0] ? path_find(scope, input, message) : &whole;
    if (from)
        check_kinds(scope, input, from, into);
}

static bool set_before(const struct raw_input *all, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (!strcmp(all[i].made.field, all[index].made.field))
            return true;
    return false;
}

static void check_required(const struct saga_scope *scope,
                           const struct vec *raw,
                           const struct schema_message *into, size_t at)
{
    const struct raw_input *all = raw->items;
    for (size_t i = 0; into && i < into->field_count; i++) {
        const struct schema_field *field = &into->fields[i];
        size_t j = 0;
        while (j < raw->count && strcmp(all[j].made.field, field->name))
            j++;
        if (j == raw->count && (field->flags & SCHEMA_REQUIRED))
            source_error(scope->file->source, at,
                         "'%s' of '%s' is required and not given", field->name,
                         into->full);
    }
}

const struct schema_input *saga_inputs(const struct saga_scope *scope,
                                       const struct vec *raw,
                                       const struct schema_message *into,
                                       size_t at, uint16_t *ret_count)
{
    struct source *source = scope->file->source;
    const struct raw_input *all = raw->items;
    struct schema_input *made =
        pool_array(scope->file->pool, raw->count + 1, sizeof(*made));
    for (size_t i = 0; i < raw->count; i++) {
        const struct schema_field *field =
            into ? schema_field_find(into, all[i].made.field) : NULL;
        made[i] = all[i].made;
        if (set_before(all, i))
            source_error(source, all[i].field_at, "'%s' is given twice",
                         all[i].made.field);
        if (field)
            check_input(scope, &all[i], field);
        else
            source_error(source, all[i].field_at,
                         "found '%s', expected a field of '%s'",
                         all[i].made.field, into ? into->full : "nothing");
    }
    check_required(scope, raw, into, at);
    *ret_count = (uint16_t)raw->count;
    return made;
}
