/* SPDX-License-Identifier: MIT
 *
 * Live events. A server publishes at its own address; a message is the topic,
 * a NUL and a msgpack array (bus/WIRE.md). A subscription follows every name
 * that publishes with an ear each, hears all that it says, counts the gaps in
 * its numbers and hands what matches to one thread of its own: nng's must not
 * wait for a slow listener. When an ear joins, the publisher says "$here" with
 * its last number, so that the counting begins before the first event.
 */
#include "bus/event.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/event_internal.h"
#include "bus/frame.h"
#include "bus/peer.h"

#define HERE "$here"
#define HEARD_MAX 65536 /* events waiting for a slow listener */
#define EVENT_BYTES_MAX (BUS_FRAME_BYTES_MAX / 2)

/* ---- Publishing ---- */

struct event_source {
    pthread_mutex_t lock; /* keeps numbers in the order of sending */
    uint64_t sequence;
};

static void pack_trace(struct bus_buf *buf, const struct bus_trace *trace)
{
    uint8_t bytes[25];
    if (!trace || !bus_trace_some(trace)) {
        bus_pack_nil(buf);
        return;
    }
    memcpy(bytes, trace->id, 16);
    memcpy(bytes + 16, trace->span, 8);
    bytes[24] = trace->flags;
    bus_pack_bin(buf, bytes, sizeof(bytes));
}

static void say(struct bus_server *server, const char *topic,
                const struct bus_trace *trace, struct bus_bytes body)
{
    struct bus_buf buf;
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_buf_add(&buf, topic, strlen(topic) + 1);
    bus_buf_byte(&buf, BUS_FRAME_VERSION);
    bus_pack_array(&buf, 6);
    bus_pack_uint(&buf, server->source->sequence);
    bus_pack_int(&buf, bus_wall(server->bus->clock));
    bus_pack_text(&buf, server->name.actor);
    bus_pack_text(&buf, server->name.instance);
    pack_trace(&buf, trace);
    bus_pack_bin(&buf, body.data, body.len);
    assert(!buf.failed);
    server->radio->carrier->radio_send(server->radio, bus_buf_bytes(&buf));
    bus_buf_release(&buf);
}

static void source_joined(void *arg)
{
    static const struct bus_bytes nothing = {NULL, 0};
    struct bus_server *server = arg;
    pthread_mutex_lock(&server->source->lock);
    if (server->radio)
        say(server, HERE, NULL, nothing);
    pthread_mutex_unlock(&server->source->lock);
}

int event_source_open(struct bus_server *server, struct bus_error *err)
{
    struct link_net *net = server->bus->net;
    server->source = calloc(1, sizeof(*server->source));
    if (!server->source)
        abort();
    pthread_mutex_init(&server->source->lock, NULL);
    struct link_listen_events listen = {server->name.events, source_joined,
                                        server};
    return net->carrier->radio_open(net, &listen, &server->radio, err);
}

void event_source_close(struct bus_server *server)
{
    if (!server->source)
        return;
    pthread_mutex_lock(&server->source->lock);
    struct link_radio *radio = server->radio;
    server->radio = NULL;
    pthread_mutex_unlock(&server->source->lock);
    if (radio)
        radio->carrier->radio_close(radio);
    pthread_mutex_destroy(&server->source->lock);
    free(server->source);
    server->source = NULL;
}

int bus_server_event(struct bus_server *server, const char *topic,
                     struct bus_bytes body, const struct bus_trace *trace)
{
    if (!bus_topic_valid(topic) || body.len > EVENT_BYTES_MAX)
        return BUS_INVALID_ARGUMENT;
    pthread_mutex_lock(&server->source->lock);
    server->source->sequence++;
    say(server, topic, trace, body);
    pthread_mutex_unlock(&server->source->lock);
    bus_settle(server->bus);
    return BUS_OK;
}

static int publish_refused(struct bus_call *call, int code, const char *what)
{
    return bus_error_set(&call->error, code, "%s", what);
}

