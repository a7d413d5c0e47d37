/* SPDX-License-Identifier: MIT
 *
 * Cache-aside, one key: look, and on a miss become the one who loads it, or
 * wait for the one who does. Where the cache is down, everybody loads for
 * himself, so many at once as the gate lets in.
 */
#ifndef STORE_TAKE_H
#define STORE_TAKE_H

#include "actors/store/cache.h"
#include "actors/store/state.h"

struct take {
    struct bus_call *call;
    const char *key;
    uint64_t token;
    bool leads; /* take_end is owed, for either of these */
    bool gated;
};

enum take_found {
    TAKE_HIT,
    TAKE_ABSENT, /* it is known that there is no such row */
    TAKE_MISS,   /* the caller loads it, then take_end */
};

/* key must live until take_end. value lives in the call's arena. */
int take_begin(struct take *take, enum take_found *ret_found,
               struct bus_bytes *ret_value);

/* What was loaded, for others to find. Failures of the cache are not the
 * caller's: the row was read. */
void take_store(struct take *take, const char *key, struct bus_bytes value,
                int64_t expiry_ns);
void take_store_absent(struct take *take);
void take_end(struct take *take);

#endif
