/* SPDX-License-Identifier: MIT
 *
 * The JSON-RPC form: payloads keep their spelling, words come last.
 */
#include "actors/saga/json_rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/code.h"

#define WORDS                                                                  \
    "\"branch_id\":\"01\",\"gid\":\"g\",\"op\":\"action\","                    \
    "\"trans_type\":\"saga\"}}"
#define HEAD                                                                   \
    "{\"id\":\"g-01-action\",\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":" \
    "{"

static int write(struct bus_buf *buf, const char *payload)
{
    const struct json_rpc call = {
        .gid = "g",
        .trans_type = "saga",
        .branch_id = "01",
        .op = "action",
        .method = "m",
        .payload = {(const uint8_t *)payload, strlen(payload)},
    };
    bus_buf_init(buf, 4096);
    int code = json_rpc_write(&call, buf, NULL);
    bus_buf_byte(buf, '\0');
    return code;
}

static void assert_written(const char *payload, const char *expected)
{
    struct bus_buf buf;
    assert_int_equal(write(&buf, payload), BUS_OK);
    assert_string_equal((const char *)buf.data, expected);
    bus_buf_release(&buf);
}

static void payload_keeps_its_spelling(void **state)
{
    (void)state;
    assert_written(" { \"a\": 1.10, \"b\":{\"c\":\"}\"} } ",
                   HEAD "\"a\": 1.10, \"b\":{\"c\":\"}\"}," WORDS);
}

static void no_payload_is_an_empty_object(void **state)
{
    (void)state;
    assert_written("", HEAD WORDS);
    assert_written("{ }", HEAD WORDS);
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[]",  "1",        "{",
                                        "{}x", "{\"a\":}", "\"{}\""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct bus_buf buf;
        assert_int_equal(write(&buf, wrong[i]), BUS_INVALID_ARGUMENT);
        bus_buf_release(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload_keeps_its_spelling),
        cmocka_unit_test(no_payload_is_an_empty_object),
        cmocka_unit_test(what_is_no_object_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
