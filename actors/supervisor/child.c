/* SPDX-License-Identifier: MIT
 *
 * A child is three handles of the loop: the process and two pipes. It is freed
 * when all three are closed; from its exit on it tells nobody anything.
 */
#include "actors/supervisor/child.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/supervisor/capture.h"

#define CHUNK 65536 /* bytes of one read, and of one last drain step */
#define DRAIN_MAX ((size_t)1 << 20)

struct child {
    const struct child_host *host;
    struct super_instance *instance; /* NULL: exited */
    uv_process_t process;
    uv_pipe_t notify, output;
    int open; /* handles */
    struct capture capture;
    bool skipping; /* the rest of a line that was too long */
    size_t line_len;
    char line[SUPER_LINE_MAX];
    size_t words_len; /* of the line of output that is being written */
    bool words_end;   /* it is whole: the next byte begins another */
    char words[SUPER_WORDS_MAX];
    char chunk[CHUNK];
};

/* The write ends of the two pipes, given to the process. */
struct ends {
    int notify, output;
};

static void on_closed(uv_handle_t *handle)
{
    struct child *child = handle->data;
    if (--child->open == 0) {
        capture_close(&child->capture);
        free(child);
    }
}

static void close_handle(struct child *child, uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        handle->data = child;
        uv_close(handle, on_closed);
    }
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    (void)size;
    struct child *child = handle->data;
    *ret = uv_buf_init(child->chunk, CHUNK);
}

/* Keeps the beginning of the last line: why a child did not start is often
 * there and nowhere else. */
static void keep_words(struct child *child, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (child->words_end && text[i] != '\n') {
            child->words_end = false;
            child->words_len = 0;
        }
        if (text[i] == '\n')
            child->words_end = true;
        else if (child->words_len + 1 < sizeof(child->words))
            child->words[child->words_len++] = text[i];
    }
    child->words[child->words_len] = '\0';
}

/* What the child writes is logged as it is. Of a long text only the end can
 * hold the last line. */
static void take_output(struct child *child, const char *text, size_t len)
{
    size_t tail = (size_t)2 * SUPER_WORDS_MAX;
    capture_write(&child->capture, text, len);
    if (len > tail)
        keep_words(child, text + len - tail, tail);
    else
        keep_words(child, text, len);
}

static void on_output(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct child *child = stream->data;
    if (len > 0)
        take_output(child, buf->base, (size_t)len);
    else if (len < 0)
        close_handle(child, (uv_handle_t *)stream);
}

static void take_byte(struct child *child, char byte)
{
    if (byte != '\n') {
        if (child->line_len + 1 < sizeof(child->line))
            child->line[child->line_len++] = byte;
        else
            child->skipping = true;
        return;
    }
    child->line[child->line_len] = '\0';
    if (!child->skipping && child->instance)
        child->host->said(child->host->arg, child->instance, child->line);
    child->line_len = 0;
    child->skipping = false;
}

static void on_notify(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct child *child = stream->data;
    for (ssize_t i = 0; i < len; i++)
        take_byte(child, buf->base[i]);
    if (len < 0)
        close_handle(child, (uv_handle_t *)stream);
}

/* Reads what is left in the output pipe: all that the dead process wrote. */
static void drain_output(struct child *child)
{
    uv_os_fd_t fd;
    if (uv_is_closing((uv_handle_t *)&child->output) ||
        uv_fileno((uv_handle_t *)&child->output, &fd))
        return;
    size_t total = 0;
    ssize_t len;
    while (total < DRAIN_MAX && (len = read(fd, child->chunk, CHUNK)) > 0) {
        take_output(child, child->chunk, (size_t)len);
        total += (size_t)len;
    }
}

static void on_exit(uv_process_t *process, int64_t status, int signo)
{
    struct child *child = process->data;
    struct super_instance *instance = child->instance;
    /* What it started itself goes with it. */
    kill(-process->pid, SIGKILL);
    drain_output(child);
    memcpy(instance->last_words, child->words, sizeof(child->words));
    child->instance = NULL;
    instance->child = NULL;
    close_handle(child, (uv_handle_t *)process);
    close_handle(child, (uv_handle_t *)&child->notify);
    close_handle(child, (uv_handle_t *)&child->output);
    child->host->exited(child->host->arg, instance, (int)status, signo);
}

/* Opens one pipe: the read end into the handle, the write end returned. */
static int open_pipe(struct child *child, uv_pipe_t *pipe)
{
    uv_file ends[2];
    int failed = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    assert(uv_pipe_init(child->host->loop, pipe, 0) == 0);
    pipe->data = child;
    child->open++;
    if (failed)
        return -1;
    if (uv_pipe_open(pipe, ends[0])) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    return ends[1];
}

static int spawn(struct child *child, const struct ends *ends)
{
    struct bus_arena arena;
    const struct super_actor *actor = child->instance->actor;
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = ends->output},
        {.flags = UV_INHERIT_FD, .data.fd = ends->output},
        {.flags = UV_INHERIT_FD, .data.fd = ends->notify},
    };
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    struct launch launch =
        launch_run(&child->host->site, actor->spec, child->instance->number,
                   actor->replicas, &arena);
    uv_process_options_t options = {.exit_cb = on_exit,
                                    .file = launch.args[0],
                                    .args = launch.args,
                                    .env = launch.env,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = LAUNCH_NOTIFY_FD + 1,
                                    .stdio = stdio};
    child->process.data = child;
    child->open++;
    int failed = uv_spawn(child->host->loop, &child->process, &options);
    bus_arena_release(&arena);
    return failed;
}

static void open_capture(struct child *child)
{
    char path[BUS_PATH_MAX];
    snprintf(path, sizeof(path), "%s/log/%s-%d.log", child->host->site.home,
             child->instance->actor->spec->name, child->instance->number);
    capture_open(&child->capture, path, 0);
}

static void close_end(int fd)
{
    if (fd >= 0)
        close(fd);
}

int child_start(const struct child_host *host, struct super_instance *instance,
                char cause[SUPER_CAUSE_MAX])
{
    struct child *child = calloc(1, sizeof(*child));
    if (!child)
        abort();
    child->host = host;
    child->instance = instance;
    open_capture(child);
    struct ends ends = {open_pipe(child, &child->notify),
                        open_pipe(child, &child->output)};
    int failed =
        ends.notify < 0 || ends.output < 0 ? UV_EMFILE : spawn(child, &ends);
    close_end(ends.notify);
    close_end(ends.output);
    if (failed) {
        snprintf(cause, SUPER_CAUSE_MAX, "could not be started: %s",
                 uv_strerror(failed));
        if (child->process.data)
            close_handle(child, (uv_handle_t *)&child->process);
        close_handle(child, (uv_handle_t *)&child->notify);
        close_handle(child, (uv_handle_t *)&child->output);
        return -1;
    }
    uv_read_start((uv_stream_t *)&child->notify, on_alloc, on_notify);
    uv_read_start((uv_stream_t *)&child->output, on_alloc, on_output);
    instance->child = child;
    return child->process.pid;
}

void child_signal(struct super_instance *instance, int signo)
{
    struct child *child = instance->child;
    if (!child)
        return;
    if (signo == SIGKILL)
        kill(-child->process.pid, signo);
    uv_process_kill(&child->process, signo);
}
