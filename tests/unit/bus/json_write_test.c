/* SPDX-License-Identifier: MIT
 *
 * Structs as JSON, to the byte.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/buf.h"
#include "bus/json.h"
#include "bus/pack.h"
#include "bus/shape.h"

struct inner {
    int32_t n;
};

/* One struct for all: each test makes the shape of the one field it is about.
 */
struct message {
    bool flag;
    int64_t number;
    uint64_t big;
    float single;
    double real;
    const char *text;
    struct bus_bytes bytes;
    int32_t color;
    int64_t when;
    struct inner *inner;
    struct bus_bytes any;
    struct bus_list list;
    bool has;
};

static const struct bus_enum_value colors[] = {
    {"RED", 0}, {"BLUE", 7}, {NULL, 0}};

static const struct bus_field inner_fields[] = {{
    .name = "n",
    .kind = BUS_I32,
    .offset = offsetof(struct inner, n),
    .presence = BUS_NO_PRESENCE,
}};
static const struct bus_shape inner_shape = {"test.inner", sizeof(struct inner),
                                             1, inner_fields};

#define FIELD(member, field_kind, ...)                                         \
    {                                                                          \
        .name = "x", .kind = (field_kind), .presence = BUS_NO_PRESENCE,        \
        .offset = offsetof(struct message, member), __VA_ARGS__                \
    }

static void writes(const struct bus_field *field, const struct message *message,
                   const char *wanted)
{
    const struct bus_shape shape = {"test.message", sizeof(*message), 1, field};
    struct bus_buf buf;
    char got[1000];
    bus_buf_init(&buf, sizeof(got) - 1);
    bus_json_write(&buf, &shape, message);
    assert_false(buf.failed);
    memcpy(got, buf.data, buf.len);
    got[buf.len] = '\0';
    bus_buf_release(&buf);
    assert_string_equal(got, wanted);
}

/* ---- success ---- */

static void numbers(void **state)
{
    struct message m = {.number = INT64_MIN, .big = UINT64_MAX, .real = 0.1};
    struct bus_field number = FIELD(number, BUS_I64, .flags = 0);
    struct bus_field big = FIELD(big, BUS_U64, .flags = 0);
    struct bus_field real = FIELD(real, BUS_F64, .flags = 0);
    struct bus_field single = FIELD(single, BUS_F32, .flags = 0);
    (void)state;
    m.single = 0.1f;
    writes(&number, &m, "{\"x\":-9223372036854775808}");
    writes(&big, &m, "{\"x\":18446744073709551615}");
    writes(&real, &m, "{\"x\":0.1}");
    writes(&single, &m, "{\"x\":0.1}");
}

static void numbers_as_text_where_the_tag_says_string(void **state)
{
    struct message m = {.number = -5, .flag = true, .real = 0.5};
    struct bus_field number = FIELD(number, BUS_I64, .flags = BUS_STRING_OUT);
    struct bus_field flag = FIELD(flag, BUS_BOOL, .flags = BUS_STRING_OUT);
    struct bus_field real = FIELD(real, BUS_F64, .flags = BUS_STRING_OUT);
    (void)state;
    writes(&number, &m, "{\"x\":\"-5\"}");
    writes(&flag, &m, "{\"x\":\"true\"}");
    writes(&real, &m, "{\"x\":\"0.5\"}");
}

/* As go-zero answers: no HTML escaping, but the line ends of JavaScript. */
static void text_escapes(void **state)
{
    struct message m = {.text = "\"\\\b\f\n\r\t\x01\x1f\x7f<>&小😀\xE2\x80\xA8"
                                "\xE2\x80\xA9/\xFF"};
    struct bus_field text = FIELD(text, BUS_TEXT, .flags = 0);
    (void)state;
    writes(&text, &m,
           "{\"x\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f<>&小😀\\u2028"
           "\\u2029/\xEF\xBF\xBD\"}");
}

static void nothing_set(void **state)
{
    struct message m = {0};
    struct bus_field text = FIELD(text, BUS_TEXT, .flags = 0);
    struct bus_field decimal = FIELD(text, BUS_DECIMAL, .flags = 0);
    struct bus_field inner = FIELD(inner, BUS_MESSAGE, .shape = &inner_shape);
    struct bus_field any = FIELD(any, BUS_ANY, .flags = 0);
    struct bus_field list = FIELD(list, BUS_TEXT, .cardinality = BUS_LIST);
    struct bus_field bytes = FIELD(bytes, BUS_BYTES, .flags = 0);
    (void)state;
    writes(&text, &m, "{\"x\":\"\"}");
    writes(&decimal, &m, "{\"x\":\"0\"}");
    writes(&inner, &m, "{\"x\":null}");
    writes(&any, &m, "{\"x\":null}");
    writes(&list, &m, "{\"x\":[]}");
    writes(&bytes, &m, "{\"x\":\"\"}");
}

