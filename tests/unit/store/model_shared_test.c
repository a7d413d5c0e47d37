/* SPDX-License-Identifier: MIT
 *
 * Every generated function with the cache on Redis: what it leaves there, what
 * it removes, and that what is found next is right. Both tables of shelf.sql;
 * shelf's rows lie under a key of two columns, their index entries beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store/shop.h"

#define ROW_A "cache:shelf:shop:sku:1:a"
#define ROW_B "cache:shelf:shop:sku:1:b"
#define INDEX_A "cache:shelf:code:1-a"
#define INDEX_B "cache:shelf:code:1-b"
#define INDEX_NEW "cache:shelf:code:new"

static const char *ask(void **state, const char *name, const char *key)
{
    struct shop *shop = *state;
    return redis_server_ask(&shop->server, name, key, NULL, NULL);
}

static bool has(void **state, const char *key)
{
    return atoi(ask(state, "EXISTS", key)) == 1;
}

static void assert_there(void **state, bool there, const char *one,
                         const char *other)
{
    assert_int_equal(has(state, one), there);
    assert_int_equal(has(state, other), there);
}

/* Looked for by both keys, so that Redis has what there is to have. */
static void look_both(void **state, const char *sku, int code)
{
    char text[32];
    snprintf(text, sizeof(text), "1-%s", sku);
    assert_int_equal(shelf_look(state, 1, sku), code);
    assert_int_equal(shelf_look_by_code(state, text), code);
}

/* Shelf 1-a, in the database and in Redis. */
static void cache_a(void **state)
{
    shelf_put(state, 1, "a");
    look_both(state, "a", BUS_OK);
    assert_there(state, true, ROW_A, INDEX_A);
}

/* Behind the cache's back. */
static void change_kind(void **state, int kind)
{
    const struct sql_value args[] = {sql_int(kind)};
    struct bus_call *call = shop_write(state);
    assert_int_equal(sql_exec(call, "update shelf set kind = ?", args, 1, NULL),
                     BUS_OK);
    shop_end(call);
}

static int kind_of(void **state, const char *sku)
{
    struct shelf_row row;
    assert_int_equal(shelf_row_find_one(shop_read(state), 1, sku, &row),
                     BUS_OK);
    return row.kind;
}

static int kind_by_code(void **state, const char *code)
{
    struct shelf_row row;
    assert_int_equal(shelf_row_find_one_by_code(shop_read(state), code, &row),
                     BUS_OK);
    return row.kind;
}

/* ---- reading ---- */

static void rows_and_their_index_are_found_in_redis(void **state)
{
    cache_a(state);
    assert_string_equal(ask(state, "GET", INDEX_A),
                        "{\"shop\":1,\"sku\":\"a\"}");
    assert_non_null(
        strstr(ask(state, "GET", ROW_A), "\"Price\":\"900719925474099.31\""));
    change_kind(state, 7);
    assert_int_equal(kind_of(state, "a"), 1);
    assert_int_equal(kind_by_code(state, "1-a"), 1);
    ask(state, "DEL", ROW_A);
    assert_int_equal(kind_by_code(state, "1-a"), 7); /* by the index alone */
    assert_there(state, true, ROW_A, INDEX_A);
}

static void a_wrong_index_entry_is_replaced(void **state)
{
    static const char other[] = "{\"shop\":9,\"sku\":\"a\"}";
    const char *const wrong[] = {"1", "{\"shop\":1}", other, "[1,\"a\"]"};
    struct shop *shop = *state;
    cache_a(state);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        redis_server_ask(&shop->server, "SET", INDEX_A, wrong[i], NULL);
        assert_int_equal(kind_by_code(state, "1-a"), 1);
        assert_string_not_equal(ask(state, "GET", INDEX_A), wrong[i]);
    }
}

static void what_is_not_there_has_placeholders(void **state)
{
    look_both(state, "b", BUS_NOT_FOUND);
    assert_string_equal(ask(state, "GET", ROW_B), "*");
    assert_string_equal(ask(state, "GET", INDEX_B), "*");
    assert_in_range(atoi(ask(state, "TTL", ROW_B)), 50, 63);
}

static void for_update_asks_the_database_and_fills_nothing(void **state)
{
    struct shelf_row row;
    cache_a(state);
    change_kind(state, 7);
    struct bus_call *call = shop_write(state);
    assert_int_equal(shelf_row_find_one_for_update(call, 1, "a", &row), BUS_OK);
    assert_int_equal(row.kind, 7);
    shop_end(call);
    ask(state, "DEL", ROW_A);
    call = shop_write(state);
    assert_int_equal(shelf_row_find_one_for_update(call, 1, "a", &row), BUS_OK);
    shop_end(call);
    assert_false(has(state, ROW_A));
}

static void assert_list(int code, const struct shelf_row_list *list)
{
    assert_int_equal(code, BUS_OK);
    assert_int_equal(list->count, 1);
    assert_int_equal(list->rows[0].kind, 7);
}

