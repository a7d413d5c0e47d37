/* SPDX-License-Identifier: MIT
 *
 * The SQLite driver. One file a service in WAL mode, synced at every commit. A
 * connection reads outside transactions by itself; transactions of this process
 * take turns at one that writes, whose pages so stay in memory, and those that
 * meet there share a commit (writer.h), each in a savepoint of its own. Writers
 * of other processes are polled until the deadline.
 *
 * It never repeats a statement, knows no store, no call and no cache.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/row.h"
#include "actors/store/sqlite_db.h"
#include "actors/store/writer.h"
#include "bus/code.h"

/* Of the log, until they are brought into the file: every time costs a sync of
 * that, too, while everybody waits. 16 MB. */
#define CHECKPOINT_PAGES 4000

#define WAL_INDEX_BYTES 32768 /* of its first part */
#define WAL_INDEX_COMMITS 2   /* the word that counts */

static const char scheme[] = "sqlite:";
static const struct sql_hooks no_hooks;

struct sql {
    struct writer_member member; /* first */
    struct sqlite_db reads;      /* outside transactions */
    struct writer *writer;
    struct sqlite_db *db; /* reads, or the one that writes */
    bool begun;           /* holds the writer's place */
    bool joined;          /* others' work is in the same transaction */
    int lost;             /* the code that ended its own work early; 0 */
    const struct sql_hooks *hooks; /* never NULL */
    void *hooks_arg;
};

static int64_t now(void)
{
    return bus_now(&bus_clock_system);
}

/* ---- the shared commit ---- */

static struct sql *sql_of(struct writer_member *member)
{
    return (struct sql *)(void *)member; /* its first member */
}

static void hooks_before(struct writer_member *members)
{
    const struct sql_hooks *hooks = sql_of(members)->hooks;
    bool mixed = false;
    for (struct writer_member *at = members; at; at = at->next)
        mixed = mixed || sql_of(at)->hooks != hooks;
    for (struct writer_member *at = members; at; at = at->next)
        if (sql_of(at)->hooks->before)
            sql_of(at)->hooks->before(sql_of(at)->hooks_arg, mixed);
}

static void hooks_after(struct writer_member *members, bool committed)
{
    for (struct writer_member *at = members; at; at = at->next)
        if (sql_of(at)->hooks->after)
            sql_of(at)->hooks->after(sql_of(at)->hooks_arg, committed);
}

static int commit_all(void *kept, struct writer_member *members,
                      struct bus_error *err)
{
    struct sqlite_db *db = kept;
    hooks_before(members);
    /* From here the answer is worth more than any deadline. */
    db->deadline = BUS_FOREVER;
    int code = sqlite_db_run(db, "COMMIT", err);
    if (!sqlite_db_idle(db))
        sqlite_db_run(db, "ROLLBACK", NULL);
    hooks_after(members, code == BUS_OK);
    return code;
}

static void release(void *kept)
{
    sqlite_db_close(kept);
    free(kept);
}

static const struct writer_driver writer_driver = {commit_all, release};

/* ---- transactions ---- */

/* The connection that writes, opened by the first who has the place. */
static int writing_open(struct sql *sql, struct sqlite_db **ret,
                        struct bus_error *err)
{
    void **kept = writer_kept(sql->writer);
    if (!*kept) {
        struct sqlite_db *db = calloc(1, sizeof(*db));
        if (!db)
            abort();
        int code =
            sqlite_db_open(db, sqlite3_db_filename(sql->reads.db, "main"), err);
        if (code != BUS_OK) {
            release(db);
            return code;
        }
        sqlite3_wal_autocheckpoint(db->db, CHECKPOINT_PAGES);
        *kept = db;
    }
    *ret = *kept;
    return BUS_OK;
}

static int begin_in_place(struct sql *sql, int64_t deadline,
                          struct bus_error *err)
{
    struct sqlite_db *db = NULL;
    int code = writing_open(sql, &db, err);
    if (code != BUS_OK)
        return code;
    db->deadline = deadline;
    code = sqlite_db_run(db, sql->joined ? "SAVEPOINT own" : "BEGIN IMMEDIATE",
                         err);
    if (code != BUS_OK)
        return code;
    sql->db = db;
    sql->begun = true;
    sql->lost = 0;
    return BUS_OK;
}

