/* SPDX-License-Identifier: MIT
 *
 * The journal's thread and its statements. A batch is one transaction; its rows
 * are upserts, so that a saga written again replaces itself. Reads go through
 * the same thread, in order with the writes: what was committed before a read
 * was asked for is seen by it.
 */
#include "actors/saga/journal.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/journal_mysql.h"
#include "actors/saga/journal_search.h"
#include "actors/saga/journal_sqlite.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/hook.h"

#define BEGIN_NS (5 * BUS_SECOND) /* for the writer's place */
#define READ_NS (10 * BUS_SECOND)

struct journal {
    struct journal_options options;
    struct sql *sql;
    bool shared; /* MySQL: what follows counts */
    struct journal_mysql mysql;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct journal_job *first, **last; /* queue */
    bool closing;
};

/* A row as the database gives it. */
struct stored {
    const char *gid;
    const char *name;
    const char *status;
    int64_t owner;       /* MySQL */
    const char *address; /* of the owner; FIND on MySQL */
    int64_t finished, due, created, updated;
    struct bus_bytes state;
};

#define COLUMN(member, kind_)                                                  \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct stored, member), .presence = BUS_NO_PRESENCE \
    }

static const struct bus_field stored_fields[] = {
    COLUMN(gid, BUS_TEXT),    COLUMN(name, BUS_TEXT),
    COLUMN(status, BUS_TEXT), COLUMN(finished, BUS_I64),
    COLUMN(due, BUS_I64),     COLUMN(created, BUS_I64),
    COLUMN(updated, BUS_I64), COLUMN(state, BUS_BYTES),
    COLUMN(owner, BUS_I64),   COLUMN(address, BUS_TEXT),
};
static const struct bus_shape stored_shape = {
    .name = "saga.row",
    .size = sizeof(struct stored),
    .count = sizeof(stored_fields) / sizeof(stored_fields[0]) - 2,
    .fields = stored_fields,
};
static const struct bus_shape shared_shape = {
    .name = "saga.row",
    .size = sizeof(struct stored),
    .count = sizeof(stored_fields) / sizeof(stored_fields[0]),
    .fields = stored_fields,
};

#define KV(member, column, kind_)                                              \
    {                                                                          \
        .name = (column), .kind = (kind_),                                     \
        .offset = offsetof(struct journal_kv, member),                         \
        .presence = BUS_NO_PRESENCE                                            \
    }
static const struct bus_field kv_fields[] = {
    KV(category, "category", BUS_TEXT), KV(key, "name", BUS_TEXT),
    KV(value, "value", BUS_TEXT),       KV(version, "version", BUS_I64),
    KV(created, "created", BUS_I64),    KV(updated, "updated", BUS_I64),
};
static const struct bus_shape kv_shape = {
    .name = "saga.kv",
    .size = sizeof(struct journal_kv),
    .count = sizeof(kv_fields) / sizeof(kv_fields[0]),
    .fields = kv_fields,
};

static const char upsert[] =
    "INSERT INTO saga (gid, name, status, finished, due, created, updated, "
    "type, failing, error, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (gid) DO UPDATE SET "
    "status = excluded.status, finished = excluded.finished, "
    "due = excluded.due, updated = excluded.updated, "
    "failing = excluded.failing, error = excluded.error, "
    "state = excluded.state";
static const char probe[] = "INSERT OR REPLACE INTO saga_probe (id, at) "
                            "VALUES (1, ?)";
static const char find[] =
    "SELECT gid, name, status, finished, due, created, updated, state "
    "FROM saga WHERE gid = ?";
#define LIST_TAIL                                                              \
    " FROM saga WHERE (? = '' OR status = ?) AND (? = '' OR name = ?) "        \
    "AND (created < ? OR (created = ? AND gid < ?)) AND created >= ? "         \
    "ORDER BY created DESC, gid DESC LIMIT ?"
static const char list[] =
    "SELECT gid, name, status, finished, due, created, updated" LIST_TAIL;
