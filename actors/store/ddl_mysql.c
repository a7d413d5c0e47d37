/* SPDX-License-Identifier: MIT
 *
 * CREATE TABLE for MySQL: the schema's own words again.
 */
#include "actors/store/ddl.h"

#include <string.h>

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
    bus_buf_text(buf, ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
}
