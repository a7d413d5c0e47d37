/* SPDX-License-Identifier: MIT
 *
 * saga.show. A saga that is not finished is shown from memory, every other from
 * the journal. Times are RFC 3339 texts with milliseconds; what has not
 * happened is left out.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "actors/saga/run.h"
#include "bus/code.h"
#include "bus/pack.h"

#define TIME_TEXT 32
#define MICRO INT64_C(1000000) /* us a second */

struct show_ask {
    const char *gid;
};

#define TEXT(type, member)                                                     \
    {                                                                          \
        .name = #member, .kind = BUS_TEXT,                                     \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE   \
    }

static const struct bus_field show_fields[] = {TEXT(show_ask, gid)};
const struct bus_shape saga_show_shape = {
    .name = "saga.ShowRequest",
    .size = sizeof(struct show_ask),
    .count = 1,
    .fields = show_fields,
};

void show_pair(struct bus_buf *buf, const char *key, const char *value)
{
    bus_pack_text(buf, key);
    bus_pack_text(buf, value);
}

void show_time(struct bus_buf *buf, const char *key, int64_t us)
{
    char text[TIME_TEXT];
    char day[TIME_TEXT];
    struct tm tm;
    time_t seconds = (time_t)(us / MICRO);
    gmtime_r(&seconds, &tm);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof(text), "%.19s.%03dZ", day, (int)(us % MICRO / 1000));
    show_pair(buf, key, text);
}

static void pack_history(struct bus_buf *buf, const struct saga_note *note)
{
    bus_pack_text(buf, "history");
    bus_pack_array(buf, note->history_count);
    for (uint32_t i = 0; i < note->history_count; i++) {
        const struct saga_attempt *attempt = &note->history[i];
        bus_pack_map(buf, 3u + (attempt->sentence != NULL));
        show_time(buf, "at", attempt->started);
        bus_pack_text(buf, "duration_us");
        bus_pack_int(buf, attempt->duration);
        show_pair(buf, "code", bus_code_name(attempt->code));
        if (attempt->sentence)
            show_pair(buf, "sentence", attempt->sentence);
    }
}

/* Pairs of a branch into the map that the caller opened. */
static void pack_branch(struct bus_buf *buf, const struct saga *saga,
                        uint16_t step, enum engine_op op)
{
    const struct engine_branch *branch = &saga->steps[step].branch[op];
    const struct saga_note *note = &saga->notes[step][op];
    show_pair(buf, "status", engine_branch_text(branch->status));
    bus_pack_text(buf, "attempts");
    bus_pack_uint(buf, branch->attempts);
    if (note->started)
        show_time(buf, "started", note->started);
    if (note->finished)
        show_time(buf, "finished", note->finished);
    if (branch->code)
        show_pair(buf, "code", bus_code_name(branch->code));
    if (note->business) {
        bus_pack_text(buf, "business");
        bus_pack_int(buf, note->business);
    }
    if (note->sentence)
        show_pair(buf, "sentence", note->sentence);
    if (note->history_count > 0)
        pack_history(buf, note);
}

static size_t branch_pairs(const struct saga *saga, uint16_t step,
                           enum engine_op op)
{
    const struct engine_branch *branch = &saga->steps[step].branch[op];
    const struct saga_note *note = &saga->notes[step][op];
    return 2u + (note->started != 0) + (note->finished != 0) +
           (branch->code != 0) + (note->business != 0) +
           (note->sentence != NULL) + (note->history_count > 0);
}

/* A URL has no method. */
static void pack_place(struct bus_buf *buf, const struct saga *saga,
                       uint16_t step, enum engine_op op)
{
    const struct saga_step *plan = NULL;
    if (step < saga->plan->plan.step_count)
        plan = &saga->plan->plan.steps[step];
    const char *method = plan && op == OP_ACTION ? plan->action.method
                         : plan                  ? plan->compensate.method
                                                 : "";
    show_pair(buf, "target", saga_target(saga, step, op));
    show_pair(buf, "method", method);
}

static void pack_step(struct bus_buf *buf, const struct saga *saga,
                      uint16_t step)
{
    char id[SAGA_BRANCH_TEXT];
    bool undo = saga_target(saga, step, OP_COMPENSATE) != NULL;
    bus_pack_map(buf, 3 + branch_pairs(saga, step, OP_ACTION) + undo);
    show_pair(buf, "name",
              step < saga->plan->plan.step_count
                  ? saga->plan->plan.steps[step].name
                  : saga_branch(saga, step, id));
    pack_place(buf, saga, step, OP_ACTION);
    pack_branch(buf, saga, step, OP_ACTION);
    if (!undo)
        return;
    bus_pack_text(buf, "compensation");
    bus_pack_map(buf, 2 + branch_pairs(saga, step, OP_COMPENSATE));
    pack_place(buf, saga, step, OP_COMPENSATE);
    pack_branch(buf, saga, step, OP_COMPENSATE);
}

static void pack_reason(struct bus_buf *buf, const struct saga *saga)
{
    int step = saga->engine.failed;
    const struct saga_note *note = &saga->notes[step][OP_ACTION];
    bus_pack_text(buf, "reason");
    bus_pack_map(buf, 4);
    show_pair(buf, "step",
              step < saga->plan->plan.step_count
                  ? saga->plan->plan.steps[step].name
                  : "");
    show_pair(buf, "code",
              bus_code_name(saga->steps[step].branch[OP_ACTION].code));
    bus_pack_text(buf, "business");
    bus_pack_int(buf, note->business);
    show_pair(buf, "sentence", note->sentence);
}

