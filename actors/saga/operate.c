/* SPDX-License-Identifier: MIT
 *
 * What an operator does with a saga that is not finished: retry now whatever
 * waits or is parked, skip a branch (it counts as done), fail a step's action,
 * abort the saga. The reason is kept in the branch's history. What is in flight
 * has to come back first.
 */
#include <stdio.h>
#include <string.h>

#include "actors/saga/dtm.h"
#include "actors/saga/run.h"
#include "bus/code.h"
#include "bus/pack.h"

struct operate_ask {
    const char *gid;
    const char *step;   /* skip, fail */
    const char *reason; /* the same */
};

#define TEXT(member)                                                           \
    {                                                                          \
        .name = #member, .kind = BUS_TEXT,                                     \
        .offset = offsetof(struct operate_ask, member),                        \
        .presence = BUS_NO_PRESENCE                                            \
    }
static const struct bus_field fields[] = {TEXT(gid), TEXT(step), TEXT(reason)};
const struct bus_shape saga_operate_shape = {
    .name = "saga.OperateRequest",
    .size = sizeof(struct operate_ask),
    .count = sizeof(fields) / sizeof(fields[0]),
    .fields = fields,
};

/* The branch that a skip or fail is about: the one of the step that waits. */
static int find_branch(const struct saga *saga, const char *name,
                       uint16_t *ret_step, enum engine_op *ret_op,
                       struct bus_error *err)
{
    char id[SAGA_BRANCH_TEXT];
    for (uint16_t i = 0; i < saga->engine.count; i++) {
        bool plan = i < saga->plan->plan.step_count &&
                    strcmp(saga->plan->plan.steps[i].name, name) == 0;
        if (!plan && strcmp(saga_branch(saga, i, id), name) != 0)
            continue;
        for (int op = OP_ACTION; op <= OP_COMPENSATE; op++) {
            const struct engine_branch *branch = &saga->steps[i].branch[op];
            if (!engine_branch_timed(branch) && branch->status != BRANCH_PARKED)
                continue;
            *ret_step = i;
            *ret_op = (enum engine_op)op;
            return BUS_OK;
        }
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "step %.64s neither waits nor is parked", name);
    }
    return bus_error_set(err, BUS_NOT_FOUND, "no step %.64s", name);
}

static int settle(struct orchestrator *orch, struct run *run,
                  const struct operate_ask *ask, bool done,
                  struct bus_error *err)
{
    struct saga *saga = &run->saga;
    struct engine_event event = {.kind = EVENT_SETTLED,
                                 .code = done ? BUS_OK : BUS_ABORTED};
    char sentence[BUS_SENTENCE_MAX];
    if (!ask->reason[0])
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "reason",
                               "a reason is needed");
    int code = find_branch(saga, ask->step, &event.step, &event.op, err);
    if (code)
        return code;
    if (!done &&
        (event.op != OP_ACTION || saga->engine.pattern != PATTERN_SAGA))
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "there is no way back from step %.64s", ask->step);
    snprintf(sentence, sizeof(sentence), "%s by hand: %.256s",
             done ? "skipped" : "failed", ask->reason);
    const struct saga_attempt attempt = {
        .started = run_wall(orch), .code = event.code, .sentence = sentence};
    saga_attempted(saga, event.step, event.op, &attempt);
    saga_sentence(saga, event.step, event.op, sentence);
    saga->steps[event.step].branch[event.op].code = (uint8_t)event.code;
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

/* The first thing that happens to it may be its end: gid is the asker's. */
static void answer(struct orchestrator *orch, void *asker, const char *gid)
{
    bus_buf_reset(&orch->detail);
    bus_pack_map(&orch->detail, 1);
    bus_pack_text(&orch->detail, "gid");
    bus_pack_text(&orch->detail, gid);
    answer_body(orch, asker, &orch->detail);
}

void operate_request(struct orchestrator *orch,
                     const struct orchestrator_request *request)
{
    struct operate_ask ask = {0};
    struct bus_error error = {0};
    struct bus_arena arena;
    const struct engine_event wake = {.kind = EVENT_WAKE};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = bus_unpack_message(request->body, &saga_operate_shape, &arena,
                                  &ask, &error);
    struct run *run = code ? NULL : run_find(orch, ask.gid);
    if (!code && !run)
        code = bus_error_set(&error, BUS_NOT_FOUND, "no unfinished saga %.128s",
                             ask.gid);
    if (!code && strcmp(request->method, "retry") == 0) {
        run_begin_round(run);
        run_event(orch, run, &wake);
    } else if (!code && strcmp(request->method, "abort") == 0) {
        code = stop_or_turn(orch, run, &error);
    } else if (!code) {
        code = settle(orch, run, &ask, strcmp(request->method, "skip") == 0,
                      &error);
    }
    if (code)
        answer_error(orch, request->asker, &error);
    else
        answer(orch, request->asker, ask.gid);
    bus_arena_release(&arena);
}
