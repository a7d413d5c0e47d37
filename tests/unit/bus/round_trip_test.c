/* SPDX-License-Identifier: MIT
 *
 * A property of all codecs together: random shapes, filled at random, survive
 * the way struct -> msgpack -> struct -> JSON -> struct. A seed that fails is
 * named and gives the same shape and values again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/error.h"
#include "bus/json.h"
#include "rich.h"

#define SEEDS 3000
#define FIELDS_MOST 9
#define DEPTH_MOST 3
#define TEXT_MOST ((size_t)8 << 20)

/* Year 1 to 9999, which is what JSON has times for. */
#define TIME_LOW INT64_C(-62135596800000000)
#define TIME_SPAN UINT64_C(315537897600000000)

struct maker {
    uint64_t seed;
    struct bus_arena arena;
};

/* ---- shapes ---- */

static const struct bus_shape *make_shape(struct maker *maker, int depth);

static size_t one_of(struct maker *maker, size_t count)
{
    return rich_below(&maker->seed, count);
}

static bool chance(struct maker *maker)
{
    return one_of(maker, 2) == 0;
}

/* Lays a value of that size behind what is there. */
static uint32_t place(struct bus_shape *shape, size_t size)
{
    size_t align = size < 8 ? size : 8;
    uint32_t at = (uint32_t)((shape->size + align - 1) / align * align);
    shape->size = at + (uint32_t)size;
    return at;
}

static size_t slot_size(const struct bus_field *field)
{
    return field->cardinality == BUS_ONE ? bus_field_size(field)
                                         : sizeof(struct bus_list);
}

static void make_kind(struct maker *maker, struct bus_field *field, int depth)
{
    field->kind = (uint8_t)one_of(maker, BUS_ANY + 1);
    if (field->kind == BUS_MESSAGE && depth <= 0)
        field->kind = BUS_TEXT;
    if (field->kind == BUS_MESSAGE)
        field->shape = make_shape(maker, depth - 1);
    if (field->kind == BUS_ENUM)
        field->values = rich_colors;
}

/* A map's entry: a text or an integer, and anything. */
static const struct bus_shape *make_entry(struct maker *maker, int depth)
{
    struct bus_shape *shape = bus_arena_alloc(&maker->arena, sizeof(*shape));
    struct bus_field *fields =
        bus_arena_array(&maker->arena, 2, sizeof(*fields));
    fields[0] = (struct bus_field){
        .name = "key", .presence = BUS_NO_PRESENCE, .kind = BUS_TEXT};
    if (chance(maker))
        fields[0].kind =
            (uint8_t)(BUS_I8 + one_of(maker, BUS_U64 - BUS_I8 + 1));
    fields[1] =
        (struct bus_field){.name = "value", .presence = BUS_NO_PRESENCE};
    make_kind(maker, &fields[1], depth);
    if (chance(maker))
        fields[1].cardinality = BUS_LIST;
    *shape = (struct bus_shape){.name = "entry", .count = 2, .fields = fields};
    for (int i = 0; i < 2; i++)
        fields[i].offset = place(shape, slot_size(&fields[i]));
    place(shape, 8);
    return shape;
}

static void make_field(struct maker *maker, struct bus_shape *shape,
                       struct bus_field *field, size_t index, int depth)
{
    static const char *const names[] = {"f", "字段", "a \"b\"\\", "X-"};
    field->presence = BUS_NO_PRESENCE;
    field->name = bus_arena_printf(&maker->arena, "%s%zu",
                                   names[one_of(maker, 4)], index);
    make_kind(maker, field, depth);
    field->cardinality = (uint8_t)one_of(maker, 3);
    if (field->cardinality == BUS_MAP) {
        field->kind = BUS_MESSAGE;
        field->shape = make_entry(maker, depth);
    }
    field->offset = place(shape, slot_size(field));
    bool scalar = field->cardinality == BUS_ONE && field->kind != BUS_MESSAGE &&
                  field->kind != BUS_ANY;
    if (scalar && chance(maker))
        field->presence = place(shape, sizeof(bool));
    /* Without one of the two JSON has a zero for what is absent. */
    if (field->presence != BUS_NO_PRESENCE)
        field->flags |= chance(maker) ? BUS_NULLABLE : BUS_OMITEMPTY;
    if (field->kind >= BUS_I8 && field->kind <= BUS_F64 && chance(maker))
        field->flags |= BUS_STRING_OUT | BUS_FROM_TEXT;
    if (chance(maker))
        field->flags |= BUS_OMITEMPTY;
}

