/* SPDX-License-Identifier: MIT
 *
 * The shapes of the runtime's own keys, and their reading. Keys that end in
 * "Rpc" cannot be listed beforehand: a shape is made of those that the file
 * holds.
 */
#include "actors/runtime/settings.h"

#include <math.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "actors/runtime/settings_part.h"
#include "bus/arena.h"
#include "bus/code.h"
#include "bus/config.h"
#include "bus/error.h"
#include "bus/yaml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLIENT_SUFFIX "Rpc"

/* One field of one struct; the trailing arguments are further initialisers. */
#define FIELD(type, wire, member, ...)                                         \
    {                                                                          \
        .name = (wire), .presence = BUS_NO_PRESENCE,                           \
        .offset = (uint32_t)offsetof(type, member), __VA_ARGS__                \
    }
#define SHAPE(symbol, type, text, table)                                       \
    const struct bus_shape symbol = {.name = (text),                           \
                                     .size = (uint32_t)sizeof(type),           \
                                     .count = (uint16_t)COUNT(table),          \
                                     .fields = (table)}
#define RULE(symbol, ...)                                                      \
    static const struct bus_rule symbol = {                                    \
        .low = -HUGE_VAL, .high = HUGE_VAL, __VA_ARGS__}
/* A whole number of at least one, with a default. */
#define COUNTED(symbol, text, max)                                             \
    static const struct bus_rule symbol = {                                    \
        .fallback = (text), .low = 1, .high = (max)}

#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

static const char *const levels[] = {"debug", "info", "error", "severe", NULL};
static const char *const modes[] = {"dev", "test", "rt", "pre", "pro", NULL};
static const char *const errors[] = {"text", "code", "problem", "json", NULL};
static const char *const policies[] = {"round-robin", "random", NULL};
static const char *const catchups[] = {"all", "none", NULL};
static const char *const redis_types[] = {"node", "cluster", NULL};

RULE(level_rule, .fallback = "info", .options = levels);
RULE(true_rule, .fallback = "true");
RULE(console_rule, .fallback = "console");
RULE(json_rule, .fallback = "json");
RULE(mode_rule, .fallback = "pro", .options = modes);
RULE(errors_rule, .fallback = "text", .options = errors);
RULE(redis_rule, .fallback = "node", .options = redis_types);
RULE(policy_rule, .fallback = "round-robin", .options = policies);
RULE(slow_rule, .fallback = "500ms"); /* go-zero's */
RULE(keep_rule, .fallback = "720h");  /* longer than any saga lives */
RULE(later_rule, .fallback = "all", .options = catchups);
RULE(one_rule, .fallback = "1.0");
RULE(wrap_up_rule, .fallback = "3s");
RULE(week_rule, .fallback = "168h");
RULE(backoff_rule, .fallback = "200ms");
RULE(backoff_max_rule, .fallback = "30s");
RULE(wait_rule, .fallback = "8s"); /* the supervisor kills after ten */

static const struct bus_rule timeout_rule = {
    .fallback = TEXT_OF(ACTOR_TIMEOUT_MS), .low = 0, .high = HUGE_VAL};
static const struct bus_rule method_timeout_rule = {.low = 0, .high = HUGE_VAL};
static const struct bus_rule port_rule = {
    .fallback = "0", .low = 0, .high = 65535};
static const struct bus_rule cpu_rule = {
    .fallback = TEXT_OF(ACTOR_CPU_THRESHOLD), .low = 0, .high = 1000};
static const struct bus_rule weight_rule = {
    .fallback = "100", .low = 0, .high = INT32_MAX};
COUNTED(workers_rule, TEXT_OF(ACTOR_WORKERS), ACTOR_WORKERS_MAX);
COUNTED(mailbox_rule, TEXT_OF(ACTOR_MAILBOX), ACTOR_MAILBOX_MAX);
COUNTED(attempts_rule, "5", ACTOR_ATTEMPTS_MAX);
COUNTED(bytes_rule, TEXT_OF(ACTOR_BYTES_MAX), HUGE_VAL);
COUNTED(conns_rule, TEXT_OF(ACTOR_CONNS_MAX), INT32_MAX);

