/* SPDX-License-Identifier: MIT
 *
 * The orchestrator's world as the actor has it: clocks, the journal's thread,
 * the bus, HTTP, logs. The bus may answer a call after we are gone: calls in
 * flight hold the actor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "actors/saga/actor_inside.h"
#include "bus/code.h"
#include "bus/hook.h"
#include "bus/json.h"
#include "bus/pack.h"

#define BODY_MAX ((size_t)16 << 20) /* bytes of one call's body */
#define HTTP_ERROR 500
#define HTTP_UNAVAILABLE 503
#define FORWARD_MS 60000 /* for another orchestrator's answer */
#define ALERT_MS 3000

static void actor_free(struct saga_actor *self)
{
    pthread_cond_destroy(&self->quiet);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

void actor_wake_locked(struct saga_actor *self)
{
    if (self->threads)
        uv_async_send(&self->wake);
}

void actor_drop_locked(struct saga_actor *self)
{
    bool last = --self->holders == 0;
    pthread_mutex_unlock(&self->lock);
    if (last)
        actor_free(self);
}

static int64_t world_now(void *arg)
{
    return bus_now(((struct saga_actor *)arg)->clock);
}

static int64_t world_wall(void *arg)
{
    return bus_wall(((struct saga_actor *)arg)->clock);
}

static uint64_t world_random(void *arg)
{
    struct saga_actor *self = arg;
    if (self->random_left == 0) {
        ssize_t got = getrandom(self->random, sizeof(self->random), 0);
        if (got != (ssize_t)sizeof(self->random))
            abort(); /* up to 256 bytes are never cut short */
        self->random_left = RANDOM_WORDS;
    }
    return self->random[--self->random_left];
}

static void world_journal(void *arg, struct journal_job *job)
{
    struct saga_actor *self = arg;
    journal_do(self->journal, job);
}

void actor_flight_free(struct flight *flight)
{
    free(flight->copy);
    free(flight);
}

/* The detail lies behind the body. */
static void reply_keep(struct flight *flight, const struct bus_reply *reply)
{
    size_t len = reply->body.len + reply->detail.len;
    flight->reply.error = reply->error;
    if (len == 0)
        return;
    flight->copy = malloc(len);
    if (!flight->copy)
        abort();
    uint8_t *detail = flight->copy + reply->body.len;
    if (reply->body.len > 0)
        memcpy(flight->copy, reply->body.data, reply->body.len);
    if (reply->detail.len > 0)
        memcpy(detail, reply->detail.data, reply->detail.len);
    flight->reply.body = (struct bus_bytes){flight->copy, reply->body.len};
    flight->reply.detail = (struct bus_bytes){detail, reply->detail.len};
}

/* Any thread. */
static void call_done(void *arg, const struct bus_reply *reply)
{
    struct flight *flight = arg;
    struct saga_actor *self = flight->actor;
    reply_keep(flight, reply);
    pthread_mutex_lock(&self->lock);
    if (self->stopping) {
        actor_flight_free(flight);
    } else {
        *self->answers_last = flight;
        self->answers_last = &flight->next;
        actor_wake_locked(self);
    }
    actor_drop_locked(self);
}

static struct flight *flight_new(struct saga_actor *self,
                                 const struct saga_call *call)
{
    struct flight *flight = calloc(1, sizeof(*flight));
    if (!flight)
        abort();
    flight->actor = self;
    flight->run = call->run;
    flight->step = call->step;
    flight->op = call->op;
    flight->attempt = call->attempt;
    pthread_mutex_lock(&self->lock);
    self->holders++;
    pthread_mutex_unlock(&self->lock);
    return flight;
}

static void call_bus(struct saga_actor *self, const struct saga_call *call,
                     struct flight *flight)
{
    struct bus_request request = {
        .target = call->target,
        .method = call->method,
        .deadline = bus_now(self->clock) + call->timeout_ms * BUS_MILLI,
        .meta = {.depth = 1, .saga = call->mark},
        .body = call->body,
    };
    bus_trace_child(&call->trace, &request.meta.trace);
    bus_effect("send");
    bus_start(self->bus, &request, call_done, flight);
    bus_effect("send");
}

/* A saga of a saga: this very instance is asked, which may own both. */
static void call_self(struct saga_actor *self, const struct saga_call *call,
                      struct flight *flight)
{
    struct saga_call inner = *call;
    char target[BUS_TARGET_MAX];
    snprintf(target, sizeof(target), "%s#%s", SAGA_ACTOR,
             self->process->instance);
    inner.target = target;
    inner.mark = (struct bus_saga_mark){0};
    call_bus(self, &inner, flight);
}

/* A branch of DTM's API that leads to an actor: its payload is JSON. */
static void call_place(struct saga_actor *self, const struct saga_call *call,
                       const struct branch_place *place, struct flight *flight)
{
    struct saga_call inner = *call;
    struct bus_reply reply = {0};
    struct bus_buf body;
    bus_buf_init(&body, BODY_MAX);
    inner.target = place->actor;
    inner.method = place->method;
    if (!call->dtm) {
        call_bus(self, &inner, flight);
    } else if (branch_call_body(call->body, &body, &reply.error)) {
        call_done(flight, &reply);
    } else {
        inner.body = bus_buf_bytes(&body);
        call_bus(self, &inner, flight);
    }
    bus_buf_release(&body);
}

static void world_call(void *arg, const struct saga_call *call)
{
    struct saga_actor *self = arg;
    struct flight *flight = flight_new(self, call);
    struct bus_reply reply = {0};
    struct branch_place place;
    if (call->nested) {
        call_self(self, call, flight);
    } else if (call->method[0]) {
        call_bus(self, call, flight);
    } else if (branch_place(call->target, &place)) {
        call_place(self, call, &place, flight);
    } else if (self->calls.branches) {
        branch_call_http(&self->calls, call, call_done, flight);
    } else {
        bus_error_set(&reply.error, BUS_UNAVAILABLE,
                      "HTTP branches need the actor's loop");
        call_done(flight, &reply);
    }
}

static void world_answer(void *arg, void *asker, const struct bus_reply *reply)
{
    const struct saga_actor *self = arg;
    struct bus_inbound *inbound = asker;
    bool effect = strcmp(inbound->method, "submit") == 0;
    actor_answered(self->process, reply->error.code != BUS_OK);
    if (effect)
        bus_effect("reply");
    bus_inbound_reply(inbound, reply);
    if (effect)
        bus_effect("reply");
}

static void world_ended(void *arg, const struct saga *saga)
{
    const struct saga_actor *self = arg;
    const struct bus_log_field fields[] = {
        {.name = "gid", .text = saga->gid},
        {.name = "saga", .text = saga->plan->plan.name},
        {.name = "status", .text = engine_phase_text(saga->engine.phase)},
        {.name = "duration", .number = (saga->finished - saga->created) / 1000},
        {0},
    };
    if (self->log)
        bus_log(BUS_LOG_INFO, &saga->trace, fields, "saga %s %s",
                saga->plan->plan.name, engine_phase_text(saga->engine.phase));
}

static void alerted(void *arg, const struct http_branch_answer *answer)
{
    const char *gid = arg;
    if (answer->status / 100 != 2)
        bus_log(BUS_LOG_ERROR, NULL, NULL,
                "the alert of saga %s was not taken: %d %s", gid,
                answer->status, answer->error.sentence);
    free(arg);
}

static void write_pair(struct bus_buf *buf, const char *key, const char *text)
{
    bus_buf_printf(buf, "%s\"%s\":", buf->len > 1 ? "," : "", key);
    bus_json_text(buf, text, strlen(text));
}

/* As DTM sends it. */
static void alert_post(struct saga_actor *self, const struct saga *saga,
                       uint16_t step, enum engine_op op, const char *sentence)
{
    char branch[SAGA_BRANCH_TEXT];
    struct bus_buf body;
    char *gid = strdup(saga->gid); /* of whoever hears the answer */
    if (!gid)
        abort();
    bus_buf_init(&body, BODY_MAX);
    bus_buf_byte(&body, '{');
    write_pair(&body, "gid", saga->gid);
    write_pair(&body, "status",
               saga->plan->dtm ? dtm_status(saga)
                               : engine_phase_text(saga->engine.phase));
    write_pair(&body, "branch", saga_target(saga, step, op));
    write_pair(&body, "error", sentence);
    bus_buf_printf(&body, ",\"retry_count\":%u}",
                   saga->steps[step].branch[op].failures + 1u);
    const struct http_branch_call call = {
        .url = self->alert_url,
        .gid = saga->gid,
        .trans_type = "alert",
        .branch_id = saga_branch(saga, step, branch),
        .op = "alert",
        .post = true,
        .body = bus_buf_bytes(&body),
        .timeout_ms = ALERT_MS,
        .done = alerted,
        .arg = gid,
    };
    http_branch_start(self->calls.branches, &call);
    bus_buf_release(&body);
}

static void pack_pair(struct bus_buf *buf, const char *key, const char *value)
{
    bus_pack_text(buf, key);
    bus_pack_text(buf, value);
}

/* saga.parked, or saga.failing, for whoever listens. */
static void alert_publish(struct saga_actor *self, const struct saga *saga,
                          uint16_t step, enum engine_op op,
                          const char *sentence)
{
    const struct engine_branch *branch = &saga->steps[step].branch[op];
    bool parked = branch->status == BRANCH_PARKED;
    char id[SAGA_BRANCH_TEXT];
    struct bus_buf body;
    if (!self->server)
        return;
    bus_buf_init(&body, BODY_MAX);
    bus_pack_map(&body, 5);
    pack_pair(&body, "gid", saga->gid);
    pack_pair(&body, "name", saga->plan->plan.name);
    pack_pair(&body, "branch", saga_branch(saga, step, id));
    pack_pair(&body, "target", saga_target(saga, step, op));
    pack_pair(&body, "sentence", sentence);
    bus_server_event(self->server, parked ? "saga.parked" : "saga.failing",
                     bus_buf_bytes(&body), &saga->trace);
    bus_buf_release(&body);
}

static void world_alert(void *arg, const struct saga *saga, uint16_t step,
                        enum engine_op op, const char *sentence)
{
    struct saga_actor *self = arg;
    char branch[SAGA_BRANCH_TEXT];
    const struct bus_log_field fields[] = {
        {.name = "gid", .text = saga->gid},
        {.name = "saga", .text = saga->plan->plan.name},
        {.name = "branch", .text = saga_branch(saga, step, branch)},
        {.name = "target", .text = saga_target(saga, step, op)},
        {0},
    };
    bus_log(BUS_LOG_ERROR, &saga->trace, fields,
            "saga %s fails again and again: %s", saga->gid, sentence);
    alert_publish(self, saga, step, op, sentence);
    if (self->alert_url[0] && self->calls.branches)
        alert_post(self, saga, step, op, sentence);
}

static void world_http(void *arg, void *asker, int status, const char *type,
                       struct bus_bytes body)
{
    struct saga_actor *self = arg;
    actor_answered(self->process, status >= HTTP_ERROR);
    bus_effect("reply");
    dtm_http_answer(self->http, asker, status, type, body);
}

/* To the orchestrator that has the saga. */
static void world_forward(void *arg, const struct saga_forward *forward)
{
    struct saga_actor *self = arg;
    const struct saga_call none = {0};
    struct flight *flight = flight_new(self, &none);
    const struct bus_request ask = {
        .target = forward->target,
        .method = forward->method,
        .deadline = bus_now(self->clock) + FORWARD_MS * BUS_MILLI,
        .meta = {.depth = 1},
        .body = forward->body,
    };
    flight->asker = forward->asker;
    flight->http = forward->http;
    bus_start(self->bus, &ask, call_done, flight);
}

/* The answer's media type lives as long as the program. */
static const char *media_type(const char *from)
{
    static const char *const types[] = {"application/json; charset=utf-8",
                                        "text/plain"};
    return types[strcmp(from, types[1]) == 0];
}

void actor_forwarded(struct saga_actor *self, const struct flight *flight)
{
    struct dtm_forwarded answer = {0};
    struct bus_error error = flight->reply.error;
    struct bus_arena arena;
    struct bus_buf buf;
    if (!flight->http) {
        world_answer(self, flight->asker, &flight->reply);
        return;
    }
    bus_arena_init(&arena, BODY_MAX * 2);
    bus_buf_init(&buf, BODY_MAX);
    int code = error.code;
    if (!code)
        code = bus_unpack_message(flight->reply.body, &dtm_forwarded_shape,
                                  &arena, &answer, &error);
    if (code) {
        answer.status = HTTP_UNAVAILABLE;
        answer.type = "";
        bus_buf_byte(&buf, '{');
        write_pair(&buf, "message", error.sentence);
        bus_buf_byte(&buf, '}');
        answer.body = bus_buf_bytes(&buf);
    }
    world_http(self, flight->asker, answer.status, media_type(answer.type),
               answer.body);
    bus_buf_release(&buf);
    bus_arena_release(&arena);
}

static void world_unreadable(void *arg, const struct bus_error *error)
{
    (void)arg;
    bus_log(BUS_LOG_SEVERE, NULL, NULL, "%s", error->sentence);
}

/* Whatever is in memory is another's by now. Nothing of it may be acted upon,
 * and the supervisor starts us again with nothing but what is ours. */
static void world_fenced(void *arg, const struct bus_error *error)
{
    (void)arg;
    bus_log(BUS_LOG_SEVERE, NULL, NULL, "%s: stopping at once",
            error->sentence);
    _exit(1);
}

void actor_job_done(void *arg, struct journal_job *job)
{
    struct saga_actor *self = arg;
    job->next = NULL;
    pthread_mutex_lock(&self->lock);
    *self->jobs_last = job;
    self->jobs_last = &job->next;
    actor_wake_locked(self);
    pthread_mutex_unlock(&self->lock);
}

void actor_world(struct saga_actor *self, struct orchestrator_world *ret)
{
    *ret = (struct orchestrator_world){
        .arg = self,
        .now = world_now,
        .wall = world_wall,
        .random = world_random,
        .journal = world_journal,
        .call = world_call,
        .answer = world_answer,
        .ended = world_ended,
        .unreadable = world_unreadable,
        .fenced = world_fenced,
        .alert = world_alert,
        .http = world_http,
        .forward = world_forward,
    };
}
