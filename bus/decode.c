/* SPDX-License-Identifier: MIT
 *
 * msgpack maps into structs, by their shape, in one pass: a key is first
 * compared with the field after the last one found, for messages usually come
 * in the order of their shape, then searched. Every error names the field by
 * its path. Each step of a path is one list or map, so a path's length is the
 * depth.
 */
#include "bus/map_keys.h"
#include "bus/pack.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/utf8.h"

#define NUMBER_TEXT 24  /* one integer as text */
#define DECIMAL_MAX 128 /* bytes of one decimal */

struct decode {
    struct bus_unpack in;
    const uint8_t *start;
    struct bus_arena *arena;
    struct bus_error *err;
};

static int read_message(struct decode *decode, const struct bus_path *at,
                        const struct bus_shape *shape, void *message);
static int read_field(struct decode *decode, const struct bus_path *at,
                      const struct bus_field *field, void *message);

static size_t path_depth(const struct bus_path *at)
{
    size_t depth = 0;
    for (; at; at = at->up)
        depth++;
    return depth;
}

static const char *type_name(enum bus_pack_type type)
{
    static const char *const names[] = {
        [BUS_PACK_END] = "nothing",   [BUS_PACK_NIL] = "nil",
        [BUS_PACK_BOOL] = "bool",     [BUS_PACK_INT] = "number",
        [BUS_PACK_UINT] = "number",   [BUS_PACK_DOUBLE] = "number",
        [BUS_PACK_TEXT] = "string",   [BUS_PACK_BIN] = "bytes",
        [BUS_PACK_ARRAY] = "list",    [BUS_PACK_MAP] = "map",
        [BUS_PACK_EXT] = "extension",
    };
    return names[type];
}

static int malformed(struct decode *decode)
{
    return bus_error_set(decode->err, BUS_INVALID_ARGUMENT,
                         "malformed msgpack at byte %zu",
                         (size_t)(decode->in.at - decode->start));
}

static int full(struct decode *decode)
{
    return bus_error_set(decode->err, BUS_RESOURCE_EXHAUSTED,
                         "the message needs more memory than a call may use");
}

/* The next value is not what the field wants. */
static int mismatch(struct decode *decode, const struct bus_path *at,
                    const char *expect)
{
    char path[BUS_FIELD_MAX];
    enum bus_pack_type type = bus_unpack_type(&decode->in);
    if (type == BUS_PACK_END)
        return malformed(decode);
    if (!at)
        return bus_error_set(decode->err, BUS_INVALID_ARGUMENT,
                             "type mismatch for the message, expect \"%s\", "
                             "actual \"%s\"",
                             expect, type_name(type));
    bus_path_text(at, path, sizeof(path));
    return bus_error_field(decode->err, BUS_INVALID_ARGUMENT, path,
                           "type mismatch for field \"%s\", expect \"%s\", "
                           "actual \"%s\"",
                           path, expect, type_name(type));
}

/* `what` follows the field's name in the sentence. */
static int unfit(struct decode *decode, const struct bus_path *at,
                 const char *what)
{
    char path[BUS_FIELD_MAX];
    bus_path_text(at, path, sizeof(path));
    return bus_error_field(decode->err, BUS_INVALID_ARGUMENT, path,
                           "value for field \"%s\" %s", path, what);
}

static int too_deep(struct decode *decode)
{
    return bus_error_set(decode->err, BUS_INVALID_ARGUMENT,
                         "message is nested deeper than %d", BUS_DEPTH_MAX);
}

static int number_unfit(struct decode *decode, const struct bus_path *at,
                        uint8_t kind)
{
    struct bus_field one = {.kind = kind};
    char what[64];
    snprintf(what, sizeof(what), "does not fit %s", bus_field_type(&one));
    return unfit(decode, at, what);
}

/* Bounds by kind; size 0: not an integer. */
static const struct {
    int64_t least;
    uint64_t most;
    size_t size;
} integers[] = {
    [BUS_I8] = {INT8_MIN, INT8_MAX, 1},
    [BUS_I16] = {INT16_MIN, INT16_MAX, 2},
    [BUS_I32] = {INT32_MIN, INT32_MAX, 4},
    [BUS_I64] = {INT64_MIN, INT64_MAX, 8},
    [BUS_U8] = {0, UINT8_MAX, 1},
    [BUS_U16] = {0, UINT16_MAX, 2},
    [BUS_U32] = {0, UINT32_MAX, 4},
    [BUS_U64] = {0, UINT64_MAX, 8},
    [BUS_ENUM] = {INT32_MIN, INT32_MAX, 4},
    [BUS_TIME] = {INT64_MIN, INT64_MAX, 8},
    [BUS_DURATION] = {INT64_MIN, INT64_MAX, 8},
    [BUS_ANY] = {0, 0, 0},
};

