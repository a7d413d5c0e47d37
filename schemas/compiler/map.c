/* SPDX-License-Identifier: MIT
 *
 * Open addressing; nothing is removed (a value may become NULL).
 */
#include "map.h"

#include <stdint.h>
#include <string.h>

#define MAP_CAP_MIN 64

static size_t hash(const char *key)
{
    uint64_t value = 14695981039346656037u; /* FNV-1a */
    for (; *key; key++)
        value = (value ^ (unsigned char)*key) * 1099511628211u;
    return (size_t)(value ^ value >> 29);
}

static struct map_slot *find(const struct map *map, const char *key)
{
    size_t at = hash(key) & (map->cap - 1);
    while (map->slots[at].key && strcmp(map->slots[at].key, key))
        at = (at + 1) & (map->cap - 1);
    return &map->slots[at];
}

void *map_get(const struct map *map, const char *key)
{
    return map->cap ? find(map, key)->value : NULL;
}

static void grow(struct pool *pool, struct map *map)
{
    struct map old = *map;
    map->cap = old.cap ? old.cap * 2 : MAP_CAP_MIN;
    map->slots = pool_array(pool, map->cap, sizeof(*map->slots));
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key)
            *find(map, old.slots[i].key) = old.slots[i];
}

void map_put(struct pool *pool, struct map *map, const char *key, void *value)
{
    if (map->count * 2 >= map->cap)
        grow(pool, map);
    struct map_slot *slot = find(map, key);
    map->count += slot->key == NULL;
    *slot = (struct map_slot){key, value};
}