/* Failures of SQLite's own (a full disk, a deadline in mid-write) leave no
 * transaction behind, and what others wait to commit went with it. */
static void end_lost(struct sql *sql)
{
    struct sqlite_db *db = *writer_kept(sql->writer);
    struct bus_error cause;
    if (!sql->joined || !sqlite_db_idle(db))
        return;
    bus_error_set(&cause, BUS_UNAVAILABLE,
                  "database: a transaction that shared this one's commit took "
                  "it along");
    writer_lose(sql->writer, &cause);
    sql->joined = false;
}

static int sqlite_begin(struct sql *sql, int64_t deadline,
                        struct bus_error *err)
{
    assert(!sql->begun);
    int64_t at = now();
    int64_t until =
        at + WRITER_WAIT_MAX < deadline ? at + WRITER_WAIT_MAX : deadline;
    enum writer_place place =
        at < deadline ? writer_enter(sql->writer, until) : WRITER_LATE;
    if (place == WRITER_LATE)
        return bus_error_set(
            err, now() >= deadline ? BUS_DEADLINE_EXCEEDED : BUS_UNAVAILABLE,
            "the database was busy with other writers for too long");
    sql->joined = place == WRITER_JOINED;
    int code = begin_in_place(sql, deadline, err);
    if (code != BUS_OK) {
        end_lost(sql);
        writer_leave(sql->writer);
    }
    return code;
}

/* Undoes the work inside SQLite, keeping the writer's place. */
static void roll_back(struct sql *sql)
{
    struct sqlite_db *db = sql->db;
    db->deadline = BUS_FOREVER;
    if (sql->joined && !sqlite_db_idle(db) &&
        sqlite_db_run(db, "ROLLBACK TO own", NULL) == BUS_OK &&
        sqlite_db_run(db, "RELEASE own", NULL) == BUS_OK)
        return;
    if (!sqlite_db_idle(db))
        sqlite_db_run(db, "ROLLBACK", NULL);
    assert(sqlite_db_idle(db));
    end_lost(sql);
}

static void leave(struct sql *sql)
{
    sql->begun = sql->joined = false;
    sql->lost = 0;
    sql->db = &sql->reads;
}

static void sqlite_rollback(struct sql *sql)
{
    if (!sql->begun)
        return;
    if (!sql->lost)
        roll_back(sql);
    leave(sql);
    writer_leave(sql->writer);
}

/* What follows a failure inside a transaction. */
static int settle(struct sql *sql, int code)
{
    if (sql->begun && !sql->lost &&
        (sqlite_db_idle(sql->db) || sqlite_db_severe(code))) {
        roll_back(sql);
        sql->lost = code;
    }
    return code;
}

static int fail(struct sql *sql, struct bus_error *err)
{
    return settle(sql, sqlite_db_fail(sql->db, err));
}

static int fail_lost(const struct sql *sql, struct bus_error *err)
{
    return bus_error_set(err, sql->lost,
                         "the transaction was rolled back by an earlier error");
}

static int sqlite_commit(struct sql *sql, struct bus_error *err)
{
    assert(sql->begun);
    int code = sql->lost ? fail_lost(sql, err) : BUS_OK;
    if (code == BUS_OK && sql->joined) {
        sql->db->deadline = BUS_FOREVER;
        code = sqlite_db_run(sql->db, "RELEASE own", err);
    }
    if (code != BUS_OK) {
        sqlite_rollback(sql);
        return code;
    }
    leave(sql);
    return writer_commit(sql->writer, &sql->member, err);
}

static void sqlite_on_commit(struct sql *sql, const struct sql_hooks *hooks,
                             void *arg)
{
    sql->hooks = hooks;
    sql->hooks_arg = arg;
}

static bool sqlite_in_company(const struct sql *sql)
{
    return sql->joined;
}

/* ---- statements ---- */

