/* SPDX-License-Identifier: MIT
 *
 * msgpack maps into structs: what comes back equals what was written, and every
 * kind of wrong input is refused with the field's name and no trace left.
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/code.h"
#include "bus/error.h"
#include "tests/unit/bus/rich.h"

#define RANDOM_RUNS 300

struct fixture {
    struct bus_arena arena;
    struct bus_buf buf;
    struct bus_error err;
    struct rich rich;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    bus_arena_init(&f->arena, BUS_ARENA_LIMIT);
    bus_buf_init(&f->buf, 64 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bus_arena_release(&f->arena);
    bus_buf_release(&f->buf);
    free(f);
    return 0;
}

static int decode(struct fixture *f)
{
    return bus_unpack_message(bus_buf_bytes(&f->buf), &rich_shape, &f->arena,
                              &f->rich, &f->err);
}

/* Starts the map {field: ...}; the test appends the value. */
static struct bus_buf *one(struct fixture *f, const char *field)
{
    bus_buf_reset(&f->buf);
    f->rich = (struct rich){0};
    bus_pack_map(&f->buf, 1);
    bus_pack_text(&f->buf, field);
    return &f->buf;
}

static void refused(struct fixture *f, const char *field, const char *sentence)
{
    struct rich before = f->rich;
    assert_int_equal(decode(f), BUS_INVALID_ARGUMENT);
    assert_int_equal(f->err.code, BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.field, field);
    assert_string_equal(f->err.sentence, sentence);
    assert_memory_equal(&before, &f->rich, sizeof(before));
}

/* ---- success ---- */

static void empty_map_gives_defaults(void **state)
{
    struct fixture *f = *state;
    bus_pack_map(&f->buf, 0);
    assert_int_equal(decode(f), BUS_OK);
    assert_int_equal(f->rich.level, 3);
    assert_string_equal(f->rich.text, "");
    assert_string_equal(f->rich.price, "");
    assert_string_equal(f->rich.maybe_text, "");
    assert_false(f->rich.has_maybe_text);
    assert_null(f->rich.next);
    assert_int_equal(f->rich.nexts.count, 0);
    assert_int_equal(f->rich.any.len, 0);
}

static void random_messages_survive(void **state)
{
    struct fixture *f = *state;
    uint64_t first = 20261120;
    const char *given = getenv("TEST_SEED");
    if (given)
        first = strtoull(given, NULL, 10);
    for (uint64_t run = 0; run < RANDOM_RUNS; run++) {
        uint64_t seed = first + run * UINT64_C(0x9E3779B97F4A7C15);
        struct rich sent = {0};
        bus_arena_reset(&f->arena);
        bus_buf_reset(&f->buf);
        rich_fill(&seed, &rich_shape, &f->arena, &sent, 2);
        bus_pack_message(&f->buf, &rich_shape, &sent);
        assert_false(f->buf.failed);
        assert_true(bus_pack_valid(bus_buf_bytes(&f->buf)));
        int code = decode(f);
        if (code || !rich_same(&rich_shape, &sent, &f->rich))
            fail_msg("run %" PRIu64 " of TEST_SEED=%" PRIu64 ": %s", run, first,
                     code ? f->err.sentence : "comes back different");
    }
}

static void nothing_points_into_the_input(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 7;
    struct rich sent = {0};
    rich_fill(&seed, &rich_shape, &f->arena, &sent, 2);
    bus_pack_message(&f->buf, &rich_shape, &sent);
    assert_int_equal(decode(f), BUS_OK);
    memset(f->buf.data, 0xC1, f->buf.len);
    assert_true(rich_same(&rich_shape, &sent, &f->rich));
}

static void order_of_keys_does_not_matter(void **state)
{
    struct fixture *f = *state;
    bus_pack_map(&f->buf, 3);
    bus_pack_text(&f->buf, "percent");
    bus_pack_uint(&f->buf, 50);
    bus_pack_text(&f->buf, "i64");
    bus_pack_int(&f->buf, -9);
    bus_pack_text(&f->buf, "flag");
    bus_pack_bool(&f->buf, true);
    assert_int_equal(decode(f), BUS_OK);
    assert_int_equal(f->rich.percent, 50);
    assert_int_equal(f->rich.i64, -9);
    assert_true(f->rich.flag);
}

