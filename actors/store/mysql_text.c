/* SPDX-License-Identifier: MIT
 *
 * Looking at and writing the text of statements.
 */
#include "actors/store/mysql_text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define ARGS_MAX 8

bool mysql_text_forbidden(const char *text)
{
    static const char *const words[] = {
        "begin",    "start", "commit", "rollback", "savepoint",
        "release",  "xa",    "set",    "lock",     "unlock",
        "create",   "alter", "drop",   "rename",   "use",
        "truncate", "grant", "revoke", "analyze"};
    text += strspn(text, " \t\r\n");
    size_t len = strcspn(text, " \t\r\n;(");
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strlen(words[i]) == len && strncasecmp(text, words[i], len) == 0)
            return true;
    }
    return false;
}

bool mysql_text_reads(const char *text)
{
    text += strspn(text, " \t\r\n(");
    return strncasecmp(text, "select", 6) == 0 ||
           strncasecmp(text, "show", 4) == 0;
}

static bool value_fits(const struct sql_value *value)
{
    switch (value->type) {
    case SQL_NULL:
    case SQL_INT:
    case SQL_UINT:
        return true;
    case SQL_TEXT:
    case SQL_BLOB:
        return value->as.bytes.len <= MYSQL_TEXT_VALUE_MAX;
    case SQL_DOUBLE:
    case SQL_TIME:
        break;
    }
    return false;
}

bool mysql_text_fits(const struct sql_statement *statement)
{
    bool fits = statement->count <= ARGS_MAX;
    for (size_t i = 0; fits && i < statement->count; i++)
        fits = value_fits(&statement->args[i]);
    return fits;
}

static void write_hex(struct bus_buf *buf, struct bus_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    bus_buf_text(buf, "x'");
    for (size_t i = 0; i < bytes.len; i++) {
        bus_buf_byte(buf, (uint8_t)digits[bytes.data[i] >> 4]);
        bus_buf_byte(buf, (uint8_t)digits[bytes.data[i] & 15]);
    }
    bus_buf_byte(buf, '\'');
}

static void write_value(struct bus_buf *buf, const char *charset,
                        const struct sql_value *value)
{
    switch (value->type) {
    case SQL_INT:
        bus_buf_printf(buf, "%" PRId64, value->as.integer);
        return;
    case SQL_UINT:
        bus_buf_printf(buf, "%" PRIu64, value->as.natural);
        return;
    case SQL_TEXT:
        bus_buf_printf(buf, "_%s ", charset);
        write_hex(buf, value->as.bytes);
        return;
    case SQL_BLOB:
        write_hex(buf, value->as.bytes);
        return;
    case SQL_NULL:
    case SQL_DOUBLE:
    case SQL_TIME:
        break;
    }
    bus_buf_text(buf, "NULL");
}

void mysql_text_write(struct bus_buf *buf, const char *charset,
                      const struct sql_statement *statement)
{
    const struct sql_value *arg = statement->args;
    for (const char *at = statement->text; *at; at++) {
        if (*at == '?')
            write_value(buf, charset, arg++);
        else
            bus_buf_byte(buf, (uint8_t)*at);
    }
}

bool mysql_text_run(MYSQL *my, struct bus_bytes text, size_t number,
                    struct sql_done *ret)
{
    int more =
        mysql_real_query(my, (const char *)text.data, (unsigned long)text.len);
    for (size_t i = 0; more == 0; i++) {
        if (i == number && ret)
            *ret = (struct sql_done){mysql_affected_rows(my),
                                     (int64_t)mysql_insert_id(my)};
        more = mysql_next_result(my);
    }
    return more < 0; /* there are no more */
}
