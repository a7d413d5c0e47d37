/* SPDX-License-Identifier: MIT
 *
 * The participants and the network to them. A participant has a database: the
 * barrier's rows, stored replies and effects, changed in one transaction, as
 * actors/store/store.h has it. Requests and replies are lost, doubled, late;
 * participants die before or after their commit. Each effect is checked the
 * moment it happens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"
#include "tests/sim/saga/sim.h"

/* A call as the orchestrator sees it: answered exactly once. */
struct sim_call {
    unsigned incarnation;
    void *run;
    uint16_t step;
    enum engine_op op;
    uint32_t attempt;
    struct sim_saga *saga;
    bool answered;
    int holders; /* events that still refer to it */
};

/* A request on its way, or the reply to it. */
struct sim_message {
    struct sim_call *call;
    unsigned epoch;
    bool has_id, fill_id, has_prev;
    uint64_t id, prev;
    /* the reply */
    int code;
    const char *reason;
    char sentence[64];
    int32_t business;
    uint64_t reply_id;
};

/* The last step of what a step is. */
static const struct sim_step *last_of(const struct sim_step *step)
{
    return step->inner ? &step->inner->steps[step->inner->count - 1] : step;
}

/* Something of it is done that is to be undone. */
static bool stands(const struct sim_step *step)
{
    const struct sim_saga *inner = step->inner;
    if (!step->compensates)
        return false;
    if (!inner)
        return step->done > step->undone;
    for (unsigned i = 0; i < inner->count; i++)
        if (stands(&inner->steps[i]))
            return true;
    return false;
}

static struct sim_step *step_of(const struct sim_call *call)
{
    return &call->saga->steps[call->step];
}

static void call_drop(struct sim_call *call)
{
    if (--call->holders == 0)
        free(call);
}

static struct sim_message *message_copy(const struct sim_message *from)
{
    struct sim_message *copy = malloc(sizeof(*copy));
    if (!copy)
        abort();
    *copy = *from;
    copy->call->holders++;
    return copy;
}

static void message_free(struct sim_message *message)
{
    call_drop(message->call);
    free(message);
}

static void answer(struct sim *sim, const struct sim_message *message)
{
    struct sim_call *call = message->call;
    struct bus_reply reply = {0};
    struct bus_buf body;
    if (call->answered)
        return;
    call->answered = true;
    if (!world_enter(sim, call->incarnation))
        return;
    if (step_of(call)->asked_by == call->incarnation)
        step_of(call)->asked = 0;
    bus_buf_init(&body, 64);
    reply.error.code = message->code;
    reply.error.business = message->business;
    snprintf(reply.error.reason, sizeof(reply.error.reason), "%s",
             message->reason ? message->reason : "");
    snprintf(reply.error.sentence, sizeof(reply.error.sentence), "%s",
             message->sentence);
    if (message->reply_id) {
        bus_pack_map(&body, 1);
        bus_pack_text(&body, "id");
        bus_pack_uint(&body, message->reply_id);
        reply.body = bus_buf_bytes(&body);
    }
    orchestrator_answered(sim->me->orch, call->run, call->step, call->op,
                          call->attempt, &reply);
    world_loop(sim);
    bus_buf_release(&body);
}

static bool is_paused(struct sim *sim, const struct sim_message *message,
                      sim_action *action)
{
    return world_enter(sim, message->call->incarnation) &&
           world_paused(sim, action, (void *)(uintptr_t)message);
}

static void arrive_back(struct sim *sim, void *arg)
{
    if (is_paused(sim, arg, arrive_back))
        return;
    answer(sim, arg);
    message_free(arg);
}

static void reply_send(struct sim *sim, struct sim_message *message)
{
    if (sim_fault(sim, 5)) { /* lost: the timeout speaks */
        message_free(message);
        return;
    }
    int64_t late = sim_fault(sim, 3) ? 5 * BUS_SECOND : 200000;
    sim_at(sim, sim_between(sim, 20000, late), arrive_back, message);
}

