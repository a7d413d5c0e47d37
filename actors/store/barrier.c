/* SPDX-License-Identifier: MIT
 *
 * The order of decisions is DTM's. A compensation writes the action's row
 * first: if it could, the action never ran, and never will, for when it arrives
 * late it finds that row. Then each writes its own row: if it could not, this
 * is a repetition. Unlike DTM a late action is refused, not reported as done,
 * and a repetition gets the reply of the first run.
 */
#include "actors/store/barrier.h"

#include <stdio.h>
#include <string.h>

#include "actors/store/row.h"
#include "actors/store/state.h"

#define FIRST_ID "01"
#define BARRIERS_MAX 99 /* of one step */
#define KEY_COUNT 3
#define GIVEN_UP "rollback" /* by a message's check */

static const char *const sqlite_tables[] = {
    "CREATE TABLE IF NOT EXISTS barrier ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, "
    "trans_type TEXT DEFAULT '', gid TEXT DEFAULT '', "
    "branch_id TEXT DEFAULT '', op TEXT DEFAULT '', "
    "barrier_id TEXT DEFAULT '', reason TEXT DEFAULT '', "
    "create_time TEXT DEFAULT CURRENT_TIMESTAMP, "
    "update_time TEXT DEFAULT CURRENT_TIMESTAMP)",
    "CREATE UNIQUE INDEX IF NOT EXISTS uniq_barrier ON barrier ("
    "gid, branch_id, op, barrier_id)",
    "CREATE INDEX IF NOT EXISTS barrier_create_time ON barrier (create_time)",
    "CREATE TABLE IF NOT EXISTS saga_reply ("
    "gid TEXT NOT NULL, branch_id TEXT NOT NULL, op TEXT NOT NULL, "
    "reply BLOB NOT NULL, create_time TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, "
    "PRIMARY KEY (gid, branch_id, op)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS saga_reply_create_time "
    "ON saga_reply (create_time)",
    NULL};

/* As DTM's documentation and the second tutorial have it. */
static const char *const mysql_barrier[] = {
    "CREATE DATABASE IF NOT EXISTS dtm_barrier",
    "CREATE TABLE IF NOT EXISTS dtm_barrier.barrier ("
    "`id` bigint(22) NOT NULL AUTO_INCREMENT, "
    "`trans_type` varchar(45) DEFAULT '', `gid` varchar(128) DEFAULT '', "
    "`branch_id` varchar(128) DEFAULT '', `op` varchar(45) DEFAULT '', "
    "`barrier_id` varchar(45) DEFAULT '', `reason` varchar(45) DEFAULT '' "
    "COMMENT 'the branch type who insert this record', "
    "`create_time` datetime DEFAULT CURRENT_TIMESTAMP, "
    "`update_time` datetime DEFAULT CURRENT_TIMESTAMP, "
    "PRIMARY KEY (`id`), "
    "UNIQUE KEY `gid` (`gid`,`branch_id`,`op`,`barrier_id`), "
    "KEY `create_time` (`create_time`), KEY `update_time` (`update_time`)"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8",
    NULL};

static const char *const mysql_tables[] = {
    "CREATE TABLE IF NOT EXISTS saga_reply ("
    "gid varchar(128) NOT NULL, branch_id varchar(128) NOT NULL, "
    "op varchar(45) NOT NULL, reply mediumblob NOT NULL, "
    "create_time datetime NOT NULL DEFAULT CURRENT_TIMESTAMP, "
    "PRIMARY KEY (gid, branch_id, op), KEY create_time (create_time)"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
    NULL};

static const char *const inserts[SQL_DIALECTS] = {
    [SQL_SQLITE] =
        "insert into barrier (trans_type, gid, branch_id, op, barrier_id, "
        "reason) values (?, ?, ?, ?, ?, ?) "
        "on conflict (gid, branch_id, op, barrier_id) do nothing",
    [SQL_MYSQL] = "insert ignore into dtm_barrier.barrier (trans_type, gid, "
                  "branch_id, op, barrier_id, reason) "
                  "values (?, ?, ?, ?, ?, ?)"};

