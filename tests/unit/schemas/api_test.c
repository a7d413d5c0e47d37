/* SPDX-License-Identifier: MIT
 *
 * The .api language, both dialects: statements, types, services, routes.
 */
#include "loaded.h"

/* ---- success ---- */

static void reads_the_tutorials_user_api(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "tutorial-1/user.api");
    assert_non_null(unit);
    assert_string_equal(unit->actor, "user-api");
    assert_int_equal(unit->service_count, 1);
    const struct schema_method *login = method_of(unit, "login");
    assert_string_equal(login->verb, "POST");
    assert_string_equal(login->url, "/user/login");
    assert_string_equal(login->path, "POST /user/login");
    assert_string_equal(login->request->full, "user-api.LoginReq");
    assert_string_equal(login->reply->c_name, "user_api_LoginReply");
    const struct schema_field *id = field_of(login->reply, "id");
    assert_int_equal(id->kind, SCHEMA_I64);
    assert_int_equal(id->flags, SCHEMA_IN_JSON); /* nothing asks for it */
    const struct schema_field *name = field_of(login->request, "username");
    assert_string_equal(name->written, "Username");
    assert_int_equal(name->flags, SCHEMA_IN_JSON | SCHEMA_REQUIRED);
    assert_null(name->rule);
}

static void reads_jwt_and_middleware_of_a_group(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "tutorial-1/search-middleware.api");
    assert_non_null(unit);
    const struct schema_method *search = method_of(unit, "search");
    assert_string_equal(search->group->jwt, "Auth");
    assert_string_equal(search->group->middlewares[0], "Example");
    assert_null(search->group->middlewares[1]);
    assert_int_equal(field_of(search->request, "name")->flags,
                     SCHEMA_IN_FORM | SCHEMA_REQUIRED);
    const struct schema_method *ping = method_of(unit, "ping");
    assert_null(ping->group->jwt);
    assert_null(ping->request);
    assert_null(ping->reply);
}

static void reads_every_key_of_server(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "a.api", "@server(jwt: Auth group: a/b // said\n"
                 "prefix: \"/v1/\"\n timeout: 1m2s3ms\n maxBytes: 10\n"
                 "middleware: A,\n B , C\n signature: true\n"
                 "summary: some words (and more): here\n"
                 "jwtTransition: Trans)\n"
                 "service a { @handler h get /x/ }");
    const struct schema_method *h = method_of(unit, "h");
    assert_string_equal(h->group->jwt, "Auth");
    assert_string_equal(h->group->jwt_transition, "Trans");
    assert_string_equal(h->group->group, "a/b");
    assert_string_equal(h->group->prefix, "/v1/");
    assert_string_equal(h->url, "/v1/x"); /* joined as Go's path.Join */
    assert_int_equal(h->group->timeout_ms, 62003);
    assert_int_equal(h->group->max_bytes, 10);
    assert_true(h->group->signature);
    assert_string_equal(h->group->middlewares[2], "C");
    assert_null(h->group->middlewares[3]);
    assert_int_equal(h->group->annotation_count, 9);
    assert_string_equal(h->group->annotations[7].value,
                        "some words (and more): here");
}

static void reads_info_of_both_dialects(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "a.api", "info(\n title: \"quoted: text\"\n desc: see http://x.y // z\n"
                 " version: 1.0.0\n words: 中文 and blanks\n empty:\n"
                 " raw: `a\nb`)\nservice a{}");
    assert_int_equal(unit->info_count, 6);
    assert_string_equal(unit->info[0].value, "quoted: text");
    assert_string_equal(unit->info[1].value, "see http://x.y");
    assert_string_equal(unit->info[2].value, "1.0.0");
    assert_string_equal(unit->info[3].value, "中文 and blanks");
    assert_string_equal(unit->info[4].value, "");
    assert_string_equal(unit->info[5].value, "a\nb");
}

