/* SPDX-License-Identifier: MIT
 *
 * One durable event, what is remembered of its attempts, and what a dead one
 * is: structs, and msgpack maps of the same in streams. Streams are named by
 * the first word of the topic and split by a hash of the key, so that events of
 * one key lie in one partition, in order.
 */
#ifndef EVENTS_EVENT_H
#define EVENTS_EVENT_H

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/error.h"
#include "bus/shape.h"

#define EVENTS_PARTS 16 /* of a stream; part of the format: never change it */
#define EVENTS_BLOB_MAX ((size_t)1 << 20) /* bytes of one, packed */
#define EVENTS_OP                                                              \
    "event" /* the barrier's operation, branch the group's name                \
             */

struct event {
    const char *id; /* unlike any other's: the barrier's gid */
    const char *topic;
    const char *key;   /* "": none; such are in no order */
    const char *trace; /* traceparent */
    const char *only;  /* replayed for that group alone; "": for all */
    int64_t time;      /* of publishing; Unix time, us */
    struct bus_bytes body;
};

/* What became of an event so far. */
struct event_tries {
    int32_t attempts;
    int64_t first, last; /* Unix time, us */
    bool started;        /* the last one has not ended, that we know */
    int32_t code;        /* what the last one ended with */
    const char *sentence;
};

/* An event that nobody tries any more. */
struct event_dead {
    struct event *event;
    const char *group, *method; /* which could not handle it */
    int32_t attempts;
    const char *first, *last;    /* of the attempts; RFC 3339 */
    const char *code, *sentence; /* the cause, by name */
};

extern const struct bus_shape event_shape;
extern const struct bus_shape event_tries_shape;
extern const struct bus_shape event_dead_shape;

/* Packs a struct of one of these shapes into the arena. RESOURCE_EXHAUSTED: it
 * is larger than EVENTS_BLOB_MAX, or the arena is full. */
int event_pack(const struct bus_shape *shape, const void *message,
               struct bus_arena *arena, struct bus_bytes *ret,
               struct bus_error *err);

/* The first word of a topic or pattern, in the arena; NULL: the arena is full.
 */
const char *event_word(struct bus_arena *arena, const char *topic);

/* Which partition the event belongs to: by its key, by its id without one. */
unsigned event_part(const struct event *event);

/* What is strictly one after the other: the key, or the id without one. */
const char *event_lane(const struct event *event);

#endif
