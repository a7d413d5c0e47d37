/* SPDX-License-Identifier: MIT
 *
 * Scripted answers. Each is kept as the bytes that would travel and unpacked
 * into the caller's struct when its turn comes; requests are kept the same way,
 * and unpacked when the test asks for them. All of it lives in the fake's arena
 * until the fake goes.
 */
#include "bus/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/call.h"
#include "bus/frame.h"
#include "bus/pack.h"

#define ARENA_MAX ((size_t)256 << 20) /* of a whole test */
#define CALL_ARENA_MAX ((size_t)64 << 20)
#define FIRST_NOW BUS_SECOND
#define FIRST_WALL INT64_C(1767225600000000) /* 2026-01-01, us */

/* Of a method; its texts outlive the fake, it need not. */
struct name {
    const char *actor, *method;
};

struct answer {
    struct answer *next;
    struct name name;
    struct bus_fake_answer says;
    struct bus_bytes body; /* len 0: none */
};

struct asked {
    struct asked *next;
    struct name name;
    const void *request; /* NULL: none */
};

struct bus_fake {
    struct bus_arena arena;
    struct bus_arena call_arena;
    struct bus_clock clock;
    int64_t now;
    struct bus_call call;
    struct answer *answers;
    struct answer **last_answer;
    struct asked *asked;
    struct asked **last_asked;
};

static void must(const void *memory, const char *what)
{
    if (memory)
        return;
    fprintf(stderr, "fake: %s\n", what);
    abort();
}

static void *take(struct bus_fake *fake, size_t size)
{
    void *memory = bus_arena_alloc(&fake->arena, size);
    must(memory, "no memory");
    return memory;
}

static int64_t clock_now(void *arg)
{
    const struct bus_fake *fake = arg;
    return fake->now;
}

static int64_t clock_wall(void *arg)
{
    const struct bus_fake *fake = arg;
    return FIRST_WALL + (fake->now - FIRST_NOW) / 1000;
}

struct bus_fake *bus_fake_new(void)
{
    struct bus_fake *fake = calloc(1, sizeof(*fake));
    must(fake, "no memory");
    bus_arena_init(&fake->arena, ARENA_MAX);
    bus_arena_init(&fake->call_arena, CALL_ARENA_MAX);
    fake->clock = (struct bus_clock){clock_now, clock_wall, fake};
    fake->now = FIRST_NOW;
    fake->last_answer = &fake->answers;
    fake->last_asked = &fake->asked;
    return fake;
}

void bus_fake_free(struct bus_fake *fake)
{
    if (!fake)
        return;
    bus_buf_release(&fake->call.headers);
    bus_arena_release(&fake->call_arena);
    bus_arena_release(&fake->arena);
    free(fake);
}

struct bus_call *bus_fake_call(struct bus_fake *fake)
{
    bus_buf_release(&fake->call.headers);
    bus_arena_reset(&fake->call_arena);
    fake->call = (struct bus_call){
        .arena = &fake->call_arena,
        .clock = &fake->clock,
        .deadline = fake->now + BUS_CALL_TIMEOUT_MS * BUS_MILLI,
        .fake = fake,
    };
    bus_buf_init(&fake->call.headers, BUS_TEXT_MAX);
    bus_trace_new(&fake->call.meta.trace);
    return &fake->call;
}

int64_t bus_fake_now(const struct bus_fake *fake)
{
    return fake->now;
}

static struct name name_of(const struct bus_method *method)
{
    return (struct name){method->actor, method->name};
}

static bool names(const struct name *name, const struct bus_method *method)
{
    return !strcmp(name->actor, method->actor) &&
           !strcmp(name->method, method->name);
}

/* A message as it would travel, in an arena; len 0 if it cannot. */
static struct bus_bytes travel(struct bus_arena *arena,
                               const struct bus_shape *shape,
                               const void *message)
{
    struct bus_buf buf;
    struct bus_bytes bytes = {NULL, 0};
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_pack_message(&buf, shape, message);
    if (!buf.failed)
        bytes = bus_buf_bytes(&buf);
    void *copy = bytes.len ? bus_arena_alloc(arena, bytes.len) : NULL;
    if (copy)
        memcpy(copy, bytes.data, bytes.len);
    bytes = (struct bus_bytes){copy, copy ? bytes.len : 0};
    bus_buf_release(&buf);
    return bytes;
}

