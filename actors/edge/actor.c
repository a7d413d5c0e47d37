/* SPDX-License-Identifier: MIT
 *
 * The edge as an actor: reads its APIs at start, listens, runs one loop on a
 * thread of its own, and drains on request: listeners close, idle connections
 * close, requests under way are answered.
 */
#include "actors/edge/edge.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "actors/runtime/settings.h"
#include "actors/runtime/token.h"
#include "bus/log.h"
#include "bus/pack.h"
#include "schemas/compiler/schema.h"

/* --- configuration: message Config of the edge, by hand --- */

struct edge_api {
    const char *schema;
    const char *config;
};

struct edge_config {
    struct bus_list apis; /* struct edge_api */
};

#define TEXT_FIELD(type, member, key)                                          \
    {                                                                          \
        .name = (key), .kind = BUS_TEXT, .flags = BUS_REQUIRED,                \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE   \
    }

static const struct bus_field api_fields[] = {
    TEXT_FIELD(edge_api, schema, "Schema"),
    TEXT_FIELD(edge_api, config, "Config"),
};
static const struct bus_shape api_shape = {"edge.Api", sizeof(struct edge_api),
                                           2, api_fields};
static const struct bus_field config_fields[] = {
    {.name = "Apis",
     .kind = BUS_MESSAGE,
     .cardinality = BUS_LIST,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct edge_config, apis),
     .presence = BUS_NO_PRESENCE,
     .shape = &api_shape},
};
static const struct bus_shape config_shape = {
    "edge.Config", sizeof(struct edge_config), 1, config_fields};

/* A path relative to the folder of the edge's own configuration. */
static const char *beside(struct actor_process *process, const char *path)
{
    const char *own = process->config_path;
    const char *slash = own ? strrchr(own, '/') : NULL;
    if (path[0] == '/' || !slash)
        return path;
    return bus_arena_printf(&process->arena, "%.*s/%s", (int)(slash - own), own,
                            path);
}

/* --- APIs --- */

/* A file that cannot be read has no line to point at. */
static int schema_refuse(const char *path, const struct schema_error *first,
                         struct bus_error *err)
{
    const char *file = first->pos.file ? first->pos.file : path;
    if (first->pos.line == 0)
        return bus_error_set(err, BUS_INVALID_ARGUMENT, "%s: %s", file,
                             first->message);
    return bus_error_set(err, BUS_INVALID_ARGUMENT, "%s:%u:%u: %s", file,
                         first->pos.line, first->pos.column, first->message);
}

static int schema_read(struct actor_process *process, const char *path,
                       struct api *api, struct bus_error *err)
{
    /* Kept for the life of the process: routes and shapes point into it. */
    struct schema *schema = schema_new();
    const struct schema_unit *unit = schema_load(schema, path);
    if (!unit) {
        int code = schema_refuse(path, schema_error_at(schema, 0), err);
        schema_free(schema);
        return code;
    }
    api->schema = schema;
    if (unit->service_count != 1)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s: found %zu services, expected one", path,
                             unit->service_count);
    return routes_build(unit->services[0], &process->arena, &api->routes, err);
}

static int config_read(struct actor_process *process, const char *path,
                       struct api *api, struct bus_error *err)
{
    struct bus_yaml *yaml;
    struct actor_config *config;
    int code = bus_yaml_file(path, &process->arena, &yaml, err);
    if (!code)
        code = actor_config_peek(yaml, &process->arena, &config, err);
    if (code)
        return code;
    api->config = config;
    api->body_max = (size_t)config->max_bytes;
    for (size_t i = 0; i < api->routes.count; i++)
        if ((size_t)api->routes.all[i].body_max > api->body_max)
            api->body_max = (size_t)api->routes.all[i].body_max;
    api->port = config->port;
    if (!answer_style_from_name(config->errors, &api->style))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s: Errors: found %s, expected text, code, "
                             "problem or json",
                             path, config->errors);
    return BUS_OK;
}

/* Routes behind a token need a secret that is worth the name. */
static int secrets_find(struct api *api, const char *path,
                        struct bus_error *err)
{
    for (size_t i = 0; i < api->routes.count; i++) {
        struct route *route = &api->routes.all[i];
        if (!route->jwt)
            continue;
        const struct actor_auth *auth =
            actor_auth_find(api->config, route->jwt);
        if (!auth || !auth->access_secret ||
            strlen(auth->access_secret) < ACTOR_SECRET_LEAST)
            return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                 "%s: key %s.AccessSecret: expected at least "
                                 "%d bytes, for routes behind a token",
                                 path, route->jwt, ACTOR_SECRET_LEAST);
        route->auth = auth;
    }
    return BUS_OK;
}

