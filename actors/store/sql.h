/* SPDX-License-Identifier: MIT
 *
 * One small interface to SQL, filled by sqlite.c and mysql.c as one table of
 * functions each. Values are always bound, never pasted. Errors carry gRPC
 * codes: duplicate key ALREADY_EXISTS; a value that the database refuses
 * (range, type, NOT NULL, foreign key) INVALID_ARGUMENT; busy, deadlock, disk
 * full, gone away UNAVAILABLE; deadline passed DEADLINE_EXCEEDED. Arguments
 * never reach a log.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/error.h"
#include "bus/shape.h"

enum sql_type {
    SQL_NULL,
    SQL_INT,
    SQL_UINT,
    SQL_DOUBLE,
    SQL_TEXT,
    SQL_TIME, /* a text as row.h says, in UTC */
    SQL_BLOB
};

/* What the statements that we write ourselves differ by. */
enum sql_dialect { SQL_SQLITE, SQL_MYSQL, SQL_DIALECTS };

struct sql_value {
    enum sql_type type;
    union {
        int64_t integer;
        uint64_t natural;
        double real;
        struct bus_bytes bytes; /* TEXT, TIME and BLOB */
    } as;
};

struct sql_value sql_int(int64_t value);
struct sql_value sql_text(const char *text); /* NULL text: SQL NULL */
struct sql_value sql_blob(struct bus_bytes bytes);

/* RESOURCE_EXHAUSTED: the arena is full. */
int sql_no_memory(struct bus_error *err);

/* Reason word of an UNAVAILABLE that took the transaction with it and that the
 * same transaction, run again from its start, may not meet. */
#define SQL_DEADLOCK "deadlock"

struct sql; /* one connection */
struct sql_driver;

/* Around every commit of a connection; NULL: nothing. The thread may be another
 * one's that commits for several, while those who asked for it wait. */
struct sql_hooks {
    /* All statements have run, and nobody else can commit from here on. mixed:
     * the commit is also one of other hooks. */
    void (*before)(void *arg, bool mixed);
    /* Before the next writer of this process is let in. committed: it is, or
     * may be. */
    void (*after)(void *arg, bool committed);
};

struct sql_done {
    uint64_t affected;
    int64_t last_id;
};

/* One driver. Every function may fail with a code and err filled. A connection
 * belongs to one thread. A statement that writes needs begin first; BEGIN,
 * COMMIT and the like as text are refused. Deadlines are on the system's
 * monotonic clock. When a failure took the whole transaction with it (disk
 * full, deadline), every later statement and the commit answer its code until
 * rollback. A statement is never repeated behind the caller's back. */
struct sql_driver {
    enum sql_dialect dialect;
    int (*open)(const char *source, struct sql **ret, struct bus_error *err);
    void (*close)(struct sql *sql);
    /* SQLite: BEGIN IMMEDIATE, waiting for the writer's place until the
     * deadline; or a savepoint in a transaction that others of this process
     * have begun (writer.h). */
    int (*begin)(struct sql *sql, int64_t deadline, struct bus_error *err);
    int (*commit)(struct sql *sql, struct bus_error *err);
    void (*rollback)(struct sql *sql);
    int (*exec)(struct sql *sql, const char *text, const struct sql_value *args,
                size_t count, int64_t deadline, struct sql_done *ret,
                struct bus_error *err);
    /* Rows into an array of shape's structs in the arena, columns matched to
     * fields by name; at most max rows are read. */
    int (*query)(struct sql *sql, const char *text,
                 const struct sql_value *args, size_t count, int64_t deadline,
                 const struct bus_shape *row, size_t max,
                 struct bus_arena *arena, struct bus_list *ret,
                 struct bus_error *err);
    /* A statement that defines tables, without arguments, where that ends the
     * transaction by itself; NULL: exec does. */
    int (*define)(struct sql *sql, const char *text, struct bus_error *err);
    /* Sets what runs around each commit: cache deletes, so that no transaction
     * reads a cached value older than its own view. hooks stay the caller's. */
    void (*on_commit)(struct sql *sql, const struct sql_hooks *hooks,
                      void *arg);
    /* True in a transaction that will share its commit with others: it sees
     * what they changed, which is not committed and may never be, so that it
     * neither may go by a cache nor fill one. NULL: never. */
    bool (*in_company)(const struct sql *sql);
    /* Where a count stands that grows by one with every commit of anybody that
     * changed something (watch.h); any thread may load it until close. NULL:
     * this database has none. */
    const volatile _Atomic uint32_t *(*commits)(struct sql *sql);
};

/* Runs a statement that defines tables, by define or exec. */
int sql_define(const struct sql_driver *driver, struct sql *sql,
               const char *text, struct bus_error *err);

extern const struct sql_driver sql_sqlite;
extern const struct sql_driver sql_mysql;

struct bus_call;

/* From here on the call's reads outside a transaction go to a replica of the
 * data source, chosen by the configuration's policy (on), or to the source
 * itself again. What goes into a cache is read from the source all the same,
 * and so is everything where there is no replica or none answers. */
void sql_use_replica(struct bus_call *call, bool on);

/* The author's own SQL inside a handler, in the call's transaction; errors are
 * in call->error. A method marked NO_SIDE_EFFECTS reads outside any transaction
 * and sql_exec is refused to it (INTERNAL). Rows of cached tables that sql_exec
 * changed are told to model_forget. */
int sql_exec(struct bus_call *call, const char *text,
             const struct sql_value *args, size_t count, struct sql_done *ret);
int sql_query(struct bus_call *call, const char *text,
              const struct sql_value *args, size_t count,
              const struct bus_shape *row, size_t max, struct bus_list *ret);

/* Work of one transaction. It may be run several times, so it changes nothing
 * but the database and what arg points to. */
typedef int sql_work(struct bus_call *call, void *arg);

/* Runs it in a transaction of its own, which is committed, with the cache keys
 * that models collected deleted, when it answers BUS_OK, and rolled back on any
 * other code, which is returned. Afterwards other actors may be called again,
 * and what was committed stays, whatever the handler answers. Met by a deadlock
 * it is run again, five times in all; then UNAVAILABLE. Where the call is in a
 * transaction already (a saga's step, or a statement before), the work is part
 * of it: it ends with the call, and a failure is the whole call's. */
int sql_transact(struct bus_call *call, sql_work *run, void *arg);

#endif
