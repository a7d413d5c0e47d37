/* SPDX-License-Identifier: MIT
 *
 * Transactions of DTM's API in the simulated world: all five patterns, each
 * with a client that prepares, registers, submits or aborts, asks again when it
 * hears nothing, or vanishes; and with branches behind the barrier. What a
 * client was told holds; a branch goes forth or back, never both, each once and
 * in order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm.h"
#include "bus/code.h"
#include "tests/sim/saga/sim.h"

#define SPREAD_NS (15 * BUS_SECOND)
#define BODY_MAX 4096

/* A request of a client on its way; alone it is the asker. */
struct asker {
    struct asker *next;
    struct sim_trans *trans;
    unsigned stage; /* of the client when it asked */
};

static struct asker *waiting; /* of the one run that goes on */

static const char *const type_names[] = {"saga", "msg", "tcc", "xa",
                                         "workflow"};

static void client_event(struct sim *sim, void *arg);

static void later(struct sim *sim, struct sim_trans *trans)
{
    sim_at(sim, sim_between(sim, BUS_MILLI, BUS_SECOND), client_event, trans);
}

void transactions_make(struct sim *sim)
{
    waiting = NULL;
    for (unsigned i = 0; i < sim->trans_count; i++) {
        struct sim_trans *trans = &sim->trans[i];
        *trans = (struct sim_trans){0};
        snprintf(trans->gid, sizeof(trans->gid), "t%u", i);
        trans->type = (enum saga_pattern)(i % 5);
        trans->count = (unsigned)sim_between(sim, 1, SIM_BRANCHES_MAX);
        int64_t dice = sim_between(sim, 0, 99);
        trans->wish = dice < 60   ? WISH_SUBMIT
                      : dice < 85 ? WISH_ABORT
                                  : WISH_VANISH;
        for (unsigned k = 0; k < trans->count; k++)
            trans->branches[k].refuses =
                trans->type == SAGA_SAGA && sim_chance(sim, 15);
        if (trans->type == SAGA_SAGA)
            trans->wish = WISH_SUBMIT;
        sim_at(sim, sim_between(sim, 0, SPREAD_NS), client_event, trans);
    }
}

/* ---- Clients ---- */

static void write_steps(char *body, size_t size, const struct sim_trans *trans)
{
    size_t len = strlen(body);
    for (unsigned k = 0; k < trans->count; k++)
        len += (size_t)snprintf(body + len, size - len,
                                "%s{\"action\":\"http://b/%u\","
                                "\"compensate\":\"http://b/%u\"}",
                                k ? "," : ",\"steps\":[", k, k);
    for (unsigned k = 0; k < trans->count; k++)
        len += (size_t)snprintf(body + len, size - len, "%s",
                                k ? ",\"x\"" : "],\"payloads\":[\"x\"");
    snprintf(body + len, size - len, "]");
}

static void write_body(const struct sim_trans *trans, char *body, size_t size)
{
    snprintf(body, size,
             "{\"gid\":\"%s\",\"trans_type\":\"%s\",\"retry_interval\":1,"
             "\"timeout_to_fail\":%d,\"query_prepared\":\"http://b/asked\"",
             trans->gid, type_names[trans->type],
             trans->type == SAGA_SAGA ? 0 : 8);
    if (trans->type <= SAGA_MSG)
        write_steps(body, size, trans);
    if (trans->type == SAGA_WORKFLOW)
        snprintf(body + strlen(body), size - strlen(body),
                 ",\"req_extra\":{\"status\":\"%s\"},"
                 "\"custom_data\":\"{\\\"name\\\":\\\"w\\\"}\"",
                 trans->wish == WISH_ABORT ? "failed" : "succeed");
    snprintf(body + strlen(body), size - strlen(body), "}");
}

static void write_branch(const struct sim_trans *trans, unsigned k, char *body,
                         size_t size)
{
    snprintf(body, size,
             "{\"gid\":\"%s\",\"trans_type\":\"%s\",\"branch_id\":\"%02u\","
             "\"confirm\":\"http://b/%u\",\"cancel\":\"http://b/%u\","
             "\"url\":\"http://b/%u\",\"op\":\"action\",\"status\":"
             "\"succeed\"}",
             trans->gid, type_names[trans->type], k + 1, k, k, k);
}

static bool registers(const struct sim_trans *trans)
{
    return trans->type >= SAGA_TCC;
}

/* Prepares, registers each branch, then says what it wants. */
static const char *next_request(const struct sim_trans *trans, char *body,
                                size_t size)
{
    unsigned stage = trans->stage;
    write_body(trans, body, size);
    if (trans->type == SAGA_SAGA)
        return "submit";
    if (stage == 0)
        return "prepare";
    if (registers(trans) && stage <= trans->count) {
        write_branch(trans, stage - 1, body, size);
        return "registerBranch";
    }
    return trans->wish == WISH_ABORT && trans->type != SAGA_WORKFLOW ? "abort"
                                                                     : "submit";
}

static bool decides(const struct sim_trans *trans)
{
    return trans->type == SAGA_SAGA ||
           trans->stage > (registers(trans) ? trans->count : 0);
}

