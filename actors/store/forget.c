/* SPDX-License-Identifier: MIT
 *
 * Collecting stale cache keys. A key that cannot be remembered must not stay in
 * the cache: then nothing may be committed.
 */
#include "actors/store/forget.h"

#include "actors/store/cached.h"
#include "actors/store/find.h"

static int forget_key(struct bus_call *call, const struct model_table *table,
                      const struct model_key *key, const void *row)
{
    const char *text = NULL;
    struct cache_key *stale = NULL;
    int code = cached_key(call, cached_form(call, table), key, CACHED_FORGET,
                          row, &text);
    if (code == BUS_OK && text) {
        stale = bus_arena_alloc(call->arena, sizeof(*stale));
        if (!stale)
            code = sql_no_memory(&call->error);
    }
    if (code != BUS_OK)
        call->store->doomed = code;
    if (!stale)
        return code;
    *stale = (struct cache_key){text, call->store->stale};
    call->store->stale = stale;
    return BUS_OK;
}

int model_forget(struct bus_call *call, const struct model_table *table,
                 const void *row)
{
    int code = store_use_to_write(call);
    if (code != BUS_OK || !cached_form(call, table))
        return code;
    code = forget_key(call, table, &table->primary, row);
    for (uint16_t i = 0; i < table->unique_count && code == BUS_OK; i++)
        code = forget_key(call, table, &table->unique[i], row);
    return code;
}

int forget_primary(struct bus_call *call, const struct model_table *table,
                   const void *probe)
{
    return cached_form(call, table)
               ? forget_key(call, table, &table->primary, probe)
               : BUS_OK;
}

int forget_old(struct bus_call *call, const struct model_table *table,
               const void *probe)
{
    if (table->unique_count == 0 || !cached_form(call, table))
        return BUS_OK;
    void *old = bus_arena_alloc(call->arena, table->row->size);
    if (!old)
        return sql_no_memory(&call->error);
    int code = find_row_locked(call, table, &table->primary, probe, old);
    return code == BUS_OK ? model_forget(call, table, old) : code;
}
