/* SPDX-License-Identifier: MIT
 *
 * The rules of a shape, checked after any decoder: go-zero's meaning and texts.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "tests/unit/bus/rich.h"

/* ---- a message with one field a rule ---- */

struct inner {
    int32_t size;     /* default=4 */
    const char *note; /* optional */
};

struct strict_inner {
    const char *name; /* required */
};

struct ruled {
    const char *name; /* required */
    const char *mode; /* options=a|b */
    int32_t number;   /* options=1|2 */
    double ratio;     /* options=0.1|2.5 */
    int32_t age;      /* range=[1:120) */
    double real;      /* range=(0:1] */
    uint64_t big;     /* range=[1:] */
    const char *left; /* optional=right */
    const char *right;
    const char *either; /* optional=!other */
    const char *other;
    const char *greeting; /* default=hi */
    bool has_limit;
    int32_t limit;               /* default=10, with presence */
    struct bus_list numbers;     /* default=[1,2,3] */
    struct bus_list modes;       /* options=a|b */
    struct inner *inner;         /* required, but nothing in it is */
    struct strict_inner *strict; /* optional */
};

static const char *const modes[] = {"a", "b", NULL};
static const char *const numbers[] = {"1", "2", NULL};
static const char *const ratios[] = {"0.1", "2.5", NULL};
static const struct bus_rule mode_rule = {.options = modes};
static const struct bus_rule number_rule = {.options = numbers};
static const struct bus_rule ratio_rule = {.options = ratios};
static const struct bus_rule age_rule = {.low = 1, .high = 120};
static const struct bus_rule real_rule = {.low = 0, .high = 1};
static const struct bus_rule big_rule = {.low = 1, .high = HUGE_VAL};
static const struct bus_rule left_rule = {.with = "right"};
static const struct bus_rule either_rule = {.without = "other"};
static const struct bus_rule hi_rule = {.fallback = "hi"};
static const struct bus_rule ten_rule = {.fallback = "10"};
static const struct bus_rule list_rule = {.fallback = "[1,2,3]"};
static const struct bus_rule four_rule = {.fallback = "4"};

#define AT(type, member, field_kind)                                           \
    .name = #member, .kind = field_kind, .offset = offsetof(struct type, member)
#define ALWAYS .presence = BUS_NO_PRESENCE

static const struct bus_field inner_fields[] = {
    {AT(inner, size, BUS_I32), ALWAYS, .flags = BUS_REQUIRED,
     .rule = &four_rule},
    {AT(inner, note, BUS_TEXT), ALWAYS},
};
static const struct bus_shape inner_shape = {"inner", sizeof(struct inner), 2,
                                             inner_fields};
static const struct bus_field strict_fields[] = {
    {AT(strict_inner, name, BUS_TEXT), ALWAYS, .flags = BUS_REQUIRED},
};
static const struct bus_shape strict_shape = {
    "strict", sizeof(struct strict_inner), 1, strict_fields};

enum {
    NAME,
    MODE,
    NUMBER,
    RATIO,
    AGE,
    REAL,
    BIG,
    LEFT,
    RIGHT,
    EITHER,
    OTHER,
    GREETING,
    LIMIT,
    NUMBERS,
    MODES,
    INNER,
    STRICT,
    FIELDS,
};

