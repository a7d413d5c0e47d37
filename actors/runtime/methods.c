/* SPDX-License-Identifier: MIT
 *
 * Open addressing over a power of two at least twice the names; a method with
 * a path has two slots. FNV-1a is enough: the names are the author's.
 */
#include "actors/runtime/methods.h"

#include <string.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/settings.h"
#include "bus/affinity.h"
#include "bus/arena.h"
#include "bus/yaml.h"

#define EWMA_WEIGHT 8 /* a new sample counts one eighth */

struct method_slot {
    const char *name; /* NULL: free */
    struct method_entry *entry;
};

static size_t name_hash(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 32);
}

/* The slot that holds the name, or the free one where it belongs. */
static struct method_slot *slot_of(const struct method_table *table,
                                   const char *name)
{
    size_t at = name_hash(name) & table->mask;
    while (table->slots[at].name && strcmp(table->slots[at].name, name) != 0)
        at = (at + 1) & table->mask;
    return &table->slots[at];
}

static void slot_fill(struct method_table *table, const char *name,
                      struct method_entry *entry)
{
    struct method_slot *slot = slot_of(table, name);
    if (!slot->name)
        *slot = (struct method_slot){name, entry};
}

/* FILE:LINE:COL of what stands in the YAML, or of nothing. */
static int refused(struct bus_error *err, const struct bus_yaml *at,
                   const char *method, const char *what)
{
    return bus_error_field(err, BUS_INVALID_ARGUMENT, "Methods",
                           "%s:%d:%d: key Methods.%s%s",
                           at ? at->file : "(no file)", at ? at->line : 1,
                           at ? at->column : 1, method, what);
}

/* "user.id": each name a field of the message before it. */
static bool is_path(const struct bus_shape *shape, const char *path)
{
    while (shape) {
        size_t len = strcspn(path, ".");
        const struct bus_field *field = bus_shape_find(shape, path, len);
        if (!field)
            return false;
        if (!path[len])
            return true;
        path += len + 1;
        shape = field->kind == BUS_MESSAGE ? field->shape : NULL;
    }
    return false;
}

/* ",getUser=id" at the end of the keys. */
static int key_add(struct method_table *table, struct bus_arena *arena,
                   const char *method, const char *path)
{
    table->keys = bus_arena_printf(arena, "%s%s%s=%s", table->keys,
                                   table->keys[0] ? "," : "", method, path);
    return table->keys ? BUS_OK : BUS_RESOURCE_EXHAUSTED;
}

static int settings_apply(struct method_table *table,
                          const struct actor_method_pair *pair,
                          const struct bus_yaml *methods,
                          struct bus_arena *arena, struct bus_error *err)
{
    struct method_entry *entry = methods_find(table, pair->name);
    const struct bus_yaml *at =
        methods ? bus_yaml_get(methods, pair->name) : NULL;
    if (!entry)
        return refused(err, at, pair->name, ": there is no such method");
    if (pair->config && pair->config->has_timeout)
        entry->timeout_ns = pair->config->timeout_ms * BUS_MILLI;
    if (pair->config)
        entry->barrier = pair->config->barrier;
    const char *key = pair->config ? pair->config->key : NULL;
    const struct bus_method *method = entry->actor->method;
    if (!key || !key[0])
        return BUS_OK;
    if (!is_path(method->request, key))
        return refused(err, at, pair->name, ".Key: no field of its request");
    if (key_add(table, arena, method->name, key) ||
        !affinity_keys_valid(table->keys))
        return refused(err, at, pair->name, ".Key: too many keys");
    return BUS_OK;
}

static int table_alloc(struct method_table *table,
                       const struct actor_type *type, struct bus_arena *arena,
                       struct bus_error *err)
{
    size_t size = 4;
    while (size < 4 * type->count)
        size *= 2;
    *table = (struct method_table){
        .count = type->count, .mask = size - 1, .keys = ""};
    table->entries =
        bus_arena_array(arena, type->count, sizeof(*table->entries));
    table->slots = bus_arena_array(arena, size, sizeof(*table->slots));
    if (!table->entries || !table->slots)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "too many methods");
    return BUS_OK;
}

int methods_open(struct method_table *table, const struct actor_type *type,
                 const struct actor_config *config, const struct bus_yaml *yaml,
                 struct bus_arena *arena, struct bus_error *err)
{
    int code = table_alloc(table, type, arena, err);
    if (code)
        return code;
    for (size_t i = 0; i < type->count; i++) {
        struct method_entry *entry = &table->entries[i];
        entry->actor = &type->methods[i];
        entry->timeout_ns = config->timeout_ms * BUS_MILLI;
        entry->barrier = true;
        slot_fill(table, entry->actor->method->name, entry);
        if (entry->actor->method->path)
            slot_fill(table, entry->actor->method->path, entry);
    }
    const struct bus_yaml *methods =
        yaml ? bus_yaml_get(yaml, "Methods") : NULL;
    const struct actor_method_pair *pairs = config->methods.items;
    for (size_t i = 0; i < config->methods.count; i++) {
        code = settings_apply(table, &pairs[i], methods, arena, err);
        if (code)
            return code;
    }
    return BUS_OK;
}

struct method_entry *methods_find(const struct method_table *table,
                                  const char *name)
{
    return slot_of(table, name)->entry;
}

void method_count(struct method_entry *entry, bool error, int64_t took_ns)
{
    atomic_fetch_add_explicit(&entry->calls, 1, memory_order_relaxed);
    if (error)
        atomic_fetch_add_explicit(&entry->errors, 1, memory_order_relaxed);
    int64_t old = atomic_load_explicit(&entry->ewma_ns, memory_order_relaxed);
    int64_t fresh = old ? old + (took_ns - old) / EWMA_WEIGHT : took_ns;
    /* Two workers at once may lose a sample: it is an estimate. */
    atomic_store_explicit(&entry->ewma_ns, fresh > 0 ? fresh : 1,
                          memory_order_relaxed);
}
