/* SPDX-License-Identifier: MIT
 *
 * Three questions to information_schema: the tables, then the columns and the
 * keys of each that is wanted. A column's default is SQL text in MariaDB, and
 * the bare value in MySQL, where EXTRA tells an expression. The order of keys
 * is the server's.
 */
#include "actors/store/tables.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "bus/clock.h"
#include "bus/code.h"

#define TEXT_AT(type, member)                                                  \
    {                                                                          \
        .name = #member, .kind = BUS_TEXT, .offset = offsetof(type, member),   \
        .presence = BUS_NO_PRESENCE                                            \
    }
#define COUNT_AT(type, member)                                                 \
    {                                                                          \
        .name = #member, .kind = BUS_I64, .offset = offsetof(type, member),    \
        .presence = BUS_NO_PRESENCE                                            \
    }
#define ENTRY_SHAPE(type, list)                                                \
    {                                                                          \
        .name = #type, .size = sizeof(struct type),                            \
        .count = sizeof(list) / sizeof(list[0]), .fields = list                \
    }

struct entry {
    const char *name;
    const char *comment;
};

static const struct bus_field entry_fields[] = {TEXT_AT(struct entry, name),
                                                TEXT_AT(struct entry, comment)};
static const struct bus_shape entry_shape = ENTRY_SHAPE(entry, entry_fields);

#define ENTRIES                                                                \
    "select table_name as name, table_comment as comment "                     \
    "from information_schema.tables where table_schema = database() and "      \
    "table_type = 'BASE TABLE' order by table_name"

struct column {
    const char *name;
    const char *type;
    const char *nullable; /* "YES" */
    const char *fallback;
    const char *extra;
    const char *comment;
    const char *generated; /* its expression */
    int64_t has_default;
};

static const struct bus_field column_fields[] = {
    TEXT_AT(struct column, name),      TEXT_AT(struct column, type),
    TEXT_AT(struct column, nullable),  TEXT_AT(struct column, fallback),
    TEXT_AT(struct column, extra),     TEXT_AT(struct column, comment),
    TEXT_AT(struct column, generated), COUNT_AT(struct column, has_default)};
static const struct bus_shape column_shape = ENTRY_SHAPE(column, column_fields);

#define COLUMNS                                                                \
    "select column_name as name, column_type as type, is_nullable as nullable" \
    ", coalesce(column_default, '') as fallback, extra as extra, "             \
    "column_comment as comment, coalesce(generation_expression, '') as "       \
    "`generated`, column_default is not null as has_default "                  \
    "from information_schema.columns where table_schema = database() and "     \
    "table_name = ? order by ordinal_position"

struct part {
    const char *name;   /* of the key */
    const char *column; /* "": an expression */
    const char *kind;   /* "BTREE", "FULLTEXT" */
    int64_t place;      /* from 1 */
    int64_t many;       /* not unique */
    int64_t length;     /* of a prefix; 0: the whole */
};

static const struct bus_field part_fields[] = {
    TEXT_AT(struct part, name),  TEXT_AT(struct part, column),
    TEXT_AT(struct part, kind),  COUNT_AT(struct part, place),
    COUNT_AT(struct part, many), COUNT_AT(struct part, length)};
static const struct bus_shape part_shape = ENTRY_SHAPE(part, part_fields);

#define PARTS                                                                  \
    "select index_name as name, coalesce(column_name, '') as `column`, "       \
    "index_type as kind, seq_in_index as place, non_unique as many, "          \
    "coalesce(sub_part, 0) as length from information_schema.statistics "      \
    "where table_schema = database() and table_name = ?"

struct asking {
    const struct sql_driver *driver;
    struct sql *sql;
    struct bus_arena names, arena; /* of all tables, of one */
    struct bus_buf *out;
    struct bus_error *err;
    bool literal; /* defaults are bare values */
};

static int too_many(struct bus_error *err, const char *what, int limit)
{
    return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "more than %d %s", limit,
                         what);
}

static int ask(struct asking *asking, const char *text, const char *table,
               const struct bus_shape *shape, struct bus_list *ret)
{
    const struct sql_value name = sql_text(table);
    int64_t deadline = bus_now(&bus_clock_system) + TABLES_WAIT_S * BUS_SECOND;
    return asking->driver->query(asking->sql, text, &name, table ? 1 : 0,
                                 deadline, shape, TABLES_COLUMNS_MAX + 1,
                                 table ? &asking->arena : &asking->names, ret,
                                 asking->err);
}

