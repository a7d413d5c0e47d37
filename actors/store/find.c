/* SPDX-License-Identifier: MIT
 *
 * Finding a row. By the primary key: the cached row, or the database and then
 * the cache. By a unique key: the cached primary key, then the row under it,
 * which must still have the key's values (between the two looks it may have
 * changed). After the call wrote, the cache is neither read nor filled. A row
 * found in a shared cache begins no transaction.
 */
#include "actors/store/find.h"

#include <string.h>

#include "actors/store/cached.h"
#include "actors/store/model_write.h"
#include "actors/store/row.h"
#include "actors/store/state.h"
#include "actors/store/statement.h"
#include "actors/store/take.h"

/* So that an index entry never outlives the row under it. */
#define INDEX_LEAD_NS (5 * BUS_SECOND)

struct find {
    struct bus_call *call;
    const struct model_table *table;
    const struct model_key *key;
    const void *probe;
    const struct store_form *form; /* NULL: not through the cache */
};

int find_nothing(struct bus_call *call, const struct model_table *table,
                 const struct model_key *key)
{
    return bus_error_set(&call->error, BUS_NOT_FOUND, "no such %s by %s",
                         table->name, key->name);
}

/* SQLite has one writer at a time, and this is it. */
static const char *const locks[SQL_DIALECTS] = {
    [SQL_SQLITE] = "", [SQL_MYSQL] = " for update"};

static int read_row(const struct find *find, const char *lock, void *row)
{
    struct statement statement;
    struct bus_list rows = {0};
    const struct model_table *table = find->table;
    int code = statement_open(&statement, find->call, find->key->count);
    if (code != BUS_OK)
        return code;
    statement_select(&statement, table);
    code = statement_where(&statement, table, find->key, find->probe);
    bus_buf_text(&statement.text, " limit 1");
    bus_buf_text(&statement.text, lock);
    if (code == BUS_OK)
        code = statement_query(&statement, table->row, 1, &rows);
    statement_close(&statement);
    if (code != BUS_OK)
        return code;
    if (rows.count == 0)
        return find_nothing(find->call, table, find->key);
    memcpy(row, rows.items, table->row->size);
    return BUS_OK;
}

int find_row(struct bus_call *call, const struct model_table *table,
             const struct model_key *key, const void *probe, void *row)
{
    const struct find find = {call, table, key, probe, NULL};
    return read_row(&find, "", row);
}

int find_row_locked(struct bus_call *call, const struct model_table *table,
                    const struct model_key *key, const void *probe, void *row)
{
    const struct find find = {call, table, key, probe, NULL};
    return read_row(&find, locks[call->store->shared->driver->dialect], row);
}

/* What goes into a shared cache is read beside any transaction, whose view
 * would be older than the look that allowed it. */
static int find_direct(const struct find *find, void *row)
{
    struct store *store = find->call->store;
    bool before = store->aside;
    store->aside = find->form && find->form->shared;
    int code = find_row(find->call, find->table, find->key, find->probe, row);
    store->aside = before;
    return code;
}

/* What the cache holds is of no use: it goes, and the database answers. */
static int find_instead(const struct find *find, const char *key, void *row)
{
    struct cache *cache = find->call->store->shared->cache;
    const struct cache_key one = {key, NULL};
    cache->driver->del(cache, find->call, &one);
    return find_direct(find, row);
}

/* ---- by the primary key ---- */

static int64_t row_expiry(const struct find *find)
{
    return cache_jitter(find->call->store->shared->row_ns);
}

static void store_row(const struct find *find, struct take *take,
                      const char *key, const void *row, int64_t expiry_ns)
{
    struct bus_bytes value;
    if (key && cached_row(find->call, find->form, row, &value))
        take_store(take, key, value, expiry_ns);
}

static int load_row(const struct find *find, struct take *take, void *row)
{
    int code = find_direct(find, row);
    if (code == BUS_OK)
        store_row(find, take, take->key, row, row_expiry(find));
    else if (code == BUS_NOT_FOUND)
        take_store_absent(take);
    return code;
}

static int find_by_primary(const struct find *find, void *row)
{
    struct take take = {.call = find->call};
    enum take_found found;
    struct bus_bytes value;
    int code = cached_key(find->call, find->form, find->key, CACHED_LOOK,
                          find->probe, &take.key);
    if (code != BUS_OK || !take.key)
        return code == BUS_OK ? find_direct(find, row) : code;
    code = take_begin(&take, &found, &value);
    if (code != BUS_OK)
        return code;
    if (found == TAKE_ABSENT)
        return find_nothing(find->call, find->table, find->key);
    if (found == TAKE_HIT)
        return cached_row_read(find->call, find->form, value, row)
                   ? BUS_OK
                   : find_instead(find, take.key, row);
    code = load_row(find, &take, row);
    take_end(&take);
    return code;
}

/* ---- by a unique key ---- */

static bool same_value(const struct sql_value *a, const struct sql_value *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == SQL_TEXT || a->type == SQL_TIME || a->type == SQL_BLOB)
        return a->as.bytes.len == b->as.bytes.len &&
               (a->as.bytes.len == 0 ||
                memcmp(a->as.bytes.data, b->as.bytes.data, a->as.bytes.len) ==
                    0);
    return a->as.natural == b->as.natural;
}

