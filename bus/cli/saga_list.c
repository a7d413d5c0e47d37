/* SPDX-License-Identifier: MIT
 *
 * bus saga ls: pages of saga.list until there are enough rows, or no more.
 */
#include <stdio.h>
#include <string.h>

#include "bus/clock.h"
#include "bus/cli/saga.h"
#include "bus/cli/table.h"
#include "bus/code.h"
#include "bus/pack.h"
#include "bus/text.h"

#define ASK_MAX ((size_t)64 << 10)
#define ROWS_MAX ((size_t)256 << 20) /* bytes of all rows */
#define COUNT_DEFAULT 100

/* Options that go into the request: as they are, or as a time. */
static const struct {
    const char *option, *field;
    bool time;
} filters[] = {
    {"status", "status", false},
    {"type", "type", false},
    {"name", "name", false},
    {"gid", "gid", false},
    {"step", "step", false},
    {"error", "error", false},
    {"owner", "owner", false},
    {"since", "created_since", true},
    {"until", "created_until", true},
    {"updated-since", "updated_since", true},
    {"updated-until", "updated_until", true},
};
#define FILTERS (sizeof(filters) / sizeof(filters[0]))

struct listing {
    const char *values[FILTERS]; /* "": any */
    const char *after;           /* "": there is no more */
    int64_t left;                /* rows wanted */
    uint32_t count;              /* rows in hand */
    struct bus_buf rows;         /* msgpack values */
};

static void pack_pair(struct bus_buf *body, const char *key, const char *text)
{
    bus_pack_text(body, key);
    bus_pack_text(body, text);
}

/* "2h" is two hours ago. NULL: neither that nor a time. */
static const char *read_time(struct cli *cli, const char *text)
{
    const struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    char time[TEXT_TIME_MAX];
    int64_t at;
    if (text_time(bytes, &at) == TEXT_FINE)
        return text;
    if (text_duration(bytes, &at) != TEXT_FINE)
        return NULL;
    text_time_write(bus_wall(&bus_clock_system) - at / 1000, time);
    return bus_arena_text(&cli->arena, time);
}

static int read_options(struct cli *cli, struct listing *list)
{
    const char *count = cli_value(cli, "count");
    const char *after = cli_value(cli, "after");
    list->left = COUNT_DEFAULT;
    list->after = after ? after : "";
    if (count && !cli_number(count, 1, INT32_MAX, &list->left))
        return cli_fail(CLI_USAGE, "--count %s: expected a number", count);
    for (size_t i = 0; i < FILTERS; i++) {
        const char *value = cli_value(cli, filters[i].option);
        const char *read =
            value && filters[i].time ? read_time(cli, value) : value;
        if (value && !read)
            return cli_fail(CLI_USAGE,
                            "--%s %s: expected a time, or how long ago",
                            filters[i].option, value);
        list->values[i] = read ? read : "";
    }
    if (cli_value(cli, "parked"))
        list->values[0] = "parked";
    return CLI_DONE;
}

static int next_page(struct cli *cli, struct listing *list)
{
    struct bus_buf body;
    struct bus_reply reply;
    struct bus_unpack sagas;
    struct bus_bytes saga;
    uint32_t count;
    bus_buf_init(&body, ASK_MAX);
    bus_pack_map(&body, FILTERS + 2);
    for (size_t i = 0; i < FILTERS; i++)
        pack_pair(&body, filters[i].field, list->values[i]);
    pack_pair(&body, "after", list->after);
    bus_pack_text(&body, "limit");
    bus_pack_int(&body, list->left);
    if (cli_saga_ask(cli, "list", &body, &reply))
        return cli_refused(cli, &reply.error);
    if (cli_array_at(reply.body, "sagas", &sagas, &count))
        for (; count > 0 && bus_unpack_value(&sagas, &saga); count--) {
            bus_pack_raw(&list->rows, saga);
            list->count++;
            list->left--;
        }
    list->after = cli_text_at(cli, reply.body, "next");
    return CLI_DONE;
}

static void print_table(struct cli *cli, const struct listing *list)
{
    static const char *const paths[] = {"gid",    "name",    "type",
                                        "status", "created", "updated",
                                        "step",   "error",   NULL};
    struct bus_unpack rows = bus_unpack_open(bus_buf_bytes(&list->rows));
    struct cli_table table;
    struct bus_bytes row;
    cli_table_init(&table, &cli->arena,
                   "GID|NAME|TYPE|STATUS|CREATED|UPDATED|STEP|ERROR");
    for (uint32_t i = 0; i < list->count && bus_unpack_value(&rows, &row); i++)
        for (const char *const *path = paths; *path; path++)
            cli_table_add(&table, "%s", cli_text_at(cli, row, *path));
    cli_table_print(&table, stdout);
    if (list->after[0])
        cli_talk("there may be more: --after '%s'", list->after);
}

static void print_json(const struct listing *list)
{
    struct bus_buf all;
    bus_buf_init(&all, ROWS_MAX * 2);
    bus_pack_map(&all, list->after[0] ? 2 : 1);
    bus_pack_text(&all, "sagas");
    bus_pack_array(&all, list->count);
    bus_pack_raw(&all, bus_buf_bytes(&list->rows));
    if (list->after[0])
        pack_pair(&all, "next", list->after);
    cli_print_value(bus_buf_bytes(&all));
    bus_buf_release(&all);
}

int cli_saga_list(struct cli *cli)
{
    struct listing list = {0};
    if (cli->argc != 1)
        return cli_fail(CLI_USAGE, "expected: bus saga ls");
    int status = read_options(cli, &list);
    if (status)
        return status;
    bus_buf_init(&list.rows, ROWS_MAX);
    do
        status = next_page(cli, &list);
    while (!status && list.left > 0 && list.after[0]);
    if (!status && cli->json)
        print_json(&list);
    else if (!status)
        print_table(cli, &list);
    bus_buf_release(&list.rows);
    return status;
}
