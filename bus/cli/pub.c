/* SPDX-License-Identifier: MIT
 *
 * bus pub TOPIC [JSON]: has a live instance publish the event ($publish), for
 * subscribers are connected to that already: a publisher that comes for one
 * event would have to wait for everybody to find it.
 */
#include <string.h>

#include "bus/buf.h"
#include "bus/cli/wire.h"
#include "bus/event.h"
#include "bus/pack.h"

#define EVENT_MAX ((size_t)16 << 20)

/* Asks the instances one after the other until one has published it. */
static int publish(struct cli *cli, const struct cli_names *names,
                   struct bus_bytes body, struct bus_error *err)
{
    int code = BUS_UNAVAILABLE;
    for (size_t i = 0; i < names->count && code == BUS_UNAVAILABLE; i++) {
        struct bus_reply reply;
        struct bus_request request = {
            .target =
                bus_arena_printf(&cli->arena, "%s#%s", names->items[i].actor,
                                 names->items[i].instance),
            .method = "$publish",
            .body = body};
        code = cli_request(cli, &request, &reply);
        *err = reply.error;
    }
    return code;
}

static int run(struct cli *cli)
{
    struct cli_names names;
    struct bus_bytes body;
    struct bus_buf buf;
    struct bus_error err;
    if (!bus_topic_valid(cli->argv[0]))
        return cli_fail(CLI_USAGE, "%s: expected a topic of dotted words",
                        cli->argv[0]);
    if (cli_pack(cli, cli->argc > 1 ? cli->argv[1] : "", &body, &err))
        return cli_fail(CLI_USAGE, "%s", err.sentence);
    if (cli_names(cli, NULL, &names, &err))
        return cli_refused(cli, &err);
    bus_buf_init(&buf, EVENT_MAX);
    bus_pack_map(&buf, 2);
    bus_pack_text(&buf, "topic");
    bus_pack_text(&buf, cli->argv[0]);
    bus_pack_text(&buf, "body");
    bus_pack_raw(&buf, body);
    int code = publish(cli, &names, bus_buf_bytes(&buf), &err);
    bus_buf_release(&buf);
    return code ? cli_refused(cli, &err) : CLI_DONE;
}

extern const struct cli_verb cli_verb_pub;
const struct cli_verb cli_verb_pub = {
    .name = "pub",
    .args = "TOPIC [JSON]",
    .summary = "Publishes one live event.",
    .help = "It leaves from one of the running instances.",
    .args_min = 1,
    .args_max = 2,
    .run = run,
};
