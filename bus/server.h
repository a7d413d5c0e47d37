/* SPDX-License-Identifier: MIT
 *
 * The receiving end: an address that takes calls for one instance. Requests are
 * handed to one function on a link's thread, which must not block, all those of
 * a frame at once; replies go
 * back in any order and from any thread, gathered until a drain point.
 */
#ifndef BUS_SERVER_H
#define BUS_SERVER_H

#include "bus/call.h"

struct bus_server;
struct bus_peer;

/* One request taken from the wire; owned by whoever holds it until
 * bus_inbound_reply. Spans point into it. */
struct bus_inbound {
    const char *method; /* "getUser", "$ping"; a "/pkg.Svc/m" path as sent */
    int64_t deadline;   /* on this process's monotonic clock, ns */
    struct bus_meta meta;
    struct bus_bytes body;
    bool oneway;
    int64_t received; /* monotonic ns */
    int64_t due;      /* of a schedule's firing, Unix us; 0: of no schedule */
    struct bus_inbound *next; /* in a list; then for the owner's queue */
};

/* Takes the requests of one frame, at least one, in their order. */
typedef void bus_serve(void *arg, struct bus_inbound *list);

struct bus_server_options {
    const char *actor;
    const char *instance;
    const char *node;
    const char *listen_on;  /* "host:port", also over tcp; NULL, "": ipc only */
    const char *key;        /* the registry's; NULL, "": none */
    const char *affinity;   /* keys of methods, affinity.h; NULL: none */
    size_t frame_bytes_max; /* 0: BUS_FRAME_BYTES_MAX */
    bus_serve *serve;
    void *arg;
};

/* Listens (and opens the instance's event publisher) but publishes no name. */
int bus_server_open(struct bus *bus, const struct bus_server_options *options,
                    struct bus_server **ret, struct bus_error *err);

/* Writes the name: from now on callers find it. */
int bus_server_publish(struct bus_server *server, struct bus_error *err);

/* Answers (nothing is sent for one-way requests) and frees the inbound. The
 * reply leaves at the next bus_server_flush, or when it has gathered enough.
 */
void bus_inbound_reply(struct bus_inbound *call, const struct bus_reply *reply);

/* A request that came over no wire, for a process that asks itself: method,
 * body, trace, saga mark and deadline are copied. done hears the one reply as
 * of bus_start. */
struct bus_inbound *bus_inbound_local(const struct bus_request *request,
                                      int64_t received, bus_done *done,
                                      void *arg);

/* A drain point: sends every reply gathered. Any thread. */
void bus_server_flush(struct bus_server *server);

/* Removes the name and says goodbye on every link; new requests are refused
 * with UNAVAILABLE, reason draining (callers try elsewhere: they were not
 * executed). Waits until callers acknowledged or the deadline passed. */
void bus_server_drain(struct bus_server *server, int64_t deadline);

/* Publishes a live event from this instance. body: one msgpack value. */
int bus_server_event(struct bus_server *server, const char *topic,
                     struct bus_bytes body, const struct bus_trace *trace);

void bus_server_close(struct bus_server *server);

/* Counters since the start, for $stats. */
struct bus_server_stats {
    uint64_t frames_in, frames_out;
    uint64_t requests, replies;
    uint64_t dropped; /* malformed frames */
    uint64_t peers;   /* connected now */
    uint64_t unsent;  /* bytes that wait for callers to take them */
};
void bus_server_stats(struct bus_server *server, struct bus_server_stats *ret);

#endif
