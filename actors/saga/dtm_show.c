/* SPDX-License-Identifier: MIT
 *
 * Transactions and branches as DTM shows them: its order of fields and rows,
 * its words, what is empty left out. ids are 0, as on its stores without
 * numbers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm_work.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/json.h"
#include "bus/text.h"

/* One row of trans_branch_op. */
struct row {
    const struct saga *saga;
    const char *branch;
    const char *op;
    const char *status;
    const char *url;
    struct bus_bytes data;
    int64_t created, finished, rolled_back; /* us; 0: not yet */
};

const char *dtm_status(const struct saga *saga)
{
    switch ((enum engine_phase)saga->engine.phase) {
    case PHASE_NEW:
    case PHASE_PREPARING:
    case PHASE_PREPARED:
        return "prepared";
    case PHASE_ACCEPTING:
    case PHASE_SUBMITTING:
    case PHASE_RUNNING:
    case PHASE_CLOSING_DONE:
        return "submitted";
    case PHASE_DONE:
        return "succeed";
    case PHASE_UNDONE:
        return "failed";
    case PHASE_TURNING:
    case PHASE_UNDOING:
    case PHASE_CLOSING_UNDONE:
    case PHASE_REFUSED:
    case PHASE_COUNT:
        break;
    }
    return "aborting";
}

static void comma(struct bus_buf *buf)
{
    if (buf->len > 0 && !strchr("{[:", buf->data[buf->len - 1]))
        bus_buf_byte(buf, ',');
}

static void write_key(struct bus_buf *buf, const char *key)
{
    comma(buf);
    bus_buf_printf(buf, "\"%s\":", key);
}

static void write_text(struct bus_buf *buf, const char *key, const char *text)
{
    if (!text || !text[0])
        return;
    write_key(buf, key);
    bus_json_text(buf, text, strlen(text));
}

static void write_time(struct bus_buf *buf, const char *key, int64_t us)
{
    char text[TEXT_TIME_MAX];
    if (us == 0)
        return;
    text_time_write(us, text);
    write_text(buf, key, text);
}

static void write_number(struct bus_buf *buf, const char *key, int64_t number)
{
    write_key(buf, key);
    bus_buf_printf(buf, "%" PRId64, number);
}

static void write_base64(struct bus_buf *buf, const char *key,
                         struct bus_bytes data)
{
    if (data.len == 0)
        return;
    write_key(buf, key);
    bus_buf_byte(buf, '"');
    text_base64_write(buf, data);
    bus_buf_byte(buf, '"');
}

static void write_row(struct bus_buf *buf, const struct row *row)
{
    int64_t updated = row->finished ? row->finished : row->created;
    comma(buf);
    bus_buf_byte(buf, '{');
    write_number(buf, "id", 0);
    write_time(buf, "create_time", row->created);
    write_time(buf, "update_time", updated);
    write_text(buf, "gid", row->saga->gid);
    write_text(buf, "url", row->url);
    write_base64(buf, "bin_data", row->data);
    write_text(buf, "branch_id", row->branch);
    write_text(buf, "op", row->op);
    write_text(buf, "status", row->status);
    write_time(buf, "finish_time", row->finished);
    write_time(buf, "rollback_time", row->rolled_back);
    bus_buf_byte(buf, '}');
}

/* Only a saga's action can have failed: refused, and not given up. */
static const char *branch_status(const struct engine_branch *branch)
{
    if (branch->status == BRANCH_DONE)
        return "succeed";
    if (branch->status == BRANCH_FAILED &&
        engine_verdict(branch->code) == VERDICT_REFUSE)
        return "failed";
    return "prepared";
}

static void write_branch(struct bus_buf *buf, const struct saga *saga,
                         uint16_t step, enum engine_op op, const char *name)
{
    char id[SAGA_BRANCH_TEXT];
    const struct saga_note *note = &saga->notes[step][op];
    const struct row row = {
        .saga = saga,
        .branch = saga_branch(saga, step, id),
        .op = name,
        .status = branch_status(&saga->steps[step].branch[op]),
        .url = saga_target(saga, step, op),
        .data =
            saga->plan->dtm ? saga_payload(saga, step) : (struct bus_bytes){0},
        .created = step < saga->added_count ? saga->added[step].created
                                            : saga->created,
        .finished = note->finished,
    };
    write_row(buf, &row);
}

static void write_line(struct bus_buf *buf, const struct saga *saga, size_t at)
{
    const struct saga_added *added = &saga->added[at];
    const struct row row = {.saga = saga,
                            .branch = added->branch,
                            .op = added->op,
                            .status = added->status,
                            .data = added->data,
                            .created = added->created,
                            .finished = added->created};
    write_row(buf, &row);
}

