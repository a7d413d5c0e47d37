/* SPDX-License-Identifier: MIT
 *
 * A bounded queue of requests between the links' threads and the workers:
 * first in, first out, linked through the requests themselves, so that nothing
 * is allocated. It never refuses by itself waiting: what does not fit is told
 * at once. Taking several at a time and waking one worker at a time keep short
 * requests from paying a thread switch each.
 */
#ifndef ACTOR_MAILBOX_H
#define ACTOR_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus_inbound;

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct bus_inbound *first, *last;
    size_t depth, limit;
    unsigned waiters; /* workers asleep */
    unsigned waking;  /* of these, told to wake and not yet awake */
    bool closed;
};

enum mailbox_put { MAILBOX_PUT, MAILBOX_FULL, MAILBOX_CLOSED };

/* limit: requests that may wait, at least 1. */
void mailbox_init(struct mailbox *box, size_t limit);
/* The mailbox must be empty and nobody inside. */
void mailbox_release(struct mailbox *box);

/* Takes ownership of as many of the list as there is room for, in their order;
 * *list becomes the rest, for which the answer says why (MAILBOX_PUT: there is
 * none). Any thread; never waits for room. */
enum mailbox_put mailbox_put(struct mailbox *box, struct bus_inbound **list);

/* Takes up to max requests, oldest first, as a list ended by NULL; NULL when
 * there is none now. */
struct bus_inbound *mailbox_take(struct mailbox *box, size_t max);

/* The same, but waits for the first; NULL only when closed and empty. */
struct bus_inbound *mailbox_wait(struct mailbox *box, size_t max);

/* Gives a list that mailbox_take returned back to the front, in order: its
 * taker found that it would keep them waiting. Allowed past the limit and after
 * closing. */
void mailbox_return(struct mailbox *box, struct bus_inbound *list);

/* Refuses everything new; what is inside is still taken. */
void mailbox_close(struct mailbox *box);

struct mailbox_view {
    size_t depth;
    int64_t oldest; /* when the first in line was received, ns; 0: none */
};
void mailbox_look(struct mailbox *box, struct mailbox_view *ret);

#endif
