/* SPDX-License-Identifier: MIT
 *
 * Steps of every pattern behind the barrier: null compensations, hanging
 * actions, duplicates, and duplicates on their way at once to two replicas.
 * What is looked at is one number, the stock: a row of SQLite's, of MariaDB's
 * where TROUPE_TEST_MYSQL is set, a key of Redis's in the second scene. No
 * handler here knows of barriers, but Redis's, which has to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/fixture.h"
#include "actors/store/barrier_redis.h"
#include "actors/store/model.h"
#include "actors/store/sql.h"
#include "bus/pack.h"
#include "tests/unit/store/mysql_server.h"
#include "tests/unit/store/redis_server.h"

#define AT_ONCE 4
#define FULL 10 /* of the stock, at first; each take takes 1 */

/* ---- the actor ---- */

struct amount {
    int64_t id, amount;
};

#define FIELD(member)                                                          \
    {                                                                          \
        .name = #member, .kind = BUS_I64,                                      \
        .offset = offsetof(struct amount, member), .presence = BUS_NO_PRESENCE \
    }
static const struct bus_field amount_fields[] = {FIELD(id), FIELD(amount)};
static const struct bus_shape amount_shape = {"stock", sizeof(struct amount), 2,
                                              amount_fields};

static const struct model_column columns[] = {
    {"id", "bigint(20)", NULL, "Id", MODEL_NOT_NULL},
    {"amount", "bigint(20)", NULL, "Amount", MODEL_NOT_NULL},
};
static const uint16_t id_columns[] = {0};
static const char *const seed[] = {
    "INSERT INTO stock (id, amount) VALUES (1, 10)", NULL};
static const struct model_table stock_table = {
    .name = "stock",
    .row = &amount_shape,
    .columns = columns,
    .column_count = 2,
    .primary = {"id", id_columns, 1, "cache:stock:id:"},
    .seed = seed,
};
static const struct model_table *const tables[] = {&stock_table, NULL};

static bool on_redis;
static int handled; /* how often a handler ran that changes the stock */

static int change(struct bus_call *call, int64_t by, struct amount *out)
{
    const struct sql_value args[] = {sql_int(by)};
    const struct barrier_amount amount = {"stock", by, 60 * BUS_SECOND};
    enum store_verdict verdict;
    handled++;
    *out = (struct amount){.id = 1, .amount = by};
    return on_redis ? barrier_redis_adjust(call, &amount, &verdict)
                    : sql_exec(call,
                               "update stock set amount = amount + ? "
                               "where id = 1",
                               args, 1, NULL);
}

static int take(struct bus_call *call, const void *request, void *reply)
{
    const struct amount *in = request;
    return change(call, in->amount ? -in->amount : -1, reply);
}

/* amount: as take answered. */
static int give(struct bus_call *call, const void *request, void *reply)
{
    const struct amount *in = request;
    return change(call, in->amount ? -in->amount : 1, reply);
}

/* A message's local part. */
static int local(struct bus_call *call, const void *request, void *reply)
{
    (void)request;
    int code = store_message(call, "m1");
    return code ? code : change(call, -1, reply);
}

static const struct bus_method methods[] = {
    {"stock", "take", NULL, &amount_shape, &amount_shape, 0, ""},
    {"stock", "give", NULL, &amount_shape, &amount_shape, 0, ""},
    {"stock", "local", NULL, &amount_shape, &amount_shape, 0, ""},
};
static const struct actor_method rows[] = {
    {&methods[0], take, NULL},
    {&methods[1], give, NULL},
    {&methods[2], local, NULL},
};
static const struct actor_type stock_actor = {.name = "stock",
                                              .version = "1.0",
                                              .methods = rows,
                                              .count = 3,
                                              .tables = tables};

/* ---- the scene ---- */

/* The operations of one pattern: what acts, and what undoes it (or NULL). */
struct form {
    const char *act, *undo;
};

static const struct form saga = {"action", "compensate"};
static const struct form tcc = {"try", "cancel"};
static const struct form workflow = {"action", "rollback"};
static const struct form confirm = {"confirm", NULL};
static const struct form message = {"action", NULL};

static char source[256]; /* its database, on MySQL */
static struct redis_server server;
static struct fixture *fixture;
static const char *reply;

static const char *name_of_home(void)
{
    return strrchr(fixture_home(fixture), '/') + 1;
}

