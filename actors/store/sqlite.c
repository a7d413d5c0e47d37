/* SPDX-License-Identifier: MIT
 *
 * The SQLite driver, and the only file that knows SQLite. One file a service in
 * WAL mode, synced at every commit. Writers of this process queue at one place,
 * those of other processes are polled until the deadline (writer.h). Statements
 * are prepared once a connection and kept (kept.h).
 *
 * It never repeats a statement, knows no store, no call and no cache.
 */
#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/kept.h"
#include "actors/store/row.h"
#include "actors/store/sql.h"
#include "actors/store/writer.h"
#include "bus/code.h"

#define PROGRESS_STEPS 2000 /* virtual instructions a look */

#define WAL_INDEX_BYTES 32768 /* of its first part */
#define WAL_INDEX_COMMITS 2   /* the word that counts */

static const char scheme[] = "sqlite:";

struct sql {
    sqlite3 *db;
    struct writer *writer;
    bool begun;       /* holds the writer's place */
    bool own;         /* preparing a statement of the driver's own */
    int lost;         /* the code that ended the transaction early; 0 */
    int64_t deadline; /* of the statement that runs */
    int64_t waiting_since;
    void (*after)(void *arg);
    void *after_arg;
    struct kept statements;
};

struct request {
    const char *text;
    const struct sql_value *args;
    size_t count;
    int64_t deadline;
};

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

/* Fills err from the connection's last failure. SQLite's sentences name tables
 * and columns, never values. */
static int describe(const struct sql *sql, struct bus_error *err)
{
    static const char unique[] = "UNIQUE constraint failed: ";
    int extended = sqlite3_extended_errcode(sql->db);
    const char *text = sqlite3_errmsg(sql->db);
    int code = result_code(extended);
    if ((extended & 0xff) == SQLITE_NOMEM)
        abort();
    if (code == BUS_ALREADY_EXISTS &&
        strncmp(text, unique, sizeof(unique) - 1) == 0)
        return bus_error_set(err, code, "duplicate key: %s",
                             text + sizeof(unique) - 1);
    if (code == BUS_DEADLINE_EXCEEDED ||
        ((extended & 0xff) == SQLITE_BUSY && now() >= sql->deadline))
        return bus_error_set(err, BUS_DEADLINE_EXCEEDED,
                             "the deadline passed in the database");
    return bus_error_set(err, code, "database: %s", text);
}

/* True for failures that must take the whole transaction with them. */
static bool is_severe(int code)
{
    return code == BUS_UNAVAILABLE || code == BUS_DEADLINE_EXCEEDED ||
           code == BUS_DATA_LOSS;
}

static void roll_back(struct sql *sql);

static int fail(struct sql *sql, struct bus_error *err)
{
    int code = describe(sql, err);
    if (sql->begun && (sqlite3_get_autocommit(sql->db) || is_severe(code))) {
        roll_back(sql);
        sql->lost = code;
    }
    return code;
}

static int fail_lost(const struct sql *sql, struct bus_error *err)
{
    return bus_error_set(err, sql->lost,
                         "the transaction was rolled back by an earlier error");
}

/* ---- callbacks ---- */

static int on_busy(void *arg, int tries)
{
    struct sql *sql = arg;
    if (tries == 0)
        sql->waiting_since = now();
    return writer_poll(sql->waiting_since, sql->deadline);
}

static int on_progress(void *arg)
{
    const struct sql *sql = arg;
    return now() >= sql->deadline;
}

/* An author's COMMIT would end the barrier's transaction early. */
static int on_authorize(void *arg, int action, const char *a, const char *b,
                        const char *c, const char *d)
{
    const struct sql *sql = arg;
    (void)a, (void)b, (void)c, (void)d;
    bool ours = action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT ||
                action == SQLITE_ATTACH || action == SQLITE_DETACH;
    return ours && !sql->own ? SQLITE_DENY : SQLITE_OK;
}

/* ---- statements ---- */

