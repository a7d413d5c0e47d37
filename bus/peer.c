/* SPDX-License-Identifier: MIT
 *
 * What callers send and what they get. A frame is read to its end before any of
 * its requests is served, so a malformed one executes nothing. Replies to a
 * multiplexed caller gather in a chunk that leaves at a drain point, when it is
 * full, or when the frame before it was taken; a plain caller gets one frame
 * under its own request id when all requests of its frame are answered.
 */
#include "bus/peer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/batch.h"

/* ---- Peers ---- */

void chunk_free(struct chunk *chunk)
{
    if (!chunk)
        return;
    bus_buf_release(&chunk->buf);
    free(chunk);
}

struct bus_peer *peer_new(struct bus_server *server, struct link *link)
{
    struct bus_peer *peer = calloc(1, sizeof(*peer));
    if (!peer)
        abort();
    peer->server = server;
    atomic_fetch_add(&server->refs, 1);
    peer->link = link;
    atomic_init(&peer->refs, 1);
    pthread_mutex_init(&peer->lock, NULL);
    return peer;
}

void peer_ref(struct bus_peer *peer)
{
    atomic_fetch_add_explicit(&peer->refs, 1, memory_order_relaxed);
}

static void chunks_drop(struct bus_peer *peer)
{
    while (peer->head) {
        struct chunk *chunk = peer->head;
        peer->head = chunk->next;
        chunk_free(chunk);
    }
    peer->tail = NULL;
    peer->queued = 0;
    peer->marks = 0;
}

void peer_unref(struct bus_peer *peer)
{
    if (atomic_fetch_sub(&peer->refs, 1) != 1)
        return;
    chunks_drop(peer);
    chunk_free(peer->spare);
    pthread_mutex_destroy(&peer->lock);
    server_unref(peer->server);
    free(peer);
}

/* ---- Sending ---- */

static struct chunk *chunk_new(struct bus_peer *peer)
{
    struct chunk *chunk = peer->spare;
    peer->spare = NULL;
    if (!chunk) {
        chunk = calloc(1, sizeof(*chunk));
        if (!chunk)
            abort();
        bus_buf_init(&chunk->buf, BUS_FRAME_BYTES_MAX + BUS_FLUSH_BYTES);
    }
    return chunk;
}

static void chunk_done(struct bus_peer *peer, struct chunk *chunk)
{
    if (peer->spare || chunk->buf.cap > 4 * BUS_FLUSH_BYTES) {
        chunk_free(chunk);
        return;
    }
    bus_buf_reset(&chunk->buf);
    chunk->envelopes = chunk->marks = 0;
    chunk->plain = chunk->closed = false;
    chunk->next = NULL;
    peer->spare = chunk;
}

static void queue_push(struct bus_peer *peer, struct chunk *chunk)
{
    chunk->next = NULL;
    if (peer->tail)
        peer->tail->next = chunk;
    else
        peer->head = chunk;
    peer->tail = chunk;
}

static bool may_send(const struct bus_peer *peer)
{
    const struct chunk *chunk = peer->head;
    if (!chunk || peer->busy || !peer->link)
        return false;
    if (!chunk->closed && !peer->flush)
        return false;
    return chunk->plain || peer->sent - peer->acked < BUS_CREDIT_FRAMES;
}

/* Hands the first chunk to the carrier, if it may go. Lock held. */
static void pump(struct bus_peer *peer)
{
    if (!may_send(peer))
        return;
    struct chunk *chunk = peer->head;
    peer->head = chunk->next;
    if (!peer->head) {
        peer->tail = NULL;
        peer->flush = false;
    }
    peer->queued -= chunk->buf.len;
    peer->marks -= chunk->marks;
    peer->busy = true;
    if (!chunk->plain)
        peer->sent++;
    atomic_fetch_add_explicit(&peer->server->frames_out, 1,
                              memory_order_relaxed);
    peer->link->carrier->send(peer->link,
                              chunk->plain ? &chunk->route : &peer->route,
                              bus_buf_bytes(&chunk->buf));
    chunk_done(peer, chunk);
}

