/* SPDX-License-Identifier: MIT
 *
 * One value as text and back, shared by JSON, binding and configuration; not
 * for callers outside bus/ (they use bind.h and json.h). Readers say what is
 * wrong with a text and nothing else, so that each format words its own
 * refusal; outputs are untouched unless TEXT_FINE comes back.
 */
#ifndef BUS_TEXT_H
#define BUS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/buf.h"
#include "bus/shape.h"

struct bus_arena;
struct bus_error;

#define TEXT_NUMBER_MAX 1024 /* bytes of one number */
#define TEXT_DOUBLE_MAX 40   /* bytes of a double written, with NUL */
#define TEXT_TIME_MAX 40     /* of a time or duration written, with NUL */
#define TEXT_ECHO_MAX 64     /* bytes of input that a sentence quotes */

enum text_fault {
    TEXT_FINE,
    TEXT_SYNTAX, /* not the text of such a value */
    TEXT_RANGE,  /* such a value, but it does not fit */
    TEXT_UTF8,   /* malformed UTF-8 */
    TEXT_NUL,    /* holds a NUL character */
    TEXT_FULL,   /* the arena is */
    TEXT_KIND,   /* fields of this kind cannot be read from text */
};

/* 1, t, true, 0, f, false in any case. */
enum text_fault text_bool(struct bus_bytes text, bool *ret);
/* An optional sign and decimal digits, within low..high. */
enum text_fault text_int(struct bus_bytes text, int64_t low, int64_t high,
                         int64_t *ret);
enum text_fault text_uint(struct bus_bytes text, uint64_t high, uint64_t *ret);
/* A finite decimal number. One that overflows, that becomes zero without being
 * it, or an integer that the type would round is TEXT_RANGE. single: must fit
 * a float. */
enum text_fault text_double(struct bus_bytes text, bool single, double *ret);
/* Canonical decimal text: digits are kept ("1.10"), exponents expanded. */
enum text_fault text_decimal(struct bus_bytes text, struct bus_arena *arena,
                             const char **ret);
/* RFC 3339, us since 1970; digits past the microsecond are cut. */
enum text_fault text_time(struct bus_bytes text, int64_t *ret);
/* Go's durations ("1h10m", "1.5s"), ns. */
enum text_fault text_duration(struct bus_bytes text, int64_t *ret);
/* Standard alphabet, padded. */
enum text_fault text_base64(struct bus_bytes text, struct bus_arena *arena,
                            struct bus_bytes *ret);

/* The shortest text that reads back as the same finite value, laid out as Go's
 * encoding/json does. */
void text_double_write(double value, bool single, char ret[TEXT_DOUBLE_MAX]);
/* "" for a time outside the years 0 to 9999. */
void text_time_write(int64_t us, char ret[TEXT_TIME_MAX]);
void text_duration_write(int64_t ns, char ret[TEXT_TIME_MAX]);
void text_base64_write(struct bus_buf *buf, struct bus_bytes data);

/* True for I8..U64: what an integer literal can fill. */
bool text_is_int(uint8_t kind);

/* One scalar of the field's kind into slot, whatever the cardinality. */
enum text_fault text_item(const struct bus_field *field, struct bus_bytes text,
                          struct bus_arena *arena, void *slot);

/* Words a fault go-zero's way: field "age": parsing "abc": invalid syntax. */
int text_fault_error(enum text_fault fault, const char *path,
                     struct bus_bytes text, struct bus_error *err);

/* A text packed as one msgpack value, for ANY fields; in json_value.c, which
 * only programs with msgpack link (see there). */
enum text_fault text_any(struct bus_bytes text, struct bus_arena *arena,
                         struct bus_bytes *ret) __attribute__((weak));

#endif