/* EDGE_PORT=N moves the listeners to N, N + 1, ... in the order of Apis. */
static int port_of(struct api *api, size_t index, struct bus_error *err)
{
    const char *text = getenv("EDGE_PORT");
    if (text && text[0]) {
        char *end;
        long port = strtol(text, &end, 10);
        if (*end || port < 1 || port + (long)index > 65535)
            return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                 "EDGE_PORT: found \"%.32s\", expected a port",
                                 text);
        api->port = (int)port + (int)index;
    }
    if (api->port < 1 || api->port > 65535)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s: key Port: found %d, expected 1 to 65535",
                             api->config->name, api->port);
    return BUS_OK;
}

static int apis_read(struct edge *edge, struct bus_error *err)
{
    struct actor_process *process = edge->process;
    const struct edge_config *config = process->own;
    const struct edge_api *list = config->apis.items;
    if (config->apis.count == 0 || config->apis.count > EDGE_APIS_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "key Apis: found %zu, expected 1 to %d",
                             config->apis.count, EDGE_APIS_MAX);
    edge->apis = calloc(config->apis.count, sizeof(*edge->apis));
    if (!edge->apis)
        abort();
    for (size_t i = 0; i < config->apis.count; i++) {
        struct api *api = &edge->apis[edge->api_count++];
        const char *path = beside(process, list[i].config);
        api->edge = edge;
        int code =
            schema_read(process, beside(process, list[i].schema), api, err);
        if (!code)
            code = config_read(process, path, api, err);
        if (!code)
            code = secrets_find(api, path, err);
        if (!code)
            code = port_of(api, i, err);
        if (code)
            return code;
    }
    return BUS_OK;
}

/* --- the loop --- */

static int listen_one(struct api *api, struct bus_error *err)
{
    struct http_listener_options options = {
        .name = api->config->name,
        .host = api->config->host,
        .port = api->port,
        .body_max = api->body_max,
        .serve = exchange_start,
        .arg = api,
    };
    return http_listen(api->edge->http, &options, NULL, err);
}

/* Nothing new; what is under way is answered. */
static void leave(struct edge *edge)
{
    edge->leaving = true;
    http_server_leave(edge->http);
}

static void close_all(struct edge *edge)
{
    http_server_close(edge->http);
    if (!uv_is_closing((uv_handle_t *)&edge->wake))
        uv_close((uv_handle_t *)&edge->wake, NULL);
}

/* Exchanges answered since, oldest first. */
static struct exchange *answered_take(struct edge *edge, bool *ret_draining,
                                      bool *ret_stopping)
{
    struct exchange *reversed = NULL;
    pthread_mutex_lock(&edge->lock);
    struct exchange *list = edge->answered;
    edge->answered = NULL;
    *ret_draining = edge->draining;
    *ret_stopping = edge->closed = edge->stopping;
    pthread_mutex_unlock(&edge->lock);
    while (list) {
        struct exchange *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static void on_wake(uv_async_t *wake)
{
    struct edge *edge = wake->data;
    bool draining, stopping;
    struct exchange *list = answered_take(edge, &draining, &stopping);
    while (list) {
        struct exchange *next = list->next;
        exchange_resume(list);
        list = next;
    }
    if (draining && !edge->leaving)
        leave(edge);
    if (stopping)
        close_all(edge);
}

static void loop_run(void *arg)
{
    struct edge *edge = arg;
    uv_run(&edge->loop, UV_RUN_DEFAULT);
}

/* --- struct actor_loop --- */

static void edge_free(struct edge *edge)
{
    for (size_t i = 0; i < edge->api_count; i++)
        schema_free(edge->apis[i].schema);
    free(edge->apis);
    pthread_cond_destroy(&edge->quiet);
    pthread_mutex_destroy(&edge->lock);
    free(edge);
}

void edge_hold(struct edge *edge)
{
    pthread_mutex_lock(&edge->lock);
    edge->busy++;
    pthread_mutex_unlock(&edge->lock);
}

void edge_drop(struct edge *edge)
{
    pthread_mutex_lock(&edge->lock);
    assert(edge->busy > 0);
    bool quiet = --edge->busy == 0;
    bool last = quiet && edge->abandoned;
    if (quiet)
        pthread_cond_broadcast(&edge->quiet);
    pthread_mutex_unlock(&edge->lock);
    if (last)
        edge_free(edge);
}

/* NAME of the environment in builds with test hooks, else what is given. */
static uint64_t wait_of(const char *name, uint64_t ms)
{
#ifdef TROUPE_TEST_HOOKS
    const char *text = getenv(name);
    if (text && text[0])
        return strtoull(text, NULL, 10);
#else
    (void)name;
#endif
    return ms;
}

static struct http_waits waits_read(void)
{
    const struct http_waits *most = &http_waits_default;
    return (struct http_waits){
        .idle_ms = wait_of("TROUPE_EDGE_IDLE_MS", most->idle_ms),
        .head_ms = wait_of("TROUPE_EDGE_HEAD_MS", most->head_ms),
        .body_ms = wait_of("TROUPE_EDGE_BODY_MS", most->body_ms),
        .write_ms = wait_of("TROUPE_EDGE_WRITE_MS", most->write_ms),
        .linger_ms = wait_of("TROUPE_EDGE_LINGER_MS", most->linger_ms),
    };
}

static struct edge *edge_new(struct actor_process *process)
{
    struct edge *edge = calloc(1, sizeof(*edge));
    if (!edge)
        abort();
    edge->process = process;
    edge->bus = process->bus;
    edge->clock = process->clock;
    edge->conn_max = (size_t)process->config->max_conns;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&edge->quiet, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&edge->lock, NULL);
    return edge;
}

static void loop_close(struct edge *edge)
{
    http_server_close(edge->http);
    uv_close((uv_handle_t *)&edge->wake, NULL);
    uv_run(&edge->loop, UV_RUN_DEFAULT);
    uv_loop_close(&edge->loop);
    http_server_free(edge->http);
}

static int edge_check(struct actor_process *process, struct bus_error *err)
{
    struct edge *edge = edge_new(process);
    int code = apis_read(edge, err);
    edge_free(edge);
    return code;
}

/* As many descriptors as the process may have, and no more connections than
 * leave some for links and files. */
static void files_raise(struct edge *edge)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    size_t kept = EDGE_FILES_KEPT + HTTP_REFUSED_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return;
    size_t most =
        limit.rlim_cur > 2 * kept ? limit.rlim_cur - kept : limit.rlim_cur / 2;
    if (edge->conn_max > most)
        edge->conn_max = most;
}

