/* SPDX-License-Identifier: MIT
 *
 * The clients: each makes one saga with its plan and its fate, submits it,
 * submits it again when the answer was lost, and now and then once more when it
 * knows the outcome, or something else under the same gid. What a client is
 * told must be on the disk at that moment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/saga_pack.h"
#include "bus/code.h"
#include "bus/pack.h"
#include "tests/sim/saga/sim.h"

#define SPREAD_NS (15 * BUS_SECOND) /* when sagas are submitted */

/* One submission on its way. */
struct asker {
    struct sim_saga *saga;
    unsigned incarnation;
    bool other; /* other content under the same gid */
    bool waits;
    struct asker *next; /* of those that wait for an answer */
};

static struct asker *waiting; /* of the one run that goes on */

static void submit_event(struct sim *sim, void *arg);

static void submit_later(struct sim *sim, struct sim_saga *saga)
{
    sim_at(sim, sim_between(sim, BUS_MILLI, BUS_SECOND), submit_event, saga);
}

static void make_step(struct sim *sim, struct sim_saga *saga, unsigned at)
{
    static const int codes[] = {BUS_ABORTED,      BUS_INVALID_ARGUMENT,
                                BUS_NOT_FOUND,    BUS_ALREADY_EXISTS,
                                BUS_OUT_OF_RANGE, BUS_PERMISSION_DENIED};
    struct sim_step *step = &saga->steps[at];
    /* One choice a statement: the order inside an initialiser is the
     * compiler's, and a seed must mean the same everywhere. */
    *step = (struct sim_step){0};
    step->actor = (int)sim_between(sim, 0, SIM_ACTORS - 1);
    step->compensates = sim_chance(sim, 90);
    step->needs = at > 0 && sim_chance(sim, 50);
    step->code = codes[sim_between(sim, 0, 5)];
    if (sim_chance(sim, 20))
        step->undo_faults = (int)sim_between(sim, 1, 4);
    int64_t dice = sim_between(sim, 0, 99);
    step->manner = dice < 70   ? MANNER_OK
                   : dice < 78 ? MANNER_REFUSE
                   : dice < 85 ? MANNER_WAVERING
                   : dice < 90 ? MANNER_ONGOING
                   : dice < 96 ? MANNER_FAILING
                               : MANNER_BROKEN;
    if (step->manner == MANNER_ONGOING || step->manner == MANNER_FAILING)
        step->action_faults = (int)sim_between(sim, 1, 4);
    if (step->manner == MANNER_BROKEN || sim_chance(sim, 15))
        step->retry_limit = (uint32_t)sim_between(sim, 1, 6);
}

static const char *const names[SIM_STEPS_MAX] = {"a", "b", "c", "d", "e", "f"};
static const char *const actors[SIM_ACTORS] = {"p0", "p1", "p2", "p3"};

/* The step is a saga; its request is its own n, and prev. */
static void call_inner(const struct sim_saga *inner, struct saga_step *step,
                       struct saga_input *n)
{
    *n = (struct saga_input){.field = "n",
                             .literal = bus_buf_bytes(&inner->number)};
    step->action.target = step->action.method = "saga";
    step->action.packed = bus_buf_bytes(&inner->plan);
    step->timeout_ms = 700;
    if (step->compensate.target)
        step->compensate =
            (struct saga_branch){.target = "saga", .method = "saga"};
}

/* Action: n, and prev as text; compensation: n, its own id, and perhaps prev.
 */
