/* SPDX-License-Identifier: MIT
 *
 * What a member does with the stream, in one order each step; the first that
 * gets no answer ends the step, and the next waits longer. Nothing but the
 * lease depends on the stream: what runs ends, and its outcome is kept until it
 * can be said.
 */
#include "actors/events/subscription.h"

#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/log.h"
#include "bus/text.h"

#define BIT(part) (UINT32_C(1) << (part))

void subscription_init(struct subscription *sub, struct consumer *consumer,
                       const struct events_route *route)
{
    const char *word = event_word(&consumer->names, route->pattern);
    if (!word)
        abort(); /* names are short, the arena is large */
    *sub = (struct subscription){
        .consumer = consumer,
        .route = route,
        .group = {word, route->group, consumer->options.member},
        .fetch_pause = SUBSCRIPTION_POLL,
        .retry_pause = SUBSCRIPTION_AWAY};
}

void subscription_release(struct subscription *sub)
{
    for (unsigned i = 0; i < EVENTS_PARTS; i++)
        window_clear(&sub->windows[i]);
    free(sub->done);
}

/* ---- the stream's answers ---- */

static int64_t went_away(struct subscription *sub, int64_t now,
                         const struct bus_error *err)
{
    if (!sub->away)
        bus_log(BUS_LOG_ERROR, NULL, NULL, "events: %s of %s are not read: %s",
                sub->group.word, sub->group.name, err->sentence);
    sub->away = true;
    sub->retry_at = now + sub->retry_pause;
    sub->retry_pause *= 2;
    if (sub->retry_pause > SUBSCRIPTION_AWAY_MAX)
        sub->retry_pause = SUBSCRIPTION_AWAY_MAX;
    return sub->retry_at;
}

static void is_there(struct subscription *sub)
{
    if (sub->away)
        bus_log(BUS_LOG_INFO, NULL, NULL, "events: %s of %s are read again",
                sub->group.word, sub->group.name);
    sub->away = false;
    sub->retry_pause = SUBSCRIPTION_AWAY;
}

/* ---- what is done ---- */

static void done_add(struct subscription *sub, const struct stream_done *done)
{
    if (sub->done_count == sub->done_room) {
        sub->done_room = sub->done_room ? 2 * sub->done_room : 64;
        sub->done = realloc(sub->done, sub->done_room * sizeof(*sub->done));
        if (!sub->done)
            abort();
    }
    sub->done[sub->done_count++] = *done;
}

static int flush(struct subscription *sub, struct bus_error *err)
{
    struct consumer *consumer = sub->consumer;
    if (sub->done_count == 0)
        return BUS_OK;
    int code = consumer->stream->driver->done(consumer->stream, &sub->group,
                                              sub->done, sub->done_count, err);
    if (!code)
        sub->done_count = 0;
    return code;
}

bool subscription_flush(struct subscription *sub)
{
    struct bus_error err;
    if (flush(sub, &err) == BUS_OK)
        return true;
    went_away(sub, bus_now(sub->consumer->options.clock), &err);
    return false;
}

/* ---- partitions come and go ---- */

static void lose(struct subscription *sub, uint32_t parts)
{
    for (unsigned i = 0; i < EVENTS_PARTS; i++)
        if (parts & BIT(i))
            window_clear(&sub->windows[i]);
    sub->parts &= ~parts;
    sub->giving &= ~parts;
    sub->stale &= ~parts;
}

/* Those of `giving` where nothing runs. */
static uint32_t idle_ones(const struct subscription *sub)
{
    uint32_t idle = 0;
    for (unsigned i = 0; i < EVENTS_PARTS; i++)
        if (sub->giving & BIT(i) && !window_runs(&sub->windows[i]))
            idle |= BIT(i);
    return idle;
}

/* More than our fair share is given up, the highest partitions first. */
static void be_fair(struct subscription *sub, unsigned fair)
{
    unsigned count = (unsigned)__builtin_popcount(sub->parts & ~sub->giving);
    for (unsigned i = EVENTS_PARTS; i-- > 0 && count > fair;) {
        if (!(sub->parts & ~sub->giving & BIT(i)))
            continue;
        sub->giving |= BIT(i);
        count--;
    }
}