static void ask(struct sim *sim, struct sim_trans *trans)
{
    char path[64], body[BODY_MAX];
    struct asker *asker = calloc(1, sizeof(*asker));
    if (!asker)
        abort();
    asker->trans = trans;
    asker->stage = trans->stage;
    asker->next = waiting;
    waiting = asker;
    snprintf(path, sizeof(path), DTM_BASE "%s",
             next_request(trans, body, sizeof(body)));
    const struct dtm_ask request = {
        .method = {(const uint8_t *)"POST", 4},
        .path = path,
        .body = {(const uint8_t *)body, strlen(body)},
        .asker = asker,
    };
    dtm_serve(sim->dtm, &request);
    world_loop(sim);
}

static void client_event(struct sim *sim, void *arg)
{
    struct sim_trans *trans = arg;
    if (sim->over || trans->settled)
        return;
    if (decides(trans) && trans->wish == WISH_VANISH)
        trans->settled = true;
    else if (world_pick(sim))
        ask(sim, trans);
    else
        later(sim, trans);
}

static bool on_disk(struct sim *sim, const struct sim_trans *trans)
{
    return journal_row(sim, trans->gid) != NULL;
}

static void told_yes(struct sim *sim, struct sim_trans *trans)
{
    if (!on_disk(sim, trans))
        sim_break(sim, "%s: told success before the sync", trans->gid);
    if (decides(trans)) {
        trans->told = true;
        trans->settled = !sim_chance(sim, 20); /* or says it once more */
        if (!trans->settled)
            later(sim, trans);
        return;
    }
    trans->stage++;
    later(sim, trans);
}

/* Too late, or it is over already. */
static void told_no(struct sim *sim, struct sim_trans *trans)
{
    const struct sim_row *row = journal_row(sim, trans->gid);
    trans->settled = true;
    if (!row)
        sim_break(sim, "%s: refused, and nobody knows it", trans->gid);
}

void transactions_answer(struct sim *sim, void *arg, int status)
{
    struct asker *asker = arg, **at = &waiting;
    struct sim_trans *trans = asker->trans;
    bool late = asker->stage != trans->stage; /* it has asked twice */
    while (*at && *at != asker)
        at = &(*at)->next;
    if (*at)
        *at = asker->next;
    free(asker);
    if (sim->over || trans->settled || late)
        return;
    if (status == 200)
        told_yes(sim, trans);
    else if (status == 409)
        told_no(sim, trans);
    else
        later(sim, trans);
}

/* Whoever waits hears nothing. */
void transactions_crash(struct sim *sim)
{
    while (waiting) {
        struct asker *asker = waiting;
        waiting = asker->next;
        if (!sim->over)
            later(sim, asker->trans);
        free(asker);
    }
    for (unsigned i = 0; i < sim->trans_count; i++)
        for (unsigned k = 0; k < SIM_BRANCHES_MAX; k++)
            sim->trans[i].branches[k].asked = false;
}

/* ---- Branches ---- */

struct call {
    unsigned incarnation;
    void *run;
    uint16_t step;
    enum engine_op op;
    uint32_t attempt;
    struct sim_trans *trans;
    unsigned branch;
    bool back;
    int code;
};

/* In order: TCC from the last, XA and all others from the first; back in
 * strict reverse, but of XA. */
static void check_order(struct sim *sim, const struct call *call)
{
    const struct sim_trans *trans = call->trans;
    unsigned count = registers(trans) ? trans->registered : trans->count;
    bool down = call->back ? trans->type != SAGA_XA : trans->type == SAGA_TCC;
    for (unsigned k = 0; k < count; k++) {
        const struct sim_branch *other = &trans->branches[k];
        bool before = down ? k > call->branch : k < call->branch;
        bool through = call->back ? other->back_row || !other->forth_row
                                  : other->forth_row;
        if (registers(trans) && call->back)
            through = other->back_row;
        if (before && !through)
            sim_break(sim, "%s: branch %u before branch %u", trans->gid,
                      call->branch, k);
    }
}

static void go_forth(struct sim *sim, struct call *call)
{
    struct sim_branch *branch = &call->trans->branches[call->branch];
    if (branch->forth_row)
        return; /* repeated, or its compensation was first */
    if (branch->refuses) {
        call->code = BUS_ABORTED;
        return;
    }
    check_order(sim, call);
    branch->forth_row = true;
    branch->forth++;
}

static void go_back(struct sim *sim, struct call *call)
{
    struct sim_branch *branch = &call->trans->branches[call->branch];
    bool saga = call->trans->type == SAGA_SAGA;
    if (branch->back_row)
        return;
    if (!saga || branch->forth > 0)
        check_order(sim, call);
    branch->back_row = true;
    if (saga && !branch->forth_row)
        branch->forth_row = true; /* there is nothing to undo */
    else
        branch->back++;
}

