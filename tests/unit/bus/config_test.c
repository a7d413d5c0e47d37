/* SPDX-License-Identifier: MIT
 *
 * Configuration: keys to fields, and every refusal with file, line, column,
 * key, what was found and what was expected.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/config.h"
#include "bus/error.h"

struct auth {
    const char *secret;
    int64_t expire;
};

struct redis {
    const char *host;
    const char *pass;
    const char *region; /* inherit */
};

struct entry {
    const char *key;
    struct redis *value;
};

struct settings {
    const char *name;
    int32_t port;
    bool verbose;
    double ratio;
    int64_t pause; /* duration */
    int32_t color;
    struct auth *auth;
    struct bus_list cache; /* of struct redis */
    struct bus_list hosts; /* of text */
    struct bus_list named; /* map of struct redis */
    const char *region;
    const char *level; /* options=, env=CONFIG_TEST_LEVEL */
    bool has_limit;
    int32_t limit;
};

/* A service's own Config message. */
struct own {
    int32_t max_score;
    struct own_auth *auth;
};

struct own_auth {
    const char *issuer;
};

static const struct bus_rule secret_rule = {.alias = "Secret"};
static const struct bus_rule expire_rule = {
    .low = 1, .high = (double)INFINITY, .alias = "ExpireIn"};
static const struct bus_rule port_rule = {
    .fallback = "8888", .low = 1, .high = 65535};
static const char *const levels[] = {"info", "error", NULL};
static const struct bus_rule level_rule = {
    .fallback = "info", .options = levels, .env = "CONFIG_TEST_LEVEL"};
static const struct bus_enum_value colors[] = {
    {"RED", 0}, {"BLUE", 7}, {NULL, 0}};

#define FIELD(type, member, wire, field_kind, ...)                             \
    {                                                                          \
        .name = (wire), .kind = (field_kind), .presence = BUS_NO_PRESENCE,     \
        .offset = offsetof(struct type, member), __VA_ARGS__                   \
    }