/* Stores the low bytes of a two's complement number. */
static void integer_store(uint64_t bits, size_t size, void *to)
{
    uint8_t one = (uint8_t)bits;
    uint16_t two = (uint16_t)bits;
    uint32_t four = (uint32_t)bits;
    switch (size) {
    case 1:
        memcpy(to, &one, size);
        break;
    case 2:
        memcpy(to, &two, size);
        break;
    case 4:
        memcpy(to, &four, size);
        break;
    default:
        memcpy(to, &bits, sizeof(bits));
    }
}

static int read_integer(struct decode *decode, const struct bus_path *at,
                        uint8_t kind, void *to)
{
    uint64_t natural;
    int64_t integer;
    bool fits;
    if (bus_unpack_uint(&decode->in, &natural)) {
        fits = natural <= integers[kind].most;
    } else if (bus_unpack_int(&decode->in, &integer)) {
        fits = integer >= integers[kind].least;
        natural = (uint64_t)integer;
    } else {
        struct bus_field one = {.kind = kind};
        return mismatch(decode, at, bus_field_type(&one));
    }
    if (!fits)
        return number_unfit(decode, at, kind);
    integer_store(natural, integers[kind].size, to);
    return BUS_OK;
}

/* By number, or by one of its names. */
static int read_enum(struct decode *decode, const struct bus_path *at,
                     const struct bus_field *field, void *to)
{
    struct bus_bytes name;
    if (!field->values || !bus_unpack_text(&decode->in, &name))
        return read_integer(decode, at, BUS_ENUM, to);
    const struct bus_enum_value *value = field->values;
    while (value->name && (strlen(value->name) != name.len ||
                           memcmp(value->name, name.data, name.len) != 0))
        value++;
    if (!value->name)
        return unfit(decode, at, "is not a name of its enum");
    memcpy(to, &value->number, sizeof(value->number));
    return BUS_OK;
}

static int read_float(struct decode *decode, const struct bus_path *at,
                      void *to)
{
    double wide;
    if (!bus_unpack_double(&decode->in, &wide))
        return mismatch(decode, at, "float32");
    float narrow = (float)wide;
    if (isinf(narrow) && !isinf(wide))
        return number_unfit(decode, at, BUS_F32);
    memcpy(to, &narrow, sizeof(narrow));
    return BUS_OK;
}

static int copy_text(struct decode *decode, struct bus_bytes text, void *to)
{
    const char *copy =
        bus_arena_text_n(decode->arena, (const char *)text.data, text.len);
    if (!copy)
        return full(decode);
    memcpy(to, &copy, sizeof(copy));
    return BUS_OK;
}

static int read_text(struct decode *decode, const struct bus_path *at, void *to)
{
    struct bus_bytes text;
    if (!bus_unpack_text(&decode->in, &text))
        return mismatch(decode, at, "string");
    if (text.len > BUS_TEXT_MAX)
        return unfit(decode, at, "is too long");
    if (memchr(text.data, '\0', text.len))
        return unfit(decode, at, "holds a NUL character");
    if (!bus_utf8_valid(text.data, text.len))
        return unfit(decode, at, "is not UTF-8");
    return copy_text(decode, text, to);
}

static size_t digits(struct bus_bytes text, size_t from)
{
    size_t at = from;
    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    return at - from;
}

/* "", "-1", "1.10": no plus, no exponent, no zero in front. */
static bool decimal_valid(struct bus_bytes text)
{
    if (text.len == 0)
        return true;
    size_t at = text.data[0] == '-';
    size_t whole = digits(text, at);
    if (whole == 0 || (whole > 1 && text.data[at] == '0'))
        return false;
    at += whole;
    if (at < text.len && text.data[at] == '.') {
        size_t fraction = digits(text, at + 1);
        at = fraction ? at + 1 + fraction : at;
    }
    return at == text.len;
}

static int read_decimal(struct decode *decode, const struct bus_path *at,
                        void *to)
{
    struct bus_bytes text;
    if (!bus_unpack_text(&decode->in, &text))
        return mismatch(decode, at, "decimal");
    if (text.len > DECIMAL_MAX || !decimal_valid(text))
        return unfit(decode, at, "is not a decimal number");
    return copy_text(decode, text, to);
}

