/* SPDX-License-Identifier: MIT
 *
 * Which broken engine the process runs; see mutants.c. Without mutants.c linked
 * there is none.
 */
#ifndef SIM_MUTANTS_H
#define SIM_MUTANTS_H

#include "tests/sim/saga/sim.h"

extern enum sim_mutant mutant_now;

#endif
