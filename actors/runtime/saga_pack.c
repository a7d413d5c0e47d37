/* SPDX-License-Identifier: MIT
 *
 * The shapes of a plan on the wire, and a plan written as they say. Written
 * value by value: the C structs of a plan and of its wire form differ, and a
 * copy for the walker's sake would cost more than this.
 */
#include "actors/runtime/saga_pack.h"

#include "bus/pack.h"

#define FIELD(type, member, kind_, card, shape_, flags_)                       \
    {                                                                          \
        .name = #member, .kind = (kind_), .cardinality = (card),               \
        .flags = (flags_), .offset = offsetof(struct type, member),            \
        .presence = BUS_NO_PRESENCE, .shape = (shape_)                         \
    }
#define MAYBE(type, member, kind_)                                             \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct type, member),                               \
        .presence = offsetof(struct type, has_##member)                        \
    }
#define SHAPE(name_, type, fields_)                                            \
    {                                                                          \
        .name = (name_), .size = sizeof(struct type),                          \
        .count = sizeof(fields_) / sizeof((fields_)[0]), .fields = (fields_)   \
    }

static const struct bus_field input_fields[] = {
    FIELD(saga_wire_input, field, BUS_TEXT, BUS_ONE, NULL, BUS_REQUIRED),
    MAYBE(saga_wire_input, from, BUS_TEXT),
    MAYBE(saga_wire_input, path, BUS_TEXT),
    MAYBE(saga_wire_input, convert, BUS_U8),
    FIELD(saga_wire_input, literal, BUS_ANY, BUS_ONE, NULL, 0),
};
static const struct bus_shape input_shape =
    SHAPE("saga.Input", saga_wire_input, input_fields);

static const struct bus_field branch_fields[] = {
    FIELD(saga_wire_branch, target, BUS_TEXT, BUS_ONE, NULL, BUS_REQUIRED),
    FIELD(saga_wire_branch, method, BUS_TEXT, BUS_ONE, NULL, BUS_REQUIRED),
    FIELD(saga_wire_branch, inputs, BUS_MESSAGE, BUS_LIST, &input_shape, 0),
    FIELD(saga_wire_branch, plan, BUS_ANY, BUS_ONE, NULL, 0),
};
static const struct bus_shape branch_shape =
    SHAPE("saga.Branch", saga_wire_branch, branch_fields);

static const struct bus_field step_fields[] = {
    FIELD(saga_wire_step, name, BUS_TEXT, BUS_ONE, NULL, BUS_REQUIRED),
    FIELD(saga_wire_step, action, BUS_MESSAGE, BUS_ONE, &branch_shape,
          BUS_REQUIRED),
    FIELD(saga_wire_step, compensate, BUS_MESSAGE, BUS_ONE, &branch_shape, 0),
    FIELD(saga_wire_step, timeout_ms, BUS_U32, BUS_ONE, NULL, 0),
    FIELD(saga_wire_step, retry_first_ms, BUS_U32, BUS_ONE, NULL, 0),
    FIELD(saga_wire_step, retry_max_ms, BUS_U32, BUS_ONE, NULL, 0),
    FIELD(saga_wire_step, retry_limit, BUS_U32, BUS_ONE, NULL, 0),
    FIELD(saga_wire_step, interval_ms, BUS_U32, BUS_ONE, NULL, 0),
    FIELD(saga_wire_step, after, BUS_U64, BUS_ONE, NULL, 0),
};
static const struct bus_shape step_shape =
    SHAPE("saga.Step", saga_wire_step, step_fields);

static const struct bus_field plan_fields[] = {
    FIELD(saga_wire_plan, name, BUS_TEXT, BUS_ONE, NULL, BUS_REQUIRED),
    FIELD(saga_wire_plan, steps, BUS_MESSAGE, BUS_LIST, &step_shape,
          BUS_REQUIRED),
    FIELD(saga_wire_plan, result, BUS_MESSAGE, BUS_LIST, &input_shape, 0),
    FIELD(saga_wire_plan, partial, BUS_BOOL, BUS_ONE, NULL, 0),
    FIELD(saga_wire_plan, pattern, BUS_U8, BUS_ONE, NULL, 0),
    FIELD(saga_wire_plan, timeout_ms, BUS_U32, BUS_ONE, NULL, 0),
    FIELD(saga_wire_plan, dtm, BUS_ANY, BUS_ONE, NULL, 0),
};
const struct bus_shape saga_plan_shape =
    SHAPE("saga.Plan", saga_wire_plan, plan_fields);

