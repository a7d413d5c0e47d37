/* SPDX-License-Identifier: MIT
 *
 * The fixture's world as its two files share it: links (memory.c) and what
 * tests do to them (memory_world.c).
 */
#ifndef BUS_MEMORY_WORLD_H
#define BUS_MEMORY_WORLD_H

#include "bus/memory_internal.h"

#define CUTS_MAX 16
#define LOSSES_MAX 16

enum happening {
    CONNECT, /* link: a dialled one */
    BREAK,   /* link and its other end */
    FRAME,
    CLOSED,
    HUB_CLOSED,
    HEARD, /* an ear */
    EAR_CLOSED,
    JOINED, /* a radio */
};

struct happen {
    struct happen *next;
    enum happening what;
    struct mem_link *link;
    struct mem_hub *hub;
    struct mem_ear *ear;
    struct mem_radio *radio;
    struct link_route route;
    size_t len;
    uint8_t data[];
};

struct mem_link {
    struct link base;
    struct mem_link *next; /* of the world */
    struct bus_memory *world;
    const struct link_owner *owner;
    void *arg;
    struct mem_link *other; /* NULL: not connected */
    bool dialled, closing;
    unsigned pending; /* events that name it */
    uint32_t request;
    char url[BUS_URL_MAX];
};

struct mem_hub {
    struct link_hub base;
    struct mem_hub *next;
    struct bus_memory *world;
    const struct link_hub_owner *owner;
    void *arg;
    bool dead; /* killed, or closing */
    char url[BUS_URL_MAX];
};

struct mem_radio {
    struct link_radio base;
    struct mem_radio *next;
    struct bus_memory *world;
    void (*joined)(void *arg);
    void *arg;
    char url[BUS_URL_MAX];
};

struct mem_ear {
    struct link_ear base;
    struct mem_ear *next;
    struct bus_memory *world;
    const struct link_ear_owner *owner;
    void *arg;
    bool closing;
    char url[BUS_URL_MAX];
};

struct loss {
    char prefix[BUS_URL_MAX];
    unsigned count;
    enum bus_memory_loss how;
};

struct member {
    struct member *next;
    struct bus *bus;
};

struct bus_memory {
    struct link_net net; /* first */
    pthread_mutex_t lock;
    struct happen *first, **last;
    bool settling;
    struct mem_link *links;
    struct mem_hub *hubs;
    struct mem_radio *radios;
    struct mem_ear *ears;
    struct member *members;
    char cuts[CUTS_MAX][BUS_URL_MAX];
    size_t cut_count;
    struct loss losses[LOSSES_MAX];
    struct bus_names *names;
    struct bus_clock clock;
    _Atomic int64_t now;
    bool (*pump)(void *arg);
    void *pump_arg;
    bool threads;
};

extern const struct link_carrier memory_carrier;

/* All but memory_settle: with the world's lock held. */
void memory_queue(struct mem_link *link, enum happening what);
void memory_redial(struct bus_memory *world);
void memory_hub_break(struct mem_hub *hub);
bool memory_is_cut(const struct bus_memory *world, const char *url);

/* A loss that this frame falls under, counted down; NULL: it arrives. */
const struct loss *memory_loss(struct bus_memory *world, const char *url,
                               struct bus_bytes frame);

#endif
