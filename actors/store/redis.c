/* SPDX-License-Identifier: MIT
 *
 * hiredis behind redis.h: a stack of idle connections under a mutex, the last
 * used on top. What waits is the socket, by its own time-outs, which are set
 * again only where a call's deadline is nearer than REDIS_WAIT.
 */
#include "actors/store/redis.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"

#define SECOND_US INT64_C(1000000)

struct connection {
    redisContext *context;
    int64_t wait_ns; /* the socket's time-out */
    struct connection *next;
};

struct redis {
    char *memory; /* owned; what the texts below point into */
    const char *host;
    const char *path; /* NULL: host and port */
    char *address;    /* owned; as configured */
    char *user, *pass;
    int port;
    pthread_mutex_t lock; /* of the idle ones */
    struct connection *idle;
    size_t idle_count;
    _Atomic bool down;
};

static int64_t now(void)
{
    return bus_now(&bus_clock_system);
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- opening ---- */

static bool parse_port(const char *text, int *ret)
{
    char *end;
    long port = strtol(text, &end, 10);
    if (end == text || *end || port < 1 || port > UINT16_MAX)
        return false;
    *ret = (int)port;
    return true;
}

static bool parse_address(struct redis *redis, char *text)
{
    char *port = NULL;
    redis->port = REDIS_PORT;
    redis->host = text;
    if (*text == '/') {
        redis->path = text;
        return true;
    }
    if (*text == '[') { /* [::1]:6379 */
        char *close = strchr(text, ']');
        if (!close || (close[1] && close[1] != ':'))
            return false;
        redis->host = text + 1;
        port = close[1] ? close + 2 : NULL;
        *close = '\0';
    } else if ((port = strrchr(text, ':'))) {
        *port++ = '\0';
    }
    return *redis->host && (!port || parse_port(port, &redis->port));
}

int redis_open(const struct redis_options *options, struct redis **ret,
               struct bus_error *err)
{
    struct redis *redis = must(calloc(1, sizeof(*redis)));
    redis->memory = must(strdup(options->host));
    redis->address = must(strdup(options->host));
    redis->user = must(strdup(options->user ? options->user : ""));
    redis->pass = must(strdup(options->pass ? options->pass : ""));
    pthread_mutex_init(&redis->lock, NULL);
    if (!parse_address(redis, redis->memory)) {
        redis_close(redis);
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "Redis: \"%s\" is no address; expected host:port "
                             "or /path of a socket",
                             options->host);
    }
    *ret = redis;
    return BUS_OK;
}

const char *redis_address(const struct redis *redis)
{
    return redis->address;
}

/* ---- connections ---- */

static void connection_close(struct connection *connection)
{
    redisFree(connection->context);
    free(connection);
}

static void close_idle(struct redis *redis)
{
    pthread_mutex_lock(&redis->lock);
    struct connection *at = redis->idle;
    redis->idle = NULL;
    redis->idle_count = 0;
    pthread_mutex_unlock(&redis->lock);
    while (at) {
        struct connection *next = at->next;
        connection_close(at);
        at = next;
    }
}

void redis_close(struct redis *redis)
{
    close_idle(redis);
    pthread_mutex_destroy(&redis->lock);
    free(redis->memory);
    free(redis->address);
    free(redis->user);
    free(redis->pass);
    free(redis);
}

static struct connection *connection_take(struct redis *redis)
{
    pthread_mutex_lock(&redis->lock);
    struct connection *connection = redis->idle;
    if (connection) {
        redis->idle = connection->next;
        redis->idle_count--;
    }
    pthread_mutex_unlock(&redis->lock);
    return connection;
}

static void connection_keep(struct redis *redis, struct connection *connection)
{
    pthread_mutex_lock(&redis->lock);
    bool keeps = redis->idle_count < REDIS_IDLE_MAX;
    if (keeps) {
        connection->next = redis->idle;
        redis->idle = connection;
        redis->idle_count++;
    }
    pthread_mutex_unlock(&redis->lock);
    if (!keeps)
        connection_close(connection);
}

static struct timeval timeval_of(int64_t ns)
{
    int64_t us = ns / 1000 + 1; /* zero would mean for ever */
    return (struct timeval){us / SECOND_US, us % SECOND_US};
}

/* How long to wait for an answer. */
static int64_t answer_wait(int64_t deadline)
{
    int64_t left = deadline - now();
    return left < REDIS_WAIT ? left : REDIS_WAIT;
}

static void set_wait(struct connection *connection, int64_t wait_ns)
{
    if (connection->wait_ns != wait_ns)
        redisSetTimeout(connection->context, timeval_of(wait_ns));
    connection->wait_ns = wait_ns;
}

