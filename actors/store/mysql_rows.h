/* SPDX-License-Identifier: MIT
 *
 * Internal to mysql.c: values into a statement, and its rows into C structs.
 */
#ifndef STORE_MYSQL_ROWS_H
#define STORE_MYSQL_ROWS_H

#include <stdbool.h>

#include <mysql.h>

#include "actors/store/row.h"
#include "actors/store/zone.h"

/* Binds as many values as the statement has parameters and executes it. False:
 * the statement knows why. */
bool mysql_bind_execute(MYSQL_STMT *stmt, const struct zone *zone,
                        const struct sql_value *values, size_t count);

#define MYSQL_ROWS_FAILED (-1) /* the statement knows why */

/* One value while it is read; kept and freed by the connection. */
struct mysql_scratch {
    uint8_t *data;
    size_t room;
};

struct mysql_reading {
    MYSQL_STMT *stmt; /* executed */
    const struct zone *zone;
    struct mysql_scratch *scratch;
    struct row_array rows;
};

/* Fills reading->rows. A code with err, or MYSQL_ROWS_FAILED. */
int mysql_rows_read(struct mysql_reading *reading, struct bus_error *err);

#endif
