/* SPDX-License-Identifier: MIT
 *
 * What an operator does with a saga that is not finished: retry now whatever
 * waits or is parked, or one step alone; skip a branch (it counts as done),
 * fail a step's action, compensate a step before its turn, abort the saga. The
 * reason is kept in the branch's history. What is in flight has to come back
 * first. He is answered once his word is on disk.
 */
#include <stdio.h>
#include <string.h>

#include "actors/saga/dtm.h"
#include "actors/saga/run.h"
#include "bus/code.h"
#include "bus/pack.h"

struct operate_ask {
    const char *gid;
    const char *step;   /* skip, fail, compensate; retry: "" is all */
    const char *reason; /* the same; retry: may be "" */
    bool forwarded;     /* another orchestrator thinks that it is ours */
};

#define TEXT(member)                                                           \
    {                                                                          \
        .name = #member, .kind = BUS_TEXT,                                     \
        .offset = offsetof(struct operate_ask, member),                        \
        .presence = BUS_NO_PRESENCE                                            \
    }
static const struct bus_field fields[] = {
    TEXT(gid),
    TEXT(step),
    TEXT(reason),
    {.name = "forwarded",
     .kind = BUS_BOOL,
     .offset = offsetof(struct operate_ask, forwarded),
     .presence = BUS_NO_PRESENCE},
};
const struct bus_shape saga_operate_shape = {
    .name = "saga.OperateRequest",
    .size = sizeof(struct operate_ask),
    .count = sizeof(fields) / sizeof(fields[0]),
    .fields = fields,
};

/* The step of that name, or that branch id. */
static int find_step(const struct saga *saga, const char *name, uint16_t *ret,
                     struct bus_error *err)
{
    char id[SAGA_BRANCH_TEXT];
    for (uint16_t i = 0; i < saga->engine.count; i++) {
        bool plan = i < saga->plan->plan.step_count &&
                    strcmp(saga->plan->plan.steps[i].name, name) == 0;
        if (!plan && strcmp(saga_branch(saga, i, id), name) != 0)
            continue;
        *ret = i;
        return BUS_OK;
    }
    return bus_error_set(err, BUS_NOT_FOUND, "no step %.64s", name);
}

/* The branch of a step that waits. */
static int find_branch(const struct saga *saga, const char *name,
                       uint16_t *ret_step, enum engine_op *ret_op,
                       struct bus_error *err)
{
    int code = find_step(saga, name, ret_step, err);
    for (int op = OP_ACTION; !code && op <= OP_COMPENSATE; op++) {
        const struct engine_branch *branch = &saga->steps[*ret_step].branch[op];
        if (!engine_branch_timed(branch) && branch->status != BRANCH_PARKED)
            continue;
        *ret_op = (enum engine_op)op;
        return BUS_OK;
    }
    return code ? code
                : bus_error_set(err, BUS_FAILED_PRECONDITION,
                                "step %.64s neither waits nor is parked", name);
}

static int want_reason(const struct operate_ask *ask, struct bus_error *err)
{
    return ask->reason[0] ? BUS_OK
                          : bus_error_field(err, BUS_INVALID_ARGUMENT, "reason",
                                            "a reason is needed");
}

/* Into the branch's history. code: what it is now, or what it was. */
static void keep_word(struct orchestrator *orch, struct run *run,
                      const struct engine_event *event, const char *done,
                      const char *reason)
{
    char sentence[BUS_SENTENCE_MAX];
    snprintf(sentence, sizeof(sentence), "%s by hand%s%.256s", done,
             reason[0] ? ": " : "", reason);
    const struct saga_attempt attempt = {
        .started = run_wall(orch), .code = event->code, .sentence = sentence};
    saga_attempted(&run->saga, event->step, event->op, &attempt);
    saga_sentence(&run->saga, event->step, event->op, sentence);
}

static int settle(struct orchestrator *orch, struct run *run,
                  const struct operate_ask *ask, bool done,
                  struct bus_error *err)
{
    struct saga *saga = &run->saga;
    struct engine_event event = {.kind = EVENT_SETTLED,
                                 .code = done ? BUS_OK : BUS_ABORTED};
    int code = want_reason(ask, err);
    if (!code)
        code = find_branch(saga, ask->step, &event.step, &event.op, err);
    if (code)
        return code;
    if (!done &&
        (event.op != OP_ACTION || saga->engine.pattern != PATTERN_SAGA))
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "there is no way back from step %.64s", ask->step);
    keep_word(orch, run, &event, done ? "skipped" : "failed", ask->reason);
    saga->steps[event.step].branch[event.op].code = (uint8_t)event.code;
    run_event(orch, run, &event);
    return BUS_OK;
}