static const char list_whole[] = "SELECT gid, name, status, finished, due, "
                                 "created, updated, state" LIST_TAIL;
/* Along the index of creation times, from the oldest: nothing changes before it
 * is made, so the search ends where what is young begins. */
static const char expire[] =
    "DELETE FROM saga WHERE gid IN (SELECT gid FROM saga WHERE created < ?1 "
    "AND updated < ?1 AND finished = 1 ORDER BY created LIMIT ?2)";
static const char kv_find[] =
    "SELECT category, name, value, version, created, updated FROM saga_kv "
    "WHERE category = ? AND name = ?";
static const char kv_list[] =
    "SELECT category, name, value, version, created, updated FROM saga_kv "
    "WHERE category = ? AND name > ? ORDER BY name LIMIT ?";
static const char kv_insert[] =
    "INSERT INTO saga_kv (category, name, value, version, created, updated) "
    "SELECT ?, ?, ?, 1, ?, ? WHERE NOT EXISTS (SELECT 1 FROM saga_kv WHERE "
    "category = ? AND name = ?)";
static const char kv_update[] =
    "UPDATE saga_kv SET value = ?, version = version + 1, updated = ? "
    "WHERE category = ? AND name = ? AND version = ?";
static const char kv_delete[] =
    "DELETE FROM saga_kv WHERE category = ? AND name = ?";
static const char due[] =
    "SELECT gid, name, status, finished, due, created, updated, state "
    "FROM saga WHERE finished = 0 AND (due, gid) > (?, ?) "
    "ORDER BY due, gid LIMIT ?";

/* Deadlines of the driver are on the system's clock, whatever ours is. */
static int64_t after(int64_t ns)
{
    return bus_now(&bus_clock_system) + ns;
}

static int write_row(struct journal *journal, const struct journal_row *row,
                     int64_t deadline, struct bus_error *err)
{
    const struct sql_value args[] = {
        sql_text(row->gid),
        sql_text(row->name),
        sql_text(row->status),
        sql_int(row->finished),
        sql_int(row->due),
        sql_int(row->created),
        sql_int(row->updated),
        sql_text(journal_text(row->type)),
        sql_text(journal_text(row->failing)),
        sql_text(journal_text(row->error)),
        sql_blob(row->state),
    };
    struct sql_done done;
    return journal->options.driver->exec(journal->sql, upsert, args,
                                         sizeof(args) / sizeof(args[0]),
                                         deadline, &done, err);
}

static int write_probe(struct journal *journal, int64_t deadline,
                       struct bus_error *err)
{
    const struct sql_value now = sql_int(bus_wall(journal->options.clock));
    struct sql_done done;
    return journal->options.driver->exec(journal->sql, probe, &now, 1, deadline,
                                         &done, err);
}

static int write_rows(struct journal *journal, struct journal_job *job,
                      struct bus_error *err)
{
    int code = BUS_OK;
    if (journal->shared)
        return journal_mysql_write(&journal->mysql, job, err);
    if (job->count == 0)
        return write_probe(journal, BUS_FOREVER, err);
    for (size_t i = 0; !code && i < job->count; i++)
        code = write_row(journal, &job->rows[i], BUS_FOREVER, err);
    return code;
}

/* All rows or none. */
static int write_batch(struct journal *journal, struct journal_job *job,
                       struct bus_error *err)
{
    const struct sql_driver *driver = journal->options.driver;
    int64_t deadline = after(BEGIN_NS);
    int code = journal->shared
                   ? lease_begin(&journal->mysql.lease, deadline, err)
                   : driver->begin(journal->sql, deadline, err);
    if (code)
        return code;
    code = write_rows(journal, job, err);
    if (code) {
        driver->rollback(journal->sql);
        return code;
    }
    return driver->commit(journal->sql, err);
}

static int commit(struct journal *journal, struct journal_job *job)
{
    bus_effect("journal");
    int code = write_batch(journal, job, &job->err);
    bus_effect("journal");
    return code;
}

