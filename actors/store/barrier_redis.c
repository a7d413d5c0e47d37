/* SPDX-License-Identifier: MIT
 *
 * One script decides and changes. Unlike DTM's it asks first whether the step
 * is a repetition and then whether the amount suffices, for a debit that was
 * done and is repeated may well find too little left.
 */
#include "actors/store/barrier_redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/store/barrier.h"
#include "actors/store/redis.h"
#include "actors/store/shared.h"
#include "actors/store/state.h"

#define NUMBER_MAX 24 /* bytes of one */
#define MARK_ID "01"

/* KEYS: the number, the operation's mark, its origin's; ARGV: amount, the
 * origin's name or "", seconds. */
static struct redis_script adjust = {
    "local e = redis.call('GET', KEYS[2]) "
    "if e == 'rollback' and ARGV[2] == '' then return 3 end "
    "if e then return 1 end "
    "if ARGV[2] ~= '' and not redis.call('GET', KEYS[3]) then "
    "redis.call('SET', KEYS[2], 'op', 'EX', ARGV[3]) "
    "redis.call('SET', KEYS[3], 'rollback', 'EX', ARGV[3]) return 2 end "
    "local v = redis.call('GET', KEYS[1]) "
    "if not v or tonumber(v) + tonumber(ARGV[1]) < 0 then return 4 end "
    "redis.call('SET', KEYS[2], 'op', 'EX', ARGV[3]) "
    "redis.call('INCRBY', KEYS[1], ARGV[1]) return 0",
    ""};
enum { ADJUSTED, REPEATED, NEVER_RAN, TOO_LATE, TOO_LITTLE };

static struct redis_script query = {
    "local e = redis.call('GET', KEYS[1]) "
    "if e == 'rollback' then return 0 end if e then return 1 end "
    "redis.call('SET', KEYS[1], 'rollback', 'EX', ARGV[1]) return 0",
    ""};

static int find_server(struct bus_call *call,
                       const struct barrier_amount *amount, struct redis **ret)
{
    struct cache *cache = call->store ? call->store->shared->cache : NULL;
    *ret = cache ? cache_shared_node(cache, amount->key) : NULL;
    if (!call->meta.saga.gid)
        return bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                             "the call is no step of a saga");
    if (!*ret)
        return bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                             "the barrier in Redis needs CacheRedis");
    return barrier_check(call);
}

static const char *mark(const struct bus_call *call, const char *op)
{
    const struct bus_saga_mark *saga = &call->meta.saga;
    return bus_arena_printf(call->arena, "%s-%s-%s-" MARK_ID, saga->gid,
                            saga->branch, op);
}

static int run(struct bus_call *call, struct redis *redis,
               struct redis_script *script, struct redis_command *command,
               int64_t *ret)
{
    struct redis_reply reply;
    const struct redis_run what = {.commands = command,
                                   .count = 1,
                                   .script = script,
                                   .once = true,
                                   .deadline = store_deadline(call),
                                   .arena = call->arena};
    int code = redis_run(redis, &what, &reply);
    if (code == BUS_UNKNOWN)
        return bus_error_reason(&call->error, code, "outcome_unknown",
                                "no answer from Redis");
    if (code != BUS_OK)
        return bus_error_set(&call->error, code, "no answer from Redis");
    if (reply.type != REDIS_NUMBER)
        return bus_error_set(&call->error, BUS_INTERNAL,
                             "Redis refused the barrier's script");
    *ret = reply.number;
    return BUS_OK;
}

static int settle(struct bus_call *call, int64_t said,
                  enum store_verdict *ret_verdict)
{
    switch (said) {
    case ADJUSTED:
        *ret_verdict = STORE_RUN;
        return BUS_OK;
    case REPEATED:
        *ret_verdict = STORE_REPEAT;
        return BUS_OK;
    case NEVER_RAN:
        *ret_verdict = STORE_NULL;
        return BUS_OK;
    case TOO_LATE:
        *ret_verdict = STORE_LATE;
        return bus_error_set(&call->error, BUS_ABORTED,
                             "the step was compensated before it arrived");
    default:
        return bus_error_reason(&call->error, BUS_ABORTED, "too_little",
                                "the number does not suffice");
    }
}

static void seconds_text(const struct barrier_amount *amount,
                         char ret[NUMBER_MAX])
{
    snprintf(ret, NUMBER_MAX, "%" PRId64,
             (amount->keep_ns + BUS_SECOND - 1) / BUS_SECOND);
}

int barrier_redis_adjust(struct bus_call *call,
                         const struct barrier_amount *amount,
                         enum store_verdict *ret_verdict)
{
    char number[NUMBER_MAX], seconds[NUMBER_MAX];
    struct redis *redis;
    struct redis_command command;
    int64_t said = 0;
    int code = find_server(call, amount, &redis);
    if (code != BUS_OK)
        return code;
    const char *op = call->meta.saga.op;
    const char *origin = barrier_origin(op);
    const char *own = mark(call, op);
    const char *other = mark(call, origin ? origin : "");
    if (!own || !other)
        return sql_no_memory(&call->error);
    snprintf(number, sizeof(number), "%" PRId64, amount->amount);
    seconds_text(amount, seconds);
    redis_script_command(&command, "3");
    redis_text(&command, amount->key);
    redis_text(&command, own);
    redis_text(&command, other);
    redis_text(&command, number);
    redis_text(&command, origin ? origin : "");
    redis_text(&command, seconds);
    code = run(call, redis, &adjust, &command, &said);
    return code == BUS_OK ? settle(call, said, ret_verdict) : code;
}

int barrier_redis_query(struct bus_call *call,
                        const struct barrier_amount *amount)
{
    char seconds[NUMBER_MAX];
    struct redis *redis;
    struct redis_command command;
    int64_t said = 0;
    int code = find_server(call, amount, &redis);
    if (code != BUS_OK)
        return code;
    const char *own = mark(call, "msg");
    if (!own)
        return sql_no_memory(&call->error);
    seconds_text(amount, seconds);
    redis_script_command(&command, "1");
    redis_text(&command, own);
    redis_text(&command, seconds);
    code = run(call, redis, &query, &command, &said);
    if (code == BUS_OK && said == 0)
        code = bus_error_set(&call->error, BUS_ABORTED,
                             "the message's local part did not happen");
    return code;
}
