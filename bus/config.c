/* SPDX-License-Identifier: MIT
 *
 * Configuration: walks the map's keys and gives each to the fields that it
 * names, one in a part at most; then each part is checked by its shape. Scalars
 * are text.c's; what an unquoted one means is decided by the field's kind.
 * Messages are bound with the same map for all parts that have that key, so
 * that two parts may each know some keys of one block.
 */
#include "bus/config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/config_say.h"
#include "bus/error.h"
#include "bus/text.h"

#define PARTS_MAX 8 /* structs that one map is bound to */

/* One struct being filled. */
struct part {
    const struct bus_shape *shape;
    char *message;
    bool *seen;
};

/* One map being bound, inside the map `up`. */
struct block {
    const struct block *up;
    const struct bus_yaml *map;
    const struct bus_path *path;
    struct part parts[PARTS_MAX];
    size_t count;
    struct bus_arena *arena;
    struct bus_error *err;
};

/* A value on its way into a slot. */
struct target {
    const struct block *block;
    const struct bus_field *field;
    const struct bus_yaml *node;
    const struct bus_path *path;
};

static int bind_block(struct block *block);
static int bind_value(const struct target *target, char *message);

static int target_refuse(const struct target *target, const char *expected)
{
    struct config_place place = {
        .node = target->node,
        .path = target->path,
        .secret = target->field->flags & BUS_SECRET,
    };
    return config_refuse(&place, expected, target->block->err);
}

static int target_full(const struct target *target)
{
    return bus_error_set(target->block->err, BUS_RESOURCE_EXHAUSTED,
                         "%s: the file needs more memory than it may use",
                         target->node->file);
}

static struct bus_path path_field(const struct bus_path *up, const char *name)
{
    return (struct bus_path){
        .up = up,
        .type = BUS_PATH_FIELD,
        .name = {(const uint8_t *)name, strlen(name)},
    };
}

/* -- values ---------------------------------------------------------------- */

/* Quotes say "this is text": a number in quotes is one only where the schema
 * says so. */
static bool may_be_quoted(const struct bus_field *field)
{
    if (field->flags & BUS_FROM_TEXT)
        return true;
    return field->kind != BUS_BOOL && !text_is_int(field->kind) &&
           field->kind != BUS_F32 && field->kind != BUS_F64;
}

static int bind_scalar(const struct target *target, void *slot)
{
    const struct bus_yaml *node = target->node;
    char expected[CONFIG_EXPECTED_MAX];
    config_expected(target->field, expected);
    if (node->type != BUS_YAML_TEXT)
        return target_refuse(target, expected);
    if (node->quoted && !may_be_quoted(target->field))
        return target_refuse(target, expected);
    struct bus_bytes text = {(const uint8_t *)node->text, strlen(node->text)};
    enum text_fault fault =
        text_item(target->field, text, target->block->arena, slot);
    if (fault == TEXT_FULL)
        return target_full(target);
    return fault ? target_refuse(target, expected) : 0;
}

/* A map into one struct, with keys of that struct only. */
static int bind_message(const struct target *target, char *message)
{
    struct block inner = {
        .up = target->block,
        .map = target->node,
        .path = target->path,
        .parts = {{.shape = target->field->shape, .message = message}},
        .count = 1,
        .arena = target->block->arena,
        .err = target->block->err,
    };
    if (target->node->type != BUS_YAML_MAP)
        return target_refuse(target, "a map");
    return bind_block(&inner);
}

static int bind_item(const struct target *target, char *slot)
{
    if (bus_yaml_is_null(target->node))
        return target_refuse(target, "a value");
    if (target->field->kind == BUS_MESSAGE)
        return bind_message(target, slot);
    return bind_scalar(target, slot);
}

static size_t children(const struct bus_yaml *node)
{
    size_t count = 0;
    for (const struct bus_yaml *at = node->first; at; at = at->next)
        count++;
    return count;
}

static int bind_list(const struct target *target, struct bus_list *ret)
{
    const struct bus_yaml *list = target->node;
    if (list->type != BUS_YAML_LIST)
        return target_refuse(target, "a list");
    size_t count = children(list), size = bus_field_size(target->field);
    char *items = bus_arena_array(target->block->arena, count, size);
    if (!items)
        return target_full(target);
    int code = 0;
    size_t i = 0;
    for (struct bus_yaml *at = list->first; code == 0 && at; at = at->next) {
        struct bus_path step = {.up = target->path, .type = BUS_PATH_INDEX};
        struct target item = *target;
        step.index = i;
        item.node = at;
        item.path = &step;
        code = bind_item(&item, items + i++ * size);
    }
    if (code == 0)
        *ret = (struct bus_list){items, count};
    return code;
}