static int rows_take(const struct journal *journal, struct journal_job *job,
                     const struct bus_list *list_)
{
    const struct stored *stored = list_->items;
    job->found =
        bus_arena_array(&job->arena, list_->count, sizeof(*job->found));
    if (!job->found)
        return bus_error_set(&job->err, BUS_RESOURCE_EXHAUSTED,
                             "too many rows at once");
    for (size_t i = 0; i < list_->count; i++)
        job->found[i] = (struct journal_row){
            .gid = stored[i].gid,
            .name = stored[i].name,
            .status = stored[i].status,
            .finished = stored[i].finished != 0,
            .due = stored[i].due,
            .created = stored[i].created,
            .updated = stored[i].updated,
            .state = stored[i].state,
            .owner = stored[i].address,
            .foreign =
                journal->shared && stored[i].owner != journal->mysql.lease.id,
        };
    job->found_count = list_->count;
    return BUS_OK;
}

/* A statement, its arguments, and how many rows it may give. */
struct asked {
    const char *text;
    struct sql_value args[9];
    size_t count;
    size_t max;
};

static struct asked asked_list(const struct journal *journal,
                               const struct journal_job *job)
{
    static const char *const texts[2][2] = {
        {list, list_whole}, {journal_mysql_list, journal_mysql_list_whole}};
    struct asked asked = {.text = texts[journal->shared][job->whole],
                          .count = 9,
                          .max = job->limit};
    asked.args[0] = asked.args[1] = sql_text(job->status);
    asked.args[2] = asked.args[3] = sql_text(job->name);
    asked.args[4] = asked.args[5] =
        sql_int(job->before ? job->before : INT64_MAX);
    asked.args[6] = sql_text(job->gid);
    asked.args[7] = sql_int(job->from);
    asked.args[8] = sql_int(job->limit);
    return asked;
}

static struct asked asked_due(const struct journal *journal,
                              const struct journal_job *job)
{
    struct asked asked = {.text = due, .count = 3, .max = job->limit};
    const struct sql_value after = sql_int(job->after);
    const struct sql_value gid = sql_text(job->gid);
    const struct sql_value limit = sql_int(job->limit);
    if (journal->shared)
        return (struct asked){.text = journal_mysql_due,
                              .args = {sql_int(journal->mysql.lease.id), after,
                                       after, gid, limit},
                              .count = 5,
                              .max = job->limit};
    asked.args[0] = after;
    asked.args[1] = gid;
    asked.args[2] = limit;
    return asked;
}

static struct asked asked_of(const struct journal *journal,
                             const struct journal_job *job)
{
    if (job->kind == JOURNAL_LIST)
        return asked_list(journal, job);
    if (job->kind == JOURNAL_DUE)
        return asked_due(journal, job);
    return (struct asked){.text = journal->shared ? journal_mysql_find : find,
                          .args = {sql_text(job->gid)},
                          .count = 1,
                          .max = 1};
}

static int read_asked(struct journal *journal, struct journal_job *job,
                      const struct asked *asked)
{
    struct bus_list rows = {0};
    int code = journal->options.driver->query(
        journal->sql, asked->text, asked->args, asked->count, after(READ_NS),
        journal->shared ? &shared_shape : &stored_shape, asked->max,
        &job->arena, &rows, &job->err);
    return code ? code : rows_take(journal, job, &rows);
}

static int read_rows(struct journal *journal, struct journal_job *job)
{
    struct asked asked = asked_of(journal, job);
    return read_asked(journal, job, &asked);
}

/* The rows are ours once the transaction they are read in has committed. */
static int read_taken(struct journal_job *job, const char *text,
                      const struct sql_value *args, size_t count, void *arg)
{
    struct journal *journal = arg;
    struct asked asked = {.text = text, .count = count, .max = job->limit};
    memcpy(asked.args, args, count * sizeof(*args));
    int code = read_asked(journal, job, &asked);
    for (size_t i = 0; i < job->found_count; i++)
        job->found[i].foreign = false;
    return code;
}

