/* SPDX-License-Identifier: MIT
 *
 * saga.list: sagas newest first, by filters, in pages. A page may hold less
 * than was asked for and still not be the last (journal_search.h): as long as
 * the answer has a `next`, there may be more, after that cursor.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/journal_search.h"
#include "actors/saga/run.h"
#include "bus/code.h"
#include "bus/pack.h"
#include "bus/text.h"

#define LIST_DEFAULT 100
#define CURSOR_MAX (SAGA_GID_MAX + 24)

struct list_ask {
    const char *status, *name, *type, *gid, *step, *error, *owner;
    const char *created_since, *created_until; /* RFC 3339; "": whenever */
    const char *updated_since, *updated_until;
    const char *after; /* an answer's next */
    uint32_t limit;
};

#define FIELD(member, kind_)                                                   \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct list_ask, member),                           \
        .presence = BUS_NO_PRESENCE                                            \
    }
static const struct bus_field fields[] = {
    FIELD(status, BUS_TEXT),        FIELD(name, BUS_TEXT),
    FIELD(type, BUS_TEXT),          FIELD(gid, BUS_TEXT),
    FIELD(step, BUS_TEXT),          FIELD(error, BUS_TEXT),
    FIELD(owner, BUS_TEXT),         FIELD(created_since, BUS_TEXT),
    FIELD(created_until, BUS_TEXT), FIELD(updated_since, BUS_TEXT),
    FIELD(updated_until, BUS_TEXT), FIELD(after, BUS_TEXT),
    FIELD(limit, BUS_U32),
};
const struct bus_shape saga_list_shape = {
    .name = "saga.ListRequest",
    .size = sizeof(struct list_ask),
    .count = sizeof(fields) / sizeof(fields[0]),
    .fields = fields,
};

static int refuse(struct bus_error *err, const char *field, const char *found,
                  const char *expected)
{
    return bus_error_field(err, BUS_INVALID_ARGUMENT, field,
                           "found \"%.64s\", expected %s", found, expected);
}

static int read_time(const char *field, const char *text, int64_t *ret,
                     struct bus_error *err)
{
    const struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    if (bytes.len == 0 || text_time(bytes, ret) == TEXT_FINE)
        return BUS_OK;
    return refuse(err, field, text, "a time like 2026-01-31T12:00:00Z");
}

static int read_times(const struct list_ask *ask, struct journal_filter *filter,
                      struct bus_error *err)
{
    int code = read_time("created_since", ask->created_since,
                         &filter->created_since, err);
    if (!code)
        code = read_time("created_until", ask->created_until,
                         &filter->created_until, err);
    if (!code)
        code = read_time("updated_since", ask->updated_since,
                         &filter->updated_since, err);
    return code ? code
                : read_time("updated_until", ask->updated_until,
                            &filter->updated_until, err);
}

/* "TIME:GID", as write_cursor made it. */
static int read_cursor(const char *text, struct journal_filter *filter,
                       struct bus_error *err)
{
    const char *colon = strchr(text, ':');
    const struct bus_bytes number = {(const uint8_t *)text,
                                     colon ? (size_t)(colon - text) : 0};
    if (!text[0])
        return BUS_OK;
    if (!colon || strlen(colon + 1) > SAGA_GID_MAX ||
        text_int(number, 0, INT64_MAX, &filter->before) != TEXT_FINE)
        return refuse(err, "after", text, "what an answer had as next");
    filter->before_gid = colon + 1;
    return BUS_OK;
}

static int check_words(const struct list_ask *ask, struct bus_error *err)
{
    if (ask->status[0] && strcmp(ask->status, "parked") != 0 &&
        engine_phase_stored(ask->status) == PHASE_COUNT)
        return refuse(err, "status", ask->status,
                      "prepared, running, undoing, parked, done or undone");
    if (ask->type[0] && saga_pattern_from_text(ask->type) == PATTERN_COUNT)
        return refuse(err, "type", ask->type, "saga, msg, tcc, xa or workflow");
    return BUS_OK;
}

static int read_filter(const struct list_ask *ask,
                       struct journal_filter *filter, struct bus_error *err)
{
    journal_filter_init(filter);
    int code = check_words(ask, err);
    if (!code)
        code = read_times(ask, filter, err);
    if (!code)
        code = read_cursor(ask->after, filter, err);
    filter->status = ask->status;
    filter->name = ask->name;
    filter->type = ask->type;
    filter->gid = ask->gid;
    filter->step = ask->step;
    filter->error = ask->error;
    filter->owner = ask->owner;
    filter->limit = ask->limit ? ask->limit : LIST_DEFAULT;
    if (filter->limit > JOURNAL_LIST_MAX)
        filter->limit = JOURNAL_LIST_MAX;
    return code;
}

void list_request(struct orchestrator *orch,
                  const struct orchestrator_request *request)
{
    struct list_ask ask = {0};
    struct bus_error error = {0};
    struct lookup *lookup =
        lookup_new(orch, LOOKUP_LIST, JOURNAL_SEARCH, request->asker);
    struct journal_job *job = &lookup->job;
    struct journal_filter *filter =
        bus_arena_array(&job->arena, 1, sizeof(*filter));
    struct bus_bytes body = request->body;
    static const uint8_t empty_map = 0x80;
    if (body.len == 0)
        body = (struct bus_bytes){&empty_map, 1};
    int code =
        bus_unpack_message(body, &saga_list_shape, &job->arena, &ask, &error);
    if (!code)
        code = read_filter(&ask, filter, &error);
    if (code) {
        answer_error(orch, request->asker, &error);
        lookup_free(orch, lookup);
        return;
    }
    job->filter = filter;
    orch->world.journal(orch->world.arg, job);
}

static void pack_row(struct bus_buf *buf, const struct journal_row *row)
{
    bus_pack_map(buf, 9);
    show_pair(buf, "gid", row->gid);
    show_pair(buf, "name", row->name);
    show_pair(buf, "type", row->type);
    show_pair(buf, "status", row->status);
    show_time(buf, "created", row->created);
    show_time(buf, "updated", row->updated);
    show_pair(buf, "step", row->failing);
    show_pair(buf, "error", row->error);
    show_pair(buf, "owner", row->owner);
}

void list_found(struct orchestrator *orch, void *asker,
                const struct journal_job *job)
{
    char cursor[CURSOR_MAX];
    struct bus_buf buf;
    bus_buf_init(&buf, ORCHESTRATOR_REPLY_MAX);
    bus_pack_map(&buf, 1u + job->more);
    bus_pack_text(&buf, "sagas");
    bus_pack_array(&buf, job->found_count);
    for (size_t i = 0; i < job->found_count; i++)
        pack_row(&buf, &job->found[i]);
    if (job->more) {
        snprintf(cursor, sizeof(cursor), "%" PRId64 ":%s", job->before,
                 job->gid);
        show_pair(&buf, "next", cursor);
    }
    answer_body(orch, asker, &buf);
    bus_buf_release(&buf);
}
