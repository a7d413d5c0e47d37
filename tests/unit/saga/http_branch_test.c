/* SPDX-License-Identifier: MIT
 *
 * Branch calls against real servers, ours (actors/http), on the same loop.
 */
#include "actors/saga/http_branch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/http/server.h"
#include "bus/arena.h"
#include "bus/code.h"

#define TICKETS 64
#define HEARD 64
#define HOST_CALLS 2
#define HOST_QUEUE 3
#define ANSWER_MAX 64
#define TIMEOUT_MS 5000
#define SHORT_MS 50

/* What a server saw and what it shall do. */
struct place {
    struct world *world;
    struct http_listener *listener;
    enum { ANSWER, HANG, DROP } manner;
    int status;
    const char *reply;
    struct http_ticket tickets[TICKETS];
    size_t asked;
    char target[1024], method[16], body[1024], trace[64], type[64];
};

struct heard {
    int status;
    int code;
    char reason[BUS_REASON_MAX];
    char body[256];
    size_t index;
};

struct world {
    uv_loop_t loop;
    struct http_server *server;
    struct place places[2];
    struct http_branches *branches;
    struct heard heard[HEARD];
    size_t heard_count, opened;
    struct bus_arena arena;
};

static void keep(char *to, size_t size, struct bus_bytes from)
{
    snprintf(to, size, "%.*s", (int)from.len,
             from.len ? (const char *)from.data : "");
}

static void answer(struct place *place, size_t index)
{
    struct http_answer out = {
        .status = place->status,
        .type = "application/json",
        .body = {(const uint8_t *)place->reply, strlen(place->reply)},
    };
    http_answer(&place->tickets[index], &out);
}

static void serve(void *arg, struct http_conn *conn)
{
    struct place *place = arg;
    const struct http_reader *in = http_request(conn);
    assert_int_equal(in->state, READER_DONE);
    size_t index = place->asked++;
    assert_true(index < TICKETS);
    keep(place->target, sizeof(place->target), in->target);
    keep(place->method, sizeof(place->method), in->method);
    keep(place->body, sizeof(place->body), bus_buf_bytes(&in->body));
    keep(place->trace, sizeof(place->trace), http_header(in, "X-Trace", NULL));
    keep(place->type, sizeof(place->type),
         http_header(in, "Content-Type", NULL));
    http_take(conn, &place->tickets[index]);
    if (place->manner == ANSWER)
        answer(place, index);
    else if (place->manner == DROP)
        http_drop(&place->tickets[index]);
}

static void on_opened(void *arg)
{
    ((struct world *)arg)->opened++;
}

static void open_branches(struct world *world, const struct allow_rule *allow)
{
    struct http_branch_options options = {
        .loop = &world->loop,
        .allow = allow,
        .allow_count = allow ? 1 : 0,
        .allow_all = !allow,
        .host_calls = HOST_CALLS,
        .host_queue = HOST_QUEUE,
        .answer_max = ANSWER_MAX,
    };
    world->branches = http_branches_new(&options);
}

static int setup(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    bus_arena_init(&world.arena, BUS_ARENA_LIMIT);
    uv_loop_init(&world.loop);
    const struct http_server_options options = {
        .loop = &world.loop,
        .clock = &bus_clock_system,
        .conn_max = TICKETS,
        .waits = http_waits_default,
        .opened = on_opened,
        .arg = &world,
    };
    world.server = http_server_new(&options);
    for (size_t i = 0; i < 2; i++) {
        struct place *place = &world.places[i];
        const struct http_listener_options listening = {
            .name = "t",
            .host = "127.0.0.1",
            .body_max = 4096,
            .serve = serve,
            .arg = place,
        };
        *place = (struct place){.world = &world, .status = 200, .reply = "{}"};
        if (http_listen(world.server, &listening, &place->listener, NULL))
            return 1;
    }
    open_branches(&world, NULL);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    http_branches_close(world->branches);
    http_server_close(world->server);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    http_branches_free(world->branches);
    http_server_free(world->server);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    bus_arena_release(&world->arena);
    return 0;
}

