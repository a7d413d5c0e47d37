/* SPDX-License-Identifier: MIT
 *
 * Text as a JSON string, escaped as little as Go does with HTML escaping off:
 * quote, backslash, control characters, and U+2028 and U+2029, which end a line
 * in JavaScript. Needs nothing else, so that logging can use it anywhere.
 */
#include "bus/json.h"

#include <string.h>

#include "bus/utf8.h"

static void add_control(struct bus_buf *buf, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char values[] = "\b\f\n\r\t\"\\";
    static const char names[] = "bfnrt\"\\";
    const char *found = byte ? strchr(values, byte) : NULL;
    bus_buf_byte(buf, '\\');
    if (found) {
        bus_buf_byte(buf, (uint8_t)names[found - values]);
        return;
    }
    bus_buf_text(buf, "u00");
    bus_buf_byte(buf, (uint8_t)hex[byte >> 4]);
    bus_buf_byte(buf, (uint8_t)hex[byte & 15]);
}

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* One character that is not plain; returns the bytes it took. */
static size_t add_special(struct bus_buf *buf, const uint8_t *at,
                          const uint8_t *end)
{
    if (*at < 0x80) {
        add_control(buf, *at);
        return 1;
    }
    size_t len = bus_utf8_char(at, end);
    if (len == 0) {
        bus_buf_text(buf, "\xEF\xBF\xBD");
        return 1;
    }
    if (len == 3 && memcmp(at, "\xE2\x80\xA8", 3) == 0)
        bus_buf_text(buf, "\\u2028");
    else if (len == 3 && memcmp(at, "\xE2\x80\xA9", 3) == 0)
        bus_buf_text(buf, "\\u2029");
    else
        bus_buf_add(buf, at, len);
    return len;
}

void bus_json_text(struct bus_buf *buf, const char *text, size_t len)
{
    bus_buf_byte(buf, '"');
    const uint8_t *at = (const uint8_t *)text, *end = at + len;
    while (len && at < end) {
        const uint8_t *from = at;
        while (at < end && is_plain(*at))
            at++;
        bus_buf_add(buf, from, (size_t)(at - from));
        if (at < end)
            at += add_special(buf, at, end);
    }
    bus_buf_byte(buf, '"');
}
