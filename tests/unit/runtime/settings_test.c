/* SPDX-License-Identifier: MIT
 *
 * The runtime's own keys, as files have them, and what is refused with its
 * position.
 */
#include "actors/runtime/settings.h"

#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/yaml.h"
#include "tests/unit/runtime/cmocka_all.h"

static struct bus_arena arena;
static struct actor_config *config;
static const void *own;
static struct bus_error err;

struct score_config {
    int32_t max_score;
};

static const struct bus_field score_fields[] = {
    {.name = "max_score",
     .kind = BUS_I32,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct score_config, max_score),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape score_shape = {
    "score.Config", sizeof(struct score_config), 1, score_fields};

static int set_up(void **state)
{
    (void)state;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    config = NULL;
    own = NULL;
    err = (struct bus_error){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_arena_release(&arena);
    return 0;
}

static struct bus_yaml *parse(const char *text)
{
    struct bus_yaml *yaml = NULL;
    assert_int_equal(
        bus_yaml_text("t.yaml", text, strlen(text), &arena, &yaml, &err),
        BUS_OK);
    return yaml;
}

static int read_text(const char *text, const struct bus_shape *shape)
{
    return actor_config_read(parse(text), shape, &arena, &config, &own, &err);
}

static void nothing_gives_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(actor_config_read(NULL, NULL, &arena, &config, &own, &err),
                     BUS_OK);
    assert_int_equal(config->timeout_ms, ACTOR_TIMEOUT_MS);
    assert_int_equal(config->workers, ACTOR_WORKERS);
    assert_int_equal(config->mailbox, ACTOR_MAILBOX);
    assert_int_equal(config->max_bytes, ACTOR_BYTES_MAX);
    assert_int_equal(config->max_conns, ACTOR_CONNS_MAX);
    assert_int_equal(config->port, 0);
    assert_string_equal(config->mode, "pro");
    assert_string_equal(config->errors, "text");
    assert_string_equal(config->log->level, "info");
    assert_true(config->log->stat);
    assert_null(config->auth);
    assert_null(config->mysql);
    assert_int_equal(config->methods.count, 0);
    assert_null(own);
}

static void reads_the_tutorials_keys(void **state)
{
    (void)state;
    assert_int_equal(
        read_text("Name: user-api\n"
                  "Host: 0.0.0.0\n"
                  "Port: 8888\n"
                  "Timeout: 3000\n"
                  "Errors: code\n"
                  "Mysql:\n"
                  "  DataSource: root:root@tcp(10.4.7.40)/book?loc=Asia\n"
                  "CacheRedis:\n"
                  "  - Host: 10.4.7.40:6379\n"
                  "    Pass: ''\n"
                  "    Type: node\n"
                  "  - Host: 10.4.7.41:6379\n"
                  "    Weight: 50\n"
                  "Auth:\n"
                  "  AccessSecret: uOvKLmVfztaXGpNYd4Z0I1SiT7MweJhl\n"
                  "  AccessExpire: 86400\n"
                  "UserRpc:\n"
                  "  Etcd:\n"
                  "    Hosts:\n"
                  "      - 127.0.0.1:2379\n"
                  "    Key: user.rpc\n",
                  NULL),
        BUS_OK);
    assert_string_equal(config->name, "user-api");
    assert_int_equal(config->port, 8888);
    assert_int_equal(config->timeout_ms, 3000);
    assert_string_equal(config->errors, "code");
    assert_string_equal(config->mysql->data_source,
                        "root:root@tcp(10.4.7.40)/book?loc=Asia");
    const struct actor_redis *redis = config->cache_redis.items;
    assert_int_equal(config->cache_redis.count, 2);
    assert_string_equal(redis[1].host, "10.4.7.41:6379");
    assert_string_equal(redis[1].type, "node");
    assert_int_equal(redis[0].weight, 100);
    assert_int_equal(redis[1].weight, 50);
    assert_int_equal(config->mysql->replicas.count, 0);
    assert_string_equal(config->mysql->policy, "round-robin");
    assert_true(config->barrier->keep_ns == INT64_C(720) * 3600 * BUS_SECOND);
    assert_int_equal(config->auth->access_expire, 86400);
}

static void data_has_keys_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(read_text("Mysql:\n"
                               "  DataSource: a@tcp(b)/c\n"
                               "  Replicas: [a@tcp(d)/c, a@tcp(e)/c]\n"
                               "  Policy: random\n"
                               "  MaxOpenConns: 3\n"
                               "Barrier: {Keep: 48h}\n"
                               "SlowStatement: 20ms\n"
                               "Cache:\n"
                               "  Expiry: 1h\n"
                               "  NotFoundExpiry: 5s\n"
                               "  Fallback: 4\n"
                               "  Prefixes:\n"
                               "    user: 'cache:user:id::'\n"
                               "    user.number: 'n:'\n",
                               NULL),
                     BUS_OK);
    const char *const *replicas = config->mysql->replicas.items;
    assert_int_equal(config->mysql->replicas.count, 2);
    assert_string_equal(replicas[1], "a@tcp(e)/c");
    assert_string_equal(config->mysql->policy, "random");
    assert_int_equal(config->mysql->max_open_conns, 3);
    assert_true(config->barrier->keep_ns == INT64_C(48) * 3600 * BUS_SECOND);
    assert_true(config->slow_statement_ns == 20 * BUS_MILLI);
    assert_true(config->cache->expiry_ns == 3600 * BUS_SECOND);
    assert_true(config->cache->absent_ns == 5 * BUS_SECOND);
    assert_int_equal(config->cache->fallback, 4);
    const struct actor_cache_prefix *prefixes = config->cache->prefixes.items;
    assert_int_equal(config->cache->prefixes.count, 2);
    assert_string_equal(prefixes[0].key, "user");
    assert_string_equal(prefixes[0].prefix, "cache:user:id::");
    assert_string_equal(prefixes[1].key, "user.number");
}