/* True if the row has the values that were looked for. */
static bool still_matches(const struct find *find, const void *row)
{
    for (uint16_t i = 0; i < find->key->count; i++) {
        const struct bus_field *field =
            &find->table->row->fields[find->key->columns[i]];
        struct sql_value wanted, has;
        struct bus_arena *arena = find->call->arena;
        if (row_get(field, find->probe, arena, &wanted, NULL) != BUS_OK ||
            row_get(field, row, arena, &has, NULL) != BUS_OK ||
            !same_value(&wanted, &has))
            return false;
    }
    return true;
}

/* From the primary key found in the cache to the row; the database decides
 * where the cache is of two minds. */
static int follow_index(const struct find *find, const struct take *take,
                        struct bus_bytes value, void *row)
{
    size_t size = find->table->row->size;
    void *probe = bus_arena_alloc(find->call->arena, size);
    void *found = bus_arena_alloc(find->call->arena, size);
    if (!probe || !found ||
        !cached_primary_read(find->call, find->form, value, probe))
        return find_instead(find, take->key, row);
    struct find primary = *find;
    primary.key = &find->table->primary;
    primary.probe = probe;
    int code = find_by_primary(&primary, found);
    if (code == BUS_NOT_FOUND ||
        (code == BUS_OK && !still_matches(find, found)))
        return find_instead(find, take->key, row);
    if (code == BUS_OK)
        memcpy(row, found, size);
    return code;
}

static void store_index(const struct find *find, struct take *take,
                        const void *row)
{
    const char *row_key = NULL;
    struct bus_bytes primary;
    int64_t expiry_ns = row_expiry(find);
    if (cached_key(find->call, find->form, &find->table->primary, CACHED_LOOK,
                   row, &row_key) != BUS_OK ||
        !row_key || !cached_primary(find->call, find->form, row, &primary))
        return;
    store_row(find, take, row_key, row, expiry_ns + INDEX_LEAD_NS);
    take_store(take, take->key, primary, expiry_ns);
}

static int find_by_unique(const struct find *find, void *row)
{
    struct take take = {.call = find->call};
    enum take_found found;
    struct bus_bytes value;
    int code = cached_key(find->call, find->form, find->key, CACHED_LOOK,
                          find->probe, &take.key);
    if (code != BUS_OK || !take.key)
        return code == BUS_OK ? find_direct(find, row) : code;
    code = take_begin(&take, &found, &value);
    if (code != BUS_OK)
        return code;
    if (found == TAKE_ABSENT)
        return find_nothing(find->call, find->table, find->key);
    if (found == TAKE_HIT)
        return follow_index(find, &take, value, row);
    code = find_direct(find, row);
    if (code == BUS_OK)
        store_index(find, &take, row);
    else if (code == BUS_NOT_FOUND)
        take_store_absent(&take);
    take_end(&take);
    return code;
}

/* ---- rows that are marked as deleted ---- */

/* The column that says so; NULL: the table has none. */
static const struct bus_field *gone_field(const struct model_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].flags & MODEL_GONE)
            return &table->row->fields[i];
    }
    return NULL;
}

/* A row that was found, unless it is marked. The cache holds marked rows as
 * well, as a Go service beside us would have it. */
static int give(const struct find *find, const struct bus_field *gone,
                const void *found, void *row)
{
    struct sql_value mark;
    struct bus_call *call = find->call;
    int code = row_get(gone, found, call->arena, &mark, &call->error);
    if (code != BUS_OK)
        return code;
    if (!model_is_zero(&mark))
        return find_nothing(call, find->table, find->key);
    memcpy(row, found, find->table->row->size);
    return BUS_OK;
}

typedef int find_some(const struct find *find, void *row);

static int find_live(const struct find *find, find_some *some, void *row)
{
    const struct bus_field *gone = gone_field(find->table);
    if (!gone)
        return some(find, row);
    void *found = bus_arena_alloc(find->call->arena, find->table->row->size);
    if (!found)
        return sql_no_memory(&find->call->error);
    int code = some(find, found);
    return code == BUS_OK ? give(find, gone, found, row) : code;
}

/* ---- for everybody ---- */

static int find_any(const struct find *find, void *row)
{
    if (!find->form)
        return find_direct(find, row);
    if (find->key == &find->table->primary)
        return find_by_primary(find, row);
    return find_by_unique(find, row);
}

static int find_locked(const struct find *find, void *row)
{
    return find_row_locked(find->call, find->table, find->key, find->probe,
                           row);
}

/* Through the cache? In a transaction a shared cache has no say: it may be
 * ahead of the transaction's view or, by a moment, behind the last commit. */
static const struct store_form *form_for(const struct bus_call *call,
                                         const struct model_table *table)
{
    const struct store *store = call->store;
    const struct store_form *form =
        store && !store->wrote ? cached_form(call, table) : NULL;
    return form && form->shared && store->begun ? NULL : form;
}

int model_find(struct bus_call *call, const struct model_table *table,
               const struct model_key *key, const void *probe, void *row)
{
    struct find find = {call, table, key, probe, form_for(call, table)};
    if (!find.form || !find.form->shared) {
        int code = store_use(call);
        if (code != BUS_OK)
            return code;
        find.form = form_for(call, table); /* it may have begun in company */
    }
    return find_live(&find, find_any, row);
}

int model_find_for_update(struct bus_call *call,
                          const struct model_table *table,
                          const struct model_key *key, const void *probe,
                          void *row)
{
    int code = store_use_to_write(call);
    if (code != BUS_OK)
        return code;
    const struct find find = {call, table, key, probe, NULL};
    return find_live(&find, find_locked, row);
}
