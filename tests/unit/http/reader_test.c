/* SPDX-License-Identifier: MIT
 *
 * The reader of requests: what it takes, however it is cut into pieces, and
 * what it refuses though llhttp would take it.
 */
#include "actors/http/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BODY_MAX ((size_t)1024)

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static void read_all(struct http_reader *reader, const char *text)
{
    struct bus_bytes all = bytes(text);
    size_t at = 0;
    http_reader_init(reader, BODY_MAX);
    while (at < all.len && reader->state < READER_DONE)
        at += http_reader_feed(reader, all.data + at, all.len - at);
}

static void assert_bytes(struct bus_bytes found, const char *expected)
{
    assert_int_equal(found.len, strlen(expected));
    assert_memory_equal(found.data, expected, found.len);
}

static void get_is_read(void **state)
{
    (void)state;
    struct http_reader reader;
    size_t count;
    read_all(&reader, "GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-A:  v \t\r\n\r\n");
    assert_int_equal(reader.state, READER_DONE);
    assert_bytes(reader.method, "GET");
    assert_bytes(reader.target, "/a?b=c");
    assert_bytes(http_header(&reader, "x-a", &count), "v");
    assert_int_equal(count, 1);
    assert_true(reader.keep_alive);
    http_reader_release(&reader);
}

static void body_is_read(void **state)
{
    (void)state;
    struct http_reader reader;
    read_all(&reader, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
                      "hello");
    assert_int_equal(reader.state, READER_DONE);
    assert_bytes(bus_buf_bytes(&reader.body), "hello");
    http_reader_release(&reader);
}

static void chunks_are_read(void **state)
{
    (void)state;
    struct http_reader reader;
    read_all(&reader, "POST / HTTP/1.1\r\nHost: x\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n"
                      "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    assert_int_equal(reader.state, READER_DONE);
    assert_bytes(bus_buf_bytes(&reader.body), "hello");
    http_reader_release(&reader);
}

static void every_cut_reads_the_same(void **state)
{
    (void)state;
    static const char text[] = "POST /a HTTP/1.1\r\nHost: x\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n"
                               "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
        struct http_reader reader;
        http_reader_init(&reader, BODY_MAX);
        size_t taken = 0;
        while (taken < cut)
            taken += http_reader_feed(&reader, (const uint8_t *)text + taken,
                                      cut - taken);
        while (taken < sizeof(text) - 1 && reader.state < READER_DONE)
            taken +=
                http_reader_feed(&reader, (const uint8_t *)text + taken, 1);
        assert_int_equal(reader.state, READER_DONE);
        assert_int_equal(taken, sizeof(text) - 1);
        assert_bytes(bus_buf_bytes(&reader.body), "hello");
        http_reader_release(&reader);
    }
}

static void pipelined_requests_are_two(void **state)
{
    (void)state;
    static const char text[] = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n";
    struct http_reader reader;
    http_reader_init(&reader, BODY_MAX);
    size_t taken =
        http_reader_feed(&reader, (const uint8_t *)text, sizeof(text) - 1);
    assert_int_equal(reader.state, READER_DONE);
    assert_bytes(reader.target, "/1");
    http_reader_next(&reader);
    taken += http_reader_feed(&reader, (const uint8_t *)text + taken,
                              sizeof(text) - 1 - taken);
    assert_int_equal(reader.state, READER_DONE);
    assert_bytes(reader.target, "/2");
    assert_int_equal(taken, sizeof(text) - 1);
    http_reader_release(&reader);
}