static void secret_and_expire_in_are_aliases(void **state)
{
    (void)state;
    assert_int_equal(read_text("Auth:\n"
                               "  Secret: \"0123456789\n"
                               "    abcdef\"\n"
                               "  ExpireIn: 60\n",
                               NULL),
                     BUS_OK);
    assert_string_equal(config->auth->access_secret, "0123456789 abcdef");
    assert_int_equal(config->auth->access_expire, 60);
}

static void keys_match_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(read_text("MySQL: {datasource: x}\nworkers: 3\n", NULL),
                     BUS_OK);
    assert_string_equal(config->mysql->data_source, "x");
    assert_int_equal(config->workers, 3);
}

static void the_service_has_keys_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(
        read_text("Name: score.rpc\nMaxScore: 100\n", &score_shape), BUS_OK);
    assert_int_equal(((const struct score_config *)own)->max_score, 100);
}

static void methods_have_settings(void **state)
{
    (void)state;
    assert_int_equal(read_text("Methods:\n"
                               "  getUser: {Timeout: 500, Key: id}\n"
                               "  saveUser: {Barrier: false}\n",
                               NULL),
                     BUS_OK);
    const struct actor_method_pair *pairs = config->methods.items;
    assert_int_equal(config->methods.count, 2);
    assert_string_equal(pairs[0].name, "getUser");
    assert_true(pairs[0].config->has_timeout);
    assert_int_equal(pairs[0].config->timeout_ms, 500);
    assert_true(pairs[0].config->barrier);
    assert_string_equal(pairs[0].config->key, "id");
    assert_false(pairs[1].config->has_timeout);
    assert_false(pairs[1].config->barrier);
}

