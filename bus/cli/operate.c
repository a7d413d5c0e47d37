/* SPDX-License-Identifier: MIT
 *
 * Progress is one line on standard error a change.
 */
#include "bus/cli/operate.h"

#include <stdio.h>
#include <string.h>

#include "bus/code.h"

int64_t cli_patience(const struct cli *cli)
{
    return cli->timeout_given ? cli->timeout_ms : CLI_OPERATE_MS;
}

static void heard(void *arg, const struct cli_event *event)
{
    (void)arg;
    bool failed = strcmp(event->event, "backing off") == 0;
    cli_talk("%s#%d %s%s%s", event->actor ? event->actor : "?",
             (int)event->instance, event->event, failed ? ": " : "",
             failed && event->cause ? event->cause : "");
}

int cli_operate(struct cli *cli, const struct cli_command *command,
                struct bus_error *err)
{
    struct cli_ask ask = {.request = cli_command_text(cli, command),
                          .timeout_ms = cli_patience(cli),
                          .heard = heard};
    return cli_control(cli, &ask, err);
}

int cli_settled(struct cli *cli, const char *actor, struct bus_error *err)
{
    const struct cli_command wait = {"wait", actor, -1, true};
    return cli_operate(cli, &wait, err);
}

int cli_done(const struct cli *cli)
{
    if (cli->json)
        puts("{\"ok\":true}");
    return CLI_DONE;
}

void cli_complete_actors(struct cli *cli)
{
    struct cli_state state;
    if (cli_ps(cli, &state, NULL, NULL))
        return;
    const struct cli_actor *actors = state.actors.items;
    for (size_t i = 0; i < state.actors.count; i++)
        puts(actors[i].name);
}
