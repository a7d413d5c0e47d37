/* SPDX-License-Identifier: MIT
 *
 * A stream of its own for each question: they are rare.
 */
#include "actors/events/dead.h"

#include <stddef.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"

#define PAGE 64 /* read at once */

struct ask {
    const char *op, *id, *after;
    int32_t count;
    bool all;
};

static const struct bus_field ask_fields[] = {
    {.name = "op",
     .kind = BUS_TEXT,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct ask, op),
     .presence = BUS_NO_PRESENCE},
    {.name = "id",
     .kind = BUS_TEXT,
     .offset = offsetof(struct ask, id),
     .presence = BUS_NO_PRESENCE},
    {.name = "after",
     .kind = BUS_TEXT,
     .offset = offsetof(struct ask, after),
     .presence = BUS_NO_PRESENCE},
    {.name = "count",
     .kind = BUS_I32,
     .offset = offsetof(struct ask, count),
     .presence = BUS_NO_PRESENCE},
    {.name = "all",
     .kind = BUS_BOOL,
     .offset = offsetof(struct ask, all),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape ask_shape = {
    "dlq", sizeof(struct ask), sizeof(ask_fields) / sizeof(*ask_fields),
    ask_fields};

struct question {
    struct stream *stream;
    const char *actor;
    const struct ask *ask;
    struct bus_arena *arena;
    struct bus_buf *answer;
    struct bus_error *err;
};

static int page(struct question *q, const char *after, unsigned max,
                struct bus_list *ret)
{
    return q->stream->driver->dead(q->stream, q->actor, after, max, q->arena,
                                   ret, q->err);
}

/* The entry's map with its id in front. */
static void entry_pack(struct bus_buf *buf, const struct stream_entry *entry)
{
    struct bus_unpack in = bus_unpack_open(entry->blob);
    struct bus_bytes value;
    uint32_t count;
    if (!bus_unpack_map(&in, &count))
        count = 0;
    bus_pack_map(buf, (size_t)count + 1);
    bus_pack_text(buf, "id");
    bus_pack_text(buf, entry->id);
    for (count *= 2; count > 0 && bus_unpack_value(&in, &value); count--)
        bus_pack_raw(buf, value);
}

static int list(struct question *q)
{
    struct bus_list entries = {0};
    unsigned max = q->ask->count > 0 && q->ask->count < DEAD_LIST_MAX
                       ? (unsigned)q->ask->count
                       : DEAD_LIST_MAX;
    int code = page(q, q->ask->after, max, &entries);
    if (code)
        return code;
    bus_pack_map(q->answer, 1);
    bus_pack_text(q->answer, "dead");
    bus_pack_array(q->answer, entries.count);
    for (size_t i = 0; i < entries.count; i++)
        entry_pack(q->answer, (struct stream_entry *)entries.items + i);
    return BUS_OK;
}

/* The dead one of that id, by walking through all of them. */
static int find(struct question *q, const char *id, struct stream_entry *ret)
{
    const char *after = "";
    for (;;) {
        struct bus_list entries = {0};
        int code = page(q, after, PAGE, &entries);
        if (code)
            return code;
        const struct stream_entry *items = entries.items;
        for (size_t i = 0; i < entries.count; i++) {
            if (strcmp(items[i].id, id) == 0) {
                *ret = items[i];
                return BUS_OK;
            }
        }
        if (entries.count < PAGE)
            return bus_error_set(q->err, BUS_NOT_FOUND,
                                 "%s has no dead event %.48s", q->actor, id);
        after = items[entries.count - 1].id;
    }
}

static int show(struct question *q)
{
    struct stream_entry entry;
    int code = find(q, q->ask->id, &entry);
    if (!code)
        entry_pack(q->answer, &entry);
    return code;
}

/* Back into its stream, for its group alone. */
static int revive(struct question *q, const struct stream_entry *entry)
{
    struct event_dead dead;
    struct stream_put put = {0};
    int code = bus_unpack_message(entry->blob, &event_dead_shape, q->arena,
                                  &dead, q->err);
    if (!code && !dead.event->topic[0])
        code = bus_error_set(q->err, BUS_FAILED_PRECONDITION,
                             "%.48s is no event that could be tried again",
                             entry->id);
    if (code)
        return code;
    dead.event->only = dead.group;
    put.word = event_word(q->arena, dead.event->topic);
    put.part = event_part(dead.event);
    code = put.word ? event_pack(&event_shape, dead.event, q->arena, &put.blob,
                                 q->err)
                    : BUS_RESOURCE_EXHAUSTED;
    return code ? code
                : q->stream->driver->revive(q->stream, q->actor, entry->id,
                                            &put, q->err);
}

/* Those there are now: what dies again meanwhile comes after the last. */
static int revive_all(struct question *q, uint64_t *ret)
{
    struct bus_list entries = {0};
    int code = page(q, "", DEAD_LIST_MAX, &entries);
    const struct stream_entry *items = entries.items;
    for (size_t i = 0; i < entries.count && !code; i++) {
        code = revive(q, &items[i]);
        if (code == BUS_NOT_FOUND || code == BUS_FAILED_PRECONDITION)
            code = BUS_OK; /* somebody else's; to be looked at by hand */
        else if (!code)
            ++*ret;
    }
    return code;
}

static int replay(struct question *q)
{
    struct stream_entry entry;
    uint64_t count = 0;
    int code;
    if (q->ask->all) {
        code = revive_all(q, &count);
    } else {
        code = find(q, q->ask->id, &entry);
        if (!code)
            code = revive(q, &entry);
        count = 1;
    }
    if (code)
        return code;
    bus_pack_map(q->answer, 1);
    bus_pack_text(q->answer, "replayed");
    bus_pack_uint(q->answer, count);
    return BUS_OK;
}

static int answer(struct question *q)
{
    static const struct {
        const char *op;
        int (*run)(struct question *q);
    } ops[] = {{"ls", list}, {"show", show}, {"replay", replay}};
    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        if (strcmp(q->ask->op, ops[i].op) == 0)
            return ops[i].run(q);
    return bus_error_set(q->err, BUS_INVALID_ARGUMENT,
                         "expected op ls, show or replay");
}

int dead_answer(const struct stream_options *options, const char *actor,
                struct bus_bytes request, struct bus_buf *buf,
                struct bus_error *err)
{
    struct ask ask;
    struct bus_arena arena;
    struct question q = {.actor = actor,
                         .ask = &ask,
                         .arena = &arena,
                         .answer = buf,
                         .err = err};
    bus_arena_init(&arena, 4 * BUS_ARENA_LIMIT);
    int code = bus_unpack_message(request, &ask_shape, &arena, &ask, err);
    if (!code)
        code = stream_open(options, &q.stream, err);
    if (!code) {
        code = answer(&q);
        q.stream->driver->close(q.stream);
    }
    bus_arena_release(&arena);
    return code;
}
