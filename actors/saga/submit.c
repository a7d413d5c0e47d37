/* SPDX-License-Identifier: MIT
 *
 * saga.submit: a plan and a request become a saga, or, where the gid is known
 * already and the content is the same, the answer of the one that is there. A
 * gid that the submitter chose is looked up in the journal first.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/saga_pack.h"
#include "actors/saga/dtm.h"
#include "actors/saga/nested.h"
#include "actors/saga/run.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/pack.h"

#define GID_CHARS 22 /* of one we make: 131 bits */
#define PARSE_MAX (SAGA_REQUEST_MAX + PLAN_BYTES_MAX)

static int64_t now_of(const struct orchestrator *orch)
{
    return orch->world.now(orch->world.arg);
}

static const char digits_62[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

void make_gid(struct orchestrator *orch, const char *digits, unsigned base,
              char *ret)
{
    uint64_t random = 0;
    for (int i = 0; i < GID_CHARS; i++) {
        if (i % 10 == 0)
            random = orch->world.random(orch->world.arg);
        ret[i] = digits[random % base];
        random /= base;
    }
    ret[GID_CHARS] = 0;
}

/* A gid goes into logs, barrier rows and terminals: printable ASCII, no blank.
 */
static bool gid_valid(const char *gid)
{
    if (strlen(gid) > SAGA_GID_MAX)
        return false;
    for (; *gid; gid++)
        if (*gid <= ' ' || *gid >= 0x7f)
            return false;
    return true;
}

void submission_free(struct orchestrator *orch, struct submission *submission)
{
    if (submission->plan)
        plans_drop(&orch->plans, submission->plan);
    free(submission->copy);
    free(submission);
}

static bool same_content(const struct saga *saga,
                         const struct submission *submission)
{
    return saga->plan == submission->plan &&
           saga->request.len == submission->request.len &&
           (saga->request.len == 0 ||
            memcmp(saga->request.data, submission->request.data,
                   saga->request.len) == 0);
}

static void refuse_other(struct orchestrator *orch,
                         const struct submission *submission)
{
    struct bus_error error;
    bus_error_set(&error, BUS_ALREADY_EXISTS,
                  "saga %s was submitted before with other content",
                  submission->gid);
    answer_error(orch, submission->asker, &error);
}

/* The asker hears of this run: at once, when it is on disk, or at its end. */
static void attach(struct orchestrator *orch, struct run *run,
                   const struct submission *submission)
{
    if (!submission->wait && run->saga.engine.phase != PHASE_ACCEPTING) {
        answer_accepted(orch, submission->asker, &run->saga);
        return;
    }
    struct waiter *waiter =
        waiter_new(orch, run, submission->asker,
                   submission->wait ? WAITER_OUTCOME : WAITER_ACCEPTED);
    if (submission->deadline != BUS_FOREVER)
        timers_set(&orch->timers, &waiter->timer, submission->deadline);
}

struct waiter *waiter_new(struct orchestrator *orch, struct run *run,
                          void *asker, enum waiter_kind kind)
{
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter)
        abort();
    waiter->asker = asker;
    waiter->run = run;
    waiter->kind = kind;
    waiter->timer.kind = TIMER_WAITER;
    waiter->timer.owner = waiter;
    waiter->next = run->waiters;
    run->waiters = waiter;
    orch->stats.waiters++;
    return waiter;
}

void waiter_remove(struct orchestrator *orch, struct waiter *waiter)
{
    struct waiter **at = &waiter->run->waiters;
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    timers_cancel(&orch->timers, &waiter->timer);
    orch->stats.waiters--;
    if (waiter->kind == WAITER_DURABLE || waiter->kind == WAITER_ROUND)
        free(waiter->asker); /* DTM's API owns it until it is answered */
    free(waiter);
}

/* An operator's word is not on disk, and may or may not be. */
static void refuse_unknown(struct orchestrator *orch,
                           const struct waiter *waiter)
{
    struct bus_error error;
    bus_error_reason(&error, BUS_UNKNOWN, "outcome_unknown",
                     "saga %s: that may or may not be on disk yet",
                     waiter->run->saga.gid);
    answer_error(orch, waiter->asker, &error);
}

