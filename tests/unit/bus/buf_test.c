/* SPDX-License-Identifier: MIT
 *
 * The buffer: it grows to its limit, fails there, and stays failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/buf.h"

/* ---- success ---- */

static void grows_and_keeps_what_it_has(void **state)
{
    struct bus_buf buf;
    (void)state;
    bus_buf_init(&buf, 100000);
    for (int i = 0; i < 100000; i++)
        bus_buf_byte(&buf, (uint8_t)(i * 7));
    assert_false(buf.failed);
    assert_int_equal(buf.len, 100000); /* exactly the limit */
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], (uint8_t)(i * 7));
    bus_buf_release(&buf);
}

static void appends_bytes_text_and_format(void **state)
{
    struct bus_buf buf;
    (void)state;
    bus_buf_init(&buf, 100);
    bus_buf_add(&buf, NULL, 0);
    bus_buf_add(&buf, "a\0b", 3);
    bus_buf_text(&buf, "cd");
    bus_buf_printf(&buf, "%d%s", 42, "e");
    bus_buf_printf(&buf, "%s", "");
    struct bus_bytes all = bus_buf_bytes(&buf);
    assert_int_equal(all.len, 8);
    assert_memory_equal(all.data, "a\0bcd42e", 8);
    bus_buf_release(&buf);
}

static void a_reset_keeps_the_memory(void **state)
{
    struct bus_buf buf;
    (void)state;
    bus_buf_init(&buf, 100);
    bus_buf_text(&buf, "abc");
    uint8_t *data = buf.data;
    bus_buf_reset(&buf);
    assert_int_equal(bus_buf_bytes(&buf).len, 0);
    bus_buf_text(&buf, "d");
    assert_ptr_equal(buf.data, data);
    bus_buf_release(&buf);
    assert_null(buf.data);
    bus_buf_text(&buf, "e"); /* usable again, same limit */
    assert_int_equal(buf.limit, 100);
    assert_int_equal(buf.len, 1);
    bus_buf_release(&buf);
}

/* ---- failure ---- */

static void past_the_limit_nothing_is_appended(void **state)
{
    struct bus_buf buf;
    (void)state;
    bus_buf_init(&buf, 4);
    bus_buf_text(&buf, "abc");
    bus_buf_text(&buf, "de");
    assert_true(buf.failed);
    bus_buf_byte(&buf, 'f'); /* would fit: but the failure sticks */
    bus_buf_printf(&buf, "g");
    assert_int_equal(buf.len, 3);
    assert_true(buf.failed);
    bus_buf_reset(&buf);
    assert_false(buf.failed);
    bus_buf_text(&buf, "abcd");
    assert_false(buf.failed);
    bus_buf_release(&buf);
}

static void a_huge_length_does_not_overflow(void **state)
{
    struct bus_buf buf;
    (void)state;
    bus_buf_init(&buf, SIZE_MAX);
    bus_buf_byte(&buf, 'a');
    buf.limit = 1000;
    bus_buf_add(&buf, "", SIZE_MAX);
    assert_true(buf.failed);
    assert_int_equal(buf.len, 1);
    bus_buf_release(&buf);
}

static void a_format_fits_up_to_the_limit(void **state)
{
    struct bus_buf buf;
    (void)state;
    bus_buf_init(&buf, 4);
    bus_buf_printf(&buf, "%s", "abcd"); /* its NUL is not counted */
    assert_false(buf.failed);
    assert_int_equal(buf.len, 4);
    bus_buf_reset(&buf);
    bus_buf_printf(&buf, "%s", "abcde");
    assert_true(buf.failed);
    assert_int_equal(buf.len, 0);
    bus_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_what_it_has),
        cmocka_unit_test(appends_bytes_text_and_format),
        cmocka_unit_test(a_reset_keeps_the_memory),
        cmocka_unit_test(past_the_limit_nothing_is_appended),
        cmocka_unit_test(a_huge_length_does_not_overflow),
        cmocka_unit_test(a_format_fits_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
