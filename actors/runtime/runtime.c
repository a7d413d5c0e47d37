/* SPDX-License-Identifier: MIT
 *
 * An actor's life in order: configure, open, start, stop, free. Each step can
 * fail and be followed by free. The name is published last and withdrawn first,
 * so that nobody finds an actor that does not serve.
 */
#include "actors/runtime/runtime.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/events/events.h"
#include "actors/runtime/apps.h"
#include "actors/runtime/crons.h"
#include "actors/runtime/data.h"
#include "actors/runtime/durable.h"
#include "actors/runtime/firing.h"
#include "actors/runtime/replies.h"
#include "actors/runtime/system.h"
#include "actors/runtime/worker.h"
#include "actors/schedule/schedule.h"
#include "actors/store/store.h"
#include "bus/home.h"

static void *must_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

/* Reads the file, or the text, and binds it. */
static int configure(struct runtime *runtime, struct bus_error *err)
{
    const struct runtime_options *options = &runtime->options;
    struct actor_process *process = &runtime->process;
    struct bus_yaml *yaml = NULL, *crons = NULL;
    struct actor_config *config = NULL;
    int code = BUS_OK;
    if (options->config_path)
        code = bus_yaml_file(options->config_path, &process->arena, &yaml, err);
    else if (options->config_text)
        code = bus_yaml_text(process->type->name, options->config_text,
                             strlen(options->config_text), &process->arena,
                             &yaml, err);
    if (!code && yaml)
        crons = crons_cut(yaml);
    if (!code)
        code = actor_config_read(yaml, process->type->config, &process->arena,
                                 &config, &process->own, err);
    if (!code)
        code = methods_open(&runtime->methods, process->type, config, yaml,
                            &process->arena, err);
    process->yaml = yaml;
    process->config = config;
    if (!code)
        code = crons_read(runtime, crons, err);
    return code ? code : durable_check(runtime, err);
}

static void process_fill(struct runtime *runtime)
{
    const struct runtime_options *options = &runtime->options;
    struct actor_process *process = &runtime->process;
    process->config_path = options->config_path;
    process->test_hooks = options->test_hooks;
    process->replicas = options->replicas > 0 ? options->replicas : 1;
    process->workers =
        options->workers > 0 ? options->workers : process->config->workers;
    if (process->type->loop)
        process->workers = 0;
    snprintf(process->node, sizeof(process->node), "%s", options->node);
    snprintf(process->instance, sizeof(process->instance), "%s",
             options->instance);
}

static void parts_init(struct runtime *runtime)
{
    struct actor_process *process = &runtime->process;
    runtime->replies = replies_new(process->clock);
    shed_init(&runtime->shed, process->config->cpu_threshold);
    cpu_init(&runtime->cpu, bus_now(process->clock));
    mailbox_init(&runtime->mailbox, (size_t)process->config->mailbox);
    mailbox_init(&runtime->system, RUNTIME_SYSTEM_MAX);
    pthread_mutex_init(&runtime->opening, NULL);
    pthread_cond_init(&runtime->opened_one, NULL);
    runtime->workers =
        must_alloc((size_t)process->workers + 1, sizeof(*runtime->workers));
    for (int i = 0; i < process->workers; i++) {
        runtime->workers[i].runtime = runtime;
        runtime->workers[i].index = i;
    }
}

int runtime_new(const struct runtime_options *options, struct runtime **ret,
                struct bus_error *err)
{
    struct runtime *runtime = must_alloc(1, sizeof(*runtime));
    struct actor_process *process = &runtime->process;
    runtime->options = *options;
    process->type = options->type;
    process->clock = options->clock ? options->clock : &bus_clock_system;
    bus_arena_init(&process->arena, BUS_ARENA_LIMIT);
    int code = configure(runtime, err);
    if (!code)
        code = bus_home(options->home, process->home, err);
    if (code) {
        crons_release(runtime);
        bus_arena_release(&process->arena);
        free(runtime);
        return code;
    }
    process_fill(runtime);
    parts_init(runtime);
    runtime->started = bus_now(process->clock);
    *ret = runtime;
    return BUS_OK;
}

int runtime_check(struct runtime *runtime, struct bus_error *err)
{
    const struct actor_loop *loop = runtime->process.type->loop;
    return loop && loop->check ? loop->check(&runtime->process, err) : BUS_OK;
}

