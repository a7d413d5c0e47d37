/* SPDX-License-Identifier: MIT
 *
 * JSON into structs by their shapes. One pass, no tree: each value goes to its
 * place as it is read, lists grow in the arena. Keys usually come in the
 * shape's own order, so the field after the last one is tried first. A scalar
 * is handed to text.c as the text it stands in, which is why no number is ever
 * rounded on the way.
 */
#include "bus/json_read.h"

#include <assert.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/fault.h"
#include "bus/json_in.h"
#include "bus/map_keys.h"
#include "bus/shape.h"
#include "bus/text.h"

#define ITEMS_FIRST 4 /* room of a list before it first grows */

/* One object on its way into a struct. */
struct object {
    const struct bus_shape *shape;
    const struct bus_path *path;
    char *message;
    bool *seen;     /* a value other than null came */
    bool *faulty;   /* one came that was noted as a fault */
    bool *came;     /* the key came, whatever its value */
    size_t next;    /* the field that is likely to come next */
    bool only_json; /* skip fields of other sources */
    /* A field named "a.b" is b in the object a: what stands before the keys of
     * this object ("a."), or "". */
    struct bus_bytes prefix;
};

static int read_object(struct json_in *in, struct object *object);
static int read_field(struct json_in *in, const struct bus_field *field,
                      const struct bus_path *path, void *message,
                      bool *ret_came);

/* -- errors ---------------------------------------------------------------- */

static int mismatch(struct json_in *in, const struct bus_path *path,
                    const char *expected, enum json_type actual)
{
    char name[BUS_FIELD_MAX] = "";
    if (actual == JSON_NONE)
        return json_skip(in); /* says where and what */
    if (!path)
        return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                             "type mismatch, expect \"%s\", actual \"%s\"",
                             expected, json_type_name(actual));
    bus_path_text(path, name, sizeof(name));
    return bus_error_field(in->err, BUS_INVALID_ARGUMENT, name,
                           "type mismatch for field \"%s\", expect \"%s\", "
                           "actual \"%s\"",
                           name, expected, json_type_name(actual));
}

static int null_refused(struct json_in *in, const struct bus_path *path)
{
    char name[BUS_FIELD_MAX];
    bus_path_text(path, name, sizeof(name));
    if (path->type == BUS_PATH_INDEX)
        return bus_error_field(in->err, BUS_INVALID_ARGUMENT, name,
                               "null element for slice");
    return bus_error_field(in->err, BUS_INVALID_ARGUMENT, name,
                           "field \"%s\" mustn't be nil", name);
}

static int text_refused(struct json_in *in, enum text_fault fault,
                        const struct bus_path *path, struct bus_bytes text)
{
    char name[BUS_FIELD_MAX];
    bus_path_text(path, name, sizeof(name));
    return text_fault_error(fault, name, text, in->err);
}

/* Behind a value that could not be read: on with the next one if there is a
 * list of faults that this one belongs to. */
static int pass_over(struct json_in *in, const uint8_t *start, int code)
{
    if (!bus_fault_keep(in->faults, in->err))
        return code;
    in->at = start;
    return json_skip(in);
}

/* -- scalars --------------------------------------------------------------- */

/* The JSON types that a scalar of this field may be written as. */
static unsigned scalar_types(const struct bus_field *field)
{
    bool loose = field->flags & BUS_FROM_TEXT;
    switch ((enum bus_kind)field->kind) {
    case BUS_BOOL:
        return JSON_BOOL | (loose ? JSON_TEXT : 0u);
    case BUS_I8:
    case BUS_I16:
    case BUS_I32:
    case BUS_I64:
    case BUS_U8:
    case BUS_U16:
    case BUS_U32:
    case BUS_U64:
    case BUS_F32:
    case BUS_F64:
        /* go-zero takes ["1"] for a list of numbers. */
        loose |= field->cardinality == BUS_LIST;
        return JSON_NUMBER | (loose ? JSON_TEXT : 0u);
    case BUS_TEXT:
        return JSON_TEXT | (loose ? JSON_NUMBER : 0u);
    case BUS_ENUM:
    case BUS_DECIMAL:
        return JSON_TEXT | JSON_NUMBER;
    case BUS_BYTES:
    case BUS_TIME:
    case BUS_DURATION:
        return JSON_TEXT;
    case BUS_MESSAGE:
    case BUS_ANY:
        break;
    }
    return 0;
}

/* What error texts call one scalar of a field, whatever its cardinality. */
static const char *scalar_name(const struct bus_field *field)
{
    struct bus_field one = *field;
    one.cardinality = BUS_ONE;
    return bus_field_type(&one);
}

