/* SPDX-License-Identifier: MIT
 *
 * The runtime's own YAML keys, go-zero's names and defaults, as one struct.
 * Reading binds one file to this struct and to the service's Config message
 * together, so that every key is known to one of them; keys that end in "Rpc"
 * (UserRpc: {Etcd: ...}) name the actors that a service calls and are checked
 * against one shape. What is read here is not acted upon here.
 */
#ifndef ACTOR_SETTINGS_H
#define ACTOR_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/shape.h"

#define ACTOR_TIMEOUT_MS 2000 /* Timeout: of a request, ms */
#define ACTOR_WORKERS 8       /* Workers: of one replica */
#define ACTOR_WORKERS_MAX 1024
#define ACTOR_MAILBOX 1024      /* Mailbox: requests that wait, a replica */
#define ACTOR_CPU_THRESHOLD 900 /* go-zero's */
#define ACTOR_MAILBOX_MAX 1048576
#define ACTOR_BYTES_MAX 1048576 /* MaxBytes: of one request's body */
#define ACTOR_CONNS_MAX 10000   /* MaxConns */
#define ACTOR_CLIENTS_MAX 256   /* keys that end in Rpc */
#define ACTOR_ATTEMPTS_MAX 1000 /* Attempts: of a durable event */
#define ACTOR_AUTHS_MAX 64      /* keys with secrets of tokens, beside Auth */

struct bus_arena;
struct bus_error;
struct bus_yaml;
struct bus_config_part;

struct actor_log_config {
    const char *level; /* debug, info, error or severe */
    const char *mode, *encoding, *path, *service_name; /* read, not used */
    bool stat; /* one line a request, at info */
};

struct actor_auth {
    const char *access_secret; /* or its alias Secret */
    int64_t access_expire;     /* seconds; or its alias ExpireIn */
    const char *prev_secret;   /* PrevSecret: also accepted; "" */
};

struct actor_source {
    const char *data_source; /* never printed: it may hold a password */
};

/* Mysql: the replicas and the policy are go-zero's. */
struct actor_mysql {
    const char *data_source;
    struct bus_list replicas; /* const char *; as secret */
    const char *policy;       /* round-robin, random */
    uint32_t max_open_conns;  /* MaxOpenConns; 0: one a worker */
};

/* Barrier: {Keep: 720h} */
struct actor_barrier {
    int64_t keep_ns; /* how old its rows get; 0: for ever */
};

/* One of CacheRedis. */
struct actor_redis {
    const char *host, *user, *pass; /* host: host:port, or a socket's path */
    const char *type;               /* node, cluster */
    bool tls;
    int32_t weight;
};

/* Prefixes: {user: "cache:user:id::", user.number: "..."} */
struct actor_cache_prefix {
    const char *key, *prefix;
};

/* Cache: of the in-process cache Bytes, of Redis the rest. */
struct actor_cache {
    uint64_t bytes;           /* 0: the store's default */
    int64_t expiry_ns;        /* Expiry: of rows; 0: go-zero's 7 days */
    int64_t absent_ns;        /* NotFoundExpiry; 0: go-zero's minute */
    uint32_t fallback;        /* Fallback: reads at once while Redis is down */
    struct bus_list prefixes; /* struct actor_cache_prefix */
};

/* Later: {Catchup: all}: delayed messages that were missed or interrupted. */
struct actor_later {
    const char *catchup; /* all: delivered all the same; none */
};

/* Shutdown: how long stopping may take; Go's notation, "500ms". */
struct actor_shutdown {
    int64_t wrap_up_ns; /* WrapUpTime: for callers to hear of it */
    int64_t wait_ns;    /* WaitTime: in all; the process ends by force then */
};

/* Events: where durable events go, and how old they get. */
struct actor_events {
    struct actor_redis *redis; /* NULL: the home's data/events.db */
    int64_t keep_ns;           /* Keep; 0: for ever */
};

/* One of Consume. */
struct actor_consume {
    const char *topic, *method;
    const char *group; /* "": the actor's name */
    int32_t attempts;
    int64_t backoff_ns, backoff_max_ns;
};

