/* SPDX-License-Identifier: MIT
 *
 * Cached rows as JSON: go-zero's objects for columns that may be NULL, and what
 * is not taken for a row. With them, the keys that rows are cached under.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "actors/store/cached.h"
#include "tests/unit/store/fixture.h"

struct maybe {
    const char *text;
    int32_t integer;
    double real;
    bool flag;
    int64_t time;
    struct bus_bytes bytes;
    bool has[6];
};

#define FIELD(member, kind_, i)                                                \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct maybe, member),                              \
        .presence = offsetof(struct maybe, has[i])                             \
    }

static const struct bus_field fields[] = {
    FIELD(text, BUS_TEXT, 0), FIELD(integer, BUS_I32, 1),
    FIELD(real, BUS_F64, 2),  FIELD(flag, BUS_BOOL, 3),
    FIELD(time, BUS_TIME, 4), FIELD(bytes, BUS_BYTES, 5)};
static const struct bus_shape shape = {"maybe", sizeof(struct maybe), 6,
                                       fields};
static const struct model_column columns[] = {
    {"text", "text", NULL, "Text", 0},     {"integer", "int", NULL, "Int", 0},
    {"real", "double", NULL, "Real", 0},   {"flag", "bool", NULL, "Flag", 0},
    {"time", "datetime", NULL, "Time", 0}, {"bytes", "blob", NULL, "Bytes", 0}};
static const uint16_t first_two[] = {0, 1};
static const struct model_key two = {"text_integer", first_two, 2, "cache:m:"};
static const struct model_key one = {"text", first_two, 1, "cache:m:text:"};
static const struct model_table table = {
    .name = "maybe", .row = &shape, .columns = columns, .column_count = 6};

struct scene {
    struct store_form form;
    struct bus_arena arena;
    struct bus_call call;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    form_init(&scene->form, &table);
    bus_arena_init(&scene->arena, BUS_ARENA_LIMIT);
    scene->call.arena = &scene->arena;
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    form_release(&scene->form);
    bus_arena_release(&scene->arena);
    test_free(scene);
    return 0;
}

static struct maybe whole(void)
{
    return (struct maybe){.text = "a",
                          .integer = -7,
                          .real = 0.5,
                          .flag = true,
                          .time = 1000000,
                          .bytes = {(const uint8_t *)"b", 1},
                          .has = {true, true, true, true, true, true}};
}

static bool read_text(struct scene *scene, const char *text, struct maybe *ret)
{
    struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    return form_read(&scene->form, &scene->call, bytes, ret);
}

static const char *key_of(struct scene *scene, const struct model_key *key,
                          const struct maybe *row)
{
    const char *text = "unset";
    assert_int_equal(cached_key(&scene->call, &table, key, row, &text), BUS_OK);
    return text;
}

static void nulls_are_objects(void **state)
{
    struct scene *scene = *state;
    struct bus_bytes text;
    struct maybe row = whole();
    struct maybe back = {0};
    assert_true(form_write(&scene->form, &scene->call, &row, &text));
    assert_string_equal(
        (const char *)text.data,
        "{\"Text\":{\"String\":\"a\",\"Valid\":true},"
        "\"Int\":{\"Int64\":-7,\"Valid\":true},"
        "\"Real\":{\"Float64\":0.5,\"Valid\":true},"
        "\"Flag\":{\"Bool\":true,\"Valid\":true},"
        "\"Time\":{\"Time\":\"1970-01-01T00:00:01Z\",\"Valid\":true},"
        "\"Bytes\":{\"String\":\"Yg==\",\"Valid\":true}}");
    assert_true(form_read(&scene->form, &scene->call, text, &back));
    assert_string_equal(back.text, "a");
    assert_int_equal(back.integer, -7);
    assert_true(back.real == 0.5);
    assert_true(back.flag);
    assert_int_equal(back.time, 1000000);
    assert_int_equal(back.bytes.len, 1);
    assert_memory_equal(back.has, row.has, sizeof(row.has));
}

static void absent_values_come_back_absent(void **state)
{
    struct scene *scene = *state;
    struct bus_bytes text;
    struct maybe row = {.integer = 5}; /* not there, whatever it holds */
    struct maybe back = whole();
    assert_true(form_write(&scene->form, &scene->call, &row, &text));
    assert_non_null(
        strstr((const char *)text.data, "{\"Int64\":0,\"Valid\":false}"));
    assert_true(form_read(&scene->form, &scene->call, text, &back));
    assert_string_equal(back.text, "");
    assert_int_equal(back.integer, 0);
    assert_memory_equal(back.has, row.has, sizeof(row.has));
}

static void what_is_no_row_is_refused(void **state)
{
    struct scene *scene = *state;
    struct maybe row = whole();
    static const char *const bad[] = {
        "",
        "*",
        "[]",
        "{}",
        "{\"Text\":null,\"Int\":null,\"Real\":null,\"Flag\":null,"
        "\"Time\":null,\"Bytes\":null}",
        "{\"Text\":\"a\",\"Int\":1,\"Real\":1,\"Flag\":true,\"Time\":1,"
        "\"Bytes\":\"\"}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(read_text(scene, bad[i], &row));
    assert_string_equal(row.text, "a");
}

static void what_is_too_large_is_not_written(void **state)
{
    struct scene *scene = *state;
    struct bus_bytes text;
    static char large[CACHE_VALUE_MAX + 1];
    struct maybe row = whole();
    memset(large, 'x', sizeof(large) - 1);
    row.text = large;
    assert_false(form_write(&scene->form, &scene->call, &row, &text));
}

static void keys_join_their_values(void **state)
{
    struct scene *scene = *state;
    struct maybe row = whole();
    assert_string_equal(key_of(scene, &two, &row), "cache:m:a:-7");
    row.text = "a:b";
    assert_string_equal(key_of(scene, &one, &row), "cache:m:text:a:b");
}

static void keys_that_could_be_others_are_none(void **state)
{
    struct scene *scene = *state;
    struct maybe row = whole();
    static char large[CACHE_KEY_MAX];
    row.text = "a:b"; /* "a:b", 7 and "a", "b:7" */
    assert_null(key_of(scene, &two, &row));
    row.text = large;
    memset(large, 'x', sizeof(large) - 1);
    assert_null(key_of(scene, &one, &row));
    row.has[0] = false;
    assert_null(key_of(scene, &one, &row));
    const struct model_key no_prefix = {"text", first_two, 1, NULL};
    assert_null(key_of(scene, &no_prefix, &row));
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nulls_are_objects),
        T(absent_values_come_back_absent),
        T(keys_join_their_values),
        T(what_is_no_row_is_refused),
        T(what_is_too_large_is_not_written),
        T(keys_that_could_be_others_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
