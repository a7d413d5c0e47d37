/* SPDX-License-Identifier: MIT
 *
 * The topology's shapes, written by hand: the supervisor needs no compiler.
 * The YAML tree is kept while checking, so that each complaint has its line.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "actors/supervisor/topology.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/code.h"
#include "bus/config.h"
#include "bus/error.h"
#include "bus/wire.h"
#include "bus/yaml.h"

#define FIELD(type, member, key, kind_, rule_)                                 \
    {                                                                          \
        .name = (key), .kind = (kind_), .cardinality = BUS_ONE,                \
        .flags = BUS_IN_JSON, .offset = offsetof(struct type, member),         \
        .presence = BUS_NO_PRESENCE, .rule = (rule_)                           \
    }
#define NEEDED(type, member, key, kind_)                                       \
    {                                                                          \
        .name = (key), .kind = (kind_), .cardinality = BUS_ONE,                \
        .flags = BUS_IN_JSON | BUS_REQUIRED,                                   \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE   \
    }
#define MANY(type, member, key, kind_, cardinality_, shape_)                   \
    {                                                                          \
        .name = (key), .kind = (kind_), .cardinality = (cardinality_),         \
        .flags = BUS_IN_JSON, .offset = offsetof(struct type, member),         \
        .presence = BUS_NO_PRESENCE, .shape = (shape_)                         \
    }

static const struct bus_rule one = {.fallback = "1"};
static const struct bus_rule four = {.fallback = "4"};
static const struct bus_rule empty = {.fallback = ""};
static const struct bus_rule server_name = {.fallback = BUS_WIRE_SERVER_NAME};
static const struct bus_rule node = {.fallback = "n1"};
static const struct bus_rule none = {.fallback = "0"};
static const struct bus_rule stop_ms = {.fallback = "10000"};
static const struct bus_rule ready_ms = {.fallback = "30000"};
static const struct bus_rule first_ms = {.fallback = "100"};
static const struct bus_rule max_ms = {.fallback = "15000"};
static const struct bus_rule forgive_ms = {.fallback = "1000"};

static const struct bus_field env_fields[] = {
    FIELD(topology_env, name, "key", BUS_TEXT, NULL),
    FIELD(topology_env, value, "value", BUS_TEXT, NULL),
};
static const struct bus_shape env_shape = {"Env", sizeof(struct topology_env),
                                           2, env_fields};

static const struct bus_field actor_fields[] = {
    NEEDED(topology_actor, name, "Name", BUS_TEXT),
    FIELD(topology_actor, program, "Program", BUS_TEXT, &empty),
    FIELD(topology_actor, config, "Config", BUS_TEXT, &empty),
    FIELD(topology_actor, replicas, "Replicas", BUS_I32, &one),
    FIELD(topology_actor, workers, "Workers", BUS_I32, &four),
    MANY(topology_actor, env, "Env", BUS_MESSAGE, BUS_MAP, &env_shape),
    FIELD(topology_actor, stop_timeout, "StopTimeout", BUS_I64, &stop_ms),
    FIELD(topology_actor, ready_timeout, "ReadyTimeout", BUS_I64, &ready_ms),
    FIELD(topology_actor, restart_first, "RestartFirst", BUS_I64, &none),
    FIELD(topology_actor, restart_max, "RestartMax", BUS_I64, &none),
    FIELD(topology_actor, restart_forgive, "RestartForgive", BUS_I64, &none),
};
static const struct bus_shape actor_shape = {
    "Actor", sizeof(struct topology_actor),
    sizeof(actor_fields) / sizeof(actor_fields[0]), actor_fields};

static const struct bus_field tls_fields[] = {
    NEEDED(topology_tls, ca, "CACertFile", BUS_TEXT),
    NEEDED(topology_tls, cert, "CertFile", BUS_TEXT),
    NEEDED(topology_tls, key, "CertKeyFile", BUS_TEXT),
    FIELD(topology_tls, server_name, "ServerName", BUS_TEXT, &server_name),
};
static const struct bus_shape tls_shape = {
    "Tls", sizeof(struct topology_tls),
    sizeof(tls_fields) / sizeof(tls_fields[0]), tls_fields};

static const struct bus_field topology_fields[] = {
    FIELD(topology, node, "Node", BUS_TEXT, &node),
    {.name = "Tls",
     .kind = BUS_MESSAGE,
     .flags = BUS_IN_JSON,
     .offset = offsetof(struct topology, tls),
     .presence = BUS_NO_PRESENCE,
     .shape = &tls_shape},
    FIELD(topology, plain_tcp, "PlainTcp", BUS_TEXT, &empty),
    {.name = "Actors",
     .kind = BUS_MESSAGE,
     .cardinality = BUS_LIST,
     .flags = BUS_IN_JSON | BUS_REQUIRED,
     .offset = offsetof(struct topology, actors),
     .presence = BUS_NO_PRESENCE,
     .shape = &actor_shape},
    FIELD(topology, restart_first, "RestartFirst", BUS_I64, &first_ms),
    FIELD(topology, restart_max, "RestartMax", BUS_I64, &max_ms),
    FIELD(topology, restart_forgive, "RestartForgive", BUS_I64, &forgive_ms),
};
static const struct bus_shape topology_shape = {
    "Topology", sizeof(struct topology),
    sizeof(topology_fields) / sizeof(topology_fields[0]), topology_fields};

/* What a check needs: the actor, its map, and where to look and complain. */
struct check {
    struct topology *topology;
    struct topology_actor *actor;
    const struct bus_yaml *map;
    const char *bin;
    struct bus_error *err;
};