static void reads_route_forms(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "a.api", "type R { A int }\n"
                 "service foo.bar-api {\n"
                 "@doc \"first\" @handler a get /a\n"
                 "@doc(summary: \"second\") @handler b post / returns(R);\n"
                 "@doc some bare words\n@handler c put /c/:id/d-e ( * R )\n"
                 "@server(\nhandler: d\n)\ndelete /v1.0/~x(R)returns(R)\n"
                 "@doc(\"x\") @handler e head /e() returns ( )\n"
                 "@handler f patch /f // a comment\n"
                 "(R)\nreturns (R) }");
    assert_string_equal(unit->actor, "foo.bar-api");
    assert_string_equal(method_of(unit, "a")->doc, "first");
    assert_string_equal(method_of(unit, "b")->doc, "second");
    assert_string_equal(method_of(unit, "b")->url, "/");
    assert_string_equal(method_of(unit, "c")->doc, "some bare words");
    assert_string_equal(method_of(unit, "c")->url, "/c/:id/d-e");
    assert_non_null(method_of(unit, "c")->request);
    assert_string_equal(method_of(unit, "d")->path, "DELETE /v1.0/~x");
    assert_null(method_of(unit, "e")->request);
    assert_null(method_of(unit, "e")->reply);
    assert_non_null(method_of(unit, "f")->request);
    assert_non_null(method_of(unit, "f")->reply);
}

static void names_a_handler_of_two_groups_apart(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good("a.api", "@server(group: admin/x)\nservice a { @handler "
                           "login get /a }\n@server(group: user)\nservice a { "
                           "@handler login get /b }");
    assert_string_equal(method_of(unit, "admin_x_login")->url, "/a");
    assert_string_equal(method_of(unit, "user_login")->url, "/b");
}

static void reads_every_kind_of_field(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/kinds.api");
    assert_non_null(unit);
    const struct schema_message *kinds = message_of(unit, "Kinds");
    assert_int_equal(field_of(kinds, "b")->kind, SCHEMA_BOOL);
    assert_int_equal(field_of(kinds, "i8")->kind, SCHEMA_I8);
    assert_int_equal(field_of(kinds, "u16")->kind, SCHEMA_U16);
    assert_int_equal(field_of(kinds, "i")->kind, SCHEMA_I64);
    assert_int_equal(field_of(kinds, "f")->kind, SCHEMA_F64);
    assert_int_equal(field_of(kinds, "bytes")->kind, SCHEMA_BYTES);
    assert_int_equal(field_of(kinds, "bytes")->cardinality, SCHEMA_ONE);
    assert_int_equal(field_of(kinds, "names")->cardinality, SCHEMA_LIST);
    assert_int_equal(field_of(kinds, "names")->kind, SCHEMA_TEXT);
    assert_false(field_of(kinds, "names")->presence);
    assert_ptr_equal(field_of(kinds, "inners")->message,
                     message_of(unit, "Inner"));
    const struct schema_field *counts = field_of(kinds, "counts");
    assert_int_equal(counts->cardinality, SCHEMA_MAP);
    assert_int_equal(counts->message->fields[0].kind, SCHEMA_I64);
    assert_int_equal(counts->message->fields[1].cardinality, SCHEMA_LIST);
    assert_int_equal(field_of(kinds, "any")->kind, SCHEMA_ANY);
    assert_int_equal(field_of(kinds, "when")->kind, SCHEMA_TIME);
    assert_string_equal(field_of(kinds, "nested")->message->name,
                        "Kinds_Nested");
    assert_ptr_equal(field_of(kinds, "next")->message, kinds);
    assert_string_equal(field_of(kinds, "default")->c_name, "default_");
    assert_null(schema_field_find(kinds, "Ignored"));
}

