/* SPDX-License-Identifier: MIT
 *
 * Rows in and out, without and with the cache.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/store/fixture.h"

struct scene {
    struct world world;
    struct worker worker;
};

static int open_scene(void **state, bool cache)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    world_open(&scene->world, cache);
    worker_open(&scene->worker, scene->world.shared);
    *state = scene;
    return 0;
}

static int open_plain(void **state)
{
    return open_scene(state, false);
}

static int open_cached(void **state)
{
    return open_scene(state, true);
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    worker_close(&scene->worker);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

static struct bus_call *writing(void **state)
{
    struct scene *scene = *state;
    struct bus_call *call = worker_call(&scene->worker, &person_write_method);
    call_begin(call);
    return call;
}

static struct bus_call *reading(void **state)
{
    struct scene *scene = *state;
    return worker_call(&scene->worker, &person_read_method);
}

static int64_t insert(void **state, const char *number)
{
    struct bus_call *call = writing(state);
    struct person person = person_make(0, number);
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    return person.id;
}

static void assert_person(const struct person *a, const struct person *b)
{
    assert_int_equal(a->id, b->id);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->number, b->number);
    assert_int_equal(a->age, b->age);
    assert_string_equal(a->balance, b->balance);
    assert_true(a->weight == b->weight);
    assert_int_equal(a->member, b->member);
    assert_int_equal(a->has_nick, b->has_nick);
    if (a->has_nick)
        assert_string_equal(a->nick, b->nick);
    assert_int_equal(a->photo.len, b->photo.len);
    assert_memory_equal(a->photo.data, b->photo.data, a->photo.len);
    assert_int_equal(a->born, b->born);
}

/* ---- what works ---- */

static void inserted_row_comes_back_whole(void **state)
{
    struct bus_call *call = writing(state);
    struct person person = person_make(0, "7");
    person.nick = "dave";
    person.has_nick = true;
    person.member = true;
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    assert_true(call->locked);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_false(call->locked);
    assert_int_equal(person.id, 2); /* 1 is the seed's */
    /* Twice: from the database and, if there is one, from the cache. */
    for (int i = 0; i < 2; i++) {
        struct person found;
        call = reading(state);
        assert_int_equal(person_find(call, person.id, &found), BUS_OK);
        assert_person(&found, &person);
        assert_int_equal(person_find_by_number(call, "7", &found), BUS_OK);
        assert_person(&found, &person);
        assert_false(call->locked);
    }
}

static void absent_nick_stays_absent(void **state)
{
    int64_t id = insert(state, "8");
    for (int i = 0; i < 2; i++) {
        struct person found = {.has_nick = true};
        assert_int_equal(person_find(reading(state), id, &found), BUS_OK);
        assert_false(found.has_nick);
        assert_string_equal(found.nick, "");
    }
}

static void explicit_id_is_kept(void **state)
{
    struct bus_call *call = writing(state);
    struct person person = person_make(500, "9");
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    assert_int_equal(person.id, 500);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_int_equal(insert(state, "10"), 501);
}

