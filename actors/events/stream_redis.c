/* SPDX-License-Identifier: MIT
 *
 * Streams in Redis: a stream a partition, consumer groups of the same name,
 * one consumer a partition, so that what was delivered and not acknowledged is
 * the next member's at once. Appending is one MULTI, for a part of it that came
 * alone would change the order when all is sent again. Redis must keep what it
 * acknowledged: appendonly yes, appendfsync always.
 *
 *   troupe:events:WORD:PART         the stream; field "e" is the blob
 *   troupe:group:WORD:GROUP:members sorted set: member, until (ms)
 *   troupe:group:WORD:GROUP:owners  hash: partition, member
 *   troupe:group:WORD:GROUP:PART    hash: entry id, tries
 *   troupe:dead:ACTOR               stream of dead events
 */
#include "actors/events/stream_redis.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"

#define WAIT (2 * BUS_SECOND)
#define CONSUMER "part"      /* one name for whoever has the partition */
#define RECOVER_MAX "100000" /* pending of a partition */

void redis_batch_open(struct redis_batch *batch, size_t room)
{
    *batch = (struct redis_batch){.room = room};
    bus_arena_init(&batch->arena, 4 * BUS_ARENA_LIMIT);
    batch->commands = calloc(room, sizeof(*batch->commands));
    batch->replies = calloc(room, sizeof(*batch->replies));
    if (!batch->commands || !batch->replies)
        abort();
}

void redis_batch_close(struct redis_batch *batch)
{
    free(batch->commands);
    free(batch->replies);
    bus_arena_release(&batch->arena);
}

struct redis_command *redis_batch_add(struct redis_batch *batch,
                                      const char *name)
{
    assert(batch->count < batch->room);
    struct redis_command *command = &batch->commands[batch->count++];
    redis_command(command, name);
    return command;
}

void redis_batch_number(struct redis_batch *batch,
                        struct redis_command *command, int64_t number)
{
    redis_text(command, bus_arena_printf(&batch->arena, "%" PRId64, number));
}

/* Refusals of single commands stay in the replies. */
int redis_batch_run(struct stream_redis *self, struct redis_batch *batch,
                    struct bus_error *err)
{
    const struct redis_run what = {
        .commands = batch->commands,
        .count = batch->count,
        .script = batch->script,
        .once = batch->once,
        .probing = true, /* who calls backs off by itself */
        .deadline = bus_now(&bus_clock_system) + WAIT,
        .arena = &batch->arena};
    int code = redis_run(self->redis, &what, batch->replies);
    if (code == BUS_RESOURCE_EXHAUSTED)
        return bus_error_set(err, code, "too many events at once");
    return code ? bus_error_set(err, BUS_UNAVAILABLE,
                                "no answer from Redis at %s",
                                redis_address(self->redis))
                : BUS_OK;
}

int redis_refused(const struct redis_reply *reply, struct bus_error *err)
{
    return bus_error_set(err, BUS_UNAVAILABLE, "Redis: %.*s",
                         (int)reply->text.len, (const char *)reply->text.data);
}

/* None of the replies, nor what EXEC brings, is a refusal. */
static int all_fine(const struct redis_reply *replies, size_t count,
                    struct bus_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (replies[i].type == REDIS_REFUSED)
            return redis_refused(&replies[i], err);
        int code = replies[i].type == REDIS_LIST
                       ? all_fine(replies[i].items, replies[i].count, err)
                       : BUS_OK;
        if (code)
            return code;
    }
    return BUS_OK;
}

/* Runs it whole, as one MULTI where it changes several things; closes it. */
int redis_batch_finish(struct stream_redis *self, struct redis_batch *batch,
                       struct bus_error *err)
{
    int code = redis_batch_run(self, batch, err);
    if (!code)
        code = all_fine(batch->replies, batch->count, err);
    redis_batch_close(batch);
    return code;
}

/* ---- names ---- */

const char *redis_stream_key(struct redis_batch *batch, const char *word,
                             unsigned part)
{
    return bus_arena_printf(&batch->arena, "troupe:events:%s:%u", word, part);
}

static const char *tries_key(struct redis_batch *batch,
                             const struct stream_group *group, unsigned part)
{
    return bus_arena_printf(&batch->arena, "troupe:group:%s:%s:%u", group->word,
                            group->name, part);
}

const char *redis_dead_key(struct redis_batch *batch, const char *actor)
{
    return bus_arena_printf(&batch->arena, "troupe:dead:%s", actor);
}

/* ---- appending ---- */

static void put(struct redis_batch *batch, const char *key,
                struct bus_bytes blob)
{
    struct redis_command *command = redis_batch_add(batch, "XADD");
    redis_text(command, key);
    redis_text(command, "*");
    redis_text(command, REDIS_FIELD);
    redis_bytes(command, blob);
}

