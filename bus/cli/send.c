/* SPDX-License-Identifier: MIT
 *
 * bus send ACTOR.METHOD [JSON]: one way. Done means that an instance has it,
 * not that it was handled: the instance is pinged on the same connection before
 * this process, and the connection with it, ends.
 */
#include <unistd.h>

#include "bus/cli/body.h"
#include "bus/cli/describe.h"

/* One live instance of the target; the target itself if there is none, for the
 * bus to say what is wrong. */
static const char *choose(struct cli *cli, const char *to)
{
    struct cli_names names;
    if (cli_names(cli, to, &names, NULL))
        return to;
    const struct bus_name *name = &names.items[(size_t)getpid() % names.count];
    return bus_arena_printf(&cli->arena, "%s#%s", name->actor, name->instance);
}

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
    request.target = choose(cli, target.to);
    if (cli_request(cli, &request, &reply) ||
        cli_system(cli, request.target, "$ping", &reply))
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
