/* SPDX-License-Identifier: MIT
 *
 * Topologies from files: defaults, paths, order; then every way to be wrong,
 * with its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "actors/supervisor/topology.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/wire.h"

static char folder[] = "/tmp/topology_test.XXXXXX";
static char path[256];

static void put(const char *name, const char *text, mode_t mode)
{
    char file[256];
    snprintf(file, sizeof(file), "%s/%s", folder, name);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(file, mode), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/t.yaml", folder);
    put("run", "#!/bin/sh\n", 0755);
    put("other", "#!/bin/sh\n", 0755);
    put("flat", "", 0644);
    put("a.yaml", "x: 1\n", 0644);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"run", "other", "flat", "a.yaml",
                                        "t.yaml"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char file[256];
        snprintf(file, sizeof(file), "%s/%s", folder, names[i]);
        unlink(file);
    }
    return rmdir(folder);
}

static struct topology *well(const char *text)
{
    struct topology *topology = NULL;
    struct bus_error err = {0};
    put("t.yaml", text, 0644);
    if (topology_read(path, folder, &topology, &err))
        fail_msg("%s", err.sentence);
    return topology;
}

/* The file is refused with a sentence that holds `says` after its place. */
static void wrong(const char *text, const char *place, const char *says)
{
    struct topology *topology = NULL;
    struct bus_error err = {0};
    char start[300];
    put("t.yaml", text, 0644);
    assert_int_equal(topology_read(path, folder, &topology, &err),
                     BUS_INVALID_ARGUMENT);
    assert_null(topology);
    snprintf(start, sizeof(start), "%s:%s", path, place);
    if (strncmp(err.sentence, start, strlen(start)) != 0 ||
        !strstr(err.sentence, says))
        fail_msg("expected %s ... %s, found %s", start, says, err.sentence);
}

static void defaults_and_order(void **state)
{
    (void)state;
    struct topology *t = well("Actors:\n"
                              "  - {Name: run}\n"
                              "  - {Name: b, Program: other, Workers: 8, "
                              "Replicas: 0}\n");
    assert_string_equal(t->node, "n1");
    assert_int_equal(t->actors.count, 2);
    const struct topology_actor *a = topology_at(t, 0);
    assert_string_equal(a->name, "run");
    assert_string_equal(a->config, "");
    assert_int_equal(a->replicas, 1);
    assert_int_equal(a->workers, 4);
    assert_int_equal(a->stop_timeout, 10000);
    assert_int_equal(a->ready_timeout, 30000);
    assert_int_equal(a->restart_first, 100);
    assert_int_equal(a->restart_max, 15000);
    assert_int_equal(a->restart_forgive, 1000);
    const struct topology_actor *b = topology_find(t, "b");
    assert_ptr_equal(b, topology_at(t, 1));
    assert_int_equal(b->replicas, 0);
    assert_int_equal(b->workers, 8);
    assert_null(topology_find(t, "c"));
    topology_free(t);
}

static void paths_become_absolute(void **state)
{
    (void)state;
    char expected[300];
    struct topology *t = well("Node: n7\nActors:\n"
                              "  - {Name: a, Program: run, Config: a.yaml}\n"
                              "  - {Name: b, Program: ./other}\n");
    assert_string_equal(t->node, "n7");
    snprintf(expected, sizeof(expected), "%s/run", folder);
    assert_string_equal(topology_at(t, 0)->program, expected);
    snprintf(expected, sizeof(expected), "%s/a.yaml", folder);
    assert_string_equal(topology_at(t, 0)->config, expected);
    snprintf(expected, sizeof(expected), "%s/./other", folder);
    assert_string_equal(topology_at(t, 1)->program, expected);
    topology_free(t);
}

static void restarts_are_inherited(void **state)
{
    (void)state;
    struct topology *t = well("RestartMax: 200\nActors:\n"
                              "  - {Name: run}\n"
                              "  - {Name: other, RestartMax: 500}\n");
    assert_int_equal(topology_at(t, 0)->restart_max, 200);
    assert_int_equal(topology_at(t, 1)->restart_max, 500);
    topology_free(t);
}

static void environment_keeps_its_order(void **state)
{
    (void)state;
    struct topology *t = well("Actors:\n  - Name: run\n    Env:\n"
                              "      B: two words\n      A: '1'\n");
    const struct topology_env *env = topology_at(t, 0)->env.items;
    assert_int_equal(topology_at(t, 0)->env.count, 2);
    assert_string_equal(env[0].name, "B");
    assert_string_equal(env[0].value, "two words");
    assert_string_equal(env[1].name, "A");
    assert_string_equal(env[1].value, "1");
    topology_free(t);
}

static void a_changed_config_changes_the_mark(void **state)
{
    (void)state;
    const char *text = "Actors:\n  - {Name: a, Program: run, Config: a.yaml}\n";
    struct topology *t = well(text);
    uint64_t mark = topology_at(t, 0)->mark;
    topology_free(t);
    t = well(text);
    assert_true(topology_at(t, 0)->mark == mark);
    topology_free(t);
    put("a.yaml", "x: 22\n", 0644);
    t = well(text);
    assert_true(topology_at(t, 0)->mark != mark);
    topology_free(t);
}