static const struct bus_field ruled_fields[] = {
    [NAME] = {AT(ruled, name, BUS_TEXT), ALWAYS, .flags = BUS_REQUIRED},
    [MODE] = {AT(ruled, mode, BUS_TEXT), ALWAYS, .rule = &mode_rule},
    [NUMBER] = {AT(ruled, number, BUS_I32), ALWAYS, .rule = &number_rule},
    [RATIO] = {AT(ruled, ratio, BUS_F64), ALWAYS, .rule = &ratio_rule},
    [AGE] = {AT(ruled, age, BUS_I32), ALWAYS,
             .flags = BUS_HAS_RANGE | BUS_OPEN_HIGH, .rule = &age_rule},
    [REAL] = {AT(ruled, real, BUS_F64), ALWAYS,
              .flags = BUS_HAS_RANGE | BUS_OPEN_LOW, .rule = &real_rule},
    [BIG] = {AT(ruled, big, BUS_U64), ALWAYS, .flags = BUS_HAS_RANGE,
             .rule = &big_rule},
    [LEFT] = {AT(ruled, left, BUS_TEXT), ALWAYS, .rule = &left_rule},
    [RIGHT] = {AT(ruled, right, BUS_TEXT), ALWAYS},
    [EITHER] = {AT(ruled, either, BUS_TEXT), ALWAYS, .rule = &either_rule},
    [OTHER] = {AT(ruled, other, BUS_TEXT), ALWAYS},
    [GREETING] = {AT(ruled, greeting, BUS_TEXT), ALWAYS, .rule = &hi_rule},
    [LIMIT] = {AT(ruled, limit, BUS_I32),
               .presence = offsetof(struct ruled, has_limit),
               .rule = &ten_rule},
    [NUMBERS] = {AT(ruled, numbers, BUS_I16), ALWAYS, .cardinality = BUS_LIST,
                 .rule = &list_rule},
    [MODES] = {AT(ruled, modes, BUS_TEXT), ALWAYS, .cardinality = BUS_LIST,
               .rule = &mode_rule},
    [INNER] = {AT(ruled, inner, BUS_MESSAGE), ALWAYS, .flags = BUS_REQUIRED,
               .shape = &inner_shape},
    [STRICT] = {AT(ruled, strict, BUS_MESSAGE), ALWAYS, .shape = &strict_shape},
};
static const struct bus_shape ruled_shape = {"ruled", sizeof(struct ruled),
                                             FIELDS, ruled_fields};

struct fixture {
    struct bus_arena arena;
    struct bus_error err;
    struct ruled ruled;
    bool seen[FIELDS];
};

/* Each test starts from what passes: the required name and one of the two. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    bus_arena_init(&f->arena, BUS_ARENA_LIMIT);
    f->ruled.name = "n";
    f->ruled.either = "e";
    f->seen[NAME] = f->seen[EITHER] = true;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bus_arena_release(&f->arena);
    free(f);
    return 0;
}

static void passes(struct fixture *f)
{
    int code =
        bus_shape_check(&ruled_shape, &f->ruled, f->seen, &f->arena, &f->err);
    if (code)
        fail_msg("%s", f->err.sentence);
}

static void refused(struct fixture *f, const char *field, const char *sentence)
{
    int code =
        bus_shape_check(&ruled_shape, &f->ruled, f->seen, &f->arena, &f->err);
    assert_int_equal(code, BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.field, field);
    assert_string_equal(f->err.sentence, sentence);
}

/* ---- success ---- */

static void sizes_follow_kind_and_cardinality(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < rich_shape.count; i++) {
        const struct bus_field *field = &rich_shape.fields[i];
        if (field->cardinality == BUS_ONE && field->kind == BUS_MESSAGE)
            assert_int_equal(bus_field_size(field), sizeof(void *));
    }
#define SIZE(name, type)                                                       \
    assert_int_equal(                                                          \
        bus_field_size(bus_shape_find(&rich_shape, name, strlen(name))),       \
        sizeof(type));
#define SIZE_PAIR(member, type, kind)                                          \
    SIZE(#member, type) SIZE(#member "_list", type)
    RICH_SCALARS(SIZE_PAIR)
    SIZE("nexts", struct rich)
    SIZE("by_text", struct rich_by_text)
    SIZE("by_number", struct rich_by_number)
}

static void fields_are_found_by_exact_name(void **state)
{
    (void)state;
    assert_ptr_equal(bus_shape_find(&ruled_shape, "age", 3),
                     &ruled_fields[AGE]);
    assert_ptr_equal(bus_shape_find(&ruled_shape, "agent", 3),
                     &ruled_fields[AGE]);
    assert_null(bus_shape_find(&ruled_shape, "Age", 3));
    assert_null(bus_shape_find(&ruled_shape, "ag", 2));
    assert_null(bus_shape_find(&ruled_shape, "ages", 4));
    assert_null(bus_shape_find(&ruled_shape, "age\0x", 5));
    assert_null(bus_shape_find(&ruled_shape, "", 0));
}

static void defaults_fill_what_is_missing(void **state)
{
    struct fixture *f = *state;
    passes(f);
    assert_string_equal(f->ruled.greeting, "hi");
    assert_int_equal(f->ruled.limit, 10);
    assert_true(f->ruled.has_limit);
    assert_int_equal(f->ruled.numbers.count, 3);
    const int16_t *got = f->ruled.numbers.items;
    assert_int_equal(got[0], 1);
    assert_int_equal(got[2], 3);
    assert_string_equal(f->ruled.mode, ""); /* never NULL */
    assert_string_equal(f->ruled.name, "n");
}

