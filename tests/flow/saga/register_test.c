/* SPDX-License-Identifier: MIT
 *
 * The mall's registration as a saga: done, refused, repeated, and with every
 * accident on the way that the fixture can cause. What is looked at are the
 * rows of user and score, not our own answers alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "actors/runtime/fixture.h"
#include "actors/runtime/saga_pack.h"
#include "actors/saga/actor.h"
#include "bus/pack.h"
#include "register.saga.h"
#include "score.actor.h"
#include "user-api.actor.h"
#include "user.actor.h"

#define RECOVER_MS 300 /* what a supervisor needs for a dead actor */

static const char api_yaml[] = "Name: user-api\n"
                               "Timeout: 20000\n"
                               "Auth:\n"
                               "  AccessSecret: not-a-secret-of-anybody\n"
                               "  AccessExpire: 7200\n";
static const char score_yaml[] = "Name: score.rpc\nMaxScore: 100\n";

/* Without an id: the user service assigns one. */
static const char new_user[] = "{\"name\":\"a\",\"gender\":\"b\",\"score\":10}";

static struct fixture *fixture;
static const char *reply;

/* ---- The saga actor without threads ---- */

static int64_t loop_step(void *self)
{
    return saga_actor_step(self);
}

static int loop_start(struct actor_process *process, void **ret_self,
                      struct bus_error *err)
{
    struct saga_actor *self = NULL;
    int code = saga_actor_open(process, false, &self, err);
    if (code)
        return code;
    fixture_step_add(fixture, loop_step, self);
    *ret_self = self;
    return BUS_OK;
}

static void loop_serve(void *self, struct bus_inbound *inbound)
{
    saga_actor_serve(self, inbound);
}

static void loop_drain(void *self, int64_t deadline)
{
    saga_actor_drain(self, deadline);
}

static void loop_stop(void *self)
{
    fixture_step_remove(fixture, self);
    saga_actor_close(self);
}

static const struct actor_loop inline_loop = {
    .start = loop_start,
    .serve = loop_serve,
    .drain = loop_drain,
    .stop = loop_stop,
};
static struct actor_type saga_inline;

static int set_up(void **state)
{
    (void)state;
    saga_inline = saga_actor;
    saga_inline.loop = &inline_loop;
    fixture = fixture_new();
    return fixture_actor(fixture, &saga_inline, NULL) ||
           fixture_actor(fixture, &user_actor, NULL) ||
           fixture_actor(fixture, &score_actor, score_yaml) ||
           fixture_actor(fixture, &user_api_actor, api_yaml);
}

static int tear_down(void **state)
{
    (void)state;
    fixture_free(fixture);
    return 0;
}

/* ---- Registering and looking ---- */

static int register_json(const char *json)
{
    fixture_caller(fixture)->deadline = fixture_now(fixture) + 20 * BUS_SECOND;
    return fixture_call(fixture, "user-api.register", json, &reply);
}

static int register_score(int score)
{
    char json[128];
    snprintf(json, sizeof(json),
             "{\"id\":\"77\",\"name\":\"a\",\"gender\":\"b\",\"score\":%d}",
             score);
    return register_json(json);
}

static const char *rows(const char *actor, const char *sql)
{
    return fixture_rows(fixture, actor, sql);
}

static void assert_rows(const char *users, const char *scores)
{
    assert_string_equal(rows("user",
                             "select id || ' ' || name as value from user "
                             "where id > 1 order by id"),
                        users);
    assert_string_equal(rows("score", "select user_id || ' ' || score as value "
                                      "from user_score order by user_id"),
                        scores);
}

#define DONE "77 a", "77 5"
#define UNDONE "", ""

/* The journal's own rows. */
static const char *statuses(void)
{
    static char text[256];
    snprintf(text, sizeof(text), "%s",
             rows("saga", "select status as value from saga order by rowid"));
    return text;
}

