/* SPDX-License-Identifier: MIT
 *
 * Fields to SQL values and back, at the edges of every kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "actors/store/row.h"
#include "bus/code.h"

struct all {
    bool b;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
    const char *text;
    const char *decimal;
    struct bus_bytes bytes;
    int32_t number; /* of an enum */
    int64_t time;
    int64_t duration;
};

#define FIELD(member, kind_)                                                   \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct all, member), .presence = BUS_NO_PRESENCE    \
    }

static const struct bus_field fields[] = {
    FIELD(b, BUS_BOOL),
    FIELD(i8, BUS_I8),
    FIELD(i16, BUS_I16),
    FIELD(i32, BUS_I32),
    FIELD(i64, BUS_I64),
    FIELD(u8, BUS_U8),
    FIELD(u16, BUS_U16),
    FIELD(u32, BUS_U32),
    FIELD(u64, BUS_U64),
    FIELD(f32, BUS_F32),
    FIELD(f64, BUS_F64),
    FIELD(text, BUS_TEXT),
    FIELD(decimal, BUS_DECIMAL),
    FIELD(bytes, BUS_BYTES),
    FIELD(number, BUS_ENUM),
    FIELD(time, BUS_TIME),
    FIELD(duration, BUS_DURATION),
};

#define COUNT (sizeof(fields) / sizeof(*fields))

static struct bus_arena arena;
static struct bus_error err;

static int setup(void **state)
{
    (void)state;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bus_arena_release(&arena);
    return 0;
}

static const struct bus_field *field(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    }
    fail_msg("no field %s", name);
    return fields;
}

static struct sql_value get(const char *name, const struct all *row)
{
    struct sql_value value = {.type = SQL_NULL};
    assert_int_equal(row_get(field(name), row, &arena, &value, &err), BUS_OK);
    return value;
}

static int set(const char *name, struct sql_value value, struct all *row)
{
    return row_set(field(name), &value, &arena, row, &err);
}

/* The value that a field's value becomes when it went through a row. */
static void assert_same(const struct all *row)
{
    struct all back = {0};
    for (size_t i = 0; i < COUNT; i++) {
        struct sql_value value = get(fields[i].name, row);
        assert_int_equal(set(fields[i].name, value, &back), BUS_OK);
    }
    assert_int_equal(back.b, row->b);
    assert_int_equal(back.i8, row->i8);
    assert_int_equal(back.i16, row->i16);
    assert_int_equal(back.i32, row->i32);
    assert_int_equal(back.i64, row->i64);
    assert_int_equal(back.u8, row->u8);
    assert_int_equal(back.u16, row->u16);
    assert_int_equal(back.u32, row->u32);
    assert_true(back.u64 == row->u64);
    assert_true(back.f32 == row->f32);
    assert_true(back.f64 == row->f64);
    assert_string_equal(back.text, row->text);
    assert_string_equal(back.decimal, row->decimal);
    assert_int_equal(back.bytes.len, row->bytes.len);
    assert_memory_equal(back.bytes.data, row->bytes.data, row->bytes.len);
    assert_int_equal(back.number, row->number);
    assert_int_equal(back.time, row->time);
    assert_int_equal(back.duration, row->duration);
}

static void every_kind_survives(void **state)
{
    (void)state;
    assert_same(&(struct all){.b = true,
                              .i8 = INT8_MIN,
                              .i16 = INT16_MIN,
                              .i32 = INT32_MIN,
                              .i64 = INT64_MIN,
                              .u8 = UINT8_MAX,
                              .u16 = UINT16_MAX,
                              .u32 = UINT32_MAX,
                              .u64 = UINT64_MAX,
                              .f32 = 1.5F,
                              .f64 = -1e300,
                              .text = "小明",
                              .decimal = "1.10",
                              .bytes = {(const uint8_t *)"\0\xff", 2},
                              .number = -7,
                              .time = -1,
                              .duration = -5});
    assert_same(&(struct all){.i8 = INT8_MAX,
                              .i16 = INT16_MAX,
                              .i32 = INT32_MAX,
                              .i64 = INT64_MAX,
                              .text = "",
                              .decimal = "0",
                              .bytes = {(const uint8_t *)"", 0}});
}

static void missing_texts_are_empty(void **state)
{
    (void)state;
    struct all row = {0};
    assert_int_equal(get("text", &row).as.bytes.len, 0);
    assert_string_equal((const char *)get("decimal", &row).as.bytes.data, "0");
    row_init(&(struct bus_shape){"all", sizeof(row), COUNT, fields}, &row);
    assert_string_equal(row.text, "");
    assert_string_equal(row.decimal, "");
}

static void absence_is_null_both_ways(void **state)
{
    (void)state;
    struct {
        int32_t value;
        bool has;
    } row = {5, false};
    struct bus_field nullable = {.name = "value",
                                 .kind = BUS_I32,
                                 .offset = 0,
                                 .presence = sizeof(int32_t)};
    struct sql_value value;
    assert_int_equal(row_get(&nullable, &row, &arena, &value, &err), BUS_OK);
    assert_int_equal(value.type, SQL_NULL);
    value = sql_int(6);
    assert_int_equal(row_set(&nullable, &value, &arena, &row, &err), BUS_OK);
    assert_true(row.has);
    assert_int_equal(row.value, 6);
    value.type = SQL_NULL;
    assert_int_equal(row_set(&nullable, &value, &arena, &row, &err), BUS_OK);
    assert_false(row.has);
}

