/* SPDX-License-Identifier: MIT
 *
 * Streams of events that outlive processes, behind one table of functions:
 * stream_redis.c over Redis streams, stream_sql.c over tables in SQLite. A
 * stream is a word and a partition; a group reads each partition once, by one
 * member at a time, and says of each event that it is done. What was fetched
 * and is not done is what the next member recovers.
 *
 * Blobs are opaque here. One thread uses a stream. Failures are UNAVAILABLE
 * (try again later) or say what is wrong for good.
 */
#ifndef EVENTS_STREAM_H
#define EVENTS_STREAM_H

#include <stdbool.h>

#include "actors/events/event.h"
#include "bus/clock.h"

#define STREAM_ID_TEXT 48
#define STREAM_LEASE (4 * BUS_SECOND) /* of a member that says nothing */

struct stream_options {
    const char *redis; /* "host:port" or "/socket"; NULL: the file */
    const char *user, *pass;
    const char *file; /* of SQLite */
    const struct bus_clock *clock;
};

/* Who reads what. */
struct stream_group {
    const char *word;   /* the streams' */
    const char *name;   /* the group's */
    const char *member; /* who we are, the same after a restart */
};

struct stream_put {
    const char *word;
    unsigned part;
    struct bus_bytes blob;
};

struct stream_entry {
    unsigned part;
    char id[STREAM_ID_TEXT];
    struct bus_bytes blob;
    struct bus_bytes tries; /* what note said last; len 0: nothing */
};

/* An event of a group that is done. */
struct stream_done {
    unsigned part;
    char id[STREAM_ID_TEXT];
    bool noted; /* note was called for it */
};

/* What a member holds and might. */
struct stream_share {
    uint32_t parts; /* bit i: partition i is ours for the next STREAM_LEASE */
    unsigned fair;  /* how many each member should have at most */
};

struct stream;

struct stream_driver {
    void (*close)(struct stream *stream);
    /* Appends all, in order, or none; after UNAVAILABLE perhaps all. */
    int (*append)(struct stream *stream, const struct stream_put *puts,
                  size_t count, struct bus_error *err);
    /* Says that the member lives, gives up partitions (bits), and takes free
     * ones up to its fair share. */
    int (*tend)(struct stream *stream, const struct stream_group *group,
                uint32_t give_up, struct stream_share *ret,
                struct bus_error *err);
    /* The member goes: all it holds is free. */
    int (*leave)(struct stream *stream, const struct stream_group *group,
                 struct bus_error *err);
    /* What was fetched of a partition and is not done, oldest first. */
    int (*recover)(struct stream *stream, const struct stream_group *group,
                   unsigned part, struct bus_arena *arena, struct bus_list *ret,
                   struct bus_error *err);
    /* The next of the partitions that are set, at most max of each. After a
     * failure they may count as fetched: recover then. */
    int (*fetch)(struct stream *stream, const struct stream_group *group,
                 uint32_t parts, unsigned max, struct bus_arena *arena,
                 struct bus_list *ret, struct bus_error *err);
    /* Remembers the tries of an event that was fetched. */
    int (*note)(struct stream *stream, const struct stream_group *group,
                const struct stream_entry *entry, struct bus_error *err);
    /* May be repeated. */
    int (*done)(struct stream *stream, const struct stream_group *group,
                const struct stream_done *done, size_t count,
                struct bus_error *err);
    /* The event is done and lies among the actor's dead ones, as blob. */
    int (*bury)(struct stream *stream, const struct stream_group *group,
                const struct stream_done *done, const char *actor,
                struct bus_bytes blob, struct bus_error *err);
    /* Dead ones after that id ("" the first), oldest first, as entries. */
    int (*dead)(struct stream *stream, const char *actor, const char *after,
                unsigned max, struct bus_arena *arena, struct bus_list *ret,
                struct bus_error *err);
    /* Takes a dead one away and appends put instead, or neither: NOT_FOUND. */
    int (*revive)(struct stream *stream, const char *actor, const char *id,
                  const struct stream_put *put, struct bus_error *err);
    /* Drops what is older (Unix us) and done by every group. */
    int (*trim)(struct stream *stream, const char *word, int64_t older_than,
                struct bus_error *err);
};

struct stream {
    const struct stream_driver *driver;
};

/* INVALID_ARGUMENT for no such address. Connects when it is used. */
int stream_open(const struct stream_options *options, struct stream **ret,
                struct bus_error *err);

/* The two there are. */
int stream_redis_open(const struct stream_options *options, struct stream **ret,
                      struct bus_error *err);
int stream_sql_open(const struct stream_options *options, struct stream **ret,
                    struct bus_error *err);

/* False: no id is that long. */
bool stream_entry_fill(struct stream_entry *entry, unsigned part,
                       struct bus_bytes id, struct bus_bytes blob);

#endif
