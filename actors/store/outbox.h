/* SPDX-License-Identifier: MIT
 *
 * The outbox: durable events written in the call's own transaction, so that
 * they are there exactly if its work is. Whoever relays them reads all rows
 * there are, oldest first, hands them on and only then deletes them: what dies
 * in between makes a duplicate, never a loss. A lease row keeps several
 * replicas from handing on the same rows; that is thrift, not correctness.
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "actors/store/store.h"

#define OUTBOX_ID_TEXT 33      /* 32 hex digits and NUL */
#define OUTBOX_KEY_MAX 255     /* bytes, as the column */
#define OUTBOX_BODY_MAX 262144 /* bytes of one event */
#define OUTBOX_BATCH 128       /* rows read at once */
#define OUTBOX_LEASE (3 * BUS_SECOND)

struct sql;
struct sql_driver;

struct outbox_row {
    int64_t id;        /* of the row */
    const char *event; /* of the event: unlike any other's */
    const char *topic;
    const char *key;   /* "": none */
    const char *trace; /* as traceparent */
    int64_t time;      /* Unix time, us */
    struct bus_bytes body;
};

/* Creates what is missing of the tables. */
int outbox_ensure(const struct sql_driver *driver, struct sql *sql,
                  struct bus_error *err);

/* Inserts the event (its row id is left out), in the call's transaction.
 * FAILED_PRECONDITION without a store. */
int outbox_put(struct bus_call *call, const struct outbox_row *row);

/* The relay's own connection; one thread. */
struct outbox;

/* Connects at the first use. */
struct outbox *outbox_open(struct store_shared *shared);
void outbox_close(struct outbox *outbox);

/* Takes the lease, or keeps it, until now (wall, us) plus OUTBOX_LEASE. */
int outbox_lease(struct outbox *outbox, const char *owner, int64_t now,
                 bool *ret_held, struct bus_error *err);

/* The oldest rows, at most OUTBOX_BATCH, as struct outbox_row in the arena. */
int outbox_read(struct outbox *outbox, struct bus_arena *arena,
                struct bus_list *ret, struct bus_error *err);

/* Deletes rows that were read. */
int outbox_delete(struct outbox *outbox, const struct bus_list *rows,
                  struct bus_error *err);

/* How many rows there are. */
int outbox_count(struct outbox *outbox, uint64_t *ret, struct bus_error *err);

#endif
