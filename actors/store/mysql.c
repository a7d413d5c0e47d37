/* SPDX-License-Identifier: MIT
 *
 * The MySQL driver (MySQL and MariaDB), and the only file that knows their
 * client library. A connection is made at the first statement and again when
 * the server closed it meanwhile, which a look at the socket tells without a
 * round trip. Statements are prepared once a connection and kept (kept.h).
 * Deadlines reach every wait on the socket through the library's own hook; one
 * that passes costs the connection, for the server's answer may still come.
 *
 * What it does not do: it never repeats a statement whose outcome is unknown,
 * knows no store, no call and no cache, and logs nothing. A statement that the
 * deadline cut short runs on in the server until it notices.
 */
#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "actors/store/dsn.h"
#include "actors/store/kept.h"
#include "actors/store/mysql_error.h"
#include "actors/store/mysql_io.h"
#include "actors/store/mysql_rows.h"
#include "actors/store/mysql_text.h"
#include "actors/store/row.h"
#include "actors/store/sql.h"
#include "actors/store/zone.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/text.h"

#define ROLLBACK_WAIT (2 * BUS_SECOND)
#define DEFINE_WAIT (60 * BUS_SECOND)
#define LOCK_WAIT_S 5 /* a statement waits for a row's lock */
#define SECOND_US INT64_C(1000000)

/* A statement and what its question marks stand for. */
struct sql_statement {
    const char *text;
    const struct sql_value *args;
    size_t count;
};

struct sql {
    struct dsn dsn;
    struct zone zone;
    MYSQL *my;  /* NULL: not connected */
    bool begun; /* inside a transaction, as the caller knows */
    int lost;   /* the code that ended the transaction early; 0 */
    const struct sql_hooks *hooks; /* NULL: none */
    void *hooks_arg;
    struct kept statements; /* MYSQL_STMT */
    struct mysql_scratch scratch;
};

static int64_t now(void)
{
    return bus_now(&bus_clock_system);
}

static void *array_new(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);
    if (!array)
        abort();
    return array;
}

/* ---- errors ---- */

static void disconnect(struct sql *sql)
{
    void *stmt;
    if (!sql->my)
        return;
    /* First the connection: then closing statements asks nobody. */
    mysql_io_until(now() + ROLLBACK_WAIT);
    mysql_close(sql->my);
    sql->my = NULL;
    while ((stmt = kept_take(&sql->statements)))
        mysql_stmt_close(stmt);
}

/* Ends the transaction in the server; the caller learns of it from `lost`. */
static void roll_back(struct sql *sql)
{
    if (!sql->my)
        return;
    mysql_io_until(now() + ROLLBACK_WAIT);
    if (mysql_rollback(sql->my))
        disconnect(sql);
}

static int fail_late(struct bus_error *err)
{
    return bus_error_set(err, BUS_DEADLINE_EXCEEDED,
                         "the deadline passed in the database");
}

/* What the server or the library said about a statement. */
static int fail(struct sql *sql, unsigned number, const char *text,
                struct bus_error *err)
{
    bool late = mysql_io_late();
    int code = mysql_error_fill(number, text, err);
    if (mysql_error_gone(number)) {
        disconnect(sql);
        if (late)
            code = fail_late(err);
    }
    bool severe = code == BUS_UNAVAILABLE || code == BUS_UNKNOWN ||
                  code == BUS_DEADLINE_EXCEEDED;
    if (sql->begun && severe && !sql->lost) {
        roll_back(sql);
        sql->lost = code;
    }
    return code;
}

static int fail_stmt(struct sql *sql, MYSQL_STMT *stmt, struct bus_error *err)
{
    unsigned number = mysql_stmt_errno(stmt);
    char text[BUS_SENTENCE_MAX];
    snprintf(text, sizeof(text), "%s", mysql_stmt_error(stmt));
    return fail(sql, number, text, err);
}

static int fail_lost(const struct sql *sql, struct bus_error *err)
{
    return bus_error_set(err, sql->lost,
                         "the transaction was rolled back by an earlier error");
}

static int fail_gone(struct bus_error *err)
{
    return bus_error_set(err, BUS_UNAVAILABLE,
                         "database: the connection was lost");
}

/* ---- connecting ---- */

