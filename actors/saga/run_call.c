/* SPDX-License-Identifier: MIT
 *
 * Branch calls: what is sent, what came back. Calls that may not start (the
 * journal fails, too many are in flight, we are draining) are held: for the
 * engine they are in flight already.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm.h"
#include "actors/saga/nested.h"
#include "actors/saga/run.h"
#include "actors/saga/values.h"
#include "bus/clock.h"
#include "bus/code.h"

#define BODY_MAX ((size_t)8 << 20) /* bytes of one call's body */

/* What a branch does, as the participant is told. */
static const char *op_text(const struct saga *saga, enum engine_op op)
{
    static const char *const texts[PATTERN_COUNT][2] = {
        [PATTERN_SAGA] = {"action", "compensate"},
        [PATTERN_MESSAGE] = {"action", "action"},
        [PATTERN_TCC] = {"confirm", "cancel"},
        [PATTERN_XA] = {"commit", "rollback"},
        [PATTERN_WORKFLOW] = {"action", "action"},
    };
    if (op != OP_CHECK)
        return texts[saga->engine.pattern][op];
    return saga->engine.pattern == PATTERN_WORKFLOW ? saga->plan->dtm->workflow
                                                    : "msg";
}

static const struct engine_branch *branch_at(const struct saga *saga,
                                             uint16_t step, enum engine_op op)
{
    return op == OP_CHECK ? &saga->engine.check : &saga->steps[step].branch[op];
}

static struct bus_bytes body_of(const struct orchestrator *orch,
                                const struct saga *saga, uint16_t step,
                                enum engine_op op)
{
    if (!saga->plan->dtm)
        return bus_buf_bytes(&orch->body);
    return op == OP_CHECK ? saga->plan->dtm->data : saga_payload(saga, step);
}

static uint32_t timeout_of(const struct saga *saga, uint16_t step)
{
    return saga->plan->dtm ? saga->plan->dtm->request_timeout_ms
                           : saga->plan->plan.steps[step].timeout_ms;
}

static const char *method_of(const struct saga *saga, uint16_t step,
                             enum engine_op op)
{
    if (saga->plan->dtm)
        return "";
    const struct saga_step *plan = &saga->plan->plan.steps[step];
    return op == OP_ACTION ? plan->action.method : plan->compensate.method;
}

static void run_send(struct orchestrator *orch, struct run *run, uint16_t step,
                     enum engine_op op)
{
    const struct saga *saga = &run->saga;
    char id[SAGA_BRANCH_TEXT];
    bool nested = nested_is(saga, step, op);
    /* One that waits for others must not keep their calls waiting. */
    orch->stats.calls += !nested;
    run->inflight++;
    struct saga_call call = {
        .run = run,
        .step = step,
        .op = op,
        .attempt = branch_at(saga, step, op)->attempts,
        .target = saga_target(saga, step, op),
        .method = nested ? nested_method(op) : method_of(saga, step, op),
        .nested = nested,
        .dtm = saga->plan->dtm,
        .timeout_ms = timeout_of(saga, step),
        .trace = saga->trace,
        .mark = {.gid = saga->gid,
                 .branch = op == OP_CHECK ? "00" : saga_branch(saga, step, id),
                 .op = op_text(saga, op),
                 .fill = bus_buf_bytes(&orch->fill)},
        .body = body_of(orch, saga, step, op),
    };
    orch->world.call(orch->world.arg, &call);
}

/* The call cannot be made: its inputs do not fit. */
static void run_unsent(struct orchestrator *orch, struct run *run,
                       uint16_t step, enum engine_op op,
                       const struct bus_error *error)
{
    struct engine_event event = {
        .kind = EVENT_UNSENT,
        .step = step,
        .op = op,
        .attempt = branch_at(&run->saga, step, op)->attempts,
        .code = error->code,
    };
    saga_sentence(&run->saga, step, op, error->sentence);
    run_event(orch, run, &event);
}

/* DTM's way to say that there is nothing to be done. */
static void run_empty(struct orchestrator *orch, struct run *run, uint16_t step,
                      enum engine_op op)
{
    struct engine_event event = {
        .kind = EVENT_ANSWERED,
        .step = step,
        .op = op,
        .attempt = branch_at(&run->saga, step, op)->attempts,
    };
    run_event(orch, run, &event);
}

