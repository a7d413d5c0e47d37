/* SPDX-License-Identifier: MIT
 *
 * One message with a field of every kind and cardinality, and two walkers
 * over any shape that tests of codecs share: fill a struct at random, and
 * compare two structs. Header-only, because every test file is a program of its
 * own.
 */
#ifndef TEST_RICH_H
#define TEST_RICH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/pack.h"
#include "bus/shape.h"

/* X(member, C type, kind): all kinds whose value lies in the struct. */
#define RICH_SCALARS(X)                                                        \
    X(flag, bool, BUS_BOOL)                                                    \
    X(i8, int8_t, BUS_I8)                                                      \
    X(i16, int16_t, BUS_I16)                                                   \
    X(i32, int32_t, BUS_I32)                                                   \
    X(i64, int64_t, BUS_I64)                                                   \
    X(u8, uint8_t, BUS_U8)                                                     \
    X(u16, uint16_t, BUS_U16)                                                  \
    X(u32, uint32_t, BUS_U32)                                                  \
    X(u64, uint64_t, BUS_U64)                                                  \
    X(f32, float, BUS_F32)                                                     \
    X(f64, double, BUS_F64)                                                    \
    X(text, const char *, BUS_TEXT)                                            \
    X(bytes, struct bus_bytes, BUS_BYTES)                                      \
    X(color, int32_t, BUS_ENUM)                                                \
    X(price, const char *, BUS_DECIMAL)                                        \
    X(when, int64_t, BUS_TIME)                                                 \
    X(span, int64_t, BUS_DURATION)                                             \
    X(any, struct bus_bytes, BUS_ANY)

/* Entries of the maps. */
struct rich_by_text {
    const char *key;
    struct rich *value;
};

struct rich_by_number {
    int32_t key;
    struct bus_list value; /* of text */
};

struct rich {
#define RICH_MEMBER(name, type, kind)                                          \
    type name;                                                                 \
    struct bus_list name##_list;
    RICH_SCALARS(RICH_MEMBER)
#undef RICH_MEMBER
    bool has_maybe_text;
    const char *maybe_text;
    bool has_maybe_int;
    int64_t maybe_int;
    struct rich *next;
    struct bus_list nexts; /* of struct rich */
    struct bus_list by_text;
    struct bus_list by_number;
    const char *choice; /* options=, optional */
    int32_t level;      /* default=3 */
    int32_t percent;    /* range=, optional */
};

static const struct bus_shape rich_shape;

static const struct bus_enum_value rich_colors[] = {
    {"RED", 0}, {"GREEN", 1}, {"BLUE", 7}, {NULL, 0}};
static const char *const rich_choices[] = {"a", "b", NULL};
static const struct bus_rule rich_choice_rule = {.options = rich_choices};
static const struct bus_rule rich_level_rule = {.fallback = "3"};
static const struct bus_rule rich_percent_rule = {.low = 1, .high = 100};

static const struct bus_field rich_by_text_fields[] = {
    {.name = "key",
     .kind = BUS_TEXT,
     .offset = offsetof(struct rich_by_text, key),
     .presence = BUS_NO_PRESENCE},
    {.name = "value",
     .kind = BUS_MESSAGE,
     .offset = offsetof(struct rich_by_text, value),
     .presence = BUS_NO_PRESENCE,
     .shape = &rich_shape},
};
static const struct bus_shape rich_by_text_shape = {
    "rich.by_text", sizeof(struct rich_by_text), 2, rich_by_text_fields};