#define SHAPE(type)                                                            \
    static const struct bus_shape type##_shape = {                             \
        "test." #type, sizeof(struct type),                                    \
        sizeof(type##_fields) / sizeof(type##_fields[0]), type##_fields}

static const struct bus_field auth_fields[] = {
    FIELD(auth, secret, "AccessSecret", BUS_TEXT,
          .flags = BUS_REQUIRED | BUS_SECRET, .rule = &secret_rule),
    FIELD(auth, expire, "AccessExpire", BUS_I64,
          .flags = BUS_REQUIRED | BUS_HAS_RANGE, .rule = &expire_rule),
};
SHAPE(auth);

static const struct bus_field redis_fields[] = {
    FIELD(redis, host, "Host", BUS_TEXT, .flags = BUS_REQUIRED),
    FIELD(redis, pass, "Pass", BUS_TEXT, .flags = BUS_SECRET),
    FIELD(redis, region, "Region", BUS_TEXT, .flags = BUS_INHERIT),
};
SHAPE(redis);

static const struct bus_field entry_fields[] = {
    FIELD(entry, key, "key", BUS_TEXT, .flags = 0),
    FIELD(entry, value, "value", BUS_MESSAGE, .shape = &redis_shape),
};
SHAPE(entry);

static const struct bus_field settings_fields[] = {
    FIELD(settings, name, "Name", BUS_TEXT, .flags = BUS_REQUIRED),
    FIELD(settings, port, "Port", BUS_I32, .flags = BUS_HAS_RANGE,
          .rule = &port_rule),
    FIELD(settings, verbose, "Verbose", BUS_BOOL, .flags = 0),
    FIELD(settings, ratio, "Ratio", BUS_F64, .flags = 0),
    FIELD(settings, pause, "Pause", BUS_DURATION, .flags = 0),
    FIELD(settings, color, "Color", BUS_ENUM, .values = colors),
    FIELD(settings, auth, "Auth", BUS_MESSAGE, .shape = &auth_shape),
    FIELD(settings, cache, "CacheRedis", BUS_MESSAGE, .shape = &redis_shape,
          .cardinality = BUS_LIST),
    FIELD(settings, hosts, "Hosts", BUS_TEXT, .cardinality = BUS_LIST),
    FIELD(settings, named, "Named", BUS_MESSAGE, .shape = &entry_shape,
          .cardinality = BUS_MAP),
    FIELD(settings, region, "Region", BUS_TEXT, .flags = 0),
    FIELD(settings, level, "Level", BUS_TEXT, .rule = &level_rule),
    {.name = "Limit",
     .kind = BUS_I32,
     .offset = offsetof(struct settings, limit),
     .presence = offsetof(struct settings, has_limit)},
};
SHAPE(settings);

static const struct bus_field own_auth_fields[] = {
    FIELD(own_auth, issuer, "Issuer", BUS_TEXT, .flags = 0),
};
SHAPE(own_auth);

static const struct bus_field own_fields[] = {
    FIELD(own, max_score, "MaxScore", BUS_I32, .flags = BUS_REQUIRED),
    FIELD(own, auth, "Auth", BUS_MESSAGE, .shape = &own_auth_shape),
};
SHAPE(own);

struct fixture {
    struct bus_arena arena;
    struct bus_error err;
    struct settings settings;
    struct own own;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    bus_arena_init(&f->arena, BUS_ARENA_LIMIT);
    unsetenv("CONFIG_TEST_LEVEL");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unsetenv("CONFIG_TEST_LEVEL");
    bus_arena_release(&f->arena);
    free(f);
    return 0;
}

static int bind(struct fixture *f, const char *text, size_t count)
{
    struct bus_yaml *map = NULL;
    struct bus_config_part parts[] = {{&settings_shape, &f->settings},
                                      {&own_shape, &f->own}};
    f->settings = (struct settings){0};
    f->own = (struct own){0};
    if (bus_yaml_text("a.yaml", text, strlen(text), &f->arena, &map, &f->err))
        return f->err.code;
    return bus_config_bind(map, parts, count, &f->arena, &f->err);
}

static void good(struct fixture *f, const char *text)
{
    if (bind(f, text, 1))
        fail_msg("%s", f->err.sentence);
}

/* ---- success ---- */

static void every_kind(void **state)
{
    struct fixture *f = *state;
    good(f, "Name: user-api\nPort: 80\nVerbose: true\nRatio: 0.5\n"
            "Pause: 1h10m\nColor: BLUE\nHosts: [a, 'b']\n"
            "Auth:\n  AccessSecret: s\n  AccessExpire: 7200\n"
            "CacheRedis:\n  - Host: h:6379\n    Pass: ''\n"
            "Named:\n  first: {Host: x}\n  Second: {Host: y}\n"
            "Limit: 0\n");
    assert_string_equal(f->settings.name, "user-api");
    assert_int_equal(f->settings.port, 80);
    assert_true(f->settings.verbose);
    assert_true(f->settings.ratio > 0.4 && f->settings.ratio < 0.6);
    assert_true(f->settings.pause == INT64_C(4200000000000));
    assert_int_equal(f->settings.color, 7);
    assert_int_equal(f->settings.hosts.count, 2);
    assert_string_equal(((const char **)f->settings.hosts.items)[1], "b");
    assert_int_equal(f->settings.auth->expire, 7200);
    assert_string_equal(((struct redis *)f->settings.cache.items)->host,
                        "h:6379");
    assert_int_equal(f->settings.named.count, 2);
    const struct entry *entry = f->settings.named.items;
    assert_string_equal(entry[1].key, "Second");
    assert_string_equal(entry[1].value->host, "y");
    assert_true(f->settings.has_limit);
}

static void keys_in_any_case(void **state)
{
    static const char *const texts[] = {
        "name: a\nPORT: 5", "NAME: a\np_o_r_t: 5", "Name: a\nport: 5"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        good(f, texts[i]);
        assert_string_equal(f->settings.name, "a");
        assert_int_equal(f->settings.port, 5);
    }
}

static void second_names(void **state)
{
    struct fixture *f = *state;
    good(f, "Name: a\nAuth:\n  Secret: s\n  ExpireIn: 60\n");
    assert_string_equal(f->settings.auth->secret, "s");
    assert_int_equal(f->settings.auth->expire, 60);
}

static void defaults_and_nulls(void **state)
{
    struct fixture *f = *state;
    good(f, "Name: a\nPort:\nAuth: ~\nHosts: null\n");
    assert_int_equal(f->settings.port, 8888);
    assert_string_equal(f->settings.level, "info");
    assert_string_equal(f->settings.region, "");
    assert_null(f->settings.auth);
    assert_false(f->settings.has_limit);
}

static void text_that_looks_like_a_number(void **state)
{
    struct fixture *f = *state;
    good(f, "Name: 123\nRegion: 'true'\n");
    assert_string_equal(f->settings.name, "123");
    assert_string_equal(f->settings.region, "true");
}

static void the_environment_comes_first(void **state)
{
    struct fixture *f = *state;
    setenv("CONFIG_TEST_LEVEL", "error", 1);
    good(f, "Name: a\nLevel: info\n");
    assert_string_equal(f->settings.level, "error");
    good(f, "Name: a\n");
    assert_string_equal(f->settings.level, "error");
    setenv("CONFIG_TEST_LEVEL", "", 1);
    good(f, "Name: a\n");
    assert_string_equal(f->settings.level, "info");
}

static void inherited_values(void **state)
{
    struct fixture *f = *state;
    good(f, "Name: a\nRegion: north\nCacheRedis:\n  - Host: x\n"
            "  - {Host: y, Region: south}\n");
    const struct redis *redis = f->settings.cache.items;
    assert_string_equal(redis[0].region, "north");
    assert_string_equal(redis[1].region, "south");
}

static void two_parts_share_one_map(void **state)
{
    struct fixture *f = *state;
    if (bind(f,
             "Name: a\nMaxScore: 100\nAuth:\n  Secret: s\n  ExpireIn: 1\n"
             "  Issuer: me\n",
             2))
        fail_msg("%s", f->err.sentence);
    assert_int_equal(f->own.max_score, 100);
    assert_string_equal(f->settings.auth->secret, "s");
    assert_string_equal(f->own.auth->issuer, "me");
}

/* ---- failure ---- */

static const struct {
    const char *text, *sentence;
} refused[] = {
    {"Name: a\nPort: abc\n",
     "a.yaml:2:7: key Port: found \"abc\", expected a whole number of 32 bits"},
    {"Name: a\nPort: \"80\"\n",
     "a.yaml:2:7: key Port: found the quoted text \"80\", expected a whole "
     "number of 32 bits"},
    {"Name: a\nPort: 99999999999\n",
     "a.yaml:2:7: key Port: found \"99999999999\", expected a whole number of "
     "32 bits"},
    {"Name: a\nPort: [1]\n",
     "a.yaml:2:7: key Port: found a list, expected a whole number of 32 bits"},
    {"Name: {a: 1}\n", "a.yaml:1:7: key Name: found a map, expected text"},
    {"Name: a\nVerbose: yes\n",
     "a.yaml:2:10: key Verbose: found \"yes\", expected true or false"},
    {"Name: a\nPause: 3\n",
     "a.yaml:2:8: key Pause: found \"3\", expected a duration like 3s or "
     "1h10m"},
    {"Name: a\nColor: PINK\n",
     "a.yaml:2:8: key Color: found \"PINK\", expected one of RED, BLUE"},
    {"Name: a\nHosts: a,b\n",
     "a.yaml:2:8: key Hosts: found \"a,b\", expected a list"},
    {"Name: a\nHosts: [a, [b]]\n",
     "a.yaml:2:12: key Hosts[1]: found a list, expected text"},
    {"Name: a\nHosts: [a, ~]\n",
     "a.yaml:2:12: key Hosts[1]: found nothing, expected a value"},
    {"Name: a\nAuth: x\n", "a.yaml:2:7: key Auth: found \"x\", expected a map"},
    {"Name: a\nAuth: []\n", "a.yaml:2:7: key Auth: found a list, expected a "
                            "map"},
    {"Name: a\nNamed: []\n",
     "a.yaml:2:8: key Named: found a list, expected a map"},
    {"Name: a\nNamed: {x: }\n",
     "a.yaml:2:12: key Named[x]: found nothing, expected a value"},
    {"Name: a\nAuth:\n  Secret: s\n",
     "a.yaml:3:3: key Auth.AccessExpire: found nothing, expected a whole "
     "number of 64 bits"},
    {"Name: a\nAuth:\n  Secret: s\n  ExpireIn: [secret]\n",
     "a.yaml:4:13: key Auth.AccessExpire: found a list, expected a whole "
     "number of 64 bits"},
    {"Name: a\nAuth:\n  Secret: [x]\n  ExpireIn: 1\n",
     "a.yaml:3:11: key Auth.AccessSecret: found a list, expected text"},
    {"Name: a\nAuth:\n  Secret: s\n  AccessSecret: t\n  ExpireIn: 1\n",
     "a.yaml:4:17: key Auth.AccessSecret: found a text of 1 bytes, expected "
     "one value, not a second"},
    {"Name: a\nAuth:\n  Secrets: s\n",
     "a.yaml:3:3: key Auth.Secrets: found an unknown key, expected one of "
     "AccessSecret, AccessExpire"},
    {"Name: a\nCacheRedis:\n  - Host: h\n  - Pass: p\n",
     "a.yaml:4:5: key CacheRedis[1].Host: found nothing, expected text"},
    {"Port: 80\n", "a.yaml:1:1: key Name: found nothing, expected text"},
    {"", "a.yaml:1:1: key Name: found nothing, expected text"},
    {"- 1\n", "a.yaml:1:1: found a list, expected a map"},
    {"Name: a\nLevel: loud\n",
     "a.yaml:2:8: key Level: value \"loud\" for field \"Level\" is not defined "
     "in options \"[info error]\""},
};

static void refusals_say_where_and_what(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(bind(f, refused[i].text, 1), BUS_INVALID_ARGUMENT);
        assert_string_equal(f->err.sentence, refused[i].sentence);
    }
}

