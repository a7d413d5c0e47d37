/* SPDX-License-Identifier: MIT
 *
 * SP over byte streams: the bytes of the public mappings, messages cut
 * anywhere, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/sp.h"

static void feed(struct sp_reader *reader, const void *data, size_t len)
{
    size_t room;
    const uint8_t *from = data;
    while (len > 0) {
        uint8_t *to = sp_reader_room(reader, &room);
        size_t part = len < room ? len : room;
        memcpy(to, from, part);
        sp_reader_took(reader, part);
        from += part;
        len -= part;
    }
}

static void test_greeting_is_the_rfcs(void **state)
{
    (void)state;
    uint8_t got[SP_GREETING];
    sp_greeting(SP_REQ, got);
    assert_memory_equal(got, ((uint8_t[]){0, 'S', 'P', 0, 0, 0x30, 0, 0}), 8);
}

static void test_heads_of_both_mappings(void **state)
{
    (void)state;
    uint8_t head[SP_HEAD_MAX];
    assert_int_equal(sp_mapping_of("ipc:///a"), SP_OVER_IPC);
    assert_int_equal(sp_mapping_of("tcp://127.0.0.1:1"), SP_OVER_TCP);
    assert_int_equal(sp_mapping_of("tls+tcp://h:1"), SP_OVER_TCP);
    assert_int_equal(sp_head(SP_OVER_IPC, 0x0102, head), 9);
    assert_memory_equal(head, ((uint8_t[]){1, 0, 0, 0, 0, 0, 0, 1, 2}), 9);
    assert_int_equal(sp_head(SP_OVER_TCP, 0x0102, head), 8);
    assert_memory_equal(head, ((uint8_t[]){0, 0, 0, 0, 0, 0, 1, 2}), 8);
}

static void test_backtrace_ends_at_the_bit(void **state)
{
    (void)state;
    const uint8_t one[] = {0x80, 0, 0, 1, 9};
    const uint8_t two[] = {0, 0, 0, 7, 0x80, 0, 0, 1};
    const uint8_t none[] = {0, 0, 0, 7, 0, 0, 0, 1};
    assert_int_equal(sp_backtrace((struct bus_bytes){one, 5}, 32), 4);
    assert_int_equal(sp_backtrace((struct bus_bytes){two, 8}, 32), 8);
    assert_int_equal(sp_backtrace((struct bus_bytes){two, 8}, 4), 0);
    assert_int_equal(sp_backtrace((struct bus_bytes){none, 8}, 32), 0);
    assert_int_equal(sp_backtrace((struct bus_bytes){one, 3}, 32), 0);
    assert_int_equal(sp_backtrace((struct bus_bytes){one, 0}, 32), 0);
}

static void test_messages_byte_by_byte(void **state)
{
    (void)state;
    const uint8_t stream[] = "\0SP\0\0\x31\0\0"
                             "\1\0\0\0\0\0\0\0\3abc"
                             "\1\0\0\0\0\0\0\0\0";
    struct sp_reader reader;
    struct bus_bytes message;
    size_t found = 0;
    bool greeted = false;
    sp_reader_init(&reader, SP_OVER_IPC, 100);
    for (size_t i = 0; i < sizeof(stream) - 1; i++) {
        feed(&reader, stream + i, 1);
        if (!greeted) {
            greeted = sp_reader_greeting(&reader, SP_REP) == SP_ONE;
            assert_int_equal(greeted, i == 7);
        } else if (sp_reader_next(&reader, &message) == SP_ONE) {
            assert_true(found == 0 ? bus_bytes_is(message, "abc")
                                   : message.len == 0);
            found++;
        }
    }
    assert_int_equal(found, 2);
    sp_reader_release(&reader);
}

static void test_large_message_and_its_buffer_given_back(void **state)
{
    (void)state;
    static uint8_t big[3 << 20];
    struct sp_reader reader;
    struct bus_bytes message;
    uint8_t head[SP_HEAD_MAX];
    size_t room;
    memset(big, 7, sizeof(big));
    sp_reader_init(&reader, SP_OVER_TCP, sizeof(big));
    feed(&reader, head, sp_head(SP_OVER_TCP, sizeof(big), head));
    feed(&reader, big, sizeof(big) - 1);
    assert_int_equal(sp_reader_next(&reader, &message), SP_MORE);
    feed(&reader, big, 1);
    assert_int_equal(sp_reader_next(&reader, &message), SP_ONE);
    assert_int_equal(message.len, sizeof(big));
    assert_memory_equal(message.data, big, sizeof(big));
    sp_reader_room(&reader, &room);
    assert_int_equal(reader.cap, SP_READ_LEAST);
    sp_reader_release(&reader);
}

static void test_what_is_announced_takes_no_memory(void **state)
{
    (void)state;
    struct sp_reader reader;
    struct bus_bytes message;
    uint8_t head[SP_HEAD_MAX];
    size_t room;
    sp_reader_init(&reader, SP_OVER_IPC, SIZE_MAX / 2);
    feed(&reader, head, sp_head(SP_OVER_IPC, UINT64_C(8) << 30, head));
    assert_int_equal(sp_reader_next(&reader, &message), SP_MORE);
    sp_reader_room(&reader, &room);
    assert_int_equal(reader.cap, SP_READ_LEAST);
    sp_reader_release(&reader);
}

static void test_refused(void **state)
{
    (void)state;
    struct sp_reader reader;
    struct bus_bytes message;
    uint8_t head[SP_HEAD_MAX];
    sp_reader_init(&reader, SP_OVER_IPC, 100);
    feed(&reader, "\0SP\0\0\x30", 6);
    assert_int_equal(sp_reader_greeting(&reader, SP_REP), SP_BAD);
    assert_int_equal(sp_reader_greeting(&reader, SP_REQ), SP_MORE);
    sp_reader_release(&reader);
    feed(&reader, "GET ", 4);
    assert_int_equal(sp_reader_greeting(&reader, SP_REP), SP_BAD);
    sp_reader_release(&reader);
    feed(&reader, head, sp_head(SP_OVER_IPC, 101, head));
    assert_int_equal(sp_reader_next(&reader, &message), SP_BAD);
    sp_reader_release(&reader);
    feed(&reader, "\2", 1);
    assert_int_equal(sp_reader_next(&reader, &message), SP_BAD);
    sp_reader_release(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeting_is_the_rfcs),
        cmocka_unit_test(test_heads_of_both_mappings),
        cmocka_unit_test(test_backtrace_ends_at_the_bit),
        cmocka_unit_test(test_messages_byte_by_byte),
        cmocka_unit_test(test_large_message_and_its_buffer_given_back),
        cmocka_unit_test(test_what_is_announced_takes_no_memory),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