/* Locking, for a transaction that began earlier sees what was then. */
static const char *const reasons[SQL_DIALECTS] = {
    [SQL_SQLITE] = "select reason from barrier where gid = ? and "
                   "branch_id = ? and op = ? and barrier_id = ?",
    [SQL_MYSQL] = "select reason from dtm_barrier.barrier where gid = ? and "
                  "branch_id = ? and op = ? and barrier_id = ? "
                  "lock in share mode"};

static const char *const replies[SQL_DIALECTS] = {
    [SQL_SQLITE] = "select reply from saga_reply where gid = ? and "
                   "branch_id = ? and op = ?",
    [SQL_MYSQL] = "select reply from saga_reply where gid = ? and "
                  "branch_id = ? and op = ? lock in share mode"};

/* One that was kept stays: it is what was answered first. */
static const char *const keeps[SQL_DIALECTS] = {
    [SQL_SQLITE] = "insert into saga_reply (gid, branch_id, op, reply) "
                   "values (?, ?, ?, ?) on conflict do nothing",
    [SQL_MYSQL] = "insert into saga_reply (gid, branch_id, op, reply) "
                  "values (?, ?, ?, ?) on duplicate key update gid = gid"};

static const char *const purges[SQL_DIALECTS][2] = {
    [SQL_SQLITE] = {"delete from barrier where id in (select id from barrier "
                    "where create_time < ? order by create_time limit ?)",
                    "delete from saga_reply where (gid, branch_id, op) in "
                    "(select gid, branch_id, op from saga_reply "
                    "where create_time < ? order by create_time limit ?)"},
    [SQL_MYSQL] = {"delete from dtm_barrier.barrier where create_time < ? "
                   "order by create_time limit ?",
                   "delete from saga_reply where create_time < ? "
                   "order by create_time limit ?"}};

static int define_all(const struct sql_driver *driver, struct sql *sql,
                      const char *const *statements, struct bus_error *err)
{
    int code = BUS_OK;
    for (; *statements && code == BUS_OK; statements++)
        code = sql_define(driver, sql, *statements, err);
    return code;
}

int barrier_ensure(const struct sql_driver *driver, struct sql *sql,
                   struct bus_error *err)
{
    if (driver->dialect == SQL_SQLITE)
        return define_all(driver, sql, sqlite_tables, err);
    int code = define_all(driver, sql, mysql_barrier, err);
    return code == BUS_OK || code == BUS_INTERNAL
               ? define_all(driver, sql, mysql_tables, err)
               : code;
}

static enum sql_dialect dialect_of(const struct bus_call *call)
{
    return call->store->shared->driver->dialect;
}

/* Which operation another one undoes. */
static const struct {
    const char *op, *origin;
} undoes[] = {
    {"compensate", "action"}, {"cancel", "try"}, {"rollback", "action"}};

const char *barrier_origin(const char *op)
{
    for (size_t i = 0; i < sizeof(undoes) / sizeof(*undoes); i++) {
        if (strcmp(undoes[i].op, op) == 0)
            return undoes[i].origin;
    }
    return NULL;
}

struct text_row {
    const char *text;
};

static const struct bus_field reason_field = {
    .name = "reason",
    .kind = BUS_TEXT,
    .offset = offsetof(struct text_row, text),
    .presence = BUS_NO_PRESENCE};
static const struct bus_shape reason_shape = {
    "barrier", sizeof(struct text_row), 1, &reason_field};

struct reply_row {
    struct bus_bytes reply;
};

static const struct bus_field reply_field = {
    .name = "reply",
    .kind = BUS_BYTES,
    .offset = offsetof(struct reply_row, reply),
    .presence = BUS_NO_PRESENCE};
static const struct bus_shape reply_shape = {
    "saga_reply", sizeof(struct reply_row), 1, &reply_field};

/* What DTM calls the pattern that has such operations. */
static const char *trans_type_of(const char *op)
{
    static const char *const tcc[] = {"try", "confirm", "cancel"};
    for (size_t i = 0; i < sizeof(tcc) / sizeof(*tcc); i++) {
        if (strcmp(tcc[i], op) == 0)
            return "tcc";
    }
    return strcmp(op, MESSAGE_OP) == 0 ? MESSAGE_OP : "saga";
}

