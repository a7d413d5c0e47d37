/* SPDX-License-Identifier: MIT
 *
 * JSON into structs: each kind from what go-zero takes for it, each refusal in
 * go-zero's words with the path of the field, and what is read written equal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/code.h"
#include "bus/error.h"
#include "bus/json.h"
#include "tests/unit/bus/rich.h"

#define RANDOM_RUNS 300
#define TIME_PLAIN INT64_C(60000000000000000) /* us: within a calendar */

/* Fields whose tags rich has not. */
struct tagged {
    const char *loose; /* TEXT, from number too */
    int64_t number;    /* I64, from text too */
    bool flag;         /* BOOL, from text too */
    const char *deep;  /* "a.b.c" */
    int32_t deep_number;
    const char *name; /* required, in the list's items */
    struct bus_list items;
};

static const struct bus_shape tagged_shape;

#define TAGGED(wire, member, field_kind)                                       \
    .name = (wire), .kind = (field_kind),                                      \
    .offset = offsetof(struct tagged, member), .presence = BUS_NO_PRESENCE

static const struct bus_field tagged_fields[] = {
    {TAGGED("loose", loose, BUS_TEXT), .flags = BUS_FROM_TEXT},
    {TAGGED("number", number, BUS_I64), .flags = BUS_FROM_TEXT},
    {TAGGED("flag", flag, BUS_BOOL), .flags = BUS_FROM_TEXT},
    {TAGGED("a.b.c", deep, BUS_TEXT)},
    {TAGGED("a.d", deep_number, BUS_I32)},
    {TAGGED("name", name, BUS_TEXT), .flags = BUS_REQUIRED},
    {TAGGED("items", items, BUS_MESSAGE), .cardinality = BUS_LIST,
     .shape = &tagged_shape},
};
static const struct bus_shape tagged_shape = {
    "test.tagged", sizeof(struct tagged),
    sizeof(tagged_fields) / sizeof(tagged_fields[0]), tagged_fields};

struct fixture {
    struct bus_arena arena;
    struct bus_buf buf;
    struct bus_error err;
    struct rich rich;
    struct tagged tagged;
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

static struct bus_bytes span(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static int read_rich(struct fixture *f, const char *text)
{
    f->rich = (struct rich){0};
    return bus_json_read(span(text), &rich_shape, &f->arena, &f->rich, NULL,
                         &f->err);
}

static int read_tagged(struct fixture *f, const char *text)
{
    f->tagged = (struct tagged){0};
    return bus_json_read(span(text), &tagged_shape, &f->arena, &f->tagged, NULL,
                         &f->err);
}

static void good(struct fixture *f, const char *text)
{
    if (read_rich(f, text))
        fail_msg("%s: %s", text, f->err.sentence);
}

/* ---- success ---- */

static void scalars(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"flag\":true,\"i8\":-128,\"u64\":18446744073709551615,"
            "\"i64\":-9223372036854775808,\"f32\":0.5,\"f64\":1e-3,"
            "\"text\":\"\\u5c0f\xE6\x98\x8E\",\"bytes\":\"aGk=\"}");
    assert_true(f->rich.flag);
    assert_int_equal(f->rich.i8, -128);
    assert_true(f->rich.u64 == UINT64_MAX);
    assert_true(f->rich.i64 == INT64_MIN);
    assert_true(f->rich.f32 > 0.49f && f->rich.f32 < 0.51f);
    assert_true(f->rich.f64 > 0.0009 && f->rich.f64 < 0.0011);
    assert_string_equal(f->rich.text, "小明");
    assert_int_equal(f->rich.bytes.len, 2);
    assert_memory_equal(f->rich.bytes.data, "hi", 2);
}

static void text_that_stands_for_more(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"color\":\"BLUE\",\"price\":\"1.10\","
            "\"when\":\"2020-08-30T15:32:35.000001Z\",\"span\":\"1h10m\"}");
    assert_int_equal(f->rich.color, 7);
    assert_string_equal(f->rich.price, "1.10");
    assert_true(f->rich.when == INT64_C(1598801555000001));
    assert_true(f->rich.span == INT64_C(4200000000000));
}

