/* SPDX-License-Identifier: MIT
 *
 * A TypeScript client of an .api file: an interface for each type, a class with
 * a method for each route, on fetch and nothing else. It compiles under
 * --strict whatever the target: no await, no library beyond ES5's and the
 * DOM's.
 */
#include "typescript.h"

#include <string.h>

#include "name.h"

static const char runtime_text[] =
    "export interface ClientOptions {\n"
    "  baseUrl?: string; // \"https://example.org\", without a slash behind\n"
    "  token?: string | (() => string); // sent to routes that want one\n"
    "  headers?: { [name: string]: string };\n"
    "  fetch?: typeof fetch;\n"
    "}\n\n"
    "/** A refusal: its status, and the body as it came. */\n"
    "export class ApiError extends Error {\n"
    "  readonly status: number;\n"
    "  readonly body: string;\n\n"
    "  constructor(status: number, body: string) {\n"
    "    super(\"HTTP \" + status + \": \" + body);\n"
    "    this.name = \"ApiError\";\n"
    "    this.status = status;\n"
    "    this.body = body;\n"
    "  }\n"
    "}\n\n"
    "interface $Call {\n"
    "  method: string;\n"
    "  path: string;\n"
    "  token?: boolean;\n"
    "  query?: [string, unknown][];\n"
    "  headers?: [string, unknown][];\n"
    "  form?: [string, unknown][];\n"
    "  json?: unknown;\n"
    "}\n\n"
    "function $pairs(values: [string, unknown][]): string {\n"
    "  const made = new URLSearchParams();\n"
    "  for (const pair of values) {\n"
    "    const value = pair[1];\n"
    "    const items: unknown[] = Array.isArray(value) ? value : [value];\n"
    "    for (const item of items)\n"
    "      if (item !== undefined && item !== null)\n"
    "        made.append(pair[0], String(item));\n"
    "  }\n"
    "  return made.toString();\n"
    "}\n\n"
    "function $headers(\n"
    "  options: ClientOptions,\n"
    "  call: $Call,\n"
    "  init: RequestInit,\n"
    "): Headers {\n"
    "  const headers = new Headers(options.headers);\n"
    "  new Headers(init.headers).forEach((value, name) => {\n"
    "    headers.set(name, value);\n"
    "  });\n"
    "  for (const pair of call.headers || [])\n"
    "    if (pair[1] !== undefined && pair[1] !== null)\n"
    "      headers.set(pair[0], String(pair[1]));\n"
    "  const token =\n"
    "    typeof options.token === \"function\" ? options.token() : "
    "options.token;\n"
    "  if (call.token && token)\n"
    "    headers.set(\"Authorization\", \"Bearer \" + token);\n"
    "  if (call.json !== undefined)\n"
    "    headers.set(\"Content-Type\", \"application/json\");\n"
    "  if (call.form)\n"
    "    headers.set(\"Content-Type\", "
    "\"application/x-www-form-urlencoded\");\n"
    "  return headers;\n"
    "}\n\n"
    "function $fetch(\n"
    "  options: ClientOptions,\n"
    "  call: $Call,\n"
    "  init: RequestInit,\n"
    "): Promise<Response> {\n"
    "  const query = $pairs(call.query || []);\n"
    "  const url =\n"
    "    (options.baseUrl || \"\") + call.path + (query ? \"?\" + query : "
    "\"\");\n"
    "  const request: RequestInit = {\n"
    "    ...init,\n"
    "    method: call.method,\n"
    "    headers: $headers(options, call, init),\n"
    "  };\n"
    "  if (call.json !== undefined) request.body = JSON.stringify(call.json);\n"
    "  if (call.form) request.body = $pairs(call.form);\n"
    "  const ask = options.fetch || fetch;\n"
    "  return ask(url, request).then((response) => {\n"
    "    if (response.ok) return response;\n"
    "    return response.text().then((text) => {\n"
    "      throw new ApiError(response.status, text);\n"
    "    });\n"
    "  });\n"
    "}\n\n"
    "function $send<T>(\n"
    "  options: ClientOptions,\n"
    "  call: $Call,\n"
    "  init: RequestInit,\n"
    "): Promise<T> {\n"
    "  return $fetch(options, call, init)\n"
    "    .then((response) => response.text())\n"
    "    .then((text) => (text ? JSON.parse(text) : undefined) as T);\n"
    "}\n";

static const char *source_name(const struct schema_field *field,
                               unsigned source)
{
    return openapi_source_name(field, source);
}

/* [["page", req.page], ...] of the fields from one source. */
static void put_pairs(struct out *out, const struct schema_method *method,
                      const char *key, unsigned source)
{
    const struct schema_message *request = method->request;
    bool any = false;
    for (size_t i = 0; request && i < request->field_count; i++) {
        const struct schema_field *field = &request->fields[i];
        if (!(field->flags & source))
            continue;
        if (!any)
            out_printf(out, "        %s: [\n", key);
        any = true;
        out_printf(out, "          [");
        js_text(out, source_name(field, source));
        out_printf(out, ", req");
        ts_member(out, field->name);
        out_printf(out, "],\n");
    }
    out_printf(out, "%s", any ? "        ],\n" : "");
}

