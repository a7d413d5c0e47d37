/* SPDX-License-Identifier: MIT
 *
 * The check walks eight bytes at a time while they are ASCII, which most text
 * is. The ranges of second bytes are those of RFC 3629, section 4: they alone
 * exclude overlong forms, surrogates and what lies above U+10FFFF.
 */
#include "bus/utf8.h"

#include <assert.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_tail(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

static bool second_fits(uint8_t lead, uint8_t second)
{
    switch (lead) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return is_tail(second);
    }
}

size_t bus_utf8_char(const uint8_t *at, const uint8_t *end)
{
    assert(at < end);
    uint8_t lead = at[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t len = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if ((size_t)(end - at) < len || !second_fits(lead, at[1]))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_tail(at[i]))
            return 0;
    return len;
}

static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    uint64_t word;
    while ((size_t)(end - at) >= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        if (word & HIGH_BITS)
            break;
        at += sizeof(word);
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

bool bus_utf8_valid(const void *data, size_t len)
{
    if (len == 0)
        return true;
    const uint8_t *at = data;
    const uint8_t *end = at + len;
    while ((at = skip_ascii(at, end)) < end) {
        size_t step = bus_utf8_char(at, end);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

size_t bus_utf8_put(uint32_t point, uint8_t ret[4])
{
    assert(point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF));
    if (point < 0x80) {
        ret[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        ret[0] = (uint8_t)(0xC0 | point >> 6);
        ret[1] = (uint8_t)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        ret[0] = (uint8_t)(0xE0 | point >> 12);
        ret[1] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        ret[2] = (uint8_t)(0x80 | (point & 0x3F));
        return 3;
    }
    ret[0] = (uint8_t)(0xF0 | point >> 18);
    ret[1] = (uint8_t)(0x80 | (point >> 12 & 0x3F));
    ret[2] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
    ret[3] = (uint8_t)(0x80 | (point & 0x3F));
    return 4;
}
