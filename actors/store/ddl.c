/* SPDX-License-Identifier: MIT
 *
 * CREATE TABLE from struct model_table. The column's SQLite type follows from
 * how the row binds it (its kind); MySQL's type text adds ranges and lengths,
 * which MySQL in strict mode refuses too. Identifiers are quoted with
 * back-quotes, which both databases take.
 */
#include "actors/store/ddl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bus/clock.h"
#include "bus/code.h"

#define ENSURE_WAIT (60 * BUS_SECOND) /* one statement, seeds included */

/* ---- types ---- */

struct range {
    const char *word; /* MySQL's type */
    int64_t low, high;
    uint64_t high_unsigned;
};

static const struct range ranges[] = {
    {"tinyint", INT8_MIN, INT8_MAX, UINT8_MAX},
    {"smallint", INT16_MIN, INT16_MAX, UINT16_MAX},
    {"mediumint", -8388608, 8388607, 16777215},
    {"int", INT32_MIN, INT32_MAX, UINT32_MAX},
    {"integer", INT32_MIN, INT32_MAX, UINT32_MAX},
    {"bigint", INT64_MIN, INT64_MAX, INT64_MAX}, /* SQLite's own limit */
};

/* True if type's first word is that one, in any case. */
static bool type_is(const char *type, const char *word)
{
    size_t len = strcspn(type, " (");
    return strlen(word) == len && strncasecmp(type, word, len) == 0;
}

static bool has_word(const char *text, const char *word)
{
    for (; *text; text++) {
        if (strncasecmp(text, word, strlen(word)) == 0)
            return true;
    }
    return false;
}

static const char *sqlite_type(uint8_t kind)
{
    switch ((enum bus_kind)kind) {
    case BUS_F32:
    case BUS_F64:
        return "REAL";
    case BUS_TEXT:
    case BUS_DECIMAL:
    case BUS_TIME:
        return "TEXT";
    case BUS_BYTES:
        return "BLOB";
    case BUS_MESSAGE:
    case BUS_ANY:
        return NULL;
    case BUS_BOOL:
    case BUS_I8:
    case BUS_I16:
    case BUS_I32:
    case BUS_I64:
    case BUS_U8:
    case BUS_U16:
    case BUS_U32:
    case BUS_U64:
    case BUS_ENUM:
    case BUS_DURATION:
        break;
    }
    return "INTEGER";
}

static void add_range(struct bus_buf *buf, const struct model_column *column)
{
    bool is_unsigned = has_word(column->type, "unsigned");
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        const struct range *range = &ranges[i];
        if (!type_is(column->type, range->word))
            continue;
        if (is_unsigned)
            bus_buf_printf(buf, " CHECK (`%s` BETWEEN 0 AND %" PRIu64 ")",
                           column->name, range->high_unsigned);
        else if (range->low != INT64_MIN)
            bus_buf_printf(buf,
                           " CHECK (`%s` BETWEEN %" PRId64 " AND %" PRId64 ")",
                           column->name, range->low, range->high);
    }
}

static void add_length(struct bus_buf *buf, const struct model_column *column)
{
    const char *open = strchr(column->type, '(');
    bool counted =
        type_is(column->type, "char") || type_is(column->type, "varchar") ||
        type_is(column->type, "binary") || type_is(column->type, "varbinary");
    if (open && counted)
        bus_buf_printf(buf, " CHECK (length(`%s`) <= %lu)", column->name,
                       strtoul(open + 1, NULL, 10));
}

static bool is_now(const char *fallback)
{
    return strncasecmp(fallback, "current_timestamp", 17) == 0 ||
           strncasecmp(fallback, "now(", 4) == 0 ||
           strncasecmp(fallback, "localtime", 9) == 0;
}

static void add_default(struct bus_buf *buf, const struct model_column *column,
                        bool is_text)
{
    const char *text = column->fallback;
    if (!text || !*text)
        return;
    if (is_now(text))
        bus_buf_text(buf, " DEFAULT CURRENT_TIMESTAMP");
    else if (strncasecmp(text, "b'", 2) == 0)
        bus_buf_printf(buf, " DEFAULT %lu", strtoul(text + 2, NULL, 2));
    else if (is_text && strchr("+-.0123456789", *text))
        bus_buf_printf(buf, " DEFAULT '%s'", text); /* a decimal's digits */
    else
        bus_buf_printf(buf, " DEFAULT %s", text);
}

