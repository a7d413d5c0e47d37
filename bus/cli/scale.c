/* SPDX-License-Identifier: MIT
 *
 * bus scale ACTOR=N ...
 */
#include <stdio.h>
#include <string.h>

#include "bus/cli/node.h"
#include "bus/cli/operate.h"
#include "bus/code.h"

/* Splits "user=3". */
static bool split(struct cli *cli, const char *word, const char **ret_actor,
                  int64_t *ret_replicas)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word ||
        !cli_number(equals + 1, 0, INT32_MAX, ret_replicas))
        return false;
    *ret_actor = bus_arena_text_n(&cli->arena, word, (size_t)(equals - word));
    return true;
}

static int scale_one(struct cli *cli, const char *word, struct bus_error *err)
{
    const char *actor;
    int64_t replicas;
    if (!split(cli, word, &actor, &replicas))
        return bus_error_set(err, BUS_INVALID_ARGUMENT, "%s: expected ACTOR=N",
                             word);
    const struct cli_command scale = {"scale", actor, (int)replicas, false};
    const char *node = cli_value(cli, "node");
    if (node)
        return cli_node(cli, node, &scale, NULL, err);
    int code = cli_operate(cli, &scale, err);
    return code ? code : cli_settled(cli, actor, err);
}

static int run(struct cli *cli)
{
    struct bus_error err;
    const char *actor;
    int64_t replicas;
    for (int i = 0; i < cli->argc; i++) {
        if (!split(cli, cli->argv[i], &actor, &replicas))
            return cli_fail(CLI_USAGE, "%s: expected ACTOR=N", cli->argv[i]);
    }
    for (int i = 0; i < cli->argc; i++) {
        if (scale_one(cli, cli->argv[i], &err))
            return cli_refused(cli, &err);
    }
    return cli_done(cli);
}

static void complete(struct cli *cli, int index)
{
    (void)index;
    cli_complete_actors(cli);
}

static const struct cli_option options[] = {CLI_NODE_OPTION, {.name = NULL}};

extern const struct cli_verb cli_verb_scale;
const struct cli_verb cli_verb_scale = {
    .name = "scale",
    .args = "ACTOR=N...",
    .summary = "Sets how many replicas of an actor run.",
    .help = "Waits until all N are ready and all others have drained. The "
            "highest numbers go.",
    .args_min = 1,
    .args_max = CLI_ARGS_MAX,
    .options = options,
    .run = run,
    .complete = complete,
};
