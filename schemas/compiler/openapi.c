/* SPDX-License-Identifier: MIT
 *
 * OpenAPI 3.1 of an .api file: a path item for each path, an operation for each
 * route, with what the edge answers when it refuses. Deterministic: everything
 * stands in the order of the source.
 */
#include "openapi.h"

#include <ctype.h>
#include <string.h>

#include "name.h"
#include "reach.h"

static const char problem_schema[] =
    "{\"type\":\"object\",\"description\":\"A refusal (RFC 9457), with "
    "Errors: problem.\",\"properties\":{\"type\":{\"type\":\"string\"},"
    "\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
    "\"detail\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},"
    "\"business\":{\"type\":\"integer\"},\"errors\":{\"type\":\"array\","
    "\"items\":{\"type\":\"object\",\"properties\":{\"field\":{\"type\":"
    "\"string\"},\"detail\":{\"type\":\"string\"}}}}},"
    "\"required\":[\"title\",\"status\"]}";

/* ":id" as "{id}". */
static const char *template_of(struct pool *pool, const char *url)
{
    char *text = pool_alloc(pool, strlen(url) * 2 + 1);
    size_t len = 0;
    for (bool open = false; *url || open; url++) {
        if (open && (!*url || *url == '/')) {
            text[len++] = '}';
            open = false;
        }
        if (!*url)
            break;
        text[len++] = *url == ':' ? '{' : *url;
        open = open || *url == ':';
    }
    return text;
}

static const struct schema_field *path_field(const struct schema_method *method,
                                             const char *name)
{
    const struct schema_message *request = method->request;
    for (size_t i = 0; request && i < request->field_count; i++)
        if ((request->fields[i].flags & SCHEMA_IN_PATH) &&
            !strcmp(openapi_source_name(&request->fields[i], SCHEMA_IN_PATH),
                    name))
            return &request->fields[i];
    return NULL;
}

static void put_parameter(struct out *out, const struct schema_field *field,
                          const char *name, const char *where)
{
    bool path = !strcmp(where, "path");
    js_open_item(out, '{');
    js_pair(out, "name", name);
    js_pair(out, "in", where);
    if (path || (field && (field->flags & SCHEMA_REQUIRED)))
        js_bool(out, "required", true);
    js_open(out, "schema", '{');
    if (field)
        openapi_field(out, field);
    else
        js_pair(out, "type", "string");
    js_close(out, '}');
    js_close(out, '}');
}

static void put_path_parameters(struct out *out,
                                const struct schema_method *method)
{
    for (const char *at = strchr(method->url, ':'); at; at = strchr(at, ':')) {
        size_t len = strcspn(++at, "/");
        const char *name = pool_text_n(out->pool, at, len);
        put_parameter(out, path_field(method, name), name, "path");
    }
}

static bool has_source(const struct schema_message *message, unsigned source)
{
    for (size_t i = 0; message && i < message->field_count; i++)
        if (message->fields[i].flags & source)
            return true;
    return false;
}

/* Fields of a form stand in the body if nothing else does. */
static bool form_in_body(const struct schema_method *method)
{
    bool body = !strcmp(method->verb, "POST") || !strcmp(method->verb, "PUT") ||
                !strcmp(method->verb, "PATCH");
    return body && has_source(method->request, SCHEMA_IN_FORM) &&
           !has_source(method->request, SCHEMA_IN_JSON);
}

static void put_parameters(struct out *out, const struct schema_method *method)
{
    const struct schema_message *request = method->request;
    bool query = !form_in_body(method);
    js_open(out, "parameters", '[');
    put_path_parameters(out, method);
    for (size_t i = 0; request && i < request->field_count; i++) {
        const struct schema_field *field = &request->fields[i];
        if ((field->flags & SCHEMA_IN_FORM) && query)
            put_parameter(out, field,
                          openapi_source_name(field, SCHEMA_IN_FORM), "query");
        if (field->flags & SCHEMA_IN_HEADER)
            put_parameter(out, field,
                          openapi_source_name(field, SCHEMA_IN_HEADER),
                          "header");
    }
    js_close(out, ']');
}

