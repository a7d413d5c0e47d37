/* SPDX-License-Identifier: MIT
 *
 * A request target taken apart as go-zero's router does: decoded, cleaned,
 * split into segments; the query as pairs. Also for urlencoded bodies.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "bus/arena.h"
#include "bus/bind.h"
#include "bus/error.h"

#define TARGET_SEGMENTS_MAX 64

struct target {
    struct bus_bytes segments[TARGET_SEGMENTS_MAX];
    size_t segment_count;
    struct bus_bytes query; /* as sent, without the '?' */
};

/* Origin form "/a/b?q", or absolute form whose authority is then dropped.
 * INVALID_ARGUMENT for bad escapes, NUL, too many segments. */
int target_parse(struct bus_bytes text, struct bus_arena *arena,
                 struct target *ret, struct bus_error *err);

/* "a=1&b=2" appended to pairs (room for max). '+' is a blank; ';' and bad
 * escapes are INVALID_ARGUMENT. */
int target_form(struct bus_bytes text, struct bus_arena *arena,
                struct bus_pair *pairs, size_t max, size_t *count,
                struct bus_error *err);

#endif
