/* SPDX-License-Identifier: MIT
 *
 * One holder a home, also within a process; nothing is left after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "actors/supervisor/lock.h"
#include "bus/code.h"
#include "bus/error.h"

static char home[] = "/tmp/lock_test.XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(home) ? 0 : -1;
}

static int tear_down(void **state)
{
    char path[256];
    (void)state;
    snprintf(path, sizeof(path), "%s/supervisor.lock", home);
    unlink(path);
    return rmdir(home);
}

static void the_second_is_refused_until_the_first_ends(void **state)
{
    (void)state;
    struct lock first, second;
    struct bus_error err;
    assert_int_equal(lock_take(home, &first, &err), BUS_OK);
    assert_int_equal(lock_take(home, &second, &err), BUS_ALREADY_EXISTS);
    assert_non_null(strstr(err.sentence, home));
    assert_int_equal(access(first.path, F_OK), 0);
    lock_release(&first);
    assert_int_not_equal(access(first.path, F_OK), 0);
    assert_int_equal(lock_take(home, &second, &err), BUS_OK);
    lock_release(&second);
}

static void a_dead_holders_file_does_not_matter(void **state)
{
    (void)state;
    struct lock lock;
    struct bus_error err;
    char path[256];
    snprintf(path, sizeof(path), "%s/supervisor.lock", home);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("123456789 and more\n", file);
    fclose(file);
    assert_int_equal(lock_take(home, &lock, &err), BUS_OK);
    char text[64] = "";
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_int_equal(strtol(text, NULL, 10), getpid());
    lock_release(&lock);
}

static void a_home_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct lock lock;
    struct bus_error err;
    assert_int_equal(lock_take("/nowhere", &lock, &err), BUS_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_is_refused_until_the_first_ends),
        cmocka_unit_test(a_dead_holders_file_does_not_matter),
        cmocka_unit_test(a_home_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
