/* SPDX-License-Identifier: MIT
 *
 * How long a dead child waits for its next start. Pure functions of counts and
 * one random number: exponential, with jitter and a cap, forgiven by healthy
 * time. It never says "give up": at the cap it goes on slowly for ever.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_JITTER_PERCENT 20 /* either way */

struct backoff {
    int64_t first_ms;   /* the first delay that is one */
    int64_t max_ms;     /* the cap, before jitter */
    int64_t forgive_ms; /* being ready that long pays for one failure */
};

/* What is left of the failures of a child that was ready for ready_ms. */
uint32_t backoff_forgive(const struct backoff *policy, uint32_t failures,
                         int64_t ready_ms);

/* The delay (ms) after the given number of failures in a row, from 1, the
 * latest included. The first failure of a child that had been ready is repaired
 * at once. random: any 64 random bits. */
int64_t backoff_delay(const struct backoff *policy, uint32_t failures,
                      bool was_ready, uint64_t random);

#endif
