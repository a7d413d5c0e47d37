/* SPDX-License-Identifier: MIT
 *
 * The `bus` command: finds the verb, reads its arguments, runs it. Options that
 * all verbs understand may stand before the verb.
 */
#include <stdio.h>
#include <string.h>

#include "bus/cli/verb.h"

/* Index of the verb in argv; argc if there is none. */
static int verb_at(int argc, char **argv)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-') {
        bool value = strcmp(argv[at], "--home") == 0 ||
                     strcmp(argv[at], "--timeout") == 0;
        at += value ? 2 : 1;
    }
    return at < argc ? at : argc;
}

/* The words without the verb itself: what stood before it, then after. */
static int other_words(int argc, char **argv, int verb, char **ret)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        if (i != verb)
            ret[count++] = argv[i];
    }
    return count;
}

static int run(struct cli *cli, const struct cli_verb *verb, int argc,
               char **argv)
{
    struct bus_error err;
    bool help;
    if (cli_parse(cli, verb, argc, argv, &help, &err))
        return cli_fail(CLI_USAGE, "%s (bus help %s)", err.sentence,
                        verb->name);
    if (help) {
        cli_usage(verb);
        return CLI_DONE;
    }
    if (!verb->homeless && bus_home(cli->home_option, cli->home, &err))
        return cli_fail(CLI_USAGE, "%s", err.sentence);
    int status = verb->run(cli);
    if (fflush(stdout) && status == CLI_DONE)
        status = CLI_FAILED;
    return status;
}

int main(int argc, char **argv)
{
    static struct cli cli;
    char *words[CLI_ARGS_MAX * 2];
    if (argc > CLI_ARGS_MAX)
        return cli_fail(CLI_USAGE, "more than %d words", CLI_ARGS_MAX);
    int at = verb_at(argc, argv);
    const char *name = at < argc ? argv[at] : "help";
    if (at == argc && argc > 1 && strcmp(argv[1], "--version") == 0)
        name = "version";
    const struct cli_verb *verb = cli_find_verb(name);
    if (!verb)
        return cli_fail(CLI_USAGE, "there is no verb %s (bus help)", name);
    int count = at < argc ? other_words(argc, argv, at, words) : 0;
    bus_arena_init(&cli.arena, BUS_ARENA_LIMIT);
    int status = run(&cli, verb, count, words);
    cli_close(&cli);
    bus_arena_release(&cli.arena);
    return status;
}
