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
                {"long character varying", SCHEMA_TEXT},
                {"int check (c > 0) not enforced", SCHEMA_I32},
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
    assert_int_equal(unit->skipped_count, 2);
    assert_string_equal(unit->skipped[0].key, "SET");
    assert_string_equal(unit->skipped[0].value, "2");
    assert_string_equal(unit->skipped[1].key, "CREATE");
    assert_string_equal(unit->skipped[1].value, "2");
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

static void reads_attributes_in_any_order(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql",
        "\xEF\xBB\xBF"
        "create table t (\r\n  id serial primary key, --no blank\r\n"
        "  period varchar( 10 ) charset utf8mb4 comment 'a' not null # x\n,\n"
        "  other_id int references o(id) on delete set null on update cascade,"
        "\n  kind enum(\"A\", 'b''c') /* c */ default \"A\",\n"
        "  ts datetime(6) default now(6) on update now(6),\n"
        "  g int generated always as (id + (1)) virtual not null,\n"
        "  2fa char(6) null, f float(53), d decimal(10, 2) unsigned,\n"
        "  p geometry not null srid 4326, n national char varying(9),\n"
        "  s bigint zerofill check (s > 0) not enforced)");
    const struct schema_table *table = table_of(unit, "t");
    assert_int_equal(table->column_count, 12);
    assert_string_equal(column_of(table, "id")->sql, "bigint unsigned");
    assert_int_equal(table->unique_count, 0); /* the primary key's own */
    assert_string_equal(column_of(table, "period")->sql, "varchar(10)");
    assert_true(column_of(table, "period")->not_null);
    assert_false(column_of(table, "other_id")->on_update);
    assert_string_equal(column_of(table, "kind")->sql, "enum('A','b''c')");
    assert_string_equal(column_of(table, "ts")->fallback, "now(6)");
    assert_true(column_of(table, "ts")->on_update);
    assert_true(column_of(table, "g")->unwritten);
    assert_int_equal(column_of(table, "f")->field.kind, SCHEMA_F64);
    assert_string_equal(column_of(table, "d")->sql, "decimal(10,2) unsigned");
    assert_int_equal(column_of(table, "d")->field.kind, SCHEMA_DECIMAL);
    assert_string_equal(column_of(table, "n")->sql, "varchar(9)");
    assert_string_equal(column_of(table, "s")->sql, "bigint unsigned zerofill");
    assert_string_equal(table->note, "");
}

static void reads_every_kind_of_key(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql",
        "create table t (a int, b varchar(9), a_b int, p point,\n"
        "unique (a, b desc), unique key u using hash (a_b), index (b(3) asc),"
        "\nkey f ((lower(b))), fulltext index ft (b, a_b) with parser ngram,"
        "\nspatial key (p), constraint c foreign key (a) references o (id) on "
        "delete cascade,\nconstraint u2 unique key (a, b), constraint check "
        "(a > 0))\ncomment ';' partition by hash (a) partitions 4;");
    const struct schema_table *table = table_of(unit, "t");
    assert_int_equal(table->unique_count, 2);
    assert_string_equal(table->unique[0].name, "a_b");
    assert_string_equal(table->unique[1].name, "a_b_");
    assert_int_equal(table->index_count, 3);
    assert_string_equal(table->indexes[1].name, "b_a_b");
    assert_string_equal(table->comment, ";");
    assert_int_equal(table->primary.count, 0);
    assert_string_equal(table->note, "no primary key: it gets no update, "
                                     "delete or find_one");
}

static void applies_what_alters_a_table(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql",
        "create table t (id int not null, name varchar(9), gone int, old int);"
        "\nalter table `t` add primary key (`id`), add unique key `n` (name);"
        "\nALTER TABLE `t`\n  MODIFY `id` int(11) NOT NULL AUTO_INCREMENT, "
        "AUTO_INCREMENT=7;\nalter table t add column (x int, y int), add z "
        "bigint first, drop column gone, change old newer text after z, "
        "comment = 'c';\ncreate unique index i on t (x);\n"
        "alter table t disable keys; alter table unknown add column a int;");
    const struct schema_table *table = table_of(unit, "t");
    static const char *const names[] = {"z", "newer", "id", "name", "x", "y"};
    assert_int_equal(table->column_count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(table->columns[i].field.name, names[i]);
    assert_string_equal(table->primary.name, "id");
    assert_true(column_of(table, "id")->automatic);
    assert_int_equal(table->unique_count, 2);
    assert_string_equal(table->comment, "c");
    assert_int_equal(unit->skipped_count, 1);
    assert_string_equal(unit->skipped[0].key, "ALTER");
    assert_string_equal(unit->skipped[0].value, "2");
}