/* ---- statements ---- */

static bool is_rowid(const struct model_table *table, uint16_t column)
{
    return table->columns[column].flags & MODEL_AUTO &&
           table->primary.count == 1 && table->primary.columns[0] == column;
}

static int add_column(struct bus_buf *buf, const struct model_table *table,
                      uint16_t i, struct bus_error *err)
{
    const struct model_column *column = &table->columns[i];
    const char *type = sqlite_type(table->row->fields[i].kind);
    bool rowid = is_rowid(table, i);
    if (!type || strchr(column->name, '`'))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s.%s: no such column is possible", table->name,
                             column->name);
    if (column->flags & MODEL_AUTO && (!rowid || strcmp(type, "INTEGER") != 0))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s.%s: AUTO_INCREMENT needs an integer that is "
                             "the primary key",
                             table->name, column->name);
    bus_buf_printf(buf, "%s`%s` %s", i ? ", " : "", column->name, type);
    /* AUTOINCREMENT: the id of a deleted row is not given out again. */
    if (rowid)
        bus_buf_text(buf, " PRIMARY KEY AUTOINCREMENT");
    if (column->flags & MODEL_NOT_NULL && !rowid)
        bus_buf_text(buf, " NOT NULL");
    add_default(buf, column, strcmp(type, "TEXT") == 0);
    add_range(buf, column);
    add_length(buf, column);
    return BUS_OK;
}

void ddl_key(struct bus_buf *buf, const struct model_table *table,
             const struct model_key *key)
{
    for (uint16_t i = 0; i < key->count; i++)
        bus_buf_printf(buf, "%s`%s`", i ? ", " : "",
                       table->columns[key->columns[i]].name);
}

int ddl_table(struct bus_buf *buf, const struct model_table *table,
              struct bus_error *err)
{
    bus_buf_printf(buf, "CREATE TABLE `%s` (", table->name);
    for (uint16_t i = 0; i < table->column_count; i++) {
        int code = add_column(buf, table, i, err);
        if (code != BUS_OK)
            return code;
    }
    const struct model_key *primary = &table->primary;
    if (primary->count && !is_rowid(table, primary->columns[0])) {
        bus_buf_text(buf, ", PRIMARY KEY (");
        ddl_key(buf, table, primary);
        bus_buf_byte(buf, ')');
    }
    bus_buf_text(buf, ") STRICT");
    return BUS_OK;
}

/* SQLite's indexes have their names in common: the dots keep those of `a` and
 * of `a_b` apart, and a unique key from an index. */
static void add_unique(struct bus_buf *buf, const struct model_table *table,
                       const struct model_key *key)
{
    bus_buf_printf(buf, "CREATE UNIQUE INDEX `%s.%s` ON `%s` (", table->name,
                   key->name, table->name);
    ddl_key(buf, table, key);
    bus_buf_byte(buf, ')');
}

static void add_index(struct bus_buf *buf, const struct model_table *table,
                      const struct model_key *key)
{
    bus_buf_printf(buf, "CREATE INDEX `%s.%s.index` ON `%s` (", table->name,
                   key->name, table->name);
    ddl_key(buf, table, key);
    bus_buf_byte(buf, ')');
}

/* MySQL's ON UPDATE CURRENT_TIMESTAMP. */
static void add_trigger(struct bus_buf *buf, const struct model_table *table,
                        const struct model_column *column)
{
    bus_buf_printf(buf,
                   "CREATE TRIGGER `%s.%s` AFTER UPDATE ON `%s` "
                   "WHEN new.`%s` IS old.`%s` BEGIN UPDATE `%s` SET `%s` = "
                   "CURRENT_TIMESTAMP WHERE rowid = new.rowid; END",
                   table->name, column->name, table->name, column->name,
                   column->name, table->name, column->name);
}

/* ---- running them ---- */

struct ensure {
    const struct sql_driver *driver;
    struct sql *sql;
    struct bus_error *err;
};

static int run(const struct ensure *ensure, const char *text)
{
    return ensure->driver->exec(ensure->sql, text, NULL, 0,
                                bus_now(&bus_clock_system) + ENSURE_WAIT, NULL,
                                ensure->err);
}

