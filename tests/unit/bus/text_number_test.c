/* SPDX-License-Identifier: MIT
 *
 * Doubles and decimals: nothing is rounded that can be kept, and what is
 * written reads back equal.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/arena.h"
#include "bus/text.h"

#define RANDOM_RUNS 20000

static struct bus_bytes span(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
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

/* Texts as Go's encoding/json prints them. */
static void doubles_look_like_go(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {1e-6, "0.000001"},
        {1e-7, "1e-7"},
        {1.25e-10, "1.25e-10"},
        {123456789.125, "123456789.125"},
        {9007199254740992, "9007199254740992"},
        {1152921504606846976, "1152921504606847000"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[TEXT_DOUBLE_MAX];
        text_double_write(rows[i].value, false, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void floats_are_as_short_as_floats(void **state)
{
    char text[TEXT_DOUBLE_MAX];
    (void)state;
    text_double_write((double)0.1f, true, text);
    assert_string_equal(text, "0.1");
    text_double_write((double)16777216.0f, true, text);
    assert_string_equal(text, "16777216");
    text_double_write((double)FLT_MAX, true, text);
    assert_string_equal(text, "3.4028235e+38");
}

static void every_double_reads_back(void **state)
{
    uint64_t seed = 88172645463325252u;
    (void)state;
    for (int i = 0; i < RANDOM_RUNS; i++) {
        double value, back = 0;
        char text[TEXT_DOUBLE_MAX];
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        memcpy(&value, &seed, sizeof(value));
        if (!isfinite(value))
            continue;
        text_double_write(value, false, text);
        assert_int_equal(text_double(span(text), false, &back), TEXT_FINE);
        assert_memory_equal(&back, &value, sizeof(value));
        if (fabs(value) > (double)FLT_MAX || fabs(value) < (double)FLT_MIN)
            continue;
        float single = (float)value;
        if (!isfinite(single))
            continue;
        text_double_write((double)single, true, text);
        assert_int_equal(text_double(span(text), true, &back), TEXT_FINE);
        assert_true((float)back >= single && (float)back <= single);
    }
}

static void decimals_are_kept(void **state)
{
    static const char *const pairs[][2] = {
        {"1.10", "1.10"},
        {"0", "0"},
        {"-0", "0"},
        {"-0.00", "0.00"},
        {"0.0", "0.0"},
        {"-1.5", "-1.5"},
        {"+2", "2"},
        {"007.50", "7.50"},
        {".5", "0.5"},
        {"5.", "5"},
        {"0.001", "0.001"},
        {"1e2", "100"},
        {"1.5e1", "15"},
        {"1.5e3", "1500"},
        {"1.25e1", "12.5"},
        {"1e-3", "0.001"},
        {"12e-1", "1.2"},
        {"0e5", "0"},
        {"0.0e-2", "0.000"},
        {"123456789012345678901234567890.123456789",
         "123456789012345678901234567890.123456789"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *text = NULL;
        assert_int_equal(text_decimal(span(pairs[i][0]), *state, &text),
                         TEXT_FINE);
        assert_string_equal(text, pairs[i][1]);
        /* Canonical text stays as it is. */
        assert_int_equal(text_decimal(span(pairs[i][1]), *state, &text),
                         TEXT_FINE);
        assert_string_equal(text, pairs[i][1]);
    }
}

/* ---- failure ---- */

static void no_double_is_rounded(void **state)
{
    static const struct {
        const char *text;
        bool single;
        enum text_fault fault;
    } rows[] = {
        {"1e309", false, TEXT_RANGE},
        {"-1e309", false, TEXT_RANGE},
        {"1e-400", false, TEXT_RANGE},
        {"3.5e38", true, TEXT_RANGE},
        {"1e-50", true, TEXT_RANGE},
        {"9007199254740993", false, TEXT_RANGE},
        {"16777217", true, TEXT_RANGE},
        {"0e400", false, TEXT_FINE},
        {"9007199254740992", false, TEXT_FINE},
        {"1152921504606847000", false, TEXT_FINE},
        {"1152921504606846976", false, TEXT_FINE},
        {"00012", false, TEXT_FINE},
        {"", false, TEXT_SYNTAX},
        {".", false, TEXT_SYNTAX},
        {"e5", false, TEXT_SYNTAX},
        {"1e", false, TEXT_SYNTAX},
        {"1e+", false, TEXT_SYNTAX},
        {"1..2", false, TEXT_SYNTAX},
        {"1_000", false, TEXT_SYNTAX},
        {"--1", false, TEXT_SYNTAX},
        {"infinity", false, TEXT_SYNTAX},
        {"1 ", false, TEXT_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double value = 0;
        if (text_double(span(rows[i].text), rows[i].single, &value) !=
            rows[i].fault)
            fail_msg("%s", rows[i].text);
    }
}

static void decimals_have_limits(void **state)
{
    const char *text = NULL;
    char many[300];
    memset(many, '9', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    assert_int_equal(text_decimal(span(many), *state, &text), TEXT_RANGE);
    assert_int_equal(text_decimal(span("1e257"), *state, &text), TEXT_RANGE);
    assert_int_equal(text_decimal(span("1e999999999999"), *state, &text),
                     TEXT_RANGE);
    assert_int_equal(text_decimal(span("1e-257"), *state, &text), TEXT_RANGE);
    assert_int_equal(text_decimal(span("abc"), *state, &text), TEXT_SYNTAX);
    assert_int_equal(text_decimal(span(""), *state, &text), TEXT_SYNTAX);
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_look_like_go),
        cmocka_unit_test(floats_are_as_short_as_floats),
        cmocka_unit_test(every_double_reads_back),
        cmocka_unit_test(decimals_are_kept),
        cmocka_unit_test(no_double_is_rounded),
        cmocka_unit_test(decimals_have_limits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
