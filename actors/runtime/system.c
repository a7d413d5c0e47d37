/* SPDX-License-Identifier: MIT
 *
 * One thread over a small mailbox; each method is a function that appends one
 * msgpack map.
 */
#include "actors/events/events.h"
#include "actors/runtime/system.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/runtime/data.h"
#include "actors/runtime/firing.h"
#include "bus/pack.h"
#include "bus/version.h"

#define SYSTEM_REPLY_MAX ((size_t)4 << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct question {
    const struct bus_inbound *inbound;
    struct bus_buf *answer;
    struct bus_error *err; /* set: the refusal that goes back instead */
};

static void text_pair(struct bus_buf *buf, const char *name, const char *text)
{
    bus_pack_text(buf, name);
    bus_pack_text(buf, text);
}

static void uint_pair(struct bus_buf *buf, const char *name, uint64_t value)
{
    bus_pack_text(buf, name);
    bus_pack_uint(buf, value);
}

static uint64_t uptime_ms(const struct runtime *runtime)
{
    int64_t up = bus_now(runtime->process.clock) - runtime->started;
    return (uint64_t)(up / BUS_MILLI);
}

static void who_pack(const struct actor_process *process, struct bus_buf *buf)
{
    text_pair(buf, "actor", process->type->name);
    text_pair(buf, "instance", process->instance);
    text_pair(buf, "node", process->node);
}

static void ping(struct runtime *runtime, struct question *question)
{
    struct bus_buf *buf = question->answer;
    const struct actor_process *process = &runtime->process;
    bus_pack_map(buf, 6);
    who_pack(process, buf);
    uint_pair(buf, "pid", (uint64_t)getpid());
    text_pair(buf, "version", process->type->version);
    uint_pair(buf, "uptime_ms", uptime_ms(runtime));
}

static void describe(struct runtime *runtime, struct question *question)
{
    struct bus_buf *buf = question->answer;
    describe_pack(&runtime->process, buf);
}

static void mailbox_pack(struct runtime *runtime, struct bus_buf *buf)
{
    struct mailbox_view view;
    mailbox_look(&runtime->mailbox, &view);
    int64_t age =
        view.oldest ? bus_now(runtime->process.clock) - view.oldest : 0;
    bus_pack_text(buf, "mailbox");
    bus_pack_map(buf, 3);
    uint_pair(buf, "depth", view.depth);
    uint_pair(buf, "limit", runtime->mailbox.limit);
    uint_pair(buf, "oldest_ms", (uint64_t)(age / BUS_MILLI));
}

static void methods_pack(const struct method_table *table, struct bus_buf *buf)
{
    bus_pack_text(buf, "methods");
    bus_pack_array(buf, table->count);
    for (size_t i = 0; i < table->count; i++) {
        const struct method_entry *entry = &table->entries[i];
        bus_pack_map(buf, 4);
        text_pair(buf, "name", entry->actor->method->name);
        uint_pair(buf, "calls", atomic_load(&entry->calls));
        uint_pair(buf, "errors", atomic_load(&entry->errors));
        uint_pair(buf, "ewma_us",
                  (uint64_t)atomic_load(&entry->ewma_ns) / 1000);
    }
}

static void server_pack(const struct runtime *runtime, struct bus_buf *buf)
{
    struct bus_server_stats stats = {0};
    bus_server_stats(runtime->process.server, &stats);
    bus_pack_text(buf, "server");
    bus_pack_map(buf, 6);
    uint_pair(buf, "frames_in", stats.frames_in);
    uint_pair(buf, "frames_out", stats.frames_out);
    uint_pair(buf, "requests", stats.requests);
    uint_pair(buf, "replies", stats.replies);
    uint_pair(buf, "dropped", stats.dropped);
    uint_pair(buf, "peers", stats.peers);
}

static void stats(struct runtime *runtime, struct question *question)
{
    struct bus_buf *buf = question->answer;
    bus_pack_map(buf, 17);
    who_pack(&runtime->process, buf);
    uint_pair(buf, "pid", (uint64_t)getpid());
    uint_pair(buf, "uptime_ms", uptime_ms(runtime));
    uint_pair(buf, "workers", (uint64_t)runtime->process.workers);
    uint_pair(buf, "busy", atomic_load(&runtime->busy));
    uint_pair(buf, "calls", atomic_load(&runtime->calls));
    uint_pair(buf, "errors", atomic_load(&runtime->errors));
    uint_pair(buf, "refused", atomic_load(&runtime->refused));
    uint_pair(buf, "expired", atomic_load(&runtime->expired));
    mailbox_pack(runtime, buf);
    methods_pack(&runtime->methods, buf);
    server_pack(runtime, buf);
    data_stats_pack(runtime, buf);
    bus_pack_text(buf, "events");
    events_stats_pack(runtime->events, buf);
    firing_stats_pack(runtime, buf);
}

