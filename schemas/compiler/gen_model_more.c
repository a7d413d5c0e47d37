/* SPDX-License-Identifier: MIT
 *
 * The functions of a table that go-zero's users ask for: batches, pages, lists
 * by an index, counts, named columns, versions, marks instead of deletion. Each
 * is one line over actors/store/model.h. Which a table gets depends on its
 * keys and on what its columns are called (sql_role.c).
 */
#include <stdio.h>
#include <string.h>

#include "gen_model.h"
#include "name.h"

enum need {
    NEEDS_NOTHING,
    NEEDS_PRIMARY,
    NEEDS_VERSION, /* and a primary key */
    NEEDS_MARK,    /* and a primary key */
};

/* T: the table's C name. KEY: the primary key's columns as parameters. */
static const struct {
    const char *name;
    enum need need;
    const char *parameters;
    bool probe; /* it has KEY */
    const char *body;
} functions[] = {
    {"insert_batch", NEEDS_NOTHING, ", struct T *rows,\n    size_t count",
     false, "model_insert_batch(call, &T_table, rows, count)"},
    {"count", NEEDS_NOTHING, ", uint64_t *ret", false,
     "model_count(call, &(struct model_query){&T_table, NULL, NULL}, ret)"},
    {"find_one_for_update", NEEDS_PRIMARY, "KEY,\n    struct T *ret", true,
     "model_find_for_update(call, &T_table, &T_table.primary, &probe, ret)"},
    {"update_columns", NEEDS_PRIMARY,
     ", const struct T *row,\n    const struct T_columns *columns", false,
     NULL},
    {"update_version", NEEDS_VERSION, ", struct T *row", false,
     "model_update_version(call, &T_table, row)"},
    {"delete_soft", NEEDS_MARK, "KEY", true,
     "model_delete_soft(call, &T_table, &probe)"},
    {"find_page", NEEDS_PRIMARY,
     ",\n    const struct model_page *page, struct T_list *ret", false,
     "model_find_page(call, &(struct model_query){&T_table, NULL, NULL}, page, "
     "LIST)"},
    {"find_page_after", NEEDS_PRIMARY,
     ",\n    const struct model_page *page, const struct T *after,\n"
     "    struct T_list *ret",
     false,
     "model_find_page_after(call,\n        &(struct model_query){&T_table, "
     "NULL, NULL}, page, after, LIST)"},
};

