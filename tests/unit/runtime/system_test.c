/* SPDX-License-Identifier: MIT
 *
 * What every actor answers of itself, read back as JSON and by path.
 */
#include "actors/runtime/system.h"

#include <math.h>
#include <unistd.h>

#include "bus/json.h"
#include "tests/unit/runtime/fake.h"

static const char *const genders[] = {"男", "女", NULL};
static const struct bus_rule age_rule = {.low = 0, .high = 150};
static const struct bus_rule open_rule = {.low = 1, .high = HUGE_VAL};
static const struct bus_rule gender_rule = {.fallback = "男",
                                            .options = genders};
static const struct bus_enum_value colours[] = {
    {"RED", 0}, {"BLUE", 5}, {NULL, 0}};

struct leaf {
    int32_t colour;
};
static const struct bus_field leaf_fields[] = {
    {.name = "colour",
     .kind = BUS_ENUM,
     .presence = BUS_NO_PRESENCE,
     .values = colours},
};
static const struct bus_shape leaf = {"t.Leaf", sizeof(struct leaf), 1,
                                      leaf_fields};

struct entry {
    const char *key;
    struct leaf *value;
};
static const struct bus_field entry_fields[] = {
    {.name = "key", .kind = BUS_TEXT, .presence = BUS_NO_PRESENCE},
    {.name = "value",
     .kind = BUS_MESSAGE,
     .offset = offsetof(struct entry, value),
     .presence = BUS_NO_PRESENCE,
     .shape = &leaf},
};
static const struct bus_shape entry = {"t.Entry", sizeof(struct entry), 2,
                                       entry_fields};

struct tree {
    struct bus_list names;
    int64_t age;
    const char *gender;
    struct bus_list leaves;
    struct tree *self;
    double from_one;
};
static const struct bus_shape tree;
static const struct bus_field tree_fields[] = {
    {.name = "names",
     .kind = BUS_TEXT,
     .cardinality = BUS_LIST,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct tree, names),
     .presence = BUS_NO_PRESENCE},
    {.name = "age",
     .kind = BUS_I64,
     .flags = BUS_HAS_RANGE | BUS_OPEN_HIGH,
     .offset = offsetof(struct tree, age),
     .presence = BUS_NO_PRESENCE,
     .rule = &age_rule},
    {.name = "gender",
     .kind = BUS_TEXT,
     .offset = offsetof(struct tree, gender),
     .presence = BUS_NO_PRESENCE,
     .rule = &gender_rule},
    {.name = "leaves",
     .kind = BUS_MESSAGE,
     .cardinality = BUS_MAP,
     .offset = offsetof(struct tree, leaves),
     .presence = BUS_NO_PRESENCE,
     .shape = &entry},
    {.name = "self",
     .kind = BUS_MESSAGE,
     .offset = offsetof(struct tree, self),
     .presence = BUS_NO_PRESENCE,
     .shape = &tree},
    {.name = "from_one",
     .kind = BUS_F64,
     .flags = BUS_HAS_RANGE | BUS_OPEN_LOW,
     .offset = offsetof(struct tree, from_one),
     .presence = BUS_NO_PRESENCE,
     .rule = &open_rule},
};
static const struct bus_shape tree = {"t.Tree", sizeof(struct tree), 6,
                                      tree_fields};

static int nothing(struct bus_call *call, const void *request, void *reply)
{
    (void)call;
    (void)request;
    (void)reply;
    return BUS_OK;
}

static const struct bus_method methods[] = {
    {"t", "plant", "/t.T/plant", &tree, NULL, 0, "Plants a tree."},
    {"t", "look", "GET /look", NULL, &tree, BUS_NO_SIDE_EFFECTS, ""},
};
static const struct actor_method table[] = {
    {&methods[0], nothing, NULL},
    {&methods[1], nothing, NULL},
};
static const struct actor_type t_actor = {
    .name = "t", .version = "2", .methods = table, .count = 2};

static struct runtime runtime;