static void what_came_is_left_alone(void **state)
{
    struct fixture *f = *state;
    f->ruled.greeting = "";
    f->ruled.numbers = (struct bus_list){NULL, 0};
    f->seen[GREETING] = f->seen[NUMBERS] = f->seen[LIMIT] = true;
    passes(f);
    assert_string_equal(f->ruled.greeting, ""); /* empty counts as set */
    assert_int_equal(f->ruled.numbers.count, 0);
    assert_int_equal(f->ruled.limit, 0);
}

static void an_empty_required_text_is_set(void **state)
{
    struct fixture *f = *state;
    f->ruled.name = "";
    passes(f);
}

static void a_required_message_without_required_fields_is_made(void **state)
{
    struct fixture *f = *state;
    passes(f);
    assert_non_null(f->ruled.inner);
    assert_int_equal(f->ruled.inner->size, 4);
    assert_string_equal(f->ruled.inner->note, "");
    assert_null(f->ruled.strict); /* optional: stays away */
}

static void options_and_ranges_let_pass(void **state)
{
    struct fixture *f = *state;
    static const char *list[] = {"b", "a", "b"};
    f->ruled.mode = "b";
    f->ruled.number = 2;
    f->ruled.ratio = 0.1;
    f->ruled.age = 1;
    f->ruled.real = 1;
    f->ruled.big = UINT64_MAX;
    f->ruled.modes = (struct bus_list){list, 3};
    f->seen[MODE] = f->seen[NUMBER] = f->seen[RATIO] = f->seen[AGE] = true;
    f->seen[REAL] = f->seen[BIG] = f->seen[MODES] = true;
    passes(f);
    f->ruled.age = 119;
    f->ruled.real = DBL_MIN;
    f->ruled.big = 1;
    passes(f);
}

static void rules_spare_what_did_not_come(void **state)
{
    struct fixture *f = *state;
    f->ruled.age = 0; /* out of range, but nobody sent it */
    passes(f);
}

static void dependencies_in_both_ways(void **state)
{
    struct fixture *f = *state;
    f->seen[LEFT] = f->seen[RIGHT] = true;
    f->ruled.left = f->ruled.right = "x";
    passes(f);
    f->seen[EITHER] = false;
    f->seen[OTHER] = true;
    passes(f);
}

static void paths_are_words_and_brackets(void **state)
{
    char text[64];
    struct bus_path in = {.type = BUS_PATH_FIELD,
                          .name = {(const uint8_t *)"in", 2}};
    struct bus_path list = {
        &in, BUS_PATH_FIELD, {(const uint8_t *)"list", 4}, 0};
    struct bus_path item = {&list, BUS_PATH_INDEX, {NULL, 0}, 12};
    struct bus_path key = {&item, BUS_PATH_KEY, {(const uint8_t *)"k", 1}, 0};
    struct bus_path last = {&key, BUS_PATH_FIELD, {(const uint8_t *)"a", 1}, 0};
    (void)state;
    bus_path_text(&last, text, sizeof(text));
    assert_string_equal(text, "in.list[12][k].a");
    bus_path_text(NULL, text, sizeof(text));
    assert_string_equal(text, "");
    bus_path_text(&last, text, 14);
    assert_string_equal(text, "...[12][k].a");
}

/* ---- failure ---- */

static void a_missing_field_is_named(void **state)
{
    struct fixture *f = *state;
    f->seen[NAME] = false;
    refused(f, "name", "field \"name\" is not set");
    assert_int_equal(
        bus_shape_check(&ruled_shape, &f->ruled, NULL, &f->arena, &f->err),
        BUS_INVALID_ARGUMENT); /* NULL: nothing came */
    assert_string_equal(f->err.field, "name");
}

static void a_nested_field_is_named_whole(void **state)
{
    struct fixture *f = *state;
    struct strict_inner inner = {NULL};
    struct bus_path at = {.type = BUS_PATH_FIELD,
                          .name = {(const uint8_t *)"strict", 6}};
    int code = bus_shape_check_at(&at, &strict_shape, &inner, NULL, &f->arena,
                                  &f->err);
    assert_int_equal(code, BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.field, "strict.name");
    assert_string_equal(f->err.sentence, "field \"strict.name\" is not set");
}

static void a_required_message_with_required_fields(void **state)
{
    struct fixture *f = *state;
    static const struct bus_field fields[] = {
        {AT(ruled, strict, BUS_MESSAGE), ALWAYS, .flags = BUS_REQUIRED,
         .shape = &strict_shape},
    };
    static const struct bus_shape shape = {"x", sizeof(struct ruled), 1,
                                           fields};
    int code = bus_shape_check(&shape, &f->ruled, NULL, &f->arena, &f->err);
    assert_int_equal(code, BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence, "field \"strict\" is not set");
}