static int statement_check(const struct sql *sql, sqlite3_stmt *stmt,
                           struct bus_error *err)
{
    if (sql->begun || sqlite3_stmt_readonly(stmt))
        return BUS_OK;
    return bus_error_set(err, BUS_INTERNAL,
                         "a statement that writes needs a transaction");
}

static int statement_start(struct sql *sql,
                           const struct sqlite_request *request,
                           sqlite3_stmt **ret, struct bus_error *err)
{
    sqlite3_stmt *stmt = NULL;
    if (sql->lost)
        return fail_lost(sql, err);
    if (now() >= request->deadline)
        return bus_error_set(err, BUS_DEADLINE_EXCEEDED,
                             "the deadline passed before the statement");
    sql->db->deadline = request->deadline;
    int code = sqlite_db_prepare(sql->db, request->text, &stmt, err);
    if (code != BUS_OK)
        return settle(sql, code);
    code = statement_check(sql, stmt, err);
    if (code == BUS_OK) {
        code = sqlite_db_bind(stmt, request, err);
        if (code != BUS_OK)
            sqlite_db_done(stmt);
    }
    if (code == BUS_OK)
        *ret = stmt;
    return code;
}

/* ---- statements that change ---- */

static int sqlite_exec(struct sql *sql, const char *text,
                       const struct sql_value *args, size_t count,
                       int64_t deadline, struct sql_done *ret,
                       struct bus_error *err)
{
    struct sqlite_request request = {text, args, count, deadline};
    sqlite3_stmt *stmt = NULL;
    int code = statement_start(sql, &request, &stmt, err);
    if (code != BUS_OK)
        return code;
    sqlite3_int64 before = sqlite3_total_changes64(sql->db->db);
    int rc;
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    /* Statements that are no INSERT, UPDATE or DELETE leave changes alone. */
    bool changed = sqlite3_total_changes64(sql->db->db) != before;
    if (rc != SQLITE_DONE)
        code = fail(sql, err);
    else if (ret)
        *ret = (struct sql_done){
            changed ? (uint64_t)sqlite3_changes64(sql->db->db) : 0,
            sqlite3_last_insert_rowid(sql->db->db)};
    sqlite_db_done(stmt);
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
    struct sqlite_request request = {text, args, count, deadline};
    struct reading reading = {
        .rows = {.shape = row, .arena = arena, .max = max}};
    int code = statement_start(sql, &request, &reading.stmt, err);
    if (code != BUS_OK)
        return code;
    code = read_rows(sql, &reading, err);
    if (code == BUS_OK)
        *ret = reading.rows.rows;
    sqlite_db_done(reading.stmt);
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
    sql->reads.deadline = now() + WRITER_WAIT_MAX;
    if (sqlite_db_run(&sql->reads, "SELECT count(*) FROM sqlite_schema",
                      NULL) != BUS_OK ||
        sqlite3_file_control(sql->reads.db, "main", SQLITE_FCNTL_FILE_POINTER,
                             &file) != SQLITE_OK ||
        !file->pMethods || file->pMethods->iVersion < 2 ||
        file->pMethods->xShmMap(file, 0, WAL_INDEX_BYTES, 0, &index) !=
            SQLITE_OK ||
        !index)
        return NULL;
    return (const volatile _Atomic uint32_t *)index + WAL_INDEX_COMMITS;
}

/* ---- opening ---- */

static void sqlite_close(struct sql *sql)
{
    sqlite_rollback(sql);
    if (sql->writer)
        writer_put(sql->writer);
    sqlite_db_close(&sql->reads);
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
    int code = sqlite_db_open(&sql->reads, path, err);
    if (code != BUS_OK) {
        sqlite_close(sql);
        return bus_error_set(err, code, "%s: %s", path,
                             err ? err->sentence : "");
    }
    sql->db = &sql->reads;
    sql->hooks = &no_hooks;
    sql->writer =
        writer_get(sqlite3_db_filename(sql->reads.db, "main"), &writer_driver);
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
    .on_commit = sqlite_on_commit,
    .in_company = sqlite_in_company,
    .commits = sqlite_commits,
};
