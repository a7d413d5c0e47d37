/* SPDX-License-Identifier: MIT
 *
 * A server on one loop and clients on plain sockets, all in one thread: what
 * clients send lies in the kernel until the loop turns.
 */
#include "actors/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/code.h"

#define BODY_MAX 64
#define CONNS_MAX 2
#define SHORT_MS 20
#define TICKETS 8
#define READ_MAX 4096
#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define TAIL "\r\n\r\n"

struct world {
    uv_loop_t loop;
    struct http_server *server;
    int port;
    bool later; /* tickets are kept, else answered at once */
    struct http_ticket tickets[TICKETS];
    size_t asked;
    int conns;
    struct bus_arena arena;
};

static void answer(struct world *world, size_t index)
{
    struct http_answer out = {0};
    char text[16];
    snprintf(text, sizeof(text), "%zu", index);
    http_answer_text(&out, 200, text, &world->arena);
    http_answer(&world->tickets[index], &out);
}

static void serve(void *arg, struct http_conn *conn)
{
    struct world *world = arg;
    size_t index = world->asked++;
    assert_true(index < TICKETS);
    http_take(conn, &world->tickets[index]);
    if (http_request(conn)->state == READER_REFUSED) {
        struct http_answer out = {0};
        http_answer_refusal(&out, http_request(conn), &world->arena);
        http_answer(&world->tickets[index], &out);
    } else if (!world->later) {
        answer(world, index);
    }
}

static void on_opened(void *arg)
{
    ((struct world *)arg)->conns++;
}

static void on_closed(void *arg)
{
    ((struct world *)arg)->conns--;
}

static int setup(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    bus_arena_init(&world.arena, BUS_ARENA_LIMIT);
    uv_loop_init(&world.loop);
    struct http_server_options options = {
        .loop = &world.loop,
        .clock = &bus_clock_system,
        .conn_max = CONNS_MAX,
        .waits = http_waits_default,
        .opened = on_opened,
        .closed = on_closed,
        .arg = &world,
    };
    options.waits.head_ms = SHORT_MS;
    world.server = http_server_new(&options);
    struct http_listener_options listening = {
        .name = "t",
        .host = "127.0.0.1",
        .body_max = BODY_MAX,
        .serve = serve,
        .arg = &world,
    };
    struct http_listener *listener;
    if (http_listen(world.server, &listening, &listener, NULL))
        return 1;
    world.port = http_listener_port(listener);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    http_server_close(world->server);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    http_server_free(world->server);
    assert_int_equal(world->conns, 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    bus_arena_release(&world->arena);
    return 0;
}

static int client(struct world *world, const char *text)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)world->port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    return fd;
}

/* Turns the loop until the client has read `last`, or "" its end. */
static const char *until(struct world *world, int fd, const char *last)
{
    static char text[READ_MAX];
    size_t len = 0;
    for (;; uv_run(&world->loop, UV_RUN_ONCE)) {
        ssize_t got =
            recv(fd, text + len, sizeof(text) - 1 - len, MSG_DONTWAIT);
        if (got > 0)
            len += (size_t)got;
        text[len] = '\0';
        if (last[0] ? strstr(text, last) != NULL : got == 0)
            return text;
    }
}

static void until_asked(struct world *world, size_t count)
{
    while (world->asked < count)
        uv_run(&world->loop, UV_RUN_ONCE);
}

/* --- success --- */

static void requests_of_a_connection_are_answered(void **state)
{
    int fd = client(*state, GET);
    const char *text = until(*state, fd, TAIL "0\n");
    assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
    send(fd, GET, strlen(GET), 0);
    until(*state, fd, TAIL "1\n");
    close(fd);
}

static void pipelined_requests_wait_their_turn(void **state)
{
    struct world *world = *state;
    world->later = true;
    int fd = client(world, GET GET);
    until_asked(world, 1);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    assert_int_equal(world->asked, 1);
    answer(world, 0);
    assert_int_equal(world->asked, 2);
    answer(world, 1);
    until(world, fd, TAIL "1\n");
    close(fd);
}

static void closed_connection_leaves_an_empty_ticket(void **state)
{
    struct world *world = *state;
    world->later = true;
    int fd = client(world, GET);
    until_asked(world, 1);
    assert_memory_equal(http_peer(world->tickets[0].conn), "127.0.0.1:", 10);
    http_server_close(world->server);
    assert_null(world->tickets[0].conn);
    answer(world, 0);
    assert_string_equal(until(world, fd, ""), "");
    close(fd);
}

static void leaving_answers_what_is_under_way(void **state)
{
    struct world *world = *state;
    world->later = true;
    int idle = client(world, "");
    int busy = client(world, GET);
    until_asked(world, 1);
    http_server_leave(world->server);
    assert_string_equal(until(world, idle, ""), "");
    answer(world, 0);
    assert_non_null(
        strstr(until(world, busy, TAIL "0\n"), "Connection: close\r\n"));
    close(idle);
    close(busy);
}

/* --- failure --- */

static void refused_request_ends_the_connection(void **state)
{
    int fd = client(*state, "GET /a HTTP/3.0\r\nHost: x\r\n\r\n" GET);
    const char *text = until(*state, fd, "");
    assert_memory_equal(text, "HTTP/1.1 505 ", 13);
    assert_null(strstr(text, "200 OK"));
    close(fd);
}

static void connection_past_the_limit_hears_why(void **state)
{
    int fds[CONNS_MAX + 1];
    for (int i = 0; i <= CONNS_MAX; i++)
        fds[i] = client(*state, i < CONNS_MAX ? GET : "");
    assert_memory_equal(until(*state, fds[CONNS_MAX], ""), "HTTP/1.1 503 ", 13);
    until(*state, fds[0], TAIL);
    for (int i = 0; i <= CONNS_MAX; i++)
        close(fds[i]);
}

static void slow_head_is_cut_off(void **state)
{
    int fd = client(*state, "GET /a HT");
    assert_string_equal(until(*state, fd, ""), "");
    close(fd);
}

static void dropped_ticket_closes(void **state)
{
    struct world *world = *state;
    world->later = true;
    int fd = client(world, GET);
    until_asked(world, 1);
    http_drop(&world->tickets[0]);
    assert_null(world->tickets[0].conn);
    assert_string_equal(until(world, fd, ""), "");
    close(fd);
}

static void places_that_cannot_be_had_are_refused(void **state)
{
    struct world *world = *state;
    struct bus_error err;
    struct http_listener_options options = {
        .name = "t", .host = "somewhere", .port = 1, .serve = serve};
    assert_int_equal(http_listen(world->server, &options, NULL, &err),
                     BUS_INVALID_ARGUMENT);
    assert_string_equal(err.sentence, "t: key Host: found \"somewhere\", "
                                      "expected an IP address");
    options.host = "127.0.0.1";
    options.port = world->port;
    assert_int_equal(http_listen(world->server, &options, NULL, &err),
                     BUS_UNAVAILABLE);
    assert_non_null(strstr(err.sentence, "address already in use"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_of_a_connection_are_answered),
        TEST(pipelined_requests_wait_their_turn),
        TEST(closed_connection_leaves_an_empty_ticket),
        TEST(leaving_answers_what_is_under_way),
        TEST(refused_request_ends_the_connection),
        TEST(connection_past_the_limit_hears_why),
        TEST(slow_head_is_cut_off),
        TEST(dropped_ticket_closes),
        TEST(places_that_cannot_be_had_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
