/* SPDX-License-Identifier: MIT
 *
 * CREATE TABLE as people and mysqldump write it.
 */
#include "loaded.h"

static const struct schema_table *table_of(const struct schema_unit *unit,
                                           const char *name)
{
    for (size_t i = 0; i < unit->table_count; i++)
        if (!strcmp(unit->tables[i]->name, name))
            return unit->tables[i];
    fail_msg("no table %s", name);
    abort();
}

static const struct schema_column *column_of(const struct schema_table *table,
                                             const char *name)
{
    for (uint16_t i = 0; i < table->column_count; i++)
        if (!strcmp(table->columns[i].field.name, name))
            return &table->columns[i];
    fail_msg("no column %s", name);
    abort();
}

/* ---- success ---- */

static void reads_the_tutorials_barrier(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "tutorial-2/barrier.sql");
    assert_non_null(unit);
    assert_int_equal(unit->skipped_count, 1);
    assert_string_equal(unit->skipped[0].key, "USE");
    const struct schema_table *barrier = table_of(unit, "barrier");
    assert_int_equal(barrier->column_count, 9);
    assert_string_equal(barrier->primary.cache_prefix, "cache:barrier:id:");
    assert_int_equal(barrier->unique_count, 1);
    assert_string_equal(barrier->unique[0].name, "gid_branch_id_op_barrier_id");
    assert_string_equal(barrier->unique[0].cache_prefix,
                        "cache:barrier:gid:branchId:op:barrierId:");
    assert_int_equal(barrier->index_count, 2);
    const struct schema_column *id = column_of(barrier, "id");
    assert_string_equal(id->sql, "bigint(22)");
    assert_true(id->automatic && id->not_null);
    const struct schema_column *created = column_of(barrier, "create_time");
    assert_string_equal(created->fallback, "CURRENT_TIMESTAMP");
    assert_string_equal(created->go_name, "CreateTime");
    assert_true(created->unwritten);
    assert_true(created->field.presence);
}

static void maps_types_to_kinds(void **state)
{
    static const struct {
        const char *sql;
        enum schema_kind kind;
    } rows[] = {{"tinyint(1)", SCHEMA_I8},
                {"SMALLINT UNSIGNED", SCHEMA_U16},
                {"mediumint", SCHEMA_I32},
                {"int(10) unsigned", SCHEMA_U32},
                {"integer", SCHEMA_I32},
                {"bigint", SCHEMA_I64},
                {"bigint unsigned", SCHEMA_U64},
                {"bool", SCHEMA_I8},
                {"bit(8)", SCHEMA_U64},
                {"float(7,4)", SCHEMA_F32},
                {"double precision", SCHEMA_F64},
                {"decimal(10,2)", SCHEMA_DECIMAL},
                {"numeric", SCHEMA_DECIMAL},
                {"char(3)", SCHEMA_TEXT},
                {"character varying(3)", SCHEMA_TEXT},
                {"varchar(3)", SCHEMA_TEXT},
                {"longtext", SCHEMA_TEXT},
                {"json", SCHEMA_TEXT},
                {"enum('a,b',')')", SCHEMA_TEXT},
                {"varbinary(16)", SCHEMA_BYTES},
                {"blob", SCHEMA_BYTES},
                {"date", SCHEMA_TIME},
                {"datetime(6)", SCHEMA_TIME},
                {"timestamp", SCHEMA_TIME},
                {"time", SCHEMA_TEXT},
                {"year(4)", SCHEMA_I16},
                {"point", SCHEMA_BYTES}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        loaded_teardown(state);
        loaded_setup(state);
        snprintf(text, sizeof(text), "create table t (c %s)", rows[i].sql);
        const struct schema_unit *unit = load_good("t.sql", text);
        assert_int_equal(unit->tables[0]->columns[0].field.kind, rows[i].kind);
    }
}

