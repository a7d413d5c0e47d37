/* SPDX-License-Identifier: MIT
 *
 * Reading one row by a key, from the database or through the cache
 * (model_find).
 */
#ifndef STORE_FIND_H
#define STORE_FIND_H

#include "actors/store/model.h"

/* From the database, inside the call's transaction if it has one. */
int find_row(struct bus_call *call, const struct model_table *table,
             const struct model_key *key, const void *probe, void *row);

/* The same, the row locked until the call has ended. */
int find_row_locked(struct bus_call *call, const struct model_table *table,
                    const struct model_key *key, const void *probe, void *row);

/* NOT_FOUND, naming table and key, no values. */
int find_nothing(struct bus_call *call, const struct model_table *table,
                 const struct model_key *key);

#endif
