/* SPDX-License-Identifier: MIT
 *
 * Which broken engine the process runs; see mutants.c. Without mutants.c linked
 * there is none.
 */
#ifndef SIM_MUTANTS_H
#define SIM_MUTANTS_H

#include "tests/sim/saga/sim.h"

extern enum sim_mutant mutant_now;

/* A broken engine has just told of what is not on disk: a crash soon after is
 * what would show it, and chance alone seldom brings one there. */
extern bool mutant_struck;

#endif