static void make_plan(struct sim *sim, struct sim_saga *saga)
{
    struct saga_input inputs[SIM_STEPS_MAX][2][3] = {0};
    struct saga_step steps[SIM_STEPS_MAX] = {0};
    for (unsigned i = 0; i < saga->count; i++) {
        const struct saga_input n = {.field = "n", .from = "req", .path = "n"};
        const struct saga_input id = {
            .field = "id", .from = names[i], .path = "id"};
        const struct saga_input prev = {.field = "prev",
                                        .from = i ? names[i - 1] : NULL,
                                        .path = "id",
                                        .convert = SAGA_TO_TEXT};
        inputs[i][OP_ACTION][0] = n;
        inputs[i][OP_ACTION][1] = prev;
        inputs[i][OP_COMPENSATE][0] = n;
        inputs[i][OP_COMPENSATE][1] = id;
        inputs[i][OP_COMPENSATE][2] = prev;
        steps[i] = (struct saga_step){
            .name = names[i],
            .action = {.target = actors[saga->steps[i].actor],
                       .method = "act",
                       .inputs = inputs[i][OP_ACTION],
                       .input_count = i > 0 ? 2 : 1},
            .retry_limit = saga->steps[i].retry_limit,
            .timeout_ms = sim_chance(sim, 30) ? 500 : 0,
        };
        if (saga->steps[i].compensates)
            steps[i].compensate = (struct saga_branch){
                .target = actors[saga->steps[i].actor],
                .method = "undo",
                .inputs = inputs[i][OP_COMPENSATE],
                .input_count = saga->steps[i].needs ? 3 : 2};
        if (saga->steps[i].inner)
            call_inner(saga->steps[i].inner, &steps[i],
                       &inputs[i][OP_ACTION][0]);
    }
    const char *last = names[saga->count - 1];
    const struct saga_input result[] = {
        {.field = "last", .from = last, .path = "id"},
        {.field = "id", .from = last, .path = "id"},
    };
    const struct saga_plan plan = {.name = "simulated",
                                   .steps = steps,
                                   .step_count = (uint16_t)saga->count,
                                   .result = result,
                                   .result_count = 2};
    bus_buf_init(&saga->plan, PLAN_BYTES_MAX);
    saga_plan_pack(&saga->plan, &plan);
}

static void make_inner(struct sim *sim, struct sim_saga *outer,
                       struct sim_step *step)
{
    unsigned at = sim->saga_count + sim->inner_count;
    if (at >= SIM_SAGAS_MAX)
        return;
    struct sim_saga *inner = &sim->sagas[at];
    sim->inner_count++;
    inner->outer = outer;
    inner->index = at;
    inner->count = (unsigned)sim_between(sim, 1, 3);
    for (unsigned k = 0; k < inner->count; k++)
        make_step(sim, inner, k);
    make_plan(sim, inner);
    bus_buf_init(&inner->number, 16);
    bus_pack_uint(&inner->number, at);
    step->inner = inner;
}

void clients_make(struct sim *sim)
{
    waiting = NULL;
    for (unsigned i = 0; i < sim->saga_count; i++) {
        struct sim_saga *saga = &sim->sagas[i];
        saga->index = i;
        saga->count = (unsigned)sim_between(sim, 1, SIM_STEPS_MAX);
        if (sim_chance(sim, 80))
            snprintf(saga->gid, sizeof(saga->gid), "g%u", i);
        for (unsigned k = 0; k < saga->count; k++)
            make_step(sim, saga, k);
        for (unsigned k = 0; k < saga->count; k++)
            if (sim_chance(sim, 8))
                make_inner(sim, saga, &saga->steps[k]);
        make_plan(sim, saga);
        bus_buf_init(&saga->request, 256);
        bus_pack_map(&saga->request, 1);
        bus_pack_text(&saga->request, "n");
        bus_pack_uint(&saga->request, i);
        saga->again = sim_chance(sim, 20) ? 2 : 0;
        sim_at(sim, sim_between(sim, 0, SPREAD_NS), submit_event, saga);
    }
}

void clients_release(struct sim *sim)
{
    for (unsigned i = 0; i < sim->saga_count + sim->inner_count; i++) {
        bus_buf_release(&sim->sagas[i].plan);
        bus_buf_release(&sim->sagas[i].request);
        bus_buf_release(&sim->sagas[i].number);
    }
    clients_crash(sim, 0);
}

