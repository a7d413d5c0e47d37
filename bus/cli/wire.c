/* SPDX-License-Identifier: MIT
 *
 * The command as a caller on the bus.
 */
#include "bus/cli/wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/json.h"

#define VALUE_MAX ((size_t)64 << 20)

/* "/user.User/getUser": the package is the actor. */
static bool path_target(struct cli *cli, const char *word,
                        struct cli_target *ret)
{
    const char *slash = strchr(word + 1, '/');
    if (!slash || !slash[1])
        return false;
    const char *dot = slash;
    while (dot > word + 1 && *dot != '.')
        dot--;
    if (dot == word + 1)
        return false;
    ret->actor = ret->to =
        bus_arena_text_n(&cli->arena, word + 1, (size_t)(dot - word - 1));
    ret->method = word;
    return true;
}

/* "user#3.getUser", "user@n2". */
static bool dotted_target(struct cli *cli, const char *word,
                          struct cli_target *ret)
{
    const char *dot = strrchr(word, '.');
    size_t len = dot ? (size_t)(dot - word) : strlen(word);
    size_t name = strcspn(word, "#@");
    if (dot && !dot[1])
        return false;
    ret->to = bus_arena_text_n(&cli->arena, word, len);
    ret->actor = bus_arena_text_n(&cli->arena, word, name < len ? name : len);
    ret->method = dot ? dot + 1 : NULL;
    return true;
}

int cli_target(struct cli *cli, const char *word, bool need_method,
               struct cli_target *ret, struct bus_error *err)
{
    struct cli_target target = {0};
    bool well = word[0] == '/' ? path_target(cli, word, &target)
                               : dotted_target(cli, word, &target);
    if (!well || !bus_name_valid(target.actor) ||
        strlen(target.to) >= BUS_TARGET_MAX || (need_method && !target.method))
        return bus_error_set(err, BUS_INVALID_ARGUMENT, "%.200s: expected %s",
                             word,
                             need_method ? "ACTOR.METHOD or /package.Service/"
                                           "method"
                                         : "ACTOR or ACTOR.METHOD");
    *ret = target;
    return BUS_OK;
}

int cli_bus(struct cli *cli, struct bus_error *err)
{
    const struct bus_options options = {.home = cli->home, .actor = "cli"};
    return cli->bus ? BUS_OK : bus_open(&options, &cli->bus, err);
}

void cli_close(struct cli *cli)
{
    if (cli->bus)
        bus_close(cli->bus);
    cli->bus = NULL;
}

/* "user#3", "user@n2", "user" or NULL. */
static bool name_matches(const struct bus_name *name, const char *to)
{
    size_t len = to ? strcspn(to, "#@") : 0;
    if (!to)
        return true;
    if (strlen(name->actor) != len || strncmp(name->actor, to, len) != 0)
        return false;
    if (to[len] == '#')
        return strcmp(name->instance, to + len + 1) == 0;
    return !to[len] || strcmp(name->node, to + len + 1) == 0;
}

int cli_names(struct cli *cli, const char *to, struct cli_names *ret,
              struct bus_error *err)
{
    int code = cli_bus(cli, err);
    if (code)
        return code;
    struct bus_name *all =
        bus_arena_array(&cli->arena, CLI_NAMES_MAX, sizeof(*all));
    assert(all);
    size_t count =
        bus_names_list(bus_names(cli->bus), NULL, all, CLI_NAMES_MAX);
    size_t kept = 0;
    for (size_t i = 0; i < count && i < CLI_NAMES_MAX; i++) {
        if (name_matches(&all[i], to))
            all[kept++] = all[i];
    }
    if (kept == 0)
        return bus_error_reason(err, BUS_UNIMPLEMENTED, "no_such_actor",
                                to ? "no instance of %s runs"
                                   : "nothing runs in %.300s",
                                to ? to : cli->home);
    *ret = (struct cli_names){all, kept};
    return BUS_OK;
}

int cli_request(struct cli *cli, struct bus_request *request,
                struct bus_reply *reply)
{
    *reply = (struct bus_reply){0};
    int code = cli_bus(cli, &reply->error);
    if (code)
        return code;
    if (!request->deadline)
        request->deadline =
            bus_now(&bus_clock_system) + cli->timeout_ms * BUS_MILLI;
    if (!bus_trace_some(&request->meta.trace))
        bus_trace_new(&request->meta.trace);
    return bus_wait(cli->bus, request, &cli->arena, reply);
}

int cli_system(struct cli *cli, const char *to, const char *method,
               struct bus_reply *reply)
{
    static const uint8_t empty_map[] = {0x80};
    struct bus_request request = {.target = to,
                                  .method = method,
                                  .flags = BUS_IDEMPOTENT,
                                  .body = {empty_map, sizeof(empty_map)}};
    return cli_request(cli, &request, reply);
}

int cli_pack(struct cli *cli, const char *json, struct bus_bytes *ret,
             struct bus_error *err)
{
    struct bus_buf buf;
    struct bus_bytes text = {(const uint8_t *)json, strlen(json)};
    if (text.len == 0)
        text = (struct bus_bytes){(const uint8_t *)"{}", 2};
    bus_buf_init(&buf, VALUE_MAX);
    int code = bus_json_to_pack(text, &buf, err);
    if (!code) {
        uint8_t *copy = bus_arena_alloc(&cli->arena, buf.len);
        if (!copy) {
            bus_buf_release(&buf);
            return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                                 "the value is too long");
        }
        memcpy(copy, buf.data, buf.len);
        *ret = (struct bus_bytes){copy, buf.len};
    }
    bus_buf_release(&buf);
    return code;
}

void cli_print_value(struct bus_bytes value)
{
    struct bus_buf buf;
    if (value.len == 0) {
        puts("{}");
        return;
    }
    bus_buf_init(&buf, VALUE_MAX);
    bus_json_from_pack(&buf, value);
    bus_buf_byte(&buf, '\n');
    fwrite(buf.data, 1, buf.len, stdout);
    bus_buf_release(&buf);
}
