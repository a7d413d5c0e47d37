/* SPDX-License-Identifier: MIT
 *
 * What submitters are told. Every answer names the gid, also a refusal, in its
 * detail.
 */
#include <stdio.h>
#include <string.h>

#include "actors/saga/run.h"
#include "actors/saga/values.h"
#include "bus/code.h"
#include "bus/pack.h"

static void answer(struct orchestrator *orch, void *asker,
                   const struct bus_reply *reply)
{
    orch->world.answer(orch->world.arg, asker, reply);
}

static void pack_pair(struct bus_buf *buf, const char *key, const char *value)
{
    bus_pack_text(buf, key);
    bus_pack_text(buf, value);
}

void answer_error(struct orchestrator *orch, void *asker,
                  const struct bus_error *error)
{
    struct bus_reply reply = {.error = *error};
    answer(orch, asker, &reply);
}

static void answer_refusal(struct orchestrator *orch, void *asker,
                           const struct bus_error *error)
{
    struct bus_reply reply = {.error = *error,
                              .detail = bus_buf_bytes(&orch->detail)};
    answer(orch, asker, &reply);
}

void answer_still_running(struct orchestrator *orch, void *asker,
                          const char *gid)
{
    struct bus_error error;
    bus_error_reason(&error, BUS_DEADLINE_EXCEEDED, "still_running",
                     "saga %s is still running", gid);
    bus_buf_reset(&orch->detail);
    bus_pack_map(&orch->detail, 1);
    pack_pair(&orch->detail, "gid", gid);
    answer_refusal(orch, asker, &error);
}

void answer_body(struct orchestrator *orch, void *asker, struct bus_buf *body)
{
    struct bus_error error;
    struct bus_reply reply = {.body = bus_buf_bytes(body)};
    if (!body->failed) {
        answer(orch, asker, &reply);
        return;
    }
    bus_error_set(&error, BUS_RESOURCE_EXHAUSTED,
                  "the answer is larger than %zu bytes",
                  ORCHESTRATOR_REPLY_MAX);
    answer_error(orch, asker, &error);
}

void answer_accepted(struct orchestrator *orch, void *asker,
                     const struct saga *saga)
{
    bus_buf_reset(&orch->detail);
    bus_pack_map(&orch->detail, 2);
    pack_pair(&orch->detail, "gid", saga->gid);
    pack_pair(&orch->detail, "status", engine_phase_text(saga->engine.phase));
    answer_body(orch, asker, &orch->detail);
}

static void answer_done(struct orchestrator *orch, void *asker,
                        const struct saga *saga)
{
    struct bus_error error;
    bus_buf_reset(&orch->body);
    bus_pack_map(&orch->body, 3);
    pack_pair(&orch->body, "gid", saga->gid);
    pack_pair(&orch->body, "status", engine_phase_text(saga->engine.phase));
    bus_pack_text(&orch->body, "reply");
    if (values_result(saga, &orch->body, &error) == BUS_OK) {
        answer_body(orch, asker, &orch->body);
        return;
    }
    /* Done all the same: only its result cannot be put into words. */
    error.code = BUS_INTERNAL;
    bus_buf_reset(&orch->detail);
    bus_pack_map(&orch->detail, 1);
    pack_pair(&orch->detail, "gid", saga->gid);
    answer_refusal(orch, asker, &error);
}

/* The failing step speaks: its sentence and its business code, or the number of
 * its code. */
static void answer_rolled_back(struct orchestrator *orch, void *asker,
                               const struct saga *saga)
{
    struct bus_error error;
    int step = saga->engine.failed;
    const char *name = step >= 0 ? saga->plan->plan.steps[step].name : "";
    int code = BUS_ABORTED;
    int32_t business = 0;
    const char *sentence = NULL;
    if (step >= 0) {
        code = saga->steps[step].branch[OP_ACTION].code;
        business = saga->notes[step][OP_ACTION].business;
        sentence = saga->notes[step][OP_ACTION].sentence;
    }
    bus_error_reason(&error, BUS_ABORTED, "rolled_back", "%s",
                     sentence ? sentence : bus_code_name(code));
    error.business = business ? business : code;
    bus_buf_reset(&orch->detail);
    bus_pack_map(&orch->detail, 3);
    pack_pair(&orch->detail, "gid", saga->gid);
    pack_pair(&orch->detail, "step", name);
    pack_pair(&orch->detail, "code", bus_code_name(code));
    answer_refusal(orch, asker, &error);
}

void answer_outcome(struct orchestrator *orch, void *asker,
                    const struct saga *saga)
{
    if (saga->engine.phase == PHASE_DONE)
        answer_done(orch, asker, saga);
    else
        answer_rolled_back(orch, asker, saga);
}
