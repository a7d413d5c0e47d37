/* SPDX-License-Identifier: MIT
 *
 * MySQL's column types and the kinds they become: integers keep width and sign,
 * decimals stay text, dates are points in time.
 */
#include <ctype.h>
#include <stdlib.h>
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
             {"middleint", SCHEMA_I32},
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
             {"float4", SCHEMA_F32},
             {"float8", SCHEMA_F64},
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

static char *lower_case(struct pool *pool, const char *text)
{
    char *out = pool_text(pool, text);
    for (char *at = out; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return out;
}

static enum schema_kind unsigned_kind(enum schema_kind kind)
{
    if (kind >= SCHEMA_I8 && kind <= SCHEMA_I64)
        return (enum schema_kind)(kind - SCHEMA_I8 + SCHEMA_U8);
    return kind;
}

/* One token of (10, 2) or ('a', "b"), as information_schema writes it. */
static const char *item_text(struct sql_lex *lex, const struct sql_token *token)
{
    struct pool *pool = lex->pool;
    if (token->kind != SQL_STRING)
        return token->text;
    char *out = pool_alloc(pool, strlen(token->text) * 2 + 3);
    size_t len = 0;
    out[len++] = '\'';
    for (const char *at = token->text; *at; at++) {
        if (*at == '\'')
            out[len++] = '\'';
        out[len++] = *at;
    }
    out[len++] = '\'';
    return out;
}

/* (10), (10, 2): numbers, at most two. */
static void check_numbers(struct sql_lex *lex)
{
    size_t back = sql_peek(lex)->at;
    sql_next(lex);
    for (int count = 0; count < 2; count++) {
        if (sql_peek(lex)->kind != SQL_NUMBER) {
            sql_expected(lex, "a number");
            break;
        }
        sql_next(lex);
        if (sql_is(sql_peek(lex), ")"))
            break;
        if (count || !sql_eat(lex, ",")) {
            sql_expected(lex, count ? "')'" : "',' or ')'");
            break;
        }
    }
    sql_seek(lex, back);
}

/* Standing before '(': everything through ')', without blanks. */
static const char *read_size(struct sql_lex *lex)
{
    struct pool *pool = lex->pool;
    size_t first = sql_peek(lex)->at;
    struct vec parts = {0};
    size_t len = 0;
    for (bool open = true; open && !sql_at_end(lex);) {
        struct sql_token token = sql_next(lex);
        const char *text = item_text(lex, &token);
        len += strlen(text);
        vec_push(pool, &parts, text);
        open = !sql_is(&token, ")");
    }
    if (sql_at_end(lex) &&
        ((const char *const *)parts.items)[parts.count - 1][0] != ')')
        source_error(lex->source, first, "this '(' has no ')'");
    char *out = pool_alloc(pool, len + 1);
    len = 0;
    for (size_t i = 0; i < parts.count; i++) {
        const char *text = ((const char *const *)parts.items)[i];
        memcpy(out + len, text, strlen(text));
        len += strlen(text);
    }
    return out;
}

/* The second word of a type that has two. */
static const struct type *read_second_word(struct sql_lex *lex,
                                           const struct type *type)
{
    static const struct {
        const char *first, *second, *name;
    } pairs[] = {{"double", "PRECISION", "double"},
                 {"character", "VARYING", "varchar"},
                 {"char", "VARYING", "varchar"},
                 {"nchar", "VARYING", "varchar"},
                 {"nchar", "VARCHAR", "varchar"},
                 {"national", "VARCHAR", "varchar"},
                 {"national", "CHARACTER", "character"},
                 {"national", "CHAR", "char"},
                 {"long", "VARCHAR", "mediumtext"},
                 {"long", "VARBINARY", "mediumblob"},
                 {"long", "CHAR", "mediumtext"},
                 {"long", "CHARACTER", "mediumtext"},
                 {"mediumtext", "VARYING", "mediumtext"},
                 {"char", "BYTE", "binary"},
                 {NULL, NULL, NULL}};
    for (int i = 0; pairs[i].first; i++) {
        if (strcmp(pairs[i].first, type->name) ||
            !sql_eat(lex, pairs[i].second))
            continue;
        type = find_type(pairs[i].name);
        i = -1;
    }
    return type;
}

/* FLOAT(25) to FLOAT(53) are doubles. */
static enum schema_kind sized_kind(const struct type *type, const char *size)
{
    if (type->kind == SCHEMA_F32 && size[0] == '(' && !strchr(size, ',') &&
        strtol(size + 1, NULL, 10) > 24)
        return SCHEMA_F64;
    return type->kind;
}

/* Standing behind the size: UNSIGNED, ZEROFILL, which implies it. */
static const char *read_sign(struct sql_lex *lex, struct schema_column *column)
{
    bool plain = true, zerofill = false;
    for (;;) {
        if (sql_eat(lex, "UNSIGNED"))
            plain = false;
        else if (sql_eat(lex, "ZEROFILL"))
            zerofill = true;
        else if (!sql_eat(lex, "SIGNED"))
            break;
    }
    if (plain && !zerofill)
        return "";
    column->field.kind = unsigned_kind(column->field.kind);
    return zerofill ? " unsigned zerofill" : " unsigned";
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

bool sql_column_type(struct sql_lex *lex, struct schema_column *column,
                     bool *ret_serial)
{
    static const char *const listing[] = {"enum", "set", NULL};
    static const char *const sized[] = {"varchar", "varcharacter", "nvarchar",
                                        "varbinary", NULL};
    const struct sql_token *token = sql_peek(lex);
    const struct type *type =
        token->kind == SQL_WORD ? find_type(token->text) : NULL;
    if (!type) {
        sql_expected(lex, "a column's type");
        return false;
    }
    const char *written = sql_next(lex).text, *size = "";
    const struct type *whole = read_second_word(lex, type);
    if (sql_is(sql_peek(lex), "(")) {
        if (!is_one_of(whole->name, listing))
            check_numbers(lex);
        size = read_size(lex);
    } else if (is_one_of(whole->name, listing)) {
        sql_expected(lex, "'(' and the values");
    } else if (is_one_of(whole->name, sized)) {
        sql_expected(lex, "'(' and the length");
    }
    column->field.kind = sized_kind(whole, size);
    *ret_serial = !strcmp(type->name, "serial");
    if (*ret_serial)
        written = "bigint unsigned";
    else if (whole != type)
        written = whole->name;
    const char *sign = read_sign(lex, column);
    column->sql = pool_printf(lex->pool, "%s%s%s",
                              lower_case(lex->pool, written), size, sign);
    column->field.type = column->sql;
    return true;
}

void sql_column_unsigned(struct pool *pool, struct schema_column *column,
                         const char *word)
{
    bool known = strstr(column->sql, " unsigned");
    if (!known)
        column->sql = pool_printf(pool, "%s unsigned", column->sql);
    if (!strcasecmp(word, "ZEROFILL") && !strstr(column->sql, " zerofill"))
        column->sql = pool_printf(pool, "%s zerofill", column->sql);
    if (!known)
        column->field.kind = unsigned_kind(column->field.kind);
    column->field.type = column->sql;
}
