/* SPDX-License-Identifier: MIT
 *
 * The words of `bus gen`, one function each. Errors of schemas go to standard
 * error as file:line:column with the line and a caret, CLI_FAILED then.
 */
#ifndef CLI_GEN_H
#define CLI_GEN_H

#include "bus/cli/verb.h"
#include "schemas/compiler/schema.h"

int cli_gen_check(struct cli *cli);
int cli_gen_code(struct cli *cli); /* api, rpc, model, saga */
/* Loads the tables of a live database, --url and --table, as a unit. */
int cli_gen_url(struct cli *cli, struct schema *schema);
int cli_gen_openapi(struct cli *cli);
int cli_gen_client(struct cli *cli);
int cli_gen_format(struct cli *cli);

/* A schema that knows the types that --types maps; NULL, with a message, if it
 * does not say what. schema_free it. */
struct schema *cli_gen_schema(const struct cli *cli);

/* The file, without errors; NULL, and they are printed. */
const struct schema_unit *cli_gen_load(struct schema *schema, const char *path);

#endif
