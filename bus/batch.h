/* SPDX-License-Identifier: MIT
 *
 * The requests of one frame: one copy of its bytes and the inbounds that point
 * into it, freed when the last of them was answered.
 */
#ifndef BUS_BATCH_H
#define BUS_BATCH_H

#include "bus/peer.h"

struct inbound {
    struct bus_inbound call; /* first: the owner sees only this */
    struct batch *batch;     /* NULL: of bus_inbound_local */
    uint64_t id;
};

/* Answers one of bus_inbound_local and frees it. */
void inbound_local_reply(struct inbound *inbound,
                         const struct bus_reply *reply);

struct batch {
    atomic_uint refs; /* unanswered requests, and whoever reads the frame */
    struct bus_peer *peer;
    struct slab *slabs;
    struct chunk *answer; /* of a plain frame; NULL: multiplexed */
    uint32_t waiting;     /* plain: replies still due, under the peer's lock */
    size_t len;
    uint8_t data[]; /* the frame, and room for one NUL */
};

struct batch *batch_new(struct bus_peer *peer, struct bus_bytes frame);
void batch_unref(struct batch *batch);

/* One more inbound, not filled in. */
struct inbound *batch_add(struct batch *batch);

#endif
