/* SPDX-License-Identifier: MIT
 *
 * A peer: the server's end of one caller's connection. Requests of one frame
 * share one copy of it (batch); replies gather and leave as frames, at most
 * BUS_CREDIT_FRAMES of them unacknowledged.
 */
#ifndef BUS_PEER_H
#define BUS_PEER_H

#include "bus/bus_internal.h"
#include "bus/frame.h"
#include "bus/server.h"

#define BUS_PEER_QUEUE_MAX ((size_t)256 << 20) /* bytes of unsent replies */
/* Beyond it replies are refusals, and these find no room at last either. */
#define BUS_PEER_REFUSALS_MAX ((size_t)16 << 20)
#define BUS_PEER_MARKS_MAX 32    /* unsent pongs and welcomes */
#define BUS_FLUSH_LATEST_US 1000 /* a reply waits no longer to be flushed */

struct bus_server {
    struct bus_server *next; /* of the bus */
    struct bus *bus;
    bus_serve *serve;
    void *arg;
    size_t frame_max;
    struct bus_name name;
    struct link_hub *hub;
    struct link_hub *far; /* takes calls over tcp; NULL: none */
    struct link_radio *radio;
    struct event_source *source; /* event.c */
    atomic_uint refs;
    atomic_bool draining;
    _Atomic uint64_t frames_in, frames_out, requests, replies, dropped;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a peer went, acknowledged or emptied */
    struct bus_peer *peers;
    uint64_t peer_count;
    unsigned hubs; /* not gone */

    pthread_mutex_t dirty_lock;
    struct bus_peer *dirty; /* with replies to flush */
    atomic_bool some_dirty;
};

/* A frame of replies on its way out. */
struct chunk {
    struct chunk *next;
    struct bus_buf buf;
    uint32_t envelopes;
    uint32_t marks;          /* pongs and welcomes among them */
    bool plain;              /* answers one frame of a plain caller */
    bool closed;             /* full */
    struct link_route route; /* plain */
};

struct bus_peer {
    struct bus_peer *next; /* of the server, under its lock */
    struct bus_server *server;
    atomic_uint refs;
    pthread_mutex_t lock;
    struct link *link; /* NULL: gone */
    bool multi;
    /* Malformed: cut then (ns), when the answer is out; 0: not doomed. */
    _Atomic int64_t doom;
    bool farewell;
    bool said_goodbye;
    struct link_route route; /* of its last multiplexed frame */
    struct chunk *head, *tail, *spare;
    size_t queued;  /* bytes in chunks */
    uint32_t marks; /* in chunks */
    bool flush;     /* send the open chunk too */
    bool busy;      /* a frame is being handed over */
    bool dirty;
    struct bus_peer *dirty_next;
    uint64_t sent, acked; /* multiplexed frames */
};

void chunk_free(struct chunk *chunk);
void server_unref(struct bus_server *server);
void server_wake(struct bus_server *server); /* something changed */

extern const struct link_owner peer_owner;
struct bus_peer *peer_new(struct bus_server *server, struct link *link);
void peer_ref(struct bus_peer *peer);
void peer_unref(struct bus_peer *peer);
/* Sends what is gathered. */
void peer_flush(struct bus_peer *peer);
void peer_goodbye(struct bus_peer *peer);

#endif
