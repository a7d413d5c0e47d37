/* SPDX-License-Identifier: MIT
 *
 * An ordinary call to the actor registrar, addressed by node.
 */
#include "bus/cli/node.h"

#include <string.h>

#include "bus/cli/operate.h"
#include "bus/cli/wire.h"
#include "bus/code.h"
#include "bus/json.h"
#include "bus/pack.h"

#define REGISTRAR "registrar"
#define ORDER_MAX 1024

static int order_pack(struct cli *cli, const struct cli_command *what,
                      struct bus_bytes *ret, struct bus_error *err)
{
    struct bus_buf json;
    const char *actor = what->actor ? what->actor : "";
    bus_buf_init(&json, ORDER_MAX);
    bus_buf_text(&json, "{\"actor\":");
    bus_json_text(&json, actor, strlen(actor));
    bus_buf_printf(&json, ",\"replicas\":%d}", what->replicas);
    bus_buf_byte(&json, '\0');
    int code = json.failed ? bus_error_set(err, BUS_INVALID_ARGUMENT,
                                           "the actor's name is too long")
                           : cli_pack(cli, (const char *)json.data, ret, err);
    bus_buf_release(&json);
    return code;
}

static int line_take(struct cli *cli, struct bus_bytes body, const char **ret,
                     struct bus_error *err)
{
    struct bus_bytes span, text;
    const char *line = NULL;
    if (bus_pack_find(body, "line", &span)) {
        struct bus_unpack in = bus_unpack_open(span);
        if (bus_unpack_text(&in, &text))
            line = bus_arena_text_n(&cli->arena, (const char *)text.data,
                                    text.len);
    }
    if (!line)
        return bus_error_set(err, BUS_INTERNAL,
                             "the registrar's answer has no line");
    *ret = line;
    return BUS_OK;
}

int cli_node(struct cli *cli, const char *node, const struct cli_command *what,
             const char **ret_line, struct bus_error *err)
{
    bool reads = strcmp(what->what, "ps") == 0;
    int64_t patience = reads ? cli->timeout_ms : cli_patience(cli);
    struct bus_reply reply;
    struct bus_request request = {
        .target = bus_arena_printf(&cli->arena, REGISTRAR "@%s", node),
        .method = what->what,
        .deadline = bus_now(&bus_clock_system) + patience * BUS_MILLI,
        .flags = reads ? BUS_NO_SIDE_EFFECTS : 0U,
    };
    const char *line;
    int code = order_pack(cli, what, &request.body, err);
    if (code)
        return code;
    code = cli_request(cli, &request, &reply);
    if (code) {
        *err = reply.error;
        return code;
    }
    return line_take(cli, reply.body, ret_line ? ret_line : &line, err);
}

static bool listed(const struct cli_nodes *nodes, const char *node)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (strcmp(nodes->names[i], node) == 0)
            return true;
    return false;
}

static void insert(struct cli_nodes *nodes, const char *node)
{
    size_t at = nodes->count++;
    for (; at > 0 && strcmp(nodes->names[at - 1], node) > 0; at--)
        nodes->names[at] = nodes->names[at - 1];
    nodes->names[at] = node;
}

int cli_nodes(struct cli *cli, struct cli_nodes *ret, struct bus_error *err)
{
    struct cli_names names;
    int code = cli_names(cli, REGISTRAR, &names, err);
    if (code)
        return code;
    ret->count = 0;
    for (size_t i = 0; i < names.count && ret->count < CLI_NODES_MAX; i++)
        if (!listed(ret, names.items[i].node))
            insert(ret, names.items[i].node);
    return BUS_OK;
}
