/* SPDX-License-Identifier: MIT
 *
 * Two relays at once would only append some events twice: each reads all rows
 * there are, in order, so an event is never appended before an older one of its
 * key has been. The lease is asked for only while there is something to do, so
 * that an idle service writes nothing.
 */
#include "actors/events/relay.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/outbox.h"
#include "bus/code.h"
#include "bus/hook.h"
#include "bus/log.h"

struct relay {
    struct relay_options options;
    struct stream *stream;
    struct outbox *outbox;
    struct bus_arena arena; /* of one round */
    int64_t next;           /* when to look again */
    int64_t leased;         /* until when the lease is surely ours */
    int64_t counted, trimmed;
    int64_t pause; /* of the next failure */
    atomic_bool poked, away;
    _Atomic uint64_t relayed, backlog;
};

int relay_open(const struct relay_options *options, struct relay **ret,
               struct bus_error *err)
{
    struct relay *relay = calloc(1, sizeof(*relay));
    if (!relay)
        abort();
    relay->options = *options;
    relay->pause = RELAY_AWAY;
    bus_arena_init(&relay->arena, 4 * BUS_ARENA_LIMIT);
    int code = stream_open(options->stream, &relay->stream, err);
    if (code) {
        free(relay);
        return code;
    }
    relay->outbox = outbox_open(options->store);
    *ret = relay;
    return BUS_OK;
}

void relay_close(struct relay *relay)
{
    if (!relay)
        return;
    relay->stream->driver->close(relay->stream);
    outbox_close(relay->outbox);
    bus_arena_release(&relay->arena);
    free(relay);
}

void relay_poke(struct relay *relay)
{
    atomic_store(&relay->poked, true);
}

void relay_stats(struct relay *relay, struct relay_stats *ret)
{
    *ret = (struct relay_stats){atomic_load(&relay->relayed),
                                atomic_load(&relay->backlog),
                                atomic_load(&relay->away)};
}

static int put_fill(struct relay *relay, const struct outbox_row *row,
                    struct stream_put *ret, struct bus_error *err)
{
    const struct event event = {.id = row->event,
                                .topic = row->topic,
                                .key = row->key,
                                .trace = row->trace,
                                .only = "",
                                .time = row->time,
                                .body = row->body};
    ret->word = event_word(&relay->arena, row->topic);
    ret->part = event_part(&event);
    if (!ret->word)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "too many events at once");
    return event_pack(&event_shape, &event, &relay->arena, &ret->blob, err);
}

/* Asked for again when half of it is over. */
static int lease(struct relay *relay, int64_t now, bool *ret_held,
                 struct bus_error *err)
{
    const struct relay_options *options = &relay->options;
    if (now < relay->leased - OUTBOX_LEASE / 2) {
        *ret_held = true;
        return BUS_OK;
    }
    int code = outbox_lease(relay->outbox, options->member,
                            bus_wall(options->clock), ret_held, err);
    if (!code && *ret_held)
        relay->leased = now + OUTBOX_LEASE;
    return code;
}

static int hand_on(struct relay *relay, const struct bus_list *rows,
                   struct bus_error *err)
{
    const struct outbox_row *row = rows->items;
    struct stream_put *puts =
        bus_arena_array(&relay->arena, rows->count, sizeof(*puts));
    int code = puts ? BUS_OK : BUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < rows->count && !code; i++)
        code = put_fill(relay, &row[i], &puts[i], err);
    if (code)
        return code;
    bus_effect("relay");
    code = relay->stream->driver->append(relay->stream, puts, rows->count, err);
    bus_effect("relay");
    if (!code)
        code = outbox_delete(relay->outbox, rows, err);
    if (!code)
        atomic_fetch_add(&relay->relayed, rows->count);
    return code;
}

static void count(struct relay *relay, int64_t now, size_t seen)
{
    struct bus_error err;
    uint64_t backlog = seen;
    if (seen == OUTBOX_BATCH) {
        if (now < relay->counted + RELAY_POLL)
            return;
        relay->counted = now;
        if (outbox_count(relay->outbox, &backlog, &err))
            return;
    }
    atomic_store(&relay->backlog, backlog);
}

/* Now and then, the streams that were just written to. */
static void trim(struct relay *relay, int64_t now, const struct bus_list *rows)
{
    const struct relay_options *options = &relay->options;
    const struct outbox_row *row = rows->items;
    struct bus_error err;
    if (!options->keep_ns ||
        (relay->trimmed && now < relay->trimmed + RELAY_TRIM))
        return;
    relay->trimmed = now;
    int64_t from = bus_wall(options->clock) - options->keep_ns / 1000;
    const char *before = "";
    for (size_t i = 0; i < rows->count; i++) {
        const char *word = event_word(&relay->arena, row[i].topic);
        if (!word || strcmp(word, before) == 0)
            continue;
        before = word;
        if (relay->stream->driver->trim(relay->stream, word, from, &err))
            bus_log(BUS_LOG_ERROR, NULL, NULL,
                    "events: old ones not dropped: %s", err.sentence);
    }
}

static int64_t failed(struct relay *relay, int64_t now,
                      const struct bus_error *err)
{
    if (!atomic_exchange(&relay->away, true))
        bus_log(BUS_LOG_ERROR, NULL, NULL,
                "events: they wait in the outbox: %s", err->sentence);
    relay->next = now + relay->pause;
    relay->pause *= 2;
    if (relay->pause > RELAY_AWAY_MAX)
        relay->pause = RELAY_AWAY_MAX;
    return relay->next;
}

static int64_t idle(struct relay *relay, int64_t now, int64_t pause)
{
    relay->next = pause ? now + pause : BUS_FOREVER;
    return relay->next;
}

static int round_of(struct relay *relay, int64_t now, struct bus_list *rows,
                    bool *ret_held, struct bus_error *err)
{
    bus_arena_reset(&relay->arena);
    int code = outbox_read(relay->outbox, &relay->arena, rows, err);
    if (code)
        return code;
    count(relay, now, rows->count);
    if (rows->count)
        code = lease(relay, now, ret_held, err);
    if (!code && *ret_held)
        code = hand_on(relay, rows, err);
    if (!code && *ret_held)
        trim(relay, now, rows);
    return code;
}

int64_t relay_step(struct relay *relay)
{
    int64_t now = bus_now(relay->options.clock);
    struct bus_list rows = {0};
    struct bus_error err;
    bool held = false;
    bool away = atomic_load(&relay->away);
    if (now < relay->next && (away || !atomic_load(&relay->poked)))
        return relay->next;
    atomic_store(&relay->poked, false);
    if (round_of(relay, now, &rows, &held, &err)) {
        atomic_store(&relay->poked, true); /* what it was for is not done */
        return failed(relay, now, &err);
    }
    if (away) {
        atomic_store(&relay->away, false);
        bus_log(BUS_LOG_INFO, NULL, NULL, "events: the outbox is read again");
    }
    relay->pause = RELAY_AWAY;
    if (!held)
        return idle(relay, now,
                    rows.count ? RELAY_POLL : relay->options.poll_ns);
    relay->next = now;
    if (rows.count == OUTBOX_BATCH)
        return 0;
    count(relay, now, 0);
    return rows.count ? 0 : relay->next;
}
