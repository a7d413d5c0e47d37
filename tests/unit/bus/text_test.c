/* SPDX-License-Identifier: MIT
 *
 * One value from text, of every kind, and the sentences when it is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/arena.h"
#include "bus/bind.h"
#include "bus/buf.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/json.h"
#include "bus/text.h"
#include "tests/unit/bus/rich.h"

static struct bus_bytes span(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static const struct bus_field *field(const char *name)
{
    return bus_shape_find(&rich_shape, name, strlen(name));
}

static int setup(void **state)
{
    static struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    bus_arena_release(*state);
    return 0;
}

/* ---- success ---- */

static void booleans_in_any_case(void **state)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "tRuE"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "fAlSe"};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        bool value = false;
        assert_int_equal(text_bool(span(yes[i]), &value), TEXT_FINE);
        assert_true(value);
        assert_int_equal(text_bool(span(no[i]), &value), TEXT_FINE);
        assert_false(value);
    }
}

static void integers_to_their_bounds(void **state)
{
    static const struct {
        const char *field, *low, *high;
    } rows[] = {
        {"i8", "-128", "127"},
        {"i16", "-32768", "32767"},
        {"i32", "-2147483648", "2147483647"},
        {"i64", "-9223372036854775808", "9223372036854775807"},
        {"u8", "0", "255"},
        {"u16", "0", "65535"},
        {"u32", "0", "4294967295"},
        {"u64", "0", "18446744073709551615"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *texts[] = {rows[i].low, rows[i].high};
        for (size_t k = 0; k < 2; k++) {
            struct rich rich = {0};
            struct bus_buf json;
            char wanted[80];
            bus_buf_init(&json, 1 << 20);
            assert_int_equal(bus_text_set(field(rows[i].field), span(texts[k]),
                                          *state, &rich, NULL),
                             0);
            bus_json_write(&json, &rich_shape, &rich);
            bus_buf_byte(&json, '\0');
            snprintf(wanted, sizeof(wanted), "\"%s\":%s,", rows[i].field,
                     texts[k]);
            bool found = strstr((char *)json.data, wanted) != NULL;
            bus_buf_release(&json);
            assert_true(found);
        }
    }
}

static void a_plus_and_leading_zeros(void **state)
{
    int64_t value = 0;
    uint64_t plus = 0;
    (void)state;
    assert_int_equal(text_int(span("+007"), 0, 9, &value), TEXT_FINE);
    assert_int_equal(value, 7);
    assert_int_equal(text_uint(span("+007"), 9, &plus), TEXT_FINE);
    assert_int_equal(plus, 7);
}

static void enums_by_name_and_number(void **state)
{
    struct rich rich = {0};
    assert_int_equal(
        bus_text_set(field("color"), span("BLUE"), *state, &rich, NULL), 0);
    assert_int_equal(rich.color, 7);
    assert_int_equal(
        bus_text_set(field("color"), span("1"), *state, &rich, NULL), 0);
    assert_int_equal(rich.color, 1);
}

static void text_is_copied_and_presence_set(void **state)
{
    struct rich rich = {0};
    char text[] = "小明";
    assert_int_equal(
        bus_text_set(field("maybe_text"), span(text), *state, &rich, NULL), 0);
    text[0] = 'x';
    assert_string_equal(rich.maybe_text, "小明");
    assert_true(rich.has_maybe_text);
}

static void any_becomes_a_packed_text(void **state)
{
    struct rich rich = {0};
    struct bus_buf json;
    bus_buf_init(&json, 1 << 20);
    assert_int_equal(
        bus_text_set(field("any"), span("a\"b"), *state, &rich, NULL), 0);
    bus_json_from_pack(&json, rich.any);
    bus_buf_byte(&json, '\0');
    bool same = strcmp((char *)json.data, "\"a\\\"b\"") == 0;
    bus_buf_release(&json);
    assert_true(same);
}

static void base64_both_ways(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"\xff\xfe", "//4="}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct bus_bytes data = {0};
        struct bus_buf buf;
        assert_int_equal(text_base64(span(pairs[i][1]), *state, &data),
                         TEXT_FINE);
        assert_int_equal(data.len, strlen(pairs[i][0]));
        assert_memory_equal(data.data, pairs[i][0], data.len);
        bus_buf_init(&buf, 100);
        text_base64_write(&buf, data);
        bool same =
            buf.len == strlen(pairs[i][1]) &&
            (buf.len == 0 || memcmp(buf.data, pairs[i][1], buf.len) == 0);
        bus_buf_release(&buf);
        assert_true(same);
    }
}

/* ---- failure ---- */