static int redis_append(struct stream *stream, const struct stream_put *puts,
                        size_t count, struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, count + 2);
    redis_batch_add(&batch, "MULTI");
    for (size_t i = 0; i < count; i++)
        put(&batch, redis_stream_key(&batch, puts[i].word, puts[i].part),
            puts[i].blob);
    redis_batch_add(&batch, "EXEC");
    return redis_batch_finish((struct stream_redis *)stream, &batch, err);
}

/* ---- members ---- */

/* KEYS: members, owners; ARGV: member, lease (ms), partitions, bits to give
 * up, the streams' prefix, group. Answers {bits held, fair share}. */
static struct redis_script tend = {
    "local t = redis.call('TIME') "
    "local now = t[1] * 1000 + math.floor(t[2] / 1000) "
    "local me, lease = ARGV[1], tonumber(ARGV[2]) "
    "local parts, up = tonumber(ARGV[3]), tonumber(ARGV[4]) "
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now) "
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 2 * lease, '+inf') "
    "redis.call('ZADD', KEYS[1], now + lease, me) "
    "local n = redis.call('ZCARD', KEYS[1]) "
    "local fair = math.floor((parts + n - 1) / n) "
    "local free, held, bits = {}, 0, 0 "
    "for i = 0, parts - 1 do "
    "local o = redis.call('HGET', KEYS[2], i) "
    "if o == me then "
    "if math.floor(up / 2 ^ i) % 2 == 1 then "
    "redis.call('HDEL', KEYS[2], i) free[#free + 1] = i "
    "else held = held + 1 bits = bits + 2 ^ i end "
    "elseif not o or not redis.call('ZSCORE', KEYS[1], o) then "
    "free[#free + 1] = i end end "
    "for _, i in ipairs(free) do if held < fair then "
    "redis.call('HSET', KEYS[2], i, me) "
    "redis.pcall('XGROUP', 'CREATE', ARGV[5] .. i, ARGV[6], '0', 'MKSTREAM') "
    "held = held + 1 bits = bits + 2 ^ i end end "
    "return {bits, fair}",
    ""};

static struct redis_script leave = {
    "redis.call('ZREM', KEYS[1], ARGV[1]) "
    "for i = 0, tonumber(ARGV[2]) - 1 do "
    "if redis.call('HGET', KEYS[2], i) == ARGV[1] then "
    "redis.call('HDEL', KEYS[2], i) end end return 0",
    ""};

static struct redis_command *group_script(struct redis_batch *batch,
                                          struct redis_script *script,
                                          const struct stream_group *group)
{
    static const char *const keys[] = {"members", "owners"};
    batch->script = script;
    struct redis_command *command = redis_batch_add(batch, "");
    redis_script_command(command, "2");
    for (size_t i = 0; i < 2; i++)
        redis_text(command,
                   bus_arena_printf(&batch->arena, "troupe:group:%s:%s:%s",
                                    group->word, group->name, keys[i]));
    redis_text(command, group->member);
    return command;
}

static int redis_tend(struct stream *stream, const struct stream_group *group,
                      uint32_t give_up, struct stream_share *ret,
                      struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, 1);
    struct redis_command *command = group_script(&batch, &tend, group);
    redis_batch_number(&batch, command, STREAM_LEASE / BUS_MILLI);
    redis_batch_number(&batch, command, EVENTS_PARTS);
    redis_batch_number(&batch, command, give_up);
    redis_text(command, bus_arena_printf(&batch.arena,
                                         "troupe:events:%s:", group->word));
    redis_text(command, group->name);
    int code = redis_batch_run((struct stream_redis *)stream, &batch, err);
    const struct redis_reply *reply = &batch.replies[0];
    if (!code && (reply->type != REDIS_LIST || reply->count != 2))
        code = reply->type == REDIS_REFUSED
                   ? redis_refused(reply, err)
                   : bus_error_set(err, BUS_INTERNAL, "Redis: no such answer");
    if (!code)
        *ret = (struct stream_share){.parts = (uint32_t)reply->items[0].number,
                                     .fair = (unsigned)reply->items[1].number};
    redis_batch_close(&batch);
    return code;
}

static int redis_leave(struct stream *stream, const struct stream_group *group,
                       struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, 1);
    redis_batch_number(&batch, group_script(&batch, &leave, group),
                       EVENTS_PARTS);
    return redis_batch_finish((struct stream_redis *)stream, &batch, err);
}

/* ---- reading ---- */

