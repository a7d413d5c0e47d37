/* SPDX-License-Identifier: MIT
 *
 * Shapes made at run time: a message of a schema becomes the same table that
 * the compiler prints as C, with offsets laid out here. Only the walker ever
 * touches such a struct, so it need not match any compiler's.
 */
#ifndef EDGE_LAYOUT_H
#define EDGE_LAYOUT_H

#include "bus/arena.h"
#include "bus/shape.h"

struct schema_message;

struct layout_known;

/* Messages laid out so far, so that each is made once and may name itself. */
struct layout {
    struct bus_arena *arena; /* shapes live in it */
    struct layout_known *known;
};

const struct bus_shape *layout_shape(struct layout *layout,
                                     const struct schema_message *message);

#endif