static int read_kv(struct journal *journal, struct journal_job *job)
{
    bool one = job->kind == JOURNAL_KV_FIND;
    const struct sql_value args[] = {sql_text(job->name), sql_text(job->gid),
                                     sql_int(job->limit)};
    struct bus_list rows = {0};
    int code = journal->options.driver->query(
        journal->sql, one ? kv_find : kv_list, args, one ? 2 : 3,
        after(READ_NS), &kv_shape, one ? 1 : job->limit, &job->arena, &rows,
        &job->err);
    job->kv = rows.items;
    job->kv_count = code ? 0 : rows.count;
    return code;
}

/* One statement in a transaction of its own. */
static int change(struct journal *journal, struct journal_job *job,
                  const struct asked *asked, uint64_t *ret_affected)
{
    const struct sql_driver *driver = journal->options.driver;
    struct sql_done done = {0};
    int code = driver->begin(journal->sql, after(BEGIN_NS), &job->err);
    if (code)
        return code;
    code = driver->exec(journal->sql, asked->text, asked->args, asked->count,
                        BUS_FOREVER, &done, &job->err);
    if (code) {
        driver->rollback(journal->sql);
        return code;
    }
    *ret_affected = done.affected;
    return driver->commit(journal->sql, &job->err);
}

static struct asked put_of(const struct journal *journal,
                           const struct journal_job *job)
{
    const struct sql_value now = sql_int(bus_wall(journal->options.clock));
    const struct sql_value name = sql_text(job->name), key = sql_text(job->gid);
    if (job->version == 0)
        return (struct asked){
            .text = journal->shared ? journal_mysql_kv_insert : kv_insert,
            .args = {name, key, sql_text(job->value), now, now, name, key},
            .count = 7};
    return (struct asked){
        .text = kv_update,
        .args = {sql_text(job->value), now, name, key, sql_int(job->version)},
        .count = 5};
}

static int change_kv(struct journal *journal, struct journal_job *job)
{
    struct asked asked = {.text = kv_delete,
                          .args = {sql_text(job->name), sql_text(job->gid)},
                          .count = 2};
    uint64_t affected = 0;
    if (job->kind == JOURNAL_KV_PUT)
        asked = put_of(journal, job);
    int code = change(journal, job, &asked, &affected);
    if (code || affected > 0)
        return code;
    return job->kind == JOURNAL_KV_PUT
               ? bus_error_set(&job->err, BUS_ABORTED, "changed meanwhile")
               : bus_error_set(&job->err, BUS_NOT_FOUND, "no such key");
}

static int expire_rows(struct journal *journal, struct journal_job *job)
{
    const struct asked asked = {
        .text = journal->shared ? journal_mysql_expire : expire,
        .args = {sql_int(job->before), sql_int(job->limit)},
        .count = 2};
    uint64_t affected = 0;
    int code = change(journal, job, &asked, &affected);
    job->found_count = affected;
    return code;
}

static int job_do(struct journal *journal, struct journal_job *job)
{
    switch (job->kind) {
    case JOURNAL_COMMIT:
        return commit(journal, job);
    case JOURNAL_KV_FIND:
    case JOURNAL_KV_LIST:
        return read_kv(journal, job);
    case JOURNAL_KV_PUT:
    case JOURNAL_KV_DELETE:
        return change_kv(journal, job);
    case JOURNAL_EXPIRE:
        return expire_rows(journal, job);
    case JOURNAL_TAKE:
        return journal->shared
                   ? lease_take(&journal->mysql.lease, job, read_taken, journal)
                   : BUS_OK;
    case JOURNAL_SEARCH:
        return journal_search(journal->options.driver, journal->sql,
                              journal_text(journal->options.owner), job);
    case JOURNAL_FIND:
    case JOURNAL_LIST:
    case JOURNAL_DUE:
        break;
    }
    return read_rows(journal, job);
}