static void flattens_embedded_types(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "a.api", "type ( A { X int `json:\"x\"`\n Y int `json:\"y\"` }\n"
                 "B { *A\n Y string `json:\"y\"` }\n"
                 "C struct { A `json:\"a\"` }\n D { A } )\nservice a{}");
    const struct schema_message *b = message_of(unit, "B");
    assert_int_equal(b->field_count, 2);
    assert_int_equal(field_of(b, "x")->kind, SCHEMA_I64);
    assert_int_equal(field_of(b, "y")->kind, SCHEMA_TEXT); /* its own */
    assert_int_equal(field_of(message_of(unit, "C"), "a")->kind,
                     SCHEMA_MESSAGE);
    assert_int_equal(message_of(unit, "D")->field_count, 2);
}

static void keeps_names_of_other_sources(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/kinds.api");
    assert_non_null(unit);
    const struct schema_message *sources = message_of(unit, "Sources");
    const struct schema_field *body = field_of(sources, "id");
    const struct schema_field *path = field_of(sources, "Id");
    assert_int_equal(body->flags & 0xF0, SCHEMA_IN_JSON);
    assert_int_equal(path->flags & 0xF0, SCHEMA_IN_PATH);
    assert_string_equal(path->rule->path, "id");
    assert_int_equal(field_of(sources, "X-Token")->flags & 0xF0,
                     SCHEMA_IN_HEADER);
    assert_string_equal(field_of(sources, "X-Token")->c_name, "X_Token");
}

static void imports_diamonds_once(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/kinds.api");
    assert_non_null(unit);
    assert_int_equal(unit->file_count, 3);
    assert_string_equal(unit->files[1], "language/base/base.api");
    assert_string_equal(unit->files[2], "language/base/more.api");
    /* What is imported twice is declared once. */
    assert_non_null(load_good(
        "language/two.api",
        "import (\n\"base/base.api\"\n\"base/more.api\"\n)\nservice a{}"));
}

static void skips_a_mark_and_takes_crlf(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "a.api", "\xEF\xBB\xBFtype A {\r\n  X int `json:\"x\"` // x\r\n  A2\r\n"
                 "}\r\ntype A2 {}\r\nservice a {\r\n @handler h\r\n get /a "
                 "(A)\r\n}\r\n");
    assert_string_equal(method_of(unit, "h")->url, "/a");
}

static void takes_a_carriage_return_as_a_lines_end(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good("a.api", "// c\rtype A {\r X int // x\r A2\r}\rtype A2 {}\r"
                           "service a {\r@handler h\rget /a (A)\r}\r");
    assert_string_equal(method_of(unit, "h")->url, "/a");
    assert_int_equal(message_of(unit, "A")->line_count, 2);
}

static void takes_comments_of_other_encodings(void **state)
{
    (void)state;
    load_good("a.api", "// \xD3\xC3\xBB\xA7\ntype A { /* \xB1\xE0 */\n"
                       " X int // \xBA\xC5\n}\nservice a{}");
}

static void takes_comments_anywhere(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "a.api", "/* a * b / c */ type /* x */ A { // y\n"
                 "// the field's doc\nX /* z */ int `json:\"x\"` }\n"
                 "service a { /* w */ @handler h // v\n get /a (A) /* u */ }");
    assert_string_equal(field_of(message_of(unit, "A"), "x")->doc,
                        "the field's doc");
}

static void reads_both_dialects_as_one(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "language/dialects.api");
    assert_non_null(unit);
    const struct schema_message *req = message_of(unit, "LoginReq");
    assert_int_equal(field_of(req, "kind")->kind, SCHEMA_TEXT);
    assert_int_equal(field_of(req, "fee")->kind, SCHEMA_TEXT);
    assert_int_equal(field_of(req, "at")->kind, SCHEMA_TIME);
    assert_int_equal(field_of(req, "any")->kind, SCHEMA_ANY);
    assert_int_equal(field_of(req, "ids")->cardinality, SCHEMA_LIST);
    assert_int_equal(field_of(req, "three")->cardinality, SCHEMA_LIST);
    assert_int_equal(field_of(req, "size")->flags & SCHEMA_IN_FORM,
                     SCHEMA_IN_FORM);
    /* The second field of one tag is known by its own name. */
    assert_string_equal(field_of(req, "mobile")->written, "Mobile");
    assert_string_equal(field_of(req, "Copied")->written, "Copied");
    assert_string_equal(unit->info[1].value,
                        "words: more (words), and 2021-05-06 12:30:45");
    const struct schema_method *login = method_of(unit, "LoginHandler");
    assert_string_equal(login->url, "/v1.0/login");
    assert_string_equal(login->group->middlewares[1], "Second");
    assert_string_equal(method_of(unit, "look")->url,
                        "/v1.0/look/:page-id/a-1.0");
    assert_string_equal(method_of(unit, "look")->doc, "plain words");
}