static void omitempty_leaves_zeros_out(void **state)
{
    struct message zero = {0}, one = {.number = 1, .text = "a", .flag = true};
    struct bus_field fields[] = {
        FIELD(number, BUS_I64, .flags = BUS_OMITEMPTY),
        FIELD(text, BUS_TEXT, .flags = BUS_OMITEMPTY),
        FIELD(inner, BUS_MESSAGE, .flags = BUS_OMITEMPTY,
              .shape = &inner_shape),
        FIELD(list, BUS_TEXT, .flags = BUS_OMITEMPTY, .cardinality = BUS_LIST),
        FIELD(any, BUS_ANY, .flags = BUS_OMITEMPTY),
        FIELD(flag, BUS_BOOL, .flags = BUS_OMITEMPTY),
        FIELD(real, BUS_F64, .flags = BUS_OMITEMPTY),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        writes(&fields[i], &zero, "{}");
    writes(&fields[0], &one, "{\"x\":1}");
    writes(&fields[1], &one, "{\"x\":\"a\"}");
    writes(&fields[5], &one, "{\"x\":true}");
}

static void presence_decides_before_zero_does(void **state)
{
    struct message absent = {0}, zero = {.has = true};
    struct bus_field omit = FIELD(number, BUS_I64, .flags = BUS_OMITEMPTY);
    struct bus_field null = FIELD(number, BUS_I64, .flags = BUS_NULLABLE);
    struct bus_field plain = FIELD(number, BUS_I64, .flags = 0);
    (void)state;
    omit.presence = null.presence = plain.presence =
        offsetof(struct message, has);
    writes(&omit, &absent, "{}");
    writes(&omit, &zero, "{\"x\":0}");
    writes(&null, &absent, "{\"x\":null}");
    writes(&null, &zero, "{\"x\":0}");
    writes(&plain, &absent, "{\"x\":0}");
}

static void enums_by_name_unless_unknown(void **state)
{
    struct message m = {.color = 7};
    struct bus_field color = FIELD(color, BUS_ENUM, .values = colors);
    (void)state;
    writes(&color, &m, "{\"x\":\"BLUE\"}");
    m.color = 3;
    writes(&color, &m, "{\"x\":3}");
}

static void times(void **state)
{
    struct message m = {.when = INT64_C(1598801555000001)};
    struct bus_field when = FIELD(when, BUS_TIME, .flags = 0);
    struct bus_field span = FIELD(when, BUS_DURATION, .flags = 0);
    (void)state;
    writes(&when, &m, "{\"x\":\"2020-08-30T15:32:35.000001Z\"}");
    m.when = INT64_C(4200000000000);
    writes(&span, &m, "{\"x\":\"1h10m0s\"}");
}

static void messages_and_lists_of_them(void **state)
{
    struct inner items[] = {{1}, {2}};
    struct message m = {.inner = &items[1], .list = {items, 2}};
    struct bus_field inner = FIELD(inner, BUS_MESSAGE, .shape = &inner_shape);
    struct bus_field list = FIELD(list, BUS_MESSAGE, .shape = &inner_shape,
                                  .cardinality = BUS_LIST);
    (void)state;
    writes(&inner, &m, "{\"x\":{\"n\":2}}");
    writes(&list, &m, "{\"x\":[{\"n\":1},{\"n\":2}]}");
}

static void keys_of_maps_are_text(void **state)
{
    struct entry {
        int64_t key;
        int32_t value;
    } entries[] = {{-1, 10}, {2, 20}};
    const struct bus_field entry_fields[] = {
        {.name = "key",
         .kind = BUS_I64,
         .offset = offsetof(struct entry, key),
         .presence = BUS_NO_PRESENCE},
        {.name = "value",
         .kind = BUS_I32,
         .offset = offsetof(struct entry, value),
         .presence = BUS_NO_PRESENCE},
    };
    const struct bus_shape entry_shape = {"test.entry", sizeof(struct entry), 2,
                                          entry_fields};
    struct message m = {.list = {entries, 2}};
    struct bus_field map =
        FIELD(list, BUS_MESSAGE, .shape = &entry_shape, .cardinality = BUS_MAP);
    (void)state;
    writes(&map, &m, "{\"x\":{\"-1\":10,\"2\":20}}");
}

static void a_value_alone(void **state)
{
    (void)state;
    static const struct bus_field text = FIELD(text, BUS_TEXT, .flags = 0);
    static const struct bus_field none =
        FIELD(any, BUS_ANY, .flags = BUS_NULLABLE);
    const struct message message = {.text = "a\"b"};
    struct bus_buf buf;
    bus_buf_init(&buf, 100);
    bus_json_write_value(&buf, &text, &message);
    bus_json_write_value(&buf, &none, &message);
    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.data, "\"a\\\"b\"null", 10);
    bus_buf_release(&buf);
}

