/* SPDX-License-Identifier: MIT
 *
 * bench_saga_http [HOME ACTOR]: an HTTP server that steps are called at. Alone,
 * its every answer is 200 {}: a step without a store. With an actor of a home
 * it is the API in front of a service: it hands each step on to the actor's
 * method act, inside the saga that the query names, and answers 200 {} when
 * that has committed. Prints its port, ends with its standard input.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/http/reader.h"
#include "actors/http/server.h"
#include "actors/http/target.h"
#include "bus/call.h"
#include "bus/code.h"
#include "bus/names.h"
#include "bus/pack.h"

#define CONNS_MAX 4096
#define BODY_MAX ((size_t)1 << 20)
#define PAIRS_MAX 16
#define STEP_NS (5 * BUS_SECOND)

struct bench {
    uv_loop_t loop;
    uv_pipe_t input;
    uv_async_t wake;
    struct http_server *server;
    struct bus *bus; /* NULL: no actor */
    const char *actor;
    struct bus_buf body; /* of every call */
    pthread_mutex_t lock;
    struct step *answered; /* guarded by lock */
};

/* A step while the actor has it. */
struct step {
    struct step *next;
    struct bench *bench;
    struct http_ticket ticket;
    int code;
};

static void answer(struct http_ticket *ticket, int code)
{
    struct http_answer answer = {
        .status = code ? 500 : 200,
        .type = "application/json",
        .body = {(const uint8_t *)"{}", 2},
    };
    http_answer(ticket, &answer);
}

/* On the bus's thread. */
static void on_reply(void *arg, const struct bus_reply *reply)
{
    struct step *step = arg;
    struct bench *bench = step->bench;
    step->code = reply->error.code;
    pthread_mutex_lock(&bench->lock);
    step->next = bench->answered;
    bench->answered = step;
    pthread_mutex_unlock(&bench->lock);
    uv_async_send(&bench->wake);
}

static void on_wake(uv_async_t *wake)
{
    struct bench *bench = wake->data;
    pthread_mutex_lock(&bench->lock);
    struct step *step = bench->answered;
    bench->answered = NULL;
    pthread_mutex_unlock(&bench->lock);
    while (step) {
        struct step *next = step->next;
        answer(&step->ticket, step->code);
        free(step);
        step = next;
    }
}

static const char *value_of(struct bus_arena *arena,
                            const struct bus_pair *pairs, size_t count,
                            const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (bus_bytes_is(pairs[i].name, name))
            return bus_arena_text_n(arena, (const char *)pairs[i].value.data,
                                    pairs[i].value.len);
    return NULL;
}

/* The saga that the query names. */
static void mark_of(struct bus_bytes text, struct bus_arena *arena,
                    struct bus_saga_mark *ret)
{
    struct bus_pair pairs[PAIRS_MAX];
    struct target target;
    struct bus_error err;
    size_t count = 0;
    if (target_parse(text, arena, &target, &err) ||
        target_form(target.query, arena, pairs, PAIRS_MAX, &count, &err))
        return;
    *ret = (struct bus_saga_mark){
        .gid = value_of(arena, pairs, count, "gid"),
        .branch = value_of(arena, pairs, count, "branch_id"),
        .op = value_of(arena, pairs, count, "op")};
}

static void hand_on(struct bench *bench, struct step *step,
                    struct bus_bytes target)
{
    struct bus_arena arena;
    struct bus_request request = {
        .target = bench->actor,
        .method = "act",
        .deadline = bus_now(&bus_clock_system) + STEP_NS,
        .body = bus_buf_bytes(&bench->body),
    };
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    mark_of(target, &arena, &request.meta.saga);
    bus_trace_new(&request.meta.trace);
    bus_start(bench->bus, &request, on_reply, step);
    bus_flush(bench->bus);
    bus_arena_release(&arena);
}

static void serve(void *arg, struct http_conn *conn)
{
    struct bench *bench = arg;
    struct http_ticket ticket = {0};
    if (!bench->bus) {
        http_take(conn, &ticket);
        answer(&ticket, BUS_OK);
        return;
    }
    struct step *step = calloc(1, sizeof(*step));
    if (!step)
        abort();
    step->bench = bench;
    http_take(conn, &step->ticket);
    hand_on(bench, step, http_request(conn)->target);
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *ret)
{
    static char bytes[16];
    (void)handle;
    (void)hint;
    *ret = uv_buf_init(bytes, sizeof(bytes));
}

static void on_input(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct bench *bench = stream->data;
    (void)buf;
    if (len >= 0)
        return;
    uv_close((uv_handle_t *)&bench->input, NULL);
    uv_close((uv_handle_t *)&bench->wake, NULL);
    http_server_close(bench->server);
}

static int open_bus(struct bench *bench, const char *home, const char *actor,
                    struct bus_error *err)
{
    const struct bus_options options = {.home = home, .actor = "bench-http"};
    bench->actor = actor;
    bus_buf_init(&bench->body, BODY_MAX);
    bus_pack_map(&bench->body, 2);
    bus_pack_text(&bench->body, "user_id");
    bus_pack_int(&bench->body, 12345);
    bus_pack_text(&bench->body, "amount");
    bus_pack_int(&bench->body, 30);
    return bus_open(&options, &bench->bus, err);
}

static int listen_on(struct bench *bench, struct bus_error *err)
{
    const struct http_server_options options = {
        .loop = &bench->loop,
        .clock = &bus_clock_system,
        .conn_max = CONNS_MAX,
        .waits = http_waits_default,
    };
    const struct http_listener_options listening = {
        .name = "bench",
        .host = "127.0.0.1",
        .body_max = BODY_MAX,
        .serve = serve,
        .arg = bench,
    };
    struct http_listener *listener;
    bench->server = http_server_new(&options);
    int code = http_listen(bench->server, &listening, &listener, err);
    if (code == BUS_OK) {
        printf("%d\n", http_listener_port(listener));
        fflush(stdout);
    }
    return code;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct bus_error err;
    uv_loop_init(&bench.loop);
    pthread_mutex_init(&bench.lock, NULL);
    int code = argc == 3 ? open_bus(&bench, argv[1], argv[2], &err) : BUS_OK;
    if (code == BUS_OK)
        code = listen_on(&bench, &err);
    if (code != BUS_OK) {
        fprintf(stderr, "bench: %s\n", err.sentence);
        return 1;
    }
    bench.input.data = &bench;
    bench.wake.data = &bench;
    uv_async_init(&bench.loop, &bench.wake, on_wake);
    uv_pipe_init(&bench.loop, &bench.input, 0);
    uv_pipe_open(&bench.input, 0);
    uv_read_start((uv_stream_t *)&bench.input, on_alloc, on_input);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    if (bench.bus)
        bus_close(bench.bus);
    http_server_free(bench.server);
    bus_buf_release(&bench.body);
    return uv_loop_close(&bench.loop) ? 1 : 0;
}
