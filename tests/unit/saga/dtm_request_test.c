/* SPDX-License-Identifier: MIT
 *
 * What DTM's clients send is read as DTM reads it; what it answers with a panic
 * is refused with a sentence.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "actors/saga/dtm_request.h"
#include "bus/code.h"

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static struct bus_arena arena;

static int open_arena(void **state)
{
    (void)state;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    bus_arena_release(&arena);
    return 0;
}

static struct dtm_trans read_good(const char *text)
{
    struct dtm_trans trans = {0};
    struct bus_error err = {0};
    assert_int_equal(dtm_trans_read(bytes(text), &arena, &trans, &err), BUS_OK);
    return trans;
}

static void every_field(void **state)
{
    (void)state;
    struct dtm_trans trans = read_good(
        "{\"gid\":\"g\",\"trans_type\":\"saga\",\"steps\":[{\"action\":\"a\","
        "\"compensate\":\"c\"},{\"action\":\"b\",\"data\":\"d\"}],"
        "\"payloads\":[\"p\",\"q\"],\"custom_data\":\"{}\","
        "\"query_prepared\":\"u\",\"protocol\":\"http\",\"wait_result\":true,"
        "\"timeout_to_fail\":1,\"request_timeout\":2,\"retry_interval\":3,"
        "\"retry_limit\":4,\"branch_headers\":{\"h\":\"v\"},"
        "\"concurrent\":true,\"strict\":true,\"rollback_reason\":\"r\","
        "\"req_extra\":{\"status\":\"succeed\"}}");
    const struct dtm_step *steps = trans.steps.items;
    const char *const *payloads = trans.payloads.items;
    assert_string_equal(trans.gid, "g");
    assert_int_equal(trans.steps.count, 2);
    assert_string_equal(steps[0].compensate, "c");
    assert_null(steps[1].compensate);
    assert_string_equal(steps[1].data, "d");
    assert_string_equal(payloads[1], "q");
    assert_true(trans.wait_result && trans.concurrent && trans.strict);
    assert_int_equal(trans.timeout_to_fail, 1);
    assert_int_equal(trans.retry_limit, 4);
    assert_string_equal(dtm_pair(&trans.branch_headers, "h"), "v");
    assert_string_equal(dtm_pair(&trans.req_extra, "status"), "succeed");
    assert_string_equal(dtm_pair(&trans.req_extra, "none"), "");
}

static void as_go_reads(void **state)
{
    (void)state;
    struct dtm_trans trans =
        read_good("{\"GID\":\"a\",\"gid\":\"b;\\r\\n\",\"steps\":null,"
                  "\"payloads\":[null],\"other\":{\"deep\":[1]},"
                  "\"retry_interval\":null,\"branch_headers\":{\"h\":null}}");
    const char *const *payloads = trans.payloads.items;
    assert_string_equal(trans.gid, "b"); /* the last, cleaned */
    assert_int_equal(trans.steps.count, 0);
    assert_string_equal(payloads[0], "");
    assert_int_equal(trans.retry_interval, 0);
    assert_string_equal(read_good("null").gid, "");
    assert_string_equal(read_good("{}").trans_type, "");
}

static void a_long_list(void **state)
{
    char text[2048] = "{\"payloads\":[\"0\"";
    (void)state;
    for (int i = 1; i < 100; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ",\"%d\"",
                 i);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}");
    struct dtm_trans trans = read_good(text);
    const char *const *payloads = trans.payloads.items;
    assert_int_equal(trans.payloads.count, 100);
    assert_string_equal(payloads[0], "0");
    assert_string_equal(payloads[99], "99");
}

static void orders_of_a_saga(void **state)
{
    struct dtm_custom custom;
    struct bus_error err = {0};
    (void)state;
    assert_int_equal(
        dtm_custom_read("{\"concurrent\":true,\"orders\":{\"2\":[0,1],\"1\":"
                        "null},\"delay\":5,\"name\":\"w\",\"data\":\"aGk=\"}",
                        &arena, &custom, &err),
        BUS_OK);
    assert_true(custom.concurrent && custom.ordered);
    assert_int_equal(custom.after[2], 3);
    assert_int_equal(custom.after[1], 0);
    assert_int_equal(custom.delay, 5);
    assert_string_equal(custom.name, "w");
    assert_int_equal(dtm_custom_read("", &arena, &custom, &err), BUS_OK);
}

static void json_rpc(void **state)
{
    struct dtm_rpc rpc;
    struct bus_error err = {0};
    (void)state;
    assert_int_equal(dtm_rpc_read(bytes("{\"jsonrpc\":\"2.0\",\"id\":\"i\","
                                        "\"method\":\"m\",\"params\": {\"gid\""
                                        ":\"g\"} }"),
                                  &arena, &rpc, &err),
                     BUS_OK);
    assert_true(bus_bytes_is(rpc.params, "{\"gid\":\"g\"}"));
    assert_string_equal(rpc.id, "i");
}

/* ---- Failures ---- */

static void refuses_what_is_no_transaction(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "1",
        "{\"gid\":1}",
        "{\"gid\":\"a\"}x",
        "{\"steps\":{}}",
        "{\"steps\":[1]}",
        "{\"steps\":[{\"action\":1}]}",
        "{\"payloads\":\"x\"}",
        "{\"payloads\":[1]}",
        "{\"timeout_to_fail\":\"1\"}",
        "{\"timeout_to_fail\":1.0}",
        "{\"timeout_to_fail\":1e3}",
        "{\"timeout_to_fail\":99999999999999999999}",
        "{\"wait_result\":1}",
        "{\"wait_result\":\"true\"}",
        "{\"branch_headers\":[]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct dtm_trans trans = {.gid = "untouched"};
        struct bus_error err = {0};
        assert_int_equal(dtm_trans_read(bytes(texts[i]), &arena, &trans, &err),
                         BUS_INVALID_ARGUMENT);
        assert_true(err.sentence[0] != 0);
        assert_string_equal(trans.gid, "untouched");
    }
}

static void refuses_what_is_no_order(void **state)
{
    static const char *const texts[] = {"{",
                                        "{\"orders\":[]}",
                                        "{\"orders\":{\"x\":[]}}",
                                        "{\"orders\":{\"64\":[0]}}",
                                        "{\"orders\":{\"1\":[64]}}",
                                        "{\"orders\":{\"1\":[-1]}}",
                                        "{\"orders\":{\"1\":[\"0\"]}}",
                                        "{\"concurrent\":1}"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct dtm_custom custom;
        struct bus_error err = {0};
        assert_int_equal(dtm_custom_read(texts[i], &arena, &custom, &err),
                         BUS_INVALID_ARGUMENT);
    }
}

static void refuses_pairs_that_are_none(void **state)
{
    static const char *const texts[] = {"", "[]", "{\"gid\":1}", "null", "{}1"};
    struct bus_list pairs;
    struct bus_error err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(dtm_pairs_read(bytes(texts[i]), &arena, &pairs, &err),
                         BUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field),
        cmocka_unit_test(as_go_reads),
        cmocka_unit_test(a_long_list),
        cmocka_unit_test(orders_of_a_saga),
        cmocka_unit_test(json_rpc),
        cmocka_unit_test(refuses_what_is_no_transaction),
        cmocka_unit_test(refuses_what_is_no_order),
        cmocka_unit_test(refuses_pairs_that_are_none),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
