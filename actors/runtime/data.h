/* SPDX-License-Identifier: MIT
 *
 * An actor's data, from its configuration to its store: which database, which
 * cache; and the store's counters for `$stats`.
 */
#ifndef RUNTIME_DATA_H
#define RUNTIME_DATA_H

#include "actors/runtime/runtime.h"

/* Opens runtime->shared, where the actor has tables or a database. */
int data_open(struct runtime *runtime, struct bus_error *err);

/* Appends the text "cache" and one map; nil without a cache. */
void data_stats_pack(struct runtime *runtime, struct bus_buf *buf);

#endif
