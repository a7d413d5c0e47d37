/* SPDX-License-Identifier: MIT
 *
 * A world for one worker: the wire and the store that it talks to, defined
 * here in place of the libraries' own, record what they are told and answer
 * what a test scripts. One clock that only moves when told. Included by one
 * source file a program.
 */
#ifndef TEST_FAKE_H
#define TEST_FAKE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/events/events.h"
#include "actors/runtime/replies.h"
#include "actors/runtime/runtime.h"
#include "actors/runtime/worker.h"
#include "actors/schedule/schedule.h"
#include "actors/store/store.h"
#include "bus/pack.h"
#include "tests/unit/runtime/cmocka_all.h"

#define FAKE_REPLIES_MAX 256
#define FAKE_BYTES_MAX 65536

/* One reply as it left. */
struct fake_reply {
    struct bus_error error;
    size_t len;
    uint8_t body[1024];
    size_t headers_len;
    uint8_t headers[256];
};

static struct fake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct fake_reply replies[FAKE_REPLIES_MAX];
    size_t count;
    int flushes;
    char log[FAKE_BYTES_MAX]; /* "begin;handler;end OK;..." */
    enum store_verdict verdict;
    int begin_code, commit_code;
    struct bus_bytes stored;
    struct bus_bytes kept; /* the reply that store_end was given */
    int64_t now;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .changed = PTHREAD_COND_INITIALIZER,
          .now = BUS_SECOND};

static inline int64_t fake_now(void *arg)
{
    (void)arg;
    return __atomic_load_n(&fake.now, __ATOMIC_RELAXED);
}

static inline int64_t fake_wall(void *arg)
{
    (void)arg;
    return INT64_C(1700000000000000);
}

static const struct bus_clock fake_clock = {fake_now, fake_wall, NULL};

__attribute__((format(printf, 1, 2))) static inline void
fake_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&fake.lock);
    size_t len = strlen(fake.log);
    vsnprintf(fake.log + len, sizeof(fake.log) - len, format, args);
    pthread_mutex_unlock(&fake.lock);
    va_end(args);
}

static inline void fake_reset(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.count = 0;
    fake.flushes = 0;
    fake.log[0] = '\0';
    fake.verdict = STORE_RUN;
    fake.begin_code = fake.commit_code = BUS_OK;
    fake.stored = fake.kept = (struct bus_bytes){0};
    fake.now = BUS_SECOND;
    pthread_mutex_unlock(&fake.lock);
}

/* Waits until so many replies have left. */
static inline void fake_await(size_t count)
{
    pthread_mutex_lock(&fake.lock);
    while (fake.count < count)
        pthread_cond_wait(&fake.changed, &fake.lock);
    pthread_mutex_unlock(&fake.lock);
}

/* ---- the wire ---- */

struct bus_server {
    int unused;
};

static struct bus_server fake_server;

void bus_inbound_reply(struct bus_inbound *inbound,
                       const struct bus_reply *reply)
{
    pthread_mutex_lock(&fake.lock);
    struct fake_reply *to = &fake.replies[fake.count % FAKE_REPLIES_MAX];
    to->error = reply->error;
    to->len = reply->body.len;
    to->headers_len = reply->headers.len;
    if (to->len > 0 && to->len <= sizeof(to->body))
        memcpy(to->body, reply->body.data, to->len);
    if (to->headers_len > 0 && to->headers_len <= sizeof(to->headers))
        memcpy(to->headers, reply->headers.data, to->headers_len);
    fake.count++;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
    free(inbound);
}

void bus_server_flush(struct bus_server *server)
{
    (void)server;
    pthread_mutex_lock(&fake.lock);
    fake.flushes++;
    pthread_mutex_unlock(&fake.lock);
}

int bus_server_event(struct bus_server *server, const char *topic,
                     struct bus_bytes body, const struct bus_trace *trace)
{
    (void)server;
    (void)body;
    (void)trace;
    fake_note("event %s;", topic);
    return BUS_OK;
}

void bus_server_stats(struct bus_server *server, struct bus_server_stats *ret)
{
    (void)server;
    *ret = (struct bus_server_stats){.frames_in = 7, .peers = 2};
}

/* ---- the store ---- */

struct store {
    int unused;
};

static struct store fake_store;

void events_poke(struct events *events)
{
    (void)events;
    fake_note("poke;");
}

void events_stats_pack(struct events *events, struct bus_buf *buf)
{
    (void)events;
    bus_pack_nil(buf);
}

int events_dead(struct events *events, struct bus_bytes request,
                struct bus_buf *answer, struct bus_error *err)
{
    (void)events;
    (void)request;
    (void)err;
    bus_pack_map(answer, 0);
    return BUS_OK;
}

int store_open(struct store_shared *shared, struct store **ret,
               struct bus_error *err)
{
    (void)shared;
    (void)err;
    *ret = &fake_store;
    return BUS_OK;
}

void store_close(struct store *store)
{
    (void)store;
}

int store_begin(struct bus_call *call, enum store_verdict *ret_verdict,
                struct bus_bytes *stored)
{
    fake_note("begin;");
    if (fake.begin_code)
        return bus_error_set(&call->error, fake.begin_code, "no begin");
    *ret_verdict = fake.verdict;
    *stored = fake.stored;
    return BUS_OK;
}

