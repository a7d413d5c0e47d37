/* SPDX-License-Identifier: MIT
 *
 * Targets and forms: what go-zero's router makes of a path, and what is
 * refused.
 */
#include "actors/http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static int arena_open(void **state)
{
    static struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    *state = &arena;
    return 0;
}

static int arena_close(void **state)
{
    bus_arena_release(*state);
    return 0;
}

/* The segments joined by '|', after the query. */
static const char *parsed(struct bus_arena *arena, const char *text)
{
    struct target target;
    if (target_parse(bytes(text), arena, &target, NULL))
        return "refused";
    const char *all = bus_arena_text_n(arena, (const char *)target.query.data,
                                       target.query.len);
    for (size_t i = 0; i < target.segment_count; i++)
        all =
            bus_arena_printf(arena, "%s|%.*s", all, (int)target.segments[i].len,
                             (const char *)target.segments[i].data);
    return all;
}

static void paths_are_cleaned(void **state)
{
    assert_string_equal(parsed(*state, "/"), "");
    assert_string_equal(parsed(*state, "/from/you"), "|from|you");
    assert_string_equal(parsed(*state, "//from//you/"), "|from|you");
    assert_string_equal(parsed(*state, "/from/../from/./you"), "|from|you");
    assert_string_equal(parsed(*state, "/../../a"), "|a");
    assert_string_equal(parsed(*state, "/fr%6Fm/%E4%BD%A0"), "|from|你");
    assert_string_equal(parsed(*state, "/a%2Fb"), "|a|b");
    assert_string_equal(parsed(*state, "/a?b=c&d"), "b=c&d|a");
    assert_string_equal(parsed(*state, "http://h:1/a?b"), "b|a");
    assert_string_equal(parsed(*state, "HTTPS://h?b"), "b");
}

static void bad_targets_are_refused(void **state)
{
    static const char *const bad[] = {"",     "a",    "/%",   "/%2",
                                      "/%zz", "/%00", "?a=b", "ftp://a/b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_string_equal(parsed(*state, bad[i]), "refused");
    char many[2 * TARGET_SEGMENTS_MAX + 3] = "";
    for (size_t i = 0; i <= TARGET_SEGMENTS_MAX; i++)
        memcpy(many + 2 * i, "/a", 3);
    assert_string_equal(parsed(*state, many), "refused");
}

#define PAIRS 3

static const char *form(struct bus_arena *arena, const char *text)
{
    struct bus_pair pairs[PAIRS];
    size_t count = 0;
    if (target_form(bytes(text), arena, pairs, PAIRS, &count, NULL))
        return "refused";
    const char *all = "";
    for (size_t i = 0; i < count; i++)
        all = bus_arena_printf(
            arena, "%s[%.*s=%.*s]", all, (int)pairs[i].name.len,
            (const char *)pairs[i].name.data, (int)pairs[i].value.len,
            (const char *)pairs[i].value.data);
    return all;
}

static void forms_are_pairs(void **state)
{
    assert_string_equal(form(*state, ""), "");
    assert_string_equal(form(*state, "a=1&b=2"), "[a=1][b=2]");
    assert_string_equal(form(*state, "a=+%2B%3D&b"), "[a= +=][b=]");
    assert_string_equal(form(*state, "&&a=1=2&&"), "[a=1=2]");
    assert_string_equal(form(*state, "=v"), "[=v]");
    /* A request without a query or body: no bytes, at no address. */
    size_t count = 0;
    assert_int_equal(
        target_form((struct bus_bytes){0}, *state, NULL, 0, &count, NULL), 0);
    assert_int_equal(count, 0);
}

static void bad_forms_are_refused(void **state)
{
    static const char *const bad[] = {"a;b=1", "a=%", "a=%g0", "a=%00",
                                      "a&b&c&d"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_string_equal(form(*state, bad[i]), "refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_are_cleaned, arena_open,
                                        arena_close),
        cmocka_unit_test_setup_teardown(bad_targets_are_refused, arena_open,
                                        arena_close),
        cmocka_unit_test_setup_teardown(forms_are_pairs, arena_open,
                                        arena_close),
        cmocka_unit_test_setup_teardown(bad_forms_are_refused, arena_open,
                                        arena_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