/* Two replicas. methods: what stands in the configuration for them. */
static int start(const char *methods_yaml)
{
    char yaml[1024], mysql[512] = "", redis[256] = "";
    if (source[0])
        snprintf(mysql, sizeof(mysql), "Mysql: {DataSource: \"%s\"}\n", source);
    if (on_redis)
        snprintf(redis, sizeof(redis), "CacheRedis: [{Host: \"%s\"}]\n",
                 server.socket);
    snprintf(yaml, sizeof(yaml), "Name: stock.rpc\nMethods: {%s}\n%s%s",
             methods_yaml, mysql, redis);
    return fixture_actor(fixture, &stock_actor, yaml) ||
           fixture_actor(fixture, &stock_actor, yaml);
}

static int set_up(void **state)
{
    (void)state;
    on_redis = false;
    handled = 0;
    fixture = fixture_new();
    if (mysql_server_wanted())
        mysql_server_make(name_of_home(), source, sizeof(source));
    return start("");
}

static int set_up_redis(void **state)
{
    (void)state;
    on_redis = true;
    handled = 0;
    fixture = fixture_new();
    redis_server_start(&server, fixture_home(fixture), "redis.sock");
    redis_server_ask(&server, "SET", "stock", "10", NULL);
    return start("take: {Barrier: false}, give: {Barrier: false}");
}

static int tear_down(void **state)
{
    (void)state;
    if (source[0])
        mysql_server_drop(name_of_home());
    source[0] = '\0';
    fixture_free(fixture);
    if (on_redis)
        redis_server_kill(&server);
    return 0;
}

struct stock_row {
    int64_t amount;
};

/* Through a connection of its own. */
static int64_t stock(void)
{
    static const struct bus_field field = {
        .name = "amount", .kind = BUS_I64, .presence = BUS_NO_PRESENCE};
    static const struct bus_shape shape = {"stock", sizeof(struct stock_row), 1,
                                           &field};
    if (on_redis)
        return atoi(redis_server_ask(&server, "GET", "stock", NULL, NULL));
    if (!source[0])
        return atoi(fixture_rows(fixture, "stock",
                                 "select amount as value from stock"));
    struct sql *sql = NULL;
    struct bus_error err;
    struct bus_arena arena;
    struct bus_list found;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    assert_int_equal(sql_mysql.open(source, &sql, &err), BUS_OK);
    assert_int_equal(sql_mysql.query(sql, "select amount from stock", NULL, 0,
                                     BUS_FOREVER, &shape, 1, &arena, &found,
                                     &err),
                     BUS_OK);
    int64_t amount = ((struct stock_row *)found.items)->amount;
    sql_mysql.close(sql);
    bus_arena_release(&arena);
    return amount;
}

static int call(const char *method, const char *op)
{
    fixture_caller(fixture)->meta.saga = (struct bus_saga_mark){
        .gid = op ? "g1" : NULL, .branch = "01", .op = op};
    return fixture_call(fixture, method, "{}", &reply);
}

static int act(const struct form *form)
{
    return call("stock.take", form->act);
}

static int undo(const struct form *form)
{
    return call("stock.give", form->undo);
}

/* ---- each pattern ---- */

static void a_compensation_without_its_action_is_null(void **state)
{
    const struct form *form = *state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(undo(form), BUS_OK);
        assert_int_equal(stock(), FULL);
    }
}

static void an_action_that_hung_finds_itself_undone(void **state)
{
    const struct form *form = *state;
    assert_int_equal(undo(form), BUS_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(act(form), BUS_ABORTED);
        assert_int_equal(stock(), FULL);
    }
}

static void duplicates_take_effect_once(void **state)
{
    const struct form *form = *state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(act(form), BUS_OK);
        assert_string_equal(reply, "{\"id\":1,\"amount\":-1}");
        assert_int_equal(stock(), FULL - 1);
    }
    for (int i = 0; form->undo && i < 3; i++) {
        assert_int_equal(undo(form), BUS_OK);
        assert_string_equal(reply, "{\"id\":1,\"amount\":1}");
        assert_int_equal(stock(), FULL);
    }
    /* and a late duplicate of what was undone */
    if (form->undo) {
        act(form);
        assert_int_equal(stock(), FULL);
    }
}

static void a_lost_answer_or_a_death_is_repeated_away(void **state)
{
    const struct form *form = *state;
    fixture_lose(fixture, "stock", 1);
    assert_int_equal(act(form), BUS_UNKNOWN);
    fixture_crash(fixture, "stock", RUNTIME_AFTER_COMMIT, 1);
    assert_int_equal(act(form), BUS_UNKNOWN);
    fixture_crash(fixture, "stock", RUNTIME_AFTER_COMMIT, 0); /* the other */
    assert_int_equal(fixture_restart(fixture, "stock"), BUS_OK);
    assert_int_equal(act(form), BUS_OK);
    assert_int_equal(stock(), FULL - 1);
}

struct answer {
    int code;
    uint8_t body[64];
    size_t len;
    bool came;
};