static const struct bus_field submit_fields[] = {
    FIELD(saga_wire_submit, gid, BUS_TEXT, BUS_ONE, NULL, 0),
    FIELD(saga_wire_submit, plan, BUS_ANY, BUS_ONE, NULL, BUS_REQUIRED),
    FIELD(saga_wire_submit, request, BUS_ANY, BUS_ONE, NULL, 0),
    FIELD(saga_wire_submit, wait_ms, BUS_U32, BUS_ONE, NULL, 0),
    FIELD(saga_wire_submit, fresh, BUS_BOOL, BUS_ONE, NULL, 0),
    FIELD(saga_wire_submit, happened, BUS_BOOL, BUS_ONE, NULL, 0),
    FIELD(saga_wire_submit, forwarded, BUS_BOOL, BUS_ONE, NULL, 0),
};
const struct bus_shape saga_submit_shape =
    SHAPE("saga.SubmitRequest", saga_wire_submit, submit_fields);

static void pack_inputs(struct bus_buf *buf, const struct saga_input *inputs,
                        uint16_t count)
{
    bus_pack_array(buf, count);
    for (uint16_t i = 0; i < count; i++) {
        const struct saga_input *input = &inputs[i];
        bool path = input->from && input->path && input->path[0];
        bus_pack_map(buf, 2u + path + (input->convert != SAGA_AS_IS));
        bus_pack_text(buf, "field");
        bus_pack_text(buf, input->field);
        bus_pack_text(buf, input->from ? "from" : "literal");
        if (input->from)
            bus_pack_text(buf, input->from);
        else
            bus_pack_raw(buf, input->literal);
        if (path) {
            bus_pack_text(buf, "path");
            bus_pack_text(buf, input->path);
        }
        if (input->convert != SAGA_AS_IS) {
            bus_pack_text(buf, "convert");
            bus_pack_uint(buf, input->convert);
        }
    }
}

static void pack_branch(struct bus_buf *buf, const char *key,
                        const struct saga_branch *branch)
{
    bus_pack_text(buf, key);
    bool packed = !branch->plan && branch->packed.len > 0;
    bus_pack_map(buf, 3u + (branch->plan != NULL) + packed);
    bus_pack_text(buf, "target");
    bus_pack_text(buf, branch->target);
    bus_pack_text(buf, "method");
    bus_pack_text(buf, branch->method);
    bus_pack_text(buf, "inputs");
    pack_inputs(buf, branch->inputs, branch->input_count);
    if (branch->plan) {
        bus_pack_text(buf, "plan");
        saga_plan_pack(buf, branch->plan);
    } else if (packed) {
        bus_pack_text(buf, "plan");
        bus_pack_raw(buf, branch->packed);
    }
}

static void pack_number(struct bus_buf *buf, const char *key, uint64_t value)
{
    if (value == 0)
        return;
    bus_pack_text(buf, key);
    bus_pack_uint(buf, value);
}

static void pack_step(struct bus_buf *buf, const struct saga_step *step)
{
    const uint32_t numbers[] = {step->timeout_ms, step->retry_first_ms,
                                step->retry_max_ms, step->retry_limit,
                                step->interval_ms};
    size_t count = 2u + (step->compensate.target != NULL) + (step->after != 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        count += numbers[i] != 0;
    bus_pack_map(buf, count);
    bus_pack_text(buf, "name");
    bus_pack_text(buf, step->name);
    pack_branch(buf, "action", &step->action);
    if (step->compensate.target)
        pack_branch(buf, "compensate", &step->compensate);
    pack_number(buf, "timeout_ms", step->timeout_ms);
    pack_number(buf, "retry_first_ms", step->retry_first_ms);
    pack_number(buf, "retry_max_ms", step->retry_max_ms);
    pack_number(buf, "retry_limit", step->retry_limit);
    pack_number(buf, "interval_ms", step->interval_ms);
    pack_number(buf, "after", step->after);
}

void saga_plan_pack(struct bus_buf *buf, const struct saga_plan *plan)
{
    bus_pack_map(buf, 3u + plan->partial + (plan->pattern != SAGA_SAGA) +
                          (plan->timeout_ms != 0) + (plan->dtm.len > 0));
    bus_pack_text(buf, "name");
    bus_pack_text(buf, plan->name);
    bus_pack_text(buf, "steps");
    bus_pack_array(buf, plan->step_count);
    for (uint16_t i = 0; i < plan->step_count; i++)
        pack_step(buf, &plan->steps[i]);
    bus_pack_text(buf, "result");
    pack_inputs(buf, plan->result, plan->result_count);
    if (plan->partial) {
        bus_pack_text(buf, "partial");
        bus_pack_bool(buf, true);
    }
    pack_number(buf, "pattern", plan->pattern);
    pack_number(buf, "timeout_ms", plan->timeout_ms);
    if (plan->dtm.len > 0) {
        bus_pack_text(buf, "dtm");
        bus_pack_raw(buf, plan->dtm);
    }
}