static int copy_bytes(struct decode *decode, struct bus_bytes from, void *to)
{
    uint8_t *copy = bus_arena_alloc(decode->arena, from.len);
    if (!copy)
        return full(decode);
    if (from.len)
        memcpy(copy, from.data, from.len);
    struct bus_bytes bytes = {copy, from.len};
    memcpy(to, &bytes, sizeof(bytes));
    return BUS_OK;
}

static int read_bytes(struct decode *decode, const struct bus_path *at,
                      void *to)
{
    struct bus_bytes bytes;
    if (!bus_unpack_bin(&decode->in, &bytes))
        return mismatch(decode, at, "bytes");
    return copy_bytes(decode, bytes, to);
}

static int read_any(struct decode *decode, const struct bus_path *at, void *to)
{
    struct bus_bytes value;
    if (!bus_unpack_value_in(&decode->in, path_depth(at), &value))
        return malformed(decode);
    return copy_bytes(decode, value, to);
}

static int read_pointer(struct decode *decode, const struct bus_path *at,
                        const struct bus_shape *shape, void *to)
{
    void *message = bus_arena_alloc(decode->arena, shape->size);
    if (!message)
        return full(decode);
    int code = read_message(decode, at, shape, message);
    if (code == BUS_OK)
        memcpy(to, &message, sizeof(message));
    return code;
}

/* One value of the field's kind to where its C type lies. */
static int read_value(struct decode *decode, const struct bus_path *at,
                      const struct bus_field *field, void *to)
{
    switch ((enum bus_kind)field->kind) {
    case BUS_BOOL:
        return bus_unpack_bool(&decode->in, to) ? BUS_OK
                                                : mismatch(decode, at, "bool");
    case BUS_I8:
    case BUS_I16:
    case BUS_I32:
    case BUS_I64:
    case BUS_U8:
    case BUS_U16:
    case BUS_U32:
    case BUS_U64:
    case BUS_TIME:
    case BUS_DURATION:
        return read_integer(decode, at, field->kind, to);
    case BUS_ENUM:
        return read_enum(decode, at, field, to);
    case BUS_F32:
        return read_float(decode, at, to);
    case BUS_F64:
        return bus_unpack_double(&decode->in, to)
                   ? BUS_OK
                   : mismatch(decode, at, "float64");
    case BUS_TEXT:
        return read_text(decode, at, to);
    case BUS_DECIMAL:
        return read_decimal(decode, at, to);
    case BUS_BYTES:
        return read_bytes(decode, at, to);
    case BUS_MESSAGE:
        return read_pointer(decode, at, field->shape, to);
    case BUS_ANY:
        return read_any(decode, at, to);
    }
    return malformed(decode);
}

/* Takes the header of a list or map and makes room for its items. */
static int list_open(struct decode *decode, const struct bus_path *at,
                     const struct bus_field *field, struct bus_list *ret)
{
    uint32_t count;
    bool map = field->cardinality == BUS_MAP;
    if (!(map ? bus_unpack_map(&decode->in, &count)
              : bus_unpack_array(&decode->in, &count)))
        return mismatch(decode, at, bus_field_type(field));
    if (path_depth(at) >= BUS_DEPTH_MAX)
        return too_deep(decode);
    if (count > BUS_ITEMS_MAX)
        return unfit(decode, at, "has too many items");
    ret->count = count;
    ret->items = bus_arena_array(decode->arena, count, bus_field_size(field));
    return ret->items ? BUS_OK : full(decode);
}

static int read_list(struct decode *decode, const struct bus_path *at,
                     const struct bus_field *field, void *to)
{
    struct bus_list list;
    int code = list_open(decode, at, field, &list);
    if (code)
        return code;
    unsigned char *item = list.items;
    for (size_t i = 0; i < list.count && code == BUS_OK; i++) {
        struct bus_path step = {.up = at, .type = BUS_PATH_INDEX, .index = i};
        code = field->kind == BUS_MESSAGE
                   ? read_message(decode, &step, field->shape, item)
                   : read_value(decode, &step, field, item);
        item += bus_field_size(field);
    }
    memcpy(to, &list, sizeof(list));
    return code;
}

/* A map's key as its path shows it. */
static struct bus_bytes key_text(struct bus_unpack in, char number[NUMBER_TEXT])
{
    struct bus_bytes text = {(const uint8_t *)number, 0};
    uint64_t natural;
    int64_t integer;
    if (bus_unpack_text(&in, &text))
        return text;
    if (bus_unpack_uint(&in, &natural))
        snprintf(number, NUMBER_TEXT, "%" PRIu64, natural);
    else if (bus_unpack_int(&in, &integer))
        snprintf(number, NUMBER_TEXT, "%" PRId64, integer);
    else
        number[0] = '\0';
    text.len = strlen(number);
    return text;
}

