/* SPDX-License-Identifier: MIT
 *
 * A stream socket read line by line: events until the answer, then the answer.
 */
#include "bus/cli/control.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/code.h"
#include "bus/json.h"

#define FIELD(type, member, key, kind_)                                        \
    {                                                                          \
        .name = (key), .kind = (kind_), .cardinality = BUS_ONE,                \
        .flags = BUS_IN_JSON, .offset = offsetof(struct type, member),         \
        .presence = BUS_NO_PRESENCE                                            \
    }
#define LIST(type, member, key, shape_)                                        \
    {                                                                          \
        .name = (key), .kind = BUS_MESSAGE, .cardinality = BUS_LIST,           \
        .flags = BUS_IN_JSON, .offset = offsetof(struct type, member),         \
        .presence = BUS_NO_PRESENCE, .shape = (shape_)                         \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Any line: an answer has ok, an event has event. */
struct line {
    bool ok;
    const char *code, *reason, *sentence;
    struct cli_event event;
};

static const struct bus_field line_fields[] = {
    FIELD(line, ok, "ok", BUS_BOOL),
    FIELD(line, code, "code", BUS_TEXT),
    FIELD(line, reason, "reason", BUS_TEXT),
    FIELD(line, sentence, "sentence", BUS_TEXT),
    FIELD(line, event.event, "event", BUS_TEXT),
    FIELD(line, event.actor, "actor", BUS_TEXT),
    FIELD(line, event.instance, "instance", BUS_I32),
    FIELD(line, event.pid, "pid", BUS_I32),
    FIELD(line, event.cause, "cause", BUS_TEXT),
};
static const struct bus_shape line_shape = {"Line", sizeof(struct line),
                                            COUNT(line_fields), line_fields};

static const struct bus_field stats_fields[] = {
    FIELD(cli_stats, queue_age_ms, "queue_age_ms", BUS_I64),
    FIELD(cli_stats, queued, "queued", BUS_I64),
    FIELD(cli_stats, busy, "busy", BUS_I64),
    FIELD(cli_stats, workers, "workers", BUS_I64),
    FIELD(cli_stats, calls, "calls", BUS_I64),
    FIELD(cli_stats, errors, "errors", BUS_I64),
};
static const struct bus_shape stats_shape = {"Stats", sizeof(struct cli_stats),
                                             COUNT(stats_fields), stats_fields};

static const struct bus_field replica_fields[] = {
    FIELD(cli_replica, instance, "instance", BUS_I32),
    FIELD(cli_replica, pid, "pid", BUS_I32),
    FIELD(cli_replica, state, "state", BUS_TEXT),
    FIELD(cli_replica, restarts, "restarts", BUS_I64),
    FIELD(cli_replica, since_ms, "since_ms", BUS_I64),
    FIELD(cli_replica, cause, "cause", BUS_TEXT),
    {.name = "stats",
     .kind = BUS_MESSAGE,
     .flags = BUS_IN_JSON,
     .offset = offsetof(struct cli_replica, stats),
     .presence = BUS_NO_PRESENCE,
     .shape = &stats_shape},
};
static const struct bus_shape replica_shape = {
    "Replica", sizeof(struct cli_replica), COUNT(replica_fields),
    replica_fields};

static const struct bus_field actor_fields[] = {
    FIELD(cli_actor, name, "name", BUS_TEXT),
    FIELD(cli_actor, replicas, "replicas", BUS_I32),
    FIELD(cli_actor, workers, "workers", BUS_I32),
    LIST(cli_actor, replica, "instances", &replica_shape),
};
static const struct bus_shape actor_shape = {"Actor", sizeof(struct cli_actor),
                                             COUNT(actor_fields), actor_fields};

static const struct bus_field state_fields[] = {
    FIELD(cli_state, pid, "pid", BUS_I32),
    FIELD(cli_state, node, "node", BUS_TEXT),
    FIELD(cli_state, topology, "topology", BUS_TEXT),
    FIELD(cli_state, phase, "phase", BUS_TEXT),
    LIST(cli_state, actors, "actors", &actor_shape),
};
static const struct bus_shape state_shape = {"State", sizeof(struct cli_state),
                                             COUNT(state_fields), state_fields};

static int nothing_runs(const struct cli *cli, struct bus_error *err)
{
    return bus_error_reason(err, BUS_UNIMPLEMENTED, "no_such_actor",
                            "nothing runs in %.300s", cli->home);
}

static int connect_socket(const struct cli *cli, struct bus_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int code = bus_home_path(cli->home, "sock", "supervisor.ctl",
                             address.sun_path, sizeof(address.sun_path), err);
    if (code)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        bus_error_set(err, BUS_UNAVAILABLE, "cannot make a socket: error %d",
                      errno);
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    nothing_runs(cli, err);
    return -1;
}

bool cli_supervised(const struct cli *cli)
{
    int fd = connect_socket(cli, NULL);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int lost(struct bus_error *err)
{
    return bus_error_reason(err, BUS_UNKNOWN, "outcome_unknown",
                            "the supervisor went away before it answered");
}

/* Waits until fd can be read. */
static int await_bytes(int fd, int64_t deadline, struct bus_error *err)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    for (;;) {
        int64_t left = deadline - bus_now(&bus_clock_system);
        if (left <= 0)
            return bus_error_set(err, BUS_DEADLINE_EXCEEDED,
                                 "the supervisor did not answer in time");
        int64_t ms = left / BUS_MILLI + 1;
        int ready = poll(&poller, 1, ms > INT32_MAX ? INT32_MAX : (int)ms);
        if (ready > 0)
            return BUS_OK;
        if (ready < 0 && errno != EINTR)
            return lost(err);
    }
}

/* Reads up to and including the next newline; what follows stays in buf. */
static int read_line(int fd, struct bus_buf *buf, int64_t deadline,
                     struct bus_error *err)
{
    char chunk[4096];
    while (buf->len == 0 || !memchr(buf->data, '\n', buf->len)) {
        int code = await_bytes(fd, deadline, err);
        if (code)
            return code;
        ssize_t len = recv(fd, chunk, sizeof(chunk), 0);
        if (len <= 0)
            return lost(err);
        bus_buf_add(buf, chunk, (size_t)len);
        if (buf->failed)
            return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                                 "the supervisor's answer is too long");
    }
    return BUS_OK;
}

