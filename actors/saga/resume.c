/* SPDX-License-Identifier: MIT
 *
 * Reading back: unfinished sagas in order of due time, a batch at a time, each
 * resumed at once. Rows that cannot be read stay in the journal for a human and
 * are skipped; a journal that cannot be read is asked again. Where several
 * orchestrators share it, sagas of one that fell silent are taken over the same
 * way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm.h"
#include "actors/saga/run.h"
#include "bus/clock.h"
#include "bus/code.h"

#define EXPIRE_ROWS 500
#define EXPIRE_EVERY_S 60
#define EXPIRE_PAUSE_MS 50

struct lookup *lookup_new(struct orchestrator *orch, enum lookup_kind kind,
                          enum journal_kind job, void *asker)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
        abort();
    lookup->kind = kind;
    lookup->asker = asker;
    lookup->job.kind = job;
    lookup->job.arg = lookup;
    lookup->timer.kind = TIMER_LOOKUP;
    lookup->timer.owner = lookup;
    bus_arena_init(&lookup->job.arena, BUS_ARENA_LIMIT);
    link_init(&lookup->link);
    link_append(&orch->lookups, &lookup->link);
    return lookup;
}

void lookup_free(struct orchestrator *orch, struct lookup *lookup)
{
    link_drop(&lookup->link);
    timers_cancel(&orch->timers, &lookup->timer);
    if (lookup->submission)
        submission_free(orch, lookup->submission);
    if (lookup->dtm)
        dtm_work_free(lookup->dtm);
    bus_arena_release(&lookup->job.arena);
    free(lookup);
}

void resume_next(struct orchestrator *orch)
{
    struct lookup *lookup = lookup_new(orch, LOOKUP_RESUME, JOURNAL_DUE, NULL);
    lookup->job.after = orch->resume_after;
    lookup->job.limit = ORCHESTRATOR_RESUME_ROWS;
    memcpy(lookup->job.gid, orch->resume_gid, sizeof(lookup->job.gid));
    orch->resume_at = INT64_MAX;
    orch->world.journal(orch->world.arg, &lookup->job);
}

struct run *resume_row(struct orchestrator *orch, const struct journal_row *row)
{
    struct saga saga;
    struct bus_error error = {0};
    struct engine_event event = {.kind = EVENT_RESUMED};
    if (saga_unpack(row->state, row->gid, &orch->plans, &saga, &error)) {
        if (orch->world.unreadable)
            orch->world.unreadable(orch->world.arg, &error);
        return NULL;
    }
    if (engine_finished(&saga.engine)) {
        saga_release(&saga, &orch->plans);
        return NULL;
    }
    struct run *run = run_new(orch, &saga);
    orch->stats.resumed++;
    if (saga.plan->dtm)
        dtm_resuming(orch, run);
    run_event(orch, run, &event);
    return run;
}

void resume_done(struct orchestrator *orch, struct journal_job *job)
{
    if (job->code) {
        orch->resume_at =
            orch->world.now(orch->world.arg) + ORCHESTRATOR_MEND_MS * BUS_MILLI;
        return;
    }
    for (size_t i = 0; i < job->found_count; i++)
        if (!run_find(orch, job->found[i].gid))
            resume_row(orch, &job->found[i]);
    if (job->found_count < job->limit) {
        orch->stats.resuming = false;
        return;
    }
    const struct journal_row *last = &job->found[job->found_count - 1];
    orch->resume_after = last->due;
    snprintf(orch->resume_gid, sizeof(orch->resume_gid), "%s", last->gid);
    resume_next(orch);
}

void resume_expire(struct orchestrator *orch)
{
    struct lookup *lookup =
        lookup_new(orch, LOOKUP_EXPIRE, JOURNAL_EXPIRE, NULL);
    lookup->job.before = run_wall(orch) - orch->keep_us;
    lookup->job.limit = EXPIRE_ROWS;
    orch->expire_at = INT64_MAX;
    orch->world.journal(orch->world.arg, &lookup->job);
}

/* There are more, or it is time to look again. */
void resume_expired(struct orchestrator *orch, struct journal_job *job)
{
    bool more = !job->code && job->found_count == job->limit;
    orch->expire_at =
        orch->world.now(orch->world.arg) +
        (more ? EXPIRE_PAUSE_MS * BUS_MILLI : EXPIRE_EVERY_S * BUS_SECOND);
}

void resume_take(struct orchestrator *orch)
{
    struct lookup *lookup = lookup_new(orch, LOOKUP_TAKE, JOURNAL_TAKE, NULL);
    lookup->job.limit = ORCHESTRATOR_RESUME_ROWS;
    orch->take_at = INT64_MAX;
    orch->world.journal(orch->world.arg, &lookup->job);
}

void resume_taken(struct orchestrator *orch, struct journal_job *job)
{
    int64_t wait = ORCHESTRATOR_TAKE_MS * BUS_MILLI;
    if (commit_fenced(orch, job))
        return;
    for (size_t i = 0; i < job->found_count; i++)
        if (!run_find(orch, job->found[i].gid))
            resume_row(orch, &job->found[i]);
    if (!job->code && job->found_count == job->limit)
        wait = 0; /* it had more */
    if (!orch->draining)
        orch->take_at = orch->world.now(orch->world.arg) + wait;
}