static void send(struct sim *sim, struct asker *asker, bool named)
{
    static const uint32_t waits[] = {0, 20, 500, 5000, 30000};
    struct sim_saga *saga = asker->saga;
    struct bus_buf body;
    uint32_t wait = waits[sim_between(sim, 0, 4)];
    asker->waits = wait > 0;
    bus_buf_init(&body, PLAN_BYTES_MAX * 2);
    bus_pack_map(&body, 5);
    bus_pack_text(&body, "fresh");
    bus_pack_bool(&body, !saga->submitted);
    saga->submitted = true;
    bus_pack_text(&body, "gid");
    bus_pack_text(&body, named ? saga->gid : "");
    bus_pack_text(&body, "plan");
    bus_pack_raw(&body, bus_buf_bytes(&saga->plan));
    bus_pack_text(&body, "request");
    if (asker->other)
        bus_pack_text(&body, "something else");
    else
        bus_pack_raw(&body, bus_buf_bytes(&saga->request));
    bus_pack_text(&body, "wait_ms");
    bus_pack_uint(&body, wait);
    const struct orchestrator_request request = {
        .method = "submit",
        .body = bus_buf_bytes(&body),
        .deadline = BUS_FOREVER,
        .asker = asker,
    };
    orchestrator_request(sim->me->orch, &request);
    world_loop(sim);
    bus_buf_release(&body);
}

static void submit(struct sim *sim, struct sim_saga *saga, bool other)
{
    struct asker *asker = calloc(1, sizeof(*asker));
    if (!asker)
        abort();
    asker->saga = saga;
    asker->incarnation = sim->me->incarnation;
    asker->other = other;
    asker->next = waiting;
    waiting = asker;
    send(sim, asker, saga->index % 5 != 4 || saga->gid[0]);
}

static void submit_event(struct sim *sim, void *arg)
{
    struct sim_saga *saga = arg;
    if (sim->over)
        return; /* the run is over */
    if (world_pick(sim))
        submit(sim, saga, saga->told != OUTCOME_NONE && sim_chance(sim, 30));
    else
        submit_later(sim, saga);
}

static void asker_remove(struct asker *asker)
{
    struct asker **at = &waiting;
    while (*at && *at != asker)
        at = &(*at)->next;
    if (*at)
        *at = asker->next;
    free(asker);
}

/* Without a gid of its own a client cannot ask again. */
static void ask_again_or_settle(struct sim *sim, struct sim_saga *saga)
{
    if (saga->gid[0])
        submit_later(sim, saga);
    else
        saga->settled = true;
}

void clients_crash(struct sim *sim, unsigned incarnation)
{
    struct asker **at = &waiting;
    while (*at) {
        struct asker *asker = *at;
        struct sim_saga *saga = asker->saga;
        if (incarnation && asker->incarnation != incarnation) {
            at = &asker->next;
            continue;
        }
        *at = asker->next;
        free(asker);
        if (!sim->over)
            ask_again_or_settle(sim, saga);
    }
}

static bool on_disk(struct sim *sim, const struct sim_saga *saga,
                    const char *status)
{
    const struct sim_row *row = journal_row(sim, saga->gid);
    return row && (!status || strcmp(row->status, status) == 0);
}

static void learn_gid(struct sim_saga *saga, const struct bus_reply *reply)
{
    struct bus_bytes value, text;
    struct bus_bytes from = reply->error.code ? reply->detail : reply->body;
    if (saga->gid[0] || !bus_pack_find(from, "gid", &value))
        return;
    struct bus_unpack in = bus_unpack_open(value);
    if (bus_unpack_text(&in, &text))
        snprintf(saga->gid, sizeof(saga->gid), "%.*s", (int)text.len,
                 (const char *)text.data);
}

