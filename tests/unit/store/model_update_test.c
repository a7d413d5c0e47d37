/* SPDX-License-Identifier: MIT
 *
 * Updates of named columns and of a known version, and rows marked as deleted,
 * without and with the cache.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/store/shop.h"

/* ---- what works ---- */

static void only_named_columns_are_written(void **state)
{
    shelf_put(state, 1, "a");
    assert_int_equal(shelf_look(state, 1, "a"), BUS_OK);
    struct bus_call *call = shop_write(state);
    const struct shelf_row row = {
        .shop = 1, .sku = "a", .kind = 7, .price = "0.10", .code = "no"};
    assert_int_equal(shelf_row_update_columns(call, &row,
                                              &(struct shelf_row_columns){
                                                  .kind = true, .price = true}),
                     BUS_OK);
    shop_end(call);
    struct shelf_row found;
    assert_int_equal(
        shelf_row_find_one_by_code(shop_read(state), "1-a", &found), BUS_OK);
    assert_int_equal(found.kind, 7);
    assert_string_equal(found.price, "0.10");
    assert_int_equal(found.version, 1);
}

static void named_unique_column_moves_the_key(void **state)
{
    shelf_put(state, 1, "a");
    assert_int_equal(shelf_look_by_code(state, "1-a"), BUS_OK);
    assert_int_equal(shelf_look_by_code(state, "new"), BUS_NOT_FOUND);
    struct bus_call *call = shop_write(state);
    const struct shelf_row row = {.shop = 1, .sku = "a", .code = "new"};
    assert_int_equal(shelf_row_update_columns(
                         call, &row, &(struct shelf_row_columns){.code = true}),
                     BUS_OK);
    shop_end(call);
    assert_int_equal(shelf_look_by_code(state, "1-a"), BUS_NOT_FOUND);
    assert_int_equal(shelf_look_by_code(state, "new"), BUS_OK);
}

static void the_version_that_was_read_is_updated(void **state)
{
    shelf_put(state, 1, "a");
    struct bus_call *call = shop_write(state);
    struct shelf_row row;
    assert_int_equal(shelf_row_find_one_for_update(call, 1, "a", &row), BUS_OK);
    row.kind = 2;
    assert_int_equal(shelf_row_update_version(call, &row), BUS_OK);
    assert_int_equal(row.version, 1);
    row.kind = 3;
    assert_int_equal(shelf_row_update_version(call, &row), BUS_OK);
    assert_int_equal(row.version, 2);
    shop_end(call);
    assert_int_equal(shelf_row_find_one(shop_read(state), 1, "a", &row),
                     BUS_OK);
    assert_int_equal(row.kind, 3);
    assert_int_equal(row.version, 2);
}

static void marked_row_is_there_and_not_found(void **state)
{
    struct shop *shop = *state;
    uint64_t count = 9;
    struct shelf_row_list list;
    shelf_put(state, 1, "a");
    shelf_put(state, 1, "b");
    assert_int_equal(shelf_look_by_code(state, "1-a"), BUS_OK);
    struct bus_call *call = shop_write(state);
    assert_int_equal(shelf_row_delete_soft(call, 1, "a"), BUS_OK);
    shop_end(call);
    for (int i = 0; i < 2; i++) { /* from the database, then from the cache */
        assert_int_equal(shelf_look(state, 1, "a"), BUS_NOT_FOUND);
        assert_int_equal(shelf_look_by_code(state, "1-a"), BUS_NOT_FOUND);
    }
    assert_int_equal(shelf_row_count(shop_read(state), &count), BUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(shelf_row_find_all_by_kind(shop_read(state), 1, &list),
                     BUS_OK);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.rows[0].sku, "b");
    struct world world = shop->world;
    world.shared = shop->shared;
    assert_int_equal(world_count(&world, "shelf"), 2);
}

static void a_time_alone_marks_a_row(void **state)
{
    struct memo_row row = {.page = 1};
    struct bus_call *call = shop_write(state);
    assert_int_equal(memo_row_insert(call, &row), BUS_OK);
    assert_int_equal(memo_row_find_one(call, row.id, &row), BUS_OK);
    assert_false(row.has_deleted_at);
    assert_int_equal(memo_row_delete_soft(call, row.id), BUS_OK);
    assert_int_equal(memo_row_find_one(call, row.id, &row), BUS_NOT_FOUND);
    shop_end(call);
    assert_int_equal(memo_row_find_one(shop_read(state), row.id, &row),
                     BUS_NOT_FOUND);
}