static void on_opened(void *arg)
{
    edge_hold(arg);
}

static void on_ended(void *arg)
{
    edge_drop(arg);
}

static void server_open(struct edge *edge)
{
    struct http_server_options options = {
        .loop = &edge->loop,
        .clock = edge->clock,
        .conn_max = edge->conn_max,
        .waits = waits_read(),
        .opened = on_opened,
        .closed = on_ended,
        .arg = edge,
    };
    edge->http = http_server_new(&options);
}

static int edge_start(struct actor_process *process, void **ret_self,
                      struct bus_error *err)
{
    struct edge *edge = edge_new(process);
    int code = apis_read(edge, err);
    if (code) {
        edge_free(edge);
        return code;
    }
    if (uv_loop_init(&edge->loop) ||
        uv_async_init(&edge->loop, &edge->wake, on_wake))
        abort();
    edge->wake.data = edge;
    files_raise(edge);
    server_open(edge);
    for (size_t i = 0; i < edge->api_count && !code; i++)
        code = listen_one(&edge->apis[i], err);
    if (code) {
        loop_close(edge);
        edge_free(edge);
        return code;
    }
    if (uv_thread_create(&edge->thread, loop_run, edge))
        abort();
    *ret_self = edge;
    return BUS_OK;
}

/* Nothing is served over the bus but the system methods. */
static void edge_serve(void *self, struct bus_inbound *inbound)
{
    (void)self;
    struct bus_reply reply = {0};
    bus_error_reason(&reply.error, BUS_UNIMPLEMENTED, "no_such_method",
                     "edge has no method %.64s", inbound->method);
    bus_inbound_reply(inbound, &reply);
}

static void edge_drain(void *self, int64_t deadline)
{
    struct edge *edge = self;
    struct timespec until = {.tv_sec = (time_t)(deadline / BUS_SECOND),
                             .tv_nsec = (long)(deadline % BUS_SECOND)};
    pthread_mutex_lock(&edge->lock);
    edge->draining = true;
    uv_async_send(&edge->wake);
    int late = 0;
    while (edge->busy && !late)
        late = pthread_cond_timedwait(&edge->quiet, &edge->lock, &until);
    pthread_mutex_unlock(&edge->lock);
}

static void edge_stop(void *self)
{
    struct edge *edge = self;
    pthread_mutex_lock(&edge->lock);
    edge->stopping = true;
    uv_async_send(&edge->wake);
    pthread_mutex_unlock(&edge->lock);
    uv_thread_join(&edge->thread);
    uv_loop_close(&edge->loop);
    http_server_free(edge->http);
    pthread_mutex_lock(&edge->lock);
    edge->abandoned = edge->busy > 0; /* calls that the bus still answers */
    bool last = !edge->abandoned;
    pthread_mutex_unlock(&edge->lock);
    if (last)
        edge_free(edge);
}

static const struct actor_loop edge_loop = {
    .check = edge_check,
    .start = edge_start,
    .serve = edge_serve,
    .drain = edge_drain,
    .stop = edge_stop,
};

const struct actor_type edge_actor = {
    .name = "edge",
    .version = "",
    .config = &config_shape,
    .loop = &edge_loop,
};
