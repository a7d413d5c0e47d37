/* SPDX-License-Identifier: MIT
 *
 * Binding as the tables of go-zero's request parsing have it, row by row:
 * sources, options, conversions and texts.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/arena.h"
#include "bus/bind.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/fault.h"

#define PAIRS_MAX 16

struct inner {
    int32_t a;
};

struct request {
    int64_t id;            /* path:"id" */
    const char *name;      /* form:"name,optional" */
    int32_t page;          /* form:"page,default=1,range=[1:100]" */
    struct bus_list tags;  /* form:"tags,optional" */
    struct bus_list ids;   /* form:"ids,optional" */
    bool flag;             /* form:"flag,optional" */
    const char *token;     /* header:"X-Token,optional" */
    struct bus_list langs; /* header:"X-Lang,optional" */
    const char *both;      /* json:"both,optional" form:"both,optional" */
    const char *gender;    /* json:"gender,options=男|女,optional" */
    const char *plain;     /* no tag */
    struct inner *in;      /* json:"in,optional" */
    const char *other;     /* form:"other,optional=partner" */
    const char *partner;   /* form:"partner,optional" */
    bool has_size;
    int32_t size; /* form:"pageSize,optional" of the field Size */
};

static const struct bus_rule page_rule = {
    .fallback = "1", .low = 1, .high = 100};
static const char *const genders[] = {"男", "女", NULL};
static const struct bus_rule gender_rule = {.options = genders};
static const struct bus_rule token_rule = {.header = "X-Token"};
static const struct bus_rule langs_rule = {.header = "X-Lang"};
static const struct bus_rule other_rule = {.with = "partner"};
static const struct bus_rule size_rule = {.form = "pageSize"};

static const struct bus_field inner_fields[] = {{
    .name = "a",
    .kind = BUS_I32,
    .flags = BUS_REQUIRED | BUS_IN_JSON,
    .offset = offsetof(struct inner, a),
    .presence = BUS_NO_PRESENCE,
}};
static const struct bus_shape inner_shape = {"test.inner", sizeof(struct inner),
                                             1, inner_fields};

#define FIELD(member, field_kind, sources, ...)                                \
    {                                                                          \
        .name = #member, .kind = (field_kind), .flags = (sources),             \
        .offset = offsetof(struct request, member),                            \
        .presence = BUS_NO_PRESENCE, __VA_ARGS__                               \
    }

static const struct bus_field request_fields[] = {
    FIELD(id, BUS_I64, BUS_IN_PATH | BUS_REQUIRED, .rule = NULL),
    FIELD(name, BUS_TEXT, BUS_IN_FORM, .rule = NULL),
    FIELD(page, BUS_I32, BUS_IN_FORM | BUS_HAS_RANGE, .rule = &page_rule),
    FIELD(tags, BUS_TEXT, BUS_IN_FORM, .cardinality = BUS_LIST),
    FIELD(ids, BUS_I32, BUS_IN_FORM, .cardinality = BUS_LIST),
    FIELD(flag, BUS_BOOL, BUS_IN_FORM, .rule = NULL),
    FIELD(token, BUS_TEXT, BUS_IN_HEADER, .rule = &token_rule),
    FIELD(langs, BUS_TEXT, BUS_IN_HEADER, .cardinality = BUS_LIST,
          .rule = &langs_rule),
    FIELD(both, BUS_TEXT, BUS_IN_JSON | BUS_IN_FORM, .rule = NULL),
    FIELD(gender, BUS_TEXT, BUS_IN_JSON, .rule = &gender_rule),
    FIELD(plain, BUS_TEXT, 0, .rule = NULL),
    FIELD(in, BUS_MESSAGE, BUS_IN_JSON, .shape = &inner_shape),
    FIELD(other, BUS_TEXT, BUS_IN_FORM, .rule = &other_rule),
    FIELD(partner, BUS_TEXT, BUS_IN_FORM, .rule = NULL),
    {.name = "Size",
     .kind = BUS_I32,
     .flags = BUS_IN_FORM,
     .offset = offsetof(struct request, size),
     .presence = offsetof(struct request, has_size),
     .rule = &size_rule},
};
static const struct bus_shape request_shape = {
    "test.request", sizeof(struct request),
    sizeof(request_fields) / sizeof(request_fields[0]), request_fields};