int bus_publish(struct bus_call *call, const char *topic,
                const struct bus_shape *shape, const void *message)
{
    size_t count = 0;
    struct bus_outbox **last = &call->outbox;
    for (; *last; last = &(*last)->next)
        count++;
    if (!bus_topic_valid(topic))
        return publish_refused(call, BUS_INVALID_ARGUMENT, "not a topic");
    if (count >= BUS_OUTBOX_MAX)
        return publish_refused(call, BUS_RESOURCE_EXHAUSTED,
                               "too many events in one call");
    struct bus_buf buf;
    bus_buf_init(&buf, EVENT_BYTES_MAX);
    if (shape)
        bus_pack_message(&buf, shape, message);
    struct bus_outbox *event = bus_arena_alloc(call->arena, sizeof(*event));
    char *name = bus_arena_text(call->arena, topic);
    char *body = bus_arena_alloc(call->arena, buf.len);
    bool fits = !buf.failed && event && name && body;
    if (fits) {
        if (buf.len)
            memcpy(body, buf.data, buf.len);
        event->topic = name;
        event->body = (struct bus_bytes){(const uint8_t *)body, buf.len};
        *last = event;
    }
    bus_buf_release(&buf);
    return fits ? BUS_OK
                : publish_refused(call, BUS_RESOURCE_EXHAUSTED,
                                  "the event is too large");
}

/* ---- Following ---- */

struct ear {
    struct ear *next;
    struct bus_subscription *sub;
    struct link_ear *link;
    struct bus_name name;
    uint64_t last; /* number of the last event heard */
    bool counting; /* last is known */
    bool here;     /* said to be connected */
    bool named;    /* while comparing with the names */
};

struct heard {
    struct heard *next;
    struct bus_event event;
    char actor[BUS_NAME_MAX];
    char instance[BUS_INSTANCE_MAX];
    char topic[BUS_TOPIC_MAX];
    uint8_t body[];
};

struct bus_subscription {
    struct bus_subscription *next; /* of the bus */
    struct bus *bus;
    char pattern[BUS_TOPIC_MAX];
    bus_heard *heard;
    void *arg;
    atomic_uint refs; /* the owner, every ear */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct ear *ears;
    struct heard *first, **last;
    size_t waiting;
    bool stop;
};

static void sub_unref(struct bus_subscription *sub)
{
    if (atomic_fetch_sub(&sub->refs, 1) != 1)
        return;
    while (sub->first) {
        struct heard *heard = sub->first;
        sub->first = heard->next;
        free(heard);
    }
    pthread_mutex_destroy(&sub->lock);
    pthread_cond_destroy(&sub->changed);
    free(sub);
}

/* One message taken apart; spans point into it. */
struct message {
    const char *topic;
    uint64_t sequence;
    int64_t time;
    struct bus_bytes actor, instance, body;
    struct bus_trace trace;
};

static bool message_trace(struct bus_unpack *in, struct bus_trace *ret)
{
    struct bus_bytes bytes;
    if (bus_unpack_nil(in))
        return true;
    if (!bus_unpack_bin(in, &bytes) || bytes.len != 25)
        return false;
    memcpy(ret->id, bytes.data, 16);
    memcpy(ret->span, bytes.data + 16, 8);
    ret->flags = bytes.data[24];
    return true;
}

static bool message_read(struct bus_bytes bytes, struct message *ret)
{
    const uint8_t *end = bytes.len ? memchr(bytes.data, '\0', bytes.len) : NULL;
    size_t topic = end ? (size_t)(end - bytes.data) + 1 : 0;
    uint32_t count;
    if (!end || topic > BUS_TOPIC_MAX || topic == bytes.len ||
        bytes.data[topic] != BUS_FRAME_VERSION)
        return false;
    *ret = (struct message){.topic = (const char *)bytes.data};
    struct bus_bytes rest = {bytes.data + topic + 1, bytes.len - topic - 1};
    struct bus_unpack in = bus_unpack_open(rest);
    return bus_unpack_array(&in, &count) && count >= 6 &&
           bus_unpack_uint(&in, &ret->sequence) &&
           bus_unpack_int(&in, &ret->time) &&
           bus_unpack_text(&in, &ret->actor) &&
           bus_unpack_text(&in, &ret->instance) &&
           ret->actor.len < BUS_NAME_MAX &&
           ret->instance.len < BUS_INSTANCE_MAX &&
           message_trace(&in, &ret->trace) && bus_unpack_bin(&in, &ret->body);
}

static struct heard *heard_new(const struct message *message, uint64_t lost)
{
    struct heard *heard = calloc(1, sizeof(*heard) + message->body.len);
    if (!heard)
        abort();
    memcpy(heard->actor, message->actor.data, message->actor.len);
    memcpy(heard->instance, message->instance.data, message->instance.len);
    memcpy(heard->topic, message->topic, strlen(message->topic));
    if (message->body.len)
        memcpy(heard->body, message->body.data, message->body.len);
    heard->event = (struct bus_event){
        .topic = heard->topic,
        .actor = heard->actor,
        .instance = heard->instance,
        .sequence = message->sequence,
        .lost = lost,
        .trace = message->trace,
        .time = message->time,
        .body = {heard->body, message->body.len},
    };
    return heard;
}

