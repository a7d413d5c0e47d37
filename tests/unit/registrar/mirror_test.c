/* SPDX-License-Identifier: MIT
 *
 * Pairs come and go, names follow: on names in memory.
 */
#include "actors/registrar/mirror.h"

#include <stdio.h>
#include <string.h>

#include "bus/bus_internal.h"
#include "tests/unit/runtime/cmocka_all.h"

static struct bus_names *names;
static struct mirror mirror;

static int set_up(void **state)
{
    (void)state;
    names = bus_names_memory();
    mirror_init(&mirror, names, "n1");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mirror_release(&mirror);
    assert_int_equal(bus_names_list(names, NULL, NULL, 0), 0);
    bus_names_memory_close(names);
    return 0;
}

static void put(const char *key, const char *value)
{
    struct registry_pair pair;
    snprintf(pair.key, sizeof(pair.key), "%s", key);
    snprintf(pair.value, sizeof(pair.value), "%s", value);
    mirror_hear(&mirror, &pair, false);
}

static void gone(const char *key)
{
    struct registry_pair pair = {.value = ""};
    snprintf(pair.key, sizeof(pair.key), "%s", key);
    mirror_hear(&mirror, &pair, true);
}

/* "user#n2.1 ..." after settling. */
static const char *known(void)
{
    static char text[1024];
    struct bus_name all[16];
    mirror_settle(&mirror);
    size_t count = bus_names_list(names, NULL, all, 16);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof(text) - len, "%s%s#%s", i ? " " : "",
                 all[i].actor, all[i].instance);
    }
    return text;
}

#define N2_USER "troupe/names/n2/user/1"
#define N3_USER "troupe/names/n3/user/1"
#define AT(address) "{\"url\":\"tcp://" address "\",\"started\":1}"

static void other_nodes_instances_are_names(void **state)
{
    struct bus_name name;
    (void)state;
    put(N3_USER, AT("10.0.0.3:80"));
    put(N2_USER, AT("10.0.0.2:80"));
    put("troupe/names/n1/user/1", AT("10.0.0.1:80")); /* our own */
    assert_string_equal(known(), "user#n2.1 user#n3.1");
    assert_int_equal(bus_names_list(names, "user", &name, 1), 2);
    assert_string_equal(name.node, "n2");
    assert_string_equal(name.url, "tcp://10.0.0.2:80");
    assert_true(mirror_has(&mirror, N2_USER));
    gone(N2_USER);
    gone("troupe/names/n9/user/1");
    assert_string_equal(known(), "user#n3.1");
}

static void another_incarnation_takes_the_place(void **state)
{
    struct bus_name name;
    (void)state;
    put(N2_USER, AT("10.0.0.2:80"));
    assert_string_equal(known(), "user#n2.1");
    put(N2_USER, AT("10.0.0.2:81"));
    mirror_hold(&mirror, BUS_SECOND * 60); /* holds nothing that is replaced */
    assert_string_equal(known(), "user#n2.1");
    bus_names_list(names, "user", &name, 1);
    assert_string_equal(name.url, "tcp://10.0.0.2:81");
    mirror_hold(&mirror, 0);
}

static void others_instances_stand_under_their_keys(void **state)
{
    static const struct mirror_key keys[] = {{"user.rpc", "user"}};
    (void)state;
    mirror.keys = keys;
    mirror.key_count = 1;
    mirror.wire.plain = true;
    put(N2_USER, AT("10.0.0.2:80"));
    put("user.rpc/77", "10.0.0.2:80"); /* the same instance */
    put("user.rpc/78", "10.0.0.9:80");
    put("user.rpc/79", "no address");
    put("order.rpc/80", "10.0.0.9:81");
    assert_string_equal(known(), "user#n2.1 user#etcd.78");
    gone("user.rpc/78");
    assert_string_equal(known(), "user#n2.1");
}

static void what_is_missing_after_a_loss_is_held(void **state)
{
    (void)state;
    put(N2_USER, AT("10.0.0.2:80"));
    put(N3_USER, AT("10.0.0.3:80"));
    assert_string_equal(known(), "user#n2.1 user#n3.1");
    mirror_clear(&mirror);
    mirror_hold(&mirror, BUS_SECOND * 60);
    put(N3_USER, AT("10.0.0.3:80"));
    assert_string_equal(known(), "user#n2.1 user#n3.1");
    mirror_hold(&mirror, 0); /* the time is over */
    assert_string_equal(known(), "user#n3.1");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(other_nodes_instances_are_names),
        CASE(another_incarnation_takes_the_place),
        CASE(others_instances_stand_under_their_keys),
        CASE(what_is_missing_after_a_loss_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
