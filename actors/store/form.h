/* SPDX-License-Identifier: MIT
 *
 * The cached form of a table's rows: JSON under Go's field names, as go-zero's
 * programs write and read it. A column that may be NULL is an object there:
 * {"String":"x","Valid":true}.
 */
#ifndef STORE_FORM_H
#define STORE_FORM_H

#include "actors/store/model.h"

struct form_null;

struct store_form {
    const struct model_table *table;
    /* Of a struct that begins as the row and ends with one pointer a nullable
     * column; shape.fields are in the order of the columns. */
    struct bus_shape shape;
    struct bus_field *fields; /* owned */
    struct form_null *nulls;  /* owned; one a nullable column */
    size_t null_count;
};

/* The form points into itself: it must not be moved. */
void form_init(struct store_form *form, const struct model_table *table);
void form_release(struct store_form *form);

/* A row as JSON, in the call's arena. False: too large to be cached. */
bool form_write(const struct store_form *form, struct bus_call *call,
                const void *row, struct bus_bytes *ret);

/* Back into a row, which is untouched if the text is not such a row (false). */
bool form_read(const struct store_form *form, struct bus_call *call,
               struct bus_bytes text, void *row);

/* The two halves, for any shape. form_json_read wants every field that has no
 * presence. */
bool form_json_write(struct bus_call *call, const struct bus_shape *shape,
                     const void *message, struct bus_bytes *ret);
bool form_json_read(struct bus_call *call, const struct bus_shape *shape,
                    struct bus_bytes text, void *message);

#endif