/* Why a step cannot be compensated now. */
static int refuse_compensation(const struct saga *saga, uint16_t step,
                               const char *name, struct bus_error *err)
{
    enum engine_branch_status action =
        saga->steps[step].branch[OP_ACTION].status;
    enum engine_branch_status undo =
        saga->steps[step].branch[OP_COMPENSATE].status;
    if (saga->engine.pattern != PATTERN_SAGA)
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "only steps of a saga are compensated by hand");
    if (undo == BRANCH_NONE)
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "there is nothing to undo of step %.64s", name);
    if (undo != BRANCH_WAITING)
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "the compensation of step %.64s is %s", name,
                             engine_branch_text(undo));
    return bus_error_set(err, BUS_FAILED_PRECONDITION,
                         "step %.64s is %s and the saga %s: there is nothing "
                         "to undo yet",
                         name, engine_branch_text(action),
                         engine_phase_text(saga->engine.phase));
}

static int compensate(struct orchestrator *orch, struct run *run,
                      const struct operate_ask *ask, struct bus_error *err)
{
    struct engine_event event = {.kind = EVENT_URGED, .op = OP_COMPENSATE};
    const struct saga *saga = &run->saga;
    int code = want_reason(ask, err);
    if (!code)
        code = find_step(saga, ask->step, &event.step, err);
    if (code)
        return code;
    if (!engine_may_urge(&saga->engine, event.step, OP_COMPENSATE))
        return refuse_compensation(saga, event.step, ask->step, err);
    keep_word(orch, run, &event, "compensated", ask->reason);
    run_begin_round(run);
    run_event(orch, run, &event);
    return BUS_OK;
}

static int retry(struct orchestrator *orch, struct run *run,
                 const struct operate_ask *ask, struct bus_error *err)
{
    struct engine_event event = {.kind = EVENT_WAKE};
    const struct saga *saga = &run->saga;
    if (ask->step[0]) {
        event.kind = EVENT_URGED;
        int code = find_branch(saga, ask->step, &event.step, &event.op, err);
        if (code)
            return code;
        if (!engine_may_urge(&saga->engine, event.step, event.op))
            return bus_error_set(err, BUS_FAILED_PRECONDITION,
                                 "the saga turns back: step %.64s is not "
                                 "called again",
                                 ask->step);
        event.code = saga->steps[event.step].branch[event.op].code;
        keep_word(orch, run, &event, "retried", ask->reason);
        event.code = BUS_OK;
    }
    run_begin_round(run);
    run_event(orch, run, &event);
    return BUS_OK;
}

static int stop_or_turn(struct orchestrator *orch, struct run *run,
                        struct bus_error *err)
{
    const struct engine_event event = {.kind = EVENT_ABORT};
    enum engine_phase phase = run->saga.engine.phase;
    bool prepared = phase == PHASE_PREPARING || phase == PHASE_PREPARED;
    bool saga = run->saga.engine.pattern == PATTERN_SAGA &&
                (phase == PHASE_ACCEPTING || phase == PHASE_RUNNING);
    if (!prepared && !saga)
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "it is %s: too late to abort it",
                             engine_phase_text(phase));
    run_begin_round(run);
    run_event(orch, run, &event);
    return BUS_OK;
}

void operate_answer(struct orchestrator *orch, void *asker, const char *gid)
{
    bus_buf_reset(&orch->detail);
    bus_pack_map(&orch->detail, 1);
    bus_pack_text(&orch->detail, "gid");
    bus_pack_text(&orch->detail, gid);
    answer_body(orch, asker, &orch->detail);
}

static int operate(struct orchestrator *orch, struct run *run,
                   const char *method, const struct operate_ask *ask,
                   struct bus_error *err)
{
    if (strcmp(method, "retry") == 0)
        return retry(orch, run, ask, err);
    if (strcmp(method, "abort") == 0)
        return stop_or_turn(orch, run, err);
    if (strcmp(method, "compensate") == 0)
        return compensate(orch, run, ask, err);
    return settle(orch, run, ask, strcmp(method, "skip") == 0, err);
}

/* Once what has just changed is on disk. An abort that waits for calls in
 * flight has changed nothing yet: what comes back will. */
static void answer_when_durable(struct orchestrator *orch, struct run *run,
                                uint32_t before,
                                const struct orchestrator_request *request)
{
    uint32_t version = run->saga.engine.version;
    if (version == before && run->saga.engine.abort)
        version++;
    if (run->durable >= version) {
        operate_answer(orch, request->asker, run->saga.gid);
        return;
    }
    struct waiter *waiter =
        waiter_new(orch, run, request->asker, WAITER_OPERATED);
    waiter->version = version;
    if (request->deadline != BUS_FOREVER)
        timers_set(&orch->timers, &waiter->timer, request->deadline);
}

