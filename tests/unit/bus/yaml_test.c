/* SPDX-License-Identifier: MIT
 *
 * YAML as a tree: what is kept of the language, what is refused and where, and
 * what variables become.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/shape.h"
#include "bus/yaml.h"

struct fixture {
    struct bus_arena arena;
    struct bus_error err;
    struct bus_yaml *top;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    bus_arena_init(&f->arena, BUS_ARENA_LIMIT);
    setenv("YAML_TEST_PORT", "8888", 1);
    setenv("YAML_TEST_EMPTY", "", 1);
    setenv("YAML_TEST_DOLLARS", "${YAML_TEST_PORT}", 1);
    unsetenv("YAML_TEST_NONE");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bus_arena_release(&f->arena);
    free(f);
    return 0;
}

static int read_text(struct fixture *f, const char *text)
{
    return bus_yaml_text("etc/a.yaml", text, strlen(text), &f->arena, &f->top,
                         &f->err);
}

static void good(struct fixture *f, const char *text)
{
    if (read_text(f, text))
        fail_msg("%s", f->err.sentence);
}

static void refused(struct fixture *f, const char *text, const char *sentence)
{
    assert_int_equal(read_text(f, text), BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence, sentence);
}

static const char *value(struct fixture *f, const char *key)
{
    const struct bus_yaml *node = bus_yaml_get(f->top, key);
    assert_non_null(node);
    assert_int_equal(node->type, BUS_YAML_TEXT);
    return node->text;
}

/* ---- success ---- */

static void a_service_of_the_tutorial(void **state)
{
    struct fixture *f = *state;
    good(f, "Name: user-api\n"
            "Port: 8888\n"
            "Mysql:\n"
            "  DataSource: root:root@tcp(10.4.7.40)/book?charset=utf8mb4&"
            "parseTime=true&loc=Asia%2FShanghai\n"
            "CacheRedis:\n"
            "  - Host: 10.4.7.40:6379\n"
            "    Pass: ''\n");
    const struct bus_yaml *mysql = bus_yaml_get(f->top, "Mysql");
    const struct bus_yaml *redis = bus_yaml_get(f->top, "CacheRedis");
    assert_string_equal(value(f, "Name"), "user-api");
    assert_string_equal(bus_yaml_get(mysql, "DataSource")->text,
                        "root:root@tcp(10.4.7.40)/book?charset=utf8mb4&"
                        "parseTime=true&loc=Asia%2FShanghai");
    assert_int_equal(redis->type, BUS_YAML_LIST);
    assert_string_equal(bus_yaml_get(redis->first, "Host")->text,
                        "10.4.7.40:6379");
    assert_true(bus_yaml_get(redis->first, "Pass")->quoted);
    assert_int_equal(bus_yaml_get(redis->first, "Pass")->line, 7);
    assert_int_equal(bus_yaml_get(redis->first, "Pass")->column, 11);
    assert_string_equal(redis->file, "etc/a.yaml");
}

static void a_folded_secret_is_one_value(void **state)
{
    struct fixture *f = *state;
    good(f, "Auth:\n"
            "  AccessSecret: \"b60d7387-a0ef-eadc-7361-2b24a8b56851\n"
            "                 0d5ef0d6-7a5d-4c8e-53bd-9689a3b9a37c\n"
            "                 47f7e6d4-2dfd-8417-ae7a-4b59a0a924f8\"\n"
            "  AccessExpire: 7200\n");
    const struct bus_yaml *auth = bus_yaml_get(f->top, "Auth");
    assert_string_equal(bus_yaml_get(auth, "AccessSecret")->text,
                        "b60d7387-a0ef-eadc-7361-2b24a8b56851 "
                        "0d5ef0d6-7a5d-4c8e-53bd-9689a3b9a37c "
                        "47f7e6d4-2dfd-8417-ae7a-4b59a0a924f8");
}

