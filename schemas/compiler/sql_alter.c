/* SPDX-License-Identifier: MIT
 *
 * ALTER TABLE on a table of the same file: what adds, changes, drops or renames
 * columns and keys is applied, everything else is passed over.
 */
#include <string.h>
#include <strings.h>

#include "name.h"
#include "sql.h"

static void remove_at(struct vec *vec, size_t index, size_t size)
{
    char *items = vec->items;
    memmove(items + index * size, items + (index + 1) * size,
            (vec->count - index - 1) * size);
    vec->count--;
}

/* Behind a column's definition: FIRST, AFTER x; moves the last column there. */
static void place_column(struct sql_table *table, size_t from)
{
    struct sql_lex *lex = table->lex;
    size_t to = from;
    if (sql_eat(lex, "FIRST")) {
        to = 0;
    } else if (sql_eat(lex, "AFTER")) {
        size_t at = sql_peek(lex)->at;
        const char *name = sql_identifier(lex, "a column's name");
        int index = name ? sql_column_index(table, name) : -1;
        if (name && index < 0)
            source_error(lex->source, at,
                         "found '%s', expected a column of '%s'", name,
                         table->made->name);
        if (index >= 0)
            to = (size_t)index + ((size_t)index < from);
    }
    if (from >= table->columns.count)
        return;
    struct schema_column *all = table->columns.items;
    struct schema_column moved = all[from];
    if (to < from)
        memmove(&all[to + 1], &all[to], (from - to) * sizeof(*all));
    else
        memmove(&all[from], &all[from + 1], (to - from) * sizeof(*all));
    all[to] = moved;
}

static void eat_if_exists(struct sql_lex *lex)
{
    if (!sql_eat(lex, "IF"))
        return;
    sql_eat(lex, "NOT");
    sql_eat(lex, "EXISTS");
}

static void add_one(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    struct schema_column column;
    size_t at = sql_peek(lex)->at, count = table->columns.count;
    if (sql_constraint(table))
        return;
    if (!sql_column(table, &column)) {
        sql_skip_to_comma(lex);
        return;
    }
    sql_column_add(table, &column, at);
    place_column(table, count);
}

static bool alter_add(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    if (sql_is(sql_peek(lex), "PARTITION"))
        return false;
    sql_eat(lex, "COLUMN");
    eat_if_exists(lex);
    if (!sql_eat(lex, "(")) {
        add_one(table);
        return true;
    }
    do
        add_one(table);
    while (sql_eat(lex, ","));
    if (!sql_eat(lex, ")"))
        sql_expected(lex, "',' or ')'");
    return true;
}

static void rename_in_keys(struct vec *keys, const char *old, const char *name)
{
    struct sql_key *all = keys->items;
    for (size_t i = 0; i < keys->count; i++) {
        const char **columns = all[i].columns.items;
        for (size_t j = 0; j < all[i].columns.count; j++)
            if (!strcasecmp(columns[j], old))
                columns[j] = name;
    }
}

static void rename_column(struct sql_table *table, const char *old,
                          const char *name)
{
    struct vec primary = {&table->primary, 1, 1};
    rename_in_keys(&primary, old, name);
    rename_in_keys(&table->unique, old, name);
    rename_in_keys(&table->indexes, old, name);
}

/* A column of the table that is named next; -1, said, if there is none. */
static int known_column(struct sql_table *table, const char **ret_name)
{
    struct sql_lex *lex = table->lex;
    size_t at = sql_peek(lex)->at;
    *ret_name = sql_identifier(lex, "a column's name");
    int index = *ret_name ? sql_column_index(table, *ret_name) : -1;
    if (*ret_name && index < 0)
        source_error(lex->source, at, "found '%s', expected a column of '%s'",
                     *ret_name, table->made->name);
    return index;
}

/* MODIFY name definition; CHANGE old name definition. */
static bool alter_change(struct sql_table *table, bool renames)
{
    struct sql_lex *lex = table->lex;
    struct schema_column column;
    const char *old;
    sql_eat(lex, "COLUMN");
    eat_if_exists(lex);
    size_t at = sql_peek(lex)->at;
    int index = known_column(table, &old);
    if (!renames)
        sql_seek(lex, at);
    bool good = sql_column(table, &column);
    if (!good || index < 0) {
        sql_skip_to_comma(lex);
        return true;
    }
    ((struct schema_column *)table->columns.items)[index] = column;
    rename_column(table, old, column.field.name);
    place_column(table, (size_t)index);
    return true;
}

static bool drop_key(struct vec *keys, const char *name)
{
    const struct sql_key *all = keys->items;
    for (size_t i = 0; i < keys->count; i++) {
        if (strcasecmp(all[i].name, name))
            continue;
        remove_at(keys, i, sizeof(*all));
        return true;
    }
    return false;
}

