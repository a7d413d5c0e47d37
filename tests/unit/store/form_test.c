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

#include <stdio.h>
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
    const char *price, *wide;
};

#define FIELD(member, kind_, i)                                                \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct maybe, member),                              \
        .presence = offsetof(struct maybe, has[i])                             \
    }

#define PLAIN(member, kind_)                                                   \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct maybe, member), .presence = BUS_NO_PRESENCE  \
    }

static const struct bus_field fields[] = {
    FIELD(text, BUS_TEXT, 0),  FIELD(integer, BUS_I32, 1),
    FIELD(real, BUS_F64, 2),   FIELD(flag, BUS_BOOL, 3),
    FIELD(time, BUS_TIME, 4),  FIELD(bytes, BUS_BYTES, 5),
    PLAIN(price, BUS_DECIMAL), PLAIN(wide, BUS_DECIMAL)};
static const struct bus_shape shape = {"maybe", sizeof(struct maybe), 8,
                                       fields};
static const struct model_column columns[] = {
    {"text", "text", NULL, "Text", 0},
    {"integer", "int", NULL, "Int", 0},
    {"real", "double", NULL, "Real", 0},
    {"flag", "bool", NULL, "Flag", 0},
    {"time", "datetime", NULL, "Time", 0},
    {"bytes", "blob", NULL, "Bytes", 0},
    {"price", "decimal(10,2)", NULL, "Price", 0},
    {"wide", "decimal(20,4)", NULL, "Wide", 0}};
static const uint16_t first_two[] = {0, 1};
static const struct model_key unique[] = {
    {"text_integer", first_two, 2, "cache:m:"}, {"bare", first_two, 1, NULL}};
static const struct model_table table = {
    .name = "maybe",
    .row = &shape,
    .columns = columns,
    .column_count = 8,
    .primary = {"text", first_two, 1, "cache:m:text:"},
    .unique = unique,
    .unique_count = 2};

struct scene {
    struct store_form form;
    struct zone zone; /* UTC */
    struct bus_arena arena;
    struct bus_call call;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    form_init(&scene->form, &table, &scene->zone, true);
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
                          .has = {true, true, true, true, true, true},
                          .price = "12.30",
                          .wide = "1000000000000000.0100"};
}

static bool read_text(struct scene *scene, const char *text, struct maybe *ret)
{
    struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    return form_read(&scene->form, &scene->call, bytes, ret);
}

static const char *key_for(struct scene *scene, const struct model_key *key,
                           enum cached_use use, const struct maybe *row)
{
    const char *text = "unset";
    assert_int_equal(
        cached_key(&scene->call, &scene->form, key, use, row, &text), BUS_OK);
    return text;
}

static const char *key_of(struct scene *scene, const struct model_key *key,
                          const struct maybe *row)
{
    return key_for(scene, key, CACHED_LOOK, row);
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
        "\"Bytes\":{\"String\":\"b\",\"Valid\":true},"
        "\"Price\":12.3,\"Wide\":\"1000000000000000.0100\"}");
    assert_true(form_read(&scene->form, &scene->call, text, &back));
    assert_string_equal(back.text, "a");
    assert_int_equal(back.integer, -7);
    assert_true(back.real == 0.5);
    assert_true(back.flag);
    assert_int_equal(back.time, 1000000);
    assert_string_equal(back.price, "12.30");
    assert_string_equal(back.wide, "1000000000000000.0100");
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
    assert_string_equal(
        (const char *)text.data,
        "{\"Text\":{\"String\":\"\",\"Valid\":false},"
        "\"Int\":{\"Int64\":0,\"Valid\":false},"
        "\"Real\":{\"Float64\":0,\"Valid\":false},"
        "\"Flag\":{\"Bool\":false,\"Valid\":false},"
        "\"Time\":{\"Time\":\"0001-01-01T00:00:00Z\",\"Valid\":false},"
        "\"Bytes\":{\"String\":\"\",\"Valid\":false},"
        "\"Price\":0,\"Wide\":\"0\"}");
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

static void times_are_of_their_zone(void **state)
{
    struct scene *scene = *state;
    struct bus_bytes text;
    struct maybe row = whole(), back = {0};
    struct bus_error err;
    assert_int_equal(zone_open(&scene->zone, "Asia/Shanghai", &err), BUS_OK);
    row.time = INT64_C(646902245120456); /* in summer time */
    assert_true(form_write(&scene->form, &scene->call, &row, &text));
    assert_non_null(strstr((const char *)text.data,
                           "\"1990-07-02T16:04:05.120456+09:00\""));
    assert_true(form_read(&scene->form, &scene->call, text, &back));
    assert_true(back.time == row.time);
    zone_close(&scene->zone);
}