static bool authenticate(const struct redis *redis, redisContext *context)
{
    const char *args[] = {"AUTH", redis->user, redis->pass};
    if (!*redis->pass)
        return true;
    if (!*redis->user)
        args[1] = redis->pass;
    redisReply *reply =
        redisCommandArgv(context, *redis->user ? 3 : 2, args, NULL);
    bool fine = reply && reply->type != REDIS_REPLY_ERROR;
    if (reply)
        freeReplyObject(reply);
    return fine;
}

static struct connection *connect_now(const struct redis *redis,
                                      int64_t deadline)
{
    int64_t left = deadline - now();
    struct timeval wait =
        timeval_of(left < REDIS_CONNECT_WAIT ? left : REDIS_CONNECT_WAIT);
    redisContext *context =
        redis->path ? redisConnectUnixWithTimeout(redis->path, wait)
                    : redisConnectWithTimeout(redis->host, redis->port, wait);
    must(context);
    if (!context->err)
        fcntl(context->fd, F_SETFD, FD_CLOEXEC);
    struct connection *connection = must(calloc(1, sizeof(*connection)));
    connection->context = context;
    if (!context->err)
        set_wait(connection, answer_wait(deadline));
    if (context->err || !authenticate(redis, context)) {
        connection_close(connection);
        return NULL;
    }
    return connection;
}

/* One that has nothing to say: an idle one that has, says goodbye. */
static bool is_alive(const struct connection *connection)
{
    struct pollfd at = {.fd = connection->context->fd, .events = POLLIN};
    return poll(&at, 1, 0) == 0;
}

/* ---- commands ---- */

void redis_bytes(struct redis_command *command, struct bus_bytes bytes)
{
    assert(command->count < REDIS_ARGS_MAX);
    command->args[command->count++] = bytes;
}

void redis_text(struct redis_command *command, const char *text)
{
    redis_bytes(command,
                (struct bus_bytes){(const uint8_t *)text, strlen(text)});
}

void redis_command(struct redis_command *command, const char *name)
{
    command->count = 0;
    redis_text(command, name);
}

void redis_script_command(struct redis_command *command, const char *keys)
{
    redis_command(command, "EVALSHA");
    redis_text(command, ""); /* the hash, once it is known */
    redis_text(command, keys);
}

static void append(redisContext *context, const struct redis_command *command)
{
    const char *args[REDIS_ARGS_MAX];
    size_t lens[REDIS_ARGS_MAX];
    for (size_t i = 0; i < command->count; i++) {
        args[i] =
            command->args[i].len ? (const char *)command->args[i].data : "";
        lens[i] = command->args[i].len;
    }
    if (redisAppendCommandArgv(context, (int)command->count, args, lens) !=
        REDIS_OK)
        abort(); /* nothing but memory can be wrong */
}

static int keep_reply(const redisReply *from, int depth,
                      struct bus_arena *arena, struct redis_reply *ret);

static int keep_list(const redisReply *from, int depth, struct bus_arena *arena,
                     struct redis_reply *ret)
{
    struct redis_reply *items =
        bus_arena_array(arena, from->elements, sizeof(*items));
    int code =
        items && depth < REDIS_DEPTH_MAX ? BUS_OK : BUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < from->elements && code == BUS_OK; i++)
        code = keep_reply(from->element[i], depth + 1, arena, &items[i]);
    if (code == BUS_OK)
        *ret = (struct redis_reply){
            .type = REDIS_LIST, .items = items, .count = from->elements};
    return code;
}

static int keep_reply(const redisReply *from, int depth,
                      struct bus_arena *arena, struct redis_reply *ret)
{
    *ret = (struct redis_reply){.type = REDIS_NIL};
    switch (from->type) {
    case REDIS_REPLY_INTEGER:
        ret->type = REDIS_NUMBER;
        ret->number = from->integer;
        return BUS_OK;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        break;
    case REDIS_REPLY_ARRAY:
        return keep_list(from, depth, arena, ret);
    default:
        return BUS_OK;
    }
    const char *copy = bus_arena_text_n(arena, from->str, from->len);
    if (!copy)
        return BUS_RESOURCE_EXHAUSTED;
    ret->type = from->type == REDIS_REPLY_ERROR ? REDIS_REFUSED : REDIS_TEXT;
    ret->text = (struct bus_bytes){(const uint8_t *)copy, from->len};
    return BUS_OK;
}

/* UNAVAILABLE: the connection is of no more use. */
static int talk(struct connection *connection, const struct redis_run *run,
                struct redis_reply *ret)
{
    int code = BUS_OK;
    for (size_t i = 0; i < run->count; i++)
        append(connection->context, &run->commands[i]);
    for (size_t i = 0; i < run->count; i++) {
        void *reply = NULL;
        if (redisGetReply(connection->context, &reply) != REDIS_OK)
            return BUS_UNAVAILABLE;
        int kept = keep_reply(reply, 0, run->arena, &ret[i]);
        code = code ? code : kept;
        freeReplyObject(reply);
    }
    return code;
}

