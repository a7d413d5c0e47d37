/* SPDX-License-Identifier: MIT
 *
 * Statements that SQLite and MySQL both take. What must happen once is one
 * statement that changes a row only as it was read, and the count of rows that
 * it changed.
 */
#include "actors/schedule/rows.h"

#include <stddef.h>
#include <string.h>

#include "actors/store/sql.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FIELD(wire, kind_)                                                     \
    {                                                                          \
        .name = #wire, .kind = (kind_),                                        \
        .offset = offsetof(struct schedule_row, wire),                         \
        .presence = BUS_NO_PRESENCE                                            \
    }

static const struct bus_field row_fields[] = {
    FIELD(actor, BUS_TEXT),  FIELD(name, BUS_TEXT),   FIELD(due, BUS_I64),
    FIELD(spec, BUS_TEXT),   FIELD(state, BUS_TEXT),  FIELD(retry, BUS_I64),
    FIELD(owner, BUS_TEXT),  FIELD(beat, BUS_I64),    FIELD(tries, BUS_I32),
    FIELD(started, BUS_I64), FIELD(ended, BUS_I64),   FIELD(code, BUS_I32),
    FIELD(said, BUS_TEXT),   FIELD(target, BUS_TEXT), FIELD(method, BUS_TEXT),
    FIELD(body, BUS_BYTES),  FIELD(trace, BUS_TEXT),
};
const struct bus_shape schedule_row_shape = {"troupe_schedule",
                                             sizeof(struct schedule_row),
                                             COUNT(row_fields), row_fields};

/* Names are told apart by their bytes, as everywhere else. */
#define NAME64 "varchar(63) COLLATE utf8mb4_bin"
#define COLUMN(name, type)                                                     \
    {                                                                          \
        name, type, NULL, "", MODEL_NOT_NULL                                   \
    }

static const struct model_column columns[] = {
    COLUMN("actor", NAME64),          COLUMN("name", NAME64),
    COLUMN("due", "bigint"),          COLUMN("spec", "varchar(191)"),
    COLUMN("state", "varchar(16)"),   COLUMN("retry", "bigint"),
    COLUMN("owner", "varchar(159)"),  COLUMN("beat", "bigint"),
    COLUMN("tries", "int"),           COLUMN("started", "bigint"),
    COLUMN("ended", "bigint"),        COLUMN("code", "int"),
    COLUMN("said", "varchar(255)"),   COLUMN("target", "varchar(191)"),
    COLUMN("method", "varchar(127)"), COLUMN("body", "mediumblob"),
    COLUMN("trace", "varchar(55)"),
};
_Static_assert(COUNT(columns) == COUNT(row_fields), "a field a column");

static const uint16_t primary_columns[] = {0, 1, 2};
static const uint16_t state_columns[] = {0, 4, 5};
static const struct model_key indexes[] = {{"state", state_columns, 3, ""}};

const struct model_table schedule_table = {
    .name = "troupe_schedule",
    .row = &schedule_row_shape,
    .columns = columns,
    .column_count = COUNT(columns),
    .primary = {"actor", primary_columns, 3, ""},
    .indexes = indexes,
    .index_count = 1,
};

struct schedule_row rows_new(const char *actor, const char *name, int64_t due,
                             const char *spec, const char *state)
{
    return (struct schedule_row){.actor = actor,
                                 .name = name,
                                 .due = due,
                                 .spec = spec,
                                 .state = state,
                                 .retry = due,
                                 .owner = "",
                                 .said = "",
                                 .target = "",
                                 .method = "",
                                 .trace = ""};
}

int rows_insert(struct bus_call *call, struct schedule_row *row, bool *ret_new)
{
    int code = model_insert(call, &schedule_table, row);
    if (code == BUS_OK || code == BUS_ALREADY_EXISTS)
        *ret_new = code == BUS_OK;
    return code == BUS_ALREADY_EXISTS ? BUS_OK : code;
}