static int tend(struct subscription *sub, int64_t now, struct bus_error *err)
{
    struct consumer *consumer = sub->consumer;
    struct stream_share share;
    uint32_t gone = idle_ones(sub);
    lose(sub, gone);
    int code = consumer->stream->driver->tend(consumer->stream, &sub->group,
                                              gone, &share, err);
    if (code)
        return code;
    sub->tend_at = now + SUBSCRIPTION_TEND;
    sub->ours_until = now + STREAM_LEASE;
    lose(sub, sub->parts & ~share.parts);
    sub->stale |= share.parts & ~sub->parts;
    sub->parts = share.parts;
    be_fair(sub, share.fair);
    return BUS_OK;
}

/* ---- reading ---- */

static void entries_hold(struct subscription *sub, const struct bus_list *list,
                         bool suspect)
{
    const struct stream_entry *entry = list->items;
    for (size_t i = 0; i < list->count; i++) {
        struct window *window = &sub->windows[entry[i].part];
        struct held *held = window_add(window, &entry[i]);
        const struct event *event = held->event;
        const struct events_route *route =
            held->broken ? sub->route
                         : consumer_route(sub->consumer, sub, event);
        bool ours =
            !event->only[0] || strcmp(event->only, sub->group.name) == 0;
        held->owner = sub;
        held->suspect = suspect;
        if (!route || !ours) { /* not for us: done */
            done_add(sub, &held->at);
            window_remove(window, held);
            held_free(held);
        } else if (held->broken ||
                   (held->tries.started &&
                    held->tries.attempts >=
                        (route->attempts > 2 ? route->attempts : 2))) {
            held->state = HELD_DYING;
        }
    }
}

static int recover(struct subscription *sub, bool *any, struct bus_error *err)
{
    struct consumer *consumer = sub->consumer;
    for (unsigned i = 0; i < EVENTS_PARTS; i++) {
        struct bus_list list = {0};
        if (!(sub->stale & BIT(i)) || window_runs(&sub->windows[i]))
            continue;
        window_clear(&sub->windows[i]);
        bus_arena_reset(&consumer->arena);
        int code = consumer->stream->driver->recover(
            consumer->stream, &sub->group, i, &consumer->arena, &list, err);
        if (code)
            return code;
        entries_hold(sub, &list, true);
        sub->stale &= ~BIT(i);
        *any = true;
    }
    return BUS_OK;
}

/* How many could start now; those that wait for another attempt keep no place.
 */
static unsigned ready(const struct subscription *sub, int64_t now)
{
    unsigned count = 0;
    for (unsigned i = 0; i < EVENTS_PARTS; i++)
        for (const struct held *at = sub->windows[i].first; at; at = at->next)
            count +=
                at->state == HELD_WAITING && !at->blocked && at->due <= now;
    return count;
}

/* Which may be fetched from: what is held there without waiting for another
 * attempt is soon handled, and little enough to be suspect if we die. */
static uint32_t with_room(const struct subscription *sub, int64_t now)
{
    uint32_t parts = sub->parts & ~sub->giving & ~sub->stale;
    for (unsigned i = 0; i < EVENTS_PARTS; i++)
        if (window_active(&sub->windows[i], now) >= SUBSCRIPTION_AHEAD ||
            sub->windows[i].count + SUBSCRIPTION_FETCH > EVENTS_WINDOW ||
            sub->windows[i].bytes > EVENTS_WINDOW_BYTES)
            parts &= ~BIT(i);
    return parts;
}

static int fetch(struct subscription *sub, int64_t now, bool *any,
                 struct bus_error *err)
{
    struct consumer *consumer = sub->consumer;
    struct bus_list list = {0};
    uint32_t parts = with_room(sub, now);
    if (consumer->draining || !parts || now < sub->fetch_at ||
        ready(sub, now) >= consumer->options.flight)
        return BUS_OK;
    bus_arena_reset(&consumer->arena);
    int code = consumer->stream->driver->fetch(consumer->stream, &sub->group,
                                               parts, SUBSCRIPTION_FETCH,
                                               &consumer->arena, &list, err);
    if (code) {
        sub->stale |= parts; /* some may count as fetched */
        return code;
    }
    entries_hold(sub, &list, false);
    *any = *any || list.count > 0;
    if (list.count) {
        sub->fetch_pause = SUBSCRIPTION_POLL;
        sub->fetch_at = now;
        return BUS_OK;
    }
    sub->fetch_at = now + sub->fetch_pause;
    sub->fetch_pause *= 2;
    if (sub->fetch_pause > SUBSCRIPTION_POLL_MAX)
        sub->fetch_pause = SUBSCRIPTION_POLL_MAX;
    return BUS_OK;
}

