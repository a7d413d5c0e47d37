/* SPDX-License-Identifier: MIT
 *
 * bus saga show GID | ls | submit FILE.saga [JSON] | retry, abort, skip, fail,
 * compensate: the saga actor's methods as tables.
 */
#include "bus/cli/saga.h"

#include <stdio.h>
#include <string.h>

#include "bus/buf.h"
#include "bus/cli/table.h"
#include "bus/pack.h"

#define ASK_MAX ((size_t)1 << 20)

int cli_saga_ask(struct cli *cli, const char *method, struct bus_buf *body,
                 struct bus_reply *reply)
{
    struct bus_request request = {
        .target = "saga", .method = method, .body = bus_buf_bytes(body)};
    if (strcmp(method, "show") == 0 || strcmp(method, "list") == 0)
        request.flags = BUS_IDEMPOTENT;
    int code = cli_request(cli, &request, reply);
    bus_buf_release(body);
    return code;
}

const char *cli_text_at(struct cli *cli, struct bus_bytes map, const char *path)
{
    struct bus_bytes value;
    uint64_t number;
    int64_t negative;
    if (!bus_pack_find(map, path, &value))
        return "";
    struct bus_unpack in = bus_unpack_open(value);
    if (bus_unpack_text(&in, &value))
        return bus_arena_text_n(&cli->arena, (const char *)value.data,
                                value.len);
    if (bus_unpack_uint(&in, &number))
        return bus_arena_printf(&cli->arena, "%llu",
                                (unsigned long long)number);
    if (bus_unpack_int(&in, &negative))
        return bus_arena_printf(&cli->arena, "%lld", (long long)negative);
    return "";
}

static void add_paths(struct cli *cli, struct cli_table *table,
                      struct bus_bytes map, const char *const *paths)
{
    for (; *paths; paths++)
        cli_table_add(table, "%s", cli_text_at(cli, map, *paths));
}

/* "CODE: sentence" of a branch that failed. */
static void add_outcome(struct cli *cli, struct cli_table *table,
                        struct bus_bytes branch)
{
    const char *code = cli_text_at(cli, branch, "code");
    const char *sentence = cli_text_at(cli, branch, "sentence");
    cli_table_add(table, "%s%s%s", code, *sentence ? ": " : "", sentence);
}

static void add_branch(struct cli *cli, struct cli_table *table,
                       struct bus_bytes branch)
{
    static const char *const paths[] = {"status", "attempts", "started",
                                        "finished", NULL};
    cli_table_add(table, "%s.%s", cli_text_at(cli, branch, "target"),
                  cli_text_at(cli, branch, "method"));
    add_paths(cli, table, branch, paths);
    add_outcome(cli, table, branch);
}

static void add_step(struct cli *cli, struct cli_table *table,
                     struct bus_bytes step)
{
    struct bus_bytes undo;
    cli_table_add(table, "%s", cli_text_at(cli, step, "name"));
    add_branch(cli, table, step);
    /* One that was never needed is not worth a line. */
    if (!bus_pack_find(step, "compensation", &undo) ||
        strcmp(cli_text_at(cli, undo, "status"), "pending") == 0)
        return;
    cli_table_add(table, "  undo");
    add_branch(cli, table, undo);
}

bool cli_array_at(struct bus_bytes map, const char *key, struct bus_unpack *ret,
                  uint32_t *ret_count)
{
    struct bus_bytes value;
    if (!bus_pack_find(map, key, &value))
        return false;
    *ret = bus_unpack_open(value);
    return bus_unpack_array(ret, ret_count);
}

static void add_history(struct cli *cli, struct cli_table *table,
                        const char *name, struct bus_bytes branch)
{
    struct bus_unpack history;
    struct bus_bytes attempt;
    uint32_t count;
    if (!cli_array_at(branch, "history", &history, &count))
        return;
    for (; count > 0 && bus_unpack_value(&history, &attempt); count--) {
        cli_table_add(table, "%s", name);
        cli_table_add(table, "%s", cli_text_at(cli, attempt, "at"));
        cli_table_add(table, "%s us", cli_text_at(cli, attempt, "duration_us"));
        add_outcome(cli, table, attempt);
    }
}