static int fail_query(struct sql *sql, struct bus_error *err)
{
    unsigned number = mysql_errno(sql->my);
    char sentence[BUS_SENTENCE_MAX];
    snprintf(sentence, sizeof(sentence), "%s", mysql_error(sql->my));
    return fail(sql, number, sentence, err);
}

/* A statement of the driver's own, without arguments or rows. */
static int run_own(struct sql *sql, const char *text, int64_t deadline,
                   struct bus_error *err)
{
    mysql_io_until(deadline);
    return mysql_real_query(sql->my, text, (unsigned long)strlen(text)) == 0
               ? BUS_OK
               : fail_query(sql, err);
}

/* CURRENT_TIMESTAMP and TIMESTAMP columns in the data source's zone, by name
 * or, where the server knows no names, by the offset of now. */
static int set_time_zone(struct sql *sql, int64_t deadline,
                         struct bus_error *err)
{
    char text[256];
    if (strstr(sql->dsn.settings, "time_zone"))
        return BUS_OK;
    if (sql->zone.changes && strcmp(sql->dsn.loc, "Local") != 0 &&
        !strchr(sql->dsn.loc, '\'')) {
        snprintf(text, sizeof(text), "SET time_zone='%s'", sql->dsn.loc);
        if (run_own(sql, text, deadline, NULL) == BUS_OK || !sql->my)
            return sql->my ? BUS_OK : fail_gone(err);
    }
    int64_t wall = bus_wall(&bus_clock_system);
    int64_t minutes = (zone_to_local(&sql->zone, wall) - wall) / SECOND_US / 60;
    snprintf(text, sizeof(text),
             "SET time_zone='%c%02" PRId64 ":%02" PRId64 "'",
             minutes < 0 ? '-' : '+', (minutes < 0 ? -minutes : minutes) / 60,
             (minutes < 0 ? -minutes : minutes) % 60);
    return run_own(sql, text, deadline, err);
}

/* Refuses what does not fit, as SQLite's CHECKs do. */
static int set_session(struct sql *sql, int64_t deadline, struct bus_error *err)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "SET SESSION sql_mode=CONCAT_WS(',', @@sql_mode, "
             "'STRICT_ALL_TABLES'), innodb_lock_wait_timeout=%d%s",
             LOCK_WAIT_S, sql->dsn.settings);
    int code = run_own(sql, text, deadline, err);
    return code == BUS_OK ? set_time_zone(sql, deadline, err) : code;
}

static void library_start(void)
{
    if (mysql_library_init(0, NULL, NULL))
        abort();
}

static int connect_now(struct sql *sql, int64_t deadline, struct bus_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct dsn *dsn = &sql->dsn;
    pthread_once(&once, library_start);
    assert(!sql->my);
    sql->my = mysql_init(NULL);
    if (!sql->my)
        abort();
    mysql_io_options(sql->my, &sql->dsn, deadline);
    /* FOUND_ROWS: an update that changes nothing still found its row. */
    if (!mysql_real_connect(sql->my, dsn->host, dsn->user, dsn->password,
                            *dsn->database ? dsn->database : NULL, dsn->port,
                            dsn->socket, CLIENT_FOUND_ROWS)) {
        unsigned number = mysql_errno(sql->my);
        int code = mysql_error_fill(number, mysql_error(sql->my), err);
        if (mysql_error_gone(number))
            code = fail_gone(err);
        disconnect(sql);
        return now() >= deadline ? fail_late(err) : code;
    }
    int code = set_session(sql, deadline, err);
    if (code != BUS_OK) {
        disconnect(sql);
        return code == BUS_UNKNOWN ? fail_gone(err) : code;
    }
    return BUS_OK;
}

/* An idle connection has nothing to read: if it does, the server said goodbye
 * or hung up. */
static bool is_alive(const struct sql *sql)
{
    struct pollfd at = {.fd = mysql_get_socket(sql->my), .events = POLLIN};
    return at.fd >= 0 && poll(&at, 1, 0) == 0;
}

static int ensure_connected(struct sql *sql, int64_t deadline,
                            struct bus_error *err)
{
    if (sql->my && !is_alive(sql))
        disconnect(sql);
    return sql->my ? BUS_OK : connect_now(sql, deadline, err);
}

/* ---- statements ---- */

static int check_text(const struct sql *sql, const char *text,
                      struct bus_error *err)
{
    if (mysql_text_forbidden(text))
        return bus_error_set(err, BUS_INTERNAL,
                             "such a statement is not for handlers: the "
                             "transaction is the call's");
    if (!sql->begun && !mysql_text_reads(text))
        return bus_error_set(err, BUS_INTERNAL,
                             "a statement that writes needs a transaction");
    return BUS_OK;
}

