/* SPDX-License-Identifier: MIT
 *
 * Plans: bytes to struct saga_plan and engine rules, every limit and name
 * checked, and a table that keeps one copy of each.
 */
#include "actors/saga/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/saga_pack.h"
#include "bus/code.h"
#include "bus/pack.h"

#define BUCKETS_FIRST ((size_t)64)
#define ARENA_MAX (PLAN_BYTES_MAX * 16)
#define FIELD_MAX 128 /* bytes of an input's field or path */

#define DTM(member, kind_)                                                     \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct plan_dtm, member),                           \
        .presence = BUS_NO_PRESENCE                                            \
    }
static const struct bus_field header_fields[] = {
    {.name = "name",
     .kind = BUS_TEXT,
     .offset = offsetof(struct plan_header, name),
     .presence = BUS_NO_PRESENCE},
    {.name = "value",
     .kind = BUS_TEXT,
     .offset = offsetof(struct plan_header, value),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape header_shape = {.name = "saga.Header",
                                              .size =
                                                  sizeof(struct plan_header),
                                              .count = 2,
                                              .fields = header_fields};
static const struct bus_field dtm_fields[] = {
    DTM(trans_type, BUS_TEXT),
    DTM(protocol, BUS_TEXT),
    DTM(query_prepared, BUS_TEXT),
    DTM(custom_data, BUS_TEXT),
    DTM(options, BUS_TEXT),
    {.name = "headers",
     .kind = BUS_MESSAGE,
     .cardinality = BUS_LIST,
     .offset = offsetof(struct plan_dtm, headers),
     .presence = BUS_NO_PRESENCE,
     .shape = &header_shape},
    DTM(strict, BUS_BOOL),
    DTM(concurrent, BUS_BOOL),
    DTM(retry_interval_s, BUS_U32),
    DTM(request_timeout_ms, BUS_U32),
    DTM(prepared_ms, BUS_U32),
    DTM(delay_ms, BUS_U32),
    DTM(retry_limit, BUS_U32),
    DTM(workflow, BUS_TEXT),
    DTM(data, BUS_BYTES),
};
const struct bus_shape plan_dtm_shape = {
    .name = "saga.Dtm",
    .size = sizeof(struct plan_dtm),
    .count = sizeof(dtm_fields) / sizeof(dtm_fields[0]),
    .fields = dtm_fields,
};

/* A plan in the making. */
struct making {
    struct plan *plan;
    const struct saga_wire_plan *wire;
    struct saga_step *steps;
    uint32_t park_limit;
    int depth; /* of sagas it may still hold */
    struct bus_error *err;
};

static int plan_new(struct bus_bytes bytes, uint32_t park_limit, int depth,
                    struct plan **ret, struct bus_error *err);
static void plan_free(struct plan *plan);

static int refuse(struct making *making, const char *what, const char *name)
{
    return bus_error_set(making->err, BUS_INVALID_ARGUMENT, "plan: %s \"%s\"",
                         what, name);
}

int plan_step(const struct saga_plan *plan, const char *name)
{
    for (uint16_t i = 0; i < plan->step_count; i++)
        if (strcmp(plan->steps[i].name, name) == 0)
            return i;
    return -1;
}

bool plan_is_url(const char *target)
{
    return strstr(target, "://") != NULL;
}

/* usable: steps that may be named. */
static int check_input(struct making *making, const struct saga_input *input,
                       uint64_t usable)
{
    if (!input->field[0] || strlen(input->field) >= FIELD_MAX)
        return refuse(making, "bad field name", input->field);
    if (input->convert > SAGA_TO_TEXT)
        return refuse(making, "unknown conversion of", input->field);
    if (!input->from)
        return input->literal.len > 0
                   ? BUS_OK
                   : refuse(making, "no source for", input->field);
    if (strlen(input->path) >= FIELD_MAX)
        return refuse(making, "path too long for", input->field);
    if (strcmp(input->from, PLAN_REQUEST) == 0)
        return BUS_OK;
    int step = plan_step(&making->plan->plan, input->from);
    if (step < 0)
        return refuse(making, "no such step", input->from);
    if (!(usable & UINT64_C(1) << step))
        return refuse(making, "step used before it has run:", input->from);
    return BUS_OK;
}

static int read_inputs(struct making *making, const struct bus_list *list,
                       uint64_t usable, const struct saga_input **ret)
{
    const struct saga_wire_input *wire = list->items;
    if (list->count > SAGA_INPUTS_MAX)
        return bus_error_set(making->err, BUS_INVALID_ARGUMENT,
                             "plan: more than %d inputs", SAGA_INPUTS_MAX);
    struct saga_input *inputs =
        bus_arena_array(&making->plan->arena, list->count, sizeof(*inputs));
    for (size_t i = 0; i < list->count; i++) {
        inputs[i] = (struct saga_input){
            .field = wire[i].field,
            .from = wire[i].has_from && wire[i].from[0] ? wire[i].from : NULL,
            .path = wire[i].has_path ? wire[i].path : "",
            .convert = wire[i].has_convert ? wire[i].convert : SAGA_AS_IS,
            .literal = wire[i].literal,
        };
        int code = check_input(making, &inputs[i], usable);
        if (code)
            return code;
    }
    *ret = inputs;
    return BUS_OK;
}

/* A URL has its method inside; DTM knows an empty one. */
static int check_target(struct making *making,
                        const struct saga_wire_branch *wire)
{
    bool url = making->plan->dtm || plan_is_url(wire->target);
    if (strlen(wire->target) >= (url ? PLAN_URL_MAX : BUS_TARGET_MAX) ||
        (!wire->target[0] && !making->plan->dtm))
        return refuse(making, "bad target", wire->target);
    if (strlen(wire->method) >= BUS_METHOD_MAX || url == (wire->method[0] != 0))
        return refuse(making, "bad method", wire->method);
    return BUS_OK;
}

/* A saga as a step: its plan is as good as any other. */
static int check_nested(struct making *making,
                        const struct saga_wire_branch *wire)
{
    struct plan *inner = NULL;
    if (making->plan->dtm || strcmp(wire->target, SAGA_ACTOR) != 0)
        return refuse(making,
                      "a plan inside, but another target:", wire->target);
    if (making->depth == 0)
        return refuse(making, "sagas within sagas too deep:", wire->method);
    int code = plan_new(wire->plan, making->park_limit, making->depth - 1,
                        &inner, making->err);
    if (code)
        return code;
    bool saga = inner->plan.pattern == SAGA_SAGA && !inner->dtm;
    plan_free(inner);
    return saga ? BUS_OK : refuse(making, "no saga inside:", wire->method);
}

static int read_branch(struct making *making,
                       const struct saga_wire_branch *wire, uint64_t usable,
                       struct saga_branch *ret)
{
    int code = check_target(making, wire);
    if (!code && wire->plan.len > 0)
        code = check_nested(making, wire);
    if (code)
        return code;
    ret->packed = wire->plan;
    ret->target = wire->target;
    ret->method = wire->method;
    ret->input_count = (uint16_t)wire->inputs.count;
    return read_inputs(making, &wire->inputs, usable, &ret->inputs);
}

static int read_times(struct making *making, const struct saga_wire_step *wire,
                      struct saga_step *step)
{
    step->timeout_ms = wire->timeout_ms ? wire->timeout_ms : PLAN_TIMEOUT_MS;
    step->retry_first_ms =
        wire->retry_first_ms ? wire->retry_first_ms : PLAN_RETRY_FIRST_MS;
    step->retry_max_ms =
        wire->retry_max_ms ? wire->retry_max_ms : PLAN_RETRY_MAX_MS;
    step->interval_ms =
        wire->interval_ms ? wire->interval_ms : PLAN_INTERVAL_MS;
    step->retry_limit = wire->retry_limit;
    step->after = wire->after;
    if (step->timeout_ms > PLAN_WAIT_MAX_MS ||
        step->retry_first_ms > PLAN_WAIT_MAX_MS ||
        step->retry_max_ms > PLAN_WAIT_MAX_MS ||
        step->interval_ms > PLAN_WAIT_MAX_MS)
        return refuse(making, "a time of more than a day in step", step->name);
    return BUS_OK;
}

/* The order is transitive and knows no circle. */
static int close_order(struct making *making)
{
    struct plan *plan = making->plan;
    size_t count = making->wire->steps.count;
    uint64_t all = engine_mask((uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        struct engine_rule *rule = &plan->rules[i];
        uint64_t before = making->steps[i].after & all;
        rule->after = making->wire->partial ? before : engine_mask((uint16_t)i);
    }
    for (size_t k = 0; making->wire->partial && k < count; k++)
        for (size_t i = 0; i < count; i++)
            if (plan->rules[i].after & UINT64_C(1) << k)
                plan->rules[i].after |= plan->rules[k].after;
    for (size_t i = 0; i < count; i++)
        if (plan->rules[i].after & UINT64_C(1) << i)
            return refuse(making, "a circle in the order of step",
                          making->steps[i].name);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            if (plan->rules[k].after & UINT64_C(1) << i)
                plan->rules[i].undo_after |= UINT64_C(1) << k;
    return BUS_OK;
}

static int read_step(struct making *making, int at)
{
    const struct saga_wire_step *wire = making->wire->steps.items;
    struct saga_step *step = &making->steps[at];
    wire += at;
    if (!wire->name[0] || strlen(wire->name) >= BUS_NAME_MAX ||
        strcmp(wire->name, PLAN_REQUEST) == 0)
        return refuse(making, "bad step name", wire->name);
    if (plan_step(&making->plan->plan, wire->name) >= 0)
        return refuse(making, "step named twice:", wire->name);
    if (!wire->action)
        return refuse(making, "no action in step", wire->name);
    step->name = wire->name;
    making->plan->plan.step_count++;
    return read_times(making, wire, step);
}

/* Its own reply only for the compensation. */
static int read_branches(struct making *making, int at)
{
    const struct saga_wire_step *wire = making->wire->steps.items;
    struct saga_step *step = &making->steps[at];
    uint64_t before = making->plan->rules[at].after;
    wire += at;
    int code = read_branch(making, wire->action, before, &step->action);
    if (!code && wire->compensate)
        code = read_branch(making, wire->compensate, before | UINT64_C(1) << at,
                           &step->compensate);
    return code;
}

bool plan_nested(const struct saga_step *step, enum engine_op op)
{
    return step->action.packed.len > 0 &&
           (op == OP_ACTION ||
            (op == OP_COMPENSATE && step->compensate.target &&
             strcmp(step->compensate.target, SAGA_ACTOR) == 0));
}

/* Steps whose replies its compensation takes, beside its own. A saga is undone
 * under the request that it was begun with. */
static uint64_t needs_of(const struct saga_plan *plan, int at)
{
    const struct saga_step *own = &plan->steps[at];
    const struct saga_branch *branch = &own->compensate;
    uint64_t needs = 0;
    if (plan_nested(own, OP_COMPENSATE))
        branch = &own->action;
    for (uint16_t i = 0; branch->target && i < branch->input_count; i++) {
        const char *from = branch->inputs[i].from;
        int step = from ? plan_step(plan, from) : -1;
        if (step >= 0 && step != at)
            needs |= UINT64_C(1) << step;
    }
    return needs;
}

/* after and undo_after are there already. */
static void make_rules(struct plan *plan, uint32_t park_limit)
{
    const struct saga_plan *from = &plan->plan;
    for (int i = 0; i < from->step_count; i++) {
        const struct saga_step *step = &from->steps[i];
        struct engine_rule *rule = &plan->rules[i];
        rule->needs = needs_of(from, i);
        rule->retry_first_ms = step->retry_first_ms;
        rule->retry_max_ms = step->retry_max_ms;
        rule->retry_limit = step->retry_limit;
        rule->interval_ms = step->interval_ms;
        rule->park_limit = park_limit;
        rule->compensates = step->compensate.target != NULL;
        rule->at_once = plan->dtm != NULL;
    }
}

/* Of what DTM's API brings without steps, and of its checks. */
static void make_dtm_rules(struct plan *plan, uint32_t park_limit)
{
    const struct plan_dtm *dtm = plan->dtm;
    uint32_t interval = dtm->retry_interval_s * 1000;
    plan->branch_rule = (struct engine_rule){
        .retry_first_ms = interval * 2,
        .retry_max_ms = PLAN_DTM_RETRY_MAX_MS,
        .interval_ms = interval,
        .park_limit = park_limit,
        .compensates = true,
    };
    if (interval * 2 > PLAN_DTM_RETRY_MAX_MS)
        plan->branch_rule.retry_max_ms = interval * 2;
    plan->check_rule = plan->branch_rule;
    plan->checks = plan->plan.pattern == SAGA_WORKFLOW ||
                   (plan->plan.pattern == SAGA_MSG && dtm->query_prepared[0]);
}

static int read_dtm(struct making *making)
{
    struct plan *plan = making->plan;
    struct bus_bytes bytes = making->wire->dtm;
    if (bytes.len == 0)
        return making->wire->pattern == SAGA_SAGA
                   ? BUS_OK
                   : refuse(making, "pattern needs dtm in", making->wire->name);
    struct plan_dtm *dtm = bus_arena_alloc(&plan->arena, sizeof(*dtm));
    int code = bus_unpack_message(bytes, &plan_dtm_shape, &plan->arena, dtm,
                                  making->err);
    if (code)
        return code;
    if (dtm->retry_interval_s == 0 ||
        dtm->retry_interval_s > PLAN_WAIT_MAX_MS / 1000 ||
        dtm->headers.count > PLAN_HEADERS_MAX ||
        making->wire->pattern >= PATTERN_COUNT)
        return refuse(making, "bad dtm in", making->wire->name);
    plan->dtm = dtm;
    make_dtm_rules(plan, making->park_limit);
    return BUS_OK;
}

static int read_steps(struct making *making, size_t count)
{
    struct plan *plan = making->plan;
    making->steps =
        bus_arena_array(&plan->arena, count, sizeof(struct saga_step));
    plan->rules = bus_arena_array(&plan->arena, count, sizeof(*plan->rules));
    plan->plan.steps = making->steps;
    int code = BUS_OK;
    for (size_t i = 0; !code && i < count; i++)
        code = read_step(making, (int)i);
    if (!code)
        code = close_order(making);
    for (size_t i = 0; !code && i < count; i++)
        code = read_branches(making, (int)i);
    if (!code)
        make_rules(plan, making->park_limit);
    return code;
}

static int read_plan(struct making *making)
{
    struct plan *plan = making->plan;
    const struct saga_wire_plan *wire = making->wire;
    size_t count = wire->steps.count;
    bool bare = wire->pattern >= SAGA_TCC; /* steps come later, if any */
    bool few = count == 0 && !bare && wire->dtm.len == 0;
    if (few || (bare && count > 0) || count > SAGA_STEPS_MAX)
        return bus_error_set(making->err, BUS_INVALID_ARGUMENT,
                             "plan: %zu steps, 1 to %d are possible", count,
                             SAGA_STEPS_MAX);
    if (!wire->name[0] || strlen(wire->name) >= BUS_NAME_MAX)
        return refuse(making, "bad name", wire->name);
    plan->plan.name = wire->name;
    plan->plan.pattern = wire->pattern;
    plan->plan.partial = wire->partial;
    plan->plan.timeout_ms = wire->timeout_ms;
    int code = read_dtm(making);
    if (!code)
        code = read_steps(making, count);
    if (!code)
        code =
            read_inputs(making, &wire->result, UINT64_MAX, &plan->plan.result);
    if (!code)
        plan->plan.result_count = (uint16_t)wire->result.count;
    return code;
}

static int unpack(struct plan *plan, uint32_t park_limit, int depth,
                  struct bus_error *err)
{
    struct saga_wire_plan wire = {0};
    struct making making = {.plan = plan,
                            .wire = &wire,
                            .park_limit = park_limit,
                            .depth = depth,
                            .err = err};
    int code = bus_unpack_message(plan->bytes, &saga_plan_shape, &plan->arena,
                                  &wire, err);
    return code ? code : read_plan(&making);
}

static void plan_free(struct plan *plan)
{
    bus_arena_release(&plan->arena);
    free(plan);
}

static int plan_new(struct bus_bytes bytes, uint32_t park_limit, int depth,
                    struct plan **ret, struct bus_error *err)
{
    if (bytes.len > PLAN_BYTES_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "plan: more than %zu bytes", PLAN_BYTES_MAX);
    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        abort();
    bus_arena_init(&plan->arena, ARENA_MAX);
    plan->bytes.data = (const uint8_t *)bus_arena_text_n(
        &plan->arena, (const char *)bytes.data, bytes.len);
    plan->bytes.len = bytes.len;
    int code = unpack(plan, park_limit, depth, err);
    if (code) {
        plan_free(plan);
        return code;
    }
    *ret = plan;
    return BUS_OK;
}

/* FNV-1a; a plan's bytes come from whoever may submit, so that buckets can be
 * filled on purpose only by those who could fill the journal as well. */
static uint64_t hash_of(struct bus_bytes bytes)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(1099511628211);
    return hash;
}

static struct plan **bucket_new(size_t size)
{
    struct plan **buckets = calloc(size, sizeof(struct plan *));
    if (!buckets)
        abort();
    return buckets;
}

void plans_init(struct plans *plans)
{
    *plans = (struct plans){.buckets = bucket_new(BUCKETS_FIRST),
                            .size = BUCKETS_FIRST};
}

void plans_release(struct plans *plans)
{
    assert(plans->count == 0);
    free(plans->buckets);
    *plans = (struct plans){0};
}

static void plans_grow(struct plans *plans)
{
    size_t size = plans->size * 2;
    struct plan **buckets = bucket_new(size);
    for (size_t i = 0; i < plans->size; i++) {
        struct plan *plan = plans->buckets[i];
        while (plan) {
            struct plan *next = plan->next;
            plan->next = buckets[plan->hash & (size - 1)];
            buckets[plan->hash & (size - 1)] = plan;
            plan = next;
        }
    }
    free(plans->buckets);
    plans->buckets = buckets;
    plans->size = size;
}

int plans_take(struct plans *plans, struct bus_bytes bytes, struct plan **ret,
               struct bus_error *err)
{
    uint64_t hash = hash_of(bytes);
    struct plan *plan = plans->buckets[hash & (plans->size - 1)];
    while (plan && (plan->hash != hash || plan->bytes.len != bytes.len ||
                    memcmp(plan->bytes.data, bytes.data, bytes.len) != 0))
        plan = plan->next;
    if (!plan) {
        int code =
            plan_new(bytes, plans->park_limit, SAGA_NESTED_MAX, &plan, err);
        if (code)
            return code;
        if (plans->count >= plans->size)
            plans_grow(plans);
        struct plan **bucket = &plans->buckets[hash & (plans->size - 1)];
        plan->hash = hash;
        plan->next = *bucket;
        *bucket = plan;
        plans->count++;
    }
    plan->sagas++;
    *ret = plan;
    return BUS_OK;
}

void plans_drop(struct plans *plans, struct plan *plan)
{
    assert(plan->sagas > 0);
    if (--plan->sagas > 0)
        return;
    struct plan **at = &plans->buckets[plan->hash & (plans->size - 1)];
    while (*at != plan)
        at = &(*at)->next;
    *at = plan->next;
    plans->count--;
    plan_free(plan);
}
