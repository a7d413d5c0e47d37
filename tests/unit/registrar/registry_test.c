/* SPDX-License-Identifier: MIT
 *
 * What a watch of etcd's says, line by line, and the names that pairs stand
 * for. The calls themselves run against a real etcd in tests/live/nodes.
 */
#include "actors/registrar/registry.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/runtime/cmocka_all.h"

static char heard[2048];

static void on_pair(void *arg, const struct registry_pair *pair, bool deleted)
{
    size_t len = strlen(heard);
    assert_ptr_equal(arg, heard);
    snprintf(heard + len, sizeof(heard) - len, "%s%s=%s ", deleted ? "-" : "+",
             pair->key, pair->value);
}

static enum registry_watched line(const char *text, int64_t *revision)
{
    struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    heard[0] = '\0';
    return registry_line(bytes, on_pair, heard, revision);
}

static void events_are_pairs(void **state)
{
    int64_t revision = 7;
    (void)state;
    assert_int_equal(
        line("{\"result\":{\"header\":{\"revision\":\"1\"},\"created\":true}}",
             &revision),
        REGISTRY_HEARD);
    assert_string_equal(heard, "");
    assert_int_equal(revision, 7);
    assert_int_equal(
        line("{\"result\":{\"header\":{\"revision\":\"9007199254740993\"},"
             "\"watch_id\":\"1\",\"events\":[{\"kv\":{\"key\":\"YS8x\","
             "\"mod_revision\":\"2\",\"value\":\"aGVsbG8=\"}},"
             "{\"type\":\"DELETE\",\"kv\":{\"key\":\"Yi8x\"}}]}}",
             &revision),
        REGISTRY_HEARD);
    assert_string_equal(heard, "+a/1=hello -b/1= ");
    assert_int_equal(revision, INT64_C(9007199254740993));
}

static void the_end_of_a_watch_is_heard(void **state)
{
    int64_t revision = 7;
    (void)state;
    assert_int_equal(line("{\"result\":{\"canceled\":true,"
                          "\"compact_revision\":\"30\"}}",
                          &revision),
                     REGISTRY_CANCELED);
    assert_int_equal(
        line("{\"result\":{\"compact_revision\":\"30\"}}", &revision),
        REGISTRY_CANCELED);
    assert_int_equal(line("{\"error\":{\"message\":\"no\"}}", &revision),
                     REGISTRY_BROKEN);
    assert_int_equal(
        line("{\"result\":{\"events\":[{\"kv\":{\"key\":\"*\"}}]}", &revision),
        REGISTRY_BROKEN);
    assert_int_equal(line("", &revision), REGISTRY_BROKEN);
    assert_int_equal(revision, 7);
}

static bool named(const char *key, const char *value, struct bus_name *ret)
{
    struct registry_pair pair;
    snprintf(pair.key, sizeof(pair.key), "%s", key);
    snprintf(pair.value, sizeof(pair.value), "%s", value);
    return registry_name(&pair, ret);
}

static void our_pairs_are_names(void **state)
{
    struct bus_name name;
    (void)state;
    assert_true(named("troupe/names/n2/user/3",
                      "{\"url\":\"tls+tcp://10.0.0.2:80\",\"key\":\"user.rpc\","
                      "\"pid\":5,\"started\":1700000000000001}",
                      &name));
    assert_string_equal(name.node, "n2");
    assert_string_equal(name.actor, "user");
    assert_string_equal(name.instance, "3");
    assert_string_equal(name.url, "tls+tcp://10.0.0.2:80");
    assert_string_equal(registry_address(name.url), "10.0.0.2:80");
    assert_string_equal(name.key, "user.rpc");
    assert_int_equal(name.pid, 5);
    assert_true(name.started == INT64_C(1700000000000001));
    assert_int_equal(name.origin, BUS_NAME_MIRRORED);
}

static void other_pairs_are_none(void **state)
{
    static const char *const value = "{\"url\":\"tcp://a:1\"}";
    struct bus_name name;
    (void)state;
    assert_true(named("troupe/names/n2/user/3", value, &name));
    assert_false(named("user.rpc/123", "10.0.0.1:80", &name));
    assert_false(named("troupe/names/n2/user", value, &name));
    assert_false(named("troupe/names/n2/user/3/4", value, &name));
    assert_false(named("troupe/names//user/3", value, &name));
    assert_false(named("troupe/names/n2/../3", value, &name));
    assert_false(named("troupe/names/n2/user/.crashed", value, &name));
    assert_false(named("troupe/names/n2/user/3", "{}", &name));
    assert_false(named("troupe/names/n2/user/3", "10.0.0.1:80", &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_pairs),
        cmocka_unit_test(the_end_of_a_watch_is_heard),
        cmocka_unit_test(our_pairs_are_names),
        cmocka_unit_test(other_pairs_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
