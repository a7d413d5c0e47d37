/* SPDX-License-Identifier: MIT
 *
 * Calls into the fixture's world as a client makes them: JSON is decoded and
 * printed by the shapes of the method, as the edge does it.
 */
#include "actors/runtime/fixture_world.h"

#include <string.h>

#include "bus/json.h"
#include "bus/pack.h"

static void caller_prepare(struct fixture *fixture)
{
    struct bus_call *caller = &fixture->caller;
    bus_arena_reset(&fixture->arena);
    caller->error = (struct bus_error){0};
    bus_trace_new(&caller->meta.trace);
}

/* The deadline of this call; one that the test set stays. */
static int64_t caller_deadline(const struct fixture *fixture)
{
    return fixture->caller.deadline
               ? fixture->caller.deadline
               : fixture_now(fixture) + BUS_CALL_TIMEOUT_MS * BUS_MILLI;
}

/* Unlike bus_call, which a handler makes, a saga mark and a key go with it. */
static int typed(struct fixture *fixture, const struct bus_method *method,
                 const void *request, void *reply)
{
    struct bus_call *caller = &fixture->caller;
    struct bus_buf body;
    struct bus_reply answer;
    bus_buf_init(&body, FIXTURE_JSON_MAX);
    if (method->request)
        bus_pack_message(&body, method->request, request);
    const struct bus_request wire = {.target = method->actor,
                                     .method = method->name,
                                     .deadline = caller_deadline(fixture),
                                     .meta = caller->meta,
                                     .flags = method->flags,
                                     .body = bus_buf_bytes(&body)};
    int code = bus_wait(fixture->bus, &wire, &fixture->arena, &answer);
    caller->error = answer.error;
    if (!code && method->reply && answer.body.len > 0)
        code = bus_unpack_message(answer.body, method->reply, &fixture->arena,
                                  reply, &caller->error);
    fixture->error = caller->error;
    bus_buf_release(&body);
    fixture_settle(fixture);
    return code;
}

int fixture_call_typed(struct fixture *fixture, const struct bus_method *method,
                       const void *request, void *reply)
{
    caller_prepare(fixture);
    return typed(fixture, method, request, reply);
}

static const struct bus_method *method_find(const struct fixture *fixture,
                                            const char *text)
{
    const char *dot = strrchr(text, '.');
    for (struct part *part = fixture->parts; dot && part; part = part->next) {
        const struct actor_type *type = part->type;
        if (strlen(type->name) != (size_t)(dot - text) ||
            strncmp(type->name, text, (size_t)(dot - text)) != 0)
            continue;
        for (size_t i = 0; i < type->count; i++)
            if (!strcmp(type->methods[i].method->name, dot + 1))
                return type->methods[i].method;
    }
    return NULL;
}

/* A zeroed struct with what the JSON holds and, for the rest, the defaults. */
static int json_read(struct fixture *fixture, const struct bus_shape *shape,
                     const char *json, void **ret)
{
    const char *text = json ? json : "{}";
    const struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    void *message = bus_arena_alloc(&fixture->arena, shape->size);
    if (!message)
        fixture_fail(shape->name, "is too large");
    *ret = message;
    return bus_json_read(bytes, shape, &fixture->arena, message, NULL,
                         &fixture->error);
}

static const char *json_write(struct fixture *fixture,
                              const struct bus_shape *shape,
                              const void *message)
{
    struct bus_buf buf;
    bus_buf_init(&buf, FIXTURE_JSON_MAX);
    bus_json_write(&buf, shape, message);
    const char *text = buf.failed
                           ? NULL
                           : bus_arena_text_n(&fixture->arena,
                                              (const char *)buf.data, buf.len);
    bus_buf_release(&buf);
    if (!text)
        fixture_fail(shape->name, "is too large");
    return text;
}

int fixture_call(struct fixture *fixture, const char *method, const char *json,
                 const char **ret_json)
{
    const struct bus_method *found = method_find(fixture, method);
    void *request = NULL, *reply = NULL;
    if (!found)
        fixture_fail(method, "no actor that was started has this method");
    caller_prepare(fixture);
    if (ret_json)
        *ret_json = "";
    if (found->request) {
        int code = json_read(fixture, found->request, json, &request);
        if (code)
            return code;
    }
    if (found->reply)
        reply = bus_arena_alloc(&fixture->arena, found->reply->size);
    int code = typed(fixture, found, request, reply);
    if (!code && ret_json && found->reply)
        *ret_json = json_write(fixture, found->reply, reply);
    return code;
}

const struct bus_error *fixture_error(const struct fixture *fixture)
{
    return &fixture->error;
}

struct bus_call *fixture_caller(struct fixture *fixture)
{
    return &fixture->caller;
}
