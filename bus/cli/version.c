/* SPDX-License-Identifier: MIT
 *
 * bus version
 */
#include "bus/version.h"

#include <stdio.h>

#include "bus/cli/verb.h"

static int run(struct cli *cli)
{
    if (cli->json)
        printf("{\"version\":\"%s\"}\n", BUS_VERSION);
    else
        printf("troupe %s\n", BUS_VERSION);
    return CLI_DONE;
}

extern const struct cli_verb cli_verb_version;
const struct cli_verb cli_verb_version = {
    .name = "version",
    .args = "",
    .summary = "Prints the version.",
    .help = "",
    .run = run,
};