static void refuse(struct sim_message *message, int code, const char *sentence)
{
    message->code = code;
    snprintf(message->sentence, sizeof(message->sentence), "%s", sentence);
}

/* The business of an action; true: it had its effect. */
static bool act(struct sim *sim, struct sim_message *message)
{
    struct sim_call *call = message->call;
    struct sim_step *step = step_of(call);
    const struct sim_step *before = call->step > 0 ? step - 1 : NULL;
    if (before && (!message->has_prev || message->prev != last_of(before)->id))
        sim_break(sim, "%s step %u: was given another reply than there was",
                  call->saga->gid, call->step);
    if (step->manner == MANNER_REFUSE ||
        (step->manner == MANNER_WAVERING && sim_chance(sim, 50))) {
        refuse(message, step->code, "refused by the business");
        message->business = 1000 + step->code;
        return false;
    }
    if (step->manner == MANNER_BROKEN) {
        refuse(message, BUS_INTERNAL, "broken");
        return false;
    }
    if (step->action_faults > 0) {
        step->action_faults--;
        refuse(message,
               step->manner == MANNER_ONGOING ? BUS_FAILED_PRECONDITION
                                              : BUS_INTERNAL,
               "not yet");
        return false;
    }
    if (++step->done > 1)
        sim_break(sim, "%s step %u: done twice", call->saga->gid, call->step);
    if (step->undone > 0)
        sim_break(sim, "%s step %u: done after it was undone", call->saga->gid,
                  call->step);
    if (before && last_of(before)->done == 0)
        sim_break(sim, "%s step %u: done before the one before it",
                  call->saga->gid, call->step);
    step->id = ++sim->next_id;
    return true;
}

static bool undo(struct sim *sim, struct sim_message *message)
{
    struct sim_call *call = message->call;
    const struct sim_saga *saga = call->saga;
    struct sim_step *step = step_of(call);
    if (step->undo_faults > 0) {
        static const int codes[] = {BUS_INTERNAL, BUS_ABORTED,
                                    BUS_FAILED_PRECONDITION, BUS_NOT_FOUND};
        step->undo_faults--;
        refuse(message, codes[sim_between(sim, 0, 3)], "cannot undo now");
        return false;
    }
    if (++step->undone > 1)
        sim_break(sim, "%s step %u: undone twice", saga->gid, call->step);
    if (step->done == 0)
        sim_break(sim, "%s step %u: undone and never done", saga->gid,
                  call->step);
    for (unsigned i = call->step + 1u; i < saga->count; i++)
        if (!step->urged && stands(&saga->steps[i]))
            sim_break(sim, "%s step %u: undone before step %u", saga->gid,
                      call->step, i);
    uint64_t id = message->fill_id ? step->id : message->id;
    if (id != step->id)
        sim_break(sim, "%s step %u: undone with another id", saga->gid,
                  call->step);
    if (step->needs &&
        message->prev != last_of(&saga->steps[call->step - 1])->id)
        sim_break(sim, "%s step %u: undone with another reply", saga->gid,
                  call->step);
    return true;
}

/* One transaction, all or nothing: store_begin, the handler, store_end. */
static void transact_action(struct sim *sim, struct sim_message *message)
{
    struct sim_step *step = step_of(message->call);
    bool barrier = sim->mutant != MUTANT_SKIPS_BARRIER;
    if (barrier && step->action_row == ROW_BY_COMPENSATION) {
        refuse(message, BUS_ABORTED, "came after its compensation");
    } else if (barrier && step->action_row == ROW_OWN) {
        message->reply_id = step->id; /* STORE_REPEAT */
    } else if (act(sim, message)) {
        step->action_row = ROW_OWN;
        message->reply_id = step->id;
    }
}

static void transact_undo(struct sim *sim, struct sim_message *message)
{
    struct sim_step *step = step_of(message->call);
    bool barrier = sim->mutant != MUTANT_SKIPS_BARRIER;
    if (barrier && step->undo_row)
        return; /* STORE_REPEAT */
    if (barrier && step->action_row == ROW_NONE) {
        step->action_row = ROW_BY_COMPENSATION; /* STORE_NULL */
        step->undo_row = true;
    } else if (undo(sim, message)) {
        step->undo_row = true;
    }
}

