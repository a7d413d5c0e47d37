/* SPDX-License-Identifier: MIT
 *
 * The fixture's world around its links: the fake clock that runs every bus's
 * tick, what is cut, what is lost and who is killed.
 */
#include "bus/memory_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/frame.h"

#define WALL_START INT64_C(1767225600000000) /* 2026-01-01, us */
#define SCHEME "mem:///sock/"

/* ---- Cuts and losses ---- */

static bool begins(const char *url, const char *prefix)
{
    return strncmp(url, prefix, strlen(prefix)) == 0;
}

bool memory_is_cut(const struct bus_memory *world, const char *url)
{
    for (size_t i = 0; i < world->cut_count; i++)
        if (begins(url, world->cuts[i]))
            return true;
    return false;
}

static bool holds_reply(struct bus_bytes frame)
{
    struct bus_frame_reader reader;
    struct bus_envelope envelope;
    if (!bus_frame_open(&reader, frame))
        return false;
    while (bus_frame_next(&reader, &envelope) == BUS_FRAME_ONE)
        if (envelope.kind == BUS_ENVELOPE_REPLY)
            return true;
    return false;
}

/* A loss that this frame falls under, counted down; NULL: it arrives. */
const struct loss *memory_loss(struct bus_memory *world, const char *url,
                               struct bus_bytes frame)
{
    for (size_t i = 0; i < LOSSES_MAX; i++) {
        struct loss *loss = &world->losses[i];
        if (loss->count == 0 || !begins(url, loss->prefix) ||
            !holds_reply(frame))
            continue;
        loss->count--;
        return loss;
    }
    return NULL;
}

static void prefix_of(const char *actor, const char *instance,
                      char ret[BUS_URL_MAX])
{
    if (instance)
        snprintf(ret, BUS_URL_MAX, SCHEME "%s.%s.", actor, instance);
    else
        snprintf(ret, BUS_URL_MAX, SCHEME "%s.", actor);
}

/* ---- Time ---- */

static int64_t world_now(void *arg)
{
    struct bus_memory *world = arg;
    return atomic_load(&world->now);
}

static int64_t world_wall(void *arg)
{
    struct bus_memory *world = arg;
    return WALL_START + atomic_load(&world->now) / 1000;
}

static int64_t next_due(struct bus_memory *world)
{
    int64_t due = BUS_FOREVER;
    pthread_mutex_lock(&world->lock);
    for (struct member *m = world->members; m; m = m->next) {
        int64_t at = atomic_load(&m->bus->tick_at);
        if (at < due)
            due = at;
    }
    pthread_mutex_unlock(&world->lock);
    return due;
}

/* One bus whose tick is due, or NULL. */
static struct bus *due_bus(struct bus_memory *world, int64_t now)
{
    struct bus *bus = NULL;
    pthread_mutex_lock(&world->lock);
    for (struct member *m = world->members; m && !bus; m = m->next)
        if (atomic_load(&m->bus->tick_at) <= now)
            bus = m->bus;
    pthread_mutex_unlock(&world->lock);
    return bus;
}

static void time_to(struct bus_memory *world, int64_t now)
{
    struct bus *bus;
    if (now > atomic_load(&world->now))
        atomic_store(&world->now, now);
    while ((bus = due_bus(world, world->now)))
        bus_tick(bus);
    memory_settle(world);
}

void bus_memory_advance(struct bus_memory *world, int64_t ns)
{
    int64_t end = atomic_load(&world->now) + ns;
    memory_settle(world);
    for (;;) {
        int64_t due = next_due(world);
        if (due > end)
            break;
        time_to(world, due);
    }
    time_to(world, end);
}

bool memory_idle(struct bus_memory *world)
{
    memory_settle(world);
    if (world->pump && world->pump(world->pump_arg))
        return true;
    if (world->threads)
        return false;
    int64_t due = next_due(world);
    assert(due != BUS_FOREVER); /* a call without deadline and answer */
    time_to(world, due);
    return true;
}

/* ---- The world ---- */

