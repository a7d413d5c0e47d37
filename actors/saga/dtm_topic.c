/* SPDX-License-Identifier: MIT
 *
 * Topics: a name and the URLs that subscribe to it, one row of the journal's
 * key-value table each, in DTM's form ([{"url","remark"}]). They are read at
 * every use, so that nobody gets what he no longer subscribes to; a change says
 * which version it changes, so that none is lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm_work.h"
#include "bus/code.h"
#include "bus/json.h"
#include "bus/pack.h"
#include "bus/text.h"

#define CATEGORY "topics"
#define TOPIC "topic://"
#define VALUE_MAX ((size_t)1 << 20) /* bytes of a topic's subscribers */
#define SUBSCRIBERS_MAX 64
#define HTTP_BAD_REQUEST 400
#define HTTP_ERROR 500 /* what DTM answers in all these cases */

static void refuse(struct dtm_work *work, int status, const char *message)
{
    dtm_error(work->dtm, dtm_take_asker(work), status, message);
}

/* True if the journal could not do it: answered. */
static bool failed(struct dtm_work *work, const struct journal_job *job)
{
    if (job->code)
        dtm_refuse(work->dtm, dtm_take_asker(work), &job->err);
    return job->code != BUS_OK;
}

static const char *text_at(struct bus_arena *arena, struct bus_bytes map,
                           const char *key)
{
    struct bus_bytes value, text;
    if (!bus_pack_find(map, key, &value))
        return "";
    struct bus_unpack in = bus_unpack_open(value);
    if (!bus_unpack_text(&in, &text))
        return "";
    return bus_arena_text_n(arena, (const char *)text.data, text.len);
}

/* The subscribers of a row's value, struct dtm_pair of URL and remark. */
static void read_subscribers(const char *value, struct bus_arena *arena,
                             struct bus_list *ret)
{
    struct bus_buf pack;
    struct bus_error ignored;
    uint32_t count = 0;
    const struct bus_bytes json = {(const uint8_t *)value, strlen(value)};
    *ret = (struct bus_list){0};
    bus_buf_init(&pack, VALUE_MAX * 2);
    if (bus_json_to_pack(json, &pack, &ignored) == BUS_OK) {
        struct bus_unpack in = bus_unpack_open(bus_buf_bytes(&pack));
        bus_unpack_array(&in, &count);
        struct dtm_pair *items = bus_arena_array(arena, count, sizeof(*items));
        for (uint32_t i = 0; i < count; i++) {
            struct bus_bytes item;
            bus_unpack_value(&in, &item);
            items[i].name = text_at(arena, item, "url");
            items[i].value = text_at(arena, item, "remark");
        }
        *ret = (struct bus_list){items, count};
    }
    bus_buf_release(&pack);
}

static const char *write_subscribers(const struct bus_list *list,
                                     struct bus_arena *arena)
{
    const struct dtm_pair *items = list->items;
    struct bus_buf buf;
    bus_buf_init(&buf, VALUE_MAX);
    bus_buf_byte(&buf, '[');
    for (size_t i = 0; i < list->count; i++) {
        bus_buf_text(&buf, i ? ",{\"url\":" : "{\"url\":");
        bus_json_text(&buf, items[i].name, strlen(items[i].name));
        bus_buf_text(&buf, ",\"remark\":");
        bus_json_text(&buf, items[i].value, strlen(items[i].value));
        bus_buf_byte(&buf, '}');
    }
    bus_buf_byte(&buf, ']');
    const char *text =
        buf.failed ? NULL
                   : bus_arena_text_n(arena, (const char *)buf.data, buf.len);
    bus_buf_release(&buf);
    return text;
}

/* ---- Use ---- */

bool dtm_topics_named(const struct dtm_trans *trans)
{
    const struct dtm_step *steps = trans->steps.items;
    for (size_t i = 0; i < trans->steps.count; i++)
        if (steps[i].action &&
            strncmp(steps[i].action, TOPIC, strlen(TOPIC)) == 0)
            return true;
    return false;
}