/* The chunk that multiplexed envelopes are added to. Lock held. */
static struct chunk *open_chunk(struct bus_peer *peer)
{
    struct chunk *chunk = peer->tail;
    if (chunk && !chunk->plain && !chunk->closed)
        return chunk;
    chunk = chunk_new(peer);
    bus_frame_begin(&chunk->buf, true);
    peer->queued += chunk->buf.len;
    queue_push(peer, chunk);
    return chunk;
}

static void mark_add(struct bus_peer *peer, enum bus_envelope_kind kind,
                     uint64_t id)
{
    struct chunk *chunk = open_chunk(peer);
    size_t before = chunk->buf.len;
    bus_frame_mark(&chunk->buf, kind, id);
    chunk->envelopes++;
    peer->queued += chunk->buf.len - before;
    peer->flush = true;
    pump(peer);
}

/* Room for one more pong or welcome: who asks and does not read gets no more of
 * them. Lock held. */
static bool mark_room(struct bus_peer *peer)
{
    if (peer->marks >= BUS_PEER_MARKS_MAX)
        return false;
    open_chunk(peer)->marks++;
    peer->marks++;
    return true;
}

void peer_flush(struct bus_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    peer->dirty = false;
    peer->flush = peer->head != NULL;
    pump(peer);
    pthread_mutex_unlock(&peer->lock);
}

void peer_goodbye(struct bus_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    if (peer->multi && peer->link) {
        peer->said_goodbye = true;
        peer->farewell = false;
        mark_add(peer, BUS_ENVELOPE_GOODBYE, 0);
    }
    pthread_mutex_unlock(&peer->lock);
}

/* Remembers that this peer has something for the next drain point. */
static void mark_dirty(struct bus_peer *peer)
{
    struct bus_server *server = peer->server;
    if (peer->dirty)
        return;
    peer->dirty = true;
    peer_ref(peer);
    pthread_mutex_lock(&server->dirty_lock);
    peer->dirty_next = server->dirty;
    server->dirty = peer;
    bool first = !atomic_exchange(&server->some_dirty, true);
    pthread_mutex_unlock(&server->dirty_lock);
    if (first) /* no drain point may come for long: a slow handler */
        bus_tick_at(server->bus, bus_now(server->bus->clock) +
                                     BUS_FLUSH_LATEST_US * INT64_C(1000));
}

/* ---- Answering ---- */

static void reply_add(struct bus_peer *peer, struct bus_buf *buf, uint64_t id,
                      const struct bus_reply *reply)
{
    if (bus_reply_size(reply) > BUS_FRAME_BYTES_MAX - BUS_FLUSH_BYTES)
        bus_frame_refusal(buf, id, "the reply is larger than a frame");
    else if (peer->queued > BUS_PEER_QUEUE_MAX)
        bus_frame_refusal(buf, id, "the caller does not take its replies");
    else
        bus_frame_reply(buf, id, reply);
}

/* False: the caller has taken neither its replies nor their refusals. */
static bool reply_room(const struct bus_peer *peer)
{
    return peer->queued <= BUS_PEER_QUEUE_MAX + BUS_PEER_REFUSALS_MAX;
}

static void answer_multi(struct bus_peer *peer, uint64_t id,
                         const struct bus_reply *reply)
{
    if (!reply_room(peer))
        return;
    struct chunk *chunk = open_chunk(peer);
    /* Never larger than a frame: a large reply begins a chunk of its own. */
    if (chunk->envelopes &&
        chunk->buf.len + bus_reply_size(reply) > BUS_FRAME_BYTES_MAX) {
        chunk->closed = true;
        pump(peer);
        chunk = open_chunk(peer);
    }
    size_t before = chunk->buf.len;
    reply_add(peer, &chunk->buf, id, reply);
    peer->queued += chunk->buf.len - before;
    if (++chunk->envelopes >= BUS_FLUSH_ENVELOPES ||
        chunk->buf.len >= BUS_FLUSH_BYTES) {
        chunk->closed = true;
        pump(peer);
    }
}