static int scalar_token(struct json_in *in, enum json_type type,
                        struct bus_bytes *ret)
{
    if (type == JSON_TEXT)
        return json_text(in, ret);
    return type == JSON_NUMBER ? json_number(in, ret) : json_bool(in, ret);
}

/* The lexer has checked this text already. */
static int keep_text(struct json_in *in, struct bus_bytes text, void *slot)
{
    char *copy = bus_arena_text_n(in->arena, (const char *)text.data, text.len);
    if (!copy)
        return json_full(in);
    *(const char **)slot = copy;
    return 0;
}

static int read_scalar(struct json_in *in, const struct bus_field *field,
                       const struct bus_path *path, void *slot)
{
    struct bus_bytes text = {0};
    enum json_type type = json_peek(in);
    if (!(type & scalar_types(field)))
        return mismatch(in, path, scalar_name(field), type);
    int code = scalar_token(in, type, &text);
    if (code)
        return code;
    if (field->kind == BUS_TEXT)
        return keep_text(in, text, slot);
    enum text_fault fault = text_item(field, text, in->arena, slot);
    return fault ? text_refused(in, fault, path, text) : 0;
}

static int read_any(struct json_in *in, const struct bus_path *path, void *slot)
{
    if (!json_any_read)
        return mismatch(in, path, "nothing", json_peek(in));
    return json_any_read(in, slot);
}

/* -- messages, lists and maps ---------------------------------------------- */

/* A nested message into its struct, checked at once, as only here is known
 * which of its fields came. */
static int read_message(struct json_in *in, const struct bus_shape *shape,
                        const struct bus_path *path, void *message)
{
    bool *seen = bus_arena_array(in->arena, 3, shape->count);
    if (!seen)
        return json_full(in);
    struct object object = {
        .shape = shape,
        .path = path,
        .message = message,
        .seen = seen,
        .came = seen + shape->count,
        .faulty = seen + 2 * (size_t)shape->count,
    };
    const struct bus_verdict verdict = {in->arena, in->err, in->faults,
                                        object.faulty};
    int code = read_object(in, &object);
    if (code)
        return code;
    return bus_shape_check_all(path, shape, message, seen, &verdict);
}

static int read_pointer(struct json_in *in, const struct bus_shape *shape,
                        const struct bus_path *path, void *slot)
{
    void *message = bus_arena_alloc(in->arena, shape->size);
    if (!message)
        return json_full(in);
    int code = read_message(in, shape, path, message);
    if (code == 0)
        *(void **)slot = message;
    return code;
}

/* A list that grows in the arena. */
struct growing {
    struct bus_list list;
    size_t cap;
    size_t size; /* of an item */
};

/* A zeroed slot for the next item; NULL and an error when there is no room. */
static void *growing_slot(struct json_in *in, struct growing *items,
                          int *ret_code)
{
    if (items->list.count == BUS_ITEMS_MAX) {
        *ret_code = json_bad(in, in->at, "too many items");
        return NULL;
    }
    if (items->list.count == items->cap) {
        size_t cap = items->cap ? items->cap * 2 : ITEMS_FIRST;
        void *grown = bus_arena_array(in->arena, cap, items->size);
        if (!grown) {
            *ret_code = json_full(in);
            return NULL;
        }
        if (items->list.count)
            memcpy(grown, items->list.items, items->list.count * items->size);
        items->list.items = grown;
        items->cap = cap;
    }
    return (char *)items->list.items + items->list.count++ * items->size;
}

static int read_item(struct json_in *in, const struct bus_field *field,
                     const struct bus_path *path, void *slot)
{
    if (field->kind == BUS_ANY)
        return read_any(in, path, slot);
    if (json_peek(in) == JSON_NULL)
        return null_refused(in, path);
    if (field->kind == BUS_MESSAGE)
        return read_message(in, field->shape, path, slot);
    return read_scalar(in, field, path, slot);
}

static int read_list(struct json_in *in, const struct bus_field *field,
                     const struct bus_path *path, struct bus_list *ret)
{
    struct growing items = {.size = bus_field_size(field)};
    struct json_scope scope = {0};
    bool more = true;
    enum json_type type = json_peek(in);
    if (type != JSON_LIST)
        return mismatch(in, path, bus_field_type(field), type);
    int code = json_enter(in, &scope);
    while (code == 0) {
        code = json_more(in, &scope, &more);
        if (code || !more)
            break;
        struct bus_path step = {.up = path, .type = BUS_PATH_INDEX};
        step.index = items.list.count;
        void *slot = growing_slot(in, &items, &code);
        const uint8_t *start = in->at;
        if (slot)
            code = read_item(in, field, &step, slot);
        if (slot && code)
            code = pass_over(in, start, code);
    }
    if (code == 0)
        *ret = items.list;
    return code;
}

