/* SPDX-License-Identifier: MIT
 *
 * The cache that processes share: go-zero's entries on one or several Redis
 * servers.
 */
#ifndef STORE_SHARED_H
#define STORE_SHARED_H

#include "actors/store/cache.h"

/* How long one process may take to load a key before another one does, too. */
#define SHARED_LEASE_MS 2000
/* How long after a process that died in mid-commit nobody may store a key. */
#define SHARED_FENCE_MS 5000

#define SHARED_NODES_MAX 256

struct store_node;

/* pending: the file of stale.h, or NULL. Connects to nobody: a server that is
 * not there is down. INVALID_ARGUMENT for an address that is none and for what
 * is not built (TLS, cluster). */
int cache_shared_open(const struct store_node *nodes, size_t count,
                      const char *pending, struct cache **ret,
                      struct bus_error *err);

/* For the barrier's Redis form: the server that a key lies on. */
struct redis;
struct redis *cache_shared_node(struct cache *cache, const char *key);

#endif
