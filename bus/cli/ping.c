/* SPDX-License-Identifier: MIT
 *
 * bus ping [ACTOR]: one round trip to every instance.
 */
#include <stdio.h>

#include "bus/cli/table.h"
#include "bus/cli/wire.h"

struct ping {
    const struct bus_name *name;
    struct bus_error error; /* code BUS_OK: it answered */
    int64_t took_us;
};

static void ping_one(struct cli *cli, struct ping *ping)
{
    struct bus_reply reply;
    const char *to = bus_arena_printf(&cli->arena, "%s#%s", ping->name->actor,
                                      ping->name->instance);
    /* Once before: the connection is not what is measured. */
    cli_system(cli, to, "$ping", &reply);
    int64_t began = bus_now(&bus_clock_system);
    cli_system(cli, to, "$ping", &reply);
    ping->took_us = (bus_now(&bus_clock_system) - began) / 1000;
    ping->error = reply.error;
}

static void print_json(const struct ping *pings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s{\"actor\":\"%s\",\"instance\":\"%s\",\"node\":\"%s\","
               "\"pid\":%d,\"code\":\"%s\",\"took_us\":%lld}",
               i ? "," : "[", pings[i].name->actor, pings[i].name->instance,
               pings[i].name->node, (int)pings[i].name->pid,
               bus_code_name(pings[i].error.code), (long long)pings[i].took_us);
    puts("]");
}

static void add_row(struct cli_table *table, const struct ping *ping)
{
    cli_table_add(table, "%s", ping->name->actor);
    cli_table_add(table, "%s", ping->name->instance);
    cli_table_add(table, "%s", ping->name->node);
    cli_table_add(table, "%d", (int)ping->name->pid);
    if (ping->error.code)
        cli_table_add(table, "%s: %s", bus_code_name(ping->error.code),
                      ping->error.sentence);
    else
        cli_table_add(table, "%lld us", (long long)ping->took_us);
}

static int run(struct cli *cli)
{
    struct cli_names names;
    struct cli_table table;
    struct bus_error err;
    int status = CLI_DONE;
    if (cli_names(cli, cli->argc ? cli->argv[0] : NULL, &names, &err))
        return cli_refused(cli, &err);
    struct ping *pings =
        bus_arena_array(&cli->arena, names.count, sizeof(*pings));
    cli_table_init(&table, &cli->arena, "ACTOR|REPLICA|NODE|PID|ANSWER");
    for (size_t i = 0; i < names.count; i++) {
        pings[i].name = &names.items[i];
        ping_one(cli, &pings[i]);
        add_row(&table, &pings[i]);
        if (pings[i].error.code)
            status = bus_code_exit(pings[i].error.code, pings[i].error.reason);
    }
    if (cli->json)
        print_json(pings, names.count);
    else
        cli_table_print(&table, stdout);
    return status;
}

extern const struct cli_verb cli_verb_ping;
const struct cli_verb cli_verb_ping = {
    .name = "ping",
    .args = "[ACTOR]",
    .summary = "Measures one round trip to every instance.",
    .help = "ACTOR may be user, user#3 or user@n2; without it: all.",
    .args_max = 1,
    .run = run,
};