static int run_inputs(struct orchestrator *orch, struct run *run, uint16_t step,
                      enum engine_op op, struct bus_error *err)
{
    bool nested = nested_is(&run->saga, step, op);
    struct bus_buf *body = nested ? &orch->detail : &orch->body;
    bus_buf_reset(body);
    int code = values_body(&run->saga, step, nested ? OP_ACTION : op, body,
                           &orch->fill, err);
    if (!code && nested && !body->failed)
        code = nested_body(&run->saga, step, op, bus_buf_bytes(body),
                           &orch->body, err);
    if (!code && (body->failed || orch->body.failed || orch->fill.failed))
        code = bus_error_set(err, BUS_OUT_OF_RANGE,
                             "the request is larger than %zu bytes", BODY_MAX);
    return code;
}

/* Evaluates the inputs and starts the call. */
static void run_call(struct orchestrator *orch, struct run *run, uint16_t step,
                     enum engine_op op)
{
    struct bus_error error = {0};
    bus_buf_reset(&orch->body);
    bus_buf_reset(&orch->fill);
    if (op != OP_CHECK) {
        struct saga_note *note = &run->saga.notes[step][op];
        note->called = run_wall(orch);
        if (!note->started)
            note->started = note->called;
    }
    run_timer_of(run, step, op)->timer.due = 0;
    if (run->saga.plan->dtm && !saga_target(&run->saga, step, op)[0])
        run_empty(orch, run, step, op);
    else if (!run->saga.plan->dtm && run_inputs(orch, run, step, op, &error))
        run_unsent(orch, run, step, op, &error);
    else
        run_send(orch, run, step, op);
}

static bool must_hold(const struct orchestrator *orch)
{
    return orch->stats.failing || orch->draining || orch->stats.fenced ||
           !commit_leased(orch) || orch->stats.calls >= ORCHESTRATOR_CALLS_MAX;
}

void run_call_or_hold(struct orchestrator *orch, struct run *run, uint16_t step,
                      enum engine_op op)
{
    if (!must_hold(orch)) {
        run_call(orch, run, step, op);
        return;
    }
    run->holding[op] |= UINT64_C(1) << step;
    if (link_alone(&run->held))
        link_append(&orch->held, &run->held);
}

void run_held_release(struct orchestrator *orch)
{
    while (!must_hold(orch) && !link_alone(&orch->held)) {
        struct run *run = run_of_held(orch->held.next);
        int op = OP_ACTION;
        while (run->holding[op] == 0)
            op++;
        assert(op <= OP_CHECK);
        uint16_t step = (uint16_t)__builtin_ctzll(run->holding[op]);
        run->holding[op] &= ~(UINT64_C(1) << step);
        if ((run->holding[OP_ACTION] | run->holding[OP_COMPENSATE] |
             run->holding[OP_CHECK]) == 0)
            link_drop(&run->held);
        /* A stop, or its client's word, may have come meanwhile. */
        if (branch_at(&run->saga, step, (enum engine_op)op)->status ==
            BRANCH_CALLING)
            run_call(orch, run, step, (enum engine_op)op);
    }
}