static bool copy_bytes(struct bus_arena *arena, struct bus_bytes from,
                       struct bus_bytes *ret)
{
    uint8_t *copy = bus_arena_alloc(arena, from.len);
    if (copy && from.len)
        memcpy(copy, from.data, from.len);
    *ret = (struct bus_bytes){copy, from.len};
    return copy;
}

/* [id, [field, value]], as XRANGE and XREADGROUP bring them. */
bool redis_entries_add(struct redis_entries *entries, unsigned part,
                       const struct redis_reply *from)
{
    struct bus_bytes blob;
    if (from->type != REDIS_LIST || from->count != 2 ||
        from->items[1].type != REDIS_LIST || from->items[1].count < 2)
        return true; /* deleted by somebody: nothing to hand out */
    if (entries->count == entries->room ||
        !copy_bytes(entries->arena, from->items[1].items[1].text, &blob))
        return false;
    if (stream_entry_fill(&entries->items[entries->count], part,
                          from->items[0].text, blob))
        entries->count++;
    return true;
}

int redis_entries_open(struct redis_entries *entries, size_t room,
                       struct bus_arena *arena, struct bus_error *err)
{
    *entries = (struct redis_entries){.arena = arena, .room = room};
    entries->items = bus_arena_array(arena, room, sizeof(*entries->items));
    return entries->items ? BUS_OK
                          : bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                                          "too many events at once");
}

/* The pending ids of a partition, as XPENDING brings them. */
static int pending(struct stream_redis *self, struct redis_batch *batch,
                   const struct stream_group *group, unsigned part,
                   struct bus_error *err)
{
    struct redis_command *command = redis_batch_add(batch, "XPENDING");
    redis_text(command, redis_stream_key(batch, group->word, part));
    redis_text(command, group->name);
    redis_text(command, "-");
    redis_text(command, "+");
    redis_text(command, RECOVER_MAX);
    int code = redis_batch_run(self, batch, err);
    return code ? code : all_fine(batch->replies, 1, err);
}

/* Each pending entry and its tries, two commands each. */
static int pending_read(struct stream_redis *self,
                        const struct stream_group *group, unsigned part,
                        const struct redis_reply *ids,
                        struct redis_entries *entries, struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, 2 * ids->count + 1);
    for (size_t i = 0; i < ids->count; i++) {
        const struct bus_bytes id = ids->items[i].items[0].text;
        struct redis_command *command = redis_batch_add(&batch, "XRANGE");
        redis_text(command, redis_stream_key(&batch, group->word, part));
        redis_bytes(command, id);
        redis_bytes(command, id);
        command = redis_batch_add(&batch, "HGET");
        redis_text(command, tries_key(&batch, group, part));
        redis_bytes(command, id);
    }
    int code = redis_batch_run(self, &batch, err);
    for (size_t i = 0; i < ids->count && !code; i++) {
        const struct redis_reply *found = &batch.replies[2 * i];
        const struct redis_reply *tries = &batch.replies[2 * i + 1];
        size_t before = entries->count;
        if (found->type != REDIS_LIST)
            code = redis_refused(found, err);
        else if (found->count == 0)
            continue; /* trimmed by hand */
        else if (!redis_entries_add(entries, part, &found->items[0]) ||
                 (entries->count > before && tries->type == REDIS_TEXT &&
                  !copy_bytes(entries->arena, tries->text,
                              &entries->items[before].tries)))
            code = bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                                 "too many events at once");
    }
    redis_batch_close(&batch);
    return code;
}

static int redis_recover(struct stream *stream,
                         const struct stream_group *group, unsigned part,
                         struct bus_arena *arena, struct bus_list *ret,
                         struct bus_error *err)
{
    struct stream_redis *self = (struct stream_redis *)stream;
    struct redis_entries entries = {0};
    struct redis_batch batch;
    redis_batch_open(&batch, 1);
    int code = pending(self, &batch, group, part, err);
    if (!code)
        code = redis_entries_open(&entries, batch.replies[0].count, arena, err);
    if (!code && entries.room)
        code =
            pending_read(self, group, part, &batch.replies[0], &entries, err);
    redis_batch_close(&batch);
    if (!code)
        *ret = (struct bus_list){entries.items, entries.count};
    return code;
}

/* [[stream, [entry ...]]], or nil for none. */
static bool fetched(struct redis_entries *entries, unsigned part,
                    const struct redis_reply *reply)
{
    if (reply->type != REDIS_LIST || reply->count != 1 ||
        reply->items[0].count != 2)
        return true;
    const struct redis_reply *list = &reply->items[0].items[1];
    for (size_t i = 0; i < list->count; i++)
        if (!redis_entries_add(entries, part, &list->items[i]))
            return false;
    return true;
}