/* A dump makes a table in place of a view, and drops it again. */
static void forgets_tables_that_are_dropped(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql", "/*!50001 create table v (a int) */;\n"
                 "drop table if exists v, w;\ncreate table v (b int);\n"
                 "create table if not exists v (c int);");
    assert_int_equal(unit->table_count, 1);
    assert_string_equal(unit->tables[0]->columns[0].field.name, "b");
}

static void takes_statements_without_their_end(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good("t.sql", "use x\nset names utf8\ncreate table a (i int)\n"
                           "engine=innodb\ncreate table b (i int)\n"
                           "create table c as select 1;\n"
                           "delimiter $$\ncreate procedure p() begin\n"
                           "create table no (i int); end$$\ndelimiter ;\n"
                           "create or replace table d (i int)");
    assert_int_equal(unit->table_count, 3);
    assert_string_equal(unit->tables[1]->name, "b");
    assert_string_equal(unit->tables[2]->name, "d");
}

static void tells_databases_apart(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good("t.sql", "create table a.t (i int); use b;\n"
                           "create table t (i int); create table `t-` (i int)");
    assert_int_equal(unit->table_count, 3);
    assert_string_equal(unit->tables[0]->c_name, "t_row");
    assert_string_equal(unit->tables[1]->c_name, "b_t_row");
    assert_string_equal(unit->tables[2]->c_name, "t__row");
}

static void mends_what_is_not_utf8(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good("t.sql", "create table t (i int comment '\xB1\xBE')");
    assert_string_equal(unit->tables[0]->columns[0].comment, "??");
}

/* 4 MB on one line: positions there must not cost its length each. */
static void reads_a_long_line_in_linear_time(void **state)
{
    (void)state;
    size_t size = 4u << 20, len = 0;
    char *text = malloc(size + 64);
    assert_non_null(text);
    for (int i = 0; len < size; i++)
        len += (size_t)snprintf(text + len, 64, "create table t%d(a int);", i);
    const struct schema_unit *unit =
        schema_load_text(loaded, "t.sql", text, len);
    free(text);
    assert_non_null(unit);
    assert_in_range(unit->table_count, 150000, 200000);
}

static void copies_a_table_like_another(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql", "create table a (i int auto_increment primary key, j int,\n"
                 "unique u (j), key (i, j)) comment 'c';\n"
                 "create table b like a; create table if not exists c (like a)"
                 ";\nalter table b drop key u, rename column j to k;");
    assert_int_equal(unit->table_count, 3);
    assert_int_equal(unit->skipped_count, 0);
    const struct schema_table *a = table_of(unit, "a");
    const struct schema_table *b = table_of(unit, "b");
    assert_int_equal(a->unique_count, 1);
    assert_int_equal(b->unique_count, 0);
    assert_string_equal(b->primary.cache_prefix, "cache:b:i:");
    assert_true(b->columns[0].automatic);
    assert_string_equal(a->indexes[0].name, "i_j");
    assert_string_equal(b->indexes[0].name, "i_k");
    assert_string_equal(table_of(unit, "c")->comment, "c");
}

static void applies_renames_and_dropped_keys(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql",
        "create table a (i int default 1, key k (i)); create table b (i int);\n"
        "alter table a rename to x; rename table b to a, x to y, no to z;\n"
        "drop index k on y; alter table a alter column i set default (7),\n"
        "add key (i); alter table y alter i drop default;\n"
        "drop index k on nobody;");
    assert_int_equal(unit->table_count, 2);
    assert_int_equal(unit->skipped_count, 1);
    assert_string_equal(unit->skipped[0].key, "DROP");
    assert_string_equal(unit->skipped[0].value, "1");
    assert_int_equal(table_of(unit, "y")->index_count, 0);
    assert_null(table_of(unit, "y")->columns[0].fallback);
    assert_int_equal(table_of(unit, "a")->index_count, 1);
    assert_string_equal(table_of(unit, "a")->columns[0].fallback, "(7)");
}

