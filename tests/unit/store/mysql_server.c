/* SPDX-License-Identifier: MIT
 *
 * Statements on the server itself; a failure ends the test.
 */
#include "tests/unit/store/mysql_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/store/sql.h"
#include "bus/code.h"
#include "bus/error.h"

bool mysql_server_wanted(void)
{
    return getenv("TROUPE_TEST_MYSQL") != NULL;
}

static void run(const char *text)
{
    char source[256];
    struct sql *sql = NULL;
    struct bus_error err = {0};
    snprintf(source, sizeof(source), "root@unix(%s)/",
             getenv("TROUPE_TEST_MYSQL"));
    if (sql_mysql.open(source, &sql, &err) != BUS_OK ||
        sql_mysql.define(sql, text, &err) != BUS_OK) {
        fprintf(stderr, "%s: %s\n", text, err.sentence);
        abort();
    }
    sql_mysql.close(sql);
}

void mysql_server_make(const char *name, char *source, size_t size)
{
    char text[128];
    run("drop database if exists dtm_barrier");
    snprintf(text, sizeof(text), "create database `%s`", name);
    run(text);
    snprintf(source, size,
             "root@unix(%s)/%s?charset=utf8mb4&parseTime=true&"
             "loc=Asia%%2FShanghai",
             getenv("TROUPE_TEST_MYSQL"), name);
}

void mysql_server_drop(const char *name)
{
    char text[128];
    snprintf(text, sizeof(text), "drop database `%s`", name);
    run(text);
}
