/* SPDX-License-Identifier: MIT
 *
 * Requests are bound by a shape; replies are few and written out by hand.
 */
#include "actors/supervisor/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/json.h"

/* A request as it is on the wire. */
struct request {
    const char *verb;
    const char *actor;
    int32_t replicas;
    bool progress;
};

#define FIELD(member, key, kind_)                                              \
    {                                                                          \
        .name = (key), .kind = (kind_), .cardinality = BUS_ONE,                \
        .flags = BUS_IN_JSON, .offset = offsetof(struct request, member),      \
        .presence = BUS_NO_PRESENCE                                            \
    }

static const struct bus_field request_fields[] = {
    FIELD(verb, "do", BUS_TEXT),
    FIELD(actor, "actor", BUS_TEXT),
    FIELD(replicas, "replicas", BUS_I32),
    FIELD(progress, "progress", BUS_BOOL),
};
static const struct bus_shape request_shape = {
    "Request", sizeof(struct request), 4, request_fields};

static const char *const words[] = {
#define COMMAND_WORD(name, word) word,
    COMMANDS(COMMAND_WORD)
#undef COMMAND_WORD
};

static int command_bind(const struct request *request, struct command *ret,
                        struct bus_error *err)
{
    struct command command = {.replicas = request->replicas,
                              .progress = request->progress};
    size_t verb = 0;
    while (verb < COMMAND_VERBS && strcmp(words[verb], request->verb) != 0)
        verb++;
    if (verb == COMMAND_VERBS)
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "do",
                               "\"do\" is \"%.40s\": expected ps, scale, "
                               "restart, reload, wait or down",
                               request->verb);
    command.verb = (enum command_verb)verb;
    if (command.verb == COMMAND_SCALE && !*request->actor)
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "actor",
                               "scale needs an actor");
    if (strlen(request->actor) >= sizeof(command.actor))
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "actor",
                               "the actor's name is too long");
    snprintf(command.actor, sizeof(command.actor), "%s", request->actor);
    *ret = command;
    return BUS_OK;
}

int command_parse(struct bus_bytes line, struct command *ret,
                  struct bus_error *err)
{
    struct bus_arena arena;
    struct request request = {.verb = "", .actor = "", .replicas = -1};
    if (line.len > COMMAND_LINE_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "a request has at most %d bytes",
                             COMMAND_LINE_MAX);
    bus_arena_init(&arena, (size_t)COMMAND_LINE_MAX * 4);
    int code = bus_json_read(line, &request_shape, &arena, &request, NULL, err);
    if (!code)
        code = command_bind(&request, ret, err);
    bus_arena_release(&arena);
    return code;
}

static void put_text(struct bus_buf *buf, const char *key, const char *text)
{
    bus_buf_printf(buf, "\"%s\":", key);
    bus_json_text(buf, text, strlen(text));
}

void command_ok(struct bus_buf *buf)
{
    bus_buf_text(buf, "{\"ok\":true}\n");
}

void command_failed(struct bus_buf *buf, const struct bus_error *err)
{
    bus_buf_text(buf, "{\"ok\":false,");
    put_text(buf, "code", bus_code_name(err->code));
    bus_buf_byte(buf, ',');
    put_text(buf, "reason", err->reason);
    bus_buf_byte(buf, ',');
    put_text(buf, "sentence", err->sentence);
    bus_buf_text(buf, "}\n");
}

static void put_instance(struct bus_buf *buf,
                         const struct super_instance *instance, int64_t now)
{
    bus_buf_printf(buf, "{\"instance\":%d,\"pid\":%d,", instance->number,
                   instance->pid);
    put_text(buf, "state", life_word(instance->state));
    bus_buf_printf(buf, ",\"restarts\":%u,\"since_ms\":%lld,",
                   (unsigned)instance->restarts,
                   (long long)((now - instance->since) / BUS_MILLI));
    put_text(buf, "cause", instance->cause);
    bus_buf_text(buf, ",\"stats\":");
    bus_json_write(buf, &super_stats_shape, &instance->stats);
    bus_buf_byte(buf, '}');
}

static void put_actor(struct bus_buf *buf, const struct super_actor *actor,
                      int64_t now)
{
    const char *comma = "";
    bus_buf_byte(buf, '{');
    put_text(buf, "name", actor->spec->name);
    bus_buf_printf(buf, ",\"replicas\":%d,\"workers\":%d,\"instances\":[",
                   actor->replicas, (int)actor->spec->workers);
    for (int i = 0; i < actor->count; i++) {
        if (!actor->instances[i])
            continue;
        bus_buf_text(buf, comma);
        put_instance(buf, actor->instances[i], now);
        comma = ",";
    }
    bus_buf_text(buf, "]}");
}

void command_ps(struct bus_buf *buf, const struct super *super,
                const char *phase)
{
    int64_t now = bus_now(super->world.clock);
    bus_buf_printf(buf, "{\"ok\":true,\"pid\":%d,", (int)getpid());
    put_text(buf, "node", super->topology->node);
    bus_buf_byte(buf, ',');
    put_text(buf, "topology", super->topology->path);
    bus_buf_byte(buf, ',');
    put_text(buf, "phase", phase);
    bus_buf_text(buf, ",\"actors\":[");
    for (size_t i = 0; i < super->count; i++) {
        if (i > 0)
            bus_buf_byte(buf, ',');
        put_actor(buf, super->actors[i], now);
    }
    bus_buf_text(buf, "]}\n");
}

void command_event(struct bus_buf *buf, const struct super_instance *instance)
{
    bus_buf_text(buf, "{\"event\":");
    const char *word = life_word(instance->state);
    bus_json_text(buf, word, strlen(word));
    bus_buf_byte(buf, ',');
    put_text(buf, "actor", instance->actor->spec->name);
    bus_buf_printf(buf, ",\"instance\":%d,\"pid\":%d,", instance->number,
                   instance->pid);
    put_text(buf, "cause", instance->cause);
    bus_buf_text(buf, "}\n");
}
