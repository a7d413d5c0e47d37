/* SPDX-License-Identifier: MIT
 *
 * The orchestrators' processes: their world of functions, a loop that runs soon
 * after something happened and when a timer is due, crashes between any two
 * effects, restarts, pauses, and the schedule of everything else that goes
 * wrong.
 */
#include "tests/sim/saga/mutants.h"
#include "tests/sim/saga/sim.h"

#define CRASH_WITHIN 12 /* effects after a broken engine told too early */
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

/* Half the times that a broken engine told too early. */
static void crash_where_it_shows(struct sim *sim)
{
    mutant_struck = false;
    if (sim->me->crash_in < 0 && sim_fault(sim, 50))
        sim->me->crash_in = (int)sim_between(sim, 1, CRASH_WITHIN);
}

bool world_effect(struct sim *sim)
{
    if (sim->me->dead)
        return false;
    sim->effects++;
    if (mutant_struck)
        crash_where_it_shows(sim);
    if (sim->me->crash_in > 0 && --sim->me->crash_in == 0)
        sim->me->dead = true;
    return !sim->me->dead;
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
    else if (call->nested)
        nested_call(sim, call);
    else
        participants_call(sim, call);
    world_effect(sim);
}

static void world_answer(void *arg, void *asker, const struct bus_reply *reply)
{
    struct sim *sim = arg;
    if (!world_effect(sim))
        return;
    if (!operator_answer(sim, asker, reply) &&
        !nested_answer(sim, asker, reply))
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

static bool is_up(const struct sim_process *process)
{
    return process->orch && !process->dead;
}

/* What it remembers is another's now: it ends at once, as the actor does. */
static void world_fenced(void *arg, const struct bus_error *error)
{
    (void)error;
    ((struct sim *)arg)->me->dead = true;
}

bool world_enter(struct sim *sim, unsigned incarnation)
{
    for (int i = 0; i < sim->process_count; i++)
        if (sim->processes[i].incarnation == incarnation) {
            sim->me = &sim->processes[i];
            return is_up(sim->me);
        }
    return false;
}

static int64_t any_index(struct sim *sim)
{
    return sim->process_count > 1 ? sim_between(sim, 0, sim->process_count - 1)
                                  : 0;
}

bool world_pick(struct sim *sim)
{
    int64_t first = any_index(sim);
    for (int i = 0; i < sim->process_count; i++) {
        struct sim_process *process =
            &sim->processes[(first + i) % sim->process_count];
        if (!is_up(process) || process->paused > sim->now)
            continue;
        sim->me = process;
        return true;
    }
    return false;
}

bool world_paused(struct sim *sim, sim_action *action, void *arg)
{
    if (sim->me->paused <= sim->now || sim->over)
        return false;
    sim_at(sim, sim->me->paused - sim->now, action, arg);
    return true;
}

bool world_any_up(const struct sim *sim)
{
    for (int i = 0; i < sim->process_count; i++)
        if (is_up(&sim->processes[i]))
            return true;
    return false;
}

static void wake(struct sim *sim, void *arg);

/* One round: what is due, then the batch; and when to look again. */
static void round_of(struct sim *sim)
{
    orchestrator_tick(sim->me->orch);
    if (sim->me->dead)
        return;
    int64_t due = orchestrator_due(sim->me->orch);
    if (due == INT64_MAX || (sim->me->wake > sim->now && sim->me->wake <= due))
        return;
    sim->me->wake = due > sim->now ? due : sim->now;
    sim_at(sim, sim->me->wake - sim->now, wake,
           (void *)(uintptr_t)sim->me->incarnation);
}

/* Only the last one set counts. */
static void wake(struct sim *sim, void *arg)
{
    if (!world_enter(sim, (unsigned)(uintptr_t)arg) ||
        world_paused(sim, wake, arg) || sim->me->wake > sim->now)
        return;
    sim->me->wake = INT64_MAX;
    round_of(sim);
}

static void loop(struct sim *sim, void *arg)
{
    if (!world_enter(sim, (unsigned)(uintptr_t)arg) ||
        world_paused(sim, loop, arg))
        return;
    sim->me->looping = false;
    round_of(sim);
}

void world_loop(struct sim *sim)
{
    if (sim->me->looping || !is_up(sim->me))
        return;
    sim->me->looping = true;
    sim_at(sim, sim_between(sim, 0, 100000), loop,
           (void *)(uintptr_t)sim->me->incarnation);
}

static void start(struct sim *sim, void *arg)
{
    sim->me = arg;
    if (sim->me->orch || sim->over)
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
        .shared = sim->process_count > 1,
        .fenced = world_fenced,
    };
    const struct dtm_config dtm = {0};
    sim->me->incarnation = ++sim->incarnations;
    sim->me->paused = 0;
    journal_acquire(sim);
    sim->me->dead = false;
    sim->me->looping = false;
    sim->me->wake = INT64_MAX;
    sim->me->crash_in = sim_fault(sim, 40) ? (int)sim_between(sim, 1, 300) : -1;
    sim->me->orch = orchestrator_new(&world);
    sim->dtm = dtm_new(sim->me->orch, &dtm);
    orchestrator_start(sim->me->orch);
    world_loop(sim);
}

