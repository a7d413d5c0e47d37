/* SPDX-License-Identifier: MIT
 *
 * JSON without a schema to msgpack and back. What is JSON at all is
 * json_in_test.c's.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/buf.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/json.h"
#include "bus/pack.h"

struct fixture {
    struct bus_buf packed, json;
};

static int setup(void **state)
{
    static struct fixture f;
    bus_buf_init(&f.packed, 1 << 20);
    bus_buf_init(&f.json, 1 << 20);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bus_buf_release(&f->packed);
    bus_buf_release(&f->json);
    return 0;
}

static void pack(struct fixture *f, const char *text)
{
    struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    bus_buf_reset(&f->packed);
    assert_int_equal(bus_json_to_pack(bytes, &f->packed, NULL), 0);
}

static void json_is(struct fixture *f, const char *wanted)
{
    bus_buf_reset(&f->json);
    bus_json_from_pack(&f->json, bus_buf_bytes(&f->packed));
    bus_buf_byte(&f->json, '\0');
    assert_string_equal((const char *)f->json.data, wanted);
}

/* ---- success ---- */

static void values_come_back(void **state)
{
    static const char *const texts[] = {"null",
                                        "true",
                                        "false",
                                        "0",
                                        "-1",
                                        "18446744073709551615",
                                        "-9223372036854775808",
                                        "0.5",
                                        "1e+21",
                                        "\"\"",
                                        "\"a\\\"b\\n小\"",
                                        "[]",
                                        "{}",
                                        "[1,[2,[]],{}]",
                                        "{\"a\":{\"b\":[1,2,3]},\"c\":null}"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        pack(f, texts[i]);
        assert_true(bus_pack_valid(bus_buf_bytes(&f->packed)));
        json_is(f, texts[i]);
    }
}

/* Headers of one, three and five bytes change places with their items. */
static void long_lists_and_maps(void **state)
{
    static const size_t counts[] = {15, 16, 65535, 65536};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct bus_buf text;
        uint32_t count = 0;
        bus_buf_init(&text, 1 << 20);
        bus_buf_byte(&text, '[');
        for (size_t k = 0; k < counts[i]; k++)
            bus_buf_text(&text, k ? ",7" : "7");
        bus_buf_text(&text, "]");
        bus_buf_byte(&text, '\0');
        pack(f, (const char *)text.data);
        json_is(f, (const char *)text.data);
        struct bus_unpack in = bus_unpack_open(bus_buf_bytes(&f->packed));
        bool array = bus_unpack_array(&in, &count);
        bus_buf_release(&text);
        assert_true(array);
        assert_int_equal(count, counts[i]);
    }
}

static void integers_stay_integers(void **state)
{
    struct fixture *f = *state;
    struct bus_unpack in;
    pack(f, "18446744073709551615");
    in = bus_unpack_open(bus_buf_bytes(&f->packed));
    assert_int_equal(bus_unpack_type(&in), BUS_PACK_UINT);
    pack(f, "-1");
    in = bus_unpack_open(bus_buf_bytes(&f->packed));
    assert_int_equal(bus_unpack_type(&in), BUS_PACK_INT);
    pack(f, "1.0");
    in = bus_unpack_open(bus_buf_bytes(&f->packed));
    assert_int_equal(bus_unpack_type(&in), BUS_PACK_DOUBLE);
}

static void it_appends(void **state)
{
    struct fixture *f = *state;
    struct bus_bytes one = {(const uint8_t *)"[1]", 3};
    bus_buf_reset(&f->packed);
    bus_pack_array(&f->packed, 2);
    bus_pack_text(&f->packed, "before");
    assert_int_equal(bus_json_to_pack(one, &f->packed, NULL), 0);
    json_is(f, "[\"before\",[1]]");
}

static void what_only_msgpack_has(void **state)
{
    struct fixture *f = *state;
    bus_buf_reset(&f->packed);
    bus_pack_map(&f->packed, 3);
    bus_pack_int(&f->packed, -1);
    bus_pack_bin(&f->packed, "hi", 2);
    bus_pack_bool(&f->packed, true);
    bus_pack_double(&f->packed, (double)INFINITY);
    bus_pack_text(&f->packed, "ext");
    bus_pack_raw(&f->packed,
                 (struct bus_bytes){(const uint8_t *)"\xD4\1\2", 3});
    json_is(f, "{\"-1\":\"aGk=\",\"true\":null,\"ext\":null}");
}

/* Doubles whose digits alone would read as integers keep a point. */
static void doubles_stay_doubles(void **state)
{
    static const char *const pairs[][2] = {
        {"1e20", "100000000000000000000.0"},
        {"-1e19", "-10000000000000000000.0"},
        {"-0.0", "-0.0"},
        {"1e18", "1000000000000000000"},
        {"-0", "0"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        pack(f, pairs[i][0]);
        json_is(f, pairs[i][1]);
        pack(f, pairs[i][1]);
        json_is(f, pairs[i][1]);
    }
}

/* ---- failure ---- */

static void malformed_msgpack_is_null(void **state)
{
    static const struct bus_bytes values[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\xDD\xFF\xFF\xFF\xFF", 5},
        {(const uint8_t *)"\x92\x01", 2},
        {(const uint8_t *)"\x01\x02", 2},
        {(const uint8_t *)"\xC1", 1},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        bus_buf_reset(&f->packed);
        bus_buf_add(&f->packed, values[i].data, values[i].len);
        json_is(f, "null");
    }
}

static void a_full_buffer_is_an_error(void **state)
{
    struct bus_buf small;
    struct bus_error err = {0};
    struct bus_bytes text = {(const uint8_t *)"[1,2,3,4,5,6,7,8,9]", 19};
    (void)state;
    bus_buf_init(&small, 5);
    int code = bus_json_to_pack(text, &small, &err);
    bus_buf_release(&small);
    assert_int_equal(code, BUS_RESOURCE_EXHAUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(long_lists_and_maps),
        cmocka_unit_test(integers_stay_integers),
        cmocka_unit_test(doubles_stay_doubles),
        cmocka_unit_test(it_appends),
        cmocka_unit_test(what_only_msgpack_has),
        cmocka_unit_test(malformed_msgpack_is_null),
        cmocka_unit_test(a_full_buffer_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
