/* SPDX-License-Identifier: MIT
 *
 * Cron entries and delayed messages through real actors: two replicas of a
 * clerk that counts, another actor that is sent to, one fake clock.
 */
#include "tests/flow/runtime/actors.h"

#include "actors/schedule/schedule.h"
#include "actors/store/sql.h"

static struct fixture *fixture;
static const char *reply, *sent_id;

/* ---- the clerk ---- */

struct tick {
    int64_t id, due;
    const char *said;
};

static const struct bus_field tick_fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .offset = offsetof(struct tick, id),
     NO_RULE},
    {.name = "due",
     .kind = BUS_I64,
     .offset = offsetof(struct tick, due),
     NO_RULE},
    {.name = "said",
     .kind = BUS_TEXT,
     .offset = offsetof(struct tick, said),
     NO_RULE},
};
static const struct bus_shape tick_shape = {"clerk.Tick", sizeof(struct tick),
                                            3, tick_fields};
static const struct model_column tick_columns[] = {
    {"id", "bigint", NULL, "Id", MODEL_NOT_NULL | MODEL_AUTO},
    {"due", "bigint", NULL, "Due", MODEL_NOT_NULL},
    {"said", "varchar(64)", NULL, "Said", MODEL_NOT_NULL},
};
static const struct model_table tick_table = {
    .name = "tick",
    .row = &tick_shape,
    .columns = tick_columns,
    .column_count = 3,
    .primary = {"id", id_columns, 1, ""},
};
static const struct model_table *const clerk_tables[] = {&tick_table, NULL};
static const struct bus_method clerk_methods[7];

enum { TICK, REMIND, FORWARD, CANCEL, REGRET, LOOK, PRESENT };

/* Whoever fires it, what it was due at is written down. */
static int clerk_tick(struct bus_call *call, const void *request, void *out)
{
    const struct tick *in = request;
    struct tick row = {.due = bus_due(call) / 1000000, .said = in->said};
    (void)out;
    return model_insert(call, &tick_table, &row);
}

/* id: after so many ms. */
static int clerk_remind(struct bus_call *call, const void *request, void *out)
{
    const struct tick *in = request;
    struct tick *ret = out;
    const struct tick message = {.said = in->said};
    int code =
        bus_later(call, &clerk_methods[TICK], in->id, &message, &ret->said);
    return code;
}

static int clerk_forward(struct bus_call *call, const void *request, void *out)
{
    const struct tick *in = request;
    const struct note message = {.text = in->said};
    (void)out;
    return bus_later(call, &note_methods[0], in->id, &message, NULL);
}

static int clerk_cancel(struct bus_call *call, const void *request, void *out)
{
    const struct tick *in = request;
    (void)out;
    return bus_cancel(call, in->said);
}

/* Sends, and then would rather not have. */
static int clerk_regret(struct bus_call *call, const void *request, void *out)
{
    int code = clerk_remind(call, request, out);
    return code ? code : bus_refuse(call, BUS_ABORTED, "rather not");
}

static int clerk_look(struct bus_call *call, const void *request, void *out)
{
    return clerk_remind(call, request, out);
}

/* Calls another actor, as a firing without a barrier may. */
static int clerk_present(struct bus_call *call, const void *request, void *out)
{
    const struct tick *in = request;
    const struct note message = {.text = in->said};
    struct note answer = {0};
    (void)out;
    return bus_call(call, NULL, &note_methods[0], &message, &answer);
}

