/* SPDX-License-Identifier: MIT
 *
 * Durable events from a handler's transaction to another actor's handler:
 * `post` writes letters and publishes each in the same transaction, `reader`
 * keeps what it is handed. One clock that only moves when told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "actors/events/events.h"
#include "actors/runtime/fixture.h"
#include "actors/store/model.h"
#include "bus/json.h"
#include "bus/pack.h"

struct letter {
    int64_t id;
    const char *box, *text;
};

#define FIELD(wire, member, type)                                              \
    {                                                                          \
        .name = (wire), .kind = (type), .presence = BUS_NO_PRESENCE,           \
        .offset = offsetof(struct letter, member)                              \
    }
static const struct bus_field letter_fields[] = {FIELD("id", id, BUS_I64),
                                                 FIELD("box", box, BUS_TEXT),
                                                 FIELD("text", text, BUS_TEXT)};
static const struct bus_shape letter_shape = {
    "post.Letter", sizeof(struct letter), 3, letter_fields};
static const struct model_column letter_columns[] = {
    {"id", "bigint(20)", NULL, "Id", MODEL_NOT_NULL | MODEL_AUTO},
    {"box", "varchar(255)", NULL, "Box", MODEL_NOT_NULL},
    {"text", "varchar(255)", NULL, "Text", MODEL_NOT_NULL},
};
static const uint16_t id_columns[] = {0};
static const struct model_table letter_table = {
    .name = "letter",
    .row = &letter_shape,
    .columns = letter_columns,
    .column_count = 3,
    .primary = {"id", id_columns, 1, "cache:letter:id:"},
};
static const struct model_table *const tables[] = {&letter_table, NULL};

/* ---- post ---- */

static int post_send(struct bus_call *call, const void *request, void *reply)
{
    struct letter row = *(const struct letter *)request;
    (void)reply;
    int code = model_insert(call, &letter_table, &row);
    if (!code)
        code = bus_publish_durable(call, "letter.sent", row.box, &letter_shape,
                                   &row);
    if (!code && strcmp(row.text, "refused") == 0)
        return bus_refuse(call, BUS_ABORTED, "not this one");
    return code;
}

static int post_peek(struct bus_call *call, const void *request, void *reply)
{
    (void)reply;
    return bus_publish_durable(call, "letter.sent", "", &letter_shape, request);
}

static const struct bus_method post_methods[] = {
    {"post", "send", "/post.Post/send", &letter_shape, NULL, 0, ""},
    {"post", "peek", "/post.Post/peek", &letter_shape, NULL,
     BUS_NO_SIDE_EFFECTS, ""},
};
static const struct actor_method post_rows[] = {
    {&post_methods[0], post_send, NULL}, {&post_methods[1], post_peek, NULL}};
static const struct actor_type post_actor = {.name = "post",
                                             .version = "1.0",
                                             .methods = post_rows,
                                             .count = 2,
                                             .tables = tables};
/* The same without a table. */
static const struct bus_method bare_methods[] = {
    {"bare", "peek", "/bare.Bare/peek", &letter_shape, NULL, 0, ""}};
static const struct actor_method bare_rows[] = {
    {&bare_methods[0], post_peek, NULL}};
static const struct actor_type bare_actor = {
    .name = "bare", .version = "1.0", .methods = bare_rows, .count = 1};

/* ---- reader ---- */

static const char *failing; /* a text that is refused; NULL: none */
static unsigned attempts;   /* at letters */
static struct bus_trace seen;

static int reader_take(struct bus_call *call, const void *request, void *reply)
{
    struct letter row = *(const struct letter *)request;
    (void)reply;
    attempts++;
    seen = call->meta.trace;
    row.id = 0;
    int code = model_insert(call, &letter_table, &row);
    if (!code && failing && strcmp(row.text, failing) == 0)
        return bus_refuse(call, BUS_INVALID_ARGUMENT, "cannot read %s",
                          row.text);
    return code;
}

static const struct bus_method reader_methods[] = {
    {"reader", "take", "/reader.Reader/take", &letter_shape, NULL, 0, ""}};
