/* SPDX-License-Identifier: MIT
 *
 * One peer is a pipe, a timer and a line buffer. Commands of one peer are
 * answered in order: while one waits, nothing more is read from it but its end.
 */
#include "actors/supervisor/control.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/code.h"

#define CHUNK 4096

struct control_peer {
    struct control *control;
    struct control_peer *next;
    uv_pipe_t pipe;
    uv_timer_t idle;
    int open; /* handles */
    bool closing;
    bool waiting;
    struct command command; /* what it waits for */
    struct bus_buf in;
    char chunk[CHUNK];
};

/* One write under way with its bytes. */
struct sending {
    uv_write_t request;
    char data[];
};

static void on_peer_closed(uv_handle_t *handle)
{
    struct control_peer *peer = handle->data;
    if (--peer->open > 0)
        return;
    bus_buf_release(&peer->in);
    free(peer);
}

/* Takes the peer off the list and closes it; freed later, by the loop. */
static void drop(struct control_peer *peer)
{
    struct control *control = peer->control;
    if (peer->closing)
        return;
    struct control_peer **at = &control->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    control->count--;
    peer->closing = true;
    uv_close((uv_handle_t *)&peer->pipe, on_peer_closed);
    uv_close((uv_handle_t *)&peer->idle, on_peer_closed);
}

static void on_sent(uv_write_t *request, int status)
{
    struct control_peer *peer = request->data;
    if (status && status != UV_ECANCELED)
        drop(peer);
    free(request);
}

static void send_line(struct control_peer *peer, const struct bus_buf *line)
{
    uv_stream_t *stream = (uv_stream_t *)&peer->pipe;
    if (peer->closing)
        return;
    if (line->failed || line->len + uv_stream_get_write_queue_size(stream) >
                            CONTROL_UNREAD_MAX) {
        drop(peer);
        return;
    }
    struct sending *sending = malloc(sizeof(*sending) + line->len);
    if (!sending)
        abort();
    memcpy(sending->data, line->data, line->len);
    sending->request.data = peer;
    uv_buf_t buf = uv_buf_init(sending->data, (unsigned)line->len);
    if (uv_write(&sending->request, stream, &buf, 1, on_sent)) {
        free(sending);
        drop(peer);
    }
}

static void on_idle(uv_timer_t *timer)
{
    drop(timer->data);
}

static void watch_idle(struct control_peer *peer)
{
    if (peer->closing)
        return;
    if (peer->waiting)
        uv_timer_stop(&peer->idle);
    else
        uv_timer_start(&peer->idle, on_idle, CONTROL_IDLE_MS, 0);
}

static void ask(struct control_peer *peer, bool first)
{
    struct control *control = peer->control;
    struct bus_buf reply;
    bus_buf_init(&reply, COMMAND_REPLY_MAX);
    peer->waiting =
        !control->answer(control->arg, &peer->command, first, &reply);
    if (!peer->waiting)
        send_line(peer, &reply);
    bus_buf_release(&reply);
}

static void refuse(struct control_peer *peer, const struct bus_error *err)
{
    struct bus_buf reply;
    bus_buf_init(&reply, COMMAND_REPLY_MAX);
    command_failed(&reply, err);
    send_line(peer, &reply);
    bus_buf_release(&reply);
}

static void take_line(struct control_peer *peer, size_t len)
{
    struct bus_error err;
    struct bus_bytes line = {peer->in.data, len};
    if (command_parse(line, &peer->command, &err))
        refuse(peer, &err);
    else
        ask(peer, true);
}

/* Every whole line in the buffer, as long as nobody waits. */
static void take_lines(struct control_peer *peer)
{
    struct bus_buf *in = &peer->in;
    while (!peer->waiting && !peer->closing && in->len > 0) {
        const uint8_t *newline = memchr(in->data, '\n', in->len);
        if (!newline)
            return;
        size_t len = (size_t)(newline - in->data);
        take_line(peer, len);
        in->len -= len + 1;
        memmove(in->data, in->data + len + 1, in->len);
        watch_idle(peer);
    }
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct control_peer *peer = stream->data;
    struct bus_error err;
    if (len < 0) {
        drop(peer);
        return;
    }
    bus_buf_add(&peer->in, buf->base, (size_t)len);
    if (peer->in.failed) {
        bus_error_set(&err, BUS_RESOURCE_EXHAUSTED,
                      "a line has at most %d bytes", COMMAND_LINE_MAX);
        refuse(peer, &err);
        drop(peer);
        return;
    }
    take_lines(peer);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    (void)size;
    struct control_peer *peer = handle->data;
    *ret = uv_buf_init(peer->chunk, CHUNK);
}

static struct control_peer *peer_new(struct control *control)
{
    struct control_peer *peer = calloc(1, sizeof(*peer));
    if (!peer)
        abort();
    peer->control = control;
    peer->open = 2;
    bus_buf_init(&peer->in, COMMAND_LINE_MAX + 1);
    uv_pipe_init(control->loop, &peer->pipe, 0);
    uv_timer_init(control->loop, &peer->idle);
    peer->pipe.data = peer->idle.data = peer;
    peer->next = control->peers;
    control->peers = peer;
    control->count++;
    return peer;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *control = listener->data;
    if (status)
        return;
    struct control_peer *peer = peer_new(control);
    if (uv_accept(listener, (uv_stream_t *)&peer->pipe)) {
        drop(peer);
        return;
    }
    if (control->count > CONTROL_PEERS_MAX) {
        struct bus_error err;
        bus_error_reason(&err, BUS_RESOURCE_EXHAUSTED, "busy",
                         "%d clients are connected already", CONTROL_PEERS_MAX);
        refuse(peer, &err);
        drop(peer);
        return;
    }
    watch_idle(peer);
    uv_read_start((uv_stream_t *)&peer->pipe, on_alloc, on_read);
}

int control_open(struct control *control, uv_loop_t *loop, const char *home,
                 struct bus_error *err)
{
    control->loop = loop;
    int code = bus_home_path(home, "sock", "supervisor.ctl", control->path,
                             BUS_SOCKET_PATH_MAX + 1, err);
    if (code)
        return code;
    unlink(control->path);
    uv_pipe_init(loop, &control->listener, 0);
    control->listener.data = control;
    control->listening = true;
    uv_stream_t *stream = (uv_stream_t *)&control->listener;
    int failed = uv_pipe_bind(&control->listener, control->path);
    if (!failed)
        failed = uv_listen(stream, CONTROL_BACKLOG, on_connection);
    if (failed)
        return bus_error_set(err, BUS_UNAVAILABLE, "cannot listen on %s: %s",
                             control->path, uv_strerror(failed));
    chmod(control->path, 0600);
    return BUS_OK;
}

void control_review(struct control *control)
{
    struct control_peer *next;
    for (struct control_peer *peer = control->peers; peer; peer = next) {
        next = peer->next;
        if (!peer->waiting || peer->closing)
            continue;
        ask(peer, false);
        take_lines(peer);
        watch_idle(peer);
    }
}

void control_tell(struct control *control, const struct bus_buf *line)
{
    struct control_peer *next;
    for (struct control_peer *peer = control->peers; peer; peer = next) {
        next = peer->next;
        if (peer->waiting && peer->command.progress)
            send_line(peer, line);
    }
}

void control_close(struct control *control)
{
    if (!control->listening)
        return;
    control->listening = false;
    unlink(control->path);
    uv_close((uv_handle_t *)&control->listener, NULL);
    while (control->peers)
        drop(control->peers);
}
