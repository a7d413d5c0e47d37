/* SPDX-License-Identifier: MIT
 *
 * The loop: what came in (requests from links' threads, answers from the bus,
 * jobs from the journal's thread) lies in three lists under one mutex; a round
 * takes all of it, then the orchestrator fires what is due and hands over a
 * batch. Between rounds the thread runs its uv loop until something comes or is
 * due, so that sockets may be served on it.
 *
 * The bus may answer a call after we are gone: calls in flight hold the actor.
 */
#include "actors/saga/actor.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <uv.h>

#include "actors/runtime/settings.h"
#include "actors/saga/config.h"
#include "bus/clock.h"
#include "bus/hook.h"

#define RANDOM_WORDS 32
/* Where the runtime sets no deadline. */
#define DRAIN_MAX_NS (10 * BUS_SECOND)

/* A branch call in flight; once answered, the answer. */
struct flight {
    struct flight *next;
    struct saga_actor *actor;
    void *run;
    uint16_t step;
    enum engine_op op;
    uint32_t attempt;
    struct bus_reply reply; /* body points into copy */
    uint8_t *copy;
};

struct saga_actor {
    struct actor_process *process;
    struct bus *bus;
    struct bus_server *server;
    const struct bus_clock *clock;
    struct journal *journal;
    struct orchestrator *orch;
    uint64_t random[RANDOM_WORDS];
    size_t random_left;
    bool threads;
    bool log;     /* one line a saga */
    bool failing; /* the journal's last write did; of the loop's thread */
    pthread_t thread;
    uv_loop_t loop; /* with threads only, as wake and timer */
    uv_async_t wake;
    uv_timer_t timer; /* the orchestrator's next due time */
    pthread_mutex_t lock;
    pthread_cond_t quiet; /* for whoever drains */
    /* under lock */
    struct bus_inbound *inbound, **inbound_last;
    size_t inbound_count;
    struct flight *answers, **answers_last;
    struct journal_job *jobs, **jobs_last;
    bool draining, idle, stopping;
    unsigned holders; /* calls in flight, and the owner */
};

/* What one round took. */
struct taken {
    struct bus_inbound *inbound;
    struct flight *answers;
    struct journal_job *jobs;
};