static int complain(const struct check *check, const char *key,
                    const char *what, const char *value)
{
    const struct bus_yaml *at = bus_yaml_get(check->map, key);
    if (!at)
        at = check->map;
    return bus_error_set(check->err, BUS_INVALID_ARGUMENT,
                         "%s:%d:%d: key %s: %s%s%s", at->file, at->line,
                         at->column, key, what, *value ? ": " : "", value);
}

/* The rule of bus_name_valid, which lives beyond the supervisor's includes. */
static bool name_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < TOPOLOGY_NAME_MAX && name[0] != '.' &&
           name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

static int check_name(const struct check *check)
{
    const char *name = check->actor->name;
    if (!name_valid(name))
        return complain(check, "Name",
                        "expected letters, digits, '-', '_' and '.'", name);
    if (topology_find(check->topology, name) != check->actor)
        return complain(check, "Name", "an actor of that name stands above",
                        name);
    return BUS_OK;
}

static bool within(int64_t value, int64_t low, int64_t high)
{
    return low <= value && value <= high;
}

static int check_numbers(const struct check *check)
{
    const struct topology_actor *a = check->actor;
    if (!within(a->replicas, 0, TOPOLOGY_REPLICAS_MAX))
        return complain(check, "Replicas", "expected 0 to 256", "");
    if (!within(a->workers, 1, TOPOLOGY_WORKERS_MAX))
        return complain(check, "Workers", "expected 1 to 1024", "");
    if (!within(a->stop_timeout, 1, TOPOLOGY_TIME_MS_MAX))
        return complain(check, "StopTimeout", "expected 1 to 86400000 ms", "");
    if (!within(a->ready_timeout, 1, TOPOLOGY_TIME_MS_MAX))
        return complain(check, "ReadyTimeout", "expected 1 to 86400000 ms", "");
    if (!within(a->restart_first, 1, a->restart_max))
        return complain(check, "RestartFirst", "expected 1 to RestartMax", "");
    if (!within(a->restart_max, 1, TOPOLOGY_TIME_MS_MAX))
        return complain(check, "RestartMax", "expected 1 to 86400000 ms", "");
    if (!within(a->restart_forgive, 1, TOPOLOGY_TIME_MS_MAX))
        return complain(check, "RestartForgive", "expected 1 to 86400000 ms",
                        "");
    if (a->env.count > TOPOLOGY_ENV_MAX)
        return complain(check, "Env", "expected at most 256 variables", "");
    return BUS_OK;
}

static int check_env(const struct check *check)
{
    const struct topology_env *env = check->actor->env.items;
    for (size_t i = 0; i < check->actor->env.count; i++) {
        if (!*env[i].name || strchr(env[i].name, '='))
            return complain(check, "Env", "not a variable's name", env[i].name);
    }
    return BUS_OK;
}

