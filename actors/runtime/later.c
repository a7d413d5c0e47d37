/* SPDX-License-Identifier: MIT
 *
 * A delayed message is a row in the handler's own transaction; the schedule
 * does the rest.
 */
#include <string.h>

#include "actors/runtime/runtime.h"
#include "actors/schedule/rows.h"
#include "actors/schedule/schedule.h"
#include "bus/pack.h"

int64_t bus_due(const struct bus_call *call)
{
    return call->due;
}

static bool can_wait(const struct bus_call *call)
{
    return call->worker && call->worker->runtime->schedule;
}

static int cannot_wait(struct bus_call *call)
{
    return bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                         "delayed messages need an actor with a store");
}

/* The request as bytes in the call's arena. */
static int pack(struct bus_call *call, const struct bus_method *method,
                const void *request, struct bus_bytes *ret)
{
    struct bus_buf buf;
    if (!method->request)
        return BUS_OK;
    bus_buf_init(&buf, ROWS_BODY_MAX);
    bus_pack_message(&buf, method->request, request);
    void *copy = buf.failed ? NULL : bus_arena_alloc(call->arena, buf.len);
    if (copy)
        memcpy(copy, buf.data, buf.len);
    *ret = (struct bus_bytes){copy, buf.len};
    bus_buf_release(&buf);
    return copy ? BUS_OK
                : bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                                "a delayed message holds %zu bytes at most",
                                ROWS_BODY_MAX);
}

/* An id that nobody else has. */
static const char *id_new(struct bus_call *call)
{
    struct bus_trace random;
    char text[BUS_TRACE_TEXT];
    bus_trace_new(&random);
    bus_trace_id_text(&random, text);
    return bus_arena_text(call->arena, text);
}

int bus_later(struct bus_call *call, const struct bus_method *method,
              int64_t delay_ms, const void *request, const char **ret_id)
{
    char trace[BUS_TRACEPARENT_TEXT];
    bool is_new = false;
    if (!can_wait(call))
        return cannot_wait(call);
    if (delay_ms < 0 || delay_ms > BUS_LATER_MS_MAX)
        return bus_error_set(&call->error, BUS_INVALID_ARGUMENT,
                             "a delay of %lld ms: expected 0 to %lld",
                             (long long)delay_ms, (long long)BUS_LATER_MS_MAX);
    const char *id = id_new(call);
    if (!id)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "the arena is full");
    struct schedule_row row = rows_new(
        call->worker->runtime->process.type->name, id,
        bus_wall(call->clock) + delay_ms * 1000, ROWS_LATER, ROWS_WAITING);
    bus_trace_text(&call->meta.trace, trace);
    row.trace = trace;
    row.target = method->actor;
    row.method = method->name;
    int code = pack(call, method, request, &row.body);
    if (!code)
        code = rows_insert(call, &row, &is_new);
    if (code)
        return code;
    call->worker->sent_later = true;
    if (ret_id)
        *ret_id = id;
    return BUS_OK;
}

int bus_cancel(struct bus_call *call, const char *id)
{
    bool cancelled = false;
    if (!can_wait(call))
        return cannot_wait(call);
    int code = rows_cancel(call, call->worker->runtime->process.type->name, id,
                           &cancelled);
    if (code || cancelled)
        return code;
    return bus_error_set(&call->error, BUS_NOT_FOUND, "no message %.64s waits",
                         id);
}
