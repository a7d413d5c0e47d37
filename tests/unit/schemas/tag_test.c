/* SPDX-License-Identifier: MIT
 *
 * Tags: go-zero's options, and what they become in a field.
 */
#include <math.h>

#include "loaded.h"

/* The field of a one-field type with this tag, wanted by a request. */
static const struct schema_field *tagged(const char *type, const char *tag)
{
    char text[512];
    snprintf(text, sizeof(text),
             "type A { F %s `%s` }\nservice a { @handler h post /a (A) }", type,
             tag);
    const struct schema_message *message =
        message_of(load_good("a.api", text), "A");
    assert_int_equal(message->field_count, 1);
    return &message->fields[0];
}

/* ---- success ---- */

static void requires_without_options(void **state)
{
    (void)state;
    const struct schema_field *field = tagged("string", "json:\"f\"");
    assert_string_equal(field->name, "f");
    assert_int_equal(field->flags, SCHEMA_IN_JSON | SCHEMA_REQUIRED);
    assert_false(field->presence);
}

static void takes_optional_with_presence(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("string", "json:\"f,optional,string\"");
    assert_int_equal(field->flags, SCHEMA_IN_JSON | SCHEMA_FROM_TEXT);
    assert_true(field->presence);
}

static void takes_dependencies(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("string", "form:\"f,optional=g\"");
    assert_string_equal(field->rule->with, "g");
    assert_null(field->rule->without);
}

static void takes_exclusions(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("string", "form:\"f,optional=!g\"");
    assert_string_equal(field->rule->without, "g");
    assert_null(field->rule->with);
}

static void takes_a_default_without_presence(void **state)
{
    (void)state;
    const struct schema_field *field = tagged("int32", "json:\"f,default=10\"");
    assert_string_equal(field->rule->fallback, "10");
    assert_false(field->presence);
    assert_int_equal(field->flags, SCHEMA_IN_JSON);
}

static void takes_a_list_as_default(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("[]string", "json:\"f,default=[a,b],optional\"");
    assert_string_equal(field->rule->fallback, "[a,b]");
    assert_int_equal(field->flags & SCHEMA_REQUIRED, 0);
}

static void takes_options_in_both_forms(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("string", "json:\"f,options=a|b c\"");
    assert_string_equal(field->rule->options[0], "a");
    assert_string_equal(field->rule->options[1], "b c");
    assert_null(field->rule->options[2]);
}

static void takes_options_in_brackets(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("string", "json:\"f,options=[a, b]\"");
    assert_string_equal(field->rule->options[1], "b");
    assert_null(field->rule->options[2]);
}

static void takes_ranges(void **state)
{
    static const struct {
        const char *tag;
        double low, high;
        int flags;
    } rows[] = {
        {"json:\"f,range=[1:5]\"", 1, 5, 0},
        {"json:\"f,range=(1:5]\"", 1, 5, SCHEMA_OPEN_LOW},
        {"json:\"f,range=[-1.5:5)\"", -1.5, 5, SCHEMA_OPEN_HIGH},
        {"json:\"f,range=[1:]\"", 1, HUGE_VAL, 0},
        {"json:\"f,range=(:5)\"", -HUGE_VAL, 5,
         SCHEMA_OPEN_LOW | SCHEMA_OPEN_HIGH},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        loaded_teardown(state);
        loaded_setup(state);
        const struct schema_field *field = tagged("float64", rows[i].tag);
        assert_true(field->rule->low <= rows[i].low &&
                    field->rule->low >= rows[i].low);
        assert_true(field->rule->high <= rows[i].high &&
                    field->rule->high >= rows[i].high);
        assert_int_equal(field->flags, SCHEMA_IN_JSON | SCHEMA_REQUIRED |
                                           SCHEMA_HAS_RANGE | rows[i].flags);
    }
}