static int set_up(void **state)
{
    (void)state;
    fake_runtime(&runtime, &t_actor, 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    system_stop(&runtime);
    fake_runtime_free(&runtime);
    return 0;
}

/* The answer as JSON text. */
static const char *ask(const char *method)
{
    static struct bus_buf json;
    size_t before = fake.count;
    system_serve(&runtime, fake_inbound(method, NULL));
    assert_int_equal(fake.count, before + 1);
    const struct fake_reply *reply = &fake.replies[before];
    assert_int_equal(reply->error.code, BUS_OK);
    bus_buf_release(&json);
    bus_buf_init(&json, 4096);
    bus_json_from_pack(&json, (struct bus_bytes){reply->body, reply->len});
    bus_buf_byte(&json, 0);
    assert_false(json.failed);
    static char text[4096];
    snprintf(text, sizeof(text), "%s", (char *)json.data);
    bus_buf_release(&json);
    return text;
}

static void ping_says_who_and_since_when(void **state)
{
    (void)state;
    char expected[256];
    fake.now += 1500 * BUS_MILLI;
    snprintf(expected, sizeof(expected),
             "{\"actor\":\"t\",\"instance\":\"1\",\"node\":\"n1\",\"pid\":%d,"
             "\"version\":\"2\",\"uptime_ms\":1500}",
             (int)getpid());
    assert_string_equal(ask("$ping"), expected);
}

static void describe_prints_the_actors_own_tables(void **state)
{
    (void)state;
    static const char tree_json[] =
        "{\"name\":\"t.Tree\",\"fields\":["
        "{\"name\":\"names\",\"type\":\"[]string\",\"required\":true},"
        "{\"name\":\"age\",\"type\":\"int64\",\"required\":false,"
        "\"range\":\"[0:150)\"},"
        "{\"name\":\"gender\",\"type\":\"string\",\"required\":false,"
        "\"default\":\"男\",\"options\":[\"男\",\"女\"]},"
        "{\"name\":\"leaves\",\"type\":\"map[string]t.Leaf\","
        "\"required\":false},"
        "{\"name\":\"self\",\"type\":\"t.Tree\",\"required\":false},"
        "{\"name\":\"from_one\",\"type\":\"float64\",\"required\":false,"
        "\"range\":\"(1:]\"}]}";
    char expected[4096];
    struct bus_buf buf, json;
    snprintf(expected, sizeof(expected),
             "{\"name\":\"t\",\"version\":\"2\",\"instance\":\"1\","
             "\"node\":\"n1\",\"methods\":["
             "{\"name\":\"plant\",\"path\":\"/t.T/plant\","
             "\"doc\":\"Plants a tree.\",\"idempotent\":false,"
             "\"no_side_effects\":false,\"request\":%s,\"reply\":null},"
             "{\"name\":\"look\",\"path\":\"GET /look\",\"doc\":\"\","
             "\"idempotent\":true,\"no_side_effects\":true,"
             "\"request\":null,\"reply\":%s}],"
             "\"types\":[{\"name\":\"t.Leaf\",\"fields\":[{\"name\":\"colour\","
             "\"type\":\"enum\",\"required\":false,"
             "\"values\":{\"RED\":0,\"BLUE\":5}}]},%s]}",
             tree_json, tree_json, tree_json);
    bus_buf_init(&buf, 65536);
    bus_buf_init(&json, 65536);
    describe_pack(&runtime.process, &buf);
    assert_true(bus_pack_valid(bus_buf_bytes(&buf)));
    bus_json_from_pack(&json, bus_buf_bytes(&buf));
    bus_buf_byte(&json, 0);
    assert_string_equal((char *)json.data, expected);
    bus_buf_release(&buf);
    bus_buf_release(&json);
}

static void stats_count(void **state)
{
    (void)state;
    static const char cache_counters[] =
        "\"cache\":{\"kind\":\"memory\",\"hits\":3,\"misses\":0,"
        "\"placeholders\":0,\"fills\":2,\"refused\":0,\"joins\":0,"
        "\"fallbacks\":0,\"failed_deletes\":0,\"pending_deletes\":0,"
        "\"lost_deletes\":0,\"evicted\":0,\"entries\":0,\"bytes\":0,"
        "\"nodes\":0,\"nodes_down\":0}";
    char expected[2048];
    static char shared;
    runtime.shared = (struct store_shared *)(void *)&shared;
    runtime.calls = 9;
    runtime.errors = 2;
    runtime.busy = 1;
    method_count(&runtime.methods.entries[1], true, 5000);
    struct bus_inbound *waiting = fake_inbound("look", NULL);
    mailbox_put(&runtime.mailbox, &waiting);
    fake.now += 40 * BUS_MILLI;
    snprintf(expected, sizeof(expected),
             "{\"actor\":\"t\",\"instance\":\"1\",\"node\":\"n1\",\"pid\":%d,"
             "\"uptime_ms\":40,\"workers\":2,\"busy\":1,\"calls\":9,"
             "\"errors\":2,\"refused\":0,\"expired\":0,"
             "\"mailbox\":{\"depth\":1,\"limit\":4,\"oldest_ms\":40},"
             "\"methods\":["
             "{\"name\":\"plant\",\"calls\":0,\"errors\":0,\"ewma_us\":0},"
             "{\"name\":\"look\",\"calls\":1,\"errors\":1,\"ewma_us\":5}],"
             "\"server\":{\"frames_in\":7,\"frames_out\":0,\"requests\":0,"
             "\"replies\":0,\"dropped\":0,\"peers\":2},%s,\"events\":null,"
             "\"schedule\":null}",
             (int)getpid(), cache_counters);
    assert_string_equal(ask("$stats"), expected);
    runtime.shared = NULL;
    free(mailbox_take(&runtime.mailbox, 1));
}

static struct bus_inbound *publish_make(const char *topic)
{
    struct bus_inbound *inbound = fake_inbound("$publish", NULL);
    struct bus_buf buf;
    bus_buf_init(&buf, 512);
    bus_pack_map(&buf, 2);
    bus_pack_text(&buf, "topic");
    bus_pack_text(&buf, topic);
    bus_pack_text(&buf, "body");
    bus_pack_int(&buf, 1);
    memcpy(inbound + 1, buf.data, buf.len);
    inbound->body.len = buf.len;
    bus_buf_release(&buf);
    return inbound;
}

static void publish_sends_an_event(void **state)
{
    (void)state;
    system_serve(&runtime, publish_make("tree.planted"));
    assert_int_equal(fake.replies[0].error.code, BUS_OK);
    assert_string_equal(fake.log, "event tree.planted;");
}

static int drains;

static void note_drain(void *arg)
{
    *(int *)arg += 1;
}

static void drain_asks_for_the_stop_once_asked(void **state)
{
    (void)state;
    drains = 0;
    assert_string_equal(ask("$drain"), "{\"draining\":false}");
    runtime.drain = note_drain;
    runtime.drain_arg = &drains;
    assert_string_equal(ask("$drain"), "{\"draining\":true}");
    assert_int_equal(drains, 1);
}

static void busy_workers_do_not_hide_it(void **state)
{
    (void)state;
    struct bus_error err;
    assert_int_equal(system_start(&runtime, &err), BUS_OK);
    for (int i = 0; i < 4; i++) /* nobody takes these */
        runtime_serve(&runtime, fake_inbound("look", NULL));
    runtime_serve(&runtime, fake_inbound("$ping", NULL));
    fake_await(1);
    assert_int_equal(fake.replies[0].error.code, BUS_OK);
    struct bus_inbound *list = mailbox_take(&runtime.mailbox, 4);
    while (list) {
        struct bus_inbound *next = list->next;
        free(list);
        list = next;
    }
}

/* ---- failures ---- */

static void publish_wants_a_topic_and_a_body(void **state)
{
    (void)state;
    system_serve(&runtime, fake_inbound("$publish", "no topic"));
    assert_int_equal(fake.replies[0].error.code, BUS_INVALID_ARGUMENT);
    assert_int_equal(fake.replies[0].len, 0);
    assert_string_equal(fake.log, "");
}

static void an_unknown_one_is_refused(void **state)
{
    (void)state;
    system_serve(&runtime, fake_inbound("$reboot", NULL));
    assert_int_equal(fake.replies[0].error.code, BUS_UNIMPLEMENTED);
    assert_string_equal(fake.replies[0].error.reason, "no_such_method");
    assert_string_equal(fake.replies[0].error.sentence,
                        "there is no system method $reboot");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ping_says_who_and_since_when),
        TEST(describe_prints_the_actors_own_tables),
        TEST(stats_count),
        TEST(publish_sends_an_event),
        TEST(publish_wants_a_topic_and_a_body),
        TEST(drain_asks_for_the_stop_once_asked),
        TEST(busy_workers_do_not_hide_it),
        TEST(an_unknown_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
