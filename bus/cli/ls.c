/* SPDX-License-Identifier: MIT
 *
 * bus ls: the actors that live names lead to, and their methods by their own
 * word.
 */
#include <stdio.h>
#include <string.h>

#include "bus/buf.h"
#include "bus/cli/describe.h"
#include "bus/cli/table.h"
#include "bus/json.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

/* All instances of one actor: a run of names. */
struct actor {
    const struct bus_name *names;
    size_t count;
    const char *version;
    const struct cli_method *methods;
    size_t method_count;
    const char *failure; /* NULL: it answered */
};

static void ask(struct cli *cli, struct actor *actor)
{
    struct cli_described described;
    struct bus_error err;
    if (cli_describe(cli, actor->names->actor, &described, &err)) {
        actor->version = "?";
        actor->failure = bus_arena_printf(
            &cli->arena, "%s: %s", bus_code_name(err.code), err.sentence);
        return;
    }
    actor->version = described.version;
    actor->methods = described.methods.items;
    actor->method_count = described.methods.count;
}

static const char *joined(struct cli *cli, const struct actor *actor)
{
    const char *text = actor->failure ? actor->failure : "";
    for (size_t i = 0; i < actor->method_count; i++)
        text = bus_arena_printf(&cli->arena, "%s%s%s", text, i ? " " : "",
                                actor->methods[i].name);
    return text;
}

static void add_row(struct cli *cli, struct cli_table *table,
                    const struct actor *actor)
{
    cli_table_add(table, "%s", actor->names->actor);
    cli_table_add(table, "%zu", actor->count);
    cli_table_add(table, "%s", actor->names->node);
    cli_table_add(table, "%s", actor->version);
    cli_table_add(table, "%s", joined(cli, actor));
}

static void put_text(struct bus_buf *buf, const char *text)
{
    bus_json_text(buf, text, strlen(text));
}

static void put_actor(struct bus_buf *buf, const struct actor *actor)
{
    bus_buf_text(buf, "{\"actor\":");
    put_text(buf, actor->names->actor);
    bus_buf_text(buf, ",\"version\":");
    put_text(buf, actor->version);
    bus_buf_text(buf, ",\"instances\":[");
    for (size_t i = 0; i < actor->count; i++) {
        bus_buf_text(buf, i ? ",{\"instance\":" : "{\"instance\":");
        put_text(buf, actor->names[i].instance);
        bus_buf_text(buf, ",\"node\":");
        put_text(buf, actor->names[i].node);
        bus_buf_printf(buf, ",\"pid\":%d}", (int)actor->names[i].pid);
    }
    bus_buf_text(buf, "],\"methods\":[");
    for (size_t i = 0; i < actor->method_count; i++) {
        bus_buf_text(buf, i ? "," : "");
        put_text(buf, actor->methods[i].name);
    }
    bus_buf_text(buf, "]}");
}

/* The run of names of one actor that begins at items[at]. */
static struct actor actor_at(const struct cli_names *names, size_t at)
{
    struct actor actor = {.names = &names->items[at]};
    while (at + actor.count < names->count &&
           strcmp(names->items[at + actor.count].actor, actor.names->actor) ==
               0)
        actor.count++;
    return actor;
}

static int run(struct cli *cli)
{
    struct cli_names names;
    struct cli_table table;
    struct bus_buf json;
    struct bus_error err;
    if (cli_names(cli, NULL, &names, &err))
        return cli_refused(cli, &err);
    cli_table_init(&table, &cli->arena, "ACTOR|REPLICAS|NODE|VERSION|METHODS");
    bus_buf_init(&json, LINE_MAX_BYTES);
    for (size_t at = 0; at < names.count;) {
        struct actor actor = actor_at(&names, at);
        ask(cli, &actor);
        add_row(cli, &table, &actor);
        bus_buf_byte(&json, at ? ',' : '[');
        put_actor(&json, &actor);
        at += actor.count;
    }
    if (cli->json)
        printf("%.*s]\n", (int)json.len, (const char *)json.data);
    else
        cli_table_print(&table, stdout);
    bus_buf_release(&json);
    return CLI_DONE;
}

extern const struct cli_verb cli_verb_ls;
const struct cli_verb cli_verb_ls = {
    .name = "ls",
    .args = "",
    .summary = "Lists the actors that answer, and their methods.",
    .help = "",
    .run = run,
};
