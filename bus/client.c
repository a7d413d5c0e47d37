/* SPDX-License-Identifier: MIT
 *
 * Fixed addresses become names of this process alone, in place of those on
 * disk; everything that chooses and connects then works as ever.
 */
#include "bus/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus_internal.h"
#include "bus/wire.h"

#define TARGET_TEXT_MAX 4096 /* bytes of a target, with NUL */

struct client {
    struct client *next;
    int64_t timeout; /* ns; 0: none */
    char *app, *token;
    char actor[BUS_NAME_MAX];
};

struct fixing {
    struct bus *bus;
    const char *actor;
    struct bus_wire wire;
    size_t count;
    struct bus_error *err;
};

static int fix(struct fixing *fixing, const char *address)
{
    struct bus_name name = {.pid = 0};
    if (++fixing->count > BUS_ENDPOINTS_MAX)
        return bus_error_set(fixing->err, BUS_INVALID_ARGUMENT,
                             "%s: more than %d addresses", fixing->actor,
                             BUS_ENDPOINTS_MAX);
    int code = bus_wire_dial(&fixing->wire, address, name.url, fixing->err);
    if (code)
        return code;
    snprintf(name.actor, sizeof(name.actor), "%s", fixing->actor);
    snprintf(name.instance, sizeof(name.instance), "%zu", fixing->count);
    bus_names_fix(fixing->bus->names, &name);
    return BUS_OK;
}

/* The addresses of a target, cut at its commas; NULL: names on disk. */
static const char *target_addresses(const char *target)
{
    static const char *const registries[] = {"etcd://", "discov://"};
    static const char *const schemes[] = {"direct:///", "dns:///"};
    for (size_t i = 0; i < 2; i++) {
        if (strncmp(target, registries[i], strlen(registries[i])) == 0)
            return NULL;
        if (strncmp(target, schemes[i], strlen(schemes[i])) == 0)
            return target + strlen(schemes[i]);
    }
    return target[0] ? target : NULL;
}

static int fix_target(struct fixing *fixing, const char *target)
{
    char text[TARGET_TEXT_MAX];
    const char *addresses = target_addresses(target);
    if (!addresses)
        return BUS_OK;
    if (strlen(addresses) >= sizeof(text))
        return bus_error_set(fixing->err, BUS_INVALID_ARGUMENT,
                             "%s: the target is too long", fixing->actor);
    snprintf(text, sizeof(text), "%s", addresses);
    int code = BUS_OK;
    for (char *at = text; !code && at;) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma++ = '\0';
        code = fix(fixing, at);
        at = comma;
    }
    return code;
}

static int fix_all(struct bus *bus, const struct bus_client *client,
                   struct bus_error *err)
{
    struct fixing fixing = {.bus = bus, .actor = client->actor, .err = err};
    const char *target = client->target ? client->target : "";
    int code = BUS_OK;
    if (!bus->memory)
        code = bus_wire_read(bus->home, &fixing.wire, err);
    for (size_t i = 0; !code && i < client->count; i++)
        code = fix(&fixing, client->endpoints[i]);
    if (!code && client->count == 0)
        code = fix_target(&fixing, target);
    return code;
}

static char *text_kept(const char *text)
{
    char *copy = text && *text ? strdup(text) : NULL;
    if (text && *text && !copy)
        abort();
    return copy;
}

int bus_client_set(struct bus *bus, const struct bus_client *client,
                   struct bus_error *err)
{
    if (!bus_name_valid(client->actor))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "\"%.64s\" is no actor's name", client->actor);
    int code = fix_all(bus, client, err);
    if (code)
        return code;
    struct client *made = calloc(1, sizeof(*made));
    if (!made)
        abort();
    snprintf(made->actor, sizeof(made->actor), "%s", client->actor);
    made->timeout = client->timeout_ms * BUS_MILLI;
    made->app = text_kept(client->app);
    made->token = text_kept(client->token);
    made->next = bus->clients;
    bus->clients = made;
    return BUS_OK;
}

/* Of a target, "user#3": the part that names the actor. */
static const struct client *client_find(const struct bus *bus,
                                        const char *target)
{
    size_t len = strcspn(target, "#@");
    const struct client *client = bus->clients;
    while (client && (strncmp(client->actor, target, len) != 0 ||
                      client->actor[len] != '\0'))
        client = client->next;
    return client;
}

const struct bus_request *client_apply(const struct bus *bus,
                                       const struct bus_request *request,
                                       struct bus_request *room)
{
    const struct client *client =
        bus->clients ? client_find(bus, request->target) : NULL;
    if (!client)
        return request;
    *room = *request;
    room->meta.app = client->app;
    room->meta.token = client->token;
    int64_t last = bus_now(bus->clock) + client->timeout;
    if (client->timeout && (!room->deadline || last < room->deadline))
        room->deadline = last;
    return room;
}

void clients_free(struct bus *bus)
{
    while (bus->clients) {
        struct client *client = bus->clients;
        bus->clients = client->next;
        free(client->app);
        free(client->token);
        free(client);
    }
}
