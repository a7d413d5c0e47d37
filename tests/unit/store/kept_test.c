/* SPDX-License-Identifier: MIT
 *
 * Things by text: found again, pushed out in order of use, taken out at last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "actors/store/kept.h"

static char things[KEPT_MAX + 1];

static const char *name(char text[16], int i)
{
    snprintf(text, 16, "text %d", i);
    return text;
}

static void fill(struct kept *kept)
{
    char text[16];
    for (int i = 0; i < KEPT_MAX; i++)
        assert_null(kept_put(kept, name(text, i), &things[i]));
}

static int empty(struct kept *kept)
{
    int count = 0;
    while (kept_take(kept))
        count++;
    return count;
}

static void what_is_kept_is_found(void **state)
{
    struct kept kept = {0};
    char text[16];
    (void)state;
    assert_null(kept_get(&kept, "text 0"));
    fill(&kept);
    for (int i = 0; i < KEPT_MAX; i++)
        assert_ptr_equal(kept_get(&kept, name(text, i)), &things[i]);
    assert_null(kept_get(&kept, "text"));
    assert_int_equal(empty(&kept), KEPT_MAX);
    assert_null(kept_get(&kept, "text 0"));
}

static void the_least_recently_used_makes_room(void **state)
{
    struct kept kept = {0};
    (void)state;
    fill(&kept);
    kept_get(&kept, "text 0");
    assert_ptr_equal(kept_put(&kept, "new", &things[KEPT_MAX]), &things[1]);
    assert_null(kept_get(&kept, "text 1"));
    assert_ptr_equal(kept_get(&kept, "text 0"), &things[0]);
    assert_ptr_equal(kept_get(&kept, "new"), &things[KEPT_MAX]);
    assert_int_equal(empty(&kept), KEPT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_found),
        cmocka_unit_test(the_least_recently_used_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
