/* SPDX-License-Identifier: MIT
 *
 * What an operator asks of the supervisor's mind (super.h): scale, restart,
 * reload, down; and whether it has come to pass. Each only changes what is
 * wanted; settling does the rest.
 */
#include "actors/supervisor/super.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/error.h"

static struct super_actor *actor_new(const struct topology_actor *spec)
{
    struct super_actor *actor = calloc(1, sizeof(*actor));
    if (!actor)
        abort();
    actor->spec = spec;
    actor->replicas = spec->replicas;
    return actor;
}

void super_init(struct super *super, const struct super_world *world,
                struct topology *topology)
{
    *super = (struct super){.world = *world, .topology = topology};
    for (size_t i = 0; i < topology->actors.count; i++)
        super->actors[super->count++] = actor_new(topology_at(topology, i));
}

void super_release(struct super *super)
{
    for (size_t i = 0; i < super->count; i++) {
        assert(super->actors[i]->count == 0);
        free(super->actors[i]);
    }
    topology_free(super->topology);
    *super = (struct super){0};
}

struct super_actor *super_find(const struct super *super, const char *name)
{
    for (size_t i = 0; i < super->count; i++) {
        struct super_actor *actor = super->actors[i];
        if (!actor->gone && strcmp(actor->spec->name, name) == 0)
            return actor;
    }
    return NULL;
}

static int no_such(const char *name, struct bus_error *err)
{
    return bus_error_reason(err, BUS_NOT_FOUND, "no_such_actor",
                            "the topology has no actor %s", name);
}

int super_scale(struct super *super, const char *name, int replicas,
                struct bus_error *err)
{
    struct super_actor *actor = super_find(super, name);
    if (!actor)
        return no_such(name, err);
    if (replicas < 0 || replicas > TOPOLOGY_REPLICAS_MAX)
        return bus_error_set(err, BUS_OUT_OF_RANGE,
                             "%d replicas: expected 0 to %d", replicas,
                             TOPOLOGY_REPLICAS_MAX);
    if (super->down)
        return bus_error_set(err, BUS_UNAVAILABLE, "everything is stopping");
    actor->replicas = replicas;
    super_settle(super);
    return BUS_OK;
}

static void mark_stale(struct super_actor *actor)
{
    for (int i = 0; i < actor->count; i++) {
        if (actor->instances[i])
            actor->instances[i]->stale = true;
    }
}

int super_restart(struct super *super, const char *name, struct bus_error *err)
{
    struct super_actor *one = name ? super_find(super, name) : NULL;
    if (name && !one)
        return no_such(name, err);
    if (super->down)
        return bus_error_set(err, BUS_UNAVAILABLE, "everything is stopping");
    for (size_t i = 0; i < super->count; i++) {
        if (!name || super->actors[i] == one)
            mark_stale(super->actors[i]);
    }
    super_settle(super);
    return BUS_OK;
}

static bool env_same(const struct topology_actor *a,
                     const struct topology_actor *b)
{
    const struct topology_env *x = a->env.items, *y = b->env.items;
    if (a->env.count != b->env.count)
        return false;
    for (size_t i = 0; i < a->env.count; i++) {
        if (strcmp(x[i].name, y[i].name) != 0 ||
            strcmp(x[i].value, y[i].value) != 0)
            return false;
    }
    return true;
}

/* True if a running replica of a need not be restarted to become one of b. */
static bool spec_same(const struct topology_actor *a,
                      const struct topology_actor *b)
{
    return strcmp(a->program, b->program) == 0 &&
           strcmp(a->config, b->config) == 0 && a->workers == b->workers &&
           a->mark == b->mark && env_same(a, b);
}

/* The actor goes on under its new spec; what was scaled by hand stays so. */
static void respec(struct super_actor *actor, const struct topology_actor *spec)
{
    if (spec->replicas != actor->spec->replicas)
        actor->replicas = spec->replicas;
    if (!spec_same(actor->spec, spec))
        mark_stale(actor);
    actor->spec = spec;
}

