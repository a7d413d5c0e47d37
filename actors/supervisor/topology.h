/* SPDX-License-Identifier: MIT
 *
 * A topology: which actors a node runs, in the order in which they start. Read
 * from YAML by one shape; everything it names (programs, configs) is looked for
 * here, so that a wrong file stops the start before anything runs.
 */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#include "bus/arena.h"
#include "bus/shape.h"

struct bus_error;

#define TOPOLOGY_ACTORS_MAX 128
#define TOPOLOGY_REPLICAS_MAX 256 /* of one actor */
#define TOPOLOGY_WORKERS_MAX 1024 /* of one replica */
#define TOPOLOGY_ENV_MAX 256      /* of one actor */
#define TOPOLOGY_NAME_MAX 64      /* bytes, with NUL; as bus/names.h */
#define TOPOLOGY_TIME_MS_MAX INT64_C(86400000)

struct topology_env {
    const char *name;
    const char *value;
};

/* Certificates for calls between nodes; paths are absolute once read. */
struct topology_tls {
    const char *ca, *cert, *key;
    const char *server_name; /* that every node's certificate carries */
};

struct topology_actor {
    const char *name;
    const char *program; /* absolute once read */
    const char *config;  /* absolute once read; "": none */
    int32_t replicas;
    int32_t workers;
    const char *cron;      /* the topology's path if it has entries; "": none */
    struct bus_list env;   /* of struct topology_env */
    int64_t stop_timeout;  /* ms until SIGKILL */
    int64_t ready_timeout; /* ms until it has to be ready */
    int64_t restart_first; /* ms, see backoff.h */
    int64_t restart_max;
    int64_t restart_forgive;
    uint64_t mark; /* changes when program, config file or entries change */
};

struct topology {
    const char *node;
    struct topology_tls *tls; /* NULL: none */
    const char *plain_tcp;    /* "", or the words that allow it */
    struct bus_list actors;   /* of struct topology_actor */
    int64_t restart_first;    /* of actors that say nothing of their own */
    int64_t restart_max;
    int64_t restart_forgive;
    /* Not from the file: */
    const char *path;       /* absolute */
    struct bus_arena arena; /* holds all of the above */
};

/* Reads and checks a file; programs without '/' are looked for in bin. On
 * failure (INVALID_ARGUMENT; "FILE:LINE:COL: ..." where there is a line)
 * nothing is left behind. */
int topology_read(const char *path, const char *bin, struct topology **ret,
                  struct bus_error *err);
void topology_free(struct topology *topology);

/* Writes what it says of calls between nodes to HOME/wire, where every actor
 * and the command read it (bus/wire.h). */
int topology_wire(const struct topology *topology, const char *home,
                  struct bus_error *err);

/* The actor of that index in start order, or of that name (NULL: none). */
const struct topology_actor *topology_at(const struct topology *topology,
                                         size_t index);
const struct topology_actor *topology_find(const struct topology *topology,
                                           const char *name);

#endif