static void assert_time(const char *text, int64_t time, const char *back)
{
    struct all row = {0};
    assert_int_equal(set("time", sql_text(text), &row), BUS_OK);
    assert_int_equal(row.time, time);
    struct bus_bytes written = get("time", &row).as.bytes;
    assert_int_equal(written.len, strlen(back));
    assert_memory_equal(written.data, back, written.len);
}

static void times_are_texts_in_utc(void **state)
{
    (void)state;
    assert_time("1970-01-01 00:00:00", 0, "1970-01-01 00:00:00");
    assert_time("2021-06-01 12:34:56.789", INT64_C(1622550896789000),
                "2021-06-01 12:34:56.789");
    assert_time("2024-02-29T23:59:59Z", INT64_C(1709251199000000),
                "2024-02-29 23:59:59");
    assert_time("2024-02-29", INT64_C(1709164800000000), "2024-02-29 00:00:00");
    assert_time("1969-12-31 23:59:59.999999", -1, "1969-12-31 23:59:59.999999");
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct all row = {.i8 = 1, .u64 = 2, .text = "kept", .time = 3};
    struct sql_value huge = {SQL_UINT, {.natural = UINT64_MAX}};
    struct sql_value real = {SQL_DOUBLE, {.real = 1.0}};
    struct bus_bytes with_nul = {(const uint8_t *)"a\0b", 3};
    static const char *const times[] = {
        "",
        "now",
        "2021-13-01",
        "2021-02-30",
        "2021-6-1",
        "2021-06-01 25:00:00",
        "2021-06-01 12:00:00 and a long tail that is no time at all"};
    assert_int_equal(set("i8", sql_int(128), &row), BUS_INTERNAL);
    assert_string_equal(err.field, "i8");
    assert_int_equal(set("i8", sql_int(-129), &row), BUS_INTERNAL);
    assert_int_equal(set("u8", sql_int(-1), &row), BUS_INTERNAL);
    assert_int_equal(set("u64", sql_int(-1), &row), BUS_INTERNAL);
    assert_int_equal(set("i64", huge, &row), BUS_INTERNAL);
    assert_int_equal(set("b", sql_int(2), &row), BUS_INTERNAL);
    assert_int_equal(set("i32", real, &row), BUS_INTERNAL);
    assert_int_equal(set("i32", sql_text("1"), &row), BUS_INTERNAL);
    assert_int_equal(set("text", sql_int(1), &row), BUS_INTERNAL);
    assert_int_equal(set("f64", sql_text("1"), &row), BUS_INTERNAL);
    assert_int_equal(set("bytes", sql_int(1), &row), BUS_INTERNAL);
    assert_int_equal(set("time", sql_int(1), &row), BUS_INTERNAL);
    struct sql_value nul = {SQL_TEXT, {.bytes = with_nul}};
    assert_int_equal(set("text", nul, &row), BUS_INTERNAL);
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
        assert_int_equal(set("time", sql_text(times[i]), &row), BUS_INTERNAL);
    assert_int_equal(row.i8, 1);
    assert_int_equal(row.u64, 2);
    assert_string_equal(row.text, "kept");
    assert_int_equal(row.time, 3);
}

static void a_time_without_a_calendar_day_is_refused(void **state)
{
    (void)state;
    struct all row = {.time = INT64_MAX};
    struct sql_value value;
    assert_int_equal(row_get(field("time"), &row, &arena, &value, &err),
                     BUS_INVALID_ARGUMENT);
}

static void lists_have_no_place_in_a_row(void **state)
{
    (void)state;
    struct bus_field list = *field("i64");
    struct sql_value value = sql_int(1);
    struct all row = {0};
    list.cardinality = BUS_LIST;
    assert_int_equal(row_get(&list, &row, &arena, &value, &err), BUS_INTERNAL);
    assert_int_equal(row_set(&list, &value, &arena, &row, &err), BUS_INTERNAL);
    list = *field("i64");
    list.kind = BUS_MESSAGE;
    assert_int_equal(row_get(&list, &row, &arena, &value, &err), BUS_INTERNAL);
    assert_int_equal(row_set(&list, &value, &arena, &row, &err), BUS_INTERNAL);
}

static void integers_become_doubles_and_decimals(void **state)
{
    (void)state;
    struct all row = {0};
    assert_int_equal(set("f64", sql_int(3), &row), BUS_OK);
    assert_true(row.f64 == 3);
    assert_int_equal(set("decimal", sql_int(-12), &row), BUS_OK);
    assert_string_equal(row.decimal, "-12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_survives),
        cmocka_unit_test(missing_texts_are_empty),
        cmocka_unit_test(absence_is_null_both_ways),
        cmocka_unit_test(times_are_texts_in_utc),
        cmocka_unit_test(integers_become_doubles_and_decimals),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_time_without_a_calendar_day_is_refused),
        cmocka_unit_test(lists_have_no_place_in_a_row),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
