/* SPDX-License-Identifier: MIT
 *
 * The SQLite driver: rows, transactions, every error it maps, other writers,
 * a full disk and a killed process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/unit/store/child.h"
#include "tests/unit/store/fixture.h"

#define PROCESSES 3
#define THREADS 8
#define COMMITS 40 /* a thread */
#define OPENINGS 30
#define SHORT (50 * BUS_MILLI)
#define SECRET "s3cret"

static const struct sql_driver *const driver = &sql_sqlite;

struct note {
    int64_t id;
    const char *text;
    int8_t small;
    bool has_small;
};

static const struct bus_field note_fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .offset = offsetof(struct note, id),
     .presence = BUS_NO_PRESENCE},
    {.name = "text",
     .kind = BUS_TEXT,
     .offset = offsetof(struct note, text),
     .presence = BUS_NO_PRESENCE},
    {.name = "small",
     .kind = BUS_I8,
     .offset = offsetof(struct note, small),
     .presence = offsetof(struct note, has_small)},
};
static const struct bus_shape note_shape = {"note", sizeof(struct note), 3,
                                            note_fields};

struct scene {
    struct world world;
    struct sql *sql;
    struct bus_arena arena;
    struct bus_error err;
};

static int64_t soon(void)
{
    return bus_now(&bus_clock_system) + SOON;
}

static struct sql *connect(const struct world *world)
{
    struct sql *sql = NULL;
    struct bus_error err = {0};
    if (driver->open(world->source, &sql, &err) != BUS_OK)
        fail_msg("%s", err.sentence);
    return sql;
}

/* Before a fork: no connection may be carried over. */
static void disconnect(struct scene *scene)
{
    driver->close(scene->sql);
    scene->sql = NULL;
}

static int exec(struct scene *scene, const char *text)
{
    return driver->exec(scene->sql, text, NULL, 0, soon(), NULL, &scene->err);
}

static int exec_arg(struct scene *scene, const char *text,
                    struct sql_value value)
{
    return driver->exec(scene->sql, text, &value, 1, soon(), NULL, &scene->err);
}

static void begin(struct scene *scene)
{
    assert_int_equal(driver->begin(scene->sql, soon(), &scene->err), BUS_OK);
}

static void commit(struct scene *scene)
{
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_OK);
}

static int query(struct scene *scene, const char *text, size_t max,
                 struct bus_list *ret)
{
    return driver->query(scene->sql, text, NULL, 0, soon(), &note_shape, max,
                         &scene->arena, ret, &scene->err);
}

static int64_t number(struct scene *scene, const char *text)
{
    struct bus_list rows = {0};
    assert_int_equal(query(scene, text, 1, &rows), BUS_OK);
    assert_int_equal(rows.count, 1);
    return ((struct note *)rows.items)->id;
}

static int64_t count(struct scene *scene)
{
    return number(scene, "select count(*) as id from note");
}

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    world_open(&scene->world, false);
    bus_arena_init(&scene->arena, BUS_ARENA_LIMIT);
    scene->sql = connect(&scene->world);
    begin(scene);
    assert_int_equal(exec(scene,
                          "create table note (id integer primary key, "
                          "text text not null default '' unique, "
                          "small integer check (small between -200 and 300), "
                          "parent integer references note (id)) strict"),
                     BUS_OK);
    commit(scene);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    if (scene->sql)
        driver->close(scene->sql);
    bus_arena_release(&scene->arena);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

/* ---- what works ---- */

