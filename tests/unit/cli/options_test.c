/* SPDX-License-Identifier: MIT
 *
 * Reading of the command line by a verb's tables; the verbs' tables themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "bus/cli/verb.h"
#include "bus/code.h"

static const struct cli_option options[] = {
    {'n', "count", "N", ""}, {'f', "follow", NULL, ""}, {0}};

static int run(struct cli *cli)
{
    (void)cli;
    return 0;
}

static const struct cli_verb verb = {.name = "test",
                                     .args = "A [B]",
                                     .summary = "",
                                     .help = "",
                                     .args_min = 1,
                                     .args_max = 2,
                                     .options = options,
                                     .run = run};

static struct cli cli;
static bool help;
static struct bus_error err;

/* Words up to NULL. */
static int parse(const char *const *words)
{
    static char storage[16][64];
    char *argv[16];
    int argc = 0;
    for (; words[argc]; argc++) {
        strncpy(storage[argc], words[argc], sizeof(storage[argc]) - 1);
        argv[argc] = storage[argc];
    }
    memset(&cli, 0, sizeof(cli));
    return cli_parse(&cli, &verb, argc, argv, &help, &err);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void words_and_options_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-n", "3", "a", "--follow", "b"), BUS_OK);
    assert_int_equal(cli.argc, 2);
    assert_string_equal(cli.argv[0], "a");
    assert_string_equal(cli.argv[1], "b");
    assert_string_equal(cli_value(&cli, "count"), "3");
    assert_string_equal(cli_value(&cli, "follow"), "");
    assert_int_equal(cli.timeout_ms, CLI_TIMEOUT_MS);
    assert_false(cli.timeout_given);
}

static void values_may_be_glued(void **state)
{
    (void)state;
    assert_int_equal(PARSE("a", "-n3"), BUS_OK);
    assert_string_equal(cli_value(&cli, "count"), "3");
    assert_int_equal(PARSE("a", "--count=4"), BUS_OK);
    assert_string_equal(cli_value(&cli, "count"), "4");
    assert_null(cli_value(&cli, "follow"));
    assert_int_equal(PARSE("a", "--count="), BUS_OK);
    assert_string_equal(cli_value(&cli, "count"), "");
}

static void common_options_are_everybodys(void **state)
{
    (void)state;
    assert_int_equal(PARSE("a", "--json", "--timeout", "2s", "--home", "/h"),
                     BUS_OK);
    assert_true(cli.json);
    assert_true(cli.timeout_given);
    assert_int_equal(cli.timeout_ms, 2000);
    assert_string_equal(cli.home_option, "/h");
    assert_int_equal(PARSE("-h"), BUS_OK);
    assert_true(help);
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--", "-n", "--json"), BUS_OK);
    assert_int_equal(cli.argc, 2);
    assert_string_equal(cli.argv[0], "-n");
    assert_false(cli.json);
    /* A lone dash is a word: standard input. */
    assert_int_equal(PARSE("a", "-"), BUS_OK);
    assert_string_equal(cli.argv[1], "-");
}

static void wrong_usage_is_said(void **state)
{
    (void)state;
    assert_int_equal(PARSE("a", "--nope"), BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence, "there is no option --nope");
    assert_int_equal(PARSE("a", "-x"), BUS_INVALID_ARGUMENT);
    assert_int_equal(PARSE("a", "--count"), BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence, "option --count needs a value: N");
    assert_int_equal(PARSE("a", "--follow=yes"), BUS_INVALID_ARGUMENT);
    assert_int_equal(PARSE("--json"), BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence, "expected A [B]");
    assert_int_equal(PARSE("a", "b", "c"), BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence, "one word too many: c");
    assert_int_equal(PARSE("a", "--timeout", "soon"), BUS_INVALID_ARGUMENT);
    /* A prefix of an option is not the option. */
    assert_int_equal(PARSE("a", "--cou", "3"), BUS_INVALID_ARGUMENT);
}

static void durations(void **state)
{
    (void)state;
    int64_t ms = -1;
    assert_true(cli_duration("250", &ms) && ms == 250);
    assert_true(cli_duration("250ms", &ms) && ms == 250);
    assert_true(cli_duration("5s", &ms) && ms == 5000);
    assert_true(cli_duration("2m", &ms) && ms == 120000);
    assert_true(cli_duration("1h", &ms) && ms == 3600000);
    assert_true(cli_duration("0", &ms) && ms == 0);
    static const char *const bad[] = {
        "", "s", "-1", "5 s", "5x", "25h", "1e3", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(cli_duration(bad[i], &ms));
}

static void numbers(void **state)
{
    (void)state;
    int64_t number = -1;
    assert_true(cli_number("7", 1, 7, &number) && number == 7);
    assert_false(cli_number("8", 1, 7, &number));
    assert_false(cli_number("0", 1, 7, &number));
    assert_false(cli_number("", 1, 7, &number));
    assert_false(cli_number("3x", 1, 7, &number));
    assert_int_equal(number, 7); /* untouched */
}

static bool letter_is_common(char letter)
{
    for (int i = 0; cli_common[i].name; i++) {
        if (letter && cli_common[i].letter == letter)
            return true;
    }
    return false;
}

/* The list of verbs is what help and completion go by. */
static void every_verb_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; cli_verbs[i]; i++) {
        const struct cli_verb *one = cli_verbs[i];
        assert_ptr_equal(cli_find_verb(one->name), one);
        assert_non_null(one->run);
        assert_true(one->summary[0] && one->help && one->args);
        assert_true(one->args_min <= one->args_max);
        assert_true(one->args_max <= CLI_ARGS_MAX);
        assert_int_equal(one->args_max == 0, one->args[0] == '\0');
        int count = 0;
        for (; one->options && one->options[count].name; count++)
            assert_false(letter_is_common(one->options[count].letter));
        assert_true(count <= CLI_OPTIONS_MAX);
    }
    assert_null(cli_find_verb("fly"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_options_in_any_order),
        cmocka_unit_test(values_may_be_glued),
        cmocka_unit_test(common_options_are_everybodys),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(wrong_usage_is_said),
        cmocka_unit_test(durations),
        cmocka_unit_test(numbers),
        cmocka_unit_test(every_verb_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