static void drain(struct runtime *runtime, struct question *question)
{
    struct bus_buf *buf = question->answer;
    bus_pack_map(buf, 1);
    bus_pack_text(buf, "draining");
    bus_pack_bool(buf, runtime->drain != NULL);
    if (runtime->drain)
        runtime->drain(runtime->drain_arg);
}

/* {topic, body}: an event for the command (`bus pub`), which has no publisher
 * that subscribers are connected to already. Appends {} when it has left. */
static void publish(struct runtime *runtime, struct question *question)
{
    const struct bus_inbound *inbound = question->inbound;
    struct bus_bytes topic, body;
    char text[BUS_TOPIC_MAX] = "";
    if (bus_pack_find(inbound->body, "topic", &topic)) {
        struct bus_unpack in = bus_unpack_open(topic);
        if (bus_unpack_text(&in, &topic) && topic.len < sizeof(text))
            memcpy(text, topic.data, topic.len);
    }
    if (!bus_pack_find(inbound->body, "body", &body) ||
        bus_server_event(runtime->process.server, text, body,
                         &inbound->meta.trace))
        bus_error_set(question->err, BUS_INVALID_ARGUMENT,
                      "expected {topic, body} with a topic of dotted words");
    else
        bus_pack_map(question->answer, 0);
}

/* What `bus dlq` asks (actors/events/dead.h). */
static void dlq(struct runtime *runtime, struct question *question)
{
    struct bus_bytes request = question->inbound->body;
    if (runtime->events)
        events_dead(runtime->events, request, question->answer, question->err);
    else
        bus_error_set(question->err, BUS_FAILED_PRECONDITION,
                      "%s has no durable events", runtime->process.type->name);
}

static void cron(struct runtime *runtime, struct question *question)
{
    firing_list(runtime, question->answer, question->err);
}

static void cron_run(struct runtime *runtime, struct question *question)
{
    firing_run(runtime, question->inbound->body, question->answer,
               question->err);
}

static const struct {
    const char *name;
    void (*answer)(struct runtime *runtime, struct question *question);
} system_methods[] = {
    {"$ping", ping},       {"$describe", describe}, {"$stats", stats},
    {"$publish", publish}, {"$drain", drain},       {"$dlq", dlq},
    {"$cron", cron},       {"$cron_run", cron_run},
};

void system_serve(struct runtime *runtime, struct bus_inbound *inbound)
{
    struct bus_reply reply = {0};
    struct bus_buf buf;
    struct question question = {inbound, &buf, &reply.error};
    size_t i = 0;
    bus_buf_init(&buf, SYSTEM_REPLY_MAX);
    while (i < COUNT(system_methods) &&
           strcmp(system_methods[i].name, inbound->method) != 0)
        i++;
    if (i < COUNT(system_methods))
        system_methods[i].answer(runtime, &question);
    else
        bus_error_reason(&reply.error, BUS_UNIMPLEMENTED, "no_such_method",
                         "there is no system method %.*s", BUS_METHOD_MAX,
                         inbound->method);
    if (buf.failed)
        bus_error_set(&reply.error, BUS_RESOURCE_EXHAUSTED,
                      "the answer is larger than %zu bytes", SYSTEM_REPLY_MAX);
    else
        reply.body = bus_buf_bytes(&buf);
    bus_inbound_reply(inbound, &reply);
    bus_server_flush(runtime->process.server);
    bus_buf_release(&buf);
}

static void *system_main(void *arg)
{
    struct runtime *runtime = arg;
    struct bus_inbound *inbound;
    while ((inbound = mailbox_wait(&runtime->system, 1)))
        system_serve(runtime, inbound);
    return NULL;
}

int system_start(struct runtime *runtime, struct bus_error *err)
{
    if (pthread_create(&runtime->system_thread, NULL, system_main, runtime))
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "no thread could be started");
    runtime->system_runs = true;
    return BUS_OK;
}

void system_stop(struct runtime *runtime)
{
    mailbox_close(&runtime->system);
    if (runtime->system_runs)
        pthread_join(runtime->system_thread, NULL);
    runtime->system_runs = false;
}
