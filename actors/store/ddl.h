/* SPDX-License-Identifier: MIT
 *
 * Tables as statements: on SQLite what MySQL's types mean there, checked by the
 * database itself (STRICT tables, ranges and lengths as CHECK); on MySQL as the
 * schema has them.
 */
#ifndef STORE_DDL_H
#define STORE_DDL_H

#include "actors/store/model.h"
#include "actors/store/sql.h"

#define DDL_TEXT_MAX ((size_t)1 << 20) /* bytes of one statement */

/* Creates the table and its unique indexes and runs its seeds, if there is no
 * such table; otherwise checks that it has every column (FAILED_PRECONDITION,
 * naming the first that is missing). Inside a transaction of the caller. */
int ddl_ensure(const struct sql_driver *driver, struct sql *sql,
               const struct model_table *table, struct bus_error *err);

/* Appends the CREATE TABLE statement for SQLite. INVALID_ARGUMENT for what it
 * cannot do. */
int ddl_table(struct bus_buf *buf, const struct model_table *table,
              struct bus_error *err);

/* The same for MySQL, keys included; types as the schema has them. */
void ddl_mysql_table(struct bus_buf *buf, const struct model_table *table);

/* Appends the key's columns: `a`, `b`. */
void ddl_key(struct bus_buf *buf, const struct model_table *table,
             const struct model_key *key);

#endif
