/* SPDX-License-Identifier: MIT
 *
 * Lists of rows, in the order of the primary key, and their number. A page by
 * its number reads over what lies before it; a page behind a known row (a
 * cursor) begins there, whatever was inserted or deleted meanwhile. Lists are
 * not cached: nothing could tell which of them a write makes stale.
 */
#include "actors/store/model.h"

#include "actors/store/state.h"
#include "actors/store/statement.h"

#define PAGE_ARGUMENTS 2 /* limit and offset */

/* Room for a cursor's condition as well. */
static int list_open(struct statement *statement, struct bus_call *call,
                     const struct model_query *query)
{
    size_t key = query->key ? query->key->count : 0;
    int code = store_use(call);
    if (code == BUS_OK)
        code = statement_open(statement, call,
                              key + 2 * (size_t)query->table->primary.count +
                                  PAGE_ARGUMENTS);
    return code;
}

/* The query's conditions. */
static int add_query(struct statement *statement,
                     const struct model_query *query)
{
    int code = query->key ? statement_where(statement, query->table, query->key,
                                            query->probe)
                          : BUS_OK;
    statement_live(statement, query->table);
    return code;
}

static void add_order(struct statement *statement,
                      const struct model_table *table, bool descending)
{
    for (uint16_t i = 0; i < table->primary.count; i++)
        bus_buf_printf(&statement->text, "%s`%s`%s", i ? ", " : " order by ",
                       table->columns[table->primary.columns[i]].name,
                       descending ? " desc" : "");
}

static void add_limit(struct statement *statement, uint64_t limit)
{
    const struct sql_value value = {SQL_UINT, {.natural = limit}};
    bus_buf_text(&statement->text, " limit ?");
    statement_argument(statement, &value);
}

/* (`a` > ? or (`a` = ? and `b` > ?)): spelled out, for MySQL uses no index for
 * (`a`, `b`) > (?, ?). */
static int add_after(struct statement *statement,
                     const struct model_table *table, const void *after,
                     bool descending)
{
    const struct model_key *key = &table->primary;
    statement_condition(statement);
    for (uint16_t i = 0; i < key->count; i++) {
        const char *name = table->columns[key->columns[i]].name;
        struct sql_value value;
        int code =
            statement_value(statement, table, key->columns[i], after, &value);
        if (code != BUS_OK)
            return code;
        bus_buf_printf(&statement->text, "(`%s` %c ?", name,
                       descending ? '<' : '>');
        statement_argument(statement, &value);
        if (i + 1 == key->count)
            continue;
        bus_buf_printf(&statement->text, " or (`%s` = ? and ", name);
        statement_argument(statement, &value);
    }
    for (uint16_t i = 0; i + 1 < 2 * key->count; i++)
        bus_buf_byte(&statement->text, ')');
    return BUS_OK;
}

static int check_page(struct bus_call *call, const struct model_query *query,
                      const struct model_page *page)
{
    if (!query->table->primary.count)
        return bus_error_set(&call->error, BUS_INTERNAL,
                             "%s has no primary key to be paged by",
                             query->table->name);
    if (page->size >= 1 && page->size <= MODEL_PAGE_MAX)
        return BUS_OK;
    return bus_error_set(&call->error, BUS_INVALID_ARGUMENT,
                         "a page has 1 to %d rows", MODEL_PAGE_MAX);
}

static void add_offset(struct statement *statement,
                       const struct model_page *page)
{
    uint64_t before = page->page ? page->page - 1 : 0;
    const struct sql_value value = {SQL_UINT, {.natural = before * page->size}};
    bus_buf_text(&statement->text, " offset ?");
    statement_argument(statement, &value);
}

int model_find_page(struct bus_call *call, const struct model_query *query,
                    const struct model_page *page, struct bus_list *ret)
{
    struct statement statement;
    int code = check_page(call, query, page);
    if (code == BUS_OK)
        code = list_open(&statement, call, query);
    if (code != BUS_OK)
        return code;
    statement_select(&statement, query->table);
    code = add_query(&statement, query);
    add_order(&statement, query->table, page->descending);
    add_limit(&statement, page->size);
    add_offset(&statement, page);
    if (code == BUS_OK)
        code = statement_query(&statement, query->table->row, page->size, ret);
    statement_close(&statement);
    return code;
}

int model_find_page_after(struct bus_call *call,
                          const struct model_query *query,
                          const struct model_page *page, const void *after,
                          struct bus_list *ret)
{
    struct statement statement;
    int code = check_page(call, query, page);
    if (code == BUS_OK)
        code = list_open(&statement, call, query);
    if (code != BUS_OK)
        return code;
    statement_select(&statement, query->table);
    code = add_query(&statement, query);
    if (code == BUS_OK && after)
        code = add_after(&statement, query->table, after, page->descending);
    add_order(&statement, query->table, page->descending);
    if (code == BUS_OK) {
        add_limit(&statement, page->size);
        code = statement_query(&statement, query->table->row, page->size, ret);
    }
    statement_close(&statement);
    return code;
}

int model_find_all(struct bus_call *call, const struct model_query *query,
                   struct bus_list *ret)
{
    struct statement statement;
    struct bus_list rows = {0};
    int code = list_open(&statement, call, query);
    if (code != BUS_OK)
        return code;
    statement_select(&statement, query->table);
    code = add_query(&statement, query);
    add_order(&statement, query->table, false);
    if (code == BUS_OK) {
        add_limit(&statement, MODEL_ROWS_MAX + 1);
        code = statement_query(&statement, query->table->row,
                               MODEL_ROWS_MAX + 1, &rows);
    }
    statement_close(&statement);
    if (code == BUS_OK && rows.count > MODEL_ROWS_MAX)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "more than %d rows of %s: read them in pages",
                             MODEL_ROWS_MAX, query->table->name);
    if (code == BUS_OK)
        *ret = rows;
    return code;
}

struct count_row {
    uint64_t count;
};

int model_count(struct bus_call *call, const struct model_query *query,
                uint64_t *ret)
{
    static const struct bus_field field = {
        .name = "count", .kind = BUS_U64, .presence = BUS_NO_PRESENCE};
    static const struct bus_shape shape = {"count", sizeof(struct count_row), 1,
                                           &field};
    struct statement statement;
    struct bus_list rows = {0};
    int code = list_open(&statement, call, query);
    if (code != BUS_OK)
        return code;
    bus_buf_printf(&statement.text, "select count(*) as count from `%s`",
                   query->table->name);
    code = add_query(&statement, query);
    if (code == BUS_OK)
        code = statement_query(&statement, &shape, 1, &rows);
    statement_close(&statement);
    if (code == BUS_OK)
        *ret = rows.count ? ((const struct count_row *)rows.items)->count : 0;
    return code;
}