static void topics_found(struct dtm_work *work, struct journal_job *job)
{
    if (failed(work, job))
        return;
    struct dtm_topic *topics =
        bus_arena_array(&work->arena, job->kv_count, sizeof(*topics));
    for (size_t i = 0; i < job->kv_count; i++) {
        struct bus_list subscribers;
        read_subscribers(job->kv[i].value, &work->arena, &subscribers);
        const struct dtm_pair *pairs = subscribers.items;
        const char **urls =
            bus_arena_array(&work->arena, subscribers.count, sizeof(*urls));
        for (size_t k = 0; k < subscribers.count; k++)
            urls[k] = pairs[k].name;
        topics[i].name = bus_arena_text(&work->arena, job->kv[i].key);
        topics[i].urls = (struct bus_list){urls, subscribers.count};
    }
    work->topics = (struct bus_list){topics, job->kv_count};
    work->then(work, job);
}

void dtm_topics_read(struct dtm_work *work, dtm_step *then)
{
    struct journal_job *job = dtm_lookup(work, JOURNAL_KV_LIST, topics_found);
    work->then = then;
    snprintf(job->name, sizeof(job->name), CATEGORY);
    job->limit = JOURNAL_LIST_MAX;
    dtm_lookup_start(work);
}

bool dtm_topic_find(void *arg, const char *topic, struct bus_arena *arena,
                    struct bus_list *ret)
{
    const struct dtm_work *work = arg;
    const struct dtm_topic *topics = work->topics.items;
    (void)arena;
    for (size_t i = 0; i < work->topics.count; i++)
        if (strcmp(topics[i].name, topic) == 0) {
            *ret = topics[i].urls;
            return true;
        }
    return false;
}

/* ---- Change ---- */

static void changed(struct dtm_work *work, struct journal_job *job)
{
    if (job->code == BUS_ABORTED)
        refuse(work, HTTP_ERROR, "the topic was changed meanwhile: try again");
    else if (job->code == BUS_NOT_FOUND)
        refuse(work, HTTP_ERROR, "storage: NotFound");
    else if (!failed(work, job))
        dtm_ok(work->dtm, dtm_take_asker(work));
}

static void put(struct dtm_work *work, const struct bus_list *subscribers,
                int64_t version)
{
    struct journal_job *job = dtm_lookup(work, JOURNAL_KV_PUT, changed);
    snprintf(job->name, sizeof(job->name), CATEGORY);
    snprintf(job->gid, sizeof(job->gid), "%s", dtm_pair(&work->pairs, "topic"));
    job->value = write_subscribers(subscribers, &work->arena);
    job->version = version;
    if (!job->value) {
        struct lookup *lookup = work->lookup;
        lookup->dtm = NULL;
        work->lookup = NULL;
        lookup_free(work->dtm->orch, lookup);
        refuse(work, HTTP_BAD_REQUEST, "too many subscribers");
        return;
    }
    dtm_lookup_start(work);
}

static void subscribe(struct dtm_work *work, struct journal_job *job)
{
    const char *url = dtm_pair(&work->pairs, "url");
    struct bus_list old = {0};
    if (failed(work, job))
        return;
    if (job->kv_count > 0)
        read_subscribers(job->kv[0].value, &work->arena, &old);
    struct dtm_pair *items =
        bus_arena_array(&work->arena, old.count + 1, sizeof(*items));
    const struct dtm_pair *pairs = old.items;
    for (size_t i = 0; i < old.count; i++) {
        items[i] = pairs[i];
        if (strcmp(pairs[i].name, url) == 0) {
            refuse(work, HTTP_ERROR, "this url exists");
            return;
        }
    }
    if (old.count >= SUBSCRIBERS_MAX) {
        refuse(work, HTTP_BAD_REQUEST, "a topic has at most 64 subscribers");
        return;
    }
    items[old.count] = (struct dtm_pair){url, dtm_pair(&work->pairs, "remark")};
    const struct bus_list list = {items, old.count + 1};
    put(work, &list, job->kv_count > 0 ? job->kv[0].version : 0);
}

static void unsubscribe(struct dtm_work *work, struct journal_job *job)
{
    const char *url = dtm_pair(&work->pairs, "url");
    struct bus_list old = {0};
    size_t count = 0;
    if (failed(work, job))
        return;
    if (job->kv_count == 0) {
        refuse(work, HTTP_ERROR, "no such a topic");
        return;
    }
    read_subscribers(job->kv[0].value, &work->arena, &old);
    if (old.count == 0) {
        refuse(work, HTTP_ERROR, "this topic is empty");
        return;
    }
    struct dtm_pair *items =
        bus_arena_array(&work->arena, old.count, sizeof(*items));
    const struct dtm_pair *pairs = old.items;
    for (size_t i = 0; i < old.count; i++)
        if (strcmp(pairs[i].name, url) != 0)
            items[count++] = pairs[i];
    if (count == old.count) {
        refuse(work, HTTP_ERROR, "no such an url ");
        return;
    }
    const struct bus_list list = {items, count};
    put(work, &list, job->kv[0].version);
}

