/* SPDX-License-Identifier: MIT
 *
 * Requests are written out by hand, answers read by shapes. Where several
 * answers stand in a row (keep-alives), each is a line.
 */
#include "actors/registrar/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/json.h"
#include "bus/shape.h"
#include "bus/text.h"

#define BODY_MAX ((size_t)4 << 20)
#define ARENA_MAX ((size_t)256 << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIELD(type, member, key, kind_)                                        \
    {                                                                          \
        .name = (key), .kind = (kind_), .flags = BUS_IN_JSON,                  \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE   \
    }
#define NESTED(type, member, key, many, shape_)                                \
    {                                                                          \
        .name = (key), .kind = BUS_MESSAGE, .cardinality = (many),             \
        .flags = BUS_IN_JSON, .offset = offsetof(struct type, member),         \
        .presence = BUS_NO_PRESENCE, .shape = (shape_)                         \
    }
#define SHAPE(symbol, type, table)                                             \
    static const struct bus_shape symbol = {#type, sizeof(struct type),        \
                                            COUNT(table), (table)}

struct header {
    const char *revision;
};
struct kv {
    struct bus_bytes key, value;
};
struct event {
    const char *type; /* "DELETE"; left out: a put */
    struct kv *kv;
};
struct watched {
    struct header *header;
    bool canceled;
    const char *compacted; /* revision */
    struct bus_list events;
};
struct answer {
    struct header *header;
    const char *id, *ttl;
    struct bus_list kvs;
    struct watched *result; /* of a stream */
};
struct kept {
    struct answer *result;
};

static const struct bus_field header_fields[] = {
    FIELD(header, revision, "revision", BUS_TEXT)};
SHAPE(header_shape, header, header_fields);
static const struct bus_field kv_fields[] = {
    FIELD(kv, key, "key", BUS_BYTES), FIELD(kv, value, "value", BUS_BYTES)};
SHAPE(kv_shape, kv, kv_fields);
static const struct bus_field event_fields[] = {
    FIELD(event, type, "type", BUS_TEXT),
    NESTED(event, kv, "kv", BUS_ONE, &kv_shape)};
SHAPE(event_shape, event, event_fields);
static const struct bus_field watched_fields[] = {
    NESTED(watched, header, "header", BUS_ONE, &header_shape),
    FIELD(watched, canceled, "canceled", BUS_BOOL),
    FIELD(watched, compacted, "compact_revision", BUS_TEXT),
    NESTED(watched, events, "events", BUS_LIST, &event_shape)};
SHAPE(watched_shape, watched, watched_fields);
static const struct bus_field answer_fields[] = {
    NESTED(answer, header, "header", BUS_ONE, &header_shape),
    FIELD(answer, id, "ID", BUS_TEXT), FIELD(answer, ttl, "TTL", BUS_TEXT),
    NESTED(answer, kvs, "kvs", BUS_LIST, &kv_shape),
    NESTED(answer, result, "result", BUS_ONE, &watched_shape)};
SHAPE(answer_shape, answer, answer_fields);
static const struct bus_field kept_fields[] = {
    NESTED(kept, result, "result", BUS_ONE, &answer_shape)};
SHAPE(kept_shape, kept, kept_fields);

static void put_base64(struct bus_buf *buf, const char *name, const char *text,
                       size_t len)
{
    bus_buf_printf(buf, "\"%s\":\"", name);
    text_base64_write(buf, (struct bus_bytes){(const uint8_t *)text, len});
    bus_buf_byte(buf, '"');
}

/* "key" and "range_end" of everything below a prefix. */
static void put_range(struct bus_buf *buf, const char *prefix)
{
    char end[REGISTRY_KEY_MAX];
    size_t len = strlen(prefix);
    snprintf(end, sizeof(end), "%s", prefix);
    end[len - 1]++;
    put_base64(buf, "key", prefix, len);
    bus_buf_byte(buf, ',');
    put_base64(buf, "range_end", end, len);
}

static int64_t number(const char *text)
{
    return text ? strtoll(text, NULL, 10) : 0;
}