static void lists_and_counts_are_the_databases(void **state)
{
    const struct model_page page = {.size = 10, .page = 1};
    const struct shelf_row before = {.shop = 0, .sku = "", .kind = 7};
    struct shelf_row_list list;
    uint64_t count = 0;
    cache_a(state);
    change_kind(state, 7);
    int entries = atoi(ask(state, "DBSIZE", NULL));
    assert_list(shelf_row_find_page(shop_read(state), &page, &list), &list);
    assert_list(
        shelf_row_find_page_after(shop_read(state), &page, &before, &list),
        &list);
    assert_list(shelf_row_find_all_by_kind(shop_read(state), 7, &list), &list);
    assert_list(shelf_row_find_page_by_kind(shop_read(state), 7, &page, &list),
                &list);
    assert_list(shelf_row_find_page_after_by_kind(shop_read(state), 7, &page,
                                                  &before, &list),
                &list);
    assert_int_equal(shelf_row_count(shop_read(state), &count), BUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(shelf_row_count_by_kind(shop_read(state), 1, &count),
                     BUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(atoi(ask(state, "DBSIZE", NULL)), entries);
}

/* As a model without -c has it. */
static void a_table_that_is_not_cached_leaves_nothing(void **state)
{
    struct shop *shop = *state;
    struct model_table plain = shelf_row_table;
    const struct model_table *const tables[] = {&plain, NULL};
    const struct store_node node = {.host = shop->server.socket, .weight = 100};
    const struct store_options options = {.source = shop->world.source,
                                          .tables = tables,
                                          .clock = &bus_clock_system,
                                          .nodes = &node,
                                          .node_count = 1};
    const struct shelf_row probe = {.shop = 1, .sku = "a", .code = "1-a"};
    struct store_shared *shared = NULL;
    struct bus_error err;
    struct worker worker;
    struct shelf_row row;
    cache_a(state);
    ask(state, "FLUSHALL", NULL);
    plain.cached = false;
    assert_int_equal(store_shared_open(&options, &shared, &err), BUS_OK);
    worker_open(&worker, shared);
    struct bus_call *call = worker_call(&worker, &person_read_method);
    assert_int_equal(model_find(call, &plain, &plain.primary, &probe, &row),
                     BUS_OK);
    assert_int_equal(model_find(call, &plain, &plain.unique[0], &probe, &row),
                     BUS_OK);
    assert_int_equal(atoi(ask(state, "DBSIZE", NULL)), 0);
    call = worker_call(&worker, &person_write_method);
    row.kind = 7;
    assert_int_equal(model_update(call, &plain, &row), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    assert_int_equal(atoi(ask(state, "DBSIZE", NULL)), 0);
    worker_close(&worker);
    store_shared_close(shared);
}

/* ---- writing ---- */

static void an_insert_removes_placeholders(void **state)
{
    look_both(state, "b", BUS_NOT_FOUND);
    shelf_put(state, 1, "b");
    assert_there(state, false, ROW_B, INDEX_B);
    look_both(state, "b", BUS_OK);
}

static void a_batch_removes_placeholders(void **state)
{
    look_both(state, "a", BUS_NOT_FOUND);
    look_both(state, "b", BUS_NOT_FOUND);
    struct bus_call *call = shop_write(state);
    struct shelf_row rows[] = {shelf_make(call, 1, "a"),
                               shelf_make(call, 1, "b")};
    assert_int_equal(shelf_row_insert_batch(call, rows, 2), BUS_OK);
    assert_there(state, true, ROW_A, INDEX_B); /* until the commit */
    shop_end(call);
    assert_there(state, false, ROW_A, INDEX_A);
    assert_there(state, false, ROW_B, INDEX_B);
    look_both(state, "a", BUS_OK);
    look_both(state, "b", BUS_OK);
}

/* What a writer does to shelf 1-a, whose code becomes "new". */
typedef int write_new(struct bus_call *call);

static int update_all(struct bus_call *call)
{
    struct shelf_row row = shelf_make(call, 1, "a");
    row.code = "new";
    row.kind = 7;
    return shelf_row_update(call, &row);
}

static int update_some(struct bus_call *call)
{
    const struct shelf_row row = {
        .shop = 1, .sku = "a", .code = "new", .kind = 7};
    return shelf_row_update_columns(
        call, &row, &(struct shelf_row_columns){.code = true, .kind = true});
}

static int update_known(struct bus_call *call)
{
    struct shelf_row row = shelf_make(call, 1, "a");
    row.code = "new";
    row.kind = 7;
    return shelf_row_update_version(call, &row);
}

/* Keys of the row, of its old code and of its new one, which was looked for. */
static void moves(void **state, write_new *run)
{
    cache_a(state);
    assert_int_equal(shelf_look_by_code(state, "new"), BUS_NOT_FOUND);
    struct bus_call *call = shop_write(state);
    assert_int_equal(run(call), BUS_OK);
    assert_there(state, true, ROW_A, INDEX_NEW); /* until the commit */
    shop_end(call);
    assert_there(state, false, ROW_A, INDEX_A);
    assert_false(has(state, INDEX_NEW));
    assert_int_equal(kind_by_code(state, "new"), 7);
    assert_int_equal(kind_of(state, "a"), 7);
    assert_int_equal(shelf_look_by_code(state, "1-a"), BUS_NOT_FOUND);
}

static void an_update_removes_old_and_new_keys(void **state)
{
    moves(state, update_all);
}

static void named_columns_remove_old_and_new_keys(void **state)
{
    moves(state, update_some);
}

static void a_known_version_removes_old_and_new_keys(void **state)
{
    moves(state, update_known);
}

static void what_is_refused_removes_nothing(void **state)
{
    cache_a(state);
    struct bus_call *call = shop_write(state);
    struct shelf_row row = shelf_make(call, 1, "a");
    row.version = 5;
    assert_int_equal(shelf_row_update_version(call, &row), BUS_ABORTED);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_there(state, true, ROW_A, INDEX_A);
}

static void a_marked_row_is_not_found(void **state)
{
    cache_a(state);
    struct bus_call *call = shop_write(state);
    assert_int_equal(shelf_row_delete_soft(call, 1, "a"), BUS_OK);
    shop_end(call);
    assert_there(state, false, ROW_A, INDEX_A);
    for (int i = 0; i < 2; i++) /* from the database, then from Redis */
        look_both(state, "a", BUS_NOT_FOUND);
    /* as a Go service beside us would have it: with its mark */
    assert_non_null(strstr(ask(state, "GET", ROW_A), "\"DelState\":1"));
}

static void a_deleted_row_is_not_found(void **state)
{
    cache_a(state);
    struct bus_call *call = shop_write(state);
    assert_int_equal(shelf_row_delete(call, 1, "a"), BUS_OK);
    shop_end(call);
    assert_there(state, false, ROW_A, INDEX_A);
    look_both(state, "a", BUS_NOT_FOUND);
}

/* ---- a key that the database chooses ---- */

static const char *memo_key(char key[32], int64_t id)
{
    snprintf(key, 32, "cache:memo:id:%lld", (long long)id);
    return key;
}

static int memo_page(void **state, int64_t id)
{
    char key[32];
    struct memo_row row;
    int code = memo_row_find_one(shop_read(state), id, &row);
    assert_true(has(state, memo_key(key, id)));
    return code == BUS_OK ? row.page : -code;
}

static void assert_forgotten(void **state, int64_t id)
{
    char key[32];
    assert_false(has(state, memo_key(key, id)));
}

static void chosen_keys_too(void **state)
{
    struct memo_row rows[2] = {{.page = 1}, {.page = 1}};
    assert_int_equal(memo_page(state, 1), -BUS_NOT_FOUND);
    assert_int_equal(memo_page(state, 2), -BUS_NOT_FOUND);
    struct bus_call *call = shop_write(state);
    assert_int_equal(memo_row_insert_batch(call, rows, 2), BUS_OK);
    shop_end(call);
    assert_int_equal(rows[1].id, 2);
    assert_forgotten(state, 1);
    assert_forgotten(state, 2);
    assert_int_equal(memo_page(state, 1), 1);
    call = shop_write(state);
    rows[0].page = 2;
    assert_int_equal(memo_row_update(call, &rows[0]), BUS_OK);
    shop_end(call);
    assert_forgotten(state, 1);
    assert_int_equal(memo_page(state, 1), 2);
    call = shop_write(state);
    rows[0].page = 3;
    assert_int_equal(
        memo_row_update_columns(call, &rows[0],
                                &(struct memo_row_columns){.page = true}),
        BUS_OK);
    shop_end(call);
    assert_forgotten(state, 1);
    assert_int_equal(memo_page(state, 1), 3);
    call = shop_write(state);
    assert_int_equal(memo_row_delete_soft(call, 1), BUS_OK);
    shop_end(call);
    assert_forgotten(state, 1);
    assert_int_equal(memo_page(state, 1), -BUS_NOT_FOUND);
    assert_int_equal(memo_page(state, 2), 1);
    call = shop_write(state);
    assert_int_equal(memo_row_delete(call, 2), BUS_OK);
    shop_end(call);
    assert_forgotten(state, 2);
    assert_int_equal(memo_page(state, 2), -BUS_NOT_FOUND);
}

#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, shop_open_shared, shop_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rows_and_their_index_are_found_in_redis),
        T(a_wrong_index_entry_is_replaced),
        T(what_is_not_there_has_placeholders),
        T(for_update_asks_the_database_and_fills_nothing),
        T(lists_and_counts_are_the_databases),
        T(a_table_that_is_not_cached_leaves_nothing),
        T(an_insert_removes_placeholders),
        T(a_batch_removes_placeholders),
        T(an_update_removes_old_and_new_keys),
        T(named_columns_remove_old_and_new_keys),
        T(a_known_version_removes_old_and_new_keys),
        T(what_is_refused_removes_nothing),
        T(a_marked_row_is_not_found),
        T(a_deleted_row_is_not_found),
        T(chosen_keys_too),
    };
    return redis_server_wanted() ? cmocka_run_group_tests(tests, NULL, NULL)
                                 : 0;
}
