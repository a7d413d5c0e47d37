/* SPDX-License-Identifier: MIT
 *
 * Keys of maps, for the decoders: a map names each key once.
 */
#ifndef BUS_MAP_KEYS_H
#define BUS_MAP_KEYS_H

#include <stdbool.h>

#include "bus/shape.h"

/* True when two entries of a BUS_MAP field's list have the same key. */
bool bus_map_repeats(const struct bus_field *field,
                     const struct bus_list *list);

#endif
