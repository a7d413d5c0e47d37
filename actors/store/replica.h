/* SPDX-License-Identifier: MIT
 *
 * Read replicas: other data sources with the same rows, a little later. Only
 * what a handler asks them for is read there (sql_use_replica).
 */
#ifndef STORE_REPLICA_H
#define STORE_REPLICA_H

#include "actors/store/state.h"

int replicas_open(struct store_shared *shared,
                  const struct store_options *options, struct bus_error *err);
void replicas_close(struct store_shared *shared);

/* True if the worker's next read goes to a replica. */
bool replica_wanted(const struct store *store);

/* A query there: at the chosen one, at the others where it does not answer, and
 * at last at the source itself. */
int replica_query(struct bus_call *call, const char *text,
                  const struct sql_value *args, size_t count,
                  const struct bus_shape *row, size_t max,
                  struct bus_list *ret);

/* Closes the worker's connections. */
void replica_close(struct store *store);

#endif
