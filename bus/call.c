/* SPDX-License-Identifier: MIT
 *
 * A call from its start to its one answer. An attempt is given to a line; when
 * it is lost there, what is known of it decides: never executed means another
 * instance may have it at once; of unknown outcome, only if the method may be
 * repeated; otherwise the caller is told. Calls that wait for an instance are
 * parked and tried again by the ticker or when names change.
 */
#include "bus/call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/callees.h"
#include "bus/client.h"
#include "bus/frame.h"
#include "bus/line.h"
#include "bus/memory_internal.h"

#define PARK_FIRST (2 * BUS_MILLI)
#define PARK_MAX (64 * BUS_MILLI)
#define ITEM_ROOM 5                 /* a text's or bin's own header */
#define TAIL_ROOM 192               /* all that is fixed in a request's tail */
#define LOOK_WAIT (100 * BUS_MILLI) /* for the names to be read anew */

/* ---- Ending ---- */

/* Failures of an instance, as go-zero's breaker counts them; not that there is
 * none, which is known without asking. */
static bool is_failure(const struct bus_error *error)
{
    switch (error->code) {
    case BUS_DEADLINE_EXCEEDED:
    case BUS_INTERNAL:
    case BUS_DATA_LOSS:
    case BUS_RESOURCE_EXHAUSTED:
        return true;
    case BUS_UNKNOWN:
        return strcmp(error->reason, "outcome_unknown") == 0;
    case BUS_UNAVAILABLE:
        return strcmp(error->reason, "no_responder") != 0;
    default:
        return false;
    }
}

void attempt_finish(struct attempt *attempt, const struct bus_reply *reply,
                    int64_t now)
{
    if (attempt->guarded)
        guard_note(&attempt->callee->guard, now, !is_failure(&reply->error));
    attempt->done(attempt->arg, reply);
    callee_drop(attempt->callee);
    free(attempt);
}

void attempt_fail(struct attempt *attempt, int code, const char *reason,
                  const char *sentence)
{
    struct bus_reply reply;
    bus_reply_init(&reply);
    bus_error_reason(&reply.error, code, reason, "%s: %s",
                     attempt->callee->target.actor, sentence);
    attempt_finish(attempt, &reply, bus_now(attempt->bus->clock));
}

static void fail_overdue(struct attempt *attempt)
{
    attempt_fail(attempt, BUS_DEADLINE_EXCEEDED, "", "no answer in time");
}

void attempts_overdue(struct attempt *list)
{
    while (list) {
        struct attempt *attempt = list;
        list = attempt->next;
        fail_overdue(attempt);
    }
}

/* ---- Waiting for an instance ---- */

static int64_t park_wait(const struct attempt *attempt)
{
    unsigned tries = attempt->tries < 6 ? attempt->tries : 6;
    int64_t wait = PARK_FIRST << tries;
    if (wait > PARK_MAX)
        wait = PARK_MAX;
    /* Calls lost together come back spread out; low clock bits will do. */
    return wait / 2 + (attempt->started ^ (int64_t)attempt->id) % (wait / 2);
}

static void park(struct attempt *attempt, int64_t wait)
{
    struct bus *bus = attempt->bus;
    int64_t wake = bus_now(bus->clock) + wait;
    attempt->wake = wake < attempt->deadline ? wake : attempt->deadline;
    wake = attempt->wake;
    pthread_mutex_lock(&bus->park_lock);
    attempt->next = bus->parked;
    bus->parked = attempt;
    pthread_mutex_unlock(&bus->park_lock);
    bus_tick_at(bus, wake);
}

static bool may_wait(const struct attempt *attempt, enum route_find found,
                     int64_t now)
{
    if (!attempt->idempotent)
        return false;
    if (attempt->lost_at)
        return now - attempt->lost_at < BUS_REVIVE_MS * BUS_MILLI;
    return found == ROUTE_CRASHED;
}

