/* SPDX-License-Identifier: MIT
 *
 * Two statements: the first finds the oldest row that may be looked at, along
 * the index of creation times; the second reads what fits among those that are
 * not older.
 */
#include "actors/saga/journal_search.h"

#include <stdio.h>

#include "bus/clock.h"

#define SEARCH_NS (5 * BUS_SECOND)
#define ARGS_MAX 32

/* A row as the database gives it. */
struct seen {
    const char *gid, *name, *status, *type, *failing, *error, *owner;
    int64_t created, updated;
};

#define COLUMN(member, column, kind_)                                          \
    {                                                                          \
        .name = (column), .kind = (kind_),                                     \
        .offset = offsetof(struct seen, member), .presence = BUS_NO_PRESENCE   \
    }
static const struct bus_field seen_fields[] = {
    COLUMN(gid, "gid", BUS_TEXT),          COLUMN(created, "created", BUS_I64),
    COLUMN(updated, "updated", BUS_I64),   COLUMN(name, "name", BUS_TEXT),
    COLUMN(status, "status", BUS_TEXT),    COLUMN(type, "type", BUS_TEXT),
    COLUMN(failing, "failing", BUS_TEXT),  COLUMN(error, "error", BUS_TEXT),
    COLUMN(owner, "owner_name", BUS_TEXT),
};
static const struct bus_shape seen_shape = {
    .name = "saga.seen",
    .size = sizeof(struct seen),
    .count = sizeof(seen_fields) / sizeof(seen_fields[0]),
    .fields = seen_fields,
};
static const struct bus_shape edge_shape = {
    .name = "saga.edge",
    .size = sizeof(struct seen),
    .count = 2,
    .fields = seen_fields,
};

/* Entered along the index by the plain comparison. */
#define OLDER                                                                  \
    "s.created <= ? AND (s.created < ? OR s.gid < ?) AND s.created >= ? AND "  \
    "s.created < ? "
#define NEWEST_FIRST "ORDER BY s.created DESC, s.gid DESC "
#define EDGE                                                                   \
    "SELECT s.gid, s.created FROM saga s WHERE " OLDER NEWEST_FIRST            \
    "LIMIT 1 OFFSET ?"
#define COLUMNS                                                                \
    "SELECT s.gid, s.name, s.status, s.type, s.failing, s.error, s.created, "  \
    "s.updated, "
#define FILTERS                                                                \
    "WHERE " OLDER "AND (s.created > ? OR s.gid >= ?) "                        \
    "AND (? = '' OR s.status = ?) AND (? = '' OR s.name = ?) "                 \
    "AND (? = '' OR s.type = ?) AND (? = '' OR s.failing = ?) "                \
    "AND s.updated >= ? AND s.updated < ? "                                    \
    "AND (? = '' OR INSTR(LOWER(s.error), LOWER(?)) > 0) "

static const char edge[] = EDGE;
static const char search[] =
    COLUMNS "? AS owner_name FROM saga s " FILTERS
            "AND SUBSTR(s.gid, 1, LENGTH(?)) = ? "
            "AND (? = '' OR INSTR(?, ?) > 0) " NEWEST_FIRST "LIMIT ?";
static const char search_shared[] =
    COLUMNS "COALESCE(o.name, '') AS owner_name FROM saga s "
            "LEFT JOIN saga_owner o ON o.id = s.owner " FILTERS
            "AND LEFT(s.gid, CHAR_LENGTH(?)) = ? "
            "AND (? = '' OR INSTR(COALESCE(o.name, ''), ?) > 0) " NEWEST_FIRST
            "LIMIT ?";

/* One statement's arguments. */
struct args {
    struct sql_value items[ARGS_MAX];
    size_t count;
};

static void add(struct args *args, struct sql_value value)
{
    args->items[args->count++] = value;
}

static void add_text(struct args *args, const char *text, int times)
{
    for (int i = 0; i < times; i++)
        add(args, sql_text(text));
}

/* What OLDER takes. since: the oldest. */
static void add_older(struct args *args, const struct journal_filter *filter,
                      int64_t since)
{
    add(args, sql_int(filter->before));
    add(args, sql_int(filter->before));
    add(args, sql_text(filter->before_gid));
    add(args, sql_int(since));
    add(args, sql_int(filter->created_until));
}

