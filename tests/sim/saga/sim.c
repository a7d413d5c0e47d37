/* SPDX-License-Identifier: MIT
 *
 * Virtual time: a heap of events ordered by time and age, one generator
 * (splitmix64) for every choice, and the frame of a run: faults for a while,
 * then none, then everything must come to its end.
 */
#include "tests/sim/saga/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_NS (20 * BUS_SECOND)   /* how long things go wrong */
#define LIMIT_NS (300 * BUS_SECOND)   /* when everything must have ended */
#define EVENTS_MAX UINT64_C(20000000) /* of one run: a loop without end */

uint64_t sim_random(struct sim *sim)
{
    uint64_t z = (sim->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
    return low + (int64_t)(sim_random(sim) % (uint64_t)(high - low + 1));
}

bool sim_chance(struct sim *sim, int percent)
{
    return sim_between(sim, 0, 99) < percent;
}

bool sim_fault(struct sim *sim, int percent)
{
    return sim_chance(sim, percent) && sim->faults;
}

void sim_break(struct sim *sim, const char *format, ...)
{
    if (sim->broken[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(sim->broken, sizeof(sim->broken), format, args);
    va_end(args);
}

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event copy = *a;
    *a = *b;
    *b = copy;
}

void sim_at(struct sim *sim, int64_t delay, sim_action *action, void *arg)
{
    if (sim->events == sim->events_cap) {
        sim->events_cap = sim->events_cap ? sim->events_cap * 2 : 1024;
        sim->heap = realloc(sim->heap, sim->events_cap * sizeof(*sim->heap));
        if (!sim->heap)
            abort();
    }
    size_t at = sim->events++;
    sim->heap[at] =
        (struct sim_event){sim->now + delay, sim->order++, action, arg};
    for (; at > 0 && earlier(&sim->heap[at], &sim->heap[(at - 1) / 2]);
         at = (at - 1) / 2)
        swap(&sim->heap[at], &sim->heap[(at - 1) / 2]);
}

static struct sim_event sim_take(struct sim *sim)
{
    struct sim_event first = sim->heap[0];
    sim->heap[0] = sim->heap[--sim->events];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = at * 2 + 1; child <= at * 2 + 2; child++)
            if (child < sim->events &&
                earlier(&sim->heap[child], &sim->heap[least]))
                least = child;
        if (least == at)
            return first;
        swap(&sim->heap[at], &sim->heap[least]);
        at = least;
    }
}

void sim_init(struct sim *sim, uint64_t seed, unsigned sagas,
              enum sim_mutant mutant)
{
    memset(sim, 0, sizeof(*sim));
    sim->seed = seed;
    sim->random = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    sim->mutant = mutant;
    sim->saga_count = sagas;
    sim->faults = true;
    /* Every fourth seed has several orchestrators. */
    sim->process_count = seed % 4 ? 1 : 2 + (int)(seed / 4 % 2);
    sim->me = sim->processes;
    /* DTM's API wants a transaction's owner: its clients have one server. */
    if (sim->process_count == 1)
        sim->trans_count =
            sagas / 3 < SIM_TRANS_MAX ? sagas / 3 : SIM_TRANS_MAX;
    for (int i = 0; i < sim->process_count; i++) {
        sim->processes[i].crash_in = -1;
        sim->processes[i].jobs_end = &sim->processes[i].jobs;
    }
}

void sim_release(struct sim *sim)
{
    clients_release(sim);
    journal_release(sim);
    free(sim->heap);
}

static void faults_end(struct sim *sim, void *arg)
{
    (void)arg;
    sim->faults = false;
    for (int i = 0; i < sim->process_count; i++) {
        sim->processes[i].crash_in = -1;
        sim->processes[i].paused = 0;
    }
    sim->disk_full = false;
    for (int i = 0; i < SIM_ACTORS; i++)
        sim->actor_down[i] = sim->actor_sick[i] = false;
}

static bool settled(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->saga_count; i++)
        if (!sim->sagas[i].settled)
            return false;
    for (size_t i = 0; i < sim->row_count; i++)
        if (!sim->rows[i].finished)
            return false;
    return world_any_up(sim) && transactions_settled(sim);
}

/* The first that is not settled. */
static const char *unsettled(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->saga_count; i++)
        if (!sim->sagas[i].settled)
            return sim->sagas[i].gid;
    for (size_t i = 0; i < sim->row_count; i++)
        if (!sim->rows[i].finished)
            return sim->rows[i].gid;
    for (unsigned i = 0; i < sim->trans_count; i++)
        if (!sim->trans[i].settled)
            return sim->trans[i].gid;
    return "the orchestrator's start";
}

bool sim_run(struct sim *sim)
{
    uint64_t count = 0;
    clients_make(sim);
    transactions_make(sim);
    operator_schedule(sim);
    sim_at(sim, FAULTS_NS, faults_end, NULL);
    world_schedule_faults(sim);
    world_start(sim);
    world_bury(sim);
    while (!sim->broken[0] && sim->events > 0) {
        struct sim_event event = sim_take(sim);
        sim->now = event.at;
        event.action(sim, event.arg);
        world_bury(sim);
        if (sim->now > LIMIT_NS || ++count > EVENTS_MAX)
            break;
        if (!sim->faults && settled(sim))
            break;
    }
    if (!sim->broken[0] && !settled(sim))
        sim_break(sim, "%s does not end", unsettled(sim));
    clients_check(sim);
    participants_check(sim);
    transactions_check(sim);
    world_stop(sim);
    /* What is still queued owns memory: let it run against a dead world. */
    sim->over = true;
    while (sim->events > 0) {
        struct sim_event event = sim_take(sim);
        event.action(sim, event.arg);
    }
    transactions_crash(sim);
    nested_crash(0);
    return !sim->broken[0];
}
