/* SPDX-License-Identifier: MIT
 *
 * Where the home is, what is made in it, and what is said when it cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/code.h"
#include "bus/error.h"
#include "bus/home.h"
#include "tests/unit/bus/folder.h"

struct fixture {
    char folder[FOLDER_MAX]; /* the test's own, absolute */
    char before[BUS_PATH_MAX];
    char home[BUS_PATH_MAX];
    struct bus_error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    folder_make(f->folder);
    assert_non_null(getcwd(f->before, sizeof(f->before)));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int failed = chdir(f->before);
    unsetenv("TROUPE_HOME");
    folder_remove(f->folder);
    free(f);
    return failed;
}

static void folder_is_private(const char *home, const char *name)
{
    char path[BUS_PATH_MAX];
    struct stat st;
    assert_int_equal(bus_home_path(home, name, "", path, sizeof(path), NULL),
                     BUS_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0700);
}

/* ---- success ---- */

static void makes_all_folders_on_the_way(void **state)
{
    struct fixture *f = *state;
    char want[BUS_PATH_MAX];
    snprintf(want, sizeof(want), "%s/a/b//c///", f->folder);
    assert_int_equal(bus_home(want, f->home, &f->err), BUS_OK);
    snprintf(want, sizeof(want), "%s/a/b//c", f->folder);
    assert_string_equal(f->home, want);
    folder_is_private(f->home, "names");
    folder_is_private(f->home, "sock");
    folder_is_private(f->home, "data");
    folder_is_private(f->home, "log");
    assert_int_equal(bus_home(want, f->home, &f->err), BUS_OK); /* again */
}

static void a_relative_home_is_made_absolute(void **state)
{
    struct fixture *f = *state;
    char want[BUS_PATH_MAX];
    assert_int_equal(chdir(f->folder), 0);
    assert_int_equal(bus_home("here", f->home, &f->err), BUS_OK);
    snprintf(want, sizeof(want), "%s/here", f->folder);
    assert_string_equal(f->home, want);
}

static void explicit_then_environment_then_user(void **state)
{
    struct fixture *f = *state;
    char one[BUS_PATH_MAX], two[BUS_PATH_MAX], want[BUS_PATH_MAX];
    const char *user = getenv("HOME");
    char saved[BUS_PATH_MAX];
    snprintf(saved, sizeof(saved), "%s", user ? user : "");
    snprintf(one, sizeof(one), "%s/one", f->folder);
    snprintf(two, sizeof(two), "%s/two", f->folder);
    setenv("TROUPE_HOME", two, 1);
    setenv("HOME", f->folder, 1);
    int first = bus_home(one, f->home, &f->err);
    bool explicit = strcmp(f->home, one) == 0;
    int second = bus_home(NULL, f->home, &f->err);
    bool environment = strcmp(f->home, two) == 0;
    unsetenv("TROUPE_HOME");
    int third = bus_home("", f->home, &f->err);
    setenv("HOME", saved, 1);
    snprintf(want, sizeof(want), "%s/.troupe", f->folder);
    assert_int_equal(first | second | third, BUS_OK);
    assert_true(explicit && environment);
    assert_string_equal(f->home, want);
}

static void paths_are_put_together(void **state)
{
    char path[16];
    (void)state;
    assert_int_equal(bus_home_path("/h", "names", "user", path, 16, NULL), 0);
    assert_string_equal(path, "/h/names/user");
    assert_int_equal(bus_home_path("/h", "names", "", path, 16, NULL), 0);
    assert_string_equal(path, "/h/names");
    assert_int_equal(bus_home_path("/h", "names", "user12", path, 16, NULL), 0);
}

/* ---- failure ---- */

static void a_file_in_the_way_is_named(void **state)
{
    struct fixture *f = *state;
    char path[BUS_PATH_MAX], want[BUS_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/file", f->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    snprintf(f->home, sizeof(f->home), "untouched");
    assert_int_equal(bus_home(path, f->home, &f->err), BUS_FAILED_PRECONDITION);
    snprintf(want, sizeof(want), "cannot make folder %s: Not a directory",
             path);
    assert_string_equal(f->err.sentence, want);
    assert_string_equal(f->home, "untouched");
}

static void a_home_that_is_too_long(void **state)
{
    struct fixture *f = *state;
    static char path[BUS_PATH_MAX + 2];
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    assert_int_equal(bus_home(path, f->home, &f->err), BUS_RESOURCE_EXHAUSTED);
    path[0] = 'a'; /* relative, and fits alone, but not behind the folder */
    path[BUS_PATH_MAX - 2] = '\0';
    assert_int_equal(bus_home(path, f->home, &f->err), BUS_RESOURCE_EXHAUSTED);
}

static void a_path_that_does_not_fit(void **state)
{
    struct fixture *f = *state;
    char path[16] = "untouched";
    assert_int_equal(bus_home_path("/h", "names", "user123", path, 16, &f->err),
                     BUS_RESOURCE_EXHAUSTED);
    assert_string_equal(f->err.sentence,
                        "path is longer than 15 bytes: /h/names/user123");
    assert_string_equal(path, "untouched");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(makes_all_folders_on_the_way),
        CASE(a_relative_home_is_made_absolute),
        CASE(explicit_then_environment_then_user),
        CASE(paths_are_put_together),
        CASE(a_file_in_the_way_is_named),
        CASE(a_home_that_is_too_long),
        CASE(a_path_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
