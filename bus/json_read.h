/* SPDX-License-Identifier: MIT
 *
 * What bind.c needs of the JSON reader beyond json.h.
 */
#ifndef BUS_JSON_READ_H
#define BUS_JSON_READ_H

#include "bus/json.h"

struct bus_field;
struct bus_faults;

/* One object read into a struct. */
struct json_reading {
    struct bus_bytes text;
    const struct bus_shape *shape;
    struct bus_arena *arena;
    struct bus_error *err;
    bool *seen;     /* NULL, or shape->count: set for the fields that came */
    bool only_json; /* fields that name other sources but not BUS_IN_JSON are
                     * skipped like unknown keys */
    struct bus_faults *faults; /* NULL: the first one ends the reading */
    bool *faulty; /* shape->count; set for what is noted in faults */
};

/* As bus_json_read. With faults, 0 may mean that some were noted. */
int json_read(const struct json_reading *reading, void *message);

/* One field's value from JSON text: a list that came in a header. */
int json_read_field(struct bus_bytes text, const struct bus_field *field,
                    struct bus_arena *arena, void *message, bool *ret_came,
                    struct bus_error *err);

#endif