static int prepare(struct sql *sql, const char *text, sqlite3_stmt **ret,
                   struct bus_error *err)
{
    sqlite3_stmt *stmt = NULL;
    const char *tail = NULL;
    if (sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
                           &tail) != SQLITE_OK)
        return fail(sql, err);
    if (!stmt || strspn(tail, " \t\r\n;") != strlen(tail)) {
        sqlite3_finalize(stmt);
        return bus_error_set(err, BUS_INTERNAL,
                             "exactly one SQL statement is expected");
    }
    *ret = stmt;
    return BUS_OK;
}

static int statement_get(struct sql *sql, const char *text, sqlite3_stmt **ret,
                         struct bus_error *err)
{
    sqlite3_stmt *stmt = kept_get(&sql->statements, text);
    if (!stmt) {
        int code = prepare(sql, text, &stmt, err);
        if (code != BUS_OK)
            return code;
        sqlite3_finalize(kept_put(&sql->statements, text, stmt));
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

static int bind_all(sqlite3_stmt *stmt, const struct request *request,
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
static void statement_end(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

static int statement_check(const struct sql *sql, sqlite3_stmt *stmt,
                           struct bus_error *err)
{
    if (sql->begun || sqlite3_stmt_readonly(stmt))
        return BUS_OK;
    return bus_error_set(err, BUS_INTERNAL,
                         "a statement that writes needs a transaction");
}

static int statement_start(struct sql *sql, const struct request *request,
                           sqlite3_stmt **ret, struct bus_error *err)
{
    sqlite3_stmt *stmt = NULL;
    if (sql->lost)
        return fail_lost(sql, err);
    if (now() >= request->deadline)
        return bus_error_set(err, BUS_DEADLINE_EXCEEDED,
                             "the deadline passed before the statement");
    sql->deadline = request->deadline;
    int code = statement_get(sql, request->text, &stmt, err);
    if (code == BUS_OK)
        code = statement_check(sql, stmt, err);
    if (code == BUS_OK) {
        code = bind_all(stmt, request, err);
        if (code != BUS_OK)
            statement_end(stmt);
    }
    if (code == BUS_OK)
        *ret = stmt;
    return code;
}

/* A statement of the driver's own, without arguments or rows. */
static int run_own(struct sql *sql, const char *text, struct bus_error *err)
{
    sqlite3_stmt *stmt = NULL;
    sql->own = true;
    int code = statement_get(sql, text, &stmt, err);
    if (code == BUS_OK) {
        int rc = sqlite3_step(stmt);
        if (rc != SQLITE_DONE && rc != SQLITE_ROW)
            code = describe(sql, err);
        statement_end(stmt);
    }
    sql->own = false;
    return code;
}

/* ---- transactions ---- */

static int sqlite_begin(struct sql *sql, int64_t deadline,
                        struct bus_error *err)
{
    assert(!sql->begun);
    int64_t at = now();
    int64_t until =
        at + WRITER_WAIT_MAX < deadline ? at + WRITER_WAIT_MAX : deadline;
    if (at >= deadline || !writer_enter(sql->writer, until))
        return bus_error_set(
            err, now() >= deadline ? BUS_DEADLINE_EXCEEDED : BUS_UNAVAILABLE,
            "the database was busy with other writers for too long");
    sql->deadline = deadline;
    int code = run_own(sql, "BEGIN IMMEDIATE", err);
    if (code != BUS_OK) {
        writer_leave(sql->writer);
        return code;
    }
    sql->begun = true;
    sql->lost = 0;
    return BUS_OK;
}

/* Ends the transaction inside SQLite, keeping the writer's place. */
static void roll_back(struct sql *sql)
{
    sql->deadline = BUS_FOREVER;
    if (!sqlite3_get_autocommit(sql->db))
        run_own(sql, "ROLLBACK", NULL);
    assert(sqlite3_get_autocommit(sql->db));
}

static void sqlite_rollback(struct sql *sql)
{
    if (!sql->begun)
        return;
    roll_back(sql);
    sql->begun = false;
    sql->lost = 0;
    writer_leave(sql->writer);
}

static int sqlite_commit(struct sql *sql, struct bus_error *err)
{
    assert(sql->begun);
    /* From here the answer is worth more than the deadline. */
    sql->deadline = BUS_FOREVER;
    int code = sql->lost ? fail_lost(sql, err) : run_own(sql, "COMMIT", err);
    if (code != BUS_OK) {
        sqlite_rollback(sql);
        return code;
    }
    if (sql->after)
        sql->after(sql->after_arg);
    sql->begun = false;
    writer_leave(sql->writer);
    return BUS_OK;
}

static void sqlite_after_commit(struct sql *sql, void (*run)(void *arg),
                                void *arg)
{
    sql->after = run;
    sql->after_arg = arg;
}

/* ---- statements that change ---- */

static int sqlite_exec(struct sql *sql, const char *text,
                       const struct sql_value *args, size_t count,
                       int64_t deadline, struct sql_done *ret,
                       struct bus_error *err)
{
    struct request request = {text, args, count, deadline};
    sqlite3_stmt *stmt = NULL;
    int code = statement_start(sql, &request, &stmt, err);
    if (code != BUS_OK)
        return code;
    sqlite3_int64 before = sqlite3_total_changes64(sql->db);
    int rc;
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    /* Statements that are no INSERT, UPDATE or DELETE leave changes alone. */
    bool changed = sqlite3_total_changes64(sql->db) != before;
    if (rc != SQLITE_DONE)
        code = fail(sql, err);
    else if (ret)
        *ret = (struct sql_done){changed ? (uint64_t)sqlite3_changes64(sql->db)
                                         : 0,
                                 sqlite3_last_insert_rowid(sql->db)};
    statement_end(stmt);
    return code;
}

/* ---- queries ---- */

struct reading {
    sqlite3_stmt *stmt;
    struct row_array rows;
    const struct bus_field **fields; /* one a column; NULL: not in the shape */
    int columns;
};

static int match_columns(struct reading *reading, struct bus_error *err)
{
    reading->columns = sqlite3_column_count(reading->stmt);
    reading->fields =
        bus_arena_array(reading->rows.arena, (size_t)reading->columns,
                        sizeof(*reading->fields));
    if (!reading->fields)
        return sql_no_memory(err);
    for (int i = 0; i < reading->columns; i++) {
        const char *name = sqlite3_column_name(reading->stmt, i);
        if (!name)
            abort();
        reading->fields[i] =
            bus_shape_find(reading->rows.shape, name, strlen(name));
    }
    return BUS_OK;
}

static struct sql_value column_value(sqlite3_stmt *stmt, int i)
{
    struct sql_value value = {.type = SQL_NULL};
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        return sql_int(sqlite3_column_int64(stmt, i));
    case SQLITE_FLOAT:
        value.type = SQL_DOUBLE;
        value.as.real = sqlite3_column_double(stmt, i);
        break;
    case SQLITE_TEXT:
        value.type = SQL_TEXT;
        value.as.bytes.data = sqlite3_column_text(stmt, i);
        break;
    case SQLITE_BLOB:
        value.type = SQL_BLOB;
        value.as.bytes.data = sqlite3_column_blob(stmt, i);
        break;
    default:
        return value;
    }
    if (value.type != SQL_DOUBLE)
        value.as.bytes.len = (size_t)sqlite3_column_bytes(stmt, i);
    return value;
}

static int read_row(struct reading *reading, struct bus_error *err)
{
    void *row = row_array_add(&reading->rows);
    if (!row)
        return sql_no_memory(err);
    for (int i = 0; i < reading->columns; i++) {
        if (!reading->fields[i])
            continue;
        struct sql_value value = column_value(reading->stmt, i);
        int code =
            row_set(reading->fields[i], &value, reading->rows.arena, row, err);
        if (code != BUS_OK)
            return code;
    }
    return BUS_OK;
}

static int read_rows(struct sql *sql, struct reading *reading,
                     struct bus_error *err)
{
    int code = match_columns(reading, err);
    while (code == BUS_OK && reading->rows.rows.count < reading->rows.max) {
        int rc = sqlite3_step(reading->stmt);
        if (rc == SQLITE_DONE)
            break;
        code = rc == SQLITE_ROW ? read_row(reading, err) : fail(sql, err);
    }
    return code;
}

static int sqlite_query(struct sql *sql, const char *text,
                        const struct sql_value *args, size_t count,
                        int64_t deadline, const struct bus_shape *row,
                        size_t max, struct bus_arena *arena,
                        struct bus_list *ret, struct bus_error *err)
{
    struct request request = {text, args, count, deadline};
    struct reading reading = {
        .rows = {.shape = row, .arena = arena, .max = max}};
    int code = statement_start(sql, &request, &reading.stmt, err);
    if (code != BUS_OK)
        return code;
    code = read_rows(sql, &reading, err);
    if (code == BUS_OK)
        *ret = reading.rows.rows;
    statement_end(reading.stmt);
    return code;
}

/* ---- other processes' commits ---- */

/* The wal-index begins with a header whose third word counts transactions
 * (https://www.sqlite.org/walformat.html). It is mapped as long as a connection
 * to the file is open. */
static const volatile _Atomic uint32_t *sqlite_commits(struct sql *sql)
{
    sqlite3_file *file = NULL;
    volatile void *index = NULL;
    sql->deadline = now() + WRITER_WAIT_MAX;
    if (run_own(sql, "SELECT count(*) FROM sqlite_schema", NULL) != BUS_OK ||
        sqlite3_file_control(sql->db, "main", SQLITE_FCNTL_FILE_POINTER,
                             &file) != SQLITE_OK ||
        !file->pMethods || file->pMethods->iVersion < 2 ||
        file->pMethods->xShmMap(file, 0, WAL_INDEX_BYTES, 0, &index) !=
            SQLITE_OK ||
        !index)
        return NULL;
    return (const volatile _Atomic uint32_t *)index + WAL_INDEX_COMMITS;
}

/* ---- opening ---- */

/* Turning a new file into a WAL database needs it alone for a moment, and then
 * SQLite does not ask the busy handler. */
static int run_pragma(struct sql *sql, const char *text, struct bus_error *err)
{
    int tries = 0;
    int code;
    do
        code = run_own(sql, text, err);
    while (code == BUS_UNAVAILABLE &&
           (sqlite3_errcode(sql->db) & 0xff) == SQLITE_BUSY &&
           on_busy(sql, tries++));
    return code;
}

static int configure(struct sql *sql, struct bus_error *err)
{
    static const char *const pragmas[] = {
        "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF",
        "PRAGMA temp_store = MEMORY"};
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_busy_handler(sql->db, on_busy, sql);
    sqlite3_progress_handler(sql->db, PROGRESS_STEPS, on_progress, sql);
    sqlite3_set_authorizer(sql->db, on_authorize, sql);
    sql->deadline = now() + WRITER_WAIT_MAX;
    int code = BUS_OK;
    size_t count = sizeof(pragmas) / sizeof(*pragmas);
    for (size_t i = 0; i < count && code == BUS_OK; i++)
        code = run_pragma(sql, pragmas[i], err);
    return code;
}

static void sqlite_close(struct sql *sql)
{
    sqlite_rollback(sql);
    void *stmt;
    while ((stmt = kept_take(&sql->statements)))
        sqlite3_finalize(stmt);
    int rc = sqlite3_close(sql->db);
    assert(rc == SQLITE_OK);
    (void)rc;
    if (sql->writer)
        writer_put(sql->writer);
    free(sql);
}

static int sqlite_open(const char *source, struct sql **ret,
                       struct bus_error *err)
{
    if (strncmp(source, scheme, sizeof(scheme) - 1) != 0 ||
        !source[sizeof(scheme) - 1] || source[sizeof(scheme) - 1] == ':')
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "data source must be sqlite:PATH");
    struct sql *sql = calloc(1, sizeof(*sql));
    if (!sql)
        abort();
    const char *path = source + sizeof(scheme) - 1;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = BUS_OK;
    if (sqlite3_open_v2(path, &sql->db, flags, NULL) != SQLITE_OK)
        code = describe(sql, err);
    if (code == BUS_OK) {
        sql->writer = writer_get(sqlite3_db_filename(sql->db, "main"));
        code = configure(sql, err);
    }
    if (code != BUS_OK) {
        sqlite_close(sql);
        return bus_error_set(err, code, "%s: %s", path,
                             err ? err->sentence : "");
    }
    *ret = sql;
    return BUS_OK;
}

const struct sql_driver sql_sqlite = {
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .exec = sqlite_exec,
    .query = sqlite_query,
    .after_commit = sqlite_after_commit,
    .commits = sqlite_commits,
};