static void writes_numbers_as_strings(void **state)
{
    (void)state;
    assert_int_equal(tagged("int64", "json:\"f,string\"")->flags,
                     SCHEMA_IN_JSON | SCHEMA_REQUIRED | SCHEMA_FROM_TEXT |
                         SCHEMA_STRING_OUT);
}

static void makes_pointers_nullable(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("*int64", "json:\"f,omitempty,optional\"");
    assert_int_equal(field->flags,
                     SCHEMA_IN_JSON | SCHEMA_NULLABLE | SCHEMA_OMITEMPTY);
    assert_true(field->presence);
}

static void takes_several_sources(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("string", "json:\"f\" form:\"g\" header:\"X-H\" path:\"p\"");
    assert_int_equal(field->flags & 0xF0, 0xF0);
    assert_string_equal(field->name, "f");
    assert_string_equal(field->rule->form, "g");
    assert_string_equal(field->rule->header, "X-H");
    assert_string_equal(field->rule->path, "p");
}

static void takes_the_go_name_where_there_is_none(void **state)
{
    (void)state;
    assert_string_equal(tagged("string", "json:\",optional\"")->name, "F");
}

static void does_not_ask_for_foreign_tags(void **state)
{
    (void)state;
    const struct schema_field *field = tagged("string", "gorm:\"column:f\"");
    assert_string_equal(field->name, "F");
    assert_int_equal(field->flags, SCHEMA_IN_JSON);
}

static void passes_over_malformed_text(void **state)
{
    (void)state;
    assert_string_equal(tagged("string", "json:f, nonsense\"")->name, "F");
}

static void unescapes_commas(void **state)
{
    (void)state;
    assert_string_equal(
        tagged("string", "json:\"f,default=a\\\\,b\"")->rule->fallback, "a,b");
}

static void takes_inherit_and_env(void **state)
{
    (void)state;
    const struct schema_field *field =
        tagged("string", "json:\"f,inherit,env=HOME\"");
    assert_int_equal(field->flags, SCHEMA_IN_JSON | SCHEMA_INHERIT);
    assert_string_equal(field->rule->env, "HOME");
}

/* ---- failure ---- */

static void refuses_a_range_that_nothing_meets(void **state)
{
    (void)state;
    load_bad("a.api", "type A {\n F int `json:\"f,range=(5:5]\"`\n}", 2, 8,
             "no value is in range=(5:5]");
}

static void refuses_a_range_without_numbers(void **state)
{
    (void)state;
    load_bad("a.api", "type A {\n F int `json:\"f,range=[a:b]\"`\n}", 2, 8,
             "found 'range=[a:b]', expected range=[low:high]");
}

static void refuses_a_tag_in_double_quotes(void **state)
{
    (void)state;
    load_bad("a.api", "type A {\n F int \"json\"\n}", 2, 8,
             "a tag stands between back-quotes, not double quotes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(requires_without_options),
        LOADED_TEST(takes_optional_with_presence),
        LOADED_TEST(takes_dependencies),
        LOADED_TEST(takes_exclusions),
        LOADED_TEST(takes_a_default_without_presence),
        LOADED_TEST(takes_a_list_as_default),
        LOADED_TEST(takes_options_in_both_forms),
        LOADED_TEST(takes_options_in_brackets),
        LOADED_TEST(takes_ranges),
        LOADED_TEST(writes_numbers_as_strings),
        LOADED_TEST(makes_pointers_nullable),
        LOADED_TEST(takes_several_sources),
        LOADED_TEST(takes_the_go_name_where_there_is_none),
        LOADED_TEST(does_not_ask_for_foreign_tags),
        LOADED_TEST(passes_over_malformed_text),
        LOADED_TEST(unescapes_commas),
        LOADED_TEST(takes_inherit_and_env),
        LOADED_TEST(refuses_a_range_that_nothing_meets),
        LOADED_TEST(refuses_a_range_without_numbers),
        LOADED_TEST(refuses_a_tag_in_double_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
