/* SPDX-License-Identifier: MIT
 *
 * bus saga submit FILE.saga [JSON]: reads the plan with the schema compiler's
 * library and sends it as saga.submit takes it (actors/runtime/saga_pack.h).
 */
#include <stdio.h>
#include <string.h>

#include "bus/cli/saga.h"
#include "bus/json.h"
#include "bus/pack.h"
#include "schemas/compiler/schema.h"

#define PLAN_MAX ((size_t)4 << 20)
#define MARGIN_MS 100 /* kept of --timeout for the answer's way back */

/* Appends a literal as one msgpack value. */
static void pack_literal(struct bus_buf *buf, const struct schema_input *input)
{
    struct bus_bytes text = {(const uint8_t *)input->literal,
                             strlen(input->literal)};
    if (input->literal_kind == SCHEMA_LITERAL_TEXT)
        bus_pack_text(buf, input->literal);
    else if (bus_json_to_pack(text, buf, NULL))
        bus_pack_nil(buf);
}

static void pack_input(struct bus_buf *buf, const struct schema_input *input)
{
    bool literal = input->literal_kind != SCHEMA_NO_LITERAL;
    bus_pack_map(buf, literal ? 2 : 4);
    bus_pack_text(buf, "field");
    bus_pack_text(buf, input->field);
    if (literal) {
        bus_pack_text(buf, "literal");
        pack_literal(buf, input);
        return;
    }
    bus_pack_text(buf, "from");
    bus_pack_text(buf, input->from);
    bus_pack_text(buf, "path");
    bus_pack_text(buf, input->path);
    bus_pack_text(buf, "convert");
    bus_pack_int(buf, (int)input->convert);
}

static void pack_inputs(struct bus_buf *buf, const char *key,
                        const struct schema_input *inputs, uint16_t count)
{
    bus_pack_text(buf, key);
    bus_pack_array(buf, count);
    for (uint16_t i = 0; i < count; i++)
        pack_input(buf, &inputs[i]);
}

static void pack_plan(struct bus_buf *buf, const struct schema_saga *saga);

static void pack_branch(struct bus_buf *buf, const char *key,
                        const struct schema_branch *branch, bool plan)
{
    bus_pack_text(buf, key);
    bus_pack_map(buf, plan ? 4 : 3);
    bus_pack_text(buf, "target");
    bus_pack_text(buf, branch->actor);
    bus_pack_text(buf, "method");
    bus_pack_text(buf, branch->method->name);
    pack_inputs(buf, "inputs", branch->inputs, branch->input_count);
    if (!plan)
        return;
    bus_pack_text(buf, "plan");
    pack_plan(buf, branch->saga);
}

static void pack_number(struct bus_buf *buf, const char *key, uint64_t number)
{
    bus_pack_text(buf, key);
    bus_pack_uint(buf, number);
}

static void pack_step(struct bus_buf *buf, const struct schema_step *step)
{
    bool undo = step->compensate.actor != NULL;
    bus_pack_map(buf, undo ? 9 : 8);
    bus_pack_text(buf, "name");
    bus_pack_text(buf, step->name);
    pack_branch(buf, "action", &step->action, step->action.saga != NULL);
    if (undo)
        pack_branch(buf, "compensate", &step->compensate, false);
    pack_number(buf, "timeout_ms", step->timeout_ms);
    pack_number(buf, "retry_first_ms", step->retry_first_ms);
    pack_number(buf, "retry_max_ms", step->retry_max_ms);
    pack_number(buf, "retry_limit", step->retry_limit);
    pack_number(buf, "interval_ms", step->interval_ms);
    pack_number(buf, "after", step->after);
}

static void pack_plan(struct bus_buf *buf, const struct schema_saga *saga)
{
    bus_pack_map(buf, 4);
    bus_pack_text(buf, "name");
    bus_pack_text(buf, saga->name);
    bus_pack_text(buf, "steps");
    bus_pack_array(buf, saga->step_count);
    for (uint16_t i = 0; i < saga->step_count; i++)
        pack_step(buf, &saga->steps[i]);
    pack_inputs(buf, "result", saga->result, saga->result_count);
    bus_pack_text(buf, "partial");
    bus_pack_bool(buf, saga->partial);
}

/* The saga of that name, or the first; NULL: none. */
static const struct schema_saga *choose(const struct schema_unit *unit,
                                        const char *name)
{
    for (size_t i = 0; i < unit->saga_count; i++) {
        if (!name || strcmp(unit->sagas[i]->name, name) == 0)
            return unit->sagas[i];
    }
    return NULL;
}

static int pack_file(struct cli *cli, struct schema *schema,
                     struct bus_buf *plan)
{
    const struct schema_unit *unit = schema_load(schema, cli->argv[1]);
    if (!unit || schema_error_count(schema) > 0) {
        schema_errors_print(schema, stderr);
        return CLI_USAGE;
    }
    const struct schema_saga *saga = choose(unit, cli_value(cli, "name"));
    if (!saga)
        return cli_fail(CLI_USAGE, "%s has no such saga", cli->argv[1]);
    pack_plan(plan, saga);
    return CLI_DONE;
}

/* How long the saga actor may wait, so that "still running", and the gid with
 * it, is here before our own deadline. 0: --no-wait. */
static int64_t wait_ms(const struct cli *cli)
{
    int64_t tenth = cli->timeout_ms / 10;
    int64_t wait = cli->timeout_ms - (tenth < MARGIN_MS ? tenth : MARGIN_MS);
    if (cli_value(cli, "no-wait"))
        return 0;
    return wait < UINT32_MAX ? wait : UINT32_MAX;
}

static int submit(struct cli *cli, const struct bus_buf *plan,
                  struct bus_bytes request)
{
    struct bus_reply reply;
    struct bus_buf body;
    const char *gid = cli_value(cli, "gid");
    bus_buf_init(&body, PLAN_MAX * 2);
    bus_pack_map(&body, 4);
    bus_pack_text(&body, "gid");
    bus_pack_text(&body, gid ? gid : "");
    bus_pack_text(&body, "plan");
    bus_pack_raw(&body, bus_buf_bytes(plan));
    bus_pack_text(&body, "request");
    bus_pack_raw(&body, request);
    bus_pack_text(&body, "wait_ms");
    bus_pack_int(&body, wait_ms(cli));
    if (cli_saga_ask(cli, "submit", &body, &reply)) {
        const char *known = cli_text_at(cli, reply.detail, "gid");
        if (*known)
            cli_talk("saga %s", known);
        return cli_refused(cli, &reply.error);
    }
    cli_print_value(reply.body);
    return CLI_DONE;
}

int cli_saga_submit(struct cli *cli)
{
    struct bus_bytes request;
    struct bus_buf plan;
    struct bus_error err;
    if (cli->argc < 2)
        return cli_fail(CLI_USAGE,
                        "expected: bus saga submit FILE.saga [JSON]");
    if (cli_pack(cli, cli->argc > 2 ? cli->argv[2] : "", &request, &err))
        return cli_fail(CLI_USAGE, "%s", err.sentence);
    struct schema *schema = schema_new();
    bus_buf_init(&plan, PLAN_MAX);
    int status = pack_file(cli, schema, &plan);
    schema_free(schema);
    if (!status)
        status = submit(cli, &plan, request);
    bus_buf_release(&plan);
    return status;
}