static const struct actor_method reader_rows[] = {
    {&reader_methods[0], reader_take, NULL}};
static const struct actor_type reader_actor = {.name = "reader",
                                               .version = "1.0",
                                               .methods = reader_rows,
                                               .count = 1,
                                               .tables = tables};

static struct fixture *fixture;

static const char reader_yaml[] =
    "Name: reader.rpc\n"
    "Consume:\n"
    "  - {Topic: letter.>, Method: take, Attempts: 3, Backoff: 100ms}\n";

static int set_up(void **state)
{
    (void)state;
    failing = NULL;
    attempts = 0;
    fixture = fixture_new();
    return fixture_actor(fixture, &post_actor, NULL) ||
           fixture_actor(fixture, &reader_actor, reader_yaml);
}

static int tear_down(void **state)
{
    (void)state;
    fixture_free(fixture);
    return 0;
}

static int letter(const char *box, const char *text)
{
    char json[128];
    snprintf(json, sizeof(json), "{\"box\":\"%s\",\"text\":\"%s\"}", box, text);
    return fixture_call(fixture, "post.send", json, NULL);
}

static const char *read_ones(void)
{
    return fixture_rows(fixture, "reader",
                        "select text as value from letter order by id");
}

static const char *left_over(void)
{
    return fixture_rows(fixture, "post",
                        "select event as value from troupe_outbox");
}

/* What $dlq answers, as JSON. */
static const char *dlq(const char *json)
{
    static char text[8192];
    struct bus_buf answer, ask, out;
    struct bus_error err = {0};
    bus_buf_init(&answer, 1 << 20);
    bus_buf_init(&ask, 1 << 20);
    bus_buf_init(&out, sizeof(text) - 1);
    assert_int_equal(bus_json_to_pack((struct bus_bytes){(const uint8_t *)json,
                                                         strlen(json)},
                                      &ask, &err),
                     0);
    int code = events_dead(fixture_runtime(fixture, "reader")->events,
                           bus_buf_bytes(&ask), &answer, &err);
    if (code)
        snprintf(text, sizeof(text), "%s: %s", bus_code_name(code),
                 err.sentence);
    else
        bus_json_from_pack(&out, bus_buf_bytes(&answer));
    if (!code)
        snprintf(text, sizeof(text), "%.*s", (int)out.len, (char *)out.data);
    bus_buf_release(&answer);
    bus_buf_release(&ask);
    bus_buf_release(&out);
    return text;
}

/* ---- success ---- */

static void a_committed_event_arrives_once(void **state)
{
    (void)state;
    bus_trace_new(&fixture_caller(fixture)->meta.trace);
    assert_int_equal(letter("a", "one"), BUS_OK);
    fixture_advance(fixture, 1000);
    assert_string_equal(read_ones(), "one");
    assert_string_equal(left_over(), "");
    assert_memory_equal(seen.id, fixture_caller(fixture)->meta.trace.id,
                        sizeof(seen.id));
    fixture_advance(fixture, 10000);
    assert_int_equal(attempts, 1);
}

static void events_of_a_key_come_in_order(void **state)
{
    (void)state;
    char expected[1024] = "";
    for (int i = 0; i < 40; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%s%02d", i ? "\n" : "", i);
        snprintf(expected + strlen(expected), 8, "%s", text);
        assert_int_equal(letter("a", text + (i > 0)), BUS_OK);
    }
    fixture_advance(fixture, 2000);
    assert_string_equal(read_ones(), expected);
}

static void a_failing_event_holds_its_key_alone(void **state)
{
    (void)state;
    failing = "bad";
    letter("a", "bad");
    letter("a", "after bad");
    letter("b", "other");
    fixture_advance(fixture, 50);
    assert_string_equal(read_ones(), "other");
    failing = NULL;
    fixture_advance(fixture, 2000);
    assert_string_equal(read_ones(), "other\nbad\nafter bad");
}