static bool is_word(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* Codes that say the call may or may not have been executed, or was not. */
static enum engine_event_kind kind_of(const struct bus_error *error,
                                      bool *ret_unreached)
{
    static const char *const unreached[] = {"no_responder", "no_such_actor",
                                            "draining", NULL};
    *ret_unreached = error->code != BUS_OK && is_word(error->reason, unreached);
    if (*ret_unreached || error->code == BUS_DEADLINE_EXCEEDED ||
        (error->code != BUS_OK &&
         strcmp(error->reason, "outcome_unknown") == 0))
        return EVENT_LOST;
    return EVENT_ANSWERED;
}

/* A try that did not end well, and what came after such. */
static void keep_attempt(struct orchestrator *orch, struct saga *saga,
                         const struct engine_event *event,
                         const struct bus_reply *reply)
{
    struct saga_note *note = &saga->notes[event->step][event->op];
    struct bus_error error = reply->error;
    if (event->code == BUS_OK && note->history_count == 0)
        return;
    struct saga_attempt attempt = {
        .started = note->called,
        .duration = run_wall(orch) - note->called,
        .code = event->code,
        .sentence = event->code ? error.sentence : NULL,
    };
    if (attempt.duration < 0)
        attempt.duration = 0; /* the clock was set back */
    saga_attempted(saga, event->step, event->op, &attempt);
}

/* Again and again it fails: somebody should know. */
static void alert(struct orchestrator *orch, const struct saga *saga,
                  const struct engine_event *event,
                  const struct bus_reply *reply)
{
    const struct orchestrator_world *world = &orch->world;
    uint32_t failures =
        saga->steps[event->step].branch[event->op].failures + 1u;
    bool refused = engine_verdict(event->code) == VERDICT_REFUSE &&
                   event->op == OP_ACTION &&
                   saga->engine.pattern == PATTERN_SAGA;
    if (event->code != BUS_OK && event->code != BUS_FAILED_PRECONDITION &&
        !refused && failures >= orch->alert_limit && world->alert)
        world->alert(world->arg, saga, event->step, event->op,
                     reply->error.sentence);
}

static void keep_answer(struct orchestrator *orch, struct run *run,
                        const struct engine_event *event,
                        const struct bus_reply *reply)
{
    struct saga *saga = &run->saga;
    if (event->code != BUS_OK)
        run->last_code = event->code;
    if (saga->plan->dtm)
        dtm_answered(run, event, reply);
    if (event->op == OP_CHECK)
        return;
    struct saga_note *note = &saga->notes[event->step][event->op];
    phase_add(&orch->stats.phases.called, run_wall(orch) - note->called);
    note->business = reply->error.business;
    saga_sentence(saga, event->step, event->op,
                  reply->error.code ? reply->error.sentence : "");
    keep_attempt(orch, saga, event, reply);
    alert(orch, saga, event, reply);
    if (event->op == OP_ACTION && reply->error.code == BUS_OK &&
        !saga->plan->dtm)
        saga_reply(saga, event->step, reply->body);
}

/* False: nobody waits for it any more. */
static bool run_landed(struct orchestrator *orch, struct run *run,
                       const struct engine_event *event)
{
    bool nested = nested_is(&run->saga, event->step, event->op);
    assert((nested || orch->stats.calls > 0) && run->inflight > 0);
    orch->stats.calls -= !nested;
    run->inflight--;
    if (!run->over) {
        const struct engine_branch *branch =
            branch_at(&run->saga, event->step, event->op);
        return branch->status == BRANCH_CALLING &&
               branch->attempts == event->attempt;
    }
    if (run->inflight == 0)
        run_free(orch, run);
    return false;
}

/* What was done, and cannot be written down: the step has failed, and is
 * undone; its participant knows what it answered. */
static void refuse_large(const struct orchestrator *orch, const struct run *run,
                         const struct engine_event *event,
                         struct bus_reply *reply)
{
    struct bus_error error;
    if (event->op != OP_ACTION || reply->error.code != BUS_OK ||
        run->saga.plan->dtm ||
        run_fits(orch, saga_weight(&run->saga), reply->body.len, &error) ==
            BUS_OK)
        return;
    bus_error_set(&reply->error, BUS_OUT_OF_RANGE,
                  "its reply of %zu bytes is too much: %.128s", reply->body.len,
                  error.sentence);
    reply->body = (struct bus_bytes){0};
}

void orchestrator_answered(struct orchestrator *orch, void *run_, uint16_t step,
                           enum engine_op op, uint32_t attempt,
                           const struct bus_reply *reply)
{
    struct run *run = run_;
    struct bus_reply made =
        nested_is(&run->saga, step, op) ? nested_reply(reply, op) : *reply;
    struct engine_event event = {
        .step = step,
        .op = op,
        .attempt = attempt,
    };
    if (!run->over)
        refuse_large(orch, run, &event, &made);
    event.code = made.error.code;
    event.kind = kind_of(&made.error, &event.unreached);
    if (run_landed(orch, run, &event)) {
        if (run->saga.plan->dtm)
            event.unreached = false; /* its client's own interval counts */
        keep_answer(orch, run, &event, &made);
        run_event(orch, run, &event);
    }
    run_held_release(orch);
}
