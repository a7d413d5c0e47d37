/* SPDX-License-Identifier: MIT
 *
 * A sorted array and a binary search. Where places of several nodes have one
 * hash, a second hash of the key chooses among them, as go-zero does; the
 * constant in its text is go-zero's, too.
 */
#include "actors/store/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INNER_FORMAT "16777619:%s"
#define ADDRESS_MAX 512 /* bytes of an address with its place's number */
#define INNER_MAX 5120  /* of a key with its prefix; longer: cut */

/* ---- murmur3 ---- */

#define C1 UINT64_C(0x87c37b91114253d5)
#define C2 UINT64_C(0x4cf5ad432745937f)
#define BLOCK ((size_t)16)

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t mix_first(uint64_t k)
{
    return rotate(k * C1, 31) * C2;
}

static uint64_t mix_second(uint64_t k)
{
    return rotate(k * C2, 33) * C1;
}

static uint64_t finish(uint64_t h)
{
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

/* Up to eight bytes, little endian. */
static uint64_t load(const uint8_t *data, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len && i < 8; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

uint64_t ring_hash(const void *data, size_t len)
{
    const uint8_t *at = data;
    size_t left = len;
    uint64_t h1 = 0, h2 = 0;
    for (; left >= BLOCK; left -= BLOCK, at += BLOCK) {
        h1 ^= mix_first(load(at, 8));
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= mix_second(load(at + 8, 8));
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    if (left > 8)
        h2 ^= mix_second(load(at + 8, left - 8));
    if (left > 0)
        h1 ^= mix_first(load(at, left));
    h1 ^= len;
    h2 ^= len;
    h1 += h2;
    h2 += h1;
    return finish(h1) + finish(h2);
}

/* ---- places ---- */

static int compare(const void *a, const void *b)
{
    const struct ring_place *one = a, *other = b;
    if (one->hash != other->hash)
        return one->hash < other->hash ? -1 : 1;
    return one->node < other->node ? -1 : one->node > other->node;
}

static size_t places_of(int32_t weight)
{
    if (weight <= 0)
        return 0;
    return weight < RING_WEIGHT ? (size_t)weight : RING_WEIGHT;
}

static void add_node(struct ring *ring, const char *address, uint32_t node,
                     size_t places)
{
    char text[ADDRESS_MAX];
    for (size_t i = 0; i < places; i++) {
        snprintf(text, sizeof(text), "%s%zu", address, i);
        ring->places[ring->count++] =
            (struct ring_place){ring_hash(text, strlen(text)), node};
    }
}

void ring_open(struct ring *ring, const char *const *addresses,
               const int32_t *weights, size_t count)
{
    *ring = (struct ring){
        .places = calloc(count * RING_WEIGHT + 1, sizeof(*ring->places))};
    if (!ring->places)
        abort();
    for (size_t i = 0; i < count; i++)
        add_node(ring, addresses[i], (uint32_t)i, places_of(weights[i]));
    qsort(ring->places, ring->count, sizeof(*ring->places), compare);
}

void ring_close(struct ring *ring)
{
    free(ring->places);
    *ring = (struct ring){0};
}

/* The first place at or after that hash, around the end. */
static size_t place_at(const struct ring *ring, uint64_t hash)
{
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ring->places[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low % ring->count;
}

size_t ring_find(const struct ring *ring, const char *key)
{
    if (ring->count == 0)
        return 0;
    size_t first = place_at(ring, ring_hash(key, strlen(key)));
    size_t same = 1;
    while (first + same < ring->count &&
           ring->places[first + same].hash == ring->places[first].hash)
        same++;
    if (same > 1) {
        char text[INNER_MAX];
        snprintf(text, sizeof(text), INNER_FORMAT, key);
        first += (size_t)(ring_hash(text, strlen(text)) % same);
    }
    return ring->places[first].node;
}