struct fixture {
    struct bus_arena arena;
    struct bus_error err;
    struct request request;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    bus_arena_init(&f->arena, BUS_ARENA_LIMIT);
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

static struct bus_bytes span(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

/* "a=1 b=2": names and values without blanks. Returns how many. */
static size_t pairs(const char *text, struct bus_pair *ret)
{
    size_t count = 0;
    while (text && *text) {
        const char *equal = strchr(text, '=');
        size_t len = strcspn(text, " ");
        const uint8_t *value = (const uint8_t *)equal + 1;
        assert_non_null(equal);
        assert_true(count < PAIRS_MAX);
        ret[count++] =
            (struct bus_pair){{(const uint8_t *)text, (size_t)(equal - text)},
                              {value, len - (size_t)(equal + 1 - text)}};
        text += len;
        text += *text == ' ';
    }
    return count;
}

struct given {
    const char *path, *form, *headers, *json;
};

static int bind(struct fixture *f, struct given given)
{
    struct bus_pair path[PAIRS_MAX], form[PAIRS_MAX], headers[PAIRS_MAX];
    struct bus_bind_input input = {
        .path = path,
        .path_count = pairs(given.path ? given.path : "id=1", path),
        .form = form,
        .form_count = pairs(given.form, form),
        .headers = headers,
        .headers_count = pairs(given.headers, headers),
    };
    if (given.json)
        input.json = span(given.json);
    f->request = (struct request){0};
    return bus_bind(&input, &request_shape, &f->arena, &f->request, &f->err);
}

static void good(struct fixture *f, struct given given)
{
    if (bind(f, given))
        fail_msg("%s", f->err.sentence);
}

static void refused(struct fixture *f, struct given given, const char *field,
                    const char *sentence)
{
    assert_int_equal(bind(f, given), BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence, sentence);
    assert_string_equal(f->err.field, field);
}

#define GIVEN(...) ((struct given){__VA_ARGS__})

static const char *text_at(const struct bus_list *list, size_t index)
{
    assert_true(index < list->count);
    return ((const char **)list->items)[index];
}

/* ---- success ---- */

static void every_source(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.path = "id=7", .form = "name=小明 page=3",
                  .headers = "X-Token=t", .json = "{\"gender\":\"男\"}"));
    assert_int_equal(f->request.id, 7);
    assert_string_equal(f->request.name, "小明");
    assert_int_equal(f->request.page, 3);
    assert_string_equal(f->request.token, "t");
    assert_string_equal(f->request.gender, "男");
}

static void defaults_and_empty_texts(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.json = NULL));
    assert_int_equal(f->request.page, 1);
    assert_string_equal(f->request.name, "");
    assert_false(f->request.has_size);
}

/* `?a=` is as good as absent. */
static void empty_form_values_are_dropped(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.form = "page= flag= tags= tags=x"));
    assert_int_equal(f->request.page, 1);
    assert_false(f->request.flag);
    assert_int_equal(f->request.tags.count, 1);
}

static void a_scalar_takes_the_first_value(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.form = "name=a name=b"));
    assert_string_equal(f->request.name, "a");
}

static void repeated_keys_and_brackets_fill_lists(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.form = "tags=a tags[]=b tags=c ids[]=1 ids[]=2"));
    assert_int_equal(f->request.tags.count, 3);
    assert_string_equal(text_at(&f->request.tags, 1), "b");
    assert_int_equal(((int32_t *)f->request.ids.items)[1], 2);
}

static void commas_do_not_split(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.form = "tags=a,b"));
    assert_int_equal(f->request.tags.count, 1);
    assert_string_equal(text_at(&f->request.tags, 0), "a,b");
}

static void booleans_of_forms(void **state)
{
    static const char *const yes[] = {"flag=1", "flag=true", "flag=TRUE"};
    struct fixture *f = *state;
    for (size_t i = 0; i < 3; i++) {
        good(f, GIVEN(.form = yes[i]));
        assert_true(f->request.flag);
    }
    good(f, GIVEN(.form = "flag=0"));
    assert_false(f->request.flag);
}

static void header_names_in_any_case(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.headers = "x-tOKEN=a"));
    assert_string_equal(f->request.token, "a");
}