static void a_range_names_key_and_place(void **state)
{
    static const char place[] = "a.yaml:2:7: key Port: ";
    struct fixture *f = *state;
    assert_int_equal(bind(f, "Name: a\nPort: 70000\n", 1),
                     BUS_INVALID_ARGUMENT);
    assert_memory_equal(f->err.sentence, place, sizeof(place) - 1);
}

static void unknown_keys_of_all_parts(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bind(f, "Name: a\nMaxScore: 1\nMinScore: 1\n", 2),
                     BUS_INVALID_ARGUMENT);
    assert_non_null(
        strstr(f->err.sentence,
               "a.yaml:3:1: key MinScore: found an unknown key, expected"));
    assert_non_null(strstr(f->err.sentence, "MaxScore"));
    assert_int_equal(bind(f, "Name: a\nMaxScore: 1\nAuth:\n  X: 1\n", 2),
                     BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence,
                        "a.yaml:4:3: key Auth.X: found an unknown key, "
                        "expected one of AccessSecret, AccessExpire, Issuer");
}

static void secrets_are_not_told(void **state)
{
    struct fixture *f = *state;
    bind(f, "Name: a\nAuth:\n  Secret: hunter2\n  AccessSecret: hunter2\n", 1);
    assert_null(strstr(f->err.sentence, "hunter2"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_kind),
        TEST(keys_in_any_case),
        TEST(second_names),
        TEST(defaults_and_nulls),
        TEST(text_that_looks_like_a_number),
        TEST(the_environment_comes_first),
        TEST(inherited_values),
        TEST(two_parts_share_one_map),
        TEST(refusals_say_where_and_what),
        TEST(a_range_names_key_and_place),
        TEST(unknown_keys_of_all_parts),
        TEST(secrets_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
