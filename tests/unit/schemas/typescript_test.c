/* SPDX-License-Identifier: MIT
 *
 * The TypeScript client: one file as a whole, and what is easily wrong.
 */
#include "golden.h"

static const char *client(const char *text)
{
    const char *made = schema_typescript(loaded, load_good("a.api", text));
    assert_non_null(made);
    return made;
}

static void assert_has(const char *made, const char *part)
{
    if (!strstr(made, part))
        fail_msg("no %s in %s", part, made);
}

static void whole_file(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/kinds.api");
    assert_non_null(unit);
    golden_check(schema_typescript(loaded, unit), "described/kinds.client.ts");
}

static void fields_know_whether_they_may_be_missing(void **state)
{
    (void)state;
    const char *made =
        client("type Q {\nA string `json:\"a\"`\nB int `json:\"b,optional\"`\n"
               "C int `json:\"c,default=1\"`\n}\n"
               "type R {\nA string `json:\"a\"`\nB []Q `json:\"b,omitempty\"`\n"
               "}\nservice s {\n@handler h\npost /h (Q) returns (R)\n}\n");
    assert_has(made, "export interface Q {\n  a: string;\n  b?: number;\n"
                     "  c?: number;\n}");
    assert_has(made, "export interface R {\n  a: string;\n  b?: Q[];\n}");
    assert_has(made, "  h(req: Q, init: RequestInit = {}): Promise<R> {");
}

static void names_that_are_taken(void **state)
{
    (void)state;
    const char *made =
        client("type Promise {\nA string `json:\"x-y\"`\n}\nservice s {\n"
               "@handler constructor\npost /h (Promise) returns "
               "([]*Promise)\n}\n");
    assert_has(made, "export interface Promise_ {\n  \"x-y\": string;\n}");
    assert_has(made, "  constructor_(req: Promise_, init: RequestInit = {}): "
                     "Promise<Promise_[]> {");
}

static void paths_and_forms(void **state)
{
    (void)state;
    const char *made =
        client("type A {\nId int `path:\"id\"`\nN string `form:\"n\"`\n}\n"
               "service s {\n@handler h\npost /a/:id/b/:c-d (A)\n}\n");
    assert_has(made, "h(path: { \"c-d\": string | number }, req: A, init");
    assert_has(made, "path: \"/a/\" + encodeURIComponent(String(req.id)) + "
                     "\"/b/\" + encodeURIComponent(String(path[\"c-d\"])),");
    assert_has(made, "form: [\n          [\"n\", req.n],\n        ],");
}

static void streams_are_responses(void **state)
{
    (void)state;
    const char *made =
        client("type A {\nN string `json:\"n\"`\n}\n@server(\n sse: true\n)\n"
               "service s {\n@handler h\nget /a returns (A)\n}\n");
    assert_has(made, "h(init: RequestInit = {}): Promise<Response> {\n"
                     "    return $fetch(\n");
}

static void docs_do_not_end_comments(void **state)
{
    (void)state;
    const char *made = client("service s {\n@doc \"a */ alert(1) /* b\"\n"
                              "@handler h\nget /a\n}\n");
    assert_null(strstr(made, "*/ alert"));
}

static void needs_a_service(void **state)
{
    (void)state;
    assert_null(schema_typescript(loaded, load_good("a.api", "type A {\n}\n")));
    assert_int_equal(schema_error_count(loaded), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(whole_file),
        LOADED_TEST(fields_know_whether_they_may_be_missing),
        LOADED_TEST(names_that_are_taken),
        LOADED_TEST(paths_and_forms),
        LOADED_TEST(streams_are_responses),
        LOADED_TEST(docs_do_not_end_comments),
        LOADED_TEST(needs_a_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
