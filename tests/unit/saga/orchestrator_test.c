/* SPDX-License-Identifier: MIT
 *
 * The orchestrator in a world that stands still: what tests/sim/saga, whose
 * world always goes on, cannot ask. Here: whoever waits for a journal that
 * never answers is told so at the end.
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

static struct bus_buf submission(const char *gid)
{
    struct bus_buf buf, plan = scene_pack(&scene_register);
    bus_buf_init(&buf, PLAN_BYTES_MAX);
    bus_pack_map(&buf, 2);
    bus_pack_text(&buf, "gid");
    bus_pack_text(&buf, gid);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_waits_for_the_journal_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
