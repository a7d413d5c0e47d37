/* SPDX-License-Identifier: MIT
 *
 * Statements that make the tables where they are missing.
 */
#include "actors/saga/journal_sqlite.h"

#include <stddef.h>

const char *const journal_sqlite_schema[] = {
    "CREATE TABLE IF NOT EXISTS saga ("
    "gid VARCHAR(128) NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL, "
    "status VARCHAR(16) NOT NULL, finished BIGINT NOT NULL, "
    "due BIGINT NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL, "
    "type VARCHAR(16) NOT NULL, failing VARCHAR(64) NOT NULL, "
    "error VARCHAR(256) NOT NULL, state BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS saga_due ON saga (due, gid) "
    "WHERE finished = 0",
    "CREATE INDEX IF NOT EXISTS saga_created ON saga (created)",
    "CREATE TABLE IF NOT EXISTS saga_kv ("
    "category VARCHAR(64) NOT NULL, name VARCHAR(128) NOT NULL, "
    "value TEXT NOT NULL, version BIGINT NOT NULL, created BIGINT NOT NULL, "
    "updated BIGINT NOT NULL, PRIMARY KEY (category, name))",
    "CREATE TABLE IF NOT EXISTS saga_probe (id BIGINT NOT NULL PRIMARY KEY, "
    "at BIGINT NOT NULL)",
    NULL,
};
