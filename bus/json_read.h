/* SPDX-License-Identifier: MIT
 *
 * What bind.c needs of the JSON reader beyond json.h.
 */
#ifndef BUS_JSON_READ_H
#define BUS_JSON_READ_H

#include "bus/json.h"

struct bus_field;

/* As bus_json_read; with only_json, fields whose flags name other sources but
 * not BUS_IN_JSON are skipped like unknown keys. */
int json_read(struct bus_bytes text, const struct bus_shape *shape,
              bool only_json, struct bus_arena *arena, void *message,
              bool *ret_seen, struct bus_error *err);

/* One field's value from JSON text: a list that came in a header. */
int json_read_field(struct bus_bytes text, const struct bus_field *field,
                    struct bus_arena *arena, void *message, bool *ret_came,
                    struct bus_error *err);

#endif