/* A map's value; null is one only where any value may stand. */
static int read_entry(struct json_in *in, const struct bus_shape *entry,
                      const struct bus_path *path, char *slot)
{
    const struct bus_field *key = &entry->fields[0];
    const struct bus_field *value = &entry->fields[1];
    bool came = false;
    enum text_fault fault =
        text_item(key, path->name, in->arena, slot + key->offset);
    if (fault)
        return text_refused(in, fault, path, path->name);
    if (value->kind == BUS_ANY && value->cardinality == BUS_ONE)
        return read_any(in, path, slot + value->offset);
    int code = read_field(in, value, path, slot, &came);
    if (code == 0 && !came)
        return null_refused(in, path);
    return code;
}

static int read_map(struct json_in *in, const struct bus_field *field,
                    const struct bus_path *path, struct bus_list *ret)
{
    struct growing items = {.size = bus_field_size(field)};
    struct json_scope scope = {0};
    bool more = true;
    enum json_type type = json_peek(in);
    if (type != JSON_OBJECT)
        return mismatch(in, path, bus_field_type(field), type);
    int code = json_enter(in, &scope);
    while (code == 0) {
        struct bus_path step = {.up = path, .type = BUS_PATH_KEY};
        code = json_more(in, &scope, &more);
        if (code || !more)
            break;
        code = json_key(in, &step.name);
        if (code == 0)
            code = json_remember(in, step.name);
        if (code)
            break;
        void *slot = growing_slot(in, &items, &code);
        const uint8_t *start = in->at;
        if (slot)
            code = read_entry(in, field->shape, &step, slot);
        if (slot && code)
            code = pass_over(in, start, code);
    }
    /* The same text twice was refused before; numbers have many spellings. */
    if (code == 0 && bus_map_repeats(field, &items.list))
        return json_bad(in, in->at, "a duplicate key");
    if (code == 0)
        *ret = items.list;
    return code;
}

static int read_value(struct json_in *in, const struct bus_field *field,
                      const struct bus_path *path, void *slot)
{
    if (field->cardinality == BUS_LIST)
        return read_list(in, field, path, slot);
    if (field->cardinality == BUS_MAP)
        return read_map(in, field, path, slot);
    if (field->kind == BUS_MESSAGE)
        return read_pointer(in, field->shape, path, slot);
    if (field->kind == BUS_ANY)
        return read_any(in, path, slot);
    return read_scalar(in, field, path, slot);
}

/* A field's value into the message; null leaves it alone. */
static int read_field(struct json_in *in, const struct bus_field *field,
                      const struct bus_path *path, void *message,
                      bool *ret_came)
{
    if (json_peek(in) == JSON_NULL)
        return json_null(in);
    int code = read_value(in, field, path, (char *)message + field->offset);
    if (code == 0) {
        bus_field_set_present(field, message);
        *ret_came = true;
    }
    return code;
}

/* -- objects --------------------------------------------------------------- */

enum key_match { KEY_OTHER, KEY_FIELD, KEY_LEADS };

/* KEY_LEADS: the key is an object that holds a dotted field. */
static enum key_match key_match(const char *name, struct bus_bytes prefix,
                                struct bus_bytes key)
{
    const char *rest = name + prefix.len;
    if (prefix.len && strncmp(name, (const char *)prefix.data, prefix.len) != 0)
        return KEY_OTHER;
    if (strncmp(rest, (const char *)key.data, key.len) != 0)
        return KEY_OTHER;
    if (rest[key.len] == '\0')
        return KEY_FIELD;
    return rest[key.len] == '.' ? KEY_LEADS : KEY_OTHER;
}

static bool from_json(const struct object *object,
                      const struct bus_field *field)
{
    const unsigned sources =
        BUS_IN_JSON | BUS_IN_FORM | BUS_IN_PATH | BUS_IN_HEADER;
    unsigned named = field->flags & sources;
    return !object->only_json || named == 0 || (named & BUS_IN_JSON);
}

static enum key_match find_key(struct object *object, struct bus_bytes key,
                               size_t *ret_index)
{
    enum key_match best = KEY_OTHER;
    size_t count = object->shape->count;
    for (size_t n = 0; n < count; n++) {
        size_t i = object->next + n < count ? object->next + n
                                            : object->next + n - count;
        const struct bus_field *field = &object->shape->fields[i];
        enum key_match match = key_match(field->name, object->prefix, key);
        if (match == KEY_OTHER || !from_json(object, field))
            continue;
        best = match;
        if (match == KEY_FIELD) {
            object->next = i + 1 < count ? i + 1 : 0;
            *ret_index = i;
            return KEY_FIELD;
        }
    }
    return best;
}