struct actor_etcd {
    struct bus_list hosts; /* const char * */
    const char *key, *user, *pass;
    const char *ca, *cert, *cert_key; /* files, for https */
};

struct actor_telemetry {
    const char *name, *endpoint, *batcher;
    double sampler;
    bool disabled;
};

/* Methods: {getUser: {Timeout: 500}} */
struct actor_method_config {
    int64_t timeout_ms; /* of this method; has_timeout false: the actor's */
    bool has_timeout;
    bool barrier;    /* false: as a saga's step it runs outside the step's
                      * transaction, again at each repetition; its compensation
                      * comes also after a refusal of it */
    const char *key; /* field whose value picks the instance; "" */
};

struct actor_method_pair {
    const char *name;
    struct actor_method_config *config;
};

/* UserRpc: {...} */
struct actor_client {
    struct actor_etcd *etcd;   /* NULL: none */
    struct bus_list endpoints; /* const char * */
    const char *target;        /* "" */
    const char *app, *token;   /* "" */
    const char *actor;         /* "": what stands before Rpc, in lower case */
    int64_t timeout_ms;
    bool non_block;
};

struct actor_client_pair {
    const char *key; /* "UserRpc" */
    struct actor_client *config;
};

/* Apps: {user-api: token}: who may call. */
struct actor_app {
    const char *app, *token;
};

struct actor_config {
    const char *name; /* as written; the actor's own name if absent */
    const char *host;
    int32_t port; /* 0: none */
    const char *listen_on;
    int64_t timeout_ms; /* 0: no limit but the caller's */
    int32_t workers;
    int32_t mailbox;
    int32_t cpu_threshold; /* thousandths: shed.h; 0: never */
    int64_t max_bytes;
    int32_t max_conns;
    const char *mode;                    /* dev, test, rt, pre, pro */
    struct actor_log_config *log;        /* never NULL once read */
    struct actor_auth *auth;             /* NULL: none */
    const struct bus_config_part *auths; /* of other names: actor_auth_find */
    struct actor_mysql *mysql;           /* NULL: none */
    struct actor_barrier *barrier;       /* never NULL once read */
    int64_t slow_statement_ns;           /* SlowStatement: logged from then */
    struct actor_source *sqlite;         /* NULL: none */
    struct bus_list cache_redis;         /* struct actor_redis */
    struct actor_cache *cache;           /* NULL: none */
    struct actor_etcd *etcd;             /* NULL: none */
    const char *errors;                  /* text, code, problem, json */
    struct actor_telemetry *telemetry;   /* NULL: none */
    struct actor_later *later;           /* never NULL once read */
    struct actor_shutdown *shutdown;     /* never NULL once read */
    struct bus_list methods;             /* struct actor_method_pair */
    struct actor_events *events;         /* never NULL once read */
    struct bus_list consume;             /* struct actor_consume */
    struct bus_list apps;                /* struct actor_app; none: anybody */
    struct bus_list clients;             /* struct actor_client_pair */
};

/* What tokens behind `jwt: NAME` or `jwtTransition: NAME` are checked and made
 * with: the key NAME, or Auth if there is none; NULL: neither. */
const struct actor_auth *actor_auth_find(const struct actor_config *config,
                                         const char *name);

extern const struct bus_shape actor_config_shape;
extern const struct bus_shape actor_client_shape;

/* Binds a file's top map. own: the service's Config shape, or NULL; ret_own
 * receives its struct (NULL without a shape). yaml NULL: every default. Both
 * results live in the arena. Errors: INVALID_ARGUMENT and a sentence that
 * begins with FILE:LINE:COL. */
int actor_config_read(const struct bus_yaml *yaml, const struct bus_shape *own,
                      struct bus_arena *arena, struct actor_config **ret,
                      const void **ret_own, struct bus_error *err);

/* The same for a reader that knows nothing of the service, such as the edge:
 * keys that the runtime does not know are skipped. */
int actor_config_peek(const struct bus_yaml *yaml, struct bus_arena *arena,
                      struct actor_config **ret, struct bus_error *err);

#endif
