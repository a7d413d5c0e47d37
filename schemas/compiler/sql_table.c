/* SPDX-License-Identifier: MIT
 *
 * CREATE TABLE: columns with their attributes, keys inline and apart. What does
 * not matter to a model (checks, foreign keys, partitions) is passed over.
 */
#include <string.h>
#include <strings.h>

#include "name.h"
#include "sql.h"

/* A key while its columns are still names. */
struct raw_key {
    struct vec columns; /* const char * */
    size_t at;
    bool functional; /* over expressions: no method can use it */
};

struct table {
    struct sql_lex *lex;
    struct schema_table *table;
    struct vec columns; /* struct schema_column */
    struct raw_key primary;
    struct vec unique; /* struct raw_key */
    struct vec indexes;
};

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

/* Standing before '(': name [(length)] [ASC|DESC], ... */
static bool read_key_columns(struct table *table, struct raw_key *key)
{
    struct sql_lex *lex = table->lex;
    key->at = sql_peek(lex)->at;
    if (!sql_eat(lex, "(")) {
        sql_expected(lex, "'(' and the key's columns");
        return false;
    }
    do {
        if (sql_is(sql_peek(lex), "(")) {
            sql_skip_item(lex);
            key->functional = true;
        } else {
            const char *name = sql_identifier(lex, "a column's name");
            if (!name)
                return false;
            vec_push(lex->pool, &key->columns, name);
        }
        if (sql_is(sql_peek(lex), "("))
            sql_skip_item(lex);
        if (!sql_eat(lex, "ASC"))
            sql_eat(lex, "DESC");
    } while (sql_eat(lex, ","));
    if (sql_eat(lex, ")"))
        return true;
    sql_expected(lex, "')' or ','");
    return false;
}

/* To the next ',' or ')' of the table itself. */
static void skip_to_end(struct sql_lex *lex)
{
    for (;;) {
        const struct sql_token *token = sql_peek(lex);
        if (token->kind == SQL_END || sql_is(token, ",") ||
            sql_is(token, ")") || sql_is(token, ";"))
            return;
        sql_skip_item(lex);
    }
}

static struct raw_key *add_key(struct table *table, struct vec *keys)
{
    return vec_add(table->lex->pool, keys, sizeof(struct raw_key));
}

/* [INDEX|KEY] [name] [USING x] (columns) */
static void read_key(struct table *table, struct vec *keys)
{
    struct sql_lex *lex = table->lex;
    if (!sql_eat(lex, "KEY"))
        sql_eat(lex, "INDEX");
    if (!sql_is(sql_peek(lex), "(") && !sql_is(sql_peek(lex), "USING"))
        sql_identifier(lex, "a key's name or '('");
    if (sql_eat(lex, "USING"))
        sql_skip_item(lex);
    struct raw_key key = {0};
    if (read_key_columns(table, &key) && !key.functional)
        *add_key(table, keys) = key;
}

static void read_primary(struct table *table)
{
    struct sql_lex *lex = table->lex;
    if (!sql_eat(lex, "KEY"))
        sql_expected(lex, "KEY behind PRIMARY");
    if (sql_eat(lex, "USING"))
        sql_skip_item(lex);
    else if (!sql_is(sql_peek(lex), "("))
        sql_identifier(lex, "'('");
    if (table->primary.columns.count)
        source_error(lex->source, sql_peek(lex)->at,
                     "a second primary key, expected one");
    table->primary = (struct raw_key){0};
    read_key_columns(table, &table->primary);
}

/* A key, a constraint, a check. False: it is a column. */
static bool read_constraint(struct table *table)
{
    struct sql_lex *lex = table->lex;
    if (sql_peek(lex)->kind != SQL_WORD)
        return false;
    if (sql_eat(lex, "CONSTRAINT")) {
        const struct sql_token *token = sql_peek(lex);
        if (!sql_is(token, "PRIMARY") && !sql_is(token, "UNIQUE") &&
            !sql_is(token, "FOREIGN") && !sql_is(token, "CHECK"))
            sql_identifier(lex, "a constraint's name");
    }
    if (sql_eat(lex, "PRIMARY"))
        read_primary(table);
    else if (sql_eat(lex, "UNIQUE"))
        read_key(table, &table->unique);
    else if (sql_is(sql_peek(lex), "KEY") || sql_is(sql_peek(lex), "INDEX"))
        read_key(table, &table->indexes);
    else if (!sql_eat(lex, "FULLTEXT") && !sql_eat(lex, "SPATIAL") &&
             !sql_eat(lex, "FOREIGN") && !sql_eat(lex, "CHECK") &&
             !sql_eat(lex, "PERIOD") && !sql_eat(lex, "LIKE"))
        return false;
    skip_to_end(lex);
    return true;
}

