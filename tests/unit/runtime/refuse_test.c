/* SPDX-License-Identifier: MIT
 *
 * What handlers say through their call.
 */
#include <string.h>
#include <unistd.h>

#include "tests/unit/runtime/fake.h"

static struct bus_arena arena;
static struct bus_call call;

static int set_up(void **state)
{
    (void)state;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    call = (struct bus_call){.arena = &arena};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_buf_release(&call.headers);
    bus_arena_release(&arena);
    return 0;
}

static void a_refusal_is_its_code_and_sentence(void **state)
{
    (void)state;
    assert_int_equal(bus_refuse(&call, BUS_NOT_FOUND, "no user %d", 7),
                     BUS_NOT_FOUND);
    assert_int_equal(call.error.code, BUS_NOT_FOUND);
    assert_string_equal(call.error.sentence, "no user 7");
    /* The arguments may be the call's own error. */
    bus_refuse(&call, BUS_ABORTED, "said: %s", call.error.sentence);
    assert_string_equal(call.error.sentence, "said: no user 7");
}

static void a_business_refusal_is_the_tutorials(void **state)
{
    (void)state;
    assert_int_equal(bus_refuse_business(&call, 1001, "参数错误"),
                     BUS_INVALID_ARGUMENT);
    assert_int_equal(call.error.business, 1001);
    assert_string_equal(call.error.sentence, "参数错误");
}

static void a_refusal_may_choose_its_http_status(void **state)
{
    (void)state;
    assert_int_equal(
        bus_refuse_http(&call, 403, BUS_PERMISSION_DENIED, "not you"),
        BUS_PERMISSION_DENIED);
    assert_int_equal(call.error.http, 403);
}

/* {"userId": 1, "name": "x", "big": 2^63, "minus": -5, "real": 1.0} */
static struct bus_bytes claims_make(struct bus_buf *buf)
{
    bus_buf_init(buf, 256);
    bus_pack_map(buf, 5);
    bus_pack_text(buf, "userId");
    bus_pack_uint(buf, 1);
    bus_pack_text(buf, "name");
    bus_pack_text(buf, "x");
    bus_pack_text(buf, "big");
    bus_pack_uint(buf, UINT64_C(1) << 63);
    bus_pack_text(buf, "minus");
    bus_pack_int(buf, -5);
    bus_pack_text(buf, "real");
    bus_pack_double(buf, 1.0);
    return bus_buf_bytes(buf);
}

static void claims_are_read_by_name_and_type(void **state)
{
    (void)state;
    struct bus_buf buf;
    int64_t number = 0;
    call.meta.claims = claims_make(&buf);
    assert_true(bus_claim_int(&call, "userId", &number));
    assert_int_equal(number, 1);
    assert_true(bus_claim_int(&call, "minus", &number));
    assert_int_equal(number, -5);
    assert_string_equal(bus_claim_text(&call, "name"), "x");
    assert_false(bus_claim_int(&call, "name", &number));
    assert_false(bus_claim_int(&call, "big", &number));
    assert_false(bus_claim_int(&call, "real", &number));
    assert_false(bus_claim_int(&call, "nobody", &number));
    assert_false(bus_claim_int(&call, "user", &number));
    assert_int_equal(number, -5);
    assert_null(bus_claim_text(&call, "userId"));
    assert_null(bus_claim_text(&call, "nobody"));
    bus_buf_release(&buf);
}

static void any_holds_a_packed_struct(void **state)
{
    (void)state;
    struct fake_note_out out = {.text = "in any"};
    struct bus_bytes any = bus_any(&call, &fake_out, &out);
    struct fake_note_out back = {0};
    assert_true(bus_pack_valid(any));
    assert_int_equal(bus_unpack_message(any, &fake_out, &arena, &back, NULL),
                     BUS_OK);
    assert_string_equal(back.text, "in any");
}

static void outside_the_runtime_there_is_no_config(void **state)
{
    (void)state;
    assert_null(bus_config(&call));
    assert_null(bus_settings(&call));
}

static void a_log_line_carries_the_trace(void **state)
{
    (void)state;
    char line[1024], trace[BUS_TRACE_TEXT];
    int fds[2], kept = dup(STDERR_FILENO);
    bus_trace_new(&call.meta.trace);
    bus_trace_id_text(&call.meta.trace, trace);
    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    bus_info(&call, "hello %d", 7);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(fds[1]);
    ssize_t len = read(fds[0], line, sizeof(line) - 1);
    close(fds[0]);
    assert_true(len > 0);
    line[len] = '\0';
    assert_non_null(strstr(line, "\"content\":\"hello 7\""));
    assert_non_null(strstr(line, trace));
    assert_non_null(strstr(line, "\"level\":\"info\""));
}

/* ---- failures ---- */

static void a_code_outside_the_table_becomes_internal(void **state)
{
    (void)state;
    assert_int_equal(bus_refuse(&call, 99, "x"), BUS_INTERNAL);
    assert_int_equal(bus_refuse(&call, BUS_OK, "x"), BUS_INTERNAL);
    assert_int_equal(call.error.code, BUS_INTERNAL);
}

static void malformed_claims_hold_nothing(void **state)
{
    (void)state;
    static const uint8_t cut[] = {0x82, 0xa1, 'a', 0x01, 0xa1};
    int64_t number;
    call.meta.claims = (struct bus_bytes){cut, sizeof(cut)};
    assert_true(bus_claim_int(&call, "a", &number));
    assert_false(bus_claim_int(&call, "b", &number));
    call.meta.claims = (struct bus_bytes){0};
    assert_false(bus_claim_int(&call, "a", &number));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_refusal_is_its_code_and_sentence),
        TEST(a_business_refusal_is_the_tutorials),
        TEST(a_refusal_may_choose_its_http_status),
        TEST(claims_are_read_by_name_and_type),
        TEST(any_holds_a_packed_struct),
        TEST(outside_the_runtime_there_is_no_config),
        TEST(a_log_line_carries_the_trace),
        TEST(a_code_outside_the_table_becomes_internal),
        TEST(malformed_claims_hold_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
