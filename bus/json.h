/* SPDX-License-Identifier: MIT
 *
 * Strict JSON (RFC 8259): our own reader, because none at hand keeps unsigned
 * 64-bit values, number text, byte positions, duplicate keys and limits. Bad
 * UTF-8, lone surrogates, NUL in text, duplicate keys, trailing bytes and
 * nesting past BUS_DEPTH_MAX are refused; numbers that do not fit are refused
 * and never rounded. Output does not escape < > &, as go-zero's.
 */
#ifndef BUS_JSON_H
#define BUS_JSON_H

#include <stddef.h>

#include "bus/buf.h"
#include "bus/shape.h"

struct bus_error;
struct bus_arena;

/* Reads one object into a struct; fields absent keep what message holds.
 * ret_seen (NULL, or shape->count bools) is set for the fields that came,
 * the others keep what they hold. Unknown keys are skipped; null leaves a
 * field unseen. Errors are
 * INVALID_ARGUMENT with err->field, or the byte position of malformed text
 * ("malformed JSON at byte 17: expected ':'"). message is untouched on
 * failure. Does not run bus_shape_check on message itself; nested messages are
 * checked. */
int bus_json_read(struct bus_bytes text, const struct bus_shape *shape,
                  struct bus_arena *arena, void *message, bool *ret_seen,
                  struct bus_error *err);

/* Appends a struct as an object, fields in shape order. */
void bus_json_write(struct bus_buf *buf, const struct bus_shape *shape,
                    const void *message);

/* Appends the value of one field alone. */
void bus_json_write_value(struct bus_buf *buf, const struct bus_field *field,
                          const void *message);

/* Without a schema: any JSON text to one msgpack value. Integers become int or
 * uint, other numbers double. */
int bus_json_to_pack(struct bus_bytes text, struct bus_buf *buf,
                     struct bus_error *err);

/* Appends one msgpack value as JSON; BIN as base64 text, EXT as null. */
void bus_json_from_pack(struct bus_buf *buf, struct bus_bytes value);

/* Appends text as a quoted JSON string; bad UTF-8 becomes U+FFFD. */
void bus_json_text(struct bus_buf *buf, const char *text, size_t len);

#endif