/* ---- failures ---- */

static int note(struct subscription *sub, struct held *held,
                struct bus_error *err)
{
    struct consumer *consumer = sub->consumer;
    struct stream_entry entry = {.part = held->at.part};
    memcpy(entry.id, held->at.id, sizeof(entry.id));
    bus_arena_reset(&consumer->arena);
    int code = event_pack(&event_tries_shape, &held->tries, &consumer->arena,
                          &entry.tries, err);
    if (!code)
        code = consumer->stream->driver->note(consumer->stream, &sub->group,
                                              &entry, err);
    if (!code)
        held->at.noted = true;
    return code;
}

static const char *cause(const struct held *held)
{
    if (held->broken)
        return "the entry is no event";
    return held->tries.started ? "the consumer died while it was handling it"
                               : held->tries.sentence;
}

static int bury(struct subscription *sub, struct held *held,
                struct bus_error *err)
{
    struct consumer *consumer = sub->consumer;
    const struct events_route *route =
        consumer_route(consumer, sub, held->event);
    int code = held->broken          ? BUS_DATA_LOSS
               : held->tries.started ? BUS_UNKNOWN
                                     : held->tries.code;
    char first[TEXT_TIME_MAX], last[TEXT_TIME_MAX];
    text_time_write(held->tries.first, first);
    text_time_write(held->tries.last, last);
    const struct event_dead dead = {.event = held->event,
                                    .group = sub->group.name,
                                    .method = route ? route->method : "",
                                    .attempts = held->tries.attempts,
                                    .first = first,
                                    .last = last,
                                    .code = bus_code_name(code),
                                    .sentence = cause(held)};
    struct bus_bytes blob;
    bus_arena_reset(&consumer->arena);
    int failed =
        event_pack(&event_dead_shape, &dead, &consumer->arena, &blob, err);
    if (!failed)
        failed = consumer->stream->driver->bury(
            consumer->stream, &sub->group, &held->at, consumer->options.actor,
            blob, err);
    if (failed)
        return failed;
    bus_log(BUS_LOG_ERROR, NULL, NULL,
            "events: %s %s is dead after %d attempts at %s: %s: %s",
            held->event->topic, held->event->id, (int)dead.attempts,
            dead.method, dead.code, dead.sentence);
    atomic_fetch_add(&consumer->dead, 1);
    window_remove(&sub->windows[held->at.part], held);
    held_free(held);
    return BUS_OK;
}

static int bury_all(struct subscription *sub, bool *any, struct bus_error *err)
{
    for (unsigned i = 0; i < EVENTS_PARTS; i++) {
        for (struct held *at = sub->windows[i].first; at;) {
            struct held *held = at;
            at = at->next;
            if (held->state != HELD_DYING)
                continue;
            int code = bury(sub, held, err);
            if (code)
                return code;
            *any = true;
        }
    }
    return BUS_OK;
}

/* ---- a step ---- */

static int talk(struct subscription *sub, int64_t now, bool *any,
                struct bus_error *err)
{
    *any = *any || sub->done_count > 0;
    int code = flush(sub, err);
    if (!code)
        code = bury_all(sub, any, err);
    if (!code && (now >= sub->tend_at || idle_ones(sub)))
        code = tend(sub, now, err);
    if (!code)
        code = recover(sub, any, err);
    if (!code)
        code = fetch(sub, now, any, err);
    return code;
}

static int64_t next_of(const struct subscription *sub, int64_t now)
{
    int64_t due = sub->tend_at;
    if (with_room(sub, now) && sub->fetch_at < due)
        due = sub->fetch_at;
    for (unsigned i = 0; i < EVENTS_PARTS; i++) {
        int64_t next = window_due(&sub->windows[i]);
        due = next < due ? next : due;
    }
    return due;
}

