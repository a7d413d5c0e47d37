/* SPDX-License-Identifier: MIT
 *
 * Names of schemas in C.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/compiler/name.h"

static struct pool pool;

static int setup(void **state)
{
    (void)state;
    memset(&pool, 0, sizeof(pool));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pool_release(&pool);
    return 0;
}

static void takes_any_text(void **state)
{
    (void)state;
    assert_string_equal(name_c(&pool, "user-api.v1"), "user_api_v1");
    assert_string_equal(name_c(&pool, "1st"), "_1st");
    assert_string_equal(name_c(&pool, "\xE5\x90\x8D"), "e5908d");
    assert_string_equal(name_c(&pool, ""), "_");
}

static void gives_way_to_keywords_and_macros(void **state)
{
    static const char *const taken[] = {
        "int",       "_Bool",  "errno", "stdin", "linux",   "uint8_t",
        "INT64_MAX", "BUS_OK", "M_PI",  "NULL",  "__LINE__"};
    (void)state;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        assert_string_equal(name_member(&pool, taken[i]),
                            pool_printf(&pool, "%s_", taken[i]));
    assert_string_equal(name_member(&pool, "integer"), "integer");
    assert_string_equal(name_member(&pool, "SIGN"), "SIGN");
}

static void tells_members_apart(void **state)
{
    struct schema_field fields[] = {
        {.name = "a-b"},   {.name = "a_b"},   {.name = "x"},
        {.name = "has_y"}, {.name = "has_x"}, {.name = "y", .presence = true}};
    static const char *const expected[] = {"a_b",   "a_b_",  "x",
                                           "has_y", "has_x", "y_"};
    (void)state;
    name_members(&pool, fields, 6, sizeof(fields[0]));
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(fields[i].c_name, expected[i]);
    /* The other way round: the member gives way to what stands beside one. */
    struct schema_field turned[] = {{.name = "x", .presence = true},
                                    {.name = "has_x"}};
    name_members(&pool, turned, 2, sizeof(turned[0]));
    assert_string_equal(turned[0].c_name, "x");
    assert_string_equal(turned[1].c_name, "has_x_");
}

static void keeps_off_the_names_of_libraries(void **state)
{
    (void)state;
    assert_string_equal(name_prefix(&pool, "user-api"), "user_api");
    assert_string_equal(name_prefix(&pool, "bus"), "bus_");
    assert_string_equal(name_prefix(&pool, "model"), "model_");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_any_text, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_way_to_keywords_and_macros, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tells_members_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_off_the_names_of_libraries, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