/* folder/name, or name alone when it is absolute. Lives in the arena. */
static const char *join(struct topology *topology, const char *folder,
                        const char *name)
{
    if (*name == '/')
        return bus_arena_text(&topology->arena, name);
    return bus_arena_printf(&topology->arena, "%s/%s", folder, name);
}

static const char *folder_of(struct topology *topology, const char *path)
{
    const char *slash = strrchr(path, '/');
    assert(slash);
    return bus_arena_text_n(&topology->arena, path, (size_t)(slash - path));
}

static int check_program(const struct check *check)
{
    struct topology_actor *actor = check->actor;
    const char *name = *actor->program ? actor->program : actor->name;
    const char *folder = strchr(name, '/')
                             ? folder_of(check->topology, check->topology->path)
                             : check->bin;
    actor->program = join(check->topology, folder, name);
    struct stat st;
    if (stat(actor->program, &st) || !S_ISREG(st.st_mode) ||
        access(actor->program, X_OK))
        return complain(check, "Program", "no such program", actor->program);
    return BUS_OK;
}

static int check_config(const struct check *check)
{
    struct topology_actor *actor = check->actor;
    if (!*actor->config)
        return BUS_OK;
    const char *folder = folder_of(check->topology, check->topology->path);
    actor->config = join(check->topology, folder, actor->config);
    struct stat st;
    if (stat(actor->config, &st) || !S_ISREG(st.st_mode) ||
        access(actor->config, R_OK))
        return complain(check, "Config", "cannot read", actor->config);
    return BUS_OK;
}

static void inherit(int64_t *own, int64_t common)
{
    if (*own == 0)
        *own = common;
}

/* Mixes what stat says of a file into the mark. */
static uint64_t mark_file(uint64_t mark, const char *path)
{
    struct stat st;
    if (!*path || stat(path, &st))
        return mark;
    const uint64_t parts[] = {(uint64_t)st.st_ino, (uint64_t)st.st_size,
                              (uint64_t)st.st_mtim.tv_sec,
                              (uint64_t)st.st_mtim.tv_nsec};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        mark = (mark ^ parts[i]) * UINT64_C(0x100000001b3);
    return mark;
}