void world_start(struct sim *sim)
{
    for (int i = 0; i < sim->process_count; i++)
        start(sim, &sim->processes[i]);
}

void world_stop(struct sim *sim)
{
    for (int i = 0; i < sim->process_count; i++) {
        sim->me = &sim->processes[i];
        journal_crash(sim);
        if (sim->me->orch)
            orchestrator_free(sim->me->orch);
        sim->me->orch = NULL;
    }
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

static void bury(struct sim *sim)
{
    if (!sim->me->dead || !sim->me->orch)
        return;
    sim->crashes++;
    if (sim_fault(sim, 50))
        actor_sickens(sim);
    journal_crash(sim);
    orchestrator_free(sim->me->orch);
    sim->me->orch = NULL;
    clients_crash(sim, sim->me->incarnation);
    nested_crash(sim->me->incarnation);
    transactions_crash(sim);
    participants_forget(sim);
    int64_t away = sim->process_count > 1 && sim_fault(sim, 30)
                       ? 10 * BUS_SECOND
                       : 800 * BUS_MILLI;
    sim_at(sim, sim_between(sim, BUS_MILLI, away), start, sim->me);
}

void world_bury(struct sim *sim)
{
    for (int i = 0; i < sim->process_count; i++) {
        sim->me = &sim->processes[i];
        bury(sim);
    }
}

static void crash(struct sim *sim, void *arg)
{
    sim->me = arg;
    if (sim->faults && sim->me->orch)
        sim->me->dead = true;
}

/* Longer than a lease or not. */
static void pause_begins(struct sim *sim, void *arg)
{
    struct sim_process *process = arg;
    if (sim->faults)
        process->paused =
            sim->now + sim_between(sim, 100 * BUS_MILLI, 9 * BUS_SECOND);
}

static void *any_process(struct sim *sim)
{
    return &sim->processes[any_index(sim)];
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
        sim_at(sim, sim_between(sim, 0, span), crash, any_process(sim));
    for (int i = 1; i < 2 * sim->process_count - 1; i++)
        sim_at(sim, sim_between(sim, 0, span), pause_begins, any_process(sim));
    for (int64_t i = 0; i < deaths; i++) {
        int64_t actor = sim_between(sim, 0, SIM_ACTORS - 1);
        sim_at(sim, sim_between(sim, 0, span), actor_dies,
               (void *)(uintptr_t)actor);
    }
    if (sim_chance(sim, 30))
        sim_at(sim, sim_between(sim, 0, span), disk_fills, NULL);
}
