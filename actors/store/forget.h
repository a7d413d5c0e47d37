/* SPDX-License-Identifier: MIT
 *
 * Which cache keys a change makes stale. They are collected in the call's
 * transaction and deleted after its commit (store.c). A row's keys are that of
 * its primary key and those of its unique keys; a change of a row makes those
 * of the row as it was and as it is now stale. model_forget, for authors, is in
 * model.h.
 */
#ifndef STORE_FORGET_H
#define STORE_FORGET_H

#include "actors/store/model.h"

/* Of a row whose primary key alone is sure to be filled in. */
int forget_primary(struct bus_call *call, const struct model_table *table,
                   const void *probe);

/* Of the row as it is in the database now, found and locked by its primary key;
 * nothing where only that key could be stale. NOT_FOUND: there is no row. */
int forget_old(struct bus_call *call, const struct model_table *table,
               const void *probe);

#endif