static int bind_entry(const struct target *target, char *entry)
{
    const struct bus_field *key = &target->field->shape->fields[0];
    struct target value = *target;
    value.field = &target->field->shape->fields[1];
    enum text_fault fault = text_item(
        key, target->path->name, target->block->arena, entry + key->offset);
    if (fault == TEXT_FULL)
        return target_full(target);
    if (fault)
        return target_refuse(target, "another kind of key");
    if (bus_yaml_is_null(value.node))
        return target_refuse(target, "a value");
    return bind_value(&value, entry);
}

static int bind_map(const struct target *target, struct bus_list *ret)
{
    const struct bus_yaml *map = target->node;
    if (map->type != BUS_YAML_MAP)
        return target_refuse(target, "a map");
    size_t count = children(map), size = bus_field_size(target->field);
    char *entries = bus_arena_array(target->block->arena, count, size);
    if (!entries)
        return target_full(target);
    int code = 0;
    size_t i = 0;
    for (struct bus_yaml *at = map->first; code == 0 && at; at = at->next) {
        struct bus_path step = path_field(target->path, at->key);
        struct target entry = *target;
        step.type = BUS_PATH_KEY;
        entry.node = at;
        entry.path = &step;
        code = bind_entry(&entry, entries + i++ * size);
    }
    if (code == 0)
        *ret = (struct bus_list){entries, count};
    return code;
}

static int bind_pointer(const struct target *target, void *slot)
{
    char *message =
        bus_arena_alloc(target->block->arena, target->field->shape->size);
    if (!message)
        return target_full(target);
    int code = bind_message(target, message);
    if (code == 0)
        memcpy(slot, &message, sizeof(message));
    return code;
}

static int bind_value(const struct target *target, char *message)
{
    const struct bus_field *field = target->field;
    void *slot = message + field->offset;
    int code;
    if (field->cardinality == BUS_LIST)
        code = bind_list(target, slot);
    else if (field->cardinality == BUS_MAP)
        code = bind_map(target, slot);
    else if (field->kind == BUS_MESSAGE)
        code = bind_pointer(target, slot);
    else
        code = bind_scalar(target, slot);
    if (code == 0)
        bus_field_set_present(field, message);
    return code;
}

/* -- keys ------------------------------------------------------------------ */

static bool names_field(const char *key, const struct bus_field *field)
{
    const char *alias = field->rule ? field->rule->alias : NULL;
    return bus_yaml_key_is(key, field->name) ||
           (alias && bus_yaml_key_is(key, alias));
}

static const struct bus_field *find_field(const struct bus_shape *shape,
                                          const char *key)
{
    for (size_t i = 0; i < shape->count; i++)
        if (names_field(key, &shape->fields[i]))
            return &shape->fields[i];
    return NULL;
}

static bool is_message(const struct bus_field *field)
{
    return field->kind == BUS_MESSAGE && field->cardinality == BUS_ONE;
}

static bool *seen_of(const struct part *part, const struct bus_field *field)
{
    return &part->seen[field - part->shape->fields];
}

/* Binds one map to the messages of every part that has this key. */
static int bind_shared(const struct block *block, const struct bus_yaml *node,
                       const struct bus_path *path)
{
    struct block inner = {
        .up = block,
        .map = node,
        .path = path,
        .arena = block->arena,
        .err = block->err,
    };
    for (size_t i = 0; i < block->count; i++) {
        const struct part *part = &block->parts[i];
        const struct bus_field *field = find_field(part->shape, node->key);
        if (!field || !is_message(field))
            continue;
        struct target target = {block, field, node, path};
        if (node->type != BUS_YAML_MAP)
            return target_refuse(&target, "a map");
        char *message = bus_arena_alloc(block->arena, field->shape->size);
        if (!message)
            return target_full(&target);
        inner.parts[inner.count++] = (struct part){field->shape, message, NULL};
        memcpy(part->message + field->offset, &message, sizeof(message));
        bus_field_set_present(field, part->message);
        *seen_of(part, field) = true;
    }
    return inner.count ? bind_block(&inner) : 0;
}

/* One field of one part from the key that names it. Messages are
 * bind_shared's. */
static int bind_field(const struct block *block, const struct part *part,
                      const struct bus_field *field,
                      const struct bus_yaml *node)
{
    struct bus_path step = path_field(block->path, field->name);
    struct target target = {block, field, node, &step};
    if (*seen_of(part, field))
        return target_refuse(&target, "one value, not a second");
    if (is_message(field) || bus_yaml_is_null(node))
        return 0;
    int code = bind_value(&target, part->message);
    if (code == 0)
        *seen_of(part, field) = true;
    return code;
}

