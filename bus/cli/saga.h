/* SPDX-License-Identifier: MIT
 *
 * What the words of `bus saga` share.
 */
#ifndef CLI_SAGA_H
#define CLI_SAGA_H

#include "bus/buf.h"
#include "bus/cli/wire.h"
#include "bus/pack.h"

/* Asks the saga actor; releases body. Returns the code. */
int cli_saga_ask(struct cli *cli, const char *method, struct bus_buf *body,
                 struct bus_reply *reply);

/* A text or number at a dotted path as text, in cli->arena; "": none. */
const char *cli_text_at(struct cli *cli, struct bus_bytes map,
                        const char *path);

/* Prints what saga.show answered. */
void cli_saga_print(struct cli *cli, struct bus_bytes saga);

/* Opens the array at a key of a map; false: there is none. */
bool cli_array_at(struct bus_bytes map, const char *key, struct bus_unpack *ret,
                  uint32_t *ret_count);

int cli_saga_submit(struct cli *cli);
int cli_saga_list(struct cli *cli);

#endif
