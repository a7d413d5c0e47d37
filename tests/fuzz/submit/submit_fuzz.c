/* SPDX-License-Identifier: MIT
 *
 * Any bytes as what others send to the orchestrator: the body of submit, show
 * and list (first byte even), or a row of its journal that is read back after a
 * restart (odd). Behind it stands a world in which every write succeeds and
 * every branch answers with what it was sent, so that an accepted plan runs to
 * its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/orchestrator.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/pack.h"

#define CALLS_MAX 256
#define ROUNDS_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct called {
    void *run;
    uint16_t step;
    enum engine_op op;
    uint32_t attempt;
};

struct world {
    int64_t now;
    uint64_t random;
    struct journal_job *jobs[CALLS_MAX];
    size_t job_count;
    struct called calls[CALLS_MAX];
    size_t call_count;
    struct bus_bytes row; /* read back once; len 0: none */
    unsigned asked, answered;
};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static int64_t now(void *arg)
{
    return ((struct world *)arg)->now;
}

static int64_t wall(void *arg)
{
    return ((struct world *)arg)->now / 1000;
}

static uint64_t make_random(void *arg)
{
    return ((struct world *)arg)->random++;
}

static void journal(void *arg, struct journal_job *job)
{
    struct world *world = arg;
    must(world->job_count < CALLS_MAX, "jobs are few");
    world->jobs[world->job_count++] = job;
}

static void call(void *arg, const struct saga_call *from)
{
    struct world *world = arg;
    must(from->target[0] && from->method[0], "a call has an aim");
    must(bus_pack_valid(from->body), "a body is one value");
    must(from->mark.fill.len == 0 || bus_pack_valid(from->mark.fill),
         "a fill is one value");
    must(world->call_count < CALLS_MAX, "calls are few");
    world->calls[world->call_count++] =
        (struct called){from->run, from->step, from->op, from->attempt};
}

static void answer(void *arg, void *asker, const struct bus_reply *reply)
{
    struct world *world = arg;
    must(asker == world, "the asker is answered");
    must(reply->error.code == BUS_OK || reply->error.sentence[0],
         "a refusal says why");
    world->answered++;
}

static void read_row(struct world *world, struct journal_job *job)
{
    job->found_count = 0;
    if (job->kind != JOURNAL_DUE || world->row.len == 0)
        return;
    job->found = bus_arena_alloc(&job->arena, sizeof(*job->found));
    job->found_count = 1;
    job->found[0] = (struct journal_row){
        .gid = "row", .name = "n", .status = "running", .state = world->row};
    world->row.len = 0;
}

/* One thing that waits: a job, else a call. False: none does. */
static bool go_on(struct world *world, struct orchestrator *orch)
{
    if (world->job_count > 0) {
        struct journal_job *job = world->jobs[0];
        memmove(world->jobs, world->jobs + 1,
                --world->job_count * sizeof(struct journal_job *));
        read_row(world, job);
        job->code = BUS_OK;
        orchestrator_done(orch, job);
        return true;
    }
    if (world->call_count > 0) {
        static const uint8_t map[] = {0x81, 0xa2, 'i', 'd', 0x07};
        struct called at = world->calls[--world->call_count];
        struct bus_reply reply = {.body = {map, sizeof(map)}};
        if (at.op == OP_ACTION && at.step == 2)
            reply.error.code = BUS_ABORTED;
        orchestrator_answered(orch, at.run, at.step, at.op, at.attempt, &reply);
        return true;
    }
    return false;
}

static void run(struct world *world, struct orchestrator *orch)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        orchestrator_tick(orch);
        if (go_on(world, orch))
            continue;
        int64_t due = orchestrator_due(orch);
        if (due == INT64_MAX)
            return;
        if (due > world->now)
            world->now = due;
    }
}

static void ask(struct world *world, struct orchestrator *orch,
                const char *method, struct bus_bytes body)
{
    const struct orchestrator_request request = {.method = method,
                                                 .body = body,
                                                 .deadline = BUS_FOREVER,
                                                 .asker = world};
    world->asked++;
    orchestrator_request(orch, &request);
    run(world, orch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct world world = {.now = BUS_SECOND, .random = 1};
    const struct orchestrator_world functions = {.arg = &world,
                                                 .now = now,
                                                 .wall = wall,
                                                 .random = make_random,
                                                 .journal = journal,
                                                 .call = call,
                                                 .answer = answer};
    const struct bus_bytes body = {data + 1, size - 1};
    struct orchestrator *orch = orchestrator_new(&functions);
    if (data[0] % 2)
        world.row = body;
    orchestrator_start(orch);
    run(&world, orch);
    if (data[0] % 2 == 0) {
        ask(&world, orch, "submit", body);
        ask(&world, orch, "show", body);
        ask(&world, orch, "list", body);
    }
    orchestrator_dismiss(orch);
    must(world.asked == world.answered, "everybody is answered once");
    orchestrator_free(orch);
    return 0;
}
