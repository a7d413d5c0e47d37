/* SPDX-License-Identifier: MIT
 *
 * Injected faults: each call takes one word off the file.
 */
#include "actors/runtime/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/runtime/process.h"
#include "bus/code.h"
#include "tests/unit/runtime/cmocka_all.h"

#define PATH_MAX_HERE 256

static const struct actor_type type = {.name = "score"};
static struct actor_process process = {.type = &type};
static char folder[PATH_MAX_HERE], file[PATH_MAX_HERE];

static int set_up(void **state)
{
    (void)state;
    const char *temp = getenv("TMPDIR");
    snprintf(process.home, PATH_MAX_HERE / 2, "%s/fault.XXXXXX",
             temp ? temp : "/tmp");
    if (!mkdtemp(process.home))
        return -1;
    snprintf(folder, sizeof(folder), "%.100s/fault", process.home);
    snprintf(file, sizeof(file), "%.110s/score.save", folder);
    return mkdir(folder, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    rmdir(folder);
    return rmdir(process.home);
}

static void order(const char *words)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(words, out);
    fclose(out);
}

static void each_call_takes_a_word(void **state)
{
    (void)state;
    order("INTERNAL  INTERNAL\nOK failed_precondition\n");
    assert_int_equal(fault_take(&process, "save"), BUS_INTERNAL);
    assert_int_equal(fault_take(&process, "save"), BUS_INTERNAL);
    assert_int_equal(fault_take(&process, "save"), BUS_OK);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(fault_take(&process, "save"), BUS_FAILED_PRECONDITION);
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_equal(fault_take(&process, "save"), BUS_OK);
}

static void other_methods_are_left_alone(void **state)
{
    (void)state;
    order("INTERNAL");
    assert_int_equal(fault_take(&process, "get"), BUS_OK);
    assert_int_equal(access(file, F_OK), 0);
}

/* ---- failures ---- */

static void a_word_that_is_no_code_is_dropped(void **state)
{
    (void)state;
    order("SOMETHING ABORTED");
    assert_int_equal(fault_take(&process, "save"), BUS_OK);
    assert_int_equal(fault_take(&process, "save"), BUS_ABORTED);
    order("");
    assert_int_equal(fault_take(&process, "save"), BUS_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_call_takes_a_word),
        TEST(other_methods_are_left_alone),
        TEST(a_word_that_is_no_code_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