/* Writes the row of that operation unless it exists. */
static int insert(struct bus_call *call, const char *op, const char *id,
                  const char *reason, bool *ret_new)
{
    const struct bus_saga_mark *saga = &call->meta.saga;
    const struct sql_value args[] = {sql_text(trans_type_of(saga->op)),
                                     sql_text(saga->gid),
                                     sql_text(saga->branch),
                                     sql_text(op),
                                     sql_text(id),
                                     sql_text(reason)};
    struct sql_done done;
    int code = store_exec(call, inserts[dialect_of(call)], args,
                          sizeof(args) / sizeof(*args), &done);
    if (code == BUS_OK)
        *ret_new = done.affected > 0;
    return code;
}

/* Who wrote the row of the call's own operation. */
static int read_reason(struct bus_call *call, const char *id, const char **ret)
{
    const struct bus_saga_mark *saga = &call->meta.saga;
    const struct sql_value args[] = {sql_text(saga->gid),
                                     sql_text(saga->branch), sql_text(saga->op),
                                     sql_text(id)};
    struct bus_list rows;
    int code =
        store_query(call, reasons[dialect_of(call)], args,
                    sizeof(args) / sizeof(*args), &reason_shape, 1, &rows);
    if (code != BUS_OK)
        return code;
    *ret = rows.count ? ((struct text_row *)rows.items)->text : "";
    return BUS_OK;
}

static int read_reply(struct bus_call *call, const char *op,
                      struct bus_bytes *ret)
{
    const struct bus_saga_mark *saga = &call->meta.saga;
    const struct sql_value args[KEY_COUNT] = {
        sql_text(saga->gid), sql_text(saga->branch), sql_text(op)};
    struct bus_list rows;
    int code = store_query(call, replies[dialect_of(call)], args, KEY_COUNT,
                           &reply_shape, 1, &rows);
    if (code == BUS_OK && rows.count)
        *ret = ((struct reply_row *)rows.items)->reply;
    return code;
}

static bool fits(const char *text, size_t max)
{
    return text && *text && strnlen(text, max + 1) <= max;
}

int barrier_check(struct bus_call *call)
{
    const struct bus_saga_mark *saga = &call->meta.saga;
    if (fits(saga->gid, BARRIER_GID_MAX) &&
        fits(saga->branch, BARRIER_GID_MAX) && fits(saga->op, BARRIER_OP_MAX))
        return BUS_OK;
    return bus_error_set(&call->error, BUS_INVALID_ARGUMENT,
                         "saga metadata needs gid, branch and op of at most "
                         "%d, %d and %d bytes",
                         BARRIER_GID_MAX, BARRIER_GID_MAX, BARRIER_OP_MAX);
}

/* The rows of one barrier and what they mean, replies left out. */
static int decide(struct bus_call *call, const char *id,
                  enum store_verdict *ret_verdict)
{
    const char *op = call->meta.saga.op;
    const char *origin = barrier_origin(op);
    const char *reason = "";
    bool never_ran = false, first = false;
    int code = BUS_OK;
    if (origin)
        code = insert(call, origin, id, op, &never_ran);
    if (code == BUS_OK)
        code = insert(call, op, id, op, &first);
    if (code == BUS_OK && !never_ran && !first)
        code = read_reason(call, id, &reason);
    if (code != BUS_OK)
        return code;
    if (never_ran)
        *ret_verdict = STORE_NULL;
    else if (first)
        *ret_verdict = STORE_RUN;
    else
        *ret_verdict = strcmp(reason, op) == 0 ? STORE_REPEAT : STORE_LATE;
    return BUS_OK;
}

/* The barrier of a message's local part. */
static int insert_message(struct bus_call *call, const char *gid,
                          const char *reason, const char **ret_reason)
{
    const struct bus_saga_mark before = call->meta.saga;
    bool fresh = false;
    call->meta.saga = (struct bus_saga_mark){
        .gid = gid, .branch = MESSAGE_BRANCH, .op = MESSAGE_OP};
    int code = barrier_check(call);
    if (code == BUS_OK)
        code = insert(call, MESSAGE_OP, FIRST_ID, reason, &fresh);
    *ret_reason = fresh ? "" : NULL;
    if (code == BUS_OK && !fresh)
        code = read_reason(call, FIRST_ID, ret_reason);
    call->meta.saga = before;
    return code;
}