/* What they mean only their actor knows. */
static void cron_entries_are_handed_on(void **state)
{
    (void)state;
    struct topology *t =
        well("Actors:\n  - {Name: run}\n"
             "  - {Name: b, Program: run, Cron: {x: {At: '@daily'}}}\n");
    uint64_t mark = topology_at(t, 1)->mark;
    assert_string_equal(topology_at(t, 0)->cron, "");
    assert_string_equal(topology_at(t, 1)->cron, path);
    topology_free(t);
    t = well("Actors:\n  - {Name: run}\n"
             "  - {Name: b, Program: run, Cron: {x: {At: '@hourly'}}}\n");
    assert_true(topology_at(t, 1)->mark != mark);
    topology_free(t);
}

static void what_may_leave_the_node(void **state)
{
    struct bus_wire wire;
    char file[256];
    (void)state;
    struct topology *t = well("PlainTcp: allowed between nodes\n"
                              "Tls: {CACertFile: flat, CertFile: ./a.yaml, "
                              "CertKeyFile: flat}\n"
                              "Actors: [{Name: run}]\n");
    assert_int_equal(topology_wire(t, folder, NULL), BUS_OK);
    topology_free(t);
    assert_int_equal(bus_wire_read(folder, &wire, NULL), BUS_OK);
    assert_true(wire.plain && bus_wire_secure(&wire));
    snprintf(file, sizeof(file), "%s/flat", folder);
    assert_string_equal(wire.ca, file);
    assert_string_equal(wire.server_name, "troupe");
    t = well("Actors: [{Name: run}]\n");
    assert_int_equal(topology_wire(t, folder, NULL), BUS_OK);
    topology_free(t);
    assert_int_equal(bus_wire_read(folder, &wire, NULL), BUS_OK);
    assert_false(wire.plain || bus_wire_secure(&wire));
}

static void what_may_not_leave_it(void **state)
{
    (void)state;
    wrong("PlainTcp: yes\nActors: [{Name: run}]\n", "1:11: key PlainTcp",
          "\"allowed between nodes\"");
    wrong("Tls: {CACertFile: flat, CertFile: none, CertKeyFile: flat}\n"
          "Actors: [{Name: run}]\n",
          "1:35: key CertFile", "cannot read");
    wrong("Tls: {CACertFile: flat}\nActors: [{Name: run}]\n", "1:", "CertFile");
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct topology *topology = NULL;
    struct bus_error err = {0};
    assert_int_equal(topology_read("/nowhere/t.yaml", folder, &topology, &err),
                     BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence,
                        "/nowhere/t.yaml: cannot read the topology");
    wrong("Actors: [\n", "", "");
    wrong("", "", "");
    wrong("- a\n", "1:", "");
}

static void keys_and_types(void **state)
{
    (void)state;
    wrong("Node: n1\n", "1:", "Actors");
    wrong("Actors: []\n", "1:", "expected 1 to 128 actors");
    wrong("Actors:\n  - {Name: run, Replica: 1}\n", "2:", "Replica");
    wrong("Actors:\n  - {Program: run}\n", "2:", "Name");
    wrong("Actors:\n  - Name: run\n    Workers: many\n", "3:", "Workers");
    wrong("Actors:\n  - Name: run\n    Env: [A]\n", "3:", "Env");
}

static void names_and_numbers(void **state)
{
    (void)state;
    wrong("Node: a b\nActors:\n  - {Name: run}\n", "1:", "node");
    wrong("Actors:\n  - {Name: a/b, Program: run}\n", "2:", "Name");
    wrong("Actors:\n  - {Name: .a, Program: run}\n", "2:", "Name");
    wrong("Actors:\n  - {Name: run}\n  - {Name: run}\n", "3:", "stands above");
    wrong("Actors:\n  - {Name: run, Replicas: 257}\n", "2:", "0 to 256");
    wrong("Actors:\n  - {Name: run, Replicas: -1}\n", "2:", "0 to 256");
    wrong("Actors:\n  - {Name: run, Workers: 0}\n", "2:", "1 to 1024");
    wrong("Actors:\n  - {Name: run, StopTimeout: 0}\n", "2:", "StopTimeout");
    wrong("Actors:\n  - {Name: run, RestartFirst: 300, RestartMax: 200}\n",
          "2:", "RestartFirst");
    wrong("Actors:\n  - {Name: run, Env: {A=B: c}}\n", "2:", "variable");
}

static void programs_and_configs(void **state)
{
    (void)state;
    wrong("Actors:\n  - {Name: nobody}\n", "2:", "no such program");
    wrong("Actors:\n  - {Name: flat}\n", "2:", "no such program");
    wrong("Actors:\n  - {Name: run, Program: ..}\n", "2:", "no such program");
    wrong("Actors:\n  - {Name: run, Config: none.yaml}\n", "2:", "cannot read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_order),
        cmocka_unit_test(paths_become_absolute),
        cmocka_unit_test(restarts_are_inherited),
        cmocka_unit_test(environment_keeps_its_order),
        cmocka_unit_test(a_changed_config_changes_the_mark),
        cmocka_unit_test(cron_entries_are_handed_on),
        cmocka_unit_test(what_may_leave_the_node),
        cmocka_unit_test(what_may_not_leave_it),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(keys_and_types),
        cmocka_unit_test(names_and_numbers),
        cmocka_unit_test(programs_and_configs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