/* ---- failure ---- */

static void refuses_a_name_that_stands_for_itself(void **state)
{
    (void)state;
    load_bad("a.api", "type A B\ntype B []A\n", 1, 6, "'A' stands for itself");
}

static void refuses_a_package_that_nothing_maps(void **state)
{
    (void)state;
    load_bad("a.api", "type A {\n  D pkg.Type\n}", 2, 5,
             "unresolved type 'pkg.Type'; info may name one for it, such as "
             "types: \"pkg.Type=string\"");
}

static void stops_at_the_limit_of_routes(void **state)
{
    (void)state;
    size_t size = 5000 * 40, len = 0;
    char *text = malloc(size);
    assert_non_null(text);
    len += (size_t)snprintf(text, size, "service a {\n");
    for (int i = 0; i < 4097; i++)
        len += (size_t)snprintf(text + len, size - len,
                                "@handler h%d\nget /%d\n", i, i);
    len += (size_t)snprintf(text + len, size - len, "}");
    const struct schema_unit *unit =
        schema_load_text(loaded, "a.api", text, len);
    free(text);
    assert_null(unit);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "4097 routes, expected at most 4096");
}

static void refuses_what_public_parsers_read_wrongly(void **state)
{
    (void)state;
    load_bad("a.api", "service a {\n@handler h\nget /a\nget /b\n}", 4, 1,
             "found a route, expected its @handler before it");
}

static void refuses_a_comment_inside_a_path(void **state)
{
    (void)state;
    load_bad("a.api", "service a {\n@handler h\nget /a//b\n}", 3, 7,
             "found '//' in a path, expected a segment (a comment needs a "
             "blank before it)");
}

static void refuses_one_route_with_two_requests(void **state)
{
    (void)state;
    load_bad("a.api",
             "type R {}\nservice a {\n@handler g\nget /a\n@handler h\nget /a "
             "(R)\n}",
             6, 5, "route 'GET /a' is declared already, at a.api:3");
}

static void refuses_two_names_of_one_parameter(void **state)
{
    (void)state;
    load_bad("a.api",
             "service a {\n@handler g\nget /a/:x\n@handler h\nget /a/:y\n}", 5,
             5,
             "'/a/:y' and '/a/:x' (a.api:2) give one position two parameter "
             "names");
}

static void refuses_open_comments_and_texts(void **state)
{
    (void)state;
    load_bad("a.api", "type A {} /* x", 1, 11,
             "this comment has no end, expected '*/'");
}

static void refuses_an_open_tag(void **state)
{
    (void)state;
    load_bad("a.api", "type A {\n X int `json", 2, 8,
             "this text has no end, expected `");
}

static void counts_columns_in_characters(void **state)
{
    (void)state;
    load_bad("a.api", "type A {\n /* 名字 */ X 类型\n}", 2, 13,
             "unresolved type '类型'");
}

static void refuses_what_is_not_utf8(void **state)
{
    (void)state;
    load_bad("a.api", "type A {\n\xC0\x80", 2, 1,
             "found a byte that is no UTF-8 text, outside a comment");
}

static void reports_all_independent_errors(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "errors/routes.api"));
    assert_in_range(schema_error_count(loaded), 20, 30);
    for (size_t i = 1; i < schema_error_count(loaded); i++)
        assert_true(schema_error_at(loaded, i - 1)->pos.line <=
                    schema_error_at(loaded, i)->pos.line);
}

