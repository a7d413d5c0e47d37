/* SPDX-License-Identifier: MIT
 *
 * CREATE TABLE for MySQL: the schema's own words again.
 */
#include "actors/store/ddl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of a text's beginning in an index: four of them fit the 3072 bytes that
 * InnoDB has for a key. */
#define INDEX_CHARACTERS 191

/* The digits of datetime(6), which ON UPDATE must repeat. */
static const char *precision(const char *type)
{
    const char *open = strchr(type, '(');
    return open ? open : "";
}

static void add_column(struct bus_buf *buf, const struct model_column *column)
{
    bus_buf_printf(buf, "`%s` %s", column->name, column->type);
    bus_buf_text(buf, column->flags & MODEL_NOT_NULL ? " NOT NULL" : " NULL");
    if (column->flags & MODEL_AUTO)
        bus_buf_text(buf, " AUTO_INCREMENT");
    if (column->fallback && *column->fallback)
        bus_buf_printf(buf, " DEFAULT %s", column->fallback);
    if (column->flags & MODEL_ON_UPDATE)
        bus_buf_printf(buf, " ON UPDATE CURRENT_TIMESTAMP%s",
                       precision(column->type));
}

/* True if an index can only hold the beginning of such a column. */
static bool is_long(const char *type)
{
    static const char *const words[] = {"char(", "varchar(", "binary(",
                                        "varbinary("};
    size_t word = strcspn(type, " (");
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t len = strlen(words[i]);
        if (strncasecmp(type, words[i], len) == 0)
            return strtoul(type + len, NULL, 10) > INDEX_CHARACTERS;
    }
    return word >= 4 && (strncasecmp(type + word - 4, "text", 4) == 0 ||
                         strncasecmp(type + word - 4, "blob", 4) == 0);
}

static bool has_json(const struct model_table *table,
                     const struct model_key *key)
{
    for (uint16_t i = 0; i < key->count; i++) {
        if (strcasecmp(table->columns[key->columns[i]].type, "json") == 0)
            return true;
    }
    return false;
}

/* Not for JSON, which MySQL puts into no index. */
static void add_index(struct bus_buf *buf, const struct model_table *table,
                      const struct model_key *key)
{
    if (has_json(table, key))
        return;
    bus_buf_printf(buf, ", KEY `%s_index` (", key->name);
    for (uint16_t i = 0; i < key->count; i++) {
        const struct model_column *column = &table->columns[key->columns[i]];
        bus_buf_printf(buf, "%s`%s`", i ? ", " : "", column->name);
        if (is_long(column->type))
            bus_buf_printf(buf, "(%d)", INDEX_CHARACTERS);
    }
    bus_buf_byte(buf, ')');
}

void ddl_mysql_table(struct bus_buf *buf, const struct model_table *table)
{
    bus_buf_printf(buf, "CREATE TABLE `%s` (", table->name);
    for (uint16_t i = 0; i < table->column_count; i++) {
        bus_buf_text(buf, i ? ", " : "");
        add_column(buf, &table->columns[i]);
    }
    if (table->primary.count) {
        bus_buf_text(buf, ", PRIMARY KEY (");
        ddl_key(buf, table, &table->primary);
        bus_buf_byte(buf, ')');
    }
    for (uint16_t i = 0; i < table->unique_count; i++) {
        bus_buf_printf(buf, ", UNIQUE KEY `%s` (", table->unique[i].name);
        ddl_key(buf, table, &table->unique[i]);
        bus_buf_byte(buf, ')');
    }
    for (uint16_t i = 0; i < table->index_count; i++)
        add_index(buf, table, &table->indexes[i]);
    bus_buf_text(buf, ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
}