static void rows_come_back_by_column_name(void **state)
{
    struct scene *scene = *state;
    struct bus_list rows = {0};
    begin(scene);
    exec(scene, "insert into note (id, text, small) values "
                "(1, 'one', null), (2, 'two', -128)");
    commit(scene);
    assert_int_equal(query(scene,
                           "select 7 as other, small, text, id from note "
                           "order by id",
                           10, &rows),
                     BUS_OK);
    assert_int_equal(rows.count, 2);
    const struct note *notes = rows.items;
    assert_int_equal(notes[0].id, 1);
    assert_string_equal(notes[0].text, "one");
    assert_false(notes[0].has_small);
    assert_true(notes[1].has_small);
    assert_int_equal(notes[1].small, -128);
    assert_int_equal(query(scene, "select id from note", 1, &rows), BUS_OK);
    assert_int_equal(rows.count, 1);
    assert_string_equal(((struct note *)rows.items)->text, "");
}

static void many_rows_fit(void **state)
{
    struct scene *scene = *state;
    struct bus_list rows = {0};
    static const char text[] =
        "with recursive n(id) as (select 0 union all select id + 1 from n "
        "where id < 999) select id, 'row ' || id as text from n";
    assert_int_equal(query(scene, text, 5000, &rows), BUS_OK);
    assert_int_equal(rows.count, 1000);
    const struct note *notes = rows.items;
    for (int i = 0; i < 1000; i++) {
        char expected[16];
        snprintf(expected, sizeof(expected), "row %d", i);
        assert_int_equal(notes[i].id, i);
        assert_string_equal(notes[i].text, expected);
    }
}

static void exec_tells_rows_and_last_id(void **state)
{
    struct scene *scene = *state;
    struct sql_done done;
    begin(scene);
    assert_int_equal(driver->exec(scene->sql,
                                  "insert into note (text) values ('a'), ('b')",
                                  NULL, 0, soon(), &done, &scene->err),
                     BUS_OK);
    assert_int_equal(done.affected, 2);
    assert_int_equal(done.last_id, 2);
    assert_int_equal(driver->exec(scene->sql, "update note set small = 1", NULL,
                                  0, soon(), &done, &scene->err),
                     BUS_OK);
    assert_int_equal(done.affected, 2);
    driver->rollback(scene->sql);
    assert_int_equal(count(scene), 0);
}

static void durable_settings_are_on(void **state)
{
    struct scene *scene = *state;
    struct bus_list rows = {0};
    assert_int_equal(query(scene,
                           "select journal_mode as text from "
                           "pragma_journal_mode",
                           1, &rows),
                     BUS_OK);
    assert_string_equal(((struct note *)rows.items)->text, "wal");
    assert_int_equal(
        number(scene, "select synchronous as id from pragma_synchronous"), 2);
    assert_int_equal(
        number(scene, "select foreign_keys as id from pragma_foreign_keys"), 1);
}

static void more_statements_than_are_kept(void **state)
{
    struct scene *scene = *state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            char text[64];
            snprintf(text, sizeof(text), "select %d as id", i);
            assert_int_equal(number(scene, text), i);
        }
    }
}

struct after {
    struct scene *scene;
    struct sql *other;
    int ran;
    int other_code;
};

/* The next writer of this process is not let in yet. */
static void after_ran(void *arg, bool committed)
{
    struct after *after = arg;
    assert_true(committed);
    after->ran++;
    after->other_code = driver->begin(
        after->other, bus_now(&bus_clock_system) + BUS_MILLI, NULL);
}

static void after_commit_runs_before_the_next_writer(void **state)
{
    struct scene *scene = *state;
    struct after after = {.scene = scene, .other = connect(&scene->world)};
    driver->on_commit(scene->sql, &(struct sql_hooks){.after = after_ran},
                      &after);
    begin(scene);
    driver->rollback(scene->sql);
    assert_int_equal(after.ran, 0);
    begin(scene);
    commit(scene);
    assert_int_equal(after.ran, 1);
    assert_int_equal(after.other_code, BUS_DEADLINE_EXCEEDED);
    assert_int_equal(driver->begin(after.other, soon(), NULL), BUS_OK);
    driver->close(after.other);
}

/* ---- what the database refuses ---- */

