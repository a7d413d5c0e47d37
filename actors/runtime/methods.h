/* SPDX-License-Identifier: MIT
 *
 * What a running actor can do: its methods, found by name or by path
 * ("/user.User/getUser") through one hash table built at start, each with its
 * settings and what was measured of it.
 */
#ifndef ACTOR_METHODS_H
#define ACTOR_METHODS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct actor_config;
struct actor_method;
struct actor_type;
struct bus_arena;
struct bus_error;
struct bus_yaml;

struct method_entry {
    const struct actor_method *actor;
    int64_t timeout_ns; /* of one request; 0: no limit but the caller's */
    bool barrier;       /* saga steps run behind the store's barrier */
    _Atomic uint64_t calls;
    _Atomic uint64_t errors;
    _Atomic int64_t ewma_ns; /* of its service time; 0: never run */
};

struct method_table {
    struct method_entry *entries; /* in the type's order */
    size_t count;
    struct method_slot *slots;
    size_t mask;
    const char *keys; /* what callers' keys are, bus/affinity.h; "" */
};

/* Fills the table; it lives in the arena. INVALID_ARGUMENT, with the position,
 * for a key below Methods: that is no method of the type, and for a Key: that
 * is no field of its request. */
int methods_open(struct method_table *table, const struct actor_type *type,
                 const struct actor_config *config, const struct bus_yaml *yaml,
                 struct bus_arena *arena, struct bus_error *err);

/* By name or path, NULL if there is none. Any thread. */
struct method_entry *methods_find(const struct method_table *table,
                                  const char *name);

/* Counts one run that took so long. Any thread. */
void method_count(struct method_entry *entry, bool error, int64_t took_ns);

#endif
