/* SPDX-License-Identifier: MIT
 *
 * What the parts of the SQL reader share: sql_lex.c makes tokens, sql.c finds
 * statements, sql_table.c reads CREATE TABLE, sql_column.c one column,
 * sql_alter.c what changes a table later, sql_key.c makes the keys of all that,
 * sql_type.c knows column types, sql_role.c what names of columns mean.
 */
#ifndef SCHEMA_SQL_H
#define SCHEMA_SQL_H

#include "load.h"

#define SQL_SEED_BYTES_MAX 4000 /* of one INSERT that is kept as a seed */
#define SQL_SEEDS_MAX 1000      /* of one file */
#define SQL_KEYS_MAX 512        /* of one table and kind */
#define SQL_KEY_COLUMNS_MAX 64  /* of one key */
#define SQL_ALIKE_MAX 16        /* tables that C would name alike */
#define SQL_WORDS_MAX 64        /* kinds of statements that are counted apart */

enum sql_token_kind {
    SQL_END,
    SQL_WORD,   /* unquoted */
    SQL_NAME,   /* in back-quotes */
    SQL_STRING, /* decoded */
    SQL_NUMBER,
    SQL_MARK, /* one character, or the delimiter */
};

struct sql_token {
    enum sql_token_kind kind;
    size_t at, end;
    const char *text; /* words as written */
    bool line_start;  /* first on its line */
};

struct sql_lex {
    struct source *source;
    struct pool *pool;
    size_t at;
    bool held;
    struct sql_token token;
    const char *delimiter; /* ";" */
    bool unended; /* a BEGIN had no END: they are not looked for any more */
};

const struct sql_token *sql_peek(struct sql_lex *lex);
struct sql_token sql_next(struct sql_lex *lex);
/* Forgets the lookahead; reading goes on at that offset. */
void sql_seek(struct sql_lex *lex, size_t at);
bool sql_is(const struct sql_token *token, const char *word);
/* The end of the file or of the statement. */
bool sql_at_end(struct sql_lex *lex);
/* Takes the word or mark if it is next. */
bool sql_eat(struct sql_lex *lex, const char *word);
void sql_expected(struct sql_lex *lex, const char *what);
/* A word or a name; NULL, reported, otherwise. */
const char *sql_identifier(struct sql_lex *lex, const char *what);
/* Through one balanced (...), standing before '('; or one token. Never beyond
 * the statement. */
void sql_skip_item(struct sql_lex *lex);
/* To the next ',' or ')' at this depth, or the statement's end. */
void sql_skip_to_comma(struct sql_lex *lex);
/* Through the delimiter, without making tokens. stop_at_create: also before a
 * CREATE TABLE at the start of a line, where somebody forgot the delimiter. */
void sql_skip_statement(struct sql_lex *lex, bool stop_at_create);
/* The same through the body of a procedure or a trigger, which may hold the
 * delimiter between BEGIN and END. */
void sql_skip_routine(struct sql_lex *lex);
/* The text from an offset to where reading stands, blanks trimmed. */
const char *sql_text_since(struct sql_lex *lex, size_t from);

/* A key while its columns are still names. */
struct sql_key {
    const char *name;   /* "" if it has none */
    struct vec columns; /* const char * */
    size_t at;
    bool functional; /* over expressions: no method can use it */
};

/* A table while statements may still change it. */
struct sql_table {
    struct sql_lex *lex;
    struct schema_table *made;
    const char *database;
    struct vec columns; /* struct schema_column */
    struct sql_key primary;
    struct vec unique, indexes;             /* struct sql_key */
    const char *cache_name;                 /* go-zero\'s, "thirdPayment" */
    size_t at;                              /* of its name */
    const char *renamed, *renamed_database; /* by the last ALTER; NULL */
    const char *like, *like_database;       /* CREATE TABLE ... LIKE it; NULL */
    bool dropped;
};

/* Standing before a column's type: fills kind, sql text. False if reported. */
bool sql_column_type(struct sql_lex *lex, struct schema_column *column,
                     bool *ret_serial);

/* UNSIGNED or ZEROFILL, late. */
void sql_column_unsigned(struct pool *pool, struct schema_column *column,
                         const char *word);

/* A column's definition, its name first. False if reported. */
bool sql_column(struct sql_table *table, struct schema_column *ret);
/* Behind DEFAULT: its value as SQL text; NULL for NULL. */
const char *sql_default(struct sql_lex *lex);
int sql_column_index(const struct sql_table *table, const char *name);
/* Adds it at the end; refused, and said, if there is one of that name. */
void sql_column_add(struct sql_table *table, const struct schema_column *column,
                    size_t at);

/* A key, a constraint, a check. False: it is a column. */
bool sql_constraint(struct sql_table *table);
/* Behind UNIQUE or KEY: [KEY|INDEX] [name] [USING x] (columns). */
void sql_read_key(struct sql_table *table, struct vec *keys);
/* Standing before '(': name [(length)] [ASC|DESC], ... */
bool sql_key_columns(struct sql_table *table, struct sql_key *key);
struct sql_key *sql_key_add(struct sql_table *table, struct vec *keys);
void sql_primary_set(struct sql_table *table, const struct sql_key *key);
void sql_keys_resolve(struct sql_table *table);

/* database.table or table. */
const char *sql_table_name(struct sql_lex *lex, const char **ret_database);

/* Before a word that begins a statement, on a line of its own: it ends the one
 * before it, for people forget the ';'. */
bool sql_at_statement(struct sql_lex *lex);

/* Behind the name in CREATE TABLE: reads columns and options into the table, or
 * reports. False if it has no columns of its own (LIKE, AS SELECT). */
bool sql_create_table(struct sql_table *table);

/* Behind the name in ALTER TABLE. False if nothing of it matters here. */
bool sql_alter_table(struct sql_table *table);

/* Notes the columns that say what becomes of a row. */
void sql_roles(struct schema_column *columns, size_t count,
               const struct schema_key *primary);

/* Columns and keys of another table, which stays as it is. */
void sql_table_copy(struct sql_table *table, const struct sql_table *from);

/* A key of that name goes. False: there is none. */
bool sql_key_drop(struct sql_table *table, const char *name);

/* Fills table->made. */
void sql_table_finish(struct sql_table *table);

#endif
