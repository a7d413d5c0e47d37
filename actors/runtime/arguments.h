/* SPDX-License-Identifier: MIT
 *
 * The command line of an actor's program.
 */
#ifndef ACTOR_ARGUMENTS_H
#define ACTOR_ARGUMENTS_H

#include "actors/runtime/runtime.h"

#define ARGUMENTS_REPLICAS_MAX 1024
#define ARGUMENTS_USAGE                                                        \
    "usage: PROGRAM [-f CONFIG.yaml] [--instance N] [--home DIR]\n"            \
    "               [--node NAME] [--workers N] [--replicas N] [--check]\n"    \
    "               [--topology FILE.yaml]\n"

/* Fills config_path, topology, instance, home, node, workers and replicas;
 * texts point into argv. Defaults: instance 1, node n1. INVALID_ARGUMENT and a
 * sentence for an unknown option, a missing or a bad value. */
int arguments_read(int argc, char **argv, struct runtime_options *ret,
                   struct bus_error *err);

#endif
