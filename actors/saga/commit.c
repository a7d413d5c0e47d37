/* SPDX-License-Identifier: MIT
 *
 * Group commit. Two queues: sagas that wait for the disk, and sagas whose
 * progress should reach it by and by. One batch is under way at a time; what
 * is urgent starts the next as soon as it is back. A saga written twice
 * meanwhile is one row. When the journal fails, what was being accepted is
 * refused, everything else is written again until it works.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/run.h"
#include "bus/clock.h"
#include "bus/code.h"

static int64_t now_of(const struct orchestrator *orch)
{
    return orch->world.now(orch->world.arg);
}

static struct run *run_of(struct link *dirty)
{
    return (struct run *)(void *)dirty; /* its first member */
}

void commit_want(struct orchestrator *orch, struct run *run, bool sync)
{
    if (!link_alone(&run->dirty) && (run->urgent || !sync))
        return;
    run->dirty_since = now_of(orch);
    run->urgent = sync;
    link_append(sync ? &orch->urgent : &orch->riding, &run->dirty);
}

/* When the oldest progress has waited long enough. */
static int64_t riding_due(const struct orchestrator *orch)
{
    if (link_alone(&orch->riding))
        return INT64_MAX;
    if (orch->draining)
        return 0;
    return run_of(orch->riding.next)->dirty_since +
           ORCHESTRATOR_RIDE_MS * BUS_MILLI;
}

/* Many who wait are better served by fewer syncs, of which the disk has only so
 * many a second, and which the participants want too; few are not kept. */
static int64_t urgent_due(const struct orchestrator *orch)
{
    return orch->stats.sagas < ORCHESTRATOR_CROWD || orch->draining
               ? 0
               : orch->batch->after;
}

/* A third of the lease is over. */
static int64_t renewal_due(const struct orchestrator *orch)
{
    return orch->world.shared
               ? orch->leased - JOURNAL_LEASE_MS * 2 / 3 * BUS_MILLI
               : INT64_MAX;
}

int64_t commit_due(const struct orchestrator *orch)
{
    if (orch->batch->busy || orch->stats.fenced)
        return INT64_MAX;
    if (orch->stats.failing)
        return orch->mend;
    if (!link_alone(&orch->urgent))
        return urgent_due(orch);
    int64_t riding = riding_due(orch), renewal = renewal_due(orch);
    return riding < renewal ? riding : renewal;
}

bool commit_leased(const struct orchestrator *orch)
{
    return !orch->world.shared || now_of(orch) < orch->leased;
}

bool commit_fenced(struct orchestrator *orch, const struct journal_job *job)
{
    if (job->code != BUS_ABORTED || strcmp(job->err.reason, "fenced") != 0)
        return false;
    orch->stats.fenced = true;
    orch->world.fenced(orch->world.arg, &job->err);
    return true;
}

/* Unix time at which the saga next wants to act: its first timer. */
static int64_t wants_at(const struct orchestrator *orch, const struct run *run)
{
    int64_t first = run_due(orch, run);
    int64_t wall = orch->world.wall(orch->world.arg);
    if (first == INT64_MAX)
        return wall;
    return wall + (first - now_of(orch)) / 1000;
}

/* What is parked runs, or is undone: only a list tells it apart. */
static const char *status_of(const struct saga *saga)
{
    return engine_parked(&saga->engine) && !engine_closing(&saga->engine)
               ? "parked"
               : engine_phase_text(saga->engine.phase);
}

static void batch_add(struct orchestrator *orch, struct run *run)
{
    struct batch *batch = orch->batch;
    const struct saga *saga = &run->saga;
    if (run->urgent)
        phase_add(&orch->stats.phases.queued,
                  (now_of(orch) - run->dirty_since) / 1000);
    link_drop(&run->dirty);
    assert(run->writing == 0 && saga->engine.version > 0);
    run->writing = saga->engine.version;
    batch->runs[batch->count] = run;
    struct saga_trouble *trouble = &batch->troubles[batch->count];
    saga_trouble(saga, trouble);
    batch->rows[batch->count] = (struct journal_row){
        .gid = saga->gid,
        .name = saga->plan->plan.name,
        .status = status_of(saga),
        .type = saga_pattern_text(saga),
        .failing = trouble->step,
        .error = trouble->error,
        .finished = engine_closing(&saga->engine),
        .due = wants_at(orch, run),
        .created = saga->created,
        .updated = saga->updated,
        .contested = run->contested,
        .reopened = run->reopened,
    };
    saga_pack(saga, &batch->bytes);
    assert(!batch->bytes.failed);
    batch->at[++batch->count] = batch->bytes.len;
}