static void unknown_fields_are_skipped(void **state)
{
    struct fixture *f = *state;
    bus_pack_map(&f->buf, 4);
    bus_pack_text(&f->buf, "nobody");
    bus_pack_array(&f->buf, 2);
    bus_pack_map(&f->buf, 1);
    bus_pack_nil(&f->buf);
    bus_pack_text(&f->buf, "x");
    bus_pack_bin(&f->buf, "y", 1);
    bus_pack_text(&f->buf, ""); /* a key may be empty, or hold a NUL */
    bus_pack_nil(&f->buf);
    bus_pack_text_n(&f->buf, "i8\0z", 4);
    bus_pack_int(&f->buf, 1);
    bus_pack_text(&f->buf, "i8");
    bus_pack_int(&f->buf, 5);
    assert_int_equal(decode(f), BUS_OK);
    assert_int_equal(f->rich.i8, 5);
}

static void nil_is_a_field_that_did_not_come(void **state)
{
    struct fixture *f = *state;
    bus_pack_map(&f->buf, 3);
    bus_pack_text(&f->buf, "maybe_int");
    bus_pack_nil(&f->buf);
    bus_pack_text(&f->buf, "level");
    bus_pack_nil(&f->buf);
    bus_pack_text(&f->buf, "next");
    bus_pack_nil(&f->buf);
    assert_int_equal(decode(f), BUS_OK);
    assert_false(f->rich.has_maybe_int);
    assert_int_equal(f->rich.level, 3);
    assert_null(f->rich.next);
}

static void presence_tells_zero_from_absent(void **state)
{
    struct fixture *f = *state;
    struct rich sent = {.has_maybe_int = true};
    bus_pack_message(&f->buf, &rich_shape, &sent);
    assert_int_equal(decode(f), BUS_OK);
    assert_true(f->rich.has_maybe_int);
    assert_false(f->rich.has_maybe_text);
}

static void absent_optional_meets_no_rule(void **state)
{
    struct fixture *f = *state;
    struct rich sent = {0}; /* choice "" and percent 0 break their rules */
    bus_pack_message(&f->buf, &rich_shape, &sent);
    assert_int_equal(decode(f), BUS_OK);
    assert_string_equal(f->rich.choice, "");
    assert_int_equal(f->rich.percent, 0);
    assert_int_equal(f->rich.level, 0); /* sent, so no default */
}

static void enums_come_by_number_or_name(void **state)
{
    struct fixture *f = *state;
    bus_pack_int(one(f, "color"), -40); /* open: unknown numbers pass */
    assert_int_equal(decode(f), BUS_OK);
    assert_int_equal(f->rich.color, -40);
    bus_pack_text(one(f, "color"), "BLUE");
    assert_int_equal(decode(f), BUS_OK);
    assert_int_equal(f->rich.color, 7);
}

static void floats_take_integers(void **state)
{
    struct fixture *f = *state;
    bus_pack_int(one(f, "f64"), -3);
    assert_int_equal(decode(f), BUS_OK);
    assert_true(f->rich.f64 == -3.0);
    bus_pack_double(one(f, "f32"), (double)INFINITY);
    assert_int_equal(decode(f), BUS_OK);
    assert_true(isinf(f->rich.f32));
}

/* field: value, and whether it fits; every border of every integer kind. */
static const struct {
    const char *field;
    int64_t least;
    uint64_t most;
    const char *type;
} borders[] = {
    {"i8", INT8_MIN, INT8_MAX, "int8"},
    {"i16", INT16_MIN, INT16_MAX, "int16"},
    {"i32", INT32_MIN, INT32_MAX, "int32"},
    {"i64", INT64_MIN, INT64_MAX, "int64"},
    {"u8", 0, UINT8_MAX, "uint8"},
    {"u16", 0, UINT16_MAX, "uint16"},
    {"u32", 0, UINT32_MAX, "uint32"},
    {"u64", 0, UINT64_MAX, "uint64"},
    {"color", INT32_MIN, INT32_MAX, "enum"},
    {"when", INT64_MIN, INT64_MAX, "time"},
    {"span", INT64_MIN, INT64_MAX, "duration"},
};

#define BORDERS (sizeof(borders) / sizeof(borders[0]))

static const void *member(const struct rich *rich, const char *name)
{
    const struct bus_field *field =
        bus_shape_find(&rich_shape, name, strlen(name));
    return (const char *)rich + field->offset;
}

static void borders_of_integers_fit(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < BORDERS; i++) {
        const struct bus_field *field = bus_shape_find(
            &rich_shape, borders[i].field, strlen(borders[i].field));
        size_t size = bus_field_size(field);
        bus_pack_int(one(f, borders[i].field), borders[i].least);
        assert_int_equal(decode(f), BUS_OK);
        assert_memory_equal(member(&f->rich, borders[i].field),
                            &borders[i].least, size);
        bus_pack_uint(one(f, borders[i].field), borders[i].most);
        assert_int_equal(decode(f), BUS_OK);
        assert_memory_equal(member(&f->rich, borders[i].field),
                            &borders[i].most, size);
    }
}

