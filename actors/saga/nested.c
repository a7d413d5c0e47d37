/* SPDX-License-Identifier: MIT
 *
 * Bodies and answers of calls to the saga actor itself, and what it does when
 * it is asked to undo a saga.
 */
#include "actors/saga/nested.h"

#include <stdio.h>
#include <string.h>

#include "actors/runtime/saga_pack.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/pack.h"

#define UNDO_MAX (PLAN_BYTES_MAX + SAGA_REQUEST_MAX + 1024)
#define MARGIN_MS 100 /* kept of a try's time-out for the answer's way back */

/* ---- The outer saga's side ---- */

bool nested_is(const struct saga *saga, uint16_t step, enum engine_op op)
{
    return !saga->plan->dtm && op != OP_CHECK &&
           plan_nested(&saga->plan->plan.steps[step], op);
}

const char *nested_method(enum engine_op op)
{
    return op == OP_ACTION ? "submit" : "undo";
}

static uint32_t wait_ms(const struct saga_step *step)
{
    uint32_t tenth = step->timeout_ms / 10;
    return step->timeout_ms - (tenth < MARGIN_MS ? tenth : MARGIN_MS);
}

int nested_body(const struct saga *saga, uint16_t step, enum engine_op op,
                struct bus_bytes inputs, struct bus_buf *ret,
                struct bus_error *err)
{
    const struct saga_step *plan = &saga->plan->plan.steps[step];
    char gid[SAGA_GID_MAX + 1], branch[SAGA_BRANCH_TEXT];
    saga_branch_id(step, branch);
    int len = snprintf(gid, sizeof(gid), "%s/%s", saga->gid, branch);
    if (len > SAGA_GID_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "the gid of the saga inside is longer than %d "
                             "bytes",
                             SAGA_GID_MAX);
    bus_pack_map(ret, 5);
    bus_pack_text(ret, "gid");
    bus_pack_text(ret, gid);
    bus_pack_text(ret, "plan");
    bus_pack_raw(ret, plan->action.packed);
    bus_pack_text(ret, "request");
    bus_pack_raw(ret, inputs);
    bus_pack_text(ret, "wait_ms");
    bus_pack_uint(ret, wait_ms(plan));
    bus_pack_text(ret, "happened");
    bus_pack_bool(ret, op == OP_COMPENSATE &&
                           saga->steps[step].branch[OP_ACTION].status ==
                               BRANCH_DONE);
    return BUS_OK;
}

static bool has_reason(const struct bus_reply *reply, const char *reason)
{
    return strcmp(reply->error.reason, reason) == 0;
}

/* It goes on: ask again. */
static void say_ongoing(struct bus_reply *reply)
{
    reply->error.code = BUS_FAILED_PRECONDITION;
    reply->error.reason[0] = '\0';
    reply->body = (struct bus_bytes){0};
}

/* The code of the step that failed inside, where it is one that rolls back. */
static int failed_code(const struct bus_reply *reply)
{
    struct bus_bytes value, text;
    char name[64];
    int code = BUS_ABORTED;
    if (!bus_pack_find(reply->detail, "code", &value))
        return BUS_ABORTED;
    struct bus_unpack in = bus_unpack_open(value);
    if (!bus_unpack_text(&in, &text) || text.len >= sizeof(name))
        return BUS_ABORTED;
    snprintf(name, sizeof(name), "%.*s", (int)text.len,
             (const char *)text.data);
    if (!bus_code_from_name(name, &code) ||
        engine_verdict(code) != VERDICT_REFUSE)
        return BUS_ABORTED;
    return code;
}

struct bus_reply nested_reply(const struct bus_reply *reply, enum engine_op op)
{
    struct bus_reply made = *reply;
    if (reply->error.code == BUS_DEADLINE_EXCEEDED &&
        has_reason(reply, "still_running")) {
        say_ongoing(&made);
    } else if (op == OP_ACTION && reply->error.code == BUS_OK) {
        made.body = (struct bus_bytes){0};
        if (!bus_pack_find(reply->body, "reply", &made.body))
            say_ongoing(&made); /* accepted, and nothing said of its end */
    } else if (op == OP_ACTION && reply->error.code == BUS_ABORTED &&
               has_reason(reply, "rolled_back")) {
        made.error.code = failed_code(reply);
        made.error.reason[0] = '\0';
    }
    return made;
}

/* ---- The inner saga's side ---- */