static void reads_a_dump(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/dump.sql");
    assert_non_null(unit);
    assert_int_equal(unit->table_count, 3);
    const struct schema_table *payment = table_of(unit, "third_payment");
    assert_string_equal(payment->comment, "payments");
    assert_string_equal(payment->primary.cache_prefix,
                        "cache:thirdPayment:id:");
    /* The second unique key over sn is the same key. */
    assert_int_equal(payment->unique_count, 2);
    assert_string_equal(payment->unique[1].name, "user_id_kind");
    assert_string_equal(column_of(payment, "sn")->comment,
                        "it's; a \"number\"");
    assert_string_equal(column_of(payment, "kind")->sql, "enum('A','b')");
    assert_string_equal(column_of(payment, "flags")->fallback, "b'0'");
    assert_string_equal(column_of(payment, "level")->sql,
                        "tinyint(3) unsigned zerofill");
    assert_true(column_of(payment, "sum")->unwritten);
    assert_string_equal(column_of(payment, "create_time")->fallback,
                        "CURRENT_TIMESTAMP(6)");
    assert_true(column_of(payment, "create_time")->on_update);
    assert_false(column_of(payment, "sn")->on_update);
    assert_string_equal(payment->seeds[0],
                        "INSERT INTO `third_payment` (`id`, `sn`) VALUES "
                        "(1,'a;b'),(2,'c\\'d')");
    assert_null(payment->seeds[1]);
}

static void reads_keys_wherever_they_stand(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/dump.sql");
    assert_non_null(unit);
    const struct schema_table *link = table_of(unit, "link");
    assert_int_equal(link->primary.count, 2);
    assert_string_equal(link->primary.name, "a_b");
    const struct schema_table *plain = table_of(unit, "plain");
    assert_string_equal(plain->primary.name, "id");
    assert_true(plain->columns[0].not_null); /* primary keys are */
    assert_string_equal(plain->unique[0].name, "name");
}

static void counts_what_it_passes_over(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql",
        "SET x=1; set y = 'a;b';\nDELIMITER //\nCREATE PROCEDURE p() BEGIN "
        "SELECT 1; END//\nDELIMITER ;\nCREATE TABLE b LIKE a; /* c */ -- d\n");
    assert_int_equal(unit->skipped_count, 3);
    assert_string_equal(unit->skipped[0].key, "SET");
    assert_string_equal(unit->skipped[0].value, "2");
    assert_string_equal(unit->skipped[1].key, "CREATE");
    assert_string_equal(unit->skipped[1].value, "1");
    assert_string_equal(unit->skipped[2].key, "CREATE TABLE LIKE");
    assert_int_equal(unit->table_count, 0);
}

static void keeps_no_seed_beyond_its_limit(void **state)
{
    static char text[9000];
    (void)state;
    strncat(text, "create table t (c text); insert into t values ('",
            sizeof(text) - 1);
    memset(text + strlen(text), 'x', 5000);
    strncat(text, "'); insert into t values ('a');", 100);
    const struct schema_unit *unit = load_good("t.sql", text);
    assert_string_equal(unit->tables[0]->seeds[0],
                        "insert into t values ('a')");
    assert_null(unit->tables[0]->seeds[1]);
    assert_string_equal(unit->skipped[0].value, "2");
}

/* ---- failure ---- */

static void refuses_an_unknown_type(void **state)
{
    (void)state;
    load_bad("t.sql", "create table t (\n  id bigint,\n  n varhar(10)\n)", 3, 5,
             "found 'varhar', expected a column's type");
}

static void refuses_a_key_over_no_column(void **state)
{
    (void)state;
    load_bad("t.sql", "create table t (\n id int,\n primary key (nope))", 3, 14,
             "found 'nope' in a key, expected a column of 't'");
}

static void refuses_two_primary_keys(void **state)
{
    (void)state;
    load_bad("t.sql",
             "create table t (id int primary key,\nb int, primary key (b))", 2,
             20, "a second primary key, expected one");
}

static void refuses_a_table_declared_twice(void **state)
{
    (void)state;
    load_bad("t.sql", "create table t (a int);\ncreate table t (b int)", 2, 14,
             "table 't' is declared already, in line 1");
}

static void refuses_an_open_text(void **state)
{
    (void)state;
    load_bad("t.sql", "create table t (\na int comment 'x\n)", 2, 15,
             "this text has no end, expected '");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(reads_the_tutorials_barrier),
        LOADED_TEST(maps_types_to_kinds),
        LOADED_TEST(reads_a_dump),
        LOADED_TEST(reads_keys_wherever_they_stand),
        LOADED_TEST(counts_what_it_passes_over),
        LOADED_TEST(keeps_no_seed_beyond_its_limit),
        LOADED_TEST(refuses_an_unknown_type),
        LOADED_TEST(refuses_a_key_over_no_column),
        LOADED_TEST(refuses_two_primary_keys),
        LOADED_TEST(refuses_a_table_declared_twice),
        LOADED_TEST(refuses_an_open_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
