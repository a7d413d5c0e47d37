/* SPDX-License-Identifier: MIT
 *
 * Calls with the same key go to the same instance while it lives. Which field
 * of which method is the key is the called actor's to say: its name carries it,
 * "getUser=id,saveUser=user.id".
 */
#ifndef BUS_AFFINITY_H
#define BUS_AFFINITY_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/buf.h"
#include "bus/names.h"

/* A key's number, never 0; 0: the method has none, or the body lacks it. */
uint64_t affinity_of(const char *keys, const char *method,
                     struct bus_bytes body);

/* The number of a key that the caller names itself; 0: it is empty. */
uint64_t affinity_hash(struct bus_bytes key);

/* How much a key wants an instance: the highest takes it (rendezvous hashing:
 * where one comes or goes, only its own keys move). */
uint64_t affinity_weight(uint64_t key, const struct bus_name *name);

/* True if text is a list as above; "" is one. */
bool affinity_keys_valid(const char *keys);

#endif
