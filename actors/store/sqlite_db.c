/* SPDX-License-Identifier: MIT
 *
 * What any connection to a SQLite file does: opening, errors, waiting for other
 * processes, prepared statements.
 */
#include "actors/store/sqlite_db.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/writer.h"
#include "bus/code.h"

#define PROGRESS_STEPS 2000 /* virtual instructions a look */

static int64_t now(void)
{
    return bus_now(&bus_clock_system);
}

/* ---- errors ---- */

static bool is_duplicate(int extended)
{
    return extended == SQLITE_CONSTRAINT_UNIQUE ||
           extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
           extended == SQLITE_CONSTRAINT_ROWID;
}

static int result_code(int extended)
{
    switch (extended & 0xff) {
    case SQLITE_CONSTRAINT:
        return is_duplicate(extended) ? BUS_ALREADY_EXISTS
                                      : BUS_INVALID_ARGUMENT;
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return BUS_INVALID_ARGUMENT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY:
        return BUS_UNAVAILABLE;
    case SQLITE_INTERRUPT:
        return BUS_DEADLINE_EXCEEDED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return BUS_DATA_LOSS;
    default:
        return BUS_INTERNAL;
    }
}

/* SQLite's sentences name tables
 * and columns, never values. */
int sqlite_db_fail(const struct sqlite_db *db, struct bus_error *err)
{
    static const char unique[] = "UNIQUE constraint failed: ";
    int extended = sqlite3_extended_errcode(db->db);
    const char *text = sqlite3_errmsg(db->db);
    int code = result_code(extended);
    if ((extended & 0xff) == SQLITE_NOMEM)
        abort();
    if (code == BUS_ALREADY_EXISTS &&
        strncmp(text, unique, sizeof(unique) - 1) == 0)
        return bus_error_set(err, code, "duplicate key: %s",
                             text + sizeof(unique) - 1);
    if (code == BUS_DEADLINE_EXCEEDED ||
        ((extended & 0xff) == SQLITE_BUSY && now() >= db->deadline))
        return bus_error_set(err, BUS_DEADLINE_EXCEEDED,
                             "the deadline passed in the database");
    return bus_error_set(err, code, "database: %s", text);
}

bool sqlite_db_severe(int code)
{
    return code == BUS_UNAVAILABLE || code == BUS_DEADLINE_EXCEEDED ||
           code == BUS_DATA_LOSS;
}

bool sqlite_db_idle(const struct sqlite_db *db)
{
    return sqlite3_get_autocommit(db->db);
}

/* ---- callbacks ---- */

static int on_busy(void *arg, int tries)
{
    struct sqlite_db *db = arg;
    if (tries == 0)
        db->waiting_since = now();
    return writer_poll(db->waiting_since, db->deadline);
}

static int on_progress(void *arg)
{
    const struct sqlite_db *db = arg;
    return now() >= db->deadline;
}

/* An author's COMMIT would end the barrier's transaction early. */
static int on_authorize(void *arg, int action, const char *a, const char *b,
                        const char *c, const char *d)
{
    const struct sqlite_db *db = arg;
    (void)a, (void)b, (void)c, (void)d;
    bool ours = action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT ||
                action == SQLITE_ATTACH || action == SQLITE_DETACH;
    return ours && !db->own ? SQLITE_DENY : SQLITE_OK;
}

/* ---- statements ---- */

static int prepare(struct sqlite_db *db, const char *text, sqlite3_stmt **ret,
                   struct bus_error *err)
{
    sqlite3_stmt *stmt = NULL;
    const char *tail = NULL;
    if (sqlite3_prepare_v3(db->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
                           &tail) != SQLITE_OK)
        return sqlite_db_fail(db, err);
    if (!stmt || strspn(tail, " \t\r\n;") != strlen(tail)) {
        sqlite3_finalize(stmt);
        return bus_error_set(err, BUS_INTERNAL,
                             "exactly one SQL statement is expected");
    }
    *ret = stmt;
    return BUS_OK;
}

