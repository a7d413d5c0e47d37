/* SPDX-License-Identifier: MIT
 *
 * One connection to a SQLite file, opened as the driver's rules say: WAL,
 * synced at every commit, busy and slow statements bounded by a deadline,
 * statements prepared once and kept. The only header that knows SQLite.
 */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/store/kept.h"
#include "actors/store/sql.h"

/* Used by one thread at a time. */
struct sqlite_db {
    sqlite3 *db;      /* NULL: not open */
    bool own;         /* preparing a statement of the driver's own */
    int64_t deadline; /* of the statement that runs */
    int64_t waiting_since;
    struct kept statements;
};

struct sqlite_request {
    const char *text;
    const struct sql_value *args;
    size_t count;
    int64_t deadline;
};

/* Zeroed before; closed after, also when it could not be opened. */
int sqlite_db_open(struct sqlite_db *db, const char *path,
                   struct bus_error *err);
void sqlite_db_close(struct sqlite_db *db);

/* Fills err from the connection's last failure; its code. */
int sqlite_db_fail(const struct sqlite_db *db, struct bus_error *err);

/* True for failures that must take the whole transaction with them. */
bool sqlite_db_severe(int code);

/* No transaction is open. */
bool sqlite_db_idle(const struct sqlite_db *db);

/* The prepared statement of that text, the connection's. */
int sqlite_db_prepare(struct sqlite_db *db, const char *text,
                      sqlite3_stmt **ret, struct bus_error *err);

/* Arguments must live until sqlite_db_done. */
int sqlite_db_bind(sqlite3_stmt *stmt, const struct sqlite_request *request,
                   struct bus_error *err);
void sqlite_db_done(sqlite3_stmt *stmt);

/* A statement of the driver's own, without arguments or rows. */
int sqlite_db_run(struct sqlite_db *db, const char *text,
                  struct bus_error *err);

#endif
