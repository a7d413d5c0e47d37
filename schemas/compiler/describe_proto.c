/* SPDX-License-Identifier: MIT
 *
 * A .proto file's own messages, enums and services as JSON. Entries of maps are
 * told at their field.
 */
#include <string.h>

#include "describe.h"

static const char *field_type(struct out *out, const struct schema_field *field)
{
    if (field->cardinality != SCHEMA_MAP)
        return field->type;
    const struct schema_message *entry = field->message;
    if (entry->field_count < 2)
        return field->type;
    return pool_printf(out->pool, "map<%s,%s>", entry->fields[0].type,
                       entry->fields[1].type);
}

static const char *field_label(struct out *out,
                               const struct schema_field *field)
{
    if (field->oneof[0])
        return pool_printf(out->pool, "oneof:%s", field->oneof);
    if (field->cardinality == SCHEMA_MAP)
        return "map";
    if (field->cardinality == SCHEMA_LIST)
        return "repeated";
    return field->flags & SCHEMA_REQUIRED ? "required" : "optional";
}

static void put_fields(struct out *out, const struct schema_message *message)
{
    js_open(out, "fields", '[');
    for (size_t i = 0; i < message->field_count; i++) {
        const struct schema_field *field = &message->fields[i];
        js_open_item(out, '{');
        js_pair(out, "name", field->name);
        js_number(out, "number", field->number);
        js_pair(out, "type", field_type(out, field));
        js_pair(out, "label", field_label(out, field));
        js_bool(out, "presence",
                field->presence || (field->kind == SCHEMA_MESSAGE &&
                                    field->cardinality == SCHEMA_ONE));
        js_pair(out, "doc", field->doc);
        js_close(out, '}');
    }
    js_close(out, ']');
}

static void put_messages(struct out *out, const struct schema_unit *unit)
{
    js_open(out, "messages", '[');
    for (size_t i = 0; i < unit->message_count; i++) {
        const struct schema_message *message = unit->messages[i];
        if (message->imported || message->entry)
            continue;
        js_open_item(out, '{');
        js_pair(out, "name", message->name);
        put_fields(out, message);
        js_pair(out, "doc", message->doc);
        js_close(out, '}');
    }
    js_close(out, ']');
}

static void put_enums(struct out *out, const struct schema_unit *unit)
{
    js_open(out, "enums", '[');
    for (size_t i = 0; i < unit->enum_count; i++) {
        const struct schema_enum *values = unit->enums[i];
        js_open_item(out, '{');
        js_pair(out, "name", values->name);
        js_open(out, "values", '[');
        for (size_t j = 0; j < values->value_count; j++) {
            js_open_item(out, '{');
            js_pair(out, "name", values->values[j].name);
            js_number(out, "number", values->values[j].number);
            js_close(out, '}');
        }
        js_close(out, ']');
        js_close(out, '}');
    }
    js_close(out, ']');
}

static const char *stream_of(const struct schema_method *method)
{
    if (method->client_stream)
        return method->server_stream ? "both" : "client";
    return method->server_stream ? "server" : "none";
}

static const char *idempotency_of(const struct schema_method *method)
{
    if (method->flags & SCHEMA_NO_SIDE_EFFECTS)
        return "no_side_effects";
    return method->flags & SCHEMA_IDEMPOTENT ? "idempotent" : "unknown";
}

static void put_method(struct out *out, const struct schema_method *method)
{
    /* The name on the bus may have its service's before it. */
    const char *slash = strrchr(method->path, '/');
    js_open_item(out, '{');
    js_pair(out, "name", slash ? slash + 1 : method->name);
    js_pair(out, "request", method->request_type);
    js_pair(out, "response", method->reply_type);
    js_pair(out, "stream", stream_of(method));
    js_pair(out, "idempotency", idempotency_of(method));
    js_pair(out, "doc", method->doc);
    js_close(out, '}');
}

static void put_services(struct out *out, const struct schema_unit *unit)
{
    js_open(out, "services", '[');
    for (size_t i = 0; i < unit->service_count; i++) {
        const struct schema_service *service = unit->services[i];
        js_open_item(out, '{');
        js_pair(out, "name", service->name);
        js_open(out, "methods", '[');
        for (size_t j = 0; j < service->method_count; j++)
            put_method(out, &service->methods[j]);
        js_close(out, ']');
        js_close(out, '}');
    }
    js_close(out, ']');
}

static void put_names(struct out *out, const char *key,
                      const char *const *names)
{
    js_open(out, key, '[');
    for (; *names; names++)
        js_item(out, *names);
    js_close(out, ']');
}

void describe_proto(struct out *out, const struct schema_unit *unit)
{
    js_pair(out, "package", unit->package);
    put_names(out, "imports", unit->import_names);
    put_names(out, "missing_imports", unit->missing_names);
    put_messages(out, unit);
    put_enums(out, unit);
    put_services(out, unit);
}