/* Does it to a saga in memory. */
static void operate_run(struct orchestrator *orch, struct run *run,
                        const struct orchestrator_request *request,
                        const struct operate_ask *ask)
{
    struct bus_error error = {0};
    uint32_t before = run->saga.engine.version;
    if (operate(orch, run, request->method, ask, &error))
        answer_error(orch, request->asker, &error);
    else
        answer_when_durable(orch, run, before, request);
}

/* Not in memory: the journal knows whether it has ended, or whose it is. */
static void look_up(struct orchestrator *orch,
                    const struct orchestrator_request *request,
                    const struct operate_ask *ask)
{
    struct lookup *lookup =
        lookup_new(orch, LOOKUP_OPERATE, JOURNAL_FIND, request->asker);
    struct bus_arena *arena = &lookup->job.arena;
    lookup->method = bus_arena_text(arena, request->method);
    lookup->body.data = (const uint8_t *)bus_arena_text_n(
        arena, (const char *)request->body.data, request->body.len);
    lookup->body.len = request->body.len;
    lookup->forwarded = ask->forwarded;
    lookup->deadline = request->deadline;
    snprintf(lookup->job.gid, sizeof(lookup->job.gid), "%s", ask->gid);
    orch->world.journal(orch->world.arg, &lookup->job);
}

static void operate_bytes(struct orchestrator *orch,
                          const struct orchestrator_request *request,
                          bool looked_up)
{
    struct operate_ask ask = {0};
    struct bus_error error = {0};
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = bus_unpack_message(request->body, &saga_operate_shape, &arena,
                                  &ask, &error);
    struct run *run = code ? NULL : run_find(orch, ask.gid);
    if (!code && !run && (looked_up || strlen(ask.gid) > SAGA_GID_MAX))
        code = bus_error_set(&error, BUS_NOT_FOUND, "no unfinished saga %.128s",
                             ask.gid);
    if (code)
        answer_error(orch, request->asker, &error);
    else if (run)
        operate_run(orch, run, request, &ask);
    else
        look_up(orch, request, &ask);
    bus_arena_release(&arena);
}

void operate_request(struct orchestrator *orch,
                     const struct orchestrator_request *request)
{
    operate_bytes(orch, request, false);
}

/* To its owner; false: he is not known. */
static bool hand_on(struct orchestrator *orch, const struct lookup *lookup,
                    const char *address)
{
    struct operate_ask ask = {0};
    struct bus_error ignored;
    struct bus_arena arena;
    struct bus_buf body;
    if (!orch->world.forward || !address || !address[0])
        return false;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_buf_init(&body, BUS_ARENA_LIMIT);
    bus_unpack_message(lookup->body, &saga_operate_shape, &arena, &ask,
                       &ignored);
    ask.forwarded = true;
    bus_pack_message(&body, &saga_operate_shape, &ask);
    const struct saga_forward forward = {.asker = lookup->asker,
                                         .target = address,
                                         .method = lookup->method,
                                         .body = bus_buf_bytes(&body)};
    orch->world.forward(orch->world.arg, &forward);
    bus_buf_release(&body);
    bus_arena_release(&arena);
    return true;
}

void operate_found(struct orchestrator *orch, struct journal_job *job)
{
    const struct lookup *lookup = job->arg;
    const struct journal_row *row = job->found_count ? job->found : NULL;
    const struct orchestrator_request request = {.method = lookup->method,
                                                 .body = lookup->body,
                                                 .deadline = lookup->deadline,
                                                 .asker = lookup->asker};
    struct bus_error error = job->err;
    if (job->code) {
        error.code = job->code;
        answer_error(orch, lookup->asker, &error);
    } else if (row && !row->finished && row->foreign &&
               !run_find(orch, row->gid)) {
        if (!lookup->forwarded && hand_on(orch, lookup, row->owner))
            return;
        bus_error_set(&error, BUS_UNAVAILABLE,
                      "saga %s is another orchestrator's", row->gid);
        answer_error(orch, lookup->asker, &error);
    } else if (row && row->finished && !run_find(orch, row->gid)) {
        bus_error_set(&error, BUS_FAILED_PRECONDITION, "saga %s is %s already",
                      row->gid, row->status);
        answer_error(orch, lookup->asker, &error);
    } else {
        if (row && !run_find(orch, row->gid))
            resume_row(orch, row); /* ours, and not read back yet */
        operate_bytes(orch, &request, true);
    }
}
