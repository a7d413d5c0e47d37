/* SPDX-License-Identifier: MIT
 *
 * Frames: the bytes that bus/WIRE.md prints, round trips, and what lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/frame.h"

static const uint8_t id_1[] = {0x81, 0xa2, 'i', 'd', 0xa1, '1'};
static const uint8_t name_x[] = {0x81, 0xa4, 'n', 'a', 'm', 'e', 0xa1, 'x'};

/* The n-th block between ``` lines of WIRE.md, as bytes. */
static size_t wire_block(int n, uint8_t *ret, size_t size)
{
    char line[512];
    size_t len = 0;
    int fences = 0;
    FILE *file = fopen(SOURCE_DIR "/bus/WIRE.md", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, "```", 3) == 0) {
            fences++;
            continue;
        }
        char *at = line;
        unsigned long byte;
        char *end;
        while (fences == 2 * n + 1 && len < size &&
               (byte = strtoul(at, &end, 16), end != at)) {
            ret[len++] = (uint8_t)byte;
            at = end;
        }
    }
    fclose(file);
    return len;
}

static void assert_block(int n, const struct bus_buf *buf)
{
    uint8_t want[256];
    size_t len = wire_block(n, want, sizeof(want));
    assert_int_equal(len, buf->len);
    assert_memory_equal(want, buf->data, len);
}

static void pack_request(struct bus_buf *buf, const struct bus_request *request,
                         uint64_t id, uint64_t budget_ms)
{
    struct bus_buf tail;
    bus_buf_init(&tail, BUS_FRAME_BYTES_MAX);
    uint8_t count = bus_frame_tail(&tail, request);
    struct bus_frame_head head = {BUS_ENVELOPE_REQUEST, count, id, budget_ms};
    bus_frame_request(buf, &head, bus_buf_bytes(&tail));
    bus_buf_release(&tail);
}

static void test_request_as_written_down(void **state)
{
    (void)state;
    struct bus_buf buf;
    struct bus_request request = {.method = "getUser",
                                  .body = {id_1, sizeof(id_1)}};
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&buf, false);
    pack_request(&buf, &request, 7, 2000);
    assert_block(0, &buf);
    bus_buf_release(&buf);
}

static void test_replies_as_written_down(void **state)
{
    (void)state;
    struct bus_buf buf;
    struct bus_reply reply;
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_reply_init(&reply);
    reply.body = (struct bus_bytes){name_x, sizeof(name_x)};
    bus_frame_begin(&buf, false);
    bus_frame_reply(&buf, 7, &reply);
    assert_block(1, &buf);
    bus_buf_reset(&buf);
    bus_reply_init(&reply);
    bus_error_set(&reply.error, BUS_NOT_FOUND, "no user 1");
    bus_frame_begin(&buf, false);
    bus_frame_reply(&buf, 7, &reply);
    assert_block(2, &buf);
    bus_buf_release(&buf);
}

static bool is(struct bus_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && !memcmp(bytes.data, text, bytes.len);
}

static struct bus_request full_request(void)
{
    struct bus_request request = {
        .method = "saveUser",
        .body = {id_1, sizeof(id_1)},
        .meta = {.depth = 3,
                 .claims = {id_1, sizeof(id_1)},
                 .key = "k1",
                 .saga = {.gid = "g",
                          .branch = "user",
                          .op = "compensate",
                          .fill = {id_1, sizeof(id_1)}}},
    };
    memset(&request.meta.trace, 0x5a, sizeof(request.meta.trace));
    return request;
}

static void test_everything_comes_back(void **state)
{
    (void)state;
    struct bus_buf buf;
    struct bus_request request = full_request();
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&buf, true);
    pack_request(&buf, &request, 70000, 0);
    bus_frame_mark(&buf, BUS_ENVELOPE_ACK, 12);
    bus_frame_hello(&buf, BUS_ENVELOPE_HELLO, "user", "1", "n1");
    struct bus_frame_reader reader;
    struct bus_envelope e;
    assert_true(bus_frame_open(&reader, bus_buf_bytes(&buf)));
    assert_true(reader.multi);
    assert_int_equal(bus_frame_next(&reader, &e), BUS_FRAME_ONE);
    assert_int_equal(e.id, 70000);
    assert_true(is(e.method, "saveUser") && is(e.key, "k1") && is(e.gid, "g"));
    assert_true(is(e.branch, "user") && is(e.op, "compensate"));
    assert_int_equal(e.depth, 3);
    assert_memory_equal(&e.trace, &request.meta.trace, sizeof(e.trace));
    assert_int_equal(e.claims.len, sizeof(id_1));
    assert_int_equal(e.fill.len, sizeof(id_1));
    assert_int_equal(bus_frame_next(&reader, &e), BUS_FRAME_ONE);
    assert_int_equal(e.kind, BUS_ENVELOPE_ACK);
    assert_int_equal(e.id, 12);
    assert_int_equal(bus_frame_next(&reader, &e), BUS_FRAME_ONE);
    assert_true(is(e.actor, "user") && is(e.instance, "1") && is(e.node, "n1"));
    assert_int_equal(bus_frame_next(&reader, &e), BUS_FRAME_END);
    bus_buf_release(&buf);
}

