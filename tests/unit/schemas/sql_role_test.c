/* SPDX-License-Identifier: MIT
 *
 * Columns that say what becomes of a row, by their names and types.
 */
#include "loaded.h"

/* Which columns of a table are what: "version=v gone=d time=t". */
static const char *roles(const char *columns)
{
    static char made[256];
    static int tables;
    char path[32], text[512];
    const char *version = "", *gone = "", *time = "";
    snprintf(path, sizeof(path), "%d.sql", ++tables); /* each is read once */
    snprintf(text, sizeof(text), "create table t (%s);", columns);
    const struct schema_unit *unit = load_good(path, text);
    const struct schema_table *table = unit->tables[0];
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct schema_column *column = &table->columns[i];
        if (column->version)
            version = column->field.name;
        if (column->gone)
            gone = column->field.name;
        if (column->gone_time)
            time = column->field.name;
    }
    snprintf(made, sizeof(made), "version=%s gone=%s time=%s", version, gone,
             time);
    return made;
}

/* ---- success ---- */

static void knows_the_columns_of_looklook(void **state)
{
    (void)state;
    assert_string_equal(
        roles("id bigint primary key, "
              "delete_time datetime not null default current_timestamp, "
              "del_state tinyint not null default 0, "
              "version bigint not null default 0"),
        "version=version gone=del_state time=delete_time");
}

static void knows_what_others_call_it(void **state)
{
    (void)state;
    static const struct {
        const char *columns, *roles;
    } rows[] = {
        {"id int primary key, deleted_at datetime null",
         "version= gone=deleted_at time=deleted_at"},
        {"id int primary key, deleted_at bigint unsigned not null default 0",
         "version= gone=deleted_at time=deleted_at"},
        {"id int primary key, is_deleted tinyint(1) not null default 0",
         "version= gone=is_deleted time="},
        {"id int primary key, IS_DEL bit(1), del_time timestamp null",
         "version= gone=IS_DEL time=del_time"},
        {"id int primary key, deleted int, deleted_at datetime null",
         "version= gone=deleted time=deleted_at"},
        {"id int primary key, delete_status int default 0",
         "version= gone=delete_status time="},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_string_equal(roles(rows[i].columns), rows[i].roles);
}

/* ---- what says nothing ---- */

static void other_types_say_nothing(void **state)
{
    (void)state;
    static const char *const columns[] = {
        /* a time that every row has */
        "id int primary key, deleted_at datetime not null",
        /* '0' or '2', or a name */
        "id int primary key, del_flag char(1), deleted varchar(9)",
        "id int primary key, version varchar(9) not null",
        "id int primary key, version int",
        /* rows of another key, not of another state */
        "version int, deleted int, primary key (version, deleted)",
    };
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
        assert_string_equal(roles(columns[i]), "version= gone= time=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(knows_the_columns_of_looklook),
        LOADED_TEST(knows_what_others_call_it),
        LOADED_TEST(other_types_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
