/* SPDX-License-Identifier: MIT
 *
 * bus dlq ls [ACTOR] | show ACTOR ID | replay ACTOR ID | replay ACTOR --all:
 * durable events that an actor gave up, asked of the actor itself.
 */
#include <stdio.h>
#include <string.h>

#include "bus/cli/operate.h"
#include "bus/cli/saga.h"
#include "bus/cli/table.h"
#include "bus/json.h"
#include "bus/pack.h"

#define ASK_MAX ((size_t)1 << 16)
#define JSON_MAX ((size_t)64 << 20)

/* Asks one actor; releases body. Returns the code. */
static int ask(struct cli *cli, const char *actor, struct bus_buf *body,
               struct bus_reply *reply)
{
    struct bus_request request = {
        .target = actor, .method = "$dlq", .body = bus_buf_bytes(body)};
    int code = cli_request(cli, &request, reply);
    bus_buf_release(body);
    return code;
}

static void pack_text(struct bus_buf *body, const char *key, const char *text)
{
    bus_pack_text(body, key);
    bus_pack_text(body, text);
}

/* ---- ls ---- */

static void add_rows(struct cli *cli, struct cli_table *table,
                     const char *actor, struct bus_bytes body)
{
    static const char *const paths[] = {"id",    "event.topic", "event.key",
                                        "group", "method",      "attempts",
                                        "last",  "code",        "sentence"};
    struct bus_bytes list, entry;
    uint32_t count;
    if (!bus_pack_find(body, "dead", &list))
        return;
    struct bus_unpack in = bus_unpack_open(list);
    if (!bus_unpack_array(&in, &count))
        return;
    while (count-- > 0 && bus_unpack_value(&in, &entry)) {
        cli_table_add(table, "%s", actor);
        for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
            cli_table_add(table, "%s", cli_text_at(cli, entry, paths[i]));
    }
}

static int list_one(struct cli *cli, const char *actor, int64_t count,
                    struct bus_reply *reply)
{
    struct bus_buf body;
    bus_buf_init(&body, ASK_MAX);
    bus_pack_map(&body, 2);
    pack_text(&body, "op", "ls");
    bus_pack_text(&body, "count");
    bus_pack_int(&body, count);
    return ask(cli, actor, &body, reply);
}

static void add_json(struct bus_buf *json, const char *actor,
                     struct bus_bytes body)
{
    struct bus_bytes dead = {0};
    bus_pack_find(body, "dead", &dead);
    bus_buf_byte(json, json->len ? ',' : '[');
    bus_buf_text(json, "{\"actor\":");
    bus_json_text(json, actor, strlen(actor));
    bus_buf_text(json, ",\"dead\":");
    bus_json_from_pack(json, dead);
    bus_buf_byte(json, '}');
}

/* Names come in order: an actor's instances stand together. */
static bool is_first(const struct cli_names *names, size_t i)
{
    return i == 0 ||
           strcmp(names->items[i].actor, names->items[i - 1].actor) != 0;
}

static int list_all(struct cli *cli, int64_t count, struct cli_table *table,
                    struct bus_buf *json)
{
    const char *only = cli->argc == 2 ? cli->argv[1] : NULL;
    struct cli_names names;
    struct bus_error err;
    if (cli_names(cli, only, &names, &err))
        return cli_refused(cli, &err);
    for (size_t i = 0; i < names.count; i++) {
        const char *actor = names.items[i].actor;
        struct bus_reply reply;
        if (!is_first(&names, i))
            continue;
        int code = list_one(cli, actor, count, &reply);
        /* Of all actors, those that never have any are left out. */
        if (code == BUS_FAILED_PRECONDITION && !only)
            continue;
        if (code)
            return cli_refused(cli, &reply.error);
        add_rows(cli, table, actor, reply.body);
        add_json(json, actor, reply.body);
    }
    return CLI_DONE;
}