static bool text_take(struct bus_bytes from, char *to, size_t size)
{
    if (from.len >= size || (from.len && memchr(from.data, '\0', from.len)))
        return false;
    if (from.len)
        memcpy(to, from.data, from.len);
    to[from.len] = '\0';
    return true;
}

static void pair_tell(const struct kv *kv, bool deleted,
                      registry_pair_heard *heard, void *arg)
{
    struct registry_pair pair;
    if (text_take(kv->key, pair.key, sizeof(pair.key)) &&
        text_take(kv->value, pair.value, sizeof(pair.value)))
        heard(arg, &pair, deleted);
}

/* A call whose answer is one object. *ret points into arena. */
static int ask(struct etcd *etcd, const char *path, const struct bus_buf *body,
               struct bus_arena *arena, struct answer *ret,
               struct bus_error *err)
{
    struct bus_buf reply;
    bus_buf_init(&reply, ETCD_ANSWER_MAX);
    int code = etcd_call(etcd, path, bus_buf_bytes(body), &reply, err);
    if (!code)
        code = bus_json_read(bus_buf_bytes(&reply), &answer_shape, arena, ret,
                             NULL, err);
    bus_buf_release(&reply);
    return code;
}

int registry_list(struct etcd *etcd, const char *prefix,
                  registry_pair_heard *heard, void *arg, int64_t *ret_revision,
                  struct bus_error *err)
{
    struct bus_arena arena;
    struct bus_buf body;
    struct answer answer = {.header = NULL};
    bus_arena_init(&arena, ARENA_MAX);
    bus_buf_init(&body, BODY_MAX);
    bus_buf_byte(&body, '{');
    put_range(&body, prefix);
    bus_buf_byte(&body, '}');
    int code = ask(etcd, "kv/range", &body, &arena, &answer, err);
    const struct kv *kvs = answer.kvs.items;
    for (size_t i = 0; !code && i < answer.kvs.count; i++)
        pair_tell(&kvs[i], false, heard, arg);
    if (!code)
        *ret_revision = answer.header ? number(answer.header->revision) : 0;
    bus_buf_release(&body);
    bus_arena_release(&arena);
    return code;
}

void registry_watch(struct etcd *etcd, const char *const *prefixes,
                    size_t count, int64_t revision)
{
    struct bus_buf body;
    bus_buf_init(&body, BODY_MAX);
    for (size_t i = 0; i < count; i++) {
        bus_buf_text(&body, "{\"create_request\":{");
        put_range(&body, prefixes[i]);
        bus_buf_printf(&body, ",\"start_revision\":\"%" PRId64 "\"}}",
                       revision);
    }
    etcd_watch(etcd, bus_buf_bytes(&body));
    bus_buf_release(&body);
}

static enum registry_watched line_tell(const struct watched *result,
                                       registry_pair_heard *heard, void *arg,
                                       int64_t *ret_revision)
{
    if (!result)
        return REGISTRY_BROKEN;
    if (result->canceled || number(result->compacted))
        return REGISTRY_CANCELED;
    const struct event *events = result->events.items;
    for (size_t i = 0; i < result->events.count; i++) {
        bool deleted = events[i].type && strcmp(events[i].type, "DELETE") == 0;
        if (events[i].kv)
            pair_tell(events[i].kv, deleted, heard, arg);
    }
    if (result->header && result->events.count)
        *ret_revision = number(result->header->revision);
    return REGISTRY_HEARD;
}

enum registry_watched registry_line(struct bus_bytes line,
                                    registry_pair_heard *heard, void *arg,
                                    int64_t *ret_revision)
{
    struct bus_arena arena;
    struct answer answer = {.header = NULL};
    bus_arena_init(&arena, ARENA_MAX);
    enum registry_watched watched = REGISTRY_BROKEN;
    if (bus_json_read(line, &answer_shape, &arena, &answer, NULL, NULL) ==
        BUS_OK)
        watched = line_tell(answer.result, heard, arg, ret_revision);
    bus_arena_release(&arena);
    return watched;
}