static int refused(const struct line *line, struct bus_error *err)
{
    int code = BUS_UNKNOWN;
    bus_code_from_name(line->code ? line->code : "", &code);
    return bus_error_reason(err, code, line->reason ? line->reason : "", "%s",
                            line->sentence ? line->sentence : "");
}

/* Handles one line; ret_last tells whether it was the answer. */
static int take_line(struct cli *cli, struct cli_ask *ask, const char *text,
                     bool *ret_last, struct bus_error *err)
{
    struct line line = {0};
    struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    int code = bus_json_read(bytes, &line_shape, &cli->arena, &line, NULL, err);
    *ret_last = code || !line.event.event || !*line.event.event;
    if (code)
        return code;
    if (!*ret_last) {
        if (ask->heard)
            ask->heard(ask->arg, &line.event);
        return BUS_OK;
    }
    ask->reply = text;
    return line.ok ? BUS_OK : refused(&line, err);
}

static int send_request(int fd, const char *request, struct bus_error *err)
{
    struct bus_buf buf;
    bus_buf_init(&buf, CLI_REPLY_MAX);
    bus_buf_printf(&buf, "%s\n", request);
    ssize_t sent = send(fd, buf.data, buf.len, MSG_NOSIGNAL);
    bool all = sent == (ssize_t)buf.len;
    bus_buf_release(&buf);
    return all ? BUS_OK : lost(err);
}

static int converse(struct cli *cli, int fd, struct cli_ask *ask,
                    struct bus_error *err)
{
    int64_t now = bus_now(&bus_clock_system);
    int64_t deadline =
        ask->timeout_ms ? now + ask->timeout_ms * BUS_MILLI : BUS_FOREVER;
    struct bus_buf buf;
    bool last = false;
    bus_buf_init(&buf, CLI_REPLY_MAX);
    int code = send_request(fd, ask->request, err);
    while (!code && !last) {
        code = read_line(fd, &buf, deadline, err);
        if (code)
            break;
        const char *newline = memchr(buf.data, '\n', buf.len);
        size_t len = (size_t)(newline - (const char *)buf.data);
        const char *text =
            bus_arena_text_n(&cli->arena, (const char *)buf.data, len);
        buf.len -= len + 1;
        memmove(buf.data, buf.data + len + 1, buf.len);
        code = take_line(cli, ask, text, &last, err);
    }
    bus_buf_release(&buf);
    return code;
}

int cli_control(struct cli *cli, struct cli_ask *ask, struct bus_error *err)
{
    int fd = connect_socket(cli, err);
    if (fd < 0)
        return err->code;
    int code = converse(cli, fd, ask, err);
    close(fd);
    return code;
}

const char *cli_command_text(struct cli *cli, const struct cli_command *what)
{
    struct bus_buf buf;
    bus_buf_init(&buf, CLI_REPLY_MAX);
    bus_buf_printf(&buf, "{\"do\":\"%s\"", what->what);
    if (what->actor) {
        bus_buf_text(&buf, ",\"actor\":");
        bus_json_text(&buf, what->actor, strlen(what->actor));
    }
    if (what->replicas >= 0)
        bus_buf_printf(&buf, ",\"replicas\":%d", what->replicas);
    bus_buf_printf(&buf, ",\"progress\":%s}",
                   what->progress ? "true" : "false");
    const char *text =
        bus_arena_text_n(&cli->arena, (const char *)buf.data, buf.len);
    assert(text);
    bus_buf_release(&buf);
    return text;
}

int cli_state_read(struct cli *cli, const char *json, struct cli_state *ret,
                   struct bus_error *err)
{
    struct cli_state state = {0};
    struct bus_bytes text = {(const uint8_t *)json, strlen(json)};
    int code =
        bus_json_read(text, &state_shape, &cli->arena, &state, NULL, err);
    if (!code)
        *ret = state;
    return code;
}

int cli_ps(struct cli *cli, struct cli_state *ret, const char **ret_json,
           struct bus_error *err)
{
    struct cli_ask ask = {.request = "{\"do\":\"ps\"}",
                          .timeout_ms = cli->timeout_ms};
    int code = cli_control(cli, &ask, err);
    if (!code)
        code = cli_state_read(cli, ask.reply, ret, err);
    if (code)
        return code;
    if (ret_json)
        *ret_json = ask.reply;
    return BUS_OK;
}