static void heard(void *arg, const struct bus_reply *answer)
{
    struct answer *to = arg;
    to->code = answer->error.code;
    assert_true(answer->body.len <= sizeof(to->body));
    if (answer->body.len)
        memcpy(to->body, answer->body.data, answer->body.len);
    to->len = answer->body.len;
    to->came = true;
}

/* Sent without waiting; the replicas take turns. */
static void send(struct answer *to, int nth, const char *method,
                 struct bus_saga_mark mark)
{
    const struct bus_request request = {
        .target = nth % 2 ? "stock#1" : "stock#2",
        .method = method,
        .deadline = fixture_now(fixture) + 10 * BUS_SECOND,
        .meta = {.depth = 1, .saga = mark},
        .body = {(const uint8_t *)"\x80", 1}};
    *to = (struct answer){0};
    bus_start(fixture_bus(fixture), &request, heard, to);
}

static void await(const struct answer *answers, size_t count)
{
    fixture_advance(fixture, 1000);
    for (size_t i = 0; i < count; i++)
        assert_true(answers[i].came);
}

static void duplicates_at_once_take_effect_once(void **state)
{
    const struct form *form = *state;
    const struct bus_saga_mark mark = {
        .gid = "g1", .branch = "01", .op = form->act};
    struct answer answers[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++)
        send(&answers[i], i, "take", mark);
    await(answers, AT_ONCE);
    for (int i = 0; i < AT_ONCE; i++) {
        assert_int_equal(answers[i].code, BUS_OK);
        assert_int_equal(answers[i].len, answers[0].len);
        assert_memory_equal(answers[i].body, answers[0].body, answers[0].len);
    }
    assert_int_equal(stock(), FULL - 1);
    assert_int_equal(handled, on_redis ? AT_ONCE : 1);
}

/* In whatever order they arrive, nothing is left of it. */
static void an_action_and_its_compensation_at_once_undo(void **state)
{
    const struct form *form = *state;
    struct answer answers[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        const struct bus_saga_mark mark = {
            .gid = "g1", .branch = "01", .op = i % 2 ? form->act : form->undo};
        send(&answers[i], i / 2, i % 2 ? "take" : "give", mark);
    }
    await(answers, AT_ONCE);
    assert_int_equal(stock(), FULL);
}

/* ---- without the barrier's transaction ---- */

/* `Barrier: false`: the action's compensation is not null for that. */
static void what_began_without_the_barrier_is_compensated(void **state)
{
    (void)state;
    fixture_stop(fixture, "stock");
    assert_int_equal(start("take: {Barrier: false}"), BUS_OK);
    assert_int_equal(call("stock.take", "action"), BUS_OK);
    assert_int_equal(call("stock.take", "action"), BUS_OK);
    assert_int_equal(stock(), FULL - 2); /* the handler's own business */
    assert_int_equal(call("stock.give", "compensate"), BUS_OK);
    assert_string_equal(reply, "{\"id\":1,\"amount\":1}");
    assert_int_equal(stock(), FULL - 1);
    assert_int_equal(call("stock.give", "compensate"), BUS_OK);
    assert_int_equal(stock(), FULL - 1);
}

static void without_the_barrier_an_action_may_still_come_too_late(void **state)
{
    (void)state;
    what_began_without_the_barrier_is_compensated(state);
    fixture_caller(fixture)->meta.saga =
        (struct bus_saga_mark){.gid = "g2", .branch = "01", .op = "compensate"};
    assert_int_equal(fixture_call(fixture, "stock.give", "{}", &reply), BUS_OK);
    fixture_caller(fixture)->meta.saga.op = "action";
    assert_int_equal(fixture_call(fixture, "stock.take", "{}", &reply),
                     BUS_ABORTED);
    assert_int_equal(stock(), FULL - 1);
}

/* A compensation that lost the action's reply takes it from there. */
static void what_ran_without_the_barrier_left_its_reply(void **state)
{
    struct bus_buf fill;
    struct bus_saga_mark *mark = &fixture_caller(fixture)->meta.saga;
    what_began_without_the_barrier_is_compensated(state);
    *mark = (struct bus_saga_mark){.gid = "g3", .branch = "01", .op = "action"};
    assert_int_equal(
        fixture_call(fixture, "stock.take", "{\"amount\":3}", NULL), BUS_OK);
    assert_int_equal(stock(), FULL - 4);
    bus_buf_init(&fill, 64);
    bus_pack_map(&fill, 1);
    bus_pack_text(&fill, "amount");
    bus_pack_text(&fill, "amount");
    mark->op = "compensate";
    mark->fill = bus_buf_bytes(&fill);
    assert_int_equal(fixture_call(fixture, "stock.give", "{}", NULL), BUS_OK);
    bus_buf_release(&fill);
    assert_int_equal(stock(), FULL - 1);
}

