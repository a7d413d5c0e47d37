/* SPDX-License-Identifier: MIT
 *
 * The barrier: a step's action or compensation takes effect once, whatever is
 * repeated, lost or overtaken on the way. Rows in DTM's table layout, written
 * in the step's own transaction.
 */
#ifndef STORE_BARRIER_H
#define STORE_BARRIER_H

#include "actors/store/sql.h"
#include "actors/store/store.h"

struct sql;
struct sql_driver;

#define BARRIER_GID_MAX 128 /* bytes, as DTM's columns */
#define BARRIER_OP_MAX 45
#define MESSAGE_OP "msg"        /* of a message's local part and its check */
#define MESSAGE_BRANCH "00"     /* as DTM's clients write it */
#define BARRIER_PURGE_BATCH 500 /* rows a transaction */

/* Creates what is missing of the tables. On MySQL the barrier lies in database
 * dtm_barrier, where DTM's clients look for it; a user who may not create it
 * does without, and a saga's step is refused (INTERNAL) until somebody has. */
int barrier_ensure(const struct sql_driver *driver, struct sql *sql,
                   struct bus_error *err);

/* Writes the rows of call->meta.saga, which barrier_check found sound, and says
 * what they mean; as store_begin, inside the transaction. */
int barrier_enter(struct bus_call *call, enum store_verdict *ret_verdict,
                  struct bus_bytes *stored);

/* The operation that this one undoes, or NULL. */
const char *barrier_origin(const char *op);

/* INVALID_ARGUMENT unless gid, branch and op fit into their columns. */
int barrier_check(struct bus_call *call);

/* Stores the reply of the step that ran, if it has one. */
int barrier_keep(struct bus_call *call, struct bus_bytes reply);

/* Deletes one batch of rows older than that (Unix us) in one transaction. */
int barrier_purge(const struct sql_driver *driver, struct sql *sql,
                  int64_t older_than, uint64_t *ret_deleted,
                  struct bus_error *err);

#endif
