/* SPDX-License-Identifier: MIT
 *
 * What is JSON and what is not: every text goes through the reader without a
 * schema and, under an unknown key, through the one that skips.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/json.h"

#define MANY_KEYS 100000

static const struct bus_shape empty_shape = {.name = "test.empty", .size = 1};

static struct bus_bytes span(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static int to_pack(struct bus_bytes text, struct bus_error *err)
{
    struct bus_buf buf;
    bus_buf_init(&buf, 64 << 20);
    bus_buf_text(&buf, "kept");
    int code = bus_json_to_pack(text, &buf, err);
    if (code)
        assert_int_equal(buf.len, 4); /* nothing is left behind */
    bus_buf_release(&buf);
    return code;
}

static int under_unknown_key(struct bus_bytes text, struct bus_error *err)
{
    struct bus_arena arena;
    struct bus_buf whole;
    char message = 0;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_buf_init(&whole, 64 << 20);
    bus_buf_text(&whole, "{\"unknown\":");
    bus_buf_add(&whole, text.data, text.len);
    bus_buf_text(&whole, "}");
    int code = bus_json_read(bus_buf_bytes(&whole), &empty_shape, &arena,
                             &message, NULL, err);
    bus_buf_release(&whole);
    bus_arena_release(&arena);
    return code;
}

/* ---- success ---- */

static void every_value_of_the_grammar(void **state)
{
    static const char *const texts[] = {"null",
                                        "true",
                                        "false",
                                        "0",
                                        "-0",
                                        "12",
                                        "-3",
                                        "0.5",
                                        "1e3",
                                        "1E+2",
                                        "1.5e-3",
                                        "18446744073709551615",
                                        "-9223372036854775808",
                                        "\"\"",
                                        "\"a\"",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                        "\"\\u00e9\\uD83D\\uDE00\"",
                                        "\"\x7f\"",
                                        "[]",
                                        "{}",
                                        "[1,[2],{}]",
                                        "{\"a\":{\"a\":1}}",
                                        "{\"\":1}",
                                        " \t\r\n[ 1 , 2 ] ",
                                        "{ \"a\" : 1 , \"b\" : 2 }"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bus_error err = {0};
        int code = to_pack(span(texts[i]), &err);
        if (code == 0)
            code = under_unknown_key(span(texts[i]), &err);
        if (code)
            fail_msg("%s: %s", texts[i], err.sentence);
    }
}

static struct bus_bytes nested(char *text, size_t depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return (struct bus_bytes){(uint8_t *)text, depth * 2};
}

static void nesting_to_the_limit(void **state)
{
    char text[200];
    (void)state;
    assert_int_equal(to_pack(nested(text, BUS_DEPTH_MAX), NULL), 0);
}

/* Keys that all differ only at their ends, in one object. */
static char *many_keys(const char *last)
{
    size_t size = (size_t)MANY_KEYS * 16 + 64, len = 1;
    char *text = malloc(size);
    assert_non_null(text);
    text[0] = '{';
    for (unsigned i = 0; i < MANY_KEYS; i++)
        len += (size_t)snprintf(text + len, size - len, "\"k%u\":%u,", i, 1u);
    snprintf(text + len, size - len, "%s}", last);
    return text;
}

static void many_keys_are_no_trouble(void **state)
{
    char *text = many_keys("\"other\":1");
    (void)state;
    assert_int_equal(to_pack(span(text), NULL), 0);
    free(text);
}

/* ---- failure ---- */

static const struct {
    const char *text, *sentence;
} malformed[] = {
    {"", "malformed JSON at byte 1: unexpected end"},
    {"  ", "malformed JSON at byte 3: unexpected end"},
    {"{", "malformed JSON at byte 2: unexpected end"},
    {"[", "malformed JSON at byte 2: unexpected end"},
    {"{\"a\"", "malformed JSON at byte 5: unexpected end"},
    {"{\"a\" 1}", "malformed JSON at byte 6: expected ':'"},
    {"{\"a\":}", "malformed JSON at byte 6: expected a value"},
    {"{\"a\":1,}", "malformed JSON at byte 8: expected a key in quotes"},
    {"{a:1}", "malformed JSON at byte 2: expected a key in quotes"},
    {"{1:1}", "malformed JSON at byte 2: expected a key in quotes"},
    {"{\"a\":1 \"b\":2}", "malformed JSON at byte 8: expected ',' or '}'"},
    {"[1,]", "malformed JSON at byte 4: expected a value"},
    {"[,1]", "malformed JSON at byte 2: expected a value"},
    {"[1 2]", "malformed JSON at byte 4: expected ',' or ']'"},
    {"[1}", "malformed JSON at byte 3: expected ',' or ']'"},
    {"1 2", "malformed JSON at byte 3: bytes after the value"},
    {"{}x", "malformed JSON at byte 3: bytes after the value"},
    {"{}{}", "malformed JSON at byte 3: bytes after the value"},
    {"\xEF\xBB\xBF{}", "malformed JSON at byte 1: expected a value"},
    {"nul", "malformed JSON at byte 1: expected a value"},
    {"True", "malformed JSON at byte 1: expected a value"},
    {"truex", "malformed JSON at byte 5: bytes after the value"},
    {"'a'", "malformed JSON at byte 1: expected a value"},
    {"01", "malformed JSON at byte 2: bytes after the value"},
    {"+1", "malformed JSON at byte 1: expected a value"},
    {"-", "malformed JSON at byte 2: unexpected end"},
    {"-a", "malformed JSON at byte 2: expected a digit"},
    {".5", "malformed JSON at byte 1: expected a value"},
    {"1.", "malformed JSON at byte 3: unexpected end"},
    {"1.x", "malformed JSON at byte 3: expected a digit"},
    {"1e", "malformed JSON at byte 3: unexpected end"},
    {"NaN", "malformed JSON at byte 1: expected a value"},
    {"\"a", "malformed JSON at byte 3: unexpected end"},
    {"\"a\\", "malformed JSON at byte 4: unexpected end"},
    {"\"a\\\"", "malformed JSON at byte 5: unexpected end"},
    {"\"\\x\"", "malformed JSON at byte 3: an unknown escape"},
    {"\"\\u12\"", "malformed JSON at byte 2: expected four hexadecimal digits"},
    {"\"\\u12g4\"",
     "malformed JSON at byte 2: expected four hexadecimal digits"},
    {"\"\\u0000\"", "malformed JSON at byte 2: a NUL character in text"},
    {"\"\\ud800\"", "malformed JSON at byte 2: a lone surrogate"},
    {"\"\\udc00\"", "malformed JSON at byte 2: a lone surrogate"},
    {"\"\\ud800\\u0041\"", "malformed JSON at byte 2: a lone surrogate"},
    {"\"\\ud800x\"", "malformed JSON at byte 2: a lone surrogate"},
    {"\"a\nb\"", "malformed JSON at byte 3: a control character in text"},
    {"\"\x80\"", "malformed JSON at byte 1: invalid UTF-8 in text"},
    {"\"\xC0\xAF\"", "malformed JSON at byte 1: invalid UTF-8 in text"},
    {"\"\xED\xA0\x80\"", "malformed JSON at byte 1: invalid UTF-8 in text"},
    {"\"\xF4\x90\x80\x80\"", "malformed JSON at byte 1: invalid UTF-8 in text"},
    {"\"\xE5\xB0\"", "malformed JSON at byte 1: invalid UTF-8 in text"},
    {"18446744073709551616",
     "malformed JSON at byte 1: the number does not fit 64 bits"},
    {"-9223372036854775809",
     "malformed JSON at byte 1: the number does not fit 64 bits"},
    {"1e400", "malformed JSON at byte 1: the number does not fit a double"},
    {"1e-400", "malformed JSON at byte 1: the number does not fit a double"},
};

