/* SPDX-License-Identifier: MIT
 *
 * Routes of an .api file: matched as go-zero's router matches, with shapes
 * that bind and print.
 */
#include "actors/edge/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "actors/edge/layout.h"
#include "bus/bind.h"
#include "bus/code.h"
#include "bus/json.h"
#include "schemas/compiler/schema.h"

static const char api[] =
    "type Inner { A int8 `json:\"a\"`\n B *Inner `json:\"b,optional\"` }\n"
    "type Req {\n"
    "  Id int64 `path:\"id\"`\n"
    "  Tags []string `form:\"tags,optional\"`\n"
    "  On bool `json:\"on,default=true\"`\n"
    "  In Inner `json:\"in,optional\"`\n"
    "  List []Inner `json:\"list,optional\"`\n"
    "}\n"
    "type Reply { Text string `json:\"text\"` }\n"
    "@server(\n  jwt: Auth\n  timeout: 3s\n)\n"
    "service demo-api {\n"
    "  @handler one\n  get /a/:id (Req) returns (Reply)\n"
    "  @handler two\n  post /a/:id (Req)\n"
    "}\n"
    "service demo-api {\n"
    "  @handler fixed\n  get /a/b\n"
    "  @handler deep\n  get /a/:x/c\n"
    "  @handler root\n  get /\n"
    "  @handler list\n  get /list returns ([]Reply)\n"
    "}\n";

struct fixture {
    struct schema *schema;
    struct bus_arena arena;
    struct routes routes;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.schema = schema_new();
    bus_arena_init(&fixture.arena, BUS_ARENA_LIMIT);
    const struct schema_unit *unit =
        schema_load_text(fixture.schema, "demo.api", api, strlen(api));
    assert_non_null(unit);
    assert_int_equal(unit->service_count, 1);
    assert_int_equal(
        routes_build(unit->services[0], &fixture.arena, &fixture.routes, NULL),
        BUS_OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    bus_arena_release(&fixture->arena);
    schema_free(fixture->schema);
    return 0;
}

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static struct route_match match(struct fixture *fixture, const char *verb,
                                const char *path)
{
    struct target target;
    struct route_match found;
    assert_int_equal(target_parse(bytes(path), &fixture->arena, &target, NULL),
                     BUS_OK);
    routes_match(&fixture->routes, bytes(verb), &target, &found);
    return found;
}

static const char *matched(struct fixture *fixture, const char *verb,
                           const char *path)
{
    struct route_match found = match(fixture, verb, path);
    return found.route ? found.route->method : found.known ? "known" : "none";
}

static void static_segments_come_first(void **state)
{
    assert_string_equal(matched(*state, "GET", "/a/b"), "fixed");
    assert_string_equal(matched(*state, "GET", "/a/7"), "one");
    assert_string_equal(matched(*state, "POST", "/a/7"), "two");
    assert_string_equal(matched(*state, "GET", "/"), "root");
    assert_string_equal(matched(*state, "HEAD", "/a/b"), "fixed");
}

static void matching_goes_back(void **state)
{
    /* /a/b is static, but only /a/:x leads on to /c; POST only to /a/:id. */
    assert_string_equal(matched(*state, "GET", "/a/b/c"), "deep");
    assert_string_equal(matched(*state, "POST", "/a/b"), "two");
}

static void parameters_have_their_routes_names(void **state)
{
    struct route_match found = match(*state, "GET", "/a/%E4%BD%A0");
    assert_int_equal(found.param_count, 1);
    assert_memory_equal(found.params[0].name.data, "id", 2);
    assert_int_equal(found.params[0].value.len, 3);
    found = match(*state, "GET", "/a/7/c");
    assert_int_equal(found.param_count, 1);
    assert_memory_equal(found.params[0].name.data, "x", 1);
}

static void other_paths_and_verbs_are_told_apart(void **state)
{
    assert_string_equal(matched(*state, "GET", "/b"), "none");
    assert_string_equal(matched(*state, "GET", "/a"), "none");
    assert_string_equal(matched(*state, "GET", "/a/7/d"), "none");
    assert_string_equal(matched(*state, "DELETE", "/a/7"), "known");
    assert_string_equal(match(*state, "DELETE", "/a/7").allow, "GET, POST");
    /* Two leaves match, each with a GET. */
    assert_string_equal(match(*state, "DELETE", "/a/b").allow, "GET, POST");
}

static void groups_say_what_holds(void **state)
{
    const struct route *route = match(*state, "GET", "/a/7").route;
    assert_string_equal(route->jwt, "Auth");
    assert_int_equal(route->timeout_ms, 3000);
    assert_string_equal(route->actor, "demo-api");
    assert_true(route->replies);
    route = match(*state, "GET", "/a/b").route;
    assert_null(route->jwt);
    assert_false(route->replies);
    assert_null(route->request);
}

static void shapes_made_here_bind_and_print(void **state)
{
    struct fixture *fixture = *state;
    struct route_match found = match(fixture, "POST", "/a/7");
    const struct bus_shape *shape = found.route->request;
    void *message = bus_arena_alloc(&fixture->arena, shape->size);
    const struct bus_pair form[] = {{bytes("tags"), bytes("x")},
                                    {bytes("tags"), bytes("y")}};
    struct bus_bind_input input = {
        .path = found.params,
        .path_count = found.param_count,
        .form = form,
        .form_count = 2,
        .json = bytes("{\"in\":{\"a\":1,\"b\":{\"a\":2}},"
                      "\"list\":[{\"a\":3},{\"a\":4}]}"),
    };
    struct bus_error err = {0};
    int code = bus_bind(&input, shape, &fixture->arena, message, &err);
    assert_string_equal(err.sentence, "");
    assert_int_equal(code, BUS_OK);
    struct bus_buf json;
    bus_buf_init(&json, 4096);
    bus_json_write(&json, shape, message);
    bus_buf_byte(&json, '\0');
    assert_string_equal((const char *)json.data,
                        "{\"id\":7,\"tags\":[\"x\",\"y\"],\"on\":true,"
                        "\"in\":{\"a\":1,\"b\":{\"a\":2,\"b\":null}},"
                        "\"list\":[{\"a\":3,\"b\":null},{\"a\":4,"
                        "\"b\":null}]}");
    bus_buf_release(&json);
}

static void a_response_that_is_no_struct_is_printed_bare(void **state)
{
    struct fixture *fixture = *state;
    const struct route *route = match(fixture, "GET", "/list").route;
    const char *text = "{\"value\":[{\"text\":\"a\"},{\"text\":\"b\"}]}";
    void *message = bus_arena_alloc(&fixture->arena, route->reply->size);
    struct bus_buf json;
    assert_true(route->replies && route->bare);
    assert_int_equal(bus_json_read(bytes(text), route->reply, &fixture->arena,
                                   message, NULL, NULL),
                     BUS_OK);
    bus_buf_init(&json, 4096);
    bus_json_write_value(&json, route->reply->fields, message);
    bus_buf_byte(&json, '\0');
    assert_string_equal((const char *)json.data,
                        "[{\"text\":\"a\"},{\"text\":\"b\"}]");
    bus_buf_release(&json);
    assert_false(match(fixture, "GET", "/a/1").route->bare);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(static_segments_come_first),
        TEST(matching_goes_back),
        TEST(parameters_have_their_routes_names),
        TEST(other_paths_and_verbs_are_told_apart),
        TEST(groups_say_what_holds),
        TEST(shapes_made_here_bind_and_print),
        TEST(a_response_that_is_no_struct_is_printed_bare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
