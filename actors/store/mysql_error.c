/* SPDX-License-Identifier: MIT
 *
 * One table of numbers. `QUIET` sentences hold values (or the statement's
 * text, which an author may have pasted some into): of those only the name of
 * a column or key at their end is kept.
 */
#include "actors/store/mysql_error.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "actors/store/sql.h"
#include "bus/code.h"

enum said { QUIET, ALOUD };

static const struct meaning {
    unsigned number;
    int code;
    enum said said;
} meanings[] = {
    /* Refused values: another try cannot cure them. */
    {1048, BUS_INVALID_ARGUMENT, ALOUD}, /* NOT NULL */
    {1216, BUS_INVALID_ARGUMENT, ALOUD}, /* foreign key: no parent */
    {1217, BUS_INVALID_ARGUMENT, ALOUD}, /* foreign key: has children */
    {1264, BUS_INVALID_ARGUMENT, ALOUD}, /* out of range */
    {1265, BUS_INVALID_ARGUMENT, QUIET}, /* truncated */
    {1292, BUS_INVALID_ARGUMENT, QUIET}, /* no such date */
    {1364, BUS_INVALID_ARGUMENT, ALOUD}, /* no default */
    {1366, BUS_INVALID_ARGUMENT, QUIET}, /* wrong type or characters */
    {1406, BUS_INVALID_ARGUMENT, ALOUD}, /* too long */
    {1411, BUS_INVALID_ARGUMENT, QUIET}, /* wrong for a function */
    {1451, BUS_INVALID_ARGUMENT, ALOUD}, /* foreign key: has children */
    {1452, BUS_INVALID_ARGUMENT, ALOUD}, /* foreign key: no parent */
    {1690, BUS_INVALID_ARGUMENT, QUIET}, /* expression out of range */
    {3140, BUS_INVALID_ARGUMENT, QUIET}, /* no JSON */
    {3819, BUS_INVALID_ARGUMENT, ALOUD}, /* CHECK */
    {4025, BUS_INVALID_ARGUMENT, ALOUD}, /* CHECK, MariaDB */
    /* Curable by time. */
    {1021, BUS_UNAVAILABLE, ALOUD}, /* disk full */
    {1040, BUS_UNAVAILABLE, ALOUD}, /* too many connections */
    {1053, BUS_UNAVAILABLE, ALOUD}, /* shutting down */
    {1114, BUS_UNAVAILABLE, ALOUD}, /* table full */
    {1129, BUS_UNAVAILABLE, QUIET}, /* host blocked */
    {1203, BUS_UNAVAILABLE, ALOUD}, /* too many connections of a user */
    {1226, BUS_UNAVAILABLE, ALOUD}, /* a user's limit */
    {1290, BUS_UNAVAILABLE, ALOUD}, /* read only */
    {1317, BUS_UNAVAILABLE, ALOUD}, /* interrupted */
    {1461, BUS_UNAVAILABLE, ALOUD}, /* too many statements */
    {1836, BUS_UNAVAILABLE, ALOUD}, /* read only */
    {1969, BUS_UNAVAILABLE, ALOUD}, /* max_statement_time */
    {2001, BUS_UNAVAILABLE, ALOUD}, /* no socket */
    {2002, BUS_UNAVAILABLE, ALOUD}, /* socket: refused */
    {2003, BUS_UNAVAILABLE, ALOUD}, /* host: refused */
    {2004, BUS_UNAVAILABLE, ALOUD}, /* no TCP socket */
    {2005, BUS_UNAVAILABLE, ALOUD}, /* unknown host */
    {2026, BUS_UNAVAILABLE, ALOUD}, /* TLS */
    {3024, BUS_UNAVAILABLE, ALOUD}, /* max_execution_time */
    /* Mistakes, whose sentences name things and no values. */
    {1044, BUS_INTERNAL, ALOUD}, /* no access to the database */
    {1045, BUS_INTERNAL, ALOUD}, /* no access */
    {1049, BUS_INTERNAL, ALOUD}, /* no such database */
    {1054, BUS_INTERNAL, ALOUD}, /* no such column */
    {1142, BUS_INTERNAL, ALOUD}, /* no access to the table */
    {1064, BUS_INTERNAL, ALOUD}, /* syntax */
    {1146, BUS_INTERNAL, ALOUD}, /* no such table */
};

bool mysql_error_gone(unsigned number)
{
    static const unsigned numbers[] = {1080, 1158, 1159, 1160, 1161, 1927, 2006,
                                       2013, 2014, 2027, 2055, 4031, 5014};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        if (numbers[i] == number)
            return true;
    }
    return false;
}

/* What stands after the last occurrence of `word` up to the next quote. */
static size_t quoted(const char *text, const char *word, const char **ret)
{
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, word)); at++)
        found = at;
    if (!found)
        return 0;
    *ret = found + strlen(word);
    return strcspn(*ret, "'");
}

static int fill_duplicate(const char *text, struct bus_error *err)
{
    const char *key = "";
    size_t len = quoted(text, "for key '", &key);
    return bus_error_set(err, BUS_ALREADY_EXISTS, "duplicate key: %.*s",
                         (int)len, key);
}

/* 'name' on MySQL, `database`.`table`.`name` on MariaDB. */
static size_t column_of(const char *text, const char **ret)
{
    size_t len = quoted(text, "for column '", ret);
    if (len == 0 && quoted(text, "for column `", ret))
        len = strcspn(*ret, " ") - 1;
    return len;
}

static int fill_quiet(unsigned number, int code, const char *text,
                      struct bus_error *err)
{
    const char *column = "";
    size_t len = column_of(text, &column);
    if (len)
        return bus_error_set(err, code,
                             "database: the value of column %.*s is refused "
                             "(error %u)",
                             (int)len, column, number);
    return bus_error_set(err, code, "database: error %u", number);
}

int mysql_error_fill(unsigned number, const char *text, struct bus_error *err)
{
    if (number == 1062 || number == 1586)
        return fill_duplicate(text, err);
    if (number == 1205 || number == 1213)
        return bus_error_reason(
            err, BUS_UNAVAILABLE, SQL_DEADLOCK, "database: %s",
            number == 1213 ? "the transaction met a deadlock"
                           : "waited too long for a lock");
    if (mysql_error_gone(number))
        return bus_error_reason(err, BUS_UNKNOWN, "outcome_unknown",
                                "database: the connection was lost while a "
                                "statement was in flight");
    for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
        const struct meaning *meaning = &meanings[i];
        if (meaning->number != number)
            continue;
        if (meaning->said == ALOUD)
            return bus_error_set(err, meaning->code, "database: %s", text);
        return fill_quiet(number, meaning->code, text, err);
    }
    return fill_quiet(number, BUS_INTERNAL, text, err);
}