/* Behind DEFAULT: a literal, NOW(), (expression), -1, b'0'. */
static const char *read_default(struct sql_lex *lex)
{
    size_t from = sql_peek(lex)->at;
    if (sql_eat(lex, "NULL"))
        return NULL;
    if (sql_is(sql_peek(lex), "(")) {
        sql_skip_item(lex);
        return sql_text_since(lex, from);
    }
    if (sql_eat(lex, "-") || sql_eat(lex, "+"))
        sql_next(lex);
    else
        sql_next(lex);
    const struct sql_token *token = sql_peek(lex);
    if (sql_is(token, "("))
        sql_skip_item(lex);
    else if (token->kind == SQL_STRING && token->at == lex->at)
        sql_next(lex);
    return sql_text_since(lex, from);
}

static void add_inline_key(struct table *table, struct raw_key *key,
                           const char *column, size_t at)
{
    key->at = at;
    vec_push(table->lex->pool, &key->columns, column);
}

static void read_generated(struct sql_lex *lex, struct schema_column *column)
{
    if (sql_is(sql_peek(lex), "("))
        sql_skip_item(lex);
    column->unwritten = true;
}

/* One attribute of a column. */
static void read_attribute(struct table *table, struct schema_column *column)
{
    struct sql_lex *lex = table->lex;
    struct sql_token word = sql_next(lex);
    const char *name = column->field.name;
    if (sql_is(&word, "NOT") && sql_eat(lex, "NULL")) {
        column->not_null = true;
    } else if (sql_is(&word, "DEFAULT")) {
        column->fallback = read_default(lex);
    } else if (sql_is(&word, "AUTO_INCREMENT")) {
        column->automatic = true;
    } else if (sql_is(&word, "PRIMARY") || sql_is(&word, "KEY")) {
        sql_eat(lex, "KEY");
        add_inline_key(table, &table->primary, name, word.at);
    } else if (sql_is(&word, "UNIQUE")) {
        sql_eat(lex, "KEY");
        add_inline_key(table, add_key(table, &table->unique), name, word.at);
    } else if (sql_is(&word, "COMMENT")) {
        sql_eat(lex, "=");
        if (sql_peek(lex)->kind == SQL_STRING)
            column->comment = sql_next(lex).text;
        else
            sql_expected(lex, "a comment in quotes");
    } else if (sql_is(&word, "ON")) {
        sql_eat(lex, "UPDATE");
        read_default(lex);
        column->on_update = true;
    } else if (sql_is(&word, "AS") || sql_is(&word, "ALWAYS")) {
        read_generated(lex, column);
    } else if (sql_is(&word, "REFERENCES") || sql_is(&word, "COLLATE")) {
        sql_next(lex);
    } else if (sql_is(&word, "(")) {
        lex->at = word.at;
        lex->held = false;
        sql_skip_item(lex);
    }
}

static bool same_column(const struct table *table, const char *name)
{
    const struct schema_column *all = table->columns.items;
    for (size_t i = 0; i < table->columns.count; i++)
        if (!strcasecmp(all[i].field.name, name))
            return true;
    return false;
}

static bool read_column(struct table *table)
{
    struct sql_lex *lex = table->lex;
    struct pool *pool = lex->pool;
    struct schema_column column = {.comment = ""};
    bool serial = false;
    size_t at = sql_peek(lex)->at;
    const char *name = sql_identifier(lex, "a column's name");
    if (!name || !sql_column_type(lex, &column, &serial))
        return false;
    if (same_column(table, name))
        source_error(lex->source, at, "column '%s' is declared already", name);
    if (table->columns.count >= SCHEMA_FIELDS_MAX) {
        source_error(lex->source, at, "more than %d columns",
                     SCHEMA_FIELDS_MAX);
        return false;
    }
    column.field.name = column.field.written = name;
    column.field.tag = column.field.oneof = column.field.doc = "";
    column.field.flags = SCHEMA_IN_JSON;
    column.field.pos = source_pos(lex->source, at);
    column.go_name = name_camel(pool, name, true);
    column.unwritten = unwritten_name(name);
    if (serial) {
        column.not_null = column.automatic = true;
        add_inline_key(table, add_key(table, &table->unique), name, at);
    }
    while (sql_peek(lex)->kind != SQL_END && !sql_is(sql_peek(lex), ",") &&
           !sql_is(sql_peek(lex), ")") && !sql_is(sql_peek(lex), ";"))
        read_attribute(table, &column);
    column.field.doc = column.comment;
    *(struct schema_column *)vec_add(pool, &table->columns, sizeof(column)) =
        column;
    return true;
}

static int column_index(const struct table *table, const char *name)
{
    const struct schema_column *all = table->columns.items;
    for (size_t i = 0; i < table->columns.count; i++)
        if (!strcasecmp(all[i].field.name, name))
            return (int)i;
    return -1;
}