void journal_filter_init(struct journal_filter *filter)
{
    *filter = (struct journal_filter){
        .status = "",
        .name = "",
        .type = "",
        .step = "",
        .gid = "",
        .error = "",
        .owner = "",
        .created_until = INT64_MAX,
        .updated_until = INT64_MAX,
        .before = INT64_MAX,
        .before_gid = "",
    };
}

static int query(const struct sql_driver *driver, struct sql *sql,
                 const char *text, const struct args *args,
                 const struct bus_shape *shape, size_t max,
                 struct journal_job *job, struct bus_list *ret)
{
    return driver->query(sql, text, args->items, args->count,
                         bus_now(&bus_clock_system) + SEARCH_NS, shape, max,
                         &job->arena, ret, &job->err);
}

/* The last row that may be looked at; *ret_more: whether there is one. */
static int find_edge(const struct sql_driver *driver, struct sql *sql,
                     struct journal_job *job, struct seen *ret, bool *ret_more)
{
    const struct journal_filter *filter = job->filter;
    struct args args = {0};
    struct bus_list rows = {0};
    uint32_t look = filter->look ? filter->look : JOURNAL_SEARCH_ROWS;
    *ret = (struct seen){.gid = "", .created = filter->created_since};
    add_older(&args, filter, filter->created_since);
    add(&args, sql_int(look - 1));
    int code = query(driver, sql, edge, &args, &edge_shape, 1, job, &rows);
    *ret_more = !code && rows.count > 0;
    if (*ret_more)
        *ret = *(const struct seen *)rows.items;
    return code;
}

static int found_keep(struct journal_job *job, const struct bus_list *rows)
{
    const struct seen *seen = rows->items;
    job->found = bus_arena_array(&job->arena, rows->count, sizeof(*job->found));
    if (!job->found)
        return bus_error_set(&job->err, BUS_RESOURCE_EXHAUSTED,
                             "too many rows at once");
    for (size_t i = 0; i < rows->count; i++)
        job->found[i] = (struct journal_row){
            .gid = seen[i].gid,
            .name = seen[i].name,
            .status = seen[i].status,
            .type = seen[i].type,
            .failing = seen[i].failing,
            .error = seen[i].error,
            .owner = seen[i].owner,
            .created = seen[i].created,
            .updated = seen[i].updated,
        };
    job->found_count = rows->count;
    return BUS_OK;
}

static void add_filters(struct args *args, const struct journal_filter *filter,
                        const struct seen *last)
{
    add_older(args, filter, last->created);
    add(args, sql_int(last->created));
    add(args, sql_text(last->gid));
    add_text(args, filter->status, 2);
    add_text(args, filter->name, 2);
    add_text(args, filter->type, 2);
    add_text(args, filter->step, 2);
    add(args, sql_int(filter->updated_since));
    add(args, sql_int(filter->updated_until));
    add_text(args, filter->error, 2);
    add_text(args, filter->gid, 2);
}

int journal_search(const struct sql_driver *driver, struct sql *sql,
                   const char *self, struct journal_job *job)
{
    const struct journal_filter *filter = job->filter;
    bool shared = driver->dialect == SQL_MYSQL;
    struct args args = {0};
    struct bus_list rows = {0};
    struct seen last;
    int code = find_edge(driver, sql, job, &last, &job->more);
    if (code)
        return code;
    if (!shared)
        add(&args, sql_text(self));
    add_filters(&args, filter, &last);
    add_text(&args, filter->owner, 1);
    if (!shared)
        add(&args, sql_text(self));
    add_text(&args, filter->owner, 1);
    add(&args, sql_int(filter->limit));
    code = query(driver, sql, shared ? search_shared : search, &args,
                 &seen_shape, filter->limit, job, &rows);
    if (code)
        return code;
    if (rows.count > 0 && rows.count == filter->limit) {
        job->more = true; /* it may have stopped before the edge */
        last = ((const struct seen *)rows.items)[rows.count - 1];
    }
    job->before = last.created;
    snprintf(job->gid, sizeof(job->gid), "%s", last.gid);
    return found_keep(job, &rows);
}