/* The same by an index: named find_all_by_user_id. KEY: its columns. */
static const struct {
    const char *name;
    bool paged;
    const char *parameters;
    const char *body;
} by_index[] = {
    {"find_all_by_", false, "KEY,\n    struct T_list *ret",
     "model_find_all(call, &(struct model_query){&T_table, INDEX, &probe},\n"
     "        LIST)"},
    {"count_by_", false, "KEY,\n    uint64_t *ret",
     "model_count(call, &(struct model_query){&T_table, INDEX, &probe}, ret)"},
    {"find_page_by_", true,
     "KEY,\n    const struct model_page *page, struct T_list *ret",
     "model_find_page(call, &(struct model_query){&T_table, INDEX, &probe},\n"
     "        page, LIST)"},
    {"find_page_after_by_", true,
     "KEY,\n    const struct model_page *page, const struct T *after,\n"
     "    struct T_list *ret",
     "model_find_page_after(call,\n        &(struct model_query){&T_table, "
     "INDEX, &probe}, page, after, LIST)"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct more {
    struct gen *gen;
    struct out *out;
    const struct schema_table *table;
    const struct schema_key *key; /* what KEY and INDEX stand for */
    uint16_t index;
};

static bool is_met(const struct schema_table *table, enum need need)
{
    bool version = false, mark = false;
    for (uint16_t i = 0; i < table->column_count; i++) {
        version |= table->columns[i].version;
        mark |= table->columns[i].gone;
    }
    if (need == NEEDS_NOTHING)
        return true;
    if (!table->primary.count)
        return false;
    return need == NEEDS_PRIMARY || (need == NEEDS_VERSION ? version : mark);
}

/* Prints a text in which T, KEY, INDEX and LIST stand for something. */
static void expand(const struct more *more, const char *text)
{
    struct out *out = more->out;
    const char *name = more->table->c_name;
    while (*text) {
        if (!strncmp(text, "KEY", 3)) {
            gen_key_parameters(more->gen, out, more->table, more->key);
            text += 3;
        } else if (!strncmp(text, "INDEX", 5)) {
            out_printf(out, "&%s_table.indexes[%d]", name, more->index);
            text += 5;
        } else if (!strncmp(text, "LIST", 4)) {
            out_printf(out, "&ret->list");
            text += 4;
        } else if (*text == 'T') {
            out_printf(out, "%s", name);
            text++;
        } else {
            size_t len = strcspn(text + 1, "TKIL") + 1;
            out_printf(out, "%.*s", (int)len, text);
            text += len;
        }
    }
}

static void prototype(const struct more *more, const char *name,
                      const char *parameters)
{
    out_printf(more->out, "int %s_%s(struct bus_call *call",
               more->table->c_name, name);
    expand(more, parameters);
    out_printf(more->out, ")");
}

static void function(const struct more *more, bool probe, const char *body)
{
    out_printf(more->out, "\n{\n");
    if (probe)
        gen_probe(more->out, more->table, more->key);
    out_printf(more->out, "    return ");
    expand(more, body);
    out_printf(more->out, ";\n}\n\n");
}

/* Bits that name columns become the array that the runtime looks at. */
static void update_columns(const struct more *more)
{
    const struct schema_table *table = more->table;
    out_printf(more->out, "\n{\n    const bool named[] = {\n");
    for (uint16_t i = 0; i < table->column_count; i++)
        out_printf(more->out, "        columns->%s,\n",
                   table->columns[i].field.c_name);
    out_printf(more->out, "    };\n");
    out_printf(more->out,
               "    return model_update_columns(call, &%s_table, row, "
               "named);\n}\n\n",
               table->c_name);
}

static const char *index_name(const struct more *more, size_t i)
{
    return pool_printf(more->gen->pool, "%s%s", by_index[i].name,
                       name_c(more->gen->pool, more->key->name));
}

/* True if the table gets that function by its indexes. */
static bool has_index(const struct schema_table *table, size_t i)
{
    return table->primary.count || !by_index[i].paged;
}

static void types(const struct more *more)
{
    const struct schema_table *table = more->table;
    const char *name = table->c_name;
    struct out *out = more->out;
    out_printf(out,
               "struct %s_list {\n    union {\n        struct {\n"
               "            struct %s *rows;\n            size_t count;\n"
               "        };\n        struct bus_list list;\n    };\n};\n",
               name, name);
    if (!table->primary.count)
        return;
    out_printf(out, "struct %s_columns {\n", name);
    for (uint16_t i = 0; i < table->column_count; i++)
        out_printf(out, "    bool %s;\n", table->columns[i].field.c_name);
    out_printf(out, "};\n");
}

void gen_model_more_header(struct gen *gen, struct out *out,
                           const struct schema_table *table)
{
    struct more more = {gen, out, table, &table->primary, 0};
    types(&more);
    for (size_t i = 0; i < COUNT(functions); i++) {
        if (!is_met(table, functions[i].need))
            continue;
        prototype(&more, functions[i].name, functions[i].parameters);
        out_printf(out, ";\n");
    }
    for (; more.index < table->index_count; more.index++) {
        more.key = &table->indexes[more.index];
        for (size_t i = 0; i < COUNT(by_index); i++) {
            if (!has_index(table, i))
                continue;
            prototype(&more, index_name(&more, i), by_index[i].parameters);
            out_printf(out, ";\n");
        }
    }
}

void gen_model_more_source(struct gen *gen, struct out *out,
                           const struct schema_table *table)
{
    struct more more = {gen, out, table, &table->primary, 0};
    for (size_t i = 0; i < COUNT(functions); i++) {
        if (!is_met(table, functions[i].need))
            continue;
        prototype(&more, functions[i].name, functions[i].parameters);
        if (functions[i].body)
            function(&more, functions[i].probe, functions[i].body);
        else
            update_columns(&more);
    }
    for (; more.index < table->index_count; more.index++) {
        more.key = &table->indexes[more.index];
        for (size_t i = 0; i < COUNT(by_index); i++) {
            if (!has_index(table, i))
                continue;
            prototype(&more, index_name(&more, i), by_index[i].parameters);
            function(&more, true, by_index[i].body);
        }
    }
}

void gen_model_more_names(struct pool *pool, const struct schema_table *table,
                          struct vec *ret)
{
    for (size_t i = 0; i < COUNT(functions); i++)
        if (is_met(table, functions[i].need))
            vec_push(pool, ret, pool_text(pool, functions[i].name));
    for (uint16_t key = 0; key < table->index_count; key++)
        for (size_t i = 0; i < COUNT(by_index); i++)
            if (has_index(table, i))
                vec_push(pool, ret,
                         pool_printf(pool, "%s%s", by_index[i].name,
                                     name_c(pool, table->indexes[key].name)));
}
