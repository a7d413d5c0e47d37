/* SPDX-License-Identifier: MIT
 *
 * The names known, in order of actor and instance. Not thread-safe.
 */
#ifndef BUS_NAMES_SET_H
#define BUS_NAMES_SET_H

#include "bus/names.h"

#define NAMES_ANOTHERS (-1)
#define NAMES_COMING (-3) /* ours, being published: not told of yet */
#define NAMES_FIXED (-2)  /* not of the folder: bus_names_fix */

struct names_entry {
    struct bus_name name;
    int lock; /* held by us, or one of these */
};

struct names_set {
    struct names_entry *entries; /* owned; sorted */
    size_t count, cap;
};

/* True if everything that a name needs is there and in order. */
bool names_complete(const struct bus_name *name);

void names_set_add(struct names_set *set, const struct bus_name *name,
                   int lock);
/* NULL if there is none; valid until the next change. */
struct names_entry *names_set_find(struct names_set *set, const char *actor,
                                   const char *instance);
/* True if the actor has fixed instances. */
bool names_set_fixed(const struct names_set *set, const char *actor);
void names_set_remove(struct names_set *set, struct names_entry *entry);

#endif
