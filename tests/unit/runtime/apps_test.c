/* SPDX-License-Identifier: MIT
 *
 * Who may call: Apps of a configuration against the App and Token of a call.
 */
#include "actors/runtime/apps.h"

#include <string.h>

#include "actors/runtime/settings.h"
#include "tests/unit/runtime/cmocka_all.h"

static const struct actor_app known[] = {{"shop", "t0ken"}, {"empty", ""}};
static const struct actor_config closed = {
    .apps = {.items = (void *)(uintptr_t)known, .count = 2}};
static const struct actor_config open_to_all;

static bool allowed(const struct actor_config *config, const char *app,
                    const char *token, const char *says)
{
    const struct bus_inbound inbound = {.meta = {.app = app, .token = token}};
    const char *sentence = "";
    bool allow = apps_allow(config, &inbound, &sentence);
    assert_string_equal(sentence, says);
    return allow;
}

static void without_apps_everybody_calls(void **state)
{
    (void)state;
    assert_true(allowed(&open_to_all, NULL, NULL, ""));
    assert_true(allowed(&open_to_all, "x", "y", ""));
}

static void a_known_app_with_its_token_calls(void **state)
{
    const struct bus_inbound inbound = {
        .meta = {.app = "shop", .token = "t0ken"}};
    const char *sentence = "";
    (void)state;
    assert_true(apps_allow(&closed, &inbound, &sentence));
}

static void all_others_are_refused(void **state)
{
    static const char *const missing = "app and token are missing";
    (void)state;
    assert_false(allowed(&closed, NULL, NULL, missing));
    assert_false(allowed(&closed, "shop", NULL, missing));
    assert_false(allowed(&closed, NULL, "t0ken", missing));
    assert_false(allowed(&closed, "shop", "", missing));
    assert_false(allowed(&closed, "empty", "", missing));
    assert_false(allowed(&closed, "shop", "t0keN", "access denied"));
    assert_false(allowed(&closed, "shop", "t0ken2", "access denied"));
    assert_false(allowed(&closed, "shop", "t0ke", "access denied"));
    assert_false(allowed(&closed, "Shop", "t0ken", "access denied"));
    assert_false(allowed(&closed, "empty", "x", "access denied"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_apps_everybody_calls),
        cmocka_unit_test(a_known_app_with_its_token_calls),
        cmocka_unit_test(all_others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
