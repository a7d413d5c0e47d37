/* SPDX-License-Identifier: MIT
 *
 * Insert, update and delete of one row, by statements built from the table.
 * Each collects the cache keys of what it changed (forget.h): the row's own
 * and, where unique keys may have moved, those of the row as it was. Reading is
 * in find.c and find_list.c, updates of a part in model_update.c, many rows at
 * once in model_batch.c.
 */
#include "actors/store/model.h"

#include <string.h>

#include "actors/store/find.h"
#include "actors/store/forget.h"
#include "actors/store/model_write.h"
#include "actors/store/row.h"
#include "actors/store/state.h"
#include "actors/store/statement.h"

/* ---- insert ---- */

bool model_is_zero(const struct sql_value *value)
{
    return value->type == SQL_NULL ||
           (value->type == SQL_INT && value->as.integer == 0) ||
           (value->type == SQL_UINT && value->as.natural == 0);
}

/* Adds the columns to be written, the database's own left out. ret_auto: the
 * column whose value the database chooses, or -1. */
static int add_written(struct statement *statement,
                       const struct model_table *table, const void *row,
                       int *ret_auto)
{
    *ret_auto = -1;
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].flags & MODEL_UNWRITTEN)
            continue;
        struct sql_value value;
        int code = statement_value(statement, table, i, row, &value);
        if (code != BUS_OK)
            return code;
        if (table->columns[i].flags & MODEL_AUTO && model_is_zero(&value))
            *ret_auto = i;
        else
            statement_add(statement, ", ", table->columns[i].name, "", &value);
    }
    /* A row of nothing else still needs a column to name. */
    const struct sql_value null = {.type = SQL_NULL};
    if (statement->count == 0 && *ret_auto >= 0)
        statement_add(statement, ", ", table->columns[*ret_auto].name, "",
                      &null);
    return BUS_OK;
}

static int insert_run(struct statement *statement,
                      const struct model_table *table, void *row)
{
    int auto_column;
    struct sql_done done;
    bus_buf_printf(&statement->text, "insert into `%s` (", table->name);
    int code = add_written(statement, table, row, &auto_column);
    bus_buf_text(&statement->text, ") values (");
    for (size_t i = 0; i < statement->count; i++)
        bus_buf_text(&statement->text, i ? ", ?" : "?");
    bus_buf_text(&statement->text, ")");
    if (code == BUS_OK)
        code = statement_exec(statement, &done);
    if (code == BUS_OK && auto_column >= 0) {
        struct sql_value id = sql_int(done.last_id);
        code = row_set(&table->row->fields[auto_column], &id,
                       statement->call->arena, row, &statement->call->error);
    }
    return code;
}

int model_insert(struct bus_call *call, const struct model_table *table,
                 void *row)
{
    struct statement statement;
    int code = statement_open(&statement, call, table->column_count);
    if (code != BUS_OK)
        return code;
    code = insert_run(&statement, table, row);
    statement_close(&statement);
    return code == BUS_OK ? model_forget(call, table, row) : code;
}

/* ---- update and delete ---- */

bool model_in_key(const struct model_key *key, uint16_t column)
{
    for (uint16_t i = 0; i < key->count; i++) {
        if (key->columns[i] == column)
            return true;
    }
    return false;
}

void model_set_nothing(struct statement *statement,
                       const struct model_table *table)
{
    const char *name = table->columns[table->primary.columns[0]].name;
    bus_buf_printf(&statement->text, "`%s` = `%s`", name, name);
}

static int add_sets(struct statement *statement,
                    const struct model_table *table, const void *row)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        struct sql_value value;
        if (table->columns[i].flags & MODEL_UNWRITTEN ||
            model_in_key(&table->primary, i))
            continue;
        int code = statement_value(statement, table, i, row, &value);
        if (code != BUS_OK)
            return code;
        statement_add(statement, ", ", table->columns[i].name, " = ?", &value);
    }
    if (statement->count == 0)
        model_set_nothing(statement, table);
    return BUS_OK;
}

int model_write_open(struct statement *statement, struct bus_call *call,
                     const struct model_table *table, const void *probe)
{
    int code = store_use_to_write(call);
    if (code == BUS_OK)
        code = forget_old(call, table, probe);
    if (code == BUS_OK)
        code = statement_open(statement, call,
                              table->column_count + table->primary.count + 1);
    return code;
}

int model_run_on_row(struct statement *statement,
                     const struct model_table *table, const void *row)
{
    struct sql_done done = {0};
    int code = statement_where(statement, table, &table->primary, row);
    if (code == BUS_OK)
        code = statement_exec(statement, &done);
    if (code == BUS_OK && done.affected == 0)
        code = find_nothing(statement->call, table, &table->primary);
    return code;
}

int model_update(struct bus_call *call, const struct model_table *table,
                 const void *row)
{
    struct statement statement;
    int code = model_write_open(&statement, call, table, row);
    if (code != BUS_OK)
        return code;
    bus_buf_printf(&statement.text, "update `%s` set ", table->name);
    code = add_sets(&statement, table, row);
    statement_live(&statement, table);
    if (code == BUS_OK)
        code = model_run_on_row(&statement, table, row);
    statement_close(&statement);
    return code == BUS_OK ? model_forget(call, table, row) : code;
}

int model_delete(struct bus_call *call, const struct model_table *table,
                 const void *probe)
{
    struct statement statement;
    int code = model_write_open(&statement, call, table, probe);
    if (code != BUS_OK)
        return code;
    bus_buf_printf(&statement.text, "delete from `%s`", table->name);
    code = model_run_on_row(&statement, table, probe);
    statement_close(&statement);
    return code == BUS_OK ? forget_primary(call, table, probe) : code;
}
