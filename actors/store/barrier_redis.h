/* SPDX-License-Identifier: MIT
 *
 * The barrier's Redis form, for what a step changes in Redis itself: a number
 * under a key (stock, money) is checked and adjusted, once, whatever is
 * repeated, lost or overtaken. Keys and values are those of DTM's clients
 * (RedisCheckAdjustAmount), so theirs and ours may share them.
 */
#ifndef STORE_BARRIER_REDIS_H
#define STORE_BARRIER_REDIS_H

#include "actors/store/store.h"

struct barrier_amount {
    const char *key; /* of the number, on the server of CacheRedis it lies on */
    int64_t amount;  /* added; the sum may not become negative */
    int64_t keep_ns; /* how long a repetition is recognised; whole seconds */
};

/* Adjusts the number in the step that the call is (call->meta.saga). BUS_OK:
 * verdict says whether this was the first time (STORE_RUN), a repetition, or a
 * compensation of what never happened; in the last two nothing was changed.
 * ABORTED: the sum would be negative, there is no such number, or the action
 * comes after its compensation (STORE_LATE). FAILED_PRECONDITION: no saga, or
 * no CacheRedis. UNAVAILABLE, UNKNOWN: repeat the step; it is recognised.
 *
 * The number changes at once, whatever becomes of the call's transaction: mark
 * the method `Barrier: false`, or call this last. */
int barrier_redis_adjust(struct bus_call *call,
                         const struct barrier_amount *amount,
                         enum store_verdict *ret_verdict);

/* DTM's QueryPrepared for a message whose local part is barrier_redis_adjust
 * with op "msg": BUS_OK if it was done; else ABORTED, and it never will be. */
int barrier_redis_query(struct bus_call *call,
                        const struct barrier_amount *amount);

#endif
