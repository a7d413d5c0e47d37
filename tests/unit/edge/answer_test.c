/* SPDX-License-Identifier: MIT
 *
 * Refusals byte by byte: go-zero's text, the tutorial's codes, RFC 9457.
 */
#include "actors/edge/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct bus_arena arena;
    struct bus_buf out;
};

static int setup(void **state)
{
    static struct fixture fixture;
    bus_arena_init(&fixture.arena, BUS_ARENA_LIMIT);
    bus_buf_init(&fixture.out, HTTP_ANSWER_MAX);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    bus_arena_release(&fixture->arena);
    bus_buf_release(&fixture->out);
    return 0;
}

static void assert_written(struct fixture *fixture,
                           const struct http_answer *answer,
                           const char *expected)
{
    bus_buf_reset(&fixture->out);
    http_answer_write(&fixture->out, answer, "DATE");
    bus_buf_byte(&fixture->out, '\0');
    assert_string_equal((const char *)fixture->out.data, expected);
}

static struct http_answer failed(struct fixture *fixture,
                                 enum answer_style style,
                                 const struct bus_error *err)
{
    struct http_answer answer = {0};
    answer_failed(&answer, style, err, (struct bus_bytes){0}, &fixture->arena);
    return answer;
}

static void plain_refusal_is_the_tutorials(void **state)
{
    struct bus_error err = {.code = BUS_INVALID_ARGUMENT, .business = 1001};
    strncpy(err.sentence, "用户名不存在", sizeof(err.sentence) - 1);
    struct http_answer answer = failed(*state, ANSWER_TEXT, &err);
    assert_written(*state, &answer,
                   "HTTP/1.1 400 Bad Request\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "X-Content-Type-Options: nosniff\r\n"
                   "Date: DATE\r\nContent-Length: 19\r\n\r\n用户名不存在\n");
    answer = failed(*state, ANSWER_CODE, &err);
    assert_written(*state, &answer,
                   "HTTP/1.1 200 OK\r\n"
                   "Content-Type: application/json; charset=utf-8\r\n"
                   "Date: DATE\r\nContent-Length: 40\r\n\r\n"
                   "{\"code\":1001,\"msg\":\"用户名不存在\"}");
}

static void other_errors_under_code_are_bare(void **state)
{
    struct bus_error err = {.code = BUS_INTERNAL, .sentence = "disk on fire"};
    struct http_answer answer = failed(*state, ANSWER_CODE, &err);
    assert_written(*state, &answer,
                   "HTTP/1.1 500 Internal Server Error\r\n"
                   "Date: DATE\r\nContent-Length: 0\r\n\r\n");
}

static void own_status_is_kept_under_code(void **state)
{
    struct bus_error err = {.code = BUS_ABORTED,
                            .http = 409,
                            .business = 11,
                            .sentence = "too \"high\""};
    struct http_answer answer = failed(*state, ANSWER_CODE, &err);
    assert_int_equal(answer.status, 409);
    assert_int_equal(answer.body.len, 32);
    assert_memory_equal(answer.body.data,
                        "{\"code\":11,\"msg\":\"too \\\"high\\\"\"}",
                        answer.body.len);
}

static void insides_stay_inside(void **state)
{
    struct bus_error err = {.code = BUS_UNAVAILABLE,
                            .reason = "no_responder",
                            .sentence = "ipc:///secret/path"};
    struct http_answer answer = failed(*state, ANSWER_TEXT, &err);
    assert_int_equal(answer.status, 503);
    assert_true(answer.retry_after);
    assert_memory_equal(answer.body.data, "no_responder\n", answer.body.len);
    err = (struct bus_error){.code = BUS_INTERNAL, .sentence = "at 0x7f"};
    answer = failed(*state, ANSWER_TEXT, &err);
    assert_int_equal(answer.status, 500);
    assert_memory_equal(answer.body.data, "internal error\n", answer.body.len);
}

static void problems_name_the_field(void **state)
{
    struct fixture *fixture = *state;
    struct http_answer answer = {0};
    struct bus_error err = {.code = BUS_INVALID_ARGUMENT,
                            .field = "in.a",
                            .sentence = "field \"in.a\" is not set"};
    answer_refused(&answer, ANSWER_PROBLEM, &err, &fixture->arena);
    static const char expected[] =
        "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
        "\"detail\":\"field \\\"in.a\\\" is not set\","
        "\"code\":\"INVALID_ARGUMENT\",\"errors\":[{\"field\":\"in.a\","
        "\"detail\":\"field \\\"in.a\\\" is not set\"}]}";
    assert_string_equal(answer.type, "application/problem+json");
    assert_int_equal(answer.body.len, sizeof(expected) - 1);
    assert_memory_equal(answer.body.data, expected, sizeof(expected) - 1);
}

static void problems_list_every_fault(void **state)
{
    struct fixture *fixture = *state;
    struct http_answer answer = {0};
    struct bus_error err = {.code = BUS_INVALID_ARGUMENT,
                            .field = "a",
                            .sentence = "field \"a\" is not set"};
    struct bus_faults faults;
    bus_faults_init(&faults, &fixture->arena);
    assert_true(bus_fault_keep(&faults, &err));
    bus_error_field(&err, BUS_INVALID_ARGUMENT, "in.list[1].b", "too \"odd\"");
    assert_true(bus_fault_keep(&faults, &err));
    assert_int_equal(bus_faults_error(&faults, &err), BUS_INVALID_ARGUMENT);
    answer_unbound(&answer, ANSWER_PROBLEM, &err, &faults, &fixture->arena);
    static const char expected[] =
        "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
        "\"detail\":\"field \\\"a\\\" is not set\","
        "\"code\":\"INVALID_ARGUMENT\",\"errors\":[{\"field\":\"a\","
        "\"detail\":\"field \\\"a\\\" is not set\"},"
        "{\"field\":\"in.list[1].b\",\"detail\":\"too \\\"odd\\\"\"}]}";
    assert_int_equal(answer.body.len, sizeof(expected) - 1);
    assert_memory_equal(answer.body.data, expected, sizeof(expected) - 1);
}

static void styles_have_their_words(void **state)
{
    (void)state;
    enum answer_style style = ANSWER_TEXT;
    assert_true(answer_style_from_name("problem", &style));
    assert_int_equal(style, ANSWER_PROBLEM);
    style = ANSWER_TEXT;
    assert_true(answer_style_from_name("json", &style));
    assert_int_equal(style, ANSWER_PROBLEM);
    assert_true(answer_style_from_name("code", &style));
    assert_int_equal(style, ANSWER_CODE);
    assert_false(answer_style_from_name("xml", &style));
}

static void statuses_that_are_none_are_500(void **state)
{
    static const int32_t odd[] = {-5, 7, 100, 199, 600, INT32_MAX};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        for (int style = ANSWER_TEXT; style <= ANSWER_PROBLEM; style++) {
            struct bus_error err = {.code = BUS_ABORTED, .http = odd[i]};
            struct http_answer answer =
                failed(*state, (enum answer_style)style, &err);
            assert_int_equal(answer.status, 500);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_refusal_is_the_tutorials),
        TEST(other_errors_under_code_are_bare),
        TEST(own_status_is_kept_under_code),
        TEST(insides_stay_inside),
        TEST(problems_name_the_field),
        TEST(problems_list_every_fault),
        TEST(styles_have_their_words),
        TEST(statuses_that_are_none_are_500),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
