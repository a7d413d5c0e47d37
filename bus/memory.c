/* SPDX-License-Identifier: MIT
 *
 * The fixture's carrier: everything that happens is an event in one queue, in
 * the order it was caused, delivered one at a time by whoever settles the world
 * with no lock held. So one thread that calls goes through the callee and back
 * before its call returns, and a run repeats exactly. Connecting, breaking and
 * sending are events alike: what is cut while a frame is queued is not
 * delivered.
 */
#include "bus/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/error.h"
#include "bus/frame.h"
#include "bus/memory_world.h"

static void *zeroed(size_t size)
{
    void *made = calloc(1, size);
    if (!made)
        abort();
    return made;
}

/* ---- The queue ---- */

static struct happen *happen_new(enum happening what, struct bus_bytes bytes)
{
    struct happen *happen = zeroed(sizeof(*happen) + bytes.len);
    happen->what = what;
    happen->len = bytes.len;
    if (bytes.len)
        memcpy(happen->data, bytes.data, bytes.len);
    return happen;
}

/* Lock held. */
static void queue(struct bus_memory *world, struct happen *happen)
{
    *world->last = happen;
    world->last = &happen->next;
    if (happen->link)
        happen->link->pending++;
}

void memory_queue(struct mem_link *link, enum happening what)
{
    static const struct bus_bytes none = {NULL, 0};
    struct happen *happen = happen_new(what, none);
    happen->link = link;
    queue(link->world, happen);
}

/* ---- Links ---- */

static struct mem_link *link_new(struct bus_memory *world, const char *url)
{
    struct mem_link *link = zeroed(sizeof(*link));
    link->base.carrier = world->net.carrier;
    link->world = world;
    snprintf(link->url, sizeof(link->url), "%s", url);
    link->next = world->links;
    world->links = link;
    return link;
}

static void link_forget(struct mem_link *link)
{
    struct mem_link **at = &link->world->links;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
}

static struct mem_hub *hub_find(struct bus_memory *world, const char *url)
{
    struct mem_hub *hub = world->hubs;
    while (hub && (hub->dead || strcmp(hub->url, url) != 0))
        hub = hub->next;
    return hub;
}

static int mem_dial(struct link_net *net, const struct link_dial *dial,
                    struct link **ret, struct bus_error *err)
{
    (void)err;
    struct bus_memory *world = (struct bus_memory *)(void *)net;
    pthread_mutex_lock(&world->lock);
    struct mem_link *link = link_new(world, dial->url);
    link->owner = dial->owner;
    link->arg = dial->arg;
    link->dialled = true;
    *ret = &link->base;
    memory_queue(link, CONNECT);
    pthread_mutex_unlock(&world->lock);
    return BUS_OK;
}

static void mem_send(struct link *base, const struct link_route *route,
                     struct bus_bytes frame)
{
    struct mem_link *link = (struct mem_link *)(void *)base;
    struct bus_memory *world = link->world;
    struct happen *happen = happen_new(FRAME, frame);
    if (route) {
        happen->route = *route;
    } else {
        happen->route.len = 4;
        happen->route.bytes[0] = 0x80;
        happen->route.bytes[3] = 1;
    }
    pthread_mutex_lock(&world->lock);
    happen->link = link;
    queue(world, happen);
    pthread_mutex_unlock(&world->lock);
}

static void mem_drop(struct link *base)
{
    struct mem_link *link = (struct mem_link *)(void *)base;
    pthread_mutex_lock(&link->world->lock);
    memory_queue(link, BREAK);
    pthread_mutex_unlock(&link->world->lock);
}

static void mem_close(struct link *base)
{
    struct mem_link *link = (struct mem_link *)(void *)base;
    pthread_mutex_lock(&link->world->lock);
    link->closing = true;
    memory_queue(link, BREAK);
    memory_queue(link, CLOSED);
    pthread_mutex_unlock(&link->world->lock);
}

/* ---- Hubs, radios, ears ---- */

void memory_redial(struct bus_memory *world)
{
    for (struct mem_link *link = world->links; link; link = link->next)
        if (link->dialled && !link->other && !link->closing)
            memory_queue(link, CONNECT);
}

static int mem_listen(struct link_net *net, const struct link_listen *listen,
                      struct link_hub **ret, struct bus_error *err)
{
    struct bus_memory *world = (struct bus_memory *)(void *)net;
    pthread_mutex_lock(&world->lock);
    bool taken = hub_find(world, listen->url) != NULL;
    if (!taken) {
        struct mem_hub *hub = zeroed(sizeof(*hub));
        hub->base.carrier = world->net.carrier;
        hub->world = world;
        hub->owner = listen->owner;
        hub->arg = listen->arg;
        snprintf(hub->url, sizeof(hub->url), "%s", listen->url);
        hub->next = world->hubs;
        world->hubs = hub;
        *ret = &hub->base;
        memory_redial(world);
    }
    pthread_mutex_unlock(&world->lock);
    return taken ? bus_error_set(err, BUS_ALREADY_EXISTS, "%s is taken",
                                 listen->url)
                 : BUS_OK;
}