static const struct bus_shape *make_shape(struct maker *maker, int depth)
{
    struct bus_shape *shape = bus_arena_alloc(&maker->arena, sizeof(*shape));
    size_t count = one_of(maker, FIELDS_MOST + 1);
    struct bus_field *fields =
        bus_arena_array(&maker->arena, count, sizeof(*fields));
    *shape = (struct bus_shape){
        .name = "random", .count = (uint16_t)count, .fields = fields};
    for (size_t i = 0; i < count; i++)
        make_field(maker, shape, &fields[i], i, depth);
    place(shape, 8);
    return shape;
}

/* ---- values ---- */

static void fill(struct maker *maker, const struct bus_shape *shape,
                 void *message);

/* One value that JSON can say, as msgpack: keys are texts. */
static struct bus_bytes make_any(struct maker *maker)
{
    struct bus_buf buf;
    uint64_t *seed = &maker->seed;
    bus_buf_init(&buf, 65536);
    bus_pack_map(&buf, 2);
    bus_pack_text(&buf, "a");
    bus_pack_array(&buf, 4);
    bus_pack_double(&buf, 0.5 + (double)one_of(maker, 100));
    bus_pack_nil(&buf);
    bus_pack_uint(&buf, rich_bits(seed));
    bus_pack_int(&buf, (int64_t)rich_bits(seed));
    bus_pack_text(&buf, "键");
    bus_pack_text(&buf, rich_text(seed, &maker->arena));
    char *copy =
        bus_arena_text_n(&maker->arena, (const char *)buf.data, buf.len);
    struct bus_bytes value = {(const uint8_t *)copy, buf.len};
    bus_buf_release(&buf);
    return value;
}

static const char *make_decimal(struct maker *maker)
{
    static const char *const decimals[] = {"0", "-1", "1.10", "-0.5",
                                           "123456789012345678901"};
    return decimals[one_of(maker, 5)];
}

static struct bus_bytes make_bytes(struct maker *maker)
{
    size_t len = one_of(maker, 40);
    uint8_t *data = bus_arena_alloc(&maker->arena, len);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)rich_random(&maker->seed);
    return (struct bus_bytes){data, len};
}

/* What needs the arena or the borders of JSON; integers are random bits. */
static void fill_slot(struct maker *maker, const struct bus_field *field,
                      void *to)
{
    uint64_t bits = rich_bits(&maker->seed);
    switch ((enum bus_kind)field->kind) {
    case BUS_BOOL:
        *(bool *)to = bits & 1;
        return;
    case BUS_F32:
        *(float *)to = (float)(int64_t)bits / 8;
        return;
    case BUS_F64:
        *(double *)to = (double)(int64_t)bits / 8;
        return;
    case BUS_TEXT:
        *(const char **)to = rich_text(&maker->seed, &maker->arena);
        return;
    case BUS_DECIMAL:
        *(const char **)to = make_decimal(maker);
        return;
    case BUS_BYTES:
        *(struct bus_bytes *)to = make_bytes(maker);
        return;
    case BUS_ANY:
        *(struct bus_bytes *)to = make_any(maker);
        return;
    case BUS_TIME:
        *(int64_t *)to = TIME_LOW + (int64_t)(bits % TIME_SPAN);
        return;
    case BUS_I8:
    case BUS_I16:
    case BUS_I32:
    case BUS_I64:
    case BUS_U8:
    case BUS_U16:
    case BUS_U32:
    case BUS_U64:
    case BUS_ENUM:
    case BUS_DURATION:
    case BUS_MESSAGE:
        rich_store(to, bits, bus_field_size(field));
    }
}