static void stops_at_the_limit_of_errors(void **state)
{
    (void)state;
    static char text[20000] = "type A {\n";
    size_t len = strlen(text);
    while (len < sizeof(text) - 8)
        len += (size_t)snprintf(text + len, 8, "X$ y\n");
    assert_null(schema_load_text(loaded, "a.api", text, len));
    assert_int_equal(schema_error_count(loaded), SCHEMA_ERRORS_MAX + 1);
    assert_string_equal(schema_error_at(loaded, SCHEMA_ERRORS_MAX - 1)->message,
                        "found '$', which has no meaning here");
}

static void stops_at_the_limit_of_depth(void **state)
{
    (void)state;
    static char text[4000] = "type A { X ";
    for (int i = 0; i < 1000; i++)
        strncat(text, "[]", sizeof(text) - strlen(text) - 1);
    strncat(text, "int }", sizeof(text) - strlen(text) - 1);
    assert_null(schema_load_text(loaded, "a.api", text, strlen(text)));
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "types nested deeper than 32");
}

static void refuses_a_type_that_embeds_itself(void **state)
{
    (void)state;
    load_bad("a.api", "type A {\n In {\n  B\n }\n}\ntype B {\n  A\n}", 3, 3,
             "'B' embeds itself");
}

/* Two embeddings a level double the fields of the next: 2^20 here. */
static void stops_at_the_limit_of_embedding(void **state)
{
    static char text[4000];
    size_t len = 0;
    (void)state;
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "type A%d {\nB%d\nC%d\n}\ntype B%d {\nA%d\n}\n"
                                "type C%d {\nA%d\n}\n",
                                i, i, i, i, i + 1, i, i + 1);
    snprintf(text + len, sizeof(text) - len, "type A20 {}");
    assert_null(schema_load_text(loaded, "a.api", text, strlen(text)));
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "more than 1024 embedded types");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(reads_the_tutorials_user_api),
        LOADED_TEST(reads_jwt_and_middleware_of_a_group),
        LOADED_TEST(reads_every_key_of_server),
        LOADED_TEST(reads_info_of_both_dialects),
        LOADED_TEST(reads_route_forms),
        LOADED_TEST(names_a_handler_of_two_groups_apart),
        LOADED_TEST(reads_every_kind_of_field),
        LOADED_TEST(flattens_embedded_types),
        LOADED_TEST(keeps_names_of_other_sources),
        LOADED_TEST(imports_diamonds_once),
        LOADED_TEST(skips_a_mark_and_takes_crlf),
        LOADED_TEST(takes_a_carriage_return_as_a_lines_end),
        LOADED_TEST(takes_comments_of_other_encodings),
        LOADED_TEST(takes_comments_anywhere),
        LOADED_TEST(reads_both_dialects_as_one),
        LOADED_TEST(refuses_a_name_that_stands_for_itself),
        LOADED_TEST(refuses_a_package_that_nothing_maps),
        LOADED_TEST(stops_at_the_limit_of_routes),
        LOADED_TEST(refuses_what_public_parsers_read_wrongly),
        LOADED_TEST(refuses_a_comment_inside_a_path),
        LOADED_TEST(refuses_one_route_with_two_requests),
        LOADED_TEST(refuses_two_names_of_one_parameter),
        LOADED_TEST(refuses_open_comments_and_texts),
        LOADED_TEST(refuses_an_open_tag),
        LOADED_TEST(counts_columns_in_characters),
        LOADED_TEST(refuses_what_is_not_utf8),
        LOADED_TEST(reports_all_independent_errors),
        LOADED_TEST(stops_at_the_limit_of_errors),
        LOADED_TEST(stops_at_the_limit_of_depth),
        LOADED_TEST(refuses_a_type_that_embeds_itself),
        LOADED_TEST(stops_at_the_limit_of_embedding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