/* A step's way back stands before its way on. */
static void write_branches(struct bus_buf *buf, const struct saga *saga)
{
    static const char *const names[PATTERN_COUNT][2] = {
        [PATTERN_SAGA] = {"action", "compensate"},
        [PATTERN_MESSAGE] = {"action", NULL},
        [PATTERN_TCC] = {"confirm", "cancel"},
        [PATTERN_XA] = {"commit", "rollback"},
        [PATTERN_WORKFLOW] = {NULL, NULL},
    };
    const char *const *name = names[saga->engine.pattern];
    bus_buf_byte(buf, '[');
    for (uint16_t i = 0; i < saga->engine.count; i++) {
        if (name[OP_COMPENSATE] && saga_target(saga, i, OP_COMPENSATE))
            write_branch(buf, saga, i, OP_COMPENSATE, name[OP_COMPENSATE]);
        write_branch(buf, saga, i, OP_ACTION, name[OP_ACTION]);
    }
    for (size_t i = 0;
         saga->engine.pattern == PATTERN_WORKFLOW && i < saga->added_count; i++)
        write_line(buf, saga, i);
    bus_buf_byte(buf, ']');
}

/* Seconds between the last tries. */
static int64_t interval_of(const struct saga *saga)
{
    int64_t interval = saga->plan->dtm->retry_interval_s;
    for (uint16_t i = 0; i < saga->engine.count; i++)
        for (int op = 0; op < 2; op++) {
            const struct engine_branch *branch = &saga->steps[i].branch[op];
            int64_t wait = engine_backoff_ms(&saga->engine.rules[i],
                                             branch->failures, false) /
                           1000;
            if (branch->status == BRANCH_BACKOFF && wait > interval)
                interval = wait;
        }
    return interval;
}

static int64_t due_of(const struct dtm *dtm, const struct run *run)
{
    const struct orchestrator_world *world = &dtm->orch->world;
    int64_t due = run_due(dtm->orch, run);
    int64_t now = world->now(world->arg);
    if (run->saga.engine.phase == PHASE_PREPARED && run->cron_at < due)
        due = run->cron_at;
    if (due == INT64_MAX)
        due = now;
    return world->wall(world->arg) + (due - now) / 1000;
}

static void write_dtm(struct bus_buf *buf, const struct dtm *dtm,
                      const struct dtm_target *target)
{
    const struct saga *saga = target->saga;
    const struct plan_dtm *from = saga->plan->dtm;
    write_text(buf, "options", from->options);
    write_text(buf, "custom_data", from->custom_data);
    write_number(buf, "next_cron_interval", interval_of(saga));
    write_time(buf, "next_cron_time",
               target->run ? due_of(dtm, target->run) : saga->updated);
}

static void write_result(struct bus_buf *buf, const struct saga *saga)
{
    if (saga->result.len == 0)
        return;
    write_key(buf, "result");
    bus_json_text(buf, (const char *)saga->result.data, saga->result.len);
}

void dtm_write_trans(struct bus_buf *buf, const struct dtm *dtm,
                     const struct dtm_target *target)
{
    const struct saga *saga = target->saga;
    const struct plan_dtm *from = saga->plan->dtm;
    bool failed = saga->engine.phase == PHASE_UNDONE;
    bool done = saga->engine.phase == PHASE_DONE;
    comma(buf);
    bus_buf_byte(buf, '{');
    write_number(buf, "id", 0);
    write_time(buf, "create_time", saga->created);
    write_time(buf, "update_time", saga->updated);
    write_text(buf, "gid", saga->gid);
    write_text(buf, "trans_type", from ? from->trans_type : "saga");
    write_text(buf, "status", dtm_status(saga));
    write_text(buf, "query_prepared", from ? from->query_prepared : NULL);
    write_text(buf, "protocol", from ? from->protocol : "bus");
    write_time(buf, "finish_time", done ? saga->finished : 0);
    write_time(buf, "rollback_time", failed ? saga->finished : 0);
    write_result(buf, saga);
    write_text(buf, "rollback_reason", saga->reason);
    if (from)
        write_dtm(buf, dtm, target);
    write_key(buf, "concurrent");
    bus_buf_text(buf, from && from->concurrent ? "true" : "false");
    bus_buf_byte(buf, '}');
}

void dtm_write_query(struct bus_buf *buf, const struct dtm *dtm,
                     const struct dtm_target *target, bool progress)
{
    bus_buf_printf(buf, "{\"%s\":", progress ? "progresses" : "branches");
    if (target->saga)
        write_branches(buf, target->saga);
    else
        bus_buf_text(buf, "[]");
    write_key(buf, "transaction");
    if (target->saga) {
        dtm_write_trans(buf, dtm, target);
    } else {
        bus_buf_text(buf, "null");
    }
    bus_buf_byte(buf, '}');
}

void dtm_verb_query(struct dtm_work *work, const struct dtm_target *target)
{
    struct bus_buf buf;
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    dtm_write_query(&buf, work->dtm, target, work->resuming);
    dtm_body(work->dtm, dtm_take_asker(work), &buf);
    bus_buf_release(&buf);
}

/* ---- /all ---- */

