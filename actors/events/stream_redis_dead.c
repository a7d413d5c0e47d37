/* SPDX-License-Identifier: MIT
 *
 * What is rare with streams in Redis: dead events, and dropping old ones.
 */
#include "actors/events/stream_redis.h"

#include "bus/code.h"

int stream_redis_dead(struct stream *stream, const char *actor,
                      const char *after, unsigned max, struct bus_arena *arena,
                      struct bus_list *ret, struct bus_error *err)
{
    struct redis_entries entries;
    struct redis_batch batch;
    int code = redis_entries_open(&entries, max, arena, err);
    if (code)
        return code;
    redis_batch_open(&batch, 1);
    struct redis_command *command = redis_batch_add(&batch, "XRANGE");
    redis_text(command, redis_dead_key(&batch, actor));
    redis_text(command,
               after[0] ? bus_arena_printf(&batch.arena, "(%s", after) : "-");
    redis_text(command, "+");
    redis_text(command, "COUNT");
    redis_batch_number(&batch, command, max);
    code = redis_batch_run((struct stream_redis *)stream, &batch, err);
    if (!code && batch.replies[0].type == REDIS_REFUSED)
        code = redis_refused(&batch.replies[0], err);
    for (size_t i = 0; i < batch.replies[0].count && !code; i++)
        if (!redis_entries_add(&entries, 0, &batch.replies[0].items[i]))
            code = bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                                 "too many events at once");
    redis_batch_close(&batch);
    if (!code)
        *ret = (struct bus_list){entries.items, entries.count};
    return code;
}

/* KEYS: the dead ones, the stream; ARGV: id, blob. */
static struct redis_script revive = {
    "if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end "
    "redis.call('XADD', KEYS[2], '*', '" REDIS_FIELD "', ARGV[2]) return 1",
    ""};

int stream_redis_revive(struct stream *stream, const char *actor,
                        const char *id, const struct stream_put *one,
                        struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, 1);
    batch.script = &revive;
    struct redis_command *command = redis_batch_add(&batch, "");
    redis_script_command(command, "2");
    redis_text(command, redis_dead_key(&batch, actor));
    redis_text(command, redis_stream_key(&batch, one->word, one->part));
    redis_text(command, id);
    redis_bytes(command, one->blob);
    int code = redis_batch_run((struct stream_redis *)stream, &batch, err);
    if (!code && batch.replies[0].type == REDIS_REFUSED)
        code = redis_refused(&batch.replies[0], err);
    else if (!code && batch.replies[0].number != 1)
        code = bus_error_set(err, BUS_NOT_FOUND, "%s has no dead event %s",
                             actor, id);
    redis_batch_close(&batch);
    return code;
}

/* KEYS: the stream; ARGV: ms. Keeps what a group has not read or has pending.
 */
static struct redis_script trim = {
    "local function less(a, b) "
    "local am, as = string.match(a, '(%d+)-(%d+)') "
    "local bm, bs = string.match(b, '(%d+)-(%d+)') "
    "am, as, bm, bs = tonumber(am), tonumber(as), tonumber(bm), tonumber(bs) "
    "return am < bm or (am == bm and as < bs) end "
    "local from = ARGV[1] .. '-0' "
    "local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1]) "
    "if groups.err then return 0 end "
    "for _, g in ipairs(groups) do local f = {} "
    "for i = 1, #g, 2 do f[g[i]] = g[i + 1] end "
    "local low = f['last-delivered-id'] "
    "local p = redis.call('XPENDING', KEYS[1], f['name']) "
    "if p[1] > 0 then low = p[2] end "
    "if less(low, from) then from = low end end "
    "return redis.call('XTRIM', KEYS[1], 'MINID', from)",
    ""};

int stream_redis_trim(struct stream *stream, const char *word,
                      int64_t older_than, struct bus_error *err)
{
    struct redis_batch batch;
    redis_batch_open(&batch, EVENTS_PARTS);
    batch.script = &trim;
    for (unsigned i = 0; i < EVENTS_PARTS; i++) {
        struct redis_command *command = redis_batch_add(&batch, "");
        redis_script_command(command, "1");
        redis_text(command, redis_stream_key(&batch, word, i));
        redis_batch_number(&batch, command, older_than / 1000);
    }
    return redis_batch_finish((struct stream_redis *)stream, &batch, err);
}