static void any_is_its_own_json(void **state)
{
    struct bus_buf packed;
    struct bus_field any = FIELD(any, BUS_ANY, .flags = 0);
    struct message m = {0};
    (void)state;
    bus_buf_init(&packed, 100);
    bus_pack_array(&packed, 2);
    bus_pack_bool(&packed, true);
    bus_pack_text(&packed, "a");
    m.any = bus_buf_bytes(&packed);
    writes(&any, &m, "{\"x\":[true,\"a\"]}");
    bus_buf_release(&packed);
}

/* What the reader takes at its deepest can be written again. */
static void the_deepest_message(void **state)
{
    struct node {
        struct node *next;
    } nodes[BUS_DEPTH_MAX] = {{NULL}};
    struct bus_shape shape = {"test.node", sizeof(nodes[0]), 1, NULL};
    const struct bus_field fields[] = {{
        .name = "next",
        .kind = BUS_MESSAGE,
        .presence = BUS_NO_PRESENCE,
        .shape = &shape,
    }};
    struct bus_buf buf;
    (void)state;
    shape.fields = fields;
    for (size_t i = 1; i < BUS_DEPTH_MAX; i++)
        nodes[i].next = &nodes[i - 1];
    bus_buf_init(&buf, 1 << 20);
    bus_json_write(&buf, &shape, &nodes[BUS_DEPTH_MAX - 1]);
    bool failed = buf.failed;
    bus_buf_release(&buf);
    assert_false(failed);
}

/* ---- failure ---- */

static void what_has_no_json_is_null(void **state)
{
    struct message m = {.real = (double)NAN, .when = INT64_MAX};
    struct bus_field real = FIELD(real, BUS_F64, .flags = BUS_STRING_OUT);
    struct bus_field when = FIELD(when, BUS_TIME, .flags = 0);
    (void)state;
    writes(&real, &m, "{\"x\":null}");
    m.real = -(double)INFINITY;
    writes(&real, &m, "{\"x\":null}");
    writes(&when, &m, "{\"x\":null}");
}

/* A struct that points at itself must not run away with the stack. */
static void a_cycle_fails_the_buffer(void **state)
{
    struct node {
        struct node *next;
    } node = {&node};
    struct bus_shape shape = {"test.node", sizeof(node), 1, NULL};
    const struct bus_field fields[] = {{
        .name = "next",
        .kind = BUS_MESSAGE,
        .presence = BUS_NO_PRESENCE,
        .shape = &shape,
    }};
    struct bus_buf buf;
    (void)state;
    shape.fields = fields;
    bus_buf_init(&buf, 1 << 20);
    bus_json_write(&buf, &shape, &node);
    bool failed = buf.failed;
    bus_buf_release(&buf);
    assert_true(failed);
}

static void a_full_buffer_fails(void **state)
{
    struct message m = {.text = "more than fits"};
    struct bus_field text = FIELD(text, BUS_TEXT, .flags = 0);
    const struct bus_shape shape = {"test.message", sizeof(m), 1, &text};
    struct bus_buf buf;
    (void)state;
    bus_buf_init(&buf, 10);
    bus_json_write(&buf, &shape, &m);
    bool failed = buf.failed;
    bus_buf_release(&buf);
    assert_true(failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_as_text_where_the_tag_says_string),
        cmocka_unit_test(text_escapes),
        cmocka_unit_test(nothing_set),
        cmocka_unit_test(omitempty_leaves_zeros_out),
        cmocka_unit_test(presence_decides_before_zero_does),
        cmocka_unit_test(enums_by_name_unless_unknown),
        cmocka_unit_test(times),
        cmocka_unit_test(messages_and_lists_of_them),
        cmocka_unit_test(keys_of_maps_are_text),
        cmocka_unit_test(a_value_alone),
        cmocka_unit_test(any_is_its_own_json),
        cmocka_unit_test(the_deepest_message),
        cmocka_unit_test(what_has_no_json_is_null),
        cmocka_unit_test(a_cycle_fails_the_buffer),
        cmocka_unit_test(a_full_buffer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