/* Nobody to give it to. Names in files may be newer than what was read: they
 * are looked at once more before a caller is refused. */
static void nobody(struct attempt *attempt, enum route_find found, int64_t now)
{
    if (!attempt->looked && !attempt->bus->memory) {
        attempt->looked = true;
        bus_names_poke(attempt->bus->names);
        park(attempt, LOOK_WAIT);
    } else if (may_wait(attempt, found, now)) {
        park(attempt, park_wait(attempt));
    } else if (found == ROUTE_NO_ACTOR) {
        attempt_fail(attempt, BUS_UNIMPLEMENTED, "no_such_actor",
                     "no such actor");
    } else {
        attempt_fail(attempt, BUS_UNAVAILABLE, "no_responder",
                     "no instance answers");
    }
}

/* request: what the attempt is made of, for its key; NULL: that is known. */
static void attempt_send(struct attempt *attempt, int64_t now,
                         const struct bus_request *request)
{
    attempt->started = now;
    if (now >= attempt->deadline) {
        fail_overdue(attempt);
        return;
    }
    /* A line can close between choice and use: then another is chosen. */
    for (int i = 0; i < BUS_TRIES_MAX; i++) {
        struct line *line;
        enum route_find found = route_choose(attempt, request, now, &line);
        if (found != ROUTE_FOUND) {
            nobody(attempt, found, now);
            return;
        }
        const struct line *used = line;
        enum line_take took = line_add(line, attempt);
        line_unref(line);
        if (took == LINE_TOOK)
            return;
        if (took == LINE_FULL)
            break;
        attempt->avoid = used;
        request = NULL;
    }
    attempt_fail(attempt, BUS_RESOURCE_EXHAUSTED, "busy", "too much in flight");
}

/* What may have been executed, once more. */
static bool may_repeat(struct attempt *attempt)
{
    return attempt->idempotent &&
           (!attempt->guarded || guard_retries(&attempt->callee->guard));
}

void attempt_lost(struct attempt *attempt, enum attempt_fate fate)
{
    int64_t now = bus_now(attempt->bus->clock);
    if (now >= attempt->deadline) {
        fail_overdue(attempt);
        return;
    }
    if (attempt->bus->closing) {
        attempt_fail(attempt, BUS_UNAVAILABLE, "no_responder",
                     "the bus is closing");
        return;
    }
    bool executed = fate == ATTEMPT_UNKNOWN || fate == ATTEMPT_SILENT;
    if (executed && !may_repeat(attempt)) {
        attempt_fail(attempt, BUS_UNKNOWN, "outcome_unknown",
                     "connection lost in mid-call");
        return;
    }
    if (++attempt->tries > BUS_TRIES_MAX) {
        attempt_fail(attempt, BUS_UNAVAILABLE, "no_responder",
                     "every instance tried was lost");
        return;
    }
    if (!attempt->lost_at)
        attempt->lost_at = now;
    if (attempt->tries > 2)
        park(attempt, park_wait(attempt));
    else
        attempt_send(attempt, now, NULL);
}

void attempts_lost(struct attempt *list, enum attempt_fate fate)
{
    while (list) {
        struct attempt *attempt = list;
        list = attempt->next;
        attempt_lost(attempt, fate);
    }
}

int64_t attempts_unpark(struct bus *bus, bool all)
{
    int64_t now = bus_now(bus->clock);
    int64_t wake = BUS_FOREVER;
    struct attempt *due = NULL;
    pthread_mutex_lock(&bus->park_lock);
    struct attempt **at = &bus->parked;
    while (*at) {
        struct attempt *attempt = *at;
        if (all || attempt->wake <= now) {
            *at = attempt->next;
            attempt->next = due;
            due = attempt;
            continue;
        }
        if (attempt->wake < wake)
            wake = attempt->wake;
        at = &attempt->next;
    }
    pthread_mutex_unlock(&bus->park_lock);
    while (due) {
        struct attempt *attempt = due;
        due = attempt->next;
        attempt_send(attempt, now, NULL);
    }
    return wake;
}