static void outcome_unknown(struct sim_message *message)
{
    message->code = BUS_UNKNOWN;
    message->reason = "outcome_unknown";
}

static void commit(struct sim *sim, void *arg)
{
    struct sim_message *message = arg;
    int actor = step_of(message->call)->actor;
    if (message->epoch != sim->actor_epoch[actor])
        outcome_unknown(message); /* died before its commit */
    else if (message->call->op == OP_ACTION)
        transact_action(sim, message);
    else
        transact_undo(sim, message);
    if (message->epoch == sim->actor_epoch[actor] && sim_fault(sim, 2))
        outcome_unknown(message); /* dies right after it */
    reply_send(sim, message);
}

static void arrive(struct sim *sim, void *arg)
{
    static const int codes[] = {BUS_INTERNAL, BUS_UNAVAILABLE,
                                BUS_RESOURCE_EXHAUSTED, BUS_UNIMPLEMENTED};
    struct sim_message *message = arg;
    int actor = step_of(message->call)->actor;
    if (sim->actor_down[actor]) {
        message->code = BUS_UNAVAILABLE;
        message->reason = "no_responder";
        reply_send(sim, message);
    } else if (sim->actor_sick[actor] || sim_fault(sim, 5)) {
        refuse(message, codes[sim_between(sim, 0, 3)], "by chance");
        reply_send(sim, message);
    } else {
        message->epoch = sim->actor_epoch[actor];
        sim_at(sim, sim_between(sim, 10000, 2000000), commit, message);
    }
}

static void time_out(struct sim *sim, void *arg)
{
    struct sim_message *message = arg;
    if (is_paused(sim, message, time_out))
        return;
    message->code = BUS_DEADLINE_EXCEEDED;
    answer(sim, message);
    message_free(message);
}

static bool find_uint(struct bus_bytes body, const char *path, uint64_t *ret)
{
    struct bus_bytes value;
    if (!bus_pack_find(body, path, &value))
        return false;
    struct bus_unpack in = bus_unpack_open(value);
    if (bus_unpack_uint(&in, ret))
        return true;
    struct bus_bytes text;
    if (!bus_unpack_text(&in, &text) || text.len == 0)
        return false;
    *ret = 0;
    for (size_t i = 0; i < text.len; i++)
        *ret = *ret * 10 + (uint64_t)(text.data[i] - '0');
    return true;
}

static struct sim_call *call_new(struct sim *sim, const struct saga_call *from,
                                 struct sim_saga *saga)
{
    struct sim_call *call = calloc(1, sizeof(*call));
    if (!call)
        abort();
    *call = (struct sim_call){.incarnation = sim->me->incarnation,
                              .run = from->run,
                              .step = from->step,
                              .op = from->op,
                              .attempt = from->attempt,
                              .saga = saga};
    return call;
}

/* The journal must know a saga before any branch does. */
static void check_call(struct sim *sim, const struct saga_call *call,
                       const struct sim_saga *saga)
{
    char branch[8];
    snprintf(branch, sizeof(branch), "%02u", call->step + 1u);
    if (!journal_row(sim, call->mark.gid))
        sim_break(sim, "%s: called a branch before the journal had it",
                  call->mark.gid);
    if (strcmp(branch, call->mark.branch) != 0 || call->step >= saga->count)
        sim_break(sim, "%s: branch %s for step %u", call->mark.gid,
                  call->mark.branch, call->step);
    if (!journal_owns(sim, call->mark.gid))
        sim_break(sim, "%s: called by an orchestrator that does not own it",
                  call->mark.gid);
    if (saga->steps[call->step].asked &&
        saga->steps[call->step].asked_by == sim->me->incarnation)
        sim_break(sim, "%s step %u: two calls at once", call->mark.gid,
                  call->step);
}

static void send(struct sim *sim, const struct sim_message *message)
{
    int64_t late = sim_fault(sim, 3) ? 8 * BUS_SECOND : 300000;
    sim_at(sim, sim_between(sim, 20000, late), arrive, message_copy(message));
}

