/* SPDX-License-Identifier: MIT
 *
 * bus pub TOPIC [JSON]: publishes one event from an instance of its own, named
 * cli#PID for as long as that takes. Subscribers follow all names, so it is
 * published when those that are there have connected.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/cli/wire.h"
#include "bus/event.h"
#include "bus/server.h"

/* Nobody calls a publisher; what comes is refused. */
static void serve(void *arg, struct bus_inbound *inbound)
{
    struct bus_reply reply = {0};
    (void)arg;
    bus_error_reason(&reply.error, BUS_UNIMPLEMENTED, "no_such_method",
                     "the command has no methods");
    bus_inbound_reply(inbound, &reply);
}

static int publish(struct cli *cli, struct bus_server *server,
                   struct bus_bytes body, struct bus_error *err)
{
    struct bus_trace trace;
    int code = bus_server_publish(server, err);
    if (code)
        return code;
    bus_trace_new(&trace);
    if (!bus_server_heard(server, (int)cli->timeout_ms))
        return bus_error_set(err, BUS_DEADLINE_EXCEEDED,
                             "not all subscribers have connected");
    code = bus_server_event(server, cli->argv[0], body, &trace);
    if (code)
        return bus_error_set(err, code, "the event could not be published");
    bus_server_drain(server,
                     bus_now(&bus_clock_system) + cli->timeout_ms * BUS_MILLI);
    return BUS_OK;
}

static int run(struct cli *cli)
{
    char instance[BUS_INSTANCE_MAX];
    struct cli_names names;
    struct bus_server *server;
    struct bus_bytes body;
    struct bus_error err;
    if (!bus_topic_valid(cli->argv[0]))
        return cli_fail(CLI_USAGE, "%s: expected a topic of dotted words",
                        cli->argv[0]);
    if (cli_pack(cli, cli->argc > 1 ? cli->argv[1] : "", &body, &err))
        return cli_fail(CLI_USAGE, "%s", err.sentence);
    if (cli_names(cli, NULL, &names, &err))
        return cli_refused(cli, &err);
    snprintf(instance, sizeof(instance), "%d", (int)getpid());
    const struct bus_server_options options = {
        .actor = "cli", .instance = instance, .node = "cli", .serve = serve};
    if (bus_server_open(cli->bus, &options, &server, &err))
        return cli_refused(cli, &err);
    int code = publish(cli, server, body, &err);
    bus_server_close(server);
    return code ? cli_refused(cli, &err) : CLI_DONE;
}

extern const struct cli_verb cli_verb_pub;
const struct cli_verb cli_verb_pub = {
    .name = "pub",
    .args = "TOPIC [JSON]",
    .summary = "Publishes one live event.",
    .help = "",
    .args_min = 1,
    .args_max = 2,
    .run = run,
};
