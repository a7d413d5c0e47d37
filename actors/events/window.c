/* SPDX-License-Identifier: MIT
 *
 * A list from the oldest to the youngest; each knows the next of its lane.
 */
#include "actors/events/window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"

#define HELD_BYTES_MAX (4 * EVENTS_BLOB_MAX)

static bool decode(struct held *held, const struct stream_entry *entry)
{
    struct bus_error err;
    struct event *event = bus_arena_alloc(&held->arena, sizeof(*event));
    held->event = event;
    if (entry->tries.len &&
        bus_unpack_message(entry->tries, &event_tries_shape, &held->arena,
                           &held->tries, &err))
        held->tries = (struct event_tries){.sentence = ""};
    return bus_unpack_message(entry->blob, &event_shape, &held->arena, event,
                              &err) == BUS_OK;
}

/* Its bytes, whole, for somebody to look at. */
static void decode_broken(struct held *held, const struct stream_entry *entry)
{
    struct bus_buf buf;
    bus_buf_init(&buf, 2 * EVENTS_BLOB_MAX);
    bus_pack_bin(&buf, entry->blob.data, entry->blob.len);
    uint8_t *copy = bus_arena_alloc(&held->arena, buf.len);
    if (copy)
        memcpy(copy, buf.data, buf.len);
    *held->event = (struct event){.id = held->at.id,
                                  .topic = "",
                                  .key = "",
                                  .trace = "",
                                  .only = "",
                                  .body = {copy, copy ? buf.len : 0}};
    bus_buf_release(&buf);
    held->broken = true;
}

/* The youngest of its lane so far. */
static struct held *leader(const struct window *window, const struct held *held)
{
    struct held *found = NULL;
    for (struct held *at = window->first; at; at = at->next)
        if (!at->follower &&
            strcmp(event_lane(at->event), event_lane(held->event)) == 0)
            found = at;
    return found;
}

struct held *window_add(struct window *window, const struct stream_entry *entry)
{
    struct held *held = calloc(1, sizeof(*held));
    if (!held)
        abort();
    bus_arena_init(&held->arena, HELD_BYTES_MAX);
    held->at.part = entry->part;
    memcpy(held->at.id, entry->id, sizeof(held->at.id));
    held->at.noted = entry->tries.len > 0;
    held->tries.sentence = "";
    if (!decode(held, entry))
        decode_broken(held, entry);
    struct held *before = leader(window, held);
    if (before)
        before->follower = held;
    held->blocked = before != NULL;
    if (window->last)
        window->last->next = held;
    else
        window->first = held;
    window->last = held;
    window->count++;
    held->bytes = held->arena.used;
    window->bytes += held->bytes;
    return held;
}

static bool waits(const struct held *held)
{
    return held->state == HELD_WAITING && !held->blocked;
}

struct held *window_next(const struct window *window, int64_t now,
                         bool suspects)
{
    for (struct held *at = window->first; at; at = at->next)
        if (waits(at) && at->due <= now && (suspects || !at->suspect))
            return at;
    return NULL;
}

int64_t window_due(const struct window *window)
{
    int64_t due = BUS_FOREVER;
    for (const struct held *at = window->first; at; at = at->next)
        if (waits(at) && at->due < due)
            due = at->due;
    return due;
}

size_t window_active(const struct window *window, int64_t now)
{
    size_t active = window->count;
    for (const struct held *at = window->first; at; at = at->next)
        if (waits(at) && at->due > now)
            for (const struct held *lane = at; lane; lane = lane->follower)
                active--;
    return active;
}

static void unlink_held(struct window *window, struct held *held)
{
    struct held **at = &window->first, *before = NULL;
    while (*at && *at != held) {
        before = *at;
        at = &before->next;
    }
    assert(*at);
    *at = held->next;
    if (window->last == held)
        window->last = before;
    held->next = NULL;
    window->count--;
    window->bytes -= held->bytes;
}

void window_remove(struct window *window, struct held *held)
{
    struct held *before = window->first;
    while (before && before->follower != held)
        before = before->next;
    if (before)
        before->follower = held->follower;
    else if (held->follower)
        held->follower->blocked = false;
    held->follower = NULL;
    unlink_held(window, held);
}

void window_clear(struct window *window)
{
    while (window->first) {
        struct held *held = window->first;
        window_remove(window, held);
        if (held->state == HELD_RUNNING)
            held->lost = true;
        else
            held_free(held);
    }
}

bool window_runs(const struct window *window)
{
    for (const struct held *at = window->first; at; at = at->next)
        if (at->state == HELD_RUNNING)
            return true;
    return false;
}

void held_free(struct held *held)
{
    bus_arena_release(&held->arena);
    free(held);
}
