/* SPDX-License-Identifier: MIT
 *
 * What the operating verbs (up, down, scale, restart, reload) share: telling
 * progress, and waiting until the supervisor says that it is so.
 */
#ifndef CLI_OPERATE_H
#define CLI_OPERATE_H

#include "bus/cli/control.h"

#define CLI_OPERATE_MS 120000 /* without --timeout */

/* --timeout, or CLI_OPERATE_MS. */
int64_t cli_patience(const struct cli *cli);

/* Sends a command and waits for its answer, telling every change of state. */
int cli_operate(struct cli *cli, const struct cli_command *command,
                struct bus_error *err);

/* Waits until the actor (NULL: all) is as wanted. */
int cli_settled(struct cli *cli, const char *actor, struct bus_error *err);

/* Prints {"ok":true} with --json. */
int cli_done(const struct cli *cli);

/* Prints the names of all actors that the supervisor runs. */
void cli_complete_actors(struct cli *cli);

#endif