static void decimals_and_enums_from_numbers(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"price\":1.10,\"color\":1}");
    assert_string_equal(f->rich.price, "1.10");
    assert_int_equal(f->rich.color, 1);
}

static void numbers_and_text_where_the_tag_says_string(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_tagged(f, "{\"loose\":1.50,\"number\":\"-7\","
                                    "\"flag\":\"true\"}"),
                     0);
    assert_string_equal(f->tagged.loose, "1.50");
    assert_int_equal(f->tagged.number, -7);
    assert_true(f->tagged.flag);
    assert_int_equal(read_tagged(f, "{\"loose\":\"x\",\"number\":7}"), 0);
    assert_string_equal(f->tagged.loose, "x");
}

static void null_is_absent(void **state)
{
    struct fixture *f = *state;
    bool seen[sizeof(rich_fields) / sizeof(rich_fields[0])] = {false};
    f->rich.i32 = 5;
    assert_int_equal(bus_json_read(span("{\"i32\":null,\"i8\":1}"), &rich_shape,
                                   &f->arena, &f->rich, seen, &f->err),
                     0);
    assert_int_equal(f->rich.i32, 5);
    assert_false(seen[bus_shape_find(&rich_shape, "i32", 3) - rich_fields]);
    assert_true(seen[bus_shape_find(&rich_shape, "i8", 2) - rich_fields]);
}

static void presence(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"maybe_int\":0}");
    assert_true(f->rich.has_maybe_int);
    assert_false(f->rich.has_maybe_text);
    good(f, "{\"maybe_int\":null}");
    assert_false(f->rich.has_maybe_int);
}

static void unknown_keys_are_skipped(void **state)
{
    struct fixture *f = *state;
    good(f,
         "{\"x\":{\"y\":[1,{\"z\":null}]},\"i8\":3,\"Text\":\"other case\"}");
    assert_int_equal(f->rich.i8, 3);
    assert_null(f->rich.text);
}

static void keys_in_any_order_and_escaped(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"percent\":5,\"\\u0069\\u0038\":3,\"flag\":true}");
    assert_int_equal(f->rich.percent, 5);
    assert_int_equal(f->rich.i8, 3);
    assert_true(f->rich.flag);
}

static void lists(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"i32_list\":[1,2,3,4,5,6,7,8,9],\"text_list\":[],"
            "\"nexts\":[{\"i8\":1},{\"i8\":2}],\"any_list\":[null,1]}");
    assert_int_equal(f->rich.i32_list.count, 9);
    assert_int_equal(((int32_t *)f->rich.i32_list.items)[8], 9);
    assert_int_equal(f->rich.text_list.count, 0);
    assert_int_equal(f->rich.nexts.count, 2);
    assert_int_equal(((struct rich *)f->rich.nexts.items)[1].i8, 2);
    assert_int_equal(f->rich.any_list.count, 2);
}

/* go-zero fills a list of numbers from texts, though not a number. */
static void lists_of_numbers_from_texts(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"i32_list\":[\"1\",2]}");
    assert_int_equal(((int32_t *)f->rich.i32_list.items)[0], 1);
}

static void maps(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"by_text\":{\"a\":{\"i8\":1}},\"by_number\":{\"-3\":[\"x\"]}}");
    const struct rich_by_text *entry = f->rich.by_text.items;
    assert_string_equal(entry->key, "a");
    assert_int_equal(entry->value->i8, 1);
    const struct rich_by_number *number = f->rich.by_number.items;
    assert_int_equal(number->key, -3);
    assert_string_equal(*(const char **)number->value.items, "x");
}

