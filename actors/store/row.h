/* SPDX-License-Identifier: MIT
 *
 * Between a field of a C struct and a value of SQL, for every driver. BOOL,
 * integers, ENUM and DURATION are integers; F32 and F64 doubles; TEXT and
 * DECIMAL texts; BYTES a blob; TIME the text "YYYY-MM-DD HH:MM:SS[.ffffff]" in
 * UTC (read with or without a time of day, 'T' and 'Z'). Nested messages and
 * lists have no place in a row.
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "actors/store/sql.h"

/* The field's value; SQL NULL where its presence says false. Texts are the
 * row's own or live in the arena. */
int row_get(const struct bus_field *field, const void *row,
            struct bus_arena *arena, struct sql_value *ret,
            struct bus_error *err);

/* Stores a value, copying texts into the arena. NULL leaves the zero value and
 * presence false. A type or range that does not fit is INTERNAL with
 * err->field: the table is not what the schema says. */
int row_set(const struct bus_field *field, const struct sql_value *value,
            struct bus_arena *arena, void *row, struct bus_error *err);

/* A row without values: every text "", not NULL. row: zeroed. */
void row_init(const struct bus_shape *shape, void *row);

/* Rows of a query as they come, growing in the arena. */
struct row_array {
    const struct bus_shape *shape;
    struct bus_arena *arena;
    size_t max; /* rows wanted; no more are added */
    struct bus_list rows;
    size_t room;
};

/* The next row, without values; NULL if the arena is full. */
void *row_array_add(struct row_array *array);

#endif
