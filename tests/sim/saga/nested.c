/* SPDX-License-Identifier: MIT
 *
 * Calls of the orchestrators to themselves: sagas that are steps of sagas. They
 * are lost, doubled and late as any call, reach the caller or another process,
 * and whoever is asked may crash before it answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"
#include "tests/sim/saga/sim.h"

/* A call as its caller sees it: answered exactly once. */
struct nested {
    unsigned incarnation; /* of the caller */
    void *run;
    uint16_t step;
    enum engine_op op;
    uint32_t attempt;
    char method[16];
    struct bus_buf body;
    bool answered;
    int holders;
};

/* A request at a process, which is its asker; then the answer to it. */
struct visit {
    struct visit *next; /* among those that wait for an answer */
    struct nested *call;
    unsigned incarnation; /* of whoever is asked */
    struct bus_reply reply;
    struct bus_buf copy; /* body and detail */
};

static struct visit *waiting; /* of the one run that goes on */

static void call_drop(struct nested *call)
{
    if (--call->holders > 0)
        return;
    bus_buf_release(&call->body);
    free(call);
}

static void visit_free(struct visit *visit)
{
    call_drop(visit->call);
    bus_buf_release(&visit->copy);
    free(visit);
}

static void answer(struct sim *sim, struct nested *call,
                   const struct bus_reply *reply)
{
    if (call->answered)
        return;
    call->answered = true;
    if (!world_enter(sim, call->incarnation))
        return;
    orchestrator_answered(sim->me->orch, call->run, call->step, call->op,
                          call->attempt, reply);
    world_loop(sim);
}

static bool is_paused(struct sim *sim, const struct nested *call,
                      sim_action *action, void *arg)
{
    return world_enter(sim, call->incarnation) &&
           world_paused(sim, action, arg);
}

static void time_out(struct sim *sim, void *arg)
{
    struct nested *call = arg;
    struct bus_reply reply = {.error = {.code = BUS_DEADLINE_EXCEEDED}};
    if (is_paused(sim, call, time_out, arg))
        return;
    answer(sim, call, &reply);
    call_drop(call);
}

static void arrive_back(struct sim *sim, void *arg)
{
    struct visit *visit = arg;
    if (is_paused(sim, visit->call, arrive_back, arg))
        return;
    answer(sim, visit->call, &visit->reply);
    visit_free(visit);
}

static struct visit *take(const void *asker)
{
    for (struct visit **at = &waiting; *at; at = &(*at)->next)
        if (*at == asker) {
            struct visit *found = *at;
            *at = found->next;
            return found;
        }
    return NULL;
}

bool nested_answer(struct sim *sim, const void *asker,
                   const struct bus_reply *reply)
{
    struct visit *visit = take(asker);
    if (!visit)
        return false;
    visit->reply = *reply;
    bus_buf_add(&visit->copy, reply->body.data, reply->body.len);
    bus_buf_add(&visit->copy, reply->detail.data, reply->detail.len);
    visit->reply.body = (struct bus_bytes){visit->copy.data, reply->body.len};
    visit->reply.detail = (struct bus_bytes){
        reply->detail.len ? visit->copy.data + reply->body.len : NULL,
        reply->detail.len};
    if (sim->over || sim_fault(sim, 5))
        visit_free(visit); /* lost: the timeout speaks */
    else
        sim_at(sim, sim_between(sim, 20000, 200000), arrive_back, visit);
    return true;
}

void nested_crash(unsigned incarnation)
{
    struct visit **at = &waiting;
    while (*at) {
        struct visit *visit = *at;
        if (incarnation && visit->incarnation != incarnation) {
            at = &visit->next;
            continue;
        }
        *at = visit->next;
        visit_free(visit);
    }
}

static void ask(struct sim *sim, struct nested *call)
{
    struct visit *visit = calloc(1, sizeof(*visit));
    if (!visit)
        abort();
    visit->call = call; /* with the holder that came */
    visit->incarnation = sim->me->incarnation;
    bus_buf_init(&visit->copy, PLAN_BYTES_MAX);
    visit->next = waiting;
    waiting = visit;
    const struct orchestrator_request request = {
        .method = call->method,
        .body = bus_buf_bytes(&call->body),
        .deadline = BUS_FOREVER,
        .asker = visit,
    };
    orchestrator_request(sim->me->orch, &request);
    world_loop(sim);
}

static void arrive(struct sim *sim, void *arg)
{
    struct nested *call = arg;
    bool home = sim_chance(sim, 70) && world_enter(sim, call->incarnation);
    if (home && world_paused(sim, arrive, arg))
        return;
    if (!sim->over && (home || world_pick(sim)))
        ask(sim, call);
    else
        call_drop(call);
}

static void send(struct sim *sim, struct nested *call)
{
    int64_t late = sim_fault(sim, 3) ? 8 * BUS_SECOND : 300000;
    call->holders++;
    sim_at(sim, sim_between(sim, 20000, late), arrive, call);
}

void nested_call(struct sim *sim, const struct saga_call *from)
{
    struct nested *call = calloc(1, sizeof(*call));
    if (!call)
        abort();
    *call = (struct nested){.incarnation = sim->me->incarnation,
                            .run = from->run,
                            .step = from->step,
                            .op = from->op,
                            .attempt = from->attempt,
                            .holders = 1};
    snprintf(call->method, sizeof(call->method), "%s", from->method);
    bus_buf_init(&call->body, PLAN_BYTES_MAX * 2);
    bus_buf_add(&call->body, from->body.data, from->body.len);
    sim->nested++;
    if (!sim_fault(sim, 4))
        send(sim, call);
    if (sim_fault(sim, 5))
        send(sim, call); /* doubled */
    sim_at(sim, from->timeout_ms * BUS_MILLI, time_out, call);
}
