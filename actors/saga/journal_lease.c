/* SPDX-License-Identifier: MIT
 *
 * The statements of ownership. Locks are always taken in one order, one's own
 * row first; a dead owner is looked for without any lock, so that two who live
 * never wait for each other.
 */
#include "actors/saga/journal_lease.h"

#include "bus/clock.h"
#include "bus/code.h"

#define WAIT_NS (5 * BUS_SECOND)
#define NOW "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)"
#define LEASE_US (JOURNAL_LEASE_MS * INT64_C(1000))

const char *const lease_schema[] = {
    "CREATE TABLE IF NOT EXISTS saga_owner ("
    "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "name VARCHAR(192) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "epoch BIGINT NOT NULL, until BIGINT NOT NULL, "
    "address VARCHAR(192) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "UNIQUE KEY saga_owner_name (name)) ENGINE=InnoDB",
    NULL,
};

static const char acquire[] =
    "INSERT INTO saga_owner (name, epoch, until, address) "
    "VALUES (?, 1, " NOW " + ?, ?) ON DUPLICATE KEY UPDATE "
    "epoch = epoch + 1, until = VALUES(until), address = VALUES(address)";
static const char mine[] = "SELECT id, epoch FROM saga_owner WHERE name = ?";
static const char renew[] = "UPDATE saga_owner SET until = " NOW " + ? "
                            "WHERE id = ? AND epoch = ?";
static const char leave[] = "UPDATE saga_owner SET until = 0 "
                            "WHERE id = ? AND epoch = ?";
static const char expired[] = "SELECT id, epoch FROM saga_owner "
                              "WHERE until < " NOW " AND id <> ? "
                              "ORDER BY until LIMIT 1";
static const char fence[] = "UPDATE saga_owner SET epoch = epoch + 1 "
                            "WHERE id = ? AND until < " NOW;
static const char rows_of[] =
    "SELECT gid, owner, name, status, finished, due, created, updated, state "
    "FROM saga WHERE owner = ? AND finished = 0 ORDER BY due, gid LIMIT ? "
    "FOR UPDATE";
static const char move[] = "UPDATE saga SET owner = ? WHERE owner = ? AND "
                           "finished = 0 ORDER BY due, gid LIMIT ?";
static const char forget[] = "DELETE FROM saga_owner WHERE id = ?";

struct owner {
    int64_t id, epoch;
};

static const struct bus_field owner_fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .offset = offsetof(struct owner, id),
     .presence = BUS_NO_PRESENCE},
    {.name = "epoch",
     .kind = BUS_I64,
     .offset = offsetof(struct owner, epoch),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape owner_shape = {
    .name = "saga.owner",
    .size = sizeof(struct owner),
    .count = 2,
    .fields = owner_fields,
};

static int64_t soon(void)
{
    return bus_now(&bus_clock_system) + WAIT_NS;
}

static int exec(const struct lease *lease, const char *text,
                const struct sql_value *args, size_t count,
                uint64_t *ret_affected, struct bus_error *err)
{
    struct sql_done done = {0};
    int code =
        lease->driver->exec(lease->sql, text, args, count, soon(), &done, err);
    *ret_affected = done.affected;
    return code;
}

/* id 0: there is none. */
static int owner_find(const struct lease *lease, const char *text,
                      struct sql_value arg, struct owner *ret,
                      struct bus_error *err)
{
    struct bus_arena arena;
    struct bus_list rows = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = lease->driver->query(lease->sql, text, &arg, 1, soon(),
                                    &owner_shape, 1, &arena, &rows, err);
    *ret = (struct owner){0};
    if (!code && rows.count)
        *ret = *(const struct owner *)rows.items;
    bus_arena_release(&arena);
    return code;
}

static int acquire_begun(struct lease *lease, struct bus_error *err)
{
    const struct sql_value args[] = {sql_text(lease->name), sql_int(LEASE_US),
                                     sql_text(lease->address)};
    struct owner owner = {0};
    uint64_t affected;
    int code = exec(lease, acquire, args, 3, &affected, err);
    if (!code)
        code = owner_find(lease, mine, args[0], &owner, err);
    lease->id = owner.id;
    lease->epoch = owner.epoch;
    return code;
}

/* Commits what went well. */
static int end(const struct lease *lease, int code, struct bus_error *err)
{
    if (!code)
        return lease->driver->commit(lease->sql, err);
    lease->driver->rollback(lease->sql);
    return code;
}

int lease_open(struct lease *lease, struct bus_error *err)
{
    int code = lease->driver->begin(lease->sql, soon(), err);
    return code ? code : end(lease, acquire_begun(lease, err), err);
}

void lease_release(struct lease *lease)
{
    const struct sql_value args[] = {sql_int(lease->id), sql_int(lease->epoch)};
    uint64_t affected;
    if (lease->driver->begin(lease->sql, soon(), NULL) == BUS_OK)
        end(lease, exec(lease, leave, args, 2, &affected, NULL), NULL);
}

static int fenced(const struct lease *lease, struct bus_error *err)
{
    return bus_error_reason(err, BUS_ABORTED, "fenced",
                            "another orchestrator took over from %s",
                            lease->name);
}

int lease_begin(struct lease *lease, int64_t deadline, struct bus_error *err)
{
    int code = lease->driver->begin(lease->sql, deadline, err);
    if (code)
        return code;
    code = lease_renew(lease, err);
    if (code)
        lease->driver->rollback(lease->sql);
    return code;
}

int lease_renew(struct lease *lease, struct bus_error *err)
{
    const struct sql_value args[] = {sql_int(LEASE_US), sql_int(lease->id),
                                     sql_int(lease->epoch)};
    uint64_t affected;
    int code = exec(lease, renew, args, 3, &affected, err);
    return code || affected == 1 ? code : fenced(lease, err);
}

/* The dead owner is fenced first; its row goes with its last saga. */
static int take_begun(struct lease *lease, int64_t dead,
                      struct journal_job *job, lease_rows *rows, void *arg)
{
    const struct sql_value id = sql_int(dead), limit = sql_int(job->limit);
    const struct sql_value found[] = {id, limit};
    const struct sql_value moved[] = {sql_int(lease->id), id, limit};
    uint64_t affected;
    int code = lease_renew(lease, &job->err);
    if (!code)
        code = exec(lease, fence, &id, 1, &affected, &job->err);
    if (code || affected == 0)
        return code; /* it lives, or somebody was faster */
    code = rows(job, rows_of, found, 2, arg);
    if (!code && job->found_count)
        code = exec(lease, move, moved, 3, &affected, &job->err);
    if (!code && job->found_count < job->limit)
        code = exec(lease, forget, &id, 1, &affected, &job->err);
    return code;
}

int lease_take(struct lease *lease, struct journal_job *job, lease_rows *rows,
               void *arg)
{
    struct owner dead;
    int code = owner_find(lease, expired, sql_int(lease->id), &dead, &job->err);
    if (code || !dead.id)
        return code;
    code = lease->driver->begin(lease->sql, soon(), &job->err);
    if (code)
        return code;
    code = end(lease, take_begun(lease, dead.id, job, rows, arg), &job->err);
    if (code)
        job->found_count = 0;
    return code;
}