static void old_version_and_close_end_the_connection(void **state)
{
    (void)state;
    struct http_reader reader;
    read_all(&reader, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(reader.state, READER_DONE);
    assert_false(reader.keep_alive);
    http_reader_release(&reader);
    read_all(&reader, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(reader.state, READER_DONE);
    assert_false(reader.keep_alive);
    http_reader_release(&reader);
    read_all(&reader, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n"
                      "Upgrade: h2c\r\n\r\n");
    assert_int_equal(reader.state, READER_DONE);
    assert_false(reader.keep_alive);
    http_reader_release(&reader);
}

static void old_clients_may_ask_to_stay(void **state)
{
    (void)state;
    struct http_reader reader;
    read_all(&reader, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(reader.state, READER_DONE);
    assert_true(reader.keep_alive);
    assert_true(reader.old);
    http_reader_release(&reader);
}

/* A header that is there but empty must not show what stood in its place in
 * the connection's request before. */
static void empty_value_is_not_the_last_requests(void **state)
{
    (void)state;
    static const char second[] = "GET /2 HTTP/1.1\r\nHost: x\r\n"
                                 "X-A:\r\nX-B: \r\n\r\n";
    struct http_reader reader;
    read_all(&reader, "GET /1 HTTP/1.1\r\nHost: x\r\n"
                      "X-A: secret\r\nX-B: secret\r\n\r\n");
    http_reader_next(&reader);
    http_reader_feed(&reader, (const uint8_t *)second, sizeof(second) - 1);
    assert_int_equal(reader.state, READER_DONE);
    assert_int_equal(reader.header_count, 3);
    assert_int_equal(http_header(&reader, "X-A", NULL).len, 0);
    assert_int_equal(http_header(&reader, "X-B", NULL).len, 0);
    http_reader_release(&reader);
}

static void one_empty_line_may_come_first(void **state)
{
    (void)state;
    struct http_reader reader;
    read_all(&reader, "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(reader.state, READER_DONE);
    http_reader_release(&reader);
    read_all(&reader, "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(reader.state, READER_REFUSED);
    http_reader_release(&reader);
}

/* Thousands of idle connections must not each hold the largest body that they
 * ever sent. */
static void large_bodies_are_given_back(void **state)
{
    (void)state;
    static char text[HTTP_KEEP * 4];
    struct http_reader reader;
    memset(text, 'a', sizeof(text));
    int head = snprintf(text, sizeof(text),
                        "POST / HTTP/1.1\r\nHost: x\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        HTTP_KEEP * 2);
    text[head] = 'a';
    http_reader_init(&reader, HTTP_KEEP * 2);
    for (size_t at = 0; reader.state < READER_DONE;)
        at +=
            http_reader_feed(&reader, (uint8_t *)text + at, sizeof(text) - at);
    assert_int_equal(reader.body.len, HTTP_KEEP * 2);
    http_reader_next(&reader);
    assert_true(reader.body.cap <= HTTP_KEEP);
    http_reader_release(&reader);
}

static void continue_is_wanted_before_the_body(void **state)
{
    (void)state;
    struct http_reader reader;
    read_all(&reader, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                      "Expect: 100-continue\r\n\r\n");
    assert_int_equal(reader.state, READER_BODY);
    assert_true(reader.wants_continue);
    http_reader_release(&reader);
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\n"

/* Each with the status that it earns. */
static const struct {
    int status;
    const char *text;
} refused[] = {
    {400, "GET / HTTP/1.1\nHost: x\n\n"},         /* bare LF */
    {400, GET "X: a\rb\r\n\r\n"},                 /* bare CR */
    {400, "GET / HTTP/1.1\r\n\r\n"},              /* no Host */
    {400, GET "Host: y\r\n\r\n"},                 /* two Hosts */
    {400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"}, /* userinfo */
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {400, GET "X: a\r\n folded\r\n\r\n"}, /* obs-fold */
    {400, POST "Transfer-Encoding:\r\n chunked\r\n\r\n"},
    {400, GET "X : a\r\n\r\n"}, /* blank before : */
    {400, GET ": a\r\n\r\n"},   /* empty name */
    {400, GET "[x]: a\r\n\r\n"},
    {400, GET "X: \x01\r\n\r\n"}, /* control */
    {400, GET "X: \x7f\r\n\r\n"},
    {400, "GET /\r\nHost: x\r\n\r\n"}, /* HTTP/0.9 */
    {505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"},
    {505, "GET / HTTP/1.2\r\nHost: x\r\n\r\n"},
    {400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},   /* h2 preface */
    {400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"}, /* two blanks */
    {400, "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n"},
    {400, "GET * HTTP/1.1\r\nHost: x\r\n\r\n"},
    {505, "DESCRIBE / RTSP/1.0\r\nHost: x\r\n\r\n"},
    {400, "NONSENSE / HTTP/1.1\r\nHost: x\r\n\r\n"},
    {400, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {400, POST "Content-Length: 5, 5\r\n\r\nhello"},
    {400, POST "Content-Length: +5\r\n\r\nhello"},
    {400, POST "Content-Length: 0x5\r\n\r\nhello"},
    {400, POST "Content-Length: 5_0\r\n\r\nhello"},
    {400, POST "Content-Length: \r\n\r\n"},
    {400, POST "Content-Length: 99999999999999999999\r\n\r\n"},
    {400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
               "0\r\n\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
               "0\r\n\r\n"},
    {400, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {400, POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n"
               "fffffffffffffffff\r\na\r\n0\r\n\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n0\r\n"
               "Content-Length: 3\r\n\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\rX"},
    {413, POST "Content-Length: 1025\r\n\r\n"},
    {417, POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n"},
};

static void smuggling_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct http_reader reader;
        read_all(&reader, refused[i].text);
        if (reader.state != READER_REFUSED ||
            reader.refusal.status != refused[i].status)
            print_error("state %d, status %d (%s) for: %s\n", reader.state,
                        reader.refusal.status,
                        reader.refusal.why ? reader.refusal.why : "",
                        refused[i].text);
        assert_int_equal(reader.state, READER_REFUSED);
        assert_int_equal(reader.refusal.status, refused[i].status);
        assert_false(reader.keep_alive);
        http_reader_release(&reader);
    }
}

/* Feeds pieces without end; the reader must stop taking them. */
static int refused_after(const char *first, const char *again, size_t most)
{
    struct http_reader reader;
    size_t fed = 0;
    read_all(&reader, first);
    while (reader.state < READER_DONE && fed < most) {
        http_reader_feed(&reader, (const uint8_t *)again, strlen(again));
        fed += strlen(again);
    }
    int status = reader.state == READER_REFUSED ? reader.refusal.status : 0;
    http_reader_release(&reader);
    return status;
}

static void endless_heads_and_bodies_are_refused(void **state)
{
    (void)state;
    assert_int_equal(refused_after(GET, "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n",
                                   HTTP_HEAD_MAX * 2),
                     431);
    assert_int_equal(refused_after("GET /", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                   HTTP_HEAD_MAX * 2),
                     431);
    assert_int_equal(refused_after(POST "Transfer-Encoding: chunked\r\n\r\n",
                                   "8\r\naaaaaaaa\r\n", BODY_MAX * 4),
                     413);
}

static void too_many_headers_are_refused(void **state)
{
    (void)state;
    char text[4096] = GET;
    size_t len = strlen(text);
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "X: %d\r\n", i);
    snprintf(text + len, sizeof(text) - len, "\r\n");
    struct http_reader reader;
    read_all(&reader, text);
    assert_int_equal(reader.state, READER_REFUSED);
    assert_int_equal(reader.refusal.status, 431);
    http_reader_release(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_is_read),
        cmocka_unit_test(body_is_read),
        cmocka_unit_test(chunks_are_read),
        cmocka_unit_test(every_cut_reads_the_same),
        cmocka_unit_test(pipelined_requests_are_two),
        cmocka_unit_test(old_version_and_close_end_the_connection),
        cmocka_unit_test(old_clients_may_ask_to_stay),
        cmocka_unit_test(empty_value_is_not_the_last_requests),
        cmocka_unit_test(one_empty_line_may_come_first),
        cmocka_unit_test(large_bodies_are_given_back),
        cmocka_unit_test(continue_is_wanted_before_the_body),
        cmocka_unit_test(smuggling_is_refused),
        cmocka_unit_test(endless_heads_and_bodies_are_refused),
        cmocka_unit_test(too_many_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
