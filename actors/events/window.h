/* SPDX-License-Identifier: MIT
 *
 * The events of one partition that a member holds: fetched, and not done. Of
 * those of one lane (events of one key) the oldest alone may run; others pass
 * one that waits for its next attempt. No clock, no stream: the consumer says
 * what time it is.
 */
#ifndef EVENTS_WINDOW_H
#define EVENTS_WINDOW_H

#include "actors/events/stream.h"

#define EVENTS_WINDOW 256                     /* events of a partition */
#define EVENTS_WINDOW_BYTES ((size_t)4 << 20) /* after which none is added */

enum held_state {
    HELD_WAITING, /* until its time comes */
    HELD_RUNNING,
    HELD_DYING, /* to be put among the dead */
};

struct held {
    struct held *next;
    struct held *follower; /* the next of its lane */
    struct stream_done at; /* partition, id and whether it was noted */
    struct event *event;
    struct event_tries tries;
    enum held_state state;
    bool blocked; /* an older one of its lane is not done */
    bool suspect; /* may have been running when its member died */
    bool broken;  /* could not be decoded */
    bool lost;    /* running, and its partition is another's meanwhile */
    int64_t due;  /* monotonic ns */
    void *owner;  /* the consumer's */
    size_t bytes; /* what the window counts of it */
    struct bus_arena arena;
};

struct window {
    struct held *first, *last;
    size_t count, bytes;
};

/* Adds the entry as the youngest. What cannot be decoded is marked as broken,
 * with its bytes as the body. */
struct held *window_add(struct window *window,
                        const struct stream_entry *entry);

/* The oldest that may run now; NULL: none. A suspect only where allowed. */
struct held *window_next(const struct window *window, int64_t now,
                         bool suspects);

/* When the next of them may run; BUS_FOREVER: none waits. */
int64_t window_due(const struct window *window);

/* How many there are but for lanes whose oldest waits for a later time. */
size_t window_active(const struct window *window, int64_t now);

/* Takes it out, so that the next of its lane may run if it was the oldest. It
 * is the caller's. */
void window_remove(struct window *window, struct held *held);

/* Frees all but those that run, which are marked as lost. */
void window_clear(struct window *window);

bool window_runs(const struct window *window);

void held_free(struct held *held);

#endif
