/* SPDX-License-Identifier: MIT
 *
 * Each entry is bound to a shape of its own, of which the last field is the
 * request of the method that it names: so a body is read like any other part of
 * the file, and a mistake in it has a line.
 */
#include "actors/runtime/crons.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "actors/schedule/rows.h"
#include "actors/schedule/schedule.h"
#include "bus/config.h"
#include "bus/pack.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct cron_config {
    const char *at, *method, *zone, *catchup, *overlap;
    int64_t timeout_ms;
    bool has_timeout;
    void *body; /* the method's request; NULL: none given */
};

#define FIELD(wire, member, ...)                                               \
    {                                                                          \
        .name = (wire), .offset = offsetof(struct cron_config, member),        \
        .presence = BUS_NO_PRESENCE, __VA_ARGS__                               \
    }

static const char *const catchups[] = {"none", "last", "all", NULL};
static const char *const overlaps[] = {"skip", "run", NULL};
static const struct bus_rule catchup_rule = {.fallback = "none",
                                             .options = catchups,
                                             .low = -HUGE_VAL,
                                             .high = HUGE_VAL};
static const struct bus_rule overlap_rule = {.fallback = "skip",
                                             .options = overlaps,
                                             .low = -HUGE_VAL,
                                             .high = HUGE_VAL};
static const struct bus_rule zone_rule = {
    .fallback = "UTC", .low = -HUGE_VAL, .high = HUGE_VAL};
static const struct bus_rule timeout_rule = {.low = 0, .high = HUGE_VAL};

static const struct bus_field entry_fields[] = {
    FIELD("At", at, .kind = BUS_TEXT, .flags = BUS_REQUIRED),
    FIELD("Method", method, .kind = BUS_TEXT, .flags = BUS_REQUIRED),
    FIELD("Zone", zone, .kind = BUS_TEXT, .rule = &zone_rule),
    FIELD("Catchup", catchup, .kind = BUS_TEXT, .rule = &catchup_rule),
    FIELD("Overlap", overlap, .kind = BUS_TEXT, .rule = &overlap_rule),
    {.name = "Timeout",
     .kind = BUS_I64,
     .flags = BUS_HAS_RANGE,
     .offset = offsetof(struct cron_config, timeout_ms),
     .presence = offsetof(struct cron_config, has_timeout),
     .rule = &timeout_rule},
    FIELD("Body", body, .kind = BUS_MESSAGE),
};
#define BODY (COUNT(entry_fields) - 1)

/* What the entry in hand is read with. */
struct reading {
    struct runtime *runtime;
    struct bus_arena *arena;
    const struct bus_yaml *node;
    const struct bus_method *method; /* of the entry */
    struct cron_config config;
    struct bus_error *err;
};

static int complain(const struct reading *reading, const char *key,
                    const char *what)
{
    const struct bus_yaml *at =
        key ? bus_yaml_get(reading->node, key) : reading->node;
    if (!at)
        at = reading->node;
    return bus_error_set(reading->err, BUS_INVALID_ARGUMENT,
                         "%s:%d:%d: cron entry %.64s: %s%s%.300s", at->file,
                         at->line, at->column, reading->node->key,
                         key ? key : "", key ? ": " : "", what);
}

/* The method, from the map itself: its request is part of the shape. */
static int method_find(struct reading *reading)
{
    const struct bus_yaml *node = bus_yaml_get(reading->node, "Method");
    reading->method = NULL;
    if (!node || node->type != BUS_YAML_TEXT)
        return BUS_OK; /* binding says what is wrong */
    const struct method_entry *entry =
        methods_find(&reading->runtime->methods, node->text);
    if (!entry)
        return complain(reading, "Method", "there is no such method");
    reading->method = entry->actor->method;
    return BUS_OK;
}

static int bind(struct reading *reading)
{
    struct bus_field fields[COUNT(entry_fields)];
    struct bus_shape shape = {"Cron", sizeof(struct cron_config), BODY, fields};
    struct bus_config_part part = {&shape, &reading->config};
    memcpy(fields, entry_fields, sizeof(fields));
    reading->config = (struct cron_config){0};
    if (reading->method && reading->method->request) {
        fields[BODY].shape = reading->method->request;
        shape.count++;
    }
    return bus_config_bind(reading->node, &part, 1, reading->arena,
                           reading->err);
}

/* The body as it goes into the request; without one, every default. */
static int body_pack(const struct reading *reading, struct bus_bytes *ret)
{
    const struct bus_shape *shape = reading->method->request;
    void *message = reading->config.body;
    struct bus_error why = {0};
    struct bus_buf buf;
    if (!shape)
        return BUS_OK;
    if (!message) {
        message = bus_arena_alloc(reading->arena, shape->size);
        if (!message)
            return complain(reading, NULL, "out of arena");
        if (bus_shape_check(shape, message, NULL, reading->arena, &why))
            return complain(reading, "Body", why.sentence);
    }
    bus_buf_init(&buf, ROWS_BODY_MAX);
    bus_pack_message(&buf, shape, message);
    uint8_t *copy =
        buf.failed ? NULL : bus_arena_alloc(reading->arena, buf.len);
    if (copy)
        memcpy(copy, buf.data, buf.len);
    *ret = (struct bus_bytes){copy, buf.len};
    bus_buf_release(&buf);
    return copy ? BUS_OK : complain(reading, "Body", "it is too large");
}

