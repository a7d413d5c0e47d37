/* SPDX-License-Identifier: MIT
 *
 * A delivery is an ordinary request: it waits in the mailbox, has a deadline,
 * and carries the event's trace. Its saga mark (the event's id, the group, the
 * operation "event") puts the handler behind the barrier: what is delivered
 * twice takes effect once.
 */
#include "actors/runtime/durable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/events/events.h"
#include "actors/store/outbox.h"
#include "bus/home.h"
#include "bus/pack.h"

#define FLIGHT_WORKERS 4 /* deliveries at once, a worker */
#define EVENTS_FILE "events.db"

/* ---- the configuration ---- */

static const struct bus_yaml *item_of(const struct bus_yaml *yaml, size_t index)
{
    const struct bus_yaml *list = yaml ? bus_yaml_get(yaml, "Consume") : NULL;
    const struct bus_yaml *item = list ? list->first : NULL;
    while (item && index-- > 0)
        item = item->next;
    return item;
}

static int refused(const struct runtime *runtime, size_t index, const char *key,
                   const char *why, struct bus_error *err)
{
    const struct bus_yaml *item = item_of(runtime->process.yaml, index);
    const struct bus_yaml *at = item ? bus_yaml_get(item, key) : NULL;
    at = at ? at : item;
    return bus_error_field(err, BUS_INVALID_ARGUMENT, "Consume",
                           "%s:%d:%d: key Consume[%zu].%s: %s",
                           at ? at->file : "(no file)", at ? at->line : 1,
                           at ? at->column : 1, index, key, why);
}

static int entry_check(const struct runtime *runtime, size_t index,
                       struct bus_error *err)
{
    const struct actor_consume *consume =
        (const struct actor_consume *)runtime->process.config->consume.items +
        index;
    size_t word = strcspn(consume->topic, ".");
    if (!bus_pattern_valid(consume->topic))
        return refused(runtime, index, "Topic",
                       "expected dotted words, '*' for one, a last '>' for "
                       "the rest",
                       err);
    if (word == 1 && (consume->topic[0] == '*' || consume->topic[0] == '>'))
        return refused(runtime, index, "Topic",
                       "its first word names the stream and is no pattern",
                       err);
    if (!methods_find(&runtime->methods, consume->method))
        return refused(runtime, index, "Method", "there is no such method",
                       err);
    if (consume->group[0] && !bus_name_valid(consume->group))
        return refused(runtime, index, "Group",
                       "expected letters, digits, '-', '_' and '.'", err);
    if (consume->backoff_ns <= 0 ||
        consume->backoff_max_ns < consume->backoff_ns)
        return refused(runtime, index, "BackoffMax",
                       "expected 0 < Backoff <= BackoffMax", err);
    return BUS_OK;
}

int durable_check(struct runtime *runtime, struct bus_error *err)
{
    const struct actor_config *config = runtime->process.config;
    const struct actor_redis *redis = config->events->redis;
    int code = BUS_OK;
    if (redis && (redis->tls || strcmp(redis->type, "cluster") == 0))
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "Events",
                               "key Events.Redis: TLS and cluster are not "
                               "supported");
    if (config->consume.count && runtime->process.type->loop)
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "Consume",
                               "key Consume: %s has no workers that could "
                               "handle events",
                               runtime->process.type->name);
    for (size_t i = 0; i < config->consume.count && !code; i++)
        code = entry_check(runtime, i, err);
    return code;
}

/* ---- deliveries ---- */

struct delivery {
    struct runtime *runtime;
    void *token;
};

static void answered(void *arg, const struct bus_reply *reply)
{
    struct delivery *delivery = arg;
    events_answered(delivery->runtime->events, delivery->token, reply);
    free(delivery);
}

static void deliver(void *arg, const struct events_delivery *given)
{
    struct runtime *runtime = arg;
    struct delivery *delivery = malloc(sizeof(*delivery));
    if (!delivery)
        abort();
    *delivery = (struct delivery){runtime, given->token};
    int64_t now = bus_now(runtime->process.clock);
    struct bus_request request = {
        .method = given->route->method,
        .deadline = now + given->route->timeout_ns,
        .meta = {.saga = {.gid = given->event->id,
                          .branch = given->route->group,
                          .op = EVENTS_OP}},
        .body = given->event->body,
    };
    struct bus_trace trace;
    if (bus_trace_parse(given->event->trace, &trace))
        bus_trace_child(&trace, &request.meta.trace);
    runtime_take(runtime, bus_inbound_local(&request, now, answered, delivery));
}

/* ---- opening ---- */