static void put_json(struct out *out, const struct schema_method *method)
{
    const struct schema_message *request = method->request;
    bool any = false, other = false;
    for (size_t i = 0; request && i < request->field_count; i++) {
        bool json = request->fields[i].flags & SCHEMA_IN_JSON;
        any = any || json;
        other = other || !json;
    }
    if (any && !other)
        out_printf(out, "        json: req,\n");
    if (!any || !other)
        return;
    out_printf(out, "        json: {\n");
    for (size_t i = 0; i < request->field_count; i++) {
        const struct schema_field *field = &request->fields[i];
        if (!(field->flags & SCHEMA_IN_JSON))
            continue;
        out_printf(out, "          ");
        js_text(out, field->name);
        out_printf(out, ": req");
        ts_member(out, field->name);
        out_printf(out, ",\n");
    }
    out_printf(out, "        },\n");
}

static const struct schema_field *path_field(const struct schema_method *method,
                                             const char *name)
{
    const struct schema_message *request = method->request;
    for (size_t i = 0; request && i < request->field_count; i++)
        if ((request->fields[i].flags & SCHEMA_IN_PATH) &&
            !strcmp(source_name(&request->fields[i], SCHEMA_IN_PATH), name))
            return &request->fields[i];
    return NULL;
}

/* The path as an expression; what the request lacks comes from `path`. */
static void put_path(struct out *out, const struct schema_method *method)
{
    const char *url = method->url;
    const char *between = "";
    while (*url) {
        size_t plain = strcspn(url, ":");
        if (plain) {
            out_printf(out, "%s", between);
            js_text(out, pool_text_n(out->pool, url, plain));
            between = " + ";
        }
        url += plain;
        if (!*url)
            break;
        size_t len = strcspn(++url, "/");
        const char *name = pool_text_n(out->pool, url, len);
        const struct schema_field *field = path_field(method, name);
        out_printf(out, "%sencodeURIComponent(String(%s", between,
                   field ? "req" : "path");
        ts_member(out, field ? field->name : name);
        out_printf(out, "))");
        between = " + ";
        url += len;
    }
}

static void put_parameters(struct out *out, const struct schema_method *method)
{
    bool any = false;
    for (const char *at = strchr(method->url, ':'); at; at = strchr(at, ':')) {
        size_t len = strcspn(++at, "/");
        const char *name = pool_text_n(out->pool, at, len);
        if (path_field(method, name))
            continue;
        out_printf(out, "%s", any ? "; " : "path: { ");
        ts_key(out, name);
        out_printf(out, ": string | number");
        any = true;
    }
    out_printf(out, "%s", any ? " }, " : "");
    if (method->request)
        out_printf(out, "req: %s, ", ts_name(out, method->request));
    out_printf(out, "init: RequestInit = {}");
}

static bool has_source(const struct schema_method *method, unsigned source)
{
    for (size_t i = 0; method->request && i < method->request->field_count; i++)
        if (method->request->fields[i].flags & source)
            return true;
    return false;
}

static const char *method_name(struct out *out,
                               const struct schema_method *method)
{
    const char *name = name_c(out->pool, method->name);
    bool taken = !strcmp(name, "constructor") || !strcmp(name, "options");
    return pool_printf(out->pool, "%s%s", name, taken ? "_" : "");
}

static void put_method(struct out *out, const struct schema_unit *unit,
                       const struct schema_method *method)
{
    bool stream = method->group && method->group->sse;
    bool body = !strcmp(method->verb, "POST") || !strcmp(method->verb, "PUT") ||
                !strcmp(method->verb, "PATCH");
    bool form = body && !has_source(method, SCHEMA_IN_JSON);
    const char *reply =
        stream ? "Response" : ts_reply(out, unit, method->reply_type);
    out_printf(out, "\n");
    ts_doc(out, "  ", method->doc);
    out_printf(out, "  %s(", method_name(out, method));
    put_parameters(out, method);
    out_printf(out, "): Promise<%s> {\n    return ", reply);
    if (stream)
        out_printf(out, "$fetch(\n");
    else
        out_printf(out, "$send<%s>(\n", reply);
    out_printf(out,
               "      this.options,\n      {\n        method: \"%s\",\n"
               "        path: ",
               method->verb);
    put_path(out, method);
    out_printf(out, ",\n");
    if (method->group && method->group->jwt)
        out_printf(out, "        token: true,\n");
    put_pairs(out, method, form ? "form" : "query", SCHEMA_IN_FORM);
    put_pairs(out, method, "headers", SCHEMA_IN_HEADER);
    put_json(out, method);
    out_printf(out, "      },\n      init,\n    );\n  }\n");
}

const char *schema_typescript(struct schema *schema,
                              const struct schema_unit *unit)
{
    struct out out = {.pool = &schema->pool};
    struct schema_pos pos = {unit->path, 0, 0};
    if (unit->language != SCHEMA_API || !unit->service_count) {
        schema_error_add(schema, &pos, NULL,
                         "found no service, expected an .api file with one");
        return NULL;
    }
    const struct schema_service *service = unit->services[0];
    out_printf(
        &out,
        "// Generated by bus gen client: the HTTP API %s. Integers above "
        "2^53 are not\n// exact here, as in all of JavaScript.\n\n",
        service->name);
    ts_types(&out, unit);
    out_printf(&out,
               "%s\nexport class %sClient {\n"
               "  private readonly options: ClientOptions;\n\n"
               "  constructor(options: ClientOptions = {}) {\n"
               "    this.options = options;\n  }\n",
               runtime_text,
               name_c(out.pool, name_camel(out.pool, service->name, true)));
    for (size_t i = 0; i < service->method_count; i++)
        put_method(&out, unit, &service->methods[i]);
    out_printf(&out, "}\n");
    return out.text;
}
