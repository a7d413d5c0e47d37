/* SPDX-License-Identifier: MIT
 *
 * Carriers of frames. A link is one end of one connection: whoever dialled has
 * one, and a hub (a listening address) has one for every connection it took.
 * Both ends carry one frame at a time outwards and hand every frame that comes
 * in to their owner. What frames mean is not known here.
 *
 * There are two carriers behind one struct of functions: streams of nng's that
 * speak SP (link.c) and the fixture's (memory.c). Callbacks run on the
 * carrier's threads: they must not block, and they may call any function of a
 * carrier.
 */
#ifndef BUS_LINK_H
#define BUS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/buf.h"

struct bus_error;
struct bus_wire;
struct link_net;
struct link;
struct link_hub;
struct link_radio;
struct link_ear;

#define LINK_ROUTE_MAX 32  /* bytes of the request id and of devices' hops */
#define LINK_CLOSE_MS 2000 /* closing everything may take this long */

/* What stands before a frame in its SP message: the request id, which a reply
 * must carry too. */
struct link_route {
    uint8_t len;
    uint8_t bytes[LINK_ROUTE_MAX];
};

/* What a link's owner hears. down comes once for every up; after it nothing of
 * that connection comes, except that a frame already being handed over may
 * still be heard. sent answers every send: false if no connection took the
 * frame, so that nothing of it can have arrived. gone is the last call. */
struct link_owner {
    void (*up)(void *arg);
    void (*down)(void *arg);
    void (*sent)(void *arg, bool taken);
    void (*frame)(void *arg, const struct link_route *route,
                  struct bus_bytes frame);
    void (*gone)(void *arg);
};

/* A hub's owner gives the owner of each connection, which hears no `up`: it
 * begins connected. *ret_peer, its arg, is set before anything is sent. After
 * down its link must not be used. */
struct link_hub_owner {
    const struct link_owner *peer;
    void (*accept)(void *arg, struct link *link, void **ret_peer);
    void (*gone)(void *arg);
};

/* A subscriber's owner: heard on one thread at a time. */
struct link_ear_owner {
    void (*up)(void *arg);
    void (*down)(void *arg);
    void (*heard)(void *arg, struct bus_bytes message);
    void (*gone)(void *arg);
};

struct link_dial {
    const char *url;
    const struct link_owner *owner;
    void *arg;
};

struct link_listen {
    const char *url;
    size_t frame_max;         /* bytes of a frame taken */
    struct link_radio *radio; /* hears of subscribers here, too; NULL: none */
    const struct link_hub_owner *owner;
    void *arg;
};

struct link_listen_events {
    const char *url;
    void (*joined)(void *arg); /* a subscriber connected */
    void *arg;
};

struct link_follow {
    const char *url;
    const struct link_ear_owner *owner;
    void *arg;
};

/* Closing is asynchronous: gone is called when no callback runs any more. */
struct link_carrier {
    int (*dial)(struct link_net *net, const struct link_dial *dial,
                struct link **ret, struct bus_error *err);
    /* Sends one frame, between up (or accept) and the return of down; the next
     * only after sent was heard. route: only of a hub's link; a dialled one
     * gives each frame an id of its own. */
    void (*send)(struct link *link, const struct link_route *route,
                 struct bus_bytes frame);
    /* Cuts the connection; a dialled link connects again by itself. */
    void (*drop)(struct link *link);
    void (*close)(struct link *link); /* of a dialled link */

    int (*listen)(struct link_net *net, const struct link_listen *listen,
                  struct link_hub **ret, struct bus_error *err);
    void (*hub_close)(struct link_hub *hub);
    /* The tcp port it got; 0: none. Not of the fixture. */
    int (*hub_port)(struct link_hub *hub);

    int (*radio_open)(struct link_net *net,
                      const struct link_listen_events *listen,
                      struct link_radio **ret, struct bus_error *err);
    void (*radio_send)(struct link_radio *radio, struct bus_bytes message);
    void (*radio_close)(struct link_radio *radio);

    int (*ear_open)(struct link_net *net, const struct link_follow *follow,
                    struct link_ear **ret, struct bus_error *err);
    void (*ear_close)(struct link_ear *ear);

    /* Waits until all that was closed is gone, at most LINK_CLOSE_MS, and
     * frees the net; false if something hangs, which then is left behind. */
    bool (*net_close)(struct link_net *net);
};

/* Every carrier's own structs begin with these. */
struct link_net {
    const struct link_carrier *carrier;
};
struct link {
    const struct link_carrier *carrier;
};
struct link_hub {
    const struct link_carrier *carrier;
};
struct link_radio {
    const struct link_carrier *carrier;
};
struct link_ear {
    const struct link_carrier *carrier;
};

/* The carrier over nng's streams. wire says what may go over the network: an
 * address that it does not allow is neither dialled nor listened on. NULL:
 * nothing but this node's own. */
struct link_net *link_net_stream(const struct bus_wire *wire);

#endif
