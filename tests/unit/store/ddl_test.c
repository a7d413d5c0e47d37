/* SPDX-License-Identifier: MIT
 *
 * What MySQL's column types become in SQLite: the statement itself, and what a
 * table made from it refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "actors/store/ddl.h"
#include "bus/code.h"
#include "tests/unit/store/fixture.h"

/* A table of one column, beside a primary key named id. */
struct thing {
    int64_t id;
    int64_t integer;
    const char *text;
    int64_t time;
};

#define FIELD(name_, kind_, member)                                            \
    {                                                                          \
        .name = (name_), .kind = (kind_),                                      \
        .offset = offsetof(struct thing, member), .presence = BUS_NO_PRESENCE  \
    }

static const uint16_t first[] = {0};
static const uint16_t both[] = {0, 1};

struct build {
    struct model_table table;
    struct bus_shape shape;
    struct bus_field fields[2];
    struct model_column columns[2];
    char text[2048];
};

static int build(struct build *build, uint8_t kind, const char *type,
                 const char *fallback, uint32_t flags)
{
    const struct bus_field fields[] = {FIELD("id", BUS_I64, id),
                                       FIELD("x", BUS_I64, integer)};
    const struct model_column columns[] = {
        {"id", "bigint(20)", NULL, "Id", MODEL_NOT_NULL},
        {"x", type, fallback, "X", flags}};
    struct bus_error err;
    struct bus_buf buf;
    memcpy(build->fields, fields, sizeof(fields));
    memcpy(build->columns, columns, sizeof(columns));
    build->fields[1].kind = kind;
    build->shape =
        (struct bus_shape){"thing", sizeof(struct thing), 2, build->fields};
    build->table = (struct model_table){.name = "thing",
                                        .row = &build->shape,
                                        .columns = build->columns,
                                        .column_count = 2,
                                        .primary = {"id", first, 1, NULL}};
    bus_buf_init(&buf, sizeof(build->text) - 1);
    int code = ddl_table(&buf, &build->table, &err);
    assert_false(buf.failed);
    memcpy(build->text, buf.data, buf.len);
    build->text[buf.len] = '\0';
    bus_buf_release(&buf);
    return code;
}

static void assert_column(uint8_t kind, const char *type, const char *fallback,
                          const char *expected)
{
    struct build made;
    assert_int_equal(build(&made, kind, type, fallback, 0), BUS_OK);
    const char *column = strstr(made.text, "`x`");
    assert_non_null(column);
    const char *end = strstr(column, ", PRIMARY KEY (`id`)) STRICT");
    assert_non_null(end);
    if (strlen(expected) != (size_t)(end - column) ||
        memcmp(column, expected, strlen(expected)) != 0)
        fail_msg("%s became %.*s", type, (int)(end - column), column);
}

static void types_have_their_ranges(void **state)
{
    (void)state;
    assert_column(BUS_I64, "bigint(20)", NULL, "`x` INTEGER");
    assert_column(BUS_U64, "BIGINT(20) UNSIGNED", "'0'",
                  "`x` INTEGER DEFAULT '0' CHECK (`x` BETWEEN 0 AND "
                  "9223372036854775807)");
    assert_column(BUS_I32, "int(11)", "5",
                  "`x` INTEGER DEFAULT 5 CHECK (`x` BETWEEN -2147483648 AND "
                  "2147483647)");
    assert_column(BUS_U8, "tinyint unsigned", NULL,
                  "`x` INTEGER CHECK (`x` BETWEEN 0 AND 255)");
    assert_column(BUS_I64, "mediumint", NULL,
                  "`x` INTEGER CHECK (`x` BETWEEN -8388608 AND 8388607)");
    assert_column(BUS_BOOL, "bit(1)", "b'1'", "`x` INTEGER DEFAULT 1");
    assert_column(BUS_F64, "double", "1.5", "`x` REAL DEFAULT 1.5");
    assert_column(BUS_TEXT, "varchar(255)", "''",
                  "`x` TEXT DEFAULT '' CHECK (length(`x`) <= 255)");
    assert_column(BUS_TEXT, "text", NULL, "`x` TEXT");
    assert_column(BUS_DECIMAL, "decimal(10,2)", "0.00",
                  "`x` TEXT DEFAULT '0.00'");
    assert_column(BUS_BYTES, "varbinary(16)", NULL,
                  "`x` BLOB CHECK (length(`x`) <= 16)");
    assert_column(BUS_TIME, "timestamp", "CURRENT_TIMESTAMP(6)",
                  "`x` TEXT DEFAULT CURRENT_TIMESTAMP");
    assert_column(BUS_TIME, "datetime(3)", "now()",
                  "`x` TEXT DEFAULT CURRENT_TIMESTAMP");
}

