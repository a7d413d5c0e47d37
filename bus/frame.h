/* SPDX-License-Identifier: MIT
 *
 * Frames and envelopes, as bus/WIRE.md states them: a frame is a version byte
 * and one or more msgpack arrays with fixed positions. Encoders append to a
 * buffer; the reader moves over bytes that somebody else owns and allocates
 * nothing. No socket is known here.
 */
#ifndef BUS_FRAME_H
#define BUS_FRAME_H

#include "bus/call.h"
#include "bus/pack.h"

#define BUS_FRAME_VERSION 0x01
#define BUS_FRAME_MULTI 0x80 /* or'ed: replies may be regrouped */
#define BUS_FRAME_BYTES_MAX ((size_t)16 << 20)
#define BUS_FRAME_ENVELOPES_MAX 16384
#define BUS_FLUSH_BYTES ((size_t)128 << 10) /* a frame leaves at this size */
#define BUS_FLUSH_ENVELOPES 1024
#define BUS_KEY_MAX 256 /* bytes of an idempotency key, of gid, of branch */

enum bus_envelope_kind {
    BUS_ENVELOPE_REQUEST = 0,
    BUS_ENVELOPE_REPLY = 1,
    BUS_ENVELOPE_ONEWAY = 2,
    BUS_ENVELOPE_HELLO = 3,   /* a caller on a new connection */
    BUS_ENVELOPE_WELCOME = 4, /* its answer */
    BUS_ENVELOPE_ACK = 5,     /* id: reply frames taken so far */
    BUS_ENVELOPE_PING = 6,
    BUS_ENVELOPE_PONG = 7,
    BUS_ENVELOPE_GOODBYE = 8,  /* the instance drains */
    BUS_ENVELOPE_FAREWELL = 9, /* its acknowledgement; id as in ACK */
};

/* One envelope read. Spans point into the frame; len 0 where absent. */
struct bus_envelope {
    uint8_t kind;
    uint64_t id;
    struct bus_bytes method; /* requests */
    uint64_t budget_ms;      /* 0: none */
    struct bus_bytes body;
    struct bus_trace trace;
    uint8_t depth;
    struct bus_bytes claims, key, gid, branch, op, fill, app, token;
    int code; /* replies */
    int32_t business, http;
    struct bus_bytes reason, field, sentence, headers, detail;
    struct bus_bytes actor, instance, node; /* hello, welcome */
};

/* A frame's first byte. buf must be empty. */
void bus_frame_begin(struct bus_buf *buf, bool multi);

/* A request is packed in two parts, so that a call tried again packs only the
 * first anew: the head holds kind, id and budget, the tail the rest. Returns
 * how many elements the tail holds; wants BUS_METHOD_MAX checked before. */
uint8_t bus_frame_tail(struct bus_buf *buf, const struct bus_request *request);

struct bus_frame_head {
    uint8_t kind; /* REQUEST or ONEWAY */
    uint8_t tail; /* what bus_frame_tail returned */
    uint64_t id;
    uint64_t budget_ms;
};
void bus_frame_request(struct bus_buf *buf, const struct bus_frame_head *head,
                       struct bus_bytes tail);

void bus_frame_reply(struct bus_buf *buf, uint64_t id,
                     const struct bus_reply *reply);

/* Envelopes of a kind and a number: ack, ping, pong, goodbye, farewell. */
void bus_frame_mark(struct bus_buf *buf, enum bus_envelope_kind kind,
                    uint64_t id);

/* Hello or welcome; texts may be "". */
void bus_frame_hello(struct bus_buf *buf, enum bus_envelope_kind kind,
                     const char *actor, const char *instance, const char *node);

struct bus_frame_reader {
    struct bus_unpack in;
    bool multi;
    uint32_t count; /* envelopes read */
};

/* Checks the version byte. False: not a frame of ours. */
bool bus_frame_open(struct bus_frame_reader *reader, struct bus_bytes frame);

enum bus_frame_step { BUS_FRAME_END, BUS_FRAME_ONE, BUS_FRAME_BAD };

/* Reads the next envelope. BAD: malformed, or more than
 * BUS_FRAME_ENVELOPES_MAX; what was read before stays valid. */
enum bus_frame_step bus_frame_next(struct bus_frame_reader *reader,
                                   struct bus_envelope *ret);

/* What a reply envelope says, in the shape that callers take. Texts that do
 * not fit are cut. */
void bus_frame_to_reply(const struct bus_envelope *envelope,
                        struct bus_reply *ret);

/* An OK reply, or only the error: every other member empty. Cheaper than
 * zeroing the struct, which is mostly text. */
void bus_reply_init(struct bus_reply *reply);

/* Appends a RESOURCE_EXHAUSTED reply of one sentence: for a reply that cannot
 * itself be sent. */
void bus_frame_refusal(struct bus_buf *buf, uint64_t id, const char *sentence);

/* Roughly the bytes that a reply takes in a frame, never fewer. */
size_t bus_reply_size(const struct bus_reply *reply);

/* The monotonic deadline (ns) of a budget on the wire (ms; 0: none). */
int64_t bus_frame_deadline(int64_t now, uint64_t budget_ms);

#endif
