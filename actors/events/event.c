/* SPDX-License-Identifier: MIT
 *
 * The shapes, written by hand, for no schema file knows them.
 */
#include "actors/events/event.h"

#include <stddef.h>
#include <string.h>

#include "actors/store/wait.h"
#include "bus/code.h"
#include "bus/pack.h"

#define FIELD(type, wire, member, ...)                                         \
    {                                                                          \
        .name = (wire), .presence = BUS_NO_PRESENCE,                           \
        .offset = (uint32_t)offsetof(type, member), __VA_ARGS__                \
    }
#define SHAPE(symbol, type, table)                                             \
    const struct bus_shape symbol = {                                          \
        .name = #type,                                                         \
        .size = (uint32_t)sizeof(struct type),                                 \
        .count = (uint16_t)(sizeof(table) / sizeof((table)[0])),               \
        .fields = (table)}

static const struct bus_field event_fields[] = {
    FIELD(struct event, "id", id, .kind = BUS_TEXT, .flags = BUS_REQUIRED),
    FIELD(struct event, "topic", topic, .kind = BUS_TEXT,
          .flags = BUS_REQUIRED),
    FIELD(struct event, "key", key, .kind = BUS_TEXT),
    FIELD(struct event, "trace", trace, .kind = BUS_TEXT),
    FIELD(struct event, "only", only, .kind = BUS_TEXT),
    FIELD(struct event, "time", time, .kind = BUS_TIME),
    FIELD(struct event, "body", body, .kind = BUS_ANY),
};
SHAPE(event_shape, event, event_fields);

static const struct bus_field tries_fields[] = {
    FIELD(struct event_tries, "attempts", attempts, .kind = BUS_I32),
    FIELD(struct event_tries, "first", first, .kind = BUS_TIME),
    FIELD(struct event_tries, "last", last, .kind = BUS_TIME),
    FIELD(struct event_tries, "started", started, .kind = BUS_BOOL),
    FIELD(struct event_tries, "code", code, .kind = BUS_I32),
    FIELD(struct event_tries, "sentence", sentence, .kind = BUS_TEXT),
};
SHAPE(event_tries_shape, event_tries, tries_fields);

static const struct bus_field dead_fields[] = {
    FIELD(struct event_dead, "event", event, .kind = BUS_MESSAGE,
          .shape = &event_shape, .flags = BUS_REQUIRED),
    FIELD(struct event_dead, "group", group, .kind = BUS_TEXT),
    FIELD(struct event_dead, "method", method, .kind = BUS_TEXT),
    FIELD(struct event_dead, "attempts", attempts, .kind = BUS_I32),
    FIELD(struct event_dead, "first", first, .kind = BUS_TEXT),
    FIELD(struct event_dead, "last", last, .kind = BUS_TEXT),
    FIELD(struct event_dead, "code", code, .kind = BUS_TEXT),
    FIELD(struct event_dead, "sentence", sentence, .kind = BUS_TEXT),
};
SHAPE(event_dead_shape, event_dead, dead_fields);

int event_pack(const struct bus_shape *shape, const void *message,
               struct bus_arena *arena, struct bus_bytes *ret,
               struct bus_error *err)
{
    struct bus_buf buf;
    bus_buf_init(&buf, EVENTS_BLOB_MAX);
    bus_pack_message(&buf, shape, message);
    uint8_t *copy = buf.failed ? NULL : bus_arena_alloc(arena, buf.len);
    if (copy) {
        memcpy(copy, buf.data, buf.len);
        *ret = (struct bus_bytes){copy, buf.len};
    }
    bus_buf_release(&buf);
    return copy ? BUS_OK
                : bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                                "the event is too large");
}

const char *event_word(struct bus_arena *arena, const char *topic)
{
    return bus_arena_text_n(arena, topic, strcspn(topic, "."));
}

const char *event_lane(const struct event *event)
{
    return event->key && event->key[0] ? event->key : event->id;
}

unsigned event_part(const struct event *event)
{
    return (unsigned)(text_hash(event_lane(event)) % EVENTS_PARTS);
}
