/* SPDX-License-Identifier: MIT
 *
 * Other nodes' supervisors, asked through their registrars: what --node and
 * --all-nodes do.
 */
#ifndef CLI_NODE_H
#define CLI_NODE_H

#include "bus/cli/control.h"

#define CLI_NODES_MAX 256

/* Lets the registrar of a node do what->what: ps, scale or restart; the last
 * two are answered when it is so. *ret_line (or NULL): the supervisor's answer,
 * in cli->arena. */
int cli_node(struct cli *cli, const char *node, const struct cli_command *what,
             const char **ret_line, struct bus_error *err);

/* The nodes that have a registrar, in order; in cli->arena. */
struct cli_nodes {
    const char *names[CLI_NODES_MAX];
    size_t count;
};
int cli_nodes(struct cli *cli, struct cli_nodes *ret, struct bus_error *err);

/* An option that verbs share: --node NODE. */
#define CLI_NODE_OPTION                                                        \
    {                                                                          \
        .name = "node", .value = "NODE",                                       \
        .help = "of another node, through its registrar"                       \
    }

#endif