/* saga.show of the only saga, a value of it. */
static const char *shown(const char *path)
{
    static char text[128];
    struct bus_buf body;
    struct bus_reply answer;
    struct bus_bytes value;
    uint64_t number;
    bus_buf_init(&body, 4096);
    bus_pack_map(&body, 1);
    bus_pack_text(&body, "gid");
    bus_pack_text(&body, rows("saga", "select gid as value from saga"));
    const struct bus_request request = {.target = "saga",
                                        .method = "show",
                                        .deadline =
                                            fixture_now(fixture) + BUS_SECOND,
                                        .body = bus_buf_bytes(&body)};
    struct bus_arena arena;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    assert_int_equal(bus_wait(fixture_bus(fixture), &request, &arena, &answer),
                     BUS_OK);
    snprintf(text, sizeof(text), "(none)");
    if (bus_pack_find(answer.body, path, &value)) {
        struct bus_unpack in = bus_unpack_open(value);
        if (bus_unpack_uint(&in, &number))
            snprintf(text, sizeof(text), "%u", (unsigned)number);
        else if (bus_unpack_text(&in, &value))
            snprintf(text, sizeof(text), "%.*s", (int)value.len,
                     (const char *)value.data);
    }
    bus_buf_release(&body);
    bus_arena_release(&arena);
    return text;
}

/* ---- success ---- */

static void is_done(void **state)
{
    (void)state;
    assert_int_equal(register_score(5), BUS_OK);
    assert_non_null(strstr(reply, "\"id\":\"77\""));
    assert_non_null(strstr(reply, "\"score\":5"));
    assert_rows(DONE);
    assert_string_equal(statuses(), "done");
    assert_string_equal(shown("status"), "done");
}

static void an_assigned_id_flows_to_the_second_step(void **state)
{
    (void)state;
    assert_int_equal(register_json(new_user), BUS_OK);
    assert_rows("2 a", "2 10");
}

static void asks_again_while_a_step_fails_or_goes_on(void **state)
{
    (void)state;
    fixture_refuse(fixture, "score.saveUserScore",
                   "INTERNAL INTERNAL FAILED_PRECONDITION");
    assert_int_equal(register_score(5), BUS_OK);
    assert_rows(DONE);
}

static void a_lost_reply_does_nothing_twice(void **state)
{
    static const char *const actors[] = {"user", "score"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fixture_lose(fixture, actors[i], 1);
        assert_int_equal(register_json(new_user), BUS_OK);
    }
    assert_rows("2 a\n3 a", "2 10\n3 10");
}

/* ---- failure ---- */

static void a_refusal_undoes_all(void **state)
{
    (void)state;
    assert_int_equal(register_score(101), BUS_ABORTED);
    assert_string_equal(fixture_error(fixture)->sentence, "积分超过上限 100");
    assert_int_equal(fixture_error(fixture)->business, BUS_OUT_OF_RANGE);
    assert_rows(UNDONE);
    assert_string_equal(statuses(), "undone");
    assert_string_equal(shown("reason.step"), "score");
    assert_string_equal(shown("reason.code"), "OUT_OF_RANGE");
}

static void an_id_that_exists_undoes_nothing_of_others(void **state)
{
    (void)state;
    assert_int_equal(register_score(5), BUS_OK);
    assert_int_equal(register_score(6), BUS_ABORTED);
    assert_string_equal(fixture_error(fixture)->sentence, "用户已存在");
    assert_rows(DONE);
}

static void a_compensation_is_tried_until_it_is_done(void **state)
{
    (void)state;
    fixture_refuse(fixture, "user.saveUserCallback",
                   "INTERNAL NOT_FOUND ABORTED UNAVAILABLE");
    assert_int_equal(register_score(101), BUS_ABORTED);
    assert_rows(UNDONE);
}

/* Done at the participant, the answer lost, then refused as often as the plan
 * allows: the compensation takes the id from the participant's stored reply. */
