/* SPDX-License-Identifier: MIT
 *
 * Declared types to messages: kinds resolved, tags applied, embedded structs
 * flattened as Go's JSON does it (the outer field hides the inner one), inner
 * structs given names.
 */
#include <string.h>

#include "name.h"
#include "tag.h"
#include "types.h"

static const struct base {
    const char *name;
    int kind;
} bases[] = {{"bool", SCHEMA_BOOL},
             {"int", SCHEMA_I64},
             {"int8", SCHEMA_I8},
             {"int16", SCHEMA_I16},
             {"int32", SCHEMA_I32},
             {"int64", SCHEMA_I64},
             {"uint", SCHEMA_U64},
             {"uint8", SCHEMA_U8},
             {"uint16", SCHEMA_U16},
             {"uint32", SCHEMA_U32},
             {"uint64", SCHEMA_U64},
             {"uintptr", SCHEMA_U64},
             {"float32", SCHEMA_F32},
             {"float64", SCHEMA_F64},
             {"string", SCHEMA_TEXT},
             {"byte", SCHEMA_U8},
             {"rune", SCHEMA_I32},
             {"any", SCHEMA_ANY},
             {"complex64", SCHEMA_ANY}, /* JSON has none: any value */
             {"complex128", SCHEMA_ANY},
             {"json.RawMessage", SCHEMA_ANY},
             {"time.Time", SCHEMA_TIME},
             {"time.Duration", SCHEMA_DURATION},
             {NULL, 0}};

/* The fields of one message while they are gathered. */
struct gather {
    struct lowering *lowering;
    struct schema_message *message;
    struct vec fields; /* struct schema_field */
    struct vec depths; /* size_t: how deeply each was embedded */
};

static const struct base *find_base(const char *name)
{
    for (const struct base *base = bases; base->name; base++)
        if (!strcmp(base->name, name))
            return base;
    return NULL;
}

bool types_is_base(const char *name)
{
    return find_base(name) != NULL;
}

static struct type_decl *find_decl(const struct lowering *lowering,
                                   const char *name)
{
    return map_get(&lowering->by_name, name);
}

/* The struct behind a name that may be an alias, or an alias of one; the last
 * alias if there is no struct. NULL: it is not declared. */
static struct type_decl *find_struct(const struct lowering *lowering,
                                     const char *name)
{
    struct type_decl *decl = find_decl(lowering, name);
    for (int i = 0; decl && decl->alias && i < SCHEMA_DEPTH_MAX; i++) {
        const struct type_expr *to = decl->alias;
        if (to->form == TYPE_POINTER)
            to = to->item;
        struct type_decl *next =
            to->form == TYPE_NAME ? find_decl(lowering, to->name) : NULL;
        if (!next)
            break;
        decl = next;
    }
    return decl;
}

bool types_is_alias(const struct lowering *lowering, const char *name)
{
    const struct type_decl *decl = find_struct(lowering, name);
    return decl && decl->alias;
}

struct schema_message *types_find(const struct lowering *lowering,
                                  const char *name)
{
    struct type_decl *decl = find_struct(lowering, name);
    return decl ? decl->message : NULL;
}

static struct schema_message *new_message(struct lowering *lowering,
                                          const char *name, bool imported)
{
    struct pool *pool = lowering->pool;
    struct schema_message *message = pool_alloc(pool, sizeof(*message));
    message->name = name;
    message->full = pool_printf(pool, "%s.%s", lowering->prefix, name);
    message->c_name =
        name_join(pool, name_prefix(pool, lowering->prefix), name);
    message->imported = imported;
    message->doc = "";
    return message;
}

static void fill_message(struct lowering *lowering,
                         struct schema_message *message,
                         const struct vec *fields, int depth);
static bool lower_type(struct lowering *lowering, struct schema_field *field,
                       const struct type_field *from,
                       const struct type_expr *type, int depth);

