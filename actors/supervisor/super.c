/* SPDX-License-Identifier: MIT
 *
 * One child's steps (step, with the actions of life.h), and above them the
 * settling of all: wanted against there.
 */
#include "actors/supervisor/super.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/json.h"
#include "bus/log.h"

#define STAT(member)                                                           \
    {                                                                          \
        .name = #member, .kind = BUS_I64, .cardinality = BUS_ONE,              \
        .flags = BUS_IN_JSON, .offset = offsetof(struct super_stats, member),  \
        .presence = BUS_NO_PRESENCE                                            \
    }

static const struct bus_field stats_fields[] = {
    STAT(queue_age_ms), STAT(queued), STAT(busy),
    STAT(workers),      STAT(calls),  STAT(errors),
};
const struct bus_shape super_stats_shape = {
    "Stats", sizeof(struct super_stats),
    sizeof(stats_fields) / sizeof(stats_fields[0]), stats_fields};

static int64_t now(const struct super *super)
{
    return bus_now(super->world.clock);
}

/* A time that is given in ms, from now. */
static int64_t after(const struct super *super, int64_t ms)
{
    return now(super) + ms * BUS_MILLI;
}

static struct backoff policy_of(const struct super_instance *instance)
{
    const struct topology_actor *spec = instance->actor->spec;
    return (struct backoff){spec->restart_first, spec->restart_max,
                            spec->restart_forgive};
}

static void log_end(const struct super_instance *instance, int64_t delay_ms)
{
    const struct bus_log_field fields[] = {
        {.name = "actor", .text = instance->actor->spec->name},
        {.name = "instance", .number = instance->number},
        {.name = "attempt", .number = instance->failures},
        {.name = "delay_ms", .number = delay_ms},
        {0}};
    bus_log(BUS_LOG_ERROR, NULL, fields, "%s#%d %s: starting again %s",
            instance->actor->spec->name, instance->number, instance->cause,
            delay_ms ? "after the delay" : "at once");
}

/* It failed from `before`: counts, and sets when it is tried again. */
static void do_delay(struct super *super, struct super_instance *instance,
                     enum life_state before)
{
    struct backoff policy = policy_of(instance);
    bool was_ready = before == LIFE_READY;
    if (was_ready)
        instance->failures =
            backoff_forgive(&policy, instance->failures,
                            (now(super) - instance->since) / BUS_MILLI);
    instance->failures++;
    int64_t delay = backoff_delay(&policy, instance->failures, was_ready,
                                  super->world.random(super->world.arg));
    log_end(instance, delay);
    instance->due = after(super, delay);
}

static bool do_spawn(struct super *super, struct super_instance *instance)
{
    if (instance->cause[0])
        instance->restarts++;
    instance->stale = instance->overdue = instance->refused = false;
    instance->stats = (struct super_stats){0};
    instance->last_words[0] = '\0';
    instance->due = after(super, instance->actor->spec->ready_timeout);
    int pid = super->world.spawn(super->world.arg, instance, instance->cause);
    instance->pid = pid > 0 ? pid : 0;
    return pid > 0;
}

static void do_kill(struct super *super, struct super_instance *instance)
{
    instance->overdue = instance->state == LIFE_STARTING;
    instance->due = BUS_FOREVER;
    super->world.signal(super->world.arg, instance, SIGKILL);
}

static void do_term(struct super *super, struct super_instance *instance)
{
    instance->due = after(super, instance->actor->spec->stop_timeout);
    super->world.signal(super->world.arg, instance, SIGTERM);
}

/* Lets one event happen to one child. */
static void step(struct super *super, struct super_instance *instance,
                 enum life_event event)
{
    enum life_state before = instance->state;
    struct life_move move = life_step(before, event);
    bool spawned = true;
    assert(move.action != LIFE_REFUSED);
    instance->state = move.next;
    switch (move.action) {
    case LIFE_SPAWN:
        spawned = do_spawn(super, instance);
        break;
    case LIFE_MARK_READY:
    case LIFE_REST:
        instance->due = BUS_FOREVER;
        break;
    case LIFE_TERM:
        do_term(super, instance);
        break;
    case LIFE_KILL:
        do_kill(super, instance);
        break;
    case LIFE_DELAY:
        do_delay(super, instance, before);
        break;
    case LIFE_IGNORE:
    case LIFE_REFUSED:
        break;
    }
    if (instance->state != before) {
        instance->since = now(super);
        super->world.changed(super->world.arg, instance);
    }
    if (!spawned)
        step(super, instance, LIFE_EXITED);
}

/* ---- Settling ---- */

static struct super_instance *instance_new(struct super_actor *actor,
                                           int number)
{
    struct super_instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        abort();
    instance->actor = actor;
    instance->number = number;
    instance->due = BUS_FOREVER;
    actor->instances[number - 1] = instance;
    if (actor->count < number)
        actor->count = number;
    return instance;
}

static void instance_drop(struct super *super, struct super_actor *actor,
                          int number)
{
    struct super_instance *instance = actor->instances[number - 1];
    super->world.forget(super->world.arg, instance);
    free(instance);
    actor->instances[number - 1] = NULL;
    while (actor->count > 0 && !actor->instances[actor->count - 1])
        actor->count--;
}

