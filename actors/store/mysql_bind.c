/* SPDX-License-Identifier: MIT
 *
 * Arguments of a statement for MySQL's client library, which reads them while
 * it executes. Times go from UTC to the data source's zone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/mysql_rows.h"
#include "bus/text.h"

#define DATE_LEN 10 /* 2021-06-01 */

/* A time's text in UTC to the server's zone. */
static void local_time(const struct zone *zone, struct bus_bytes utc,
                       char ret[TEXT_TIME_MAX])
{
    char text[TEXT_TIME_MAX];
    int64_t us = 0;
    assert(utc.len > DATE_LEN && utc.len < sizeof(text) - 1);
    memcpy(text, utc.data, utc.len);
    text[DATE_LEN] = 'T';
    text[utc.len] = 'Z';
    struct bus_bytes full = {(const uint8_t *)text, utc.len + 1};
    enum text_fault fault = text_time(full, &us);
    assert(fault == TEXT_FINE); /* row_get wrote it */
    (void)fault;
    text_time_write(zone_to_local(zone, us), ret);
    size_t len = strlen(ret);
    if (len) {
        ret[DATE_LEN] = ' ';
        ret[len - 1] = '\0'; /* the Z */
    }
}

struct arg {
    unsigned long length;
    char time[TEXT_TIME_MAX];
};

static void bind_one(const struct zone *zone, MYSQL_BIND *bind, struct arg *arg,
                     const struct sql_value *value)
{
    bind->length = &arg->length;
    switch (value->type) {
    case SQL_INT:
    case SQL_UINT:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->is_unsigned = value->type == SQL_UINT;
        bind->buffer = (void *)(uintptr_t)&value->as;
        break;
    case SQL_DOUBLE:
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = (void *)(uintptr_t)&value->as;
        break;
    case SQL_TIME:
        local_time(zone, value->as.bytes, arg->time);
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = arg->time;
        arg->length = (unsigned long)strlen(arg->time);
        break;
    case SQL_TEXT:
    case SQL_BLOB:
        bind->buffer_type =
            value->type == SQL_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
        bind->buffer = (void *)(uintptr_t)value->as.bytes.data;
        arg->length = (unsigned long)value->as.bytes.len;
        if (!bind->buffer)
            bind->buffer = arg->time; /* an empty one, not NULL */
        break;
    case SQL_NULL:
        bind->buffer_type = MYSQL_TYPE_NULL;
        break;
    }
    bind->buffer_length = arg->length;
}

bool mysql_bind_execute(MYSQL_STMT *stmt, const struct zone *zone,
                        const struct sql_value *values, size_t count)
{
    MYSQL_BIND *binds = calloc(count + 1, sizeof(*binds));
    struct arg *args = calloc(count + 1, sizeof(*args));
    if (!binds || !args)
        abort();
    for (size_t i = 0; i < count; i++)
        bind_one(zone, &binds[i], &args[i], &values[i]);
    bool done = (count == 0 || !mysql_stmt_bind_param(stmt, binds)) &&
                !mysql_stmt_execute(stmt);
    free(binds);
    free(args);
    return done;
}
