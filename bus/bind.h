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
};

/* Fills message (zeroed by the caller). Errors are go-zero's texts, code
 * INVALID_ARGUMENT, err->field the field's path. */
int bus_bind(const struct bus_bind_input *input, const struct bus_shape *shape,
             struct bus_arena *arena, void *message, struct bus_error *err);

/* Converts text to one value of this field's kind (list: appends nothing, one
 * scalar only) and stores it: used by path, form, header, config and SQL text.
 */
int bus_text_set(const struct bus_field *field, struct bus_bytes text,
                 struct bus_arena *arena, void *message, struct bus_error *err);

#endif