void attempts_end(struct bus *bus)
{
    pthread_mutex_lock(&bus->park_lock);
    struct attempt *list = bus->parked;
    bus->parked = NULL;
    pthread_mutex_unlock(&bus->park_lock);
    while (list) {
        struct attempt *attempt = list;
        list = attempt->next;
        attempt_fail(attempt, BUS_UNAVAILABLE, "no_responder",
                     "the bus is closing");
    }
}

/* ---- Starting ---- */

static bool system_method(const struct bus_request *request)
{
    return request->method[0] == '$';
}

static bool method_repeatable(const struct bus_request *request)
{
    return system_method(request) ||
           (request->flags & (BUS_IDEMPOTENT | BUS_NO_SIDE_EFFECTS)) != 0;
}

static size_t text_room(const char *text)
{
    return text ? strlen(text) + ITEM_ROOM : 0;
}

/* Bytes that bus_frame_tail will not pass. */
static size_t tail_room(const struct bus_request *request)
{
    const struct bus_meta *meta = &request->meta;
    return TAIL_ROOM + text_room(request->method) + request->body.len +
           meta->claims.len + text_room(meta->key) + text_room(meta->saga.gid) +
           text_room(meta->saga.branch) + text_room(meta->saga.op) +
           meta->saga.fill.len + text_room(meta->app) + text_room(meta->token);
}

static struct attempt *attempt_new(struct bus *bus,
                                   const struct bus_request *request)
{
    size_t room = tail_room(request);
    bool fits = room <= BUS_FRAME_BYTES_MAX;
    struct attempt *attempt = malloc(sizeof(*attempt) + (fits ? room : 0));
    if (!attempt)
        abort();
    memset(attempt, 0, sizeof(*attempt));
    attempt->bus = bus;
    attempt->callee =
        callees_get(bus->callees, request->target, request->method);
    attempt->deadline = request->deadline;
    attempt->oneway = request->oneway;
    attempt->idempotent = method_repeatable(request);
    if (!fits)
        return attempt;
    /* Packed in place: the room is enough, so the buffer never grows. */
    struct bus_buf tail = {.data = attempt->tail, .cap = room, .limit = room};
    attempt->tail_count = bus_frame_tail(&tail, request);
    assert(!tail.failed && tail.data == attempt->tail);
    attempt->tail_len = (uint32_t)tail.len;
    return attempt;
}

/* What is wrong with a request before anything is sent; NULL: nothing. */
static const char *request_fault(const struct bus_request *request)
{
    if (!request->target || strlen(request->target) >= BUS_TARGET_MAX)
        return "the target is missing or too long";
    if (!request->method || request->method[0] == '\0' ||
        strlen(request->method) >= BUS_METHOD_MAX)
        return "the method is missing or too long";
    return NULL;
}

static void refuse(bus_done *done, void *arg, int code, const char *sentence)
{
    struct bus_reply reply;
    bus_reply_init(&reply);
    bus_error_set(&reply.error, code, "%s", sentence);
    done(arg, &reply);
}

/* Asks the guard of the method. System methods are always let through. */
static bool admitted(struct attempt *attempt, const struct bus_request *request,
                     int64_t now)
{
    if (system_method(request))
        return true;
    /* From here on it is told of the end. */
    attempt->guarded = guard_allows(&attempt->callee->guard, now, route_draw());
    return attempt->guarded;
}

