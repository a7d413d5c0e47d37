/* SPDX-License-Identifier: MIT
 *
 * Entries are go-zero's: SET key value EX, the placeholder, DEL. Beside a key
 * may lie `lease:KEY`, for seconds at most. A loader's look writes a token
 * there, and its value is stored only while that token still stands; a delete
 * takes the token away, so a value read before the delete cannot come back
 * after it (one script each, so nothing happens in between). Who finds
 * another's token waits for what that one stores. A writer's fence, "f..."
 * in the same place, stands from before its commit until its deletes.
 *
 * A thread of its own, the keeper, asks servers that are down whether they are
 * back, and repeats the deletes that failed: a server serves again only when it
 * has heard all of them.
 */
#include "actors/store/shared.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "actors/store/redis.h"
#include "actors/store/ring.h"
#include "actors/store/stale.h"
#include "actors/store/state.h"
#include "actors/store/wait.h"
#include "bus/log.h"

#define KEEPER_STEP (100 * BUS_MILLI) /* between looks at a server */
#define BATCH 64                      /* deletes in one round trip */
#define LAST_WAIT BUS_SECOND          /* for deletes, when closing */
#define TOKEN_MAX 40                  /* bytes of one as text */
#define LEASE_PREFIX "lease:"

_Static_assert(KEEPER_STEP + REDIS_WAIT < BUS_SECOND,
               "a server that is back is noticed within a second");

static struct redis_script take_lease = {
    "local v = redis.call('GET', KEYS[1]) if v then return v end "
    "local l = redis.call('GET', KEYS[2]) "
    "if not l then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) "
    "return 1 end "
    "if l == ARGV[1] then return 1 end "
    "if string.sub(l, 1, 1) == 'f' then return 2 end return 0",
    ""};
enum { LEASE_HELD, LEASE_TAKEN, LEASE_FENCED };

/* KEYS[3]: the lease to end, if the value belongs to the key of the look. */
static struct redis_script store_value = {
    "if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end "
    "redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) "
    "if ARGV[4] == '1' then redis.call('DEL', KEYS[2]) end return 1",
    ""};

static struct redis_script end_lease = {
    "if redis.call('GET', KEYS[1]) == ARGV[1] then "
    "return redis.call('DEL', KEYS[1]) end return 0",
    ""};

/* Other writers' fences stay. */
static struct redis_script forget = {
    "redis.call('DEL', KEYS[1]) local l = redis.call('GET', KEYS[2]) "
    "if l and (l == ARGV[1] or string.sub(l, 1, 1) ~= 'f') then "
    "redis.call('DEL', KEYS[2]) end return 1",
    ""};

static struct redis_script fence = {
    "redis.call('DEL', KEYS[1]) "
    "redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) return 1",
    ""};

struct shared {
    struct cache base;
    struct redis **nodes; /* owned */
    bool *said_down;      /* the keeper's; one a node */
    size_t count;
    struct ring ring;
    struct stale *stale;
    uint64_t origin; /* random; what tells processes' tokens apart */
    _Atomic uint64_t tokens, stored, refused;
    pthread_t keeper;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake, stop;
};

static int64_t now(void)
{
    return bus_now(&bus_clock_system);
}

static size_t node_of(const struct shared *shared, const char *key)
{
    return shared->count > 1 ? ring_find(&shared->ring, key) : 0;
}

/* Tells the keeper that there is something to do. */
static void wake(struct shared *shared)
{
    pthread_mutex_lock(&shared->lock);
    shared->wake = true;
    pthread_cond_signal(&shared->woken);
    pthread_mutex_unlock(&shared->lock);
}

static int run(struct shared *shared, size_t node, const struct redis_run *what,
               struct redis_reply *ret)
{
    int code = redis_run(shared->nodes[node], what, ret);
    if (code == BUS_UNAVAILABLE && redis_is_down(shared->nodes[node]))
        wake(shared);
    return code;
}

/* ---- names ---- */

/* The name of a key's lease, in the arena; "" where it is full, and then the
 * command is refused by the server. */
