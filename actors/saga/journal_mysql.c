/* SPDX-License-Identifier: MIT
 *
 * Upserts of many rows: statements of five sizes, prepared once a connection.
 */
#include "actors/saga/journal_mysql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/clock.h"
#include "bus/code.h"

#define COLUMNS 12
#define ROWS_MAX 256
#define TEXT_MAX ((size_t)16384)
#define CHUNK_BYTES ((size_t)4 << 20) /* of states in one statement */
#define GID_TYPE                                                               \
    "VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"

const char *const journal_mysql_schema[] = {
    "CREATE TABLE IF NOT EXISTS saga (gid " GID_TYPE " PRIMARY KEY, "
    "owner BIGINT NOT NULL, "
    "name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "status VARCHAR(16) NOT NULL, finished BIGINT NOT NULL, "
    "due BIGINT NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL, "
    "type VARCHAR(16) NOT NULL, "
    "failing VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "error VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "state LONGBLOB NOT NULL, KEY saga_due (owner, finished, due, gid), "
    "KEY saga_created (created, gid), KEY saga_ended (finished, updated)) "
    "ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS saga_kv ("
    "category VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "name " GID_TYPE ", value LONGTEXT CHARACTER SET utf8mb4 NOT NULL, "
    "version BIGINT NOT NULL, created BIGINT NOT NULL, "
    "updated BIGINT NOT NULL, PRIMARY KEY (category, name)) ENGINE=InnoDB",
    NULL,
};

#define SELECT                                                                 \
    "SELECT gid, owner, name, status, finished, due, created, updated"

const char journal_mysql_find[] = SELECT
    ", state, COALESCE((SELECT address FROM saga_owner WHERE id = saga.owner), "
    "'') AS address FROM saga WHERE gid = ?";
#define LIST_TAIL                                                              \
    " FROM saga WHERE (? = '' OR status = ?) AND (? = '' OR name = ?) "        \
    "AND (created < ? OR (created = ? AND gid < ?)) AND created >= ? "         \
    "ORDER BY created DESC, gid DESC LIMIT ?"
const char journal_mysql_list[] = SELECT LIST_TAIL;
const char journal_mysql_list_whole[] = SELECT ", state" LIST_TAIL;
/* Written so that the index is entered where the last batch ended. */
const char journal_mysql_due[] =
    SELECT ", state FROM saga WHERE owner = ? AND finished = 0 AND due >= ? "
           "AND (due > ? OR gid > ?) ORDER BY due, gid LIMIT ?";

const char journal_mysql_expire[] =
    "DELETE FROM saga WHERE finished = 1 AND updated < ? ORDER BY updated "
    "LIMIT ?";
const char journal_mysql_kv_insert[] =
    "INSERT INTO saga_kv (category, name, value, version, created, updated) "
    "SELECT ?, ?, ?, 1, ?, ? FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM saga_kv "
    "WHERE category = ? AND name = ?)";

static const char insert[] = "INSERT INTO saga (gid, owner, name, status, "
                             "finished, due, created, updated, type, failing, "
                             "error, state) VALUES ";
static const char one_row[] = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
#define KEEP(column)                                                           \
#column " = IF(owner = VALUES(owner), VALUES(" #column "), " #column ")"
static const char update[] =
    " ON DUPLICATE KEY UPDATE " KEEP(status) ", " KEEP(finished) ", " KEEP(
        due) ", " KEEP(updated) ", " KEEP(failing) ", " KEEP(error) ", " KEEP(state);
static const char reopen[] =
    "UPDATE saga SET owner = ? WHERE gid = ? AND finished = 1";
static const char taken[] = "SELECT gid FROM saga WHERE gid = ? AND owner <> ?";

static const size_t sizes[JOURNAL_MYSQL_SIZES] = {ROWS_MAX, 64, 16, 4, 1};

/* Of a packet, for everything but states: the statement's own, and each row's
 * texts (gid, name, failing, error), as they are at most. */
#define PACKET_REST ((size_t)64 << 10)
#define ROW_REST ((size_t)2304)
static const char packet[] = "SELECT @@max_allowed_packet AS size";

