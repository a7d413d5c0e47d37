/* SPDX-License-Identifier: MIT
 *
 * Deletes that a cache could not be told of, kept until it could: tried again
 * after go-zero's 1 s, 5 s, 1 min, 5 min and 1 h, from then on every hour until
 * what they delete has expired by itself. A file beside the data holds the same
 * keys, so that they survive the process; it is written only when there is
 * something to survive.
 */
#ifndef STORE_STALE_H
#define STORE_STALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/clock.h"

#define STALE_MAX ((size_t)65536) /* keys; more are lost, and counted */

struct stale;

struct stale_key {
    char *key; /* owned */
    int64_t since, due;
    unsigned tries;
    struct stale_key *next;
};

/* path: NULL for no file. Keys of an earlier process are due at once. A file
 * that cannot be opened or is malformed does without. */
struct stale *stale_open(const char *path, const struct bus_clock *clock);
/* The file stays where keys are left. */
void stale_close(struct stale *stale);

/* Any thread. */
void stale_add(struct stale *stale, const char *key);

/* Makes every key due now, for the server is back. */
void stale_hasten(struct stale *stale);

/* Takes out at most so many keys that are due, as a list that is the caller's;
 * each goes back with stale_again or ends with stale_done. */
struct stale_key *stale_take(struct stale *stale, size_t max);
void stale_again(struct stale *stale, struct stale_key *key);
void stale_done(struct stale *stale, struct stale_key *key);

struct stale_view {
    uint64_t added, pending, lost;
};

void stale_look(struct stale *stale, struct stale_view *ret);

#endif
