/* SPDX-License-Identifier: MIT
 *
 * The answer to $describe as structs, and templates from it.
 */
#include <stdio.h>
#include <string.h>

#include "bus/buf.h"
#include "bus/cli/describe.h"
#include "bus/json.h"
#include "bus/pack.h"

#define TEMPLATE_DEPTH 4
#define TEMPLATE_MAX ((size_t)64 << 10)

#define ONE(type, member, key, kind_)                                          \
    {                                                                          \
        .name = (key), .kind = (kind_), .cardinality = BUS_ONE,                \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE   \
    }
#define SOME(type, member, key, kind_, has)                                    \
    {                                                                          \
        .name = (key), .kind = (kind_), .cardinality = BUS_ONE,                \
        .offset = offsetof(struct type, member),                               \
        .presence = offsetof(struct type, has)                                 \
    }
#define MESSAGES(type, member, key, cardinality_, shape_)                      \
    {                                                                          \
        .name = (key), .kind = BUS_MESSAGE, .cardinality = (cardinality_),     \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE,  \
        .shape = (shape_)                                                      \
    }
#define SHAPE(name, type, fields)                                              \
    static const struct bus_shape name = {                                     \
        #type, sizeof(struct type), sizeof(fields) / sizeof((fields)[0]),      \
        fields}

static const struct bus_field field_fields[] = {
    ONE(cli_field, name, "name", BUS_TEXT),
    ONE(cli_field, type, "type", BUS_TEXT),
    ONE(cli_field, required, "required", BUS_BOOL),
    SOME(cli_field, fallback, "default", BUS_TEXT, has_fallback),
    ONE(cli_field, range, "range", BUS_TEXT),
    {.name = "options",
     .kind = BUS_TEXT,
     .cardinality = BUS_LIST,
     .offset = offsetof(struct cli_field, options),
     .presence = BUS_NO_PRESENCE},
};
SHAPE(field_shape, cli_field, field_fields);

static const struct bus_field message_fields[] = {
    ONE(cli_message, name, "name", BUS_TEXT),
    MESSAGES(cli_message, fields, "fields", BUS_LIST, &field_shape),
};
SHAPE(message_shape, cli_message, message_fields);

static const struct bus_field method_fields[] = {
    ONE(cli_method, name, "name", BUS_TEXT),
    ONE(cli_method, path, "path", BUS_TEXT),
    ONE(cli_method, doc, "doc", BUS_TEXT),
    ONE(cli_method, idempotent, "idempotent", BUS_BOOL),
    ONE(cli_method, no_side_effects, "no_side_effects", BUS_BOOL),
    MESSAGES(cli_method, request, "request", BUS_ONE, &message_shape),
    MESSAGES(cli_method, reply, "reply", BUS_ONE, &message_shape),
};
SHAPE(method_shape, cli_method, method_fields);

static const struct bus_field described_fields[] = {
    ONE(cli_described, name, "name", BUS_TEXT),
    ONE(cli_described, version, "version", BUS_TEXT),
    ONE(cli_described, instance, "instance", BUS_TEXT),
    ONE(cli_described, node, "node", BUS_TEXT),
    MESSAGES(cli_described, methods, "methods", BUS_LIST, &method_shape),
    MESSAGES(cli_described, types, "types", BUS_LIST, &message_shape),
};
SHAPE(described_shape, cli_described, described_fields);

int cli_describe(struct cli *cli, const char *to, struct cli_described *ret,
                 struct bus_error *err)
{
    struct bus_reply reply;
    struct cli_described described = {0};
    int code = cli_system(cli, to, "$describe", &reply);
    if (code) {
        if (err)
            *err = reply.error;
        return code;
    }
    code = bus_unpack_message(reply.body, &described_shape, &cli->arena,
                              &described, err);
    if (code)
        return code;
    described.raw = reply.body;
    *ret = described;
    return BUS_OK;
}

const struct cli_method *cli_method_find(const struct cli_described *described,
                                         const char *method)
{
    const struct cli_method *methods = described->methods.items;
    for (size_t i = 0; i < described->methods.count; i++) {
        if (strcmp(methods[i].name, method) == 0 ||
            strcmp(methods[i].path, method) == 0)
            return &methods[i];
    }
    return NULL;
}

/* ---- Templates ---- */

struct filling {
    const struct cli_described *described;
    struct bus_buf buf;
    int depth;
};

static const struct cli_message *type_find(const struct filling *filling,
                                           const char *name)
{
    const struct cli_message *types = filling->described->types.items;
    for (size_t i = 0; i < filling->described->types.count; i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

/* The empty value of a scalar type. */
static const char *blank(const char *type)
{
    static const struct {
        const char *start, *value;
    } blanks[] = {
        {"[]", "[]"},  {"map[", "{}"},  {"bool", "false"},
        {"int", "0"},  {"uint", "0"},   {"float", "0"},
        {"enum", "0"}, {"any", "null"}, {"time", "\"\""},
    };
    for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
        if (strncmp(type, blanks[i].start, strlen(blanks[i].start)) == 0)
            return blanks[i].value;
    }
    return "\"\"";
}

static void fill(struct filling *filling, const struct cli_message *message);

static void fill_value(struct filling *filling, const struct cli_field *field)
{
    const struct cli_message *nested = type_find(filling, field->type);
    bool text = strcmp(blank(field->type), "\"\"") == 0;
    if (nested)
        fill(filling, nested);
    else if (field->has_fallback && text)
        bus_json_text(&filling->buf, field->fallback, strlen(field->fallback));
    else if (field->has_fallback && *field->fallback)
        bus_buf_text(&filling->buf, field->fallback);
    else
        bus_buf_text(&filling->buf, blank(field->type));
}

static void fill(struct filling *filling, const struct cli_message *message)
{
    const struct cli_field *fields = message->fields.items;
    size_t count = filling->depth < TEMPLATE_DEPTH ? message->fields.count : 0;
    filling->depth++;
    bus_buf_byte(&filling->buf, '{');
    for (size_t i = 0; i < count; i++) {
        bus_buf_text(&filling->buf, i ? "," : "");
        bus_json_text(&filling->buf, fields[i].name, strlen(fields[i].name));
        bus_buf_byte(&filling->buf, ':');
        fill_value(filling, &fields[i]);
    }
    bus_buf_byte(&filling->buf, '}');
    filling->depth--;
}

const char *cli_template(struct cli *cli, const struct cli_described *described,
                         const struct cli_message *message)
{
    struct filling filling = {.described = described};
    if (!message)
        return "{}";
    bus_buf_init(&filling.buf, TEMPLATE_MAX);
    fill(&filling, message);
    const char *text = "{}";
    if (!filling.buf.failed)
        text = bus_arena_text_n(&cli->arena, (const char *)filling.buf.data,
                                filling.buf.len);
    bus_buf_release(&filling.buf);
    return text;
}
