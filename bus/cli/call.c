/* SPDX-License-Identifier: MIT
 *
 * bus call ACTOR.METHOD [JSON]: asks the actor first what the method is, so
 * that one without side effects or marked idempotent is tried again, within the
 * deadline, when the instance that had it dies.
 */
#include "bus/cli/body.h"
#include "bus/cli/describe.h"

/* The method's flags by the actor's own word; 0 if it cannot be had. */
static int method_flags(struct cli *cli, const struct cli_target *target,
                        uint32_t *ret, struct bus_error *err)
{
    struct cli_described described;
    int code = cli_describe(cli, target->to, &described, err);
    if (code)
        return code;
    const struct cli_method *method =
        cli_method_find(&described, target->method);
    if (!method)
        return BUS_OK; /* the actor itself says that there is none */
    *ret = (method->idempotent ? BUS_IDEMPOTENT : 0U) |
           (method->no_side_effects ? BUS_NO_SIDE_EFFECTS : 0U);
    return BUS_OK;
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
    if (method_flags(cli, &target, &request.flags, &err))
        return cli_refused(cli, &err);
    if (cli_request(cli, &request, &reply))
        return cli_refused(cli, &reply.error);
    cli_print_value(reply.body);
    return CLI_DONE;
}

extern const struct cli_verb cli_verb_call;
const struct cli_verb cli_verb_call = {
    .name = "call",
    .args = "ACTOR.METHOD [JSON|-]",
    .summary = "Calls a method and prints its reply.",
    .help = "ACTOR may be user, user#3 or user@n2; /package.Service/method "
            "works, too. `-` reads\nthe request from standard input. For "
            "example: bus call user.getUser '{\"id\":\"1\"}'",
    .args_min = 1,
    .args_max = 2,
    .options = cli_body_options,
    .run = run,
    .complete = cli_complete_methods,
};
