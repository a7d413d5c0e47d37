/* SPDX-License-Identifier: MIT
 *
 * The MySQL driver by itself, where TROUPE_TEST_MYSQL names a server's socket
 * (tests/live/mysql/run); otherwise every test is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "actors/store/row.h"
#include "tests/unit/store/fixture.h"

static const struct sql_driver *const driver = &sql_mysql;

struct scene {
    struct world world;
    struct bus_arena arena;
    struct bus_error err;
    struct sql *a, *b;
};

static int64_t soon(void)
{
    return bus_now(&bus_clock_system) + SOON;
}

static int scene_open(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    *state = scene;
    if (!world_on_mysql())
        return 0;
    world_open(&scene->world, false);
    bus_arena_init(&scene->arena, BUS_ARENA_LIMIT);
    assert_int_equal(driver->open(scene->world.source, &scene->a, &scene->err),
                     BUS_OK);
    assert_int_equal(driver->open(scene->world.source, &scene->b, &scene->err),
                     BUS_OK);
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    if (scene->a) {
        driver->close(scene->a);
        driver->close(scene->b);
        bus_arena_release(&scene->arena);
        world_close(&scene->world);
    }
    test_free(scene);
    return 0;
}

static struct scene *scene_of(void **state)
{
    if (!world_on_mysql())
        skip();
    return *state;
}

static int exec(struct scene *scene, struct sql *sql, const char *text)
{
    return driver->exec(sql, text, NULL, 0, soon(), NULL, &scene->err);
}

static void run(struct scene *scene, struct sql *sql, const char *text)
{
    if (exec(scene, sql, text) != BUS_OK)
        fail_msg("%s: %s", text, scene->err.sentence);
}

static void begin(struct scene *scene, struct sql *sql)
{
    assert_int_equal(driver->begin(sql, soon(), &scene->err), BUS_OK);
}

/* ---- values ---- */

struct all {
    int64_t big;
    uint64_t natural, bits;
    float single;
    const char *price, *json;
    bool has_json;
    int64_t at, total;
    struct bus_bytes blob;
};

#define FIELD(member, kind_)                                                   \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct all, member), .presence = BUS_NO_PRESENCE    \
    }

static const struct bus_field all_fields[] = {
    FIELD(big, BUS_I64),
    FIELD(natural, BUS_U64),
    FIELD(bits, BUS_U64),
    FIELD(single, BUS_F32),
    FIELD(price, BUS_DECIMAL),
    {.name = "json",
     .kind = BUS_TEXT,
     .flags = BUS_NULLABLE,
     .offset = offsetof(struct all, json),
     .presence = offsetof(struct all, has_json)},
    FIELD(at, BUS_TIME),
    FIELD(total, BUS_I64),
    FIELD(blob, BUS_BYTES)};
static const struct bus_shape all_shape = {
    "all", sizeof(struct all), sizeof(all_fields) / sizeof(*all_fields),
    all_fields};

static void values_of_all_types_come_back(void **state)
{
    struct scene *scene = scene_of(state);
    struct bus_list rows = {0};
    assert_int_equal(
        driver->define(scene->a,
                       "create table flags as select cast(5 as unsigned) n",
                       &scene->err),
        BUS_OK);
    assert_int_equal(
        driver->define(scene->a, "alter table flags add bits bit(3) default 5",
                       &scene->err),
        BUS_OK);
    static const char text[] =
        "select cast(-9223372036854775808 as signed) big, "
        "18446744073709551615 `natural`, bits, "
        "cast(0.1 as float) `single`, "
        "cast('12345678901234567890.1234567890' as decimal(40,10)) price, "
        "null json, timestamp'2021-06-01 08:00:00.000001' at, "
        "sum(7) total, x'00ff' `blob` from flags";
    assert_int_equal(driver->query(scene->a, text, NULL, 0, soon(), &all_shape,
                                   1, &scene->arena, &rows, &scene->err),
                     BUS_OK);
    const struct all *row = rows.items;
    assert_true(row->big == INT64_MIN && row->natural == UINT64_MAX);
    assert_int_equal(row->bits, 5);
    assert_true(row->single == 0.1f);
    assert_string_equal(row->price, "12345678901234567890.1234567890");
    assert_false(row->has_json);
    /* 08:00 in Shanghai is midnight in UTC. */
    assert_int_equal(row->at, INT64_C(1622505600000001));
    assert_int_equal(row->total, 7);
    assert_memory_equal(row->blob.data, "\x00\xff", 2);
}