/* A name for another type: what stands behind it counts. */
static bool lower_alias(struct lowering *lowering, struct schema_field *field,
                        const struct type_field *from,
                        const struct type_decl *decl, int depth)
{
    struct type_field inner = *from;
    inner.source = decl->source;
    if (depth <= SCHEMA_DEPTH_MAX && lowering->embeds++ < SCHEMA_FIELDS_MAX)
        return lower_type(lowering, field, &inner, decl->alias, depth + 1);
    source_error(decl->source, decl->at, "'%s' stands for itself", decl->name);
    return false;
}

static bool lower_named(struct lowering *lowering, struct schema_field *field,
                        const struct type_field *from,
                        const struct type_expr *type, int depth)
{
    struct type_decl *decl = find_decl(lowering, type->name);
    const struct base *base = find_base(type->name);
    if (decl && decl->alias)
        return lower_alias(lowering, field, from, decl, depth);
    if (decl) {
        field->kind = SCHEMA_MESSAGE;
        field->message = decl->message;
        return true;
    }
    if (base) {
        field->kind = (enum schema_kind)base->kind;
        return true;
    }
    if (strchr(type->name, '.'))
        source_error(from->source, type->at,
                     "unresolved type '%s'; info may name one for it, such as "
                     "types: \"%s=string\"",
                     type->name, type->name);
    else
        source_error(from->source, type->at, "unresolved type '%s'",
                     type->name);
    return false;
}

static bool is_byte(const struct type_expr *type)
{
    return type->form == TYPE_NAME &&
           (!strcmp(type->name, "byte") || !strcmp(type->name, "uint8"));
}

static bool lower_list(struct lowering *lowering, struct schema_field *field,
                       const struct type_field *from,
                       const struct type_expr *type, int depth)
{
    if (is_byte(type->item)) {
        field->kind = SCHEMA_BYTES;
        return true;
    }
    if (!lower_type(lowering, field, from, type->item, depth + 1))
        return false;
    /* A list of lists or of maps has no struct: its items are any value. */
    if (field->cardinality != SCHEMA_ONE) {
        field->kind = SCHEMA_ANY;
        field->message = NULL;
    }
    field->cardinality = SCHEMA_LIST;
    return true;
}

/* A name for what is not declared: no declared type's, and no other's. */
static const char *inner_name(struct lowering *lowering, const char *name)
{
    while (find_decl(lowering, name) || map_get(&lowering->inner, name))
        name = pool_printf(lowering->pool, "%s_", name);
    map_put(lowering->pool, &lowering->inner, name, lowering);
    return name;
}

static struct schema_field entry_field(const char *name,
                                       const struct schema_field *from)
{
    return (struct schema_field){.name = name,
                                 .written = name,
                                 .c_name = name,
                                 .type = "",
                                 .tag = "",
                                 .oneof = "",
                                 .doc = "",
                                 .flags = SCHEMA_IN_JSON,
                                 .pos = from->pos};
}

static bool lower_map(struct lowering *lowering, struct schema_field *field,
                      const struct type_field *from,
                      const struct type_expr *type, int depth)
{
    struct pool *pool = lowering->pool;
    struct schema_field *entry = pool_array(pool, 2, sizeof(*entry));
    const char *name =
        inner_name(lowering, pool_printf(pool, "%s_%sEntry", field->tag,
                                         name_c(pool, field->name)));
    entry[0] = entry_field("key", field);
    entry[1] = entry_field("value", field);
    /* What lies in it is named after it. */
    entry[0].tag = entry[1].tag = name;
    if (!lower_type(lowering, &entry[0], from, type->key, depth + 1) ||
        !lower_type(lowering, &entry[1], from, type->item, depth + 1))
        return false;
    if (type->key->form != TYPE_NAME) {
        source_error(from->source, type->key->at,
                     "found '%s', expected the name of a type as map key",
                     type->key->text);
        return false;
    }
    /* JSON and Go agree on texts and integers alone: what else the language
     * has for keys travels as any value. */
    if (entry[0].cardinality != SCHEMA_ONE ||
        (entry[0].kind > SCHEMA_U64 && entry[0].kind != SCHEMA_TEXT)) {
        field->kind = SCHEMA_ANY;
        return true;
    }
    if (entry[1].cardinality == SCHEMA_MAP) {
        entry[1].kind = SCHEMA_ANY;
        entry[1].cardinality = SCHEMA_ONE;
        entry[1].message = NULL;
    }
    entry[0].tag = entry[1].tag = "";
    struct schema_message *message = new_message(lowering, name, false);
    message->fields = entry;
    message->field_count = 2;
    message->entry = true;
    message->pos = field->pos;
    field->cardinality = SCHEMA_MAP;
    field->kind = SCHEMA_MESSAGE;
    field->message = message;
    vec_push(pool, &lowering->messages, message);
    return true;
}