struct packet {
    int64_t size;
};

static const struct bus_field packet_fields[] = {
    {.name = "size",
     .kind = BUS_I64,
     .offset = offsetof(struct packet, size),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape packet_shape = {
    .name = "saga.packet",
    .size = sizeof(struct packet),
    .count = 1,
    .fields = packet_fields,
};

struct found {
    const char *gid;
};

static const struct bus_field found_fields[] = {
    {.name = "gid",
     .kind = BUS_TEXT,
     .offset = offsetof(struct found, gid),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape found_shape = {
    .name = "saga.gid",
    .size = sizeof(struct found),
    .count = 1,
    .fields = found_fields,
};

static int64_t soon(void)
{
    return bus_now(&bus_clock_system) + 10 * BUS_SECOND;
}

static const char *text_of(struct journal_mysql *mysql, size_t size)
{
    if (mysql->texts[size])
        return mysql->texts[size];
    struct bus_buf buf;
    bus_buf_init(&buf, TEXT_MAX);
    bus_buf_text(&buf, insert);
    for (size_t i = 0; i < sizes[size]; i++) {
        bus_buf_text(&buf, i ? "," : "");
        bus_buf_text(&buf, one_row);
    }
    bus_buf_text(&buf, update);
    bus_buf_byte(&buf, '\0');
    if (buf.failed)
        abort();
    mysql->texts[size] = (char *)buf.data; /* the buffer's memory is kept */
    return mysql->texts[size];
}

/* How many of the rows go into one statement, as an index of sizes: one, or as
 * many as the server takes. */
static size_t size_for(const struct journal_mysql *mysql,
                       const struct journal_row *rows, size_t count)
{
    size_t most =
        mysql->state_max < CHUNK_BYTES ? mysql->state_max : CHUNK_BYTES;
    size_t size = 0, bytes = 0, fit = 0;
    while (fit < count && fit < ROWS_MAX) {
        bytes += rows[fit].state.len + ROW_REST;
        if (fit > 0 && bytes > most)
            break;
        fit++;
    }
    while (sizes[size] > fit)
        size++;
    return size;
}

static int chunk_write(struct journal_mysql *mysql,
                       const struct journal_row *rows, size_t size,
                       struct bus_error *err)
{
    struct sql_value args[ROWS_MAX * COLUMNS], *at = args;
    struct sql_done done;
    for (size_t i = 0; i < sizes[size]; i++) {
        *at++ = sql_text(rows[i].gid);
        *at++ = sql_int(mysql->lease.id);
        *at++ = sql_text(rows[i].name);
        *at++ = sql_text(rows[i].status);
        *at++ = sql_int(rows[i].finished);
        *at++ = sql_int(rows[i].due);
        *at++ = sql_int(rows[i].created);
        *at++ = sql_int(rows[i].updated);
        *at++ = sql_text(journal_text(rows[i].type));
        *at++ = sql_text(journal_text(rows[i].failing));
        *at++ = sql_text(journal_text(rows[i].error));
        *at++ = sql_blob(rows[i].state);
    }
    return mysql->lease.driver->exec(mysql->lease.sql, text_of(mysql, size),
                                     args, sizes[size] * COLUMNS, soon(), &done,
                                     err);
}

static int row_check(struct journal_mysql *mysql, struct journal_row *row,
                     struct bus_error *err)
{
    const struct sql_value args[] = {sql_text(row->gid),
                                     sql_int(mysql->lease.id)};
    struct bus_arena arena;
    struct bus_list rows = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code =
        mysql->lease.driver->query(mysql->lease.sql, taken, args, 2, soon(),
                                   &found_shape, 1, &arena, &rows, err);
    row->taken = !code && rows.count > 0;
    bus_arena_release(&arena);
    return code;
}

/* Rows that were finished and are to go on: whoever's they were. */
static int rows_reopen(struct journal_mysql *mysql,
                       const struct journal_job *job, struct bus_error *err)
{
    int code = BUS_OK;
    struct sql_done done;
    for (size_t i = 0; !code && i < job->count; i++) {
        const struct sql_value args[] = {sql_int(mysql->lease.id),
                                         sql_text(job->rows[i].gid)};
        if (job->rows[i].reopened)
            code = mysql->lease.driver->exec(mysql->lease.sql, reopen, args, 2,
                                             soon(), &done, err);
    }
    return code;
}

int journal_mysql_write(struct journal_mysql *mysql, struct journal_job *job,
                        struct bus_error *err)
{
    int code = rows_reopen(mysql, job, err);
    for (size_t at = 0; !code && at < job->count;) {
        size_t size = size_for(mysql, job->rows + at, job->count - at);
        code = chunk_write(mysql, job->rows + at, size, err);
        at += sizes[size];
    }
    for (size_t i = 0; !code && i < job->count; i++) {
        job->rows[i].taken = false;
        if (job->rows[i].contested)
            code = row_check(mysql, &job->rows[i], err);
    }
    return code;
}

/* Asks the server how much it takes at once. */
static int ask_limit(struct journal_mysql *mysql, struct bus_error *err)
{
    struct bus_arena arena;
    struct bus_list rows = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code =
        mysql->lease.driver->query(mysql->lease.sql, packet, NULL, 0, soon(),
                                   &packet_shape, 1, &arena, &rows, err);
    size_t size = 0;
    if (!code && rows.count > 0)
        size = (size_t)((const struct packet *)rows.items)->size;
    size_t rest = size / 4 < PACKET_REST ? size / 4 : PACKET_REST;
    mysql->state_max = size - rest;
    bus_arena_release(&arena);
    return code;
}

/* An owner that is paused inside a transaction holds its locks, and nobody
 * could take over: MariaDB rolls back what a client leaves idle. MySQL has no
 * such limit, and refuses the name. */
#define IDLE "idle_transaction_timeout"
#define IDLE_S 2

static int define_all(const struct lease *lease, const char *const *texts,
                      struct bus_error *err)
{
    int code = BUS_OK;
    for (; !code && *texts; texts++)
        code = sql_define(lease->driver, lease->sql, *texts, err);
    return code;
}

static int share(struct journal_mysql *mysql, struct bus_error *err)
{
    int code = define_all(&mysql->lease, journal_mysql_schema, err);
    if (!code)
        code = define_all(&mysql->lease, lease_schema, err);
    if (!code)
        code = lease_open(&mysql->lease, err);
    return code ? code : ask_limit(mysql, err);
}

static int open_source(struct journal_mysql *mysql, const char *source,
                       struct bus_error *err)
{
    struct lease *lease = &mysql->lease;
    int code = lease->driver->open(source, &lease->sql, err);
    return code ? code : share(mysql, err);
}

int journal_mysql_open(struct journal_mysql *mysql,
                       const struct journal_options *options,
                       struct sql **ret_sql, struct bus_error *err)
{
    struct lease *lease = &mysql->lease;
    struct bus_buf source;
    lease->driver = options->driver;
    snprintf(lease->name, sizeof(lease->name), "%s", options->owner);
    snprintf(lease->address, sizeof(lease->address), "%s",
             journal_text(options->address));
    bus_buf_init(&source, TEXT_MAX);
    bus_buf_printf(&source, "%s%c" IDLE "=%d", options->source,
                   strchr(options->source, '?') ? '&' : '?', IDLE_S);
    bus_buf_byte(&source, '\0');
    int code = open_source(mysql, (const char *)source.data, err);
    if (code && strstr(err->sentence, IDLE)) {
        if (lease->sql)
            lease->driver->close(lease->sql);
        lease->sql = NULL;
        code = open_source(mysql, options->source, err);
    }
    bus_buf_release(&source);
    *ret_sql = lease->sql;
    return code;
}

void journal_mysql_release(struct journal_mysql *mysql)
{
    for (size_t i = 0; i < JOURNAL_MYSQL_SIZES; i++)
        free(mysql->texts[i]);
}