/* ---- Leases ---- */

int registry_grant(struct etcd *etcd, int64_t ttl_s, int64_t *ret_lease,
                   struct bus_error *err)
{
    struct bus_arena arena;
    struct bus_buf body;
    struct answer answer = {.header = NULL};
    bus_arena_init(&arena, ARENA_MAX);
    bus_buf_init(&body, BODY_MAX);
    bus_buf_printf(&body, "{\"TTL\":\"%" PRId64 "\"}", ttl_s);
    int code = ask(etcd, "lease/grant", &body, &arena, &answer, err);
    if (!code && !number(answer.id))
        code = bus_error_set(err, BUS_UNAVAILABLE, "etcd gave no lease");
    if (!code)
        *ret_lease = number(answer.id);
    bus_buf_release(&body);
    bus_arena_release(&arena);
    return code;
}

int registry_revoke(struct etcd *etcd, int64_t lease, struct bus_error *err)
{
    struct bus_buf body;
    bus_buf_init(&body, BODY_MAX);
    bus_buf_printf(&body, "{\"ID\":\"%" PRId64 "\"}", lease);
    int code = etcd_call(etcd, "lease/revoke", bus_buf_bytes(&body), NULL, err);
    bus_buf_release(&body);
    return code;
}

/* One line of keep-alives: without a TTL the lease is dead. */
static bool kept_read(struct bus_bytes line, int64_t *ret_lease,
                      bool *ret_alive)
{
    struct bus_arena arena;
    struct kept kept = {NULL};
    bus_arena_init(&arena, ARENA_MAX);
    bool read =
        bus_json_read(line, &kept_shape, &arena, &kept, NULL, NULL) == BUS_OK &&
        kept.result;
    if (read) {
        *ret_lease = number(kept.result->id);
        *ret_alive = number(kept.result->ttl) > 0;
    }
    bus_arena_release(&arena);
    return read;
}

/* Answers come in the order of the questions. */
static int kept_all(struct bus_bytes text, int64_t *const *leases, size_t count,
                    struct bus_error *err)
{
    size_t i = 0;
    const uint8_t *end = text.data + text.len;
    for (const uint8_t *at = text.data; at < end && i < count;) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *stop = newline ? newline : end;
        int64_t lease;
        bool alive;
        if (!kept_read((struct bus_bytes){at, (size_t)(stop - at)}, &lease,
                       &alive) ||
            lease != *leases[i])
            break;
        if (!alive)
            *leases[i] = 0;
        i++;
        at = stop + 1;
    }
    return i == count ? BUS_OK
                      : bus_error_set(err, BUS_UNAVAILABLE,
                                      "etcd kept %zu leases of %zu", i, count);
}

int registry_keep(struct etcd *etcd, int64_t *const *leases, size_t count,
                  struct bus_error *err)
{
    struct bus_buf body, reply;
    bus_buf_init(&body, BODY_MAX);
    bus_buf_init(&reply, ETCD_ANSWER_MAX);
    for (size_t i = 0; i < count; i++)
        bus_buf_printf(&body, "{\"ID\":\"%" PRId64 "\"}", *leases[i]);
    int code =
        etcd_call(etcd, "lease/keepalive", bus_buf_bytes(&body), &reply, err);
    if (!code)
        code = kept_all(bus_buf_bytes(&reply), leases, count, err);
    bus_buf_release(&body);
    bus_buf_release(&reply);
    return code;
}

/* ---- Names ---- */

const char *registry_address(const char *url)
{
    const char *mark = strstr(url, "://");
    return mark ? mark + 3 : url;
}

static void put_pair(struct bus_buf *buf, const char *key, const char *value,
                     int64_t lease)
{
    bus_buf_text(buf, "{\"request_put\":{");
    put_base64(buf, "key", key, strlen(key));
    bus_buf_byte(buf, ',');
    put_base64(buf, "value", value, strlen(value));
    bus_buf_printf(buf, ",\"lease\":\"%" PRId64 "\"}}", lease);
}

