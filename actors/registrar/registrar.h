/* SPDX-License-Identifier: MIT
 *
 * The registrar: one thread that keeps etcd and this home's names true to each
 * other. Whatever etcd does, names that are known stay, and it comes back by
 * itself.
 */
#ifndef REGISTRAR_H
#define REGISTRAR_H

#include "actors/registrar/announce.h"
#include "actors/registrar/mirror.h"
#include "actors/runtime/process.h"

#define REGISTRAR_TTL_S 5
#define REGISTRAR_AGAIN_MS 1000 /* after etcd was lost */
#define REGISTRAR_TURN_MS 500   /* without news */

struct registrar;

struct registrar_options {
    const struct actor_process *process;
    struct etcd_options etcd; /* heard and arg are its own */
    const struct mirror_key *keys;
    size_t key_count;
    const struct announce_service *services;
    size_t service_count;
    bool loopback;
};

int registrar_start(const struct registrar_options *options,
                    struct registrar **ret, struct bus_error *err);

/* Takes this instance out of etcd, and the names of other nodes away. */
void registrar_stop(struct registrar *self);

#endif
