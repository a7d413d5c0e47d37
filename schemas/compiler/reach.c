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

struct map reach_requests(struct pool *pool,
                          const struct schema_service *service)
{
    struct map reached = {0};
    struct vec list = {0};
    for (size_t i = 0; i < service->method_count; i++)
        found(pool, &reached, &list, service->methods[i].request);
    for (size_t i = 0; i < list.count; i++) {
        const struct schema_message *const *all = list.items;
        const struct schema_message *message = all[i];
        for (size_t j = 0; j < message->field_count; j++)
            found(pool, &reached, &list, message->fields[j].message);
    }
    return reached;
}