static void change(struct dtm_work *work, dtm_step *step)
{
    const char *topic = dtm_pair(&work->pairs, "topic");
    if (!topic[0] || strlen(topic) > SAGA_GID_MAX) {
        refuse(work, HTTP_ERROR, "empty topic");
        return;
    }
    if (!dtm_pair(&work->pairs, "url")[0]) {
        refuse(work, HTTP_ERROR, "empty url");
        return;
    }
    struct journal_job *job = dtm_lookup(work, JOURNAL_KV_FIND, step);
    snprintf(job->name, sizeof(job->name), CATEGORY);
    snprintf(job->gid, sizeof(job->gid), "%s", topic);
    dtm_lookup_start(work);
}

static void delete_topic(struct dtm_work *work, const char *topic)
{
    if (!topic[0] || strlen(topic) > SAGA_GID_MAX) {
        refuse(work, HTTP_ERROR, "empty topic");
        return;
    }
    struct journal_job *job = dtm_lookup(work, JOURNAL_KV_DELETE, changed);
    snprintf(job->name, sizeof(job->name), CATEGORY);
    snprintf(job->gid, sizeof(job->gid), "%s", topic);
    dtm_lookup_start(work);
}

/* ---- Lists ---- */

static void write_pair(struct bus_buf *buf, const char *key, const char *text)
{
    bus_buf_printf(buf, ",\"%s\":", key);
    bus_json_text(buf, text, strlen(text));
}

static void write_kv(struct bus_buf *buf, const struct journal_kv *kv)
{
    char text[TEXT_TIME_MAX];
    bus_buf_text(buf, "{\"id\":0");
    text_time_write(kv->created, text);
    write_pair(buf, "create_time", text);
    text_time_write(kv->updated, text);
    write_pair(buf, "update_time", text);
    write_pair(buf, "cat", kv->category);
    write_pair(buf, "k", kv->key);
    write_pair(buf, "v", kv->value);
    bus_buf_printf(buf, ",\"version\":%" PRId64 "}", kv->version);
}

static void listed(struct dtm_work *work, struct journal_job *job)
{
    struct bus_buf buf;
    if (failed(work, job))
        return;
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    bus_buf_text(&buf, "{\"kv\":[");
    for (size_t i = 0; i < job->kv_count; i++) {
        bus_buf_text(&buf, i ? "," : "");
        write_kv(&buf, &job->kv[i]);
    }
    bus_buf_byte(&buf, ']');
    if (job->kind == JOURNAL_KV_LIST) {
        bool more = job->kv_count > 0 && job->kv_count == job->limit;
        bus_buf_text(&buf, ",\"next_position\":");
        const char *last = more ? job->kv[job->kv_count - 1].key : "";
        bus_json_text(&buf, last, strlen(last));
    }
    bus_buf_byte(&buf, '}');
    dtm_body(work->dtm, dtm_take_asker(work), &buf);
    bus_buf_release(&buf);
}

static void list(struct dtm_work *work, bool one)
{
    const char *key = dtm_pair(&work->pairs, "key");
    const char *limit = dtm_pair(&work->pairs, "limit");
    bool find = one && key[0];
    struct journal_job *job =
        dtm_lookup(work, find ? JOURNAL_KV_FIND : JOURNAL_KV_LIST, listed);
    long max = limit[0] ? strtol(limit, NULL, 10) : DTM_LIMIT_DEFAULT;
    snprintf(job->name, sizeof(job->name), "%s", dtm_pair(&work->pairs, "cat"));
    snprintf(job->gid, sizeof(job->gid), "%s",
             find ? key : dtm_pair(&work->pairs, "position"));
    job->limit =
        max < 1 || max > JOURNAL_LIST_MAX ? JOURNAL_LIST_MAX : (uint32_t)max;
    dtm_lookup_start(work);
}

void dtm_topic_request(struct dtm_work *work, const char *name,
                       const char *path)
{
    if (strcmp(name, "subscribe") == 0)
        change(work, subscribe);
    else if (strcmp(name, "unsubscribe") == 0)
        change(work, unsubscribe);
    else if (strcmp(name, "scanKV") == 0)
        list(work, false);
    else if (strcmp(name, "queryKV") == 0)
        list(work, true);
    else
        delete_topic(work, path);
}