static void malformed_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct bus_error err = {0};
        assert_int_equal(to_pack(span(malformed[i].text), &err),
                         BUS_INVALID_ARGUMENT);
        assert_string_equal(err.sentence, malformed[i].sentence);
    }
}

/* Skipped values are read as strictly, except that numbers need not fit. */
static void malformed_texts_under_unknown_keys(void **state)
{
    static const char *const texts[] = {
        "[1,]",        "{\"a\":1,}",   "01",          "1.",
        "\"\\ud800\"", "\"\xC0\xAF\"", "\"\\u0000\"", "{\"a\":1,\"a\":2}",
        "tru",         "1}{"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bus_error err = {0};
        assert_int_equal(under_unknown_key(span(texts[i]), &err),
                         BUS_INVALID_ARGUMENT);
        assert_memory_equal(err.sentence, "malformed JSON at byte ", 23);
    }
}

static void duplicate_keys(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"\\/\":1,\"/\":2}",
        "{\"\":1,\"\":2}", "[{\"b\":{\"x\":1,\"y\":2,\"x\":null}}]"};
    struct bus_error err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(to_pack(span(texts[i]), &err), BUS_INVALID_ARGUMENT);
        assert_non_null(strstr(err.sentence, "a duplicate key"));
        assert_int_equal(under_unknown_key(span(texts[i]), &err),
                         BUS_INVALID_ARGUMENT);
        assert_non_null(strstr(err.sentence, "a duplicate key"));
    }
}

static void one_duplicate_among_many_keys(void **state)
{
    char *text = many_keys("\"k777\":1");
    struct bus_error err = {0};
    (void)state;
    assert_int_equal(to_pack(span(text), &err), BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, "a duplicate key"));
    free(text);
}

static void nesting_past_the_limit(void **state)
{
    char text[200];
    struct bus_error err = {0};
    (void)state;
    assert_int_equal(to_pack(nested(text, BUS_DEPTH_MAX + 1), &err),
                     BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence,
                        "malformed JSON at byte 33: nested too deep");
}

/* A million brackets must neither crash nor take long. */
static void a_tower_of_brackets(void **state)
{
    size_t count = 1000000;
    char *text = malloc(count);
    (void)state;
    assert_non_null(text);
    memset(text, '[', count);
    struct bus_bytes tower = {(uint8_t *)text, count};
    assert_int_equal(to_pack(tower, NULL), BUS_INVALID_ARGUMENT);
    assert_int_equal(under_unknown_key(tower, NULL), BUS_INVALID_ARGUMENT);
    free(text);
}

/* Every prefix of a good text is refused, and none read past its end. */
static void every_prefix_is_refused(void **state)
{
    static const char whole[] =
        "{\"a\":[1,-2.5e3,true,null,\"\\u00e9\\n\"],\"b\":{\"c\":\"小\"}}";
    (void)state;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        uint8_t *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, whole, len);
        struct bus_error err = {0};
        int code = to_pack((struct bus_bytes){copy, len}, &err);
        free(copy);
        assert_int_equal(code, BUS_INVALID_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_of_the_grammar),
        cmocka_unit_test(nesting_to_the_limit),
        cmocka_unit_test(many_keys_are_no_trouble),
        cmocka_unit_test(malformed_texts),
        cmocka_unit_test(malformed_texts_under_unknown_keys),
        cmocka_unit_test(duplicate_keys),
        cmocka_unit_test(one_duplicate_among_many_keys),
        cmocka_unit_test(nesting_past_the_limit),
        cmocka_unit_test(a_tower_of_brackets),
        cmocka_unit_test(every_prefix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
