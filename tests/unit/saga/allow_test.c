/* SPDX-License-Identifier: MIT
 *
 * Rules of places: what they let through, and what is no rule.
 */
#include "actors/saga/allow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/code.h"

static bool allows(const char *rule, const char *scheme, const char *host,
                   int port)
{
    struct bus_arena arena;
    struct allow_rule read;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    assert_int_equal(allow_parse(rule, &arena, &read, NULL), BUS_OK);
    bool match = allow_match(&read, 1, scheme, host, port);
    bus_arena_release(&arena);
    return match;
}

static void names_match_whole_and_in_any_case(void **state)
{
    (void)state;
    assert_true(allows("http://User.internal", "http", "uSer.Internal", 80));
    assert_true(allows("https://a", "HTTPS", "a", 443));
    assert_true(allows("http://[::1]:81", "http", "::1", 81));
    assert_false(allows("http://a", "https", "a", 80));
    assert_false(allows("http://a", "http", "aa", 80));
    assert_false(allows("http://a", "http", "a.b", 80));
    assert_false(allows("http://a", "http", "a", 81));
}

static void stars_stand_for_what_they_say(void **state)
{
    (void)state;
    assert_true(allows("http://*", "http", "x", 80));
    assert_false(allows("http://*", "http", "x", 8080));
    assert_true(allows("http://*:*", "http", "x", 8080));
    assert_true(allows("https://*.x.org:*", "https", "a.b.X.org", 1));
    assert_false(allows("https://*.x.org:*", "https", "x.org", 1));
    assert_false(allows("https://*.x.org:*", "https", "evilx.org", 1));
    assert_false(allows("https://*.x.org:*", "https", ".x.org.evil", 1));
}

static void loopback_is_this_machine(void **state)
{
    (void)state;
    assert_true(allow_loopback("127.0.0.1"));
    assert_true(allow_loopback("127.8.9.1"));
    assert_true(allow_loopback("::1"));
    assert_false(allow_loopback("0.0.0.0"));
    assert_false(allow_loopback("::"));
    assert_false(allow_loopback("10.0.0.1"));
    assert_false(allow_loopback("localhost"));
}

static void what_is_no_rule_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "a",          "ftp://a",     "http://",
        "http://a:",  "http://a:x", "http://a:0",  "http://a:65536",
        "http://a/b", "http://a b", "http://[::1", "http://[::1]x",
        "http://*a",  "http://u@a", "http://a:-1",
    };
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct allow_rule read = {.port = -1};
        struct bus_error err;
        assert_int_equal(allow_parse(wrong[i], &arena, &read, &err),
                         BUS_INVALID_ARGUMENT);
        assert_int_equal(read.port, -1);
        assert_non_null(strstr(err.sentence, wrong[i]));
    }
    bus_arena_release(&arena);
    assert_false(allow_match(NULL, 0, "http", "a", 80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_whole_and_in_any_case),
        cmocka_unit_test(stars_stand_for_what_they_say),
        cmocka_unit_test(loopback_is_this_machine),
        cmocka_unit_test(what_is_no_rule_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