struct bus_memory *bus_memory_new(void)
{
    struct bus_memory *world = calloc(1, sizeof(*world));
    if (!world)
        abort();
    world->net.carrier = &memory_carrier;
    pthread_mutex_init(&world->lock, NULL);
    world->last = &world->first;
    world->names = bus_names_memory();
    atomic_init(&world->now, BUS_SECOND);
    world->clock = (struct bus_clock){world_now, world_wall, world};
    bus_names_clock(world->names, &world->clock);
    return world;
}

void bus_memory_free(struct bus_memory *world)
{
    memory_settle(world);
    assert(!world->members && !world->links && !world->hubs && !world->ears);
    bus_names_memory_close(world->names);
    pthread_mutex_destroy(&world->lock);
    free(world);
}

const struct bus_clock *bus_memory_clock(struct bus_memory *world)
{
    return &world->clock;
}

struct bus_names *bus_memory_names(struct bus_memory *world)
{
    return world->names;
}

struct bus_names *memory_names(struct bus_memory *world)
{
    return world->names;
}

struct link_net *memory_net(struct bus_memory *world)
{
    return &world->net;
}

void memory_join(struct bus_memory *world, struct bus *bus)
{
    struct member *member = calloc(1, sizeof(*member));
    if (!member)
        abort();
    member->bus = bus;
    pthread_mutex_lock(&world->lock);
    member->next = world->members;
    world->members = member;
    pthread_mutex_unlock(&world->lock);
}

void memory_leave(struct bus_memory *world, struct bus *bus)
{
    pthread_mutex_lock(&world->lock);
    struct member **at = &world->members;
    while (*at && (*at)->bus != bus)
        at = &(*at)->next;
    struct member *member = *at;
    if (member)
        *at = member->next;
    pthread_mutex_unlock(&world->lock);
    free(member);
}

void bus_memory_pump(struct bus_memory *world, bool (*pump)(void *arg),
                     void *arg)
{
    world->pump = pump;
    world->pump_arg = arg;
}

void bus_memory_threads(struct bus_memory *world, bool threads)
{
    world->threads = threads;
}

static void break_all(struct bus_memory *world, const char *prefix)
{
    for (struct mem_link *link = world->links; link; link = link->next)
        if (link->dialled && begins(link->url, prefix))
            memory_queue(link, BREAK);
}

void bus_memory_cut(struct bus_memory *world, const char *actor,
                    const char *instance)
{
    pthread_mutex_lock(&world->lock);
    assert(world->cut_count < CUTS_MAX);
    char *prefix = world->cuts[world->cut_count++];
    prefix_of(actor, instance, prefix);
    break_all(world, prefix);
    pthread_mutex_unlock(&world->lock);
    memory_settle(world);
}

void bus_memory_mend(struct bus_memory *world)
{
    pthread_mutex_lock(&world->lock);
    world->cut_count = 0;
    memory_redial(world);
    pthread_mutex_unlock(&world->lock);
    memory_settle(world);
}

void bus_memory_lose(struct bus_memory *world, const char *actor,
                     unsigned count, enum bus_memory_loss how)
{
    size_t i = 0;
    pthread_mutex_lock(&world->lock);
    while (i < LOSSES_MAX && world->losses[i].count)
        i++;
    assert(i < LOSSES_MAX);
    prefix_of(actor, NULL, world->losses[i].prefix);
    world->losses[i].count = count;
    world->losses[i].how = how;
    pthread_mutex_unlock(&world->lock);
}

void bus_memory_kill(struct bus_memory *world, const char *actor,
                     const char *instance)
{
    char prefix[BUS_URL_MAX];
    prefix_of(actor, instance, prefix);
    pthread_mutex_lock(&world->lock);
    for (struct mem_hub *hub = world->hubs; hub; hub = hub->next)
        if (begins(hub->url, prefix))
            memory_hub_break(hub);
    pthread_mutex_unlock(&world->lock);
    bus_names_memory_crash(world->names, actor, instance);
    memory_settle(world);
}