static void assert_refused(struct scene *scene, const char *text,
                           struct sql_value value, int code)
{
    begin(scene);
    assert_int_equal(exec_arg(scene, text, value), code);
    assert_int_equal(scene->err.code, code);
    assert_true(scene->err.sentence[0]);
    assert_null(strstr(scene->err.sentence, SECRET));
    /* Only the statement is undone: the transaction goes on. */
    assert_int_equal(exec(scene, "update note set small = 2 where id = 1"),
                     BUS_OK);
    commit(scene);
}

static void constraints_have_their_codes(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_int_equal(exec_arg(scene,
                              "insert into note (id, text) values (1, ?)",
                              sql_text(SECRET)),
                     BUS_OK);
    commit(scene);
    assert_refused(scene, "insert into note (text) values (?)",
                   sql_text(SECRET), BUS_ALREADY_EXISTS);
    assert_string_equal(scene->err.sentence, "duplicate key: note.text");
    assert_refused(scene, "insert into note (id, text) values (1, ?)",
                   sql_text("x"), BUS_ALREADY_EXISTS);
    assert_string_equal(scene->err.sentence, "duplicate key: note.id");
    assert_refused(scene, "insert into note (text) values (?)", sql_text(NULL),
                   BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(scene->err.sentence, "note.text"));
    assert_refused(scene, "insert into note (small) values (?)", sql_int(301),
                   BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(scene->err.sentence, "small"));
    assert_refused(scene, "insert into note (small) values (?)",
                   sql_text(SECRET), BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(scene->err.sentence, "note.small"));
    assert_refused(scene, "insert into note (parent) values (?)", sql_int(77),
                   BUS_INVALID_ARGUMENT);
    assert_refused(scene, "insert into note (id) values (?)",
                   (struct sql_value){SQL_UINT, {.natural = UINT64_MAX}},
                   BUS_INVALID_ARGUMENT);
    assert_int_equal(count(scene), 1);
}

static void mistakes_of_the_program_are_internal(void **state)
{
    struct scene *scene = *state;
    static const char *const wrong[] = {
        "selec 1",
        "insert into nowhere values (1)",
        "update note set small = 1; update note set small = 2",
        "update note set small = ?",
        "",
        "commit",
        "rollback",
        "savepoint a",
        "attach '/nowhere' as b",
    };
    begin(scene);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(exec(scene, wrong[i]), BUS_INTERNAL);
    assert_int_equal(exec(scene, "insert into note (id) values (5)"), BUS_OK);
    commit(scene);
    assert_int_equal(count(scene), 1);
    /* Outside a transaction nothing may write. */
    assert_int_equal(exec(scene, "delete from note"), BUS_INTERNAL);
    struct bus_list rows;
    assert_int_equal(query(scene, "delete from note returning id", 1, &rows),
                     BUS_INTERNAL);
    assert_int_equal(exec(scene, "begin"), BUS_INTERNAL);
    assert_int_equal(count(scene), 1);
}

static void a_value_that_does_not_fit_its_field_is_named(void **state)
{
    struct scene *scene = *state;
    struct bus_list rows = {.count = 99};
    begin(scene);
    exec(scene, "insert into note (id, small) values (1, 300)");
    commit(scene);
    assert_int_equal(query(scene, "select small from note", 1, &rows),
                     BUS_INTERNAL);
    assert_string_equal(scene->err.field, "small");
    assert_int_equal(query(scene, "select 'x' as id", 1, &rows), BUS_INTERNAL);
    assert_int_equal(query(scene, "select 5 as text", 1, &rows), BUS_INTERNAL);
    assert_int_equal(rows.count, 99);
}

static void rows_past_the_arena_are_refused(void **state)
{
    struct scene *scene = *state;
    struct bus_list rows;
    bus_arena_release(&scene->arena);
    bus_arena_init(&scene->arena, 2000);
    assert_int_equal(
        query(scene,
              "with recursive n(id) as (select 0 union all select id + 1 "
              "from n where id < 999) select id from n",
              5000, &rows),
        BUS_RESOURCE_EXHAUSTED);
}

