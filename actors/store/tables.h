/* SPDX-License-Identifier: MIT
 *
 * What tables a live MySQL or MariaDB has, told as CREATE TABLE statements:
 * names, types, defaults, keys and comments, as information_schema knows them.
 * The schema compiler reads that as it reads a .sql file.
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "actors/store/sql.h"

#define TABLES_MAX 4096             /* of one database */
#define TABLES_COLUMNS_MAX 4096     /* of one table; keys' columns, too */
#define TABLES_WAIT_S 30            /* for each answer of the server */
#define TABLES_BYTES_MAX (64 << 20) /* of all statements */

/* Appends the tables whose names one of the patterns matches ("user,order_*":
 * '*' for any characters, '?' for one; NULL: all), in the order of their names.
 * NOT_FOUND names a pattern that matches none; RESOURCE_EXHAUSTED for more than
 * the limits; else the database's own errors. The database is the connection's.
 */
int tables_print(const struct sql_driver *driver, struct sql *sql,
                 const char *patterns, struct bus_buf *out,
                 struct bus_error *err);

#endif