/* ---- printing ---- */

static void put_quoted(struct bus_buf *out, const char *text, char quote)
{
    bus_buf_byte(out, (uint8_t)quote);
    for (; *text; text++) {
        if (*text == quote || (*text == '\\' && quote != '`'))
            bus_buf_byte(out, (uint8_t)*text);
        bus_buf_byte(out, (uint8_t)*text);
    }
    bus_buf_byte(out, (uint8_t)quote);
}

/* MySQL's "b'0'" and CURRENT_TIMESTAMP are SQL without being marked. */
static bool is_expression(const struct column *column)
{
    return strstr(column->extra, "DEFAULT_GENERATED") ||
           strncasecmp(column->fallback, "CURRENT_TIMESTAMP", 17) == 0 ||
           (strncasecmp(column->type, "bit", 3) == 0 &&
            strncmp(column->fallback, "b'", 2) == 0);
}

static void put_default(struct asking *asking, const struct column *column)
{
    struct bus_buf *out = asking->out;
    bus_buf_text(out, " DEFAULT ");
    if (!asking->literal)
        bus_buf_text(out, column->fallback);
    else if (!is_expression(column))
        put_quoted(out, column->fallback, '\'');
    else if (strncasecmp(column->fallback, "CURRENT_TIMESTAMP", 17) == 0 ||
             strncmp(column->fallback, "b'", 2) == 0)
        bus_buf_text(out, column->fallback);
    else
        bus_buf_printf(out, "(%s)", column->fallback);
}

static void put_column(struct asking *asking, const struct column *column)
{
    struct bus_buf *out = asking->out;
    put_quoted(out, column->name, '`');
    bus_buf_printf(out, " %s", column->type);
    if (strstr(column->extra, "VIRTUAL") || strstr(column->extra, "STORED") ||
        strstr(column->extra, "PERSISTENT"))
        bus_buf_printf(out, " GENERATED ALWAYS AS (%s)", column->generated);
    if (strcasecmp(column->nullable, "NO") == 0)
        bus_buf_text(out, " NOT NULL");
    if (column->has_default)
        put_default(asking, column);
    if (strstr(column->extra, "on update"))
        bus_buf_text(out, " ON UPDATE CURRENT_TIMESTAMP");
    if (strstr(column->extra, "auto_increment"))
        bus_buf_text(out, " AUTO_INCREMENT");
    if (column->comment[0]) {
        bus_buf_text(out, " COMMENT ");
        put_quoted(out, column->comment, '\'');
    }
}

static void put_part(struct bus_buf *out, const struct part *part)
{
    if (part->column[0])
        put_quoted(out, part->column, '`');
    else
        bus_buf_text(out, "(0)");
    if (part->length)
        bus_buf_printf(out, "(%lld)", (long long)part->length);
}

static void put_key(struct bus_buf *out, const struct part *parts, size_t count,
                    const struct part *first)
{
    bool primary = strcasecmp(first->name, "PRIMARY") == 0;
    bool other = strcasecmp(first->kind, "FULLTEXT") == 0 ||
                 strcasecmp(first->kind, "SPATIAL") == 0;
    bus_buf_text(out, ",\n  ");
    if (primary) {
        bus_buf_text(out, "PRIMARY KEY");
    } else {
        bus_buf_printf(out, "%s%sKEY ", other ? first->kind : "",
                       other         ? " "
                       : first->many ? ""
                                     : "UNIQUE ");
        put_quoted(out, first->name, '`');
    }
    bus_buf_text(out, " (");
    for (int64_t place = 1; place <= (int64_t)count; place++)
        for (size_t i = 0; i < count; i++) {
            if (parts[i].place != place || strcmp(parts[i].name, first->name))
                continue;
            bus_buf_text(out, place > 1 ? "," : "");
            put_part(out, &parts[i]);
        }
    bus_buf_byte(out, ')');
}

/* Each key where the server names it first. */
static void put_keys(struct bus_buf *out, const struct bus_list *list)
{
    const struct part *parts = list->items;
    for (size_t i = 0; i < list->count; i++) {
        size_t before = 0;
        while (strcmp(parts[before].name, parts[i].name) != 0)
            before++;
        if (before == i)
            put_key(out, parts, list->count, &parts[i]);
    }
}

