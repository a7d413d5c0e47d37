/* SPDX-License-Identifier: MIT
 *
 * Who calls whom: what the keys that end in Rpc say of the actors called, and
 * whether a caller's App and Token are among those that Apps lets in.
 */
#ifndef ACTOR_APPS_H
#define ACTOR_APPS_H

#include "actors/runtime/process.h"

/* Sets every client of the configuration on the process's bus. */
int apps_call(const struct actor_process *process, struct bus_error *err);

/* Without Apps everybody may call; with them a caller whose app is missing,
 * unknown or shows another token is refused: *ret_sentence says so. */
bool apps_allow(const struct actor_config *config,
                const struct bus_inbound *inbound, const char **ret_sentence);

#endif
