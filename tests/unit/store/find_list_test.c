/* SPDX-License-Identifier: MIT
 *
 * Pages by number and by cursor, lists by an index, counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/store/shop.h"

/* 1a 1b 1c 2a 2b 2c, of kind 1. */
static int open_six(void **state)
{
    shop_open_plain(state);
    for (int64_t shop = 2; shop >= 1; shop--) {
        shelf_put(state, shop, "c");
        shelf_put(state, shop, "a");
        shelf_put(state, shop, "b");
    }
    return 0;
}

static void assert_codes(const struct shelf_row_list *list, const char *codes)
{
    char found[64] = "";
    for (size_t i = 0; i < list->count; i++) {
        size_t len = strlen(found);
        snprintf(found + len, sizeof(found) - len, "%s%s", i ? " " : "",
                 list->rows[i].code);
    }
    assert_string_equal(found, codes);
}

/* ---- what works ---- */

static void pages_by_number(void **state)
{
    struct shelf_row_list list;
    struct model_page page = {.size = 4};
    assert_int_equal(shelf_row_find_page(shop_read(state), &page, &list),
                     BUS_OK);
    assert_codes(&list, "1-a 1-b 1-c 2-a");
    page.page = 2;
    assert_int_equal(shelf_row_find_page(shop_read(state), &page, &list),
                     BUS_OK);
    assert_codes(&list, "2-b 2-c");
    page.descending = true;
    assert_int_equal(shelf_row_find_page(shop_read(state), &page, &list),
                     BUS_OK);
    assert_codes(&list, "1-b 1-a");
    page.page = 3;
    assert_int_equal(shelf_row_find_page(shop_read(state), &page, &list),
                     BUS_OK);
    assert_int_equal(list.count, 0);
}

static void a_cursor_goes_on_behind_its_row(void **state)
{
    struct shelf_row_list list;
    struct model_page page = {.size = 2};
    struct bus_call *call = shop_read(state);
    assert_int_equal(shelf_row_find_page_after(call, &page, NULL, &list),
                     BUS_OK);
    assert_codes(&list, "1-a 1-b");
    struct shelf_row last = list.rows[1];
    assert_int_equal(shelf_row_find_page_after(call, &page, &last, &list),
                     BUS_OK);
    assert_codes(&list, "1-c 2-a");
    last = list.rows[1];
    page.descending = true;
    assert_int_equal(shelf_row_find_page_after(call, &page, &last, &list),
                     BUS_OK);
    assert_codes(&list, "1-c 1-b");
}

/* What is deleted behind the cursor's back moves no row out of sight. */
static void a_cursor_stands_still_while_rows_go(void **state)
{
    struct shelf_row_list list;
    const struct model_page page = {.size = 2};
    const struct shelf_row last = {.shop = 1, .sku = "b"};
    struct bus_call *call = shop_write(state);
    assert_int_equal(shelf_row_delete(call, 1, "a"), BUS_OK);
    assert_int_equal(shelf_row_delete(call, 1, "b"), BUS_OK);
    shop_end(call);
    assert_int_equal(
        shelf_row_find_page_after(shop_read(state), &page, &last, &list),
        BUS_OK);
    assert_codes(&list, "1-c 2-a");
}

static void lists_by_an_index(void **state)
{
    struct shelf_row_list list;
    uint64_t count = 9;
    const struct model_page page = {.size = 1};
    struct bus_call *call = shop_write(state);
    const struct shelf_row rows[] = {{.shop = 2, .sku = "b", .kind = 5},
                                     {.shop = 1, .sku = "c", .kind = 5}};
    const struct shelf_row_columns kind = {.kind = true};
    for (int i = 0; i < 2; i++)
        assert_int_equal(shelf_row_update_columns(call, &rows[i], &kind),
                         BUS_OK);
    shop_end(call);
    call = shop_read(state);
    assert_int_equal(shelf_row_find_all_by_kind(call, 5, &list), BUS_OK);
    assert_codes(&list, "1-c 2-b");
    assert_int_equal(shelf_row_find_all_by_kind(call, 6, &list), BUS_OK);
    assert_int_equal(list.count, 0);
    assert_int_equal(shelf_row_count_by_kind(call, 1, &count), BUS_OK);
    assert_int_equal(count, 4);
    assert_int_equal(shelf_row_count(call, &count), BUS_OK);
    assert_int_equal(count, 6);
    assert_int_equal(shelf_row_find_page_by_kind(call, 5, &page, &list),
                     BUS_OK);
    assert_codes(&list, "1-c");
    const struct shelf_row last = list.rows[0];
    assert_int_equal(
        shelf_row_find_page_after_by_kind(call, 5, &page, &last, &list),
        BUS_OK);
    assert_codes(&list, "2-b");
}

static void a_column_named_page_is_a_column(void **state)
{
    struct memo_row row = {.page = 3};
    struct memo_row_list list;
    const struct model_page page = {.size = 5};
    struct bus_call *call = shop_write(state);
    assert_int_equal(memo_row_insert(call, &row), BUS_OK);
    assert_int_equal(memo_row_find_page_by_page(call, 3, &page, &list), BUS_OK);
    assert_int_equal(list.count, 1);
    shop_end(call);
}

static void decimals_stay_exact(void **state)
{
    struct shelf_row row;
    assert_int_equal(shelf_row_find_one(shop_read(state), 1, "a", &row),
                     BUS_OK);
    assert_string_equal(row.price, "900719925474099.31");
}

/* ---- what is refused ---- */

static void a_page_has_a_size(void **state)
{
    struct shelf_row_list list;
    struct model_page page = {.size = 0};
    struct bus_call *call = shop_read(state);
    assert_int_equal(shelf_row_find_page(call, &page, &list),
                     BUS_INVALID_ARGUMENT);
    page.size = MODEL_PAGE_MAX + 1;
    assert_int_equal(shelf_row_find_page_after(call, &page, NULL, &list),
                     BUS_INVALID_ARGUMENT);
}

/* More rows than a list may have. */
static void a_list_has_an_end(void **state)
{
    enum { ROWS = MODEL_ROWS_MAX + 1, PART = 1000 };
    static struct memo_row rows[PART];
    struct memo_row_list list = {.count = 9};
    for (int left = ROWS; left > 0; left -= PART) {
        struct bus_call *call = shop_write(state);
        memset(rows, 0, sizeof(rows));
        assert_int_equal(memo_row_insert_batch(
                             call, rows, left < PART ? (size_t)left : PART),
                         BUS_OK);
        shop_end(call);
    }
    struct bus_call *call = shop_read(state);
    assert_int_equal(memo_row_find_all_by_page(call, 0, &list),
                     BUS_RESOURCE_EXHAUSTED);
    assert_int_equal(list.count, 9);
}

#define SIX(test) cmocka_unit_test_setup_teardown(test, open_six, shop_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIX(pages_by_number),
        SIX(a_cursor_goes_on_behind_its_row),
        SIX(a_cursor_stands_still_while_rows_go),
        SIX(lists_by_an_index),
        SIX(a_column_named_page_is_a_column),
        SIX(decimals_stay_exact),
        SIX(a_page_has_a_size),
        SIX(a_list_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