static void a_source_must_be_a_path(void **state)
{
    struct scene *scene = *state;
    struct sql *sql;
    assert_int_equal(driver->open("root@tcp(h)/db", &sql, &scene->err),
                     BUS_INVALID_ARGUMENT);
    assert_int_equal(driver->open("sqlite::memory:", &sql, &scene->err),
                     BUS_INVALID_ARGUMENT);
    assert_int_equal(driver->open("sqlite:/nowhere/x.db", &sql, &scene->err),
                     BUS_UNAVAILABLE);
}

static void what_is_no_database_is_data_loss(void **state)
{
    struct scene *scene = *state;
    char source[256];
    struct sql *sql;
    snprintf(source, sizeof(source), "sqlite:%s/text", scene->world.folder);
    FILE *file = fopen(source + strlen("sqlite:"), "w");
    assert_non_null(file);
    for (int i = 0; i < 200; i++)
        fputs("this is not a database at all", file);
    fclose(file);
    assert_int_equal(driver->open(source, &sql, &scene->err), BUS_DATA_LOSS);
}

/* ---- what ends a transaction ---- */

static void assert_lost(struct scene *scene, int code)
{
    assert_int_equal(scene->err.code, code);
    assert_int_equal(exec(scene, "insert into note (id) values (9)"), code);
    assert_int_equal(driver->commit(scene->sql, &scene->err), code);
    assert_int_equal(count(scene), 0);
    begin(scene);
    assert_int_equal(exec(scene, "insert into note (id) values (10)"), BUS_OK);
    commit(scene);
    assert_int_equal(count(scene), 1);
}

static void the_deadline_interrupts_and_rolls_back(void **state)
{
    struct scene *scene = *state;
    static const char endless[] =
        "with recursive n(id) as (select 0 union all select id + 1 from n) "
        "insert into note (small) select id from n where id < 0";
    begin(scene);
    exec(scene, "insert into note (id) values (1)");
    assert_int_equal(driver->exec(scene->sql, endless, NULL, 0,
                                  bus_now(&bus_clock_system) + SHORT, NULL,
                                  &scene->err),
                     BUS_DEADLINE_EXCEEDED);
    assert_lost(scene, BUS_DEADLINE_EXCEEDED);
}

static void a_passed_deadline_starts_nothing(void **state)
{
    struct scene *scene = *state;
    int64_t past = bus_now(&bus_clock_system) - 1;
    assert_int_equal(driver->begin(scene->sql, past, &scene->err),
                     BUS_DEADLINE_EXCEEDED);
    begin(scene);
    assert_int_equal(driver->exec(scene->sql,
                                  "insert into note (id) values (1)", NULL, 0,
                                  past, NULL, &scene->err),
                     BUS_DEADLINE_EXCEEDED);
    commit(scene);
    assert_int_equal(count(scene), 0);
}

/* Fills the file until the database says no. */
static int fill(struct scene *scene)
{
    int code = BUS_OK;
    for (int i = 0; i < 10000 && code == BUS_OK; i++)
        code = exec(scene, "insert into note (text) values "
                           "(hex(randomblob(4000)))");
    return code;
}

static void a_full_disk_rolls_back(void **state)
{
    struct scene *scene = *state;
    struct bus_list rows;
    begin(scene);
    assert_int_equal(query(scene, "pragma max_page_count = 40", 1, &rows),
                     BUS_OK);
    assert_int_equal(fill(scene), BUS_UNAVAILABLE);
    assert_lost(scene, BUS_UNAVAILABLE);
}

