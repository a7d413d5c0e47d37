/* SPDX-License-Identifier: MIT
 *
 * This node's instances in etcd: each that has an address for others holds a
 * lease of its own there, as a go-zero service does.
 */
#ifndef REGISTRAR_ANNOUNCE_H
#define REGISTRAR_ANNOUNCE_H

#include "actors/registrar/registry.h"

#define ANNOUNCE_TURN_MAX 64 /* changes a turn: keep-alives must not wait */
#define ANNOUNCE_MAX 4096    /* instances of one node */

/* An address beside the bus that others look for under a key, as DTM's clients
 * do for "dtmservice": registered while the actor has an instance here. */
struct announce_service {
    const char *key;
    const char *actor;
    const char *address; /* "0.0.0.0:36789": this host's address */
};

struct announced {
    struct bus_name name;
    int64_t lease; /* 0: to be registered */
    bool there;    /* while comparing */
    bool service;  /* name.tcp is no address of the bus */
};

struct announce {
    struct bus_names *names;
    const char *node;
    int64_t ttl_s;
    bool loopback; /* also addresses that only this host can reach */
    const struct announce_service *services;
    size_t service_count;
    struct announced *all; /* owned */
    size_t count, cap;
};

void announce_release(struct announce *announce);

/* Registers what came, revokes what went. *ret_more: there is more to do. */
int announce_settle(struct announce *announce, struct etcd *etcd,
                    bool *ret_more, struct bus_error *err);

/* Keeps every lease; what etcd forgot is registered by the next settling. */
int announce_keep(struct announce *announce, struct etcd *etcd,
                  struct bus_error *err);

/* Somebody deleted a key: if it was ours, it is registered anew. */
void announce_deleted(struct announce *announce, const char *key);

/* Takes this process's own instance and all that are gone out of etcd. */
void announce_leave(struct announce *announce, struct etcd *etcd,
                    const char *actor, const char *instance);

#endif
