/* SPDX-License-Identifier: MIT
 *
 * Whole requests through real actors on links in memory: calls through calls,
 * transactions, steps of a saga, and every accident that the fixture can cause.
 */
#include "tests/flow/runtime/actors.h"

#include "bus/pack.h"

static struct fixture *fixture;
static const char *reply;

static int set_up(void **state)
{
    (void)state;
    fixture = fixture_new();
    return fixture_actor(fixture, &note_actor, "Name: note.rpc\n") ||
           fixture_actor(fixture, &desk_actor, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    fixture_free(fixture);
    return 0;
}

static const char *notes(void)
{
    return fixture_rows(fixture, "note",
                        "select text as value from note order by id");
}

static int call(const char *method, const char *json)
{
    return fixture_call(fixture, method, json, &reply);
}

static void assert_error(int code, const char *reason)
{
    assert_int_equal(fixture_error(fixture)->code, code);
    assert_string_equal(fixture_error(fixture)->reason, reason);
}

/* ---- success ---- */

static void a_call_reaches_the_table(void **state)
{
    (void)state;
    assert_int_equal(call("note.get", "{\"id\":1}"), BUS_OK);
    assert_string_equal(reply, "{\"id\":1,\"text\":\"first\"}");
    assert_int_equal(call("note.add", "{\"text\":\"second\"}"), BUS_OK);
    assert_string_equal(reply, "{\"id\":2,\"text\":\"second\"}");
    assert_string_equal(notes(), "first\nsecond");
}

static void a_call_goes_through_another_actor(void **state)
{
    (void)state;
    assert_int_equal(call("desk.file", "{\"text\":\"via desk\"}"), BUS_OK);
    assert_string_equal(reply, "{\"id\":2,\"text\":\"via desk\"}");
    assert_string_equal(notes(), "first\nvia desk");
    assert_memory_equal(desk_trace.id, fixture_caller(fixture)->meta.trace.id,
                        sizeof(desk_trace.id));
}

static void events_leave_after_success_alone(void **state)
{
    (void)state;
    assert_int_equal(fixture_events(fixture, "note.added"), 0);
    call("note.add", "{\"text\":\"second\"}");
    assert_int_equal(fixture_events(fixture, "note.added"), 1);
    assert_int_equal(call("note.add", "{\"text\":\"second\"}"),
                     BUS_ALREADY_EXISTS);
    assert_int_equal(fixture_events(fixture, "note.added"), 1);
}

static void claims_reach_the_handler(void **state)
{
    (void)state;
    struct bus_buf buf;
    bus_buf_init(&buf, 64);
    bus_pack_map(&buf, 2);
    bus_pack_text(&buf, "userId");
    bus_pack_int(&buf, 7);
    bus_pack_text(&buf, "name");
    bus_pack_text(&buf, "x");
    fixture_caller(fixture)->meta.claims = bus_buf_bytes(&buf);
    assert_int_equal(call("desk.whoami", NULL), BUS_OK);
    assert_string_equal(reply, "{\"id\":7,\"text\":\"x\"}");
    fixture_caller(fixture)->meta.claims = (struct bus_bytes){0};
    assert_int_equal(call("desk.whoami", NULL), BUS_UNAUTHENTICATED);
    bus_buf_release(&buf);
}

static void structs_will_do_too(void **state)
{
    (void)state;
    struct note in = {.id = 1}, out = {0};
    assert_int_equal(fixture_call_typed(fixture, &note_methods[1], &in, &out),
                     BUS_OK);
    assert_string_equal(out.text, "first");
}

static void replicas_share_the_data(void **state)
{
    (void)state;
    assert_int_equal(fixture_actor(fixture, &note_actor, NULL), BUS_OK);
    for (int i = 0; i < 10; i++) {
        char json[64];
        snprintf(json, sizeof(json), "{\"text\":\"n%d\"}", i);
        assert_int_equal(call("note.add", json), BUS_OK);
    }
    assert_string_equal(
        fixture_rows(fixture, "note", "select count(*) as value from note"),
        "11");
}

/* ---- steps of a saga ---- */

static void mark(const char *op)
{
    fixture_caller(fixture)->meta.saga =
        (struct bus_saga_mark){.gid = "g1", .branch = "01", .op = op};
}

static void a_repeated_step_happens_once(void **state)
{
    (void)state;
    mark("action");
    assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_OK);
    assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_OK);
    assert_string_equal(reply, "{\"id\":2,\"text\":\"step\"}");
    assert_string_equal(notes(), "first\nstep");
    assert_int_equal(fixture_events(fixture, "note.added"), 1);
}

