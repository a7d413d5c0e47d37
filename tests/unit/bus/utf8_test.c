/* SPDX-License-Identifier: MIT
 *
 * UTF-8: every code point written is read, and nothing else is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/utf8.h"

/* ---- success ---- */

static void every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10FFFF; point++) {
        uint8_t text[4];
        if (point >= 0xD800 && point <= 0xDFFF)
            continue;
        size_t len = bus_utf8_put(point, text);
        if (bus_utf8_char(text, text + len) != len ||
            !bus_utf8_valid(text, len))
            fail_msg("U+%04X", point);
        if (len > 1 && bus_utf8_valid(text, len - 1))
            fail_msg("U+%04X cut short", point);
    }
}

static void mixed_text_at_every_offset(void **state)
{
    static const char text[] = "plain ASCII, 小明, é, 😀, and plain again";
    (void)state;
    assert_true(bus_utf8_valid(text, sizeof(text)));
    assert_true(bus_utf8_valid(NULL, 0));
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        char broken[sizeof(text)];
        memcpy(broken, text, sizeof(text));
        broken[i] = (char)0xFF;
        assert_false(bus_utf8_valid(broken, sizeof(text)));
    }
}

/* ---- failure ---- */

static void every_two_bytes(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            uint8_t text[2] = {(uint8_t)first, (uint8_t)second};
            bool two = first >= 0xC2 && first <= 0xDF && second >= 0x80 &&
                       second <= 0xBF;
            bool ones = first < 0x80 && second < 0x80;
            if (bus_utf8_valid(text, 2) != (two || ones))
                fail_msg("%02X %02X", first, second);
        }
    }
}

static void forms_that_the_rfc_forbids(void **state)
{
    static const char *const texts[] = {
        "\x80",             /* a tail alone */
        "\xC0\xAF",         /* overlong / */
        "\xC1\xBF",         /* overlong */
        "\xE0\x9F\xBF",     /* overlong, three bytes */
        "\xF0\x8F\xBF\xBF", /* overlong, four bytes */
        "\xED\xA0\x80",     /* U+D800 */
        "\xED\xBF\xBF",     /* U+DFFF */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80", /* five bytes */
        "\xFE",
        "\xE5\xB0", /* cut short */
        "\xE5\xB0g",
        "\xF0\x9F\x98",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(bus_utf8_valid(texts[i], strlen(texts[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(mixed_text_at_every_offset),
        cmocka_unit_test(every_two_bytes),
        cmocka_unit_test(forms_that_the_rfc_forbids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
