/* SPDX-License-Identifier: MIT
 *
 * The journal, simulated: one job after the other, each takes a while, a batch
 * reaches the disk whole at one instant or not at all. A crash loses the jobs
 * that have not; the one that has may have gone unnoticed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "tests/sim/saga/sim.h"

struct sim_job {
    struct sim_job *next;
    struct journal_job *job; /* the orchestrator's */
    unsigned incarnation;
    struct sim_row *rows; /* a batch, copied */
    size_t count;
    bool on_disk;
    bool lost; /* its process is gone */
};

static void row_set(struct sim_row *to, const struct journal_row *from)
{
    snprintf(to->gid, sizeof(to->gid), "%s", from->gid);
    snprintf(to->name, sizeof(to->name), "%s", from->name);
    snprintf(to->status, sizeof(to->status), "%s", from->status);
    to->finished = from->finished;
    to->due = from->due;
    to->created = from->created;
    to->updated = from->updated;
    bus_buf_init(&to->state, SAGA_STATE_MAX);
    bus_buf_add(&to->state, from->state.data, from->state.len);
}

static struct sim_row *row_find(const struct sim *sim, const char *gid)
{
    for (size_t i = 0; i < sim->row_count; i++)
        if (strcmp(sim->rows[i].gid, gid) == 0)
            return &sim->rows[i];
    return NULL;
}

const struct sim_row *journal_row(const struct sim *sim, const char *gid)
{
    return row_find(sim, gid);
}

/* Takes the row's state over. */
static void row_store(struct sim *sim, struct sim_row *row)
{
    struct sim_row *old = row_find(sim, row->gid);
    if (!old) {
        sim->rows = realloc(sim->rows, (sim->row_count + 1) * sizeof(*row));
        if (!sim->rows)
            abort();
        old = &sim->rows[sim->row_count++];
    } else {
        if (old->finished && !row->finished)
            sim_break(sim, "%s: finished and running again", row->gid);
        bus_buf_release(&old->state);
    }
    *old = *row;
    bus_buf_init(&row->state, 0);
}

static void job_free(struct sim_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        bus_buf_release(&job->rows[i].state);
    free(job->rows);
    free(job);
}

static void job_commit(struct sim *sim, struct sim_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (sim->mutant != MUTANT_DROPS_WRITE || sim_chance(sim, 95))
            row_store(sim, &job->rows[i]);
    job->on_disk = true;
    sim->batches++;
}

static void found_add(struct journal_job *job, const struct sim_row *row)
{
    struct journal_row *found = &job->found[job->found_count++];
    struct bus_bytes state = bus_buf_bytes(&row->state);
    *found = (struct journal_row){
        .gid = bus_arena_text(&job->arena, row->gid),
        .name = bus_arena_text(&job->arena, row->name),
        .status = bus_arena_text(&job->arena, row->status),
        .finished = row->finished,
        .due = row->due,
        .created = row->created,
        .updated = row->updated,
    };
    found->state.data = (const uint8_t *)bus_arena_text_n(
        &job->arena, (const char *)state.data, state.len);
    found->state.len = state.len;
}

/* True if a row comes after (due, gid). */
static bool is_after(const struct sim_row *row, int64_t due, const char *gid)
{
    return row->due > due || (row->due == due && strcmp(row->gid, gid) > 0);
}

static void find_due(struct sim *sim, struct journal_job *job)
{
    int64_t due = job->after;
    const char *gid = job->gid;
    while (job->found_count < job->limit) {
        const struct sim_row *first = NULL;
        for (size_t i = 0; i < sim->row_count; i++) {
            const struct sim_row *row = &sim->rows[i];
            if (!row->finished && is_after(row, due, gid) &&
                (!first || is_after(first, row->due, row->gid)))
                first = row;
        }
        if (!first)
            return;
        found_add(job, first);
        due = first->due;
        gid = first->gid;
    }
}

static void job_read(struct sim *sim, struct journal_job *job)
{
    size_t max = job->kind == JOURNAL_FIND ? 1 : job->limit;
    job->found = bus_arena_array(&job->arena, max, sizeof(*job->found));
    job->found_count = 0;
    const struct sim_row *row = row_find(sim, job->gid);
    if (job->kind == JOURNAL_FIND && row)
        found_add(job, row);
    if (job->kind == JOURNAL_DUE)
        find_due(sim, job);
    if (job->kind == JOURNAL_LIST)
        for (size_t i = 0; i < sim->row_count && i < max; i++)
            found_add(job, &sim->rows[i]);
}

static void job_start(struct sim *sim);

static void job_done(struct sim *sim, void *arg)
{
    struct sim_job *job = arg;
    if (job->lost) {
        job_free(job);
        return;
    }
    sim->jobs = job->next;
    if (!sim->jobs)
        sim->jobs_end = &sim->jobs;
    if (world_effect(sim)) {
        orchestrator_done(sim->orch, job->job);
        world_loop(sim);
    }
    job_free(job);
    if (sim->jobs)
        job_start(sim);
}

static void job_act(struct sim *sim, void *arg)
{
    struct sim_job *job = arg;
    if (job->lost) {
        job_free(job);
        return;
    }
    job->job->code = BUS_OK;
    if (sim->disk_full || sim_fault(sim, 1))
        job->job->code = bus_error_set(&job->job->err, BUS_UNAVAILABLE,
                                       "the simulated disk is full");
    else if (job->job->kind == JOURNAL_COMMIT)
        job_commit(sim, job);
    else
        job_read(sim, job->job);
    sim_at(sim, sim_between(sim, 1000, 50000), job_done, job);
}

static void job_start(struct sim *sim)
{
    sim_at(sim, sim_between(sim, 50000, 3000000), job_act, sim->jobs);
}

void journal_take(struct sim *sim, struct journal_job *from)
{
    struct sim_job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->job = from;
    job->incarnation = sim->incarnation;
    if (from->kind == JOURNAL_COMMIT && from->count > 0) {
        job->rows = calloc(from->count, sizeof(*job->rows));
        if (!job->rows)
            abort();
        job->count = from->count;
        for (size_t i = 0; i < from->count; i++)
            row_set(&job->rows[i], &from->rows[i]);
    }
    *sim->jobs_end = job;
    sim->jobs_end = &job->next;
    if (sim->jobs == job)
        job_start(sim);
}

/* The first job is under way: its batch may have reached the disk although
 * nobody was there to hear of it. The others were never begun. */
void journal_crash(struct sim *sim)
{
    struct sim_job *first = sim->jobs;
    struct sim_job *job = first ? first->next : NULL;
    while (job) {
        struct sim_job *next = job->next;
        job_free(job);
        job = next;
    }
    if (first) {
        if (!first->on_disk && first->count > 0 && !sim->disk_full &&
            sim_chance(sim, 50))
            job_commit(sim, first);
        first->lost = true; /* freed by its event */
    }
    sim->jobs = NULL;
    sim->jobs_end = &sim->jobs;
}

void journal_release(struct sim *sim)
{
    for (size_t i = 0; i < sim->row_count; i++)
        bus_buf_release(&sim->rows[i].state);
    free(sim->rows);
}