static void keys_in_any_case_without_underscores(void **state)
{
    static const char *const keys[] = {"MaxScore", "maxscore", "MAXSCORE",
                                       "max_score", "Max_Score_"};
    struct fixture *f = *state;
    good(f, "MaxScore: 1");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_string_equal(value(f, keys[i]), "1");
    assert_null(bus_yaml_get(f->top, "MaxScores"));
    assert_null(bus_yaml_get(f->top, ""));
}

static void variables(void **state)
{
    static const char *const rows[][2] = {
        {"${YAML_TEST_PORT}", "8888"},
        {"\"${YAML_TEST_PORT}\"", "8888"},
        {"a${YAML_TEST_PORT}b", "a8888b"},
        {"${YAML_TEST_NONE:-9}", "9"},
        {"${YAML_TEST_EMPTY:-9}", "9"},
        {"${YAML_TEST_PORT:-9}", "8888"},
        {"\"${YAML_TEST_NONE:-}\"", ""},
        {"${YAML_TEST_EMPTY}", ""},
        {"${YAML_TEST_NONE:-a:-b}", "a:-b"},
        {"${YAML_TEST_DOLLARS}", "${YAML_TEST_PORT}"},
        {"$${YAML_TEST_PORT}", "${YAML_TEST_PORT}"},
        {"'$y$j9T$abc/def'", "$y$j9T$abc/def"},
        {"\"$2a$10$abc\"", "$2a$10$abc"},
        {"$user:$password@tcp($url)/$db", "$user:$password@tcp($url)/$db"},
        {"a$", "a$"},
        {"$", "$"},
        {"$5", "$5"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "Key: %s", rows[i][0]);
        good(f, text);
        assert_string_equal(value(f, "Key"), rows[i][1]);
    }
}

static void nothing_is_an_empty_map(void **state)
{
    static const char *const texts[] = {"", "# only a comment\n", "---\n",
                                        "null", "~"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        good(f, texts[i]);
        assert_int_equal(f->top->type, BUS_YAML_MAP);
        assert_null(f->top->first);
    }
}

static void nulls(void **state)
{
    struct fixture *f = *state;
    good(f, "a:\nb: ~\nc: null\nd: ''\ne: 'null'\n");
    assert_true(bus_yaml_is_null(bus_yaml_get(f->top, "a")));
    assert_true(bus_yaml_is_null(bus_yaml_get(f->top, "b")));
    assert_true(bus_yaml_is_null(bus_yaml_get(f->top, "c")));
    assert_false(bus_yaml_is_null(bus_yaml_get(f->top, "d")));
    assert_false(bus_yaml_is_null(bus_yaml_get(f->top, "e")));
}

static void a_file(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/yaml_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    bool wrote = write(fd, "Port: 1\n", 8) == 8;
    close(fd);
    int code = bus_yaml_file(path, &f->arena, &f->top, &f->err);
    unlink(path);
    assert_true(wrote);
    assert_int_equal(code, 0);
    assert_string_equal(value(f, "Port"), "1");
    assert_string_equal(f->top->file, path);
}

/* ---- failure ---- */

static void what_surprises_is_refused(void **state)
{
    struct fixture *f = *state;
    refused(f, "a: &x 1\n",
            "etc/a.yaml:1:4: found an anchor, expected a plain value");
    refused(f, "a: &x [1]\n",
            "etc/a.yaml:1:4: found an anchor, expected a plain value");
    refused(f, "a: 1\nb: *x\n",
            "etc/a.yaml:2:4: found an alias, expected a plain value");
    refused(f, "a: !!str 1\n",
            "etc/a.yaml:1:4: found a tag, expected a plain value");
    refused(f, "a: !x {b: 1}\n",
            "etc/a.yaml:1:4: found a tag, expected a plain value");
    refused(f, "a: 1\n---\nb: 2\n",
            "etc/a.yaml:2:1: found a second document, expected one");
    refused(f, "[a]: 1\n",
            "etc/a.yaml:1:1: found a list, map or alias, expected a key");
    refused(f, "a: \"x\\0y\"\n",
            "etc/a.yaml:1:4: found a NUL character, expected text");
}

