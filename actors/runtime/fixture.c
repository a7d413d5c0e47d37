/* SPDX-License-Identifier: MIT
 *
 * Each actor is a runtime started without threads. The memory links deliver
 * requests into its mailboxes; whoever waits pumps: one request is taken and
 * run, in the stack of the waiter. An actor that is in the middle of a request
 * takes no other, as one worker would not. A death is a flag: from then on the
 * wire drops what the runtime says, and the runtime commits nothing.
 */
#include "actors/runtime/fixture_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "actors/events/events.h"
#include "actors/runtime/system.h"
#include "actors/runtime/worker.h"
#include "actors/schedule/schedule.h"
#include "bus/memory.h"

#define FIXTURE_TICK_NS BUS_MILLI /* while a loop has something due */

void fixture_fail(const char *what, const char *why)
{
    fprintf(stderr, "fixture: %s: %s\n", what, why);
    abort();
}

static void *must_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        fixture_fail("malloc", "no memory");
    return memory;
}

/* ---- Replicas ---- */

static struct part *part_next(const struct part *part, const char *actor)
{
    for (; part; part = part->next)
        if (!strcmp(part->type->name, actor))
            return (struct part *)(uintptr_t)part;
    return NULL;
}

#define EACH_PART(part, fixture, actor)                                        \
    struct part *part = part_next((fixture)->parts, actor);                    \
    part;                                                                      \
    part = part_next(part->next, actor)

static bool part_dies(void *arg, enum runtime_point point)
{
    struct part *part = arg;
    if (part->dead)
        return true;
    if (part->crash_in == 0 || point != part->point || --part->crash_in > 0)
        return false;
    part->dead = true;
    part->died = fixture_now(part->fixture);
    bus_memory_kill(part->fixture->memory, part->type->name, part->instance);
    return true;
}

static int part_start(struct part *part)
{
    struct fixture *fixture = part->fixture;
    const struct runtime_options options = {
        .type = part->type,
        .home = fixture->home,
        .node = "n1",
        .instance = part->instance,
        .config_text = part->yaml,
        .workers = 1,
        .clock = bus_memory_clock(fixture->memory),
        .memory = fixture->memory,
    };
    struct bus_error err = {0};
    int code = runtime_new(&options, &part->runtime, &err);
    if (!code)
        code = runtime_open(part->runtime, &err);
    if (!code) {
        part->runtime->dies = part_dies;
        part->runtime->dies_arg = part;
        code = runtime_start_inline(part->runtime, &err);
    }
    if (code && part->runtime)
        runtime_free(part->runtime);
    if (code)
        part->runtime = NULL;
    fixture->error = err;
    return code;
}

static void part_end(struct part *part)
{
    if (part->busy)
        fixture_fail(part->type->name,
                     "ended in the middle of its own request");
    if (part->runtime)
        runtime_free(part->runtime);
    part->runtime = NULL;
    part->dead = false;
}

static int part_restart(struct part *part)
{
    part_end(part);
    return part_start(part);
}

/* Runs one waiting request, if the replica can. */
static bool part_run(struct part *part)
{
    struct runtime *runtime = part->runtime;
    if (!runtime || part->dead)
        return false;
    struct bus_inbound *inbound = mailbox_take(&runtime->system, 1);
    if (inbound) {
        system_serve(runtime, inbound);
        return true;
    }
    inbound = part->busy ? NULL : mailbox_take(&runtime->mailbox, 1);
    if (!inbound)
        return false;
    part->busy = true;
    worker_serve(&runtime->workers[0], inbound);
    part->busy = false;
    return true;
}

/* Its durable events. */
static int64_t part_step(struct part *part)
{
    struct runtime *runtime = part->runtime;
    return runtime && !part->dead && runtime->events
               ? events_step(runtime->events)
               : BUS_FOREVER;
}

/* Starts a dead replica again when its time has come. */
static bool part_revive(struct part *part)
{
    if (!part->dead || part->busy || part->recover_ns < 0 ||
        fixture_now(part->fixture) < part->died + part->recover_ns)
        return false;
    if (part_restart(part))
        fixture_fail(part->type->name, part->fixture->error.sentence);
    return true;
}

/* ---- Bringing things forward ---- */

static bool run_one(struct fixture *fixture)
{
    for (struct part *part = fixture->parts; part; part = part->next)
        if (part_run(part) || part_revive(part))
            return true;
    return false;
}

/* When the loops, or a dead replica, have something due; 0: one did something
 * now. */
