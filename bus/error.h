/* SPDX-License-Identifier: MIT
 *
 * What went wrong, as far as a caller may know it: a code, a reason word, a
 * business code, an HTTP status of the handler's own choice, the field it is
 * about and a sentence. Caller-allocated, fixed size, no ownership.
 */
#ifndef BUS_ERROR_H
#define BUS_ERROR_H

#include <stdint.h>

#define BUS_REASON_MAX 32
#define BUS_FIELD_MAX 128
#define BUS_SENTENCE_MAX 512

struct bus_error {
    int code;                        /* enum bus_code */
    int32_t business;                /* 0: none; 1001 in the tutorial */
    int32_t http;                    /* 0: by the table in code.h */
    char reason[BUS_REASON_MAX];     /* "": none; else a word, no blanks */
    char field[BUS_FIELD_MAX];       /* "": none; else "in.list[1].a" */
    char sentence[BUS_SENTENCE_MAX]; /* UTF-8, cut at a character's border */
};

/* Nothing went wrong. Leaves the long texts' unused bytes as they are. */
void bus_error_clear(struct bus_error *err);

/* Fills err (if not NULL) with a code and a printf-formatted sentence, clearing
 * everything else, and returns code, so that `return bus_error_set(...)`. */
int bus_error_set(struct bus_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a reason word. */
int bus_error_reason(struct bus_error *err, int code, const char *reason,
                     const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with the path of a field. */
int bus_error_field(struct bus_error *err, int code, const char *field,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
