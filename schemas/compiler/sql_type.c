/* SPDX-License-Identifier: MIT
 *
 * MySQL's column types and the kinds they become: integers keep width and sign,
 * decimals stay text, dates are points in time.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sql.h"

static const struct type {
    const char *name;
    enum schema_kind kind;
} types[] = {{"tinyint", SCHEMA_I8},
             {"smallint", SCHEMA_I16},
             {"mediumint", SCHEMA_I32},
             {"int", SCHEMA_I32},
             {"integer", SCHEMA_I32},
             {"bigint", SCHEMA_I64},
             {"int1", SCHEMA_I8},
             {"int2", SCHEMA_I16},
             {"int3", SCHEMA_I32},
             {"int4", SCHEMA_I32},
             {"int8", SCHEMA_I64},
             {"bool", SCHEMA_I8},
             {"boolean", SCHEMA_I8},
             {"bit", SCHEMA_U64},
             {"year", SCHEMA_I16},
             {"serial", SCHEMA_U64},
             {"float", SCHEMA_F32},
             {"double", SCHEMA_F64},
             {"real", SCHEMA_F64},
             {"decimal", SCHEMA_DECIMAL},
             {"numeric", SCHEMA_DECIMAL},
             {"dec", SCHEMA_DECIMAL},
             {"fixed", SCHEMA_DECIMAL},
             {"char", SCHEMA_TEXT},
             {"character", SCHEMA_TEXT},
             {"varchar", SCHEMA_TEXT},
             {"varcharacter", SCHEMA_TEXT},
             {"nchar", SCHEMA_TEXT},
             {"nvarchar", SCHEMA_TEXT},
             {"national", SCHEMA_TEXT},
             {"tinytext", SCHEMA_TEXT},
             {"text", SCHEMA_TEXT},
             {"mediumtext", SCHEMA_TEXT},
             {"longtext", SCHEMA_TEXT},
             {"long", SCHEMA_TEXT},
             {"json", SCHEMA_TEXT},
             {"enum", SCHEMA_TEXT},
             {"set", SCHEMA_TEXT},
             {"binary", SCHEMA_BYTES},
             {"varbinary", SCHEMA_BYTES},
             {"tinyblob", SCHEMA_BYTES},
             {"blob", SCHEMA_BYTES},
             {"mediumblob", SCHEMA_BYTES},
             {"longblob", SCHEMA_BYTES},
             {"geometry", SCHEMA_BYTES},
             {"point", SCHEMA_BYTES},
             {"linestring", SCHEMA_BYTES},
             {"polygon", SCHEMA_BYTES},
             {"multipoint", SCHEMA_BYTES},
             {"multilinestring", SCHEMA_BYTES},
             {"multipolygon", SCHEMA_BYTES},
             {"geometrycollection", SCHEMA_BYTES},
             {"geomcollection", SCHEMA_BYTES},
             {"vector", SCHEMA_BYTES},
             {"date", SCHEMA_TIME},
             {"datetime", SCHEMA_TIME},
             {"timestamp", SCHEMA_TIME},
             {"time", SCHEMA_TEXT},
             {"uuid", SCHEMA_TEXT},
             {"inet4", SCHEMA_TEXT},
             {"inet6", SCHEMA_TEXT},
             {NULL, SCHEMA_TEXT}};

static const struct type *find_type(const char *name)
{
    for (const struct type *type = types; type->name; type++)
        if (!strcasecmp(type->name, name))
            return type;
    return NULL;
}

static void lower_case(char *text)
{
    /* The values of an enum keep their case. */
    for (bool quoted = false; *text; text++) {
        quoted = quoted != (*text == '\'');
        if (!quoted)
            *text = (char)tolower((unsigned char)*text);
    }
}

static enum schema_kind unsigned_kind(enum schema_kind kind)
{
    if (kind >= SCHEMA_I8 && kind <= SCHEMA_I64)
        return (enum schema_kind)(kind - SCHEMA_I8 + SCHEMA_U8);
    return kind;
}

bool sql_column_type(struct sql_lex *lex, struct schema_column *column,
                     bool *ret_serial)
{
    const struct sql_token *token = sql_peek(lex);
    const struct type *type =
        token->kind == SQL_WORD ? find_type(token->text) : NULL;
    if (!type) {
        sql_expected(lex, "a column's type");
        return false;
    }
    char *sql = pool_text(lex->pool, sql_next(lex).text);
    if (sql_eat(lex, "VARYING") || sql_eat(lex, "PRECISION") ||
        sql_eat(lex, "VARCHAR") || sql_eat(lex, "CHAR"))
        sql = pool_text(lex->pool, sql);
    if (sql_is(sql_peek(lex), "(")) {
        size_t from = sql_peek(lex)->at;
        sql_skip_item(lex);
        sql = pool_printf(lex->pool, "%s%s", sql, sql_text_since(lex, from));
    }
    column->field.kind = type->kind;
    *ret_serial = !strcmp(type->name, "serial");
    for (;;) {
        if (sql_eat(lex, "UNSIGNED")) {
            sql = pool_printf(lex->pool, "%s unsigned", sql);
            column->field.kind = unsigned_kind(type->kind);
        } else if (sql_eat(lex, "ZEROFILL")) {
            sql = pool_printf(lex->pool, "%s zerofill", sql);
            column->field.kind = unsigned_kind(type->kind);
        } else if (!sql_eat(lex, "SIGNED")) {
            break;
        }
    }
    lower_case(sql);
    column->sql = sql;
    column->field.type = sql;
    return true;
}
