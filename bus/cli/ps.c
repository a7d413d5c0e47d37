/* SPDX-License-Identifier: MIT
 *
 * bus ps: what the supervisor knows of every replica.
 */
#include <stdio.h>
#include <string.h>

#include "bus/cli/node.h"
#include "bus/cli/table.h"
#include "bus/code.h"

#define COLUMNS                                                                \
    "ACTOR|REPLICA|PID|STATE|WORKERS|BUSY|QUEUE|WAIT|CALLS|ERRORS|RESTARTS|"   \
    "SINCE|LAST END"

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
                        const char *node, const struct cli_actor *actor,
                        const struct cli_replica *replica)
{
    static const struct cli_stats none;
    const struct cli_stats *stats = replica->stats ? replica->stats : &none;
    if (node)
        cli_table_add(table, "%s", node);
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

/* node: for a table of several; NULL: no such column. */
static void add_state(struct cli *cli, struct cli_table *table,
                      const char *node, const struct cli_state *state)
{
    const struct cli_actor *actors = state->actors.items;
    for (size_t i = 0; i < state->actors.count; i++) {
        const struct cli_replica *replicas = actors[i].replica.items;
        for (size_t k = 0; k < actors[i].replica.count; k++)
            add_replica(cli, table, node, &actors[i], &replicas[k]);
    }
}

/* Every node's table in one, or its answers as one array. A node that does not
 * answer is said, and is the exit status. */
static int print_nodes(struct cli *cli, const struct cli_nodes *nodes)
{
    static const struct cli_command ps = {"ps", NULL, -1, false};
    struct cli_table table;
    struct bus_error err;
    int status = CLI_DONE;
    const char *comma = "";
    cli_table_init(&table, &cli->arena, "NODE|" COLUMNS);
    for (size_t i = 0; i < nodes->count; i++) {
        struct cli_state state;
        const char *line;
        int code = cli_node(cli, nodes->names[i], &ps, &line, &err);
        if (!code)
            code = cli_state_read(cli, line, &state, &err);
        if (code) {
            status = cli_fail(bus_code_exit(err.code, err.reason), "%s: %s",
                              nodes->names[i], err.sentence);
            continue;
        }
        if (cli->json)
            printf("%s%s", *comma ? comma : "[", line);
        else
            add_state(cli, &table, nodes->names[i], &state);
        comma = ",";
    }
    if (cli->json)
        puts(*comma ? "]" : "[]");
    else
        cli_table_print(&table, stdout);
    return status;
}

static int run_nodes(struct cli *cli)
{
    struct cli_nodes nodes;
    struct bus_error err;
    const char *node = cli_value(cli, "node");
    if (node)
        nodes = (struct cli_nodes){{node}, 1};
    else if (cli_nodes(cli, &nodes, &err))
        return cli_refused(cli, &err);
    return print_nodes(cli, &nodes);
}

static int run(struct cli *cli)
{
    struct cli_state state;
    struct bus_error err;
    const char *json;
    struct cli_table table;
    if (cli_value(cli, "node") || cli_value(cli, "all-nodes"))
        return run_nodes(cli);
    if (cli_ps(cli, &state, &json, &err))
        return cli_refused(cli, &err);
    cli_table_init(&table, &cli->arena, COLUMNS);
    add_state(cli, &table, NULL, &state);
    if (cli->json)
        puts(json);
    else
        cli_table_print(&table, stdout);
    return CLI_DONE;
}

static const struct cli_option options[] = {
    {.name = "all-nodes", .help = "of every node that has a registrar"},
    CLI_NODE_OPTION,
    {.name = NULL}};

extern const struct cli_verb cli_verb_ps;
const struct cli_verb cli_verb_ps = {
    .name = "ps",
    .args = "",
    .summary = "Lists actors and their replicas.",
    .help = "WORKERS threads that handle requests (0: an event loop), BUSY of "
            "them, QUEUE requests waiting, WAIT age of the oldest of "
            "them, SINCE time\nin this state, LAST END why the replica was "
            "last started again.",
    .options = options,
    .run = run,
};
