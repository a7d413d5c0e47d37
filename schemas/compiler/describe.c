/* SPDX-License-Identifier: MIT
 *
 * All of a unit as one JSON object, for people's tools: what was written, not
 * what it became. describe_sql.c and describe_saga.c have the other languages.
 */
#include "describe.h"

#include <string.h>

static void put_lines(struct out *out, const struct schema_line *lines,
                      size_t count)
{
    js_open(out, "fields", '[');
    for (size_t i = 0; i < count; i++) {
        js_open_item(out, '{');
        js_pair(out, "name", lines[i].name);
        js_pair(out, "type", lines[i].type);
        js_pair(out, "tag", lines[i].tag);
        js_bool(out, "embedded", lines[i].embedded);
        js_pair(out, "doc", lines[i].doc);
        if (lines[i].line_count)
            put_lines(out, lines[i].lines, lines[i].line_count);
        js_close(out, '}');
    }
    js_close(out, ']');
}

void describe_types(struct out *out, const struct schema_unit *unit)
{
    js_open(out, "types", '[');
    for (size_t i = 0; i < unit->message_count; i++) {
        const struct schema_message *message = unit->messages[i];
        if (!message->declared)
            continue;
        js_open_item(out, '{');
        js_pair(out, "name", message->name);
        put_lines(out, message->lines, message->line_count);
        js_pair(out, "doc", message->doc);
        js_close(out, '}');
    }
    js_close(out, ']');
}

/* What has a key of its own in a group. */
static bool is_told(const char *key)
{
    return !strcmp(key, "prefix") || !strcmp(key, "group") ||
           !strcmp(key, "jwt") || !strcmp(key, "middleware");
}

static void put_group(struct out *out, const struct schema_group *group)
{
    js_pair(out, "prefix", group->prefix);
    js_pair(out, "group", group->group);
    js_pair(out, "jwt", group->jwt ? group->jwt : "");
    js_open(out, "middleware", '[');
    for (size_t i = 0; group->middlewares[i]; i++)
        js_item(out, group->middlewares[i]);
    js_close(out, ']');
    js_open(out, "annotations", '{');
    for (size_t i = 0; i < group->annotation_count; i++)
        if (!is_told(group->annotations[i].key))
            js_pair(out, group->annotations[i].key,
                    group->annotations[i].value);
    js_close(out, '}');
}

static const char *lower_verb(struct out *out, const char *verb)
{
    char *text = pool_text(out->pool, verb);
    for (char *at = text; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return text;
}

static void put_route(struct out *out, const struct schema_method *method)
{
    js_open_item(out, '{');
    js_pair(out, "method", lower_verb(out, method->verb));
    js_pair(out, "path", method->url);
    js_pair(out, "handler", method->handler);
    js_pair(out, "request", method->request_type);
    js_pair(out, "response", method->reply_type);
    js_pair(out, "doc", method->doc);
    js_close(out, '}');
}

static void put_groups(struct out *out, const struct schema_service *service)
{
    for (size_t i = 0; i < service->group_count; i++) {
        js_open_item(out, '{');
        put_group(out, service->groups[i]);
        js_open(out, "routes", '[');
        for (size_t j = 0; j < service->method_count; j++)
            if (service->methods[j].group == service->groups[i])
                put_route(out, &service->methods[j]);
        js_close(out, ']');
        js_close(out, '}');
    }
}

static void put_api(struct out *out, const struct schema_unit *unit)
{
    js_pair(out, "service", unit->service_count ? unit->services[0]->name : "");
    js_open(out, "info", '{');
    for (size_t i = 0; i < unit->info_count; i++)
        js_pair(out, unit->info[i].key, unit->info[i].value);
    js_close(out, '}');
    js_open(out, "imports", '[');
    for (size_t i = 0; unit->import_names[i]; i++)
        js_item(out, unit->import_names[i]);
    js_close(out, ']');
    describe_types(out, unit);
    js_open(out, "groups", '[');
    for (size_t i = 0; i < unit->service_count; i++)
        put_groups(out, unit->services[i]);
    js_close(out, ']');
}

const char *schema_describe(struct schema *schema,
                            const struct schema_unit *unit, const char *path)
{
    static const struct {
        const char *name;
        void (*put)(struct out *out, const struct schema_unit *unit);
    } languages[] = {[SCHEMA_API] = {"api", put_api},
                     [SCHEMA_PROTO] = {"proto", describe_proto},
                     [SCHEMA_SQL] = {"sql", describe_sql},
                     [SCHEMA_SAGA] = {"saga", describe_saga}};
    struct out out = {.pool = &schema->pool};
    js_open_item(&out, '{');
    js_pair(&out, "file", path);
    js_pair(&out, "language", languages[unit->language].name);
    languages[unit->language].put(&out, unit);
    js_close(&out, '}');
    return out.text;
}

const char *schema_describe_errors(struct schema *schema, const char *path)
{
    struct out out = {.pool = &schema->pool};
    js_open_item(&out, '{');
    js_pair(&out, "file", path);
    js_open(&out, "errors", '[');
    for (size_t i = 0; i < schema_error_count(schema); i++) {
        const struct schema_error *error = schema_error_at(schema, i);
        js_open_item(&out, '{');
        js_number(&out, "line", error->pos.line);
        js_number(&out, "column", error->pos.column);
        js_pair(&out, "message", error->message);
        js_pair(&out, "file", error->pos.file);
        js_close(&out, '}');
    }
    js_close(&out, ']');
    js_close(&out, '}');
    return out.text;
}
