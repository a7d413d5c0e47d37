/* SPDX-License-Identifier: MIT
 *
 * The first worker that opens starts the thread, the last that closes stops
 * it: workers close after the name was withdrawn and the requests are done.
 */
#include "actors/registrar/actor.h"

#include "actors/registrar/orders.h"
#include "actors/registrar/registrar.h"
#include "actors/runtime/runtime.h"
#include "bus/version.h"

/* Keys: {user.rpc: user} */
struct registrar_config {
    struct bus_list keys;     /* struct mirror_key */
    struct bus_list services; /* struct announce_service */
    bool loopback;
};

#define FIELD(type, member, key, kind_)                                        \
    {                                                                          \
        .name = (key), .kind = (kind_),                                        \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE   \
    }
static const struct bus_field key_fields[] = {
    FIELD(mirror_key, key, "key", BUS_TEXT),
    FIELD(mirror_key, actor, "value", BUS_TEXT)};
static const struct bus_shape key_shape = {
    "registrar.Keys", sizeof(struct mirror_key), 2, key_fields};
static const struct bus_field service_fields[] = {
    {.name = "Key",
     .kind = BUS_TEXT,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct announce_service, key),
     .presence = BUS_NO_PRESENCE},
    {.name = "Actor",
     .kind = BUS_TEXT,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct announce_service, actor),
     .presence = BUS_NO_PRESENCE},
    {.name = "Address",
     .kind = BUS_TEXT,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct announce_service, address),
     .presence = BUS_NO_PRESENCE}};
static const struct bus_shape service_shape = {
    "registrar.Services", sizeof(struct announce_service), 3, service_fields};
static const struct bus_field config_fields[] = {
    {.name = "Services",
     .kind = BUS_MESSAGE,
     .cardinality = BUS_LIST,
     .offset = offsetof(struct registrar_config, services),
     .presence = BUS_NO_PRESENCE,
     .shape = &service_shape},
    {.name = "Keys",
     .kind = BUS_MESSAGE,
     .cardinality = BUS_MAP,
     .offset = offsetof(struct registrar_config, keys),
     .presence = BUS_NO_PRESENCE,
     .shape = &key_shape},
    FIELD(registrar_config, loopback, "Loopback", BUS_BOOL)};
static const struct bus_shape config_shape = {
    "registrar.Config", sizeof(struct registrar_config), 3, config_fields};

/* One a process. */
static struct {
    pthread_mutex_t lock;
    unsigned users;
    struct registrar *registrar;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int start(const struct actor_process *process,
                 const struct registrar_config *config, struct bus_error *err)
{
    const struct actor_etcd *etcd = process->config->etcd;
    if (!etcd)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "the registrar needs the key Etcd: its Hosts");
    const struct registrar_options options = {
        .process = process,
        .etcd = {.hosts = etcd->hosts.items,
                 .host_count = etcd->hosts.count,
                 .user = etcd->user ? etcd->user : "",
                 .pass = etcd->pass ? etcd->pass : "",
                 .ca = etcd->ca ? etcd->ca : "",
                 .cert = etcd->cert ? etcd->cert : "",
                 .key = etcd->cert_key ? etcd->cert_key : ""},
        .keys = config->keys.items,
        .key_count = config->keys.count,
        .loopback = config->loopback,
        .services = config->services.items,
        .service_count = config->services.count,
    };
    return registrar_start(&options, &shared.registrar, err);
}

static int registrar_open(struct actor_worker *worker, const void *config,
                          void **ret_state)
{
    int code = BUS_OK;
    pthread_mutex_lock(&shared.lock);
    if (shared.users == 0)
        code = start(&worker->runtime->process, config, &worker->error);
    if (!code)
        shared.users++;
    pthread_mutex_unlock(&shared.lock);
    if (!code)
        *ret_state = &shared;
    return code;
}

static void registrar_close(void *state)
{
    pthread_mutex_lock(&shared.lock);
    if (state && --shared.users == 0)
        registrar_stop(shared.registrar);
    pthread_mutex_unlock(&shared.lock);
}

const struct actor_type registrar_actor = {
    .name = "registrar",
    .version = BUS_VERSION,
    .methods = orders_methods,
    .count = 3,
    .config = &config_shape,
    .open = registrar_open,
    .close = registrar_close,
};
