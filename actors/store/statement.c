/* SPDX-License-Identifier: MIT
 *
 * Building and running one statement.
 */
#include "actors/store/statement.h"

#include <assert.h>

#include "actors/store/row.h"
#include "bus/call.h"

int statement_open(struct statement *statement, struct bus_call *call,
                   size_t room)
{
    struct sql_value *args = bus_arena_array(call->arena, room, sizeof(*args));
    if (!args)
        return sql_no_memory(&call->error);
    *statement = (struct statement){.call = call, .args = args, .room = room};
    bus_buf_init(&statement->text, STATEMENT_TEXT_MAX);
    return BUS_OK;
}

void statement_close(struct statement *statement)
{
    bus_buf_release(&statement->text);
}

int statement_value(struct statement *statement,
                    const struct model_table *table, uint16_t column,
                    const void *row, struct sql_value *ret)
{
    return row_get(&table->row->fields[column], row, statement->call->arena,
                   ret, &statement->call->error);
}

void statement_add(struct statement *statement, const char *separator,
                   const char *name, const char *after,
                   const struct sql_value *value)
{
    bus_buf_printf(&statement->text, "%s`%s`%s",
                   statement->count ? separator : "", name, after);
    statement_argument(statement, value);
}

void statement_argument(struct statement *statement,
                        const struct sql_value *value)
{
    assert(statement->count < statement->room);
    statement->args[statement->count++] = *value;
}

void statement_condition(struct statement *statement)
{
    bus_buf_text(&statement->text, statement->narrowed ? " and " : " where ");
    statement->narrowed = true;
}

/* Every find builds its text: printf would take as long as the rest. */
static void add_name(struct bus_buf *text, const char *before, const char *name,
                     const char *after)
{
    bus_buf_text(text, before);
    bus_buf_text(text, name);
    bus_buf_text(text, after);
}

void statement_select(struct statement *statement,
                      const struct model_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++)
        add_name(&statement->text, i ? ", `" : "select `",
                 table->columns[i].name, "`");
    add_name(&statement->text, " from `", table->name, "`");
}

void statement_live(struct statement *statement,
                    const struct model_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct model_column *column = &table->columns[i];
        if (!(column->flags & MODEL_GONE))
            continue;
        statement_condition(statement);
        if (column->flags & MODEL_NOT_NULL)
            bus_buf_printf(&statement->text, "`%s` = 0", column->name);
        else if (table->row->fields[i].kind == BUS_TIME)
            bus_buf_printf(&statement->text, "`%s` is null", column->name);
        else
            bus_buf_printf(&statement->text, "(`%s` = 0 or `%s` is null)",
                           column->name, column->name);
    }
}

int statement_where(struct statement *statement,
                    const struct model_table *table,
                    const struct model_key *key, const void *row)
{
    for (uint16_t i = 0; i < key->count; i++) {
        uint16_t column = key->columns[i];
        struct sql_value value;
        int code = statement_value(statement, table, column, row, &value);
        if (code != BUS_OK)
            return code;
        statement_condition(statement);
        add_name(&statement->text, "`", table->columns[column].name, "` = ?");
        statement_argument(statement, &value);
    }
    return BUS_OK;
}

/* The text, ended by NUL; NULL if it did not fit. */
static const char *statement_text(struct statement *statement)
{
    bus_buf_byte(&statement->text, '\0');
    if (!statement->text.failed)
        return (const char *)statement->text.data;
    bus_error_set(&statement->call->error, BUS_INTERNAL,
                  "the SQL statement is too long");
    return NULL;
}

int statement_exec(struct statement *statement, struct sql_done *ret)
{
    const char *text = statement_text(statement);
    if (!text)
        return statement->call->error.code;
    return sql_exec(statement->call, text, statement->args, statement->count,
                    ret);
}

int statement_query(struct statement *statement, const struct bus_shape *row,
                    size_t max, struct bus_list *ret)
{
    const char *text = statement_text(statement);
    if (!text)
        return statement->call->error.code;
    return sql_query(statement->call, text, statement->args, statement->count,
                     row, max, ret);
}
