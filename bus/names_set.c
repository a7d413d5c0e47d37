/* SPDX-License-Identifier: MIT
 *
 * A sorted array of names.
 */
#include "bus/names_set.h"

#include <stdlib.h>
#include <string.h>

static int name_order(const void *a, const void *b)
{
    const struct bus_name *x = &((const struct names_entry *)a)->name;
    const struct bus_name *y = &((const struct names_entry *)b)->name;
    int order = strcmp(x->actor, y->actor);
    if (order)
        return order;
    /* "10" after "9" */
    size_t xl = strlen(x->instance), yl = strlen(y->instance);
    if (xl != yl)
        return xl < yl ? -1 : 1;
    return strcmp(x->instance, y->instance);
}

void names_set_add(struct names_set *set, const struct bus_name *name, int lock)
{
    if (set->count == set->cap) {
        size_t cap = set->cap ? set->cap * 2 : 64;
        set->entries = realloc(set->entries, cap * sizeof(struct names_entry));
        if (!set->entries)
            abort();
        set->cap = cap;
    }
    set->entries[set->count++] = (struct names_entry){*name, lock};
    qsort(set->entries, set->count, sizeof(struct names_entry), name_order);
}

struct names_entry *names_set_find(struct names_set *set, const char *actor,
                                   const char *instance)
{
    for (size_t i = 0; i < set->count; i++) {
        struct bus_name *name = &set->entries[i].name;
        if (!strcmp(name->actor, actor) && !strcmp(name->instance, instance))
            return &set->entries[i];
    }
    return NULL;
}

void names_set_remove(struct names_set *set, struct names_entry *entry)
{
    size_t index = (size_t)(entry - set->entries);
    memmove(entry, entry + 1, (set->count - index - 1) * sizeof(*entry));
    set->count--;
}
