/* SPDX-License-Identifier: MIT
 *
 * What the store's tests share: a temporary folder with one database, a table
 * with a column of each kind, and workers whose struct bus_call is made by
 * hand.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "actors/store/model.h"
#include "actors/store/sql.h"
#include "actors/store/store.h"

#define SOON (10 * BUS_SECOND)

struct person {
    int64_t id;
    const char *name;
    const char *number;
    uint8_t age;
    const char *balance;
    double weight;
    bool member;
    const char *nick;
    bool has_nick;
    struct bus_bytes photo;
    int64_t born;
};

enum { PERSON_PRIMARY, PERSON_NUMBER };

extern const struct model_table person_table;
extern const struct bus_method person_write_method;
extern const struct bus_method person_read_method;

/* A database in a folder of its own, or, where TROUPE_TEST_MYSQL names the
 * socket of a server, one of that server. */
struct world {
    char folder[64];
    char source[256];
    const char *name; /* of the database on MySQL; else NULL */
    struct store_shared *shared;
};

/* One worker. */
struct worker {
    struct store *store;
    struct bus_arena arena;
    struct bus_call call;
};

/* True if this run is on MySQL. */
bool world_on_mysql(void);

void world_open(struct world *world, bool cache);
/* Another process's share of the same database. */
struct store_shared *world_share(const struct world *world, bool cache);
/* The same by options, of which source, tables and clock are filled in. */
struct store_shared *world_share_by(const struct world *world,
                                    struct store_options options);
void world_close(struct world *world);

void worker_open(struct worker *worker, struct store_shared *shared);
void worker_close(struct worker *worker);

/* A new call of that worker, as the runtime makes one. */
struct bus_call *worker_call(struct worker *worker,
                             const struct bus_method *method);
/* The same as a step of a saga. */
struct bus_call *worker_step(struct worker *worker, const char *gid,
                             const char *op);

/* store_begin of a plain call and store_end with BUS_OK. */
void call_begin(struct bus_call *call);
int call_end(struct bus_call *call, int code);

/* A person who fits. */
struct person person_make(int64_t id, const char *number);
int person_find(struct bus_call *call, int64_t id, struct person *ret);
int person_find_by_number(struct bus_call *call, const char *number,
                          struct person *ret);
/* How many rows the table has, counted by a worker of its own. */
int64_t world_count(const struct world *world, const char *table);

#endif