static void job_run(struct journal *journal, struct journal_job *job)
{
    job->leased = after(JOURNAL_LEASE_MS * BUS_MILLI);
    job->code = job_do(journal, job);
    if (!journal->shared)
        job->leased = BUS_FOREVER;
    journal->options.done(journal->options.arg, job);
}

/* The next job; NULL: closing and nothing is left. */
static struct journal_job *job_wait(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    while (!journal->first && !journal->closing)
        pthread_cond_wait(&journal->wake, &journal->lock);
    struct journal_job *job = journal->first;
    if (job) {
        journal->first = job->next;
        if (!journal->first)
            journal->last = &journal->first;
    }
    pthread_mutex_unlock(&journal->lock);
    return job;
}

static void *run(void *arg)
{
    struct journal *journal = arg;
    struct journal_job *job;
    while ((job = job_wait(journal)) != NULL)
        job_run(journal, job);
    return NULL;
}

size_t journal_state_max(const struct journal *journal)
{
    return journal->shared ? journal->mysql.state_max : 0;
}

bool journal_shared(const struct journal *journal)
{
    return journal->shared;
}

void journal_do(struct journal *journal, struct journal_job *job)
{
    if (journal->options.inline_) {
        job_run(journal, job);
        return;
    }
    job->next = NULL;
    pthread_mutex_lock(&journal->lock);
    assert(!journal->closing);
    *journal->last = job;
    journal->last = &job->next;
    pthread_cond_signal(&journal->wake);
    pthread_mutex_unlock(&journal->lock);
}

static int make_tables(struct journal *journal, struct bus_error *err)
{
    const struct sql_driver *driver = journal->options.driver;
    int64_t deadline = after(READ_NS);
    struct sql_done done;
    int code = driver->begin(journal->sql, deadline, err);
    if (code)
        return code;
    for (const char *const *text = journal_sqlite_schema; !code && *text;
         text++)
        code = driver->exec(journal->sql, *text, NULL, 0, deadline, &done, err);
    if (!code)
        return driver->commit(journal->sql, err);
    driver->rollback(journal->sql);
    return code;
}

static int open_sql(struct journal *journal, struct bus_error *err)
{
    const struct journal_options *options = &journal->options;
    journal->shared = options->driver->dialect == SQL_MYSQL;
    if (journal->shared)
        return journal_mysql_open(&journal->mysql, options, &journal->sql, err);
    int code = options->driver->open(options->source, &journal->sql, err);
    return code ? code : make_tables(journal, err);
}

static int start_thread(struct journal *journal, struct bus_error *err)
{
    if (journal->options.inline_)
        return BUS_OK;
    if (pthread_create(&journal->thread, NULL, run, journal) != 0)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "the journal's thread cannot be started");
    return BUS_OK;
}

static void journal_free(struct journal *journal)
{
    if (journal->sql)
        journal->options.driver->close(journal->sql);
    journal_mysql_release(&journal->mysql);
    pthread_cond_destroy(&journal->wake);
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}

int journal_open(const struct journal_options *options, struct journal **ret,
                 struct bus_error *err)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (!journal)
        abort();
    journal->options = *options;
    journal->last = &journal->first;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_cond_init(&journal->wake, NULL);
    int code = open_sql(journal, err);
    if (!code)
        code = start_thread(journal, err);
    if (code) {
        journal_free(journal);
        return code;
    }
    *ret = journal;
    return BUS_OK;
}

void journal_close(struct journal *journal)
{
    if (!journal->options.inline_) {
        pthread_mutex_lock(&journal->lock);
        journal->closing = true;
        pthread_cond_signal(&journal->wake);
        pthread_mutex_unlock(&journal->lock);
        pthread_join(journal->thread, NULL);
    }
    if (journal->shared)
        lease_release(&journal->mysql.lease);
    journal_free(journal);
}