static int put_table(struct asking *asking, const struct entry *table)
{
    struct bus_buf *out = asking->out;
    struct bus_list columns, parts;
    bus_arena_reset(&asking->arena);
    int code = ask(asking, COLUMNS, table->name, &column_shape, &columns);
    if (code == BUS_OK)
        code = ask(asking, PARTS, table->name, &part_shape, &parts);
    if (code != BUS_OK)
        return code;
    if (columns.count > TABLES_COLUMNS_MAX || parts.count > TABLES_COLUMNS_MAX)
        return too_many(asking->err, "columns of one table",
                        TABLES_COLUMNS_MAX);
    bus_buf_text(out, "CREATE TABLE ");
    put_quoted(out, table->name, '`');
    bus_buf_text(out, " (");
    for (size_t i = 0; i < columns.count; i++) {
        bus_buf_text(out, i ? ",\n  " : "\n  ");
        put_column(asking, (const struct column *)columns.items + i);
    }
    put_keys(out, &parts);
    bus_buf_text(out, "\n) COMMENT=");
    put_quoted(out, table->comment, '\'');
    bus_buf_text(out, ";\n");
    return BUS_OK;
}

/* ---- which tables ---- */

/* One pattern of the list, without blanks; *at behind its comma. */
static const char *next_pattern(struct bus_arena *arena, const char **at)
{
    const char *from = *at + strspn(*at, ", \t");
    size_t len = strcspn(from, ",");
    *at = from + len;
    while (len && strchr(" \t`", from[len - 1]))
        len--;
    if (len && from[0] == '`') {
        from++;
        len--;
    }
    return len ? bus_arena_text_n(arena, from, len) : NULL;
}

static bool is_wanted(struct bus_arena *arena, const char *patterns,
                      const char *name)
{
    const char *pattern;
    if (!patterns)
        return true;
    while ((pattern = next_pattern(arena, &patterns)))
        if (!fnmatch(pattern, name, 0))
            return true;
    return false;
}

/* Each pattern must have its table: a mistyped one would be missed late. */
static int check_patterns(struct asking *asking, const char *patterns,
                          const struct bus_list *tables)
{
    const struct entry *all = tables->items;
    const char *pattern = NULL;
    while (patterns && (pattern = next_pattern(&asking->names, &patterns))) {
        size_t i = 0;
        while (i < tables->count && fnmatch(pattern, all[i].name, 0))
            i++;
        if (i == tables->count)
            return bus_error_set(asking->err, BUS_NOT_FOUND,
                                 "the database has no table '%s'", pattern);
    }
    return BUS_OK;
}

static int ask_dialect(struct asking *asking)
{
    struct bus_list rows;
    int code = ask(asking, "select version() as name, '' as comment", NULL,
                   &entry_shape, &rows);
    const struct entry *row = code == BUS_OK ? rows.items : NULL;
    asking->literal = row && rows.count && !strstr(row->name, "MariaDB");
    return code;
}

static int print_all(struct asking *asking, const char *patterns)
{
    struct bus_list tables;
    int code = ask_dialect(asking);
    if (code == BUS_OK)
        code = ask(asking, ENTRIES, NULL, &entry_shape, &tables);
    if (code == BUS_OK && tables.count > TABLES_MAX)
        code = too_many(asking->err, "tables", TABLES_MAX);
    if (code == BUS_OK)
        code = check_patterns(asking, patterns, &tables);
    for (size_t i = 0; code == BUS_OK && i < tables.count; i++) {
        const struct entry *table = (const struct entry *)tables.items + i;
        if (is_wanted(&asking->names, patterns, table->name))
            code = put_table(asking, table);
    }
    if (code == BUS_OK && asking->out->failed)
        code = too_many(asking->err, "bytes of statements", TABLES_BYTES_MAX);
    return code;
}

int tables_print(const struct sql_driver *driver, struct sql *sql,
                 const char *patterns, struct bus_buf *out,
                 struct bus_error *err)
{
    struct asking asking = {
        .driver = driver, .sql = sql, .out = out, .err = err};
    bus_arena_init(&asking.names, BUS_ARENA_LIMIT);
    bus_arena_init(&asking.arena, BUS_ARENA_LIMIT);
    int code = print_all(&asking, patterns);
    bus_arena_release(&asking.names);
    bus_arena_release(&asking.arena);
    return code;
}
