/* SPDX-License-Identifier: MIT
 *
 * Arguments and environment of a child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "actors/supervisor/launch.h"

static char path_var[] = "PATH=/bin";
static char home_var[] = "TROUPE_HOME=/old";
static char notify_var[] = "TROUPE_NOTIFY_FD=9";
static char *const inherited[] = {path_var, home_var, notify_var, NULL};

static const struct launch_site site = {"/home", "n1", 42, inherited};

static const struct topology_env own[] = {{"PATH", "/mine"}, {"A", "1"}};

static struct topology_actor spec_of(const char *config)
{
    return (struct topology_actor){.name = "user",
                                   .program = "/bin/user",
                                   .config = config,
                                   .workers = 8,
                                   .cron = ""};
}

static void same(char **found, const char *const *expected)
{
    for (; *expected; expected++, found++) {
        assert_non_null(*found);
        assert_string_equal(*found, *expected);
    }
    assert_null(*found);
}

static void a_child_is_told_who_it_is(void **state)
{
    (void)state;
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    struct topology_actor spec = spec_of("/etc/user.yaml");
    spec.env = (struct bus_list){(void *)(uintptr_t)own, 2};
    spec.cron = "/etc/t.yaml";
    struct launch launch = launch_run(&site, &spec, 3, 5, &arena);
    static const char *const args[] = {
        "/bin/user",  "-f",          "/etc/user.yaml",
        "--topology", "/etc/t.yaml", "--home",
        "/home",      "--node",      "n1",
        "--instance", "3",           "--workers",
        "8",          "--replicas",  "5",
        NULL};
    static const char *const env[] = {
        "PATH=/mine",         "TROUPE_HOME=/home",        "A=1",
        "TROUPE_NOTIFY_FD=3", "TROUPE_SUPERVISOR_PID=42", NULL};
    same(launch.args, args);
    same(launch.env, env);
    bus_arena_release(&arena);
}

static void a_check_has_no_notify_pipe(void **state)
{
    (void)state;
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    struct topology_actor spec = spec_of("");
    struct launch launch = launch_check(&site, &spec, &arena);
    static const char *const args[] = {
        "/bin/user", "--check", "--home", "/home", "--node", "n1", NULL};
    static const char *const env[] = {"PATH=/bin", "TROUPE_HOME=/home", NULL};
    same(launch.args, args);
    same(launch.env, env);
    bus_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_is_told_who_it_is),
        cmocka_unit_test(a_check_has_no_notify_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