/* Ours of a status of DTM's. */
static const char *stored_status(const char *status)
{
    static const char *const pairs[][2] = {{"prepared", "prepared"},
                                           {"submitted", "running"},
                                           {"aborting", "undoing"},
                                           {"succeed", "done"},
                                           {"failed", "undone"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (strcmp(pairs[i][0], status) == 0)
            return pairs[i][1];
    return status;
}

static void write_found(struct bus_buf *buf, struct dtm *dtm,
                        const struct journal_row *row)
{
    struct orchestrator *orch = dtm->orch;
    struct saga saga;
    struct bus_error error;
    struct run *run = run_find(orch, row->gid);
    if (run) {
        const struct dtm_target target = {.run = run, .saga = &run->saga};
        dtm_write_trans(buf, dtm, &target);
        return;
    }
    if (saga_unpack(row->state, row->gid, &orch->plans, &saga, &error))
        return; /* it is told of when it is resumed */
    const struct dtm_target target = {.saga = &saga};
    dtm_write_trans(buf, dtm, &target);
    saga_release(&saga, &orch->plans);
}

/* Inside a JSON text that is open already. */
static void write_plain(struct bus_buf *buf, const char *text)
{
    struct bus_buf quoted;
    bus_buf_init(&quoted, DTM_ANSWER_MAX);
    bus_json_text(&quoted, text, strlen(text));
    bus_buf_add(buf, quoted.data + 1, quoted.len - 2);
    bus_buf_release(&quoted);
}

static void all_found(struct dtm_work *work, struct journal_job *job)
{
    struct bus_buf buf;
    if (job->code) {
        dtm_refuse(work->dtm, dtm_take_asker(work), &job->err);
        return;
    }
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    bus_buf_text(&buf, "{\"next_position\":\"");
    if (job->kind == JOURNAL_LIST && job->found_count == job->limit &&
        job->limit > 0) {
        const struct journal_row *last = &job->found[job->found_count - 1];
        bus_buf_printf(&buf, "%" PRId64 "_", last->created);
        write_plain(&buf, last->gid);
    }
    bus_buf_text(&buf, "\",\"transactions\":");
    if (job->kind == JOURNAL_FIND && job->found_count == 0) {
        bus_buf_text(&buf, "null}");
    } else {
        bus_buf_byte(&buf, '[');
        for (size_t i = 0; i < job->found_count; i++)
            write_found(&buf, work->dtm, &job->found[i]);
        bus_buf_text(&buf, "]}");
    }
    dtm_body(work->dtm, dtm_take_asker(work), &buf);
    bus_buf_release(&buf);
}

static bool number_of(const struct bus_list *pairs, const char *name,
                      int64_t otherwise, int64_t *ret)
{
    const char *text = dtm_pair(pairs, name);
    char *end = NULL;
    *ret = text[0] ? strtoll(text, &end, 10) : otherwise;
    return !text[0] || (end && !*end);
}

/* "CREATED_GID" of the last row of the page before. */
static void read_position(const char *text, struct journal_job *job)
{
    char *end = NULL;
    job->before = INT64_MAX;
    if (!text[0])
        return;
    job->before = strtoll(text, &end, 10);
    if (*end == '_')
        snprintf(job->gid, sizeof(job->gid), "%s", end + 1);
}

void dtm_all(struct dtm_work *work)
{
    const char *gid = dtm_pair(&work->pairs, "gid");
    int64_t limit, from, until;
    char message[128];
    if (!number_of(&work->pairs, "limit", DTM_LIMIT_DEFAULT, &limit) ||
        !number_of(&work->pairs, "createTimeStart", 0, &from) ||
        !number_of(&work->pairs, "createTimeEnd", 0, &until)) {
        snprintf(message, sizeof(message), "convert to int error: %.64s",
                 dtm_pair(&work->pairs, "limit"));
        dtm_error(work->dtm, dtm_take_asker(work), 400, message);
        return;
    }
    struct journal_job *job =
        dtm_lookup(work, gid[0] ? JOURNAL_FIND : JOURNAL_LIST, all_found);
    snprintf(job->gid, sizeof(job->gid), "%s", gid);
    snprintf(job->status, sizeof(job->status), "%s",
             stored_status(dtm_pair(&work->pairs, "status")));
    snprintf(job->name, sizeof(job->name), "%s",
             dtm_pair(&work->pairs, "transType"));
    job->limit = limit < 1                  ? 1
                 : limit > JOURNAL_LIST_MAX ? JOURNAL_LIST_MAX
                                            : (uint32_t)limit;
    job->whole = true;
    if (job->kind == JOURNAL_LIST)
        read_position(dtm_pair(&work->pairs, "position"), job);
    if (until > 0 && until < INT64_MAX / 1000 && until * 1000 < job->before)
        job->before = until * 1000;
    job->from = from > 0 && from < INT64_MAX / 1000 ? from * 1000 : 0;
    dtm_lookup_start(work);
}
