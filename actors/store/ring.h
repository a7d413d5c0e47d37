/* SPDX-License-Identifier: MIT
 *
 * go-zero's consistent hash: which of several cache nodes a key lies on, the
 * same as in a Go service with the same list. 100 places a node of weight 100
 * (more weight adds none), each the hash of the node's address and the place's
 * number; a key belongs to the first place at or after its own hash. The hash
 * is the first half of murmur3's 128 bits (x64, seed 0).
 */
#ifndef STORE_RING_H
#define STORE_RING_H

#include <stddef.h>
#include <stdint.h>

#define RING_WEIGHT 100 /* of a node of which nothing is said */

struct ring_place {
    uint64_t hash;
    uint32_t node;
};

struct ring {
    struct ring_place *places; /* owned; by hash, then in order of adding */
    size_t count;
};

/* addresses: as configured, "127.0.0.1:6379"; weights in percent. A ring on
 * which no node has a place (count 0) finds node 0. */
void ring_open(struct ring *ring, const char *const *addresses,
               const int32_t *weights, size_t count);
void ring_close(struct ring *ring);

/* The node's index. Any thread. */
size_t ring_find(const struct ring *ring, const char *key);

uint64_t ring_hash(const void *data, size_t len);

#endif
