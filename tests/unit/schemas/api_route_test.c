/* SPDX-License-Identifier: MIT
 *
 * Service blocks: names, docs, handlers and every form of a route that one of
 * the public parsers takes; and what they read wrongly, which is refused.
 */
#include <stdio.h>

#include "loaded.h"

#define TYPES "type R {\n X int `json:\"x,optional\"`\n}\n"

/* The only route of a service that holds those lines. */
static const struct schema_method *route_of(const char *lines)
{
    char text[1000];
    snprintf(text, sizeof(text), "service a {\n%s\n}\n" TYPES, lines);
    loaded_renew();
    const struct schema_unit *unit = load_good("a.api", text);
    assert_int_equal(unit->services[0]->method_count, 1);
    return &unit->services[0]->methods[0];
}

/* ---- success ---- */

static void takes_every_form_of_a_route(void **state)
{
    (void)state;
    static const struct {
        const char *route, *url, *request, *reply;
    } rows[] = {
        {"get /a", "/a", "", ""},
        {"get /a;", "/a", "", ""},
        {"get /a (R)", "/a", "R", ""},
        {"get /a(R)", "/a", "R", ""},
        {"get /a (*R)", "/a", "*R", ""},
        {"get /a ( * R )", "/a", "*R", ""},
        {"get /a returns (R)", "/a", "", "R"},
        {"get /a returns(R)", "/a", "", "R"},
        {"get /a (R) returns (R)", "/a", "R", "R"},
        {"get /a(R)returns(R);", "/a", "R", "R"},
        {"get /a () returns ()", "/a", "", ""},
        {"get /a() returns(R)", "/a", "", "R"},
        {"get /a\n(R)\nreturns\n(R)\n;", "/a", "R", "R"},
        {"get /a /* b */ (R) // c", "/a", "R", ""},
        {"get /a/* b */(R)// c", "/a", "R", ""},
        {"get /a returns (*R)", "/a", "", "*R"},
        {"get /a returns ([]R)", "/a", "", "[]R"},
        {"get /a returns ([]*R)", "/a", "", "[]*R"},
        {"get /a returns (string)", "/a", "", "string"},
        {"get /a returns ([]int64)", "/a", "", "[]int64"},
        {"get /a returns (any)", "/a", "", "any"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char lines[200];
        snprintf(lines, sizeof(lines), "@handler h\n%s", rows[i].route);
        const struct schema_method *h = route_of(lines);
        assert_string_equal(h->url, rows[i].url);
        assert_string_equal(h->request_type, rows[i].request);
        assert_string_equal(h->reply_type, rows[i].reply);
    }
}

static void takes_every_method(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"get", "GET"},         {"head", "HEAD"},       {"post", "POST"},
        {"put", "PUT"},         {"patch", "PATCH"},     {"delete", "DELETE"},
        {"connect", "CONNECT"}, {"options", "OPTIONS"}, {"trace", "TRACE"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char lines[100];
        snprintf(lines, sizeof(lines), "@handler h %s /a", rows[i][0]);
        assert_string_equal(route_of(lines)->verb, rows[i][1]);
    }
}

static void takes_every_path(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/", "/"},
        {"/a/", "/a"},
        {"/a/b", "/a/b"},
        {"/ a / b", "/a/b"},
        {"/:id", "/:id"},
        {"/a/:user-id/b", "/a/:user-id/b"},
        {"/:id/_x", "/:id/_x"},
        {"/a_b/c-d/e.f", "/a_b/c-d/e.f"},
        {"/a-1", "/a-1"},
        {"/v1.0/x", "/v1.0/x"},
        {"/1s", "/1s"},
        {"/123/45", "/123/45"},
        {"/~x/y%20z/@b", "/~x/y%20z/@b"},
        {"/.well-known/x", "/.well-known/x"},
        {"/returns", "/returns"},
        {"/a/returns", "/a/returns"},
        {"/get/service/type", "/get/service/type"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char lines[100];
        snprintf(lines, sizeof(lines), "@handler h\nget %s (R)", rows[i][0]);
        assert_string_equal(route_of(lines)->url, rows[i][1]);
        assert_string_equal(route_of(lines)->request_type, "R");
    }
}

static void takes_every_form_of_a_doc(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"@doc \"text\"", "text"},
        {"@doc \"\"", ""},
        {"@doc(\"text\")", "text"},
        {"@doc ( \"text\" )", "text"},
        {"@doc `raw`", "raw"},
        {"@doc()", ""},
        {"@doc bare words", "bare words"},
        {"@doc 中文，说明", "中文，说明"},
        {"@doc \"a\" // c", "a"},
        {"@doc /* c */ \"a\"", "a"},
        {"@doc(\n summary: \"a: b (c)\" // d\n)", "a: b (c)"},
        {"@doc(\n desc: x\n summary: s words\n)", "s words"},
        {"@doc(summary: \"x\" desc: \"y\")", "x"},
        {"@doc(\n summary: 列表/搜索 - 导出\n)", "列表/搜索 - 导出"},
        {"@doc \"say \\\"hi\\\"\"", "say \"hi\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char lines[200];
        snprintf(lines, sizeof(lines), "%s\n@handler h\nget /a", rows[i][0]);
        assert_string_equal(route_of(lines)->doc, rows[i][1]);
    }
}