/* Counts, and keeps what matches. What is kept for a listener that is too slow
 * is bounded: the rest is lost, and counted before the next one kept. */
static void ear_note(struct ear *ear, const struct message *message)
{
    struct bus_subscription *sub = ear->sub;
    if (strcmp(message->topic, HERE) == 0) {
        ear->here = true;
        if (!ear->counting)
            ear->last = message->sequence;
        ear->counting = true;
        pthread_cond_broadcast(&sub->changed);
        return;
    }
    uint64_t lost = 0;
    if (ear->counting && message->sequence > ear->last)
        lost = message->sequence - ear->last - 1;
    bool match = bus_topic_match(sub->pattern, message->topic);
    if (match && sub->waiting >= HEARD_MAX)
        return; /* last stays: a gap */
    if (!match && lost)
        return; /* the gap is told with the next that matches */
    ear->last = message->sequence;
    ear->counting = true;
    if (!match)
        return;
    *sub->last = heard_new(message, lost);
    sub->last = &(*sub->last)->next;
    sub->waiting++;
    pthread_cond_broadcast(&sub->changed);
}

/* Hands out what waits; the lock is held, and let go meanwhile. */
static void sub_hand(struct bus_subscription *sub)
{
    struct heard *heard;
    while (!sub->stop && (heard = sub->first)) {
        sub->first = heard->next;
        if (!sub->first)
            sub->last = &sub->first;
        sub->waiting--;
        pthread_mutex_unlock(&sub->lock);
        sub->heard(sub->arg, &heard->event);
        free(heard);
        pthread_mutex_lock(&sub->lock);
    }
}

/* In memory there is no thread: events are heard where they are delivered. */
static void ear_heard(void *arg, struct bus_bytes bytes)
{
    struct ear *ear = arg;
    struct message message;
    if (!message_read(bytes, &message))
        return;
    pthread_mutex_lock(&ear->sub->lock);
    ear_note(ear, &message);
    if (ear->sub->bus->memory)
        sub_hand(ear->sub);
    pthread_mutex_unlock(&ear->sub->lock);
}

static void ear_up(void *arg)
{
    (void)arg; /* "$here" says more: that the publisher sees us */
}

static void ear_down(void *arg)
{
    struct ear *ear = arg;
    pthread_mutex_lock(&ear->sub->lock);
    ear->here = false;
    pthread_mutex_unlock(&ear->sub->lock);
}

static void ear_gone(void *arg)
{
    struct ear *ear = arg;
    sub_unref(ear->sub);
    free(ear);
}

static const struct link_ear_owner ear_owner = {
    .up = ear_up,
    .down = ear_down,
    .heard = ear_heard,
    .gone = ear_gone,
};

static void *sub_run(void *arg)
{
    struct bus_subscription *sub = arg;
    pthread_mutex_lock(&sub->lock);
    while (!sub->stop) {
        sub_hand(sub);
        if (!sub->stop)
            pthread_cond_wait(&sub->changed, &sub->lock);
    }
    pthread_mutex_unlock(&sub->lock);
    return NULL;
}

/* Every publisher that is named, in a list the caller frees. */
static struct bus_name *publishers(struct bus *bus, size_t *ret_count)
{
    size_t cap = bus_names_list(bus->names, NULL, NULL, 0) + 16;
    struct bus_name *names = malloc(cap * sizeof(*names));
    if (!names)
        abort();
    size_t count = bus_names_list(bus->names, NULL, names, cap);
    *ret_count = count < cap ? count : cap;
    return names;
}

static struct ear *ear_find(struct bus_subscription *sub,
                            const struct bus_name *name)
{
    struct ear *ear = sub->ears;
    while (ear && strcmp(ear->name.events, name->events) != 0)
        ear = ear->next;
    return ear;
}

static void ear_add(struct bus_subscription *sub, const struct bus_name *name)
{
    struct link_net *net = sub->bus->net;
    struct ear *ear = calloc(1, sizeof(*ear));
    if (!ear)
        abort();
    ear->sub = sub;
    ear->name = *name;
    ear->named = true;
    atomic_fetch_add(&sub->refs, 1);
    struct link_follow follow = {name->events, &ear_owner, ear};
    struct bus_error err;
    if (net->carrier->ear_open(net, &follow, &ear->link, &err) != BUS_OK) {
        ear_gone(ear);
        return;
    }
    pthread_mutex_lock(&sub->lock);
    ear->next = sub->ears;
    sub->ears = ear;
    pthread_mutex_unlock(&sub->lock);
}