static void a_lost_reply_is_made_good_by_repeating(void **state)
{
    (void)state;
    mark("action");
    fixture_lose(fixture, "note", 1);
    assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_UNKNOWN);
    assert_error(BUS_UNKNOWN, "outcome_unknown");
    assert_string_equal(notes(), "first\nstep");
    assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_OK);
    assert_string_equal(notes(), "first\nstep");
}

static void a_compensation_takes_what_the_action_answered(void **state)
{
    (void)state;
    struct bus_buf fill;
    bus_buf_init(&fill, 64);
    bus_pack_map(&fill, 1);
    bus_pack_text(&fill, "id");
    bus_pack_text(&fill, "id");
    mark("action");
    assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_OK);
    mark("compensate");
    fixture_caller(fixture)->meta.saga.fill = bus_buf_bytes(&fill);
    assert_int_equal(call("note.remove", NULL), BUS_OK);
    assert_string_equal(notes(), "first");
    bus_buf_release(&fill);
}

static void a_compensation_before_its_action_keeps_it_out(void **state)
{
    (void)state;
    mark("compensate");
    assert_int_equal(call("note.remove", "{\"id\":1}"), BUS_OK);
    assert_string_equal(notes(), "first"); /* null: nothing was removed */
    mark("action");
    assert_int_equal(call("note.add", "{\"text\":\"late\"}"), BUS_ABORTED);
    assert_string_equal(notes(), "first");
}

static void a_refused_step_leaves_no_trace(void **state)
{
    (void)state;
    mark("action");
    assert_int_equal(call("note.add", "{\"text\":\"first\"}"),
                     BUS_ALREADY_EXISTS);
    assert_string_equal(
        fixture_rows(fixture, "note", "select count(*) as value from barrier"),
        "0");
}

/* ---- accidents ---- */

static void death_before_the_commit_undoes_the_step(void **state)
{
    (void)state;
    const enum runtime_point points[] = {RUNTIME_BEFORE_HANDLER,
                                         RUNTIME_BEFORE_COMMIT};
    mark("action");
    for (size_t i = 0; i < 2; i++) {
        fixture_crash(fixture, "note", points[i], 1);
        assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_UNKNOWN);
        assert_true(fixture_is_dead(fixture, "note"));
        assert_string_equal(notes(), "first");
        assert_int_equal(fixture_restart(fixture, "note"), BUS_OK);
        assert_false(fixture_is_dead(fixture, "note"));
    }
    assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_OK);
    assert_string_equal(notes(), "first\nstep");
}

static void death_after_the_commit_keeps_it(void **state)
{
    (void)state;
    mark("action");
    fixture_crash(fixture, "note", RUNTIME_AFTER_COMMIT, 1);
    assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_UNKNOWN);
    assert_string_equal(notes(), "first\nstep");
    assert_int_equal(fixture_events(fixture, "note.added"), 0);
    assert_int_equal(fixture_restart(fixture, "note"), BUS_OK);
    assert_int_equal(call("note.add", "{\"text\":\"step\"}"), BUS_OK);
    assert_string_equal(reply, "{\"id\":2,\"text\":\"step\"}");
    assert_string_equal(notes(), "first\nstep");
}

static void the_nth_time_is_counted(void **state)
{
    (void)state;
    fixture_crash(fixture, "note", RUNTIME_AFTER_COMMIT, 2);
    assert_int_equal(call("note.add", "{\"text\":\"a\"}"), BUS_OK);
    assert_int_equal(call("note.add", "{\"text\":\"b\"}"), BUS_UNKNOWN);
    assert_string_equal(notes(), "first\na\nb");
}