/* Preparing changes nothing: a connection that is lost meanwhile leaves no
 * doubt behind. */
static int prepare(struct sql *sql, const char *text, MYSQL_STMT **ret,
                   struct bus_error *err)
{
    MYSQL_STMT *stmt = mysql_stmt_init(sql->my);
    if (!stmt)
        abort();
    if (mysql_stmt_prepare(stmt, text, (unsigned long)strlen(text)) == 0) {
        *ret = stmt;
        return BUS_OK;
    }
    int code = fail_stmt(sql, stmt, err);
    mysql_stmt_close(stmt);
    if (code != BUS_UNKNOWN)
        return code;
    if (sql->begun)
        sql->lost = BUS_UNAVAILABLE;
    return fail_gone(err);
}

static int statement_get(struct sql *sql, const char *text, MYSQL_STMT **ret,
                         struct bus_error *err)
{
    MYSQL_STMT *stmt = kept_get(&sql->statements, text);
    if (!stmt) {
        int code = prepare(sql, text, &stmt, err);
        if (code != BUS_OK)
            return code;
        MYSQL_STMT *gone = kept_put(&sql->statements, text, stmt);
        if (gone)
            mysql_stmt_close(gone);
    }
    *ret = stmt;
    return BUS_OK;
}

/* A connection to send a statement on; nothing is in flight yet. */
static int ready(struct sql *sql, int64_t deadline, struct bus_error *err)
{
    if (sql->lost)
        return fail_lost(sql, err);
    if (now() >= deadline)
        return fail_late(err);
    if (!sql->begun)
        return ensure_connected(sql, deadline, err);
    if (sql->my && is_alive(sql))
        return BUS_OK;
    disconnect(sql);
    sql->lost = BUS_UNAVAILABLE;
    return fail_gone(err);
}

static int statement_run(struct sql *sql, const struct sql_statement *request,
                         int64_t deadline, MYSQL_STMT **ret,
                         struct bus_error *err)
{
    MYSQL_STMT *stmt = NULL;
    int code = check_text(sql, request->text, err);
    if (code == BUS_OK)
        code = ready(sql, deadline, err);
    if (code != BUS_OK)
        return code;
    mysql_io_until(deadline);
    code = statement_get(sql, request->text, &stmt, err);
    if (code != BUS_OK)
        return code;
    if (mysql_stmt_param_count(stmt) != request->count)
        return bus_error_set(err, BUS_INTERNAL,
                             "the statement has %lu parameters, %zu were given",
                             mysql_stmt_param_count(stmt), request->count);
    if (!mysql_bind_execute(stmt, &sql->zone, request->args, request->count))
        code = fail_stmt(sql, stmt, err);
    if (code == BUS_OK)
        *ret = stmt;
    return code;
}

static int driver_exec(struct sql *sql, const char *text,
                       const struct sql_value *args, size_t count,
                       int64_t deadline, struct sql_done *ret,
                       struct bus_error *err)
{
    const struct sql_statement request = {text, args, count};
    MYSQL_STMT *stmt = NULL;
    int code = statement_run(sql, &request, deadline, &stmt, err);
    if (code != BUS_OK)
        return code;
    if (mysql_stmt_field_count(stmt))
        mysql_stmt_free_result(stmt);
    else if (ret)
        *ret = (struct sql_done){mysql_stmt_affected_rows(stmt),
                                 (int64_t)mysql_stmt_insert_id(stmt)};
    return BUS_OK;
}

static int driver_query(struct sql *sql, const char *text,
                        const struct sql_value *args, size_t count,
                        int64_t deadline, const struct bus_shape *row,
                        size_t max, struct bus_arena *arena,
                        struct bus_list *ret, struct bus_error *err)
{
    const struct sql_statement request = {text, args, count};
    struct mysql_reading reading = {
        .zone = &sql->zone,
        .scratch = &sql->scratch,
        .rows = {.shape = row, .arena = arena, .max = max}};
    int code = statement_run(sql, &request, deadline, &reading.stmt, err);
    if (code != BUS_OK)
        return code;
    code = mysql_rows_read(&reading, err);
    if (code == MYSQL_ROWS_FAILED)
        return fail_stmt(sql, reading.stmt, err);
    mysql_stmt_free_result(reading.stmt);
    if (code == BUS_OK)
        *ret = reading.rows.rows;
    return code;
}