void submit_late(struct orchestrator *orch, struct waiter *waiter)
{
    struct bus_error error;
    const struct saga *saga = &waiter->run->saga;
    if (waiter->kind == WAITER_OPERATED) {
        refuse_unknown(orch, waiter);
    } else if (waiter->kind == WAITER_UNDONE) {
        nested_late(orch, waiter);
    } else if (saga->plan->dtm) {
        dtm_late(orch->dtm, waiter);
    } else if (saga->engine.phase == PHASE_ACCEPTING) {
        bus_error_reason(&error, BUS_UNKNOWN, "outcome_unknown",
                         "saga %s may or may not be accepted yet", saga->gid);
        answer_error(orch, waiter->asker, &error);
    } else {
        answer_still_running(orch, waiter->asker, saga->gid);
    }
    waiter_remove(orch, waiter);
}

static void refuse_unwritten(struct orchestrator *orch, void *asker)
{
    struct bus_error error;
    bus_error_reason(&error, BUS_UNAVAILABLE, "journal",
                     "the saga journal cannot be written");
    answer_error(orch, asker, &error);
}

/* Another orchestrator has this gid: whoever asks again hears of its saga. */
static void refuse_taken(struct orchestrator *orch, void *asker,
                         const char *gid)
{
    struct bus_error error;
    bus_error_reason(&error, BUS_UNKNOWN, "outcome_unknown",
                     "saga %s was submitted elsewhere at the same time", gid);
    answer_error(orch, asker, &error);
}

static void tell(struct orchestrator *orch, struct waiter *waiter,
                 enum engine_news news)
{
    const struct saga *saga = &waiter->run->saga;
    if (waiter->kind == WAITER_UNDONE)
        nested_told(orch, waiter, news);
    else if (news == NEWS_ACCEPTED)
        answer_accepted(orch, waiter->asker, saga);
    else if (news == NEWS_REFUSED && waiter->run->taken)
        refuse_taken(orch, waiter->asker, saga->gid);
    else if (news == NEWS_REFUSED)
        refuse_unwritten(orch, waiter->asker);
    else
        answer_outcome(orch, waiter->asker, saga);
    waiter_remove(orch, waiter);
}

static bool is_meant(const struct waiter *waiter, enum engine_news news)
{
    if (waiter->kind == WAITER_DURABLE || waiter->kind == WAITER_ROUND ||
        waiter->kind == WAITER_OPERATED)
        return false;
    return news != NEWS_ACCEPTED || waiter->kind == WAITER_ACCEPTED;
}

void submit_news(struct orchestrator *orch, struct run *run,
                 enum engine_news news)
{
    struct waiter *next;
    if (news == NEWS_REFUSED && run->saga.plan->dtm)
        submit_unwritten(orch, run);
    for (struct waiter *waiter = run->waiters; waiter; waiter = next) {
        next = waiter->next;
        if (is_meant(waiter, news))
            tell(orch, waiter, news);
    }
}

void submit_durable(struct orchestrator *orch, struct run *run,
                    uint32_t version)
{
    struct waiter *next;
    run->durable = version;
    for (struct waiter *waiter = run->waiters; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->version > version)
            continue;
        if (waiter->kind == WAITER_DURABLE)
            dtm_durable(orch->dtm, waiter);
        else if (waiter->kind == WAITER_OPERATED)
            operate_answer(orch, waiter->asker, run->saga.gid);
        else
            continue;
        waiter_remove(orch, waiter);
    }
}

void submit_unwritten(struct orchestrator *orch, struct run *run)
{
    struct waiter *next;
    for (struct waiter *waiter = run->waiters; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->kind == WAITER_OPERATED) {
            refuse_unknown(orch, waiter);
            waiter_remove(orch, waiter);
            continue;
        }
        if (waiter->kind != WAITER_DURABLE &&
            run->saga.engine.phase != PHASE_REFUSED)
            continue;
        if (run->saga.plan->dtm) {
            dtm_late(orch->dtm, waiter);
            waiter_remove(orch, waiter);
        }
    }
}