static const struct bus_field log_fields[] = {
    FIELD(struct actor_log_config, "Level", level, .kind = BUS_TEXT,
          .rule = &level_rule),
    FIELD(struct actor_log_config, "Mode", mode, .kind = BUS_TEXT,
          .rule = &console_rule),
    FIELD(struct actor_log_config, "Encoding", encoding, .kind = BUS_TEXT,
          .rule = &json_rule),
    FIELD(struct actor_log_config, "Path", path, .kind = BUS_TEXT),
    FIELD(struct actor_log_config, "ServiceName", service_name,
          .kind = BUS_TEXT),
    FIELD(struct actor_log_config, "Stat", stat, .kind = BUS_BOOL,
          .rule = &true_rule),
};
static SHAPE(log_shape, struct actor_log_config, "Log", log_fields);

static const struct bus_field source_fields[] = {
    FIELD(struct actor_source, "DataSource", data_source, .kind = BUS_TEXT,
          .flags = BUS_REQUIRED | BUS_SECRET),
};
static SHAPE(source_shape, struct actor_source, "DataSource", source_fields);

static const struct bus_field mysql_fields[] = {
    FIELD(struct actor_mysql, "DataSource", data_source, .kind = BUS_TEXT,
          .flags = BUS_REQUIRED | BUS_SECRET),
    FIELD(struct actor_mysql, "Replicas", replicas, .kind = BUS_TEXT,
          .cardinality = BUS_LIST, .flags = BUS_SECRET),
    FIELD(struct actor_mysql, "Policy", policy, .kind = BUS_TEXT,
          .rule = &policy_rule),
    FIELD(struct actor_mysql, "MaxOpenConns", max_open_conns, .kind = BUS_U32),
};
static SHAPE(mysql_shape, struct actor_mysql, "Mysql", mysql_fields);

static const struct bus_field barrier_fields[] = {
    FIELD(struct actor_barrier, "Keep", keep_ns, .kind = BUS_DURATION,
          .rule = &keep_rule),
};
static SHAPE(barrier_shape, struct actor_barrier, "Barrier", barrier_fields);

static const struct bus_field redis_fields[] = {
    FIELD(struct actor_redis, "Host", host, .kind = BUS_TEXT,
          .flags = BUS_REQUIRED),
    FIELD(struct actor_redis, "User", user, .kind = BUS_TEXT),
    FIELD(struct actor_redis, "Pass", pass, .kind = BUS_TEXT,
          .flags = BUS_SECRET),
    FIELD(struct actor_redis, "Type", type, .kind = BUS_TEXT,
          .rule = &redis_rule),
    FIELD(struct actor_redis, "Tls", tls, .kind = BUS_BOOL),
    FIELD(struct actor_redis, "Weight", weight, .kind = BUS_I32,
          .flags = BUS_HAS_RANGE, .rule = &weight_rule),
};
static SHAPE(redis_shape, struct actor_redis, "CacheRedis", redis_fields);

static const struct bus_field events_fields[] = {
    FIELD(struct actor_events, "Redis", redis, .kind = BUS_MESSAGE,
          .shape = &redis_shape),
    FIELD(struct actor_events, "Keep", keep_ns, .kind = BUS_DURATION,
          .rule = &week_rule),
};
static SHAPE(events_shape, struct actor_events, "Events", events_fields);

static const struct bus_field consume_fields[] = {
    FIELD(struct actor_consume, "Topic", topic, .kind = BUS_TEXT,
          .flags = BUS_REQUIRED),
    FIELD(struct actor_consume, "Method", method, .kind = BUS_TEXT,
          .flags = BUS_REQUIRED),
    FIELD(struct actor_consume, "Group", group, .kind = BUS_TEXT),
    FIELD(struct actor_consume, "Attempts", attempts, .kind = BUS_I32,
          .flags = BUS_HAS_RANGE, .rule = &attempts_rule),
    FIELD(struct actor_consume, "Backoff", backoff_ns, .kind = BUS_DURATION,
          .rule = &backoff_rule),
    FIELD(struct actor_consume, "BackoffMax", backoff_max_ns,
          .kind = BUS_DURATION, .rule = &backoff_max_rule),
};
static SHAPE(consume_shape, struct actor_consume, "Consume", consume_fields);