static const struct bus_field rich_by_number_fields[] = {
    {.name = "key",
     .kind = BUS_I32,
     .offset = offsetof(struct rich_by_number, key),
     .presence = BUS_NO_PRESENCE},
    {.name = "value",
     .kind = BUS_TEXT,
     .cardinality = BUS_LIST,
     .offset = offsetof(struct rich_by_number, value),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape rich_by_number_shape = {
    "rich.by_number", sizeof(struct rich_by_number), 2, rich_by_number_fields};

#define RICH_FIELD(member, field_kind)                                         \
    .name = #member, .kind = field_kind,                                       \
    .offset = offsetof(struct rich, member), .presence = BUS_NO_PRESENCE

static const struct bus_field rich_fields[] = {
#define RICH_PAIR(member, type, field_kind)                                    \
    {RICH_FIELD(member, field_kind), .values = rich_colors},                   \
        {RICH_FIELD(member##_list, field_kind), .cardinality = BUS_LIST,       \
         .values = rich_colors},
    RICH_SCALARS(RICH_PAIR)
#undef RICH_PAIR
        {.name = "maybe_text",
         .kind = BUS_TEXT,
         .offset = offsetof(struct rich, maybe_text),
         .presence = offsetof(struct rich, has_maybe_text)},
    {.name = "maybe_int",
     .kind = BUS_I64,
     .offset = offsetof(struct rich, maybe_int),
     .presence = offsetof(struct rich, has_maybe_int)},
    {RICH_FIELD(next, BUS_MESSAGE), .shape = &rich_shape},
    {RICH_FIELD(nexts, BUS_MESSAGE), .cardinality = BUS_LIST,
     .shape = &rich_shape},
    {RICH_FIELD(by_text, BUS_MESSAGE), .cardinality = BUS_MAP,
     .shape = &rich_by_text_shape},
    {RICH_FIELD(by_number, BUS_MESSAGE), .cardinality = BUS_MAP,
     .shape = &rich_by_number_shape},
    {RICH_FIELD(choice, BUS_TEXT), .rule = &rich_choice_rule},
    {RICH_FIELD(level, BUS_I32), .rule = &rich_level_rule},
    {RICH_FIELD(percent, BUS_I32), .flags = BUS_HAS_RANGE,
     .rule = &rich_percent_rule},
};

static const struct bus_shape rich_shape = {
    "test.rich", sizeof(struct rich),
    sizeof(rich_fields) / sizeof(rich_fields[0]), rich_fields};

/* xorshift64*: the same numbers from the same seed everywhere. */
static inline uint64_t rich_random(uint64_t *seed)
{
    uint64_t x = *seed ? *seed : 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *seed = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

static inline size_t rich_below(uint64_t *seed, size_t bound)
{
    return (size_t)(rich_random(seed) >> 33) % bound;
}

/* Integers near the borders of msgpack's formats and of every kind. */
static inline uint64_t rich_bits(uint64_t *seed)
{
    static const uint64_t borders[] = {
        0,          1,          31,        32,         127,       128,
        255,        256,        INT16_MAX, UINT16_MAX, 1u << 16,  INT32_MAX,
        UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX, 1ull << 63};
    uint64_t bits = rich_random(seed);
    if (bits & 1)
        return bits >> rich_below(seed, 64);
    bits = borders[rich_below(seed, sizeof(borders) / sizeof(borders[0]))];
    return rich_below(seed, 2) ? bits : ~bits + rich_below(seed, 2);
}

static inline const char *rich_text(uint64_t *seed, struct bus_arena *arena)
{
    static const char *const pieces[] = {
        "a", "小", "é", "\x01", "\"", "😀", "a longer piece of plain ASCII"};
    char text[600] = "";
    size_t len = 0, count = rich_below(seed, 4) ? rich_below(seed, 6)
                                                : rich_below(seed, 20);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(
            text + len, sizeof(text) - len, "%s",
            pieces[rich_below(seed, sizeof(pieces) / sizeof(pieces[0]))]);
    return bus_arena_text(arena, text);
}

static inline struct bus_bytes rich_blob(uint64_t *seed,
                                         struct bus_arena *arena)
{
    size_t len =
        rich_below(seed, 3) ? rich_below(seed, 40) : rich_below(seed, 70000);
    uint8_t *data = bus_arena_alloc(arena, len);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)rich_random(seed);
    return (struct bus_bytes){data, len};
}

/* Any one msgpack value, perhaps nested. */
static inline struct bus_bytes rich_any(uint64_t *seed, struct bus_arena *arena)
{
    struct bus_buf buf;
    bus_buf_init(&buf, 4096);
    bus_pack_map(&buf, 2);
    bus_pack_int(&buf, (int64_t)rich_bits(seed));
    bus_pack_array(&buf, 2);
    bus_pack_double(&buf, 0.5);
    bus_pack_nil(&buf);
    bus_pack_text(&buf, rich_text(seed, arena));
    bus_pack_bool(&buf, rich_below(seed, 2));
    char *copy = bus_arena_text_n(arena, (char *)buf.data, buf.len);
    struct bus_bytes value = {(uint8_t *)copy, buf.len};
    bus_buf_release(&buf);
    return value;
}

static inline void rich_store(void *to, uint64_t bits, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < 8; i++) /* the machine's own order */
        bytes[i] = ((uint8_t *)&bits)[i];
    memcpy(to, bytes, size);
}

static inline void rich_fill(uint64_t *seed, const struct bus_shape *shape,
                             struct bus_arena *arena, void *message, int depth);

static inline void rich_fill_value(uint64_t *seed,
                                   const struct bus_field *field,
                                   struct bus_arena *arena, void *to, int depth)
{
    static const char *const decimals[] = {
        "", "0", "-1", "1.10", "-0.5", "123456789012345678901"};
    size_t size = bus_field_size(field);
    if (field->cardinality == BUS_LIST && field->kind == BUS_MESSAGE) {
        rich_fill(seed, field->shape, arena, to, depth - 1);
    } else if (field->kind == BUS_MESSAGE) {
        void *inner = bus_arena_alloc(arena, field->shape->size);
        rich_fill(seed, field->shape, arena, inner, depth - 1);
        memcpy(to, &inner, sizeof(inner));
    } else if (field->kind == BUS_TEXT) {
        *(const char **)to = rich_text(seed, arena);
    } else if (field->kind == BUS_DECIMAL) {
        *(const char **)to = decimals[rich_below(seed, 6)];
    } else if (field->kind == BUS_BYTES) {
        *(struct bus_bytes *)to = rich_blob(seed, arena);
    } else if (field->kind == BUS_ANY) {
        *(struct bus_bytes *)to = rich_any(seed, arena);
    } else if (field->kind == BUS_BOOL) {
        *(bool *)to = rich_below(seed, 2);
    } else if (field->kind == BUS_F32) {
        *(float *)to = (float)(int64_t)rich_bits(seed) / 8;
    } else if (field->kind == BUS_F64) {
        *(double *)to = (double)(int64_t)rich_bits(seed) / 8;
    } else {
        rich_store(to, rich_bits(seed), size);
    }
}

static inline void rich_fill_list(uint64_t *seed, const struct bus_field *field,
                                  struct bus_arena *arena,
                                  struct bus_list *list, int depth)
{
    size_t most = field->kind == BUS_MESSAGE ? 3 : 20;
    struct bus_field item = *field;
    list->count = rich_below(seed, 2) ? rich_below(seed, most) : 0;
    list->items = bus_arena_array(arena, list->count, bus_field_size(field));
    for (size_t i = 0; i < list->count; i++)
        rich_fill_value(seed, &item, arena,
                        (char *)list->items + i * bus_field_size(field), depth);
}

/* Keys are made from the index, so that none comes twice. */
static inline void rich_fill_map(uint64_t *seed, const struct bus_field *field,
                                 struct bus_arena *arena, struct bus_list *list,
                                 int depth)
{
    size_t size = field->shape->size;
    list->count = rich_below(seed, 3);
    list->items = bus_arena_array(arena, list->count, size);
    for (size_t i = 0; i < list->count; i++) {
        char *entry = (char *)list->items + i * size;
        const struct bus_field *key = &field->shape->fields[0];
        rich_fill(seed, field->shape, arena, entry, depth - 1);
        if (key->kind == BUS_TEXT)
            *(char **)(void *)(entry + key->offset) =
                bus_arena_printf(arena, "%zu", i);
        else
            rich_store(entry + key->offset, i, bus_field_size(key));
    }
}

/* Fills every field of a zeroed message; messages below depth 0 stay absent. */
static inline void rich_fill(uint64_t *seed, const struct bus_shape *shape,
                             struct bus_arena *arena, void *message, int depth)
{
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct bus_field *field = &shape->fields[i];
        void *to = (char *)message + field->offset;
        bool deep = field->kind == BUS_MESSAGE && depth <= 0;
        bool entry = shape != &rich_shape;
        if (field->rule && field->rule->options)
            *(const char **)to = field->rule->options[rich_below(seed, 2)];
        else if (field->flags & BUS_HAS_RANGE)
            *(int32_t *)to = (int32_t)rich_below(seed, 101);
        else if (deep && entry) /* a map's value is never absent */
            *(void **)to = bus_arena_alloc(arena, field->shape->size);
        else if (deep ||
                 (field->presence != BUS_NO_PRESENCE && rich_below(seed, 2)))
            continue;
        else if (field->cardinality == BUS_LIST)
            rich_fill_list(seed, field, arena, to, depth);
        else if (field->cardinality == BUS_MAP)
            rich_fill_map(seed, field, arena, to, depth);
        else if (field->kind != BUS_MESSAGE || entry || rich_below(seed, 2))
            rich_fill_value(seed, field, arena, to, depth);
        bus_field_set_present(field, message);
    }
}

static inline bool rich_same(const struct bus_shape *shape, const void *a,
                             const void *b);

static inline bool rich_same_bytes(const struct bus_bytes *a,
                                   const struct bus_bytes *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static inline bool rich_same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* item: a list's item, where messages lie in place. */
static inline bool rich_same_value(const struct bus_field *field, bool item,
                                   const void *a, const void *b)
{
    switch ((enum bus_kind)field->kind) {
    case BUS_TEXT:
    case BUS_DECIMAL:
        return rich_same_text(*(const char *const *)a, *(const char *const *)b);
    case BUS_BYTES:
    case BUS_ANY:
        return rich_same_bytes(a, b);
    case BUS_MESSAGE: {
        if (item)
            return rich_same(field->shape, a, b);
        const void *left = *(const void *const *)a;
        const void *right = *(const void *const *)b;
        if (!left || !right)
            return left == right;
        return rich_same(field->shape, left, right);
    }
    case BUS_BOOL:
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
    case BUS_ENUM:
    case BUS_TIME:
    case BUS_DURATION:
        break;
    }
    return memcmp(a, b, bus_field_size(field)) == 0;
}

static inline bool rich_same_list(const struct bus_field *field,
                                  const struct bus_list *a,
                                  const struct bus_list *b)
{
    size_t size = bus_field_size(field);
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const char *left = (const char *)a->items + i * size;
        const char *right = (const char *)b->items + i * size;
        bool same = field->cardinality == BUS_MAP
                        ? rich_same(field->shape, left, right)
                        : rich_same_value(field, true, left, right);
        if (!same)
            return false;
    }
    return true;
}

/* Whether two structs mean the same. NULL texts equal empty ones. */
static inline bool rich_same(const struct bus_shape *shape, const void *a,
                             const void *b)
{
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct bus_field *field = &shape->fields[i];
        const void *left = (const char *)a + field->offset;
        const void *right = (const char *)b + field->offset;
        if (bus_field_present(field, a) != bus_field_present(field, b))
            return false;
        bool same = field->cardinality == BUS_ONE
                        ? rich_same_value(field, false, left, right)
                        : rich_same_list(field, left, right);
        if (!same)
            return false;
    }
    return true;
}

#endif