static bool lower_struct(struct lowering *lowering, struct schema_field *field,
                         const struct type_field *from,
                         const struct type_expr *type, int depth)
{
    const char *name = pool_printf(lowering->pool, "%s_%s", field->tag,
                                   from->name[0] ? from->name : "value");
    if (!type->fields.count || depth > SCHEMA_DEPTH_MAX) {
        source_error(from->source, type->at,
                     "found an empty struct, expected fields");
        return false;
    }
    struct schema_message *message =
        new_message(lowering, inner_name(lowering, name), false);
    message->pos = source_pos(from->source, type->at);
    fill_message(lowering, message, &type->fields, depth + 1);
    vec_push(lowering->pool, &lowering->messages, message);
    field->kind = SCHEMA_MESSAGE;
    field->message = message;
    return true;
}

/* field->tag holds the message's name while types are lowered. */
static bool lower_type(struct lowering *lowering, struct schema_field *field,
                       const struct type_field *from,
                       const struct type_expr *type, int depth)
{
    const char *outer = field->tag;
    switch (type->form) {
    case TYPE_NAME:
        return lower_named(lowering, field, from, type, depth);
    case TYPE_POINTER:
        return lower_type(lowering, field, from, type->item, depth + 1);
    case TYPE_LIST:
        return lower_list(lowering, field, from, type, depth);
    case TYPE_MAP:
        field->tag = outer;
        return lower_map(lowering, field, from, type, depth);
    case TYPE_STRUCT:
        return lower_struct(lowering, field, from, type, depth);
    case TYPE_ANY:
        field->kind = SCHEMA_ANY;
        return true;
    }
    return false;
}

/* Two fields of one wire name from different sources (path:"id", json:"id"):
 * the one that JSON does not name is renamed, its source keeps its name. */
static bool rename_apart(struct gather *gather, struct schema_field *field,
                         struct tag *tag)
{
    struct schema_field *all = gather->fields.items;
    for (size_t i = 0; i < gather->fields.count; i++) {
        if (strcmp(all[i].name, field->name))
            continue;
        if (!tag->names[TAG_JSON] && strcmp(field->written, field->name) &&
            (all[i].flags & field->flags & 0xF0) == 0) {
            field->name = field->written;
            field->rule = tag_rule(gather->lowering->pool, tag, field->name);
            return true;
        }
        struct tag other;
        tag_parse(gather->lowering->pool, all[i].tag, &other);
        if (other.names[TAG_JSON] || !strcmp(all[i].written, all[i].name))
            return false;
        all[i].name = all[i].written;
        all[i].rule = tag_rule(gather->lowering->pool, &other, all[i].name);
        return true;
    }
    return true;
}

static bool is_taken(const struct gather *gather, const char *name)
{
    const struct schema_field *all = gather->fields.items;
    for (size_t i = 0; i < gather->fields.count; i++)
        if (!strcmp(all[i].name, name) || !strcmp(all[i].written, name))
            return true;
    return false;
}

