/* SPDX-License-Identifier: MIT
 *
 * Types as TypeScript interfaces. A property is optional if a request may leave
 * it out; in what only answers hold, if it may be missing there.
 */
#include <ctype.h>
#include <string.h>

#include "name.h"
#include "reach.h"
#include "typescript.h"

static const char *const kinds[] = {
    [SCHEMA_BOOL] = "boolean",    [SCHEMA_I8] = "number",
    [SCHEMA_I16] = "number",      [SCHEMA_I32] = "number",
    [SCHEMA_I64] = "number",      [SCHEMA_U8] = "number",
    [SCHEMA_U16] = "number",      [SCHEMA_U32] = "number",
    [SCHEMA_U64] = "number",      [SCHEMA_F32] = "number",
    [SCHEMA_F64] = "number",      [SCHEMA_TEXT] = "string",
    [SCHEMA_BYTES] = "string",    [SCHEMA_ENUM] = "number",
    [SCHEMA_DECIMAL] = "string",  [SCHEMA_TIME] = "string",
    [SCHEMA_DURATION] = "string", [SCHEMA_MESSAGE] = "object",
    [SCHEMA_ANY] = "unknown",
};

const char *ts_name(struct out *out, const struct schema_message *message)
{
    /* What TypeScript keeps for itself, and what the client uses. */
    static const char *const taken[] = {
        "any",        "unknown",    "never",
        "string",     "number",     "boolean",
        "symbol",     "object",     "void",
        "undefined",  "null",       "bigint",
        "Promise",    "Error",      "RequestInit",
        "Response",   "Headers",    "URLSearchParams",
        "Array",      "ApiError",   "ClientOptions",
        "String",     "JSON",       "class",
        "enum",       "export",     "extends",
        "new",        "this",       "typeof",
        "in",         "is",         "let",
        "static",     "super",      "throw",
        "try",        "catch",      "finally",
        "while",      "with",       "yield",
        "delete",     "do",         "else",
        "false",      "true",       "function",
        "implements", "instanceof", "private",
        "protected",  "public",     "await",
        "as",         "async",      "of",
        NULL};
    const char *name = name_c(out->pool, message->name);
    for (size_t i = 0; taken[i]; i++)
        if (!strcmp(taken[i], name))
            return pool_printf(out->pool, "%s_", name);
    return name;
}

static bool is_plain(const char *name)
{
    if (isdigit((unsigned char)name[0]) || !name[0])
        return false;
    while (isalnum((unsigned char)*name) || *name == '_' || *name == '$')
        name++;
    return !*name;
}

void ts_key(struct out *out, const char *name)
{
    if (is_plain(name))
        out_printf(out, "%s", name);
    else
        js_text(out, name);
}

void ts_member(struct out *out, const char *name)
{
    if (is_plain(name)) {
        out_printf(out, ".%s", name);
        return;
    }
    out_printf(out, "[");
    js_text(out, name);
    out_printf(out, "]");
}

void ts_doc(struct out *out, const char *indent, const char *doc)
{
    if (!doc[0])
        return;
    out_printf(out, "%s/** ", indent);
    for (; *doc; doc++) {
        bool ends = doc[0] == '*' && doc[1] == '/';
        out_printf(out, "%c%s", *doc == '\n' || *doc == '\r' ? ' ' : *doc,
                   ends ? " " : "");
    }
    out_printf(out, " */\n");
}

static const char *type_of(struct out *out, const struct schema_field *field)
{
    const char *type = kinds[field->kind];
    if (field->flags & SCHEMA_STRING_OUT)
        type = "string";
    if (field->cardinality == SCHEMA_MAP)
        return pool_printf(out->pool, "{ [key: string]: %s }",
                           type_of(out, &field->message->fields[1]));
    if (field->kind == SCHEMA_MESSAGE)
        type = ts_name(out, field->message);
    if (field->cardinality == SCHEMA_LIST)
        type = pool_printf(out->pool, "%s[]", type);
    return type;
}

static const char *base_type(const char *name)
{
    if (!strcmp(name, "bool"))
        return "boolean";
    if (!strcmp(name, "string") || !strncmp(name, "time.", 5))
        return "string";
    return !strcmp(name, "any") || !strcmp(name, "interface{}") ? "unknown"
                                                                : "number";
}

const char *ts_reply(struct out *out, const struct schema_unit *unit,
                     const char *type)
{
    if (!type[0])
        return "void";
    bool list = !strncmp(type, "[]", 2);
    type += list ? 2 : 0;
    type += *type == '*';
    const struct schema_message *message = schema_message_find(unit, type);
    const char *name = message ? ts_name(out, message) : base_type(type);
    return pool_printf(out->pool, "%s%s", name, list ? "[]" : "");
}

/* The literals that options= allows, as a type; NULL if they are no texts. */
static const char *choice_of(struct out *out, const struct schema_field *field)
{
    const char *const *options = field->rule ? field->rule->options : NULL;
    if (!options || !options[0] || field->kind != SCHEMA_TEXT ||
        field->cardinality != SCHEMA_ONE)
        return NULL;
    struct out text = {.pool = out->pool};
    for (size_t i = 0; options[i]; i++) {
        out_printf(&text, "%s", i ? " | " : "");
        js_text(&text, options[i]);
    }
    return text.text;
}

static void put_field(struct out *out, const struct schema_field *field,
                      bool asked)
{
    const char *choice = choice_of(out, field);
    bool optional = asked
                        ? !(field->flags & SCHEMA_REQUIRED)
                        : field->presence || (field->flags & SCHEMA_OMITEMPTY);
    bool nullable =
        (field->flags & SCHEMA_NULLABLE) && field->kind != SCHEMA_ANY;
    ts_doc(out, "  ", field->doc);
    out_printf(out, "  ");
    ts_key(out, field->name);
    out_printf(out, "%s: %s%s;\n", optional ? "?" : "",
               choice ? choice : type_of(out, field),
               nullable ? " | null" : "");
}

void ts_types(struct out *out, const struct schema_unit *unit)
{
    const struct map asked = reach_requests(out->pool, unit->services[0]);
    for (size_t i = 0; i < unit->message_count; i++) {
        const struct schema_message *message = unit->messages[i];
        if (message->entry || message->bare)
            continue;
        ts_doc(out, "", message->doc);
        out_printf(out, "export interface %s {\n", ts_name(out, message));
        for (size_t j = 0; j < message->field_count; j++)
            put_field(out, &message->fields[j],
                      map_get(&asked, message->c_name) != NULL);
        out_printf(out, "}\n\n");
    }
}
