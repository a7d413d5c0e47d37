/* SPDX-License-Identifier: MIT
 *
 * The table of results: status and words, compatible and strict.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <string.h>

#include "actors/saga/dtm_judge.h"
#include "bus/code.h"

static int judged(int status, const char *body, bool strict)
{
    return dtm_judge(status,
                     (struct bus_bytes){(const uint8_t *)body, strlen(body)},
                     strict);
}

static int judged_rpc(const char *body)
{
    return dtm_judge_rpc(
        200, (struct bus_bytes){(const uint8_t *)body, strlen(body)}, false);
}

static void done(void **state)
{
    (void)state;
    assert_int_equal(judged(200, "", false), BUS_OK);
    assert_int_equal(judged(200, "{\"dtm_result\":\"SUCCESS\"}", false),
                     BUS_OK);
    assert_int_equal(judged(200, "failure ongoing FAILUR", false), BUS_OK);
    assert_int_equal(judged(201, "", true), BUS_OK);
    assert_int_equal(judged(204, "", true), BUS_OK);
    assert_int_equal(judged(200, "FAILURE ONGOING", true), BUS_OK);
}

static void still_going_comes_first(void **state)
{
    (void)state;
    assert_int_equal(judged(425, "", false), BUS_FAILED_PRECONDITION);
    assert_int_equal(judged(409, "ONGOING", false), BUS_FAILED_PRECONDITION);
    assert_int_equal(judged(200, "FAILURE ONGOING", false),
                     BUS_FAILED_PRECONDITION);
    assert_int_equal(judged(425, "FAILURE", true), BUS_FAILED_PRECONDITION);
}

static void refused(void **state)
{
    (void)state;
    assert_int_equal(judged(409, "", false), BUS_ABORTED);
    assert_int_equal(judged(500, "x FAILURE", false), BUS_ABORTED);
    assert_int_equal(judged(200, "FAILURE", false), BUS_ABORTED);
    assert_int_equal(judged(409, "ONGOING", true), BUS_ABORTED);
}

static void unknown(void **state)
{
    static const int statuses[] = {201, 204, 301, 302, 400, 404, 500, 503};
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        assert_int_equal(judged(statuses[i], "", false), BUS_UNKNOWN);
    assert_int_equal(judged(302, "", true), BUS_UNKNOWN);
    assert_int_equal(judged(500, "FAILURE", true), BUS_UNKNOWN);
}

static void errors_of_json_rpc(void **state)
{
    (void)state;
    assert_int_equal(judged_rpc("{\"result\":1}"), BUS_OK);
    assert_int_equal(judged_rpc("{\"error\":null}"), BUS_OK);
    assert_int_equal(judged_rpc("{\"error\":{\"code\":-32901}}"), BUS_ABORTED);
    assert_int_equal(judged_rpc("{\"error\":{\"code\":-32902}}"),
                     BUS_FAILED_PRECONDITION);
    assert_int_equal(judged_rpc("{\"error\":{\"code\":-32603}}"), BUS_UNKNOWN);
    assert_int_equal(judged_rpc("{\"error\":\"x\"}"), BUS_UNKNOWN);
    assert_int_equal(judged_rpc("FAILURE"), BUS_ABORTED);
}

static void assert_reason(const char *body, const char *wanted)
{
    struct bus_buf buf;
    bus_buf_init(&buf, 1024);
    dtm_judge_reason(&buf, "http://a/b",
                     (struct bus_bytes){(const uint8_t *)body, strlen(body)});
    assert_true(bus_bytes_is(bus_buf_bytes(&buf), wanted));
    bus_buf_release(&buf);
}

static void reasons_end_in_one_word(void **state)
{
    (void)state;
    assert_reason("no", "url:http://a/b return failed: no FAILURE");
    assert_reason("no FAILURE", "url:http://a/b return failed: no FAILURE");
    assert_reason("", "url:http://a/b return failed:  FAILURE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(done),
        cmocka_unit_test(still_going_comes_first),
        cmocka_unit_test(refused),
        cmocka_unit_test(unknown),
        cmocka_unit_test(errors_of_json_rpc),
        cmocka_unit_test(reasons_end_in_one_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
