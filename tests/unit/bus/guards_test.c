/* SPDX-License-Identifier: MIT
 *
 * The table of guards: one each, the same every time, from any thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "bus/guards.h"

#define THREADS 4
#define METHODS 500

static struct guards *guards;
static struct guard *got[THREADS][METHODS];

static void test_one_for_each_method_of_each_target(void **state)
{
    (void)state;
    guards = guards_new();
    struct guard *a = guards_get(guards, "user", "get");
    assert_non_null(a);
    assert_ptr_equal(guards_get(guards, "user", "get"), a);
    assert_ptr_not_equal(guards_get(guards, "user", "set"), a);
    assert_ptr_not_equal(guards_get(guards, "use", "rget"), a);
    guards_free(guards);
}

static void *get_all(void *arg)
{
    struct guard **mine = arg;
    for (int i = 0; i < METHODS; i++) {
        char method[32];
        snprintf(method, sizeof(method), "m%d", i);
        mine[i] = guards_get(guards, "user", method);
    }
    return NULL;
}

static void test_threads_find_the_same(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    guards = guards_new();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_all, got[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < THREADS; i++)
        for (int m = 0; m < METHODS; m++)
            assert_ptr_equal(got[i][m], got[0][m]);
    guards_free(guards);
}

static void test_past_the_limit_calls_go_unguarded(void **state)
{
    (void)state;
    guards = guards_new();
    for (int i = 0; i < GUARDS_MAX; i++) {
        char method[32];
        snprintf(method, sizeof(method), "m%d", i);
        assert_non_null(guards_get(guards, "user", method));
    }
    assert_null(guards_get(guards, "user", "another"));
    assert_non_null(guards_get(guards, "user", "m0"));
    guards_free(guards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_for_each_method_of_each_target),
        cmocka_unit_test(test_threads_find_the_same),
        cmocka_unit_test(test_past_the_limit_calls_go_unguarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