/* The spec of an actor on its way out must outlive the old topology. */
static void retire(struct super *super, struct super_actor *actor,
                   struct topology *topology)
{
    struct topology_actor *spec =
        bus_arena_alloc(&topology->arena, sizeof(*spec));
    const char *name = bus_arena_text(&topology->arena, actor->spec->name);
    assert(spec && name && super->count < SUPER_ACTORS_MAX);
    *spec = *actor->spec;
    spec->name = name;
    spec->program = spec->config = "";
    spec->env = (struct bus_list){0};
    actor->spec = spec;
    actor->gone = true;
    actor->replicas = 0;
    super->actors[super->count++] = actor;
}

/* Nothing stands against a new topology. */
static int may_reload(const struct super *super, struct bus_error *err)
{
    if (super->down)
        return bus_error_set(err, BUS_UNAVAILABLE, "everything is stopping");
    for (size_t i = 0; i < super->count; i++) {
        if (super->actors[i]->gone)
            return bus_error_set(err, BUS_FAILED_PRECONDITION,
                                 "%s is still stopping after the last reload",
                                 super->actors[i]->spec->name);
    }
    return BUS_OK;
}

int super_reload(struct super *super, struct topology *topology,
                 struct bus_error *err)
{
    struct super old = *super;
    int code = may_reload(super, err);
    if (code)
        return code;
    super->count = 0;
    for (size_t i = 0; i < topology->actors.count; i++) {
        const struct topology_actor *spec = topology_at(topology, i);
        struct super_actor *actor = super_find(&old, spec->name);
        if (actor)
            respec(actor, spec);
        else
            actor = actor_new(spec);
        super->actors[super->count++] = actor;
    }
    for (size_t i = 0; i < old.count; i++) {
        const char *name = old.actors[i]->spec->name;
        if (!topology_find(topology, name))
            retire(super, old.actors[i], topology);
    }
    super->topology = topology;
    topology_free(old.topology);
    super_settle(super);
    return BUS_OK;
}

void super_down(struct super *super)
{
    super->down = true;
    super_settle(super);
}

bool super_ended(const struct super *super)
{
    bool ended = super->down;
    for (size_t i = 0; i < super->count; i++)
        ended = ended && super->actors[i]->count == 0;
    return ended;
}

static int instance_failed(const struct super_instance *instance,
                           struct bus_error *err)
{
    const char *name = instance->actor->spec->name;
    const char *words = instance->last_words;
    const char *colon = *words ? ": " : "";
    if (instance->state != LIFE_BACKING_OFF)
        return BUS_OK;
    if (instance->refused)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s#%d refused to start: it %s%s%s", name,
                             instance->number, instance->cause, colon, words);
    if (instance->failures >= SUPER_FAILURES_TOLD)
        return bus_error_set(err, BUS_UNAVAILABLE,
                             "%s#%d failed %u times in a row: it %s%s%s", name,
                             instance->number, (unsigned)instance->failures,
                             instance->cause, colon, words);
    return BUS_OK;
}

static int actor_reached(const struct super_actor *actor, struct bus_error *err)
{
    int code = BUS_OK;
    int ready = 0;
    bool others = actor->count > actor->replicas;
    for (int i = 0; !code && i < actor->count; i++) {
        const struct super_instance *instance = actor->instances[i];
        if (!instance)
            continue;
        code = instance_failed(instance, err);
        others = others || instance->stale;
        ready += instance->state == LIFE_READY;
    }
    if (!code && (others || ready != actor->replicas))
        code = bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "%s: %d of %d replicas are ready",
                             actor->spec->name, ready, actor->replicas);
    return code;
}

int super_reached(const struct super *super, const char *name,
                  struct bus_error *err)
{
    if (name) {
        const struct super_actor *actor = super_find(super, name);
        return actor ? actor_reached(actor, err) : no_such(name, err);
    }
    /* A failure tells more than what is merely not yet. */
    int first = BUS_OK;
    for (size_t i = 0; i < super->count; i++) {
        struct bus_error own;
        int code = actor_reached(super->actors[i], &own);
        if (code && (!first || code != BUS_FAILED_PRECONDITION)) {
            first = code;
            *err = own;
        }
    }
    return first;
}