static void failing_keys_hold_nobody_else(void **state)
{
    (void)state;
    failing = "bad";
    for (int i = 0; i < 12; i++) { /* more than run at once */
        char box[8];
        snprintf(box, sizeof(box), "k%d", i);
        letter(box, "bad");
    }
    fixture_advance(fixture, 10);
    assert_int_equal(attempts, 12);
    letter("fine", "good");
    fixture_advance(fixture, 60);
    assert_string_equal(read_ones(), "good");
    assert_int_equal(attempts, 13);
}

static void what_no_line_matches_is_passed_over(void **state)
{
    (void)state;
    static const char yaml[] =
        "Consume:\n"
        "  - {Topic: letter.lost, Method: take, Group: lost}\n"
        "  - {Topic: letter.sent, Method: take, Group: lost}\n"
        "  - {Topic: letter.returned, Method: take, Group: returned}\n";
    assert_int_equal(fixture_actor(fixture, &reader_actor, yaml), 0);
    failing = "slow";
    letter("a", "slow");
    letter("a", "one");
    fixture_advance(fixture, 100);
    failing = NULL;
    fixture_advance(fixture, 6000);
    /* By the first member's group and by the second's one. */
    assert_string_equal(
        fixture_rows(fixture, "reader", "select count(*) as value from letter"),
        "4");
}

static void two_members_share_and_lose_nothing(void **state)
{
    (void)state;
    assert_int_equal(fixture_actor(fixture, &reader_actor, reader_yaml), 0);
    fixture_advance(fixture, 5000);
    for (int i = 0; i < 40; i++) {
        char box[8];
        snprintf(box, sizeof(box), "k%d", i);
        letter(box, "x");
    }
    fixture_advance(fixture, 2000);
    assert_string_equal(
        fixture_rows(fixture, "reader", "select count(*) as value from letter"),
        "40");
    assert_int_equal(attempts, 40);
}

/* ---- failure ---- */

static void what_was_rolled_back_never_arrives(void **state)
{
    (void)state;
    assert_int_equal(letter("a", "refused"), BUS_ABORTED);
    fixture_advance(fixture, 5000);
    assert_string_equal(read_ones(), "");
    assert_string_equal(left_over(), "");
    fixture_crash(fixture, "post", RUNTIME_BEFORE_COMMIT, 1);
    letter("a", "died before");
    fixture_restart(fixture, "post");
    fixture_advance(fixture, 5000);
    assert_string_equal(read_ones(), "");
}

static void a_publisher_that_dies_after_its_commit(void **state)
{
    (void)state;
    fixture_crash(fixture, "post", RUNTIME_AFTER_COMMIT, 1);
    letter("a", "one");
    assert_true(fixture_is_dead(fixture, "post"));
    fixture_advance(fixture, 2000);
    assert_string_equal(read_ones(), "");
    fixture_restart(fixture, "post");
    fixture_advance(fixture, 2000);
    assert_string_equal(read_ones(), "one");
}

static void a_consumer_that_dies_tries_again(void **state)
{
    (void)state;
    static const enum runtime_point points[] = {
        RUNTIME_BEFORE_HANDLER, RUNTIME_BEFORE_COMMIT, RUNTIME_AFTER_COMMIT};
    fixture_recover(fixture, "reader", 10);
    for (int i = 0; i < 3; i++) {
        char text[8];
        snprintf(text, sizeof(text), "t%d", i);
        fixture_crash(fixture, "reader", points[i], 1);
        letter("a", text);
        fixture_advance(fixture, 6000);
    }
    assert_string_equal(read_ones(), "t0\nt1\nt2");
}