static const struct bus_field prefix_fields[] = {
    FIELD(struct actor_cache_prefix, "key", key, .kind = BUS_TEXT),
    FIELD(struct actor_cache_prefix, "value", prefix, .kind = BUS_TEXT),
};
static SHAPE(prefix_shape, struct actor_cache_prefix, "Prefixes",
             prefix_fields);

static const struct bus_field cache_fields[] = {
    FIELD(struct actor_cache, "Bytes", bytes, .kind = BUS_U64),
    FIELD(struct actor_cache, "Expiry", expiry_ns, .kind = BUS_DURATION),
    FIELD(struct actor_cache, "NotFoundExpiry", absent_ns,
          .kind = BUS_DURATION),
    FIELD(struct actor_cache, "Fallback", fallback, .kind = BUS_U32),
    FIELD(struct actor_cache, "Prefixes", prefixes, .kind = BUS_MESSAGE,
          .cardinality = BUS_MAP, .shape = &prefix_shape),
};
static SHAPE(cache_shape, struct actor_cache, "Cache", cache_fields);

static const struct bus_field etcd_fields[] = {
    FIELD(struct actor_etcd, "Hosts", hosts, .kind = BUS_TEXT,
          .cardinality = BUS_LIST, .flags = BUS_REQUIRED),
    FIELD(struct actor_etcd, "Key", key, .kind = BUS_TEXT,
          .flags = BUS_REQUIRED),
    FIELD(struct actor_etcd, "CACertFile", ca, .kind = BUS_TEXT),
    FIELD(struct actor_etcd, "CertFile", cert, .kind = BUS_TEXT),
    FIELD(struct actor_etcd, "CertKeyFile", cert_key, .kind = BUS_TEXT),
    FIELD(struct actor_etcd, "User", user, .kind = BUS_TEXT),
    FIELD(struct actor_etcd, "Pass", pass, .kind = BUS_TEXT,
          .flags = BUS_SECRET),
};
static SHAPE(etcd_shape, struct actor_etcd, "Etcd", etcd_fields);

static const struct bus_field telemetry_fields[] = {
    FIELD(struct actor_telemetry, "Name", name, .kind = BUS_TEXT),
    FIELD(struct actor_telemetry, "Endpoint", endpoint, .kind = BUS_TEXT),
    FIELD(struct actor_telemetry, "Batcher", batcher, .kind = BUS_TEXT),
    FIELD(struct actor_telemetry, "Sampler", sampler, .kind = BUS_F64,
          .rule = &one_rule),
    FIELD(struct actor_telemetry, "Disabled", disabled, .kind = BUS_BOOL),
};
static SHAPE(telemetry_shape, struct actor_telemetry, "Telemetry",
             telemetry_fields);

static const struct bus_field later_fields[] = {
    FIELD(struct actor_later, "Catchup", catchup, .kind = BUS_TEXT,
          .rule = &later_rule),
};
static SHAPE(later_shape, struct actor_later, "Later", later_fields);

static const struct bus_field shutdown_fields[] = {
    FIELD(struct actor_shutdown, "WrapUpTime", wrap_up_ns, .kind = BUS_DURATION,
          .rule = &wrap_up_rule),
    FIELD(struct actor_shutdown, "WaitTime", wait_ns, .kind = BUS_DURATION,
          .rule = &wait_rule),
};
static SHAPE(shutdown_shape, struct actor_shutdown, "Shutdown",
             shutdown_fields);

static const struct bus_field method_fields[] = {
    {.name = "Timeout",
     .kind = BUS_I64,
     .flags = BUS_HAS_RANGE,
     .offset = offsetof(struct actor_method_config, timeout_ms),
     .presence = offsetof(struct actor_method_config, has_timeout),
     .rule = &method_timeout_rule},
    FIELD(struct actor_method_config, "Barrier", barrier, .kind = BUS_BOOL,
          .rule = &true_rule),
    FIELD(struct actor_method_config, "Key", key, .kind = BUS_TEXT),
};
static SHAPE(method_shape, struct actor_method_config, "Method", method_fields);

