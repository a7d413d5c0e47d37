/* SPDX-License-Identifier: MIT
 *
 * bus ps: what the supervisor knows of every replica.
 */
#include <stdio.h>
#include <string.h>

#include "bus/cli/control.h"
#include "bus/cli/table.h"
#include "bus/code.h"

/* "3s", "12m", "5h", "2d": the largest unit that fits twice. */
static const char *age(struct cli *cli, int64_t ms)
{
    int64_t s = ms / 1000;
    if (s < 120)
        return bus_arena_printf(&cli->arena, "%llds", (long long)s);
    if (s < 7200)
        return bus_arena_printf(&cli->arena, "%lldm", (long long)(s / 60));
    if (s < 172800)
        return bus_arena_printf(&cli->arena, "%lldh", (long long)(s / 3600));
    return bus_arena_printf(&cli->arena, "%lldd", (long long)(s / 86400));
}

static void add_replica(struct cli *cli, struct cli_table *table,
                        const struct cli_actor *actor,
                        const struct cli_replica *replica)
{
    static const struct cli_stats none;
    const struct cli_stats *stats = replica->stats ? replica->stats : &none;
    cli_table_add(table, "%s", actor->name);
    cli_table_add(table, "%d", replica->instance);
    cli_table_add(table, replica->pid ? "%d" : "-", replica->pid);
    cli_table_add(table, "%s", replica->state);
    cli_table_add(table, replica->pid ? "%lld" : "-",
                  (long long)stats->workers);
    cli_table_add(table, "%lld", (long long)stats->busy);
    cli_table_add(table, "%lld", (long long)stats->queued);
    cli_table_add(table, "%lldms", (long long)stats->queue_age_ms);
    cli_table_add(table, "%lld", (long long)stats->calls);
    cli_table_add(table, "%lld", (long long)stats->errors);
    cli_table_add(table, "%lld", (long long)replica->restarts);
    cli_table_add(table, "%s", age(cli, replica->since_ms));
    cli_table_add(table, "%s", replica->cause);
}

static int print_state(struct cli *cli, const struct cli_state *state)
{
    struct cli_table table;
    cli_table_init(&table, &cli->arena,
                   "ACTOR|REPLICA|PID|STATE|WORKERS|BUSY|QUEUE|WAIT|CALLS|"
                   "ERRORS|RESTARTS|SINCE|LAST END");
    const struct cli_actor *actors = state->actors.items;
    for (size_t i = 0; i < state->actors.count; i++) {
        const struct cli_replica *replicas = actors[i].replica.items;
        for (size_t k = 0; k < actors[i].replica.count; k++)
            add_replica(cli, &table, &actors[i], &replicas[k]);
    }
    cli_table_print(&table, stdout);
    return CLI_DONE;
}

static int run(struct cli *cli)
{
    struct cli_state state;
    struct bus_error err;
    const char *json;
    if (cli_ps(cli, &state, &json, &err))
        return cli_refused(cli, &err);
    if (!cli->json)
        return print_state(cli, &state);
    puts(json);
    return CLI_DONE;
}

extern const struct cli_verb cli_verb_ps;
const struct cli_verb cli_verb_ps = {
    .name = "ps",
    .args = "",
    .summary = "Lists actors and their replicas.",
    .help = "WORKERS threads that handle requests (0: an event loop), BUSY of "
            "them, QUEUE requests waiting, WAIT age of the oldest of "
            "them, SINCE time\nin this state, LAST END why the replica was "
            "last started again.",
    .run = run,
};