static struct ear *ears_unnamed(struct bus_subscription *sub)
{
    struct ear *gone = NULL;
    struct ear **at = &sub->ears;
    while (*at) {
        struct ear *ear = *at;
        if (ear->named) {
            at = &ear->next;
            continue;
        }
        *at = ear->next;
        ear->next = gone;
        gone = ear;
    }
    return gone;
}

static void ears_close(struct ear *list)
{
    while (list) {
        struct ear *ear = list;
        list = ear->next;
        ear->link->carrier->ear_close(ear->link);
    }
}

/* Only the names' thread and, before the first look, the subscriber come here:
 * under the bus's event lock. */
static void sub_sync(struct bus_subscription *sub)
{
    size_t count;
    struct bus_name *names = publishers(sub->bus, &count);
    pthread_mutex_lock(&sub->lock);
    for (struct ear *ear = sub->ears; ear; ear = ear->next)
        ear->named = false;
    pthread_mutex_unlock(&sub->lock);
    for (size_t i = 0; i < count; i++) {
        if (!names[i].events[0])
            continue;
        struct ear *ear = ear_find(sub, &names[i]);
        if (ear)
            ear->named = true;
        else
            ear_add(sub, &names[i]);
    }
    free(names);
    pthread_mutex_lock(&sub->lock);
    struct ear *gone = ears_unnamed(sub);
    pthread_cond_broadcast(&sub->changed);
    pthread_mutex_unlock(&sub->lock);
    ears_close(gone);
}

void events_sync(struct bus *bus)
{
    pthread_mutex_lock(&bus->event_lock);
    for (struct bus_subscription *s = bus->subscriptions; s; s = s->next)
        sub_sync(s);
    pthread_mutex_unlock(&bus->event_lock);
}

int bus_subscribe(struct bus *bus, const char *pattern, bus_heard *heard,
                  void *arg, struct bus_subscription **ret,
                  struct bus_error *err)
{
    if (!bus_pattern_valid(pattern))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "not a topic pattern: \"%.128s\"", pattern);
    struct bus_subscription *sub = calloc(1, sizeof(*sub));
    if (!sub)
        abort();
    sub->bus = bus;
    memcpy(sub->pattern, pattern, strlen(pattern));
    sub->heard = heard;
    sub->arg = arg;
    sub->last = &sub->first;
    atomic_init(&sub->refs, 1);
    pthread_mutex_init(&sub->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&sub->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (!bus->memory && pthread_create(&sub->thread, NULL, sub_run, sub))
        abort();
    pthread_mutex_lock(&bus->event_lock);
    sub->next = bus->subscriptions;
    bus->subscriptions = sub;
    sub_sync(sub);
    pthread_mutex_unlock(&bus->event_lock);
    bus_settle(bus);
    *ret = sub;
    return BUS_OK;
}

static bool all_here(struct bus_subscription *sub)
{
    for (struct ear *ear = sub->ears; ear; ear = ear->next)
        if (!ear->here)
            return false;
    return true;
}

bool bus_subscription_ready(struct bus_subscription *sub, int timeout_ms)
{
    struct timespec until;
    bus_names_refresh(sub->bus->names);
    events_sync(sub->bus);
    bus_settle(sub->bus);
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (int64_t)timeout_ms * BUS_MILLI;
    until.tv_sec += ns / BUS_SECOND;
    until.tv_nsec = ns % BUS_SECOND;
    pthread_mutex_lock(&sub->lock);
    int rc = 0;
    while (!all_here(sub) && rc == 0)
        rc = pthread_cond_timedwait(&sub->changed, &sub->lock, &until);
    bool ready = all_here(sub);
    pthread_mutex_unlock(&sub->lock);
    return ready;
}

void bus_unsubscribe(struct bus_subscription *sub)
{
    if (!sub)
        return;
    struct bus *bus = sub->bus;
    pthread_mutex_lock(&bus->event_lock);
    struct bus_subscription **at = &bus->subscriptions;
    while (*at && *at != sub)
        at = &(*at)->next;
    if (*at)
        *at = sub->next;
    pthread_mutex_unlock(&bus->event_lock);
    pthread_mutex_lock(&sub->lock);
    struct ear *ears = sub->ears;
    sub->ears = NULL;
    sub->stop = true;
    pthread_cond_broadcast(&sub->changed);
    pthread_mutex_unlock(&sub->lock);
    if (!bus->memory)
        pthread_join(sub->thread, NULL);
    ears_close(ears); /* what they still hear goes with the last of them */
    bus_settle(bus);
    sub_unref(sub);
}