struct asker {
    struct world *world;
    size_t index;
};

static void on_done(void *arg, const struct http_branch_answer *answer)
{
    struct asker *asker = arg;
    struct heard *heard = &asker->world->heard[asker->world->heard_count++];
    heard->status = answer->status;
    heard->code = answer->error.code;
    heard->index = asker->index;
    memcpy(heard->reason, answer->error.reason, sizeof(heard->reason));
    keep(heard->body, sizeof(heard->body), answer->body);
    uv_stop(&asker->world->loop); /* else it might wait for more at once */
}

static const char *url(struct world *world, size_t place, const char *path)
{
    return bus_arena_printf(&world->arena, "http://127.0.0.1:%d%s",
                            http_listener_port(world->places[place].listener),
                            path);
}

static struct http_branch_call call_of(struct world *world, const char *target)
{
    struct asker *asker = bus_arena_alloc(&world->arena, sizeof(*asker));
    static size_t index;
    asker->world = world;
    asker->index = index++;
    return (struct http_branch_call){
        .url = target,
        .gid = "g 1",
        .trans_type = "saga",
        .branch_id = "01",
        .op = "action",
        .timeout_ms = TIMEOUT_MS,
        .done = on_done,
        .arg = asker,
    };
}

static void until(struct world *world, size_t count)
{
    while (world->heard_count < count)
        uv_run(&world->loop, UV_RUN_ONCE);
}

static void until_asked(struct world *world, const struct place *place,
                        size_t count)
{
    while (place->asked < count)
        uv_run(&world->loop, UV_RUN_ONCE);
}

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

/* --- success --- */

static void call_without_body_is_a_get(void **state)
{
    struct world *world = *state;
    struct place *place = &world->places[0];
    struct http_branch_call call = call_of(world, url(world, 0, "/a?x=%201"));
    place->reply = "{\"a\":1}";
    http_branch_start(world->branches, &call);
    assert_int_equal(world->heard_count, 0);
    until(world, 1);
    assert_int_equal(world->heard[0].status, 200);
    assert_string_equal(world->heard[0].body, "{\"a\":1}");
    assert_string_equal(place->method, "GET");
    assert_string_equal(place->target, "/a?x=%201&branch_id=01&gid=g+1&"
                                       "op=action&trans_type=saga");
    call.post = true;
    http_branch_start(world->branches, &call);
    until(world, 2);
    assert_string_equal(place->method, "POST");
    assert_string_equal(place->body, "");
}

static void body_and_headers_are_sent(void **state)
{
    struct world *world = *state;
    struct place *place = &world->places[0];
    const struct http_branch_header headers[] = {
        {"X-Trace", "t 1"}, {"Content-Length", "9"}, {"content-type", "x/y"}};
    struct http_branch_call call = call_of(world, url(world, 0, ""));
    call.body = bytes("{\"id\":1}");
    http_branch_start(world->branches, &call);
    until(world, 1);
    assert_string_equal(place->method, "POST");
    assert_string_equal(place->body, "{\"id\":1}");
    assert_string_equal(place->type, "application/json");
    assert_string_equal(place->trace, "");
    call.headers = headers;
    call.header_count = 3;
    http_branch_start(world->branches, &call);
    until(world, 2);
    assert_int_equal(world->heard[1].status, 200);
    assert_string_equal(place->type, "x/y");
    assert_string_equal(place->trace, "t 1");
}

static void rpc_is_one_body(void **state)
{
    struct world *world = *state;
    struct place *place = &world->places[0];
    struct http_branch_call call =
        call_of(world, url(world, 0, "/rpc?a=1&method=Trans%20In"));
    call.form = HTTP_BRANCH_JSON_RPC;
    call.body = bytes("{\"amount\":30}");
    http_branch_start(world->branches, &call);
    until(world, 1);
    assert_string_equal(place->target, "/rpc?a=1&method=Trans%20In");
    assert_string_equal(
        place->body, "{\"id\":\"g 1-01-action\",\"jsonrpc\":\"2.0\","
                     "\"method\":\"Trans In\",\"params\":{\"amount\":30,"
                     "\"branch_id\":\"01\",\"gid\":\"g 1\",\"op\":\"action\","
                     "\"trans_type\":\"saga\"}}");
}

