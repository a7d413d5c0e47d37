/* SPDX-License-Identifier: MIT
 *
 * A connection's prepared statements: a small table of things by text, in which
 * the least recently used makes room. Not thread-safe.
 */
#ifndef STORE_KEPT_H
#define STORE_KEPT_H

#include <stdint.h>

#define KEPT_MAX 64 /* things */

struct kept_slot {
    void *thing; /* NULL: free */
    char *text;  /* owned */
    uint64_t hash;
    uint64_t used; /* when, counted in uses */
};

struct kept {
    struct kept_slot slots[KEPT_MAX];
    uint64_t uses;
};

/* The thing kept under that text, or NULL. */
void *kept_get(struct kept *kept, const char *text);

/* Keeps a thing under a text that is not there yet. Returns the one that had to
 * go, now the caller's, or NULL. */
void *kept_put(struct kept *kept, const char *text, void *thing);

/* Takes any thing out; NULL if none is left. */
void *kept_take(struct kept *kept);

#endif