static void marked_row_can_still_be_deleted(void **state)
{
    shelf_put(state, 1, "a");
    struct bus_call *call = shop_write(state);
    assert_int_equal(shelf_row_delete_soft(call, 1, "a"), BUS_OK);
    assert_int_equal(shelf_row_delete(call, 1, "a"), BUS_OK);
    struct shelf_row row = shelf_make(call, 1, "a");
    assert_int_equal(shelf_row_insert(call, &row), BUS_OK);
    shop_end(call);
    assert_int_equal(shelf_look(state, 1, "a"), BUS_OK);
}

/* ---- what is refused ---- */

static void another_version_is_a_conflict(void **state)
{
    shelf_put(state, 1, "a");
    struct bus_call *call = shop_write(state);
    struct shelf_row row = shelf_make(call, 1, "a");
    row.version = 5;
    assert_int_equal(shelf_row_update_version(call, &row), BUS_ABORTED);
    assert_string_equal(call->error.reason, MODEL_CONFLICT);
    assert_int_equal(row.version, 5);
    row.sku = "b";
    assert_int_equal(shelf_row_update_version(call, &row), BUS_NOT_FOUND);
    call_end(call, BUS_ABORTED);
}

static void primary_key_stays(void **state)
{
    shelf_put(state, 1, "a");
    struct bus_call *call = shop_write(state);
    const struct shelf_row row = {.shop = 1, .sku = "a"};
    assert_int_equal(shelf_row_update_columns(
                         call, &row, &(struct shelf_row_columns){.shop = true}),
                     BUS_INVALID_ARGUMENT);
    call_end(call, BUS_INVALID_ARGUMENT);
}

static void marked_row_is_not_updated(void **state)
{
    shelf_put(state, 1, "a");
    struct bus_call *call = shop_write(state);
    struct shelf_row row = shelf_make(call, 1, "a");
    const struct shelf_row_columns kind = {.kind = true};
    assert_int_equal(shelf_row_delete_soft(call, 1, "a"), BUS_OK);
    row.version = 1; /* marking counts it on */
    assert_int_equal(shelf_row_update(call, &row), BUS_NOT_FOUND);
    assert_int_equal(shelf_row_update_columns(call, &row, &kind),
                     BUS_NOT_FOUND);
    assert_int_equal(shelf_row_update_version(call, &row), BUS_NOT_FOUND);
    assert_int_equal(shelf_row_delete_soft(call, 1, "a"), BUS_NOT_FOUND);
    assert_int_equal(shelf_row_find_one_for_update(call, 1, "a", &row),
                     BUS_NOT_FOUND);
    shop_end(call);
}

static void a_column_has_to_be_there_for_it(void **state)
{
    struct bus_call *call = shop_write(state);
    struct person person = person_make(1, "1");
    assert_int_equal(model_update_version(call, &person_table, &person),
                     BUS_INTERNAL);
    assert_int_equal(model_delete_soft(call, &person_table, &person),
                     BUS_INTERNAL);
    call_end(call, BUS_INTERNAL);
}

static void reading_method_may_not_lock(void **state)
{
    struct shelf_row row;
    assert_int_equal(
        shelf_row_find_one_for_update(shop_read(state), 1, "a", &row),
        BUS_INTERNAL);
}

static void nothing_named_changes_nothing(void **state)
{
    struct memo_row row = {.page = 1};
    const struct memo_row_columns none = {0};
    struct bus_call *call = shop_write(state);
    assert_int_equal(memo_row_insert(call, &row), BUS_OK);
    row.page = 2;
    assert_int_equal(memo_row_update_columns(call, &row, &none), BUS_OK);
    assert_int_equal(memo_row_find_one(call, row.id, &row), BUS_OK);
    assert_int_equal(row.page, 1);
    row.id++;
    assert_int_equal(memo_row_update_columns(call, &row, &none), BUS_NOT_FOUND);
    shop_end(call);
}

#define PLAIN(test)                                                            \
    cmocka_unit_test_setup_teardown(test, shop_open_plain, shop_close)
#define BOTH(test)                                                             \
    PLAIN(test),                                                               \
        cmocka_unit_test_setup_teardown(test, shop_open_cached, shop_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(only_named_columns_are_written),
        BOTH(named_unique_column_moves_the_key),
        BOTH(the_version_that_was_read_is_updated),
        BOTH(marked_row_is_there_and_not_found),
        BOTH(a_time_alone_marks_a_row),
        BOTH(marked_row_can_still_be_deleted),
        BOTH(another_version_is_a_conflict),
        PLAIN(primary_key_stays),
        BOTH(marked_row_is_not_updated),
        PLAIN(a_column_has_to_be_there_for_it),
        PLAIN(reading_method_may_not_lock),
        PLAIN(nothing_named_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
