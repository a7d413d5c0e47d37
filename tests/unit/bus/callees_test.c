/* SPDX-License-Identifier: MIT
 *
 * The table of callees: one each, the same every time, from any thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "bus/callees.h"

#define THREADS 4
#define METHODS 500

static struct callees *callees;
static struct callee *got[THREADS][METHODS];

static void test_one_for_each_method_of_each_target(void **state)
{
    (void)state;
    callees = callees_new();
    struct callee *a = callees_get(callees, "user", "get");
    assert_non_null(a);
    assert_ptr_equal(callees_get(callees, "user", "get"), a);
    assert_ptr_not_equal(callees_get(callees, "user", "set"), a);
    assert_ptr_not_equal(callees_get(callees, "use", "rget"), a);
    callees_free(callees);
}

static void *get_all(void *arg)
{
    struct callee **mine = arg;
    for (int i = 0; i < METHODS; i++) {
        char method[32];
        snprintf(method, sizeof(method), "m%d", i);
        mine[i] = callees_get(callees, "user", method);
    }
    return NULL;
}

static void test_threads_find_the_same(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    callees = callees_new();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_all, got[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < THREADS; i++)
        for (int m = 0; m < METHODS; m++)
            assert_ptr_equal(got[i][m], got[0][m]);
    callees_free(callees);
}

static void test_a_target_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *actor, *instance, *node;
    } cases[] = {
        {"user", "user", NULL, NULL},
        {"user#3", "user", "3", NULL},
        {"user@n2", "user", NULL, "n2"},
        {"user#3@n2", "user", "3", "n2"},
    };
    callees = callees_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct callee *callee = callees_get(callees, cases[i].text, "get");
        assert_true(callee->valid);
        assert_string_equal(callee->target.actor, cases[i].actor);
        assert_int_equal(!callee->target.instance, !cases[i].instance);
        assert_int_equal(!callee->target.node, !cases[i].node);
        if (cases[i].instance)
            assert_string_equal(callee->target.instance, cases[i].instance);
        if (cases[i].node)
            assert_string_equal(callee->target.node, cases[i].node);
    }
    static const char *const none[] = {"", "#3", "user#", "user@", "a b"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(callees_get(callees, none[i], "get")->valid);
    callees_free(callees);
}

static void test_past_the_limit_one_lasts_for_a_call(void **state)
{
    (void)state;
    callees = callees_new();
    for (int i = 0; i < CALLEES_MAX; i++) {
        char method[32];
        snprintf(method, sizeof(method), "m%d", i);
        callee_drop(callees_get(callees, "user", method));
    }
    struct callee *more = callees_get(callees, "user", "another");
    assert_true(more->valid);
    assert_false(more->kept);
    callee_drop(more);
    assert_true(callees_get(callees, "user", "m0")->kept);
    callees_free(callees);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_for_each_method_of_each_target),
        cmocka_unit_test(test_threads_find_the_same),
        cmocka_unit_test(test_a_target_taken_apart),
        cmocka_unit_test(test_past_the_limit_one_lasts_for_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