static void answer_plain(struct batch *batch, uint64_t id,
                         const struct bus_reply *reply)
{
    struct bus_peer *peer = batch->peer;
    reply_add(peer, &batch->answer->buf, id, reply);
    if (--batch->waiting > 0)
        return;
    if (!reply_room(peer)) {
        chunk_free(batch->answer);
        batch->answer = NULL;
        return;
    }
    batch->answer->closed = true;
    peer->queued += batch->answer->buf.len;
    queue_push(peer, batch->answer);
    batch->answer = NULL;
    pump(peer);
}

static void answer(struct batch *batch, uint64_t id,
                   const struct bus_reply *reply)
{
    struct bus_peer *peer = batch->peer;
    pthread_mutex_lock(&peer->lock);
    if (!peer->link) {
        pthread_mutex_unlock(&peer->lock);
        return; /* into the void: the caller is gone */
    }
    if (batch->answer)
        answer_plain(batch, id, reply);
    else
        answer_multi(peer, id, reply);
    if (peer->head)
        mark_dirty(peer);
    pthread_mutex_unlock(&peer->lock);
    atomic_fetch_add_explicit(&peer->server->replies, 1, memory_order_relaxed);
}

void bus_inbound_reply(struct bus_inbound *call, const struct bus_reply *reply)
{
    struct inbound *inbound = (struct inbound *)(void *)call;
    if (!inbound->batch) {
        inbound_local_reply(inbound, reply);
        return;
    }
    if (!call->oneway)
        answer(inbound->batch, inbound->id, reply);
    batch_unref(inbound->batch);
}

static void refuse(struct inbound *inbound, int code, const char *reason,
                   const char *sentence)
{
    struct bus_reply reply;
    bus_reply_init(&reply);
    bus_error_reason(&reply.error, code, reason, "%s", sentence);
    bus_inbound_reply(&inbound->call, &reply);
}

/* ---- Reading ---- */

struct reading {
    struct batch *batch;
    struct bus_frame_reader reader;
    uint8_t *late; /* a text's end that is the next envelope's beginning */
    struct bus_inbound *first, **last;
    uint32_t count; /* of that list */
    int64_t now;
};

/* Texts become C strings where they lie: the byte behind is no longer needed,
 * or will not be once the next envelope is read. NULL if absent. */
static const char *text_end(struct reading *reading, struct bus_bytes text)
{
    if (!text.data)
        return NULL;
    uint8_t *at = reading->batch->data + (text.data - reading->batch->data);
    if (at + text.len == reading->reader.in.at)
        reading->late = at + text.len;
    else
        at[text.len] = '\0';
    return (const char *)at;
}

static void take_request(struct reading *reading, const struct bus_envelope *e)
{
    struct inbound *inbound = batch_add(reading->batch);
    struct bus_inbound *call = &inbound->call;
    inbound->batch = reading->batch;
    inbound->id = e->id;
    call->received = reading->now;
    call->deadline = bus_frame_deadline(reading->now, e->budget_ms);
    call->oneway = e->kind == BUS_ENVELOPE_ONEWAY;
    call->body = e->body;
    call->meta.trace = e->trace;
    call->meta.depth = e->depth;
    call->meta.claims = e->claims;
    call->meta.saga.fill = e->fill;
    call->method = text_end(reading, e->method);
    call->meta.key = text_end(reading, e->key);
    call->meta.saga.gid = text_end(reading, e->gid);
    call->meta.saga.branch = text_end(reading, e->branch);
    call->meta.saga.op = text_end(reading, e->op);
    call->meta.app = text_end(reading, e->app);
    call->meta.token = text_end(reading, e->token);
    call->due = 0;
    call->next = NULL;
    *reading->last = call;
    reading->last = &call->next;
    reading->count++;
    if (!call->oneway)
        reading->batch->waiting++;
}