int store_end(struct bus_call *call, int code, struct bus_bytes reply)
{
    fake.kept = reply;
    fake_note("end %s;", bus_code_name(code));
    if (code == BUS_OK && fake.commit_code)
        return bus_error_set(&call->error, fake.commit_code, "no commit");
    return code;
}

void store_stats(struct store_shared *shared, struct store_stats *ret)
{
    (void)shared;
    *ret = (struct store_stats){.cached = true, .hits = 3, .fills = 2};
}

/* ---- the schedule: none ---- */

void schedule_poke(struct schedule *schedule)
{
    (void)schedule;
}

void schedule_stats(struct schedule *schedule, struct schedule_stats *ret)
{
    (void)schedule;
    *ret = (struct schedule_stats){0};
}

int schedule_pack(struct schedule *schedule, struct bus_buf *buf,
                  struct bus_error *err)
{
    (void)schedule;
    (void)buf;
    return bus_error_set(err, BUS_INTERNAL, "no schedule");
}

int schedule_fire(struct schedule *schedule, const char *name, int64_t *ret_due,
                  struct bus_error *err)
{
    (void)schedule;
    (void)name;
    (void)ret_due;
    return bus_error_set(err, BUS_INTERNAL, "no schedule");
}

/* ---- an actor ---- */

struct fake_note_in {
    const char *text;
    int64_t number;
};

struct fake_note_out {
    const char *text;
};

static const struct bus_rule fake_required = {.fallback = NULL};
static const struct bus_field fake_in_fields[] = {
    {.name = "text",
     .kind = BUS_TEXT,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct fake_note_in, text),
     .presence = BUS_NO_PRESENCE,
     .rule = &fake_required},
    {.name = "number",
     .kind = BUS_I64,
     .offset = offsetof(struct fake_note_in, number),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_field fake_out_fields[] = {
    {.name = "text",
     .kind = BUS_TEXT,
     .offset = offsetof(struct fake_note_out, text),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape fake_in = {"note.In", sizeof(struct fake_note_in),
                                         2, fake_in_fields};
static const struct bus_shape fake_out = {
    "note.Out", sizeof(struct fake_note_out), 1, fake_out_fields};

/* A request as the wire would hand it over: one block, freed by the reply. */
static inline struct bus_inbound *fake_inbound(const char *method,
                                               const char *text)
{
    struct bus_inbound *inbound = calloc(1, sizeof(*inbound) + 512);
    assert_non_null(inbound);
    inbound->method = method;
    inbound->received = fake_now(NULL);
    inbound->deadline = inbound->received + 10 * BUS_SECOND;
    struct bus_buf buf;
    bus_buf_init(&buf, 512);
    if (text) {
        bus_pack_map(&buf, 1);
        bus_pack_text(&buf, "text");
        bus_pack_text(&buf, text);
        memcpy(inbound + 1, buf.data, buf.len);
    }
    inbound->body = (struct bus_bytes){(const uint8_t *)(inbound + 1), buf.len};
    bus_buf_release(&buf);
    return inbound;
}

/* The text field of a reply's body. */
static inline const char *fake_text(const struct fake_reply *reply)
{
    static char text[256];
    struct bus_bytes value;
    text[0] = '\0';
    if (bus_pack_find((struct bus_bytes){reply->body, reply->len}, "text",
                      &value)) {
        struct bus_unpack in = bus_unpack_open(value);
        if (bus_unpack_text(&in, &value))
            snprintf(text, sizeof(text), "%.*s", (int)value.len,
                     (const char *)value.data);
    }
    return text;
}

/* A runtime without a wire: what runtime_new would have made. */
static struct actor_log_config fake_log = {.level = "info", .stat = false};
static struct actor_config fake_config;

static inline void fake_runtime(struct runtime *runtime,
                                const struct actor_type *type, int workers)
{
    struct bus_error err;
    fake_reset();
    *runtime = (struct runtime){.process = {.type = type,
                                            .clock = &fake_clock,
                                            .config = &fake_config,
                                            .server = &fake_server,
                                            .node = "n1",
                                            .instance = "1",
                                            .workers = workers}};
    fake_config.log = &fake_log;
    fake_config.timeout_ms = ACTOR_TIMEOUT_MS;
    bus_arena_init(&runtime->process.arena, BUS_ARENA_LIMIT);
    assert_int_equal(methods_open(&runtime->methods, type, &fake_config, NULL,
                                  &runtime->process.arena, &err),
                     BUS_OK);
    runtime->replies = replies_new(&fake_clock);
    shed_init(&runtime->shed, 0);
    mailbox_init(&runtime->mailbox, 4);
    mailbox_init(&runtime->system, 4);
    pthread_mutex_init(&runtime->opening, NULL);
    pthread_cond_init(&runtime->opened_one, NULL);
    runtime->workers = calloc((size_t)workers, sizeof(*runtime->workers));
    assert_non_null(runtime->workers);
    for (int i = 0; i < workers; i++)
        runtime->workers[i] = (struct actor_worker){runtime, .index = i};
    runtime->started = fake_now(NULL);
}

static inline void fake_runtime_free(struct runtime *runtime)
{
    replies_free(runtime->replies);
    shed_release(&runtime->shed);
    mailbox_release(&runtime->mailbox);
    mailbox_release(&runtime->system);
    pthread_cond_destroy(&runtime->opened_one);
    pthread_mutex_destroy(&runtime->opening);
    bus_arena_release(&runtime->process.arena);
    free(runtime->workers);
}

#endif