static void an_idempotent_call_survives_a_restart(void **state)
{
    (void)state;
    fixture_crash(fixture, "note", RUNTIME_BEFORE_COMMIT, 1);
    fixture_recover(fixture, "note", 50);
    assert_int_equal(call("desk.read", "{\"id\":1}"), BUS_OK);
    assert_string_equal(reply, "{\"id\":1,\"text\":\"first\"}");
}

static void a_cut_link_ends_in_time_and_heals(void **state)
{
    (void)state;
    int64_t before = fixture_now(fixture);
    fixture_cut(fixture, "note");
    int code = call("note.add", "{\"text\":\"x\"}");
    assert_true(code == BUS_UNAVAILABLE || code == BUS_DEADLINE_EXCEEDED);
    assert_true(fixture_now(fixture) - before <=
                BUS_CALL_TIMEOUT_MS * BUS_MILLI);
    fixture_mend(fixture);
    assert_int_equal(call("note.add", "{\"text\":\"x\"}"), BUS_OK);
    assert_string_equal(notes(), "first\nx");
}

static void injected_codes_are_answered_in_turn(void **state)
{
    (void)state;
    fixture_refuse(fixture, "note.add", "INTERNAL FAILED_PRECONDITION");
    assert_int_equal(call("desk.file", "{\"text\":\"x\"}"), BUS_INTERNAL);
    assert_int_equal(call("desk.file", "{\"text\":\"x\"}"),
                     BUS_FAILED_PRECONDITION);
    assert_string_equal(notes(), "first");
    assert_int_equal(call("desk.file", "{\"text\":\"x\"}"), BUS_OK);
}

/* ---- refusals ---- */

static void a_stopped_actor_does_not_answer(void **state)
{
    (void)state;
    fixture_stop(fixture, "note");
    int64_t before = fixture_now(fixture);
    assert_int_equal(call("desk.read", "{\"id\":1}"), BUS_UNAVAILABLE);
    assert_error(BUS_UNAVAILABLE, "no_responder");
    assert_int_equal(fixture_now(fixture), before); /* at once */
    assert_int_equal(fixture_restart(fixture, "note"), BUS_OK);
    assert_int_equal(call("desk.read", "{\"id\":1}"), BUS_OK);
}

static void a_call_inside_a_transaction_is_refused(void **state)
{
    (void)state;
    assert_int_equal(call("note.selfish", "{\"text\":\"x\"}"),
                     BUS_FAILED_PRECONDITION);
    assert_string_equal(notes(), "first");
}

static void a_call_to_oneself_ends_by_its_deadline(void **state)
{
    (void)state;
    assert_int_equal(call("desk.loop", "{}"), BUS_DEADLINE_EXCEEDED);
    assert_int_equal(call("note.get", "{\"id\":1}"), BUS_OK);
}

static void a_bad_configuration_does_not_start(void **state)
{
    (void)state;
    assert_int_equal(fixture_actor(fixture, &desk_actor, "Wrokers: 3\n"),
                     BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture_error(fixture)->sentence, "desk:1:"));
    assert_non_null(strstr(fixture_error(fixture)->sentence, "Wrokers"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_call_reaches_the_table),
        TEST(a_call_goes_through_another_actor),
        TEST(events_leave_after_success_alone),
        TEST(claims_reach_the_handler),
        TEST(structs_will_do_too),
        TEST(replicas_share_the_data),
        TEST(a_repeated_step_happens_once),
        TEST(a_lost_reply_is_made_good_by_repeating),
        TEST(a_compensation_takes_what_the_action_answered),
        TEST(a_compensation_before_its_action_keeps_it_out),
        TEST(a_refused_step_leaves_no_trace),
        TEST(death_before_the_commit_undoes_the_step),
        TEST(death_after_the_commit_keeps_it),
        TEST(the_nth_time_is_counted),
        TEST(an_idempotent_call_survives_a_restart),
        TEST(a_cut_link_ends_in_time_and_heals),
        TEST(injected_codes_are_answered_in_turn),
        TEST(a_stopped_actor_does_not_answer),
        TEST(a_call_inside_a_transaction_is_refused),
        TEST(a_call_to_oneself_ends_by_its_deadline),
        TEST(a_bad_configuration_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
