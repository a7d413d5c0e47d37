/* SPDX-License-Identifier: MIT
 *
 * One probe a program: a process and the pipe of its output. The check ends
 * when the last handle of the last probe is closed.
 */
#include "actors/supervisor/check.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/code.h"
#include "bus/error.h"

#define CHUNK 1024

struct check;

struct probe {
    struct check *check;
    const struct topology_actor *spec;
    uv_process_t process;
    uv_pipe_t output;
    bool running;
    bool failed;
    bool late;
    size_t len;
    char text[CHECK_TEXT_MAX];
    char chunk[CHUNK];
};

struct check {
    uv_timer_t timer;
    check_done *done;
    void *arg;
    size_t open; /* handles */
    size_t left; /* probes that did not answer yet */
    size_t count;
    struct probe probes[];
};

/* What the program said, or what it did if it said nothing. */
static void describe(const struct probe *probe, struct bus_error *err)
{
    size_t len = strcspn(probe->text, "\r\n");
    if (probe->late)
        bus_error_set(err, BUS_INVALID_ARGUMENT,
                      "%s did not answer --check within %d ms",
                      probe->spec->program, CHECK_TIMEOUT_MS);
    else if (len > 0)
        bus_error_set(err, BUS_INVALID_ARGUMENT, "%.*s", (int)len, probe->text);
    else
        bus_error_set(err, BUS_INVALID_ARGUMENT,
                      "%s --check failed and did not say why",
                      probe->spec->program);
}

static void finish(struct check *check)
{
    struct bus_error err = {.code = BUS_OK};
    for (size_t i = 0; !err.code && i < check->count; i++) {
        if (check->probes[i].failed)
            describe(&check->probes[i], &err);
    }
    check->done(check->arg, &err);
    free(check);
}

static void on_closed(uv_handle_t *handle)
{
    struct check *check = handle->data;
    if (--check->open == 0)
        finish(check);
}

static void close_handle(struct check *check, uv_handle_t *handle)
{
    if (uv_is_closing(handle))
        return;
    handle->data = check;
    uv_close(handle, on_closed);
}

static void answered(struct check *check)
{
    if (--check->left == 0)
        close_handle(check, (uv_handle_t *)&check->timer);
}

static void on_exit(uv_process_t *process, int64_t status, int signo)
{
    struct probe *probe = process->data;
    struct check *check = probe->check;
    probe->running = false;
    probe->failed = status != 0 || signo != 0;
    close_handle(check, (uv_handle_t *)process);
    answered(check);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    (void)size;
    struct probe *probe = handle->data;
    *ret = uv_buf_init(probe->chunk, CHUNK);
}

static void on_output(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct probe *probe = stream->data;
    if (len < 0) {
        close_handle(probe->check, (uv_handle_t *)stream);
        return;
    }
    size_t room = sizeof(probe->text) - 1 - probe->len;
    size_t take = (size_t)len < room ? (size_t)len : room;
    memcpy(probe->text + probe->len, buf->base, take);
    probe->len += take;
}

static void on_late(uv_timer_t *timer)
{
    struct check *check = timer->data;
    for (size_t i = 0; i < check->count; i++) {
        struct probe *probe = &check->probes[i];
        probe->late = probe->running;
        if (probe->running)
            kill(-probe->process.pid, SIGKILL);
    }
}

static int spawn(struct probe *probe, uv_loop_t *loop,
                 const struct launch_site *site, int output)
{
    struct bus_arena arena;
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = output},
        {.flags = UV_INHERIT_FD, .data.fd = output},
    };
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    struct launch launch = launch_check(site, probe->spec, &arena);
    uv_process_options_t options = {.exit_cb = on_exit,
                                    .file = launch.args[0],
                                    .args = launch.args,
                                    .env = launch.env,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = stdio};
    probe->process.data = probe;
    int failed = uv_spawn(loop, &probe->process, &options);
    bus_arena_release(&arena);
    return failed;
}

/* It could not be run at all. */
static void cannot_run(struct probe *probe, int failed)
{
    probe->failed = true;
    snprintf(probe->text, sizeof(probe->text), "%s: cannot be run: %s",
             probe->spec->program, uv_strerror(failed));
    close_handle(probe->check, (uv_handle_t *)&probe->process);
    answered(probe->check);
}

static void probe_start(struct probe *probe, uv_loop_t *loop,
                        const struct launch_site *site)
{
    uv_file ends[2] = {-1, -1};
    uv_pipe_init(loop, &probe->output, 0);
    probe->output.data = probe;
    probe->check->open += 2;
    int failed = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    if (!failed)
        failed = uv_pipe_open(&probe->output, ends[0]);
    int spawned = spawn(probe, loop, site, ends[1]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (failed ||
        uv_read_start((uv_stream_t *)&probe->output, on_alloc, on_output))
        close_handle(probe->check, (uv_handle_t *)&probe->output);
    probe->running = spawned == 0;
    if (spawned)
        cannot_run(probe, spawned);
}

void check_start(uv_loop_t *loop, const struct launch_site *site,
                 const struct topology *topology, check_done *done, void *arg)
{
    size_t count = topology->actors.count;
    struct check *check =
        calloc(1, sizeof(*check) + count * sizeof(struct probe));
    if (!check)
        abort();
    check->done = done;
    check->arg = arg;
    check->count = check->left = count;
    check->open = 1;
    uv_timer_init(loop, &check->timer);
    check->timer.data = check;
    uv_timer_start(&check->timer, on_late, CHECK_TIMEOUT_MS, 0);
    for (size_t i = 0; i < count; i++) {
        check->probes[i].check = check;
        check->probes[i].spec = topology_at(topology, i);
        probe_start(&check->probes[i], loop, site);
    }
}