/* ---- a two-phase message ---- */

static const struct bus_saga_mark check = {
    .gid = "m1", .branch = "00", .op = "msg"};

static int ask(void)
{
    fixture_caller(fixture)->meta.saga = check;
    return fixture_call(fixture, "stock.give", "{}", &reply);
}

static void a_check_finds_the_local_part(void **state)
{
    (void)state;
    assert_int_equal(call("stock.local", NULL), BUS_OK);
    assert_int_equal(ask(), BUS_OK);
    assert_int_equal(ask(), BUS_OK);
    assert_int_equal(call("stock.local", NULL), BUS_ALREADY_EXISTS);
    assert_int_equal(stock(), FULL - 1);
    assert_int_equal(handled, 1); /* a check runs no handler */
}

static void a_message_without_local_part_is_given_up_for_good(void **state)
{
    (void)state;
    assert_int_equal(ask(), BUS_ABORTED);
    assert_string_equal(fixture_error(fixture)->sentence,
                        "the message's local part did not happen");
    assert_int_equal(call("stock.local", NULL), BUS_ABORTED);
    assert_int_equal(ask(), BUS_ABORTED);
    assert_int_equal(stock(), FULL);
}

static void a_local_part_that_failed_left_no_trace(void **state)
{
    (void)state;
    fixture_crash(fixture, "stock", RUNTIME_BEFORE_COMMIT, 1);
    assert_int_equal(call("stock.local", NULL), BUS_UNKNOWN);
    assert_int_equal(fixture_restart(fixture, "stock"), BUS_OK);
    assert_int_equal(ask(), BUS_ABORTED);
    assert_int_equal(stock(), FULL);
}

static void a_check_and_the_local_part_at_once_agree(void **state)
{
    const struct bus_saga_mark none = {0};
    struct answer answers[AT_ONCE];
    (void)state;
    for (int i = 0; i < AT_ONCE; i++)
        send(&answers[i], i, i % 2 ? "local" : "give", i % 2 ? none : check);
    await(answers, AT_ONCE);
    bool happened = stock() == FULL - 1;
    assert_true(happened || stock() == FULL);
    assert_int_equal(ask(), happened ? BUS_OK : BUS_ABORTED);
    for (int i = 0; i < AT_ONCE; i += 2)
        assert_int_equal(answers[i].code, happened ? BUS_OK : BUS_ABORTED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define IN(form, f, up)                                                        \
    {                                                                          \
#form ": " #f, f, up, tear_down, (void *)(uintptr_t) & (form)          \
    }
#define BOTH_WAYS(form, up)                                                    \
    IN(form, a_compensation_without_its_action_is_null, up),                   \
        IN(form, an_action_that_hung_finds_itself_undone, up),                 \
        IN(form, an_action_and_its_compensation_at_once_undo, up)
#define EVERY_WAY(form, up)                                                    \
    IN(form, duplicates_take_effect_once, up),                                 \
        IN(form, a_lost_answer_or_a_death_is_repeated_away, up),               \
        IN(form, duplicates_at_once_take_effect_once, up)

static const struct CMUnitTest in_sql[] = {
    EVERY_WAY(saga, set_up),
    BOTH_WAYS(saga, set_up),
    EVERY_WAY(tcc, set_up),
    BOTH_WAYS(tcc, set_up),
    EVERY_WAY(workflow, set_up),
    BOTH_WAYS(workflow, set_up),
    EVERY_WAY(confirm, set_up),
    EVERY_WAY(message, set_up),
    T(what_began_without_the_barrier_is_compensated),
    T(without_the_barrier_an_action_may_still_come_too_late),
    T(what_ran_without_the_barrier_left_its_reply),
    T(a_check_finds_the_local_part),
    T(a_message_without_local_part_is_given_up_for_good),
    T(a_local_part_that_failed_left_no_trace),
    T(a_check_and_the_local_part_at_once_agree),
};

static const struct CMUnitTest in_redis[] = {
    EVERY_WAY(saga, set_up_redis),    BOTH_WAYS(saga, set_up_redis),
    EVERY_WAY(tcc, set_up_redis),     BOTH_WAYS(tcc, set_up_redis),
    EVERY_WAY(confirm, set_up_redis), EVERY_WAY(message, set_up_redis),
};

int main(void)
{
    int failed = cmocka_run_group_tests(in_sql, NULL, NULL);
    if (redis_server_wanted())
        failed += cmocka_run_group_tests(in_redis, NULL, NULL);
    return failed;
}