static void any_takes_every_value(void **state)
{
    static const char *const values[] = {
        "true",  "-1",         "18446744073709551615", "0.5",
        "\"x\"", "[1,[null]]", "{\"a\":{\"b\":[]}}"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"any\":%s}", values[i]);
        good(f, text);
        bus_buf_reset(&f->buf);
        bus_json_from_pack(&f->buf, f->rich.any);
        assert_int_equal(f->buf.len, strlen(values[i]));
        assert_memory_equal(f->buf.data, values[i], f->buf.len);
    }
}

static void nested_messages_get_their_defaults(void **state)
{
    struct fixture *f = *state;
    good(f, "{\"next\":{\"next\":{\"level\":4}}}");
    assert_int_equal(f->rich.level, 0); /* the caller's to check */
    assert_int_equal(f->rich.next->level, 3);
    assert_int_equal(f->rich.next->next->level, 4);
}

static void dotted_names_walk_objects(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        read_tagged(f, "{\"a\":{\"x\":1,\"b\":{\"c\":\"deep\"},\"d\":2}}"), 0);
    assert_string_equal(f->tagged.deep, "deep");
    assert_int_equal(f->tagged.deep_number, 2);
    assert_int_equal(read_tagged(f, "{\"a.b.c\":\"flat\",\"a\":1}"), 0);
    assert_string_equal(f->tagged.deep, "flat");
}

static void make_plain(const struct bus_shape *shape, void *message);

static void make_value_plain(const struct bus_field *field, void *at)
{
    static const uint8_t packed[] = {0x92, 0xA1, 'x', 0xCB, 0x3F, 0xE0,
                                     0,    0,    0,   0,    0,    0};
    const char **text = at;
    if (field->kind == BUS_ANY)
        *(struct bus_bytes *)at = (struct bus_bytes){packed, sizeof(packed)};
    else if (field->kind == BUS_TIME)
        *(int64_t *)at %= TIME_PLAIN;
    else if (field->rule && field->rule->options && !*text)
        *text = field->rule->options[0];
    else if (field->flags & BUS_HAS_RANGE && *(int32_t *)at < 1)
        *(int32_t *)at = 1;
    else if (field->kind == BUS_DECIMAL && (!*text || !**text))
        *text = "0";
}

/* JSON cannot tell some values apart, or has none: times outside the calendar,
 * "" and "0" as decimals, an absent field that is not left out, keys that are
 * no text. */
static void make_plain(const struct bus_shape *shape, void *message)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct bus_field *field = &shape->fields[i];
        void *at = (char *)message + field->offset;
        const struct bus_list *list = at;
        bool many = field->cardinality != BUS_ONE;
        bool inner = field->kind == BUS_MESSAGE;
        bus_field_set_present(field, message);
        if (!many && !inner)
            make_value_plain(field, at);
        else if (!many && *(void **)at)
            make_plain(field->shape, *(void **)at);
        for (size_t k = 0; many && k < list->count; k++) {
            void *item = (char *)list->items + k * bus_field_size(field);
            if (inner)
                make_plain(field->shape, item);
            else
                make_value_plain(field, item);
        }
    }
}

static void random_messages_read_back(void **state)
{
    struct fixture *f = *state;
    for (uint64_t run = 1; run <= RANDOM_RUNS; run++) {
        uint64_t seed = run * UINT64_C(0x9E3779B97F4A7C15);
        struct rich rich = {0}, back = {0};
        rich_fill(&seed, &rich_shape, &f->arena, &rich, 2);
        make_plain(&rich_shape, &rich);
        bus_buf_reset(&f->buf);
        bus_json_write(&f->buf, &rich_shape, &rich);
        assert_false(f->buf.failed);
        if (bus_json_read(bus_buf_bytes(&f->buf), &rich_shape, &f->arena, &back,
                          NULL, &f->err))
            fail_msg("run %d: %s", (int)run, f->err.sentence);
        if (!rich_same(&rich_shape, &rich, &back))
            fail_msg("run %d came back different", (int)run);
        bus_arena_reset(&f->arena);
    }
}

