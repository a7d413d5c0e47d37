/* SPDX-License-Identifier: MIT
 *
 * A statement about one table while it is being built: text and arguments side
 * by side, so that no value is ever pasted.
 */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

#include "actors/store/model.h"
#include "actors/store/sql.h"

#define STATEMENT_TEXT_MAX ((size_t)1 << 18) /* bytes */

struct statement {
    struct bus_call *call;
    struct bus_buf text;
    struct sql_value *args; /* in the call's arena */
    size_t count;
    size_t room;
    bool narrowed; /* it has a condition */
};

/* room: how many arguments there may be at most. */
int statement_open(struct statement *statement, struct bus_call *call,
                   size_t room);
void statement_close(struct statement *statement);

/* The value of a row's column. */
int statement_value(struct statement *statement,
                    const struct model_table *table, uint16_t column,
                    const void *row, struct sql_value *ret);

/* Appends `name`after and one argument; between it and an argument before it,
 * the separator. */
void statement_add(struct statement *statement, const char *separator,
                   const char *name, const char *after,
                   const struct sql_value *value);

/* Appends " where " or " and ", for a condition to follow. */
void statement_condition(struct statement *statement);

/* One argument, whose place the text has already. */
void statement_argument(struct statement *statement,
                        const struct sql_value *value);

/* Appends select, every column, and from. */
void statement_select(struct statement *statement,
                      const struct model_table *table);

/* Appends the condition that the row is not marked as deleted, if the table has
 * a column for that. */
void statement_live(struct statement *statement,
                    const struct model_table *table);

/* Appends the condition that the key's columns equal the row's. */
int statement_where(struct statement *statement,
                    const struct model_table *table,
                    const struct model_key *key, const void *row);

/* Runs it. */
int statement_exec(struct statement *statement, struct sql_done *ret);
int statement_query(struct statement *statement, const struct bus_shape *row,
                    size_t max, struct bus_list *ret);

#endif