static int routes_make(struct runtime *runtime, struct events_options *options,
                       struct bus_error *err)
{
    struct actor_process *process = &runtime->process;
    const struct bus_list *list = &process->config->consume;
    const struct actor_consume *from = list->items;
    struct events_route *routes =
        bus_arena_array(&process->arena, list->count, sizeof(*routes));
    if (!routes)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
    for (size_t i = 0; i < list->count; i++) {
        const struct method_entry *entry =
            methods_find(&runtime->methods, from[i].method);
        routes[i] = (struct events_route){
            .pattern = from[i].topic,
            .method = from[i].method,
            .group = from[i].group[0] ? from[i].group : process->type->name,
            .attempts = from[i].attempts,
            .backoff_ns = from[i].backoff_ns,
            .backoff_max_ns = from[i].backoff_max_ns,
            .timeout_ns =
                entry->timeout_ns ? entry->timeout_ns : CONSUMER_TIMEOUT};
    }
    options->routes = routes;
    options->count = list->count;
    return BUS_OK;
}

static int stream_make(struct actor_process *process,
                       struct stream_options *stream, struct bus_error *err)
{
    const struct actor_redis *redis = process->config->events->redis;
    char path[BUS_PATH_MAX];
    stream->clock = process->clock;
    if (redis) {
        stream->redis = redis->host;
        stream->user = redis->user;
        stream->pass = redis->pass;
        return BUS_OK;
    }
    int code = bus_home_path(process->home, "data", EVENTS_FILE, path,
                             sizeof(path), err);
    if (code)
        return code;
    stream->file = bus_arena_text(&process->arena, path);
    return stream->file
               ? BUS_OK
               : bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
}

static unsigned flight_of(const struct actor_process *process)
{
    int flight = FLIGHT_WORKERS * process->workers;
    int room = process->config->mailbox / 2;
    flight = flight < room ? flight : room;
    return flight > 0 ? (unsigned)flight : 1;
}

int durable_open(struct runtime *runtime, struct bus_error *err)
{
    struct actor_process *process = &runtime->process;
    struct events_options options = {
        .actor = process->type->name,
        .clock = process->clock,
        .store = runtime->shared,
        .keep_ns = process->config->events->keep_ns,
        .flight = flight_of(process),
        .deliver = deliver,
        .arg = runtime,
        /* The fixture's actors have no threads of their own. */
        .threads = !runtime->options.memory,
    };
    if (!runtime->shared && process->config->consume.count == 0)
        return BUS_OK;
    options.member =
        bus_arena_printf(&process->arena, "%s#%s@%s", process->type->name,
                         process->instance, process->node);
    int code = options.member ? routes_make(runtime, &options, err)
                              : BUS_RESOURCE_EXHAUSTED;
    if (!code)
        code = stream_make(process, &options.stream, err);
    return code ? code : events_open(&options, &runtime->events, err);
}

/* ---- publishing ---- */

static int body_pack(struct bus_call *call, const struct bus_shape *shape,
                     const void *message, struct bus_bytes *ret)
{
    struct bus_buf buf;
    bus_buf_init(&buf, OUTBOX_BODY_MAX);
    if (shape)
        bus_pack_message(&buf, shape, message);
    else
        bus_pack_map(&buf, 0);
    uint8_t *copy = buf.failed ? NULL : bus_arena_alloc(call->arena, buf.len);
    if (copy) {
        memcpy(copy, buf.data, buf.len);
        *ret = (struct bus_bytes){copy, buf.len};
    }
    bus_buf_release(&buf);
    return copy ? BUS_OK
                : bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                                "the event is larger than %d bytes",
                                OUTBOX_BODY_MAX);
}

int bus_publish_durable(struct bus_call *call, const char *topic,
                        const char *key, const struct bus_shape *shape,
                        const void *message)
{
    struct bus_trace id;
    char event[BUS_TRACE_TEXT], trace[BUS_TRACEPARENT_TEXT];
    struct outbox_row row = {.event = event,
                             .topic = topic,
                             .key = key ? key : "",
                             .trace = trace,
                             .time = bus_wall(call->clock)};
    if (!bus_topic_valid(topic))
        return bus_error_set(&call->error, BUS_INVALID_ARGUMENT,
                             "\"%.32s\" is not a topic", topic);
    if (strlen(row.key) > OUTBOX_KEY_MAX)
        return bus_error_set(&call->error, BUS_INVALID_ARGUMENT,
                             "the event's key is longer than %d bytes",
                             OUTBOX_KEY_MAX);
    bus_trace_new(&id);
    bus_trace_id_text(&id, event);
    bus_trace_text(&call->meta.trace, trace);
    int code = body_pack(call, shape, message, &row.body);
    if (!code)
        code = outbox_put(call, &row);
    if (!code && call->worker)
        call->worker->published = true;
    return code;
}
