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

#define LEASE_NS (JOURNAL_LEASE_MS * BUS_MILLI)

struct sim_job {
    struct sim_job *next;
    struct journal_job *job; /* the orchestrator's */
    unsigned incarnation;
    int owner; /* whose it is, under which epoch */
    uint64_t epoch;
    struct sim_row *rows; /* a batch, copied */
    bool *contested;      /* of each */
    size_t count;
    bool on_disk;
    bool lost; /* its process is gone */
};

static bool is_shared(const struct sim *sim)
{
    return sim->process_count > 1;
}

static int index_of(const struct sim *sim)
{
    return (int)(sim->me - sim->processes);
}

void journal_acquire(struct sim *sim)
{
    struct sim_owner *owner = &sim->owners[index_of(sim)];
    sim->me->epoch = ++owner->epoch;
    owner->until = sim->now + LEASE_NS;
}

static void row_set(struct sim_row *to, const struct journal_row *from)
{
    snprintf(to->gid, sizeof(to->gid), "%s", from->gid);
    snprintf(to->name, sizeof(to->name), "%s", from->name);
    snprintf(to->status, sizeof(to->status), "%s", from->status);
    to->finished = from->finished;
    to->reopened = from->reopened;
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

bool journal_owns(const struct sim *sim, const char *gid)
{
    const struct sim_row *row = row_find(sim, gid);
    int me = index_of(sim);
    return row && row->owner == me && sim->owners[me].epoch == sim->me->epoch;
}

/* Takes the row's state over. */
static void row_store(struct sim *sim, struct sim_row *row)
{
    struct sim_row *old = row_find(sim, row->gid);
    bool given = old && old->finished && row->reopened;
    if (old && old->owner != row->owner && !given)
        sim_break(sim, "%s: written by one that does not own it", row->gid);
    if (!old) {
        sim->rows = realloc(sim->rows, (sim->row_count + 1) * sizeof(*row));
        if (!sim->rows)
            abort();
        old = &sim->rows[sim->row_count++];
    } else {
        if (old->finished && !row->finished && !row->reopened)
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
    free(job->contested);
    free(job->rows);
    free(job);
}

/* A gid that is to be new is another's already. Unless it is lost, its process
 * hears so. */
static bool is_taken(struct sim *sim, const struct sim_job *job, size_t i)
{
    const struct sim_row *old = row_find(sim, job->rows[i].gid);
    bool taken = job->contested[i] && old && old->owner != job->owner &&
                 is_shared(sim) && !(old->finished && job->rows[i].reopened);
    if (!job->lost && job->job)
        job->job->rows[i].taken = taken;
    return taken;
}

static void job_commit(struct sim *sim, struct sim_job *job)
{
    struct sim_owner *owner = &sim->owners[job->owner];
    if (owner->epoch != job->epoch && sim->mutant != MUTANT_STALE_OWNER) {
        if (job->job)
            job->job->code =
                bus_error_reason(&job->job->err, BUS_ABORTED, "fenced",
                                 "another simulated orchestrator took over");
        return;
    }
    owner->until = sim->now + LEASE_NS;
    for (size_t i = 0; i < job->count; i++)
        if (!is_taken(sim, job, i) &&
            (sim->mutant != MUTANT_DROPS_WRITE || sim_chance(sim, 95)))
            row_store(sim, &job->rows[i]);
    job->on_disk = true;
    sim->batches++;
}

static void found_add(const struct sim *sim, struct journal_job *job,
                      const struct sim_row *row)
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
        .foreign = is_shared(sim) && row->owner != index_of(sim),
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

static void find_due(const struct sim *sim, struct journal_job *job, int owner)
{
    int64_t due = job->after;
    const char *gid = job->gid;
    while (job->found_count < job->limit) {
        const struct sim_row *first = NULL;
        for (size_t i = 0; i < sim->row_count; i++) {
            const struct sim_row *row = &sim->rows[i];
            if (!row->finished && row->owner == owner &&
                is_after(row, due, gid) &&
                (!first || is_after(first, row->due, row->gid)))
                first = row;
        }
        if (!first)
            return;
        found_add(sim, job, first);
        due = first->due;
        gid = first->gid;
    }
}

/* The owner that is to be taken over: -1, none is. */
static int owner_gone(const struct sim *sim)
{
    for (int i = 0; i < sim->process_count; i++)
        if (i != index_of(sim) && (sim->owners[i].until < sim->now ||
                                   sim->mutant == MUTANT_TWO_OWNERS))
            return i;
    return -1;
}

static void job_take(struct sim *sim, struct sim_job *job)
{
    int gone = owner_gone(sim);
    struct journal_job *to = job->job;
    if (gone < 0)
        return;
    job_commit(sim, job); /* no rows: renews, or is fenced */
    if (to->code)
        return;
    if (sim->mutant != MUTANT_TWO_OWNERS)
        sim->owners[gone].epoch++;
    to->found = bus_arena_array(&to->arena, to->limit, sizeof(*to->found));
    to->after = INT64_MIN;
    find_due(sim, to, gone);
    for (size_t i = 0; i < to->found_count; i++) {
        row_find(sim, to->found[i].gid)->owner = job->owner;
        to->found[i].foreign = false;
    }
}

static void job_read(struct sim *sim, struct journal_job *job)
{
    size_t max = job->kind == JOURNAL_FIND ? 1 : job->limit;
    job->found = bus_arena_array(&job->arena, max, sizeof(*job->found));
    job->found_count = 0;
    const struct sim_row *row = row_find(sim, job->gid);
    if (job->kind == JOURNAL_FIND && row)
        found_add(sim, job, row);
    if (job->kind == JOURNAL_DUE)
        find_due(sim, job, index_of(sim));
    if (job->kind == JOURNAL_LIST)
        for (size_t i = 0; i < sim->row_count && i < max; i++)
            found_add(sim, job, &sim->rows[i]);
}

static void job_start(struct sim *sim);

static void job_done(struct sim *sim, void *arg)
{
    struct sim_job *job = arg;
    bool up = world_enter(sim, job->incarnation);
    if (job->lost) {
        job_free(job);
        return;
    }
    if (up && world_paused(sim, job_done, job))
        return;
    sim->me->jobs = job->next;
    if (!sim->me->jobs)
        sim->me->jobs_end = &sim->me->jobs;
    if (world_effect(sim)) {
        orchestrator_done(sim->me->orch, job->job);
        world_loop(sim);
    }
    job_free(job);
    if (sim->me->jobs)
        job_start(sim);
}

static void job_act(struct sim *sim, void *arg)
{
    struct sim_job *job = arg;
    if (job->lost) {
        job_free(job);
        return;
    }
    world_enter(sim, job->incarnation);
    job->job->code = BUS_OK;
    job->job->found_count = 0;
    if (sim->disk_full || sim_fault(sim, 1))
        job->job->code = bus_error_set(&job->job->err, BUS_UNAVAILABLE,
                                       "the simulated disk is full");
    else if (job->job->kind == JOURNAL_COMMIT)
        job_commit(sim, job);
    else if (job->job->kind == JOURNAL_TAKE)
        job_take(sim, job);
    else
        job_read(sim, job->job);
    sim_at(sim, sim_between(sim, 1000, 50000), job_done, job);
}

static void job_start(struct sim *sim)
{
    sim_at(sim, sim_between(sim, 50000, 3000000), job_act, sim->me->jobs);
}

void journal_take(struct sim *sim, struct journal_job *from)
{
    struct sim_job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->job = from;
    job->incarnation = sim->me->incarnation;
    job->owner = index_of(sim);
    job->epoch = sim->me->epoch;
    from->leased = is_shared(sim) ? sim->now + LEASE_NS : BUS_FOREVER;
    if (from->kind == JOURNAL_COMMIT && from->count > 0) {
        job->rows = calloc(from->count, sizeof(*job->rows));
        job->contested = calloc(from->count, sizeof(*job->contested));
        if (!job->rows || !job->contested)
            abort();
        job->count = from->count;
        for (size_t i = 0; i < from->count; i++) {
            row_set(&job->rows[i], &from->rows[i]);
            job->rows[i].owner = job->owner;
            job->contested[i] = from->rows[i].contested;
        }
    }
    *sim->me->jobs_end = job;
    sim->me->jobs_end = &job->next;
    if (sim->me->jobs == job)
        job_start(sim);
}

/* The first job is under way: its batch may have reached the disk although
 * nobody was there to hear of it. The others were never begun. */
void journal_crash(struct sim *sim)
{
    struct sim_job *first = sim->me->jobs;
    struct sim_job *job = first ? first->next : NULL;
    while (job) {
        struct sim_job *next = job->next;
        job_free(job);
        job = next;
    }
    if (first) {
        first->job = NULL; /* went with its orchestrator */
        if (!first->on_disk && first->count > 0 && !sim->disk_full &&
            sim_chance(sim, 50))
            job_commit(sim, first);
        first->lost = true; /* freed by its event */
    }
    sim->me->jobs = NULL;
    sim->me->jobs_end = &sim->me->jobs;
}

void journal_release(struct sim *sim)
{
    for (size_t i = 0; i < sim->row_count; i++)
        bus_buf_release(&sim->rows[i].state);
    free(sim->rows);
}
