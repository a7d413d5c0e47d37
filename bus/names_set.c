/* SPDX-License-Identifier: MIT
 *
 * A sorted array of names, searched by halves.
 */
#include "bus/names_set.h"

#include <stdlib.h>
#include <string.h>

#include "bus/affinity.h"

bool bus_name_valid(const char *text)
{
    static const char more[] = "-_.";
    size_t len = strlen(text);
    if (len == 0 || len >= BUS_NAME_MAX || text[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9');
        if (!plain && !strchr(more, c))
            return false;
    }
    return true;
}

bool names_complete(const struct bus_name *name)
{
    return bus_name_valid(name->actor) && bus_name_valid(name->instance) &&
           strlen(name->instance) < BUS_INSTANCE_MAX && name->url[0] &&
           !strchr(name->url, '\n') && !strchr(name->events, '\n') &&
           !strchr(name->tcp, '\n') && !strchr(name->key, '\n') &&
           affinity_keys_valid(name->affinity) &&
           (name->node[0] == '\0' || bus_name_valid(name->node));
}

static int text_order(const struct bus_name *name, const char *actor,
                      const char *instance)
{
    int order = strcmp(name->actor, actor);
    if (order)
        return order;
    /* "10" after "9" */
    size_t own = strlen(name->instance), other = strlen(instance);
    if (own != other)
        return own < other ? -1 : 1;
    return strcmp(name->instance, instance);
}

/* The first entry that does not stand before that place. */
static size_t place_of(const struct names_set *set, const char *actor,
                       const char *instance)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_order(&set->entries[middle].name, actor, instance) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
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
    size_t place = place_of(set, name->actor, name->instance);
    struct names_entry *at = set->entries + place;
    memmove(at + 1, at, (set->count++ - place) * sizeof(*at));
    *at = (struct names_entry){*name, lock};
}

struct names_entry *names_set_find(struct names_set *set, const char *actor,
                                   const char *instance)
{
    size_t place = place_of(set, actor, instance);
    bool there = place < set->count &&
                 text_order(&set->entries[place].name, actor, instance) == 0;
    return there ? &set->entries[place] : NULL;
}

bool names_set_fixed(const struct names_set *set, const char *actor)
{
    size_t place = place_of(set, actor, "");
    for (; place < set->count; place++) {
        const struct names_entry *entry = &set->entries[place];
        if (strcmp(entry->name.actor, actor) != 0)
            return false;
        if (entry->lock == NAMES_FIXED)
            return true;
    }
    return false;
}

void names_set_remove(struct names_set *set, struct names_entry *entry)
{
    size_t index = (size_t)(entry - set->entries);
    memmove(entry, entry + 1, (set->count - index - 1) * sizeof(*entry));
    set->count--;
}