static const struct bus_field app_fields[] = {
    FIELD(struct actor_app, "key", app, .kind = BUS_TEXT),
    FIELD(struct actor_app, "value", token, .kind = BUS_TEXT,
          .flags = BUS_SECRET),
};
static SHAPE(app_shape, struct actor_app, "Apps", app_fields);

static const struct bus_field pair_fields[] = {
    FIELD(struct actor_method_pair, "key", name, .kind = BUS_TEXT),
    FIELD(struct actor_method_pair, "value", config, .kind = BUS_MESSAGE,
          .shape = &method_shape),
};
static SHAPE(pair_shape, struct actor_method_pair, "Methods", pair_fields);

static const struct bus_field client_fields[] = {
    FIELD(struct actor_client, "Etcd", etcd, .kind = BUS_MESSAGE,
          .shape = &etcd_shape),
    FIELD(struct actor_client, "Endpoints", endpoints, .kind = BUS_TEXT,
          .cardinality = BUS_LIST),
    FIELD(struct actor_client, "Target", target, .kind = BUS_TEXT),
    FIELD(struct actor_client, "Actor", actor, .kind = BUS_TEXT),
    FIELD(struct actor_client, "App", app, .kind = BUS_TEXT),
    FIELD(struct actor_client, "Token", token, .kind = BUS_TEXT,
          .flags = BUS_SECRET),
    FIELD(struct actor_client, "Timeout", timeout_ms, .kind = BUS_I64,
          .flags = BUS_HAS_RANGE, .rule = &timeout_rule),
    FIELD(struct actor_client, "NonBlock", non_block, .kind = BUS_BOOL,
          .rule = &true_rule),
};
SHAPE(actor_client_shape, struct actor_client, "Rpc", client_fields);

#define CONFIG(wire, member, ...)                                              \
    FIELD(struct actor_config, wire, member, __VA_ARGS__)

static const struct bus_field config_fields[] = {
    CONFIG("Name", name, .kind = BUS_TEXT),
    CONFIG("Host", host, .kind = BUS_TEXT),
    CONFIG("Port", port, .kind = BUS_I32, .flags = BUS_HAS_RANGE,
           .rule = &port_rule),
    CONFIG("ListenOn", listen_on, .kind = BUS_TEXT),
    CONFIG("Timeout", timeout_ms, .kind = BUS_I64, .flags = BUS_HAS_RANGE,
           .rule = &timeout_rule),
    CONFIG("Workers", workers, .kind = BUS_I32, .flags = BUS_HAS_RANGE,
           .rule = &workers_rule),
    CONFIG("CpuThreshold", cpu_threshold, .kind = BUS_I32,
           .flags = BUS_HAS_RANGE, .rule = &cpu_rule),
    CONFIG("Mailbox", mailbox, .kind = BUS_I32, .flags = BUS_HAS_RANGE,
           .rule = &mailbox_rule),
    CONFIG("MaxBytes", max_bytes, .kind = BUS_I64, .flags = BUS_HAS_RANGE,
           .rule = &bytes_rule),
    CONFIG("MaxConns", max_conns, .kind = BUS_I32, .flags = BUS_HAS_RANGE,
           .rule = &conns_rule),
    CONFIG("Mode", mode, .kind = BUS_TEXT, .rule = &mode_rule),
    CONFIG("Log", log, .kind = BUS_MESSAGE, .shape = &log_shape),
    CONFIG("Auth", auth, .kind = BUS_MESSAGE, .shape = &actor_auth_shape),
    CONFIG("Mysql", mysql, .kind = BUS_MESSAGE, .shape = &mysql_shape),
    CONFIG("SlowStatement", slow_statement_ns, .kind = BUS_DURATION,
           .rule = &slow_rule),
    CONFIG("Barrier", barrier, .kind = BUS_MESSAGE, .shape = &barrier_shape),
    CONFIG("Sqlite", sqlite, .kind = BUS_MESSAGE, .shape = &source_shape),
    CONFIG("CacheRedis", cache_redis, .kind = BUS_MESSAGE,
           .cardinality = BUS_LIST, .shape = &redis_shape),
    CONFIG("Cache", cache, .kind = BUS_MESSAGE, .shape = &cache_shape),
    CONFIG("Etcd", etcd, .kind = BUS_MESSAGE, .shape = &etcd_shape),
    CONFIG("Errors", errors, .kind = BUS_TEXT, .rule = &errors_rule),
    CONFIG("Telemetry", telemetry, .kind = BUS_MESSAGE,
           .shape = &telemetry_shape),
    CONFIG("Later", later, .kind = BUS_MESSAGE, .shape = &later_shape),
    CONFIG("Shutdown", shutdown, .kind = BUS_MESSAGE, .shape = &shutdown_shape),
    CONFIG("Methods", methods, .kind = BUS_MESSAGE, .cardinality = BUS_MAP,
           .shape = &pair_shape),
    CONFIG("Events", events, .kind = BUS_MESSAGE, .shape = &events_shape),
    CONFIG("Consume", consume, .kind = BUS_MESSAGE, .cardinality = BUS_LIST,
           .shape = &consume_shape),
    CONFIG("Apps", apps, .kind = BUS_MESSAGE, .cardinality = BUS_MAP,
           .shape = &app_shape),
};
SHAPE(actor_config_shape, struct actor_config, "Config", config_fields);