static void begin(struct orchestrator *orch, struct submission *submission)
{
    struct saga saga;
    struct engine_event event = {.kind = EVENT_SUBMITTED};
    saga_init(&saga, submission->plan, submission->gid, submission->request);
    submission->plan = NULL; /* the saga's now */
    saga.trace = submission->trace;
    saga.created = orch->world.wall(orch->world.arg);
    saga.updated = saga.created;
    struct run *run = run_new(orch, &saga);
    run->contested = !submission->fresh;
    run_event(orch, run, &event);
    attach(orch, run, submission);
}

/* Nobody has this gid, or it is in memory. */
static void begin_or_join(struct orchestrator *orch,
                          struct submission *submission)
{
    struct run *run = run_find(orch, submission->gid);
    if (!run && submission->undo)
        nested_undo_none(orch, submission);
    else if (!run)
        begin(orch, submission);
    else if (!same_content(&run->saga, submission))
        refuse_other(orch, submission);
    else if (submission->undo)
        nested_undo_run(orch, run, submission);
    else
        attach(orch, run, submission);
}

/* Ended already: the same answer again. */
static void answer_again(struct orchestrator *orch,
                         const struct submission *submission,
                         const struct journal_row *row)
{
    struct saga saga;
    struct bus_error error = {0};
    if (saga_unpack(row->state, row->gid, &orch->plans, &saga, &error)) {
        answer_error(orch, submission->asker, &error);
        return;
    }
    if (!same_content(&saga, submission))
        refuse_other(orch, submission);
    else if (submission->undo)
        nested_undo_row(orch, submission, row);
    else if (submission->wait)
        answer_outcome(orch, submission->asker, &saga);
    else
        answer_accepted(orch, submission->asker, &saga);
    saga_release(&saga, &orch->plans);
}

/* Another orchestrator has it: its row is looked at until it has ended. */
static void wait_elsewhere(struct orchestrator *orch, struct lookup *lookup)
{
    struct submission *submission = lookup->submission;
    struct lookup *again =
        lookup_new(orch, LOOKUP_SUBMIT, JOURNAL_FIND, submission->asker);
    int64_t next = now_of(orch) + ORCHESTRATOR_ELSEWHERE_MS * BUS_MILLI;
    lookup->submission = NULL;
    again->submission = submission;
    memcpy(again->job.gid, submission->gid, sizeof(again->job.gid));
    timers_set(&orch->timers, &again->timer,
               next < submission->deadline ? next : submission->deadline);
}

void submit_look_again(struct orchestrator *orch, struct lookup *lookup)
{
    const struct submission *submission = lookup->submission;
    if (!orch->draining && now_of(orch) < submission->deadline) {
        orch->world.journal(orch->world.arg, &lookup->job);
        return;
    }
    answer_still_running(orch, submission->asker, submission->gid);
    lookup_free(orch, lookup);
}

/* True if the saga is unfinished and another's; it is dealt with then. */
static bool found_elsewhere(struct orchestrator *orch, struct lookup *lookup,
                            const struct journal_row *row)
{
    struct saga saga;
    struct bus_error error = {0};
    const struct submission *submission = lookup->submission;
    if (!row || !row->foreign || row->finished || run_find(orch, row->gid))
        return false;
    if (saga_unpack(row->state, row->gid, &orch->plans, &saga, &error)) {
        answer_error(orch, submission->asker, &error);
        return true;
    }
    if (!same_content(&saga, submission))
        refuse_other(orch, submission);
    else if (submission->undo)
        nested_undo_elsewhere(orch, submission, row->owner);
    else if (submission->wait)
        wait_elsewhere(orch, lookup);
    else
        answer_accepted(orch, submission->asker, &saga);
    saga_release(&saga, &orch->plans);
    return true;
}

void submit_found(struct orchestrator *orch, struct journal_job *job)
{
    struct lookup *lookup = job->arg;
    struct submission *submission = lookup->submission;
    const struct journal_row *row = job->found_count > 0 ? job->found : NULL;
    if (job->code) {
        refuse_unwritten(orch, submission->asker);
        return;
    }
    if (found_elsewhere(orch, lookup, row))
        return;
    if (row && !row->finished && !run_find(orch, row->gid))
        resume_row(orch, row);
    if (row && !run_find(orch, row->gid))
        answer_again(orch, submission, row);
    else
        begin_or_join(orch, submission);
}