/* Who has no DELIMITER writes the body with the one there is. */
static void passes_over_routines(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql",
        "create procedure p() begin if 1 then select case 1 when 1 then 2 end;"
        " end if; while 1 do set @a = 1; end while; case x when 1 then select "
        "1; end case;\ncreate table no1 (a int); end;\n"
        "create table yes (a int);\n"
        "create definer=`a`@`%` trigger t after insert on yes for each row "
        "begin\ncreate table no2 (a int); end;\n"
        "create function f() returns int return case when 1 then 2 end;\n"
        "create event e on schedule every 1 day do begin select 1; end;\n"
        "select 1;");
    assert_int_equal(unit->table_count, 1);
    assert_int_equal(unit->skipped_count, 2);
    assert_string_equal(unit->skipped[0].key, "CREATE");
    assert_string_equal(unit->skipped[0].value, "4");
    assert_string_equal(unit->skipped[1].key, "SELECT");
    assert_string_equal(unit->skipped[1].value, "1");
}

static void reads_what_follows_a_block_without_end(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good("t.sql", "create procedure p() begin select 1;\n"
                           "create table a (i int);\n");
    assert_int_equal(unit->table_count, 1);
}

static void reads_comments_of_servers(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql",
        "/*M!999999\\- enable the sandbox mode */\n"
        "create table a (i int /*M!100301 unsigned */ /*!80023 INVISIBLE */, "
        "u bigint not null unsigned default 1, c int constraint check (c > 0),"
        " vector int, vector index (i) /* a /* b */) engine=innodb\n"
        "insert into a values (1, 1, 1, 1);");
    const struct schema_table *a = table_of(unit, "a");
    assert_int_equal(unit->skipped_count, 1);
    assert_string_equal(column_of(a, "i")->sql, "int unsigned");
    assert_string_equal(column_of(a, "u")->sql, "bigint unsigned");
    assert_int_equal(column_of(a, "u")->field.kind, SCHEMA_U64);
    assert_int_equal(a->index_count, 1);
    assert_int_equal(a->column_count, 4);
}

/* The prefixes that goctl 1.7 makes of these names. */
static void names_cache_keys_as_go_zero(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"third_payment", "thirdPayment"},
                                          {"ID", "iD"},
                                          {"_id", "id"},
                                          {"__a__b_", "aB"},
                                          {"2fa", "2Fa"},
                                          {"f2a_b3c", "f2aB3c"},
                                          {"user-id", "user-Id"},
                                          {"user id", "user Id"},
                                          {"a.b", "a.b"},
                                          {"a..b", "a..B"},
                                          {"a$b", "a$B"},
                                          {"$ab", "$Ab"},
                                          {"1-a", "1-A"},
                                          {"a1b_2c3d", "a1b2C3d"},
                                          {"URL_x", "uRLX"},
                                          {"tUser_x", "tUserX"},
                                          {"a'1b", "a'1b"},
                                          {"a:b", "a:b"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128], prefix[128];
        loaded_teardown(state);
        loaded_setup(state);
        snprintf(text, sizeof(text), "create table t (`%s` int primary key)",
                 rows[i][0]);
        snprintf(prefix, sizeof(prefix), "cache:t:%s:", rows[i][1]);
        const struct schema_unit *unit = load_good("t.sql", text);
        assert_string_equal(unit->tables[0]->primary.cache_prefix, prefix);
    }
}

static void tells_cached_rows_apart(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql", "create table a_b (i int primary key);\n"
                 "create table aB (i int primary key, a_b int, aB int);\n"
                 "create table x.t (i int primary key);\n"
                 "create table y.t (i int primary key);\n"
                 "create table `用户` (`编` int primary key, `号` int);");
    static const char *const prefixes[] = {
        "cache:aB:i:", "cache:aB_:i:", "cache:t:i:", "cache:y:t:i:",
        "cache:用户:编:"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(unit->tables[i]->primary.cache_prefix, prefixes[i]);
    assert_string_equal(unit->tables[1]->columns[1].go_name, "AB");
    assert_string_equal(unit->tables[1]->columns[2].go_name, "AB_");
    assert_string_equal(unit->tables[4]->columns[0].go_name, "编");
}

static void names_members_apart(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "t.sql", "create table t (has_a int not null, a int, `b-` int not "
                 "null, b_ int not null, `int` int not null, unique (`b-`))");
    static const char *const names[] = {"has_a", "a_", "b_", "b__", "int_"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(unit->tables[0]->columns[i].field.c_name, names[i]);
    assert_string_equal(unit->tables[0]->unique[0].name, "b_");
}

/* ---- failure ---- */

