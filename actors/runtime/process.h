/* SPDX-License-Identifier: MIT
 *
 * What a running actor process knows of itself, for system actors with an
 * event loop of their own (edge, saga) and for the runtime.
 */
#ifndef ACTOR_PROCESS_H
#define ACTOR_PROCESS_H

#include "actors/runtime/actor.h"
#include "bus/yaml.h"

struct actor_process {
    const struct actor_type *type;
    struct bus *bus;
    struct bus_server *server;
    const struct bus_clock *clock;
    struct bus_arena arena; /* lives as long as the process */
    char home[4096];        /* $TROUPE_HOME, absolute */
    char node[BUS_NAME_MAX];
    char instance[BUS_INSTANCE_MAX];
    const char *config_path;           /* NULL: none given */
    const struct bus_yaml *yaml;       /* NULL: none given */
    const struct actor_config *config; /* the runtime's own keys */
    const void *own;                   /* the service's Config, bound */
    int workers;
    int replicas;
    bool test_hooks; /* --test-hooks was given */
};

/* A loop says that it answered one request, wherever that came from, so that
 * `bus ps` and $stats count it. Any thread, until the loop's stop returns. */
void actor_answered(struct actor_process *process, bool error);

#endif
