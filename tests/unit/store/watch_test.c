/* SPDX-License-Identifier: MIT
 *
 * Telling strangers' commits from one's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/store/watch.h"

static _Atomic uint32_t commits;

static struct watch watch_new(uint32_t at)
{
    struct watch watch;
    atomic_store(&commits, at);
    watch_init(&watch, &commits);
    return watch;
}

static bool moved(const struct watch *watch)
{
    uint32_t now;
    return watch_moved(watch, &now);
}

static void nothing_moves_by_itself(void **state)
{
    struct watch watch = watch_new(7);
    (void)state;
    assert_false(moved(&watch));
    watch_init(&watch, NULL); /* a database that does not count */
    assert_false(moved(&watch));
}

static void a_stranger_is_noticed_until_accepted(void **state)
{
    struct watch watch = watch_new(7);
    uint32_t now;
    (void)state;
    atomic_fetch_add(&commits, 1);
    assert_true(watch_moved(&watch, &now));
    assert_true(moved(&watch));
    watch_accept(&watch, now);
    assert_false(moved(&watch));
}

static void an_own_commit_is_none(void **state)
{
    struct watch watch = watch_new(UINT32_MAX); /* and wraps */
    (void)state;
    uint32_t expected = watch_expect(&watch);
    assert_false(moved(&watch));
    atomic_fetch_add(&commits, 1);
    assert_false(moved(&watch));
    watch_settle(&watch, expected, true);
    assert_false(moved(&watch));
    atomic_fetch_add(&commits, 1);
    assert_true(moved(&watch));
}

static void a_stranger_right_after_an_own_commit_is_noticed(void **state)
{
    struct watch watch = watch_new(7);
    (void)state;
    uint32_t expected = watch_expect(&watch);
    atomic_fetch_add(&commits, 2);
    assert_true(moved(&watch));
    watch_settle(&watch, expected, true);
    assert_true(moved(&watch));
}

static void a_stranger_in_place_of_a_failed_commit_is_noticed(void **state)
{
    struct watch watch = watch_new(7);
    (void)state;
    uint32_t expected = watch_expect(&watch);
    atomic_fetch_add(&commits, 1);
    watch_settle(&watch, expected, false);
    assert_true(moved(&watch));
}

static void accepting_late_only_drops_more(void **state)
{
    struct watch watch = watch_new(7);
    uint32_t now;
    (void)state;
    atomic_fetch_add(&commits, 1);
    assert_true(watch_moved(&watch, &now));
    atomic_fetch_add(&commits, 1);
    watch_accept(&watch, now);
    assert_true(moved(&watch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_moves_by_itself),
        cmocka_unit_test(an_own_commit_is_none),
        cmocka_unit_test(a_stranger_is_noticed_until_accepted),
        cmocka_unit_test(a_stranger_right_after_an_own_commit_is_noticed),
        cmocka_unit_test(a_stranger_in_place_of_a_failed_commit_is_noticed),
        cmocka_unit_test(accepting_late_only_drops_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