static void duplicate_keys(void **state)
{
    struct fixture *f = *state;
    refused(f, "a: 1\nb:\n  c: 1\n  c: 2\n",
            "etc/a.yaml:4:3: found the same key twice, expected it once in a "
            "map");
}

static void variables_that_are_not_there(void **state)
{
    struct fixture *f = *state;
    refused(f, "a: 1\nb: ${YAML_TEST_NONE}\n",
            "etc/a.yaml:2:4: found a variable that is not set: "
            "YAML_TEST_NONE, expected it in the environment");
    refused(f, "Auth:\n  AccessSecret: $AccessSecret\n",
            "etc/a.yaml:2:17: found the bare name $AccessSecret, expected a "
            "value, or the name in ${}");
    refused(f, "a: \"$host\"\n",
            "etc/a.yaml:1:4: found the bare name $host, expected a value, or "
            "the name in ${}");
    refused(f, "a: ${X\n",
            "etc/a.yaml:1:4: found ${ without }, expected ${NAME} or "
            "${NAME:-default}");
    refused(f, "a: ${1X}\n",
            "etc/a.yaml:1:4: found a malformed ${...}, expected ${NAME} or "
            "${NAME:-default}");
    refused(f, "a: ${X-y}\n",
            "etc/a.yaml:1:4: found a malformed ${...}, expected ${NAME} or "
            "${NAME:-default}");
}

static void malformed_yaml_has_a_position(void **state)
{
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"a: [1\nb: 2", "etc/a.yaml:2:2: found malformed YAML ("},
        {"a: 1\n  b: 2\n", "etc/a.yaml:2:4: found malformed YAML ("},
        {"a: \"x", "etc/a.yaml:1:6: found malformed YAML ("},
        {"\ta: 1", "etc/a.yaml:1:1: found malformed YAML ("},
        {"a: 1\nb: \xFF\n", "etc/a.yaml:2:4: found malformed YAML ("},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(read_text(f, rows[i].text), BUS_INVALID_ARGUMENT);
        if (strncmp(f->err.sentence, rows[i].place, strlen(rows[i].place)))
            fail_msg("%s", f->err.sentence);
    }
}

static void limits(void **state)
{
    struct fixture *f = *state;
    size_t len = BUS_YAML_BYTES_MAX + 1;
    char *text = malloc(len + 1);
    assert_non_null(text);
    memset(text, '[', len);
    int deep = bus_yaml_text("f", text, BUS_YAML_BYTES_MAX, &f->arena, &f->top,
                             &f->err);
    int large = bus_yaml_text("f", text, len, &f->arena, &f->top, &f->err);
    size_t at = 0;
    for (int i = 0; i <= BUS_YAML_KEYS_MAX; i++)
        at += (size_t)snprintf(text + at, len - at, "k%d: 1\n", i);
    int many = bus_yaml_text("f", text, at, &f->arena, &f->top, NULL);
    free(text);
    assert_int_equal(deep, BUS_INVALID_ARGUMENT);
    assert_int_equal(large, BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence, "f:1:1: found more than 1048576 bytes,"
                                         " expected a smaller file");
    assert_int_equal(many, BUS_INVALID_ARGUMENT);
}

static void files_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        bus_yaml_file("/nonexistent/a.yaml", &f->arena, &f->top, &f->err),
        BUS_NOT_FOUND);
    assert_non_null(strstr(f->err.sentence, "/nonexistent/a.yaml:1:1: found"));
    assert_int_equal(bus_yaml_file("/", &f->arena, &f->top, &f->err),
                     BUS_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_service_of_the_tutorial),
        TEST(a_folded_secret_is_one_value),
        TEST(keys_in_any_case_without_underscores),
        TEST(variables),
        TEST(nothing_is_an_empty_map),
        TEST(nulls),
        TEST(a_file),
        TEST(what_surprises_is_refused),
        TEST(duplicate_keys),
        TEST(variables_that_are_not_there),
        TEST(malformed_yaml_has_a_position),
        TEST(limits),
        TEST(files_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