static void wait_for_end(struct orchestrator *orch, struct run *run,
                         const struct submission *submission)
{
    struct waiter *waiter =
        waiter_new(orch, run, submission->asker, WAITER_UNDONE);
    if (submission->deadline != BUS_FOREVER)
        timers_set(&orch->timers, &waiter->timer, submission->deadline);
}

void nested_undo_none(struct orchestrator *orch, struct submission *submission)
{
    const struct engine_event begin = {.kind = EVENT_SUBMITTED};
    const struct engine_event stop = {.kind = EVENT_STOP};
    struct bus_error error;
    struct saga saga;
    if (submission->happened) {
        bus_error_set(&error, BUS_DATA_LOSS,
                      "saga %s was done and is not known any more: it cannot "
                      "be undone",
                      submission->gid);
        answer_error(orch, submission->asker, &error);
        return;
    }
    saga_init(&saga, submission->plan, submission->gid, submission->request);
    submission->plan = NULL; /* the saga's now */
    saga.trace = submission->trace;
    saga.created = saga.updated = run_wall(orch);
    struct run *run = run_new(orch, &saga);
    run->contested = true;
    run_event(orch, run, &begin);
    run_event(orch, run, &stop); /* before anything was called */
    wait_for_end(orch, run, submission);
}

void nested_undo_run(struct orchestrator *orch, struct run *run,
                     const struct submission *submission)
{
    const struct engine_event abort_ = {.kind = EVENT_ABORT};
    enum engine_phase phase = run->saga.engine.phase;
    wait_for_end(orch, run, submission);
    if (phase == PHASE_ACCEPTING || phase == PHASE_RUNNING)
        run_event(orch, run, &abort_);
}

static void answer_undone(struct orchestrator *orch, void *asker,
                          const struct saga *saga)
{
    answer_accepted(orch, asker, saga); /* its gid and its status */
}

void nested_undo_row(struct orchestrator *orch,
                     const struct submission *submission,
                     const struct journal_row *row)
{
    const struct engine_event undo = {.kind = EVENT_UNDO};
    struct saga saga;
    struct bus_error error = {0};
    if (saga_unpack(row->state, row->gid, &orch->plans, &saga, &error)) {
        answer_error(orch, submission->asker, &error);
        return;
    }
    if (saga.engine.phase != PHASE_DONE) {
        answer_undone(orch, submission->asker, &saga);
        saga_release(&saga, &orch->plans);
        return;
    }
    saga.finished = 0;
    struct run *run = run_new(orch, &saga);
    run->contested = run->reopened = true;
    run_event(orch, run, &undo);
    wait_for_end(orch, run, submission);
}

void nested_undo_elsewhere(struct orchestrator *orch,
                           const struct submission *submission,
                           const char *address)
{
    const struct saga_wire_submit wire = {
        .gid = submission->gid,
        .plan = submission->plan->bytes,
        .request = submission->request,
        .wait_ms = submission->wait_ms,
        .forwarded = true,
        .happened = submission->happened,
    };
    struct bus_error error;
    struct bus_buf body;
    if (submission->forwarded || !orch->world.forward || !address ||
        !address[0]) {
        bus_error_reason(&error, BUS_UNAVAILABLE, "undo_again",
                         "saga %s still runs and is another orchestrator's, "
                         "%s",
                         submission->gid,
                         submission->forwarded ? "not the one that was asked"
                                               : "which cannot be asked");
        answer_error(orch, submission->asker, &error);
        return;
    }
    bus_buf_init(&body, UNDO_MAX);
    bus_pack_message(&body, &saga_submit_shape, &wire);
    const struct saga_forward forward = {.asker = submission->asker,
                                         .target = address,
                                         .method = "undo",
                                         .body = bus_buf_bytes(&body)};
    orch->world.forward(orch->world.arg, &forward);
    bus_buf_release(&body);
}

void nested_told(struct orchestrator *orch, const struct waiter *waiter,
                 enum engine_news news)
{
    const struct saga *saga = &waiter->run->saga;
    struct bus_error error;
    if (news == NEWS_OUTCOME && saga->engine.phase == PHASE_UNDONE) {
        answer_undone(orch, waiter->asker, saga);
        return;
    }
    bus_error_reason(&error, BUS_UNAVAILABLE, "undo_again",
                     "saga %s ended otherwise, or could not be written",
                     saga->gid);
    answer_error(orch, waiter->asker, &error);
}

void nested_late(struct orchestrator *orch, const struct waiter *waiter)
{
    answer_still_running(orch, waiter->asker, waiter->run->saga.gid);
}