/* ---- failure ---- */

static const struct {
    const char *text, *field, *sentence;
} refused[] = {
    {"{\"text\":1}", "text",
     "type mismatch for field \"text\", expect \"string\", actual \"number\""},
    {"{\"i32\":\"1\"}", "i32",
     "type mismatch for field \"i32\", expect \"int32\", actual \"string\""},
    {"{\"flag\":1}", "flag",
     "type mismatch for field \"flag\", expect \"bool\", actual \"number\""},
    {"{\"span\":3}", "span",
     "type mismatch for field \"span\", expect \"duration\", actual "
     "\"number\""},
    {"{\"i32\":{}}", "i32",
     "type mismatch for field \"i32\", expect \"int32\", actual \"object\""},
    {"{\"next\":[]}", "next",
     "type mismatch for field \"next\", expect \"object\", actual \"list\""},
    {"{\"i32_list\":1}", "i32_list",
     "type mismatch for field \"i32_list\", expect \"list\", actual "
     "\"number\""},
    {"{\"by_text\":[]}", "by_text",
     "type mismatch for field \"by_text\", expect \"map\", actual \"list\""},
    {"{\"next\":{\"i32\":true}}", "next.i32",
     "type mismatch for field \"next.i32\", expect \"int32\", actual \"bool\""},
    {"{\"nexts\":[{},{\"text\":true}]}", "nexts[1].text",
     "type mismatch for field \"nexts[1].text\", expect \"string\", actual "
     "\"bool\""},
    {"{\"by_text\":{\"k\":{\"text\":1}}}", "by_text[k].text",
     "type mismatch for field \"by_text[k].text\", expect \"string\", actual "
     "\"number\""},
    {"{\"i32_list\":[1,true]}", "i32_list[1]",
     "type mismatch for field \"i32_list[1]\", expect \"int32\", actual "
     "\"bool\""},
    {"{\"i32\":1.0}", "i32", "field \"i32\": parsing \"1.0\": invalid syntax"},
    {"{\"i32\":1e2}", "i32", "field \"i32\": parsing \"1e2\": invalid syntax"},
    {"{\"i8\":128}", "i8", "field \"i8\": parsing \"128\": value out of range"},
    {"{\"u8\":-1}", "u8", "field \"u8\": parsing \"-1\": invalid syntax"},
    {"{\"u64\":18446744073709551616}", "u64",
     "field \"u64\": parsing \"18446744073709551616\": value out of range"},
    {"{\"f64\":1e400}", "f64",
     "field \"f64\": parsing \"1e400\": value out of range"},
    {"{\"f64\":9007199254740993}", "f64",
     "field \"f64\": parsing \"9007199254740993\": value out of range"},
    {"{\"bytes\":\"?\"}", "bytes",
     "field \"bytes\": parsing \"?\": invalid syntax"},
    {"{\"color\":\"PINK\"}", "color",
     "field \"color\": parsing \"PINK\": invalid syntax"},
    {"{\"i32_list\":[1,null]}", "i32_list[1]", "null element for slice"},
    {"{\"by_text\":{\"k\":null}}", "by_text[k]",
     "field \"by_text[k]\" mustn't be nil"},
    {"{\"by_number\":{\"x\":[]}}", "by_number[x]",
     "field \"by_number[x]\": parsing \"x\": invalid syntax"},
    {"{\"next\":{\"percent\":101}}", "next.percent", NULL},
    {"{\"by_number\":{\"-0\":[],\"0\":[]}}", "",
     "malformed JSON at byte 30: a duplicate key"},
    {"{\"i8\":1,\"i8\":2}", "", "malformed JSON at byte 14: a duplicate key"},
    {"{\"i8\":null,\"\\u0069\\u0038\":2}", "",
     "malformed JSON at byte 27: a duplicate key"},
    {"{\"x\":1,\"i8\":2,\"x\":3}", "",
     "malformed JSON at byte 19: a duplicate key"},
    {"{\"by_text\":{\"k\":{},\"\\u006b\":{}}}", "",
     "malformed JSON at byte 29: a duplicate key"},
    {"{\"any\":{\"k\":1,\"k\":1}}", "",
     "malformed JSON at byte 19: a duplicate key"},
    {"{\"i8\":1} 2", "", "malformed JSON at byte 10: bytes after the value"},
    {"{\"i8\":}", "", "malformed JSON at byte 7: expected a value"},
    {"", "", "malformed JSON at byte 1: unexpected end"},
    {"[]", "", "type mismatch, expect \"object\", actual \"list\""},
    {"null", "", "type mismatch, expect \"object\", actual \"null\""},
    {"\"x\"", "", "type mismatch, expect \"object\", actual \"string\""},
};

