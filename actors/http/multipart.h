/* SPDX-License-Identifier: MIT
 *
 * Bodies of multipart/form-data (RFC 7578), as a browser's form sends them: the
 * texts in them as pairs. Parts that are files (they have a filename) are
 * passed over, as go-zero's request binding does.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "bus/arena.h"
#include "bus/bind.h"
#include "bus/error.h"

/* True if that Content-Type is multipart/form-data, in any case. */
bool multipart_is(struct bus_bytes type);

/* The texts of a body of that type appended to pairs (room for max). Values
 * are spans of body. INVALID_ARGUMENT for what is not formed so, and for more
 * pairs than there is room for. */
int multipart_form(struct bus_bytes type, struct bus_bytes body,
                   struct bus_arena *arena, struct bus_pair *pairs, size_t max,
                   size_t *count, struct bus_error *err);

#endif