static void connections_are_used_again(void **state)
{
    struct world *world = *state;
    struct http_branch_call call = call_of(world, url(world, 0, "/"));
    for (size_t i = 1; i <= 5; i++) {
        http_branch_start(world->branches, &call);
        until(world, i);
    }
    assert_int_equal(world->opened, 1);
}

static void redirects_are_handed_over(void **state)
{
    struct world *world = *state;
    struct http_branch_call call = call_of(world, url(world, 0, "/"));
    world->places[0].status = 302;
    http_branch_start(world->branches, &call);
    until(world, 1);
    assert_int_equal(world->heard[0].status, 302);
    assert_int_equal(world->places[0].asked, 1);
}

static void place_that_hangs_holds_up_no_other(void **state)
{
    struct world *world = *state;
    struct place *dead = &world->places[0];
    dead->manner = HANG;
    for (int i = 0; i < HOST_CALLS + HOST_QUEUE; i++) {
        struct http_branch_call call = call_of(world, url(world, 0, "/"));
        http_branch_start(world->branches, &call);
    }
    struct http_branch_call other = call_of(world, url(world, 1, "/"));
    http_branch_start(world->branches, &other);
    until(world, 1);
    assert_int_equal(world->heard[0].status, 200);
    assert_int_equal(world->places[1].asked, 1);
    until_asked(world, dead, HOST_CALLS);
    assert_int_equal(dead->asked, HOST_CALLS);
    /* the next in the queue comes as one is answered */
    answer(dead, 0);
    until_asked(world, dead, HOST_CALLS + 1);
    for (size_t i = 1; i < HOST_CALLS + HOST_QUEUE; i++) {
        until_asked(world, dead, i + 1);
        answer(dead, i);
    }
    until(world, 1 + HOST_CALLS + HOST_QUEUE);
    for (size_t i = 2; i < world->heard_count; i++)
        assert_true(world->heard[i].index > world->heard[1].index);
    assert_int_equal(http_branches_count(world->branches), 0);
}

/* --- failure --- */

static void assert_fails(struct world *world,
                         const struct http_branch_call *call, int code,
                         const char *reason)
{
    size_t before = world->heard_count;
    http_branch_start(world->branches, call);
    assert_int_equal(world->heard_count, before);
    until(world, before + 1);
    assert_int_equal(world->heard[before].status, 0);
    assert_int_equal(world->heard[before].code, code);
    assert_string_equal(world->heard[before].reason, reason);
}

static void nobody_there_is_told_apart_from_lost(void **state)
{
    struct world *world = *state;
    struct http_branch_call call =
        call_of(world, "http://127.0.0.1:1/"); /* nobody may listen there */
    assert_fails(world, &call, BUS_UNAVAILABLE, "no_responder");
    struct http_branch_call lost = call_of(world, url(world, 0, "/"));
    world->places[0].manner = DROP;
    assert_fails(world, &lost, BUS_UNKNOWN, "outcome_unknown");
}

static void slow_place_times_out(void **state)
{
    struct world *world = *state;
    struct http_branch_call call = call_of(world, url(world, 0, "/"));
    call.timeout_ms = SHORT_MS;
    world->places[0].manner = HANG;
    assert_fails(world, &call, BUS_DEADLINE_EXCEEDED, "");
}

static void large_answer_is_cut_off(void **state)
{
    struct world *world = *state;
    struct http_branch_call call = call_of(world, url(world, 0, "/"));
    char reply[ANSWER_MAX + 2];
    memset(reply, 'x', sizeof(reply));
    reply[ANSWER_MAX + 1] = '\0';
    world->places[0].reply = reply;
    assert_fails(world, &call, BUS_UNKNOWN, "outcome_unknown");
    reply[ANSWER_MAX] = '\0';
    http_branch_start(world->branches, &call);
    until(world, 2);
    assert_int_equal(world->heard[1].status, 200);
}