static void refusals_say_what_and_where(void **state)
{
    struct fixture *f = *state;
    struct rich before = {0};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(read_rich(f, refused[i].text), BUS_INVALID_ARGUMENT);
        if (refused[i].sentence)
            assert_string_equal(f->err.sentence, refused[i].sentence);
        assert_string_equal(f->err.field, refused[i].field);
        assert_memory_equal(&f->rich, &before, sizeof(before));
    }
}

static void nested_required_fields(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        read_tagged(f, "{\"items\":[{\"name\":\"\"},{\"name\":null}]}"),
        BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence, "field \"items[1].name\" is not set");
    assert_string_equal(f->err.field, "items[1].name");
}

static void text_where_the_tag_says_string_must_fit(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_tagged(f, "{\"number\":\"\"}"), BUS_INVALID_ARGUMENT);
    assert_int_equal(read_tagged(f, "{\"flag\":\"yes\"}"),
                     BUS_INVALID_ARGUMENT);
    assert_int_equal(read_tagged(f, "{\"loose\":true}"), BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence,
                        "type mismatch for field \"loose\", expect \"string\", "
                        "actual \"bool\"");
}

/* The sentence tells the place and never gives the body back. */
static void the_body_is_not_echoed(void **state)
{
    struct fixture *f = *state;
    read_rich(f, "{\"text\":\"secret\" \"password\":1}");
    assert_null(strstr(f->err.sentence, "secret"));
    assert_null(strstr(f->err.sentence, "password"));
}

static void a_small_arena_is_an_ordinary_error(void **state)
{
    struct fixture *f = *state;
    struct bus_arena small;
    bus_arena_init(&small, 8192);
    int code =
        bus_json_read(span("{\"nexts\":[{},{},{},{},{},{},{},{},{},{},{},{}]}"),
                      &rich_shape, &small, &f->rich, NULL, &f->err);
    bus_arena_release(&small);
    assert_int_equal(code, BUS_RESOURCE_EXHAUSTED);
    assert_int_equal(f->rich.nexts.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(scalars),
        TEST(text_that_stands_for_more),
        TEST(decimals_and_enums_from_numbers),
        TEST(numbers_and_text_where_the_tag_says_string),
        TEST(null_is_absent),
        TEST(presence),
        TEST(unknown_keys_are_skipped),
        TEST(keys_in_any_order_and_escaped),
        TEST(lists),
        TEST(lists_of_numbers_from_texts),
        TEST(maps),
        TEST(any_takes_every_value),
        TEST(nested_messages_get_their_defaults),
        TEST(dotted_names_walk_objects),
        TEST(random_messages_read_back),
        TEST(refusals_say_what_and_where),
        TEST(nested_required_fields),
        TEST(text_where_the_tag_says_string_must_fit),
        TEST(the_body_is_not_echoed),
        TEST(a_small_arena_is_an_ordinary_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