static void a_reply_never_heard_is_compensated(void **state)
{
    (void)state;
    struct saga_step steps[2];
    struct saga_plan plan = saga_register_plan;
    memcpy(steps, plan.steps, sizeof(steps));
    steps[0].retry_limit = 2;
    plan.steps = steps;
    struct user_api_RegisterReq req = {
        .has_id = true, .id = "77", .name = "a", .gender = "b"};
    struct register_RegisterReply ret;
    struct bus_call *call = fixture_caller(fixture);
    call->deadline = fixture_now(fixture) + 20 * BUS_SECOND;
    fixture_crash(fixture, "user", RUNTIME_AFTER_COMMIT, 1);
    assert_int_equal(bus_saga_run(call, &plan, &req, &ret, NULL),
                     BUS_DEADLINE_EXCEEDED);
    assert_string_equal(call->error.reason, "still_running");
    assert_rows("77 a", "");
    assert_int_equal(fixture_restart(fixture, "user"), BUS_OK);
    fixture_advance(fixture, 10000);
    assert_rows(UNDONE);
    assert_string_equal(statuses(), "undone");
}

/* An actor dies before, in and after its step, in either direction; its
 * supervisor brings it back. */
static void dies_and_ends(const char *actor, enum runtime_point point,
                          unsigned nth, int score)
{
    assert_int_equal(set_up(NULL), 0);
    fixture_recover(fixture, actor, RECOVER_MS);
    fixture_crash(fixture, actor, point, nth);
    int code = register_score(score);
    if (score <= 100) {
        assert_int_equal(code, BUS_OK);
        assert_rows(DONE);
    } else {
        assert_int_equal(code, BUS_ABORTED);
        assert_rows(UNDONE);
    }
    assert_int_equal(tear_down(NULL), 0);
}

static void an_actor_that_dies_changes_nothing(void **state)
{
    static const char *const actors[] = {"user", "score"};
    static const enum runtime_point points[] = {
        RUNTIME_BEFORE_HANDLER, RUNTIME_BEFORE_COMMIT, RUNTIME_AFTER_COMMIT};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 3; k++)
            for (unsigned nth = 1; nth <= 2; nth++) {
                dies_and_ends(actors[i], points[k], nth, 5);
                dies_and_ends(actors[i], points[k], nth, 101);
            }
}

/* ---- the orchestrator away ---- */

static void goes_on_after_the_orchestrator_was_away(void **state)
{
    (void)state;
    fixture_cut(fixture, "score");
    fixture_caller(fixture)->deadline = fixture_now(fixture) + 2 * BUS_SECOND;
    assert_int_equal(
        fixture_call(fixture, "user-api.register",
                     "{\"id\":\"77\",\"name\":\"a\",\"gender\":\"b\","
                     "\"score\":5}",
                     &reply),
        BUS_DEADLINE_EXCEEDED);
    assert_string_equal(statuses(), "running");
    fixture_stop(fixture, "saga");
    fixture_mend(fixture);
    assert_int_equal(fixture_actor(fixture, &saga_inline, NULL), BUS_OK);
    fixture_advance(fixture, 3000);
    assert_rows(DONE);
}

static int run_plan(int64_t seconds, const char **ret_gid)
{
    struct user_api_RegisterReq req = {
        .has_id = true, .id = "77", .name = "a", .gender = "b"};
    struct register_RegisterReply ret;
    struct bus_call *call = fixture_caller(fixture);
    call->deadline = fixture_now(fixture) + seconds * BUS_SECOND;
    return bus_saga_run(call, &saga_register_plan, &req, &ret, ret_gid);
}

static void a_silent_orchestrator_is_given_up_in_time(void **state)
{
    const char *gid = NULL;
    (void)state;
    fixture_cut(fixture, "saga");
    assert_int_equal(run_plan(2, &gid), BUS_DEADLINE_EXCEEDED);
    assert_non_null(gid);
    assert_true(fixture_now(fixture) < fixture_caller(fixture)->deadline);
}

static void a_saga_that_never_began_has_no_gid(void **state)
{
    const char *gid = NULL;
    (void)state;
    fixture_stop(fixture, "saga");
    assert_int_equal(run_plan(2, &gid), BUS_UNAVAILABLE);
    assert_null(gid);
}

/* ---- the methods by hand ---- */

