/* SPDX-License-Identifier: MIT
 *
 * Calls from inside a handler: what of the call they are made for goes along
 * (deadline, trace, claims, depth) and what does not (its idempotency key, its
 * place in a saga).
 */
#include "bus/outgoing.h"

#include <string.h>

#include "bus/fake.h"
#include "bus/frame.h"

static int pack(struct bus_call *call, const struct bus_method *method,
                const void *request, struct bus_bytes *ret)
{
    *ret = (struct bus_bytes){NULL, 0};
    if (!method->request || !request)
        return BUS_OK;
    struct bus_buf buf;
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_pack_message(&buf, method->request, request);
    void *copy = buf.failed ? NULL : bus_arena_alloc(call->arena, buf.len);
    if (copy) {
        memcpy(copy, buf.data, buf.len);
        *ret = (struct bus_bytes){copy, buf.len};
    }
    bus_buf_release(&buf);
    return copy ? BUS_OK
                : bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                                "the request does not fit a frame");
}

int outgoing_make(struct bus_call *call, const char *target,
                  const struct bus_method *method, const void *request,
                  struct bus_request *ret)
{
    if (call->locked)
        return bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                             "a call inside an open transaction");
    *ret = (struct bus_request){
        .target = target ? target : method->actor,
        .method = method->name,
        .deadline = call->deadline,
        .meta = call->meta,
        .flags = method->flags,
    };
    ret->meta.depth++;
    ret->meta.key = NULL; /* the key and the saga mean this call, not those */
    ret->meta.saga = (struct bus_saga_mark){0}; /* that it makes */
    if (bus_trace_some(&call->meta.trace))
        bus_trace_child(&call->meta.trace, &ret->meta.trace);
    return pack(call, method, request, &ret->body);
}

int outgoing_answer(struct bus_call *call, const struct bus_method *method,
                    struct bus_bytes body, void *reply, struct bus_error *err)
{
    struct bus_error wrong;
    if (!method->reply || !reply || body.len == 0 ||
        bus_unpack_message(body, method->reply, call->arena, reply, &wrong) ==
            BUS_OK)
        return BUS_OK;
    return bus_error_set(err, BUS_INTERNAL,
                         "%s.%s answered what its schema does not say: %s",
                         method->actor, method->name, wrong.sentence);
}

int bus_call(struct bus_call *call, const char *target,
             const struct bus_method *method, const void *request, void *reply)
{
    struct bus_request sent;
    if (call->fake && !call->locked)
        return bus_fake_take(call, method, request, reply);
    int code = outgoing_make(call, target, method, request, &sent);
    if (code != BUS_OK)
        return code;
    struct bus_reply got;
    bus_wait(call->bus, &sent, call->arena, &got);
    if (got.error.code != BUS_OK)
        call->error = got.error;
    return got.error.code
               ? got.error.code
               : outgoing_answer(call, method, got.body, reply, &call->error);
}