static void what_fails_too_often_is_dead_until_replayed(void **state)
{
    (void)state;
    failing = "bad";
    letter("a", "bad");
    letter("a", "good");
    fixture_advance(fixture, 5000);
    assert_int_equal(attempts, 4);
    assert_string_equal(read_ones(), "good");
    const char *dead = dlq("{\"op\":\"ls\"}");
    assert_non_null(strstr(dead, "\"code\":\"INVALID_ARGUMENT\""));
    assert_non_null(strstr(dead, "\"sentence\":\"cannot read bad\""));
    assert_non_null(strstr(dead, "\"attempts\":3"));
    assert_non_null(strstr(dead, "\"text\":\"bad\""));
    assert_non_null(strstr(dead, "\"method\":\"take\""));
    assert_string_equal(dlq("{\"op\":\"replay\",\"id\":\"77\"}"),
                        "NOT_FOUND: reader has no dead event 77");
    failing = NULL;
    assert_string_equal(dlq("{\"op\":\"replay\",\"all\":true}"),
                        "{\"replayed\":1}");
    fixture_advance(fixture, 1000);
    assert_string_equal(read_ones(), "good\nbad");
    assert_string_equal(dlq("{\"op\":\"ls\"}"), "{\"dead\":[]}");
}

static void an_event_that_kills_its_consumer_dies(void **state)
{
    (void)state;
    letter("b", "before");
    fixture_advance(fixture, 1000);
    letter("a", "poison");
    for (int i = 0; i < 4; i++) { /* the first is not counted: who knows */
        fixture_crash(fixture, "reader", RUNTIME_BEFORE_COMMIT, 1);
        fixture_restart(fixture, "reader");
        fixture_advance(fixture, 1000);
        assert_true(fixture_is_dead(fixture, "reader"));
    }
    fixture_crash(fixture, "reader", RUNTIME_BEFORE_COMMIT, 0);
    letter("b", "behind");
    fixture_restart(fixture, "reader");
    fixture_advance(fixture, 1000);
    const char *dead = dlq("{\"op\":\"ls\"}");
    assert_non_null(strstr(dead, "the consumer died while"));
    assert_non_null(strstr(dead, "\"attempts\":3"));
    assert_string_equal(read_ones(), "before\nbehind");
}

static void publishing_is_refused_where_it_cannot_be(void **state)
{
    (void)state;
    assert_int_equal(fixture_actor(fixture, &bare_actor, NULL), 0);
    assert_int_equal(fixture_call(fixture, "bare.peek", "{}", NULL),
                     BUS_FAILED_PRECONDITION);
    assert_int_equal(fixture_call(fixture, "post.peek", "{}", NULL),
                     BUS_INTERNAL);
}

static void consume_is_checked_at_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *entry, *says;
    } cases[] = {
        {"{Topic: '*.sent', Method: take}",
         "reader:2:13: key Consume[0].Topic"},
        {"{Topic: a..b, Method: take}", "reader:2:13: key Consume[0].Topic"},
        {"{Topic: a.b, Method: nope}", "key Consume[0].Method: there is no"},
        {"{Topic: a.b, Method: take, Group: 'a b'}", "key Consume[0].Group"},
        {"{Topic: a.b, Method: take, Attempts: 0}", "Attempts"},
        {"{Topic: a.b, Method: take, Backoff: 2s, BackoffMax: 1s}",
         "key Consume[0].BackoffMax"},
        {"{Topic: a.b}", "Method"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char yaml[256];
        snprintf(yaml, sizeof(yaml), "Consume:\n  - %s\n", cases[i].entry);
        assert_int_equal(fixture_actor(fixture, &reader_actor, yaml),
                         BUS_INVALID_ARGUMENT);
        assert_non_null(
            strstr(fixture_error(fixture)->sentence, cases[i].says));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_committed_event_arrives_once),
        TEST(events_of_a_key_come_in_order),
        TEST(a_failing_event_holds_its_key_alone),
        TEST(failing_keys_hold_nobody_else),
        TEST(what_no_line_matches_is_passed_over),
        TEST(two_members_share_and_lose_nothing),
        TEST(what_was_rolled_back_never_arrives),
        TEST(a_publisher_that_dies_after_its_commit),
        TEST(a_consumer_that_dies_tries_again),
        TEST(what_fails_too_often_is_dead_until_replayed),
        TEST(an_event_that_kills_its_consumer_dies),
        TEST(publishing_is_refused_where_it_cannot_be),
        TEST(consume_is_checked_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
