/* SPDX-License-Identifier: MIT
 *
 * Answers byte by byte, and no header of a handler's may break the framing.
 */
#include "actors/http/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "actors/http/reader.h"
#include "bus/pack.h"

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

static void sentence_is_text_and_a_line(void **state)
{
    struct fixture *fixture = *state;
    struct http_answer answer = {0};
    http_answer_text(&answer, 404, "404 page not found", &fixture->arena);
    assert_written(fixture, &answer,
                   "HTTP/1.1 404 Not Found\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "X-Content-Type-Options: nosniff\r\n"
                   "Date: DATE\r\nContent-Length: 19\r\n\r\n"
                   "404 page not found\n");
}

static void refusal_closes(void **state)
{
    struct fixture *fixture = *state;
    struct http_answer answer = {0};
    struct http_reader reader = {.state = READER_REFUSED,
                                 .refusal = {505, "no"}};
    http_answer_refusal(&answer, &reader, &fixture->arena);
    assert_int_equal(answer.status, 505);
    assert_int_equal(answer.body.len, 3);
    assert_memory_equal(answer.body.data, "no\n", 3);
    assert_true(answer.close);
}

static void headers_cannot_split_an_answer(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buf packed;
    bus_buf_init(&packed, 1024);
    static const char *const texts[] = {"X-Good",
                                        "yes",
                                        "X-Bad",
                                        "a\r\nX-Evil: 1",
                                        "X Bad",
                                        "1",
                                        "X:Bad",
                                        "1",
                                        "",
                                        "1",
                                        "Date",
                                        "never",
                                        "Content-Length",
                                        "9999",
                                        "Connection",
                                        "upgrade"};
    bus_pack_array(&packed, sizeof(texts) / sizeof(texts[0]));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        bus_pack_text(&packed, texts[i]);
    struct http_answer answer = {.status = 204,
                                 .headers = bus_buf_bytes(&packed)};
    assert_written(fixture, &answer,
                   "HTTP/1.1 204 No Content\r\nX-Good: yes\r\n"
                   "Date: DATE\r\n\r\n");
    bus_buf_release(&packed);
}

static void head_has_no_body(void **state)
{
    struct fixture *fixture = *state;
    struct http_answer answer = {.head_only = true, .close = true};
    http_answer_text(&answer, 404, "no", &fixture->arena);
    assert_written(fixture, &answer,
                   "HTTP/1.1 404 Not Found\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "X-Content-Type-Options: nosniff\r\n"
                   "Date: DATE\r\nContent-Length: 3\r\n"
                   "Connection: close\r\n\r\n");
}

static void no_body_follows_304(void **state)
{
    struct fixture *fixture = *state;
    struct http_answer answer = {0};
    http_answer_text(&answer, 304, "no", &fixture->arena);
    answer.type = NULL;
    answer.nosniff = false;
    assert_written(fixture, &answer,
                   "HTTP/1.1 304 Not Modified\r\nDate: DATE\r\n\r\n");
}

static void old_clients_hear_that_they_may_stay(void **state)
{
    struct http_answer answer = {.status = 200, .keep = true};
    assert_written(*state, &answer,
                   "HTTP/1.1 200 OK\r\nDate: DATE\r\nContent-Length: 0\r\n"
                   "Connection: keep-alive\r\n\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sentence_is_text_and_a_line),
        TEST(head_has_no_body),
        TEST(no_body_follows_304),
        TEST(old_clients_hear_that_they_may_stay),
        TEST(refusal_closes),
        TEST(headers_cannot_split_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