static void takes_handlers_of_both_dialects(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "@handler h\nget /a",
        "@handler h get /a",
        "@handler h // c\n// d\nget /a // e",
        "@handler /* c */ h /* d */\n/* e */ get /a",
        "@server(\nhandler: h\n)\nget /a",
        "@server(\nhandler: h // c\ngroup: g\n)\nget /a",
        "@doc(\nsummary: x\n)\n@server(handler: h)\nget /a",
        "@handler h\n@doc \"x\"\nget /a",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(route_of(rows[i])->handler, "h");
    assert_string_equal(route_of("@handler get\nget /a")->handler, "get");
    assert_string_equal(route_of("@handler default\nget /a")->c_name,
                        "default");
}

static void takes_every_name_of_a_service(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"foo", "foo"},
        {"foo-api", "foo-api"},
        {"Foo_1", "Foo_1"},
        {"foo-bar-api", "foo-bar-api"},
        {"foo.api", "foo.api"},
        {"foo - api", "foo-api"},
        {"\"foo-api\"", "foo-api"},
        {"a1-2b", "a1-2b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "service %s {\n@handler h\nget /a\n}",
                 rows[i][0]);
        loaded_renew();
        const struct schema_unit *unit = load_good("a.api", text);
        assert_string_equal(unit->services[0]->name, rows[i][1]);
    }
    loaded_renew();
    load_good("a.api", "service foo{}\nservice foo\n{\n}");
}

static void joins_prefixes_as_gos_path_does(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/v1", "/v1/a"},
        {"v1", "/v1/a"},
        {"/v1/", "/v1/a"},
        {"\"/v1\"", "/v1/a"},
        {"/v1/:id", "/v1/:id/a"},
        {"algo-x/v1", "/algo-x/v1/a"},
        {"/api/v1.0/2x", "/api/v1.0/2x/a"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text),
                 "@server(prefix: %s)\nservice a {\n@handler h\nget /a\n}",
                 rows[i][0]);
        loaded_renew();
        const struct schema_unit *unit = load_good("a.api", text);
        assert_string_equal(method_of(unit, "h")->url, rows[i][1]);
    }
}

static void tells_the_same_handler_of_two_groups_apart(void **state)
{
    (void)state;
    load_good("a.api", "@server(group: x)\nservice a {\n@handler h\nget /a\n}\n"
                       "@server(group: y)\nservice a {\n@handler h\nget /b\n}");
    loaded_renew();
    load_good("a.api",
              "@server(prefix: /x)\nservice a {\n@handler g\nget /a\n}\n"
              "@server(prefix: /y)\nservice a {\n@handler h\nget /a\n}");
}

/* ---- failure ---- */

struct refusal {
    const char *text;
    uint32_t line, column;
    const char *message;
};

static void refuse(const struct refusal *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[500];
        snprintf(text, sizeof(text), "%s\n" TYPES, rows[i].text);
        loaded_renew();
        load_bad("a.api", text, rows[i].line, rows[i].column, rows[i].message);
        assert_int_equal(schema_error_count(loaded), 1);
    }
}

#define REFUSE(rows) refuse(rows, sizeof(rows) / sizeof((rows)[0]))
#define IN_PATH " in a path, expected letters, digits or _ - . ~ % @"
#define VERBS                                                                  \
    "expected get, head, post, put, patch, delete, connect, options or trace"

static void refuses_bad_paths(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"service a {\n@handler h\nget a\n}", 3, 5,
         "found 'a', expected a path"},
        {"service a {\n@handler h\nget \"/a\"\n}", 3, 5,
         "found '\"/a\"', expected a path"},
        {"service a {\n@handler h\nget /a/b:id\n}", 3, 9, "found ':'" IN_PATH},
        {"service a {\n@handler h\nget /a?b\n}", 3, 7, "found '?'" IN_PATH},
        {"service a {\n@handler h\nget /:\n}", 3, 6,
         "found ':', expected a parameter's name"},
        {"service a {\n@handler h\nget /{id}\n}", 3, 6,
         "found '{', expected ':name'"},
        {"service a {\n@handler h\nget /a//b\n}", 3, 7,
         "found '//' in a path, expected a segment (a comment needs a blank "
         "before it)"},
        {"service a {\n@handler h\nget /:x/:x\n}", 3, 5,
         "a parameter stands twice in '/:x/:x'"},
    };
    REFUSE(rows);
}