void bus_start(struct bus *bus, const struct bus_request *request,
               bus_done *done, void *arg)
{
    const char *fault = request_fault(request);
    if (fault) {
        refuse(done, arg, BUS_INVALID_ARGUMENT, fault);
        return;
    }
    if (request->meta.depth > BUS_CALL_DEPTH_MAX) {
        refuse(done, arg, BUS_RESOURCE_EXHAUSTED,
               "calls within calls go too deep");
        return;
    }
    struct bus_request room;
    request = client_apply(bus, request, &room);
    struct attempt *attempt = attempt_new(bus, request);
    attempt->done = done;
    attempt->arg = arg;
    int64_t now = bus_now(bus->clock);
    if (attempt->deadline == 0)
        attempt->deadline = now + BUS_CALL_TIMEOUT_MS * BUS_MILLI;
    if (attempt->tail_count == 0)
        attempt_fail(attempt, BUS_RESOURCE_EXHAUSTED, "",
                     "the request is larger than a frame");
    else if (!attempt->callee->valid)
        attempt_fail(attempt, BUS_INVALID_ARGUMENT, "", "not a target");
    else if (!admitted(attempt, request, now))
        attempt_fail(attempt, BUS_UNAVAILABLE, "breaker_open",
                     "too many calls have failed of late: not asked");
    else
        attempt_send(attempt, now, system_method(request) ? NULL : request);
    bus_settle(bus);
}

void bus_flush(struct bus *bus)
{
    route_flush(bus);
    bus_settle(bus);
}

/* ---- Waiting ---- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    struct bus_arena *arena;
    struct bus_reply *reply;
};

static bool keep(struct bus_arena *arena, struct bus_bytes *bytes)
{
    if (bytes->len == 0)
        return true;
    void *copy = bus_arena_alloc(arena, bytes->len);
    if (!copy)
        return false;
    memcpy(copy, bytes->data, bytes->len);
    bytes->data = copy;
    return true;
}

static void keep_reply(struct waiter *waiter, const struct bus_reply *reply)
{
    struct bus_reply *to = waiter->reply;
    if (reply->error.code == BUS_OK)
        bus_reply_init(to); /* the texts are long, and empty */
    else
        to->error = reply->error;
    to->body = reply->body;
    to->headers = reply->headers;
    to->detail = reply->detail;
    if (keep(waiter->arena, &to->body) && keep(waiter->arena, &to->headers) &&
        keep(waiter->arena, &to->detail))
        return;
    bus_reply_init(to);
    bus_error_set(&to->error, BUS_RESOURCE_EXHAUSTED,
                  "the reply does not fit the call's arena");
}

static void waiter_done(void *arg, const struct bus_reply *reply)
{
    struct waiter *waiter = arg;
    keep_reply(waiter, reply);
    pthread_mutex_lock(&waiter->lock);
    waiter->done = true;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->lock);
}

static void wait_real(struct waiter *waiter)
{
    pthread_mutex_lock(&waiter->lock);
    while (!waiter->done)
        pthread_cond_wait(&waiter->changed, &waiter->lock);
    pthread_mutex_unlock(&waiter->lock);
}

static bool is_done(struct waiter *waiter)
{
    pthread_mutex_lock(&waiter->lock);
    bool done = waiter->done;
    pthread_mutex_unlock(&waiter->lock);
    return done;
}

static void wait_memory(struct waiter *waiter, struct bus_memory *memory)
{
    while (!is_done(waiter))
        if (!memory_idle(memory)) {
            wait_real(waiter); /* other threads are at work */
            return;
        }
}

int bus_wait(struct bus *bus, const struct bus_request *request,
             struct bus_arena *arena, struct bus_reply *reply)
{
    struct waiter waiter = {.arena = arena, .reply = reply};
    pthread_mutex_init(&waiter.lock, NULL);
    pthread_cond_init(&waiter.changed, NULL);
    bus_start(bus, request, waiter_done, &waiter);
    /* What this thread answered so far must not wait for its next answer. */
    servers_flush(bus);
    if (bus->memory)
        wait_memory(&waiter, bus->memory);
    else
        wait_real(&waiter);
    /* The lock is released after done is seen: waiter_done is out of it. */
    pthread_cond_destroy(&waiter.changed);
    pthread_mutex_destroy(&waiter.lock);
    return reply->error.code;
}
