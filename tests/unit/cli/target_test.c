/* SPDX-License-Identifier: MIT
 *
 * Where a word leads, and what is filled into a request's template.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bus/cli/describe.h"

static struct cli cli;

static int set_up(void **state)
{
    (void)state;
    bus_arena_init(&cli.arena, BUS_ARENA_LIMIT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_arena_release(&cli.arena);
    return 0;
}

static void leads(const char *word, const char *actor, const char *to,
                  const char *method)
{
    struct cli_target target;
    struct bus_error err;
    assert_int_equal(cli_target(&cli, word, false, &target, &err), BUS_OK);
    assert_string_equal(target.actor, actor);
    assert_string_equal(target.to, to);
    if (method)
        assert_string_equal(target.method, method);
    else
        assert_null(target.method);
}

static void words_that_lead_somewhere(void **state)
{
    (void)state;
    leads("user.getUser", "user", "user", "getUser");
    leads("user#3.getUser", "user", "user#3", "getUser");
    leads("user@n2.getUser", "user", "user@n2", "getUser");
    leads("user-api.login", "user-api", "user-api", "login");
    leads("user", "user", "user", NULL);
    leads("user#3", "user", "user#3", NULL);
    leads("/user.User/getUser", "user", "user", "/user.User/getUser");
    leads("/a.b.Svc/m", "a.b", "a.b", "/a.b.Svc/m");
}

static void words_that_do_not(void **state)
{
    (void)state;
    static const char *const words[] = {
        "",      ".x", "user.", "a b.c",      "/user/getUser",
        "/x.Y/", "/",  "$a.b",  "/.User/get", "#3.get",
    };
    struct cli_target target;
    struct bus_error err;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!cli_target(&cli, words[i], false, &target, &err))
            fail_msg("%s leads to %s", words[i], target.to);
    }
    assert_int_not_equal(cli_target(&cli, "user", true, &target, &err), BUS_OK);
}

static void a_template_has_every_field(void **state)
{
    (void)state;
    struct cli_field inner[] = {{.name = "a", .type = "[]string"}};
    struct cli_message types[] = {{"x.In", {inner, 1}}};
    struct cli_field fields[] = {
        {.name = "id", .type = "int64"},
        {.name = "name", .type = "string"},
        {.name = "ok", .type = "bool"},
        {.name = "score",
         .type = "int32",
         .has_fallback = true,
         .fallback = "10"},
        {.name = "in", .type = "x.In"},
        {.name = "tags", .type = "map[string]int64"},
    };
    const struct cli_message message = {"x.Req", {fields, 6}};
    const struct cli_described described = {.types = {types, 1}};
    assert_string_equal(cli_template(&cli, &described, &message),
                        "{\"id\":0,\"name\":\"\",\"ok\":false,\"score\":10,"
                        "\"in\":{\"a\":[]},\"tags\":{}}");
    assert_string_equal(cli_template(&cli, &described, NULL), "{}");
}

static void a_type_that_holds_itself_ends(void **state)
{
    (void)state;
    struct cli_field fields[] = {{.name = "next", .type = "x.Node"}};
    struct cli_message types[] = {{"x.Node", {fields, 1}}};
    const struct cli_described described = {.types = {types, 1}};
    assert_string_equal(cli_template(&cli, &described, &types[0]),
                        "{\"next\":{\"next\":{\"next\":{\"next\":{}}}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_lead_somewhere),
        cmocka_unit_test(words_that_do_not),
        cmocka_unit_test(a_template_has_every_field),
        cmocka_unit_test(a_type_that_holds_itself_ends),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
