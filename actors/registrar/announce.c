/* SPDX-License-Identifier: MIT
 *
 * The names are compared with the list of those announced, one incarnation an
 * entry: a restarted replica gets a new lease, and the old one is revoked.
 */
#include "actors/registrar/announce.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/wire.h"

void announce_release(struct announce *announce)
{
    free(announce->all);
    announce->all = NULL;
    announce->count = announce->cap = 0;
}

static bool ours(const struct announce *announce, const struct bus_name *name)
{
    return name->origin == BUS_NAME_OWN && name->tcp[0] &&
           strcmp(name->node, announce->node) == 0 &&
           (announce->loopback || !bus_wire_local(name->tcp));
}

static void add(struct announce *announce, const struct bus_name *name,
                bool service)
{
    if (announce->count == announce->cap) {
        announce->cap = announce->cap ? announce->cap * 2 : 16;
        announce->all =
            realloc(announce->all, announce->cap * sizeof(*announce->all));
        if (!announce->all)
            abort();
    }
    announce->all[announce->count++] =
        (struct announced){.name = *name, .there = true, .service = service};
}

/* Marks it as still there, or adds it. */
static void found(struct announce *announce, const struct bus_name *name,
                  bool service)
{
    for (size_t i = 0; i < announce->count; i++) {
        struct announced *one = &announce->all[i];
        if (one->service != service || one->name.started != name->started ||
            strcmp(one->name.url, name->url) != 0 ||
            strcmp(one->name.key, name->key) != 0)
            continue;
        one->there = true;
        return;
    }
    add(announce, name, service);
}

/* What an instance of that actor says of the service. */
static void found_service(struct announce *announce,
                          const struct announce_service *service,
                          const struct bus_name *of)
{
    struct bus_name name = *of;
    char listened[BUS_URL_MAX];
    const char *colon = strrchr(service->address, ':');
    int port = colon ? (int)strtol(colon + 1, NULL, 10) : 0;
    snprintf(listened, sizeof(listened), "tcp://%s", service->address);
    snprintf(name.key, sizeof(name.key), "%s", service->key);
    if (bus_wire_public(listened, port, name.tcp, NULL) == BUS_OK)
        found(announce, &name, true);
}

static void found_services(struct announce *announce,
                           const struct bus_name *name)
{
    if (name->origin != BUS_NAME_OWN || strcmp(name->node, announce->node) != 0)
        return;
    for (size_t i = 0; i < announce->service_count; i++)
        if (strcmp(announce->services[i].actor, name->actor) == 0)
            found_service(announce, &announce->services[i], name);
}

/* Marks those of the list that are still there, adds those that came. */
static void compare(struct announce *announce)
{
    struct bus_name *names = malloc(ANNOUNCE_MAX * sizeof(*names));
    if (!names)
        abort();
    size_t count = bus_names_list(announce->names, NULL, names, ANNOUNCE_MAX);
    for (size_t i = 0; i < announce->count; i++)
        announce->all[i].there = false;
    for (size_t i = 0; i < count && i < ANNOUNCE_MAX; i++) {
        if (ours(announce, &names[i]))
            found(announce, &names[i], false);
        found_services(announce, &names[i]);
    }
    free(names);
}

/* False: etcd is out of reach. A lease that it does not know is gone as
 * wished. */
static bool leave(struct etcd *etcd, struct announced *one,
                  struct bus_error *err)
{
    int code = one->lease ? registry_revoke(etcd, one->lease, err) : BUS_OK;
    return code == BUS_OK || code == BUS_NOT_FOUND;
}

/* Those that went come before those that came: a successor's key is the
 * same. */
static int leave_gone(struct announce *announce, struct etcd *etcd,
                      size_t *turn, struct bus_error *err)
{
    for (size_t i = announce->count; i > 0; i--) {
        struct announced *one = &announce->all[i - 1];
        if (one->there)
            continue;
        if (++*turn > ANNOUNCE_TURN_MAX)
            return BUS_OK;
        if (!leave(etcd, one, err))
            return BUS_UNAVAILABLE;
        *one = announce->all[--announce->count];
    }
    return BUS_OK;
}

static int join(struct announce *announce, struct etcd *etcd,
                struct announced *one, struct bus_error *err)
{
    int64_t lease;
    int code = registry_grant(etcd, announce->ttl_s, &lease, err);
    if (!code)
        code = registry_put(etcd, &one->name, !one->service, lease, err);
    if (!code)
        one->lease = lease;
    return code;
}

int announce_settle(struct announce *announce, struct etcd *etcd,
                    bool *ret_more, struct bus_error *err)
{
    size_t turn = 0;
    compare(announce);
    int code = leave_gone(announce, etcd, &turn, err);
    for (size_t i = 0; !code && i < announce->count; i++) {
        struct announced *one = &announce->all[i];
        if (one->there && !one->lease && ++turn <= ANNOUNCE_TURN_MAX)
            code = join(announce, etcd, one, err);
    }
    *ret_more = turn > ANNOUNCE_TURN_MAX;
    return code;
}

int announce_keep(struct announce *announce, struct etcd *etcd,
                  struct bus_error *err)
{
    size_t count = 0;
    int64_t **leases = calloc(announce->count + 1, sizeof(*leases));
    if (!leases)
        abort();
    for (size_t i = 0; i < announce->count; i++)
        if (announce->all[i].lease)
            leases[count++] = &announce->all[i].lease;
    int code = count ? registry_keep(etcd, leases, count, err) : BUS_OK;
    free(leases);
    return code;
}

void announce_deleted(struct announce *announce, const char *key)
{
    char own[REGISTRY_KEY_MAX], theirs[REGISTRY_KEY_MAX];
    for (size_t i = 0; i < announce->count; i++) {
        struct announced *one = &announce->all[i];
        const struct bus_name *name = &one->name;
        snprintf(own, sizeof(own), REGISTRY_PREFIX "%s/%s/%s", name->node,
                 name->actor, name->instance);
        snprintf(theirs, sizeof(theirs), "%s/%" PRId64, name->key, one->lease);
        if (one->there && (!strcmp(key, own) || !strcmp(key, theirs)))
            one->lease = 0;
    }
}

void announce_leave(struct announce *announce, struct etcd *etcd,
                    const char *actor, const char *instance)
{
    compare(announce);
    for (size_t i = 0; i < announce->count; i++) {
        struct announced *one = &announce->all[i];
        bool self = !strcmp(one->name.actor, actor) &&
                    !strcmp(one->name.instance, instance);
        if ((self || !one->there) && !leave(etcd, one, NULL))
            return; /* out of reach: the leases run out */
    }
}
