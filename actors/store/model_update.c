/* SPDX-License-Identifier: MIT
 *
 * Updates of named columns, updates of a known version of a row, and marking a
 * row as deleted. What the cache holds of the row as it was is deleted, and of
 * the row as it is now, where a unique key may have moved.
 */
#include "actors/store/find.h"
#include "actors/store/forget.h"
#include "actors/store/model_write.h"
#include "actors/store/row.h"
#include "actors/store/state.h"

#define US_A_SECOND 1000000

static void add_separator(struct statement *statement, bool first)
{
    bus_buf_text(&statement->text, first ? "" : ", ");
}

static void add_version(struct statement *statement,
                        const struct model_column *column)
{
    bus_buf_printf(&statement->text, "`%s` = `%s` + 1", column->name,
                   column->name);
}

/* ---- named columns ---- */

static int add_named(struct statement *statement,
                     const struct model_table *table, const void *row,
                     const bool *columns)
{
    bool first = true;
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct model_column *column = &table->columns[i];
        struct sql_value value;
        bool counts = !columns[i] && column->flags & MODEL_VERSION;
        if (!columns[i] && !counts)
            continue;
        if (model_in_key(&table->primary, i))
            return bus_error_set(&statement->call->error, BUS_INVALID_ARGUMENT,
                                 "%s.%s is of the primary key and stays",
                                 table->name, column->name);
        add_separator(statement, first);
        first = false;
        if (counts) {
            add_version(statement, column);
            continue;
        }
        int code = statement_value(statement, table, i, row, &value);
        if (code != BUS_OK)
            return code;
        bus_buf_printf(&statement->text, "`%s` = ?", column->name);
        statement_argument(statement, &value);
    }
    if (first)
        model_set_nothing(statement, table);
    return BUS_OK;
}

static bool moves_key(const struct model_table *table, const bool *columns)
{
    for (uint16_t i = 0; i < table->unique_count; i++) {
        const struct model_key *key = &table->unique[i];
        for (uint16_t j = 0; j < key->count; j++) {
            if (columns[key->columns[j]])
                return true;
        }
    }
    return false;
}

int model_update_columns(struct bus_call *call, const struct model_table *table,
                         const void *row, const bool *columns)
{
    struct statement statement;
    int code = model_write_open(&statement, call, table, row);
    if (code != BUS_OK)
        return code;
    bus_buf_printf(&statement.text, "update `%s` set ", table->name);
    code = add_named(&statement, table, row, columns);
    statement_live(&statement, table);
    if (code == BUS_OK)
        code = model_run_on_row(&statement, table, row);
    statement_close(&statement);
    if (code == BUS_OK && moves_key(table, columns))
        return forget_old(call, table, row); /* now it is the new one */
    return code == BUS_OK ? forget_primary(call, table, row) : code;
}

/* ---- a known version ---- */

static int version_column(const struct model_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].flags & MODEL_VERSION)
            return i;
    }
    return -1;
}

static int add_all(struct statement *statement, const struct model_table *table,
                   const void *row)
{
    for (uint16_t i = 0, added = 0; i < table->column_count; i++) {
        const struct model_column *column = &table->columns[i];
        struct sql_value value;
        if (column->flags & MODEL_UNWRITTEN || model_in_key(&table->primary, i))
            continue;
        add_separator(statement, added++ == 0);
        if (column->flags & MODEL_VERSION) {
            add_version(statement, column);
            continue;
        }
        int code = statement_value(statement, table, i, row, &value);
        if (code != BUS_OK)
            return code;
        bus_buf_printf(&statement->text, "`%s` = ?", column->name);
        statement_argument(statement, &value);
    }
    return BUS_OK;
}