static bool is_client(const char *key)
{
    size_t len = key ? strlen(key) : 0;
    size_t tail = strlen(CLIENT_SUFFIX);
    return len > tail && strcasecmp(key + len - tail, CLIENT_SUFFIX) == 0;
}

/* A part with one field for each key that ends in Rpc; its message is an array
 * of pointers in the same order. */
static int clients_part(const struct bus_yaml *map, struct bus_arena *arena,
                        struct bus_config_part *ret, struct bus_error *err)
{
    size_t count = 0;
    for (const struct bus_yaml *at = map->first; at; at = at->next)
        count += is_client(at->key);
    struct bus_field *fields = bus_arena_array(arena, count, sizeof(*fields));
    struct bus_shape *shape = bus_arena_alloc(arena, sizeof(*shape));
    void *message = bus_arena_array(arena, count, sizeof(void *));
    if (!fields || !shape || !message || count > ACTOR_CLIENTS_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s:1:1: more than %d keys end in %s", map->file,
                             ACTOR_CLIENTS_MAX, CLIENT_SUFFIX);
    size_t i = 0;
    for (const struct bus_yaml *at = map->first; at; at = at->next) {
        if (!is_client(at->key))
            continue;
        fields[i] = (struct bus_field){.name = at->key,
                                       .kind = BUS_MESSAGE,
                                       .offset = (uint32_t)(i * sizeof(void *)),
                                       .presence = BUS_NO_PRESENCE,
                                       .shape = &actor_client_shape};
        i++;
    }
    *shape = (struct bus_shape){"clients", (uint32_t)(count * sizeof(void *)),
                                (uint16_t)count, fields};
    *ret = (struct bus_config_part){shape, message};
    return BUS_OK;
}

/* Makes an absent map whose every key has a default. */
static int fill_default(const struct bus_shape *shape, struct bus_arena *arena,
                        void **ret, struct bus_error *err)
{
    if (*ret)
        return BUS_OK;
    void *message = bus_arena_alloc(arena, shape->size);
    if (!message)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
    int code = bus_shape_check(shape, message, NULL, arena, err);
    if (!code)
        *ret = message;
    return code;
}

