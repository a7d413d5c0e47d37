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
    assert(statement->count < statement->room);
    bus_buf_printf(&statement->text, "%s`%s`%s",
                   statement->count ? separator : "", name, after);
    statement->args[statement->count++] = *value;
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
        assert(statement->count < statement->room);
        bus_buf_printf(&statement->text, "%s`%s` = ?", i ? " and " : " where ",
                       table->columns[column].name);
        statement->args[statement->count++] = value;
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
