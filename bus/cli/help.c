/* SPDX-License-Identifier: MIT
 *
 * bus help [VERB]
 */
#include <stdio.h>

#include "bus/cli/verb.h"

static void list(void)
{
    printf("usage: bus VERB [arguments] [options]\n\nverbs:\n");
    for (size_t i = 0; cli_verbs[i]; i++)
        printf("  %-10s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    printf("\nexit status: 0 done, 1 refused, 2 wrong usage or config, "
           "3 no such actor or nothing\nruns, 4 no responder, 5 deadline, "
           "6 connection lost, 7 busy\n\n`bus help VERB` says more.\n");
}

static int run(struct cli *cli)
{
    const struct cli_verb *verb;
    if (cli->argc == 0) {
        list();
        return CLI_DONE;
    }
    verb = cli_find_verb(cli->argv[0]);
    if (!verb)
        return cli_fail(CLI_USAGE, "there is no verb %s", cli->argv[0]);
    cli_usage(verb);
    return CLI_DONE;
}

static void complete(struct cli *cli, int index)
{
    (void)cli;
    for (size_t i = 0; index == 0 && cli_verbs[i]; i++)
        puts(cli_verbs[i]->name);
}

extern const struct cli_verb cli_verb_help;
const struct cli_verb cli_verb_help = {
    .name = "help",
    .args = "[VERB]",
    .summary = "Lists the verbs, or explains one.",
    .help = "",
    .args_max = 1,
    .run = run,
    .complete = complete,
};
