/* SPDX-License-Identifier: MIT
 *
 * bus send ACTOR.METHOD [JSON]: one way. Done means that the request has left,
 * not that anybody handled it.
 */
#include "bus/cli/body.h"
#include "bus/cli/describe.h"

static int run(struct cli *cli)
{
    struct cli_target target;
    struct bus_request request;
    struct bus_reply reply;
    struct bus_error err;
    if (cli_target(cli, cli->argv[0], true, &target, &err) ||
        cli_body(cli, &target, &request, &err))
        return cli_fail(CLI_USAGE, "%s", err.sentence);
    request.oneway = true;
    if (cli_request(cli, &request, &reply))
        return cli_refused(cli, &reply.error);
    return CLI_DONE;
}

extern const struct cli_verb cli_verb_send;
const struct cli_verb cli_verb_send = {
    .name = "send",
    .args = "ACTOR.METHOD [JSON|-]",
    .summary = "Sends a request without waiting for a reply.",
    .help = "",
    .args_min = 1,
    .args_max = 2,
    .options = cli_body_options,
    .run = run,
    .complete = cli_complete_methods,
};
