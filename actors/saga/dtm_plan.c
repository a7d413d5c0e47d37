/* SPDX-License-Identifier: MIT
 *
 * Steps and options to a plan. What DTM counts in seconds is counted in
 * milliseconds from here on, and has a cap.
 */
#include "actors/saga/dtm_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/runtime/saga_pack.h"
#include "bus/code.h"
#include "bus/json.h"
#include "bus/pack.h"
#include "bus/text.h"

#define TOPIC "topic://"
#define ID_MAX 16 /* bytes of "01-01" */
#define SECONDS_MAX (PLAN_WAIT_MAX_MS / 1000)

/* A plan in the making. */
struct draft {
    const struct dtm_making *making;
    const struct dtm_trans *trans;
    struct dtm_custom custom;
    struct plan_dtm dtm;
    struct saga_step steps[DTM_STEPS_MAX];
    const char *payloads[DTM_STEPS_MAX];
    uint64_t of_step[DTM_STEPS_MAX]; /* what a step of the client's became */
    uint16_t count;
    bool concurrent;
    struct bus_error *err;
};

enum saga_pattern dtm_pattern(const char *trans_type)
{
    static const char *const names[] = {"saga", "msg", "tcc", "xa", "workflow"};
    size_t i = 0;
    while (i <= SAGA_WORKFLOW && strcmp(names[i], trans_type) != 0)
        i++;
    return (enum saga_pattern)i;
}

static int refuse(struct draft *draft, const char *field, const char *what)
{
    return bus_error_field(draft->err, BUS_INVALID_ARGUMENT, field, "%s", what);
}

static int full(struct draft *draft)
{
    return bus_error_set(draft->err, BUS_RESOURCE_EXHAUSTED,
                         "the request is too large");
}

static uint32_t seconds(int64_t wanted, uint32_t otherwise)
{
    if (wanted == 0)
        return otherwise;
    return wanted > SECONDS_MAX ? SECONDS_MAX : (uint32_t)wanted;
}

static int check_numbers(struct draft *draft)
{
    const struct dtm_trans *trans = draft->trans;
    const int64_t numbers[] = {trans->timeout_to_fail, trans->request_timeout,
                               trans->retry_interval, trans->retry_limit,
                               draft->custom.delay};
    static const char *const names[] = {"timeout_to_fail", "request_timeout",
                                        "retry_interval", "retry_limit",
                                        "delay"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i] < 0)
            return refuse(draft, names[i], "a time or limit below zero");
    if (strlen(trans->query_prepared) >= PLAN_URL_MAX)
        return refuse(draft, "query_prepared", "a URL that is too long");
    return BUS_OK;
}

static void write_number(struct bus_buf *buf, const char *name, int64_t value)
{
    if (value != 0)
        bus_buf_printf(buf, "\"%s\":%" PRId64 ",", name, value);
}

static void write_headers(struct bus_buf *buf, const struct bus_list *headers)
{
    const struct dtm_pair *items = headers->items;
    if (headers->count == 0)
        return;
    bus_buf_text(buf, "\"branch_headers\":{");
    for (size_t i = 0; i < headers->count; i++) {
        bus_buf_text(buf, i ? "," : "");
        bus_json_text(buf, items[i].name, strlen(items[i].name));
        bus_buf_text(buf, ":");
        bus_json_text(buf, items[i].value, strlen(items[i].value));
    }
    bus_buf_text(buf, "},");
}

/* As DTM stores them, so that they are shown so. */
static const char *options_text(struct draft *draft)
{
    const struct dtm_trans *trans = draft->trans;
    struct bus_buf buf;
    bus_buf_init(&buf, PLAN_BYTES_MAX);
    bus_buf_text(&buf, "{");
    if (trans->wait_result)
        bus_buf_text(&buf, "\"wait_result\":true,");
    write_number(&buf, "timeout_to_fail", trans->timeout_to_fail);
    write_number(&buf, "request_timeout", trans->request_timeout);
    write_number(&buf, "retry_interval", trans->retry_interval);
    write_headers(&buf, &trans->branch_headers);
    write_number(&buf, "retry_limit", trans->retry_limit);
    if (trans->strict)
        bus_buf_text(&buf, "\"strict\":true,");
    bus_buf_printf(&buf, "\"concurrent\":%s}",
                   trans->concurrent ? "true" : "false");
    const char *text =
        bus_arena_text_n(draft->making->arena, (const char *)buf.data, buf.len);
    bus_buf_release(&buf);
    return text;
}

/* The time until what is prepared counts as forgotten. */
static uint32_t prepared_ms(const struct draft *draft)
{
    const struct dtm_defaults *defaults = &draft->making->defaults;
    if (dtm_pattern(draft->trans->trans_type) == SAGA_WORKFLOW)
        return draft->dtm.retry_interval_s * 1000;
    return seconds(draft->trans->timeout_to_fail, defaults->timeout_to_fail) *
           1000;
}

