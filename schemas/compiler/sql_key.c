/* SPDX-License-Identifier: MIT
 *
 * Keys: read as names of columns, resolved to columns when every statement has
 * had its say. What does not matter to a model (checks, foreign keys) is passed
 * over. Keys over expressions serve no method and are left out.
 */
#include <string.h>
#include <strings.h>

#include "name.h"
#include "sql.h"

/* One column of a key; false if reported. */
static bool read_part(struct sql_lex *lex, struct sql_key *key)
{
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
    return true;
}

/* (name, ...), but for the count. */
static bool read_parts(struct sql_lex *lex, struct sql_key *key)
{
    do {
        if (!read_part(lex, key))
            return false;
    } while (sql_eat(lex, ","));
    if (sql_eat(lex, ")"))
        return true;
    sql_expected(lex, "')' or ','");
    return false;
}

bool sql_key_columns(struct sql_table *table, struct sql_key *key)
{
    struct sql_lex *lex = table->lex;
    key->at = sql_peek(lex)->at;
    if (!sql_eat(lex, "(")) {
        sql_expected(lex, "'(' and the key's columns");
        return false;
    }
    if (!read_parts(lex, key)) {
        /* On behind its ')', not to complain of that one, too. */
        while (!sql_at_end(lex) && !sql_eat(lex, ")"))
            sql_skip_item(lex);
        return false;
    }
    if (key->columns.count <= SQL_KEY_COLUMNS_MAX)
        return true;
    source_error(lex->source, key->at, "more than %d columns in a key",
                 SQL_KEY_COLUMNS_MAX);
    return false;
}

struct sql_key *sql_key_add(struct sql_table *table, struct vec *keys)
{
    if (keys->count >= SQL_KEYS_MAX) {
        source_error(table->lex->source, sql_peek(table->lex)->at,
                     "more than %d keys of one table", SQL_KEYS_MAX);
        keys->count--;
    }
    return vec_add(table->lex->pool, keys, sizeof(struct sql_key));
}

static void eat_using(struct sql_lex *lex)
{
    if (sql_eat(lex, "USING") || sql_eat(lex, "TYPE"))
        sql_skip_item(lex);
}

void sql_read_key(struct sql_table *table, struct vec *keys)
{
    struct sql_lex *lex = table->lex;
    struct sql_key key = {.name = ""};
    if (!sql_eat(lex, "KEY"))
        sql_eat(lex, "INDEX");
    if (sql_eat(lex, "IF")) {
        sql_eat(lex, "NOT");
        sql_eat(lex, "EXISTS");
    }
    if (!sql_is(sql_peek(lex), "(") && !sql_is(sql_peek(lex), "USING")) {
        const char *name = sql_identifier(lex, "a key's name or '('");
        key.name = name ? name : "";
    }
    eat_using(lex);
    if (sql_key_columns(table, &key) && !key.functional)
        *sql_key_add(table, keys) = key;
}

void sql_primary_set(struct sql_table *table, const struct sql_key *key)
{
    if (table->primary.columns.count)
        source_error(table->lex->source, key->at,
                     "a second primary key, expected one");
    table->primary = *key;
}

static void read_primary(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    struct sql_key key = {.name = "PRIMARY"};
    if (!sql_eat(lex, "KEY"))
        sql_expected(lex, "KEY behind PRIMARY");
    if (!sql_is(sql_peek(lex), "(") && !sql_is(sql_peek(lex), "USING"))
        sql_identifier(lex, "'('");
    eat_using(lex);
    if (sql_key_columns(table, &key))
        sql_primary_set(table, &key);
}

/* Behind CONSTRAINT: its name, if it has one. */
static const char *constraint_name(struct sql_lex *lex)
{
    static const char *const kinds[] = {"PRIMARY", "UNIQUE", "FOREIGN", "CHECK",
                                        NULL};
    for (int i = 0; kinds[i]; i++)
        if (sql_is(sql_peek(lex), kinds[i]))
            return "";
    const char *name = sql_identifier(lex, "a constraint's name");
    return name ? name : "";
}

/* PERIOD alone may be a column. */
static bool eat_period(struct sql_lex *lex)
{
    size_t back = sql_peek(lex)->at;
    if (sql_eat(lex, "PERIOD") && sql_is(sql_peek(lex), "FOR"))
        return true;
    sql_seek(lex, back);
    return false;
}

/* VECTOR alone may be a column. */
static bool eat_vector(struct sql_lex *lex)
{
    size_t back = sql_peek(lex)->at;
    if (sql_eat(lex, "VECTOR") &&
        (sql_is(sql_peek(lex), "KEY") || sql_is(sql_peek(lex), "INDEX")))
        return true;
    sql_seek(lex, back);
    return false;
}

static void read_unique(struct sql_table *table, const char *name)
{
    size_t before = table->unique.count;
    sql_read_key(table, &table->unique);
    struct sql_key *keys = table->unique.items;
    if (table->unique.count > before && !keys[before].name[0])
        keys[before].name = name;
}

/* Behind FOREIGN: KEY [name] (columns) REFERENCES ..., of which no model has a
 * use. */
