/* SPDX-License-Identifier: MIT
 *
 * Replies kept under the idempotency keys of their callers: whoever repeats a
 * call under the same key gets the reply of the first, and the handler does not
 * run again. Kept in memory, so for a while (REPLIES_AGE) and until the process
 * ends; callers with a key are led to the same instance (bus/affinity.h). Only
 * success is kept: what failed may be tried again.
 */
#ifndef ACTOR_REPLIES_H
#define ACTOR_REPLIES_H

#include <stddef.h>

#include "bus/buf.h"
#include "bus/clock.h"

#define REPLIES_AGE (300 * BUS_SECOND)
#define REPLIES_MAX 10000                    /* the oldest go first */
#define REPLIES_BYTES_MAX ((size_t)16 << 20) /* of bodies and headers */
#define REPLIES_ONE_MAX ((size_t)1 << 20)    /* a larger one is not kept */

struct bus_arena;
struct replies;

/* Whose call it is: the same key of somebody else, who has other claims, is
 * another. */
struct replies_id {
    const char *method;
    const char *key;
    struct bus_bytes claims;
};

struct kept_reply {
    struct bus_bytes body;
    struct bus_bytes headers; /* msgpack text pairs in a row */
};

enum replies_state {
    REPLIES_NEW,     /* run it, then replies_end */
    REPLIES_RUNNING, /* the first is not over */
    REPLIES_KEPT,    /* *ret, copied to the arena */
    REPLIES_FULL,    /* the arena is */
};

struct replies *replies_new(const struct bus_clock *clock);
void replies_free(struct replies *replies);

/* Any thread. */
enum replies_state replies_begin(struct replies *replies,
                                 const struct replies_id *id,
                                 struct bus_arena *arena,
                                 struct kept_reply *ret);

/* The end of what began as NEW. reply NULL: it failed, nothing is kept. */
void replies_end(struct replies *replies, const struct replies_id *id,
                 const struct kept_reply *reply);

#endif