static int unknown_key(const struct block *block, const struct bus_yaml *node)
{
    const struct bus_shape *shapes[PARTS_MAX];
    struct bus_path step = path_field(block->path, node->key);
    struct config_place place = {.node = node, .path = &step};
    for (size_t i = 0; i < block->count; i++)
        shapes[i] = block->parts[i].shape;
    return config_unknown(&place, shapes, block->count, block->err);
}

static int bind_key(const struct block *block, const struct bus_yaml *node)
{
    const char *name = NULL;
    int code = 0;
    for (size_t i = 0; code == 0 && i < block->count; i++) {
        const struct part *part = &block->parts[i];
        const struct bus_field *field = find_field(part->shape, node->key);
        if (!field)
            continue;
        name = field->name;
        code = bind_field(block, part, field, node);
    }
    if (code)
        return code;
    if (!name)
        return unknown_key(block, node);
    struct bus_path step = path_field(block->path, name);
    return bus_yaml_is_null(node) ? 0 : bind_shared(block, node, &step);
}

/* -- what the map itself does not say -------------------------------------- */

/* The value that an enclosing map holds for a field, or NULL. */
static const struct bus_yaml *inherited(const struct block *block,
                                        const struct bus_field *field)
{
    for (const struct block *up = block->up; up; up = up->up)
        for (const struct bus_yaml *at = up->map->first; at; at = at->next)
            if (names_field(at->key, field) && !bus_yaml_is_null(at))
                return at;
    return NULL;
}

/* The environment comes before the file, enclosing maps after it. */
static int bind_outside(const struct block *block, const struct part *part,
                        const struct bus_field *field)
{
    struct bus_path step = path_field(block->path, field->name);
    struct bus_yaml variable = *block->map;
    const struct bus_yaml *node = NULL;
    const char *env = field->rule ? field->rule->env : NULL;
    const char *value = env ? getenv(env) : NULL;
    variable.type = BUS_YAML_TEXT;
    variable.text = value;
    variable.quoted = false;
    if (value && value[0])
        node = &variable;
    else if (field->flags & BUS_INHERIT && !*seen_of(part, field))
        node = inherited(block, field);
    if (!node)
        return 0;
    struct target target = {block, field, node, &step};
    int code = bind_value(&target, part->message);
    if (code == 0)
        *seen_of(part, field) = true;
    return code;
}

/* The node of the field that an error is about, or the map's own. */
static const struct bus_yaml *guilty(const struct block *block,
                                     const struct bus_shape *shape,
                                     const char *path)
{
    const char *name = strrchr(path, '.');
    name = name ? name + 1 : path;
    const struct bus_field *field = find_field(shape, name);
    for (const struct bus_yaml *at = block->map->first; field && at;
         at = at->next)
        if (names_field(at->key, field))
            return at;
    return block->map;
}

static int check_part(const struct block *block, const struct part *part)
{
    struct bus_error why = {0};
    int code = bus_shape_check_at(block->path, part->shape, part->message,
                                  part->seen, block->arena, &why);
    if (code == 0)
        return 0;
    struct config_place place = {.node = guilty(block, part->shape, why.field)};
    return config_rule(&place, part->shape, &why, block->err);
}

static int bind_rest(const struct block *block, const struct part *part)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < part->shape->count; i++)
        code = bind_outside(block, part, &part->shape->fields[i]);
    return code ? code : check_part(block, part);
}

static int bind_block(struct block *block)
{
    int code = 0;
    assert(block->count <= PARTS_MAX);
    for (size_t i = 0; i < block->count; i++) {
        struct part *part = &block->parts[i];
        part->seen =
            bus_arena_array(block->arena, part->shape->count, sizeof(bool));
        if (!part->seen)
            return bus_error_set(block->err, BUS_RESOURCE_EXHAUSTED,
                                 "%s: the file needs more memory than it may "
                                 "use",
                                 block->map->file);
    }
    for (struct bus_yaml *at = block->map->first; code == 0 && at;
         at = at->next)
        code = bind_key(block, at);
    for (size_t i = 0; code == 0 && i < block->count; i++)
        code = bind_rest(block, &block->parts[i]);
    return code;
}

int bus_config_bind(const struct bus_yaml *map,
                    const struct bus_config_part *parts, size_t count,
                    struct bus_arena *arena, struct bus_error *err)
{
    struct block block = {.map = map, .arena = arena, .err = err};
    assert(count <= PARTS_MAX);
    for (size_t i = 0; i < count; i++)
        block.parts[i] = (struct part){parts[i].shape, parts[i].message, NULL};
    block.count = count;
    if (map->type != BUS_YAML_MAP) {
        struct config_place place = {.node = map};
        return config_refuse(&place, "a map", err);
    }
    return bind_block(&block);
}