static int fill_defaults(struct bus_arena *arena, struct actor_config *config,
                         struct bus_error *err)
{
    void *log = config->log, *shutdown = config->shutdown;
    void *barrier = config->barrier, *events = config->events;
    void *later = config->later;
    int code = fill_default(&log_shape, arena, &log, err);
    if (!code)
        code = fill_default(&barrier_shape, arena, &barrier, err);
    if (!code)
        code = fill_default(&events_shape, arena, &events, err);
    if (!code)
        code = fill_default(&later_shape, arena, &later, err);
    if (!code)
        code = fill_default(&shutdown_shape, arena, &shutdown, err);
    config->log = log;
    config->barrier = barrier;
    config->events = events;
    config->later = later;
    config->shutdown = shutdown;
    return code;
}

/* The same clients by their keys. */
static int clients_list(const struct bus_config_part *part,
                        struct bus_arena *arena, struct bus_list *ret,
                        struct bus_error *err)
{
    size_t count = part->shape->count;
    struct actor_client_pair *pairs =
        bus_arena_array(arena, count, sizeof(*pairs));
    struct actor_client *const *clients = part->message;
    if (!pairs)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
    for (size_t i = 0; i < count; i++)
        pairs[i] =
            (struct actor_client_pair){part->shape->fields[i].name, clients[i]};
    *ret = (struct bus_list){.items = pairs, .count = count};
    return BUS_OK;
}

static int read_parts(const struct bus_yaml *map, const struct bus_shape *own,
                      struct bus_arena *arena, struct actor_config *config,
                      void *own_message, struct bus_error *err)
{
    struct bus_config_part parts[4] = {{&actor_config_shape, config}};
    struct bus_config_part *auths = bus_arena_alloc(arena, sizeof(*auths));
    int code = clients_part(map, arena, &parts[1], err);
    if (code == BUS_OK)
        code = settings_auths(map, own, arena, &parts[2], err);
    if (code != BUS_OK)
        return code;
    parts[3] = (struct bus_config_part){own, own_message};
    code = bus_config_bind(map, parts, own ? 4 : 3, arena, err);
    if (code != BUS_OK)
        return code;
    if (auths)
        *auths = parts[2];
    config->auths = auths;
    code = clients_list(&parts[1], arena, &config->clients, err);
    return code ? code : fill_defaults(arena, config, err);
}

int actor_config_read(const struct bus_yaml *yaml, const struct bus_shape *own,
                      struct bus_arena *arena, struct actor_config **ret,
                      const void **ret_own, struct bus_error *err)
{
    static const struct bus_yaml nothing = {
        .type = BUS_YAML_MAP, .line = 1, .column = 1, .file = "(no file)"};
    const struct bus_yaml *map = yaml ? yaml : &nothing;
    if (map->type != BUS_YAML_MAP)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s:%d:%d: found a value, expected keys",
                             map->file, map->line, map->column);
    struct actor_config *config = bus_arena_alloc(arena, sizeof(*config));
    void *message = own ? bus_arena_alloc(arena, own->size) : NULL;
    if (!config || (own && !message))
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
    int code = read_parts(map, own, arena, config, message, err);
    if (code != BUS_OK)
        return code;
    *ret = config;
    if (ret_own)
        *ret_own = message;
    return BUS_OK;
}

static bool is_known(const char *key)
{
    for (size_t i = 0; i < COUNT(config_fields); i++)
        if (key && strcasecmp(config_fields[i].name, key) == 0)
            return true;
    return is_client(key);
}

int actor_config_peek(const struct bus_yaml *yaml, struct bus_arena *arena,
                      struct actor_config **ret, struct bus_error *err)
{
    if (!yaml || yaml->type != BUS_YAML_MAP)
        return actor_config_read(yaml, NULL, arena, ret, NULL, err);
    struct bus_yaml *map = bus_arena_alloc(arena, sizeof(*map));
    if (!map)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
    *map = *yaml;
    struct bus_yaml **tail = &map->first;
    for (const struct bus_yaml *at = yaml->first; at; at = at->next) {
        struct bus_yaml *copy = bus_arena_alloc(arena, sizeof(*copy));
        if (!copy)
            return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
        if (!is_known(at->key) && !settings_is_auth(at))
            continue;
        *copy = *at;
        *tail = copy;
        tail = &copy->next;
    }
    *tail = NULL;
    return actor_config_read(map, NULL, arena, ret, NULL, err);
}