void memory_hub_break(struct mem_hub *hub)
{
    hub->dead = true;
    for (struct mem_link *link = hub->world->links; link; link = link->next)
        if (!link->dialled && strcmp(link->url, hub->url) == 0)
            memory_queue(link, BREAK);
}

static void mem_hub_close(struct link_hub *base)
{
    static const struct bus_bytes none = {NULL, 0};
    struct mem_hub *hub = (struct mem_hub *)(void *)base;
    pthread_mutex_lock(&hub->world->lock);
    memory_hub_break(hub);
    struct happen *happen = happen_new(HUB_CLOSED, none);
    happen->hub = hub;
    queue(hub->world, happen);
    pthread_mutex_unlock(&hub->world->lock);
}

static void queue_joined(struct mem_radio *radio)
{
    static const struct bus_bytes none = {NULL, 0};
    struct happen *happen = happen_new(JOINED, none);
    happen->radio = radio;
    queue(radio->world, happen);
}

static int mem_radio_open(struct link_net *net,
                          const struct link_listen_events *listen,
                          struct link_radio **ret, struct bus_error *err)
{
    (void)err;
    struct bus_memory *world = (struct bus_memory *)(void *)net;
    struct mem_radio *radio = zeroed(sizeof(*radio));
    radio->base.carrier = world->net.carrier;
    radio->world = world;
    radio->joined = listen->joined;
    radio->arg = listen->arg;
    snprintf(radio->url, sizeof(radio->url), "%s", listen->url);
    pthread_mutex_lock(&world->lock);
    radio->next = world->radios;
    world->radios = radio;
    pthread_mutex_unlock(&world->lock);
    *ret = &radio->base;
    return BUS_OK;
}

static void mem_radio_send(struct link_radio *base, struct bus_bytes message)
{
    struct mem_radio *radio = (struct mem_radio *)(void *)base;
    struct bus_memory *world = radio->world;
    pthread_mutex_lock(&world->lock);
    for (struct mem_ear *ear = world->ears; ear; ear = ear->next) {
        if (ear->closing || strcmp(ear->url, radio->url) != 0 ||
            memory_is_cut(world, ear->url))
            continue;
        struct happen *happen = happen_new(HEARD, message);
        happen->ear = ear;
        queue(world, happen);
    }
    pthread_mutex_unlock(&world->lock);
}

static void mem_radio_close(struct link_radio *base)
{
    struct mem_radio *radio = (struct mem_radio *)(void *)base;
    struct bus_memory *world = radio->world;
    pthread_mutex_lock(&world->lock);
    struct mem_radio **at = &world->radios;
    while (*at != radio)
        at = &(*at)->next;
    *at = radio->next;
    for (struct happen *happen = world->first; happen; happen = happen->next)
        if (happen->radio == radio)
            happen->radio = NULL;
    pthread_mutex_unlock(&world->lock);
    free(radio);
}

static int mem_ear_open(struct link_net *net, const struct link_follow *follow,
                        struct link_ear **ret, struct bus_error *err)
{
    (void)err;
    struct bus_memory *world = (struct bus_memory *)(void *)net;
    struct mem_ear *ear = zeroed(sizeof(*ear));
    ear->base.carrier = world->net.carrier;
    ear->world = world;
    ear->owner = follow->owner;
    ear->arg = follow->arg;
    snprintf(ear->url, sizeof(ear->url), "%s", follow->url);
    *ret = &ear->base;
    pthread_mutex_lock(&world->lock);
    ear->next = world->ears;
    world->ears = ear;
    for (struct mem_radio *radio = world->radios; radio; radio = radio->next)
        if (strcmp(radio->url, ear->url) == 0)
            queue_joined(radio);
    pthread_mutex_unlock(&world->lock);
    return BUS_OK;
}

static void mem_ear_close(struct link_ear *base)
{
    static const struct bus_bytes none = {NULL, 0};
    struct mem_ear *ear = (struct mem_ear *)(void *)base;
    pthread_mutex_lock(&ear->world->lock);
    ear->closing = true;
    struct happen *happen = happen_new(EAR_CLOSED, none);
    happen->ear = ear;
    queue(ear->world, happen);
    pthread_mutex_unlock(&ear->world->lock);
}

/* ---- Delivering: called without the lock ---- */

static void do_connect(struct mem_link *link)
{
    struct bus_memory *world = link->world;
    pthread_mutex_lock(&world->lock);
    struct mem_hub *hub = NULL;
    if (!link->other && !link->closing && !memory_is_cut(world, link->url))
        hub = hub_find(world, link->url);
    struct mem_link *end = hub ? link_new(world, link->url) : NULL;
    pthread_mutex_unlock(&world->lock);
    if (!hub)
        return;
    end->owner = hub->owner->peer;
    hub->owner->accept(hub->arg, &end->base, &end->arg);
    end->other = link;
    link->other = end;
    link->owner->up(link->arg);
}

