/* SPDX-License-Identifier: MIT
 *
 * UTF-8 by RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
 * NUL is a character here; who forbids it looks for it.
 */
#ifndef BUS_UTF8_H
#define BUS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if all of data is well-formed. len 0 is. */
bool bus_utf8_valid(const void *data, size_t len);

/* Bytes of the character that starts at `at` (1 to 4), or 0 if it is malformed
 * or runs past end. at < end. */
size_t bus_utf8_char(const uint8_t *at, const uint8_t *end);

/* Writes a code point, returns its bytes. Not for surrogates or values above
 * U+10FFFF (asserted). */
size_t bus_utf8_put(uint32_t point, uint8_t ret[4]);

#endif
