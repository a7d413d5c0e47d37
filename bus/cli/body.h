/* SPDX-License-Identifier: MIT
 *
 * What call and send share: the request from the command line.
 */
#ifndef CLI_BODY_H
#define CLI_BODY_H

#include "bus/cli/wire.h"

#define CLI_INPUT_MAX ((size_t)16 << 20) /* bytes read from standard input */

/* --trace, --claims, --key */
extern const struct cli_option cli_body_options[];

/* Fills a request to the target: body from argv[1] ("-": standard input; none:
 * an empty map), claims, trace and key from the options. INVALID_ARGUMENT: err
 * says which of them is wrong. */
int cli_body(struct cli *cli, const struct cli_target *target,
             struct bus_request *ret, struct bus_error *err);

#endif