/* A dropped column leaves its keys, and takes those of it alone with it. */
static void drop_from_keys(struct vec *keys, const char *column)
{
    struct sql_key *all = keys->items;
    for (size_t i = 0; i < keys->count; i++) {
        const char *const *names = all[i].columns.items;
        for (size_t j = 0; j < all[i].columns.count; j++)
            if (!strcasecmp(names[j], column)) {
                remove_at(&all[i].columns, j, sizeof(*names));
                j--;
            }
        if (!all[i].columns.count)
            remove_at(keys, i--, sizeof(*all));
    }
}

static bool drop_column(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    const char *name;
    bool lenient = sql_is(sql_peek(lex), "IF");
    eat_if_exists(lex);
    if (lenient &&
        (sql_peek(lex)->kind == SQL_WORD || sql_peek(lex)->kind == SQL_NAME) &&
        sql_column_index(table, sql_peek(lex)->text) < 0) {
        sql_next(lex);
        return true;
    }
    int index = known_column(table, &name);
    if (index < 0)
        return true;
    remove_at(&table->columns, (size_t)index, sizeof(struct schema_column));
    drop_from_keys(&table->unique, name);
    drop_from_keys(&table->indexes, name);
    struct vec primary = {&table->primary, 1, 1};
    drop_from_keys(&primary, name);
    return true;
}

bool sql_key_drop(struct sql_table *table, const char *name)
{
    return drop_key(&table->unique, name) || drop_key(&table->indexes, name);
}

static bool alter_drop(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    if (sql_eat(lex, "PRIMARY")) {
        table->primary = (struct sql_key){0};
        return true;
    }
    if (sql_eat(lex, "FOREIGN") || sql_eat(lex, "CHECK") ||
        sql_eat(lex, "PARTITION"))
        return false;
    if (sql_eat(lex, "INDEX") || sql_eat(lex, "KEY") ||
        sql_eat(lex, "CONSTRAINT")) {
        eat_if_exists(lex);
        const char *name = sql_identifier(lex, "a key's name");
        return name && sql_key_drop(table, name);
    }
    sql_eat(lex, "COLUMN");
    return drop_column(table);
}

static bool rename_one(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    const char *old, *name;
    int index = known_column(table, &old);
    if (!sql_eat(lex, "TO"))
        sql_expected(lex, "TO");
    name = sql_identifier(lex, "a column's name");
    if (index < 0 || !name)
        return true;
    struct schema_column *column =
        (struct schema_column *)table->columns.items + index;
    column->field.name = column->field.written = name;
    rename_column(table, old, name);
    return true;
}

/* ALTER [COLUMN] name SET DEFAULT value, DROP DEFAULT. */
static bool alter_default(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    const char *name;
    if (sql_is(sql_peek(lex), "INDEX") || sql_is(sql_peek(lex), "CHECK") ||
        sql_is(sql_peek(lex), "CONSTRAINT"))
        return false;
    sql_eat(lex, "COLUMN");
    int index = known_column(table, &name);
    if (index < 0)
        return true;
    struct schema_column *column =
        (struct schema_column *)table->columns.items + index;
    if (sql_eat(lex, "SET") && sql_eat(lex, "DEFAULT"))
        column->fallback = sql_default(lex);
    else if (sql_eat(lex, "DROP") && sql_eat(lex, "DEFAULT"))
        column->fallback = NULL;
    return true;
}

/* RENAME COLUMN a TO b, RENAME INDEX a TO b, RENAME [TO|AS] table. */
static bool alter_rename(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    if (sql_eat(lex, "COLUMN"))
        return rename_one(table);
    if (sql_is(sql_peek(lex), "INDEX") || sql_is(sql_peek(lex), "KEY"))
        return false;
    if (!sql_eat(lex, "TO") && !sql_eat(lex, "AS"))
        sql_eat(lex, "=");
    table->renamed = sql_table_name(lex, &table->renamed_database);
    return true;
}

static bool alter_action(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    if (sql_eat(lex, "ADD"))
        return alter_add(table);
    if (sql_eat(lex, "MODIFY"))
        return alter_change(table, false);
    if (sql_eat(lex, "CHANGE"))
        return alter_change(table, true);
    if (sql_eat(lex, "DROP"))
        return alter_drop(table);
    if (sql_eat(lex, "ALTER"))
        return alter_default(table);
    if (sql_eat(lex, "RENAME"))
        return alter_rename(table);
    if (!sql_eat(lex, "COMMENT"))
        return false;
    sql_eat(lex, "=");
    if (sql_peek(lex)->kind == SQL_STRING)
        table->made->comment = sql_next(lex).text;
    return true;
}

bool sql_alter_table(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    bool applied = false;
    do {
        applied |= alter_action(table);
        sql_skip_to_comma(lex);
    } while (sql_eat(lex, ","));
    return applied;
}
