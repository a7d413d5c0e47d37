/* SPDX-License-Identifier: MIT
 *
 * The engine as it is.
 */
#include "tests/sim/saga/mutants.h"

enum sim_mutant mutant_now = MUTANT_NONE;
bool mutant_struck = false;
