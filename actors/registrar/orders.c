/* SPDX-License-Identifier: MIT
 *
 * A handler may block: it writes one line to the socket and reads one back.
 * scale and restart then ask the supervisor to say when it is so, as the
 * command does on its own node.
 */
#include "actors/registrar/orders.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "actors/runtime/runtime.h"
#include "bus/home.h"
#include "bus/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- The socket ---- */

static int control_open(const char *home, struct bus_error *err)
{
    char path[BUS_PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (bus_home_path(home, "sock", "supervisor.ctl", path,
                      sizeof(address.sun_path), err))
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    bus_error_set(err, BUS_UNAVAILABLE, "the supervisor does not answer: %s",
                  strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Waits until there is something to read or room to write. */
static bool ready(int fd, short events, int64_t deadline)
{
    struct pollfd polled = {.fd = fd, .events = events};
    int64_t left = deadline - bus_now(&bus_clock_system);
    int64_t ms = left <= 0 ? 0 : left / BUS_MILLI + 1;
    int n = poll(&polled, 1, ms > INT32_MAX ? INT32_MAX : (int)ms);
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool write_line(int fd, const char *text, int64_t deadline)
{
    char line[512];
    int len = snprintf(line, sizeof(line), "%s\n", text);
    for (int done = 0; done < len && len < (int)sizeof(line);) {
        ssize_t n = send(fd, line + done, (size_t)(len - done), MSG_NOSIGNAL);
        if (n > 0)
            done += (int)n;
        else if ((errno != EAGAIN && errno != EINTR) ||
                 !ready(fd, POLLOUT, deadline))
            return false;
    }
    return len < (int)sizeof(line);
}

static bool read_line(int fd, struct bus_buf *line, int64_t deadline)
{
    char chunk[4096];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n > 0)
            bus_buf_add(line, chunk, (size_t)n);
        if (n > 0 && memchr(chunk, '\n', (size_t)n))
            return !line->failed;
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
            (n < 0 && !ready(fd, POLLIN, deadline)))
            return false;
    }
}

int orders_ask(const char *home, const char *request, int64_t deadline,
               struct bus_arena *arena, const char **ret_line,
               struct bus_error *err)
{
    struct bus_buf line;
    int fd = control_open(home, err);
    if (fd < 0)
        return BUS_UNAVAILABLE;
    bus_buf_init(&line, ORDERS_ANSWER_MAX);
    bool done =
        write_line(fd, request, deadline) && read_line(fd, &line, deadline);
    close(fd);
    const char *text =
        done ? bus_arena_text_n(arena, (const char *)line.data, line.len - 1)
             : NULL;
    bus_buf_release(&line);
    if (!text)
        return bus_error_set(err, BUS_DEADLINE_EXCEEDED,
                             "the supervisor did not answer in time");
    *ret_line = text;
    return BUS_OK;
}

/* ---- The methods ---- */

struct order {
    const char *actor;
    int32_t replicas;
};
struct ordered {
    const char *line; /* the supervisor's answer: one JSON object */
};
struct verdict {
    bool ok;
    const char *code, *reason, *sentence;
};

#define FIELD(type, member, key, kind_)                                        \
    {                                                                          \
        .name = (key), .kind = (kind_), .flags = BUS_IN_JSON,                  \
        .offset = offsetof(struct type, member), .presence = BUS_NO_PRESENCE   \
    }
static const struct bus_field order_fields[] = {
    FIELD(order, actor, "actor", BUS_TEXT),
    FIELD(order, replicas, "replicas", BUS_I32)};
static const struct bus_shape order_shape = {
    "registrar.Order", sizeof(struct order), COUNT(order_fields), order_fields};
static const struct bus_field ordered_fields[] = {
    FIELD(ordered, line, "line", BUS_TEXT)};
static const struct bus_shape ordered_shape = {
    "registrar.Ordered", sizeof(struct ordered), COUNT(ordered_fields),
    ordered_fields};
static const struct bus_field verdict_fields[] = {
    FIELD(verdict, ok, "ok", BUS_BOOL), FIELD(verdict, code, "code", BUS_TEXT),
    FIELD(verdict, reason, "reason", BUS_TEXT),
    FIELD(verdict, sentence, "sentence", BUS_TEXT)};
static const struct bus_shape verdict_shape = {
    "Verdict", sizeof(struct verdict), COUNT(verdict_fields), verdict_fields};

/* Asks and takes a refusal as one's own. */
static int ask(struct bus_call *call, const char *request, struct ordered *ret)
{
    struct verdict verdict = {false, "", "", ""};
    const char *home = call->worker->runtime->process.home;
    int code = orders_ask(home, request, call->deadline, call->arena,
                          &ret->line, &call->error);
    if (code)
        return code;
    struct bus_bytes line = {(const uint8_t *)ret->line, strlen(ret->line)};
    code = bus_json_read(line, &verdict_shape, call->arena, &verdict, NULL,
                         &call->error);
    if (code || verdict.ok)
        return code;
    if (!bus_code_from_name(verdict.code, &code) || code == BUS_OK)
        code = BUS_UNKNOWN;
    return bus_error_reason(&call->error, code, verdict.reason, "%s",
                            verdict.sentence);
}

/* {"do":"WHAT","actor":"A"}, {"do":"scale","actor":"A","replicas":N} */
static int order(struct bus_call *call, const char *what,
                 const struct order *order, struct ordered *ret)
{
    struct bus_buf buf;
    const char *actor = order->actor ? order->actor : "";
    bus_buf_init(&buf, (size_t)BUS_NAME_MAX * 8);
    bus_buf_printf(&buf, "{\"do\":\"%s\"", what);
    if (*actor) {
        bus_buf_text(&buf, ",\"actor\":");
        bus_json_text(&buf, actor, strlen(actor));
    }
    if (strcmp(what, "scale") == 0)
        bus_buf_printf(&buf, ",\"replicas\":%d", (int)order->replicas);
    bus_buf_text(&buf, "}");
    bus_buf_byte(&buf, '\0');
    int code = buf.failed ? bus_refuse(call, BUS_INVALID_ARGUMENT,
                                       "the actor's name is too long")
                          : ask(call, (const char *)buf.data, ret);
    bus_buf_release(&buf);
    return code;
}

static int on_ps(struct bus_call *call, const void *request, void *reply)
{
    return order(call, "ps", request, reply);
}

static int on_scale(struct bus_call *call, const void *request, void *reply)
{
    int code = order(call, "scale", request, reply);
    return code ? code : order(call, "wait", request, reply);
}

static int on_restart(struct bus_call *call, const void *request, void *reply)
{
    int code = order(call, "restart", request, reply);
    return code ? code : order(call, "wait", request, reply);
}

#define METHOD(name_, flags_, doc_)                                            \
    static const struct bus_method method_##name_ = {                          \
        .actor = "registrar",                                                  \
        .name = #name_,                                                        \
        .path = "/registrar.Registrar/" #name_,                                \
        .request = &order_shape,                                               \
        .reply = &ordered_shape,                                               \
        .flags = (flags_),                                                     \
        .doc = (doc_)}
METHOD(ps, BUS_NO_SIDE_EFFECTS, "What this node's supervisor runs.");
METHOD(scale, BUS_IDEMPOTENT, "Sets how many replicas of an actor run here.");
METHOD(restart, 0, "Restarts an actor here, one replica after the other.");

const struct actor_method orders_methods[] = {
    {.method = &method_ps, .handler = on_ps},
    {.method = &method_scale, .handler = on_scale},
    {.method = &method_restart, .handler = on_restart},
};
const size_t orders_count = COUNT(orders_methods);
