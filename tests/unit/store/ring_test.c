/* SPDX-License-Identifier: MIT
 *
 * The ring beside go-zero's own: hashes and choices below were printed by
 * core/hash of go-zero 1.6.0.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "actors/store/ring.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const three[] = {"127.0.0.1:6379", "127.0.0.1:6380",
                                    "127.0.0.1:6381"};

static void hashes_are_murmur3(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } known[] = {
        {"", 0},
        {"a", UINT64_C(0x85555565f6597889)},
        {"hello", UINT64_C(0xcbd8a7b341bd9b02)},
        {"hello, world", UINT64_C(0x342fac623a5ebc8e)},
        {"cache:user:id:1", UINT64_C(0x8ff567c3d46157ca)},
        {"0123456789abcdef", UINT64_C(0x4be06d94cf4ad1a7)},
        {"0123456789abcdef0123456789abcdef!", UINT64_C(0x1d63dd4591920335)},
        {"The quick brown fox jumps over the lazy dog.",
         UINT64_C(0xcd99481f9ee902c9)},
    };
    for (size_t i = 0; i < COUNT(known); i++)
        assert_true(ring_hash(known[i].text, strlen(known[i].text)) ==
                    known[i].hash);
}

static void keys_lie_where_go_zero_looks_for_them(void **state)
{
    (void)state;
    static const int32_t weights[] = {100, 50, 300};
    static const char expected[] = "0991919091011910199199909101099099919001";
    char found[sizeof(expected)] = "";
    struct ring ring;
    ring_open(&ring, three, weights, COUNT(three));
    for (size_t i = 0; i < sizeof(expected) - 1; i++) {
        char key[64];
        snprintf(key, sizeof(key), "cache:user:id:%zu", i);
        const char *address = three[ring_find(&ring, key)];
        found[i] = address[strlen(address) - 1];
    }
    assert_string_equal(found, expected);
    ring_close(&ring);
}

static void one_hash_of_two_nodes_is_shared(void **state)
{
    (void)state;
    /* The same address twice: every place is there twice. */
    static const char *const twins[] = {"redis:6379", "redis:6379"};
    static const int32_t weights[] = {100, 100};
    size_t seen[2] = {0};
    struct ring ring;
    ring_open(&ring, twins, weights, COUNT(twins));
    for (int i = 0; i < 100; i++) {
        char key[64];
        snprintf(key, sizeof(key), "cache:user:id:%d", i);
        seen[ring_find(&ring, key)]++;
    }
    assert_true(seen[0] > 20 && seen[1] > 20);
    ring_close(&ring);
}

static void a_ring_without_places_has_its_first_node(void **state)
{
    (void)state;
    static const int32_t weights[] = {0, -5, 0};
    struct ring ring;
    ring_open(&ring, three, weights, COUNT(three));
    assert_int_equal(ring_find(&ring, "cache:user:id:1"), 0);
    ring_close(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_murmur3),
        cmocka_unit_test(keys_lie_where_go_zero_looks_for_them),
        cmocka_unit_test(one_hash_of_two_nodes_is_shared),
        cmocka_unit_test(a_ring_without_places_has_its_first_node),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