static void pack_saga(struct bus_buf *buf, const struct saga *saga)
{
    bool reason = saga->engine.failed >= 0;
    bus_pack_map(buf, 6u + (saga->finished != 0) + reason);
    show_pair(buf, "gid", saga->gid);
    show_pair(buf, "name", saga->plan->plan.name);
    show_pair(buf, "status", engine_phase_text(saga->engine.phase));
    show_time(buf, "created", saga->created);
    show_time(buf, "updated", saga->updated);
    if (saga->finished)
        show_time(buf, "finished", saga->finished);
    if (reason)
        pack_reason(buf, saga);
    bus_pack_text(buf, "steps");
    bus_pack_array(buf, saga->engine.count);
    for (uint16_t i = 0; i < saga->engine.count; i++)
        pack_step(buf, saga, i);
}

static void answer_saga(struct orchestrator *orch, void *asker,
                        const struct saga *saga)
{
    struct bus_buf buf;
    bus_buf_init(&buf, ORCHESTRATOR_REPLY_MAX);
    pack_saga(&buf, saga);
    answer_body(orch, asker, &buf);
    bus_buf_release(&buf);
}

static int ask_read(const struct orchestrator_request *request,
                    const struct bus_shape *shape, struct bus_arena *arena,
                    void *ret, struct bus_error *err)
{
    static const uint8_t empty_map = 0x80;
    struct bus_bytes body = request->body;
    if (body.len == 0)
        body = (struct bus_bytes){&empty_map, 1};
    return bus_unpack_message(body, shape, arena, ret, err);
}

void show_request(struct orchestrator *orch,
                  const struct orchestrator_request *request)
{
    struct show_ask ask = {0};
    struct bus_error error = {0};
    struct lookup *lookup =
        lookup_new(orch, LOOKUP_SHOW, JOURNAL_FIND, request->asker);
    int code =
        ask_read(request, &saga_show_shape, &lookup->job.arena, &ask, &error);
    if (!code && (!ask.gid[0] || strlen(ask.gid) > SAGA_GID_MAX))
        code =
            bus_error_field(&error, BUS_INVALID_ARGUMENT, "gid",
                            "a gid of 1 to %d bytes is needed", SAGA_GID_MAX);
    struct run *run = code ? NULL : run_find(orch, ask.gid);
    if (!code && !run) {
        snprintf(lookup->job.gid, sizeof(lookup->job.gid), "%s", ask.gid);
        orch->world.journal(orch->world.arg, &lookup->job);
        return;
    }
    if (code)
        answer_error(orch, request->asker, &error);
    else
        answer_saga(orch, request->asker, &run->saga);
    lookup_free(orch, lookup);
}

static void answer_row(struct orchestrator *orch, void *asker,
                       const struct journal_row *row)
{
    struct saga saga;
    struct bus_error error = {0};
    if (saga_unpack(row->state, row->gid, &orch->plans, &saga, &error)) {
        answer_error(orch, asker, &error);
        return;
    }
    answer_saga(orch, asker, &saga);
    saga_release(&saga, &orch->plans);
}

void show_found(struct orchestrator *orch, struct journal_job *job)
{
    struct lookup *lookup = job->arg;
    struct bus_error error = job->err;
    if (job->code) {
        error.code = job->code;
        answer_error(orch, lookup->asker, &error);
    } else if (lookup->kind == LOOKUP_LIST) {
        list_found(orch, lookup->asker, job);
    } else if (job->found_count > 0) {
        answer_row(orch, lookup->asker, job->found);
    } else {
        bus_error_set(&error, BUS_NOT_FOUND, "no saga %s", job->gid);
        answer_error(orch, lookup->asker, &error);
    }
}

static void pack_phases(struct bus_buf *body,
                        const struct orchestrator_stats *stats)
{
    const struct {
        const char *name;
        struct orchestrator_phase phase;
    } phases[] = {
#define PHASE(name) {#name, stats->phases.name},
        ORCHESTRATOR_PHASES(PHASE)
#undef PHASE
    };
    const size_t count = sizeof(phases) / sizeof(phases[0]);
    bus_pack_text(body, "phases");
    bus_pack_map(body, count);
    for (size_t i = 0; i < count; i++) {
        bus_pack_text(body, phases[i].name);
        bus_pack_array(body, 2);
        bus_pack_uint(body, phases[i].phase.count);
        bus_pack_uint(body, phases[i].phase.us);
    }
}

void stats_request(struct orchestrator *orch,
                   const struct orchestrator_request *request)
{
    const struct orchestrator_stats *stats = &orch->stats;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"sagas", stats->sagas},     {"calls", stats->calls},
        {"waiters", stats->waiters}, {"resumed", stats->resumed},
        {"commits", stats->commits}, {"rows", stats->rows},
    };
    const size_t count = sizeof(counts) / sizeof(counts[0]);
    struct bus_buf body;
    bus_buf_init(&body, ORCHESTRATOR_REPLY_MAX);
    bus_pack_map(&body, count + 3);
    for (size_t i = 0; i < count; i++) {
        bus_pack_text(&body, counts[i].name);
        bus_pack_uint(&body, counts[i].value);
    }
    bus_pack_text(&body, "failing");
    bus_pack_bool(&body, stats->failing);
    bus_pack_text(&body, "resuming");
    bus_pack_bool(&body, stats->resuming);
    pack_phases(&body, stats);
    answer_body(orch, request->asker, &body);
    bus_buf_release(&body);
}
