/* SPDX-License-Identifier: MIT
 *
 * What a caller remembers of one method of one actor, to spare both sides: a
 * circuit breaker and a budget for repetitions. Pure: time and chance are
 * arguments; the counters are atomic and may lose a call or two, for they are
 * an estimate.
 *
 * The breaker is go-zero's, which is Google's client-side throttling (Site
 * Reliability Engineering, chapter 21): over ten seconds it compares what was
 * asked with what succeeded and refuses a share of calls that grows with the
 * difference; one call a second passes always, so that recovery is seen.
 * Repetitions may add a fifth to the calls, so that a fault does not grow by
 * the tries to get around it.
 */
#ifndef BUS_GUARD_H
#define BUS_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus/clock.h"

#define GUARD_BUCKETS 40
#define GUARD_BUCKET (250 * BUS_MILLI)
#define GUARD_PROTECTED 5 /* calls that failures alone do not refuse */
#define GUARD_PASS_EVERY BUS_SECOND
#define GUARD_RETRY_SHARE 20 /* percent of calls that may be repeated */
#define GUARD_RETRIES 10     /* saved up at most, and had at first */

struct guard_bucket {
    _Atomic int64_t epoch; /* which quarter of a second it counts */
    atomic_uint good, bad;
};

/* Zeroed is not enough: guard_init. */
struct guard {
    struct guard_bucket buckets[GUARD_BUCKETS];
    _Atomic int64_t failed; /* epoch of the last failure; 0: none yet */
    _Atomic int64_t passed; /* when a call last passed, ns */
    atomic_int retries;     /* hundredths */
};

void guard_init(struct guard *guard);

/* May a call be made? chance: any random number. Counts for the budget. */
bool guard_allows(struct guard *guard, int64_t now, uint32_t chance);

/* How a call that was made ended. */
void guard_note(struct guard *guard, int64_t now, bool good);

/* May a call of unknown outcome be repeated? Takes it from the budget. */
bool guard_retries(struct guard *guard);

#endif