int sqlite_db_prepare(struct sqlite_db *db, const char *text,
                      sqlite3_stmt **ret, struct bus_error *err)
{
    sqlite3_stmt *stmt = kept_get(&db->statements, text);
    if (!stmt) {
        int code = prepare(db, text, &stmt, err);
        if (code != BUS_OK)
            return code;
        sqlite3_finalize(kept_put(&db->statements, text, stmt));
    }
    *ret = stmt;
    return BUS_OK;
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct sql_value *value)
{
    const struct bus_bytes *bytes = &value->as.bytes;
    switch (value->type) {
    case SQL_INT:
        return sqlite3_bind_int64(stmt, at, value->as.integer);
    case SQL_UINT:
        if (value->as.natural > INT64_MAX)
            return SQLITE_TOOBIG;
        return sqlite3_bind_int64(stmt, at, (sqlite3_int64)value->as.natural);
    case SQL_DOUBLE:
        return sqlite3_bind_double(stmt, at, value->as.real);
    case SQL_TEXT:
    case SQL_TIME:
        return sqlite3_bind_text64(stmt, at, (const char *)bytes->data,
                                   bytes->len, SQLITE_STATIC, SQLITE_UTF8);
    case SQL_BLOB:
        /* A NULL pointer would bind NULL where an empty blob is meant. */
        return sqlite3_bind_blob64(stmt, at,
                                   bytes->len ? (const void *)bytes->data : "",
                                   bytes->len, SQLITE_STATIC);
    case SQL_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

int sqlite_db_bind(sqlite3_stmt *stmt, const struct sqlite_request *request,
                   struct bus_error *err)
{
    int wanted = sqlite3_bind_parameter_count(stmt);
    if ((size_t)wanted != request->count)
        return bus_error_set(err, BUS_INTERNAL,
                             "the statement has %d parameters, %zu were given",
                             wanted, request->count);
    for (int i = 0; i < wanted; i++) {
        if (bind_one(stmt, i + 1, &request->args[i]) != SQLITE_OK)
            return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                 "value %d is too large for the database",
                                 i + 1);
    }
    return BUS_OK;
}

/* Bindings point at the caller's memory: none may outlive the statement. */
void sqlite_db_done(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

int sqlite_db_run(struct sqlite_db *db, const char *text, struct bus_error *err)
{
    sqlite3_stmt *stmt = NULL;
    db->own = true;
    int code = sqlite_db_prepare(db, text, &stmt, err);
    if (code == BUS_OK) {
        int rc = sqlite3_step(stmt);
        if (rc != SQLITE_DONE && rc != SQLITE_ROW)
            code = sqlite_db_fail(db, err);
        sqlite_db_done(stmt);
    }
    db->own = false;
    return code;
}

/* ---- opening ---- */

/* Turning a new file into a WAL database needs it alone for a moment, and then
 * SQLite does not ask the busy handler. */
static int run_pragma(struct sqlite_db *db, const char *text,
                      struct bus_error *err)
{
    int tries = 0;
    int code;
    do
        code = sqlite_db_run(db, text, err);
    while (code == BUS_UNAVAILABLE &&
           (sqlite3_errcode(db->db) & 0xff) == SQLITE_BUSY &&
           on_busy(db, tries++));
    return code;
}

static int configure(struct sqlite_db *db, struct bus_error *err)
{
    static const char *const pragmas[] = {
        "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF",
        "PRAGMA temp_store = MEMORY"};
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_busy_handler(db->db, on_busy, db);
    sqlite3_progress_handler(db->db, PROGRESS_STEPS, on_progress, db);
    sqlite3_set_authorizer(db->db, on_authorize, db);
    db->deadline = now() + WRITER_WAIT_MAX;
    int code = BUS_OK;
    size_t count = sizeof(pragmas) / sizeof(*pragmas);
    for (size_t i = 0; i < count && code == BUS_OK; i++)
        code = run_pragma(db, pragmas[i], err);
    return code;
}

int sqlite_db_open(struct sqlite_db *db, const char *path,
                   struct bus_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = BUS_OK;
    if (sqlite3_open_v2(path, &db->db, flags, NULL) != SQLITE_OK)
        code = sqlite_db_fail(db, err);
    return code == BUS_OK ? configure(db, err) : code;
}

void sqlite_db_close(struct sqlite_db *db)
{
    void *stmt;
    while ((stmt = kept_take(&db->statements)))
        sqlite3_finalize(stmt);
    int rc = sqlite3_close(db->db);
    assert(rc == SQLITE_OK);
    (void)rc;
    db->db = NULL;
}