static void read_foreign(struct sql_lex *lex)
{
    if (!sql_eat(lex, "KEY"))
        sql_expected(lex, "KEY behind FOREIGN");
    if (!sql_is(sql_peek(lex), "("))
        sql_identifier(lex, "a key's name or '('");
    if (sql_is(sql_peek(lex), "("))
        sql_skip_item(lex);
    if (!sql_eat(lex, "REFERENCES"))
        sql_expected(lex, "REFERENCES");
}

bool sql_constraint(struct sql_table *table)
{
    struct sql_lex *lex = table->lex;
    const char *name = "";
    bool named = false;
    if (sql_peek(lex)->kind != SQL_WORD)
        return false;
    if (sql_eat(lex, "CONSTRAINT")) {
        name = constraint_name(lex);
        named = true;
    }
    if (sql_eat(lex, "PRIMARY"))
        read_primary(table);
    else if (sql_eat(lex, "UNIQUE"))
        read_unique(table, name);
    else if (sql_is(sql_peek(lex), "KEY") || eat_vector(lex) ||
             sql_is(sql_peek(lex), "INDEX") || sql_eat(lex, "FULLTEXT") ||
             sql_eat(lex, "SPATIAL"))
        sql_read_key(table, &table->indexes);
    else if (sql_eat(lex, "FOREIGN"))
        read_foreign(lex);
    else if (!sql_eat(lex, "CHECK") && !sql_eat(lex, "LIKE") &&
             !eat_period(lex)) {
        if (named)
            sql_expected(lex, "PRIMARY KEY, UNIQUE, FOREIGN KEY or CHECK");
        return named;
    }
    sql_skip_to_comma(lex);
    return true;
}

/* "user_id_kind" and go-zero's cache prefix, of columns that are known. */
static void name_key(struct sql_table *table, struct schema_key *key)
{
    struct pool *pool = table->lex->pool;
    const struct schema_column *all = table->columns.items;
    key->name = "";
    key->cache_prefix = pool_printf(pool, "cache:%s:", table->cache_name);
    for (uint16_t i = 0; i < key->count; i++) {
        const char *column = all[key->columns[i]].field.name;
        key->name =
            i ? pool_printf(pool, "%s_%s", key->name, name_c(pool, column))
              : name_c(pool, column);
        key->cache_prefix = pool_printf(pool, "%s%s:", key->cache_prefix,
                                        name_go(pool, column, false));
    }
}

static bool resolve(struct sql_table *table, const struct sql_key *from,
                    struct schema_key *key)
{
    const char *const *names = from->columns.items;
    uint16_t *columns =
        pool_array(table->lex->pool, from->columns.count + 1, sizeof(*columns));
    for (size_t i = 0; i < from->columns.count; i++) {
        int index = sql_column_index(table, names[i]);
        if (index < 0) {
            source_error(table->lex->source, from->at,
                         "found '%s' in a key, expected a column of '%s'",
                         names[i], table->made->name);
            return false;
        }
        columns[i] = (uint16_t)index;
    }
    *key = (struct schema_key){.columns = columns,
                               .count = (uint16_t)from->columns.count};
    return true;
}

static bool same_columns(const struct schema_key *a, const struct schema_key *b)
{
    return a->count == b->count &&
           !memcmp(a->columns, b->columns, a->count * sizeof(*a->columns));
}

/* Keys over the same columns are one; others of one name are named apart (a_b
 * over a and b, and over the column a_b). */
static bool is_new(struct sql_table *table, const struct schema_key *keys,
                   size_t count, struct schema_key *key)
{
    for (size_t i = 0; i < count; i++)
        if (same_columns(&keys[i], key))
            return false;
    name_key(table, key);
    for (size_t i = 0; i < count; i++)
        if (!strcasecmp(name_c(table->lex->pool, keys[i].name),
                        name_c(table->lex->pool, key->name))) {
            key->name = pool_printf(table->lex->pool, "%s_", key->name);
            i = (size_t)-1;
        }
    return true;
}

static struct schema_key *resolve_all(struct sql_table *table,
                                      const struct vec *raw, bool unique,
                                      uint16_t *ret_count)
{
    const struct sql_key *all = raw->items;
    struct schema_key *keys =
        pool_array(table->lex->pool, raw->count + 2, sizeof(*keys));
    size_t made = 0, before = 0;
    /* A unique key that repeats the primary one finds nothing new. */
    if (unique && table->made->primary.count)
        keys[made++] = table->made->primary;
    before = made;
    for (size_t i = 0; i < raw->count; i++)
        if (resolve(table, &all[i], &keys[made]) &&
            is_new(table, keys, made, &keys[made]))
            made++;
    *ret_count = (uint16_t)(made - before);
    return keys + before;
}

void sql_keys_resolve(struct sql_table *table)
{
    struct schema_table *made = table->made;
    made->primary.name = "";
    if (table->primary.columns.count && !table->primary.functional &&
        resolve(table, &table->primary, &made->primary))
        name_key(table, &made->primary);
    made->unique =
        resolve_all(table, &table->unique, true, &made->unique_count);
    made->indexes =
        resolve_all(table, &table->indexes, false, &made->index_count);
}
