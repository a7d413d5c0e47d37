/* SPDX-License-Identifier: MIT
 *
 * bus complete bash prints a script; the script asks `bus complete --words --
 * WORD...` for what may stand in place of the last word. The shell filters.
 */
#include <stdio.h>
#include <string.h>

#include "bus/cli/verb.h"

static const char script[] =
    "_bus() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    local words\n"
    "    words=$(\"${COMP_WORDS[0]}\" complete --words -- \\\n"
    "        \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "}\n"
    "complete -o default -F _bus bus\n";

static void print_options(const struct cli_option *options)
{
    for (int i = 0; options && options[i].name; i++)
        printf("--%s\n", options[i].name);
}

/* What may stand as the last of the words after the verb. */
static int complete_verb(const struct cli *cli, const struct cli_verb *verb,
                         int count, const char *const *words)
{
    struct cli inner = {.timeout_ms = CLI_TIMEOUT_MS};
    char *before[CLI_ARGS_MAX];
    struct bus_error err;
    bool help;
    if (words[count - 1][0] == '-') {
        print_options(verb->options);
        print_options(cli_common);
        return CLI_DONE;
    }
    bus_arena_init(&inner.arena, BUS_ARENA_LIMIT);
    for (int i = 0; i + 1 < count; i++)
        before[i] = bus_arena_text(&inner.arena, words[i]);
    /* Too few words is no error here: they are being typed. */
    cli_parse(&inner, verb, count - 1, before, &help, &err);
    snprintf(inner.home, sizeof(inner.home), "%s", cli->home);
    if (inner.home_option)
        bus_home(inner.home_option, inner.home, &err);
    if (verb->complete)
        verb->complete(&inner, inner.argc);
    cli_close(&inner);
    bus_arena_release(&inner.arena);
    return CLI_DONE;
}

static int run(struct cli *cli)
{
    if (!cli_value(cli, "words")) {
        if (cli->argc != 1 || strcmp(cli->argv[0], "bash") != 0)
            return cli_fail(CLI_USAGE, "expected: bus complete bash");
        fputs(script, stdout);
        return CLI_DONE;
    }
    if (cli->argc <= 1) {
        for (size_t i = 0; cli_verbs[i]; i++)
            puts(cli_verbs[i]->name);
        return CLI_DONE;
    }
    const struct cli_verb *verb = cli_find_verb(cli->argv[0]);
    return verb ? complete_verb(cli, verb, cli->argc - 1, cli->argv + 1)
                : CLI_DONE;
}

static void complete(struct cli *cli, int index)
{
    (void)cli;
    if (index == 0)
        puts("bash");
}

static const struct cli_option options[] = {
    {0, "words", NULL, "list what may stand as the last word"}, {0}};

extern const struct cli_verb cli_verb_complete;
const struct cli_verb cli_verb_complete = {
    .name = "complete",
    .args = "bash",
    .summary = "Prints a shell's completion script.",
    .help = "For example: eval \"$(bus complete bash)\"",
    .args_max = CLI_ARGS_MAX,
    .options = options,
    .run = run,
    .complete = complete,
};