static const char *lease_of(struct bus_arena *arena, const char *key)
{
    const char *name = bus_arena_printf(arena, LEASE_PREFIX "%s", key);
    return name ? name : "";
}

static void token_text(uint64_t origin, uint64_t token, char ret[TOKEN_MAX])
{
    snprintf(ret, TOKEN_MAX, "%016" PRIx64 "%" PRIx64, origin, token);
}

/* One worker's: it commits one transaction at a time. */
static void fence_text(const struct shared *shared, const struct bus_call *call,
                       char ret[TOKEN_MAX])
{
    snprintf(ret, TOKEN_MAX, "f%016" PRIx64 "%" PRIxPTR, shared->origin,
             (uintptr_t)call->store);
}

/* ---- looking ---- */

static enum cache_found found_text(const struct redis_reply *reply,
                                   struct cache_look *look)
{
    look->value = reply->text;
    return CACHE_HIT;
}

static enum cache_found look_plain(struct shared *shared, struct bus_call *call,
                                   struct cache_look *look)
{
    struct redis_command command;
    struct redis_reply reply;
    redis_command(&command, "GET");
    redis_text(&command, look->key);
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .deadline = store_deadline(call),
                                   .arena = call->arena};
    int code = run(shared, node_of(shared, look->key), &what, &reply);
    if (code == BUS_RESOURCE_EXHAUSTED)
        return CACHE_FULL;
    if (code != BUS_OK || reply.type == REDIS_REFUSED)
        return CACHE_DOWN;
    return reply.type == REDIS_TEXT ? found_text(&reply, look) : CACHE_MISS;
}

static enum cache_found look_leased(struct shared *shared,
                                    struct bus_call *call,
                                    struct cache_look *look)
{
    char token[TOKEN_MAX], ms[TOKEN_MAX];
    struct redis_command command;
    struct redis_reply reply;
    uint64_t number = atomic_fetch_add(&shared->tokens, 1) + 1;
    token_text(shared->origin, number, token);
    snprintf(ms, sizeof(ms), "%d", SHARED_LEASE_MS);
    redis_script_command(&command, "2");
    redis_text(&command, look->key);
    redis_text(&command, lease_of(call->arena, look->key));
    redis_text(&command, token);
    redis_text(&command, ms);
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .script = &take_lease,
                                   .deadline = store_deadline(call),
                                   .arena = call->arena};
    int code = run(shared, node_of(shared, look->key), &what, &reply);
    if (code == BUS_RESOURCE_EXHAUSTED)
        return CACHE_FULL;
    if (code != BUS_OK)
        return CACHE_DOWN;
    if (reply.type == REDIS_TEXT)
        return found_text(&reply, look);
    if (reply.type == REDIS_NUMBER && reply.number == LEASE_HELD)
        return CACHE_HELD;
    if (reply.type == REDIS_NUMBER && reply.number == LEASE_TAKEN)
        look->token = number;
    return CACHE_MISS; /* a server that is full refuses, too */
}

static enum cache_found shared_get(struct cache *cache, struct bus_call *call,
                                   struct cache_look *look)
{
    struct shared *shared = (struct shared *)cache;
    return look->loads ? look_leased(shared, call, look)
                       : look_plain(shared, call, look);
}

/* ---- storing ---- */

static bool store(struct shared *shared, struct bus_call *call,
                  const struct cache_item *item)
{
    char token[TOKEN_MAX], seconds[TOKEN_MAX];
    struct redis_command command;
    struct redis_reply reply;
    size_t node = node_of(shared, item->key);
    /* A script cannot ask another server about the token. */
    if (item->value.len > CACHE_VALUE_MAX ||
        node != node_of(shared, item->looked))
        return false;
    token_text(shared->origin, item->token, token);
    snprintf(seconds, sizeof(seconds), "%" PRId64,
             (item->expiry_ns + BUS_SECOND - 1) / BUS_SECOND);
    redis_script_command(&command, "2");
    redis_text(&command, item->key);
    redis_text(&command, lease_of(call->arena, item->looked));
    redis_text(&command, token);
    redis_bytes(&command, item->value);
    redis_text(&command, seconds);
    redis_text(&command, strcmp(item->key, item->looked) == 0 ? "1" : "0");
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .script = &store_value,
                                   .deadline = store_deadline(call),
                                   .arena = call->arena};
    return run(shared, node, &what, &reply) == BUS_OK &&
           reply.type == REDIS_NUMBER && reply.number == 1;
}

