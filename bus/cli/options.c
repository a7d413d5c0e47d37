/* SPDX-License-Identifier: MIT
 *
 * Reading of the command line by a verb's tables: "-n 3", "-n3", "--count 3",
 * "--count=3", options and words in any order.
 */
#include "bus/cli/verb.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"

const struct cli_option cli_common[] = {
    {0, "home", "DIR", "the home (default $TROUPE_HOME, then ~/.troupe)"},
    {0, "timeout", "TIME", "how long to wait at most: 500ms, 5s, 1m"},
    {0, "json", NULL, "results as JSON"},
    {'h', "help", NULL, "this text"},
    {0}};

/* The arguments while they are read. */
struct reading {
    struct cli *cli;
    int argc;
    char **argv;
    int at;
    bool help;
    struct bus_error *err;
};

/* An option that was found: its table, its row, and a value glued to it. */
struct found {
    const struct cli_option *option;
    bool common;
    int index;
    const char *glued; /* NULL: none */
};

bool cli_number(const char *text, int64_t low, int64_t high, int64_t *ret)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || number < low || number > high)
        return false;
    *ret = number;
    return true;
}

bool cli_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *suffix;
        int64_t ms;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || errno || number < 0)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].suffix) == 0 &&
            number <= CLI_TIMEOUT_MS_MAX / units[i].ms) {
            *ret_ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool by_letter(const struct cli_option *options, const char *word,
                      struct found *ret)
{
    for (int i = 0; options && options[i].name; i++) {
        if (options[i].letter && options[i].letter == word[1]) {
            const char *glued = word[2] ? word + 2 : NULL;
            *ret = (struct found){&options[i], false, i, glued};
            return true;
        }
    }
    return false;
}

static bool by_name(const struct cli_option *options, const char *word,
                    struct found *ret)
{
    size_t len = strcspn(word + 2, "=");
    for (int i = 0; options && options[i].name; i++) {
        if (strlen(options[i].name) == len &&
            strncmp(options[i].name, word + 2, len) == 0) {
            const char *glued = word[2 + len] ? word + 3 + len : NULL;
            *ret = (struct found){&options[i], false, i, glued};
            return true;
        }
    }
    return false;
}

static bool find_option(const struct cli_verb *verb, const char *word,
                        struct found *ret)
{
    bool (*find)(const struct cli_option *, const char *, struct found *) =
        word[1] == '-' ? by_name : by_letter;
    if (find(verb->options, word, ret))
        return true;
    bool common = find(cli_common, word, ret);
    ret->common = common;
    return common;
}

static int take_common(struct reading *in, const char *name, const char *value)
{
    struct cli *cli = in->cli;
    if (strcmp(name, "home") == 0)
        cli->home_option = value;
    else if (strcmp(name, "json") == 0)
        cli->json = true;
    else if (strcmp(name, "help") == 0)
        in->help = true;
    else if (cli_duration(value, &cli->timeout_ms))
        cli->timeout_given = true;
    else
        return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                             "--timeout %s: expected a time such as 500ms, "
                             "5s or 1m",
                             value);
    return BUS_OK;
}

static int take_option(struct reading *in, const char *word)
{
    struct found found;
    if (!find_option(in->cli->verb, word, &found))
        return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                             "there is no option %s", word);
    const char *value = found.glued;
    if (!found.option->value && value)
        return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                             "option %s takes no value", word);
    if (found.option->value && !value && in->at < in->argc)
        value = in->argv[in->at++];
    if (found.option->value && !value)
        return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                             "option %s needs a value: %s", word,
                             found.option->value);
    if (found.common)
        return take_common(in, found.option->name, value);
    in->cli->values[found.index] = value ? value : "";
    return BUS_OK;
}

static int take_word(struct reading *in, const char *word)
{
    struct cli *cli = in->cli;
    if (cli->argc >= cli->verb->args_max || cli->argc >= CLI_ARGS_MAX)
        return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                             "one word too many: %s", word);
    cli->argv[cli->argc++] = word;
    return BUS_OK;
}

int cli_parse(struct cli *cli, const struct cli_verb *verb, int argc,
              char **argv, bool *ret_help, struct bus_error *err)
{
    struct reading in = {cli, argc, argv, 0, false, err};
    bool words_only = false;
    int code = BUS_OK;
    cli->verb = verb;
    if (cli->timeout_ms == 0)
        cli->timeout_ms = CLI_TIMEOUT_MS;
    while (!code && in.at < argc) {
        const char *word = argv[in.at++];
        if (!words_only && strcmp(word, "--") == 0)
            words_only = true;
        else if (!words_only && word[0] == '-' && word[1])
            code = take_option(&in, word);
        else
            code = take_word(&in, word);
    }
    *ret_help = in.help;
    if (!code && !in.help && cli->argc < verb->args_min)
        code =
            bus_error_set(err, BUS_INVALID_ARGUMENT, "expected %s", verb->args);
    return code;
}

const char *cli_value(const struct cli *cli, const char *name)
{
    const struct cli_option *options = cli->verb->options;
    for (int i = 0; options && options[i].name; i++) {
        if (strcmp(options[i].name, name) == 0)
            return cli->values[i];
    }
    assert(0 && "the verb has no such option");
    return NULL;
}
