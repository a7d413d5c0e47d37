/* SPDX-License-Identifier: MIT
 *
 * The steps of one request, each a function: guard (method, depth, deadline,
 * injected faults), begin (the store's verdict), decode (a compensation's
 * inputs filled in first), run (middlewares and handler), encode, end (commit),
 * publish, log. The first that refuses ends it; what was begun is always ended.
 */
#include "actors/runtime/handle.h"

#include <stdio.h>
#include <string.h>

#include "actors/events/events.h"
#include "actors/runtime/fault.h"
#include "actors/runtime/fill.h"
#include "actors/runtime/replies.h"
#include "actors/schedule/schedule.h"
#include "actors/store/barrier.h"
#include "bus/frame.h"
#include "bus/pack.h"

#define SLOW_NS (500 * BUS_MILLI) /* go-zero's slow threshold */

struct actor_next {
    actor_middleware *const *rest; /* NULL: none */
    actor_handler *handler;
    const void *request;
    void *reply;
};

int bus_next(struct bus_call *call, struct actor_next *next)
{
    if (!next->rest || !*next->rest)
        return next->handler(call, next->request, next->reply);
    struct actor_next inner = *next;
    inner.rest++;
    return (*next->rest)(call, &inner);
}

static int64_t deadline_of(const struct method_entry *entry,
                           const struct bus_inbound *inbound)
{
    /* A schedule's firing brings its own. */
    if (!entry || entry->timeout_ns == 0 || inbound->due)
        return inbound->deadline;
    int64_t own = inbound->received + entry->timeout_ns;
    return own < inbound->deadline ? own : inbound->deadline;
}

static void call_init(struct bus_call *call, struct actor_worker *worker,
                      const struct method_entry *entry,
                      const struct bus_inbound *inbound)
{
    bus_arena_reset(&worker->arena);
    bus_buf_reset(&worker->reply);
    bus_buf_reset(&worker->headers);
    memset(call, 0, offsetof(struct bus_call, error));
    bus_error_clear(&call->error);
    call->bus = worker->runtime->process.bus;
    call->arena = &worker->arena;
    call->clock = worker->runtime->process.clock;
    call->deadline = deadline_of(entry, inbound);
    call->meta = inbound->meta;
    call->headers = worker->headers;
    call->store = worker->store;
    call->worker = worker;
    call->method = entry ? entry->actor->method : NULL;
    call->state = worker->state;
    call->due = inbound->due;
    if (!bus_trace_some(&call->meta.trace))
        bus_trace_new(&call->meta.trace);
    call->bare = entry && !entry->barrier;
}

/* Refuses what must not run at all. */
static int guard(struct bus_call *call, const struct method_entry *entry,
                 const struct bus_inbound *inbound, int64_t now)
{
    struct runtime *runtime = call->worker->runtime;
    if (!entry)
        return bus_error_reason(&call->error, BUS_UNIMPLEMENTED,
                                "no_such_method", "%s has no method %.*s",
                                runtime->process.type->name, BUS_METHOD_MAX,
                                inbound->method);
    if (call->meta.depth > BUS_CALL_DEPTH_MAX)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "more than %d calls within calls",
                             BUS_CALL_DEPTH_MAX);
    if (now >= call->deadline) {
        atomic_fetch_add(&runtime->expired, 1);
        return bus_error_set(&call->error, BUS_DEADLINE_EXCEEDED,
                             "the deadline passed before its turn came");
    }
    int code = fault_take(&runtime->process, call->method->name);
    if (code)
        return bus_error_set(&call->error, code, "injected fault");
    return BUS_OK;
}

/* The request's struct, or NULL for a method without one. */
static int decode(struct bus_call *call, struct bus_bytes body,
                  struct bus_bytes stored, void **ret)
{
    static const uint8_t empty_map[] = {0x80};
    const struct bus_shape *shape = call->method->request;
    if (!shape)
        return BUS_OK;
    if (body.len == 0)
        body = (struct bus_bytes){empty_map, sizeof(empty_map)};
    int code = BUS_OK;
    if (call->meta.saga.fill.len > 0 && stored.len > 0)
        code = fill_request(call, body, stored, &body);
    if (code)
        return code;
    void *message = bus_arena_alloc(call->arena, shape->size);
    if (!message)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "the request is too large");
    code = bus_unpack_message(body, shape, call->arena, message, &call->error);
    if (!code)
        *ret = message;
    return code;
}

static int encode(struct bus_call *call, const void *message,
                  struct bus_bytes *ret)
{
    struct bus_buf *buf = &call->worker->reply;
    if (!call->method->reply)
        return BUS_OK;
    bus_pack_message(buf, call->method->reply, message);
    if (buf->failed)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "the reply is larger than %zu bytes",
                             RUNTIME_REPLY_MAX);
    *ret = bus_buf_bytes(buf);
    return BUS_OK;
}

