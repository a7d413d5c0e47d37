/* SPDX-License-Identifier: MIT
 *
 * What `bus gen check --json` prints: the keys of the published form, each
 * language once as a whole, and what is easily lost.
 */
#include "golden.h"

static const char *described(const char *path, const char *text)
{
    return schema_describe(loaded, load_good(path, text), path);
}

static void assert_has(const char *made, const char *part)
{
    if (!strstr(made, part))
        fail_msg("no %s in %s", part, made);
}

static void whole_files(void **state)
{
    (void)state;
    static const char *const files[] = {
        "language/kinds.api", "language/shop.proto", "language/dump.sql",
        "language/order.saga", NULL};
    for (int i = 0; files[i]; i++) {
        char golden[128];
        const struct schema_unit *unit = schema_load(loaded, files[i]);
        assert_non_null(unit);
        snprintf(golden, sizeof(golden), "described/%s.json",
                 strchr(files[i], '/') + 1);
        golden_check(schema_describe(loaded, unit, files[i]), golden);
    }
}

static void groups_and_routes(void **state)
{
    (void)state;
    const char *made = described(
        "a.api", "type A {\n}\n@server(\n  prefix: /v1\n  group: a/b\n"
                 "  jwt: Auth\n  middleware: M, N\n  timeout: 3s\n)\n"
                 "service a-api {\n  @doc \"says \\ it\"\n  @handler login\n"
                 "  post /user/:id (A) returns ([]*A)\n}\n");
    assert_has(made, "\"service\":\"a-api\",\"info\":{},\"imports\":[]");
    assert_has(made, "\"groups\":[{\"prefix\":\"/v1\",\"group\":\"a/b\","
                     "\"jwt\":\"Auth\",\"middleware\":[\"M\",\"N\"],"
                     "\"annotations\":{\"timeout\":\"3s\"},\"routes\":[{"
                     "\"method\":\"post\",\"path\":\"/v1/user/:id\","
                     "\"handler\":\"login\",\"request\":\"A\","
                     "\"response\":\"[]*A\",\"doc\":\"says \\\\ it\"}]}]");
}

static void same_handler_in_two_groups(void **state)
{
    (void)state;
    const char *made = described(
        "a.api", "@server(\n group: a\n)\nservice s {\n@handler h\nget /a\n}\n"
                 "@server(\n group: b\n)\nservice s {\n@handler h\nget /b\n}"
                 "\n");
    assert_has(made, "\"path\":\"/a\",\"handler\":\"h\"");
    assert_has(made, "\"path\":\"/b\",\"handler\":\"h\"");
}

static void types_as_written(void **state)
{
    (void)state;
    const char *made = described(
        "a.api", "type B {\n X map[ string ] [] * int `json:\"x\"`\n}\n"
                 "type A {\n  *B\n  In struct {\n Y [ ]  byte\n // no\n }\n}\n"
                 "service s {\n}\n");
    assert_has(made, "{\"name\":\"X\",\"type\":\"map[string][]*int\","
                     "\"tag\":\"json:\\\"x\\\"\",\"embedded\":false");
    assert_has(made, "{\"name\":\"\",\"type\":\"*B\",\"tag\":\"\","
                     "\"embedded\":true");
    assert_has(made, "\"name\":\"In\",\"type\":\"struct{Y[]byte}\"");
}

static void columns_and_keys(void **state)
{
    (void)state;
    const char *made = described(
        "u.sql", "INSERT INTO x VALUES (1);\nCREATE TABLE third_payment (\n"
                 "id bigint(20) unsigned NOT NULL AUTO_INCREMENT,\n"
                 "sn char(3) NOT NULL DEFAULT '' COMMENT 'a\tb',\n"
                 "user_id int, PRIMARY KEY (id), UNIQUE KEY (sn),\n"
                 "KEY (user_id));\n");
    assert_has(made, "\"skipped\":{\"INSERT\":1}");
    assert_has(made, "{\"name\":\"id\",\"sql\":\"bigint(20) unsigned\","
                     "\"c\":\"uint64_t\",\"null\":false,\"default\":null,"
                     "\"auto\":true,\"comment\":\"\"}");
    assert_has(made, "\"comment\":\"a\\u0009b\"");
    assert_has(made, "\"primary\":[\"id\"],\"unique\":[[\"sn\"]],"
                     "\"indexes\":[[\"user_id\"]],\"methods\":[\"insert\","
                     "\"find_one\",\"find_one_by_sn\",\"update\",\"delete\"],"
                     "\"cache_keys\":[\"cache:thirdPayment:id:\","
                     "\"cache:thirdPayment:sn:\"]");
}

static void streams_and_imports(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "language/streams.proto");
    assert_non_null(unit);
    const char *made = schema_describe(loaded, unit, "streams.proto");
    assert_has(made, "\"stream\":\"none\"");
    assert_has(made, "\"stream\":\"client\"");
    assert_has(made, "\"stream\":\"server\"");
    assert_has(made, "\"stream\":\"both\"");
    unit = schema_load(loaded, "language/options.proto");
    assert_non_null(unit);
    made = schema_describe(loaded, unit, "options.proto");
    assert_has(made, "\"package\":\"\",\"imports\":[\"gogoproto/gogo.proto\","
                     "\"google/api/annotations.proto\",");
    assert_has(made, "\"missing_imports\":[\"gogoproto/gogo.proto\","
                     "\"google/api/annotations.proto\"]");
}

static void all_errors(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "errors/routes.api"));
    const char *made = schema_describe_errors(loaded, "errors/routes.api");
    assert_int_equal(strncmp(made,
                             "{\"file\":\"errors/routes.api\",\"errors\""
                             ":[{\"line\":",
                             46),
                     0);
    size_t count = 0;
    for (const char *at = made; (at = strstr(at, "\"message\":")); at++)
        count++;
    assert_int_equal(count, schema_error_count(loaded));
    assert_true(count > 1);
}

/* Two names in the schema, one in C: nothing that gen could print. */
static void refuses_what_gen_refuses(void **state)
{
    (void)state;
    load_good("a.api", "service s {\n@handler a_b\nget /a\n"
                       "@handler c\nget /c\n}\n");
    assert_int_equal(schema_check(loaded), 0);
    load_good("b.api", "@server(group: x-y)\nservice t {\n@handler h\n"
                       "get /a\n}\n@server(group: x_y)\nservice t {\n"
                       "@handler h\nget /b\n}\n");
    assert_int_equal(schema_check(loaded), 1);
    assert_int_equal(schema_error_at(loaded, 0)->pos.line, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(whole_files),
        LOADED_TEST(groups_and_routes),
        LOADED_TEST(same_handler_in_two_groups),
        LOADED_TEST(types_as_written),
        LOADED_TEST(columns_and_keys),
        LOADED_TEST(streams_and_imports),
        LOADED_TEST(all_errors),
        LOADED_TEST(refuses_what_gen_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
