/* SPDX-License-Identifier: MIT
 *
 * The orchestrator in worlds that tests/sim/saga does not have. One stands
 * still: whoever waits for a journal that never answers is told so at the end.
 * In the other each thing takes its own time: stats say which took what.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <string.h>

#include "actors/saga/orchestrator.h"
#include "bus/clock.h"
#include "bus/code.h"
#include "bus/pack.h"
#include "tests/unit/saga/scene.h"

#define ASKERS 3

struct asker {
    unsigned answers;
    struct bus_error error;
};

struct still {
    unsigned jobs;
    struct asker askers[ASKERS];
};

static int64_t still_now(void *arg)
{
    (void)arg;
    return BUS_SECOND;
}

static uint64_t still_random(void *arg)
{
    (void)arg;
    return 1;
}

static void still_journal(void *arg, struct journal_job *job)
{
    struct still *still = arg;
    (void)job;
    still->jobs++;
}

static void still_call(void *arg, const struct saga_call *call)
{
    (void)arg;
    fail_msg("%s was called", call->method);
}

static void still_answer(void *arg, void *asker, const struct bus_reply *reply)
{
    struct asker *who = asker;
    (void)arg;
    who->answers++;
    who->error = reply->error;
}

static void ask(struct orchestrator *orch, const char *method,
                struct bus_buf *body, struct asker *asker)
{
    const struct orchestrator_request request = {
        .method = method,
        .body = bus_buf_bytes(body),
        .deadline = 2 * BUS_SECOND,
        .asker = asker,
    };
    orchestrator_request(orch, &request);
    bus_buf_release(body);
}

/* gid NULL: the orchestrator makes one. */
static struct bus_buf submission(const char *gid)
{
    struct bus_buf buf, plan = scene_pack(&scene_register);
    bus_buf_init(&buf, PLAN_BYTES_MAX);
    bus_pack_map(&buf, gid ? 2 : 1);
    if (gid) {
        bus_pack_text(&buf, "gid");
        bus_pack_text(&buf, gid);
    }
    bus_pack_text(&buf, "plan");
    bus_pack_raw(&buf, bus_buf_bytes(&plan));
    bus_buf_release(&plan);
    return buf;
}

static void whoever_waits_for_the_journal_is_told(void **state)
{
    struct still still = {0};
    const struct orchestrator_world world = {
        .arg = &still,
        .now = still_now,
        .wall = still_now,
        .random = still_random,
        .journal = still_journal,
        .call = still_call,
        .answer = still_answer,
    };
    (void)state;
    struct orchestrator *orch = orchestrator_new(&world);
    struct bus_buf show = scene_map("gid", "one");
    struct bus_buf list = scene_map("status", "done");
    struct bus_buf submit = submission("two");
    orchestrator_start(orch);
    ask(orch, "show", &show, &still.askers[0]);
    ask(orch, "list", &list, &still.askers[1]);
    ask(orch, "submit", &submit, &still.askers[2]);
    assert_int_equal(still.jobs, 1 + ASKERS); /* one reads back */
    orchestrator_drain(orch);
    assert_false(orchestrator_idle(orch));
    orchestrator_dismiss(orch);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(still.askers[i].answers, 1);
        assert_int_equal(still.askers[i].error.code, BUS_UNAVAILABLE);
        assert_string_equal(still.askers[i].error.reason, "draining");
    }
    orchestrator_free(orch);
}

/* ---- a slow world ---- */

#define JOB_US 3000
#define CALL_US 5000

struct slow {
    int64_t us; /* now */
    struct journal_job *job;
    struct saga_call call; /* run NULL: none is under way */
    struct asker asker;
};

static int64_t slow_now(void *arg)
{
    return ((struct slow *)arg)->us * 1000;
}

static int64_t slow_wall(void *arg)
{
    return ((struct slow *)arg)->us;
}

static void slow_journal(void *arg, struct journal_job *job)
{
    struct slow *slow = arg;
    assert_null(slow->job);
    slow->job = job;
}

static void slow_call(void *arg, const struct saga_call *call)
{
    struct slow *slow = arg;
    assert_null(slow->call.run);
    slow->call = *call;
}

static void slow_answer(void *arg, void *asker, const struct bus_reply *reply)
{
    still_answer(arg, asker, reply);
}

static void job_ends(struct slow *slow, struct orchestrator *orch)
{
    struct journal_job *job = slow->job;
    slow->job = NULL;
    slow->us += JOB_US;
    orchestrator_done(orch, job);
}

static void call_ends(struct slow *slow, struct orchestrator *orch)
{
    const struct saga_call call = slow->call;
    struct bus_buf body = scene_map("id", "7");
    const struct bus_reply reply = {.body = bus_buf_bytes(&body)};
    slow->call.run = NULL;
    slow->us += CALL_US;
    orchestrator_answered(orch, call.run, call.step, call.op, call.attempt,
                          &reply);
    bus_buf_release(&body);
}

static void phase_is(const struct orchestrator_phase *phase, uint64_t count,
                     uint64_t us)
{
    assert_int_equal(phase->count, count);
    assert_int_equal(phase->us, us);
}

static void stats_say_where_the_time_goes(void **state)
{
    struct slow slow = {.us = 1000000};
    const struct orchestrator_world world = {
        .arg = &slow,
        .now = slow_now,
        .wall = slow_wall,
        .random = still_random,
        .journal = slow_journal,
        .call = slow_call,
        .answer = slow_answer,
    };
    (void)state;
    struct orchestrator *orch = orchestrator_new(&world);
    struct orchestrator_stats stats;
    orchestrator_start(orch);
    job_ends(&slow, orch);
    struct bus_buf submit = submission(NULL);
    ask(orch, "submit", &submit, &slow.asker);
    do {
        orchestrator_tick(orch);
        if (slow.job)
            job_ends(&slow, orch);
        if (slow.call.run)
            call_ends(&slow, orch);
        orchestrator_stats(orch, &stats);
    } while (stats.sagas > 0);
    assert_int_equal(slow.asker.answers, 1);
    phase_is(&stats.phases.accepted, 1, JOB_US);
    phase_is(&stats.phases.called, 2, 2 * CALL_US);
    phase_is(&stats.phases.closed, 1, JOB_US);
    phase_is(&stats.phases.written, stats.commits, stats.commits * JOB_US);
    phase_is(&stats.phases.queued, stats.commits, 0);
    orchestrator_free(orch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_waits_for_the_journal_is_told),
        cmocka_unit_test(stats_say_where_the_time_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
