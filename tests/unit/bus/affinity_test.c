/* SPDX-License-Identifier: MIT
 *
 * Keys of calls: found by an actor's list, and spread over its instances.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/affinity.h"

/* {"id": 7, "user": {"id": "x"}} */
static const uint8_t body_bytes[] = "\x82\xa2id\x07\xa4user\x81\xa2id\xa1x";
static const struct bus_bytes body = {body_bytes, sizeof(body_bytes) - 1};

static void test_found_by_method_and_path(void **state)
{
    (void)state;
    uint64_t id = affinity_of("get=id", "get", body);
    uint64_t nested = affinity_of("set=id,get=user.id", "get", body);
    assert_int_not_equal(id, 0);
    assert_int_not_equal(nested, 0);
    assert_int_not_equal(id, nested);
    assert_int_equal(affinity_of("aget=user,get=id", "get", body), id);
    assert_int_equal(affinity_hash((struct bus_bytes){body_bytes + 4, 1}), id);
}

static void test_none(void **state)
{
    (void)state;
    assert_int_equal(affinity_of("", "get", body), 0);
    assert_int_equal(affinity_of("get=id", "ge", body), 0);
    assert_int_equal(affinity_of("get=id", "gett", body), 0);
    assert_int_equal(affinity_of("get=no", "get", body), 0);
    assert_int_equal(affinity_of("get=id", "get", (struct bus_bytes){0}), 0);
    assert_int_equal(affinity_hash((struct bus_bytes){0}), 0);
}

/* Keys 1, 2, 3 ... differ in few bits: each of four gets its quarter. */
static void test_weights_spread_evenly(void **state)
{
    (void)state;
    int got[4] = {0};
    struct bus_name names[4] = {{0}};
    for (int i = 0; i < 4; i++)
        snprintf(names[i].instance, sizeof(names[i].instance), "%d", i + 1);
    for (uint32_t key = 0; key < 4000; key++) {
        uint64_t hash =
            affinity_hash((struct bus_bytes){(const uint8_t *)&key, 4});
        int best = 0;
        for (int i = 1; i < 4; i++)
            if (affinity_weight(hash, &names[i]) >
                affinity_weight(hash, &names[best]))
                best = i;
        got[best]++;
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(got[i], 850, 1150);
}

static void test_lists(void **state)
{
    (void)state;
    assert_true(affinity_keys_valid(""));
    assert_true(affinity_keys_valid("a=b"));
    assert_true(affinity_keys_valid("a=b.c,d=e"));
    static const char *const bad[] = {"a",    "=b",    "a=",    "a=b,",
                                      ",a=b", "a=b,c", "a=b\n", "a= b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(affinity_keys_valid(bad[i]));
    char longest[BUS_AFFINITY_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    longest[1] = '=';
    longest[BUS_AFFINITY_MAX] = '\0';
    assert_false(affinity_keys_valid(longest));
    longest[BUS_AFFINITY_MAX - 1] = '\0';
    assert_true(affinity_keys_valid(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_by_method_and_path),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_weights_spread_evenly),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
