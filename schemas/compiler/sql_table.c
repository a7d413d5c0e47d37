/* SPDX-License-Identifier: MIT
 *
 * CREATE TABLE: columns and keys in any order, then the table's options, of
 * which only the comment matters here.
 */
#include <string.h>

#include "map.h"
#include "name.h"
#include "sql.h"

bool sql_at_statement(struct sql_lex *lex)
{
    static const char *const starts[] = {
        "CREATE", "DROP",   "ALTER",    "SET",       "LOCK",
        "USE",    "INSERT", "TRUNCATE", "DELIMITER", NULL};
    const struct sql_token *token = sql_peek(lex);
    for (int i = 0; starts[i] && token->line_start; i++)
        if (sql_is(token, starts[i]))
            return true;
    return false;
}

/* Behind the columns: ENGINE=..., COMMENT='...', PARTITION ... */
static void read_options(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    while (!sql_at_end(lex) && !sql_at_statement(lex)) {
        if (sql_is(sql_peek(lex), ")")) {
            sql_expected(lex, "an option of the table or its end");
            return;
        }
        if (!sql_eat(lex, "COMMENT")) {
            sql_skip_item(lex);
            continue;
        }
        sql_eat(lex, "=");
        if (sql_peek(lex)->kind == SQL_STRING)
            table->made->comment = sql_next(lex).text;
    }
}

const char *sql_table_name(struct sql_lex *lex, const char **ret_database)
{
    const char *name = sql_identifier(lex, "a table's name");
    *ret_database = NULL;
    if (name && sql_eat(lex, ".")) {
        *ret_database = name;
        name = sql_identifier(lex, "a table's name");
    }
    return name;
}

/* LIKE other; SELECT ... somewhere before the statement's end. */
static bool copies_another(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    size_t at = sql_peek(lex)->at;
    bool found = false;
    if (sql_eat(lex, "LIKE")) {
        table->like = sql_table_name(lex, &table->like_database);
        return true;
    }
    while (!found && !sql_at_end(lex)) {
        struct sql_token token = sql_next(lex);
        found = sql_is(&token, "SELECT");
    }
    if (found)
        return true;
    sql_seek(lex, at);
    sql_expected(lex, "'(' and the columns");
    return false;
}

static void read_definitions(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    do {
        struct schema_column column;
        size_t at = sql_peek(lex)->at;
        if (sql_constraint(table))
            continue;
        if (sql_column(table, &column))
            sql_column_add(table, &column, at);
        else
            sql_skip_to_comma(lex);
    } while (sql_eat(lex, ","));
}

bool sql_create_table(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    if (!sql_eat(lex, "("))
        return !copies_another(table);
    if (sql_is(sql_peek(lex), "SELECT") || sql_is(sql_peek(lex), "LIKE"))
        return !copies_another(table);
    size_t errors = lex->source->errors;
    read_definitions(table);
    if (!sql_eat(lex, ")")) {
        sql_expected(lex, "',' or ')'");
        return true;
    }
    read_options(table);
    if (!table->columns.count && lex->source->errors == errors)
        source_error(lex->source, table->at,
                     "found no columns in '%s', expected one",
                     table->made->name);
    return true;
}

/* "CreateTime"; two that Go would call the same (it would not compile then) are
 * told apart, for a cached row has one of each. */
static void name_cached(struct sql_table *table)
{
    struct pool *pool = table->lex->pool;
    struct schema_column *all = table->columns.items;
    struct map used = {0};
    for (size_t i = 0; i < table->columns.count; i++) {
        const char *name =
            name_go_safe(pool, name_go(pool, all[i].field.name, true));
        while (map_get(&used, name))
            name = pool_printf(pool, "%s_", name);
        map_put(pool, &used, name, all);
        all[i].go_name = name;
    }
}

void sql_table_finish(struct sql_table *table)
{
    struct schema_table *made = table->made;
    struct schema_column *all = table->columns.items;
    sql_keys_resolve(table);
    for (uint16_t i = 0; i < made->primary.count; i++)
        all[made->primary.columns[i]].not_null = true;
    for (size_t i = 0; i < table->columns.count; i++) {
        if (all[i].not_null)
            continue;
        all[i].field.presence = true;
        all[i].field.flags |= SCHEMA_NULLABLE;
    }
    if (all)
        name_members(table->lex->pool, &all->field, table->columns.count,
                     sizeof(*all));
    sql_roles(all, table->columns.count, &made->primary);
    name_cached(table);
    if (!made->primary.count)
        made->note = "no primary key: it gets no update, delete or find_one";
    made->columns = all;
    made->column_count = (uint16_t)table->columns.count;
}

static void copy_keys(struct pool *pool, struct vec *to, const struct vec *from)
{
    const struct sql_key *keys = from->items;
    for (size_t i = 0; i < from->count; i++) {
        struct sql_key *key = vec_add(pool, to, sizeof(*key));
        const char *const *names = keys[i].columns.items;
        *key = keys[i];
        key->columns = (struct vec){0};
        for (size_t j = 0; j < keys[i].columns.count; j++)
            vec_push(pool, &key->columns, names[j]);
    }
}

void sql_table_copy(struct sql_table *table, const struct sql_table *from)
{
    struct pool *pool = table->lex->pool;
    const struct schema_column *columns = from->columns.items;
    struct sql_key primary_key = from->primary;
    const struct vec primary = {&primary_key, 1, 1};
    struct vec copied = {0};
    for (size_t i = 0; i < from->columns.count; i++)
        *(struct schema_column *)vec_add(pool, &table->columns,
                                         sizeof(*columns)) = columns[i];
    copy_keys(pool, &copied, &primary);
    table->primary = *(struct sql_key *)copied.items;
    copy_keys(pool, &table->unique, &from->unique);
    copy_keys(pool, &table->indexes, &from->indexes);
    table->made->comment = from->made->comment;
}
