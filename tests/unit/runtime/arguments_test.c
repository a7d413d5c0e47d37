/* SPDX-License-Identifier: MIT
 *
 * The command line of an actor's program.
 */
#include "actors/runtime/arguments.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/runtime/cmocka_all.h"

#define ARGUMENTS_MAX 16

static struct runtime_options options;
static struct bus_error err;

/* Splits a line at blanks and reads it. */
static int read_line(const char *line)
{
    static char text[256];
    char *argv[ARGUMENTS_MAX], *rest = text, *word;
    int argc = 0;
    snprintf(text, sizeof(text), "%s", line);
    while ((word = strtok_r(rest, " ", &rest)) && argc < ARGUMENTS_MAX)
        argv[argc++] = word;
    options = (struct runtime_options){0};
    err = (struct bus_error){0};
    return arguments_read(argc, argv, &options, &err);
}

static void nothing_gives_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(read_line("user"), BUS_OK);
    assert_string_equal(options.instance, "1");
    assert_string_equal(options.node, "n1");
    assert_null(options.config_path);
    assert_null(options.home);
    assert_int_equal(options.workers, 0);
    assert_false(options.check);
}

static void the_supervisors_line_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_line("user -f a.yaml --instance 3 --home /h --node "
                               "n2 --workers 4 --replicas 2"),
                     BUS_OK);
    assert_string_equal(options.config_path, "a.yaml");
    assert_string_equal(options.instance, "3");
    assert_string_equal(options.home, "/h");
    assert_string_equal(options.node, "n2");
    assert_int_equal(options.workers, 4);
    assert_int_equal(options.replicas, 2);
}

static void an_equals_sign_will_do(void **state)
{
    (void)state;
    assert_int_equal(read_line("user --check --workers=16 -f=b.yaml"), BUS_OK);
    assert_int_equal(options.workers, 16);
    assert_string_equal(options.config_path, "b.yaml");
    assert_true(options.check);
}

/* ---- failures ---- */

static void refused(const char *line, const char *sentence)
{
    assert_int_equal(read_line(line), BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence, sentence);
}

static void what_cannot_be_read_is_said(void **state)
{
    (void)state;
    refused("user --port 1", "unknown argument \"--port\"");
    refused("user a.yaml", "unknown argument \"a.yaml\"");
    refused("user -f", "-f wants a value");
    refused("user --home=", "--home wants a value");
    refused("user --workers x",
            "--workers wants a number from 1 to 1024, not \"x\"");
    refused("user --workers 0",
            "--workers wants a number from 1 to 1024, not \"0\"");
    refused("user --workers 1025",
            "--workers wants a number from 1 to 1024, not \"1025\"");
    refused("user --replicas 2x",
            "--replicas wants a number from 1 to 1024, not \"2x\"");
    refused("user --instance ../x", "--instance \"../x\" is no name");
    refused("user --instance a23456789012345678901234567890123",
            "--instance \"a2345678901234567890123456789012\" is no name");
    refused("user --node $x", "--node \"$x\" is no name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gives_the_defaults),
        cmocka_unit_test(the_supervisors_line_is_read),
        cmocka_unit_test(an_equals_sign_will_do),
        cmocka_unit_test(what_cannot_be_read_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