static const struct {
    const char *field, *text, *sentence;
} refused[] = {
    {"flag", "yes", "field \"flag\": parsing \"yes\": invalid syntax"},
    {"flag", "", "field \"flag\": parsing \"\": invalid syntax"},
    {"i8", "128", "field \"i8\": parsing \"128\": value out of range"},
    {"i8", "-129", "field \"i8\": parsing \"-129\": value out of range"},
    {"u8", "256", "field \"u8\": parsing \"256\": value out of range"},
    {"u8", "-1", "field \"u8\": parsing \"-1\": invalid syntax"},
    {"i32", "abc", "field \"i32\": parsing \"abc\": invalid syntax"},
    {"i32", "", "field \"i32\": parsing \"\": invalid syntax"},
    {"i32", "-", "field \"i32\": parsing \"-\": invalid syntax"},
    {"i32", " 1", "field \"i32\": parsing \" 1\": invalid syntax"},
    {"i32", "1 ", "field \"i32\": parsing \"1 \": invalid syntax"},
    {"i32", "1.0", "field \"i32\": parsing \"1.0\": invalid syntax"},
    {"i32", "1e2", "field \"i32\": parsing \"1e2\": invalid syntax"},
    {"i32", "0x10", "field \"i32\": parsing \"0x10\": invalid syntax"},
    {"i64", "9223372036854775808",
     "field \"i64\": parsing \"9223372036854775808\": value out of range"},
    {"u64", "18446744073709551616",
     "field \"u64\": parsing \"18446744073709551616\": value out of range"},
    {"f64", "1e999", "field \"f64\": parsing \"1e999\": value out of range"},
    {"f64", "NaN", "field \"f64\": parsing \"NaN\": invalid syntax"},
    {"f64", "inf", "field \"f64\": parsing \"inf\": invalid syntax"},
    {"f64", "0x1p3", "field \"f64\": parsing \"0x1p3\": invalid syntax"},
    {"text", "\x80", "field \"text\": invalid UTF-8"},
    {"bytes", "Zg=", "field \"bytes\": parsing \"Zg=\": invalid syntax"},
    {"bytes",
     "Zg==Zg==", "field \"bytes\": parsing \"Zg==Zg==\": invalid syntax"},
    {"bytes", "Zh==", "field \"bytes\": parsing \"Zh==\": invalid syntax"},
    {"bytes", "Z===", "field \"bytes\": parsing \"Z===\": invalid syntax"},
    {"color", "PINK", "field \"color\": parsing \"PINK\": invalid syntax"},
    {"price", "1,5", "field \"price\": parsing \"1,5\": invalid syntax"},
    {"when", "yesterday",
     "field \"when\": parsing \"yesterday\": invalid syntax"},
    {"span", "3", "field \"span\": parsing \"3\": invalid syntax"},
    {"next", "{}", "type mismatch for field \"next\""},
    {"i32_list", "1", "type mismatch for field \"i32_list\""},
};

static void refusals_name_field_and_text(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct rich rich = {0}, before = {0};
        struct bus_error err = {0};
        assert_int_equal(bus_text_set(field(refused[i].field),
                                      span(refused[i].text), *state, &rich,
                                      &err),
                         BUS_INVALID_ARGUMENT);
        assert_string_equal(err.sentence, refused[i].sentence);
        assert_string_equal(err.field, refused[i].field);
        assert_memory_equal(&rich, &before, sizeof(rich));
    }
}

static void nul_in_text(void **state)
{
    struct rich rich = {0};
    struct bus_error err = {0};
    struct bus_bytes text = {(const uint8_t *)"a\0b", 3};
    assert_int_equal(bus_text_set(field("text"), text, *state, &rich, &err),
                     BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence, "field \"text\": holds a NUL character");
}

static void long_texts_are_quoted_in_part(void **state)
{
    char text[1001];
    struct rich rich = {0};
    struct bus_error err = {0};
    memset(text, 'x', 1000);
    text[1000] = '\0';
    bus_text_set(field("i32"), span(text), *state, &rich, &err);
    assert_true(strlen(err.sentence) < 150);
}

static void a_full_arena(void **state)
{
    struct bus_arena small;
    struct rich rich = {0};
    struct bus_error err = {0};
    (void)state;
    bus_arena_init(&small, 4);
    int code = bus_text_set(field("text"), span("longer"), &small, &rich, &err);
    bus_arena_release(&small);
    assert_int_equal(code, BUS_RESOURCE_EXHAUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(booleans_in_any_case),
        cmocka_unit_test(integers_to_their_bounds),
        cmocka_unit_test(a_plus_and_leading_zeros),
        cmocka_unit_test(enums_by_name_and_number),
        cmocka_unit_test(text_is_copied_and_presence_set),
        cmocka_unit_test(any_becomes_a_packed_text),
        cmocka_unit_test(base64_both_ways),
        cmocka_unit_test(refusals_name_field_and_text),
        cmocka_unit_test(nul_in_text),
        cmocka_unit_test(long_texts_are_quoted_in_part),
        cmocka_unit_test(a_full_arena),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