static void know(struct sim *sim, struct sim_saga *saga,
                 enum sim_outcome outcome, const struct bus_error *error)
{
    if (saga->told != OUTCOME_NONE &&
        (saga->told != outcome || saga->told_business != error->business ||
         strcmp(saga->told_sentence, error->sentence) != 0))
        sim_break(sim, "%s: told two things, \"%s\" and \"%s\"", saga->gid,
                  saga->told_sentence, error->sentence);
    saga->told = outcome;
    saga->told_business = error->business;
    snprintf(saga->told_sentence, sizeof(saga->told_sentence), "%s",
             error->sentence);
    if (saga->again > 0) {
        saga->again--;
        submit_later(sim, saga);
    } else {
        saga->settled = true;
    }
}

static void told_ok(struct sim *sim, struct asker *asker,
                    const struct bus_reply *reply)
{
    struct sim_saga *saga = asker->saga;
    struct bus_bytes value;
    uint64_t last = 0;
    if (!asker->waits) {
        if (!on_disk(sim, saga, NULL))
            sim_break(sim, "%s: told accepted before the sync", saga->gid);
        submit_later(sim, saga);
        return;
    }
    if (!on_disk(sim, saga, "done"))
        sim_break(sim, "%s: told done before the sync", saga->gid);
    if (bus_pack_find(reply->body, "reply.last", &value)) {
        struct bus_unpack in = bus_unpack_open(value);
        bus_unpack_uint(&in, &last);
    }
    const struct sim_step *end = &saga->steps[saga->count - 1];
    if (end->inner)
        end = &end->inner->steps[end->inner->count - 1];
    if (last == 0 || last != end->id)
        sim_break(sim, "%s: told another result than there was", saga->gid);
    know(sim, saga, OUTCOME_DONE, &reply->error);
}

static void told_refusal(struct sim *sim, struct asker *asker,
                         const struct bus_reply *reply)
{
    struct sim_saga *saga = asker->saga;
    const char *reason = reply->error.reason;
    if (strcmp(reason, "rolled_back") == 0) {
        if (!on_disk(sim, saga, "undone"))
            sim_break(sim, "%s: told rolled back before the sync", saga->gid);
        know(sim, saga, OUTCOME_ROLLED_BACK, &reply->error);
    } else if (strcmp(reason, "still_running") == 0) {
        if (!on_disk(sim, saga, NULL))
            sim_break(sim, "%s: told running before the sync", saga->gid);
        submit_later(sim, saga);
    } else if (strcmp(reason, "outcome_unknown") == 0 ||
               strcmp(reason, "journal") == 0) {
        ask_again_or_settle(sim, saga);
    } else {
        sim_break(sim, "%s: told %s %s \"%s\"", saga->gid,
                  bus_code_name(reply->error.code), reason,
                  reply->error.sentence);
    }
}

void clients_answer(struct sim *sim, void *arg, const struct bus_reply *reply)
{
    struct asker *asker = arg;
    struct sim_saga *saga = asker->saga;
    if (asker->other) {
        if (reply->error.code != BUS_ALREADY_EXISTS &&
            strcmp(reply->error.reason, "journal") != 0)
            sim_break(sim, "%s: other content was taken", saga->gid);
        saga->settled = true;
    } else {
        learn_gid(saga, reply);
        if (reply->error.code == BUS_OK)
            told_ok(sim, asker, reply);
        else
            told_refusal(sim, asker, reply);
    }
    asker_remove(asker);
}

void clients_check(struct sim *sim)
{
    for (unsigned i = 0; i < sim->saga_count; i++) {
        const struct sim_saga *saga = &sim->sagas[i];
        if (saga->told == OUTCOME_DONE && !on_disk(sim, saga, "done"))
            sim_break(sim, "%s: told done, and it is not", saga->gid);
        if (saga->told == OUTCOME_ROLLED_BACK && !on_disk(sim, saga, "undone"))
            sim_break(sim, "%s: told rolled back, and it is not", saga->gid);
    }
}
