/* SPDX-License-Identifier: MIT
 *
 * Requests for a transaction that is another orchestrator's. A client talks to
 * any of them; the owner alone may change what is its own, so it is asked over
 * the bus and its answer handed on, byte by byte. A request is handed on once:
 * whoever it reaches and does not have the transaction either says so.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm_work.h"
#include "bus/code.h"
#include "bus/pack.h"

#define FIELD(type, member, kind_)                                             \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE   \
    }
static const struct bus_field forward_fields[] = {
    FIELD(dtm_forward, method, BUS_TEXT),
    FIELD(dtm_forward, path, BUS_TEXT),
    FIELD(dtm_forward, query, BUS_BYTES),
    FIELD(dtm_forward, body, BUS_BYTES),
};
const struct bus_shape dtm_forward_shape = {
    .name = "saga.DtmRequest",
    .size = sizeof(struct dtm_forward),
    .count = 4,
    .fields = forward_fields,
};
static const struct bus_field forwarded_fields[] = {
    FIELD(dtm_forwarded, status, BUS_I32),
    FIELD(dtm_forwarded, type, BUS_TEXT),
    FIELD(dtm_forwarded, body, BUS_BYTES),
};
const struct bus_shape dtm_forwarded_shape = {
    .name = "saga.DtmReply",
    .size = sizeof(struct dtm_forwarded),
    .count = 3,
    .fields = forwarded_fields,
};

static struct bus_bytes keep(struct bus_arena *arena, struct bus_bytes from)
{
    if (from.len == 0)
        return (struct bus_bytes){0};
    return (struct bus_bytes){(const uint8_t *)bus_arena_text_n(
                                  arena, (const char *)from.data, from.len),
                              from.len};
}

void dtm_forward_keep(struct dtm_work *work, const struct dtm_ask *ask)
{
    struct bus_arena *arena = &work->arena;
    if (!work->dtm->orch->world.shared || !work->dtm->orch->world.forward ||
        ask->forwarded)
        return;
    work->ask = (struct dtm_forward){
        .method = bus_arena_text_n(arena, (const char *)ask->method.data,
                                   ask->method.len),
        .path = bus_arena_text(arena, ask->path),
        .query = keep(arena, ask->query),
        .body = keep(arena, ask->body),
    };
}

bool dtm_forward(struct dtm_work *work, const char *address)
{
    const struct orchestrator_world *world = &work->dtm->orch->world;
    struct dtm_asker *asker;
    struct bus_buf request;
    if (!work->ask.method || !address || !address[0])
        return false;
    bus_buf_init(&request, DTM_ARENA_MAX);
    bus_pack_message(&request, &dtm_forward_shape, &work->ask);
    asker = dtm_take_asker(work);
    const struct saga_forward forward = {.asker = asker->asker,
                                         .http = true,
                                         .target = address,
                                         .method = "dtm",
                                         .body = bus_buf_bytes(&request)};
    world->forward(world->arg, &forward);
    bus_buf_release(&request);
    free(asker);
    return true;
}

void dtm_forward_serve(struct dtm *dtm,
                       const struct orchestrator_request *request)
{
    struct dtm_forward from = {0};
    struct bus_error error = {0};
    struct bus_arena arena;
    bus_arena_init(&arena, DTM_ARENA_MAX);
    if (bus_unpack_message(request->body, &dtm_forward_shape, &arena, &from,
                           &error)) {
        answer_error(dtm->orch, request->asker, &error);
    } else {
        const struct dtm_ask ask = {
            .method = {(const uint8_t *)from.method, strlen(from.method)},
            .path = from.path,
            .query = from.query,
            .body = from.body,
            .asker = request->asker,
            .forwarded = true,
        };
        dtm_serve(dtm, &ask);
    }
    bus_arena_release(&arena);
}

void dtm_send(struct dtm *dtm, struct dtm_asker *asker, int status,
              const char *type, struct bus_bytes body)
{
    const struct orchestrator_world *world = &dtm->orch->world;
    const struct dtm_forwarded made = {status, type, body};
    struct bus_buf buf;
    if (!asker->bus) {
        if (world->http)
            world->http(world->arg, asker->asker, status, type, body);
    } else {
        bus_buf_init(&buf, DTM_ANSWER_MAX + DTM_ARENA_MAX);
        bus_pack_message(&buf, &dtm_forwarded_shape, &made);
        answer_body(dtm->orch, asker->asker, &buf);
        bus_buf_release(&buf);
    }
    free(asker);
}