static void shared_set(struct cache *cache, struct bus_call *call,
                       const struct cache_item *item)
{
    struct shared *shared = (struct shared *)cache;
    bool stored = store(shared, call, item);
    atomic_fetch_add_explicit(stored ? &shared->stored : &shared->refused, 1,
                              memory_order_relaxed);
}

static void shared_release(struct cache *cache, struct bus_call *call,
                           const char *key, uint64_t number)
{
    struct shared *shared = (struct shared *)cache;
    char token[TOKEN_MAX];
    struct redis_command command;
    struct redis_reply reply;
    token_text(shared->origin, number, token);
    redis_script_command(&command, "1");
    redis_text(&command, lease_of(call->arena, key));
    redis_text(&command, token);
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .script = &end_lease,
                                   .deadline = store_deadline(call),
                                   .arena = call->arena};
    run(shared, node_of(shared, key), &what, &reply); /* or it expires */
}

/* ---- deleting ---- */

/* One script over many keys, of which those of one node go in one round trip.
 * failed hears of keys whose node did not do it. */
struct sweep {
    struct shared *shared;
    struct redis_script *script;
    const char *token;
    bool probing;
    bool timed; /* the script wants the fence's time */
    struct bus_arena *arena;
};

static bool sweep_batch(const struct sweep *sweep, size_t node,
                        const char *const *keys, size_t count, bool *ret_done)
{
    struct redis_command commands[BATCH];
    struct redis_reply replies[BATCH];
    char ms[TOKEN_MAX];
    snprintf(ms, sizeof(ms), "%d", SHARED_FENCE_MS);
    for (size_t i = 0; i < count; i++) {
        redis_script_command(&commands[i], "2");
        redis_text(&commands[i], keys[i]);
        redis_text(&commands[i], lease_of(sweep->arena, keys[i]));
        redis_text(&commands[i], sweep->token);
        if (sweep->timed)
            redis_text(&commands[i], ms);
    }
    /* The call's deadline may have passed; its row is written all the same. */
    const struct redis_run what = {.commands = commands,
                                   .count = count,
                                   .script = sweep->script,
                                   .probing = sweep->probing,
                                   .deadline = now() + 2 * REDIS_WAIT,
                                   .arena = sweep->arena};
    bool answered = run(sweep->shared, node, &what, replies) == BUS_OK;
    for (size_t i = 0; i < count; i++)
        ret_done[i] = answered && replies[i].type == REDIS_NUMBER;
    return answered;
}

static void fail_delete(struct shared *shared, const char *key)
{
    stale_add(shared->stale, key);
    wake(shared);
}

/* Runs the script over the keys of one node. */
static void sweep_node(const struct sweep *sweep, size_t node,
                       const struct cache_key *keys)
{
    const char *batch[BATCH];
    bool done[BATCH];
    while (keys) {
        size_t count = 0;
        for (; keys && count < BATCH; keys = keys->next) {
            if (node_of(sweep->shared, keys->key) == node)
                batch[count++] = keys->key;
        }
        if (count)
            sweep_batch(sweep, node, batch, count, done);
        for (size_t i = 0; i < count && sweep->script == &forget; i++) {
            if (!done[i])
                fail_delete(sweep->shared, batch[i]);
        }
    }
}

static void sweep_all(struct shared *shared, struct bus_call *call,
                      struct redis_script *script, const struct cache_key *keys)
{
    char token[TOKEN_MAX];
    struct bus_arena arena; /* the call's may be full */
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    fence_text(shared, call, token);
    const struct sweep sweep = {.shared = shared,
                                .script = script,
                                .token = token,
                                .timed = script == &fence,
                                .arena = &arena};
    for (size_t node = 0; node < shared->count; node++)
        sweep_node(&sweep, node, keys);
    bus_arena_release(&arena);
}