/* Copies what must outlive the request. */
static void look_up(struct orchestrator *orch, struct submission *submission)
{
    struct lookup *lookup =
        lookup_new(orch, LOOKUP_SUBMIT, JOURNAL_FIND, submission->asker);
    if (submission->request.len > 0) {
        submission->copy = malloc(submission->request.len);
        if (!submission->copy)
            abort();
        memcpy(submission->copy, submission->request.data,
               submission->request.len);
        submission->request.data = submission->copy;
    }
    lookup->submission = submission;
    memcpy(lookup->job.gid, submission->gid, sizeof(lookup->job.gid));
    orch->world.journal(orch->world.arg, &lookup->job);
}

int submit_open(const struct orchestrator *orch, struct bus_error *err)
{
    if (orch->draining)
        return bus_error_reason(err, BUS_UNAVAILABLE, "draining",
                                "the saga actor is stopping");
    if (orch->stats.failing)
        return bus_error_reason(err, BUS_UNAVAILABLE, "journal",
                                "the saga journal cannot be written");
    if (orch->stats.sagas >= ORCHESTRATOR_SAGAS_MAX)
        return bus_error_reason(err, BUS_RESOURCE_EXHAUSTED, "busy",
                                "more than %d unfinished sagas",
                                ORCHESTRATOR_SAGAS_MAX);
    return BUS_OK;
}

static int read_submission(struct orchestrator *orch,
                           const struct orchestrator_request *request,
                           struct bus_arena *arena, struct submission *ret,
                           struct bus_error *err)
{
    struct saga_wire_submit wire = {0};
    int code = bus_unpack_message(request->body, &saga_submit_shape, arena,
                                  &wire, err);
    if (code)
        return code;
    if (!gid_valid(wire.gid))
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "gid",
                               "a gid is at most %d printable ASCII "
                               "characters",
                               SAGA_GID_MAX);
    if (wire.request.len > SAGA_REQUEST_MAX)
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "request",
                               "more than %zu bytes", SAGA_REQUEST_MAX);
    code = plans_take(&orch->plans, wire.plan, &ret->plan, err);
    if (code)
        return code;
    code = run_fits(orch, wire.plan.len, wire.request.len, err);
    if (code)
        return code;
    snprintf(ret->gid, sizeof(ret->gid), "%s", wire.gid);
    ret->request = wire.request;
    ret->wait = wire.wait_ms > 0;
    ret->undo = strcmp(request->method, "undo") == 0;
    ret->happened = wire.happened;
    ret->forwarded = wire.forwarded;
    ret->wait_ms = wire.wait_ms;
    ret->fresh = !ret->undo && (wire.fresh || !wire.gid[0]);
    if (ret->undo && !wire.gid[0])
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "gid",
                               "a gid is needed");
    ret->deadline = request->deadline;
    int64_t until = now_of(orch) + wire.wait_ms * BUS_MILLI;
    if (ret->wait && until < ret->deadline)
        ret->deadline = until;
    return BUS_OK;
}

void submit_request(struct orchestrator *orch,
                    const struct orchestrator_request *request)
{
    struct bus_error error = {0};
    struct bus_arena arena;
    struct submission *submission = calloc(1, sizeof(*submission));
    if (!submission)
        abort();
    submission->asker = request->asker;
    submission->trace = request->trace;
    bus_arena_init(&arena, PARSE_MAX * 2);
    int code = submit_open(orch, &error);
    if (!code)
        code = read_submission(orch, request, &arena, submission, &error);
    if (code) {
        answer_error(orch, request->asker, &error);
    } else if (!submission->fresh && !run_find(orch, submission->gid)) {
        look_up(orch, submission);
        submission = NULL; /* the lookup's now */
    } else {
        if (!submission->gid[0])
            make_gid(orch, digits_62, 62, submission->gid);
        begin_or_join(orch, submission);
    }
    if (submission)
        submission_free(orch, submission);
    bus_arena_release(&arena);
}