static void refuses_what_a_server_refuses(void **state)
{
    static const struct {
        const char *columns;
        uint32_t column;
        const char *message;
    } rows[] = {
        {"a varchar", 26, "found ')', expected '(' and the length"},
        {"a enum", 23, "found ')', expected '(' and the values"},
        {"a decimal(10 2)", 30, "found '2', expected ',' or ')'"},
        {"a float(5,2,1)", 28, "found ',', expected ')'"},
        {"a varchar(max)", 27, "found 'max', expected a number"},
        {"a int not", 26, "found ')', expected NULL"},
        {"a int,", 23, "found ')', expected a column's name"},
        {"a int)", 23, "found ')', expected an option of the table or its end"},
        {"a int, foreign key (a)", 39, "found ')', expected REFERENCES"},
        {"a int, unique", 30, "found ')', expected a key's name or '('"},
        {"a int default", 30, "found ')', expected a value"},
        {"a int, a int", 24, "column 'a' is declared already"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        loaded_teardown(state);
        loaded_setup(state);
        snprintf(text, sizeof(text), "create table t (%s);", rows[i].columns);
        load_bad("t.sql", text, 1, rows[i].column, rows[i].message);
    }
}

static void refuses_utf16(void **state)
{
    (void)state;
    static const char text[] = "\xFF\xFE"
                               "c\0r\0e\0a\0t\0e\0";
    assert_null(schema_load_text(loaded, "t.sql", text, sizeof(text) - 1));
    assert_int_equal(schema_error_count(loaded), 1);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "found UTF-16 text, expected UTF-8 (iconv -f UTF-16 "
                        "-t UTF-8 makes it)");
}

/* Each of them would be named by one '_' more. */
static void refuses_too_many_names_alike(void **state)
{
    (void)state;
    char text[1024] = "";
    static const char marks[] = "!#$%&()*+,-/:;<=>?@[]^";
    for (size_t i = 0; marks[i]; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "create table `%c` (i int);\n", marks[i]);
    load_bad("t.sql", text, 18, 14,
             "more than 16 tables that are one name in C");
}

static void refuses_a_word_that_is_no_attribute(void **state)
{
    (void)state;
    load_bad("t.sql", "create table t (\n  a int\n  b int\n)", 3, 3,
             "found 'b', expected an attribute of the column, ',' or ')'");
}

static void refuses_two_inline_primary_keys(void **state)
{
    (void)state;
    load_bad("t.sql", "create table t (a int primary key,\n b int primary key)",
             2, 8, "a second primary key, expected one");
}

static void refuses_a_change_of_no_column(void **state)
{
    (void)state;
    load_bad("t.sql", "create table t (a int);\nalter table t modify b int;", 2,
             22, "found 'b', expected a column of 't'");
}

static void refuses_an_open_table(void **state)
{
    (void)state;
    load_bad("t.sql", "create table t (a int;\ncreate table u (b int);", 1, 22,
             "found ';', expected ',' or ')'");
}

static void reports_errors_of_every_table(void **state)
{
    (void)state;
    static const char text[] = "create table t (a nope, b int, c what(1));\n"
                               "create table u (d int, key (x));";
    assert_null(schema_load_text(loaded, "t.sql", text, strlen(text)));
    assert_int_equal(schema_error_count(loaded), 3);
    assert_int_equal(schema_error_at(loaded, 1)->pos.column, 34);
    assert_int_equal(schema_error_at(loaded, 2)->pos.line, 2);
}

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
        LOADED_TEST(reads_attributes_in_any_order),
        LOADED_TEST(reads_every_kind_of_key),
        LOADED_TEST(applies_what_alters_a_table),
        LOADED_TEST(forgets_tables_that_are_dropped),
        LOADED_TEST(takes_statements_without_their_end),
        LOADED_TEST(tells_databases_apart),
        LOADED_TEST(mends_what_is_not_utf8),
        LOADED_TEST(reads_a_long_line_in_linear_time),
        LOADED_TEST(refuses_a_word_that_is_no_attribute),
        LOADED_TEST(refuses_two_inline_primary_keys),
        LOADED_TEST(refuses_a_change_of_no_column),
        LOADED_TEST(refuses_an_open_table),
        LOADED_TEST(reports_errors_of_every_table),
        LOADED_TEST(copies_a_table_like_another),
        LOADED_TEST(applies_renames_and_dropped_keys),
        LOADED_TEST(passes_over_routines),
        LOADED_TEST(reads_what_follows_a_block_without_end),
        LOADED_TEST(reads_comments_of_servers),
        LOADED_TEST(names_cache_keys_as_go_zero),
        LOADED_TEST(tells_cached_rows_apart),
        LOADED_TEST(names_members_apart),
        LOADED_TEST(refuses_what_a_server_refuses),
        LOADED_TEST(refuses_utf16),
        LOADED_TEST(refuses_too_many_names_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
