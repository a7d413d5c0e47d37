/* SPDX-License-Identifier: MIT
 *
 * The JSON lexer under json_read.c (with a shape) and json_value.c (without).
 * Functions consume one token and return 0, or fill err and return its code;
 * after that the cursor is of no further use. Not for callers outside bus/ but
 * actors/saga/dtm_request.c, which has to read as Go does.
 */
#ifndef BUS_JSON_IN_H
#define BUS_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/buf.h"

struct bus_arena;
struct bus_error;
struct bus_faults;

/* One bit each, so that sets can be written. */
enum json_type {
    JSON_NONE = 0, /* no value starts here */
    JSON_NULL = 1 << 0,
    JSON_BOOL = 1 << 1,
    JSON_NUMBER = 1 << 2,
    JSON_TEXT = 1 << 3,
    JSON_LIST = 1 << 4,
    JSON_OBJECT = 1 << 5,
};

/* A key that waits for its object's end, where duplicates are looked for. */
struct json_key {
    struct bus_bytes name;
    size_t offset; /* in the text, for the message */
};

struct json_in {
    const uint8_t *start, *at, *end;
    struct bus_arena *arena; /* holds decoded texts */
    struct bus_error *err;
    struct bus_faults *faults; /* NULL: the first fault ends the reading */
    unsigned depth;
    struct json_key *keys; /* of all open objects, innermost last; owned */
    size_t keys_count, keys_cap;
};

/* One open list or object. */
struct json_scope {
    uint8_t close;
    bool begun;
    size_t keys; /* where its keys start */
};

void json_open(struct json_in *in, struct bus_bytes text,
               struct bus_arena *arena, struct bus_error *err);
void json_close(struct json_in *in);

/* Skips blanks and tells what comes, consuming nothing. */
enum json_type json_peek(struct json_in *in);

/* "object", "number" ...: what error texts call a value. */
const char *json_type_name(enum json_type type);

int json_null(struct json_in *in);
/* The span is `true` or `false`. */
int json_bool(struct json_in *in, struct bus_bytes *ret);
/* The number's text as it stands. */
int json_number(struct json_in *in, struct bus_bytes *ret);
/* Decoded text, proper UTF-8 without NUL; lies in the input or the arena. */
int json_text(struct json_in *in, struct bus_bytes *ret);

/* Walks a list or object whose opening bracket comes next:
 *   json_enter; while (json_more says so) { json_key if object; a value }
 * json_more also closes it and refuses duplicates among remembered keys. */
int json_enter(struct json_in *in, struct json_scope *ret);
int json_more(struct json_in *in, struct json_scope *scope, bool *ret_more);
int json_key(struct json_in *in, struct bus_bytes *ret);
int json_remember(struct json_in *in, struct bus_bytes key);

/* Any one value, checked as strictly as one that is kept. */
int json_skip(struct json_in *in);

/* Only blanks may be left. */
int json_end(struct json_in *in);

/* Refuses the text at a place: "malformed JSON at byte 17: expected ':'". */
int json_bad(struct json_in *in, const uint8_t *at, const char *what);
int json_full(struct json_in *in);

/* ANY values are msgpack, which troupe_base must not need (the supervisor links
 * it alone): these two are in json_value.c, in troupe_bus, and absent without
 * it. Such a program knows no shape with an ANY field. */
int json_any_read(struct json_in *in, struct bus_bytes *ret)
    __attribute__((weak));
void json_any_write(struct bus_buf *buf, struct bus_bytes value)
    __attribute__((weak));

#endif