/* {"next": {"next": ... {}}}, maps in all. */
static void nest(struct bus_buf *buf, size_t maps)
{
    for (size_t i = 1; i < maps; i++) {
        bus_pack_map(buf, 1);
        bus_pack_text(buf, "next");
    }
    bus_pack_map(buf, 0);
}

static void depth_32_passes(void **state)
{
    struct fixture *f = *state;
    nest(&f->buf, BUS_DEPTH_MAX);
    assert_int_equal(decode(f), BUS_OK);
    size_t depth = 1;
    for (struct rich *at = f->rich.next; at; at = at->next)
        depth++;
    assert_int_equal(depth, BUS_DEPTH_MAX);
    bus_buf_reset(&f->buf);
    bus_pack_message(&f->buf, &rich_shape, &f->rich);
    assert_int_equal(decode(f), BUS_OK);
}

static void maps_take_a_message_nobody_made(void **state)
{
    struct fixture *f = *state;
    struct rich_by_text entry = {"k", NULL};
    struct rich sent = {.by_text = {&entry, 1}};
    bus_pack_message(&f->buf, &rich_shape, &sent);
    assert_int_equal(decode(f), BUS_OK);
    struct rich_by_text *got = f->rich.by_text.items;
    assert_int_equal(f->rich.by_text.count, 1);
    assert_non_null(got->value);
    assert_int_equal(got->value->level, 3);
}

/* ---- failure ---- */

static void integers_past_their_borders(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < BORDERS; i++) {
        char want[128];
        snprintf(want, sizeof(want), "value for field \"%s\" does not fit %s",
                 borders[i].field, borders[i].type);
        if (borders[i].most < UINT64_MAX) {
            bus_pack_uint(one(f, borders[i].field), borders[i].most + 1);
            refused(f, borders[i].field, want);
        }
        if (borders[i].least > INT64_MIN) {
            bus_pack_int(one(f, borders[i].field), borders[i].least - 1);
            refused(f, borders[i].field, want);
        }
    }
}

static void wrong_types_name_the_field(void **state)
{
    struct fixture *f = *state;
    bus_pack_int(one(f, "text"), 1);
    refused(f, "text",
            "type mismatch for field \"text\", expect \"string\", actual "
            "\"number\"");
    bus_pack_text(one(f, "i64"), "1");
    refused(f, "i64",
            "type mismatch for field \"i64\", expect \"int64\", actual "
            "\"string\"");
    bus_pack_double(one(f, "i64"), 1.0);
    refused(f, "i64",
            "type mismatch for field \"i64\", expect \"int64\", actual "
            "\"number\"");
    bus_pack_int(one(f, "flag"), 1);
    refused(f, "flag",
            "type mismatch for field \"flag\", expect \"bool\", actual "
            "\"number\"");
    bus_pack_text(one(f, "bytes"), "a");
    refused(f, "bytes",
            "type mismatch for field \"bytes\", expect \"bytes\", actual "
            "\"string\"");
    bus_pack_bin(one(f, "text"), "a", 1);
    refused(f, "text",
            "type mismatch for field \"text\", expect \"string\", actual "
            "\"bytes\"");
    bus_pack_array(one(f, "next"), 0);
    refused(f, "next",
            "type mismatch for field \"next\", expect \"map\", actual "
            "\"list\"");
    bus_pack_map(one(f, "nexts"), 0);
    refused(f, "nexts",
            "type mismatch for field \"nexts\", expect \"list\", actual "
            "\"map\"");
    bus_pack_array(one(f, "by_text"), 0);
    refused(f, "by_text",
            "type mismatch for field \"by_text\", expect \"map\", actual "
            "\"list\"");
    bus_pack_bool(one(f, "f64"), true);
    refused(f, "f64",
            "type mismatch for field \"f64\", expect \"float64\", actual "
            "\"bool\"");
    bus_pack_double(one(f, "f32"), 1e300);
    refused(f, "f32", "value for field \"f32\" does not fit float32");
}

