/* SPDX-License-Identifier: MIT
 *
 * One column: its name, type and attributes, in any order. A word that is no
 * attribute is an error: most often a ',' was forgotten before it.
 */
#include <string.h>
#include <strings.h>

#include "name.h"
#include "sql.h"

static bool unwritten_name(const char *name)
{
    static const char *const names[] = {
        "create_at",  "created_at",  "create_time", "update_at",
        "updated_at", "update_time", NULL};
    for (int i = 0; names[i]; i++)
        if (!strcasecmp(names[i], name))
            return true;
    return false;
}

/* A literal, NOW(), (expression), -1, b'0', _utf8mb4'x'. */
const char *sql_default(struct sql_lex *lex)
{
    size_t from = sql_peek(lex)->at;
    if (sql_eat(lex, "NULL"))
        return NULL;
    if (sql_eat(lex, "("))
        sql_seek(lex, from);
    else if (!sql_eat(lex, "-") && !sql_eat(lex, "+"))
        sql_eat(lex, ".");
    struct sql_token first = *sql_peek(lex);
    if (sql_at_end(lex) || sql_is(&first, ",") || sql_is(&first, ")")) {
        sql_expected(lex, "a value");
        return NULL;
    }
    sql_skip_item(lex);
    const struct sql_token *token = sql_peek(lex);
    bool prefix = first.kind == SQL_WORD &&
                  (first.text[0] == '_' || token->at == first.end);
    if (sql_is(token, "(") && first.kind == SQL_WORD)
        sql_skip_item(lex);
    else if (token->kind == SQL_STRING && prefix)
        sql_next(lex);
    return sql_text_since(lex, from);
}

/* Behind REFERENCES: table (columns) MATCH x ON DELETE x ON UPDATE x. */
static void skip_reference(struct sql_lex *lex)
{
    const char *database;
    sql_table_name(lex, &database);
    if (sql_is(sql_peek(lex), "("))
        sql_skip_item(lex);
    for (;;) {
        if (sql_eat(lex, "MATCH")) {
            sql_skip_item(lex);
        } else if (sql_eat(lex, "ON")) {
            sql_skip_item(lex);
            if (sql_eat(lex, "SET") || sql_eat(lex, "NO"))
                sql_skip_item(lex);
            else
                sql_skip_item(lex);
        } else {
            return;
        }
    }
}

static void add_inline_key(struct sql_table *table, const char *column,
                           size_t at, bool primary)
{
    struct sql_key key = {.name = column, .at = at};
    vec_push(table->lex->pool, &key.columns, column);
    if (primary)
        sql_primary_set(table, &key);
    else
        *sql_key_add(table, &table->unique) = key;
}

static void read_comment(struct sql_lex *lex, struct schema_column *column)
{
    sql_eat(lex, "=");
    if (sql_peek(lex)->kind == SQL_STRING)
        column->comment = sql_next(lex).text;
    else
        sql_expected(lex, "a comment in quotes");
}

static bool is_listed(const char *const *words, const struct sql_token *word)
{
    for (; *words; words++)
        if (sql_is(word, *words))
            return true;
    return false;
}

/* Attributes that a model has no use for. False: it is none. */
static bool skip_attribute(struct sql_lex *lex, const struct sql_token *word)
{
    static const char *const alone[] = {
        "NULL",   "VIRTUAL",  "STORED",    "PERSISTENT", "GENERATED",
        "ASCII",  "UNICODE",  "BINARY",    "BYTE",       "VISIBLE",
        "SIGNED", "ENFORCED", "INVISIBLE", "VERSIONING", NULL};
    static const char *const valued[] = {"COLLATE",
                                         "CHARSET",
                                         "COLUMN_FORMAT",
                                         "STORAGE",
                                         "SRID",
                                         "CHECK",
                                         "REF_SYSTEM_ID",
                                         "ENGINE_ATTRIBUTE",
                                         "SECONDARY_ENGINE_ATTRIBUTE",
                                         NULL};
    static const char *const unsized[] = {"AUTO_RANDOM", "COMPRESSED", NULL};
    if (is_listed(alone, word))
        return true;
    if (is_listed(unsized, word)) {
        if (sql_is(sql_peek(lex), "("))
            sql_skip_item(lex);
    } else if (sql_is(word, "CONSTRAINT")) {
        if (!sql_is(sql_peek(lex), "CHECK")) /* it needs no name */
            sql_skip_item(lex);
    } else if (is_listed(valued, word)) {
        sql_eat(lex, "=");
        sql_skip_item(lex);
    } else if (sql_is(word, "CHARACTER") || sql_is(word, "CHAR")) {
        if (sql_eat(lex, "SET")) {
            sql_eat(lex, "=");
            sql_skip_item(lex);
        }
    } else if (sql_is(word, "WITH") || sql_is(word, "WITHOUT")) {
        sql_eat(lex, "SYSTEM");
    } else {
        return false;
    }
    return true;
}