static void welcome_add(struct bus_peer *peer)
{
    const struct bus_name *name = &peer->server->name;
    struct chunk *chunk = open_chunk(peer);
    size_t before = chunk->buf.len;
    bus_frame_hello(&chunk->buf, BUS_ENVELOPE_WELCOME, name->actor,
                    name->instance, name->node);
    chunk->envelopes++;
    peer->queued += chunk->buf.len - before;
    peer->flush = true;
    if (peer->server->draining)
        mark_add(peer, BUS_ENVELOPE_GOODBYE, 0);
    pump(peer);
}

static void take_hello(struct bus_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    if (mark_room(peer))
        welcome_add(peer);
    pthread_mutex_unlock(&peer->lock);
}

static void take_mark(struct bus_peer *peer, const struct bus_envelope *e)
{
    pthread_mutex_lock(&peer->lock);
    if (e->kind == BUS_ENVELOPE_PING) {
        if (mark_room(peer))
            mark_add(peer, BUS_ENVELOPE_PONG, e->id);
    } else {
        if (e->id > peer->acked && e->id <= peer->sent)
            peer->acked = e->id;
        peer->farewell |= e->kind == BUS_ENVELOPE_FAREWELL;
        pump(peer);
    }
    pthread_mutex_unlock(&peer->lock);
    if (e->kind == BUS_ENVELOPE_FAREWELL || peer->server->draining)
        server_wake(peer->server);
}

static bool take_one(struct reading *reading, const struct bus_envelope *e)
{
    struct bus_peer *peer = reading->batch->peer;
    switch ((enum bus_envelope_kind)e->kind) {
    case BUS_ENVELOPE_REQUEST:
    case BUS_ENVELOPE_ONEWAY:
        take_request(reading, e);
        return true;
    case BUS_ENVELOPE_HELLO:
        take_hello(peer);
        return reading->reader.multi;
    case BUS_ENVELOPE_ACK:
    case BUS_ENVELOPE_PING:
    case BUS_ENVELOPE_FAREWELL:
        take_mark(peer, e);
        return reading->reader.multi;
    case BUS_ENVELOPE_REPLY: /* what only servers send */
    case BUS_ENVELOPE_WELCOME:
    case BUS_ENVELOPE_PONG:
    case BUS_ENVELOPE_GOODBYE:
        break;
    }
    return false;
}

static bool read_all(struct reading *reading)
{
    struct bus_envelope envelope;
    for (;;) {
        enum bus_frame_step step = bus_frame_next(&reading->reader, &envelope);
        if (reading->late)
            *reading->late = '\0';
        reading->late = NULL;
        if (step == BUS_FRAME_END)
            return true;
        if (step == BUS_FRAME_BAD || !take_one(reading, &envelope))
            return false;
    }
}

/* Refuses what is not to be served; false: it was. */
static bool may_serve(const struct bus_server *server, struct inbound *inbound)
{
    if (server->draining && inbound->call.method[0] != '$')
        refuse(inbound, BUS_UNAVAILABLE, "draining", "the instance drains");
    else if (inbound->call.meta.depth > BUS_CALL_DEPTH_MAX)
        refuse(inbound, BUS_RESOURCE_EXHAUSTED, "too_deep",
               "calls within calls go too deep");
    else
        return true;
    return false;
}

static void serve_all(struct bus_server *server, struct reading *reading)
{
    struct batch *batch = reading->batch;
    if (reading->count == 0)
        return;
    atomic_fetch_add(&batch->refs, reading->count);
    atomic_fetch_add_explicit(&server->requests, reading->count,
                              memory_order_relaxed);
    struct bus_inbound **at = &reading->first;
    while (*at) {
        struct bus_inbound *call = *at, *next = call->next;
        if (may_serve(server, (struct inbound *)(void *)call))
            at = &call->next;
        else
            *at = next;
    }
    if (reading->first)
        server->serve(server->arg, reading->first);
}