static void open_content(struct out *out, const char *type)
{
    js_open(out, "content", '{');
    js_open(out, type, '{');
    js_open(out, "schema", '{');
}

static void close_content(struct out *out)
{
    js_close(out, '}');
    js_close(out, '}');
    js_close(out, '}');
}

static bool some_required(const struct schema_message *message, unsigned source)
{
    for (size_t i = 0; i < message->field_count; i++)
        if ((message->fields[i].flags & source) &&
            (message->fields[i].flags & SCHEMA_REQUIRED))
            return true;
    return false;
}

static void put_body(struct out *out, const struct schema_method *method)
{
    const struct schema_message *request = method->request;
    bool form = form_in_body(method);
    unsigned source = form ? SCHEMA_IN_FORM : SCHEMA_IN_JSON;
    if (!has_source(request, source) ||
        (!form && !strcmp(method->verb, "HEAD")))
        return;
    js_open(out, "requestBody", '{');
    js_bool(out, "required", some_required(request, source));
    open_content(out, form ? "application/x-www-form-urlencoded"
                           : "application/json");
    if (form)
        openapi_object(out, request, SCHEMA_IN_FORM, true);
    else
        openapi_ref(out, request);
    close_content(out);
    js_close(out, '}');
}

/* A response that is no struct: "[]string", "[]*User", "int64". */
static void put_reply_type(struct out *out, const struct schema_unit *unit,
                           const char *type)
{
    bool list = !strncmp(type, "[]", 2);
    if (list) {
        js_pair(out, "type", "array");
        js_open(out, "items", '{');
        type += 2;
    }
    type += *type == '*';
    const struct schema_message *message = schema_message_find(unit, type);
    if (message)
        openapi_ref(out, message);
    else
        openapi_base(out, type);
    if (list)
        js_close(out, '}');
}

static void put_responses(struct out *out, const struct schema_unit *unit,
                          const struct schema_method *method)
{
    bool stream = method->group && method->group->sse;
    js_open(out, "responses", '{');
    js_open(out, "200", '{');
    js_pair(out, "description", "OK");
    if (method->reply_type[0]) {
        open_content(out, stream ? "text/event-stream" : "application/json");
        put_reply_type(out, unit, method->reply_type);
        close_content(out);
    }
    js_close(out, '}');
    if (method->request) {
        js_open(out, "400", '{');
        js_pair(out, "$ref", "#/components/responses/BadRequest");
        js_close(out, '}');
    }
    if (method->group && method->group->jwt) {
        js_open(out, "401", '{');
        js_pair(out, "$ref", "#/components/responses/Unauthorized");
        js_close(out, '}');
    }
    js_open(out, "default", '{');
    js_pair(out, "$ref", "#/components/responses/Error");
    js_close(out, '}');
    js_close(out, '}');
}

/* What @server says under a key; "" if nothing. */
static const char *annotation(const struct schema_group *group, const char *key)
{
    for (size_t i = 0; group && i < group->annotation_count; i++)
        if (!strcmp(group->annotations[i].key, key))
            return group->annotations[i].value;
    return "";
}

static void put_summary(struct out *out, const struct schema_method *method)
{
    const char *summary = method->doc;
    if (!summary[0])
        summary = annotation(method->group, "summary");
    if (summary[0])
        js_pair(out, "summary", summary);
}

/* tags: "a, b"; else the group. */
static void put_tags(struct out *out, const struct schema_group *group)
{
    const char *tags = annotation(group, "tags");
    if (!tags[0] && group)
        tags = group->group;
    if (!tags[0])
        return;
    js_open(out, "tags", '[');
    while (*tags) {
        size_t len = strcspn(tags, ",");
        size_t from = strspn(tags, " "), to = len;
        while (to > from && tags[to - 1] == ' ')
            to--;
        if (to > from)
            js_item(out, pool_text_n(out->pool, tags + from, to - from));
        tags += len;
        tags += *tags == ',';
    }
    js_close(out, ']');
}

