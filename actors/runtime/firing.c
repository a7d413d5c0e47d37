/* SPDX-License-Identifier: MIT
 *
 * What may be run again carries a saga mark, so that the store's barrier lets
 * only its first run take effect.
 */
#include "actors/runtime/firing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/runtime/crons.h"
#include "actors/schedule/rows.h"
#include "actors/schedule/schedule.h"
#include "bus/pack.h"
#include "bus/text.h"

#define BRANCH "01"
#define OPERATION "firing"
#define OWNERS_MAX 256 /* replicas of one actor that are looked at */
#define EVENT_MAX 4096 /* bytes of one event */

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

/* ---- firing ---- */

static void done(void *arg, const struct bus_reply *reply)
{
    schedule_ended(arg, &reply->error);
}

static int64_t deadline_of(const struct runtime *runtime,
                           const struct schedule_firing *firing, bool own)
{
    int64_t timeout = firing->timeout_ns;
    const struct method_entry *entry =
        own ? methods_find(&runtime->methods, firing->method) : NULL;
    if (timeout < 0)
        timeout = own ? (entry ? entry->timeout_ns : 0)
                      : BUS_CALL_TIMEOUT_MS * BUS_MILLI;
    return timeout ? bus_now(runtime->process.clock) + timeout : BUS_FOREVER;
}

static void fire(void *arg, const struct schedule_firing *firing,
                 struct schedule_run *run)
{
    struct runtime *runtime = arg;
    struct actor_process *process = &runtime->process;
    bool own =
        !*firing->target || strcmp(firing->target, process->type->name) == 0;
    struct bus_request request = {
        .target = firing->target,
        .method = firing->method,
        .deadline = deadline_of(runtime, firing, own),
        .meta.trace = firing->trace,
        .body = firing->body,
    };
    if (firing->gid)
        request.meta.saga = (struct bus_saga_mark){
            .gid = firing->gid, .branch = BRANCH, .op = OPERATION};
    if (!own) {
        bus_start(process->bus, &request, done, run);
        return;
    }
    struct bus_inbound *inbound =
        bus_inbound_local(&request, bus_now(process->clock), done, run);
    inbound->due = firing->due;
    runtime_take(runtime, inbound);
}

/* ---- reporting ---- */

static void publish(struct runtime *runtime,
                    const struct schedule_report *report, const char *first,
                    const char *due)
{
    char topic[64];
    struct bus_trace trace;
    struct bus_buf buf;
    snprintf(topic, sizeof(topic), "schedule.%s", firing_words[report->event]);
    bus_trace_new(&trace);
    bus_buf_init(&buf, EVENT_MAX);
    bus_pack_map(&buf, 6);
    text_pair(&buf, "actor", runtime->process.type->name);
    text_pair(&buf, "name", report->name);
    text_pair(&buf, "first", first);
    text_pair(&buf, "due", due);
    uint_pair(&buf, "count", report->count);
    text_pair(&buf, "said", report->said);
    if (runtime->process.server)
        bus_server_event(runtime->process.server, topic, bus_buf_bytes(&buf),
                         &trace);
    bus_buf_release(&buf);
}

static void report(void *arg, const struct schedule_report *report)
{
    struct runtime *runtime = arg;
    char first[TEXT_TIME_MAX], due[TEXT_TIME_MAX];
    text_time_write(report->first, first);
    text_time_write(report->due, due);
    const struct bus_log_field fields[] = {
        {"schedule", report->name, 0},
        {"event", firing_words[report->event], 0},
        {"first", first, 0},
        {"due", due, 0},
        {"count", NULL, (int64_t)report->count},
        {NULL, NULL, 0},
    };
    bus_log(BUS_LOG_ERROR, NULL, fields, "%s: schedule: %s %s: %s",
            runtime->process.type->name, report->name,
            firing_words[report->event], report->said);
    publish(runtime, report, first, due);
}

/* ---- who lives ---- */

/* An owner is called INSTANCE@NODE/PID.RANDOM. One of our own instance on our
 * own node was before us: its name is ours now. */
static enum schedule_owner owner_of(void *arg, const char *owner)
{
    const struct runtime *runtime = arg;
    const struct actor_process *process = &runtime->process;
    char text[ROWS_OWNER_MAX];
    enum schedule_owner found = SCHEDULE_UNKNOWN;
    int len = snprintf(text, sizeof(text), "%s@%s/", process->instance,
                       process->node);
    if (strncmp(owner, text, (size_t)len) == 0)
        return SCHEDULE_DEAD;
    if (runtime->options.memory) /* one process is everybody there */
        return SCHEDULE_UNKNOWN;
    struct bus_name *names = calloc(OWNERS_MAX, sizeof(*names));
    if (!names)
        abort();
    size_t count = bus_names_list(bus_names(process->bus), process->type->name,
                                  names, OWNERS_MAX);
    for (size_t i = 0; i < count; i++) {
        len = snprintf(text, sizeof(text), "%s@%s/%d.", names[i].instance,
                       names[i].node, (int)names[i].pid);
        if (names[i].origin == BUS_NAME_OWN &&
            strncmp(owner, text, (size_t)len) == 0)
            found = SCHEDULE_ALIVE;
    }
    free(names);
    return found;
}

/* ---- life ---- */

int firing_open(struct runtime *runtime, struct bus_error *err)
{
    struct actor_process *process = &runtime->process;
    struct bus_trace random;
    char text[BUS_TRACE_TEXT];
    if (!runtime->shared || process->type->loop)
        return BUS_OK;
    bus_trace_new(&random);
    bus_trace_id_text(&random, text);
    text[8] = '\0';
    const char *owner =
        bus_arena_printf(&process->arena, "%s@%s/%d.%s", process->instance,
                         process->node, (int)getpid(), text);
    if (!owner)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
    const struct schedule_options options = {
        .actor = process->type->name,
        .owner = owner,
        .entries = runtime->crons,
        .count = runtime->cron_count,
        .later = strcmp(process->config->later->catchup, "none") == 0
                     ? SCHEDULE_NONE
                     : SCHEDULE_ALL,
        .shared = runtime->shared,
        .world = {runtime, process->clock, fire, report, owner_of},
    };
    int code = schedule_new(&options, &runtime->schedule, err);
    /* A user of MySQL who may not create tables does without, until somebody
     * has: delayed messages are refused. */
    if (code == BUS_INTERNAL && runtime->cron_count == 0) {
        bus_log(BUS_LOG_ERROR, NULL, NULL,
                "%s: no delayed messages: table %s: %s", process->type->name,
                schedule_table.name, err->sentence);
        return BUS_OK;
    }
    return code;
}

void firing_close(struct runtime *runtime)
{
    schedule_free(runtime->schedule);
    runtime->schedule = NULL;
    crons_release(runtime);
}
