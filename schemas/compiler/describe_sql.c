/* SPDX-License-Identifier: MIT
 *
 * The tables of a .sql file as JSON: columns, keys, and the model's functions.
 */
#include <stdlib.h>

#include "describe.h"
#include "gen_model.h"

static void put_column(struct out *out, const struct schema_column *column)
{
    js_open_item(out, '{');
    js_pair(out, "name", column->field.name);
    js_pair(out, "sql", column->sql);
    js_pair(out, "c", gen_kind_type(out->pool, column->field.kind));
    js_bool(out, "null", !column->not_null);
    js_pair(out, "default", column->fallback);
    js_bool(out, "auto", column->automatic);
    js_pair(out, "comment", column->comment);
    js_close(out, '}');
}

static void put_key(struct out *out, const struct schema_table *table,
                    const struct schema_key *key)
{
    for (uint16_t i = 0; i < key->count; i++)
        js_item(out, table->columns[key->columns[i]].field.name);
    js_close(out, ']');
}

static void put_keys(struct out *out, const struct schema_table *table,
                     const struct schema_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        js_open_item(out, '[');
        put_key(out, table, &keys[i]);
    }
    js_close(out, ']');
}

static void put_methods(struct out *out, const struct schema_table *table)
{
    js_open(out, "methods", '[');
    js_item(out, "insert");
    if (table->primary.count)
        js_item(out, "find_one");
    for (uint16_t i = 0; i < table->unique_count; i++)
        js_item(out, pool_printf(out->pool, "find_one_by_%s",
                                 table->unique[i].name));
    if (table->primary.count) {
        js_item(out, "update");
        js_item(out, "delete");
    }
    js_close(out, ']');
    js_open(out, "cache_keys", '[');
    if (table->primary.count)
        js_item(out, table->primary.cache_prefix);
    for (uint16_t i = 0; i < table->unique_count; i++)
        js_item(out, table->unique[i].cache_prefix);
    js_close(out, ']');
    struct vec more = {0};
    gen_model_more_names(out->pool, table, &more);
    js_open(out, "more_methods", '[');
    for (size_t i = 0; i < more.count; i++)
        js_item(out, ((const char *const *)more.items)[i]);
    js_close(out, ']');
}

static void put_table(struct out *out, const struct schema_table *table)
{
    js_open_item(out, '{');
    js_pair(out, "name", table->name);
    js_pair(out, "comment", table->comment);
    js_open(out, "columns", '[');
    for (uint16_t i = 0; i < table->column_count; i++)
        put_column(out, &table->columns[i]);
    js_close(out, ']');
    js_open(out, "primary", '[');
    put_key(out, table, &table->primary);
    js_open(out, "unique", '[');
    put_keys(out, table, table->unique, table->unique_count);
    js_open(out, "indexes", '[');
    put_keys(out, table, table->indexes, table->index_count);
    put_methods(out, table);
    js_close(out, '}');
}

void describe_sql(struct out *out, const struct schema_unit *unit)
{
    js_open(out, "skipped", '{');
    for (size_t i = 0; i < unit->skipped_count; i++)
        js_number(out, unit->skipped[i].key,
                  strtoll(unit->skipped[i].value, NULL, 10));
    js_close(out, '}');
    js_open(out, "tables", '[');
    for (size_t i = 0; i < unit->table_count; i++)
        put_table(out, unit->tables[i]);
    js_close(out, ']');
}