static const struct bus_method clerk_methods[7] = {
    {"clerk", "tick", "/clerk.Clerk/tick", &tick_shape, NULL, 0, ""},
    {"clerk", "remind", "/clerk.Clerk/remind", &tick_shape, &tick_shape, 0, ""},
    {"clerk", "forward", "/clerk.Clerk/forward", &tick_shape, NULL, 0, ""},
    {"clerk", "cancel", "/clerk.Clerk/cancel", &tick_shape, NULL, 0, ""},
    {"clerk", "regret", "/clerk.Clerk/regret", &tick_shape, &tick_shape, 0, ""},
    {"clerk", "look", "/clerk.Clerk/look", &tick_shape, &tick_shape,
     BUS_NO_SIDE_EFFECTS, ""},
    {"clerk", "present", "/clerk.Clerk/present", &tick_shape, NULL, 0, ""},
};
static const struct actor_method clerk_rows[] = {
    {&clerk_methods[TICK], clerk_tick, NULL},
    {&clerk_methods[REMIND], clerk_remind, NULL},
    {&clerk_methods[FORWARD], clerk_forward, NULL},
    {&clerk_methods[CANCEL], clerk_cancel, NULL},
    {&clerk_methods[REGRET], clerk_regret, NULL},
    {&clerk_methods[LOOK], clerk_look, NULL},
    {&clerk_methods[PRESENT], clerk_present, NULL},
};
static const struct actor_type clerk_actor = {.name = "clerk",
                                              .version = "1.0",
                                              .methods = clerk_rows,
                                              .count = 7,
                                              .tables = clerk_tables};

static int set_up(void **state)
{
    (void)state;
    fixture = fixture_new();
    bus_log_level(BUS_LOG_SEVERE); /* accidents are part of it */
    return fixture_actor(fixture, &note_actor, "Name: note.rpc\n");
}

static int tear_down(void **state)
{
    (void)state;
    fixture_free(fixture);
    bus_log_level(BUS_LOG_ERROR);
    return 0;
}

/* Two replicas of the clerk. */
static void start(const char *yaml)
{
    for (int i = 0; i < 2; i++)
        if (fixture_actor(fixture, &clerk_actor, yaml))
            fail_msg("%s", fixture_error(fixture)->sentence);
}

static void refused(const char *yaml, const char *said)
{
    assert_int_equal(fixture_actor(fixture, &clerk_actor, yaml),
                     BUS_INVALID_ARGUMENT);
    if (!strstr(fixture_error(fixture)->sentence, said))
        fail_msg("%s\nsaid: %s", yaml, fixture_error(fixture)->sentence);
}

static int call(const char *method, const char *json)
{
    int code = fixture_call(fixture, method, json, &reply);
    fixture_advance(fixture, 0);
    return code;
}

static const char *said(void)
{
    return fixture_rows(fixture, "clerk",
                        "select said as value from tick order by id");
}

static const char *states(void)
{
    return fixture_rows(fixture, "clerk",
                        "select state as value from troupe_schedule "
                        "where state <> 'since' order by due");
}

/* The clock's seconds past the full minute become 0. */
static void to_the_minute(void)
{
    int64_t wall = bus_wall(fixture_caller(fixture)->clock) / 1000;
    fixture_advance(fixture, 60000 - wall % 60000);
}

/* ---- success ---- */

static void an_entry_fires_once_for_both(void **state)
{
    (void)state;
    start("Cron:\n  count: {At: '* * * * *', Method: tick, "
          "Body: {said: minute}}\n");
    to_the_minute();
    fixture_advance(fixture, 120000 + 500);
    assert_string_equal(said(), "minute\nminute\nminute");
    assert_string_equal(states(), "done\ndone\ndone");
    /* Each knew when it was due. */
    assert_string_equal(
        fixture_rows(fixture, "clerk",
                     "select count(*) as value from tick, troupe_schedule "
                     "where tick.due * 1000000 = troupe_schedule.due"),
        "3");
    assert_int_equal(fixture_events(fixture, "schedule.missed"), 0);
}

static void a_message_arrives_when_it_is_due(void **state)
{
    (void)state;
    start(NULL);
    assert_int_equal(call("clerk.remind", "{\"id\":5000,\"said\":\"five\"}"),
                     BUS_OK);
    fixture_advance(fixture, 4900);
    assert_string_equal(said(), "");
    fixture_advance(fixture, 200);
    assert_string_equal(said(), "five");
    fixture_advance(fixture, 60000);
    assert_string_equal(said(), "five");
    assert_string_equal(states(), "done");
}

static void a_message_reaches_another_actor(void **state)
{
    (void)state;
    start(NULL);
    assert_int_equal(call("clerk.forward", "{\"id\":1000,\"said\":\"hi\"}"),
                     BUS_OK);
    fixture_advance(fixture, 1100);
    assert_string_equal(
        fixture_rows(fixture, "note", "select text as value from note"),
        "first\nhi");
}

