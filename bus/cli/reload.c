/* SPDX-License-Identifier: MIT
 *
 * bus reload
 */
#include "bus/cli/operate.h"
#include "bus/code.h"

static int run(struct cli *cli)
{
    struct bus_error err;
    const struct cli_command reload = {"reload", NULL, -1, true};
    int code = cli_operate(cli, &reload, &err);
    if (!code)
        code = cli_settled(cli, NULL, &err);
    if (!code)
        return cli_done(cli);
    int status = cli_refused(cli, &err);
    return code == BUS_INVALID_ARGUMENT ? CLI_USAGE : status;
}

extern const struct cli_verb cli_verb_reload;
const struct cli_verb cli_verb_reload = {
    .name = "reload",
    .args = "",
    .summary = "Reads the topology again and applies what changed.",
    .help = "The topology and every config are checked first; if one is wrong "
            "nothing changes.\nActors whose program, config or settings "
            "changed are restarted one replica at a\ntime.",
    .run = run,
};