int store_message(struct bus_call *call, const char *gid)
{
    const char *before = NULL;
    int code = store_use_to_write(call);
    if (code == BUS_OK)
        code = insert_message(call, gid, MESSAGE_OP, &before);
    if (code != BUS_OK || !*before)
        return code;
    if (strcmp(before, GIVEN_UP) == 0)
        return bus_error_set(&call->error, BUS_ABORTED,
                             "message %s was given up before", gid);
    return bus_error_set(&call->error, BUS_ALREADY_EXISTS,
                         "message %s has had its local part", gid);
}

/* Answers a message's check: its local part is committed, or never will be. */
static int answer_check(struct bus_call *call, enum store_verdict *ret_verdict)
{
    const char *before = NULL;
    int code = insert_message(call, call->meta.saga.gid, GIVEN_UP, &before);
    if (code == BUS_OK)
        *ret_verdict =
            strcmp(before, MESSAGE_OP) == 0 ? STORE_REPEAT : STORE_LATE;
    return code;
}

int barrier_enter(struct bus_call *call, enum store_verdict *ret_verdict,
                  struct bus_bytes *stored)
{
    const char *origin;
    if (strcmp(call->meta.saga.op, MESSAGE_OP) == 0)
        return answer_check(call, ret_verdict);
    int code = decide(call, FIRST_ID, ret_verdict);
    if (code != BUS_OK)
        return code;
    /* Without the barrier a repetition is the handler's to recognise. */
    if (call->bare && *ret_verdict == STORE_REPEAT)
        *ret_verdict = STORE_RUN;
    origin = barrier_origin(call->meta.saga.op);
    if (*ret_verdict == STORE_REPEAT)
        return read_reply(call, call->meta.saga.op, stored);
    return *ret_verdict == STORE_RUN && origin
               ? read_reply(call, origin, stored)
               : BUS_OK;
}

int store_barrier(struct bus_call *call, enum store_verdict *ret_verdict)
{
    char id[4];
    *ret_verdict = STORE_RUN;
    int code = store_use_to_write(call);
    if (code != BUS_OK || !call->meta.saga.gid)
        return code;
    if (call->store->barriers + 1 >= BARRIERS_MAX)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "more than %d barriers in one step", BARRIERS_MAX);
    snprintf(id, sizeof(id), "%02u", ++call->store->barriers + 1);
    code = barrier_check(call);
    return code == BUS_OK ? decide(call, id, ret_verdict) : code;
}

int barrier_keep(struct bus_call *call, struct bus_bytes reply)
{
    const struct bus_saga_mark *saga = &call->meta.saga;
    const struct sql_value args[] = {sql_text(saga->gid),
                                     sql_text(saga->branch), sql_text(saga->op),
                                     sql_blob(reply)};
    if (reply.len == 0)
        return BUS_OK;
    return store_exec(call, keeps[dialect_of(call)], args,
                      sizeof(args) / sizeof(*args), NULL);
}

/* ---- purge ---- */

static int purge_tables(const struct sql_driver *driver, struct sql *sql,
                        const struct sql_value *time, uint64_t *ret_deleted,
                        struct bus_error *err)
{
    const char *const *statements = purges[driver->dialect];
    const struct sql_value args[] = {*time, sql_int(BARRIER_PURGE_BATCH)};
    uint64_t deleted = 0;
    for (size_t i = 0; i < 2; i++) {
        struct sql_done done;
        int code =
            driver->exec(sql, statements[i], args, 2, BUS_FOREVER, &done, err);
        if (code != BUS_OK)
            return code;
        deleted += done.affected;
    }
    *ret_deleted = deleted;
    return BUS_OK;
}

int barrier_purge(const struct sql_driver *driver, struct sql *sql,
                  int64_t older_than, uint64_t *ret_deleted,
                  struct bus_error *err)
{
    const struct bus_field field = {
        .name = "older_than", .kind = BUS_TIME, .presence = BUS_NO_PRESENCE};
    struct bus_arena arena;
    struct sql_value time;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = row_get(&field, &older_than, &arena, &time, err);
    if (code == BUS_OK)
        code = driver->begin(sql, BUS_FOREVER, err);
    if (code == BUS_OK) {
        code = purge_tables(driver, sql, &time, ret_deleted, err);
        if (code == BUS_OK)
            code = driver->commit(sql, err);
        else
            driver->rollback(sql);
    }
    bus_arena_release(&arena);
    return code;
}