static void test_refusal_comes_back(void **state)
{
    (void)state;
    struct bus_buf buf;
    struct bus_reply reply, got;
    bus_reply_init(&reply);
    reply.error = (struct bus_error){.code = BUS_INVALID_ARGUMENT,
                                     .business = -1001,
                                     .http = 418,
                                     .reason = "why",
                                     .field = "a.b",
                                     .sentence = "no"};
    reply.detail = (struct bus_bytes){id_1, sizeof(id_1)};
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&buf, false);
    bus_frame_reply(&buf, 1, &reply);
    struct bus_frame_reader reader;
    struct bus_envelope e;
    assert_true(bus_frame_open(&reader, bus_buf_bytes(&buf)));
    assert_int_equal(bus_frame_next(&reader, &e), BUS_FRAME_ONE);
    bus_frame_to_reply(&e, &got);
    assert_int_equal(got.error.code, BUS_INVALID_ARGUMENT);
    assert_int_equal(got.error.business, -1001);
    assert_int_equal(got.error.http, 418);
    assert_string_equal(got.error.reason, "why");
    assert_string_equal(got.error.field, "a.b");
    assert_string_equal(got.error.sentence, "no");
    assert_int_equal(got.detail.len, sizeof(id_1));
    bus_buf_release(&buf);
}

/* Reads to the end; true if nothing was malformed. */
static bool good(const uint8_t *data, size_t len)
{
    struct bus_frame_reader reader;
    struct bus_envelope e;
    enum bus_frame_step step;
    if (!bus_frame_open(&reader, (struct bus_bytes){data, len}))
        return false;
    while ((step = bus_frame_next(&reader, &e)) == BUS_FRAME_ONE)
        ;
    return step == BUS_FRAME_END;
}

static void test_every_truncation_is_malformed(void **state)
{
    (void)state;
    struct bus_buf buf;
    struct bus_request request = full_request();
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&buf, true);
    pack_request(&buf, &request, 1, 5);
    assert_true(good(buf.data, buf.len));
    for (size_t len = 0; len < buf.len; len++) {
        /* A copy of just that size: reading past it is seen. */
        uint8_t *cut = malloc(len ? len : 1);
        memcpy(cut, buf.data, len);
        assert_false(good(cut, len));
        free(cut);
    }
    bus_buf_release(&buf);
}

static void test_lies_are_malformed(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } lies[] = {
        {{0x02, 0x92, 5, 1}, 4},                      /* version */
        {{0x01}, 1},                                  /* nothing */
        {{0x81, 0x92, 5, 1, 0x92}, 5},                /* half an envelope */
        {{0x81, 0x93, 5, 1, 0}, 5},                   /* an element too many */
        {{0x81, 0x91, 5}, 3},                         /* one too few */
        {{0x81, 0x92, 10, 1}, 4},                     /* no such kind */
        {{0x81, 0x92, 5, 0xff}, 4},                   /* negative */
        {{0x01, 0x95, 0, 1, 0, 0xa0, 0xc4, 0}, 8},    /* no method */
        {{0x01, 0x95, 0, 1, 0, 0xa1, 0, 0xc4, 0}, 9}, /* NUL in it */
        {{0x01, 0x95, 0, 1, 0, 0xa1, 'm', 0xc0}, 8},  /* body nil */
        {{0x01, 0x93, 1, 1, 17}, 5},                  /* no such code */
        {{0x81, 0xdd, 0xff, 0xff, 0xff, 0xff, 5, 1}, 8},
        {{0x01, 0x95, 0, 1, 0, 0xa1, 'm', 0xc6, 0xff, 0xff, 0xff, 0xff}, 12},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        if (good(lies[i].bytes, lies[i].len))
            fail_msg("lie %zu was believed", i);
}

static void test_too_many_envelopes_are_malformed(void **state)
{
    (void)state;
    struct bus_buf buf;
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&buf, true);
    for (int i = 0; i < BUS_FRAME_ENVELOPES_MAX; i++)
        bus_frame_mark(&buf, BUS_ENVELOPE_ACK, 1);
    assert_true(good(buf.data, buf.len));
    bus_frame_mark(&buf, BUS_ENVELOPE_ACK, 1);
    assert_false(good(buf.data, buf.len));
    bus_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_as_written_down),
        cmocka_unit_test(test_replies_as_written_down),
        cmocka_unit_test(test_everything_comes_back),
        cmocka_unit_test(test_refusal_comes_back),
        cmocka_unit_test(test_every_truncation_is_malformed),
        cmocka_unit_test(test_lies_are_malformed),
        cmocka_unit_test(test_too_many_envelopes_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