/* ---- transactions ---- */

static void driver_rollback(struct sql *sql)
{
    if (!sql->begun)
        return;
    if (!sql->lost)
        roll_back(sql);
    sql->begun = false;
    sql->lost = 0;
}

/* Nothing is lost with a BEGIN, nor with what was not committed, so that both
 * are repeated when the connection turns out to be dead. */
static int driver_begin(struct sql *sql, int64_t deadline,
                        struct bus_error *err)
{
    int code;
    int tries = 0;
    assert(!sql->begun);
    do {
        if (now() >= deadline)
            return fail_late(err);
        code = ensure_connected(sql, deadline, err);
        if (code == BUS_OK)
            code = run_own(sql, "START TRANSACTION", deadline, err);
    } while (code == BUS_UNKNOWN && tries++ == 0);
    if (code == BUS_UNKNOWN)
        return fail_gone(err);
    if (code != BUS_OK)
        roll_back(sql);
    sql->begun = code == BUS_OK;
    sql->lost = 0;
    return code;
}

/* What stands before the COMMIT could have been sent. */
static int commit_ready(struct sql *sql, struct bus_error *err)
{
    if (sql->lost)
        return fail_lost(sql, err);
    if (sql->my && is_alive(sql))
        return BUS_OK;
    disconnect(sql);
    return fail_gone(err);
}

static int driver_commit(struct sql *sql, struct bus_error *err)
{
    assert(sql->begun);
    int code = commit_ready(sql, err);
    bool asked = code == BUS_OK;
    if (asked && sql->hooks && sql->hooks->before)
        sql->hooks->before(sql->hooks_arg, false);
    if (asked) {
        /* From here the answer is worth more than the call's deadline. */
        int64_t deadline = now() + MYSQL_IO_WAIT;
        code = run_own(sql, "COMMIT", deadline, err);
        if (code == BUS_DEADLINE_EXCEEDED)
            code = bus_error_reason(err, BUS_UNKNOWN, "outcome_unknown",
                                    "database: no answer to a commit");
    }
    /* It may have been committed: what is cached is as doubtful. */
    if (asked && sql->hooks && sql->hooks->after)
        sql->hooks->after(sql->hooks_arg,
                          code == BUS_OK || code == BUS_UNKNOWN);
    if (code != BUS_OK && !sql->lost)
        roll_back(sql);
    sql->begun = false;
    sql->lost = 0;
    return code;
}

static void driver_on_commit(struct sql *sql, const struct sql_hooks *hooks,
                             void *arg)
{
    sql->hooks = hooks;
    sql->hooks_arg = arg;
}

/* ---- opening ---- */

static int driver_define(struct sql *sql, const char *text,
                         struct bus_error *err)
{
    int64_t deadline = now() + DEFINE_WAIT;
    int code = sql->my ? BUS_OK : connect_now(sql, deadline, err);
    return code == BUS_OK ? run_own(sql, text, deadline, err) : code;
}

static void driver_close(struct sql *sql)
{
    disconnect(sql); /* which rolls back in the server */
    dsn_release(&sql->dsn);
    zone_close(&sql->zone);
    free(sql->scratch.data);
    free(sql);
}

static int driver_open(const char *source, struct sql **ret,
                       struct bus_error *err)
{
    struct sql *sql = array_new(1, sizeof(*sql));
    int code = dsn_parse(source, &sql->dsn, err);
    if (code == BUS_OK)
        code = zone_open(&sql->zone, sql->dsn.loc, err);
    if (code != BUS_OK) {
        driver_close(sql);
        return code;
    }
    *ret = sql;
    return BUS_OK;
}

/* There is no count of everybody's commits to look at without asking. */
static const volatile _Atomic uint32_t *driver_commits(struct sql *sql)
{
    (void)sql;
    return NULL;
}

const struct sql_driver sql_mysql = {
    .dialect = SQL_MYSQL,
    .open = driver_open,
    .close = driver_close,
    .begin = driver_begin,
    .commit = driver_commit,
    .rollback = driver_rollback,
    .exec = driver_exec,
    .query = driver_query,
    .define = driver_define,
    .on_commit = driver_on_commit,
    .commits = driver_commits,
};