static void shared_del(struct cache *cache, struct bus_call *call,
                       const struct cache_key *keys)
{
    sweep_all((struct shared *)cache, call, &forget, keys);
}

/* A fence that fails costs its protection, nothing else. */
static void shared_fence(struct cache *cache, struct bus_call *call,
                         const struct cache_key *keys)
{
    sweep_all((struct shared *)cache, call, &fence, keys);
}

/* ---- the keeper ---- */

static bool answers(struct shared *shared, size_t node, struct bus_arena *arena)
{
    struct redis_command command;
    struct redis_reply reply;
    redis_command(&command, "PING");
    const struct redis_run what = {.commands = &command,
                                   .count = 1,
                                   .probing = true,
                                   .deadline = now() + REDIS_WAIT,
                                   .arena = arena};
    return redis_run(shared->nodes[node], &what, &reply) == BUS_OK &&
           reply.type == REDIS_TEXT;
}

/* Repeats deletes that are due on nodes that are up, or on that one. */
static void repeat_deletes(struct shared *shared, size_t probed,
                           struct bus_arena *arena)
{
    struct sweep sweep = {
        .shared = shared, .script = &forget, .token = "", .arena = arena};
    struct stale_key *list = stale_take(shared->stale, STALE_MAX);
    while (list) {
        struct stale_key *key = list;
        const char *text = key->key;
        size_t node = node_of(shared, text);
        bool done = false;
        list = key->next;
        sweep.probing = node == probed;
        if (sweep.probing || !redis_is_down(shared->nodes[node]))
            sweep_batch(&sweep, node, &text, 1, &done);
        if (done)
            stale_done(shared->stale, key);
        else
            stale_again(shared->stale, key);
        bus_arena_reset(arena);
    }
}

static void say(const struct shared *shared, size_t node, const char *what)
{
    bus_log(BUS_LOG_ERROR, NULL, NULL, "cache: Redis at %s %s",
            redis_address(shared->nodes[node]), what);
}

static void look_after(struct shared *shared, size_t node,
                       struct bus_arena *arena)
{
    if (!redis_is_down(shared->nodes[node]))
        return;
    if (!shared->said_down[node])
        say(shared, node, "does not answer: reading from the database");
    shared->said_down[node] = true;
    if (!answers(shared, node, arena))
        return;
    stale_hasten(shared->stale);
    repeat_deletes(shared, node, arena);
    redis_up(shared->nodes[node]);
    /* Of those who found it down while the others were repeated. */
    stale_hasten(shared->stale);
    repeat_deletes(shared, node, arena);
    shared->said_down[node] = false;
    say(shared, node, "is back");
}

static bool anything_left(struct shared *shared)
{
    struct stale_view view;
    stale_look(shared->stale, &view);
    bool left = view.pending > 0;
    for (size_t i = 0; i < shared->count; i++)
        left = left || redis_is_down(shared->nodes[i]);
    return left;
}

/* Waits for the next round; false when it is the end. */
static bool keeper_wait(struct shared *shared)
{
    bool left = anything_left(shared);
    pthread_mutex_lock(&shared->lock);
    if (left && !shared->stop)
        wait_until(&shared->woken, &shared->lock, now() + KEEPER_STEP);
    while (!left && !shared->wake && !shared->stop)
        pthread_cond_wait(&shared->woken, &shared->lock);
    shared->wake = false;
    bool goes_on = !shared->stop;
    pthread_mutex_unlock(&shared->lock);
    return goes_on;
}

static void *keeper_main(void *arg)
{
    struct shared *shared = arg;
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    do {
        for (size_t i = 0; i < shared->count; i++)
            look_after(shared, i, &arena);
        repeat_deletes(shared, SIZE_MAX, &arena);
        bus_arena_reset(&arena);
    } while (keeper_wait(shared));
    /* The last chance for what is left; the file keeps the rest. */
    stale_hasten(shared->stale);
    repeat_deletes(shared, SIZE_MAX, &arena);
    bus_arena_release(&arena);
    return NULL;
}

/* ---- opening ---- */