static uint32_t retry_interval(const struct draft *draft)
{
    const struct dtm_trans *trans = draft->trans;
    uint32_t otherwise = draft->making->defaults.retry_interval;
    if (trans->timeout_to_fail > 0 && trans->timeout_to_fail < otherwise)
        otherwise = (uint32_t)trans->timeout_to_fail;
    return seconds(trans->retry_interval, otherwise);
}

static int draft_dtm(struct draft *draft)
{
    const struct dtm_trans *trans = draft->trans;
    const struct bus_bytes data = {(const uint8_t *)draft->custom.data,
                                   strlen(draft->custom.data)};
    draft->dtm = (struct plan_dtm){
        .trans_type = trans->trans_type,
        .protocol = trans->protocol[0] ? trans->protocol : "http",
        .query_prepared = trans->query_prepared,
        .custom_data = trans->custom_data,
        .options = options_text(draft),
        .headers = trans->branch_headers, /* of the same shape */
        .strict = trans->strict,
        .concurrent = trans->concurrent,
        .retry_interval_s = retry_interval(draft),
        .request_timeout_ms = seconds(trans->request_timeout,
                                      draft->making->defaults.request_timeout) *
                              1000,
        .delay_ms = seconds(draft->custom.delay, 0) * 1000,
        .retry_limit = trans->retry_limit > UINT32_MAX - 1
                           ? UINT32_MAX - 1
                           : (uint32_t)trans->retry_limit,
        .workflow = draft->custom.name,
    };
    draft->dtm.prepared_ms = prepared_ms(draft);
    if (!draft->dtm.options)
        return full(draft);
    if (data.len > 0 &&
        text_base64(data, draft->making->arena, &draft->dtm.data))
        return refuse(draft, "custom_data", "\"data\" is not base64");
    return BUS_OK;
}

static int add_step(struct draft *draft, size_t from, const char *id,
                    const char *action, const char *compensate)
{
    const struct plan_dtm *dtm = &draft->dtm;
    uint32_t interval = dtm->retry_interval_s * 1000;
    uint32_t first =
        interval > PLAN_WAIT_MAX_MS / 2 ? PLAN_WAIT_MAX_MS : interval * 2;
    if (draft->count >= DTM_STEPS_MAX)
        return refuse(draft, "steps", "more than 64 branches");
    draft->of_step[from] |= UINT64_C(1) << draft->count;
    draft->steps[draft->count++] = (struct saga_step){
        .name = bus_arena_text(draft->making->arena, id),
        .action = {.target = action, .method = ""},
        .compensate = {.target = compensate, .method = ""},
        .timeout_ms = dtm->request_timeout_ms,
        .retry_first_ms = first,
        .retry_max_ms =
            first > PLAN_DTM_RETRY_MAX_MS ? first : PLAN_DTM_RETRY_MAX_MS,
        .retry_limit = dtm->retry_limit ? dtm->retry_limit + 1 : 0,
        .interval_ms = interval,
    };
    return BUS_OK;
}

/* One branch a subscriber; only one: as if its URL had been written. */
static int add_topic(struct draft *draft, size_t from, const char *topic)
{
    const struct dtm_making *making = draft->making;
    struct bus_list urls = {0};
    char id[ID_MAX];
    if (!making->topic_urls ||
        !making->topic_urls(making->arg, topic, making->arena, &urls))
        return refuse(draft, "steps", "topic not found");
    const char *const *items = urls.items;
    for (size_t i = 0; i < urls.count; i++) {
        if (urls.count == 1)
            snprintf(id, sizeof(id), "%02zu", from + 1);
        else
            snprintf(id, sizeof(id), "%02zu-%02zu", from + 1, i + 1);
        size_t at = draft->count;
        int code = add_step(draft, from, id, items[i], NULL);
        if (code)
            return code;
        draft->payloads[at] = draft->payloads[from];
    }
    return BUS_OK;
}

static int draft_step(struct draft *draft, size_t at, const char *payload)
{
    const struct dtm_step *step =
        (const struct dtm_step *)draft->trans->steps.items + at;
    bool saga = dtm_pattern(draft->trans->trans_type) == SAGA_SAGA;
    const char *action = step->action ? step->action : "";
    const char *compensate = step->compensate ? step->compensate : "";
    char id[ID_MAX];
    uint16_t first = draft->count;
    int code;
    snprintf(id, sizeof(id), "%02zu", at + 1);
    if (!saga && strncmp(action, TOPIC, strlen(TOPIC)) == 0)
        code = add_topic(draft, at, action + strlen(TOPIC));
    else
        code = add_step(draft, at, id, action, saga ? compensate : NULL);
    for (uint16_t i = first; !code && i < draft->count; i++)
        draft->payloads[i] = payload;
    return code;
}

/* Payloads first, then what older clients put into the steps. */
static const char *payload_of(const struct dtm_trans *trans, size_t at)
{
    const char *const *payloads = trans->payloads.items;
    const struct dtm_step *steps = trans->steps.items;
    if (at < trans->payloads.count)
        return payloads[at];
    at -= trans->payloads.count;
    for (size_t i = 0; i < trans->steps.count; i++)
        if (steps[i].data && steps[i].data[0] && at-- == 0)
            return steps[i].data;
    return NULL;
}

