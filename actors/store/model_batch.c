/* SPDX-License-Identifier: MIT
 *
 * Inserting many rows. One statement takes as many as fit its limits and agree
 * on whether the database chooses their keys. The keys that it chose follow one
 * another: SQLite has one writer at a time, and MySQL reserves them at once for
 * an INSERT whose rows are counted beforehand (innodb_autoinc_lock_mode, every
 * value), in steps of auto_increment_increment.
 */
#include "actors/store/forget.h"
#include "actors/store/model_write.h"
#include "actors/store/row.h"
#include "actors/store/state.h"

#define BATCH_ROWS 256
#define BATCH_ARGUMENTS 16384         /* SQLite takes 32766 */
#define BATCH_BYTES ((size_t)1 << 20) /* of texts; MySQL takes 16 MB */

struct batch {
    struct bus_call *call;
    const struct model_table *table;
    char *rows;
    size_t count;
    int auto_column; /* -1: none */
    bool chosen;     /* by the database */
    int64_t step;    /* between two keys that it chose */
};

static int auto_column(const struct model_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].flags & MODEL_AUTO)
            return i;
    }
    return -1;
}

static void *row_at(const struct batch *batch, size_t index)
{
    return batch->rows + index * batch->table->row->size;
}

/* True if the database is to choose the row's key. */
static int chooses(const struct batch *batch, const void *row, bool *ret)
{
    struct sql_value value;
    if (batch->auto_column < 0) {
        *ret = false;
        return BUS_OK;
    }
    int code = row_get(&batch->table->row->fields[batch->auto_column], row,
                       batch->call->arena, &value, &batch->call->error);
    if (code == BUS_OK)
        *ret = model_is_zero(&value);
    return code;
}

static bool is_written(const struct batch *batch, uint16_t column)
{
    return !(batch->table->columns[column].flags & MODEL_UNWRITTEN) &&
           !(batch->chosen && column == batch->auto_column);
}

/* How many columns are written, named in the text. */
static size_t add_names(const struct batch *batch, struct statement *statement)
{
    size_t count = 0;
    bus_buf_printf(&statement->text, "insert into `%s` (", batch->table->name);
    for (uint16_t i = 0; i < batch->table->column_count; i++) {
        if (is_written(batch, i))
            bus_buf_printf(&statement->text, "%s`%s`", count++ ? ", " : "",
                           batch->table->columns[i].name);
    }
    bus_buf_text(&statement->text, ") values ");
    return count;
}

static size_t value_bytes(const struct sql_value *value)
{
    bool bytes = value->type == SQL_TEXT || value->type == SQL_TIME ||
                 value->type == SQL_BLOB;
    return bytes ? value->as.bytes.len : sizeof(value->as);
}

static int add_row(const struct batch *batch, struct statement *statement,
                   const void *row, size_t *bytes)
{
    const char *before = "(";
    for (uint16_t i = 0; i < batch->table->column_count; i++) {
        struct sql_value value;
        if (!is_written(batch, i))
            continue;
        int code = statement_value(statement, batch->table, i, row, &value);
        if (code != BUS_OK)
            return code;
        bus_buf_printf(&statement->text, "%s?", before);
        statement_argument(statement, &value);
        *bytes += value_bytes(&value);
        before = ", ";
    }
    bus_buf_byte(&statement->text, ')');
    return BUS_OK;
}

/* Rows that agree with the first, up to the limits. */
static int add_rows(const struct batch *batch, struct statement *statement,
                    size_t from, size_t *ret_taken)
{
    size_t taken = 0, bytes = 0;
    size_t columns = add_names(batch, statement);
    if (columns == 0)
        return bus_error_set(&batch->call->error, BUS_INVALID_ARGUMENT,
                             "%s has no column to be written in a batch",
                             batch->table->name);
    while (from + taken < batch->count && taken < BATCH_ROWS &&
           bytes < BATCH_BYTES &&
           statement->count + columns <= statement->room) {
        const void *row = row_at(batch, from + taken);
        bool chosen = batch->chosen;
        int code = chooses(batch, row, &chosen);
        if (code == BUS_OK && chosen != batch->chosen)
            break;
        bus_buf_text(&statement->text, taken ? ", " : "");
        if (code == BUS_OK)
            code = add_row(batch, statement, row, &bytes);
        if (code != BUS_OK)
            return code;
        taken++;
    }
    *ret_taken = taken;
    return BUS_OK;
}

/* The rows' keys, and what the cache may hold under them. */
static int settle(const struct batch *batch, size_t from, size_t count,
                  int64_t last_id)
{
    bool last = batch->call->store->shared->driver->dialect == SQL_SQLITE;
    int64_t id = last ? last_id - (int64_t)(count - 1) : last_id;
    int code = BUS_OK;
    for (size_t i = 0; i < count && code == BUS_OK; i++) {
        void *row = row_at(batch, from + i);
        struct sql_value value = sql_int(id + (int64_t)i * batch->step);
        if (batch->chosen)
            code =
                row_set(&batch->table->row->fields[batch->auto_column], &value,
                        batch->call->arena, row, &batch->call->error);
        if (code == BUS_OK)
            code = model_forget(batch->call, batch->table, row);
    }
    return code;
}

static int insert_some(struct batch *batch, size_t from, size_t *ret_taken)
{
    struct statement statement;
    struct sql_done done = {0};
    size_t room = (size_t)batch->table->column_count * BATCH_ROWS;
    if (room > BATCH_ARGUMENTS)
        room = BATCH_ARGUMENTS;
    int code = statement_open(&statement, batch->call, room);
    if (code != BUS_OK)
        return code;
    code = chooses(batch, row_at(batch, from), &batch->chosen);
    if (code == BUS_OK)
        code = add_rows(batch, &statement, from, ret_taken);
    if (code == BUS_OK)
        code = statement_exec(&statement, &done);
    statement_close(&statement);
    return code == BUS_OK ? settle(batch, from, *ret_taken, done.last_id)
                          : code;
}

struct step_row {
    int64_t step;
};

static int read_step(struct batch *batch)
{
    static const struct bus_field field = {
        .name = "step", .kind = BUS_I64, .presence = BUS_NO_PRESENCE};
    static const struct bus_shape shape = {"step", sizeof(struct step_row), 1,
                                           &field};
    struct bus_list rows = {0};
    batch->step = 1;
    if (batch->auto_column < 0 ||
        batch->call->store->shared->driver->dialect == SQL_SQLITE)
        return BUS_OK;
    int code =
        store_query(batch->call, "select @@auto_increment_increment as step",
                    NULL, 0, &shape, 1, &rows);
    if (code == BUS_OK && rows.count)
        batch->step = ((const struct step_row *)rows.items)->step;
    return code;
}

int model_insert_batch(struct bus_call *call, const struct model_table *table,
                       void *rows, size_t count)
{
    struct batch batch = {.call = call,
                          .table = table,
                          .rows = rows,
                          .count = count,
                          .auto_column = auto_column(table)};
    int code = store_use_to_write(call);
    if (code == BUS_OK && count)
        code = read_step(&batch);
    for (size_t from = 0, taken = 0; code == BUS_OK && from < count;
         from += taken)
        code = insert_some(&batch, from, &taken);
    return code;
}