static void a_message_without_a_delay_leaves_at_once(void **state)
{
    (void)state;
    start(NULL);
    assert_int_equal(call("clerk.remind", "{\"said\":\"now\"}"), BUS_OK);
    assert_string_equal(said(), "now");
}

static void a_message_is_taken_back(void **state)
{
    (void)state;
    char json[128];
    start(NULL);
    call("clerk.remind", "{\"id\":5000,\"said\":\"five\"}");
    sent_id = strstr(reply, "\"said\":\"");
    assert_non_null(sent_id);
    snprintf(json, sizeof(json), "{%.41s}", sent_id);
    assert_int_equal(call("clerk.cancel", json), BUS_OK);
    fixture_advance(fixture, 10000);
    assert_string_equal(said(), "");
    assert_int_equal(call("clerk.cancel", json), BUS_NOT_FOUND);
}

static void a_firing_may_call_other_actors(void **state)
{
    (void)state;
    start("Cron: {p: {At: '@every 1h', Method: present, Body: {said: x}}}\n");
    fixture_advance(fixture, 3600 * 1000);
    assert_string_equal(
        fixture_rows(fixture, "note", "select text as value from note"),
        "first\nx");
}

/* ---- failure ---- */

static void what_was_rolled_back_is_not_sent(void **state)
{
    (void)state;
    start(NULL);
    assert_int_equal(call("clerk.regret", "{\"id\":10,\"said\":\"no\"}"),
                     BUS_ABORTED);
    fixture_advance(fixture, 10000);
    assert_string_equal(said(), "");
    assert_string_equal(states(), "");
}

static void a_reader_may_not_send(void **state)
{
    (void)state;
    start(NULL);
    assert_int_equal(call("clerk.look", "{\"id\":10,\"said\":\"no\"}"),
                     BUS_INTERNAL);
}

static void a_delay_has_bounds(void **state)
{
    (void)state;
    start(NULL);
    assert_int_equal(call("clerk.remind", "{\"id\":-1}"), BUS_INVALID_ARGUMENT);
    assert_int_equal(call("clerk.remind", "{\"id\":400000000000}"),
                     BUS_INVALID_ARGUMENT);
}

/* Killed after its commit: the message is given up, delivered again, and the
 * barrier lets it take effect once. */
static void a_message_takes_effect_once(void **state)
{
    (void)state;
    start(NULL);
    call("clerk.remind", "{\"id\":2000,\"said\":\"once\"}");
    fixture_crash(fixture, "clerk", RUNTIME_AFTER_COMMIT, 1);
    fixture_advance(fixture, 2500);
    fixture_crash(fixture, "clerk", RUNTIME_AFTER_COMMIT, 0);
    assert_true(fixture_is_dead(fixture, "clerk"));
    assert_string_equal(states(), "running");
    fixture_advance(fixture, 20000);
    assert_string_equal(said(), "once");
    assert_string_equal(states(), "done");
    assert_int_equal(fixture_events(fixture, "schedule.interrupted"), 1);
}

static void a_message_survives_everybody(void **state)
{
    (void)state;
    start(NULL);
    call("clerk.remind", "{\"id\":5000,\"said\":\"late\"}");
    fixture_crash(fixture, "clerk", RUNTIME_BEFORE_HANDLER, 1);
    call("clerk.tick", "{\"said\":\"x\"}");
    call("clerk.tick", "{\"said\":\"x\"}");
    fixture_crash(fixture, "clerk", RUNTIME_BEFORE_HANDLER, 0);
    fixture_advance(fixture, 3600 * 1000);
    assert_int_equal(fixture_restart(fixture, "clerk"), BUS_OK);
    fixture_advance(fixture, 2000);
    assert_string_equal(said(), "late");
    assert_int_equal(fixture_events(fixture, "schedule.missed"), 1);
}

