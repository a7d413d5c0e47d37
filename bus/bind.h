/* SPDX-License-Identifier: MIT
 *
 * Binding of a request to its struct, go-zero's way: path, then form, header
 * and JSON body, each field from the sources its tags name, then validation.
 * It knows nothing of HTTP: the edge hands over names and values.
 */
#ifndef BUS_BIND_H
#define BUS_BIND_H

#include <stddef.h>

#include "bus/buf.h"
#include "bus/shape.h"

#define BUS_FORM_VALUES_MAX 2048

struct bus_arena;
struct bus_error;
struct bus_faults;

/* One decoded name=value pair. Spans, not NUL-terminated. */
struct bus_pair {
    struct bus_bytes name;
    struct bus_bytes value;
};

struct bus_bind_input {
    const struct bus_pair *path;
    size_t path_count;
    const struct bus_pair *form; /* query and urlencoded body, in order */
    size_t form_count;
    const struct bus_pair *headers; /* names compared in any case */
    size_t headers_count;
    struct bus_bytes json; /* the body if its type is JSON; len 0: none */
    /* NULL: the first fault ends the binding. Else all of them are noted there
     * (err must not be NULL then), none if the input is refused as a whole;
     * initialized by the caller. */
    struct bus_faults *faults;
};

/* Fills message (zeroed by the caller). Errors are go-zero's texts, code
 * INVALID_ARGUMENT, err->field the field's path; with faults, the first. */
int bus_bind(const struct bus_bind_input *input, const struct bus_shape *shape,
             struct bus_arena *arena, void *message, struct bus_error *err);

/* Converts text to one value of this field's kind and stores it, presence and
 * all: used by path, form, header, config and SQL text. Lists, maps and
 * messages are refused. INVALID_ARGUMENT; message untouched on failure. */
int bus_text_set(const struct bus_field *field, struct bus_bytes text,
                 struct bus_arena *arena, void *message, struct bus_error *err);

/* The same into any slot of that kind, whatever the field's cardinality: one
 * item of a list, a key of a map. */
int bus_text_item(const struct bus_field *field, struct bus_bytes text,
                  struct bus_arena *arena, void *slot, struct bus_error *err);

#endif
