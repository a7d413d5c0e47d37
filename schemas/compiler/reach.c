/* SPDX-License-Identifier: MIT
 *
 * A walk over types: what is found waits in a list, so that neither circles nor
 * long chains matter.
 */
#include "reach.h"

static void found(struct pool *pool, struct map *reached, struct vec *list,
                  const struct schema_message *message)
{
    if (!message || map_get(reached, message->c_name))
        return;
    vec_push(pool, list, message);
    map_put(pool, reached, message->c_name, list);
}

struct map reach_from(struct pool *pool, const struct vec *roots)
{
    struct map reached = {0};
    struct vec list = {0};
    const struct schema_message *const *all = roots->items;
    for (size_t i = 0; i < roots->count; i++)
        found(pool, &reached, &list, all[i]);
    for (size_t i = 0; i < list.count; i++) {
        all = list.items;
        const struct schema_message *message = all[i];
        for (size_t j = 0; j < message->field_count; j++)
            found(pool, &reached, &list, message->fields[j].message);
    }
    return reached;
}

struct map reach_requests(struct pool *pool,
                          const struct schema_service *service)
{
    struct vec roots = {0};
    for (size_t i = 0; i < service->method_count; i++)
        vec_push(pool, &roots, service->methods[i].request);
    return reach_from(pool, &roots);
}