/* Every try that did not end well, and what was done by hand. */
static void print_history(struct cli *cli, struct bus_bytes saga)
{
    struct cli_table table;
    struct bus_unpack steps;
    struct bus_bytes step, undo;
    uint32_t count;
    cli_table_init(&table, &cli->arena, "STEP|TRIED|DURATION|ANSWER");
    if (!cli_array_at(saga, "steps", &steps, &count))
        return;
    for (; count > 0 && bus_unpack_value(&steps, &step); count--) {
        const char *name = cli_text_at(cli, step, "name");
        add_history(cli, &table, name, step);
        if (bus_pack_find(step, "compensation", &undo))
            add_history(cli, &table,
                        bus_arena_printf(&cli->arena, "%s undo", name), undo);
    }
    if (table.cells == table.columns)
        return; /* nothing but the heading */
    putchar('\n');
    cli_table_print(&table, stdout);
}

void cli_saga_print(struct cli *cli, struct bus_bytes saga)
{
    static const char *const heads[] = {"gid",     "name",     "status",
                                        "created", "finished", NULL};
    struct cli_table table;
    struct bus_unpack steps;
    struct bus_bytes step;
    uint32_t count;
    for (const char *const *head = heads; *head; head++)
        printf("%-9s %s\n", *head, cli_text_at(cli, saga, *head));
    const char *code = cli_text_at(cli, saga, "reason.code");
    if (*code)
        printf("%-9s step %s: %s: %s\n", "reason",
               cli_text_at(cli, saga, "reason.step"), code,
               cli_text_at(cli, saga, "reason.sentence"));
    putchar('\n');
    cli_table_init(&table, &cli->arena,
                   "STEP|CALL|STATUS|ATTEMPTS|STARTED|FINISHED|ANSWER");
    if (cli_array_at(saga, "steps", &steps, &count)) {
        while (count-- > 0 && bus_unpack_value(&steps, &step))
            add_step(cli, &table, step);
    }
    cli_table_print(&table, stdout);
    print_history(cli, saga);
}

static void pack_pair(struct bus_buf *body, const char *key, const char *text)
{
    bus_pack_text(body, key);
    bus_pack_text(body, text);
}

/* What an operator may do: with the saga, or with one of its steps. */
static const struct {
    const char *word;
    bool step, reason; /* needed */
} deeds[] = {{"retry", false, false},
             {"abort", false, false},
             {"skip", true, true},
             {"fail", true, true},
             {"compensate", true, true}};

/* WORD GID [STEP [REASON]] [--reason REASON] */
static int operate(struct cli *cli)
{
    const char *word = cli->argv[0];
    const char *reason = cli_value(cli, "reason");
    struct bus_reply reply;
    struct bus_buf body;
    size_t deed = 0;
    while (strcmp(deeds[deed].word, word) != 0)
        deed++;
    if (!reason && cli->argc > 3)
        reason = cli->argv[3];
    bool abort_ = strcmp(word, "abort") == 0;
    if (cli->argc < 2 + deeds[deed].step || cli->argc > (abort_ ? 2 : 4) ||
        (deeds[deed].reason && !reason))
        return cli_fail(CLI_USAGE, "expected: bus saga %s GID%s", word,
                        deeds[deed].step ? " STEP REASON"
                        : abort_         ? ""
                                         : " [STEP [REASON]]");
    bus_buf_init(&body, ASK_MAX);
    bus_pack_map(&body, 3);
    pack_pair(&body, "gid", cli->argv[1]);
    pack_pair(&body, "step", cli->argc > 2 ? cli->argv[2] : "");
    pack_pair(&body, "reason", reason ? reason : "");
    if (cli_saga_ask(cli, word, &body, &reply))
        return cli_refused(cli, &reply.error);
    if (cli->json)
        cli_print_value(reply.body);
    return CLI_DONE;
}