int64_t subscription_step(struct subscription *sub, int64_t now)
{
    struct bus_error err;
    bool any = false;
    if (sub->parts && now >= sub->ours_until)
        lose(sub, sub->parts); /* others may have taken them */
    if (now < sub->retry_at)
        return sub->retry_at;
    if (talk(sub, now, &any, &err))
        return went_away(sub, now, &err);
    is_there(sub);
    int64_t due = next_of(sub, now);
    return any ? 0 : due > now ? due : now + SUBSCRIPTION_POLL;
}

/* ---- attempts ---- */

static struct held *next_held(struct subscription *sub, int64_t now)
{
    for (unsigned i = 0; i < EVENTS_PARTS; i++) {
        unsigned part = (sub->turn + i) % EVENTS_PARTS;
        if (!(sub->parts & ~sub->giving & ~sub->stale & BIT(part)))
            continue;
        struct held *held =
            window_next(&sub->windows[part], now, !sub->consumer->suspect_runs);
        if (!held)
            continue;
        sub->turn = part + 1;
        return held;
    }
    return NULL;
}

bool subscription_start(struct subscription *sub, int64_t now)
{
    struct consumer *consumer = sub->consumer;
    struct bus_error err;
    struct held *held = now < sub->ours_until ? next_held(sub, now) : NULL;
    if (!held)
        return false;
    int64_t wall = bus_wall(consumer->options.clock);
    held->tries.attempts++;
    held->tries.last = wall;
    if (!held->tries.first)
        held->tries.first = wall;
    if (held->suspect) {
        held->tries.started = true;
        if (note(sub, held, &err)) {
            held->tries.attempts--;
            went_away(sub, now, &err);
            held->due = sub->retry_at;
            return false;
        }
        consumer->suspect_runs = true;
    }
    held->state = HELD_RUNNING;
    consumer->flying++;
    const struct events_delivery delivery = {
        .route = consumer_route(consumer, sub, held->event),
        .event = held->event,
        .token = held};
    consumer->options.deliver(consumer->options.arg, &delivery);
    return true;
}

/* Doubled with every attempt, and a quarter up or down by the event's id and
 * the attempt, so that what failed together does not come back together. */
static int64_t pause_of(const struct events_route *route,
                        const struct held *held)
{
    int64_t pause = route->backoff_ns;
    for (int32_t i = 1; i < held->tries.attempts; i++)
        pause = pause < route->backoff_max_ns ? 2 * pause : pause;
    if (pause > route->backoff_max_ns)
        pause = route->backoff_max_ns;
    unsigned draw = (unsigned)held->tries.attempts * 2654435761u;
    for (const char *at = held->event->id; *at; at++)
        draw = draw * 31 + (unsigned char)*at;
    return pause - pause / 4 + pause / 2 / 1024 * (draw % 1024);
}

/* Refusals that say nothing about the event. */
static bool was_not_tried(const struct bus_error *error)
{
    return strcmp(error->reason, "busy") == 0 ||
           strcmp(error->reason, "draining") == 0;
}

static void failed(struct subscription *sub, struct held *held,
                   const struct bus_error *error)
{
    struct consumer *consumer = sub->consumer;
    const struct events_route *route =
        consumer_route(consumer, sub, held->event);
    int64_t now = bus_now(consumer->options.clock);
    struct bus_error err;
    held->state = HELD_WAITING;
    held->tries.started = false;
    if (was_not_tried(error)) {
        held->tries.attempts--;
        held->due = now + SUBSCRIPTION_BUSY;
        return;
    }
    const char *sentence = bus_arena_text(&held->arena, error->sentence);
    held->tries.code = error->code;
    held->tries.sentence = sentence ? sentence : "";
    held->due = now + pause_of(route, held);
    atomic_fetch_add(&consumer->failed, 1);
    if (held->tries.attempts >= route->attempts)
        held->state = HELD_DYING;
    else if (note(sub, held, &err)) /* it only counts less after a crash */
        went_away(sub, now, &err);
}

void subscription_settle(struct subscription *sub, struct held *held,
                         const struct bus_error *error)
{
    if (error->code == BUS_OK) {
        done_add(sub, &held->at);
        atomic_fetch_add(&sub->consumer->handled, 1);
        if (!held->lost)
            window_remove(&sub->windows[held->at.part], held);
        held_free(held);
    } else if (held->lost) {
        held_free(held); /* its new owner tries it */
    } else {
        failed(sub, held, error);
    }
}