static int64_t run_steps(struct fixture *fixture)
{
    int64_t due = BUS_FOREVER;
    for (size_t i = 0; i < fixture->step_count; i++) {
        int64_t next = fixture->steps[i].run(fixture->steps[i].arg);
        due = next < due ? next : due;
    }
    for (struct part *part = fixture->parts; part; part = part->next) {
        int64_t next = part_step(part);
        due = next < due ? next : due;
    }
    for (struct part *part = fixture->parts; part && due > 0;
         part = part->next) {
        if (part->dead && !part->busy && part->recover_ns >= 0 &&
            part->died + part->recover_ns < due)
            due = part->died + part->recover_ns;
    }
    return due;
}

/* When a schedule has something due; 0: one did something now. Not while a call
 * is waited for: schedules live by the clock alone. */
static int64_t run_schedules(struct fixture *fixture)
{
    int64_t due = BUS_FOREVER;
    for (struct part *part = fixture->parts; part && due > 0;
         part = part->next) {
        if (!part->runtime || part->dead || !part->runtime->schedule)
            continue;
        int64_t next = schedule_step(part->runtime->schedule);
        due = next < due ? next : due;
    }
    return due;
}

/* What a blocked call asks: true if anything happened. Time is moved here, in
 * small steps, only where the wire does not know what is due. */
static bool pump(void *arg)
{
    struct fixture *fixture = arg;
    if (run_one(fixture))
        return true;
    int64_t due = run_steps(fixture);
    if (due == 0)
        return true;
    if (due == BUS_FOREVER || fixture->moving)
        return false;
    int64_t left = due - fixture_now(fixture);
    fixture->moving = true;
    bus_memory_advance(fixture->memory, left < FIXTURE_TICK_NS && left > 0
                                            ? left
                                            : FIXTURE_TICK_NS);
    fixture->moving = false;
    return true;
}

void fixture_settle(struct fixture *fixture)
{
    while (run_one(fixture) || run_steps(fixture) == 0 ||
           run_schedules(fixture) == 0)
        ;
}

void fixture_advance(struct fixture *fixture, int64_t ms)
{
    int64_t until = fixture_now(fixture) + ms * BUS_MILLI;
    fixture_settle(fixture);
    while (fixture_now(fixture) < until) {
        int64_t due = run_steps(fixture), later = run_schedules(fixture);
        int64_t now = fixture_now(fixture), step = until - now;
        due = later < due ? later : due;
        if (due != BUS_FOREVER && due - now < step)
            step = due > now ? due - now : FIXTURE_TICK_NS;
        bus_memory_advance(fixture->memory, step);
        fixture_settle(fixture);
    }
}

int64_t fixture_now(const struct fixture *fixture)
{
    return bus_now(bus_memory_clock(fixture->memory));
}

void fixture_step_add(struct fixture *fixture, fixture_step *step, void *arg)
{
    assert(fixture->step_count < FIXTURE_STEPS_MAX);
    fixture->steps[fixture->step_count++] = (struct step){step, arg};
}

void fixture_step_remove(struct fixture *fixture, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < fixture->step_count; i++)
        if (fixture->steps[i].arg != arg)
            fixture->steps[kept++] = fixture->steps[i];
    fixture->step_count = kept;
}

/* ---- Life ---- */

static void heard(void *arg, const struct bus_event *event)
{
    struct fixture *fixture = arg;
    size_t i = 0;
    while (i < fixture->topic_count &&
           strcmp(fixture->topics[i].name, event->topic) != 0)
        i++;
    if (i == FIXTURE_TOPICS_MAX)
        return;
    if (i == fixture->topic_count) {
        fixture->topic_count++;
        snprintf(fixture->topics[i].name, BUS_TOPIC_MAX, "%s", event->topic);
    }
    fixture->topics[i].count++;
}

struct fixture *fixture_new(void)
{
    struct fixture *fixture = must_alloc(sizeof(*fixture));
    bus_log_level(BUS_LOG_ERROR);
    fixture_folder_make(fixture->home);
    fixture->memory = bus_memory_new();
    bus_memory_pump(fixture->memory, pump, fixture);
    const struct bus_options options = {.home = fixture->home,
                                        .actor = "fixture",
                                        .clock =
                                            bus_memory_clock(fixture->memory),
                                        .memory = fixture->memory};
    if (bus_open(&options, &fixture->bus, &fixture->error) ||
        bus_subscribe(fixture->bus, ">", heard, fixture, &fixture->subscription,
                      &fixture->error))
        fixture_fail("bus", fixture->error.sentence);
    bus_arena_init(&fixture->arena, BUS_ARENA_LIMIT);
    bus_arena_init(&fixture->rows, BUS_ARENA_LIMIT);
    fixture->caller = (struct bus_call){
        .bus = fixture->bus, .arena = &fixture->arena, .clock = options.clock};
    return fixture;
}