static void come_back(struct sim *sim, void *arg)
{
    struct call *call = arg;
    if (!sim->over && world_enter(sim, call->incarnation)) {
        struct bus_reply reply = {0};
        if (call->op != OP_CHECK)
            call->trans->branches[call->branch].asked = false;
        if (call->code)
            bus_error_set(&reply.error, call->code, "simulated");
        orchestrator_answered(sim->me->orch, call->run, call->step, call->op,
                              call->attempt, &reply);
        world_loop(sim);
    }
    free(call);
}

static void act(struct sim *sim, struct call *call)
{
    if (call->op == OP_CHECK)
        call->code = call->trans->type == SAGA_WORKFLOW ||
                             call->trans->wish == WISH_SUBMIT
                         ? BUS_OK
                         : BUS_ABORTED;
    else if (call->back)
        go_back(sim, call);
    else
        go_forth(sim, call);
}

/* A workflow's client that is woken goes on, unless it knows of its end. */
static void wake_client(struct sim *sim, struct sim_trans *trans)
{
    if (trans->type != SAGA_WORKFLOW || trans->told || !trans->settled)
        return;
    if (trans->wish == WISH_VANISH)
        trans->wish = WISH_SUBMIT;
    trans->settled = false;
    later(sim, trans);
}

static void arrive(struct sim *sim, void *arg)
{
    struct call *call = arg;
    if (sim->over) {
        free(call);
        return;
    }
    if (sim_fault(sim, 6))
        call->code = BUS_UNAVAILABLE; /* not done */
    else if (sim_fault(sim, 4))
        call->code = BUS_FAILED_PRECONDITION;
    else
        act(sim, call);
    if (call->op == OP_CHECK)
        wake_client(sim, call->trans);
    if (call->code == BUS_OK && sim_fault(sim, 5))
        call->code = BUS_DEADLINE_EXCEEDED; /* done, and not heard of */
    sim_at(sim, sim_between(sim, 20000, 200000), come_back, call);
}

void transactions_call(struct sim *sim, const struct saga_call *from)
{
    struct call *call = calloc(1, sizeof(*call));
    unsigned index = (unsigned)strtoul(from->mark.gid + 1, NULL, 10);
    if (!call)
        abort();
    if (from->mark.gid[0] != 't' || index >= sim->trans_count) {
        sim_break(sim, "%s: a call of nobody's", from->mark.gid);
        free(call);
        return;
    }
    const char *op = from->mark.op;
    *call = (struct call){
        .incarnation = sim->me->incarnation,
        .run = from->run,
        .step = from->step,
        .op = from->op,
        .attempt = from->attempt,
        .trans = &sim->trans[index],
        .branch = from->step,
        .back = strcmp(op, "compensate") == 0 || strcmp(op, "cancel") == 0 ||
                strcmp(op, "rollback") == 0,
    };
    if (call->trans->registered <= call->branch && from->op != OP_CHECK)
        call->trans->registered = call->branch + 1u;
    if (from->op != OP_CHECK) {
        struct sim_branch *branch = &call->trans->branches[call->branch];
        if (branch->asked)
            sim_break(sim, "%s branch %u: two calls at once", from->mark.gid,
                      call->branch);
        branch->asked = true;
    }
    sim->calls++;
    sim_at(sim, sim_between(sim, 20000, 2000000), arrive, call);
}

/* ---- In the end ---- */

bool transactions_settled(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->trans_count; i++)
        if (!sim->trans[i].settled)
            return false;
    return true;
}

static void check_branch(struct sim *sim, const struct sim_trans *trans,
                         unsigned k, bool done)
{
    const struct sim_branch *branch = &trans->branches[k];
    int forth = done ? 1 : 0;
    int back = done || trans->type == SAGA_MSG ? 0 : 1;
    bool fine = branch->forth == forth && branch->back == back;
    if (trans->type == SAGA_SAGA && !done)
        fine = branch->forth == branch->back;
    if (!fine)
        sim_break(sim, "%s branch %u: forth %d times, back %d times, and %s",
                  trans->gid, k, branch->forth, branch->back,
                  done ? "done" : "undone");
}

static void check_trans(struct sim *sim, const struct sim_trans *trans)
{
    const struct sim_row *row = journal_row(sim, trans->gid);
    if (!row)
        return;
    bool done = strcmp(row->status, "done") == 0;
    bool wanted = trans->wish != WISH_ABORT;
    if (trans->told && trans->type != SAGA_SAGA && done != wanted)
        sim_break(sim, "%s: told otherwise than it is: %s", trans->gid,
                  row->status);
    if (trans->type == SAGA_WORKFLOW)
        return;
    if (trans->type == SAGA_MSG && done && trans->wish != WISH_SUBMIT)
        sim_break(sim, "%s: delivered, and its client said no", trans->gid);
    unsigned acknowledged = trans->stage > 0 ? trans->stage - 1 : 0;
    if (acknowledged > trans->count)
        acknowledged = trans->count;
    unsigned count = registers(trans) ? acknowledged : trans->count;
    for (unsigned k = 0; k < count; k++)
        check_branch(sim, trans, k, done);
}

void transactions_check(struct sim *sim)
{
    for (unsigned i = 0; i < sim->trans_count; i++)
        check_trans(sim, &sim->trans[i]);
}
