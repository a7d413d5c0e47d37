/* SPDX-License-Identifier: MIT
 *
 * Filling an error: everything else is cleared, arguments may point into it,
 * and what is too long is cut where a character ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/code.h"
#include "bus/error.h"
#include "bus/utf8.h"

/* ---- success ---- */

static void the_rest_is_cleared(void **state)
{
    struct bus_error err;
    (void)state;
    memset(&err, 0x55, sizeof(err));
    assert_int_equal(bus_error_set(&err, BUS_NOT_FOUND, "no %s %d", "user", 7),
                     BUS_NOT_FOUND);
    assert_int_equal(err.code, BUS_NOT_FOUND);
    assert_string_equal(err.sentence, "no user 7");
    assert_string_equal(err.reason, "");
    assert_string_equal(err.field, "");
    assert_int_equal(err.business, 0);
    assert_int_equal(err.http, 0);
}

static void reason_and_field(void **state)
{
    struct bus_error err;
    (void)state;
    assert_int_equal(
        bus_error_reason(&err, BUS_RESOURCE_EXHAUSTED, "busy", "full"),
        BUS_RESOURCE_EXHAUSTED);
    assert_string_equal(err.reason, "busy");
    bus_error_field(&err, BUS_INVALID_ARGUMENT, "in.a", "bad");
    assert_string_equal(err.reason, "");
    assert_string_equal(err.field, "in.a");
}

static void arguments_may_point_into_the_error(void **state)
{
    struct bus_error err;
    (void)state;
    bus_error_field(&err, BUS_INTERNAL, "f", "first");
    bus_error_field(&err, BUS_INTERNAL, err.field, "second after %s",
                    err.sentence);
    assert_string_equal(err.field, "f");
    assert_string_equal(err.sentence, "second after first");
}

static void nobody_may_listen(void **state)
{
    (void)state;
    assert_int_equal(bus_error_set(NULL, BUS_ABORTED, "x"), BUS_ABORTED);
    assert_int_equal(bus_error_field(NULL, BUS_ABORTED, "f", "x"), BUS_ABORTED);
}

/* ---- failure ---- */

static void long_sentences_end_with_a_character(void **state)
{
    struct bus_error err;
    char text[BUS_SENTENCE_MAX * 2];
    static const char *const characters[] = {"a", "é", "小", "😀"};
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        for (size_t lead = 0; lead < 4; lead++) { /* every way to be cut */
            size_t len = lead;
            memset(text, '.', lead);
            while (len + 4 < sizeof(text)) {
                memcpy(text + len, characters[k], strlen(characters[k]));
                len += strlen(characters[k]);
            }
            text[len] = '\0';
            bus_error_field(&err, BUS_INTERNAL, text, "%s", text);
            size_t got = strlen(err.sentence);
            assert_true(got < BUS_SENTENCE_MAX && got + 4 >= BUS_SENTENCE_MAX);
            assert_true(bus_utf8_valid(err.sentence, got));
            assert_true(bus_utf8_valid(err.field, strlen(err.field)));
            assert_memory_equal(err.sentence, text, got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_is_cleared),
        cmocka_unit_test(reason_and_field),
        cmocka_unit_test(arguments_may_point_into_the_error),
        cmocka_unit_test(nobody_may_listen),
        cmocka_unit_test(long_sentences_end_with_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
