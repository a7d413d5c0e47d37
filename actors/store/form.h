/* SPDX-License-Identifier: MIT
 *
 * The cached forms of a table's rows. Shared with others (Redis): JSON under
 * Go's field names, byte for byte as go-zero's programs write it. A column that
 * may be NULL is an object there: {"String":"x","Valid":true}; times are in the
 * data source's zone; decimals are numbers without trailing zeros, for Go reads
 * them into a float64. Of a process's own: an image of the struct, which costs
 * no parsing.
 *
 * Two things that Go cannot carry: a decimal of more than 15 digits goes as a
 * string, which a Go service refuses and reads from the database instead (and
 * so do we with a number from Go, which may have been rounded); a blob that is
 * no UTF-8 text is not cached.
 */
#ifndef STORE_FORM_H
#define STORE_FORM_H

#include "actors/store/model.h"
#include "actors/store/zone.h"

#define FORM_EXACT_DIGITS 15 /* that a float64 carries unchanged */

struct form_column;

struct store_form {
    const struct model_table *table;
    const struct zone *zone; /* of times in JSON */
    bool shared;             /* JSON, not images */
    /* Of a struct that begins as the row and ends with one pointer a nullable
     * column; shape.fields are in the order of the columns. */
    struct bus_shape shape;
    struct bus_field *fields;    /* owned */
    struct form_column *columns; /* owned; one a column */
    const char **prefixes;       /* owned; primary's, then unique ones' */
};

/* The form points into itself: it must not be moved. zone must outlive it. */
void form_init(struct store_form *form, const struct model_table *table,
               const struct zone *zone, bool shared);
void form_release(struct store_form *form);

/* A row as JSON, in the call's arena. False: not to be cached. */
bool form_write(const struct store_form *form, struct bus_call *call,
                const void *row, struct bus_bytes *ret);

/* Back into a row, which is untouched if the text is not such a row (false). */
bool form_read(const struct store_form *form, struct bus_call *call,
               struct bus_bytes text, void *row);

/* A row as an image, in the call's arena, and back; the row's texts lie in the
 * image then. False: too large, or no image of this table. */
bool form_image_write(const struct store_form *form, struct bus_call *call,
                      const void *row, struct bus_bytes *ret);
bool form_image_read(const struct store_form *form, struct bus_bytes image,
                     void *row);

/* The two halves, for any shape. form_json_read wants every field that has no
 * presence. */
bool form_json_write(struct bus_call *call, const struct bus_shape *shape,
                     const void *message, struct bus_bytes *ret);
bool form_json_read(struct bus_call *call, const struct bus_shape *shape,
                    struct bus_bytes text, void *message);

#endif