void fixture_free(struct fixture *fixture)
{
    fixture->step_count = 0;
    while (fixture->parts) {
        struct part *part = fixture->parts;
        part_end(part);
        fixture->parts = part->next;
        free(part->yaml);
        free(part);
    }
    bus_unsubscribe(fixture->subscription);
    bus_close(fixture->bus);
    bus_memory_free(fixture->memory);
    bus_arena_release(&fixture->arena);
    bus_arena_release(&fixture->rows);
    fixture_folder_remove(fixture->home);
    free(fixture);
}

int fixture_actor(struct fixture *fixture, const struct actor_type *type,
                  const char *yaml)
{
    struct part *part = must_alloc(sizeof(*part));
    struct part **end = &fixture->parts;
    unsigned number = 1;
    for (; *end; end = &(*end)->next)
        number += !strcmp((*end)->type->name, type->name);
    *part = (struct part){.fixture = fixture, .type = type, .recover_ns = -1};
    snprintf(part->instance, sizeof(part->instance), "%u", number);
    if (yaml && !(part->yaml = strdup(yaml)))
        fixture_fail("malloc", "no memory");
    int code = part_start(part);
    if (code) {
        free(part->yaml);
        free(part);
        return code;
    }
    *end = part;
    fixture_settle(fixture);
    return BUS_OK;
}

void fixture_stop(struct fixture *fixture, const char *actor)
{
    for (EACH_PART(part, fixture, actor)) {
        if (!part->runtime)
            continue;
        while (part_run(part))
            ;
        bus_server_drain(part->runtime->process.server, fixture_now(fixture));
        while (part_run(part))
            ;
        part_end(part);
    }
    fixture_settle(fixture);
}

/* ---- Accidents ---- */

void fixture_cut(struct fixture *fixture, const char *actor)
{
    bus_memory_cut(fixture->memory, actor, NULL);
}

void fixture_mend(struct fixture *fixture)
{
    bus_memory_mend(fixture->memory);
}

void fixture_lose(struct fixture *fixture, const char *actor, unsigned count)
{
    bus_memory_lose(fixture->memory, actor, count, BUS_MEMORY_BROKEN);
}

void fixture_refuse(struct fixture *fixture, const char *method,
                    const char *codes)
{
    char path[BUS_PATH_MAX + BUS_METHOD_MAX];
    snprintf(path, sizeof(path), "%s/fault", fixture->home);
    mkdir(path, S_IRWXU);
    snprintf(path, sizeof(path), "%s/fault/%s", fixture->home, method);
    FILE *file = fopen(path, "we");
    if (!file || fputs(codes, file) < 0 || fclose(file) != 0)
        fixture_fail(path, "not written");
}

void fixture_crash(struct fixture *fixture, const char *actor,
                   enum runtime_point point, unsigned nth)
{
    for (EACH_PART(part, fixture, actor)) {
        part->point = point;
        part->crash_in = nth;
    }
}

bool fixture_is_dead(const struct fixture *fixture, const char *actor)
{
    for (EACH_PART(part, fixture, actor))
        if (part->dead)
            return true;
    return false;
}

int fixture_restart(struct fixture *fixture, const char *actor)
{
    int code = BUS_OK;
    for (EACH_PART(part, fixture, actor))
        if (!code && (part->dead || !part->runtime))
            code = part_restart(part);
    fixture_settle(fixture);
    return code;
}

void fixture_recover(struct fixture *fixture, const char *actor,
                     int64_t after_ms)
{
    for (EACH_PART(part, fixture, actor))
        part->recover_ns = after_ms < 0 ? -1 : after_ms * BUS_MILLI;
}

/* ---- What is there ---- */

unsigned fixture_events(const struct fixture *fixture, const char *topic)
{
    for (size_t i = 0; i < fixture->topic_count; i++)
        if (!strcmp(fixture->topics[i].name, topic))
            return fixture->topics[i].count;
    return 0;
}

struct bus_memory *fixture_memory(struct fixture *fixture)
{
    return fixture->memory;
}

struct bus *fixture_bus(struct fixture *fixture)
{
    return fixture->bus;
}

const char *fixture_home(const struct fixture *fixture)
{
    return fixture->home;
}

struct runtime *fixture_runtime(struct fixture *fixture, const char *actor)
{
    for (EACH_PART(part, fixture, actor))
        if (part->runtime && !part->dead)
            return part->runtime;
    return NULL;
}
