/* SPDX-License-Identifier: MIT
 *
 * Ids of rows become visible out of order where several transactions insert at
 * once, so nothing here remembers how far it read: it deletes what it handed on
 * and reads what is left. Deleting takes a fixed number of placeholders, filled
 * up by the last id, so that it is one prepared statement.
 */
#include "actors/store/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "actors/store/state.h"

#define DELETE_ARGS 16

static const char *const sqlite_tables[] = {
    "CREATE TABLE IF NOT EXISTS troupe_outbox ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, "
    "topic TEXT NOT NULL, event_key TEXT NOT NULL, trace TEXT NOT NULL, "
    "created INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS troupe_lease ("
    "name TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, "
    "until INTEGER NOT NULL) WITHOUT ROWID",
    NULL};

static const char *const mysql_tables[] = {
    "CREATE TABLE IF NOT EXISTS troupe_outbox ("
    "id bigint NOT NULL AUTO_INCREMENT, event char(32) NOT NULL, "
    "topic varchar(128) NOT NULL, event_key varchar(255) NOT NULL, "
    "trace varchar(64) NOT NULL, created bigint NOT NULL, "
    "body mediumblob NOT NULL, PRIMARY KEY (id)"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
    "CREATE TABLE IF NOT EXISTS troupe_lease ("
    "name varchar(64) NOT NULL, owner varchar(192) NOT NULL, "
    "until bigint NOT NULL, PRIMARY KEY (name)"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
    NULL};

static const char *const make_lease[SQL_DIALECTS] = {
    [SQL_SQLITE] = "insert or ignore into troupe_lease (name, owner, until) "
                   "values ('relay', '', 0)",
    [SQL_MYSQL] = "insert ignore into troupe_lease (name, owner, until) "
                  "values ('relay', '', 0)"};

int outbox_ensure(const struct sql_driver *driver, struct sql *sql,
                  struct bus_error *err)
{
    const char *const *statement =
        driver->dialect == SQL_SQLITE ? sqlite_tables : mysql_tables;
    int code = BUS_OK;
    for (; *statement && code == BUS_OK; statement++)
        code = sql_define(driver, sql, *statement, err);
    return code;
}

int outbox_put(struct bus_call *call, const struct outbox_row *row)
{
    const struct sql_value args[] = {sql_text(row->event), sql_text(row->topic),
                                     sql_text(row->key),   sql_text(row->trace),
                                     sql_int(row->time),   sql_blob(row->body)};
    if (!call->store)
        return bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                             "a durable event needs a store: this actor has "
                             "no tables and no data source");
    return sql_exec(call,
                    "insert into troupe_outbox (event, topic, event_key, "
                    "trace, created, body) values (?, ?, ?, ?, ?, ?)",
                    args, sizeof(args) / sizeof(*args), NULL);
}

/* ---- the relay's side ---- */

struct outbox {
    struct store_shared *shared;
    struct sql *sql;    /* NULL: not connected */
    struct store store; /* as whose its commits count (store.c) */
};

struct outbox *outbox_open(struct store_shared *shared)
{
    struct outbox *outbox = calloc(1, sizeof(*outbox));
    if (!outbox)
        abort();
    outbox->shared = shared;
    outbox->store.shared = shared;
    return outbox;
}

static void disconnect(struct outbox *outbox)
{
    if (outbox->sql)
        outbox->shared->driver->close(outbox->sql);
    outbox->sql = NULL;
}

void outbox_close(struct outbox *outbox)
{
    if (!outbox)
        return;
    disconnect(outbox);
    free(outbox);
}

static int64_t soon(void)
{
    return bus_now(&bus_clock_system) + OUTBOX_LEASE;
}

static int connect_now(struct outbox *outbox, struct bus_error *err)
{
    struct store_shared *shared = outbox->shared;
    if (outbox->sql)
        return BUS_OK;
    int code = shared->driver->open(shared->source, &outbox->sql, err);
    if (code == BUS_OK)
        shared->driver->on_commit(outbox->sql, &shared->hooks, &outbox->store);
    return code;
}

/* What is wrong with a connection ends with it. */
static int ended(struct outbox *outbox, int code)
{
    if (code != BUS_OK)
        disconnect(outbox);
    return code;
}

static int exec(struct outbox *outbox, const char *text,
                const struct sql_value *args, size_t count,
                struct sql_done *ret, struct bus_error *err)
{
    struct sql_done done = {0};
    int code = outbox->shared->driver->exec(outbox->sql, text, args, count,
                                            soon(), &done, err);
    outbox->store.changed = outbox->store.changed || done.affected > 0;
    if (code == BUS_OK)
        *ret = done;
    return code;
}

/* Statements of ours in one transaction, whose commit this process's cache need
 * not take for a stranger's. */
static int change(struct outbox *outbox,
                  int (*run)(struct outbox *outbox, void *arg,
                             struct bus_error *err),
                  void *arg, struct bus_error *err)
{
    const struct sql_driver *driver = outbox->shared->driver;
    int code = connect_now(outbox, err);
    if (code == BUS_OK)
        code = driver->begin(outbox->sql, soon(), err);
    if (code != BUS_OK)
        return ended(outbox, code);
    outbox->store.changed = false;
    code = run(outbox, arg, err);
    if (code != BUS_OK) {
        driver->rollback(outbox->sql);
        return ended(outbox, code);
    }
    code = driver->commit(outbox->sql, err);
    return ended(outbox, code);
}

