/* SPDX-License-Identifier: MIT
 *
 * bench_saga_http: an HTTP server whose every answer is 200 {}, as a step
 * without a store. Prints its port, ends with its standard input.
 */
#include <stdio.h>

#include "actors/http/server.h"
#include "bus/code.h"

#define CONNS_MAX 4096
#define BODY_MAX ((size_t)1 << 20)

struct bench {
    uv_loop_t loop;
    uv_pipe_t input;
    struct http_server *server;
};

static void serve(void *arg, struct http_conn *conn)
{
    struct http_ticket ticket = {0};
    struct http_answer answer = {
        .status = 200,
        .type = "application/json",
        .body = {(const uint8_t *)"{}", 2},
    };
    (void)arg;
    http_take(conn, &ticket);
    http_answer(&ticket, &answer);
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
    http_server_close(bench->server);
}

int main(void)
{
    static struct bench bench;
    uv_loop_init(&bench.loop);
    const struct http_server_options options = {
        .loop = &bench.loop,
        .clock = &bus_clock_system,
        .conn_max = CONNS_MAX,
        .waits = http_waits_default,
    };
    const struct http_listener_options listening = {
        .name = "bench",
        .host = "127.0.0.1",
        .body_max = BODY_MAX,
        .serve = serve,
        .arg = &bench,
    };
    struct http_listener *listener;
    struct bus_error err;
    bench.server = http_server_new(&options);
    if (http_listen(bench.server, &listening, &listener, &err) != BUS_OK) {
        fprintf(stderr, "%s\n", err.sentence);
        return 1;
    }
    printf("%d\n", http_listener_port(listener));
    fflush(stdout);
    bench.input.data = &bench;
    uv_pipe_init(&bench.loop, &bench.input, 0);
    uv_pipe_open(&bench.input, 0);
    uv_read_start((uv_stream_t *)&bench.input, on_alloc, on_input);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    http_server_free(bench.server);
    return uv_loop_close(&bench.loop) ? 1 : 0;
}
