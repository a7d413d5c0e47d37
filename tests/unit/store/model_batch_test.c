/* SPDX-License-Identifier: MIT
 *
 * Many rows at once: more than a statement takes, with keys that the database
 * chooses, the caller's, and both in turns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/store/shop.h"

#define MANY 600

static void every_row_has_the_key_it_was_given(void **state)
{
    static struct memo_row rows[MANY];
    static char texts[MANY][8];
    struct bus_call *call = shop_write(state);
    uint64_t count = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%d", i);
        rows[i] = (struct memo_row){.text = texts[i], .has_text = true};
    }
    assert_int_equal(memo_row_insert_batch(call, rows, MANY), BUS_OK);
    shop_end(call);
    assert_int_equal(memo_row_count(shop_read(state), &count), BUS_OK);
    assert_int_equal(count, MANY);
    for (int i = 0; i < MANY; i += 37) {
        struct memo_row found;
        assert_int_equal(
            memo_row_find_one(shop_read(state), rows[i].id, &found), BUS_OK);
        assert_string_equal(found.text, texts[i]);
    }
}

static void chosen_and_given_keys_mix(void **state)
{
    struct memo_row rows[] = {{.page = 1}, {.page = 2}, {.id = 50, .page = 3},
                              {.page = 4}, {.page = 5}, {.id = 90, .page = 6}};
    struct bus_call *call = shop_write(state);
    assert_int_equal(memo_row_insert_batch(call, rows, 6), BUS_OK);
    shop_end(call);
    for (int i = 0; i < 6; i++) {
        struct memo_row found;
        assert_int_equal(
            memo_row_find_one(shop_read(state), rows[i].id, &found), BUS_OK);
        assert_int_equal(found.page, i + 1);
    }
}

/* "There is no such row" is in the cache when the row comes. */
static void absent_rows_are_found_once_they_came(void **state)
{
    assert_int_equal(shelf_look(state, 1, "a"), BUS_NOT_FOUND);
    assert_int_equal(shelf_look_by_code(state, "1-b"), BUS_NOT_FOUND);
    struct memo_row memo;
    assert_int_equal(memo_row_find_one(shop_read(state), 1, &memo),
                     BUS_NOT_FOUND);
    struct bus_call *call = shop_write(state);
    struct shelf_row rows[] = {shelf_make(call, 1, "a"),
                               shelf_make(call, 1, "b")};
    struct memo_row memos[] = {{.page = 1}, {.page = 2}};
    assert_int_equal(shelf_row_insert_batch(call, rows, 2), BUS_OK);
    assert_int_equal(memo_row_insert_batch(call, memos, 2), BUS_OK);
    shop_end(call);
    assert_int_equal(shelf_look(state, 1, "a"), BUS_OK);
    assert_int_equal(shelf_look_by_code(state, "1-b"), BUS_OK);
    assert_int_equal(memo_row_find_one(shop_read(state), 1, &memo), BUS_OK);
}

static void no_rows_are_no_error(void **state)
{
    struct bus_call *call = shop_write(state);
    assert_int_equal(memo_row_insert_batch(call, NULL, 0), BUS_OK);
    shop_end(call);
}

static void duplicate_is_refused(void **state)
{
    uint64_t count = 9;
    struct bus_call *call = shop_write(state);
    struct shelf_row rows[] = {shelf_make(call, 1, "a"),
                               shelf_make(call, 1, "a")};
    assert_int_equal(shelf_row_insert_batch(call, rows, 2), BUS_ALREADY_EXISTS);
    call_end(call, BUS_ALREADY_EXISTS);
    assert_int_equal(shelf_row_count(shop_read(state), &count), BUS_OK);
    assert_int_equal(count, 0);
}

static void reading_method_may_not_insert(void **state)
{
    struct memo_row row = {0};
    assert_int_equal(memo_row_insert_batch(shop_read(state), &row, 1),
                     BUS_INTERNAL);
}

#define BOTH(test)                                                             \
    cmocka_unit_test_setup_teardown(test, shop_open_plain, shop_close),        \
        cmocka_unit_test_setup_teardown(test, shop_open_cached, shop_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(every_row_has_the_key_it_was_given),
        BOTH(chosen_and_given_keys_mix),
        BOTH(absent_rows_are_found_once_they_came),
        BOTH(no_rows_are_no_error),
        BOTH(duplicate_is_refused),
        BOTH(reading_method_may_not_insert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
