/* SPDX-License-Identifier: MIT
 *
 * What the writers of rows share (model.c, model_update.c, model_batch.c): the
 * frame of a statement about the one row that a primary key names, from the
 * cache keys of the row as it was to the count of rows that it met.
 */
#ifndef STORE_MODEL_WRITE_H
#define STORE_MODEL_WRITE_H

#include "actors/store/statement.h"

/* Readies the call to write, collects the cache keys of the row as it is now,
 * and opens a statement with room for every column, the primary key and one
 * argument more. */
int model_write_open(struct statement *statement, struct bus_call *call,
                     const struct model_table *table, const void *probe);

/* Runs a statement that wants only the primary key's condition; NOT_FOUND if it
 * met no row. */
int model_run_on_row(struct statement *statement,
                     const struct model_table *table, const void *row);

/* In place of what is to be set, where there is nothing: is the row there? */
void model_set_nothing(struct statement *statement,
                       const struct model_table *table);

bool model_in_key(const struct model_key *key, uint16_t column);
/* True for what an auto-increment column takes as "choose one". */
bool model_is_zero(const struct sql_value *value);

#endif
