/* SPDX-License-Identifier: MIT
 *
 * The table of codes, compared with its sources: gRPC's numbers and names,
 * go-zero's HTTP mapping, and the exit statuses of the `bus` command.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/code.h"

/* ---- success ---- */

static void numbers_names_and_statuses(void **state)
{
    static const struct {
        const char *name;
        int http;
    } want[] = {
        {"OK", 200},
        {"CANCELLED", 408},
        {"UNKNOWN", 500},
        {"INVALID_ARGUMENT", 400},
        {"DEADLINE_EXCEEDED", 504},
        {"NOT_FOUND", 404},
        {"ALREADY_EXISTS", 409},
        {"PERMISSION_DENIED", 403},
        {"RESOURCE_EXHAUSTED", 429},
        {"FAILED_PRECONDITION", 400},
        {"ABORTED", 409},
        {"OUT_OF_RANGE", 400},
        {"UNIMPLEMENTED", 501},
        {"INTERNAL", 500},
        {"UNAVAILABLE", 503},
        {"DATA_LOSS", 500},
        {"UNAUTHENTICATED", 401},
    };
    (void)state;
    for (int code = 0; code <= 16; code++) {
        int found = -1;
        assert_string_equal(bus_code_name(code), want[code].name);
        assert_int_equal(bus_code_http(code, NULL), want[code].http);
        assert_true(bus_code_from_name(want[code].name, &found));
        assert_int_equal(found, code);
    }
}

static void reasons_come_before_codes(void **state)
{
    (void)state;
    assert_int_equal(bus_code_http(BUS_UNKNOWN, "outcome_unknown"), 503);
    assert_int_equal(bus_code_exit(BUS_UNKNOWN, "outcome_unknown"), 6);
    assert_int_equal(bus_code_exit(BUS_UNIMPLEMENTED, "no_such_actor"), 3);
    assert_int_equal(bus_code_exit(BUS_UNIMPLEMENTED, "no_such_method"), 3);
    assert_int_equal(bus_code_exit(BUS_UNAVAILABLE, "no_responder"), 4);
    assert_int_equal(bus_code_http(BUS_RESOURCE_EXHAUSTED, "busy"), 503);
    assert_int_equal(bus_code_exit(BUS_RESOURCE_EXHAUSTED, "busy"), 7);
    assert_int_equal(bus_code_exit(BUS_UNAVAILABLE, "draining"), 7);
}

static void exit_statuses_of_codes(void **state)
{
    (void)state;
    assert_int_equal(bus_code_exit(BUS_OK, NULL), 0);
    assert_int_equal(bus_code_exit(BUS_DEADLINE_EXCEEDED, ""), 5);
    assert_int_equal(bus_code_exit(BUS_NOT_FOUND, "a word of a handler"), 1);
}

static void names_in_any_case(void **state)
{
    int code = -1;
    (void)state;
    assert_true(bus_code_from_name("not_found", &code));
    assert_int_equal(code, BUS_NOT_FOUND);
}

/* ---- failure ---- */

static void numbers_outside_the_table(void **state)
{
    (void)state;
    assert_string_equal(bus_code_name(17), "UNKNOWN");
    assert_string_equal(bus_code_name(-1), "UNKNOWN");
    assert_int_equal(bus_code_http(1001, NULL), 500);
    assert_int_equal(bus_code_exit(1001, NULL), 1);
}

static void names_outside_the_table(void **state)
{
    int code = 99;
    (void)state;
    assert_false(bus_code_from_name("NOT_FOUN", &code));
    assert_false(bus_code_from_name("", &code));
    assert_int_equal(code, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_names_and_statuses),
        cmocka_unit_test(reasons_come_before_codes),
        cmocka_unit_test(exit_statuses_of_codes),
        cmocka_unit_test(names_in_any_case),
        cmocka_unit_test(numbers_outside_the_table),
        cmocka_unit_test(names_outside_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