static void what_go_writes_is_read(void **state)
{
    struct scene *scene = *state;
    struct maybe row = {0};
    assert_true(read_text(
        scene,
        "{\"Text\":{\"String\":\"<&>\\u2028\",\"Valid\":true},"
        "\"Int\":{\"Int64\":0,\"Valid\":false},"
        "\"Real\":{\"Float64\":1e+21,\"Valid\":true},"
        "\"Flag\":{\"Bool\":false,\"Valid\":false},"
        "\"Time\":{\"Time\":\"2006-01-02T15:04:05.12+08:00\",\"Valid\":true},"
        "\"Bytes\":{\"String\":\"\",\"Valid\":false},"
        "\"Price\":7,\"Wide\":\"0\",\"New\":1}",
        &row));
    assert_string_equal(row.text, "<&>\xE2\x80\xA8");
    assert_true(row.real == 1e21);
    assert_true(row.time == INT64_C(1136185445120000));
    assert_string_equal(row.price, "7.00");
    assert_string_equal(row.wide, "0.0000");
}

/* Better read from the database than wrong. */
static void what_go_may_have_lost_is_refused(void **state)
{
    struct scene *scene = *state;
    static const char *const tails[] = {
        "\"Price\":1.005,\"Wide\":\"0\"",           /* more than its scale */
        "\"Price\":1,\"Wide\":1000000000000000.01", /* through a float64 */
    };
    struct maybe row;
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "{\"Text\":{\"String\":\"\",\"Valid\":true},"
                 "\"Int\":{\"Int64\":0,\"Valid\":true},"
                 "\"Real\":{\"Float64\":1,\"Valid\":true},"
                 "\"Flag\":{\"Bool\":false,\"Valid\":false},"
                 "\"Time\":{\"Time\":\"2006-01-02T15:04:05Z\",\"Valid\":true},"
                 "\"Bytes\":{\"String\":\"\",\"Valid\":true},%s}",
                 tails[i]);
        assert_false(read_text(scene, text, &row));
    }
}

static void a_blob_that_is_no_text_is_not_written(void **state)
{
    struct scene *scene = *state;
    static const struct bus_bytes bad[] = {{(const uint8_t *)"\xff", 1},
                                           {(const uint8_t *)"a\0b", 3}};
    struct bus_bytes text;
    for (size_t i = 0; i < 2; i++) {
        struct maybe row = whole();
        row.bytes = bad[i];
        assert_false(form_write(&scene->form, &scene->call, &row, &text));
    }
}

static void images_carry_every_byte(void **state)
{
    struct scene *scene = *state;
    struct bus_bytes image;
    struct maybe row = whole(), back;
    row.bytes = (struct bus_bytes){(const uint8_t *)"\xff\0", 2};
    row.price = NULL;
    assert_true(form_image_write(&scene->form, &scene->call, &row, &image));
    assert_true(form_image_read(&scene->form, image, &back));
    assert_string_equal(back.text, "a");
    assert_string_equal(back.price, "");
    assert_string_equal(back.wide, row.wide);
    assert_int_equal(back.bytes.len, 2);
    assert_memory_equal(back.bytes.data, row.bytes.data, 2);
    assert_true(back.time == row.time);
    assert_false(form_image_read(&scene->form,
                                 (struct bus_bytes){image.data, 9}, &back));
}

/* The braces are %v's of a sql.NullX. */
static void keys_join_their_values(void **state)
{
    struct scene *scene = *state;
    struct maybe row = whole();
    assert_string_equal(key_of(scene, &unique[0], &row),
                        "cache:m:{a true}:{-7 true}");
    row.text = "a:b";
    assert_string_equal(key_of(scene, &table.primary, &row),
                        "cache:m:text:{a:b true}");
    assert_string_equal(key_for(scene, &unique[0], CACHED_FORGET, &row),
                        "cache:m:{a:b true}:{-7 true}");
    scene->form.prefixes[0] = "cache:m:text::";
    assert_string_equal(key_of(scene, &table.primary, &row),
                        "cache:m:text::{a:b true}");
}

static void keys_that_could_be_others_are_none(void **state)
{
    struct scene *scene = *state;
    struct maybe row = whole();
    static char large[CACHE_KEY_MAX];
    row.text = "a:b"; /* "a:b", 7 and "a", "b:7" */
    assert_null(key_of(scene, &unique[0], &row));
    row.text = large;
    memset(large, 'x', sizeof(large) - 1);
    assert_null(key_of(scene, &table.primary, &row));
    row.has[0] = false;
    assert_null(key_of(scene, &table.primary, &row));
    assert_null(key_of(scene, &unique[1], &row));
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nulls_are_objects),
        T(absent_values_come_back_absent),
        T(times_are_of_their_zone),
        T(what_go_writes_is_read),
        T(images_carry_every_byte),
        T(keys_join_their_values),
        T(what_is_no_row_is_refused),
        T(what_is_too_large_is_not_written),
        T(what_go_may_have_lost_is_refused),
        T(a_blob_that_is_no_text_is_not_written),
        T(keys_that_could_be_others_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