/* A file size limit makes write(2) fail in the middle of a commit. */
static int child_without_room(struct child *self, void *arg)
{
    struct scene scene = {.world = *(struct world *)arg};
    struct rlimit limit = {300000, 300000};
    (void)self;
    signal(SIGXFSZ, SIG_IGN);
    scene.sql = connect(&scene.world);
    setrlimit(RLIMIT_FSIZE, &limit);
    if (driver->begin(scene.sql, soon(), &scene.err) != BUS_OK)
        return 1;
    int code = fill(&scene);
    if (code == BUS_OK)
        code = driver->commit(scene.sql, &scene.err);
    if (code != BUS_UNAVAILABLE)
        return 2;
    driver->rollback(scene.sql);
    driver->close(scene.sql);
    return 0;
}

static void a_failing_write_rolls_back(void **state)
{
    struct scene *scene = *state;
    struct child child;
    disconnect(scene);
    child_start(&child, child_without_room, &scene->world);
    assert_int_equal(child_wait(&child), 0);
    scene->sql = connect(&scene->world);
    assert_int_equal(count(scene), 0);
}

/* ---- other writers ---- */

static void a_writer_of_this_process_is_waited_for(void **state)
{
    struct scene *scene = *state;
    struct sql *other = connect(&scene->world);
    begin(scene);
    assert_int_equal(
        driver->begin(other, bus_now(&bus_clock_system) + SHORT, &scene->err),
        BUS_DEADLINE_EXCEEDED);
    commit(scene);
    assert_int_equal(driver->begin(other, soon(), &scene->err), BUS_OK);
    driver->close(other); /* rolls back and leaves the place */
    begin(scene);
    commit(scene);
}

static int child_holds(struct child *self, void *arg)
{
    struct sql *sql = connect(arg);
    struct bus_error err;
    if (driver->begin(sql, soon(), &err) != BUS_OK)
        return 1;
    child_say(self);
    child_hear(self);
    driver->close(sql);
    return 0;
}

static void a_writer_of_another_process_is_waited_for(void **state)
{
    struct scene *scene = *state;
    struct child child;
    disconnect(scene);
    child_start(&child, child_holds, &scene->world);
    assert_true(child_hear(&child));
    scene->sql = connect(&scene->world);
    assert_int_equal(driver->begin(scene->sql,
                                   bus_now(&bus_clock_system) + SHORT,
                                   &scene->err),
                     BUS_DEADLINE_EXCEEDED);
    assert_int_equal(count(scene), 0); /* readers do not wait */
    child_say(&child);
    begin(scene);
    commit(scene);
    assert_int_equal(child_wait(&child), 0);
}

/* Reads, writes and commits, as a counter is counted up. */
static void *thread_writes(void *arg)
{
    struct scene scene = {.sql = connect(arg)};
    static const char text[] = "update note set id = id + 1";
    intptr_t failures = 0;
    for (int i = 0; i < COMMITS; i++) {
        if (driver->begin(scene.sql, soon() * 2, &scene.err) != BUS_OK ||
            exec(&scene, text) != BUS_OK ||
            driver->commit(scene.sql, &scene.err) != BUS_OK) {
            fprintf(stderr, "writer: %s\n", scene.err.sentence);
            driver->rollback(scene.sql);
            failures++;
        }
    }
    driver->close(scene.sql);
    return (void *)failures;
}

static int child_writes(struct child *self, void *arg)
{
    pthread_t threads[THREADS];
    bool failed = false;
    child_hear(self);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread_writes, arg);
    for (int i = 0; i < THREADS; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        failed = failed || failures;
    }
    return failed;
}

static void every_writer_of_three_processes_commits(void **state)
{
    struct scene *scene = *state;
    struct child children[PROCESSES];
    begin(scene);
    exec(scene, "insert into note (id) values (0)");
    commit(scene);
    disconnect(scene);
    for (int i = 0; i < PROCESSES; i++)
        child_start(&children[i], child_writes, &scene->world);
    for (int i = 0; i < PROCESSES; i++)
        child_say(&children[i]);
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(child_wait(&children[i]), 0);
    scene->sql = connect(&scene->world);
    assert_int_equal(number(scene, "select id from note"),
                     PROCESSES * THREADS * COMMITS);
}

