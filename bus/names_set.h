/* SPDX-License-Identifier: MIT
 *
 * The names known, in order of actor and instance. Not thread-safe.
 */
#ifndef BUS_NAMES_SET_H
#define BUS_NAMES_SET_H

#include "bus/names.h"

struct names_entry {
    struct bus_name name;
    int lock; /* held by us; -1: somebody else's */
};

struct names_set {
    struct names_entry *entries; /* owned; sorted */
    size_t count, cap;
};

void names_set_add(struct names_set *set, const struct bus_name *name,
                   int lock);
/* NULL if there is none; valid until the next change. */
struct names_entry *names_set_find(struct names_set *set, const char *actor,
                                   const char *instance);
void names_set_remove(struct names_set *set, struct names_entry *entry);

#endif