/* Its client may never have heard the gid that was made for it. */
static void learn_outer(const struct sim_saga *saga)
{
    const char *slash = strrchr(saga->gid, '/');
    if (saga->outer && slash && !saga->outer->gid[0])
        snprintf(saga->outer->gid, sizeof(saga->outer->gid), "%.*s",
                 (int)(slash - saga->gid), saga->gid);
}

void participants_call(struct sim *sim, const struct saga_call *call)
{
    uint64_t n = 0;
    struct bus_bytes fill;
    if (!find_uint(call->body, "n", &n) ||
        n >= sim->saga_count + sim->inner_count) {
        sim_break(sim, "%s: the request did not arrive whole", call->mark.gid);
        return;
    }
    struct sim_saga *saga = &sim->sagas[n];
    snprintf(saga->gid, sizeof(saga->gid), "%s", call->mark.gid);
    learn_outer(saga);
    saga->submitted = true; /* also of one that no client submits */
    check_call(sim, call, saga);
    struct sim_message message = {.call = call_new(sim, call, saga)};
    message.has_id = find_uint(call->body, "id", &message.id);
    message.has_prev = find_uint(call->body, "prev", &message.prev);
    message.fill_id =
        call->mark.fill.len > 0 && bus_pack_find(call->mark.fill, "id", &fill);
    message.call->holders = 1;
    sim->calls++;
    saga->steps[call->step].asked = call->attempt;
    saga->steps[call->step].asked_by = sim->me->incarnation;
    sim_at(sim, call->timeout_ms * BUS_MILLI, time_out, message_copy(&message));
    if (!sim_fault(sim, 4))
        send(sim, &message);
    if (sim_fault(sim, 5))
        send(sim, &message); /* doubled */
    call_drop(message.call);
}

void participants_restart(struct sim *sim, int actor)
{
    sim->actor_epoch[actor]++;
    sim->actor_down[actor] = true;
}

void participants_forget(struct sim *sim)
{
    for (unsigned i = 0; i < sim->saga_count + sim->inner_count; i++)
        for (unsigned k = 0; k < sim->sagas[i].count; k++)
            if (sim->sagas[i].steps[k].asked_by == sim->me->incarnation)
                sim->sagas[i].steps[k].asked = 0;
}

/* A saga that is a step goes with its outer one. */
static void check_inner(struct sim *sim, const struct sim_saga *outer,
                        const struct sim_step *step, bool done)
{
    const struct sim_row *row = journal_row(sim, step->inner->gid);
    bool inner_done = row && strcmp(row->status, "done") == 0;
    if (done && !inner_done)
        sim_break(sim, "%s: done without its %s", outer->gid, step->inner->gid);
    if (!done && inner_done && step->compensates)
        sim_break(sim, "%s: rolled back, and its %s is done", outer->gid,
                  step->inner->gid);
}

static void check_saga(struct sim *sim, const struct sim_saga *saga)
{
    const struct sim_row *row = journal_row(sim, saga->gid);
    bool done = row && strcmp(row->status, "done") == 0;
    for (unsigned i = 0; i < saga->count; i++) {
        const struct sim_step *step = &saga->steps[i];
        if (step->inner) {
            check_inner(sim, saga, step, done);
            continue;
        }
        if (!row && step->done + step->undone > 0)
            sim_break(sim, "%s step %u: an effect of no saga", saga->gid, i);
        if (done && (step->done != 1 || step->undone != 0))
            sim_break(sim,
                      "%s step %u: done %d times, undone %d times, "
                      "and the saga is done",
                      saga->gid, i, step->done, step->undone);
        if (row && !done && step->compensates && step->done != step->undone)
            sim_break(sim,
                      "%s step %u: done %d times, undone %d times, "
                      "and the saga is rolled back",
                      saga->gid, i, step->done, step->undone);
    }
}

void participants_check(struct sim *sim)
{
    for (unsigned i = 0; i < sim->saga_count + sim->inner_count; i++)
        check_saga(sim, &sim->sagas[i]);
}
