/* SPDX-License-Identifier: MIT
 *
 * The queue is a singly linked list under one mutex. At most one sleeping
 * worker is on its way at any time; one that leaves requests behind wakes the
 * next before it goes, so that a burst wakes as many workers as it needs and no
 * more. The rule that keeps it live: whenever the lock is released with
 * requests inside and workers asleep, one of them has been told to wake.
 */
#include "actors/runtime/mailbox.h"

#include <assert.h>

#include "bus/server.h"

void mailbox_init(struct mailbox *box, size_t limit)
{
    assert(limit > 0);
    *box = (struct mailbox){.limit = limit};
    pthread_mutex_init(&box->lock, NULL);
    pthread_cond_init(&box->filled, NULL);
}

void mailbox_release(struct mailbox *box)
{
    assert(!box->first && box->waiters == 0);
    pthread_cond_destroy(&box->filled);
    pthread_mutex_destroy(&box->lock);
}

static void wake_one(struct mailbox *box)
{
    if (box->depth == 0 || box->waiters == 0 || box->waking > 0)
        return;
    box->waking++;
    pthread_cond_signal(&box->filled);
}

/* Lock held; there is room for one. */
static void append(struct mailbox *box, struct bus_inbound *inbound)
{
    *(box->first ? &box->last->next : &box->first) = inbound;
    box->last = inbound;
    box->depth++;
}

enum mailbox_put mailbox_put(struct mailbox *box, struct bus_inbound **list)
{
    struct bus_inbound *at = *list;
    pthread_mutex_lock(&box->lock);
    bool closed = box->closed;
    while (at && !closed && box->depth < box->limit) {
        struct bus_inbound *next = at->next;
        at->next = NULL;
        append(box, at);
        at = next;
    }
    wake_one(box);
    pthread_mutex_unlock(&box->lock);
    *list = at;
    if (!at)
        return MAILBOX_PUT;
    return closed ? MAILBOX_CLOSED : MAILBOX_FULL;
}

/* Cuts up to max requests off the front; the lock is held. */
static struct bus_inbound *cut(struct mailbox *box, size_t max)
{
    struct bus_inbound *list = box->first, *end = list;
    if (!list)
        return NULL;
    box->depth--;
    for (; max > 1 && end->next; max--, box->depth--)
        end = end->next;
    box->first = end->next;
    end->next = NULL;
    if (!box->first)
        box->last = NULL;
    assert((box->depth == 0) == !box->first);
    wake_one(box);
    return list;
}

struct bus_inbound *mailbox_take(struct mailbox *box, size_t max)
{
    pthread_mutex_lock(&box->lock);
    struct bus_inbound *list = cut(box, max);
    pthread_mutex_unlock(&box->lock);
    return list;
}

struct bus_inbound *mailbox_wait(struct mailbox *box, size_t max)
{
    pthread_mutex_lock(&box->lock);
    while (!box->first && !box->closed) {
        box->waiters++;
        pthread_cond_wait(&box->filled, &box->lock);
        box->waiters--;
        if (box->waking > 0)
            box->waking--;
    }
    struct bus_inbound *list = cut(box, max);
    pthread_mutex_unlock(&box->lock);
    return list;
}

void mailbox_return(struct mailbox *box, struct bus_inbound *list)
{
    if (!list)
        return;
    struct bus_inbound *end = list;
    size_t count = 1;
    for (; end->next; end = end->next)
        count++;
    pthread_mutex_lock(&box->lock);
    end->next = box->first;
    if (!box->first)
        box->last = end;
    box->first = list;
    box->depth += count;
    wake_one(box);
    pthread_mutex_unlock(&box->lock);
}

void mailbox_close(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->closed = true;
    pthread_cond_broadcast(&box->filled);
    pthread_mutex_unlock(&box->lock);
}

void mailbox_look(struct mailbox *box, struct mailbox_view *ret)
{
    pthread_mutex_lock(&box->lock);
    ret->depth = box->depth;
    ret->oldest = box->first ? box->first->received : 0;
    pthread_mutex_unlock(&box->lock);
}