/* item: of a list, where messages lie in place. */
static void fill_value(struct maker *maker, const struct bus_field *field,
                       bool item, void *to)
{
    if (field->kind != BUS_MESSAGE) {
        fill_slot(maker, field, to);
    } else if (item) {
        fill(maker, field->shape, to);
    } else {
        void *inner = bus_arena_alloc(&maker->arena, field->shape->size);
        fill(maker, field->shape, inner);
        memcpy(to, &inner, sizeof(inner));
    }
}

/* Keys are made of the index, so that none comes twice. */
static void fill_key(struct maker *maker, const struct bus_field *key, size_t i,
                     char *entry)
{
    if (key->kind == BUS_TEXT)
        *(char **)(void *)(entry + key->offset) =
            bus_arena_printf(&maker->arena, "k\"%zu", i);
    else
        rich_store(entry + key->offset, i, bus_field_size(key));
}

static void fill_list(struct maker *maker, const struct bus_field *field,
                      struct bus_list *list)
{
    size_t size = bus_field_size(field);
    list->count = one_of(maker, 4);
    list->items = bus_arena_array(&maker->arena, list->count, size);
    for (size_t i = 0; i < list->count; i++) {
        char *item = (char *)list->items + i * size;
        fill_value(maker, field, true, item);
        if (field->cardinality == BUS_MAP)
            fill_key(maker, &field->shape->fields[0], i, item);
    }
}

static void fill(struct maker *maker, const struct bus_shape *shape,
                 void *message)
{
    bool entry = strcmp(shape->name, "entry") == 0;
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct bus_field *field = &shape->fields[i];
        void *to = (char *)message + field->offset;
        bool may_lack = field->presence != BUS_NO_PRESENCE ||
                        field->kind == BUS_MESSAGE || field->kind == BUS_ANY;
        if (field->cardinality != BUS_ONE)
            fill_list(maker, field, to);
        else if (may_lack && !entry && chance(maker))
            continue;
        else
            fill_value(maker, field, false, to);
        bus_field_set_present(field, message);
    }
}

/* ---- the way ---- */

static void fail_of(uint64_t seed, const char *where,
                    const struct bus_error *err)
{
    fail_msg("seed %llu: %s: %s", (unsigned long long)seed, where,
             err->sentence);
}

static void survive(uint64_t seed)
{
    struct maker maker = {.seed = seed * 2654435761u + 1};
    struct bus_error err = {0};
    struct bus_buf pack, json;
    bus_arena_init(&maker.arena, BUS_ARENA_LIMIT);
    bus_buf_init(&pack, TEXT_MOST);
    bus_buf_init(&json, TEXT_MOST);
    const struct bus_shape *shape = make_shape(&maker, DEPTH_MOST);
    void *first = bus_arena_alloc(&maker.arena, shape->size);
    void *second = bus_arena_alloc(&maker.arena, shape->size);
    void *third = bus_arena_alloc(&maker.arena, shape->size);
    bool seen[FIELDS_MOST + 1] = {false};
    fill(&maker, shape, first);
    bus_pack_message(&pack, shape, first);
    if (pack.failed || bus_unpack_message(bus_buf_bytes(&pack), shape,
                                          &maker.arena, second, &err))
        fail_of(seed, "msgpack", &err);
    if (!rich_same(shape, first, second))
        fail_of(seed, "another struct from msgpack", &err);
    bus_json_write(&json, shape, second);
    if (json.failed || bus_json_read(bus_buf_bytes(&json), shape, &maker.arena,
                                     third, seen, &err))
        fail_of(seed, "JSON", &err);
    if (bus_shape_check(shape, third, seen, &maker.arena, &err))
        fail_of(seed, "check", &err);
    if (!rich_same(shape, first, third))
        fail_of(seed, "another struct from JSON", &err);
    bus_buf_release(&json);
    bus_buf_release(&pack);
    bus_arena_release(&maker.arena);
}

static void random_shapes_survive_every_codec(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        survive(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shapes_survive_every_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