static int submit(const char *gid, const char *name, uint32_t wait_ms,
                  struct bus_reply *ret)
{
    struct bus_buf body;
    bus_buf_init(&body, 65536);
    bus_pack_map(&body, 4);
    bus_pack_text(&body, "gid");
    bus_pack_text(&body, gid);
    bus_pack_text(&body, "plan");
    saga_plan_pack(&body, &saga_register_plan);
    bus_pack_text(&body, "request");
    bus_pack_map(&body, 1);
    bus_pack_text(&body, "name");
    bus_pack_text(&body, name);
    bus_pack_text(&body, "wait_ms");
    bus_pack_uint(&body, wait_ms);
    const struct bus_request request = {.target = "saga",
                                        .method = "submit",
                                        .deadline = fixture_now(fixture) +
                                                    10 * BUS_SECOND,
                                        .body = bus_buf_bytes(&body)};
    int code = bus_wait(fixture_bus(fixture), &request,
                        fixture_caller(fixture)->arena, ret);
    bus_buf_release(&body);
    return code;
}

static void the_same_submission_has_the_same_answer(void **state)
{
    struct bus_reply one, two;
    (void)state;
    assert_int_equal(submit("order-1", "a", 5000, &one), BUS_OK);
    assert_int_equal(submit("order-1", "a", 5000, &two), BUS_OK);
    assert_int_equal(one.body.len, two.body.len);
    assert_memory_equal(one.body.data, two.body.data, one.body.len);
    assert_rows("2 a", "2 0");
    assert_int_equal(submit("order-1", "b", 5000, &one), BUS_ALREADY_EXISTS);
    assert_rows("2 a", "2 0");
}

static void without_waiting_it_is_accepted_and_runs(void **state)
{
    struct bus_reply answer;
    struct bus_bytes status;
    (void)state;
    assert_int_equal(submit("", "a", 0, &answer), BUS_OK);
    assert_true(bus_pack_find(answer.body, "status", &status));
    assert_memory_equal(status.data + 1, "running", 7);
    fixture_advance(fixture, 1000);
    assert_rows("2 a", "2 0");
    assert_string_equal(statuses(), "done");
}

static int call_saga(const char *method, struct bus_bytes body)
{
    struct bus_reply answer;
    const struct bus_request request = {.target = "saga",
                                        .method = method,
                                        .deadline =
                                            fixture_now(fixture) + BUS_SECOND,
                                        .body = body};
    return bus_wait(fixture_bus(fixture), &request,
                    fixture_caller(fixture)->arena, &answer);
}

static void refuses_what_makes_no_sense(void **state)
{
    static const uint8_t map[] = {0x80};
    static const uint8_t gid[] = {0x81, 0xa3, 'g', 'i', 'd', 0xa1, 'x'};
    static const uint8_t broken[] = {0x81, 0xa3, 'g'};
    (void)state;
    const struct bus_bytes empty = {map, sizeof(map)};
    const struct bus_bytes unknown = {gid, sizeof(gid)};
    const struct bus_bytes cut = {broken, sizeof(broken)};
    assert_int_equal(call_saga("submit", empty), BUS_INVALID_ARGUMENT);
    assert_int_equal(call_saga("submit", cut), BUS_INVALID_ARGUMENT);
    assert_int_equal(call_saga("show", empty), BUS_INVALID_ARGUMENT);
    assert_int_equal(call_saga("show", unknown), BUS_NOT_FOUND);
    assert_int_equal(call_saga("list", empty), BUS_OK);
    assert_int_equal(call_saga("nothing", empty), BUS_UNIMPLEMENTED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_done),
        TEST(an_assigned_id_flows_to_the_second_step),
        TEST(asks_again_while_a_step_fails_or_goes_on),
        TEST(a_lost_reply_does_nothing_twice),
        TEST(a_refusal_undoes_all),
        TEST(an_id_that_exists_undoes_nothing_of_others),
        TEST(a_compensation_is_tried_until_it_is_done),
        TEST(a_reply_never_heard_is_compensated),
        TEST(a_silent_orchestrator_is_given_up_in_time),
        TEST(a_saga_that_never_began_has_no_gid),
        cmocka_unit_test(an_actor_that_dies_changes_nothing),
        TEST(goes_on_after_the_orchestrator_was_away),
        TEST(the_same_submission_has_the_same_answer),
        TEST(without_waiting_it_is_accepted_and_runs),
        TEST(refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
