/* SPDX-License-Identifier: MIT
 *
 * Finding methods by name and path, their settings and their counters.
 */
#include "actors/runtime/methods.h"

#include <stdio.h>
#include <string.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/settings.h"
#include "bus/yaml.h"
#include "tests/unit/runtime/cmocka_all.h"

#define MANY 300

static struct bus_method methods[MANY];
static struct actor_method rows[MANY];
static const struct bus_field inner_fields[] = {
    {.name = "id", .kind = BUS_I64, .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape inner = {.fields = inner_fields, .count = 1};
static const struct bus_field fields[] = {
    {.name = "id", .kind = BUS_I64, .presence = BUS_NO_PRESENCE},
    {.name = "user",
     .kind = BUS_MESSAGE,
     .shape = &inner,
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape shape = {.fields = fields, .count = 2};
static char names[MANY][16], paths[MANY][32];
static struct actor_type type = {.name = "t", .methods = rows};

static struct bus_arena arena;
static struct method_table table;
static struct bus_error err;

static int set_up(void **state)
{
    (void)state;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "m%zu", i);
        snprintf(paths[i], sizeof(paths[i]), "/t.T/m%zu", i);
        methods[i] = (struct bus_method){
            .name = names[i], .path = paths[i], .request = &shape};
        rows[i].method = &methods[i];
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_arena_release(&arena);
    return 0;
}

static int open_with(size_t count, const char *text)
{
    struct actor_config *config;
    struct bus_yaml *yaml = NULL;
    type.count = count;
    assert_int_equal(
        bus_yaml_text("t.yaml", text, strlen(text), &arena, &yaml, &err),
        BUS_OK);
    assert_int_equal(actor_config_read(yaml, NULL, &arena, &config, NULL, &err),
                     BUS_OK);
    return methods_open(&table, &type, config, yaml, &arena, &err);
}

static void all_are_found_by_name_and_path(void **state)
{
    (void)state;
    assert_int_equal(open_with(MANY, "Name: t\n"), BUS_OK);
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_equal(methods_find(&table, names[i]), &table.entries[i]);
        assert_ptr_equal(methods_find(&table, paths[i]), &table.entries[i]);
        assert_ptr_equal(table.entries[i].actor, &rows[i]);
    }
}

static void settings_reach_their_method(void **state)
{
    (void)state;
    assert_int_equal(open_with(3, "Timeout: 700\n"
                                  "Methods:\n"
                                  "  m1: {Timeout: 50}\n"
                                  "  m2: {Barrier: false, Timeout: 0}\n"),
                     BUS_OK);
    assert_int_equal(table.entries[0].timeout_ns, 700 * BUS_MILLI);
    assert_int_equal(table.entries[1].timeout_ns, 50 * BUS_MILLI);
    assert_int_equal(table.entries[2].timeout_ns, 0);
    assert_true(table.entries[1].barrier);
    assert_false(table.entries[2].barrier);
}

static void keys_are_told_to_callers(void **state)
{
    (void)state;
    assert_int_equal(open_with(3, "Name: t\n"), BUS_OK);
    assert_string_equal(table.keys, "");
    assert_int_equal(
        open_with(3, "Methods:\n  m1: {Key: id}\n  m2: {Key: user.id}\n"),
        BUS_OK);
    assert_string_equal(table.keys, "m1=id,m2=user.id");
}

static void the_average_follows_what_is_measured(void **state)
{
    (void)state;
    open_with(1, "Name: t\n");
    struct method_entry *entry = &table.entries[0];
    method_count(entry, false, 8000);
    assert_int_equal(entry->ewma_ns, 8000);
    method_count(entry, true, 16000);
    assert_int_equal(entry->ewma_ns, 9000);
    for (int i = 0; i < 200; i++)
        method_count(entry, false, 0);
    assert_true(entry->ewma_ns > 0 && entry->ewma_ns < 100);
    assert_int_equal(entry->calls, 202);
    assert_int_equal(entry->errors, 1);
}

/* ---- failures ---- */

static void others_are_not_found(void **state)
{
    (void)state;
    open_with(2, "Name: t\n");
    assert_null(methods_find(&table, ""));
    assert_null(methods_find(&table, "m2"));
    assert_null(methods_find(&table, "M1"));
    assert_null(methods_find(&table, "/t.T/"));
    open_with(0, "Name: t\n");
    assert_null(methods_find(&table, "m0"));
}

static void settings_of_no_method_are_refused(void **state)
{
    (void)state;
    assert_int_equal(open_with(2, "Methods:\n  m0: {}\n  m9: {Timeout: 1}\n"),
                     BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence,
                        "t.yaml:3:7: key Methods.m9: there is no such method");
}

static void keys_that_are_no_field_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"no", "id.x", "user.no", "user.id.x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "Methods:\n  m0: {Key: %s}\n", bad[i]);
        assert_int_equal(open_with(1, text), BUS_INVALID_ARGUMENT);
        assert_string_equal(
            err.sentence,
            "t.yaml:2:7: key Methods.m0.Key: no field of its request");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_are_found_by_name_and_path),
        TEST(settings_reach_their_method),
        TEST(keys_are_told_to_callers),
        TEST(the_average_follows_what_is_measured),
        TEST(others_are_not_found),
        TEST(settings_of_no_method_are_refused),
        TEST(keys_that_are_no_field_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