static int list(struct cli *cli)
{
    struct cli_table table;
    struct bus_buf json;
    int64_t count = 0;
    const char *text = cli_value(cli, "count");
    if (cli->argc > 2)
        return cli_fail(CLI_USAGE, "expected: bus dlq ls [ACTOR]");
    if (text && !cli_number(text, 1, INT32_MAX, &count))
        return cli_fail(CLI_USAGE, "--count %s: expected a number", text);
    cli_table_init(&table, &cli->arena,
                   "ACTOR|ID|TOPIC|KEY|GROUP|METHOD|ATTEMPTS|LAST|CODE|CAUSE");
    bus_buf_init(&json, JSON_MAX);
    int status = list_all(cli, count, &table, &json);
    if (status == CLI_DONE && cli->json)
        printf("%.*s]\n", (int)json.len,
               json.len ? (const char *)json.data : "[");
    else if (status == CLI_DONE)
        cli_table_print(&table, stdout);
    bus_buf_release(&json);
    return status;
}

/* ---- show ---- */

static int show(struct cli *cli)
{
    static const char *const heads[] = {
        "id",       "event.id", "event.topic", "event.key", "group",   "method",
        "attempts", "first",    "last",        "code",      "sentence"};
    struct bus_reply reply;
    struct bus_buf body;
    struct bus_bytes message;
    if (cli->argc != 3)
        return cli_fail(CLI_USAGE, "expected: bus dlq show ACTOR ID");
    bus_buf_init(&body, ASK_MAX);
    bus_pack_map(&body, 2);
    pack_text(&body, "op", "show");
    pack_text(&body, "id", cli->argv[2]);
    if (ask(cli, cli->argv[1], &body, &reply))
        return cli_refused(cli, &reply.error);
    if (cli->json) {
        cli_print_value(reply.body);
        return CLI_DONE;
    }
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
        printf("%-12s %s\n", heads[i], cli_text_at(cli, reply.body, heads[i]));
    if (bus_pack_find(reply.body, "event.body", &message))
        cli_print_value(message);
    return CLI_DONE;
}

/* ---- replay ---- */

static int replay(struct cli *cli)
{
    bool all = cli_value(cli, "all") != NULL;
    struct bus_reply reply;
    struct bus_buf body;
    if (cli->argc != (all ? 2 : 3))
        return cli_fail(CLI_USAGE,
                        "expected: bus dlq replay ACTOR ID, or ACTOR --all");
    bus_buf_init(&body, ASK_MAX);
    bus_pack_map(&body, 2);
    pack_text(&body, "op", "replay");
    if (all) {
        bus_pack_text(&body, "all");
        bus_pack_bool(&body, true);
    } else {
        pack_text(&body, "id", cli->argv[2]);
    }
    if (ask(cli, cli->argv[1], &body, &reply))
        return cli_refused(cli, &reply.error);
    if (cli->json)
        cli_print_value(reply.body);
    else
        cli_talk("%s replayed", cli_text_at(cli, reply.body, "replayed"));
    return CLI_DONE;
}

static int run(struct cli *cli)
{
    static const struct {
        const char *word;
        int (*run)(struct cli *cli);
    } words[] = {{"ls", list}, {"show", show}, {"replay", replay}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(cli->argv[0], words[i].word) == 0)
            return words[i].run(cli);
    }
    return cli_fail(CLI_USAGE, "%s: expected ls, show or replay", cli->argv[0]);
}

static void complete(struct cli *cli, int index)
{
    if (index == 0)
        puts("ls\nshow\nreplay");
    else if (index == 1)
        cli_complete_actors(cli);
}

static const struct cli_option options[] = {
    {'n', "count", "N", "ls: at most N of each actor"},
    {0, "all", NULL, "replay: all there are"},
    {0}};

extern const struct cli_verb cli_verb_dlq;
const struct cli_verb cli_verb_dlq = {
    .name = "dlq",
    .args = "ls [ACTOR] | show ACTOR ID | replay ACTOR ID | replay ACTOR --all",
    .summary = "Shows and replays durable events that were given up.",
    .help =
        "An event that an actor could not handle in as many attempts as its "
        "Consume line\nallows lies among the actor's dead ones, with the "
        "last attempt's code and sentence.\nreplay gives it to the same "
        "group again, with its attempts counted anew.",
    .args_min = 1,
    .args_max = 3,
    .options = options,
    .run = run,
    .complete = complete,
};
