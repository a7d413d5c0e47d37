/* SPDX-License-Identifier: MIT
 *
 * What the files of streams in Redis share: commands that go out in one round
 * trip, and names of keys.
 */
#ifndef EVENTS_STREAM_REDIS_H
#define EVENTS_STREAM_REDIS_H

#include "actors/events/stream.h"
#include "actors/store/redis.h"

#define REDIS_FIELD "e" /* of a stream's entry: the blob */

struct stream_redis {
    struct stream stream; /* first */
    struct redis *redis;
};

/* What runs in one round trip. */
struct redis_batch {
    struct bus_arena arena;
    struct redis_command *commands;
    struct redis_reply *replies;
    size_t count, room;
    bool once; /* what would run twice is not tried again */
    struct redis_script *script;
};

void redis_batch_open(struct redis_batch *batch, size_t room);
void redis_batch_close(struct redis_batch *batch);
struct redis_command *redis_batch_add(struct redis_batch *batch,
                                      const char *name);
void redis_batch_number(struct redis_batch *batch,
                        struct redis_command *command, int64_t number);

/* Refusals of single commands stay in the replies. */
int redis_batch_run(struct stream_redis *self, struct redis_batch *batch,
                    struct bus_error *err);
/* Runs it, finds refusals among the replies, closes it. */
int redis_batch_finish(struct stream_redis *self, struct redis_batch *batch,
                       struct bus_error *err);
/* A refusal as an error. */
int redis_refused(const struct redis_reply *reply, struct bus_error *err);

/* In the batch's arena. */
const char *redis_stream_key(struct redis_batch *batch, const char *word,
                             unsigned part);
const char *redis_dead_key(struct redis_batch *batch, const char *actor);

/* Entries as they come, copied into an arena. */
struct redis_entries {
    struct bus_arena *arena;
    struct stream_entry *items;
    size_t count, room;
};

int redis_entries_open(struct redis_entries *entries, size_t room,
                       struct bus_arena *arena, struct bus_error *err);
/* [id, [field, value]], as XRANGE and XREADGROUP bring them. False: no room. */
bool redis_entries_add(struct redis_entries *entries, unsigned part,
                       const struct redis_reply *from);

/* The driver's functions of stream_redis_dead.c. */
int stream_redis_dead(struct stream *stream, const char *actor,
                      const char *after, unsigned max, struct bus_arena *arena,
                      struct bus_list *ret, struct bus_error *err);
int stream_redis_revive(struct stream *stream, const char *actor,
                        const char *id, const struct stream_put *one,
                        struct bus_error *err);
int stream_redis_trim(struct stream *stream, const char *word,
                      int64_t older_than, struct bus_error *err);

#endif