/* The buffer may have moved while it grew: spans are made at the end. */
static void batch_send(struct orchestrator *orch)
{
    struct batch *batch = orch->batch;
    for (size_t i = 0; i < batch->count; i++)
        batch->rows[i].state = (struct bus_bytes){
            batch->bytes.data + batch->at[i], batch->at[i + 1] - batch->at[i]};
    batch->job = (struct journal_job){
        .kind = JOURNAL_COMMIT, .rows = batch->rows, .count = batch->count};
    batch->busy = true;
    batch->sent = now_of(orch);
    orch->stats.commits++;
    orch->stats.rows += batch->count;
    orch->world.journal(orch->world.arg, &batch->job);
}

static bool batch_full(const struct batch *batch)
{
    return batch->count >= ORCHESTRATOR_BATCH_ROWS ||
           batch->bytes.len >= ORCHESTRATOR_BATCH_BYTES;
}

void commit_flush(struct orchestrator *orch)
{
    struct batch *batch = orch->batch;
    int64_t now = now_of(orch);
    if (commit_due(orch) > now)
        return;
    batch->count = 0;
    bus_buf_reset(&batch->bytes);
    while (!link_alone(&orch->urgent) && !batch_full(batch))
        batch_add(orch, run_of(orch->urgent.next));
    while (riding_due(orch) <= now && !batch_full(batch))
        batch_add(orch, run_of(orch->riding.next));
    batch_send(orch);
}

static void row_failed(struct orchestrator *orch, struct run *run)
{
    struct engine_event event = {.kind = EVENT_UNWRITTEN};
    if (run->saga.engine.phase == PHASE_ACCEPTING ||
        run->saga.engine.phase == PHASE_PREPARING) {
        run_event(orch, run, &event);
        return;
    }
    submit_unwritten(orch, run);
    commit_want(orch, run, true);
}

/* Somebody else has it. What was to be accepted is refused; what was reopened,
 * or never begun, is not ours. */
static void row_taken(struct orchestrator *orch, struct run *run)
{
    enum engine_phase phase = run->saga.engine.phase;
    if (phase == PHASE_ACCEPTING || phase == PHASE_PREPARING)
        row_failed(orch, run);
    else
        run_lose(orch, run);
}

static void batch_failed(struct orchestrator *orch)
{
    struct batch *batch = orch->batch;
    orch->stats.failing = true;
    orch->mend = now_of(orch) + ORCHESTRATOR_MEND_MS * BUS_MILLI;
    for (size_t i = 0; i < batch->count; i++) {
        batch->runs[i]->writing = 0;
        row_failed(orch, batch->runs[i]);
    }
}

void commit_done(struct orchestrator *orch)
{
    struct batch *batch = orch->batch;
    assert(batch->busy);
    batch->busy = false;
    int64_t now = now_of(orch), took = now - batch->sent;
    int64_t most = ORCHESTRATOR_GATHER_MS * BUS_MILLI;
    batch->after = now + (took < most ? took : most);
    if (commit_fenced(orch, &batch->job))
        return;
    if (batch->job.code) {
        batch_failed(orch);
        return;
    }
    orch->stats.failing = false;
    phase_add(&orch->stats.phases.written, took / 1000);
    orch->leased = batch->job.leased;
    for (size_t i = 0; i < batch->count; i++) {
        struct run *run = batch->runs[i];
        struct engine_event event = {.kind = EVENT_COMMITTED,
                                     .version = run->writing};
        run->writing = 0;
        run->contested = false;
        run->taken = batch->rows[i].taken;
        if (run->taken) {
            row_taken(orch, run);
            continue;
        }
        run->reopened = false;
        submit_durable(orch, run, event.version);
        run_event(orch, run, &event);
    }
    run_held_release(orch);
}
