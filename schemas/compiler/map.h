/* SPDX-License-Identifier: MIT
 *
 * Texts to pointers, in a pool. Looking up and putting take constant time, so
 * that a file with very many names is still read in linear time.
 */
#ifndef SCHEMA_MAP_H
#define SCHEMA_MAP_H

#include "pool.h"

struct map_slot {
    const char *key; /* NULL: free */
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t count;
};

/* NULL if the key is absent. */
void *map_get(const struct map *map, const char *key);

/* Replaces what is there. The key is not copied. */
void map_put(struct pool *pool, struct map *map, const char *key, void *value);

#endif