/* ---- one number ---- */

struct number {
    int64_t value;
    bool has_value;
};

static const struct bus_field number_field = {
    .name = "value",
    .kind = BUS_I64,
    .offset = offsetof(struct number, value),
    .presence = offsetof(struct number, has_value)};
static const struct bus_shape number_shape = {"number", sizeof(struct number),
                                              1, &number_field};

static int query_number(struct bus_call *call, const char *text,
                        const struct sql_value *args, size_t count,
                        int64_t fallback, int64_t *ret)
{
    struct bus_list rows;
    int code = sql_query(call, text, args, count, &number_shape, 1, &rows);
    if (code)
        return code;
    const struct number *number = rows.items;
    *ret = rows.count && number->has_value ? number->value : fallback;
    return BUS_OK;
}

int rows_last(struct bus_call *call, const char *actor, const char *name,
              const char *spec, int64_t *ret)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(name),
                                     sql_text(spec)};
    return query_number(call,
                        "select max(due) as value from troupe_schedule where "
                        "actor = ? and name = ? and spec = ?",
                        args, COUNT(args), INT64_MIN, ret);
}

int rows_count(struct bus_call *call, const char *actor, const char *name,
               const char *state, int64_t *ret)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(name),
                                     sql_text(state)};
    return query_number(call,
                        "select count(*) as value from troupe_schedule where "
                        "actor = ? and name = ? and state = ?",
                        args, COUNT(args), 0, ret);
}

int rows_messages(struct bus_call *call, const char *actor, int64_t *ret)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(ROWS_WAITING),
                                     sql_text(ROWS_LATER)};
    return query_number(call,
                        "select count(*) as value from troupe_schedule where "
                        "actor = ? and state = ? and spec = ?",
                        args, COUNT(args), 0, ret);
}

int rows_next(struct bus_call *call, const char *actor, int64_t now,
              int64_t *ret)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(ROWS_WAITING),
                                     sql_int(now)};
    return query_number(call,
                        "select min(retry) as value from troupe_schedule "
                        "where actor = ? and state = ? and retry > ?",
                        args, COUNT(args), INT64_MAX, ret);
}

/* ---- rows ---- */

#define COLUMNS                                                                \
    "actor, name, due, spec, state, retry, owner, beat, tries, started, "      \
    "ended, code, said, target, method, body, trace"

int rows_running(struct bus_call *call, const char *actor, size_t max,
                 struct bus_list *ret)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(ROWS_RUNNING),
                                     sql_int((int64_t)max)};
    return sql_query(call,
                     "select " COLUMNS " from troupe_schedule where actor = ? "
                     "and state = ? order by retry limit ?",
                     args, COUNT(args), &schedule_row_shape, max, ret);
}

int rows_ready(struct bus_call *call, const char *actor, int64_t now,
               size_t max, struct bus_list *ret)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(ROWS_WAITING),
                                     sql_int(now), sql_int((int64_t)max)};
    return sql_query(call,
                     "select " COLUMNS " from troupe_schedule where actor = ? "
                     "and state = ? and retry <= ? order by retry, due limit ?",
                     args, COUNT(args), &schedule_row_shape, max, ret);
}

int rows_newest(struct bus_call *call, const char *actor, const char *name,
                const struct schedule_row **ret)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(name),
                                     sql_text(ROWS_SINCE)};
    struct bus_list rows;
    int code = sql_query(call,
                         "select " COLUMNS
                         " from troupe_schedule where actor = ? and name = ? "
                         "and state <> ? order by due desc limit 1",
                         args, COUNT(args), &schedule_row_shape, 1, &rows);
    if (code == BUS_OK)
        *ret = rows.count ? rows.items : NULL;
    return code;
}

/* ---- changes ---- */

