/* SPDX-License-Identifier: MIT
 *
 * tables [PATTERNS]: the tables of the database in TROUPE_DATA_SOURCE, as
 * CREATE TABLE statements on standard output. `bus gen model --url` starts it,
 * so that the command itself knows no database. The data source holds a
 * password: it comes by the environment, for anybody may read arguments. Exit
 * status: 0, or 1 with a sentence on standard error.
 */
#include <stdio.h>
#include <stdlib.h>

#include "actors/store/tables.h"
#include "bus/code.h"

static int run(struct sql *sql, const char *patterns, struct bus_error *err)
{
    struct bus_buf out;
    bus_buf_init(&out, TABLES_BYTES_MAX);
    int code = tables_print(&sql_mysql, sql, patterns, &out, err);
    if (code == BUS_OK &&
        (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout)))
        code = bus_error_set(err, BUS_UNAVAILABLE, "cannot write");
    bus_buf_release(&out);
    return code;
}

int main(int argc, char **argv)
{
    const char *source = getenv("TROUPE_DATA_SOURCE");
    struct bus_error err = {0};
    struct sql *sql;
    if (!source || argc > 2) {
        fputs("usage: TROUPE_DATA_SOURCE=... tables [PATTERNS]\n", stderr);
        return 2;
    }
    int code = sql_mysql.open(source, &sql, &err);
    if (code == BUS_OK) {
        code = run(sql, argc > 1 ? argv[1] : NULL, &err);
        sql_mysql.close(sql);
    }
    if (code == BUS_OK)
        return 0;
    fprintf(stderr, "tables: %s: %s\n", bus_code_name(code), err.sentence);
    return 1;
}
