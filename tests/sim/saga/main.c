/* SPDX-License-Identifier: MIT
 *
 * sim_saga [--seed N] [--seeds COUNT] [--sagas COUNT] [--mutant NAME]: runs the
 * simulator over COUNT seeds from N on, COUNT sagas each. Prints what breaks an
 * invariant with its seed and exits 1. With a mutant the exit is turned round:
 * 0 if it was caught.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/saga/mutants.h"

#define SEEDS 800
#define SAGAS 48

struct options {
    uint64_t seed, seeds, sagas;
    enum sim_mutant mutant;
};

static const char *const mutant_names[] = {
    [MUTANT_NONE] = "none",
    [MUTANT_SKIPS_BARRIER] = "skips_barrier",
    [MUTANT_SKIPS_COMPENSATION] = "skips_compensation",
    [MUTANT_WRONG_ORDER] = "wrong_order",
    [MUTANT_EARLY_REPLY] = "early_reply",
    [MUTANT_RETRIES_ABORTED] = "retries_aborted",
    [MUTANT_DROPS_WRITE] = "drops_write",
    [MUTANT_EARLY_TURN] = "early_turn",
    [MUTANT_EARLY_STEP] = "early_step",
    [MUTANT_FORGETS] = "forgets",
    [MUTANT_DELIVERS_DROPPED] = "delivers_dropped",
    [MUTANT_STALE_OWNER] = "stale_owner",
    [MUTANT_TWO_OWNERS] = "two_owners",
};
#define MUTANTS (sizeof(mutant_names) / sizeof(mutant_names[0]))

static bool parse_number(const char *text, uint64_t *ret)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end)
        return false;
    *ret = value;
    return true;
}

static bool parse_mutant(const char *text, enum sim_mutant *ret)
{
    for (size_t i = 0; i < MUTANTS; i++)
        if (strcmp(mutant_names[i], text) == 0) {
            *ret = (enum sim_mutant)i;
            return true;
        }
    return false;
}

static bool parse(int argc, char **argv, struct options *ret)
{
    bool one = false, many = false;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        bool fine = false;
        if (strcmp(name, "--seed") == 0)
            one = fine = parse_number(value, &ret->seed);
        else if (strcmp(name, "--seeds") == 0)
            many = fine = parse_number(value, &ret->seeds);
        else if (strcmp(name, "--sagas") == 0)
            fine = parse_number(value, &ret->sagas);
        else if (strcmp(name, "--mutant") == 0)
            fine = parse_mutant(value, &ret->mutant);
        if (!fine)
            return false;
    }
    if (one && !many)
        ret->seeds = 1;
    return argc % 2 == 1 && ret->sagas > 0 && ret->sagas <= SIM_SAGAS_MAX;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct totals {
    uint64_t done, rolled_back, crashes, effects, calls, batches, deeds, nested;
};

static void count(const struct sim *sim, struct totals *totals)
{
    for (size_t i = 0; i < sim->row_count; i++) {
        bool done = strcmp(sim->rows[i].status, "done") == 0;
        totals->done += done;
        totals->rolled_back += !done;
    }
    totals->crashes += sim->crashes;
    totals->effects += sim->effects;
    totals->calls += sim->calls;
    totals->batches += sim->batches;
    totals->deeds += sim->deeds;
    totals->nested += sim->nested;
}

static bool run(const struct options *options, uint64_t seed,
                struct totals *totals)
{
    static struct sim sim;
    sim_init(&sim, seed, (unsigned)options->sagas, options->mutant);
    bool fine = sim_run(&sim);
    if (!fine)
        printf("seed %llu: %s\n"
               "replay: sim_saga --seed %llu --sagas %llu --mutant %s\n",
               (unsigned long long)seed, sim.broken, (unsigned long long)seed,
               (unsigned long long)options->sagas,
               mutant_names[options->mutant]);
    count(&sim, totals);
    sim_release(&sim);
    return fine;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1, .seeds = SEEDS, .sagas = SAGAS};
    struct totals totals = {0};
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "usage: sim_saga [--seed N] [--seeds N] [--sagas N] "
                        "[--mutant NAME]\n");
        return 2;
    }
    mutant_now = options.mutant;
    bool fine = true;
    double start = seconds();
    for (uint64_t i = 0; fine && i < options.seeds; i++)
        fine = run(&options, options.seed + i, &totals);
    double took = seconds() - start;
    uint64_t sagas = totals.done + totals.rolled_back;
    printf("%llu sagas (%llu done, %llu rolled back), %llu calls, %llu "
           "batches, %llu effects, %llu deeds by hand, %llu calls to sagas, "
           "%llu crashes in %.2f s: %.0f sagas/s\n",
           (unsigned long long)sagas, (unsigned long long)totals.done,
           (unsigned long long)totals.rolled_back,
           (unsigned long long)totals.calls, (unsigned long long)totals.batches,
           (unsigned long long)totals.effects, (unsigned long long)totals.deeds,
           (unsigned long long)totals.nested,
           (unsigned long long)totals.crashes, took, (double)sagas / took);
    if (options.mutant == MUTANT_NONE)
        return fine ? 0 : 1;
    printf("mutant %s: %s\n", mutant_names[options.mutant],
           fine ? "NOT CAUGHT" : "caught");
    return fine ? 1 : 0;
}