static void an_automatic_key_is_not_reused(void **state)
{
    struct build made;
    (void)state;
    build(&made, BUS_I64, "bigint", NULL, 0);
    made.columns[0].flags |= MODEL_AUTO;
    struct bus_buf buf;
    bus_buf_init(&buf, DDL_TEXT_MAX);
    assert_int_equal(ddl_table(&buf, &made.table, NULL), BUS_OK);
    bus_buf_byte(&buf, '\0');
    assert_string_equal((const char *)buf.data,
                        "CREATE TABLE `thing` (`id` INTEGER PRIMARY KEY "
                        "AUTOINCREMENT, `x` INTEGER) STRICT");
    bus_buf_release(&buf);
}

static void a_key_of_two_columns_is_one_key(void **state)
{
    struct build made;
    (void)state;
    build(&made, BUS_I64, "bigint", NULL, 0);
    made.table.primary = (struct model_key){"id_x", both, 2, NULL};
    struct bus_buf buf;
    bus_buf_init(&buf, DDL_TEXT_MAX);
    assert_int_equal(ddl_table(&buf, &made.table, NULL), BUS_OK);
    bus_buf_byte(&buf, '\0');
    assert_non_null(
        strstr((const char *)buf.data, ", PRIMARY KEY (`id`, `x`)) STRICT"));
    bus_buf_release(&buf);
}

static void what_cannot_be_a_column_is_refused(void **state)
{
    struct build made;
    (void)state;
    assert_int_equal(build(&made, BUS_MESSAGE, "json", NULL, 0),
                     BUS_INVALID_ARGUMENT);
    assert_int_equal(build(&made, BUS_I64, "bigint", NULL, MODEL_AUTO),
                     BUS_INVALID_ARGUMENT);
}

/* A driver-level world: the table is made and used. */
static void the_time_of_an_update_is_kept_by_the_database(void **state)
{
    struct world world;
    struct sql *sql;
    struct bus_error err;
    struct bus_arena arena;
    struct bus_list rows;
    struct build made;
    int64_t later = bus_now(&bus_clock_system) + SOON;
    (void)state;
    world_open(&world, false);
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    assert_int_equal(sql_sqlite.open(world.source, &sql, &err), BUS_OK);
    build(&made, BUS_TIME, "datetime", "CURRENT_TIMESTAMP", MODEL_ON_UPDATE);
    assert_int_equal(sql_sqlite.begin(sql, later, &err), BUS_OK);
    assert_int_equal(ddl_ensure(&sql_sqlite, sql, &made.table, &err), BUS_OK);
    assert_int_equal(
        sql_sqlite.exec(sql,
                        "insert into thing (id, x) values (1, '2001-01-01 "
                        "00:00:00')",
                        NULL, 0, later, NULL, &err),
        BUS_OK);
    assert_int_equal(sql_sqlite.exec(sql, "update thing set id = 2", NULL, 0,
                                     later, NULL, &err),
                     BUS_OK);
    assert_int_equal(sql_sqlite.commit(sql, &err), BUS_OK);
    assert_int_equal(sql_sqlite.query(sql, "select id, x from thing", NULL, 0,
                                      later, made.table.row, 1, &arena, &rows,
                                      &err),
                     BUS_OK);
    const struct thing *thing = rows.items;
    assert_int_equal(thing->id, 2);
    assert_true(thing->integer > bus_wall(&bus_clock_system) - 60000000);
    sql_sqlite.close(sql);
    bus_arena_release(&arena);
    world_close(&world);
}

/* Each of the three would be `thing_x_index`. */
static void names_of_indexes_do_not_meet(void **state)
{
    static const uint16_t x[] = {1};
    static const struct model_key by_x_index = {"x_index", x, 1, NULL};
    static const struct model_key by_index = {"index", x, 1, NULL};
    static const struct model_key by_x = {"x", x, 1, NULL};
    struct world world;
    struct sql *sql;
    struct bus_error err;
    struct build made, other;
    (void)state;
    world_open(&world, false);
    assert_int_equal(sql_sqlite.open(world.source, &sql, &err), BUS_OK);
    build(&made, BUS_I64, "bigint", NULL, 0);
    made.table.unique = &by_x_index;
    made.table.indexes = &by_x;
    build(&other, BUS_I64, "bigint", NULL, 0);
    other.table.name = "thing_x";
    other.table.unique = &by_index;
    made.table.unique_count = made.table.index_count = 1;
    other.table.unique_count = 1;
    assert_int_equal(
        sql_sqlite.begin(sql, bus_now(&bus_clock_system) + SOON, &err), BUS_OK);
    assert_int_equal(ddl_ensure(&sql_sqlite, sql, &made.table, &err), BUS_OK);
    assert_int_equal(ddl_ensure(&sql_sqlite, sql, &other.table, &err), BUS_OK);
    sql_sqlite.close(sql);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_their_ranges),
        cmocka_unit_test(an_automatic_key_is_not_reused),
        cmocka_unit_test(a_key_of_two_columns_is_one_key),
        cmocka_unit_test(the_time_of_an_update_is_kept_by_the_database),
        cmocka_unit_test(names_of_indexes_do_not_meet),
        cmocka_unit_test(what_cannot_be_a_column_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
