/* SPDX-License-Identifier: MIT
 *
 * Rows of the outbox come and go with the call's transaction, and a relay's
 * side of it, on SQLite or where TROUPE_TEST_MYSQL names a server there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "actors/store/outbox.h"
#include "tests/unit/store/fixture.h"

static struct world world;
static struct worker worker;
static struct outbox *outbox;
static struct bus_arena arena;
static struct bus_error err;

static int set_up(void **state)
{
    (void)state;
    world_open(&world, true);
    worker_open(&worker, world.shared);
    outbox = outbox_open(world.shared);
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_arena_release(&arena);
    outbox_close(outbox);
    worker_close(&worker);
    world_close(&world);
    return 0;
}

static int put(struct bus_call *call, const char *key)
{
    static const uint8_t body[] = {0x81, 0xa1, 0, 0xc0};
    const struct outbox_row row = {.event = "0123456789abcdef0123456789abcdef",
                                   .topic = "a.b",
                                   .key = key,
                                   .trace = "t",
                                   .time = 1234567,
                                   .body = {body, sizeof(body)}};
    return outbox_put(call, &row);
}

static struct bus_call *begin(void)
{
    struct bus_call *call = worker_call(&worker, &person_write_method);
    call_begin(call);
    return call;
}

static void put_committed(const char *key)
{
    struct bus_call *call = begin();
    assert_int_equal(put(call, key), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

static struct bus_list rows(void)
{
    struct bus_list list = {0};
    assert_int_equal(outbox_read(outbox, &arena, &list, &err), BUS_OK);
    return list;
}

static const struct outbox_row *row(const struct bus_list *list, size_t index)
{
    return (const struct outbox_row *)list->items + index;
}

static void a_committed_row_is_read_and_deleted(void **state)
{
    (void)state;
    put_committed("one");
    put_committed("two");
    struct bus_list list = rows();
    assert_int_equal(list.count, 2);
    assert_string_equal(row(&list, 0)->key, "one");
    assert_string_equal(row(&list, 1)->key, "two");
    assert_string_equal(row(&list, 0)->event,
                        "0123456789abcdef0123456789abcdef");
    assert_string_equal(row(&list, 0)->topic, "a.b");
    assert_string_equal(row(&list, 0)->trace, "t");
    assert_int_equal(row(&list, 0)->time, 1234567);
    assert_int_equal(row(&list, 0)->body.len, 4);
    assert_memory_equal(row(&list, 0)->body.data, "\x81\xa1\0\xc0", 4);
    put_committed("three");
    assert_int_equal(outbox_delete(outbox, &list, &err), BUS_OK);
    list = rows();
    assert_int_equal(list.count, 1);
    assert_string_equal(row(&list, 0)->key, "three");
}

static void a_batch_is_bounded_and_counted(void **state)
{
    (void)state;
    struct bus_call *call = begin();
    for (int i = 0; i < OUTBOX_BATCH + 5; i++)
        assert_int_equal(put(call, "k"), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    struct bus_list list = rows();
    uint64_t count = 0;
    assert_int_equal(list.count, OUTBOX_BATCH);
    assert_int_equal(outbox_count(outbox, &count, &err), BUS_OK);
    assert_int_equal(count, OUTBOX_BATCH + 5);
    assert_int_equal(outbox_delete(outbox, &list, &err), BUS_OK);
    assert_int_equal(rows().count, 5);
}

static void the_lease_is_one_owners(void **state)
{
    (void)state;
    const int64_t now = INT64_C(1700000000000000), lease = OUTBOX_LEASE / 1000;
    bool held = false;
    assert_int_equal(outbox_lease(outbox, "a", now, &held, &err), BUS_OK);
    assert_true(held);
    outbox_lease(outbox, "b", now + lease, &held, &err);
    assert_false(held);
    outbox_lease(outbox, "a", now + lease, &held, &err);
    assert_true(held);
    outbox_lease(outbox, "b", now + 2 * lease + 1, &held, &err);
    assert_true(held);
    outbox_lease(outbox, "a", now + 2 * lease + 2, &held, &err);
    assert_false(held);
    outbox_lease(outbox, "a", now - 100 * lease, &held, &err);
    assert_true(held); /* under another clock */
}

static void what_is_cached_outlives_the_relay(void **state)
{
    (void)state;
    struct store_stats before, after;
    struct person person = person_make(77, "n77");
    struct bus_call *call = begin();
    assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    assert_int_equal(put(call, "k"), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    call = worker_call(&worker, &person_read_method);
    assert_int_equal(person_find(call, 77, &person), BUS_OK);
    struct bus_list list = rows();
    bool held;
    assert_int_equal(outbox_lease(outbox, "a", 1, &held, &err), BUS_OK);
    assert_int_equal(outbox_delete(outbox, &list, &err), BUS_OK);
    store_stats(world.shared, &before);
    call = worker_call(&worker, &person_read_method);
    assert_int_equal(person_find(call, 77, &person), BUS_OK);
    store_stats(world.shared, &after);
    if (after.cached)
        assert_int_equal(after.hits, before.hits + 1);
}

static void what_is_rolled_back_was_never_there(void **state)
{
    (void)state;
    struct bus_call *call = begin();
    assert_int_equal(put(call, "k"), BUS_OK);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_int_equal(rows().count, 0);
    call = worker_step(&worker, "g", "action");
    call_begin(call);
    assert_int_equal(put(call, "k"), BUS_OK);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_int_equal(rows().count, 0);
}

static int put_and_fail(struct bus_call *call, void *arg)
{
    int code = put(call, "inside");
    return code ? code : *(int *)arg;
}

static void a_transaction_of_ones_own_ends_by_itself(void **state)
{
    (void)state;
    int outcome = BUS_ABORTED;
    struct bus_call *call = begin();
    assert_int_equal(sql_transact(call, put_and_fail, &outcome), BUS_ABORTED);
    outcome = BUS_OK;
    assert_int_equal(sql_transact(call, put_and_fail, &outcome), BUS_OK);
    assert_int_equal(call_end(call, BUS_ABORTED), BUS_ABORTED);
    assert_int_equal(rows().count, 1);
}

static void without_a_store_it_is_refused(void **state)
{
    (void)state;
    struct bus_call *call = worker_call(&worker, &person_write_method);
    call->store = NULL;
    assert_int_equal(put(call, "k"), BUS_FAILED_PRECONDITION);
    call = worker_call(&worker, &person_read_method);
    call_begin(call);
    assert_int_equal(put(call, "k"), BUS_INTERNAL);
    call_end(call, BUS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_committed_row_is_read_and_deleted),
        TEST(a_batch_is_bounded_and_counted),
        TEST(the_lease_is_one_owners),
        TEST(what_is_cached_outlives_the_relay),
        TEST(what_is_rolled_back_was_never_there),
        TEST(a_transaction_of_ones_own_ends_by_itself),
        TEST(without_a_store_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