static void nested_errors_name_the_path(void **state)
{
    struct fixture *f = *state;
    struct bus_buf *buf = one(f, "nexts");
    bus_pack_array(buf, 2);
    bus_pack_map(buf, 0);
    bus_pack_map(buf, 1);
    bus_pack_text(buf, "by_number");
    bus_pack_map(buf, 1);
    bus_pack_int(buf, -5);
    bus_pack_array(buf, 2);
    bus_pack_text(buf, "");
    bus_pack_nil(buf);
    refused(f, "nexts[1].by_number[-5][1]",
            "type mismatch for field \"nexts[1].by_number[-5][1]\", expect "
            "\"string\", actual \"nil\"");
    buf = one(f, "by_text");
    bus_pack_map(buf, 1);
    bus_pack_text(buf, "小");
    bus_pack_map(buf, 1);
    bus_pack_text(buf, "choice");
    bus_pack_text(buf, "c");
    refused(f, "by_text[小].choice",
            "value \"c\" for field \"by_text[小].choice\" is not defined in "
            "options \"[a b]\"");
}

static void bad_text_is_refused(void **state)
{
    struct fixture *f = *state;
    bus_pack_text_n(one(f, "text"), "a\0b", 3);
    refused(f, "text", "value for field \"text\" holds a NUL character");
    bus_pack_text(one(f, "text"), "\xC3");
    refused(f, "text", "value for field \"text\" is not UTF-8");
    bus_pack_text(one(f, "text"), "\xED\xA0\x80"); /* a lone surrogate */
    refused(f, "text", "value for field \"text\" is not UTF-8");
    bus_pack_text(one(f, "color"), "PINK");
    refused(f, "color", "value for field \"color\" is not a name of its enum");
}

static void bad_decimals_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"-",   "+1", "1.", ".5",  "1e3",   "01",
                                      "0x1", " 1", "1 ", "--1", "1.2.3", "a"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bus_pack_text(one(f, "price"), bad[i]);
        refused(f, "price",
                "value for field \"price\" is not a decimal number");
    }
}

static void fields_and_keys_come_once(void **state)
{
    struct fixture *f = *state;
    struct bus_buf *buf = &f->buf;
    bus_pack_map(buf, 2);
    for (int i = 0; i < 2; i++) {
        bus_pack_text(buf, "i8");
        bus_pack_int(buf, i);
    }
    refused(f, "i8", "value for field \"i8\" is given twice");
    for (size_t extra = 0; extra < 40; extra += 39) { /* few and many keys */
        buf = one(f, "by_number");
        bus_pack_map(buf, 2 + extra);
        for (size_t i = 0; i < 2 + extra; i++) {
            bus_pack_int(buf, i == 1 + extra ? 0 : (int)i);
            bus_pack_array(buf, 0);
        }
        refused(f, "by_number",
                "value for field \"by_number\" has a key twice");
    }
    buf = one(f, "by_text");
    bus_pack_map(buf, 2);
    for (int i = 0; i < 2; i++) {
        bus_pack_text(buf, "same");
        bus_pack_map(buf, 0);
    }
    refused(f, "by_text", "value for field \"by_text\" has a key twice");
}

static void the_top_is_one_map(void **state)
{
    struct fixture *f = *state;
    refused(f, "", "malformed msgpack at byte 0");
    bus_pack_int(&f->buf, 1);
    refused(f, "",
            "type mismatch for the message, expect \"map\", actual \"number\"");
    bus_buf_reset(&f->buf);
    bus_pack_map(&f->buf, 0);
    bus_pack_nil(&f->buf);
    refused(f, "", "malformed msgpack at byte 1");
    bus_buf_reset(&f->buf);
    bus_pack_map(&f->buf, 1);
    bus_pack_int(&f->buf, 1);
    bus_pack_int(&f->buf, 1);
    refused(f, "",
            "type mismatch for the message, expect \"string as key\", actual "
            "\"number\"");
}

static void depth_33_is_refused(void **state)
{
    struct fixture *f = *state;
    nest(&f->buf, BUS_DEPTH_MAX + 1);
    refused(f, "", "message is nested deeper than 32");
    one(f, "nobody"); /* skipped values count as well */
    nest(&f->buf, BUS_DEPTH_MAX - 1);
    assert_int_equal(decode(f), BUS_OK);
    one(f, "nobody");
    nest(&f->buf, BUS_DEPTH_MAX);
    assert_int_equal(decode(f), BUS_INVALID_ARGUMENT);
    one(f, "any");
    nest(&f->buf, BUS_DEPTH_MAX);
    assert_int_equal(decode(f), BUS_INVALID_ARGUMENT);
}

