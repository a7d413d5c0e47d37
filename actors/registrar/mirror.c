/* SPDX-License-Identifier: MIT
 *
 * After every change all names that should be are worked out anew and compared
 * with those that are: a few hundred instances cost less than a message. An
 * address that one of our own instances has is not also somebody else's.
 */
#include "actors/registrar/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/clock.h"
#include "bus/code.h"

static void *grown(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 64;
    items = realloc(items, *cap * size);
    if (!items)
        abort();
    return items;
}

void mirror_init(struct mirror *mirror, struct bus_names *names,
                 const char *node)
{
    *mirror = (struct mirror){.names = names, .node = node};
}

static void withdraw(struct mirror *mirror, size_t index)
{
    struct bus_name *name = &mirror->made[index];
    bus_names_withdraw(mirror->names, name->actor, name->instance);
    *name = mirror->made[--mirror->made_count];
}

void mirror_release(struct mirror *mirror)
{
    while (mirror->made_count)
        withdraw(mirror, mirror->made_count - 1);
    free(mirror->pairs);
    free(mirror->made);
}

/* ---- The picture ---- */

void mirror_clear(struct mirror *mirror)
{
    mirror->count = 0;
    mirror->changed = true;
}

/* The first pair that does not stand before key. */
static size_t place_of(const struct mirror *mirror, const char *key)
{
    size_t low = 0, high = mirror->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(mirror->pairs[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool mirror_has(const struct mirror *mirror, const char *key)
{
    size_t place = place_of(mirror, key);
    return place < mirror->count && strcmp(mirror->pairs[place].key, key) == 0;
}

void mirror_hear(void *arg, const struct registry_pair *pair, bool deleted)
{
    struct mirror *mirror = arg;
    size_t place = place_of(mirror, pair->key);
    bool there = mirror_has(mirror, pair->key);
    if ((deleted && !there) ||
        (!deleted && !there && mirror->count >= MIRROR_PAIRS_MAX))
        return;
    mirror->changed = true;
    if (!deleted && !there) {
        mirror->pairs = grown(mirror->pairs, mirror->count, &mirror->cap,
                              sizeof(*mirror->pairs));
        memmove(&mirror->pairs[place + 1], &mirror->pairs[place],
                (mirror->count++ - place) * sizeof(*pair));
    }
    if (deleted)
        memmove(&mirror->pairs[place], &mirror->pairs[place + 1],
                (--mirror->count - place) * sizeof(*pair));
    else
        mirror->pairs[place] = *pair;
}

/* ---- What should be ---- */

struct wanted {
    struct bus_name *names;
    size_t count, cap;
};

static void want(struct wanted *wanted, const struct bus_name *name)
{
    wanted->names = grown(wanted->names, wanted->count, &wanted->cap,
                          sizeof(*wanted->names));
    wanted->names[wanted->count++] = *name;
}

static void want_ours(const struct mirror *mirror, struct wanted *wanted)
{
    for (size_t i = 0; i < mirror->count; i++) {
        struct bus_name name;
        char instance[BUS_REPLICA_MAX];
        if (!registry_name(&mirror->pairs[i], &name) ||
            strcmp(name.node, mirror->node) == 0)
            continue;
        snprintf(instance, sizeof(instance), "%s", name.instance);
        snprintf(name.instance, sizeof(name.instance), "%.63s.%s", name.node,
                 instance);
        want(wanted, &name);
    }
}

/* Does a troupe instance, here or elsewhere, have that address? */
static bool is_ours(const struct mirror *mirror, const char *address)
{
    for (size_t i = 0; i < mirror->count; i++) {
        struct bus_name name;
        if (registry_name(&mirror->pairs[i], &name) &&
            strcmp(registry_address(name.url), address) == 0)
            return true;
    }
    return false;
}

static void want_theirs(const struct mirror *mirror,
                        const struct mirror_key *key, struct wanted *wanted)
{
    size_t len = strlen(key->key);
    for (size_t i = 0; i < mirror->count; i++) {
        const struct registry_pair *pair = &mirror->pairs[i];
        struct bus_name name = {.origin = BUS_NAME_MIRRORED};
        if (strncmp(pair->key, key->key, len) != 0 || pair->key[len] != '/' ||
            strlen(pair->key + len + 1) >= BUS_REPLICA_MAX ||
            is_ours(mirror, pair->value) ||
            bus_wire_dial(&mirror->wire, pair->value, name.url, NULL))
            continue;
        snprintf(name.actor, sizeof(name.actor), "%s", key->actor);
        snprintf(name.instance, sizeof(name.instance), "etcd.%s",
                 pair->key + len + 1);
        snprintf(name.key, sizeof(name.key), "%s", key->key);
        if (bus_name_valid(name.instance))
            want(wanted, &name);
    }
}

/* ---- Making it so ---- */

static bool same(const struct bus_name *a, const struct bus_name *b)
{
    return !strcmp(a->actor, b->actor) && !strcmp(a->instance, b->instance) &&
           !strcmp(a->url, b->url) && a->started == b->started &&
           a->pid == b->pid;
}

static bool among(const struct bus_name *names, size_t count,
                  const struct bus_name *name)
{
    for (size_t i = 0; i < count; i++)
        if (same(&names[i], name))
            return true;
    return false;
}

void mirror_hold(struct mirror *mirror, int64_t ns)
{
    mirror->hold = bus_now(&bus_clock_system) + ns;
}

/* Another incarnation of the same instance? */
static bool replaced(const struct wanted *wanted, const struct bus_name *name)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (!strcmp(wanted->names[i].actor, name->actor) &&
            !strcmp(wanted->names[i].instance, name->instance))
            return true;
    return false;
}

static void withdraw_missing(struct mirror *mirror, const struct wanted *wanted)
{
    bool holding = bus_now(&bus_clock_system) < mirror->hold;
    for (size_t i = mirror->made_count; i > 0; i--) {
        const struct bus_name *name = &mirror->made[i - 1];
        if (among(wanted->names, wanted->count, name))
            continue;
        if (holding && !replaced(wanted, name))
            mirror->changed = true; /* look again with the next turn */
        else
            withdraw(mirror, i - 1);
    }
}

void mirror_settle(struct mirror *mirror)
{
    struct wanted wanted = {NULL, 0, 0};
    if (!mirror->changed)
        return;
    mirror->changed = false;
    want_ours(mirror, &wanted);
    for (size_t i = 0; i < mirror->key_count; i++)
        want_theirs(mirror, &mirror->keys[i], &wanted);
    withdraw_missing(mirror, &wanted);
    for (size_t i = 0; i < wanted.count; i++) {
        if (among(mirror->made, mirror->made_count, &wanted.names[i]))
            continue;
        if (bus_names_publish(mirror->names, &wanted.names[i], NULL)) {
            mirror->changed = true; /* try again with the next turn */
            continue;
        }
        mirror->made = grown(mirror->made, mirror->made_count,
                             &mirror->made_cap, sizeof(*mirror->made));
        mirror->made[mirror->made_count++] = wanted.names[i];
    }
    free(wanted.names);
}

void mirror_mark(struct mirror *mirror, bool stale)
{
    for (size_t i = 0; i < mirror->made_count; i++)
        bus_names_mark(mirror->names, mirror->made[i].actor,
                       mirror->made[i].instance, stale);
}