static void sessions_run_in_the_sources_zone(void **state)
{
    struct scene *scene = scene_of(state);
    struct bus_list rows = {0};
    assert_int_equal(driver->query(scene->a, "select now(6) at", NULL, 0,
                                   soon(), &all_shape, 1, &scene->arena, &rows,
                                   &scene->err),
                     BUS_OK);
    int64_t apart =
        ((struct all *)rows.items)->at - bus_wall(&bus_clock_system);
    assert_true(apart > -60000000 && apart < 60000000);
}

/* ---- what goes wrong ---- */

static void forbidden_statements_are_refused(void **state)
{
    struct scene *scene = scene_of(state);
    assert_int_equal(exec(scene, scene->a, "delete from person"), BUS_INTERNAL);
    begin(scene, scene->a);
    static const char *const texts[] = {"commit", " ROLLBACK;", "begin",
                                        "create table x (id int)",
                                        "set autocommit = 0"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(exec(scene, scene->a, texts[i]), BUS_INTERNAL);
    run(scene, scene->a, "delete from person");
    driver->rollback(scene->a);
    assert_int_equal(world_count(&scene->world, "person"), 1);
}

/* Kills the connection of the other. */
static void kill_connection(struct scene *scene, struct sql *victim,
                            struct sql *killer)
{
    struct bus_list rows = {0};
    char text[160];
    assert_int_equal(driver->query(victim, "select connection_id() total", NULL,
                                   0, soon(), &all_shape, 1, &scene->arena,
                                   &rows, &scene->err),
                     BUS_OK);
    snprintf(text, sizeof(text), "kill %lld",
             (long long)((struct all *)rows.items)->total);
    assert_int_equal(driver->define(killer, text, &scene->err), BUS_OK);
    /* It has gone when it is no longer listed. */
    snprintf(text, sizeof(text),
             "select count(*) total from information_schema.processlist "
             "where id = %lld",
             (long long)((struct all *)rows.items)->total);
    int64_t left = 1;
    for (int64_t until = soon(); left && bus_now(&bus_clock_system) < until;) {
        assert_int_equal(driver->query(killer, text, NULL, 0, soon(),
                                       &all_shape, 1, &scene->arena, &rows,
                                       &scene->err),
                         BUS_OK);
        left = ((struct all *)rows.items)->total;
    }
}

static void an_idle_connection_that_went_away_is_opened_again(void **state)
{
    struct scene *scene = scene_of(state);
    kill_connection(scene, scene->a, scene->b);
    begin(scene, scene->a);
    run(scene, scene->a, "update person set age = 3");
    assert_int_equal(driver->commit(scene->a, &scene->err), BUS_OK);
}

static void a_transaction_that_went_away_is_unavailable(void **state)
{
    struct scene *scene = scene_of(state);
    begin(scene, scene->a);
    run(scene, scene->a, "delete from person");
    kill_connection(scene, scene->a, scene->b);
    int code = exec(scene, scene->a, "update person set age = 3");
    /* Which of the two depends on whether the goodbye was seen in time. */
    assert_true(code == BUS_UNAVAILABLE || code == BUS_UNKNOWN);
    assert_int_equal(driver->commit(scene->a, &scene->err), code);
    assert_int_equal(world_count(&scene->world, "person"), 1);
    begin(scene, scene->a);
    driver->rollback(scene->a);
}

struct sleeper {
    struct scene *scene;
    struct bus_error err;
    int code;
};

static void *sleep_in_server(void *arg)
{
    struct sleeper *sleeper = arg;
    sleeper->code = driver->exec(sleeper->scene->a,
                                 "update person set age = 3 where sleep(9) = 0",
                                 NULL, 0, soon(), NULL, &sleeper->err);
    return NULL;
}

static void a_statement_in_flight_has_an_unknown_outcome(void **state)
{
    struct scene *scene = scene_of(state);
    struct sleeper sleeper = {.scene = scene};
    struct bus_list rows = {0};
    pthread_t thread;
    begin(scene, scene->a);
    pthread_create(&thread, NULL, sleep_in_server, &sleeper);
    static const char find[] =
        "select coalesce(max(id), 0) total from "
        "information_schema.processlist where state = 'User sleep'";
    int64_t id = 0;
    for (int64_t until = soon(); !id && bus_now(&bus_clock_system) < until;) {
        assert_int_equal(driver->query(scene->b, find, NULL, 0, soon(),
                                       &all_shape, 1, &scene->arena, &rows,
                                       &scene->err),
                         BUS_OK);
        id = ((struct all *)rows.items)->total;
    }
    char text[64];
    snprintf(text, sizeof(text), "kill %lld", (long long)id);
    assert_int_equal(driver->define(scene->b, text, &scene->err), BUS_OK);
    pthread_join(thread, NULL);
    assert_int_equal(sleeper.code, BUS_UNKNOWN);
    assert_string_equal(sleeper.err.reason, "outcome_unknown");
    driver->rollback(scene->a);
}

static void a_deadline_ends_a_statement(void **state)
{
    struct scene *scene = scene_of(state);
    begin(scene, scene->a);
    int64_t from = bus_now(&bus_clock_system);
    assert_int_equal(
        driver->exec(scene->a, "update person set age = 3 where sleep(3) = 0",
                     NULL, 0, from + 100 * BUS_MILLI, NULL, &scene->err),
        BUS_DEADLINE_EXCEEDED);
    assert_true(bus_now(&bus_clock_system) - from < 2 * BUS_SECOND);
    assert_int_equal(driver->commit(scene->a, &scene->err),
                     BUS_DEADLINE_EXCEEDED);
    begin(scene, scene->a); /* on another connection */
    driver->rollback(scene->a);
}

static void nobody_at_the_socket_is_unavailable(void **state)
{
    struct sql *sql;
    struct bus_error err;
    (void)state;
    assert_int_equal(driver->open("u:secret@unix(/nowhere/x)/d", &sql, &err),
                     BUS_OK);
    assert_int_equal(driver->begin(sql, soon(), &err), BUS_UNAVAILABLE);
    assert_null(strstr(err.sentence, "secret"));
    driver->close(sql);
}

/* ---- deadlocks ---- */

static void *update_first(void *arg)
{
    struct sleeper *sleeper = arg;
    sleeper->code = exec(sleeper->scene, sleeper->scene->a,
                         "update person set age = 1 where id = 2");
    return NULL;
}

static void a_deadlock_is_unavailable_to_one_of_two(void **state)
{
    struct scene *scene = scene_of(state);
    struct sleeper sleeper = {.scene = scene};
    pthread_t thread;
    begin(scene, scene->a);
    run(scene, scene->a,
        "insert into person (id, number, weight, member, photo, born) "
        "values (2, '2', 1, 1, '', now())");
    assert_int_equal(driver->commit(scene->a, &scene->err), BUS_OK);
    begin(scene, scene->a);
    begin(scene, scene->b);
    run(scene, scene->a, "update person set age = 1 where id = 1");
    run(scene, scene->b, "update person set age = 2 where id = 2");
    pthread_create(&thread, NULL, update_first, &sleeper);
    struct bus_error err = {0};
    int code = driver->exec(scene->b, "update person set age = 2 where id = 1",
                            NULL, 0, soon(), NULL, &err);
    if (code == BUS_OK)
        assert_int_equal(driver->commit(scene->b, &err), BUS_OK);
    else
        driver->rollback(scene->b);
    pthread_join(thread, NULL);
    assert_true((code == BUS_OK) != (sleeper.code == BUS_OK));
    assert_int_equal(code + sleeper.code, BUS_UNAVAILABLE);
    driver->rollback(scene->a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(values_of_all_types_come_back),
        T(sessions_run_in_the_sources_zone),
        T(forbidden_statements_are_refused),
        T(an_idle_connection_that_went_away_is_opened_again),
        T(a_transaction_that_went_away_is_unavailable),
        T(a_statement_in_flight_has_an_unknown_outcome),
        T(a_deadline_ends_a_statement),
        T(nobody_at_the_socket_is_unavailable),
        T(a_deadlock_is_unavailable_to_one_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