int runtime_reach(struct runtime *runtime, struct bus_error *err)
{
    struct actor_process *process = &runtime->process;
    const struct bus_options bus = {.home = process->home,
                                    .actor = process->type->name,
                                    .clock = process->clock,
                                    .memory = runtime->options.memory};
    int code = data_open(runtime, err);
    if (!code)
        code = firing_open(runtime, err);
    if (!code)
        code = bus_open(&bus, &process->bus, err);
    return code ? code : apps_call(process, err);
}

int runtime_open(struct runtime *runtime, struct bus_error *err)
{
    struct actor_process *process = &runtime->process;
    const struct bus_server_options server = {
        .actor = process->type->name,
        .instance = process->instance,
        .node = process->node,
        .listen_on = process->config->listen_on,
        .key = process->config->etcd ? process->config->etcd->key : NULL,
        .affinity = runtime->methods.keys,
        .serve = runtime_serve,
        .arg = runtime,
    };
    int code = runtime_reach(runtime, err);
    if (!code)
        code = bus_server_open(process->bus, &server, &process->server, err);
    return code ? code : durable_open(runtime, err);
}

static int loop_start(struct runtime *runtime, struct bus_error *err)
{
    void *self = NULL;
    int code =
        runtime->process.type->loop->start(&runtime->process, &self, err);
    if (!code)
        atomic_store(&runtime->loop_self, self);
    return code;
}

int runtime_start(struct runtime *runtime, struct bus_error *err)
{
    int code = system_start(runtime, err);
    if (!code)
        code = runtime->process.type->loop ? loop_start(runtime, err)
                                           : workers_start(runtime, err);
    if (!code)
        code = bus_server_publish(runtime->process.server, err);
    if (!code)
        events_start(runtime->events);
    if (!code && runtime->schedule)
        code = schedule_start(runtime->schedule, err);
    return code;
}

int runtime_start_inline(struct runtime *runtime, struct bus_error *err)
{
    int code;
    if (runtime->process.type->loop) {
        code = loop_start(runtime, err);
    } else {
        runtime->process.workers = 1;
        runtime->inline_runs = true;
        code = worker_open(&runtime->workers[0]);
        if (code)
            *err = runtime->workers[0].error;
    }
    return code ? code : bus_server_publish(runtime->process.server, err);
}

static void loop_stop(struct runtime *runtime, int64_t deadline)
{
    const struct actor_loop *loop = runtime->process.type->loop;
    void *self = atomic_load(&runtime->loop_self);
    if (!self)
        return;
    loop->drain(self, deadline);
    atomic_store(&runtime->loop_self, NULL);
    loop->stop(self);
}

void runtime_stop(struct runtime *runtime, int64_t deadline)
{
    struct bus_server *server = runtime->process.server;
    if (runtime->schedule)
        schedule_halt(runtime->schedule);
    if (server)
        bus_server_drain(server, deadline);
    events_stop(runtime->events, deadline);
    loop_stop(runtime, deadline);
    workers_stop(runtime);
    if (runtime->schedule)
        schedule_stop(runtime->schedule, deadline);
    system_stop(runtime);
    if (server)
        bus_server_flush(server);
}

/* Refuses what came after the last worker's end. Closed, the box takes no more,
 * but links' threads may ask until the server is closed, too. */
static void mailbox_empty(struct runtime *runtime, struct mailbox *box)
{
    struct bus_inbound *inbound;
    mailbox_close(box);
    while ((inbound = mailbox_take(box, 1)))
        runtime_refuse(runtime, inbound, BUS_UNAVAILABLE, "draining",
                       "the instance is stopping");
}

void runtime_free(struct runtime *runtime)
{
    struct actor_process *process = &runtime->process;
    loop_stop(runtime, bus_now(process->clock));
    events_stop(runtime->events, bus_now(process->clock));
    if (runtime->schedule)
        schedule_stop(runtime->schedule, 0);
    workers_stop(runtime);
    system_stop(runtime);
    if (runtime->inline_runs)
        worker_close(&runtime->workers[0]);
    mailbox_empty(runtime, &runtime->mailbox);
    mailbox_empty(runtime, &runtime->system);
    events_close(runtime->events);
    if (process->server)
        bus_server_close(process->server);
    if (process->bus)
        bus_close(process->bus);
    replies_free(runtime->replies);
    shed_release(&runtime->shed);
    mailbox_release(&runtime->mailbox);
    mailbox_release(&runtime->system);
    firing_close(runtime);
    if (runtime->shared)
        store_shared_close(runtime->shared);
    pthread_cond_destroy(&runtime->opened_one);
    pthread_mutex_destroy(&runtime->opening);
    free(runtime->workers);
    bus_arena_release(&process->arena);
    free(runtime);
}
