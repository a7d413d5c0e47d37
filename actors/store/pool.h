/* SPDX-License-Identifier: MIT
 *
 * A process's connections to its data source. By itself a worker keeps the one
 * it has opened; where their number is limited to fewer than there are workers,
 * a connection goes back here after each call and the next call takes it out.
 */
#ifndef STORE_POOL_H
#define STORE_POOL_H

#include <pthread.h>

#include "actors/store/gate.h"
#include "actors/store/sql.h"

struct pool {
    const struct sql_driver *driver;
    const char *source; /* the owner's */
    size_t max;         /* 0: no limit, and nothing comes back */
    struct gate gate;   /* how many are out */
    pthread_mutex_t lock;
    struct sql **idle; /* owned; as many as max */
    size_t idle_count;
};

void pool_init(struct pool *pool, const struct sql_driver *driver,
               const char *source, size_t max);
void pool_close(struct pool *pool);

/* A connection, opened if none is idle. RESOURCE_EXHAUSTED: all were out until
 * the deadline. */
int pool_take(struct pool *pool, int64_t deadline, struct sql **ret,
              struct bus_error *err);

/* After a call, outside any transaction. False: it is the worker's to keep. */
bool pool_give(struct pool *pool, struct sql *sql);

/* Closes one that was taken. */
void pool_drop(struct pool *pool, struct sql *sql);

#endif
