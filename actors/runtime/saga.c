/* SPDX-License-Identifier: MIT
 *
 * Submitting a saga from a handler. The gid is made here, so that a submission
 * whose answer was lost (the orchestrator died or restarts) can be repeated
 * until the deadline: the orchestrator takes the same gid with the same content
 * once and answers each time.
 */
#include "actors/runtime/saga.h"

#include <string.h>
#include <time.h>

#include "actors/runtime/saga_pack.h"
#include "bus/fake.h"
#include "bus/pack.h"

#define ACTOR "saga"
#define SUBMIT_MAX ((size_t)4 << 20) /* bytes of a submission */
#define MARGIN_MS 100                /* kept of the deadline for the way */
#define AGAIN_NS (50 * BUS_MILLI)    /* between two submissions */

/* One submission and its repetitions. */
struct submit {
    struct bus_call *call;
    const struct saga_plan *plan;
    const void *request;
    const char *gid;
    struct bus_buf body;
    bool begun; /* or it may be: the gid means something */
};

static int64_t left_ms(const struct bus_call *call)
{
    return (call->deadline - bus_now(call->clock)) / BUS_MILLI;
}

/* What is kept of the deadline for answers on their way. */
static int64_t margin_ms(const struct bus_call *call)
{
    int64_t tenth = left_ms(call) / 10;
    if (tenth < 0)
        return 0;
    return tenth < MARGIN_MS ? tenth : MARGIN_MS;
}

/* How long the orchestrator may wait so that its answer still arrives. */
static uint32_t wait_ms(const struct bus_call *call)
{
    int64_t wait = left_ms(call) - margin_ms(call);
    if (wait < 1)
        return 1;
    return wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX;
}

static int pack(struct submit *submit, bool fresh)
{
    struct bus_buf *body = &submit->body;
    bus_buf_reset(body);
    bus_pack_map(body, 5);
    bus_pack_text(body, "gid");
    bus_pack_text(body, submit->gid);
    bus_pack_text(body, "plan");
    saga_plan_pack(body, submit->plan);
    bus_pack_text(body, "request");
    bus_pack_message(body, submit->plan->request, submit->request);
    bus_pack_text(body, "wait_ms");
    bus_pack_uint(body, wait_ms(submit->call));
    bus_pack_text(body, "fresh");
    bus_pack_bool(body, fresh);
    if (body->failed)
        return bus_error_set(&submit->call->error, BUS_RESOURCE_EXHAUSTED,
                             "the saga's request is larger than %zu bytes",
                             SUBMIT_MAX);
    return BUS_OK;
}

/* An orchestrator that says nothing is given up before our own caller gives us
 * up: the handler can still tell the gid. */
static int send(struct submit *submit, struct bus_reply *reply)
{
    struct bus_call *call = submit->call;
    struct bus_request request = {
        .target = ACTOR,
        .method = "submit",
        .deadline = call->deadline - margin_ms(call) * BUS_MILLI / 2,
        .meta = {.depth = (uint8_t)(call->meta.depth + 1),
                 .claims = call->meta.claims},
        .body = bus_buf_bytes(&submit->body),
    };
    bus_trace_child(&call->meta.trace, &request.meta.trace);
    return bus_wait(call->bus, &request, call->arena, reply);
}

static bool is_reason(const struct bus_reply *reply, const char *reason)
{
    return strcmp(reply->error.reason, reason) == 0;
}

/* True if it may have been accepted although we were not told. */
static bool may_be_there(const struct bus_reply *reply)
{
    return is_reason(reply, "outcome_unknown");
}

/* Every answer about a saga that has begun names it; without an answer nobody
 * knows. */
static bool is_begun(const struct bus_reply *reply)
{
    int code = reply->error.code;
    return code == BUS_OK || code == BUS_DEADLINE_EXCEEDED ||
           reply->detail.len > 0 || may_be_there(reply);
}

/* Once it may be there, an orchestrator that is just away comes back. */
static bool is_away(const struct bus_reply *reply)
{
    return may_be_there(reply) || is_reason(reply, "no_responder") ||
           is_reason(reply, "draining") || is_reason(reply, "journal");
}

/* On a clock that is not the system's (a test's) nothing comes back by itself
 * while we sleep. */
static bool pause_and_go_on(const struct bus_call *call)
{
    const struct timespec pause = {.tv_nsec = AGAIN_NS};
    if (call->clock != &bus_clock_system || left_ms(call) <= MARGIN_MS)
        return false;
    nanosleep(&pause, NULL);
    return true;
}

static int submit_until_told(struct submit *submit, struct bus_reply *reply)
{
    int code = pack(submit, true);
    if (code) {
        reply->error = submit->call->error;
        return code;
    }
    code = send(submit, reply);
    submit->begun = is_begun(reply);
    if (!may_be_there(reply))
        return code;
    while (is_away(reply) && pause_and_go_on(submit->call)) {
        struct bus_reply again = {0};
        code = pack(submit, false);
        if (!code)
            code = send(submit, &again);
        *reply = again;
    }
    return code;
}

static int take_reply(struct submit *submit, const struct bus_reply *from,
                      void *reply)
{
    struct bus_call *call = submit->call;
    struct bus_bytes body;
    if (!bus_pack_find(from->body, "reply", &body))
        return bus_error_set(&call->error, BUS_INTERNAL,
                             "the saga actor's answer has no reply");
    return bus_unpack_message(body, submit->plan->reply, call->arena, reply,
                              &call->error);
}

static int check(struct bus_call *call)
{
    if (call->locked)
        return bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                             "a saga cannot be submitted inside an open "
                             "transaction");
    if (call->meta.depth >= BUS_CALL_DEPTH_MAX)
        return bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                             "calls are nested deeper than %d",
                             BUS_CALL_DEPTH_MAX);
    if (left_ms(call) <= 0)
        return bus_error_set(&call->error, BUS_DEADLINE_EXCEEDED,
                             "the deadline passed before the saga began");
    return BUS_OK;
}

/* A test's script answers; a saga that it refused outright has not begun. */
static int run_fake(struct bus_call *call, const struct saga_plan *plan,
                    const void *request, void *reply, const char **ret_gid)
{
    const struct bus_method method = {.actor = ACTOR,
                                      .name = plan->name,
                                      .request = plan->request,
                                      .reply = plan->reply};
    int code = bus_fake_take(call, &method, request, reply);
    if (ret_gid && code != BUS_UNIMPLEMENTED)
        *ret_gid = "fake";
    return code;
}

int bus_saga_run(struct bus_call *call, const struct saga_plan *plan,
                 const void *request, void *reply, const char **ret_gid)
{
    struct submit submit = {.call = call, .plan = plan, .request = request};
    struct bus_reply answer = {0};
    struct bus_trace random;
    char gid[BUS_TRACE_TEXT];
    int code = check(call);
    if (code)
        return code;
    if (call->fake)
        return run_fake(call, plan, request, reply, ret_gid);
    bus_trace_new(&random);
    bus_trace_id_text(&random, gid);
    submit.gid = bus_arena_text(call->arena, gid);
    if (!submit.gid)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "the call's memory is used up");
    bus_buf_init(&submit.body, SUBMIT_MAX);
    code = submit_until_told(&submit, &answer);
    bus_buf_release(&submit.body);
    if (ret_gid && submit.begun)
        *ret_gid = submit.gid;
    if (code == BUS_OK)
        return take_reply(&submit, &answer, reply);
    call->error = answer.error;
    call->error.code = code;
    return code;
}