/* Runs what the buffer holds and empties it. */
static int run_buf(const struct ensure *ensure, struct bus_buf *buf)
{
    bus_buf_byte(buf, '\0');
    int code = buf->failed ? bus_error_set(ensure->err, BUS_INVALID_ARGUMENT,
                                           "table definition is too long")
                           : sql_define(ensure->driver, ensure->sql,
                                        (const char *)buf->data, ensure->err);
    bus_buf_reset(buf);
    return code;
}

static int create_on_sqlite(const struct ensure *ensure,
                            const struct model_table *table,
                            struct bus_buf *buf)
{
    int code = ddl_table(buf, table, ensure->err);
    if (code == BUS_OK)
        code = run_buf(ensure, buf);
    for (uint16_t i = 0; i < table->unique_count && code == BUS_OK; i++) {
        add_unique(buf, table, &table->unique[i]);
        code = run_buf(ensure, buf);
    }
    for (uint16_t i = 0; i < table->index_count && code == BUS_OK; i++) {
        add_index(buf, table, &table->indexes[i]);
        code = run_buf(ensure, buf);
    }
    for (uint16_t i = 0; i < table->column_count && code == BUS_OK; i++) {
        const struct model_column *column = &table->columns[i];
        if (!(column->flags & MODEL_ON_UPDATE))
            continue;
        add_trigger(buf, table, column);
        code = run_buf(ensure, buf);
    }
    return code;
}

static int create(const struct ensure *ensure, const struct model_table *table,
                  struct bus_buf *buf)
{
    int code;
    if (ensure->driver->dialect == SQL_MYSQL) {
        ddl_mysql_table(buf, table);
        code = run_buf(ensure, buf);
    } else {
        code = create_on_sqlite(ensure, table, buf);
    }
    const char *const *seed = table->seed;
    for (; seed && *seed && code == BUS_OK; seed++)
        code = run(ensure, *seed);
    return code;
}

struct name_row {
    const char *name;
};

static const struct bus_field name_field = {.name = "name",
                                            .kind = BUS_TEXT,
                                            .offset =
                                                offsetof(struct name_row, name),
                                            .presence = BUS_NO_PRESENCE};
static const struct bus_shape name_shape = {"name", sizeof(struct name_row), 1,
                                            &name_field};

/* The columns of the table as it is; none if there is no such table. */
static int columns_now(const struct ensure *ensure,
                       const struct model_table *table, struct bus_arena *arena,
                       struct bus_list *ret)
{
    static const char *const statements[SQL_DIALECTS] = {
        [SQL_SQLITE] = "select name from pragma_table_info(?)",
        [SQL_MYSQL] = "select column_name as name from "
                      "information_schema.columns where "
                      "table_schema = database() and table_name = ?"};
    struct sql_value name = sql_text(table->name);
    return ensure->driver->query(
        ensure->sql, statements[ensure->driver->dialect], &name, 1,
        bus_now(&bus_clock_system) + ENSURE_WAIT, &name_shape, BUS_FIELDS_MAX,
        arena, ret, ensure->err);
}

static int check_columns(const struct ensure *ensure,
                         const struct model_table *table,
                         const struct bus_list *now)
{
    const struct name_row *rows = now->items;
    for (uint16_t i = 0; i < table->column_count; i++) {
        size_t at = 0;
        while (at < now->count &&
               strcasecmp(rows[at].name, table->columns[i].name) != 0)
            at++;
        if (at == now->count)
            return bus_error_set(ensure->err, BUS_FAILED_PRECONDITION,
                                 "table %s in the database has no column %s: "
                                 "it was created from an older schema",
                                 table->name, table->columns[i].name);
    }
    return BUS_OK;
}

int ddl_ensure(const struct sql_driver *driver, struct sql *sql,
               const struct model_table *table, struct bus_error *err)
{
    struct ensure ensure = {driver, sql, err};
    struct bus_arena arena;
    struct bus_buf buf;
    struct bus_list columns = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_buf_init(&buf, DDL_TEXT_MAX);
    int code = columns_now(&ensure, table, &arena, &columns);
    if (code == BUS_OK)
        code = columns.count ? check_columns(&ensure, table, &columns)
                             : create(&ensure, table, &buf);
    bus_buf_release(&buf);
    bus_arena_release(&arena);
    return code;
}