static void id_of_deleted_row_is_not_reused(void **state)
{
    struct person person = {.id = insert(state, "11")};
    struct bus_call *call = writing(state);
    assert_int_equal(model_delete(call, &person_table, &person), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_int_equal(insert(state, "11"), person.id + 1);
}

static void updated_row_is_found_by_new_key_only(void **state)
{
    int64_t id = insert(state, "old");
    struct person found;
    struct bus_call *call = reading(state);
    assert_int_equal(person_find_by_number(call, "old", &found), BUS_OK);
    assert_int_equal(person_find_by_number(call, "new", &found), BUS_NOT_FOUND);
    call = writing(state);
    struct person person = person_make(id, "new");
    person.age = 31;
    assert_int_equal(model_update(call, &person_table, &person), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    call = reading(state);
    assert_int_equal(person_find_by_number(call, "old", &found), BUS_NOT_FOUND);
    assert_int_equal(person_find_by_number(call, "new", &found), BUS_OK);
    assert_int_equal(found.age, 31);
}

static void deleted_row_is_gone(void **state)
{
    struct person person = {.id = insert(state, "12")};
    struct person found;
    assert_int_equal(person_find_by_number(reading(state), "12", &found),
                     BUS_OK);
    struct bus_call *call = writing(state);
    assert_int_equal(model_delete(call, &person_table, &person), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    call = reading(state);
    assert_int_equal(person_find(call, person.id, &found), BUS_NOT_FOUND);
    assert_int_equal(person_find_by_number(call, "12", &found), BUS_NOT_FOUND);
}

static void refused_call_changes_nothing(void **state)
{
    struct person found;
    struct bus_call *call = writing(state);
    struct person person = person_make(0, "13");
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    assert_int_equal(person_find_by_number(call, "13", &found), BUS_OK);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    call = reading(state);
    assert_int_equal(person_find_by_number(call, "13", &found), BUS_NOT_FOUND);
}

static void seed_runs_once(void **state)
{
    struct scene *scene = *state;
    struct person found;
    assert_int_equal(world_count(&scene->world, "person"), 1);
    struct store_shared *again = world_share(&scene->world, false);
    store_shared_close(again);
    assert_int_equal(world_count(&scene->world, "person"), 1);
    assert_int_equal(person_find_by_number(reading(state), "666", &found),
                     BUS_OK);
    assert_string_equal(found.name, "小明");
    assert_string_equal(found.balance, "0.00");
    /* The seed's text is in the data source's zone. */
    int64_t east = world_on_mysql() ? INT64_C(8) * 3600 * 1000000 : 0;
    assert_int_equal(found.born, INT64_C(1049522828000000) - east);
}

static void finding_may_overwrite_its_probe(void **state)
{
    struct person person = {.number = "666"};
    assert_int_equal(model_find(reading(state), &person_table,
                                &person_table.unique[0], &person, &person),
                     BUS_OK);
    assert_int_equal(person.id, 1);
}

/* ---- what is refused ---- */

static void duplicate_is_named_without_its_value(void **state)
{
    insert(state, "secret14");
    struct bus_call *call = writing(state);
    struct person person = person_make(0, "secret14");
    assert_int_equal(model_insert(call, &person_table, &person),
                     BUS_ALREADY_EXISTS);
    assert_non_null(strstr(call->error.sentence,
                           world_on_mysql() ? "number" : "person.number"));
    assert_null(strstr(call->error.sentence, "secret14"));
    /* The transaction goes on: a handler may take another number. */
    person.number = "15";
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

static void duplicate_id_already_exists(void **state)
{
    struct bus_call *call = writing(state);
    struct person person = person_make(1, "16");
    assert_int_equal(model_insert(call, &person_table, &person),
                     BUS_ALREADY_EXISTS);
    assert_non_null(strstr(call->error.sentence,
                           world_on_mysql() ? "PRIMARY" : "person.id"));
    call_end(call, BUS_ALREADY_EXISTS);
}

static void missing_rows_are_not_found(void **state)
{
    struct person person = person_make(404, "17");
    struct person found = {.id = 5};
    struct bus_call *call = writing(state);
    assert_int_equal(model_update(call, &person_table, &person), BUS_NOT_FOUND);
    assert_int_equal(model_delete(call, &person_table, &person), BUS_NOT_FOUND);
    assert_int_equal(person_find(call, 404, &found), BUS_NOT_FOUND);
    assert_int_equal(found.id, 5);
    assert_non_null(strstr(call->error.sentence, "person"));
    call_end(call, BUS_NOT_FOUND);
}

static void reading_method_may_not_write(void **state)
{
    struct person person = person_make(0, "18");
    struct bus_call *call = reading(state);
    assert_int_equal(model_insert(call, &person_table, &person), BUS_INTERNAL);
    assert_int_equal(model_delete(call, &person_table, &person), BUS_INTERNAL);
    assert_non_null(strstr(call->error.sentence, "NO_SIDE_EFFECTS"));
}

static void values_outside_the_type_are_refused(void **state)
{
    struct bus_call *call = writing(state);
    struct person person = person_make(0, "19");
    person.name = "a name of twenty-one.";
    assert_int_equal(model_insert(call, &person_table, &person),
                     BUS_INVALID_ARGUMENT);
    person.name = "二十个字符二十个字符二十个字符二十个字符"; /* twenty */
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    call_end(call, BUS_OK);
}

/* ---- a table of which the database writes everything ---- */

struct event {
    int64_t id;
    int64_t create_time;
};

static const struct bus_field event_fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .offset = offsetof(struct event, id),
     .presence = BUS_NO_PRESENCE},
    {.name = "create_time",
     .kind = BUS_TIME,
     .offset = offsetof(struct event, create_time),
     .presence = BUS_NO_PRESENCE}};
static const struct bus_shape event_shape = {"event", sizeof(struct event), 2,
                                             event_fields};
static const struct model_column event_columns[] = {
    {"id", "bigint", NULL, "Id", MODEL_NOT_NULL | MODEL_AUTO},
    {"create_time", "datetime", "CURRENT_TIMESTAMP", "CreateTime",
     MODEL_NOT_NULL | MODEL_UNWRITTEN}};
static const uint16_t event_primary[] = {0};
static const struct model_table event_table = {
    .name = "event",
    .row = &event_shape,
    .columns = event_columns,
    .column_count = 2,
    .primary = {"id", event_primary, 1, "cache:event:id:"}};

static void the_database_may_write_every_column(void **state)
{
    struct scene *scene = *state;
    static const struct model_table *const tables[] = {&event_table, NULL};
    const struct store_options options = {.source = scene->world.source,
                                          .tables = tables,
                                          .clock = &bus_clock_system};
    struct store_shared *shared;
    struct bus_error err;
    struct event event = {0};
    assert_int_equal(store_shared_open(&options, &shared, &err), BUS_OK);
    store_shared_close(shared);
    struct bus_call *call = writing(state);
    assert_int_equal(model_insert(call, &event_table, &event), BUS_OK);
    assert_int_equal(event.id, 1);
    assert_int_equal(model_update(call, &event_table, &event), BUS_OK);
    assert_int_equal(
        model_find(call, &event_table, &event_table.primary, &event, &event),
        BUS_OK);
    assert_true(event.create_time > bus_wall(&bus_clock_system) - 60000000);
    event.id = 2;
    assert_int_equal(model_update(call, &event_table, &event), BUS_NOT_FOUND);
    assert_int_equal(model_delete(call, &event_table, &event), BUS_NOT_FOUND);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

#define BOTH(name)                                                             \
    cmocka_unit_test_setup_teardown(name, open_plain, close_scene),            \
    {                                                                          \
#name " (cached)", name, open_cached, close_scene, NULL                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(inserted_row_comes_back_whole),
        BOTH(absent_nick_stays_absent),
        BOTH(explicit_id_is_kept),
        BOTH(id_of_deleted_row_is_not_reused),
        BOTH(updated_row_is_found_by_new_key_only),
        BOTH(deleted_row_is_gone),
        BOTH(refused_call_changes_nothing),
        BOTH(seed_runs_once),
        BOTH(finding_may_overwrite_its_probe),
        BOTH(the_database_may_write_every_column),
        BOTH(duplicate_is_named_without_its_value),
        BOTH(duplicate_id_already_exists),
        BOTH(missing_rows_are_not_found),
        BOTH(reading_method_may_not_write),
        BOTH(values_outside_the_type_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