static int draft_steps(struct draft *draft)
{
    const struct dtm_trans *trans = draft->trans;
    if (trans->steps.count > DTM_STEPS_MAX)
        return refuse(draft, "steps", "more than 64 steps");
    for (size_t i = 0; i < trans->steps.count; i++) {
        const char *payload = payload_of(trans, i);
        if (!payload)
            return refuse(draft, "payloads", "fewer payloads than steps");
        int code = draft_step(draft, i, payload);
        if (code)
            return code;
    }
    return BUS_OK;
}

/* The branches of the client's steps in that mask. */
static uint64_t branches_of(const struct draft *draft, uint64_t steps)
{
    uint64_t branches = 0;
    for (size_t i = 0; i < draft->trans->steps.count; i++)
        if (steps & UINT64_C(1) << i)
            branches |= draft->of_step[i];
    return branches;
}

static int draft_order(struct draft *draft)
{
    size_t count = draft->trans->steps.count;
    bool saga = dtm_pattern(draft->trans->trans_type) == SAGA_SAGA;
    draft->concurrent =
        saga ? draft->custom.concurrent : draft->trans->concurrent;
    for (size_t i = 0; saga && i < DTM_STEPS_MAX; i++) {
        uint64_t named = draft->custom.after[i];
        if (named != 0 &&
            (i >= count || (named & ~engine_mask((uint16_t)count))))
            return refuse(draft, "custom_data",
                          "\"orders\" names a step that there is not");
        for (uint16_t k = 0; i < count && k < draft->count; k++)
            if (draft->of_step[i] & UINT64_C(1) << k)
                draft->steps[k].after |= branches_of(draft, named);
    }
    for (uint16_t k = 0; !draft->concurrent && k < draft->count; k++)
        draft->steps[k].after |= engine_mask(k);
    return BUS_OK;
}

/* FNV-1a over texts, each with its end. */
static uint64_t digest_add(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    while (*text++);
    return hash;
}

static uint64_t digest_of(const struct dtm_trans *trans)
{
    const struct dtm_step *steps = trans->steps.items;
    uint64_t hash =
        digest_add(UINT64_C(14695981039346656037), trans->trans_type);
    for (size_t i = 0; i < trans->steps.count; i++) {
        const char *payload = payload_of(trans, i);
        hash = digest_add(hash, steps[i].action ? steps[i].action : "");
        hash = digest_add(hash, steps[i].compensate ? steps[i].compensate : "");
        hash = digest_add(hash, payload ? payload : "");
    }
    return hash ? hash : 1;
}

static int finish(struct draft *draft, struct dtm_made *ret)
{
    struct bus_buf dtm;
    const struct dtm_trans *trans = draft->trans;
    enum saga_pattern pattern = dtm_pattern(trans->trans_type);
    bus_buf_init(&dtm, PLAN_BYTES_MAX);
    bus_pack_message(&dtm, &plan_dtm_shape, &draft->dtm);
    const struct saga_plan plan = {
        .name = trans->trans_type,
        .steps = draft->steps,
        .step_count = draft->count,
        .partial = true,
        .pattern = (uint8_t)pattern,
        .timeout_ms = pattern == SAGA_SAGA
                          ? seconds(trans->timeout_to_fail, 0) * 1000
                          : 0,
        .dtm = bus_buf_bytes(&dtm),
    };
    saga_plan_pack(&ret->plan, &plan);
    bus_buf_release(&dtm);
    bus_pack_array(&ret->request, draft->count);
    for (uint16_t i = 0; i < draft->count; i++)
        bus_pack_bin(&ret->request, draft->payloads[i],
                     strlen(draft->payloads[i]));
    return ret->plan.failed || ret->request.failed ? full(draft) : BUS_OK;
}

int dtm_plan_make(const struct dtm_making *making,
                  const struct dtm_trans *trans, struct dtm_made *ret,
                  struct bus_error *err)
{
    struct draft draft = {.making = making, .trans = trans, .err = err};
    bus_buf_init(&ret->plan, PLAN_BYTES_MAX);
    bus_buf_init(&ret->request, SAGA_PAYLOADS_MAX);
    ret->digest = digest_of(trans);
    enum saga_pattern pattern = dtm_pattern(trans->trans_type);
    if (pattern > SAGA_WORKFLOW)
        return bus_error_field(err, BUS_INVALID_ARGUMENT, "trans_type",
                               "unknow trans type: %.64s", trans->trans_type);
    draft.custom = (struct dtm_custom){.name = "", .data = ""};
    bool own = pattern == SAGA_TCC || pattern == SAGA_XA; /* its client's */
    int code = own ? BUS_OK
                   : dtm_custom_read(trans->custom_data, making->arena,
                                     &draft.custom, err);
    if (code)
        return refuse(&draft, "custom_data",
                      "custom_data is not the JSON text "
                      "that it has to be");
    code = check_numbers(&draft);
    if (!code)
        code = draft_dtm(&draft);
    if (!code && pattern <= SAGA_MSG)
        code = draft_steps(&draft);
    if (!code)
        code = draft_order(&draft);
    return code ? code : finish(&draft, ret);
}