static void refuses_bad_methods_and_handlers(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"service a {\n@handler h\nGET /a\n}", 3, 1, "found 'GET', " VERBS},
        {"service a {\n@handler h\ngets /a\n}", 3, 1, "found 'gets', " VERBS},
        {"service a {\n@handler h\n}", 3, 1, "found '}', " VERBS},
        {"service a {\nget /a\n}", 2, 1,
         "found a route, expected its @handler before it"},
        {"service a {\n@handler g\nget /a\nget /b\n}", 4, 1,
         "found a route, expected its @handler before it"},
        {"service a {\n@handler \"h\"\nget /a\n}", 2, 10,
         "found '\"h\"', expected the handler's name"},
        {"service a {\n@handler 1\nget /a\n}", 2, 10,
         "found '1', expected the handler's name"},
        {"service a {\n@handler g\n@handler h\nget /a\n}", 3, 10,
         "a second @handler, expected a route"},
        {"service a {\n@foo\n@handler h\nget /a\n}", 2, 1,
         "found '@foo', expected @doc, @handler or @server"},
    };
    REFUSE(rows);
}

static void refuses_bad_bodies(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"service a {\n@handler h\nget /a (int)\n}", 3, 9,
         "found 'int', expected a struct as request"},
        {"service a {\n@handler h\nget /a ([]R)\n}", 3, 9,
         "found '[]R', expected a struct as request"},
        {"service a {\n@handler h\nget /a (X)\n}", 3, 9, "unresolved type 'X'"},
        {"service a {\n@handler h\nget /a returns (X)\n}", 3, 17,
         "unresolved type 'X'"},
        {"service a {\n@handler h\nget /a returns (map[string]R)\n}", 3, 17,
         "found 'map[string]R', expected a struct, a base type or a list of "
         "them as response"},
        {"service a {\n@handler h\nget /a returns (interface{})\n}", 3, 17,
         "found 'interface{}', expected a struct, a base type or a list of "
         "them as response"},
        {"service a {\n@handler h\nget /a return (R)\n}", 3, 8,
         "found 'return', " VERBS},
        {"service a {\n@handler h\nget /a (R) (R)\n}", 3, 12,
         "found '(', " VERBS},
        {"service a {\n@handler h\nget /a (R, R)\n}", 3, 10,
         "found ',', expected ')'"},
        {"@server(sse: true)\nservice a {\n@handler h\nget /a\n}", 4, 1,
         "missing response type"},
    };
    REFUSE(rows);
}

static void refuses_what_stands_twice(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"service a {\n@handler h\nget /a\n@handler h\nget /b\n}", 4, 10,
         "handler 'h' is declared already, at a.api:2"},
        {"service a {\n@handler g\nget /a\n@handler h\nget /a (R)\n}", 5, 5,
         "route 'GET /a' is declared already, at a.api:2"},
        {"service a {\n@handler g\nget /a/:x\n@handler h\nget /a/:y\n}", 5, 5,
         "'/a/:y' and '/a/:x' (a.api:2) give one position two parameter "
         "names"},
        {"service a {\n@handler g\nget /x/a\n}\n@server(prefix: /x)\n"
         "service a {\n@handler h\nget /a\n}",
         8, 5, "route 'GET /x/a' is declared already, at a.api:2"},
        {"service a {\n}\nservice a-api {\n}", 3, 9,
         "found service 'a-api', expected 'a' as before"},
    };
    REFUSE(rows);
}

static void refuses_bad_services(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"service {\n}", 1, 9, "found '{', expected the service's name"},
        {"service \"a b\" {\n}", 1, 9,
         "found '\"a b\"', expected the service's name"},
        {"service a- {\n}", 1, 10, "found '-', expected '{'"},
        {"service a {\n@handler h\nget /a\n", 4, 1,
         "found the end of the file, expected '}'"},
        {"@server(\n jwt: Auth\n)\n", 4, 1,
         "found the end of the file, expected 'service' behind @server"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        loaded_renew();
        load_bad("a.api", rows[i].text, rows[i].line, rows[i].column,
                 rows[i].message);
    }
}

static void stops_at_the_limit_of_a_path(void **state)
{
    (void)state;
    static char text[200000] = "service a {\n@handler h\nget ";
    size_t at = strlen(text);
    for (int i = 0; i < 50000; i++, at += 2)
        memcpy(text + at, "/a", 3);
    memcpy(text + at, "\n}", 3);
    load_bad("a.api", text, 3, 4102, "a path of more than 4096 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(takes_every_form_of_a_route),
        LOADED_TEST(takes_every_method),
        LOADED_TEST(takes_every_path),
        LOADED_TEST(takes_every_form_of_a_doc),
        LOADED_TEST(takes_handlers_of_both_dialects),
        LOADED_TEST(takes_every_name_of_a_service),
        LOADED_TEST(joins_prefixes_as_gos_path_does),
        LOADED_TEST(tells_the_same_handler_of_two_groups_apart),
        LOADED_TEST(refuses_bad_paths),
        LOADED_TEST(refuses_bad_methods_and_handlers),
        LOADED_TEST(refuses_bad_bodies),
        LOADED_TEST(refuses_what_stands_twice),
        LOADED_TEST(refuses_bad_services),
        LOADED_TEST(stops_at_the_limit_of_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