static void header_lists_as_json_or_repeated(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.headers = "X-Lang=[\"c\",\"go\"]"));
    assert_int_equal(f->request.langs.count, 2);
    assert_string_equal(text_at(&f->request.langs, 1), "go");
    good(f, GIVEN(.headers = "X-Lang=c x-lang=go"));
    assert_int_equal(f->request.langs.count, 2);
    assert_string_equal(text_at(&f->request.langs, 1), "go");
}

/* go-zero wants such a field in both places (issue 5272). */
static void two_sources_are_either(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.form = "both=form"));
    assert_string_equal(f->request.both, "form");
    good(f, GIVEN(.json = "{\"both\":\"json\"}"));
    assert_string_equal(f->request.both, "json");
    good(f, GIVEN(.form = "both=form", .json = "{\"both\":\"json\"}"));
    assert_string_equal(f->request.both, "json");
}

static void no_tag_means_json(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.form = "plain=form", .json = "{\"plain\":\"json\"}"));
    assert_string_equal(f->request.plain, "json");
    good(f, GIVEN(.form = "plain=form"));
    assert_string_equal(f->request.plain, "");
}

/* A body must not set what the path or a header is there for. */
static void json_cannot_set_other_sources(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.path = "id=7",
                  .json = "{\"id\":8,\"token\":\"forged\",\"page\":\"x\"}"));
    assert_int_equal(f->request.id, 7);
    assert_string_equal(f->request.token, "");
    assert_int_equal(f->request.page, 1);
}

static void names_of_their_own(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.form = "pageSize=20 Size=30"));
    assert_int_equal(f->request.size, 20);
    assert_true(f->request.has_size);
}

static void dependencies(void **state)
{
    struct fixture *f = *state;
    good(f, GIVEN(.form = "partner=a other=b"));
    assert_string_equal(f->request.other, "b");
}

/* ---- failure ---- */

static void what_is_missing(void **state)
{
    struct fixture *f = *state;
    refused(f, GIVEN(.path = "other=1"), "id", "field \"id\" is not set");
    refused(f, GIVEN(.json = "{\"in\":{}}"), "in.a",
            "field \"in.a\" is not set");
    refused(f, GIVEN(.json = "{\"in\":{\"a\":null}}"), "in.a",
            "field \"in.a\" is not set");
}

static void what_does_not_convert(void **state)
{
    struct fixture *f = *state;
    refused(f, GIVEN(.path = "id=abc"), "id",
            "field \"id\": parsing \"abc\": invalid syntax");
    refused(f, GIVEN(.path = "id=9223372036854775808"), "id",
            "field \"id\": parsing \"9223372036854775808\": value out of "
            "range");
    refused(f, GIVEN(.form = "page=1.0"), "page",
            "field \"page\": parsing \"1.0\": invalid syntax");
    refused(f, GIVEN(.form = "ids=1,2"), "ids",
            "field \"ids\": parsing \"1,2\": invalid syntax");
    refused(f, GIVEN(.form = "flag=yes"), "flag",
            "field \"flag\": parsing \"yes\": invalid syntax");
    refused(f, GIVEN(.form = "pageSize=x"), "pageSize",
            "field \"pageSize\": parsing \"x\": invalid syntax");
    refused(f, GIVEN(.form = "name=\x80"), "name",
            "field \"name\": invalid UTF-8");
    refused(f, GIVEN(.headers = "X-Lang=[1]"), "langs[0]",
            "type mismatch for field \"langs[0]\", expect \"string\", actual "
            "\"number\"");
    refused(f, GIVEN(.json = "{\"gender\":1}"), "gender",
            "type mismatch for field \"gender\", expect \"string\", actual "
            "\"number\"");
}

static void what_the_rules_forbid(void **state)
{
    struct fixture *f = *state;
    refused(f, GIVEN(.json = "{\"gender\":\"x\"}"), "gender",
            "value \"x\" for field \"gender\" is not defined in options "
            "\"[男 女]\"");
    assert_int_equal(bind(f, GIVEN(.form = "page=101")), BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.field, "page");
    assert_int_equal(bind(f, GIVEN(.form = "other=b")), BUS_INVALID_ARGUMENT);
}

static void malformed_json(void **state)
{
    struct fixture *f = *state;
    refused(f, GIVEN(.json = "{\"gender\" \"x\"}"), "",
            "malformed JSON at byte 11: expected ':'");
    refused(f, GIVEN(.json = "{} {}"), "",
            "malformed JSON at byte 4: bytes after the value");
    refused(f, GIVEN(.json = "[]"), "",
            "type mismatch, expect \"object\", actual \"list\"");
}