/* The value of our own pair. */
struct entry {
    const char *url, *key, *affinity;
    int32_t pid;
    int64_t started;
};
static const struct bus_field entry_fields[] = {
    FIELD(entry, url, "url", BUS_TEXT), FIELD(entry, key, "key", BUS_TEXT),
    FIELD(entry, affinity, "affinity", BUS_TEXT),
    FIELD(entry, pid, "pid", BUS_I32),
    FIELD(entry, started, "started", BUS_I64)};
SHAPE(entry_shape, entry, entry_fields);

static void put_name(struct bus_buf *body, const struct bus_name *name,
                     int64_t lease)
{
    char key[REGISTRY_KEY_MAX];
    struct bus_buf value;
    const struct entry entry = {name->tcp, name->key, name->affinity, name->pid,
                                name->started};
    bus_buf_init(&value, REGISTRY_VALUE_MAX);
    bus_json_write(&value, &entry_shape, &entry);
    bus_buf_byte(&value, '\0');
    snprintf(key, sizeof(key), REGISTRY_PREFIX "%s/%s/%s", name->node,
             name->actor, name->instance);
    put_pair(body, key, (const char *)value.data, lease);
    bus_buf_release(&value);
}

int registry_put(struct etcd *etcd, const struct bus_name *name, bool named,
                 int64_t lease, struct bus_error *err)
{
    char key[REGISTRY_KEY_MAX];
    struct bus_buf body;
    bus_buf_init(&body, BODY_MAX);
    bus_buf_text(&body, "{\"success\":[");
    if (named)
        put_name(&body, name, lease);
    if (name->key[0]) {
        snprintf(key, sizeof(key), "%s/%" PRId64, name->key, lease);
        bus_buf_text(&body, named ? "," : "");
        put_pair(&body, key, registry_address(name->tcp), lease);
    }
    bus_buf_text(&body, "]}");
    int code = etcd_call(etcd, "kv/txn", bus_buf_bytes(&body), NULL, err);
    bus_buf_release(&body);
    return code;
}

/* The next part of a key, up to a slash or the end. */
static bool part_take(const char **at, char *to, size_t size)
{
    size_t len = strcspn(*at, "/");
    if (len == 0 || len >= size)
        return false;
    memcpy(to, *at, len);
    to[len] = '\0';
    *at += len + ((*at)[len] == '/');
    return true;
}

bool registry_name(const struct registry_pair *pair, struct bus_name *ret)
{
    struct bus_arena arena;
    struct bus_name name = {.origin = BUS_NAME_MIRRORED};
    struct entry entry = {"", "", "", 0, 0};
    const char *at = pair->key + strlen(REGISTRY_PREFIX);
    struct bus_bytes value = {(const uint8_t *)pair->value,
                              strlen(pair->value)};
    if (strncmp(pair->key, REGISTRY_PREFIX, strlen(REGISTRY_PREFIX)) != 0 ||
        !part_take(&at, name.node, sizeof(name.node)) ||
        !part_take(&at, name.actor, sizeof(name.actor)) ||
        !part_take(&at, name.instance, BUS_REPLICA_MAX) || *at)
        return false;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bool read = bus_json_read(value, &entry_shape, &arena, &entry, NULL,
                              NULL) == BUS_OK &&
                entry.url[0] && strlen(entry.url) < sizeof(name.url) &&
                strlen(entry.key) < sizeof(name.key) &&
                strlen(entry.affinity) < sizeof(name.affinity) &&
                bus_name_valid(name.node) && bus_name_valid(name.actor) &&
                bus_name_valid(name.instance);
    if (read) {
        snprintf(name.url, sizeof(name.url), "%s", entry.url);
        snprintf(name.events, sizeof(name.events), "%s", entry.url);
        snprintf(name.key, sizeof(name.key), "%s", entry.key);
        snprintf(name.affinity, sizeof(name.affinity), "%s", entry.affinity);
        name.pid = entry.pid;
        name.started = entry.started;
        *ret = name;
    }
    bus_arena_release(&arena);
    return read;
}
