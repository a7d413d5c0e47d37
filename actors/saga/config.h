/* SPDX-License-Identifier: MIT
 *
 * The saga actor's own YAML keys: `Journal: {DataSource: ...}`.
 */
#ifndef SAGA_CONFIG_H
#define SAGA_CONFIG_H

#include "actors/runtime/process.h"

extern const struct bus_shape saga_config_shape;

/* Where the journal lies: what the configuration says, else data/saga.db in the
 * home. *ret lives in the process's arena. */
int saga_journal_source(struct actor_process *process, const char **ret,
                        struct bus_error *err);

#endif