/* Names to indexes; "user_id_kind"; go-zero's cache prefix. */
static bool resolve_key(struct table *table, const struct raw_key *from,
                        struct schema_key *key)
{
    struct pool *pool = table->lex->pool;
    const char *const *names = from->columns.items;
    uint16_t *columns =
        pool_array(pool, from->columns.count + 1, sizeof(*columns));
    const char *name = "";
    const char *prefix = pool_printf(
        pool, "cache:%s:", name_camel(pool, table->table->name, false));
    for (size_t i = 0; i < from->columns.count; i++) {
        int index = column_index(table, names[i]);
        if (index < 0) {
            source_error(table->lex->source, from->at,
                         "found '%s' in a key, expected a column of '%s'",
                         names[i], table->table->name);
            return false;
        }
        const struct schema_column *all = table->columns.items;
        columns[i] = (uint16_t)index;
        name = pool_printf(pool, "%s%s%s", name, i ? "_" : "",
                           all[index].field.name);
        prefix = pool_printf(pool, "%s%s:", prefix,
                             name_camel(pool, all[index].field.name, false));
    }
    *key = (struct schema_key){name, columns, (uint16_t)from->columns.count,
                               prefix};
    return true;
}

static bool known_key(const struct schema_table *table,
                      const struct schema_key *keys, size_t count,
                      const struct schema_key *key)
{
    if (!strcmp(table->primary.name, key->name))
        return true;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(keys[i].name, key->name))
            return true;
    return false;
}

static struct schema_key *resolve_keys(struct table *table,
                                       const struct vec *raw, uint16_t *count)
{
    const struct raw_key *all = raw->items;
    struct schema_key *keys =
        pool_array(table->lex->pool, raw->count + 1, sizeof(*keys));
    size_t made = 0;
    for (size_t i = 0; i < raw->count; i++)
        if (resolve_key(table, &all[i], &keys[made]) &&
            !known_key(table->table, keys, made, &keys[made]))
            made++;
    *count = (uint16_t)made;
    return keys;
}

static void finish_columns(struct table *table)
{
    struct schema_column *all = table->columns.items;
    struct pool *pool = table->lex->pool;
    for (size_t i = 0; i < table->columns.count; i++) {
        struct schema_field *field = &all[i].field;
        field->c_name = name_member(pool, field->name);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(all[j].field.c_name, field->c_name))
                field->c_name = pool_printf(pool, "%s_", field->c_name);
    }
    for (uint16_t i = 0; i < table->table->primary.count; i++)
        all[table->table->primary.columns[i]].not_null = true;
    for (size_t i = 0; i < table->columns.count; i++) {
        if (all[i].not_null)
            continue;
        all[i].field.presence = true;
        all[i].field.flags |= SCHEMA_NULLABLE;
    }
}

static void finish_table(struct table *table, struct vec *tables)
{
    struct schema_table *made = table->table;
    made->primary.name = "";
    if (table->primary.columns.count)
        resolve_key(table, &table->primary, &made->primary);
    made->unique = resolve_keys(table, &table->unique, &made->unique_count);
    made->indexes = resolve_keys(table, &table->indexes, &made->index_count);
    finish_columns(table);
    made->columns = table->columns.items;
    made->column_count = (uint16_t)table->columns.count;
    vec_push(table->lex->pool, tables, made);
}

/* Behind the columns: ENGINE=..., COMMENT='...'. */
static void read_options(struct table *table)
{
    struct sql_lex *lex = table->lex;
    while (sql_peek(lex)->kind != SQL_END &&
           strcmp(sql_peek(lex)->text, lex->delimiter)) {
        if (!sql_eat(lex, "COMMENT")) {
            sql_skip_item(lex);
            continue;
        }
        sql_eat(lex, "=");
        if (sql_peek(lex)->kind == SQL_STRING)
            table->table->comment = sql_next(lex).text;
    }
}

static const char *read_name(struct sql_lex *lex)
{
    if (sql_eat(lex, "IF")) {
        sql_eat(lex, "NOT");
        sql_eat(lex, "EXISTS");
    }
    const char *name = sql_identifier(lex, "a table's name");
    if (name && sql_eat(lex, "."))
        name = sql_identifier(lex, "a table's name");
    return name;
}

bool sql_create_table(struct sql_lex *lex, struct vec *tables)
{
    struct pool *pool = lex->pool;
    struct table table = {.lex = lex,
                          .table = pool_alloc(pool, sizeof(*table.table))};
    size_t at = sql_peek(lex)->at;
    const char *name = read_name(lex);
    if (!name)
        return true;
    table.table->pos = source_pos(lex->source, at);
    table.table->name = name;
    table.table->comment = "";
    table.table->c_name = name_c(pool, pool_printf(pool, "%s_row", name));
    if (!sql_eat(lex, "(")) {
        bool like = sql_is(sql_peek(lex), "LIKE") ||
                    sql_is(sql_peek(lex), "AS") ||
                    sql_is(sql_peek(lex), "SELECT");
        if (!like)
            sql_expected(lex, "'(' and the columns");
        return !like;
    }
    do {
        if (!read_constraint(&table) && !read_column(&table))
            skip_to_end(lex);
    } while (sql_eat(lex, ","));
    if (!sql_eat(lex, ")")) {
        sql_expected(lex, "',' or ')'");
        return true;
    }
    read_options(&table);
    if (table.columns.count)
        finish_table(&table, tables);
    return table.columns.count > 0;
}