/* The accepted end dies with its connection; the dialled one lives on. */
static void do_break(struct mem_link *link)
{
    struct mem_link *other = link->other;
    if (!other)
        return;
    struct mem_link *end = link->dialled ? other : link;
    struct mem_link *dialled = link->dialled ? link : other;
    end->other = dialled->other = NULL;
    end->closing = true;
    end->owner->down(end->arg);
    dialled->owner->down(dialled->arg);
    pthread_mutex_lock(&link->world->lock);
    memory_queue(end, CLOSED);
    if (!dialled->closing)
        memory_queue(dialled, CONNECT);
    pthread_mutex_unlock(&link->world->lock);
}

static void do_frame(struct mem_link *link, const struct happen *happen)
{
    struct mem_link *other = link->other;
    struct bus_bytes frame = {happen->data, happen->len};
    pthread_mutex_lock(&link->world->lock);
    const struct loss *loss = other && !link->dialled
                                  ? memory_loss(link->world, link->url, frame)
                                  : NULL;
    pthread_mutex_unlock(&link->world->lock);
    if (other && !loss)
        other->owner->frame(other->arg, &happen->route, frame);
    if (!link->closing || link->dialled)
        link->owner->sent(link->arg, other != NULL);
    if (loss && loss->how == BUS_MEMORY_BROKEN)
        do_break(link);
}

/* An object goes when no event names it any more. */
static void do_closed(struct mem_link *link)
{
    struct bus_memory *world = link->world;
    pthread_mutex_lock(&world->lock);
    bool last = link->pending == 1;
    if (last)
        link_forget(link);
    else
        memory_queue(link, CLOSED);
    pthread_mutex_unlock(&world->lock);
    if (!last)
        return;
    link->owner->gone(link->arg);
}

static void do_hub_closed(struct mem_hub *hub)
{
    struct bus_memory *world = hub->world;
    pthread_mutex_lock(&world->lock);
    struct mem_hub **at = &world->hubs;
    while (*at != hub)
        at = &(*at)->next;
    *at = hub->next;
    pthread_mutex_unlock(&world->lock);
    hub->owner->gone(hub->arg);
    free(hub);
}

static void do_ear_closed(struct mem_ear *ear)
{
    struct bus_memory *world = ear->world;
    pthread_mutex_lock(&world->lock);
    struct mem_ear **at = &world->ears;
    while (*at != ear)
        at = &(*at)->next;
    *at = ear->next;
    pthread_mutex_unlock(&world->lock);
    ear->owner->gone(ear->arg);
    free(ear);
}

static void deliver(const struct happen *happen)
{
    struct bus_bytes bytes = {happen->data, happen->len};
    switch (happen->what) {
    case CONNECT:
        do_connect(happen->link);
        break;
    case BREAK:
        do_break(happen->link);
        break;
    case FRAME:
        do_frame(happen->link, happen);
        break;
    case CLOSED:
        do_closed(happen->link);
        break;
    case HUB_CLOSED:
        do_hub_closed(happen->hub);
        break;
    case HEARD:
        if (!happen->ear->closing)
            happen->ear->owner->heard(happen->ear->arg, bytes);
        break;
    case EAR_CLOSED:
        do_ear_closed(happen->ear);
        break;
    case JOINED:
        if (happen->radio)
            happen->radio->joined(happen->radio->arg);
        break;
    }
}

static struct happen *queue_pop(struct bus_memory *world)
{
    struct happen *happen = world->first;
    if (!happen)
        return NULL;
    world->first = happen->next;
    if (!world->first)
        world->last = &world->first;
    return happen;
}

void memory_settle(struct bus_memory *world)
{
    pthread_mutex_lock(&world->lock);
    if (world->settling) {
        pthread_mutex_unlock(&world->lock);
        return; /* whoever is at it delivers ours too */
    }
    world->settling = true;
    struct happen *happen;
    while ((happen = queue_pop(world))) {
        pthread_mutex_unlock(&world->lock);
        deliver(happen);
        pthread_mutex_lock(&world->lock);
        struct mem_link *link = happen->link;
        if (link && --link->pending == 0 && happen->what == CLOSED)
            free(link);
        free(happen);
    }
    world->settling = false;
    pthread_mutex_unlock(&world->lock);
}

/* ---- The carrier ---- */

static bool mem_net_close(struct link_net *net)
{
    (void)net; /* the world outlives its buses */
    return true;
}

const struct link_carrier memory_carrier = {
    .dial = mem_dial,
    .send = mem_send,
    .drop = mem_drop,
    .close = mem_close,
    .listen = mem_listen,
    .hub_close = mem_hub_close,
    .radio_open = mem_radio_open,
    .radio_send = mem_radio_send,
    .radio_close = mem_radio_close,
    .ear_open = mem_ear_open,
    .ear_close = mem_ear_close,
    .net_close = mem_net_close,
};