static int change(struct bus_call *call, const char *text,
                  const struct sql_value *args, size_t count, bool *ret_done)
{
    struct sql_done done;
    int code = sql_exec(call, text, args, count, &done);
    if (code == BUS_OK)
        *ret_done = done.affected > 0;
    return code;
}

int rows_claim(struct bus_call *call, struct schedule_row *row,
               const char *owner, bool overlap, int64_t now, bool *ret_done)
{
    /* MySQL wants the table that is being changed in a table of its own. */
    static const char text[] =
        "update troupe_schedule set state = 'running', owner = ?, beat = 0, "
        "tries = ?, started = ?, retry = ?, said = ? "
        "where actor = ? and name = ? and due = ? and state = 'waiting' and "
        "tries = ? and (? <> 0 or not exists (select 1 from (select due from "
        "troupe_schedule where actor = ? and name = ? and state = 'running') "
        "as others))";
    const struct sql_value args[] = {
        sql_text(owner),     sql_int(row->tries + 1), sql_int(now),
        sql_int(now),        sql_text(row->said),     sql_text(row->actor),
        sql_text(row->name), sql_int(row->due),       sql_int(row->tries),
        sql_int(overlap),    sql_text(row->actor),    sql_text(row->name),
    };
    int code = change(call, text, args, COUNT(args), ret_done);
    if (code || !*ret_done)
        return code;
    row->state = ROWS_RUNNING;
    row->owner = owner;
    row->tries++;
    row->beat = 0;
    row->started = row->retry = now;
    return BUS_OK;
}

int rows_move(struct bus_call *call, const struct schedule_row *read,
              const struct schedule_row *row, bool *ret_done)
{
    const struct sql_value args[] = {
        sql_text(row->state), sql_int(row->retry),   sql_int(row->ended),
        sql_int(row->code),   sql_text(row->said),   sql_text(read->actor),
        sql_text(read->name), sql_int(read->due),    sql_text(read->state),
        sql_int(read->tries), sql_text(read->owner), sql_int(read->beat),
        sql_int(read->beat),
    };
    return change(call,
                  "update troupe_schedule set state = ?, retry = ?, ended = ?, "
                  "code = ?, said = ? where actor = ? and name = ? and due = ? "
                  "and state = ? and tries = ? and owner = ? and "
                  "(? < 0 or beat = ?)",
                  args, COUNT(args), ret_done);
}

int rows_beat(struct bus_call *call, const char *actor, const char *owner)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(ROWS_RUNNING),
                                     sql_text(owner)};
    return sql_exec(call,
                    "update troupe_schedule set beat = beat + 1 where "
                    "actor = ? and state = ? and owner = ?",
                    args, COUNT(args), NULL);
}

int rows_cancel(struct bus_call *call, const char *actor, const char *id,
                bool *ret_done)
{
    const struct sql_value args[] = {sql_text(actor), sql_text(id),
                                     sql_text(ROWS_LATER),
                                     sql_text(ROWS_WAITING)};
    return change(call,
                  "delete from troupe_schedule where actor = ? and name = ? "
                  "and spec = ? and state = ?",
                  args, COUNT(args), ret_done);
}

int rows_purge(struct bus_call *call, const char *actor, const char *name,
               int64_t before, int64_t last, size_t max, uint64_t *ret)
{
    /* A derived table again, and SQLite's delete knows no limit. */
    static const char text[] =
        "delete from troupe_schedule where actor = ? and (name, due) in "
        "(select name, due from (select name, due from troupe_schedule where "
        "actor = ? and (name = ? or (? = '' and spec = 'later')) and "
        "ended > 0 and ended < ? and due < ? limit ?) as old)";
    const struct sql_value args[] = {
        sql_text(actor), sql_text(actor), sql_text(name),       sql_text(name),
        sql_int(before), sql_int(last),   sql_int((int64_t)max)};
    struct sql_done done;
    int code = sql_exec(call, text, args, COUNT(args), &done);
    if (code == BUS_OK)
        *ret = done.affected;
    return code;
}
