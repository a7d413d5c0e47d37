/* SPDX-License-Identifier: MIT
 *
 * The library's entry: which language a file is in, and each file once.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load.h"
#include "name.h"

struct schema *schema_new(void)
{
    struct schema *schema = calloc(1, sizeof(*schema));
    if (!schema)
        abort();
    return schema;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    pool_release(&schema->pool);
    free(schema);
}

struct schema_unit *unit_new(struct schema *schema, enum schema_language kind,
                             const char *path)
{
    struct schema_unit *unit = pool_alloc(&schema->pool, sizeof(*unit));
    unit->language = kind;
    unit->path = path;
    unit->stem = name_stem(&schema->pool, path);
    unit->actor = unit->package = "";
    unit->import_names = unit->missing_names =
        pool_array(&schema->pool, 1, sizeof(char *));
    return unit;
}

static int language_of(const char *path)
{
    static const char *const suffixes[] = {".api", ".proto", ".sql", ".saga",
                                           NULL};
    const char *dot = strrchr(path, '.');
    for (int i = 0; dot && suffixes[i]; i++)
        if (!strcasecmp(dot, suffixes[i]))
            return i;
    return -1;
}

/* What is loaded, and who asks for it. */
struct request {
    struct schema *schema;
    const char *path;
    struct source *given; /* its text, from memory; NULL */
    struct source *from;  /* who imports it; NULL */
    size_t at;
};

static struct schema_unit *load_as(const struct request *request, int language)
{
    struct source *source = request->given;
    if (!source && language != SCHEMA_PROTO)
        source = source_read(request->schema, request->path, request->from,
                             request->at);
    switch (language) {
    case SCHEMA_API:
        return source ? api_load(source) : NULL;
    case SCHEMA_PROTO:
        return proto_load(request->schema, request->path, request->from,
                          request->at);
    case SCHEMA_SQL:
        return source ? sql_load(source) : NULL;
    case SCHEMA_SAGA:
        return source ? saga_load(source) : NULL;
    default:
        return NULL;
    }
}

static struct unit *unit_find(const struct schema *schema, const char *path)
{
    struct unit *const *units = schema->units.items;
    for (size_t i = 0; i < schema->units.count; i++)
        if (!strcmp(units[i]->path, path))
            return units[i];
    return NULL;
}

/* Moves a unit behind those that it imported. */
static void unit_finish(struct schema *schema, struct unit *unit)
{
    struct unit **units = schema->units.items;
    size_t count = schema->units.count;
    for (size_t i = 0; i + 1 < count; i++) {
        if (units[i] != unit)
            continue;
        memmove(&units[i], &units[i + 1], (count - i - 1) * sizeof(*units));
        units[count - 1] = unit;
        break;
    }
    unit->loading = false;
}

static struct unit *unit_load(const struct request *request)
{
    struct schema *schema = request->schema;
    struct schema_pos pos = {request->path, 0, 0};
    int language = language_of(request->path);
    struct unit *unit = pool_alloc(&schema->pool, sizeof(*unit));
    unit->path = request->path;
    unit->loading = true;
    vec_push(&schema->pool, &schema->units, unit);
    size_t before = schema_error_count(schema);
    if (language >= 0)
        unit->unit = load_as(request, language);
    else if (request->from)
        source_error(request->from, request->at,
                     "found '%s', expected a .api or .proto file",
                     request->path);
    else
        schema_error_add(schema, &pos, NULL,
                         "expected a .api, .proto, .sql or .saga file");
    if (schema_error_count(schema) > before)
        unit->unit = NULL;
    unit_finish(schema, unit);
    return unit;
}

static const struct schema_unit *
load_root(struct schema *schema, const char *path, struct source *given)
{
    const char *clean = path_clean(&schema->pool, path);
    struct unit *unit = unit_find(schema, clean);
    const struct request request = {schema, clean, given, NULL, 0};
    size_t before = schema_error_count(schema);
    if (!unit)
        unit = unit_load(&request);
    errors_sort(schema, before);
    if (unit->unit)
        unit->unit->imported = false;
    return unit->unit;
}

bool schema_reads(struct schema *schema, const char *path)
{
    struct schema_pos pos = {path, 0, 0};
    size_t before = schema_error_count(schema);
    int language = language_of(path);
    if (language != SCHEMA_API && language != SCHEMA_SAGA) {
        schema_error_add(schema, &pos, NULL, "expected an .api or .saga file");
        return false;
    }
    struct source *source = source_read(schema, path, NULL, 0);
    if (source && language == SCHEMA_API)
        api_read(source);
    else if (source)
        saga_read(source);
    errors_sort(schema, before);
    return schema_error_count(schema) == before;
}

const struct schema_unit *schema_load(struct schema *schema, const char *path)
{
    return load_root(schema, path, NULL);
}

const struct schema_unit *schema_load_text(struct schema *schema,
                                           const char *path, const char *text,
                                           size_t len)
{
    struct source *source = source_new(schema, path, text, len);
    return source ? load_root(schema, path, source) : NULL;
}

const struct schema_unit *unit_import(struct source *from, size_t at,
                                      const char *path)
{
    const struct request request = {from->schema, path, NULL, from, at};
    struct unit *unit = unit_find(from->schema, path);
    if (unit && unit->loading) {
        source_error(from, at, "'%s' imports itself", path);
        return NULL;
    }
    if (unit)
        return unit->unit;
    unit = unit_load(&request);
    if (unit->unit)
        unit->unit->imported = true;
    return unit->unit;
}

size_t schema_unit_count(const struct schema *schema)
{
    struct unit *const *units = schema->units.items;
    size_t count = 0;
    for (size_t i = 0; i < schema->units.count; i++)
        count += units[i]->unit != NULL;
    return count;
}

const struct schema_unit *schema_unit_at(const struct schema *schema,
                                         size_t index)
{
    struct unit *const *units = schema->units.items;
    for (size_t i = 0; i < schema->units.count; i++)
        if (units[i]->unit && !index--)
            return units[i]->unit;
    return NULL;
}

static const struct schema_message *find_own(const struct schema_unit *unit,
                                             const char *name)
{
    for (size_t i = 0; i < unit->message_count; i++)
        if (!strcmp(unit->messages[i]->name, name) ||
            !strcmp(unit->messages[i]->full, name))
            return unit->messages[i];
    return NULL;
}

const struct schema_message *schema_message_find(const struct schema_unit *unit,
                                                 const char *name)
{
    const struct schema_message *found = find_own(unit, name);
    for (size_t i = 0; !found && i < unit->import_count; i++)
        found = find_own(unit->imports[i], name);
    return found;
}

const struct schema_field *
schema_field_find(const struct schema_message *message, const char *name)
{
    for (size_t i = 0; i < message->field_count; i++)
        if (!strcmp(message->fields[i].name, name))
            return &message->fields[i];
    return NULL;
}