static void too_many_form_values(void **state)
{
    struct fixture *f = *state;
    size_t count = BUS_FORM_VALUES_MAX + 1;
    struct bus_pair *form = calloc(count, sizeof(*form));
    assert_non_null(form);
    for (size_t i = 0; i < count; i++)
        form[i] = (struct bus_pair){span("a"), span("secret")};
    struct bus_bind_input input = {.form = form, .form_count = count};
    int code =
        bus_bind(&input, &request_shape, &f->arena, &f->request, &f->err);
    free(form);
    assert_int_equal(code, BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence, "more than 2048 form values");
}

/* What a list of faults holds of a request: "field|field|...". */
static void faulty(struct fixture *f, struct given given, const char *fields)
{
    struct bus_pair path[PAIRS_MAX], form[PAIRS_MAX], headers[PAIRS_MAX];
    struct bus_faults faults;
    char found[500] = "";
    bus_faults_init(&faults, &f->arena);
    struct bus_bind_input input = {
        .path = path,
        .path_count = pairs(given.path, path),
        .form = form,
        .form_count = pairs(given.form, form),
        .headers = headers,
        .headers_count = pairs(given.headers, headers),
        .json = span(given.json ? given.json : ""),
        .faults = &faults,
    };
    f->request = (struct request){0};
    assert_int_equal(
        bus_bind(&input, &request_shape, &f->arena, &f->request, &f->err),
        BUS_INVALID_ARGUMENT);
    for (size_t i = 0; i < faults.count; i++) {
        size_t len = strlen(found);
        snprintf(found + len, sizeof(found) - len, "%s%s", i ? "|" : "",
                 faults.items[i].field);
    }
    assert_string_equal(found, fields);
    if (faults.count)
        assert_string_equal(f->err.sentence, faults.items[0].sentence);
}

static void every_fault_is_listed_by_path(void **state)
{
    struct fixture *f = *state;
    faulty(f,
           GIVEN(.path = "id=abc", .form = "page=101 flag=maybe ids=x",
                 .headers = "X-Lang=[1]",
                 .json = "{\"gender\":\"x\",\"in\":{\"a\":\"1\"}}"),
           "id|ids|flag|langs[0]|in.a|page|gender");
}

/* What was wrong is not missing too, and what is behind it is read. */
static void a_field_has_one_fault(void **state)
{
    struct fixture *f = *state;
    faulty(f,
           GIVEN(.path = "id=x", .json = "{\"in\":[1,{\"a\":[2]}],"
                                         "\"plain\":{\"b\":[]},"
                                         "\"gender\":3}"),
           "id|in|plain|gender");
    faulty(f, GIVEN(.form = "page=0", .json = "{\"in\":{}}"), "in.a|id|page");
    /* A partner that is wrong is there all the same. */
    faulty(f, GIVEN(.path = "id=1", .form = "other=a partner=\x80"), "partner");
}

static void malformed_text_is_no_list(void **state)
{
    struct fixture *f = *state;
    faulty(f, GIVEN(.path = "id=1", .json = "{\"gender\":1,\"in\":}"), "");
    assert_string_equal(f->err.sentence,
                        "malformed JSON at byte 18: expected a value");
    faulty(f, GIVEN(.path = "id=1", .json = "{\"gender\":1,\"gender\":2}"), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_source),
        TEST(defaults_and_empty_texts),
        TEST(empty_form_values_are_dropped),
        TEST(a_scalar_takes_the_first_value),
        TEST(repeated_keys_and_brackets_fill_lists),
        TEST(commas_do_not_split),
        TEST(booleans_of_forms),
        TEST(header_names_in_any_case),
        TEST(header_lists_as_json_or_repeated),
        TEST(two_sources_are_either),
        TEST(no_tag_means_json),
        TEST(json_cannot_set_other_sources),
        TEST(names_of_their_own),
        TEST(dependencies),
        TEST(what_is_missing),
        TEST(what_does_not_convert),
        TEST(what_the_rules_forbid),
        TEST(malformed_json),
        TEST(too_many_form_values),
        TEST(every_fault_is_listed_by_path),
        TEST(a_field_has_one_fault),
        TEST(malformed_text_is_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
