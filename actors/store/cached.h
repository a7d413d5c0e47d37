/* SPDX-License-Identifier: MIT
 *
 * What a row looks like in the cache, as go-zero writes it: the key is a prefix
 * and the key columns' values joined by ':'; under the primary key lies the
 * row (form.h), under a unique key the JSON of the primary key's value.
 */
#ifndef STORE_CACHED_H
#define STORE_CACHED_H

#include "actors/store/state.h"

/* What a key is made for. */
enum cached_use {
    CACHED_LOOK,
    CACHED_FORGET, /* also keys that others cache and we do not */
};

/* The cache key of a row, in the call's arena. NULL where the row has none:
 * no prefix, a NULL among the values, too long, a float, decimal or time among
 * them; and, for a look, values that could be taken for others (':' in a key of
 * several columns). */
int cached_key(struct bus_call *call, const struct store_form *form,
               const struct model_key *key, enum cached_use use,
               const void *row, const char **ret);

/* The table's cached form; NULL: its rows are not cached here. */
const struct store_form *cached_form(const struct bus_call *call,
                                     const struct model_table *table);

/* A row as its form has it (JSON or image), and back. False: not to be cached;
 * no such row. */
bool cached_row(struct bus_call *call, const struct store_form *form,
                const void *row, struct bus_bytes *ret);
bool cached_row_read(struct bus_call *call, const struct store_form *form,
                     struct bus_bytes value, void *row);

/* The primary key's value as JSON, in the call's arena; of several columns,
 * which go-zero does not cache, an object. False: not to be cached. */
bool cached_primary(struct bus_call *call, const struct store_form *form,
                    const void *row, struct bus_bytes *ret);

/* Back into a row that holds nothing else. False if it is malformed. */
bool cached_primary_read(struct bus_call *call, const struct store_form *form,
                         struct bus_bytes value, void *row);

#endif