/* A plain caller's frame is answered by one frame under its own id. */
static void plain_begin(struct batch *batch, const struct link_route *route)
{
    struct bus_peer *peer = batch->peer;
    pthread_mutex_lock(&peer->lock);
    batch->answer = chunk_new(peer);
    pthread_mutex_unlock(&peer->lock);
    batch->answer->plain = true;
    batch->answer->route = *route;
    bus_frame_begin(&batch->answer->buf, false);
}

static void multi_begin(struct bus_peer *peer, const struct link_route *route)
{
    pthread_mutex_lock(&peer->lock);
    peer->multi = true;
    peer->route = *route;
    pthread_mutex_unlock(&peer->lock);
}

/* Says what was wrong, where a plain caller waits for an answer, and cuts. */
static void malformed(struct bus_peer *peer, const struct link_route *route)
{
    struct bus_reply reply;
    bus_reply_init(&reply);
    bus_error_set(&reply.error, BUS_INVALID_ARGUMENT,
                  "malformed frame: see bus/WIRE.md");
    atomic_fetch_add(&peer->server->dropped, 1);
    pthread_mutex_lock(&peer->lock);
    bool first = !peer->doom;
    bool answered = peer->link && !peer->multi && first;
    /* Later, when the answer was read: some carriers of callers' drop what
     * has come when they hear that the connection ends. */
    if (first)
        peer->doom =
            bus_now(peer->server->bus->clock) + BUS_DOOM_MS * BUS_MILLI;
    if (answered) {
        struct chunk *chunk = chunk_new(peer);
        chunk->plain = chunk->closed = true;
        chunk->route = *route;
        bus_frame_begin(&chunk->buf, false);
        bus_frame_reply(&chunk->buf, 0, &reply);
        peer->queued += chunk->buf.len;
        queue_push(peer, chunk);
        pump(peer);
    }
    pthread_mutex_unlock(&peer->lock);
    bus_tick_at(peer->server->bus, peer->doom);
}

static void peer_frame(void *arg, const struct link_route *route,
                       struct bus_bytes frame)
{
    struct bus_peer *peer = arg;
    struct bus_server *server = peer->server;
    struct batch *batch = batch_new(peer, frame);
    struct reading reading = {.batch = batch,
                              .now = bus_now(server->bus->clock)};
    reading.last = &reading.first;
    struct bus_bytes copy = {batch->data, batch->len};
    atomic_fetch_add_explicit(&server->frames_in, 1, memory_order_relaxed);
    bool good = !peer->doom && bus_frame_open(&reading.reader, copy);
    if (good && reading.reader.multi)
        multi_begin(peer, route);
    else if (good)
        plain_begin(batch, route);
    if (good && read_all(&reading))
        serve_all(server, &reading);
    else
        malformed(peer, route);
    batch_unref(batch);
}

static void peer_sent(void *arg, bool taken)
{
    (void)taken; /* not taken: the connection is going, and down is heard */
    struct bus_peer *peer = arg;
    pthread_mutex_lock(&peer->lock);
    peer->busy = false;
    pump(peer);
    bool idle = !peer->head && !peer->busy;
    pthread_mutex_unlock(&peer->lock);
    if (idle && peer->server->draining)
        server_wake(peer->server);
}

static void peer_down(void *arg)
{
    struct bus_peer *peer = arg;
    struct bus_server *server = peer->server;
    pthread_mutex_lock(&peer->lock);
    peer->link = NULL;
    chunks_drop(peer);
    pthread_mutex_unlock(&peer->lock);
    pthread_mutex_lock(&server->lock);
    struct bus_peer **at = &server->peers;
    while (*at && *at != peer)
        at = &(*at)->next;
    if (*at) {
        *at = peer->next;
        server->peer_count--;
    }
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static void peer_gone(void *arg)
{
    peer_unref(arg);
}

const struct link_owner peer_owner = {
    .down = peer_down,
    .sent = peer_sent,
    .frame = peer_frame,
    .gone = peer_gone,
};
