/* SPDX-License-Identifier: MIT
 *
 * Tables as tables: the schema compiler emits one struct model_table a CREATE
 * TABLE and thin typed wrappers over the functions here. Reads go through the
 * cache with go-zero's keys; writes delete them after the commit.
 */
#ifndef STORE_MODEL_H
#define STORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/call.h"
#include "bus/shape.h"

/* Column flags. */
enum {
    MODEL_NOT_NULL = 1 << 0,
    MODEL_AUTO = 1 << 1,      /* AUTO_INCREMENT */
    MODEL_UNWRITTEN = 1 << 2, /* create_time and the like: the database's */
    MODEL_ON_UPDATE = 1 << 3, /* ON UPDATE CURRENT_TIMESTAMP */
};

struct model_column {
    const char *name;     /* in SQL; row->fields[i].name is the same */
    const char *type;     /* MySQL's type text: "bigint(20) unsigned" */
    const char *fallback; /* DEFAULT as SQL text; NULL: none */
    const char *cached;   /* Go field name in cached JSON: "CreateTime" */
    uint32_t flags;
};

struct model_key {
    const char *name;        /* "number"; primary: "id" */
    const uint16_t *columns; /* indexes */
    uint16_t count;
    const char *cache_prefix; /* "cache:user:number:" */
};

struct model_table {
    const char *name;
    const struct bus_shape *row; /* one field a column, same order */
    const struct model_column *columns;
    uint16_t column_count;
    struct model_key primary;
    const struct model_key *unique;
    uint16_t unique_count;
    const char *const *seed; /* INSERT statements, run once when the table is
                              * created; NULL-ended; NULL: none */
    bool cached;             /* gen model -c */
};

/* row: the C struct of table->row. insert stores a new auto-increment key in
 * it. ALREADY_EXISTS on a duplicate key, NOT_FOUND where no row is meant. Run
 * in the call's transaction. */
int model_insert(struct bus_call *call, const struct model_table *table,
                 void *row);
int model_update(struct bus_call *call, const struct model_table *table,
                 const void *row);
int model_delete(struct bus_call *call, const struct model_table *table,
                 const void *probe);

/* The one row whose key columns equal the probe's. Texts live in the call's
 * arena. row may be probe, and is untouched on failure. In a method that may
 * write this begins the transaction, like every statement. */
int model_find(struct bus_call *call, const struct model_table *table,
               const struct model_key *key, const void *probe, void *row);

/* Tells the cache of a row that the author's own SQL changed: its keys are
 * deleted after the commit. row: as it was, and again as it is now, if a key's
 * value changed. */
int model_forget(struct bus_call *call, const struct model_table *table,
                 const void *row);

#endif
