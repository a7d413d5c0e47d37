/* SPDX-License-Identifier: MIT
 *
 * JSON in, msgpack out; no schema is needed for that.
 */
#include "bus/cli/body.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/buf.h"

const struct cli_option cli_body_options[] = {
    {0, "trace", "ID", "32 hex digits, or a whole traceparent"},
    {0, "claims", "JSON", "claims of the caller's token, an object"},
    {0, "key", "TEXT", "idempotency key"},
    {0}};

/* All of standard input as text; NULL: too long. */
static const char *read_input(struct cli *cli)
{
    struct bus_buf buf;
    char chunk[65536];
    ssize_t len;
    bus_buf_init(&buf, CLI_INPUT_MAX);
    while ((len = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
        bus_buf_add(&buf, chunk, (size_t)len);
    const char *text = NULL;
    if (!buf.failed)
        text = bus_arena_text_n(&cli->arena,
                                buf.len ? (const char *)buf.data : "", buf.len);
    bus_buf_release(&buf);
    return text;
}

static int take_json(struct cli *cli, struct bus_request *request,
                     struct bus_error *err)
{
    const char *json = cli->argc > 1 ? cli->argv[1] : "";
    if (strcmp(json, "-") == 0)
        json = read_input(cli);
    if (!json)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "standard input is longer than %zu bytes",
                             CLI_INPUT_MAX);
    return cli_pack(cli, json, &request->body, err);
}

/* An id alone becomes a traceparent with a new span. */
static int take_trace(struct cli *cli, struct bus_request *request,
                      struct bus_error *err)
{
    const char *text = cli_value(cli, "trace");
    struct bus_trace trace, fresh;
    if (!text)
        return BUS_OK;
    const char *whole = text;
    if (strlen(text) == BUS_TRACE_TEXT - 1)
        whole =
            bus_arena_printf(&cli->arena, "00-%s-00000000000000ff-01", text);
    if (!bus_trace_parse(whole, &trace))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "--trace %.80s: expected 32 hex digits or a "
                             "traceparent",
                             text);
    bus_trace_child(&trace, &fresh);
    request->meta.trace = fresh;
    return BUS_OK;
}

static int take_claims(struct cli *cli, struct bus_request *request,
                       struct bus_error *err)
{
    const char *json = cli_value(cli, "claims");
    if (!json)
        return BUS_OK;
    if (cli_pack(cli, json, &request->meta.claims, err) ||
        json[strspn(json, " \t\r\n")] != '{')
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "--claims %.80s: expected a JSON object", json);
    return BUS_OK;
}

int cli_body(struct cli *cli, const struct cli_target *target,
             struct bus_request *ret, struct bus_error *err)
{
    struct bus_request request = {.target = target->to,
                                  .method = target->method,
                                  .meta.key = cli_value(cli, "key")};
    int code = take_json(cli, &request, err);
    if (!code)
        code = take_trace(cli, &request, err);
    if (!code)
        code = take_claims(cli, &request, err);
    if (!code)
        *ret = request;
    return code;
}