static void an_interrupted_firing_is_reported(void **state)
{
    (void)state;
    start("Cron: {count: {At: '* * * * *', Method: tick, "
          "Body: {said: m}}}\n");
    fixture_crash(fixture, "clerk", RUNTIME_BEFORE_COMMIT, 1);
    to_the_minute();
    fixture_crash(fixture, "clerk", RUNTIME_BEFORE_COMMIT, 0);
    fixture_advance(fixture, 10000);
    assert_string_equal(said(), "");
    assert_string_equal(states(), "interrupted");
    assert_int_equal(fixture_events(fixture, "schedule.interrupted"), 1);
    fixture_advance(fixture, 60000);
    assert_string_equal(said(), "m");
}

static void a_refused_firing_is_reported(void **state)
{
    (void)state;
    start("Cron: {count: {At: '@every 10m', Method: tick, "
          "Body: {said: m}}}\n");
    fixture_refuse(fixture, "clerk.tick", "INTERNAL");
    fixture_advance(fixture, 600 * 1000);
    assert_string_equal(states(), "failed");
    assert_int_equal(fixture_events(fixture, "schedule.failed"), 1);
}

static void missed_firings_are_caught_up(void **state)
{
    (void)state;
    start("Cron: {count: {At: '@hourly', Method: tick, Catchup: all, "
          "Body: {said: h}}}\n");
    fixture_stop(fixture, "clerk");
    fixture_advance(fixture, 3 * 3600 * 1000 + 1800 * 1000);
    assert_int_equal(fixture_restart(fixture, "clerk"), BUS_OK);
    fixture_advance(fixture, 10000);
    assert_string_equal(said(), "h\nh\nh");
    assert_int_equal(fixture_events(fixture, "schedule.missed"), 1);
}

static void wrong_entries_stop_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *said;
    } rows[] = {
        {"Cron: 5\n", "clerk:1:7: key Cron: expected a map"},
        {"Cron: {a: 5}\n", "clerk:1:11: cron entry a: expected a map"},
        {"Cron: {a: {Method: tick}}\n", "At"},
        {"Cron: {a: {At: '@daily'}}\n", "Method"},
        {"Cron:\n  a:\n    At: '@daily'\n    Method: tock\n",
         "clerk:4:13: cron entry a: Method: there is no such method"},
        {"Cron:\n  a:\n    At: 99 * * * *\n    Method: tick\n",
         "clerk:3:9: cron entry a: At: minute \"99\""},
        {"Cron:\n  a:\n    At: '@daily'\n    Zone: Mars/Base\n"
         "    Method: tick\n",
         "clerk:4:11: cron entry a: Zone: there is no such time zone"},
        {"Cron: {a: {At: '@daily', Method: tick, Body: {seed: 1}}}\n",
         "clerk:1:47: key Body.seed: found an unknown key"},
        {"Cron: {a: {At: '@daily', Method: tick, Body: {id: x}}}\n",
         "key Body.id"},
        {"Cron: {a: {At: '@daily', Method: tick, Catchup: some}}\n",
         "key Catchup"},
        {"Cron: {a: {At: '@daily', Method: tick, Every: 5}}\n", "key Every"},
        {"Cron: {'a b': {At: '@daily', Method: tick}}\n", "expected a name"},
        {"Later: {Catchup: last}\n", "key Later.Catchup"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        refused(rows[i].yaml, rows[i].said);
    assert_int_equal(fixture_actor(fixture, &desk_actor,
                                   "Cron: {a: {At: '@daily', Method: file}}\n"),
                     BUS_INVALID_ARGUMENT);
    assert_non_null(
        strstr(fixture_error(fixture)->sentence, "desk has no store"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_fires_once_for_both),
        TEST(a_message_arrives_when_it_is_due),
        TEST(a_message_reaches_another_actor),
        TEST(a_message_without_a_delay_leaves_at_once),
        TEST(a_message_is_taken_back),
        TEST(a_firing_may_call_other_actors),
        TEST(what_was_rolled_back_is_not_sent),
        TEST(a_reader_may_not_send),
        TEST(a_delay_has_bounds),
        TEST(a_message_takes_effect_once),
        TEST(a_message_survives_everybody),
        TEST(an_interrupted_firing_is_reported),
        TEST(a_refused_firing_is_reported),
        TEST(missed_firings_are_caught_up),
        TEST(wrong_entries_stop_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
