/* SPDX-License-Identifier: MIT
 *
 * The journal's statements for MySQL and MariaDB, where a round trip costs what
 * a row does not: rows are written many at once. A row that belongs to another
 * orchestrator is left as it is. The journal's thread only.
 */
#ifndef SAGA_JOURNAL_MYSQL_H
#define SAGA_JOURNAL_MYSQL_H

#include "actors/saga/journal_lease.h"

#define JOURNAL_MYSQL_SIZES 5 /* of statements: 256, 64, 16, 4 rows and one */

struct journal_mysql {
    struct lease lease;
    char *texts[JOURNAL_MYSQL_SIZES]; /* owned; made when first needed */
    size_t state_max; /* bytes of a state that the server takes */
};

extern const char *const journal_mysql_schema[]; /* NULL at the end */
extern const char journal_mysql_find[];
extern const char journal_mysql_list[];
extern const char journal_mysql_list_whole[];
extern const char journal_mysql_due[];
extern const char journal_mysql_expire[];
extern const char journal_mysql_kv_insert[];

/* In a transaction. Sets taken of rows whose gid is to be new and is another
 * orchestrator's already. */
int journal_mysql_write(struct journal_mysql *mysql, struct journal_job *job,
                        struct bus_error *err);
/* Connects, makes the tables where they are missing and takes the owner's row.
 * *ret_sql is the caller's to close, also after an error; NULL: none. */
int journal_mysql_open(struct journal_mysql *mysql,
                       const struct journal_options *options,
                       struct sql **ret_sql, struct bus_error *err);
void journal_mysql_release(struct journal_mysql *mysql);

#endif