static enum schedule_catchup catchup_of(const char *word)
{
    return strcmp(word, "all") == 0    ? SCHEDULE_ALL
           : strcmp(word, "last") == 0 ? SCHEDULE_LAST
                                       : SCHEDULE_NONE;
}

static int entry_times(const struct reading *reading,
                       struct schedule_entry *entry)
{
    const struct cron_config *config = &reading->config;
    struct bus_error why = {0};
    if (cron_parse(config->at, &entry->cron, &why))
        return complain(reading, "At", why.sentence);
    if (strlen(config->zone) >= CRONS_ZONE_MAX ||
        zone_open(&entry->zone, config->zone, &why))
        return complain(reading, "Zone",
                        "there is no such time zone on this machine");
    entry->at = config->at;
    entry->zone_name = config->zone;
    entry->spec =
        bus_arena_printf(reading->arena, "%s|%s", config->at, config->zone);
    return entry->spec ? BUS_OK : complain(reading, NULL, "out of arena");
}

static int entry_read(struct reading *reading, struct schedule_entry *entry)
{
    const struct bus_yaml *node = reading->node;
    const struct cron_config *config = &reading->config;
    if (!bus_name_valid(node->key) || strlen(node->key) >= ROWS_NAME_MAX)
        return complain(reading, NULL,
                        "expected a name of letters, digits, - and _");
    if (node->type != BUS_YAML_MAP)
        return complain(reading, NULL, "expected a map");
    int code = method_find(reading);
    if (!code)
        code = bind(reading);
    if (code)
        return code;
    assert(reading->method);
    entry->name = node->key;
    entry->method = reading->method->name;
    entry->catchup = catchup_of(config->catchup);
    entry->overlap = strcmp(config->overlap, "run") == 0;
    entry->timeout_ns =
        config->has_timeout ? config->timeout_ms * BUS_MILLI : -1;
    code = body_pack(reading, &entry->body);
    return code ? code : entry_times(reading, entry);
}

struct bus_yaml *crons_cut(struct bus_yaml *map)
{
    for (struct bus_yaml **at = &map->first; *at; at = &(*at)->next) {
        struct bus_yaml *node = *at;
        if (node->key && bus_yaml_key_is(node->key, "Cron")) {
            *at = node->next;
            return node;
        }
    }
    return NULL;
}

/* The actor's own `Cron:` in a topology, NULL without one. */
static int topology_crons(struct runtime *runtime, const struct bus_yaml **ret,
                          struct bus_error *err)
{
    struct bus_yaml *root = NULL;
    int code = bus_yaml_file(runtime->options.topology, &runtime->process.arena,
                             &root, err);
    const struct bus_yaml *actors = code ? NULL : bus_yaml_get(root, "Actors");
    for (const struct bus_yaml *at = actors ? actors->first : NULL; at;
         at = at->next) {
        const struct bus_yaml *name = bus_yaml_get(at, "Name");
        if (name && name->type == BUS_YAML_TEXT &&
            strcmp(name->text, runtime->process.type->name) == 0)
            *ret = bus_yaml_get(at, "Cron");
    }
    return code;
}

static int entries_read(struct runtime *runtime, const struct bus_yaml *map,
                        struct bus_error *err)
{
    struct reading reading = {
        .runtime = runtime, .arena = &runtime->process.arena, .err = err};
    const struct actor_process *process = &runtime->process;
    int code = BUS_OK;
    if (!map || bus_yaml_is_null(map))
        return BUS_OK;
    if (map->type != BUS_YAML_MAP)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s:%d:%d: key Cron: expected a map of entries",
                             map->file, map->line, map->column);
    if (process->type->loop ||
        (!process->type->tables && !process->config->sqlite))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s:%d:%d: key Cron: %s has no store to keep "
                             "account in (a .sql file, or Sqlite:)",
                             map->file, map->line, map->column,
                             process->type->name);
    for (reading.node = map->first; reading.node && !code;
         reading.node = reading.node->next) {
        if (runtime->cron_count == SCHEDULE_ENTRIES_MAX)
            return complain(&reading, NULL, "there are too many");
        for (size_t i = 0; i < runtime->cron_count; i++)
            if (strcmp(runtime->crons[i].name, reading.node->key) == 0)
                return complain(&reading, NULL, "there is one of that name");
        code = entry_read(&reading, &runtime->crons[runtime->cron_count++]);
    }
    return code;
}

int crons_read(struct runtime *runtime, const struct bus_yaml *own,
               struct bus_error *err)
{
    const struct bus_yaml *more = NULL;
    int code = BUS_OK;
    if (runtime->options.topology)
        code = topology_crons(runtime, &more, err);
    if (code || (!own && !more))
        return code;
    runtime->crons = calloc(SCHEDULE_ENTRIES_MAX, sizeof(*runtime->crons));
    if (!runtime->crons)
        abort();
    code = entries_read(runtime, own, err);
    return code ? code : entries_read(runtime, more, err);
}

void crons_release(struct runtime *runtime)
{
    for (size_t i = 0; i < runtime->cron_count; i++)
        zone_close(&runtime->crons[i].zone);
    free(runtime->crons);
    runtime->crons = NULL;
    runtime->cron_count = 0;
}