static void writing_past_the_depth_fails(void **state)
{
    struct fixture *f = *state;
    struct rich chain[BUS_DEPTH_MAX + 1] = {0};
    for (size_t i = 0; i < BUS_DEPTH_MAX; i++)
        chain[i].next = &chain[i + 1];
    bus_pack_message(&f->buf, &rich_shape, chain);
    assert_true(f->buf.failed);
    bus_buf_reset(&f->buf);
    bus_pack_message(&f->buf, &rich_shape, &chain[1]);
    assert_false(f->buf.failed);
}

static void lying_counts_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *field;
        size_t len;
        uint8_t bytes[5];
    } lies[] = {
        {"nexts", 5, {0xDD, 0xFF, 0xFF, 0xFF, 0xFF}},
        {"nexts", 4, {0xDC, 0x00, 0x02, 0x80}},
        {"by_text", 5, {0xDF, 0xFF, 0xFF, 0xFF, 0xFF}},
        {"text", 5, {0xDB, 0xFF, 0xFF, 0xFF, 0xFF}},
        {"bytes", 5, {0xC6, 0x7F, 0xFF, 0xFF, 0xFF}},
        {"any", 5, {0xDF, 0x00, 0x00, 0x00, 0x02}},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        bus_buf_add(one(f, lies[i].field), lies[i].bytes, lies[i].len);
        size_t before = f->arena.used;
        assert_int_equal(decode(f), BUS_INVALID_ARGUMENT);
        /* Only the struct itself was made room for. */
        assert_true(f->arena.used - before <= 2 * sizeof(struct rich));
    }
}

static void cut_at_every_byte(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 3;
    struct rich sent = {0};
    struct rich zero = {0};
    rich_fill(&seed, &rich_shape, &f->arena, &sent, 1);
    sent.bytes.len = 3; /* keeps the message short */
    sent.bytes_list.count = 0;
    bus_pack_message(&f->buf, &rich_shape, &sent);
    for (size_t len = 0; len < f->buf.len; len++) {
        /* An exact copy, so that the sanitizer sees a read past the end. */
        uint8_t *cut = malloc(len ? len : 1);
        memcpy(cut, f->buf.data, len);
        int code = bus_unpack_message((struct bus_bytes){cut, len}, &rich_shape,
                                      &f->arena, &f->rich, &f->err);
        assert_false(bus_pack_valid((struct bus_bytes){cut, len}));
        free(cut);
        bus_arena_reset(&f->arena);
        assert_int_equal(code, BUS_INVALID_ARGUMENT);
        assert_memory_equal(&f->rich, &zero, sizeof(zero));
    }
}

static void a_full_arena_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct bus_arena small;
    uint64_t seed = 11;
    struct rich sent = {0};
    rich_fill(&seed, &rich_shape, &f->arena, &sent, 1);
    sent.bytes.len = 3;
    sent.bytes_list.count = 0;
    bus_pack_message(&f->buf, &rich_shape, &sent);
    size_t limit = 0;
    int code = BUS_RESOURCE_EXHAUSTED;
    while (code == BUS_RESOURCE_EXHAUSTED) { /* the k-th allocation fails */
        bus_arena_init(&small, limit);
        code = bus_unpack_message(bus_buf_bytes(&f->buf), &rich_shape, &small,
                                  &f->rich, &f->err);
        if (code)
            assert_int_equal(f->rich.level, 0);
        if (code == BUS_OK)
            assert_true(rich_same(&rich_shape, &sent, &f->rich));
        bus_arena_release(&small);
        f->rich = (struct rich){0};
        limit += 16;
    }
    assert_int_equal(code, BUS_OK);
    assert_true(limit > sizeof(struct rich));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(empty_map_gives_defaults),
        CASE(random_messages_survive),
        CASE(nothing_points_into_the_input),
        CASE(order_of_keys_does_not_matter),
        CASE(unknown_fields_are_skipped),
        CASE(nil_is_a_field_that_did_not_come),
        CASE(presence_tells_zero_from_absent),
        CASE(absent_optional_meets_no_rule),
        CASE(enums_come_by_number_or_name),
        CASE(floats_take_integers),
        CASE(borders_of_integers_fit),
        CASE(depth_32_passes),
        CASE(maps_take_a_message_nobody_made),
        CASE(integers_past_their_borders),
        CASE(wrong_types_name_the_field),
        CASE(nested_errors_name_the_path),
        CASE(bad_text_is_refused),
        CASE(bad_decimals_are_refused),
        CASE(fields_and_keys_come_once),
        CASE(the_top_is_one_map),
        CASE(depth_33_is_refused),
        CASE(writing_past_the_depth_fails),
        CASE(lying_counts_are_refused),
        CASE(cut_at_every_byte),
        CASE(a_full_arena_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
