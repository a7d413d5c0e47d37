/* SPDX-License-Identifier: MIT
 *
 * bus cron ls [ACTOR] | run ACTOR ENTRY: what actors do by the clock, from
 * themselves.
 */
#include <stdio.h>
#include <string.h>

#include "bus/buf.h"
#include "bus/cli/saga.h"
#include "bus/cli/table.h"
#include "bus/pack.h"

#define ASK_MAX ((size_t)4096)
#define LIST_MAX ((size_t)4 << 20)

static void add_row(struct cli *cli, struct cli_table *table, const char *actor,
                    struct bus_bytes entry)
{
    static const char *const paths[] = {"name", "at",   "zone",  "method",
                                        "next", "last", "state", NULL};
    cli_table_add(table, "%s", actor);
    for (const char *const *path = paths; *path; path++)
        cli_table_add(table, "%s", cli_text_at(cli, entry, *path));
    const char *code = cli_text_at(cli, entry, "code");
    const char *said = cli_text_at(cli, entry, "said");
    bool failed = *code && strcmp(code, "OK") != 0;
    cli_table_add(table, "%s%s%s", failed ? code : "", failed ? ": " : "",
                  failed ? said : "");
}

/* Each entry of one actor's answer: a row. */
static void add_rows(struct cli *cli, struct cli_table *table,
                     const char *actor, struct bus_bytes body)
{
    struct bus_bytes value;
    uint32_t count;
    if (!bus_pack_find(body, "entries", &value))
        return;
    struct bus_unpack in = bus_unpack_open(value);
    if (!bus_unpack_array(&in, &count))
        return;
    while (count-- > 0 && bus_unpack_value(&in, &value))
        add_row(cli, table, actor, value);
}

/* {"actor": ..., "entries": [...], "waiting": n} */
static void put_actor(struct bus_buf *all, const char *actor,
                      struct bus_bytes body)
{
    static const uint8_t none[] = {0x90};
    struct bus_bytes entries = {none, sizeof(none)}, waiting;
    bus_pack_find(body, "entries", &entries);
    bus_pack_map(all, 3);
    bus_pack_text(all, "actor");
    bus_pack_text(all, actor);
    bus_pack_text(all, "entries");
    bus_pack_raw(all, entries);
    bus_pack_text(all, "waiting");
    if (bus_pack_find(body, "waiting", &waiting))
        bus_pack_raw(all, waiting);
    else
        bus_pack_int(all, 0);
}

/* Asks one replica of every actor, since all of one see the same table. */
static int ask_all(struct cli *cli, const struct cli_names *names,
                   struct cli_table *table, struct bus_buf *all,
                   uint32_t *ret_count)
{
    const char *before = "";
    for (size_t i = 0; i < names->count; i++) {
        const char *actor = names->items[i].actor;
        struct bus_reply reply;
        if (strcmp(actor, before) == 0)
            continue;
        before = actor;
        if (cli_system(cli, actor, "$cron", &reply))
            return cli_refused(cli, &reply.error);
        add_rows(cli, table, actor, reply.body);
        put_actor(all, actor, reply.body);
        (*ret_count)++;
    }
    return CLI_DONE;
}

static int list(struct cli *cli)
{
    struct cli_names names;
    struct cli_table table;
    struct bus_error err;
    struct bus_buf all, answer;
    uint32_t count = 0;
    if (cli->argc > 2)
        return cli_fail(CLI_USAGE, "expected: bus cron ls [ACTOR]");
    if (cli_names(cli, cli->argc > 1 ? cli->argv[1] : NULL, &names, &err))
        return cli_refused(cli, &err);
    cli_table_init(&table, &cli->arena,
                   "ACTOR|ENTRY|AT|ZONE|METHOD|NEXT|LAST|STATE|ANSWER");
    bus_buf_init(&all, LIST_MAX);
    int status = ask_all(cli, &names, &table, &all, &count);
    if (status == CLI_DONE && cli->json) {
        bus_buf_init(&answer, LIST_MAX);
        bus_pack_array(&answer, count);
        bus_pack_raw(&answer, bus_buf_bytes(&all));
        cli_print_value(bus_buf_bytes(&answer));
        bus_buf_release(&answer);
    } else if (status == CLI_DONE) {
        cli_table_print(&table, stdout);
    }
    bus_buf_release(&all);
    return status;
}

static int fire(struct cli *cli)
{
    struct bus_reply reply;
    struct bus_buf body;
    if (cli->argc != 3)
        return cli_fail(CLI_USAGE, "expected: bus cron run ACTOR ENTRY");
    bus_buf_init(&body, ASK_MAX);
    bus_pack_map(&body, 1);
    bus_pack_text(&body, "name");
    bus_pack_text(&body, cli->argv[2]);
    struct bus_request request = {.target = cli->argv[1],
                                  .method = "$cron_run",
                                  .body = bus_buf_bytes(&body)};
    int code = cli_request(cli, &request, &reply);
    bus_buf_release(&body);
    if (code)
        return cli_refused(cli, &reply.error);
    if (cli->json)
        cli_print_value(reply.body);
    else
        cli_talk("%s.%s: fired, due %s", cli->argv[1], cli->argv[2],
                 cli_text_at(cli, reply.body, "due"));
    return CLI_DONE;
}

static int run(struct cli *cli)
{
    if (strcmp(cli->argv[0], "ls") == 0)
        return list(cli);
    if (strcmp(cli->argv[0], "run") == 0)
        return fire(cli);
    return cli_fail(CLI_USAGE, "%s: expected ls or run", cli->argv[0]);
}

/* The words, the actors, the entries of the actor before. */
static void complete(struct cli *cli, int index)
{
    struct cli_names names;
    struct bus_error err;
    struct bus_reply reply;
    struct bus_bytes value;
    uint32_t count;
    if (index == 0)
        puts("ls\nrun");
    if (index == 1 && !cli_names(cli, NULL, &names, &err)) {
        for (size_t i = 0; i < names.count; i++)
            if (i == 0 ||
                strcmp(names.items[i].actor, names.items[i - 1].actor) != 0)
                puts(names.items[i].actor);
    }
    if (index != 2 || cli->argc < 2 ||
        cli_system(cli, cli->argv[1], "$cron", &reply) ||
        !bus_pack_find(reply.body, "entries", &value))
        return;
    struct bus_unpack in = bus_unpack_open(value);
    if (!bus_unpack_array(&in, &count))
        return;
    while (count-- > 0 && bus_unpack_value(&in, &value))
        puts(cli_text_at(cli, value, "name"));
}

extern const struct cli_verb cli_verb_cron;
const struct cli_verb cli_verb_cron = {
    .name = "cron",
    .args = "ls [ACTOR] | run ACTOR ENTRY",
    .summary = "Lists what actors do by the clock, or has one entry done now.",
    .help = "Times are in UTC. STATE and ANSWER are of the last firing; one of "
            "run ends there,\ntoo. An entry that still runs and does not "
            "overlap is refused (exit status 1).",
    .args_min = 1,
    .args_max = 3,
    .run = run,
    .complete = complete,
};
