/* SPDX-License-Identifier: MIT
 *
 * bus restart [ACTOR...]
 */
#include "bus/cli/node.h"
#include "bus/cli/operate.h"
#include "bus/code.h"

static int restart_one(struct cli *cli, const char *actor,
                       struct bus_error *err)
{
    const struct cli_command restart = {"restart", actor, -1, false};
    const char *node = cli_value(cli, "node");
    if (node)
        return cli_node(cli, node, &restart, NULL, err);
    int code = cli_operate(cli, &restart, err);
    return code ? code : cli_settled(cli, actor, err);
}

static int run(struct cli *cli)
{
    struct bus_error err;
    int code = cli->argc ? BUS_OK : restart_one(cli, NULL, &err);
    for (int i = 0; !code && i < cli->argc; i++)
        code = restart_one(cli, cli->argv[i], &err);
    return code ? cli_refused(cli, &err) : cli_done(cli);
}

static void complete(struct cli *cli, int index)
{
    (void)index;
    cli_complete_actors(cli);
}

static const struct cli_option options[] = {CLI_NODE_OPTION, {.name = NULL}};

extern const struct cli_verb cli_verb_restart;
const struct cli_verb cli_verb_restart = {
    .name = "restart",
    .args = "[ACTOR...]",
    .summary = "Restarts actors, one replica after the other.",
    .help = "Each replica drains, ends and is started again; the next one "
            "follows when it is\nready. Without names: all actors.",
    .args_max = CLI_ARGS_MAX,
    .options = options,
    .run = run,
    .complete = complete,
};