static void full_queue_refuses_at_once(void **state)
{
    struct world *world = *state;
    world->places[0].manner = HANG;
    for (int i = 0; i < HOST_CALLS + HOST_QUEUE; i++) {
        struct http_branch_call call = call_of(world, url(world, 0, "/"));
        http_branch_start(world->branches, &call);
    }
    struct http_branch_call call = call_of(world, url(world, 0, "/"));
    assert_fails(world, &call, BUS_UNAVAILABLE, "no_responder");
}

static void turn_that_does_not_come_is_given_up(void **state)
{
    struct world *world = *state;
    world->places[0].manner = HANG;
    for (int i = 0; i < HOST_CALLS; i++) {
        struct http_branch_call call = call_of(world, url(world, 0, "/"));
        http_branch_start(world->branches, &call);
    }
    struct http_branch_call call = call_of(world, url(world, 0, "/"));
    call.timeout_ms = SHORT_MS;
    assert_fails(world, &call, BUS_UNAVAILABLE, "no_responder");
    assert_int_equal(http_branches_count(world->branches), HOST_CALLS);
}

static void places_off_the_list_are_not_called(void **state)
{
    struct world *world = *state;
    const struct allow_rule rule = {
        "http", "127.0.0.1", http_listener_port(world->places[1].listener)};
    struct http_branches *all = world->branches;
    open_branches(world, &rule);
    struct http_branch_call call = call_of(world, url(world, 0, "/"));
    assert_fails(world, &call, BUS_PERMISSION_DENIED, "not_allowed");
    assert_int_equal(world->places[0].asked, 0);
    struct http_branch_call good = call_of(world, url(world, 1, "/"));
    http_branch_start(world->branches, &good);
    until(world, 2);
    assert_int_equal(world->heard[1].status, 200);
    http_branches_close(all);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    http_branches_free(all);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    struct world *world = *state;
    static const char *const wrong[] = {
        "",
        "/a",
        "ftp://a/",
        "file:///etc/passwd",
        "gopher://a/",
        "http://u:p@a/",
        "http://a:99999/",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct http_branch_call call = call_of(world, wrong[i]);
        assert_fails(world, &call, BUS_INVALID_ARGUMENT, "");
    }
    static const struct http_branch_header bad[] = {
        {"X-A", "1\r\nX-B: 2"}, {"X A", "1"}, {"", "1"}, {"X:", "1"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_branch_call call = call_of(world, url(world, 0, "/"));
        call.headers = &bad[i];
        call.header_count = 1;
        assert_fails(world, &call, BUS_INVALID_ARGUMENT, "");
    }
    struct http_branch_call rpc = call_of(world, url(world, 0, "/?method=m"));
    rpc.form = HTTP_BRANCH_JSON_RPC;
    rpc.body = bytes("[1]");
    assert_fails(world, &rpc, BUS_INVALID_ARGUMENT, "");
    assert_int_equal(world->places[0].asked, 0);
}

static void closing_forgets_what_is_under_way(void **state)
{
    struct world *world = *state;
    world->places[0].manner = HANG;
    for (int i = 0; i < HOST_CALLS + 1; i++) {
        struct http_branch_call call = call_of(world, url(world, 0, "/"));
        http_branch_start(world->branches, &call);
    }
    struct http_branch_call refused = call_of(world, "ftp://a/");
    http_branch_start(world->branches, &refused);
    until_asked(world, &world->places[0], 1);
    /* teardown closes */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(call_without_body_is_a_get),
        TEST(body_and_headers_are_sent),
        TEST(rpc_is_one_body),
        TEST(connections_are_used_again),
        TEST(redirects_are_handed_over),
        TEST(place_that_hangs_holds_up_no_other),
        TEST(nobody_there_is_told_apart_from_lost),
        TEST(slow_place_times_out),
        TEST(large_answer_is_cut_off),
        TEST(full_queue_refuses_at_once),
        TEST(turn_that_does_not_come_is_given_up),
        TEST(places_off_the_list_are_not_called),
        TEST(what_cannot_be_sent_is_refused),
        TEST(closing_forgets_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