static int read_map(struct decode *decode, const struct bus_path *at,
                    const struct bus_field *field, void *to)
{
    struct bus_list list;
    int code = list_open(decode, at, field, &list);
    if (code)
        return code;
    unsigned char *entry = list.items;
    for (size_t i = 0; i < list.count && code == BUS_OK; i++) {
        char number[NUMBER_TEXT];
        struct bus_path step = {.up = at,
                                .type = BUS_PATH_KEY,
                                .name = key_text(decode->in, number)};
        code = read_field(decode, at, &field->shape->fields[0], entry);
        if (code == BUS_OK)
            code = read_field(decode, &step, &field->shape->fields[1], entry);
        entry += field->shape->size;
    }
    if (code == BUS_OK && bus_map_repeats(field, &list))
        return unfit(decode, at, "has a key twice");
    memcpy(to, &list, sizeof(list));
    return code;
}

static int read_field(struct decode *decode, const struct bus_path *at,
                      const struct bus_field *field, void *message)
{
    void *to = (unsigned char *)message + field->offset;
    if (field->cardinality == BUS_LIST)
        return read_list(decode, at, field, to);
    if (field->cardinality == BUS_MAP)
        return read_map(decode, at, field, to);
    return read_value(decode, at, field, to);
}

/* The field of a key; *next is the index looked at first. */
static const struct bus_field *expected_field(const struct bus_shape *shape,
                                              struct bus_bytes key,
                                              size_t *next)
{
    const char *name = (const char *)key.data;
    const struct bus_field *field = NULL;
    if (*next < shape->count &&
        bus_field_named(&shape->fields[*next], name, key.len))
        field = &shape->fields[*next];
    else
        field = bus_shape_find(shape, name, key.len);
    if (field)
        *next = (size_t)(field - shape->fields) + 1;
    return field;
}

/* One pair of a message: key and value. */
static int read_pair(struct decode *decode, const struct bus_path *at,
                     const struct bus_shape *shape, void *message, bool *seen,
                     size_t *next)
{
    struct bus_bytes key;
    if (!bus_unpack_text(&decode->in, &key))
        return mismatch(decode, at, "string as key");
    const struct bus_field *field = expected_field(shape, key, next);
    struct bus_path step = {.up = at, .type = BUS_PATH_FIELD, .name = key};
    if (field && bus_unpack_nil(&decode->in))
        return BUS_OK;
    if (!field)
        return bus_unpack_value_in(&decode->in, path_depth(&step), NULL)
                   ? BUS_OK
                   : malformed(decode);
    if (seen[field - shape->fields])
        return unfit(decode, &step, "is given twice");
    seen[field - shape->fields] = true;
    bus_field_set_present(field, message);
    return read_field(decode, &step, field, message);
}

static int read_message(struct decode *decode, const struct bus_path *at,
                        const struct bus_shape *shape, void *message)
{
    bool seen[BUS_FIELDS_MAX];
    uint32_t count;
    size_t next = 0;
    int code = BUS_OK;
    if (!bus_unpack_map(&decode->in, &count))
        return mismatch(decode, at, "map");
    if (path_depth(at) >= BUS_DEPTH_MAX)
        return too_deep(decode);
    assert(shape->count <= BUS_FIELDS_MAX);
    memset(seen, 0, shape->count);
    for (uint32_t i = 0; i < count && code == BUS_OK; i++)
        code = read_pair(decode, at, shape, message, seen, &next);
    if (code)
        return code;
    return bus_shape_check_at(at, shape, message, seen, decode->arena,
                              decode->err);
}

int bus_unpack_message(struct bus_bytes bytes, const struct bus_shape *shape,
                       struct bus_arena *arena, void *message,
                       struct bus_error *err)
{
    struct decode decode = {bus_unpack_open(bytes), NULL, arena, err};
    decode.start = decode.in.at;
    void *fresh = bus_arena_alloc(arena, shape->size);
    if (!fresh)
        return full(&decode);
    int code = read_message(&decode, NULL, shape, fresh);
    if (code == BUS_OK && decode.in.at != decode.in.end)
        code = malformed(&decode);
    if (code == BUS_OK)
        memcpy(message, fresh, shape->size);
    return code;
}
