/* SPDX-License-Identifier: MIT
 *
 * A worker's store: opening, creating tables, and the transaction of a call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

#define SECRET "s3cret"
#define LOG_BYTES 4096

struct scene {
    struct world world;
    struct worker worker;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    world_open(&scene->world, false);
    worker_open(&scene->worker, scene->world.shared);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    worker_close(&scene->worker);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

static struct bus_call *call_of(void **state, const struct bus_method *method)
{
    struct scene *scene = *state;
    return worker_call(&scene->worker, method);
}

/* ---- the transaction of a call ---- */

static void a_reading_method_is_never_in_a_transaction(void **state)
{
    struct scene *scene = *state;
    struct worker other;
    struct person found;
    worker_open(&other, scene->world.shared);
    struct bus_call *writing = worker_call(&other, &person_write_method);
    struct person person = person_make(0, "1");
    assert_int_equal(model_insert(writing, &person_table, &person), BUS_OK);
    /* Nobody waits for the writer. */
    struct bus_call *call = call_of(state, &person_read_method);
    call->deadline = bus_now(call->clock) + BUS_SECOND;
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    assert_int_equal(person_find(call, person.id, &found), BUS_NOT_FOUND);
    assert_false(call->locked);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    call_end(writing, BUS_OK);
    worker_close(&other);
}

static void the_first_statement_begins_and_locks(void **state)
{
    struct person found;
    struct bus_call *call = call_of(state, &person_write_method);
    call_begin(call);
    assert_false(call->locked);
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    assert_true(call->locked);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_false(call->locked);
}

/* Two calls that read and then write one row lose no update. */
static void what_was_read_is_still_true_when_it_is_written(void **state)
{
    struct scene *scene = *state;
    struct worker other;
    struct person found;
    worker_open(&other, scene->world.shared);
    struct bus_call *first = call_of(state, &person_write_method);
    assert_int_equal(person_find(first, 1, &found), BUS_OK);
    struct bus_call *second = worker_call(&other, &person_write_method);
    second->deadline = bus_now(second->clock) + 20 * BUS_MILLI;
    assert_int_equal(person_find(second, 1, &found), BUS_DEADLINE_EXCEEDED);
    assert_false(second->locked);
    assert_int_equal(call_end(second, BUS_DEADLINE_EXCEEDED),
                     BUS_DEADLINE_EXCEEDED);
    assert_int_equal(call_end(first, BUS_OK), BUS_OK);
    worker_close(&other);
}

static void a_call_without_statements_ends_as_it_was(void **state)
{
    struct bus_call *call = call_of(state, &person_write_method);
    call_begin(call);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    call_begin(call);
    assert_int_equal(call_end(call, BUS_INTERNAL), BUS_INTERNAL);
}

static void a_refusal_keeps_its_sentence(void **state)
{
    struct bus_call *call = call_of(state, &person_write_method);
    struct person person = person_make(0, "2");
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    bus_error_set(&call->error, BUS_ABORTED, "too late");
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_string_equal(call->error.sentence, "too late");
}

static void a_lost_transaction_is_not_reported_as_done(void **state)
{
    struct scene *scene = *state;
    struct bus_call *call = call_of(state, &person_write_method);
    struct person person = person_make(0, "3");
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    call->deadline = bus_now(call->clock) + 20 * BUS_MILLI;
    assert_int_equal(
        sql_exec(call,
                 "with recursive n(i) as (select 0 union all select i + 1 "
                 "from n) update person set age = 1 where id in "
                 "(select i from n where i < 0)",
                 NULL, 0, NULL),
        BUS_DEADLINE_EXCEEDED);
    /* The handler takes no notice. */
    call->error = (struct bus_error){0};
    assert_int_equal(call_end(call, BUS_OK), BUS_DEADLINE_EXCEEDED);
    assert_int_equal(call->error.code, BUS_DEADLINE_EXCEEDED);
    assert_int_equal(world_count(&scene->world, "person"), 1);
}