static void shared_stats(struct cache *cache, struct cache_stats *ret)
{
    struct shared *shared = (struct shared *)cache;
    struct stale_view view;
    stale_look(shared->stale, &view);
    *ret = (struct cache_stats){.stored = atomic_load(&shared->stored),
                                .refused = atomic_load(&shared->refused),
                                .failed_deletes = view.added,
                                .pending_deletes = view.pending,
                                .lost_deletes = view.lost,
                                .nodes = shared->count};
    for (size_t i = 0; i < shared->count; i++)
        ret->nodes_down += redis_is_down(shared->nodes[i]);
}

static void nodes_free(struct shared *shared)
{
    for (size_t i = 0; i < shared->count; i++)
        redis_close(shared->nodes[i]);
    ring_close(&shared->ring);
    free(shared->nodes);
    free(shared->said_down);
    free(shared);
}

static void shared_close(struct cache *cache)
{
    struct shared *shared = (struct shared *)cache;
    pthread_mutex_lock(&shared->lock);
    shared->stop = true;
    pthread_cond_signal(&shared->woken);
    pthread_mutex_unlock(&shared->lock);
    pthread_join(shared->keeper, NULL);
    stale_close(shared->stale);
    pthread_cond_destroy(&shared->woken);
    pthread_mutex_destroy(&shared->lock);
    nodes_free(shared);
}

static const struct cache_driver driver = {.shared = true,
                                           .get = shared_get,
                                           .set = shared_set,
                                           .release = shared_release,
                                           .del = shared_del,
                                           .fence = shared_fence,
                                           .stats = shared_stats,
                                           .close = shared_close};

struct redis *cache_shared_node(struct cache *cache, const char *key)
{
    struct shared *shared = (struct shared *)cache;
    return cache->driver == &driver ? shared->nodes[node_of(shared, key)]
                                    : NULL;
}

static void *array_new(size_t count, size_t size)
{
    void *array = calloc(count, size);
    if (!array)
        abort();
    return array;
}

static int node_open(struct shared *shared, const struct store_node *node,
                     struct bus_error *err)
{
    if (node->tls || node->cluster)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "CacheRedis %s: %s is not built; expected nodes "
                             "without TLS",
                             node->host, node->tls ? "Tls" : "Type cluster");
    const struct redis_options options = {node->host, node->user, node->pass};
    int code = redis_open(&options, &shared->nodes[shared->count], err);
    shared->count += code == BUS_OK;
    return code;
}

static void ring_make(struct shared *shared, const struct store_node *nodes)
{
    const char *addresses[SHARED_NODES_MAX];
    int32_t weights[SHARED_NODES_MAX];
    for (size_t i = 0; i < shared->count; i++) {
        addresses[i] = nodes[i].host;
        weights[i] = nodes[i].weight;
    }
    ring_open(&shared->ring, addresses, weights, shared->count);
}

int cache_shared_open(const struct store_node *nodes, size_t count,
                      const char *pending, struct cache **ret,
                      struct bus_error *err)
{
    int code = BUS_OK;
    struct shared *shared = array_new(1, sizeof(*shared));
    if (count > SHARED_NODES_MAX)
        code =
            bus_error_set(err, BUS_INVALID_ARGUMENT,
                          "CacheRedis: more than %d nodes", SHARED_NODES_MAX);
    shared->base.driver = &driver;
    shared->nodes = array_new(count + 1, sizeof(struct redis *));
    shared->said_down = array_new(count + 1, sizeof(bool));
    for (size_t i = 0; i < count && code == BUS_OK; i++)
        code = node_open(shared, &nodes[i], err);
    if (code != BUS_OK) {
        nodes_free(shared);
        return code;
    }
    ring_make(shared, nodes);
    if (getrandom(&shared->origin, sizeof(shared->origin), 0) !=
        sizeof(shared->origin))
        abort();
    shared->stale = stale_open(pending, &bus_clock_system);
    pthread_mutex_init(&shared->lock, NULL);
    wait_init(&shared->woken);
    if (pthread_create(&shared->keeper, NULL, keeper_main, shared) != 0)
        abort();
    *ret = &shared->base;
    return BUS_OK;
}