static int read_known(struct json_in *in, struct object *object, size_t index)
{
    const struct bus_field *field = &object->shape->fields[index];
    struct bus_path step = {
        .up = object->path,
        .type = BUS_PATH_FIELD,
        .name = {(const uint8_t *)field->name, strlen(field->name)},
    };
    if (object->came[index])
        return json_bad(in, in->at, "a duplicate key");
    object->came[index] = true;
    const uint8_t *start = in->at;
    int code =
        read_field(in, field, &step, object->message, &object->seen[index]);
    if (!code)
        return 0;
    object->faulty[index] = true;
    return pass_over(in, start, code);
}

/* The object under a key that leads to dotted fields. */
static int read_dotted(struct json_in *in, struct object *object,
                       struct bus_bytes key)
{
    if (json_peek(in) != JSON_OBJECT)
        return json_skip(in);
    struct object inner = *object;
    char *prefix = bus_arena_alloc(in->arena, object->prefix.len + key.len + 2);
    if (!prefix)
        return json_full(in);
    if (object->prefix.len)
        memcpy(prefix, object->prefix.data, object->prefix.len);
    memcpy(prefix + object->prefix.len, key.data, key.len);
    prefix[object->prefix.len + key.len] = '.';
    inner.prefix.data = (const uint8_t *)prefix;
    inner.prefix.len = object->prefix.len + key.len + 1;
    return read_object(in, &inner);
}

static int read_member(struct json_in *in, struct object *object)
{
    struct bus_bytes key = {0};
    size_t index = 0;
    int code = json_key(in, &key);
    if (code)
        return code;
    enum key_match match = find_key(object, key, &index);
    if (match == KEY_FIELD)
        return read_known(in, object, index);
    code = json_remember(in, key);
    if (code)
        return code;
    return match == KEY_LEADS ? read_dotted(in, object, key) : json_skip(in);
}

static int read_object(struct json_in *in, struct object *object)
{
    struct json_scope scope = {0};
    bool more = true;
    enum json_type type = json_peek(in);
    if (type != JSON_OBJECT)
        return mismatch(in, object->path, "object", type);
    int code = json_enter(in, &scope);
    while (code == 0) {
        code = json_more(in, &scope, &more);
        if (code || !more)
            break;
        code = read_member(in, object);
    }
    return code;
}

/* -- entry ----------------------------------------------------------------- */

/* Reads into a copy, so that a refused text leaves the message as it was. */
static int read_top(struct json_in *in, struct object *object, void *message)
{
    size_t count = object->shape->count;
    object->message = bus_arena_alloc(in->arena, object->shape->size);
    object->seen = bus_arena_array(in->arena, 3, count);
    if (!object->message || !object->seen)
        return json_full(in);
    object->came = object->seen + count;
    object->faulty = object->seen + 2 * count;
    memcpy(object->message, message, object->shape->size);
    int code = read_object(in, object);
    if (code == 0)
        code = json_end(in);
    if (code == 0)
        memcpy(message, object->message, object->shape->size);
    return code;
}

int json_read(const struct json_reading *reading, void *message)
{
    struct json_in in;
    const struct bus_shape *shape = reading->shape;
    struct object object = {.shape = shape, .only_json = reading->only_json};
    json_open(&in, reading->text, reading->arena, reading->err);
    in.faults = reading->faults;
    int code = read_top(&in, &object, message);
    json_close(&in);
    for (size_t i = 0; code == 0 && i < shape->count; i++) {
        if (reading->seen)
            reading->seen[i] = reading->seen[i] || object.seen[i];
        if (reading->faulty)
            reading->faulty[i] = reading->faulty[i] || object.faulty[i];
    }
    return code;
}

int bus_json_read(struct bus_bytes text, const struct bus_shape *shape,
                  struct bus_arena *arena, void *message, bool *ret_seen,
                  struct bus_error *err)
{
    const struct json_reading reading = {.text = text,
                                         .shape = shape,
                                         .arena = arena,
                                         .err = err,
                                         .seen = ret_seen};
    return json_read(&reading, message);
}

int json_read_field(struct bus_bytes text, const struct bus_field *field,
                    struct bus_arena *arena, void *message, bool *ret_came,
                    struct bus_error *err)
{
    struct json_in in;
    struct bus_path step = {
        .type = BUS_PATH_FIELD,
        .name = {(const uint8_t *)field->name, strlen(field->name)},
    };
    json_open(&in, text, arena, err);
    int code = read_field(&in, field, &step, message, ret_came);
    if (code == 0)
        code = json_end(&in);
    json_close(&in);
    return code;
}
