/* SPDX-License-Identifier: MIT
 *
 * A topology in memory: finding an actor, and its end.
 */
#include "actors/supervisor/topology.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void topology_free(struct topology *topology)
{
    if (!topology)
        return;
    bus_arena_release(&topology->arena);
    free(topology);
}

const struct topology_actor *topology_at(const struct topology *topology,
                                         size_t index)
{
    assert(index < topology->actors.count);
    const struct topology_actor *actors = topology->actors.items;
    return &actors[index];
}

const struct topology_actor *topology_find(const struct topology *topology,
                                           const char *name)
{
    for (size_t i = 0; i < topology->actors.count; i++) {
        const struct topology_actor *actor = topology_at(topology, i);
        if (strcmp(actor->name, name) == 0)
            return actor;
    }
    return NULL;
}
