/* SPDX-License-Identifier: MIT
 *
 * bus stats [ACTOR]: the counters of every instance, from itself.
 */
#include <stdio.h>

#include "bus/buf.h"
#include "bus/cli/table.h"
#include "bus/cli/wire.h"
#include "bus/json.h"
#include "bus/pack.h"

#define JSON_MAX ((size_t)16 << 20)

/* An unsigned value at a path; 0: none. */
static long long number_at(struct bus_bytes map, const char *path)
{
    struct bus_bytes value;
    uint64_t number = 0;
    if (!bus_pack_find(map, path, &value))
        return 0;
    struct bus_unpack in = bus_unpack_open(value);
    bus_unpack_uint(&in, &number);
    return (long long)number;
}

static void add_row(struct cli_table *table, const struct bus_name *name,
                    const struct bus_reply *reply)
{
    static const char *const paths[] = {"workers",
                                        "busy",
                                        "mailbox.depth",
                                        "mailbox.oldest_ms",
                                        "calls",
                                        "errors",
                                        "refused",
                                        "expired",
                                        "uptime_ms",
                                        "cache.hits",
                                        "cache.misses",
                                        "cache.fallbacks",
                                        "cache.pending_deletes"};
    cli_table_add(table, "%s", name->actor);
    cli_table_add(table, "%s", name->instance);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        cli_table_add(table, "%lld", number_at(reply->body, paths[i]));
    cli_table_add(table, "%s", reply->error.code ? reply->error.sentence : "");
}

static int run(struct cli *cli)
{
    struct cli_names names;
    struct cli_table table;
    struct bus_buf json;
    struct bus_reply reply;
    struct bus_error err;
    int status = CLI_DONE;
    if (cli_names(cli, cli->argc ? cli->argv[0] : NULL, &names, &err))
        return cli_refused(cli, &err);
    cli_table_init(&table, &cli->arena,
                   "ACTOR|REPLICA|WORKERS|BUSY|QUEUE|WAIT ms|CALLS|ERRORS|"
                   "REFUSED|EXPIRED|UP ms|HITS|MISSES|FALLBACKS|TO DELETE|");
    bus_buf_init(&json, JSON_MAX);
    for (size_t i = 0; i < names.count; i++) {
        const struct bus_name *name = &names.items[i];
        const char *to =
            bus_arena_printf(&cli->arena, "%s#%s", name->actor, name->instance);
        if (cli_system(cli, to, "$stats", &reply))
            status = bus_code_exit(reply.error.code, reply.error.reason);
        add_row(&table, name, &reply);
        bus_buf_byte(&json, i ? ',' : '[');
        if (reply.body.len)
            bus_json_from_pack(&json, reply.body);
        else
            bus_buf_text(&json, "null");
    }
    if (cli->json)
        printf("%.*s]\n", (int)json.len, (const char *)json.data);
    else
        cli_table_print(&table, stdout);
    bus_buf_release(&json);
    return status;
}

extern const struct cli_verb cli_verb_stats;
const struct cli_verb cli_verb_stats = {
    .name = "stats",
    .args = "[ACTOR]",
    .summary = "Prints the counters of every instance.",
    .help = "Asked of the instances themselves; --json has the methods and the "
            "wire, too.",
    .args_max = 1,
    .run = run,
};