static int child_opens(struct child *self, void *arg)
{
    struct sql *sql = NULL;
    struct bus_error err;
    child_say(self);
    child_hear(self);
    if (driver->open(arg, &sql, &err) != BUS_OK) {
        fprintf(stderr, "open: %s\n", err.sentence);
        return 1;
    }
    driver->close(sql);
    return 0;
}

/* A new file becomes a WAL database under the hands of all of them. */
static void many_processes_open_a_new_file_at_once(void **state)
{
    struct scene *scene = *state;
    disconnect(scene);
    for (int round = 0; round < OPENINGS; round++) {
        struct child children[PROCESSES];
        char source[256];
        snprintf(source, sizeof(source), "sqlite:%s/new%d.db",
                 scene->world.folder, round);
        for (int i = 0; i < PROCESSES; i++)
            child_start(&children[i], child_opens, source);
        for (int i = 0; i < PROCESSES; i++)
            assert_true(child_hear(&children[i]));
        for (int i = 0; i < PROCESSES; i++)
            child_say(&children[i]);
        for (int i = 0; i < PROCESSES; i++)
            assert_int_equal(child_wait(&children[i]), 0);
    }
}

/* ---- kill -9 ---- */

static int child_dies(struct child *self, void *arg)
{
    struct scene scene = {.sql = connect(arg)};
    if (driver->begin(scene.sql, soon(), &scene.err) != BUS_OK ||
        exec(&scene, "insert into note (id) values (1)") != BUS_OK ||
        driver->commit(scene.sql, &scene.err) != BUS_OK ||
        driver->begin(scene.sql, soon(), &scene.err) != BUS_OK)
        return 1;
    /* Enough to spill pages into the log before any commit. */
    for (int i = 0; i < 2000; i++) {
        if (exec(&scene, "insert into note (text) values "
                         "(hex(randomblob(4000)))") != BUS_OK)
            return 2;
    }
    child_say(self);
    child_hear(self);
    return 3;
}

static void a_killed_writer_leaves_what_it_committed(void **state)
{
    struct scene *scene = *state;
    struct child child;
    struct bus_list rows;
    disconnect(scene);
    child_start(&child, child_dies, &scene->world);
    assert_true(child_hear(&child));
    assert_int_equal(child_kill(&child), -SIGKILL);
    scene->sql = connect(&scene->world);
    assert_int_equal(count(scene), 1);
    assert_int_equal(query(scene,
                           "select integrity_check as text from "
                           "pragma_integrity_check",
                           1, &rows),
                     BUS_OK);
    assert_string_equal(((struct note *)rows.items)->text, "ok");
    begin(scene);
    assert_int_equal(exec(scene, "insert into note (text) values ('b')"),
                     BUS_OK);
    commit(scene);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rows_come_back_by_column_name),
        T(many_rows_fit),
        T(exec_tells_rows_and_last_id),
        T(durable_settings_are_on),
        T(more_statements_than_are_kept),
        T(after_commit_runs_before_the_next_writer),
        T(constraints_have_their_codes),
        T(mistakes_of_the_program_are_internal),
        T(a_value_that_does_not_fit_its_field_is_named),
        T(rows_past_the_arena_are_refused),
        T(a_source_must_be_a_path),
        T(what_is_no_database_is_data_loss),
        T(the_deadline_interrupts_and_rolls_back),
        T(a_passed_deadline_starts_nothing),
        T(a_full_disk_rolls_back),
        T(a_failing_write_rolls_back),
        T(a_writer_of_this_process_is_waited_for),
        T(a_writer_of_another_process_is_waited_for),
        T(every_writer_of_three_processes_commits),
        T(many_processes_open_a_new_file_at_once),
        T(a_killed_writer_leaves_what_it_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
