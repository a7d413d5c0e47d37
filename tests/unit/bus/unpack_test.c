/* SPDX-License-Identifier: MIT
 *
 * The cursor: every msgpack format read at its borders, wrong types left where
 * they are, and input that is cut, lies about counts or nests too deep refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/pack.h"

/* A span of a literal, as an initialiser and as a value. */
#define SPAN(text)                                                             \
    {                                                                          \
        (const uint8_t *)(text), sizeof(text) - 1                              \
    }
#define BYTES(text) ((struct bus_bytes)SPAN(text))
#define OPEN(text) bus_unpack_open(BYTES(text))

/* ---- success ---- */

static void every_format_has_its_type(void **state)
{
    static const struct {
        struct bus_bytes bytes;
        enum bus_pack_type type;
    } formats[] = {
        {SPAN("\x00"), BUS_PACK_UINT},
        {SPAN("\x7F"), BUS_PACK_UINT},
        {SPAN("\xE0"), BUS_PACK_INT},
        {SPAN("\xFF"), BUS_PACK_INT},
        {SPAN("\x80"), BUS_PACK_MAP},
        {SPAN("\x90"), BUS_PACK_ARRAY},
        {SPAN("\xA0"), BUS_PACK_TEXT},
        {SPAN("\xC0"), BUS_PACK_NIL},
        {SPAN("\xC2"), BUS_PACK_BOOL},
        {SPAN("\xC3"), BUS_PACK_BOOL},
        {SPAN("\xC4\x00"), BUS_PACK_BIN},
        {SPAN("\xC5\x00\x00"), BUS_PACK_BIN},
        {SPAN("\xC6\x00\x00\x00\x00"), BUS_PACK_BIN},
        {SPAN("\xC7\x00\x01"), BUS_PACK_EXT},
        {SPAN("\xC8\x00\x01\x05z"), BUS_PACK_EXT},
        {SPAN("\xC9\x00\x00\x00\x00\x01"), BUS_PACK_EXT},
        {SPAN("\xCA\x3F\x80\x00\x00"), BUS_PACK_DOUBLE},
        {SPAN("\xCB\x3F\xF0\x00\x00\x00\x00\x00\x00"), BUS_PACK_DOUBLE},
        {SPAN("\xCC\xFF"), BUS_PACK_UINT},
        {SPAN("\xCD\xFF\xFF"), BUS_PACK_UINT},
        {SPAN("\xCE\xFF\xFF\xFF\xFF"), BUS_PACK_UINT},
        {SPAN("\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), BUS_PACK_UINT},
        {SPAN("\xD0\x80"), BUS_PACK_INT},
        {SPAN("\xD0\x7F"), BUS_PACK_UINT}, /* positive in a signed form */
        {SPAN("\xD1\x80\x00"), BUS_PACK_INT},
        {SPAN("\xD2\x80\x00\x00\x00"), BUS_PACK_INT},
        {SPAN("\xD3\x80\x00\x00\x00\x00\x00\x00\x00"), BUS_PACK_INT},
        {SPAN("\xD4\x05z"), BUS_PACK_EXT},
        {SPAN("\xD5\x05zz"), BUS_PACK_EXT},
        {SPAN("\xD6\x05zzzz"), BUS_PACK_EXT},
        {SPAN("\xD7\x05zzzzzzzz"), BUS_PACK_EXT},
        {SPAN("\xD8\x05zzzzzzzzzzzzzzzz"), BUS_PACK_EXT},
        {SPAN("\xD9\x01z"), BUS_PACK_TEXT},
        {SPAN("\xDA\x00\x01z"), BUS_PACK_TEXT},
        {SPAN("\xDB\x00\x00\x00\x01z"), BUS_PACK_TEXT},
        {SPAN("\xDC\x00\x01\xC0"), BUS_PACK_ARRAY},
        {SPAN("\xDD\x00\x00\x00\x01\xC0"), BUS_PACK_ARRAY},
        {SPAN("\xDE\x00\x01\xC0\xC0"), BUS_PACK_MAP},
        {SPAN("\xDF\x00\x00\x00\x01\xC0\xC0"), BUS_PACK_MAP},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct bus_bytes bytes = formats[i].bytes;
        struct bus_unpack in = bus_unpack_open(bytes);
        assert_int_equal(bus_unpack_type(&in), formats[i].type);
        assert_true(bus_pack_valid(bytes));
        for (size_t len = 0; len < bytes.len; len++) { /* cut anywhere */
            uint8_t *cut = malloc(len ? len : 1);
            memcpy(cut, bytes.data, len);
            bool valid = bus_pack_valid((struct bus_bytes){cut, len});
            free(cut);
            assert_false(valid);
        }
    }
}

static void integers_at_their_borders(void **state)
{
    int64_t integer;
    uint64_t natural;
    (void)state;
    struct bus_unpack in = OPEN("\xD3\x80\x00\x00\x00\x00\x00\x00\x00"
                                "\xFF\xD0\x80\xD1\x80\x00\xD2\x80\x00\x00\x00"
                                "\xCF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                                "\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
    static const int64_t want[] = {INT64_MIN, -1,        INT8_MIN,
                                   INT16_MIN, INT32_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_true(bus_unpack_int(&in, &integer));
        assert_true(integer == want[i]);
    }
    assert_false(bus_unpack_int(&in, &integer)); /* past int64 */
    assert_true(bus_unpack_uint(&in, &natural));
    assert_true(natural == UINT64_MAX);
    assert_true(in.at == in.end);
}

static void doubles_come_from_any_number(void **state)
{
    double real;
    (void)state;
    struct bus_unpack in = OPEN("\xCA\x3F\xC0\x00\x00\xCB\xC0\x00\x00\x00\x00"
                                "\x00\x00\x00\x05\xFB");
    static const double want[] = {1.5, -2.0, 5.0, -5.0};
    for (size_t i = 0; i < 4; i++) {
        assert_true(bus_unpack_double(&in, &real));
        assert_true(real == want[i]);
    }
}

static void texts_and_bytes_are_spans(void **state)
{
    struct bus_bytes span;
    (void)state;
    struct bus_unpack in = OPEN("\xA2hi\xC4\x01\xFF");
    assert_true(bus_unpack_text(&in, &span));
    assert_int_equal(span.len, 2);
    assert_memory_equal(span.data, "hi", 2);
    assert_true(bus_unpack_bin(&in, &span));
    assert_int_equal(span.len, 1);
    assert_int_equal(span.data[0], 0xFF);
}

static void a_value_is_taken_whole(void **state)
{
    struct bus_bytes span;
    (void)state;
    struct bus_unpack in = OPEN("\x82\xA1"
                                "a\x92\x01\xC0\xA1"
                                "b\x80\x05");
    assert_true(bus_unpack_value(&in, &span));
    assert_int_equal(span.len, 9);
    assert_true(bus_unpack_value(&in, NULL));
    assert_true(in.at == in.end);
}

static void values_are_found_by_path(void **state)
{
    struct bus_bytes found;
    struct bus_bytes map = BYTES("\x83\x01\x02\xA1"
                                 "a\x81\xA2"
                                 "bc\x07\xA1"
                                 "d\x93\x01\x02\x03");
    (void)state;
    assert_true(bus_pack_find(map, "a.bc", &found));
    assert_int_equal(found.len, 1);
    assert_int_equal(found.data[0], 7);
    assert_true(bus_pack_find(map, "d", &found));
    assert_int_equal(found.len, 4);
    assert_true(bus_pack_find(map, "", &found));
    assert_ptr_equal(found.data, map.data);
    assert_int_equal(found.len, map.len);
}

/* ---- failure ---- */

static void a_wrong_type_is_not_consumed(void **state)
{
    bool flag;
    int64_t integer;
    uint64_t natural;
    uint32_t count;
    double real;
    struct bus_bytes span;
    (void)state;
    struct bus_unpack in = OPEN("\xC0");
    assert_false(bus_unpack_bool(&in, &flag));
    assert_false(bus_unpack_int(&in, &integer));
    assert_false(bus_unpack_uint(&in, &natural));
    assert_false(bus_unpack_double(&in, &real));
    assert_false(bus_unpack_text(&in, &span));
    assert_false(bus_unpack_bin(&in, &span));
    assert_false(bus_unpack_array(&in, &count));
    assert_false(bus_unpack_map(&in, &count));
    assert_true(bus_unpack_nil(&in));
    assert_false(bus_unpack_nil(&in)); /* at the end */
    in = OPEN("\xFF");
    assert_false(bus_unpack_uint(&in, &natural)); /* negative */
    in = OPEN("\x01");
    assert_false(bus_unpack_nil(&in));
}

static void nothing_is_no_value(void **state)
{
    (void)state;
    struct bus_unpack in = bus_unpack_open((struct bus_bytes){NULL, 0});
    assert_int_equal(bus_unpack_type(&in), BUS_PACK_END);
    assert_false(bus_unpack_value(&in, NULL));
    assert_false(bus_pack_valid((struct bus_bytes){NULL, 0}));
    assert_false(bus_pack_valid(BYTES("\xC1")));     /* never used */
    assert_false(bus_pack_valid(BYTES("\x01\x02"))); /* two values */
}

static void counts_that_lie(void **state)
{
    static const struct bus_bytes lies[] = {
        SPAN("\xDD\xFF\xFF\xFF\xFF"),
        SPAN("\xDF\xFF\xFF\xFF\xFF"),
        SPAN("\xDB\xFF\xFF\xFF\xFF"),
        SPAN("\xC6\xFF\xFF\xFF\xFF"),
        SPAN("\xC9\xFF\xFF\xFF\xFF\x01"),
        SPAN("\xDC\x00\x03\x01\x02"),
        SPAN("\xDF\x00\x00\x00\x02\x01\x01\x01"),
        SPAN("\x91"),
        SPAN("\x81\xC0"),
        SPAN("\xA1"),
    };
    uint32_t count = 77;
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct bus_unpack in = bus_unpack_open(lies[i]);
        assert_int_equal(bus_unpack_type(&in), BUS_PACK_END);
        assert_false(bus_unpack_array(&in, &count));
        assert_false(bus_unpack_map(&in, &count));
        assert_false(bus_unpack_value(&in, NULL));
        assert_ptr_equal(in.at, lies[i].data);
    }
    assert_int_equal(count, 77);
}

static void depth_ends_at_32(void **state)
{
    uint8_t bytes[BUS_DEPTH_MAX + 2];
    (void)state;
    memset(bytes, 0x91, sizeof(bytes));
    bytes[BUS_DEPTH_MAX] = 0xC0;
    assert_true(bus_pack_valid((struct bus_bytes){bytes, BUS_DEPTH_MAX + 1}));
    bytes[BUS_DEPTH_MAX] = 0x91;
    bytes[BUS_DEPTH_MAX + 1] = 0xC0;
    assert_false(bus_pack_valid((struct bus_bytes){bytes, BUS_DEPTH_MAX + 2}));
    bytes[BUS_DEPTH_MAX] = 0x90; /* empty, but still the 33rd */
    assert_false(bus_pack_valid((struct bus_bytes){bytes, BUS_DEPTH_MAX + 1}));
    struct bus_unpack in = OPEN("\x90");
    assert_false(bus_unpack_value_in(&in, BUS_DEPTH_MAX, NULL));
    assert_true(bus_unpack_value_in(&in, BUS_DEPTH_MAX - 1, NULL));
}

static void paths_that_lead_nowhere(void **state)
{
    struct bus_bytes map = BYTES("\x81\xA1"
                                 "a\x81\xA1"
                                 "b\x07");
    struct bus_bytes found = {NULL, 99};
    (void)state;
    assert_false(bus_pack_find(map, "b", &found));
    assert_false(bus_pack_find(map, "a.c", &found));
    assert_false(bus_pack_find(map, "a.b.c", &found)); /* 7 is no map */
    assert_false(bus_pack_find(map, "a..b", &found));
    assert_false(bus_pack_find(BYTES("\x81\xA1"
                                     "a"),
                               "a", &found));
    assert_int_equal(found.len, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_has_its_type),
        cmocka_unit_test(integers_at_their_borders),
        cmocka_unit_test(doubles_come_from_any_number),
        cmocka_unit_test(texts_and_bytes_are_spans),
        cmocka_unit_test(a_value_is_taken_whole),
        cmocka_unit_test(values_are_found_by_path),
        cmocka_unit_test(a_wrong_type_is_not_consumed),
        cmocka_unit_test(nothing_is_no_value),
        cmocka_unit_test(counts_that_lie),
        cmocka_unit_test(depth_ends_at_32),
        cmocka_unit_test(paths_that_lead_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