/* Makes call->error say what code says, whatever the handler left in it. */
static int settle(struct bus_call *call, int code)
{
    if (code < BUS_OK || code > BUS_UNAUTHENTICATED)
        return bus_error_set(&call->error, BUS_INTERNAL,
                             "the handler returned %d, which is no code", code);
    if (code == BUS_OK)
        call->error.code = BUS_OK;
    else if (call->error.code != code)
        bus_error_set(&call->error, code, "%s", bus_code_name(code));
    /* A callee's "draining" means that it did not run: this one did. */
    if (strcmp(call->error.reason, "draining") == 0)
        call->error.reason[0] = '\0';
    return code;
}

static int run(struct bus_call *call, const struct method_entry *entry,
               const void *request, struct bus_bytes *ret_body)
{
    const struct bus_shape *shape = call->method->reply;
    void *reply = shape ? bus_arena_alloc(call->arena, shape->size) : NULL;
    if (shape && !reply)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "the reply is too large");
    struct actor_next first = {entry->actor->middlewares, entry->actor->handler,
                               request, reply};
    int code = settle(call, bus_next(call, &first));
    return code ? code : encode(call, reply, ret_body);
}

static bool dies(struct bus_call *call, enum runtime_point point)
{
    struct runtime *runtime = call->worker->runtime;
    return runtime->dies && runtime->dies(runtime->dies_arg, point);
}

static int refuse_late(struct bus_call *call)
{
    const char *op = call->meta.saga.op;
    return bus_error_set(&call->error, BUS_ABORTED,
                         op && strcmp(op, MESSAGE_OP) == 0
                             ? "the message's local part did not happen"
                             : "the step was compensated before it arrived");
}

/* What the store's verdict lets happen. */
static int act(struct bus_call *call, const struct method_entry *entry,
               const struct bus_inbound *inbound, enum store_verdict verdict,
               struct bus_bytes stored, struct bus_bytes *ret_body)
{
    void *request = NULL;
    switch (verdict) {
    case STORE_REPEAT:
        *ret_body = stored;
        return BUS_OK;
    case STORE_NULL:
        return BUS_OK;
    case STORE_LATE:
        return refuse_late(call);
    case STORE_RUN:
        break;
    }
    if (dies(call, RUNTIME_BEFORE_HANDLER))
        return bus_error_set(&call->error, BUS_UNAVAILABLE, "died");
    int code = decode(call, inbound->body, stored, &request);
    return code ? code : run(call, entry, request, ret_body);
}

static int bracket(struct bus_call *call, const struct method_entry *entry,
                   const struct bus_inbound *inbound,
                   struct bus_bytes *ret_body)
{
    enum store_verdict verdict = STORE_RUN;
    struct bus_bytes stored = {0};
    int code = BUS_OK;
    if (call->store)
        code = store_begin(call, &verdict, &stored);
    if (code)
        return settle(call, code);
    code = act(call, entry, inbound, verdict, stored, ret_body);
    if (!code && dies(call, RUNTIME_BEFORE_COMMIT))
        code = bus_error_set(&call->error, BUS_UNAVAILABLE, "died");
    /* Only a first run has a reply to be kept. */
    if (call->store)
        code = settle(call,
                      store_end(call, code,
                                verdict == STORE_RUN ? *ret_body
                                                     : (struct bus_bytes){0}));
    if (!code)
        dies(call, RUNTIME_AFTER_COMMIT);
    return code;
}

/* Under a key of the caller's the handler runs once; later calls get what the
 * first one answered, headers too. Reading needs no key. */
static int once(struct bus_call *call, const struct method_entry *entry,
                const struct bus_inbound *inbound, struct bus_bytes *ret_body)
{
    struct replies *replies = call->worker->runtime->replies;
    const struct replies_id id = {call->method->name, call->meta.key,
                                  call->meta.claims};
    struct kept_reply kept = {{NULL, 0}, {NULL, 0}};
    if (!id.key || call->method->flags & BUS_NO_SIDE_EFFECTS)
        return bracket(call, entry, inbound, ret_body);
    switch (replies_begin(replies, &id, call->arena, &kept)) {
    case REPLIES_NEW:
        break;
    case REPLIES_RUNNING:
        return bus_error_reason(&call->error, BUS_ABORTED, "in_progress",
                                "the first call under this key still runs");
    case REPLIES_KEPT:
        bus_pack_raw(&call->headers, kept.headers);
        *ret_body = kept.body;
        return BUS_OK;
    case REPLIES_FULL:
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "the reply is too large");
    }
    int code = bracket(call, entry, inbound, ret_body);
    kept = (struct kept_reply){*ret_body, bus_buf_bytes(&call->headers)};
    replies_end(replies, &id, code ? NULL : &kept);
    return code;
}