static const char *keep_text(struct bus_fake *fake, const char *text)
{
    char *copy = bus_arena_text(&fake->arena, text ? text : "");
    must(copy, "no memory");
    return copy;
}

void bus_fake_script(struct bus_fake *fake, const struct bus_method *method,
                     const struct bus_fake_answer *answer, const void *reply)
{
    struct answer *made = take(fake, sizeof(*made));
    if (answer)
        made->says = *answer;
    made->name = name_of(method);
    made->says.reason = keep_text(fake, made->says.reason);
    made->says.sentence = keep_text(fake, made->says.sentence);
    if (made->says.times == 0)
        made->says.times = 1;
    if (method->reply && reply) {
        made->body = travel(&fake->arena, method->reply, reply);
        must(made->body.data, "the reply's shape cannot carry it");
    }
    *fake->last_answer = made;
    fake->last_answer = &made->next;
}

const void *bus_fake_asked(struct bus_fake *fake,
                           const struct bus_method *method, size_t index)
{
    for (const struct asked *at = fake->asked; at; at = at->next)
        if (names(&at->name, method) && index-- == 0)
            return at->request;
    return NULL;
}

size_t bus_fake_calls(const struct bus_fake *fake,
                      const struct bus_method *method)
{
    size_t count = 0;
    for (const struct asked *at = fake->asked; at; at = at->next)
        count += names(&at->name, method);
    return count;
}

size_t bus_fake_left(const struct bus_fake *fake)
{
    size_t count = 0;
    for (const struct answer *at = fake->answers; at; at = at->next)
        count += at->says.times;
    return count;
}

/* Notes the call as its callee would see it; refused as there. */
static int note(struct bus_call *call, const struct bus_method *method,
                const void *request)
{
    struct bus_fake *fake = call->fake;
    struct asked *made = take(fake, sizeof(*made));
    made->name = name_of(method);
    if (method->request && request) {
        struct bus_bytes bytes = travel(&fake->arena, method->request, request);
        void *copy = take(fake, method->request->size);
        int code = bus_unpack_message(bytes, method->request, &fake->arena,
                                      copy, &call->error);
        if (code)
            return code;
        made->request = copy;
    }
    *fake->last_asked = made;
    fake->last_asked = &made->next;
    return BUS_OK;
}

/* Time passes; false: the caller's deadline came first. */
static bool pass_time(struct bus_call *call, int64_t delay_ms)
{
    struct bus_fake *fake = call->fake;
    int64_t then = fake->now + delay_ms * BUS_MILLI;
    bool in_time = then < call->deadline;
    if (in_time)
        fake->now = then;
    else if (call->deadline > fake->now)
        fake->now = call->deadline;
    return in_time;
}

int bus_fake_take(struct bus_call *call, const struct bus_method *method,
                  const void *request, void *reply)
{
    struct answer *at = call->fake->answers;
    int code = note(call, method, request);
    if (code)
        return code;
    while (at && (!names(&at->name, method) || !at->says.times))
        at = at->next;
    if (!at)
        return bus_error_reason(&call->error, BUS_UNIMPLEMENTED, "not_scripted",
                                "%s.%s: nothing is scripted", method->actor,
                                method->name);
    at->says.times--;
    if (!pass_time(call, at->says.delay_ms))
        return bus_error_set(&call->error, BUS_DEADLINE_EXCEEDED,
                             "%s: no answer in time", method->actor);
    if (at->says.code) {
        bus_error_reason(&call->error, at->says.code, at->says.reason, "%s",
                         at->says.sentence);
        call->error.business = at->says.business;
        return at->says.code;
    }
    if (!at->body.len || !reply)
        return BUS_OK;
    return bus_unpack_message(at->body, method->reply, call->arena, reply,
                              &call->error);
}