static void put_operation(struct out *out, const struct schema_unit *unit,
                          const struct schema_method *method)
{
    const struct schema_group *group = method->group;
    char *verb = pool_text(out->pool, method->verb);
    for (char *at = verb; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    /* OpenAPI knows no CONNECT. */
    js_open(out, strcmp(verb, "connect") ? verb : "x-connect", '{');
    js_pair(out, "operationId", method->name);
    put_summary(out, method);
    put_tags(out, group);
    put_parameters(out, method);
    put_body(out, method);
    put_responses(out, unit, method);
    if (group && group->jwt) {
        js_open(out, "security", '[');
        js_open_item(out, '{');
        js_open(out, name_c(out->pool, group->jwt), '[');
        out_printf(out, "]}]");
    }
    js_close(out, '}');
}

static void put_paths(struct out *out, const struct schema_unit *unit)
{
    const struct schema_service *service = unit->services[0];
    bool *done =
        pool_array(out->pool, service->method_count + 1, sizeof(*done));
    js_open(out, "paths", '{');
    for (size_t i = 0; i < service->method_count; i++) {
        if (done[i])
            continue;
        const char *url = service->methods[i].url;
        js_open(out, template_of(out->pool, url), '{');
        for (size_t j = i; j < service->method_count; j++) {
            if (done[j] || strcmp(service->methods[j].url, url) != 0)
                continue;
            done[j] = true;
            put_operation(out, unit, &service->methods[j]);
        }
        js_close(out, '}');
    }
    js_close(out, '}');
}

static void put_refusal(struct out *out, const char *name, const char *text)
{
    js_open(out, name, '{');
    js_pair(out, "description", text);
    out_printf(out, ",\"content\":{\"text/plain\":{\"schema\":{\"type\":"
                    "\"string\"}},\"application/problem+json\":{\"schema\":{"
                    "\"$ref\":\"#/components/schemas/Http.Problem\"}}}}");
}

static void put_security(struct out *out, const struct schema_unit *unit)
{
    const struct schema_service *service = unit->services[0];
    js_open(out, "securitySchemes", '{');
    for (size_t i = 0; i < service->group_count; i++) {
        const char *jwt = service->groups[i]->jwt;
        bool told = !jwt;
        for (size_t j = 0; j < i && !told; j++)
            told = service->groups[j]->jwt &&
                   !strcmp(service->groups[j]->jwt, jwt);
        if (told)
            continue;
        js_open(out, name_c(out->pool, jwt), '{');
        js_pair(out, "type", "http");
        js_pair(out, "scheme", "bearer");
        js_pair(out, "bearerFormat", "JWT");
        js_close(out, '}');
    }
    js_close(out, '}');
}

static void put_components(struct out *out, const struct schema_unit *unit)
{
    const struct map asked = reach_requests(out->pool, unit->services[0]);
    js_open(out, "components", '{');
    js_open(out, "schemas", '{');
    for (size_t i = 0; i < unit->message_count; i++) {
        const struct schema_message *message = unit->messages[i];
        if (message->entry || message->bare)
            continue;
        js_open(out, openapi_name(out, message), '{');
        openapi_object(out, message, SCHEMA_IN_JSON,
                       map_get(&asked, message->c_name) != NULL);
        js_close(out, '}');
    }
    /* No type of an .api file has a '.' in its name. */
    js_raw(out, "Http.Problem", problem_schema);
    js_close(out, '}');
    js_open(out, "responses", '{');
    put_refusal(out, "BadRequest", "The request does not fit its type.");
    put_refusal(out, "Unauthorized", "The token is missing or not valid.");
    put_refusal(out, "Error", "The call failed.");
    js_close(out, '}');
    put_security(out, unit);
    js_close(out, '}');
}

const char *schema_openapi(struct schema *schema,
                           const struct schema_unit *unit)
{
    struct out out = {.pool = &schema->pool};
    struct schema_pos pos = {unit->path, 0, 0};
    if (unit->language != SCHEMA_API || !unit->service_count) {
        schema_error_add(schema, &pos, NULL,
                         "found no service, expected an .api file with one");
        return NULL;
    }
    js_open_item(&out, '{');
    js_pair(&out, "openapi", "3.1.0");
    openapi_info(&out, unit);
    put_paths(&out, unit);
    put_components(&out, unit);
    js_close(&out, '}');
    return js_indented(&out);
}
