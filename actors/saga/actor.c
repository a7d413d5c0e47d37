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
#include "actors/saga/actor_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/settings.h"
#include "actors/saga/config.h"
#include "bus/clock.h"
#include "bus/code.h"

/* Where the runtime sets no deadline. */
#define DRAIN_MAX_NS (10 * BUS_SECOND)

/* What one round took. */
struct taken {
    struct bus_inbound *inbound;
    struct flight *answers;
    struct journal_job *jobs;
};

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

/* ---- Rounds ---- */

/* Takes nothing new, and says so. */
static void leave(struct saga_actor *self)
{
    orchestrator_drain(self->orch);
    if (self->http && !self->http_left)
        dtm_http_leave(self->http);
    self->http_left = true;
}

static void take(struct saga_actor *self, struct taken *ret)
{
    pthread_mutex_lock(&self->lock);
    *ret = (struct taken){self->inbound, self->answers, self->jobs};
    lists_init(self);
    if (self->draining)
        leave(self);
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
        if (flight->asker)
            actor_forwarded(self, flight);
        else
            orchestrator_answered(self->orch, flight->run, flight->step,
                                  flight->op, flight->attempt, &flight->reply);
        actor_flight_free(flight);
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
    bool came = taken.inbound || taken.answers || taken.jobs ||
                (self->http && dtm_http_pending(self->http));
    int64_t due = orchestrator_due(self->orch);
    if (!came && due > bus_now(self->clock)) {
        say_idle(self);
        return due;
    }
    take_in(self, &taken);
    orchestrator_tick(self->orch);
    if (self->http)
        dtm_http_flush(self->http);
    bus_flush(self->bus);
    bus_server_flush(self->server);
    say_idle(self);
    return 0;
}

static void on_wake(uv_async_t *wake)
{
    (void)wake; /* the loop looks into its lists after every turn */
}

/* A timer may fire before the loop polls; it must not go to sleep then. */
static void on_due(uv_timer_t *timer)
{
    uv_stop(timer->loop);
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

static void sockets_close(struct saga_actor *self)
{
    if (self->http)
        dtm_http_close(self->http);
    if (self->calls.branches)
        http_branches_close(self->calls.branches);
    branch_calls_lost(&self->calls);
}

static void sockets_free(struct saga_actor *self)
{
    if (self->http)
        dtm_http_free(self->http);
    if (self->calls.branches)
        http_branches_free(self->calls.branches);
    self->http = NULL;
    self->calls.branches = NULL;
}

/* No thread may wake the loop any more. */
static void loop_close(struct saga_actor *self)
{
    uv_close((uv_handle_t *)&self->wake, NULL);
    uv_close((uv_handle_t *)&self->timer, NULL);
    sockets_close(self);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    sockets_free(self);
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
        actor_wake_locked(self);
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
        .driver = saga_journal_driver(source),
        .source = source,
        .owner = saga_journal_owner(self->process),
        .address = saga_journal_address(self->process),
        .clock = self->clock,
        .done = actor_job_done,
        .arg = self,
        .inline_ = !self->threads,
    };
    return code ? code : journal_open(&options, &self->journal, err);
}

/* Who is not on this machine calls nothing that is not on the list. */
static int open_branches(struct saga_actor *self,
                         const struct saga_dtm_config *dtm,
                         struct bus_error *err)
{
    struct bus_list allow = {0};
    const char *ca = saga_branch_ca(self->process);
    int code = saga_allow(self->process, &allow, err);
    if (!code && ca && access(ca, R_OK) != 0)
        code = bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "key BranchCa: %s cannot be read", ca);
    if (code)
        return code;
    const struct http_branch_options options = {
        .loop = &self->loop,
        .allow = allow.items,
        .allow_count = allow.count,
        .allow_all = allow.count == 0 && (!dtm || allow_loopback(dtm->host)),
        .ca_file = ca,
    };
    self->calls.branches = http_branches_new(&options);
    return BUS_OK;
}

static int open_http(struct saga_actor *self, const struct saga_dtm_config *dtm,
                     struct bus_error *err)
{
    bool hooks = self->process->test_hooks;
    const struct dtm_config config = {
        .defaults = {.timeout_to_fail = dtm->timeout_to_fail,
                     .retry_interval = dtm->retry_interval,
                     .request_timeout = dtm->request_timeout},
        .hooks = hooks,
    };
    const struct dtm_http_options options = {
        .loop = &self->loop,
        .clock = self->clock,
        .dtm = dtm_new(self->orch, &config),
        .host = dtm->host,
        .port = dtm->port,
        .debug_port = hooks ? dtm->debug_port : -1,
        .token = dtm->token,
        .cert = dtm->tls ? dtm->tls->cert : "",
        .key = dtm->tls ? dtm->tls->key : "",
        .client_ca = dtm->tls ? dtm->tls->client_ca : "",
        .body_max = dtm->max_bytes,
        .rate = dtm->max_rate,
    };
    int code = dtm_http_open(&options, &self->http, err);
    if (!code)
        bus_log(BUS_LOG_INFO, NULL, NULL,
                "DTM's API is at %s:%d, a test's clock at port %d", dtm->host,
                dtm_http_port(self->http), dtm_http_debug_port(self->http));
    return code;
}

/* Without threads there is no loop, and nobody to serve. */
static int open_sockets(struct saga_actor *self, struct bus_error *err)
{
    const struct saga_dtm_config *dtm = saga_dtm_config(self->process);
    if (!self->threads)
        return BUS_OK;
    int code = open_branches(self, dtm, err);
    return code || !dtm ? code : open_http(self, dtm, err);
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
    self->alert_url = saga_alert_url(process);
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
    if (self->orch)
        orchestrator_free(self->orch);
    pthread_mutex_lock(&self->lock);
    self->stopping = true;
    pthread_mutex_unlock(&self->lock);
    if (self->threads)
        loop_close(self);
    pthread_mutex_lock(&self->lock);
    actor_drop_locked(self);
}

int saga_actor_open(struct actor_process *process, bool threads,
                    struct saga_actor **ret, struct bus_error *err)
{
    struct saga_actor *self = actor_new(process, threads);
    struct orchestrator_world world;
    struct orchestrator_config config;
    saga_limits(process, &config);
    int code = open_journal(self, err);
    if (code) {
        actor_release(self);
        return code;
    }
    actor_world(self, &world);
    world.shared = journal_shared(self->journal);
    world.state_max = journal_state_max(self->journal);
    self->orch = orchestrator_new(&world);
    orchestrator_configure(self->orch, &config);
    code = open_sockets(self, err);
    if (code) {
        journal_close(self->journal);
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
    actor_wake_locked(self);
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
        actor_flight_free(flight);
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
    actor_wake_locked(self);
    pthread_mutex_unlock(&self->lock);
    if (self->threads)
        pthread_join(self->thread, NULL);
    journal_close(self->journal);
    send_away(self);
    actor_release(self);
}
