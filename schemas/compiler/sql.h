/* SPDX-License-Identifier: MIT
 *
 * What the parts of the SQL reader share: sql.c makes tokens and finds
 * statements, sql_table.c reads CREATE TABLE, sql_type.c knows column types.
 */
#ifndef SCHEMA_SQL_H
#define SCHEMA_SQL_H

#include "load.h"

#define SQL_SEED_BYTES_MAX 4000 /* of one INSERT that is kept as a seed */
#define SQL_SEEDS_MAX 1000      /* of one file */

enum sql_token_kind {
    SQL_END,
    SQL_WORD,   /* unquoted */
    SQL_NAME,   /* in back-quotes */
    SQL_STRING, /* decoded */
    SQL_NUMBER,
    SQL_MARK, /* one character */
};

struct sql_token {
    enum sql_token_kind kind;
    size_t at, end;
    const char *text; /* words as written */
};

struct sql_lex {
    struct source *source;
    struct pool *pool;
    size_t at;
    bool held;
    struct sql_token token;
    const char *delimiter; /* ";" */
};

const struct sql_token *sql_peek(struct sql_lex *lex);
struct sql_token sql_next(struct sql_lex *lex);
bool sql_is(const struct sql_token *token, const char *word);
/* Takes the word or mark if it is next. */
bool sql_eat(struct sql_lex *lex, const char *word);
void sql_expected(struct sql_lex *lex, const char *what);
/* A word or a name; NULL, reported, otherwise. */
const char *sql_identifier(struct sql_lex *lex, const char *what);
/* Through one balanced (...), standing before '('; or one token. */
void sql_skip_item(struct sql_lex *lex);
/* The text from an offset to where reading stands, blanks trimmed. */
const char *sql_text_since(struct sql_lex *lex, size_t from);

/* Standing before a column's type: fills kind, sql text. False if reported. */
bool sql_column_type(struct sql_lex *lex, struct schema_column *column,
                     bool *ret_serial);

/* Behind CREATE TABLE: adds a struct schema_table to tables, or reports. False
 * if it has no columns of its own (LIKE, AS SELECT): nothing is added. */
bool sql_create_table(struct sql_lex *lex, struct vec *tables);

#endif