static int query(struct outbox *outbox, const char *text,
                 const struct sql_value *args, size_t count,
                 const struct bus_shape *row, size_t max,
                 struct bus_arena *arena, struct bus_list *ret,
                 struct bus_error *err)
{
    const struct sql_driver *driver = outbox->shared->driver;
    int code = connect_now(outbox, err);
    if (code == BUS_OK)
        code = driver->query(outbox->sql, text, args, count, soon(), row, max,
                             arena, ret, err);
    return ended(outbox, code);
}

/* ---- the lease ---- */

struct lease {
    const char *owner;
    int64_t now;
    bool held;
};

/* One that lies further ahead than any may was written under another clock. */
static int lease_take(struct outbox *outbox, void *arg, struct bus_error *err)
{
    struct lease *lease = arg;
    const int64_t length = OUTBOX_LEASE / 1000; /* us */
    const struct sql_value args[] = {
        sql_text(lease->owner), sql_int(lease->now + length),
        sql_text(lease->owner), sql_int(lease->now),
        sql_int(lease->now + 2 * length)};
    struct sql_done done = {0};
    int code = exec(outbox, make_lease[outbox->shared->driver->dialect], NULL,
                    0, &done, err);
    if (code == BUS_OK)
        code = exec(outbox,
                    "update troupe_lease set owner = ?, until = ? "
                    "where name = 'relay' and (owner = ? or until < ? "
                    "or until > ?)",
                    args, sizeof(args) / sizeof(*args), &done, err);
    lease->held = code == BUS_OK && done.affected > 0;
    return code;
}

int outbox_lease(struct outbox *outbox, const char *owner, int64_t now,
                 bool *ret_held, struct bus_error *err)
{
    struct lease lease = {.owner = owner, .now = now};
    int code = change(outbox, lease_take, &lease, err);
    if (code == BUS_OK)
        *ret_held = lease.held;
    return code;
}

/* ---- the rows ---- */

#define FIELD(wire, member, type)                                              \
    {                                                                          \
        .name = (wire), .kind = (type), .presence = BUS_NO_PRESENCE,           \
        .offset = (uint32_t)offsetof(struct outbox_row, member)                \
    }

static const struct bus_field row_fields[] = {
    FIELD("id", id, BUS_I64),        FIELD("event", event, BUS_TEXT),
    FIELD("topic", topic, BUS_TEXT), FIELD("event_key", key, BUS_TEXT),
    FIELD("trace", trace, BUS_TEXT), FIELD("created", time, BUS_I64),
    FIELD("body", body, BUS_BYTES),
};
static const struct bus_shape row_shape = {
    "troupe_outbox", sizeof(struct outbox_row),
    sizeof(row_fields) / sizeof(*row_fields), row_fields};

int outbox_read(struct outbox *outbox, struct bus_arena *arena,
                struct bus_list *ret, struct bus_error *err)
{
    const struct sql_value limit = sql_int(OUTBOX_BATCH);
    return query(outbox,
                 "select id, event, topic, event_key, trace, created, body "
                 "from troupe_outbox order by id limit ?",
                 &limit, 1, &row_shape, OUTBOX_BATCH, arena, ret, err);
}

static int rows_delete(struct outbox *outbox, void *arg, struct bus_error *err)
{
    const struct bus_list *rows = arg;
    const struct outbox_row *row = rows->items;
    int code = BUS_OK;
    for (size_t i = 0; i < rows->count && code == BUS_OK; i += DELETE_ARGS) {
        struct sql_value args[DELETE_ARGS];
        struct sql_done done;
        for (size_t k = 0; k < DELETE_ARGS; k++) {
            size_t at = i + k < rows->count ? i + k : rows->count - 1;
            args[k] = sql_int(row[at].id);
        }
        code = exec(outbox,
                    "delete from troupe_outbox where id in "
                    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    args, DELETE_ARGS, &done, err);
    }
    return code;
}

int outbox_delete(struct outbox *outbox, const struct bus_list *rows,
                  struct bus_error *err)
{
    struct bus_list list = *rows;
    return change(outbox, rows_delete, &list, err);
}

int outbox_count(struct outbox *outbox, uint64_t *ret, struct bus_error *err)
{
    struct count {
        int64_t id;
    };
    static const struct bus_field field = {
        .name = "id", .kind = BUS_I64, .presence = BUS_NO_PRESENCE};
    static const struct bus_shape shape = {"count", sizeof(struct count), 1,
                                           &field};
    struct bus_arena arena;
    struct bus_list rows = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = query(outbox, "select count(*) as id from troupe_outbox", NULL,
                     0, &shape, 1, &arena, &rows, err);
    if (code == BUS_OK && rows.count)
        *ret = (uint64_t)((struct count *)rows.items)->id;
    bus_arena_release(&arena);
    return code;
}