static int show(struct cli *cli)
{
    struct bus_reply reply;
    struct bus_buf body;
    if (cli->argc != 2)
        return cli_fail(CLI_USAGE, "expected: bus saga show GID");
    bus_buf_init(&body, ASK_MAX);
    bus_pack_map(&body, 1);
    bus_pack_text(&body, "gid");
    bus_pack_text(&body, cli->argv[1]);
    if (cli_saga_ask(cli, "show", &body, &reply))
        return cli_refused(cli, &reply.error);
    if (cli->json)
        cli_print_value(reply.body);
    else
        cli_saga_print(cli, reply.body);
    return CLI_DONE;
}

static int run(struct cli *cli)
{
    static const struct {
        const char *word;
        int (*run)(struct cli *cli);
    } words[] = {{"show", show},          {"ls", cli_saga_list},
                 {"retry", operate},      {"abort", operate},
                 {"skip", operate},       {"fail", operate},
                 {"compensate", operate}, {"submit", cli_saga_submit}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(cli->argv[0], words[i].word) == 0)
            return words[i].run(cli);
    }
    return cli_fail(CLI_USAGE,
                    "%s: expected show, ls, submit, retry, abort, skip, fail "
                    "or compensate",
                    cli->argv[0]);
}

static void complete(struct cli *cli, int index)
{
    (void)cli;
    if (index == 0)
        puts("show\nls\nsubmit\nretry\nabort\nskip\nfail\ncompensate");
}

static const struct cli_option options[] = {
    {0, "status", "WORD", "ls: of that status"},
    {0, "parked", NULL, "ls: of status parked"},
    {0, "type", "WORD", "ls: saga, msg, tcc, xa or workflow"},
    {0, "name", "NAME", "ls: of that name; submit: which of the file's"},
    {0, "gid", "GID", "ls: whose gid begins so; submit: an id of your own"},
    {0, "step", "STEP", "ls: that fail, or failed, at that step"},
    {0, "error", "TEXT", "ls: whose error has that in its code or sentence"},
    {0, "owner", "NAME", "ls: of an orchestrator with that in its name"},
    {0, "since", "TIME",
     "ls: created then or later: 2h, or 2026-01-31T12:00:00Z"},
    {0, "until", "TIME", "ls: created before"},
    {0, "updated-since", "TIME", "ls: changed then or later"},
    {0, "updated-until", "TIME", "ls: changed before"},
    {'n', "count", "N", "ls: at most N (100)"},
    {0, "after", "CURSOR", "ls: go on where another ls stopped"},
    {0, "reason", "TEXT", "retry, skip, fail, compensate: why"},
    {0, "no-wait", NULL, "submit: come back when it is accepted"},
    {0}};

extern const struct cli_verb cli_verb_saga;
const struct cli_verb cli_verb_saga = {
    .name = "saga",
    .args = "show GID | ls | submit FILE.saga [JSON] | retry GID [STEP] | "
            "abort GID | skip|fail|compensate GID STEP REASON",
    .summary = "Shows, lists, submits and mends sagas.",
    .help = "submit waits for the outcome and prints the saga's reply; one "
            "that was rolled back\nends with exit status 1, one that still "
            "runs at --timeout with 5.\nretry tries now whatever waits or is "
            "parked, or that step alone. skip counts a\nbranch that waits as "
            "done, fail a step's action as refused. compensate undoes a\nstep "
            "before its turn; a saga that runs turns back for it. The reason "
            "is kept in\nthe step's history.",
    .args_min = 1,
    .args_max = 4,
    .options = options,
    .run = run,
    .complete = complete,
};