/* Starts what is wanted and stops what is not. */
static void settle_numbers(struct super *super, struct super_actor *actor)
{
    for (int number = 1; number <= actor->replicas; number++) {
        struct super_instance *instance = actor->instances[number - 1];
        if (!instance)
            instance = instance_new(actor, number);
        if (instance->state == LIFE_STOPPED)
            step(super, instance, LIFE_START);
    }
    for (int number = actor->count; number > actor->replicas; number--) {
        struct super_instance *instance = actor->instances[number - 1];
        if (!instance)
            continue;
        if (instance->state != LIFE_STOPPING)
            step(super, instance, LIFE_STOP);
        if (instance->state == LIFE_STOPPED)
            instance_drop(super, actor, number);
    }
}

static bool all_ready(const struct super_actor *actor)
{
    for (int i = 0; i < actor->replicas; i++) {
        const struct super_instance *instance = actor->instances[i];
        if (!instance || instance->state != LIFE_READY)
            return false;
    }
    return true;
}

/* A rolling restart: the next stale replica, while all others serve. One that
 * is waiting for its next start takes it now. */
static void settle_stale(struct super *super, struct super_actor *actor)
{
    for (int i = 0; i < actor->replicas; i++) {
        struct super_instance *instance = actor->instances[i];
        if (!instance->stale)
            continue;
        if (instance->state == LIFE_BACKING_OFF)
            step(super, instance, LIFE_START);
        else if (instance->state == LIFE_STARTING || all_ready(actor)) {
            step(super, instance, LIFE_STOP);
            return;
        }
    }
}

static void forget_gone(struct super *super)
{
    size_t kept = 0;
    for (size_t i = 0; i < super->count; i++) {
        struct super_actor *actor = super->actors[i];
        if (actor->gone && actor->count == 0)
            free(actor);
        else
            super->actors[kept++] = actor;
    }
    super->count = kept;
}

static void settle_up(struct super *super)
{
    bool turn = true;
    for (size_t i = 0; i < super->count; i++) {
        struct super_actor *actor = super->actors[i];
        if (!turn && !actor->up && !actor->gone)
            continue;
        settle_numbers(super, actor);
        settle_stale(super, actor);
        actor->up = actor->up || all_ready(actor);
        turn = turn && (actor->up || actor->gone);
    }
    forget_gone(super);
}

/* Stops the last actor that still has children, all of them at once. */
static void settle_down(struct super *super)
{
    for (size_t i = super->count; i-- > 0;) {
        struct super_actor *actor = super->actors[i];
        actor->replicas = 0;
        settle_numbers(super, actor);
        if (actor->count > 0)
            return;
    }
}

void super_settle(struct super *super)
{
    if (super->down)
        settle_down(super);
    else
        settle_up(super);
}

/* ---- Events ---- */

static void take_stats(struct super_instance *instance, const char *json)
{
    struct bus_arena arena;
    struct super_stats stats = {0};
    struct bus_bytes text = {(const uint8_t *)json, strlen(json)};
    bus_arena_init(&arena, SUPER_LINE_MAX * 4);
    if (bus_json_read(text, &super_stats_shape, &arena, &stats, NULL, NULL) ==
        BUS_OK)
        instance->stats = stats;
    bus_arena_release(&arena);
}

void super_said(struct super *super, struct super_instance *instance,
                const char *line)
{
    if (instance->pid == 0)
        return;
    if (strcmp(line, "ready") == 0) {
        step(super, instance, LIFE_SAID_READY);
        super_settle(super);
    } else if (strncmp(line, "stats ", 6) == 0) {
        take_stats(instance, line + 6);
    }
}

static void describe_end(struct super_instance *instance, int status, int signo)
{
    char *cause = instance->cause;
    if (instance->overdue)
        snprintf(cause, SUPER_CAUSE_MAX, "was not ready within %lld ms",
                 (long long)instance->actor->spec->ready_timeout);
    else if (signo)
        snprintf(cause, SUPER_CAUSE_MAX, "was killed by signal %d (%s)", signo,
                 strsignal(signo));
    else
        snprintf(cause, SUPER_CAUSE_MAX, "exited with status %d", status);
}

void super_exited(struct super *super, struct super_instance *instance,
                  int status, int signo)
{
    instance->refused = instance->state == LIFE_STARTING && signo == 0 &&
                        status == SUPER_REFUSED_STATUS;
    instance->pid = 0;
    describe_end(instance, status, signo);
    step(super, instance, LIFE_EXITED);
    /* A repair at once needs no timer. */
    if (!super->down && instance->due <= now(super))
        super_tick(super);
    else
        super_settle(super);
}

static void tick_actor(struct super *super, struct super_actor *actor)
{
    for (int i = 0; i < actor->count; i++) {
        struct super_instance *instance = actor->instances[i];
        if (instance && instance->due <= now(super))
            step(super, instance, LIFE_DUE);
    }
}

void super_tick(struct super *super)
{
    for (size_t i = 0; i < super->count; i++)
        tick_actor(super, super->actors[i]);
    super_settle(super);
}

int64_t super_due(const struct super *super)
{
    int64_t due = BUS_FOREVER;
    for (size_t i = 0; i < super->count; i++) {
        const struct super_actor *actor = super->actors[i];
        for (int k = 0; k < actor->count; k++) {
            const struct super_instance *instance = actor->instances[k];
            if (instance && instance->due < due)
                due = instance->due;
        }
    }
    return due;
}