/* ALWAYS AS (x), AS (x), AS ROW START. */
static void read_generated(struct sql_lex *lex, struct schema_column *column)
{
    sql_eat(lex, "AS");
    column->unwritten = true;
    if (sql_is(sql_peek(lex), "("))
        sql_skip_item(lex);
    else if (sql_eat(lex, "ROW"))
        sql_skip_item(lex);
}

static void read_serial(struct sql_table *table, struct schema_column *column,
                        size_t at)
{
    column->not_null = column->automatic = true;
    add_inline_key(table, column->field.name, at, false);
}

/* Attributes that say something of keys and values. False: it is none. */
static bool read_meaning(struct sql_table *table, struct schema_column *column,
                         const struct sql_token *word)
{
    struct sql_lex *lex = table->lex;
    const char *name = column->field.name;
    if (sql_is(word, "NOT")) {
        if (sql_eat(lex, "NULL"))
            column->not_null = true;
        else if (!sql_eat(lex, "ENFORCED") && !sql_eat(lex, "SECONDARY"))
            sql_expected(lex, "NULL");
    } else if (sql_is(word, "DEFAULT")) {
        column->fallback = sql_default(lex);
    } else if (sql_is(word, "AUTO_INCREMENT") ||
               sql_is(word, "AUTOINCREMENT")) {
        column->automatic = true;
    } else if (sql_is(word, "PRIMARY") || sql_is(word, "KEY")) {
        sql_eat(lex, "KEY");
        add_inline_key(table, name, word->at, true);
    } else if (sql_is(word, "UNIQUE")) {
        if (!sql_eat(lex, "KEY"))
            sql_eat(lex, "INDEX");
        add_inline_key(table, name, word->at, false);
    } else if (sql_is(word, "COMMENT")) {
        read_comment(lex, column);
    } else if (sql_is(word, "ON")) {
        sql_eat(lex, "UPDATE");
        sql_default(lex);
        column->on_update = true;
    } else if (sql_is(word, "AS") || sql_is(word, "ALWAYS")) {
        read_generated(lex, column);
    } else if (sql_is(word, "REFERENCES")) {
        skip_reference(lex);
    } else if (sql_is(word, "UNSIGNED") || sql_is(word, "ZEROFILL")) {
        sql_column_unsigned(lex->pool, column, word->text);
    } else if (sql_is(word, "SERIAL")) {
        if (sql_eat(lex, "DEFAULT"))
            sql_eat(lex, "VALUE");
        read_serial(table, column, word->at);
    } else {
        return false;
    }
    return true;
}

static bool at_column_end(struct sql_lex *lex)
{
    const struct sql_token *token = sql_peek(lex);
    return sql_at_end(lex) || sql_is(token, ",") || sql_is(token, ")") ||
           sql_is(token, "FIRST") || sql_is(token, "AFTER");
}

static bool read_attributes(struct sql_table *table,
                            struct schema_column *column)
{
    struct sql_lex *lex = table->lex;
    while (!at_column_end(lex)) {
        struct sql_token word = *sql_peek(lex);
        if (word.kind == SQL_WORD) {
            sql_next(lex);
            if (read_meaning(table, column, &word) ||
                skip_attribute(lex, &word))
                continue;
            sql_seek(lex, word.at);
        }
        sql_expected(lex, "an attribute of the column, ',' or ')'");
        return false;
    }
    return true;
}

bool sql_column(struct sql_table *table, struct schema_column *ret)
{
    struct sql_lex *lex = table->lex;
    struct schema_column column = {.comment = ""};
    bool serial = false;
    size_t at = sql_peek(lex)->at;
    const char *name = sql_identifier(lex, "a column's name");
    if (!name || !sql_column_type(lex, &column, &serial))
        return false;
    column.field.name = column.field.written = name;
    column.field.tag = column.field.oneof = "";
    column.field.flags = SCHEMA_IN_JSON;
    column.field.pos = source_pos(lex->source, at);
    column.unwritten = unwritten_name(name);
    if (serial)
        read_serial(table, &column, at);
    bool good = read_attributes(table, &column);
    column.field.doc = column.comment;
    *ret = column;
    return good;
}

int sql_column_index(const struct sql_table *table, const char *name)
{
    const struct schema_column *all = table->columns.items;
    for (size_t i = 0; i < table->columns.count; i++)
        if (!strcasecmp(all[i].field.name, name))
            return (int)i;
    return -1;
}

void sql_column_add(struct sql_table *table, const struct schema_column *column,
                    size_t at)
{
    struct source *source = table->lex->source;
    if (sql_column_index(table, column->field.name) >= 0) {
        source_error(source, at, "column '%s' is declared already",
                     column->field.name);
        return;
    }
    if (table->columns.count >= SCHEMA_FIELDS_MAX) {
        source_error(source, at, "more than %d columns", SCHEMA_FIELDS_MAX);
        return;
    }
    *(struct schema_column *)vec_add(table->lex->pool, &table->columns,
                                     sizeof(*column)) = *column;
}
