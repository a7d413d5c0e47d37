/* SPDX-License-Identifier: MIT
 *
 * Inbounds lie in slabs, so that a frame of a thousand requests costs a few
 * allocations and not thousands.
 */
#include "bus/batch.h"

#include <stdlib.h>
#include <string.h>

#define SLAB_MAX 256
#define REQUEST_BYTES 128 /* of an ordinary one, on the wire */

struct slab {
    struct slab *next;
    uint32_t count, cap;
    struct inbound items[];
};

struct batch *batch_new(struct bus_peer *peer, struct bus_bytes frame)
{
    struct batch *batch = malloc(sizeof(*batch) + frame.len + 1);
    if (!batch)
        abort();
    atomic_init(&batch->refs, 1);
    batch->peer = peer;
    peer_ref(peer);
    batch->slabs = NULL;
    batch->answer = NULL;
    batch->waiting = 0;
    batch->len = frame.len;
    memcpy(batch->data, frame.data, frame.len);
    return batch;
}

void batch_unref(struct batch *batch)
{
    if (atomic_fetch_sub(&batch->refs, 1) != 1)
        return;
    while (batch->slabs) {
        struct slab *next = batch->slabs->next;
        free(batch->slabs);
        batch->slabs = next;
    }
    chunk_free(batch->answer);
    peer_unref(batch->peer);
    free(batch);
}

/* Guessed for the first slab, doubled for those after it. */
static uint32_t slab_cap(const struct batch *batch)
{
    uint32_t cap = batch->slabs ? batch->slabs->cap * 2
                                : 1 + (uint32_t)(batch->len / REQUEST_BYTES);
    return cap < SLAB_MAX ? cap : SLAB_MAX;
}

static void slab_add(struct batch *batch)
{
    uint32_t cap = slab_cap(batch);
    struct slab *slab = malloc(sizeof(*slab) + cap * sizeof(struct inbound));
    if (!slab)
        abort();
    slab->next = batch->slabs;
    slab->count = 0;
    slab->cap = cap;
    batch->slabs = slab;
}

struct inbound *batch_add(struct batch *batch)
{
    if (!batch->slabs || batch->slabs->count == batch->slabs->cap)
        slab_add(batch);
    return &batch->slabs->items[batch->slabs->count++];
}
