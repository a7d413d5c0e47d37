/* SPDX-License-Identifier: MIT
 *
 * Names of projects, and the files that make one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/cli/new.h"

/* ---- success ---- */

static void takes_names_that_are_good_everywhere(void **state)
{
    (void)state;
    assert_null(new_name_fault("greet"));
    assert_null(new_name_fault("a"));
    assert_null(new_name_fault("mall_2"));
    assert_null(new_name_fault("abcdefghijklmnopqrstuvwxyz012345"));
}

static bool is_there(const char *path)
{
    for (const struct new_file *file = new_files; file->path; file++)
        if (strcmp(file->path, path) == 0)
            return true;
    return false;
}

static void has_every_file(void **state)
{
    static const char *const paths[] = {
        ".gitignore", "CMakeLists.txt",    "NAME.api",      "NAME.c",
        "NAME.proto", "NAME.sql",          "NAME_api.c",    "NAME_test.c",
        "README.md",  "etc/NAME-api.yaml", "etc/NAME.yaml", "etc/edge.yaml",
        "troupe.yaml"};
    size_t count = 0;
    (void)state;
    while (new_files[count].path)
        assert_true(new_files[count++].text[0]);
    assert_int_equal(count, sizeof(paths) / sizeof(paths[0]));
    for (size_t i = 0; i < count; i++)
        assert_true(is_there(paths[i]));
}

/* ---- failure ---- */

static void refuses_other_names(void **state)
{
    static const char *const names[] = {"",     "Greet", "1st",  "a-b",
                                        "a/b",  "..",    "a b",  "_a",
                                        "edge", "bus",   "test", "gr\xC3\xBC"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(new_name_fault(names[i]));
    assert_string_equal(new_name_fault("abcdefghijklmnopqrstuvwxyz0123456"),
                        "a shorter name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_names_that_are_good_everywhere),
        cmocka_unit_test(has_every_file),
        cmocka_unit_test(refuses_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
