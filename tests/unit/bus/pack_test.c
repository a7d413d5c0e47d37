/* SPDX-License-Identifier: MIT
 *
 * The writers: the exact bytes of each msgpack format, what a struct leaves
 * out, and the sticky error of a buffer that is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bus/rich.h"

static void wrote(struct bus_buf *buf, const char *bytes, size_t len)
{
    assert_false(buf->failed);
    assert_int_equal(buf->len, len);
    assert_memory_equal(buf->data, bytes, len);
    bus_buf_reset(buf);
}

#define WROTE(buf, bytes) wrote(buf, bytes, sizeof(bytes) - 1)

static int setup(void **state)
{
    static struct bus_buf buf;
    bus_buf_init(&buf, 1 << 20);
    *state = &buf;
    return 0;
}

static int teardown(void **state)
{
    bus_buf_release(*state);
    return 0;
}

/* ---- success ---- */

static void integers_take_the_shortest_form(void **state)
{
    struct bus_buf *buf = *state;
    bus_pack_int(buf, 0);
    bus_pack_int(buf, 127);
    bus_pack_int(buf, -32);
    WROTE(buf, "\x00\x7F\xE0");
    bus_pack_int(buf, -33);
    bus_pack_int(buf, INT8_MIN);
    WROTE(buf, "\xD0\xDF\xD0\x80");
    bus_pack_int(buf, 128);
    bus_pack_uint(buf, UINT8_MAX);
    WROTE(buf, "\xCC\x80\xCC\xFF");
    bus_pack_int(buf, INT16_MIN);
    bus_pack_int(buf, INT32_MIN);
    WROTE(buf, "\xD1\x80\x00\xD2\x80\x00\x00\x00");
    bus_pack_int(buf, INT64_MIN);
    WROTE(buf, "\xD3\x80\x00\x00\x00\x00\x00\x00\x00");
    bus_pack_uint(buf, UINT16_MAX);
    bus_pack_uint(buf, UINT32_MAX);
    WROTE(buf, "\xCD\xFF\xFF\xCE\xFF\xFF\xFF\xFF");
    bus_pack_uint(buf, UINT64_MAX);
    WROTE(buf, "\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
}

static void scalars(void **state)
{
    struct bus_buf *buf = *state;
    bus_pack_nil(buf);
    bus_pack_bool(buf, false);
    bus_pack_bool(buf, true);
    WROTE(buf, "\xC0\xC2\xC3");
    bus_pack_double(buf, -2.0);
    WROTE(buf, "\xCB\xC0\x00\x00\x00\x00\x00\x00\x00");
}

static void texts_and_bytes(void **state)
{
    struct bus_buf *buf = *state;
    char long_text[32] = "1234567890123456789012345678901";
    bus_pack_text(buf, NULL);
    bus_pack_text(buf, "小");
    WROTE(buf, "\xA0\xA3\xE5\xB0\x8F");
    bus_pack_text(buf, long_text);
    assert_int_equal(buf->data[0], 0xBF); /* 31: the last short one */
    bus_buf_reset(buf);
    bus_pack_text_n(buf, long_text, 32);
    assert_int_equal(buf->data[0], 0xD9);
    bus_buf_reset(buf);
    bus_pack_bin(buf, "a\0", 2);
    bus_pack_bin(buf, NULL, 0);
    WROTE(buf, "\xC4\x02\x61\x00\xC4\x00");
}

static void counts(void **state)
{
    struct bus_buf *buf = *state;
    bus_pack_array(buf, 15);
    bus_pack_array(buf, 16);
    bus_pack_array(buf, 65536);
    WROTE(buf, "\x9F\xDC\x00\x10\xDD\x00\x01\x00\x00");
    bus_pack_map(buf, 15);
    bus_pack_map(buf, 16);
    bus_pack_map(buf, 65536);
    WROTE(buf, "\x8F\xDE\x00\x10\xDF\x00\x01\x00\x00");
}

static void raw_is_appended(void **state)
{
    struct bus_buf *buf = *state;
    bus_pack_raw(buf, (struct bus_bytes){(const uint8_t *)"\x01\x02", 2});
    bus_pack_raw(buf, (struct bus_bytes){NULL, 0});
    WROTE(buf, "\x01\x02");
}

/* A message of four fields, to see the bytes of a whole one. */
struct small {
    int64_t id;
    const char *name;
    bool has_age;
    int32_t age;
    struct bus_list tags;
};

#define SMALL(member, field_kind)                                              \
    .name = #member, .kind = field_kind,                                       \
    .offset = offsetof(struct small, member)

static const struct bus_rule with_age = {.with = "age"};
static const struct bus_field small_fields[] = {
    {SMALL(id, BUS_I64), .presence = BUS_NO_PRESENCE, .flags = BUS_REQUIRED},
    {SMALL(name, BUS_TEXT), .presence = BUS_NO_PRESENCE, .rule = &with_age},
    {SMALL(age, BUS_I32), .presence = offsetof(struct small, has_age)},
    {SMALL(tags, BUS_TEXT), .cardinality = BUS_LIST,
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape small_shape = {"test.small", sizeof(struct small),
                                             4, small_fields};

static void a_message_is_a_map_by_name(void **state)
{
    struct bus_buf *buf = *state;
    const char *tags[] = {"x", NULL};
    struct small small = {7, "b", true, 5, {tags, 2}};
    bus_pack_message(buf, &small_shape, &small);
    WROTE(buf, "\x84\xA2id\x07\xA4name\xA1"
               "b\xA3"
               "age\x05\xA4tags\x92\xA1x\xA0");
}

static void what_is_absent_is_left_out(void **state)
{
    struct bus_buf *buf = *state;
    struct small small = {0};
    bus_pack_message(buf, &small_shape, &small);
    WROTE(buf, "\x81\xA2id\x00"); /* required, so zero is sent */
}

static void zero_beside_a_given_partner_is_sent(void **state)
{
    struct bus_buf *buf = *state;
    struct small small = {.has_age = true, .age = 1};
    bus_pack_message(buf, &small_shape, &small);
    WROTE(buf, "\x83\xA2id\x00\xA4name\xA0\xA3"
               "age\x01");
}

/* ---- failure ---- */

static void a_full_buffer_stays_failed(void **state)
{
    struct bus_buf small;
    (void)state;
    bus_buf_init(&small, 3);
    bus_pack_text(&small, "abc");
    assert_true(small.failed);
    bus_pack_nil(&small); /* would fit, but comes after the failure */
    assert_true(small.failed);
    assert_true(small.len <= 1);
    bus_buf_release(&small);
}

static void counts_past_32_bits_fail(void **state)
{
    struct bus_buf *buf = *state;
    bus_pack_array(buf, (size_t)UINT32_MAX + 1);
    assert_true(buf->failed);
    bus_buf_reset(buf);
    bus_pack_map(buf, (size_t)UINT32_MAX + 1);
    assert_true(buf->failed);
    assert_int_equal(buf->len, 0);
}

static void a_message_past_the_limit_fails(void **state)
{
    struct bus_arena arena;
    struct bus_buf whole, buf;
    struct rich rich = {0};
    uint64_t seed = 5;
    (void)state;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_buf_init(&whole, 64 << 20);
    rich_fill(&seed, &rich_shape, &arena, &rich, 1);
    rich.bytes.len = 3; /* keeps it short */
    rich.bytes_list.count = 0;
    bus_pack_message(&whole, &rich_shape, &rich);
    assert_false(whole.failed);
    for (size_t limit = 0; limit < whole.len; limit += whole.len / 300 + 1) {
        bus_buf_init(&buf, limit);
        bus_pack_message(&buf, &rich_shape, &rich);
        assert_true(buf.failed);
        bus_buf_release(&buf);
    }
    bus_buf_release(&whole);
    bus_arena_release(&arena);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(integers_take_the_shortest_form),
        CASE(scalars),
        CASE(texts_and_bytes),
        CASE(counts),
        CASE(raw_is_appended),
        CASE(a_message_is_a_map_by_name),
        CASE(what_is_absent_is_left_out),
        CASE(zero_beside_a_given_partner_is_sent),
        CASE(a_full_buffer_stays_failed),
        CASE(counts_past_32_bits_fail),
        CASE(a_message_past_the_limit_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