/* Events leave only now: the handler succeeded and its work is committed. */
static void publish(const struct bus_call *call)
{
    struct bus_server *server = call->worker->runtime->process.server;
    const struct bus_outbox *event = call->outbox;
    for (; event && server; event = event->next)
        bus_server_event(server, event->topic, event->body, &call->meta.trace);
}

/* Headers as the array that a reply carries. */
static struct bus_bytes headers_pack(struct bus_call *call)
{
    struct bus_unpack in = bus_unpack_open(bus_buf_bytes(&call->headers));
    struct bus_buf *buf = &call->worker->headers;
    size_t count = 0;
    *buf = call->headers; /* it may have grown */
    if (call->headers.len == 0 || call->headers.failed)
        return (struct bus_bytes){0};
    while (bus_unpack_value(&in, NULL))
        count++;
    struct bus_buf all;
    bus_buf_init(&all, RUNTIME_HEADERS_MAX);
    bus_pack_array(&all, count);
    bus_pack_raw(&all, bus_buf_bytes(buf));
    bus_buf_release(buf);
    *buf = all;
    return bus_buf_bytes(buf);
}

static bool is_our_fault(int code)
{
    return code == BUS_UNKNOWN || code == BUS_DEADLINE_EXCEEDED ||
           code == BUS_RESOURCE_EXHAUSTED || code == BUS_INTERNAL ||
           code == BUS_UNAVAILABLE || code == BUS_DATA_LOSS;
}

/* One line a request, as go-zero's stat interceptor writes it. */
static void log_request(const struct bus_call *call,
                        const struct bus_inbound *inbound, int64_t took)
{
    const struct actor_process *process = &call->worker->runtime->process;
    int code = call->error.code;
    enum bus_log_level level = is_our_fault(code) ? BUS_LOG_ERROR
                               : took > SLOW_NS   ? BUS_LOG_SLOW
                                                  : BUS_LOG_INFO;
    if (code == BUS_OK && level == BUS_LOG_INFO && !process->config->log->stat)
        return;
    if (!bus_log_wanted(level))
        return;
    char duration[32];
    snprintf(duration, sizeof(duration), "%.1fms",
             (double)took / (double)BUS_MILLI);
    const char *gid = inbound->meta.saga.gid;
    const struct bus_log_field fields[] = {
        {"method", call->method ? call->method->name : inbound->method, 0},
        {"code", bus_code_name(code), 0},
        {"duration", duration, 0},
        {gid ? "gid" : NULL, gid, 0},
        {"op", inbound->meta.saga.op ? inbound->meta.saga.op : "", 0},
        {NULL, NULL, 0},
    };
    if (code)
        bus_log(level, &call->meta.trace, fields, "%s: %s", process->type->name,
                call->error.sentence);
    else
        bus_log(level, &call->meta.trace, fields, "%s", process->type->name);
}

static void measure(struct runtime *runtime, struct method_entry *entry,
                    int code, int64_t took)
{
    atomic_fetch_add_explicit(&runtime->calls, 1, memory_order_relaxed);
    if (code)
        atomic_fetch_add_explicit(&runtime->errors, 1, memory_order_relaxed);
    if (entry)
        method_count(entry, code != BUS_OK, took);
}

int64_t handle_request(struct actor_worker *worker, struct method_entry *entry,
                       const struct bus_inbound *inbound, int64_t started,
                       struct bus_reply *ret)
{
    struct runtime *runtime = worker->runtime;
    struct bus_bytes body = {0};
    struct bus_call call;
    call_init(&call, worker, entry, inbound);
    atomic_fetch_add_explicit(&runtime->busy, 1, memory_order_relaxed);
    int code = guard(&call, entry, inbound, started);
    if (!code)
        code = once(&call, entry, inbound, &body);
    if (!code)
        publish(&call);
    if (worker->published)
        events_poke(runtime->events);
    worker->published = false;
    if (worker->sent_later)
        schedule_poke(runtime->schedule);
    worker->sent_later = false;
    atomic_fetch_sub_explicit(&runtime->busy, 1, memory_order_relaxed);
    int64_t ended = bus_now(runtime->process.clock);
    measure(runtime, entry, code, ended - started);
    log_request(&call, inbound, ended - started);
    bus_reply_init(ret);
    if (code)
        ret->error = call.error;
    else
        ret->body = body;
    ret->headers = headers_pack(&call);
    return ended;
}
