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

#define MODEL_PAGE_MAX 1000               /* rows of one page */
#define MODEL_ROWS_MAX 10000              /* rows of model_find_all */
#define MODEL_CONFLICT "version_conflict" /* a reason word */

/* Column flags. */
enum {
    MODEL_NOT_NULL = 1 << 0,
    MODEL_AUTO = 1 << 1,      /* AUTO_INCREMENT */
    MODEL_UNWRITTEN = 1 << 2, /* create_time and the like: the database's */
    MODEL_ON_UPDATE = 1 << 3, /* ON UPDATE CURRENT_TIMESTAMP */
    MODEL_VERSION = 1 << 4,   /* counts the updates of the row */
    MODEL_GONE = 1 << 5,      /* 0 or NULL: the row is there; else deleted */
    MODEL_GONE_TIME = 1 << 6, /* when it was deleted */
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
    const struct model_key *indexes; /* not unique; without cache_prefix */
    uint16_t index_count;
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

/* Many rows by few statements; new auto-increment keys are stored in them. On
 * failure some may have been inserted: the call should fail too. */
int model_insert_batch(struct bus_call *call, const struct model_table *table,
                       void *rows, size_t count);

/* Writes only the columns whose place in the table is true in columns[], and
 * counts the version on, if there is one. INVALID_ARGUMENT for a column of the
 * primary key. */
int model_update_columns(struct bus_call *call, const struct model_table *table,
                         const void *row, const bool *columns);

/* As model_update, if the row still has the version that row says: ABORTED with
 * MODEL_CONFLICT otherwise. On success row has the next version. (A saga's step
 * that read the row itself should answer UNAVAILABLE, to be run again.) */
int model_update_version(struct bus_call *call, const struct model_table *table,
                         void *row);

/* Marks the row as deleted: the functions here no longer find, list, count or
 * update it; it keeps its unique keys. NOT_FOUND if it is marked already. */
int model_delete_soft(struct bus_call *call, const struct model_table *table,
                      const void *probe);

/* The one row whose key columns equal the probe's. Texts live in the call's
 * arena. row may be probe, and is untouched on failure. In a method that may
 * write this begins the transaction, like every statement. */
int model_find(struct bus_call *call, const struct model_table *table,
               const struct model_key *key, const void *probe, void *row);

/* The same from the database, and nobody else changes the row until the call
 * has ended. For what is to be computed from what was there: stock, balances.
 * Refused (INTERNAL) to methods marked NO_SIDE_EFFECTS. */
int model_find_for_update(struct bus_call *call,
                          const struct model_table *table,
                          const struct model_key *key, const void *probe,
                          void *row);

/* Rows whose key columns equal the probe's; key NULL: every row. */
struct model_query {
    const struct model_table *table;
    const struct model_key *key;
    const void *probe;
};

/* Ordered by the primary key, which the table must have. */
struct model_page {
    uint32_t size; /* 1 to MODEL_PAGE_MAX rows; else INVALID_ARGUMENT */
    uint32_t page; /* from 1; 0 counts as 1; not for model_find_page_after */
    bool descending;
};

/* Lists come from the database, into the call's arena; none is an empty list
 * and no error. model_find_all refuses (RESOURCE_EXHAUSTED) where there are
 * more than MODEL_ROWS_MAX. after: the last row of the page before, of which
 * the primary key is looked at; NULL: the first page. */
int model_find_page(struct bus_call *call, const struct model_query *query,
                    const struct model_page *page, struct bus_list *ret);
int model_find_page_after(struct bus_call *call,
                          const struct model_query *query,
                          const struct model_page *page, const void *after,
                          struct bus_list *ret);
int model_find_all(struct bus_call *call, const struct model_query *query,
                   struct bus_list *ret);
int model_count(struct bus_call *call, const struct model_query *query,
                uint64_t *ret);

/* Tells the cache of a row that the author's own SQL changed: its keys are
 * deleted after the commit. row: as it was, and again as it is now, if a key's
 * value changed. */
int model_forget(struct bus_call *call, const struct model_table *table,
                 const void *row);

#endif