/* No row was met: is there none, or is it of another version? */
static int say_conflict(struct bus_call *call, const struct model_table *table,
                        const void *row)
{
    void *now = bus_arena_alloc(call->arena, table->row->size);
    if (!now)
        return sql_no_memory(&call->error);
    int code = model_find_for_update(call, table, &table->primary, row, now);
    return code == BUS_OK
               ? bus_error_reason(&call->error, BUS_ABORTED, MODEL_CONFLICT,
                                  "%s was changed by somebody else",
                                  table->name)
               : code;
}

static int run_versioned(struct statement *statement,
                         const struct model_table *table, uint16_t version,
                         void *row)
{
    struct sql_value value;
    int code = add_all(statement, table, row);
    statement_live(statement, table);
    if (code == BUS_OK)
        code = statement_value(statement, table, version, row, &value);
    if (code != BUS_OK)
        return code;
    statement_condition(statement);
    bus_buf_printf(&statement->text, "`%s` = ?", table->columns[version].name);
    statement_argument(statement, &value);
    code = model_run_on_row(statement, table, row);
    if (code != BUS_OK)
        return code;
    value.as.natural++;
    return row_set(&table->row->fields[version], &value, statement->call->arena,
                   row, &statement->call->error);
}

int model_update_version(struct bus_call *call, const struct model_table *table,
                         void *row)
{
    struct statement statement;
    int version = version_column(table);
    if (version < 0)
        return bus_error_set(&call->error, BUS_INTERNAL,
                             "%s has no version column", table->name);
    int code = model_write_open(&statement, call, table, row);
    if (code != BUS_OK)
        return code;
    bus_buf_printf(&statement.text, "update `%s` set ", table->name);
    code = run_versioned(&statement, table, (uint16_t)version, row);
    statement_close(&statement);
    if (code == BUS_NOT_FOUND)
        return say_conflict(call, table, row);
    return code == BUS_OK ? model_forget(call, table, row) : code;
}

/* ---- marking as deleted ---- */

/* What the marking column is set to, or the one that tells when. */
static int mark_value(struct bus_call *call, const struct model_table *table,
                      uint16_t column, struct sql_value *ret)
{
    int64_t now = bus_wall(call->clock);
    const struct bus_field *field = &table->row->fields[column];
    if (!(table->columns[column].flags & MODEL_GONE_TIME)) {
        *ret = sql_int(1);
    } else if (field->kind == BUS_TIME) {
        const struct bus_field alone = {
            .name = field->name, .kind = BUS_TIME, .presence = BUS_NO_PRESENCE};
        return row_get(&alone, &now, call->arena, ret, &call->error);
    } else {
        *ret = sql_int(now / US_A_SECOND);
    }
    return BUS_OK;
}

static int add_marks(struct statement *statement,
                     const struct model_table *table)
{
    bool first = true;
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct model_column *column = &table->columns[i];
        struct sql_value value;
        bool mark = column->flags & (MODEL_GONE | MODEL_GONE_TIME);
        if (!mark && !(column->flags & MODEL_VERSION))
            continue;
        add_separator(statement, first);
        first = false;
        if (!mark) {
            add_version(statement, column);
            continue;
        }
        int code = mark_value(statement->call, table, i, &value);
        if (code != BUS_OK)
            return code;
        bus_buf_printf(&statement->text, "`%s` = ?", column->name);
        statement_argument(statement, &value);
    }
    if (first)
        return bus_error_set(&statement->call->error, BUS_INTERNAL,
                             "%s has no column that marks deleted rows",
                             table->name);
    return BUS_OK;
}

int model_delete_soft(struct bus_call *call, const struct model_table *table,
                      const void *probe)
{
    struct statement statement;
    int code = model_write_open(&statement, call, table, probe);
    if (code != BUS_OK)
        return code;
    bus_buf_printf(&statement.text, "update `%s` set ", table->name);
    code = add_marks(&statement, table);
    statement_live(&statement, table);
    if (code == BUS_OK)
        code = model_run_on_row(&statement, table, probe);
    statement_close(&statement);
    return code == BUS_OK ? forget_primary(call, table, probe) : code;
}
