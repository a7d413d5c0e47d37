/* SPDX-License-Identifier: MIT
 *
 * What a configuration says of calls to one actor (UserRpc: {...}): fixed
 * addresses instead of names on disk, a time-out, and the caller's App and
 * Token. Set when a bus opens, before the first call.
 */
#ifndef BUS_CLIENT_H
#define BUS_CLIENT_H

#include "bus/call.h"

#define BUS_ENDPOINTS_MAX 64

struct bus_client {
    const char *actor; /* who is called */
    const char *const *endpoints;
    size_t count; /* 0: by the names on disk */
    /* "direct:///a:1,b:2", "dns:///a:1" or "a:1" are addresses, too; "etcd://"
     * and "discov://" are names on disk; "": none. */
    const char *target;
    const char *app, *token; /* "": none */
    int64_t timeout_ms;      /* of one call; 0: the caller's own */
};

/* Copies what it needs. endpoints win over target. INVALID_ARGUMENT or
 * PERMISSION_DENIED: an address is none, or may not be dialled. */
int bus_client_set(struct bus *bus, const struct bus_client *client,
                   struct bus_error *err);

/* A request as it is sent: itself, or *room with what was set for its actor. */
const struct bus_request *client_apply(const struct bus *bus,
                                       const struct bus_request *request,
                                       struct bus_request *room);
void clients_free(struct bus *bus);

#endif