static void actor_free(struct saga_actor *self)
{
    pthread_cond_destroy(&self->quiet);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* Something came in. Under lock, which keeps the loop from closing. */
static void wake_locked(struct saga_actor *self)
{
    if (self->threads)
        uv_async_send(&self->wake);
}

/* Under lock; unlocks. */
static void drop_locked(struct saga_actor *self)
{
    bool last = --self->holders == 0;
    pthread_mutex_unlock(&self->lock);
    if (last)
        actor_free(self);
}

static void lists_init(struct saga_actor *self)
{
    self->inbound = NULL;
    self->inbound_last = &self->inbound;
    self->inbound_count = 0;
    self->answers = NULL;
    self->answers_last = &self->answers;
    self->jobs = NULL;
    self->jobs_last = &self->jobs;
}

/* ---- The world ---- */

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

static void flight_free(struct flight *flight)
{
    free(flight->copy);
    free(flight);
}

static void reply_keep(struct flight *flight, const struct bus_reply *reply)
{
    flight->reply.error = reply->error;
    if (reply->body.len == 0)
        return;
    flight->copy = malloc(reply->body.len);
    if (!flight->copy)
        abort();
    memcpy(flight->copy, reply->body.data, reply->body.len);
    flight->reply.body = (struct bus_bytes){flight->copy, reply->body.len};
}

/* Any thread. */
static void call_done(void *arg, const struct bus_reply *reply)
{
    struct flight *flight = arg;
    struct saga_actor *self = flight->actor;
    reply_keep(flight, reply);
    pthread_mutex_lock(&self->lock);
    if (self->stopping) {
        flight_free(flight);
    } else {
        *self->answers_last = flight;
        self->answers_last = &flight->next;
        wake_locked(self);
    }
    drop_locked(self);
}

static void world_call(void *arg, const struct saga_call *call)
{
    struct saga_actor *self = arg;
    struct flight *flight = calloc(1, sizeof(*flight));
    if (!flight)
        abort();
    flight->actor = self;
    flight->run = call->run;
    flight->step = call->step;
    flight->op = call->op;
    flight->attempt = call->attempt;
    struct bus_request request = {
        .target = call->target,
        .method = call->method,
        .deadline = bus_now(self->clock) + call->timeout_ms * BUS_MILLI,
        .meta = {.depth = 1, .saga = call->mark},
        .body = call->body,
    };
    bus_trace_child(&call->trace, &request.meta.trace);
    pthread_mutex_lock(&self->lock);
    self->holders++;
    pthread_mutex_unlock(&self->lock);
    bus_effect("send");
    bus_start(self->bus, &request, call_done, flight);
    bus_effect("send");
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

static void world_unreadable(void *arg, const struct bus_error *error)
{
    (void)arg;
    bus_log(BUS_LOG_SEVERE, NULL, NULL, "%s", error->sentence);
}

/* On the journal's thread, or inside journal_do without threads. */
static void job_done(void *arg, struct journal_job *job)
{
    struct saga_actor *self = arg;
    job->next = NULL;
    pthread_mutex_lock(&self->lock);
    *self->jobs_last = job;
    self->jobs_last = &job->next;
    wake_locked(self);
    pthread_mutex_unlock(&self->lock);
}

/* ---- Rounds ---- */

static void take(struct saga_actor *self, struct taken *ret)
{
    pthread_mutex_lock(&self->lock);
    *ret = (struct taken){self->inbound, self->answers, self->jobs};
    lists_init(self);
    if (self->draining)
        orchestrator_drain(self->orch);
    pthread_mutex_unlock(&self->lock);
}

static void request(struct saga_actor *self, struct bus_inbound *inbound)
{
    const struct orchestrator_request request = {
        .method = inbound->method,
        .body = inbound->body,
        .deadline = inbound->deadline,
        .trace = inbound->meta.trace,
        .asker = inbound,
    };
    orchestrator_request(self->orch, &request);
}

/* An operator must hear of a full disk, and once is enough. */
static void journal_watch(struct saga_actor *self,
                          const struct journal_job *job)
{
    bool failing = job->code != BUS_OK;
    if (job->kind != JOURNAL_COMMIT || failing == self->failing)
        return;
    self->failing = failing;
    if (failing)
        bus_log(BUS_LOG_SEVERE, NULL, NULL,
                "the journal cannot be written, no saga is accepted: %s",
                job->err.sentence);
    else
        bus_log(BUS_LOG_INFO, NULL, NULL, "the journal is written again");
}

static void take_in(struct saga_actor *self, struct taken *taken)
{
    while (taken->jobs) {
        struct journal_job *job = taken->jobs;
        taken->jobs = job->next;
        journal_watch(self, job);
        orchestrator_done(self->orch, job);
    }
    while (taken->answers) {
        struct flight *flight = taken->answers;
        taken->answers = flight->next;
        orchestrator_answered(self->orch, flight->run, flight->step, flight->op,
                              flight->attempt, &flight->reply);
        flight_free(flight);
    }
    while (taken->inbound) {
        struct bus_inbound *inbound = taken->inbound;
        taken->inbound = inbound->next;
        request(self, inbound);
    }
}

static bool is_idle(const struct saga_actor *self)
{
    return !self->inbound && !self->answers && !self->jobs &&
           orchestrator_idle(self->orch);
}

/* Tells whoever drains that nothing is under way any more. */
static void say_idle(struct saga_actor *self)
{
    pthread_mutex_lock(&self->lock);
    self->idle = is_idle(self);
    if (self->draining && self->idle)
        pthread_cond_signal(&self->quiet);
    pthread_mutex_unlock(&self->lock);
}

int64_t saga_actor_step(struct saga_actor *self)
{
    struct taken taken;
    take(self, &taken);
    bool came = taken.inbound || taken.answers || taken.jobs;
    int64_t due = orchestrator_due(self->orch);
    if (!came && due > bus_now(self->clock)) {
        say_idle(self);
        return due;
    }
    take_in(self, &taken);
    orchestrator_tick(self->orch);
    bus_flush(self->bus);
    bus_server_flush(self->server);
    say_idle(self);
    return 0;
}

static void on_wake(uv_async_t *wake)
{
    (void)wake; /* the loop looks into its lists after every turn */
}

static void on_due(uv_timer_t *timer)
{
    (void)timer;
}

/* Turns the loop until something came in or due; false: it is time to stop. */
static bool turn_until(struct saga_actor *self, int64_t due)
{
    pthread_mutex_lock(&self->lock);
    bool go_on = !self->stopping;
    pthread_mutex_unlock(&self->lock);
    if (!go_on)
        return false;
    uv_timer_stop(&self->timer);
    if (due != BUS_FOREVER) {
        int64_t wait = due - bus_now(self->clock);
        uv_update_time(&self->loop);
        uv_timer_start(&self->timer, on_due,
                       wait > 0 ? (uint64_t)((wait - 1) / BUS_MILLI + 1) : 0,
                       0);
    }
    uv_run(&self->loop, UV_RUN_ONCE);
    return true;
}

static void *loop(void *arg)
{
    struct saga_actor *self = arg;
    int64_t due = 0;
    do {
        do
            due = saga_actor_step(self);
        while (due == 0);
    } while (turn_until(self, due));
    return NULL;
}

static void loop_open(struct saga_actor *self)
{
    if (uv_loop_init(&self->loop) ||
        uv_async_init(&self->loop, &self->wake, on_wake) ||
        uv_timer_init(&self->loop, &self->timer))
        abort();
}

/* No thread may wake the loop any more. */
static void loop_close(struct saga_actor *self)
{
    uv_close((uv_handle_t *)&self->wake, NULL);
    uv_close((uv_handle_t *)&self->timer, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
}

/* ---- Life ---- */

static void refuse_stopping(struct saga_actor *self,
                            struct bus_inbound *inbound, int code,
                            const char *reason, const char *sentence)
{
    struct bus_reply reply = {0};
    bus_error_reason(&reply.error, code, reason, "saga: %s", sentence);
    bus_inbound_reply(inbound, &reply);
    bus_server_flush(self->server);
}

void saga_actor_serve(struct saga_actor *self, struct bus_inbound *inbound)
{
    inbound->next = NULL;
    pthread_mutex_lock(&self->lock);
    bool stopping = self->stopping;
    bool full = self->inbound_count >= SAGA_INBOUND_MAX;
    if (!stopping && !full) {
        *self->inbound_last = inbound;
        self->inbound_last = &inbound->next;
        self->inbound_count++;
        wake_locked(self);
    }
    pthread_mutex_unlock(&self->lock);
    if (stopping)
        refuse_stopping(self, inbound, BUS_UNAVAILABLE, "draining",
                        "the instance is stopping");
    else if (full)
        refuse_stopping(self, inbound, BUS_RESOURCE_EXHAUSTED, "busy",
                        "too many requests wait");
}

static int open_journal(struct saga_actor *self, struct bus_error *err)
{
    const char *source = NULL;
    int code = saga_journal_source(self->process, &source, err);
    const struct journal_options options = {
        .driver = &sql_sqlite,
        .source = source,
        .clock = self->clock,
        .done = job_done,
        .arg = self,
        .inline_ = !self->threads,
    };
    return code ? code : journal_open(&options, &self->journal, err);
}

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

static struct saga_actor *actor_new(struct actor_process *process, bool threads)
{
    struct saga_actor *self = calloc(1, sizeof(*self));
    if (!self)
        abort();
    self->process = process;
    self->bus = process->bus;
    self->server = process->server;
    self->clock = process->clock;
    self->threads = threads;
    self->log = !process->config || process->config->log->stat;
    self->holders = 1;
    pthread_mutex_init(&self->lock, NULL);
    cond_init(&self->quiet);
    if (threads)
        loop_open(self);
    lists_init(self);
    return self;
}

/* Everything but the journal, which may not have opened. */
static void actor_release(struct saga_actor *self)
{
    orchestrator_free(self->orch);
    pthread_mutex_lock(&self->lock);
    self->stopping = true;
    pthread_mutex_unlock(&self->lock);
    if (self->threads)
        loop_close(self);
    pthread_mutex_lock(&self->lock);
    drop_locked(self);
}

int saga_actor_open(struct actor_process *process, bool threads,
                    struct saga_actor **ret, struct bus_error *err)
{
    struct saga_actor *self = actor_new(process, threads);
    const struct orchestrator_world world = {
        .arg = self,
        .now = world_now,
        .wall = world_wall,
        .random = world_random,
        .journal = world_journal,
        .call = world_call,
        .answer = world_answer,
        .ended = world_ended,
        .unreadable = world_unreadable,
    };
    self->orch = orchestrator_new(&world);
    int code = open_journal(self, err);
    if (code) {
        actor_release(self);
        return code;
    }
    orchestrator_start(self->orch);
    if (threads && pthread_create(&self->thread, NULL, loop, self) != 0) {
        journal_close(self->journal);
        actor_release(self);
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "the saga loop cannot be started");
    }
    *ret = self;
    return BUS_OK;
}

/* Without threads: as far as it goes without waiting. */
static void drain_here(struct saga_actor *self)
{
    while (saga_actor_step(self) == 0)
        ;
}

void saga_actor_drain(struct saga_actor *self, int64_t deadline)
{
    int64_t latest = bus_now(self->clock) + DRAIN_MAX_NS;
    if (deadline > latest)
        deadline = latest;
    const struct timespec until = {.tv_sec = deadline / BUS_SECOND,
                                   .tv_nsec = deadline % BUS_SECOND};
    int timed_out = 0;
    pthread_mutex_lock(&self->lock);
    self->draining = true;
    self->idle = false;
    wake_locked(self);
    while (self->threads && !self->idle && !timed_out)
        timed_out = pthread_cond_timedwait(&self->quiet, &self->lock, &until);
    pthread_mutex_unlock(&self->lock);
    if (!self->threads)
        drain_here(self);
}

/* Whoever still waits hears that its saga is still running; what came too late
 * is refused. */
static void send_away(struct saga_actor *self)
{
    struct taken taken;
    take(self, &taken);
    while (taken.answers) {
        struct flight *flight = taken.answers;
        taken.answers = flight->next;
        flight_free(flight);
    }
    while (taken.inbound) {
        struct bus_inbound *inbound = taken.inbound;
        taken.inbound = inbound->next;
        refuse_stopping(self, inbound, BUS_UNAVAILABLE, "draining",
                        "the instance is stopping");
    }
    orchestrator_dismiss(self->orch);
    bus_server_flush(self->server);
}

void saga_actor_close(struct saga_actor *self)
{
    pthread_mutex_lock(&self->lock);
    self->stopping = true;
    wake_locked(self);
    pthread_mutex_unlock(&self->lock);
    if (self->threads)
        pthread_join(self->thread, NULL);
    journal_close(self->journal);
    send_away(self);
    actor_release(self);
}
