/* SPDX-License-Identifier: MIT
 *
 * One subscription a group and word. A step settles what was answered,
 * acknowledges it, says that the member lives, recovers what partitions new to
 * it left undone, fetches where there is room, and starts what may run.
 *
 * What an owner that died may have been running is suspect: each such event is
 * noted as started before it is tried, and only one of them runs at a time, so
 * that one which kills its process is known by its own count.
 */
#include "actors/events/consumer.h"

#include <stdlib.h>
#include <string.h>

#include "actors/events/subscription.h"
#include "bus/call.h"
#include "bus/code.h"
#include "bus/event.h"
#include "bus/log.h"

struct answer {
    struct answer *next;
    struct held *held;
    struct bus_error error;
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- life ---- */

static bool same_stream(const struct events_route *a,
                        const struct events_route *b)
{
    size_t len = strcspn(a->pattern, ".");
    return strcmp(a->group, b->group) == 0 && strcspn(b->pattern, ".") == len &&
           strncmp(a->pattern, b->pattern, len) == 0;
}

static struct subscription *find(struct consumer *consumer,
                                 const struct events_route *route)
{
    for (size_t i = 0; i < consumer->count; i++)
        if (same_stream(consumer->subscriptions[i].route, route))
            return &consumer->subscriptions[i];
    return NULL;
}

int consumer_open(const struct consumer_options *options, struct consumer **ret,
                  struct bus_error *err)
{
    struct consumer *consumer = must(calloc(1, sizeof(*consumer)));
    consumer->options = *options;
    int code = stream_open(options->stream, &consumer->stream, err);
    if (code) {
        free(consumer);
        return code;
    }
    bus_arena_init(&consumer->names, BUS_ARENA_LIMIT);
    bus_arena_init(&consumer->arena, 4 * BUS_ARENA_LIMIT);
    pthread_mutex_init(&consumer->lock, NULL);
    consumer->last_answer = &consumer->answers;
    consumer->subscriptions =
        must(calloc(options->count, sizeof(*consumer->subscriptions)));
    for (size_t i = 0; i < options->count; i++) {
        const struct events_route *route = &options->routes[i];
        if (!find(consumer, route))
            subscription_init(&consumer->subscriptions[consumer->count++],
                              consumer, route);
    }
    *ret = consumer;
    return BUS_OK;
}

void consumer_close(struct consumer *consumer)
{
    if (!consumer)
        return;
    while (consumer->answers) {
        struct answer *answer = consumer->answers;
        consumer->answers = answer->next;
        answer->held->state = HELD_WAITING; /* its window frees it */
        if (answer->held->lost)
            held_free(answer->held);
        free(answer);
    }
    for (size_t i = 0; i < consumer->count; i++)
        subscription_release(&consumer->subscriptions[i]);
    consumer->stream->driver->close(consumer->stream);
    bus_arena_release(&consumer->names);
    bus_arena_release(&consumer->arena);
    pthread_mutex_destroy(&consumer->lock);
    free(consumer->subscriptions);
    free(consumer);
}

/* ---- answers ---- */

void consumer_answered(struct consumer *consumer, void *token,
                       const struct bus_reply *reply)
{
    struct answer *answer = must(calloc(1, sizeof(*answer)));
    answer->held = token;
    answer->error = reply->error;
    pthread_mutex_lock(&consumer->lock);
    *consumer->last_answer = answer;
    consumer->last_answer = &answer->next;
    pthread_mutex_unlock(&consumer->lock);
}

static struct answer *answers_take(struct consumer *consumer)
{
    pthread_mutex_lock(&consumer->lock);
    struct answer *list = consumer->answers;
    consumer->answers = NULL;
    consumer->last_answer = &consumer->answers;
    pthread_mutex_unlock(&consumer->lock);
    return list;
}

static bool answers_settle(struct consumer *consumer)
{
    struct answer *list = answers_take(consumer);
    bool any = list != NULL;
    while (list) {
        struct answer *answer = list;
        list = answer->next;
        consumer->flying--;
        if (answer->held->suspect)
            consumer->suspect_runs = false;
        subscription_settle(answer->held->owner, answer->held, &answer->error);
        free(answer);
    }
    return any;
}

/* ---- starting ---- */

const struct events_route *consumer_route(const struct consumer *consumer,
                                          const struct subscription *sub,
                                          const struct event *event)
{
    for (size_t i = 0; i < consumer->options.count; i++) {
        const struct events_route *route = &consumer->options.routes[i];
        if (same_stream(route, sub->route) &&
            bus_topic_match(route->pattern, event->topic))
            return route;
    }
    return NULL;
}

/* Starts what may run, subscription by subscription. */
static bool start_some(struct consumer *consumer, int64_t now)
{
    bool any = false;
    for (size_t i = 0; i < consumer->count && !consumer->draining; i++)
        while (consumer->flying < consumer->options.flight &&
               subscription_start(&consumer->subscriptions[i], now))
            any = true;
    return any;
}

static void stats_update(struct consumer *consumer)
{
    uint64_t held = 0;
    uint32_t parts = 0;
    bool away = false;
    for (size_t i = 0; i < consumer->count; i++) {
        const struct subscription *sub = &consumer->subscriptions[i];
        parts += (uint32_t)__builtin_popcount(sub->parts);
        away = away || sub->away;
        for (unsigned k = 0; k < EVENTS_PARTS; k++)
            held += sub->windows[k].count;
    }
    atomic_store(&consumer->held, held);
    atomic_store(&consumer->parts, parts);
    atomic_store(&consumer->away, away);
}

int64_t consumer_step(struct consumer *consumer)
{
    int64_t now = bus_now(consumer->options.clock);
    int64_t due = BUS_FOREVER;
    bool any = answers_settle(consumer);
    for (size_t i = 0; i < consumer->count; i++) {
        int64_t next = subscription_step(&consumer->subscriptions[i], now);
        any = any || next == 0;
        due = next < due ? next : due;
    }
    any = start_some(consumer, now) || any;
    stats_update(consumer);
    return any ? 0 : due;
}

bool consumer_drain(struct consumer *consumer)
{
    consumer->draining = true;
    answers_settle(consumer);
    bool done = consumer->flying == 0;
    for (size_t i = 0; i < consumer->count; i++)
        if (!subscription_flush(&consumer->subscriptions[i]) &&
            !consumer->subscriptions[i].away)
            done = false;
    return done;
}

void consumer_leave(struct consumer *consumer)
{
    struct bus_error err;
    for (size_t i = 0; i < consumer->count; i++)
        consumer->stream->driver->leave(
            consumer->stream, &consumer->subscriptions[i].group, &err);
}

void consumer_stats(struct consumer *consumer, struct consumer_stats *ret)
{
    *ret = (struct consumer_stats){
        atomic_load(&consumer->handled), atomic_load(&consumer->failed),
        atomic_load(&consumer->dead),    atomic_load(&consumer->held),
        atomic_load(&consumer->parts),   atomic_load(&consumer->away)};
}