static void secrets_have_names_of_the_schema(void **state)
{
    static const char text[] = "Auth: {AccessSecret: one, AccessExpire: 1}\n"
                               "JwtAuth: {AccessSecret: two, AccessExpire: 2}\n"
                               "Trans: {Secret: three, PrevSecret: old}\n";
    (void)state;
    assert_int_equal(read_text(text, NULL), BUS_OK);
    assert_string_equal(actor_auth_find(config, "JwtAuth")->access_secret,
                        "two");
    assert_int_equal(actor_auth_find(config, "JwtAuth")->access_expire, 2);
    assert_string_equal(actor_auth_find(config, "Trans")->prev_secret, "old");
    assert_ptr_equal(actor_auth_find(config, "Auth"), config->auth);
    assert_ptr_equal(actor_auth_find(config, "Other"), config->auth);
    assert_ptr_equal(actor_auth_find(config, NULL), config->auth);
    /* Readers that know nothing of the service find them as well. */
    assert_int_equal(actor_config_peek(parse(text), &arena, &config, &err),
                     BUS_OK);
    assert_string_equal(actor_auth_find(config, "JwtAuth")->access_secret,
                        "two");
    assert_int_equal(read_text("Port: 1\n", NULL), BUS_OK);
    assert_null(actor_auth_find(config, "Auth"));
}

static void a_peek_skips_what_the_service_knows(void **state)
{
    (void)state;
    struct bus_yaml *yaml = parse("Port: 8889\nMaxScore: 100\nUserRpc:\n"
                                  "  Timeout: 5\nLog:\n  Level: error\n");
    assert_int_equal(actor_config_peek(yaml, &arena, &config, &err), BUS_OK);
    assert_int_equal(config->port, 8889);
    assert_string_equal(config->log->level, "error");
    /* The file itself is unharmed. */
    assert_int_equal(
        actor_config_read(yaml, &score_shape, &arena, &config, &own, &err),
        BUS_OK);
    assert_int_equal(((const struct score_config *)own)->max_score, 100);
}

/* ---- failures ---- */

/* Reading is refused, and the sentence begins with the position and holds the
 * word. */
static void refused(const char *text, const char *position, const char *word)
{
    err = (struct bus_error){0};
    assert_int_equal(read_text(text, &score_shape), BUS_INVALID_ARGUMENT);
    if (strncmp(err.sentence, position, strlen(position)) != 0 ||
        !strstr(err.sentence, word))
        fail_msg("%s: said \"%s\"", word, err.sentence);
    assert_null(config);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    (void)state;
    refused("MaxScore: 1\nTimeuot: 3\n", "t.yaml:2:", "Timeuot");
    refused("MaxScore: 1\nPort: 65536\n", "t.yaml:2:", "Port");
    refused("MaxScore: 1\nWorkers: 0\n", "t.yaml:2:", "Workers");
    refused("MaxScore: 1\nErrors: xml\n", "t.yaml:2:", "Errors");
    refused("MaxScore: 1\nLog: {Level: loud}\n", "t.yaml:2:", "Log.Level");
    refused("MaxScore: 1\nMysql: {}\n", "t.yaml:2:", "DataSource");
    refused("MaxScore: 1\nAuth: {AccessExpire: 1}\n",
            "t.yaml:2:", "AccessSecret");
    refused("MaxScore: 1\nUserRpc: {Tiemout: 1}\n", "t.yaml:2:", "Tiemout");
    refused("MaxScore: 1\nUserRpc: 1\n", "t.yaml:2:", "UserRpc");
    refused("MaxScore: 1\nMethods: {a: {Timeout: -1}}\n",
            "t.yaml:2:", "Timeout");
    refused("Name: x\n", "t.yaml:", "max_score");
    refused("- 1\n", "t.yaml:1:", "expected");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_gives_the_defaults),
        TEST(reads_the_tutorials_keys),
        TEST(data_has_keys_of_its_own),
        TEST(secret_and_expire_in_are_aliases),
        TEST(keys_match_in_any_case),
        TEST(the_service_has_keys_of_its_own),
        TEST(methods_have_settings),
        TEST(secrets_have_names_of_the_schema),
        TEST(a_peek_skips_what_the_service_knows),
        TEST(what_is_wrong_is_named_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
