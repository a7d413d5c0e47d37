/* SPDX-License-Identifier: MIT
 *
 * Names that are apart in a schema and one in C: "a-b" and "a_b", the message
 * A_B and the B inside A, a middleware and a handler. Every name that the
 * printers make at file scope stands here once with the place it comes from;
 * two of one name are an error at the later place. Tags are a space of their
 * own in C: a blank stands before them here.
 */
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "name.h"

struct c_name {
    const char *name;
    const struct schema_pos *pos;
};

struct names {
    struct gen *gen;
    struct vec all; /* struct c_name */
};

static void take(struct names *names, const char *name,
                 const struct schema_pos *pos)
{
    *(struct c_name *)vec_add(names->gen->pool, &names->all,
                              sizeof(struct c_name)) =
        (struct c_name){name, pos};
}

static void take_struct(struct names *names, const char *name,
                        const struct schema_pos *pos)
{
    struct pool *pool = names->gen->pool;
    take(names, pool_printf(pool, " %s", name), pos);
    take(names, pool_printf(pool, "%s_shape", name), pos);
}

static void take_enum(struct names *names, const struct schema_enum *values)
{
    struct pool *pool = names->gen->pool;
    take(names, pool_printf(pool, " %s", values->c_name), &values->pos);
    for (size_t i = 0; i < values->value_count; i++)
        take(names,
             pool_printf(pool, "%s_%s", values->c_name, values->values[i].name),
             &values->pos);
}

static void take_unit(struct names *names, const struct schema_unit *unit)
{
    for (size_t i = 0; i < unit->message_count; i++)
        take_struct(names, unit->messages[i]->c_name, &unit->messages[i]->pos);
    for (size_t i = 0; i < unit->enum_count; i++)
        take_enum(names, unit->enums[i]);
    for (size_t i = 0; i < unit->table_count; i++)
        take_struct(names, unit->tables[i]->c_name, &unit->tables[i]->pos);
    for (size_t i = 0; i < unit->saga_count; i++)
        take(names,
             pool_printf(names->gen->pool, "saga_%s_plan",
                         unit->sagas[i]->c_name),
             &unit->sagas[i]->pos);
}

/* Where a middleware was named first. */
static const struct schema_pos *middleware_pos(const struct gen *gen,
                                               const char *name)
{
    const struct schema_method *const *methods = gen->methods.items;
    for (size_t i = 0; i < gen->methods.count; i++) {
        const struct schema_group *group = methods[i]->group;
        for (size_t j = 0; group && group->middlewares[j]; j++)
            if (!strcmp(name_c(gen->pool, group->middlewares[j]), name))
                return &methods[i]->pos;
    }
    return NULL;
}

static void take_methods(struct names *names)
{
    struct gen *gen = names->gen;
    const struct schema_method *const *methods = gen->methods.items;
    struct vec middlewares = {0};
    for (size_t i = 0; i < gen->methods.count; i++) {
        take(names, gen_handler_name(gen, methods[i]), &methods[i]->pos);
        take(names,
             pool_printf(gen->pool, "%s_%s_method", gen->prefix,
                         methods[i]->c_name),
             &methods[i]->pos);
    }
    gen_middlewares(gen, &middlewares);
    const char *const *all = middlewares.items;
    for (size_t i = 0; i < middlewares.count; i++)
        take(names, gen_middleware_name(gen, all[i]),
             middleware_pos(gen, all[i]));
}

static int compare_places(const struct schema_pos *a,
                          const struct schema_pos *b)
{
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return strcmp(a->file, b->file);
}

static int compare_names(const void *a, const void *b)
{
    const struct c_name *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : compare_places(left->pos, right->pos);
}

/* A struct that is another's in C has its shape's name twice, too. */
static bool is_reported(const struct vec *reported,
                        const struct schema_pos *pos)
{
    const struct schema_pos *const *all = reported->items;
    for (size_t i = 0; i < reported->count; i++)
        if (!compare_places(all[i], pos))
            return true;
    return false;
}

void gen_check_names(struct gen *gen)
{
    struct vec reported = {0};
    const struct schema_unit *const *units = gen->units.items;
    struct names names = {.gen = gen};
    for (size_t i = 0; i < gen->units.count; i++)
        take_unit(&names, units[i]);
    take_methods(&names);
    struct c_name *all = names.all.items;
    if (names.all.count)
        qsort(all, names.all.count, sizeof(*all), compare_names);
    for (size_t i = 1; i < names.all.count; i++) {
        /* What two units import is there twice, and one thing. */
        if (strcmp(all[i].name, all[i - 1].name) ||
            !compare_places(all[i].pos, all[i - 1].pos) ||
            is_reported(&reported, all[i].pos))
            continue;
        vec_push(gen->pool, &reported, all[i].pos);
        const char *name = all[i].name;
        schema_error_add(gen->schema, all[i].pos, NULL,
                         "'%s' is the C name of something at %s:%u too",
                         name + (name[0] == ' '), all[i - 1].pos->file,
                         all[i - 1].pos->line);
    }
}