static void fetch_add(struct redis_batch *batch,
                      const struct stream_group *group, unsigned part,
                      unsigned max)
{
    struct redis_command *command = redis_batch_add(batch, "XREADGROUP");
    redis_text(command, "GROUP");
    redis_text(command, group->name);
    redis_text(command, CONSUMER);
    redis_text(command, "COUNT");
    redis_batch_number(batch, command, max);
    redis_text(command, "STREAMS");
    redis_text(command, redis_stream_key(batch, group->word, part));
    redis_text(command, ">");
}

static int redis_fetch(struct stream *stream, const struct stream_group *group,
                       uint32_t parts, unsigned max, struct bus_arena *arena,
                       struct bus_list *ret, struct bus_error *err)
{
    struct redis_entries entries;
    struct redis_batch batch;
    unsigned asked[EVENTS_PARTS];
    int code =
        redis_entries_open(&entries, (size_t)max * EVENTS_PARTS, arena, err);
    if (code)
        return code;
    redis_batch_open(&batch, EVENTS_PARTS);
    batch.once = true; /* what was read twice would be handed out once */
    for (unsigned i = 0; i < EVENTS_PARTS; i++) {
        if (!(parts >> i & 1))
            continue;
        asked[batch.count] = i;
        fetch_add(&batch, group, i, max);
    }
    code = redis_batch_run((struct stream_redis *)stream, &batch, err);
    for (size_t i = 0; i < batch.count && !code; i++) {
        if (batch.replies[i].type == REDIS_REFUSED)
            code = redis_refused(&batch.replies[i], err);
        else if (!fetched(&entries, asked[i], &batch.replies[i]))
            code = bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                                 "too many events at once");
    }
    redis_batch_close(&batch);
    if (!code)
        *ret = (struct bus_list){entries.items, entries.count};
    return code;
}

static int redis_note(struct stream *stream, const struct stream_group *group,
                      const struct stream_entry *entry, struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, 1);
    struct redis_command *command = redis_batch_add(&batch, "HSET");
    redis_text(command, tries_key(&batch, group, entry->part));
    redis_text(command, entry->id);
    redis_bytes(command, entry->tries);
    return redis_batch_finish((struct stream_redis *)stream, &batch, err);
}

/* ---- done ---- */

static void done_add(struct redis_batch *batch,
                     const struct stream_group *group,
                     const struct stream_done *done)
{
    struct redis_command *command = redis_batch_add(batch, "XACK");
    redis_text(command, redis_stream_key(batch, group->word, done->part));
    redis_text(command, group->name);
    redis_text(command, done->id);
    if (!done->noted)
        return;
    command = redis_batch_add(batch, "HDEL");
    redis_text(command, tries_key(batch, group, done->part));
    redis_text(command, done->id);
}

static int redis_done(struct stream *stream, const struct stream_group *group,
                      const struct stream_done *done, size_t count,
                      struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, 2 * count + 1);
    for (size_t i = 0; i < count; i++)
        done_add(&batch, group, &done[i]);
    return redis_batch_finish((struct stream_redis *)stream, &batch, err);
}

static int redis_bury(struct stream *stream, const struct stream_group *group,
                      const struct stream_done *done, const char *actor,
                      struct bus_bytes blob, struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, 5);
    redis_batch_add(&batch, "MULTI");
    put(&batch, redis_dead_key(&batch, actor), blob);
    done_add(&batch, group, done);
    redis_batch_add(&batch, "EXEC");
    return redis_batch_finish((struct stream_redis *)stream, &batch, err);
}

/* ---- life ---- */

static void redis_stream_close(struct stream *stream)
{
    struct stream_redis *self = (struct stream_redis *)stream;
    redis_close(self->redis);
    free(self);
}

static const struct stream_driver driver = {
    .close = redis_stream_close,
    .append = redis_append,
    .tend = redis_tend,
    .leave = redis_leave,
    .recover = redis_recover,
    .fetch = redis_fetch,
    .note = redis_note,
    .done = redis_done,
    .bury = redis_bury,
    .dead = stream_redis_dead,
    .revive = stream_redis_revive,
    .trim = stream_redis_trim,
};

int stream_redis_open(const struct stream_options *options, struct stream **ret,
                      struct bus_error *err)
{
    const struct redis_options redis = {
        .host = options->redis, .user = options->user, .pass = options->pass};
    struct stream_redis *self = calloc(1, sizeof(*self));
    if (!self)
        abort();
    self->stream.driver = &driver;
    int code = redis_open(&redis, &self->redis, err);
    if (code) {
        free(self);
        return code;
    }
    *ret = &self->stream;
    return BUS_OK;
}