/* Puts a field into its message; an outer one hides what was embedded. */
static void put_field(struct gather *gather, const struct type_field *from,
                      struct schema_field *field, struct tag *tag, size_t depth)
{
    struct pool *pool = gather->lowering->pool;
    struct schema_field *all = gather->fields.items;
    size_t *depths = gather->depths.items;
    for (size_t i = 0; i < gather->fields.count; i++) {
        bool same = !strcmp(all[i].name, field->name);
        if (!same || (depths[i] == depth && !depth))
            continue;
        if (depth < depths[i]) {
            all[i] = *field;
            depths[i] = depth;
        }
        return;
    }
    bool apart = rename_apart(gather, field, tag);
    if (!apart && !is_taken(gather, field->written)) {
        /* A tag that was copied with its field: the first one keeps it. */
        field->name = field->written;
        field->flags &= (uint16_t)~SCHEMA_REQUIRED;
        field->rule = tag_rule(pool, tag, field->name);
        apart = true;
    }
    all = gather->fields.items;
    for (size_t i = 0; i < gather->fields.count; i++) {
        /* Go's own rule is for names beside each other only. */
        bool twice =
            !depth && !depths[i] && !strcmp(all[i].written, field->written);
        if (apart && !twice)
            continue;
        source_error(from->source, from->at,
                     "'%s' is the name of another field here", field->name);
        return;
    }
    if (gather->fields.count >= SCHEMA_FIELDS_MAX) {
        source_error(from->source, from->at, "more than %d fields",
                     SCHEMA_FIELDS_MAX);
        return;
    }
    *(struct schema_field *)vec_add(pool, &gather->fields, sizeof(*field)) =
        *field;
    *(size_t *)vec_add(pool, &gather->depths, sizeof(size_t)) = depth;
}

static void gather_fields(struct gather *gather, const struct vec *fields,
                          size_t embedded, int depth);

static bool gather_embedded(struct gather *gather,
                            const struct type_field *from,
                            const struct tag *tag, size_t embedded, int depth)
{
    if (from->name[0] || tag_wire_name(tag, "")[0])
        return false;
    struct type_decl *decl = find_struct(gather->lowering, from->type->name);
    if (!decl || decl->alias) {
        source_error(from->source, from->at, "unresolved type '%s'",
                     from->type->name);
    } else if (decl->open) {
        source_error(from->source, from->at, "'%s' embeds itself",
                     from->type->name);
    } else if (gather->lowering->embeds++ >= SCHEMA_FIELDS_MAX) {
        source_error(from->source, from->at, "more than %d embedded types",
                     SCHEMA_FIELDS_MAX);
    } else {
        decl->open = true;
        gather_fields(gather, &decl->fields, embedded + 1, depth);
        decl->open = false;
    }
    return true;
}

static void gather_field(struct gather *gather, const struct type_field *from,
                         size_t embedded, int depth)
{
    struct lowering *lowering = gather->lowering;
    struct tag tag;
    tag_parse(lowering->pool, from->tag, &tag);
    if (tag.complaint)
        source_error(from->source, from->tag_at, "%s", tag.complaint);
    if (tag_drops(&tag) || gather_embedded(gather, from, &tag, embedded, depth))
        return;
    const char *written = from->name[0] ? from->name : from->type->name;
    struct schema_field field = {.name = tag_wire_name(&tag, written),
                                 .written = written,
                                 .type = from->type->text,
                                 .tag = gather->message->name,
                                 .doc = from->doc,
                                 .oneof = "",
                                 .pos = source_pos(from->source, from->at)};
    bool pointer = from->type->form == TYPE_POINTER;
    if (!lower_type(lowering, &field, from, from->type, depth))
        return;
    field.tag = from->tag;
    tag_apply(lowering->pool, &field, &tag, pointer);
    put_field(gather, from, &field, &tag, embedded);
}

static void gather_fields(struct gather *gather, const struct vec *fields,
                          size_t embedded, int depth)
{
    const struct type_field *from = fields->items;
    for (size_t i = 0; i < fields->count; i++)
        gather_field(gather, &from[i], embedded, depth);
}