static uint64_t mark_text(uint64_t mark, const char *text)
{
    for (; text && *text; text++)
        mark = (mark ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return mark;
}

static uint64_t mark_tree(uint64_t mark, const struct bus_yaml *tree)
{
    mark = mark_text(mark_text(mark, tree->key), tree->text);
    for (const struct bus_yaml *at = tree->first; at; at = at->next)
        mark = mark_tree(mark, at);
    return mark;
}

static int check_actor(const struct check *check)
{
    static int (*const checks[])(const struct check *) = {
        check_name, check_numbers, check_env, check_program, check_config};
    struct topology_actor *actor = check->actor;
    inherit(&actor->restart_first, check->topology->restart_first);
    inherit(&actor->restart_max, check->topology->restart_max);
    inherit(&actor->restart_forgive, check->topology->restart_forgive);
    int code = BUS_OK;
    for (size_t i = 0; !code && i < sizeof(checks) / sizeof(checks[0]); i++)
        code = checks[i](check);
    if (!code)
        actor->mark =
            mark_file(mark_file(actor->mark, actor->program), actor->config);
    return code;
}

/* One file of Tls, made absolute. */
static int check_pem(const struct check *check, const char *key,
                     const char **path)
{
    struct topology *topology = check->topology;
    *path = join(topology, folder_of(topology, topology->path), *path);
    struct stat st;
    if (strlen(*path) >= PATH_MAX || strchr(*path, '\n') || stat(*path, &st) ||
        !S_ISREG(st.st_mode) || access(*path, R_OK))
        return complain(check, key, "cannot read", *path);
    return BUS_OK;
}

static int check_wire(const struct topology *topology, struct check check)
{
    struct topology_tls *tls = topology->tls;
    if (*topology->plain_tcp &&
        strcmp(topology->plain_tcp, BUS_WIRE_PLAIN_WORDS) != 0)
        return complain(&check, "PlainTcp",
                        "expected the words \"" BUS_WIRE_PLAIN_WORDS "\"",
                        topology->plain_tcp);
    if (!tls)
        return BUS_OK;
    check.map = bus_yaml_get(check.map, "Tls");
    if (strlen(tls->server_name) >= BUS_WIRE_NAME_MAX ||
        strchr(tls->server_name, '\n'))
        return complain(&check, "ServerName", "not a name", "");
    int code = check_pem(&check, "CACertFile", &tls->ca);
    if (!code)
        code = check_pem(&check, "CertFile", &tls->cert);
    return code ? code : check_pem(&check, "CertKeyFile", &tls->key);
}

int topology_wire(const struct topology *topology, const char *home,
                  struct bus_error *err)
{
    struct bus_wire wire = {.plain = *topology->plain_tcp != '\0'};
    const struct topology_tls *tls = topology->tls;
    if (tls) {
        snprintf(wire.ca, sizeof(wire.ca), "%s", tls->ca);
        snprintf(wire.cert, sizeof(wire.cert), "%s", tls->cert);
        snprintf(wire.key, sizeof(wire.key), "%s", tls->key);
        snprintf(wire.server_name, sizeof(wire.server_name), "%s",
                 tls->server_name);
    }
    return bus_wire_write(home, &wire, err);
}

static int check_all(struct topology *topology, const struct bus_yaml *root,
                     const char *bin, struct bus_error *err)
{
    struct check check = {topology, NULL, root, bin, err};
    if (!name_valid(topology->node))
        return complain(&check, "Node", "not a node's name", topology->node);
    int code = check_wire(topology, check);
    if (code)
        return code;
    size_t count = topology->actors.count;
    if (count < 1 || count > TOPOLOGY_ACTORS_MAX)
        return complain(&check, "Actors", "expected 1 to 128 actors", "");
    struct topology_actor *actors = topology->actors.items;
    check.map = bus_yaml_get(root, "Actors")->first;
    for (size_t i = 0; !code && i < count; i++, check.map = check.map->next) {
        check.actor = &actors[i];
        code = check_actor(&check);
    }
    return code;
}

/* Takes the cron entries out of the actors' maps, before they are bound: the
 * actors read them by themselves, who know their methods. marks: one an actor,
 * 0 without entries. */
static void cut_crons(const struct bus_yaml *root,
                      uint64_t marks[TOPOLOGY_ACTORS_MAX])
{
    const struct bus_yaml *actors = bus_yaml_get(root, "Actors");
    size_t i = 0;
    for (struct bus_yaml *map = actors ? actors->first : NULL;
         map && i < TOPOLOGY_ACTORS_MAX; map = map->next, i++) {
        for (struct bus_yaml **at = &map->first; *at;) {
            if ((*at)->key && bus_yaml_key_is((*at)->key, "Cron")) {
                marks[i] = mark_tree(1, *at);
                *at = (*at)->next;
            } else {
                at = &(*at)->next;
            }
        }
    }
}

static void keep_crons(struct topology *topology,
                       const uint64_t marks[TOPOLOGY_ACTORS_MAX])
{
    struct topology_actor *actors = topology->actors.items;
    for (size_t i = 0; i < topology->actors.count && i < TOPOLOGY_ACTORS_MAX;
         i++) {
        actors[i].cron = marks[i] ? topology->path : "";
        actors[i].mark = marks[i] ? marks[i] : 1;
    }
}

static int read_into(struct topology *topology, const char *path,
                     const char *bin, struct bus_error *err)
{
    char real[PATH_MAX];
    if (!realpath(path, real))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s: cannot read the topology", path);
    topology->path = bus_arena_text(&topology->arena, real);
    struct bus_yaml *root;
    int code = bus_yaml_file(path, &topology->arena, &root, err);
    if (code)
        return code;
    uint64_t marks[TOPOLOGY_ACTORS_MAX] = {0};
    struct bus_config_part part = {&topology_shape, topology};
    cut_crons(root, marks);
    code = bus_config_bind(root, &part, 1, &topology->arena, err);
    if (code)
        return code;
    keep_crons(topology, marks);
    return check_all(topology, root, bin, err);
}

int topology_read(const char *path, const char *bin, struct topology **ret,
                  struct bus_error *err)
{
    struct topology *topology = calloc(1, sizeof(*topology));
    if (!topology)
        abort();
    bus_arena_init(&topology->arena, BUS_ARENA_LIMIT);
    int code = read_into(topology, path, bin, err);
    if (code) {
        topology_free(topology);
        return code;
    }
    *ret = topology;
    return BUS_OK;
}