static int64_t fake_now(void *arg)
{
    return *(int64_t *)arg;
}

static void a_deadline_on_another_clock_is_its_time_left(void **state)
{
    int64_t at = 5;
    const struct bus_clock clock = {fake_now, fake_now, &at};
    struct person found;
    struct bus_call *call = call_of(state, &person_read_method);
    call->clock = &clock;
    call->deadline = at + SOON;
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
    call->deadline = at;
    assert_int_equal(person_find(call, 1, &found), BUS_DEADLINE_EXCEEDED);
    call->deadline = BUS_FOREVER;
    assert_int_equal(person_find(call, 1, &found), BUS_OK);
}

static void an_actor_without_a_store_says_so(void **state)
{
    struct bus_call *call = call_of(state, &person_write_method);
    struct person person = person_make(0, "4");
    enum store_verdict verdict;
    struct bus_bytes stored;
    call->store = NULL;
    assert_int_equal(store_begin(call, &verdict, &stored), BUS_OK);
    assert_int_equal(verdict, STORE_RUN);
    assert_int_equal(model_insert(call, &person_table, &person), BUS_INTERNAL);
    assert_int_equal(sql_exec(call, "select 1", NULL, 0, NULL), BUS_INTERNAL);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

/* ---- authors' own SQL ---- */

static void own_sql_runs_in_the_calls_transaction(void **state)
{
    struct scene *scene = *state;
    struct bus_call *call = call_of(state, &person_write_method);
    struct bus_list rows;
    struct sql_done done;
    const struct sql_value args[] = {sql_int(40), sql_text("666")};
    assert_int_equal(sql_exec(call,
                              "update person set age = ? where number = ?",
                              args, 2, &done),
                     BUS_OK);
    assert_int_equal(done.affected, 1);
    assert_int_equal(sql_query(call, "select id, age from person where age = ?",
                               args, 1, person_table.row, 10, &rows),
                     BUS_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(((struct person *)rows.items)->age, 40);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    call = call_of(state, &person_read_method);
    assert_int_equal(sql_query(call, "select id, age from person where age = ?",
                               args, 1, person_table.row, 10, &rows),
                     BUS_OK);
    assert_int_equal(rows.count, 0);
    assert_int_equal(sql_query(call, "with a as (select 1) select * from a",
                               NULL, 0, person_table.row, 1, &rows),
                     BUS_OK);
    assert_int_equal(sql_query(call, "delete from person returning id", NULL, 0,
                               person_table.row, 1, &rows),
                     BUS_INTERNAL);
    assert_int_equal(world_count(&scene->world, "person"), 1);
}

/* Runs a statement that takes a while and returns what was logged. */
static int logged(struct bus_call *call, int64_t steps, char ret[LOG_BYTES])
{
    static const char text[] =
        "with recursive n(i) as (select 0 union all select i + 1 from n where "
        "i < ?) select count(*) as id from n where ? <> ''";
    const struct sql_value args[] = {sql_int(steps), sql_text(SECRET)};
    struct bus_list rows;
    FILE *file = tmpfile();
    assert_non_null(file);
    int standard = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    int code = sql_query(call, text, args, 2, person_table.row, 1, &rows);
    dup2(standard, STDERR_FILENO);
    close(standard);
    rewind(file);
    size_t len = fread(ret, 1, LOG_BYTES - 1, file);
    ret[len] = '\0';
    fclose(file);
    return code;
}

static void slow_statements_are_logged_without_arguments(void **state)
{
    char text[LOG_BYTES];
    struct bus_call *call = call_of(state, &person_read_method);
    assert_int_equal(logged(call, 1, text), BUS_OK);
    assert_string_equal(text, "");
    for (int64_t steps = 500000; !*text; steps *= 2) {
        call->deadline = bus_now(call->clock) + 6 * SOON;
        assert_int_equal(logged(call, steps, text), BUS_OK);
    }
    assert_non_null(strstr(text, "\"slow\""));
    assert_non_null(strstr(text, "with recursive n(i)"));
    assert_non_null(strstr(text, "\"duration\""));
    assert_null(strstr(text, SECRET));
}

static void what_counts_as_slow_is_configured(void **state)
{
    struct scene *scene = *state;
    char text[LOG_BYTES];
    struct worker worker;
    struct store_shared *shared =
        world_share_by(&scene->world, (struct store_options){.slow_ns = 1});
    worker_open(&worker, shared);
    struct bus_call *call = worker_call(&worker, &person_read_method);
    assert_int_equal(logged(call, 1, text), BUS_OK);
    assert_non_null(strstr(text, "\"slow\""));
    worker_close(&worker);
    store_shared_close(shared);
}

/* ---- opening ---- */

static void a_malformed_source_is_refused_without_its_password(void **state)
{
    struct store_shared *shared;
    struct bus_error err;
    const struct store_options options = {
        .source = "root:secret@udp(127.0.0.1:3306)/mall",
        .clock = &bus_clock_system};
    (void)state;
    assert_int_equal(store_shared_open(&options, &shared, &err),
                     BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, "sqlite:"));
    assert_null(strstr(err.sentence, "secret"));
}

static void a_failing_seed_creates_nothing(void **state)
{
    struct scene *scene = *state;
    static const char *const seed[] = {"insert into pet (number) values ('1')",
                                       "insert into pet (number) values ('1')",
                                       NULL};
    struct model_table pet = person_table;
    pet.name = "pet";
    pet.seed = seed;
    const struct model_table *const tables[] = {&pet, NULL};
    const struct store_options options = {.source = scene->world.source,
                                          .tables = tables,
                                          .clock = &bus_clock_system};
    struct store_shared *shared;
    struct bus_error err;
    assert_int_not_equal(store_shared_open(&options, &shared, &err), BUS_OK);
    struct bus_call *call = call_of(state, &person_read_method);
    struct bus_list rows;
    assert_int_equal(sql_query(call, "select * from pet", NULL, 0,
                               person_table.row, 1, &rows),
                     BUS_INTERNAL);
    assert_non_null(strstr(call->error.sentence, "no such table"));
}

static void a_table_of_an_older_schema_stops_the_start(void **state)
{
    struct scene *scene = *state;
    static const struct model_column columns[] = {
        {"id", "bigint", NULL, "Id", MODEL_NOT_NULL},
        {"colour", "text", NULL, "Colour", 0}};
    struct model_table newer = person_table;
    newer.columns = columns;
    newer.column_count = 2;
    const struct model_table *const tables[] = {&newer, NULL};
    const struct store_options options = {.source = scene->world.source,
                                          .tables = tables,
                                          .clock = &bus_clock_system};
    struct store_shared *shared;
    struct bus_error err;
    assert_int_equal(store_shared_open(&options, &shared, &err),
                     BUS_FAILED_PRECONDITION);
    assert_non_null(strstr(err.sentence, "person"));
    assert_non_null(strstr(err.sentence, "colour"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_reading_method_is_never_in_a_transaction),
        T(the_first_statement_begins_and_locks),
        T(what_was_read_is_still_true_when_it_is_written),
        T(a_call_without_statements_ends_as_it_was),
        T(a_refusal_keeps_its_sentence),
        T(a_lost_transaction_is_not_reported_as_done),
        T(a_deadline_on_another_clock_is_its_time_left),
        T(an_actor_without_a_store_says_so),
        T(own_sql_runs_in_the_calls_transaction),
        T(slow_statements_are_logged_without_arguments),
        T(what_counts_as_slow_is_configured),
        T(a_malformed_source_is_refused_without_its_password),
        T(a_failing_seed_creates_nothing),
        T(a_table_of_an_older_schema_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