static void values_outside_options(void **state)
{
    struct fixture *f = *state;
    static const char *list[] = {"b", ""};
    f->ruled.mode = "A";
    f->seen[MODE] = true;
    refused(f, "mode",
            "value \"A\" for field \"mode\" is not defined in options "
            "\"[a b]\"");
    f->ruled.mode = "";
    refused(f, "mode",
            "value \"\" for field \"mode\" is not defined in options "
            "\"[a b]\"");
    f->seen[MODE] = false;
    f->seen[NUMBER] = true;
    f->ruled.number = -1;
    refused(f, "number",
            "value \"-1\" for field \"number\" is not defined in options "
            "\"[1 2]\"");
    f->seen[NUMBER] = false;
    f->seen[RATIO] = true;
    f->ruled.ratio = 0.25;
    refused(f, "ratio",
            "value \"0.25\" for field \"ratio\" is not defined in options "
            "\"[0.1 2.5]\"");
    f->seen[RATIO] = false;
    f->seen[MODES] = true;
    f->ruled.modes = (struct bus_list){list, 2};
    refused(f, "modes[1]",
            "value \"\" for field \"modes[1]\" is not defined in options "
            "\"[a b]\"");
}

static void numbers_outside_ranges(void **state)
{
    struct fixture *f = *state;
    f->seen[AGE] = true;
    f->ruled.age = 0;
    refused(f, "age",
            "wrong number range setting for field \"age\": 0 is not in "
            "[1:120)");
    f->ruled.age = 120; /* the open end */
    refused(f, "age",
            "wrong number range setting for field \"age\": 120 is not in "
            "[1:120)");
    f->seen[AGE] = false;
    f->seen[REAL] = true;
    f->ruled.real = 0;
    refused(f, "real",
            "wrong number range setting for field \"real\": 0 is not in (0:1]");
    f->ruled.real = (double)NAN; /* go-zero lets it pass; we do not */
    int code =
        bus_shape_check(&ruled_shape, &f->ruled, f->seen, &f->arena, &f->err);
    assert_int_equal(code, BUS_INVALID_ARGUMENT);
    f->seen[REAL] = false;
    f->seen[BIG] = true;
    refused(f, "big",
            "wrong number range setting for field \"big\": 0 is not in [1:]");
}

static void dependencies_that_do_not_hold(void **state)
{
    struct fixture *f = *state;
    f->seen[LEFT] = true;
    f->ruled.left = "x";
    refused(f, "left",
            "values for \"right\" and \"left\" should be both provided or both "
            "not in \"\"");
    f->seen[LEFT] = false;
    f->seen[RIGHT] = true;
    refused(f, "left",
            "values for \"right\" and \"left\" should be both provided or both "
            "not in \"\"");
    f->seen[RIGHT] = false;
    f->seen[OTHER] = true;
    refused(f, "either",
            "set value for either \"other\" or \"either\" in \"\"");
    f->seen[OTHER] = f->seen[EITHER] = false;
    refused(f, "either",
            "set value for either \"other\" or \"either\" in \"\"");
}

static void a_default_that_needs_more_memory(void **state)
{
    struct fixture *f = *state;
    struct bus_arena none;
    bus_arena_init(&none, 0);
    int code =
        bus_shape_check(&ruled_shape, &f->ruled, f->seen, &none, &f->err);
    assert_int_equal(code, BUS_RESOURCE_EXHAUSTED);
    bus_arena_release(&none);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(sizes_follow_kind_and_cardinality),
        CASE(fields_are_found_by_exact_name),
        CASE(defaults_fill_what_is_missing),
        CASE(what_came_is_left_alone),
        CASE(an_empty_required_text_is_set),
        CASE(a_required_message_without_required_fields_is_made),
        CASE(options_and_ranges_let_pass),
        CASE(rules_spare_what_did_not_come),
        CASE(dependencies_in_both_ways),
        CASE(paths_are_words_and_brackets),
        CASE(a_missing_field_is_named),
        CASE(a_nested_field_is_named_whole),
        CASE(a_required_message_with_required_fields),
        CASE(values_outside_options),
        CASE(numbers_outside_ranges),
        CASE(dependencies_that_do_not_hold),
        CASE(a_default_that_needs_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