static void fill_message(struct lowering *lowering,
                         struct schema_message *message,
                         const struct vec *fields, int depth)
{
    struct gather gather = {.lowering = lowering, .message = message};
    gather_fields(&gather, fields, 0, depth);
    name_members(lowering->pool, gather.fields.items, gather.fields.count,
                 sizeof(struct schema_field));
    message->fields = gather.fields.items;
    message->field_count = gather.fields.count;
}

/* The fields as they stand in the file. */
static const struct schema_line *written_lines(struct pool *pool,
                                               const struct vec *fields)
{
    const struct type_field *from = fields->items;
    struct schema_line *lines =
        pool_array(pool, fields->count + 1, sizeof(*lines));
    for (size_t i = 0; i < fields->count; i++) {
        const struct type_expr *type = from[i].type;
        lines[i] =
            (struct schema_line){.name = from[i].name,
                                 .type = type->text,
                                 .tag = from[i].tag,
                                 .doc = from[i].doc,
                                 .embedded = !from[i].name[0],
                                 .pos = source_pos(from[i].source, from[i].at)};
        if (type->form != TYPE_STRUCT)
            continue;
        lines[i].lines = written_lines(pool, &type->fields);
        lines[i].line_count = type->fields.count;
    }
    return lines;
}

/* An alias that nobody uses must make sense too. */
static void check_alias(struct lowering *lowering, const struct type_decl *decl)
{
    const struct type_field from = {.name = "", .source = decl->source};
    struct schema_field field = {
        .name = decl->name, .type = decl->alias->text, .tag = decl->name};
    lower_type(lowering, &field, &from, decl->alias, 1);
}

void types_lower(struct lowering *lowering)
{
    struct type_decl *const *decls = lowering->decls.items;
    for (size_t i = lowering->decls.count; i-- > 0;)
        map_put(lowering->pool, &lowering->by_name, decls[i]->name, decls[i]);
    for (size_t i = 0; i < lowering->decls.count; i++) {
        struct type_decl *decl = decls[i];
        const struct type_decl *first = find_decl(lowering, decl->name);
        if (first && first != decl)
            source_error(decl->source, decl->at,
                         "type '%s' is declared already, at %s:%u", decl->name,
                         first->source->path,
                         source_pos(first->source, first->at).line);
        if (decl->alias)
            continue;
        decl->message = new_message(lowering, decl->name, false);
        decl->message->doc = decl->doc;
        decl->message->pos = source_pos(decl->source, decl->at);
    }
    for (size_t i = 0; i < lowering->decls.count; i++) {
        lowering->embeds = 0;
        if (decls[i]->alias) {
            check_alias(lowering, decls[i]);
            continue;
        }
        decls[i]->open = true;
        fill_message(lowering, decls[i]->message, &decls[i]->fields, 0);
        decls[i]->open = false;
        decls[i]->message->declared = true;
        decls[i]->message->lines =
            written_lines(lowering->pool, &decls[i]->fields);
        decls[i]->message->line_count = decls[i]->fields.count;
        vec_push(lowering->pool, &lowering->messages, decls[i]->message);
    }
}

struct schema_message *types_bare(struct lowering *lowering, const char *name,
                                  struct source *source, struct type_expr *type)
{
    struct vec fields = {0};
    struct type_field *value = vec_add(lowering->pool, &fields, sizeof(*value));
    *value = (struct type_field){.name = "value",
                                 .type = type,
                                 .tag = "json:\"value\"",
                                 .at = type->at,
                                 .tag_at = type->at,
                                 .doc = "",
                                 .source = source};
    struct schema_message *message =
        new_message(lowering, inner_name(lowering, name), false);
    message->pos = source_pos(source, type->at);
    message->bare = true;
    fill_message(lowering, message, &fields, 0);
    vec_push(lowering->pool, &lowering->messages, message);
    return message;
}