static bool says(const struct redis_reply *reply, const char *word)
{
    return reply->type == REDIS_REFUSED &&
           strncmp((const char *)reply->text.data, word, strlen(word)) == 0;
}

/* Whether a failure says something about the server, and what it means to the
 * caller. */
static int fail(struct redis *redis, const struct redis_run *run, bool sent)
{
    bool late = now() >= run->deadline;
    if (!late && !run->probing) {
        atomic_store(&redis->down, true);
        close_idle(redis);
    }
    if (sent && run->once)
        return BUS_UNKNOWN;
    return late ? BUS_DEADLINE_EXCEEDED : BUS_UNAVAILABLE;
}

/* On a kept connection, if there is one. False: it was dead, and another may be
 * tried. */
static bool run_kept(struct redis *redis, const struct redis_run *run,
                     struct redis_reply *ret, int *ret_code)
{
    struct connection *connection = connection_take(redis);
    if (!connection)
        return false;
    if (run->once && !is_alive(connection)) {
        connection_close(connection);
        return false;
    }
    set_wait(connection, answer_wait(run->deadline));
    errno = 0;
    *ret_code = talk(connection, run, ret);
    if (*ret_code != BUS_UNAVAILABLE) {
        connection_keep(redis, connection);
        return true;
    }
    bool slow = connection->context->err == REDIS_ERR_IO && errno == EAGAIN;
    connection_close(connection);
    close_idle(redis);
    if (!slow && !run->once && now() < run->deadline)
        return false;
    *ret_code = fail(redis, run, true);
    return true;
}

static int run_fresh(struct redis *redis, const struct redis_run *run,
                     struct redis_reply *ret)
{
    struct connection *connection = connect_now(redis, run->deadline);
    if (!connection)
        return fail(redis, run, false);
    int code = talk(connection, run, ret);
    if (code == BUS_UNAVAILABLE) {
        connection_close(connection);
        return fail(redis, run, true);
    }
    connection_keep(redis, connection);
    return code;
}

static int run_once(struct redis *redis, const struct redis_run *run,
                    struct redis_reply *ret)
{
    int code = BUS_OK;
    if (atomic_load_explicit(&redis->down, memory_order_relaxed) &&
        !run->probing)
        return BUS_UNAVAILABLE;
    if (now() >= run->deadline)
        return BUS_DEADLINE_EXCEEDED;
    if (!run_kept(redis, run, ret, &code))
        code = run_fresh(redis, run, ret);
    if (code == BUS_OK && run->count && says(&ret[0], "LOADING"))
        return fail(redis, run, false);
    return code;
}

/* ---- scripts ---- */

static pthread_mutex_t sha_lock = PTHREAD_MUTEX_INITIALIZER;

static bool has_sha(struct redis_script *script)
{
    pthread_mutex_lock(&sha_lock);
    bool has = script->sha[0];
    pthread_mutex_unlock(&sha_lock);
    return has;
}

/* The server answers with the hash, the same on every server. */
static int load(struct redis *redis, const struct redis_run *run)
{
    struct redis_script *script = run->script;
    struct redis_command command;
    struct redis_reply reply;
    struct redis_run loading = *run;
    redis_command(&command, "SCRIPT");
    redis_text(&command, "LOAD");
    redis_text(&command, script->text);
    loading.commands = &command;
    loading.count = 1;
    loading.once = false;
    int code = run_once(redis, &loading, &reply);
    if (code != BUS_OK)
        return code;
    if (reply.type != REDIS_TEXT || reply.text.len >= sizeof(script->sha))
        return BUS_INTERNAL;
    pthread_mutex_lock(&sha_lock);
    if (!script->sha[0])
        memcpy(script->sha, reply.text.data, reply.text.len + 1);
    pthread_mutex_unlock(&sha_lock);
    return BUS_OK;
}

int redis_run(struct redis *redis, const struct redis_run *run,
              struct redis_reply *ret)
{
    if (!run->script)
        return run_once(redis, run, ret);
    int code = has_sha(run->script) ? BUS_OK : load(redis, run);
    if (code != BUS_OK)
        return code;
    for (size_t i = 0; i < run->count; i++)
        run->commands[i].args[1] = (struct bus_bytes){
            (const uint8_t *)run->script->sha, strlen(run->script->sha)};
    code = run_once(redis, run, ret);
    if (code != BUS_OK || run->count == 0 || !says(&ret[0], "NOSCRIPT"))
        return code;
    code = load(redis, run); /* nothing has run */
    return code == BUS_OK ? run_once(redis, run, ret) : code;
}

/* ---- down and up ---- */

bool redis_is_down(const struct redis *redis)
{
    return atomic_load(&redis->down);
}

void redis_up(struct redis *redis)
{
    atomic_store(&redis->down, false);
}
