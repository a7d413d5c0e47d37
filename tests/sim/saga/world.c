/* SPDX-License-Identifier: MIT
 *
 * The orchestrator's process: its world of functions, a loop that runs soon
 * after something happened and when a timer is due, crashes between any two
 * effects, restarts, and the schedule of everything else that goes wrong.
 */
#include "tests/sim/saga/sim.h"

#define WALL_START INT64_C(1700000000000000) /* us */

static int64_t world_now(void *arg)
{
    return ((struct sim *)arg)->now;
}

static int64_t world_wall(void *arg)
{
    return WALL_START + ((struct sim *)arg)->now / 1000;
}

static uint64_t world_random(void *arg)
{
    return sim_random(arg);
}

bool world_effect(struct sim *sim)
{
    if (sim->dead)
        return false;
    sim->effects++;
    if (sim->crash_in > 0 && --sim->crash_in == 0)
        sim->dead = true;
    return !sim->dead;
}

static void world_journal(void *arg, struct journal_job *job)
{
    struct sim *sim = arg;
    if (!world_effect(sim))
        return;
    journal_take(sim, job);
    world_effect(sim);
}

static void world_call(void *arg, const struct saga_call *call)
{
    struct sim *sim = arg;
    if (!world_effect(sim))
        return;
    if (call->dtm)
        transactions_call(sim, call);
    else
        participants_call(sim, call);
    world_effect(sim);
}

static void world_answer(void *arg, void *asker, const struct bus_reply *reply)
{
    struct sim *sim = arg;
    if (!world_effect(sim))
        return;
    clients_answer(sim, asker, reply);
    world_effect(sim);
}

static void world_http(void *arg, void *asker, int status, const char *type,
                       struct bus_bytes body)
{
    struct sim *sim = arg;
    (void)type;
    (void)body;
    if (!world_effect(sim))
        return;
    transactions_answer(sim, asker, status);
    world_effect(sim);
}

bool world_up(const struct sim *sim)
{
    return sim->orch && !sim->dead;
}

static void wake(struct sim *sim, void *arg);

/* One round: what is due, then the batch; and when to look again. */
static void round_of(struct sim *sim)
{
    orchestrator_tick(sim->orch);
    if (sim->dead)
        return;
    int64_t due = orchestrator_due(sim->orch);
    if (due == INT64_MAX || (sim->wake > sim->now && sim->wake <= due))
        return;
    sim->wake = due > sim->now ? due : sim->now;
    sim_at(sim, sim->wake - sim->now, wake,
           (void *)(uintptr_t)sim->incarnation);
}

/* Only the last one set counts. */
static void wake(struct sim *sim, void *arg)
{
    if (!world_up(sim) || (uintptr_t)arg != sim->incarnation ||
        sim->wake != sim->now)
        return;
    sim->wake = INT64_MAX;
    round_of(sim);
}

static void loop(struct sim *sim, void *arg)
{
    if (!world_up(sim) || (uintptr_t)arg != sim->incarnation)
        return;
    sim->looping = false;
    round_of(sim);
}

void world_loop(struct sim *sim)
{
    if (sim->looping || !world_up(sim))
        return;
    sim->looping = true;
    sim_at(sim, sim_between(sim, 0, 100000), loop,
           (void *)(uintptr_t)sim->incarnation);
}

static void start(struct sim *sim, void *arg)
{
    (void)arg;
    if (sim->orch)
        return;
    const struct orchestrator_world world = {
        .arg = sim,
        .now = world_now,
        .wall = world_wall,
        .random = world_random,
        .journal = world_journal,
        .call = world_call,
        .answer = world_answer,
        .http = world_http,
    };
    const struct dtm_config dtm = {0};
    sim->incarnation++;
    sim->dead = false;
    sim->looping = false;
    sim->wake = INT64_MAX;
    sim->crash_in = sim_fault(sim, 40) ? (int)sim_between(sim, 1, 300) : -1;
    sim->orch = orchestrator_new(&world);
    sim->dtm = dtm_new(sim->orch, &dtm);
    orchestrator_start(sim->orch);
    world_loop(sim);
}

void world_start(struct sim *sim)
{
    start(sim, NULL);
}

void world_stop(struct sim *sim)
{
    journal_crash(sim);
    if (sim->orch)
        orchestrator_free(sim->orch);
    sim->orch = NULL;
}

static void actor_cured(struct sim *sim, void *arg)
{
    sim->actor_sick[(uintptr_t)arg] = false;
}

/* Steps that were done before a crash are refused after it. */
static void actor_sickens(struct sim *sim)
{
    uintptr_t actor = (uintptr_t)sim_between(sim, 0, SIM_ACTORS - 1);
    sim->actor_sick[actor] = true;
    sim_at(sim, sim_between(sim, BUS_SECOND, 4 * BUS_SECOND), actor_cured,
           (void *)actor);
}

void world_bury(struct sim *sim)
{
    if (!sim->dead || !sim->orch)
        return;
    sim->crashes++;
    if (sim_fault(sim, 50))
        actor_sickens(sim);
    journal_crash(sim);
    orchestrator_free(sim->orch);
    sim->orch = NULL;
    clients_crash(sim);
    transactions_crash(sim);
    participants_forget(sim);
    sim_at(sim, sim_between(sim, BUS_MILLI, 800 * BUS_MILLI), start, NULL);
}

static void crash(struct sim *sim, void *arg)
{
    (void)arg;
    if (sim->faults && sim->orch)
        sim->dead = true;
}

static void disk_back(struct sim *sim, void *arg)
{
    (void)arg;
    sim->disk_full = false;
}

static void disk_fills(struct sim *sim, void *arg)
{
    (void)arg;
    if (!sim->faults)
        return;
    sim->disk_full = true;
    sim_at(sim, sim_between(sim, 100 * BUS_MILLI, 2 * BUS_SECOND), disk_back,
           NULL);
}

static void actor_back(struct sim *sim, void *arg)
{
    sim->actor_down[(uintptr_t)arg] = false;
}

static void actor_dies(struct sim *sim, void *arg)
{
    if (!sim->faults)
        return;
    participants_restart(sim, (int)(uintptr_t)arg);
    sim_at(sim, sim_between(sim, 10 * BUS_MILLI, 3 * BUS_SECOND), actor_back,
           arg);
}

void world_schedule_faults(struct sim *sim)
{
    int64_t span = 18 * BUS_SECOND;
    int64_t crashes = sim_between(sim, 0, 6);
    int64_t deaths = sim_between(sim, 0, 6);
    for (int64_t i = 0; i < crashes; i++)
        sim_at(sim, sim_between(sim, 0, span), crash, NULL);
    for (int64_t i = 0; i < deaths; i++) {
        int64_t actor = sim_between(sim, 0, SIM_ACTORS - 1);
        sim_at(sim, sim_between(sim, 0, span), actor_dies,
               (void *)(uintptr_t)actor);
    }
    if (sim_chance(sim, 30))
        sim_at(sim, sim_between(sim, 0, span), disk_fills, NULL);
}
