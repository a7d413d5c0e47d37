/* SPDX-License-Identifier: MIT
 *
 * The arena: aligned zeroed memory until its limit, then NULL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/arena.h"

static int setup(void **state)
{
    static struct bus_arena arena;
    bus_arena_init(&arena, 1 << 20);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    bus_arena_release(*state);
    return 0;
}

/* ---- success ---- */

static void memory_is_zeroed_and_aligned(void **state)
{
    struct bus_arena *arena = *state;
    for (size_t size = 0; size < 300; size++) {
        unsigned char *at = bus_arena_alloc(arena, size);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(at[i], 0);
        memset(at, 0xAA, size); /* a later one must not see it */
    }
}

static void memory_is_zeroed_again_after_a_reset(void **state)
{
    struct bus_arena *arena = *state;
    memset(bus_arena_alloc(arena, 1000), 0xAA, 1000);
    bus_arena_reset(arena);
    assert_int_equal(arena->used, 0);
    const unsigned char *at = bus_arena_alloc(arena, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(at[i], 0);
}

static void pieces_do_not_overlap(void **state)
{
    struct bus_arena *arena = *state;
    unsigned char *pieces[100];
    for (size_t i = 0; i < 100; i++) {
        pieces[i] = bus_arena_alloc(arena, 1 + i * 37); /* over many blocks */
        memset(pieces[i], (int)i, 1 + i * 37);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t k = 0; k < 1 + i * 37; k++)
            assert_int_equal(pieces[i][k], i);
}

static void texts_are_copied(void **state)
{
    struct bus_arena *arena = *state;
    char source[] = "hello";
    const char *whole = bus_arena_text(arena, source);
    const char *part = bus_arena_text_n(arena, source, 2);
    const char *none = bus_arena_text_n(arena, NULL, 0);
    source[0] = 'x';
    assert_string_equal(whole, "hello");
    assert_string_equal(part, "he");
    assert_string_equal(none, "");
    assert_string_equal(bus_arena_printf(arena, "%s-%d", part, 7), "he-7");
}

static void one_block_outlives_a_reset(void **state)
{
    struct bus_arena *arena = *state;
    void *first = bus_arena_alloc(arena, 64);
    bus_arena_reset(arena);
    assert_ptr_equal(bus_arena_alloc(arena, 64), first);
}

static void huge_blocks_do_not_outlive_a_reset(void **state)
{
    struct bus_arena *arena = *state;
    assert_non_null(bus_arena_alloc(arena, 900 << 10));
    bus_arena_reset(arena);
    assert_null(arena->blocks);
    assert_non_null(bus_arena_alloc(arena, 900 << 10));
}

/* ---- failure ---- */

static void the_limit_gives_null(void **state)
{
    struct bus_arena small;
    (void)state;
    bus_arena_init(&small, 100);
    assert_null(bus_arena_alloc(&small, 101));
    assert_non_null(bus_arena_alloc(&small, 100)); /* all of it */
    assert_null(bus_arena_alloc(&small, 1));
    assert_null(bus_arena_text(&small, ""));
    assert_null(bus_arena_printf(&small, "%d", 1));
    bus_arena_reset(&small);
    assert_non_null(bus_arena_alloc(&small, 1));
    bus_arena_release(&small);
}

static void sizes_that_overflow_give_null(void **state)
{
    struct bus_arena *arena = *state;
    assert_null(bus_arena_array(arena, SIZE_MAX / 2, 3));
    assert_null(bus_arena_array(arena, SIZE_MAX, 1));
    assert_null(bus_arena_alloc(arena, SIZE_MAX));
    assert_null(bus_arena_text_n(arena, "", SIZE_MAX));
    assert_non_null(bus_arena_array(arena, SIZE_MAX, 0));
    struct bus_arena endless;
    bus_arena_init(&endless, SIZE_MAX);
    assert_null(bus_arena_alloc(&endless, SIZE_MAX));
    bus_arena_release(&endless);
}

static void rounding_never_passes_the_limit(void **state)
{
    struct bus_arena small;
    (void)state;
    bus_arena_init(&small, 1000);
    size_t pieces = 0;
    while (bus_arena_alloc(&small, 1))
        pieces++;
    assert_int_equal(pieces, 63); /* 16 bytes each, the last one cut short */
    assert_int_equal(small.used, 1000);
    bus_arena_release(&small);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(memory_is_zeroed_and_aligned),
        CASE(memory_is_zeroed_again_after_a_reset),
        CASE(pieces_do_not_overlap),
        CASE(texts_are_copied),
        CASE(one_block_outlives_a_reset),
        CASE(huge_blocks_do_not_outlive_a_reset),
        CASE(the_limit_gives_null),
        CASE(sizes_that_overflow_give_null),
        CASE(rounding_never_passes_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
