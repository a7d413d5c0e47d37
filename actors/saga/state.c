/* SPDX-License-Identifier: MIT
 *
 * Sagas in memory: what is remembered, and who frees it. Their bytes are in
 * state_pack.c.
 */
#include "actors/saga/state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"
#include "bus/utf8.h"

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

static struct bus_bytes bytes_copy(struct bus_bytes from)
{
    if (from.len == 0)
        return (struct bus_bytes){0};
    uint8_t *data = zeroed(1, from.len);
    memcpy(data, from.data, from.len);
    return (struct bus_bytes){data, from.len};
}

/* Spans are const for their readers; the owner frees them. */
static void bytes_free(struct bus_bytes *bytes)
{
    union {
        const uint8_t *span;
        void *memory;
    } own = {bytes->data};
    free(own.memory);
    *bytes = (struct bus_bytes){0};
}

static char *text_copy(const char *text, size_t len)
{
    char *copy = zeroed(1, len + 1);
    memcpy(copy, text, len);
    return copy;
}

static char *text_or_none(const char *text)
{
    return text && text[0] ? text_copy(text, strlen(text)) : NULL;
}

void saga_init(struct saga *saga, struct plan *plan, const char *gid,
               struct bus_bytes request)
{
    uint16_t count = plan->plan.step_count;
    *saga = (struct saga){
        .plan = plan,
        .gid = text_copy(gid, strlen(gid)),
        .request = bytes_copy(request),
        .steps = zeroed(count, sizeof(struct engine_step)),
        .notes = zeroed(count, sizeof(struct saga_note[2])),
    };
    engine_init(&saga->engine, plan->rules, saga->steps, count);
    saga->engine.pattern = plan->plan.pattern;
    saga->engine.check_rule = plan->checks ? &plan->check_rule : NULL;
}

static void note_release(struct saga_note *note)
{
    for (uint32_t i = 0; i < note->history_count; i++)
        free(note->history[i].sentence);
    free(note->history);
    free(note->sentence);
}

static void added_release(struct saga_added *added)
{
    free(added->branch);
    free(added->op);
    free(added->status);
    free(added->url[0]);
    free(added->url[1]);
    bytes_free(&added->data);
}

void saga_release(struct saga *saga, struct plans *plans)
{
    for (uint16_t i = 0; i < saga->engine.count; i++) {
        note_release(&saga->notes[i][OP_ACTION]);
        note_release(&saga->notes[i][OP_COMPENSATE]);
    }
    for (uint16_t i = 0; saga->replies && i < saga->engine.count; i++)
        bytes_free(&saga->replies[i]);
    for (size_t i = 0; i < saga->added_count; i++)
        added_release(&saga->added[i]);
    bytes_free(&saga->request);
    bytes_free(&saga->result);
    free(saga->added);
    free(saga->rules);
    free(saga->reason);
    free(saga->gid);
    free(saga->steps);
    free(saga->notes);
    free(saga->replies);
    plans_drop(plans, saga->plan);
    *saga = (struct saga){0};
}

struct bus_bytes saga_replied(const struct saga *saga, uint16_t step)
{
    return saga->replies ? saga->replies[step] : (struct bus_bytes){0};
}

void saga_reply(struct saga *saga, uint16_t step, struct bus_bytes reply)
{
    assert(step < saga->engine.count);
    if (reply.len == 0 && !saga->replies)
        return;
    if (!saga->replies)
        saga->replies = zeroed(saga->engine.count, sizeof(*saga->replies));
    bytes_free(&saga->replies[step]);
    saga->replies[step] = bytes_copy(reply);
}

void saga_sentence(struct saga *saga, uint16_t step, enum engine_op op,
                   const char *sentence)
{
    assert(step < saga->engine.count);
    struct saga_note *note = &saga->notes[step][op];
    if (note->sentence && strcmp(note->sentence, sentence) == 0)
        return;
    free(note->sentence);
    note->sentence = sentence[0] ? text_copy(sentence, strlen(sentence)) : NULL;
}

void saga_branch_id(uint16_t step, char ret[SAGA_BRANCH_TEXT])
{
    assert(step < ENGINE_STEPS_MAX);
    snprintf(ret, SAGA_BRANCH_TEXT, "%02u", (step + 1u) % 100u);
}

const char *saga_branch(const struct saga *saga, uint16_t step,
                        char ret[SAGA_BRANCH_TEXT])
{
    if (step < saga->added_count)
        return saga->added[step].branch;
    if (saga->plan->dtm && step < saga->plan->plan.step_count)
        return saga->plan->plan.steps[step].name;
    saga_branch_id(step, ret);
    return ret;
}

static void *grown(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (!memory)
        abort();
    return memory;
}

/* TCC goes through its branches from the last to the first, XA from the first
 * to the last, in either direction. */
static void order_rules(struct saga *saga, uint16_t count)
{
    bool tcc = saga->engine.pattern == PATTERN_TCC;
    for (uint16_t i = 0; i < count; i++) {
        struct engine_rule *rule = &saga->rules[i];
        *rule = saga->plan->branch_rule;
        rule->after =
            tcc ? engine_mask(count) & ~engine_mask(i + 1u) : engine_mask(i);
        rule->undo_after = rule->after;
    }
}

/* One more step of the engine. */
static bool grow_engine(struct saga *saga)
{
    size_t count = saga->engine.count + 1u;
    if (count > ENGINE_STEPS_MAX)
        return false;
    saga->rules = grown(saga->rules, count * sizeof(*saga->rules));
    saga->steps = grown(saga->steps, count * sizeof(*saga->steps));
    saga->notes = grown(saga->notes, count * sizeof(*saga->notes));
    memset(saga->notes[count - 1], 0, sizeof(*saga->notes));
    if (saga->replies) {
        saga->replies = grown(saga->replies, count * sizeof(*saga->replies));
        saga->replies[count - 1] = (struct bus_bytes){0};
    }
    order_rules(saga, (uint16_t)count);
    engine_grow(&saga->engine, saga->rules, saga->steps, (uint16_t)count);
    return true;
}

bool saga_add(struct saga *saga, const struct saga_added *added)
{
    if (saga->added_count >= SAGA_ADDED_MAX ||
        (saga->engine.pattern != PATTERN_WORKFLOW && !grow_engine(saga)))
        return false;
    saga->added =
        grown(saga->added, (saga->added_count + 1) * sizeof(*saga->added));
    saga->added[saga->added_count++] = (struct saga_added){
        .branch = text_copy(added->branch, strlen(added->branch)),
        .op = text_or_none(added->op),
        .status = text_or_none(added->status),
        .url = {text_or_none(added->url[0]), text_or_none(added->url[1])},
        .data = bytes_copy(added->data),
        .created = added->created,
    };
    return true;
}

void saga_reason(struct saga *saga, const char *reason)
{
    if (saga->reason)
        return;
    size_t len = strnlen(reason, SAGA_TEXT_MAX);
    while (len == SAGA_TEXT_MAX && len > 0 && (reason[len] & 0xc0) == 0x80)
        len--; /* not inside a character */
    saga->reason = text_copy(reason, len);
}

size_t saga_weight(const struct saga *saga)
{
    size_t weight =
        saga->request.len + saga->plan->bytes.len + saga->result.len;
    for (uint16_t i = 0; i < saga->engine.count; i++)
        weight += saga_replied(saga, i).len;
    for (size_t i = 0; i < saga->added_count; i++)
        weight += saga->added[i].data.len;
    return weight;
}

void saga_result(struct saga *saga, struct bus_bytes result)
{
    bytes_free(&saga->result);
    saga->result = bytes_copy(result);
}

void saga_attempted(struct saga *saga, uint16_t step, enum engine_op op,
                    const struct saga_attempt *attempt)
{
    struct saga_note *note = &saga->notes[step][op];
    if (note->history_count == SAGA_HISTORY_MAX) {
        free(note->history[1].sentence);
        memmove(&note->history[1], &note->history[2],
                (SAGA_HISTORY_MAX - 2) * sizeof(note->history[0]));
        note->history_count--;
    }
    note->history = grown(note->history, (note->history_count + 1u) *
                                             sizeof(note->history[0]));
    note->history[note->history_count] = *attempt;
    note->history[note->history_count++].sentence =
        text_or_none(attempt->sentence);
}

/* As much of from as fits, cleaned: it may be any bytes of a participant. */
static void text_fit(char *to, size_t size, const char *from)
{
    const uint8_t *at = (const uint8_t *)from, *end = at + strlen(from);
    size_t len = 0;
    while (at < end) {
        size_t whole = bus_utf8_char(at, end);
        if (len + (whole ? whole : 1) >= size)
            break;
        if (whole)
            memcpy(to + len, at, whole);
        else
            to[len] = '?';
        len += whole ? whole : 1;
        at += whole ? whole : 1;
    }
    to[len] = '\0';
}

/* A branch that is in trouble now; else the step that turned the saga. False:
 * there is none. */
static bool find_trouble(const struct saga *saga, uint16_t *ret_step,
                         enum engine_op *ret_op)
{
    const struct engine *engine = &saga->engine;
    for (uint16_t i = 0; i < engine->count; i++)
        for (int op = OP_ACTION; op <= OP_COMPENSATE; op++) {
            enum engine_branch_status status = saga->steps[i].branch[op].status;
            if (status != BRANCH_BACKOFF && status != BRANCH_PARKED)
                continue;
            *ret_step = i;
            *ret_op = (enum engine_op)op;
            return true;
        }
    if (engine->failed < 0)
        return false;
    *ret_step = (uint16_t)engine->failed;
    *ret_op = OP_ACTION;
    return true;
}

void saga_trouble(const struct saga *saga, struct saga_trouble *ret)
{
    char id[SAGA_BRANCH_TEXT], text[JOURNAL_ERROR_MAX * 2];
    uint16_t step = 0;
    enum engine_op op = OP_ACTION;
    ret->step[0] = ret->error[0] = '\0';
    if (!find_trouble(saga, &step, &op))
        return;
    const char *sentence = saga->notes[step][op].sentence;
    bool own = !saga->plan->dtm && step < saga->plan->plan.step_count;
    text_fit(ret->step, sizeof(ret->step),
             own ? saga->plan->plan.steps[step].name
                 : saga_branch(saga, step, id));
    snprintf(text, sizeof(text), "%s%s%s",
             bus_code_name(saga->steps[step].branch[op].code),
             sentence ? ": " : "", sentence ? sentence : "");
    text_fit(ret->error, sizeof(ret->error), text);
}

static const char *const pattern_texts[PATTERN_COUNT] = {
    [PATTERN_SAGA] = "saga",         [PATTERN_MESSAGE] = "msg",
    [PATTERN_TCC] = "tcc",           [PATTERN_XA] = "xa",
    [PATTERN_WORKFLOW] = "workflow",
};

const char *saga_pattern_text(const struct saga *saga)
{
    return pattern_texts[saga->engine.pattern];
}

enum engine_pattern saga_pattern_from_text(const char *text)
{
    int pattern = 0;
    while (pattern < PATTERN_COUNT && strcmp(pattern_texts[pattern], text) != 0)
        pattern++;
    return (enum engine_pattern)pattern;
}

const char *saga_target(const struct saga *saga, uint16_t step,
                        enum engine_op op)
{
    if (op == OP_CHECK)
        return saga->plan->dtm->query_prepared;
    if (saga->rules) {
        const char *url = saga->added[step].url[op];
        return url ? url : "";
    }
    const struct saga_step *plan = &saga->plan->plan.steps[step];
    return op == OP_ACTION ? plan->action.target : plan->compensate.target;
}

struct bus_bytes saga_payload(const struct saga *saga, uint16_t step)
{
    struct bus_bytes payload = {0};
    uint32_t count = 0;
    if (saga->rules)
        return saga->added[step].data;
    struct bus_unpack in = bus_unpack_open(saga->request);
    if (!bus_unpack_array(&in, &count) || step >= count)
        return payload;
    for (uint16_t i = 0; i < step; i++)
        bus_unpack_value(&in, NULL);
    bus_unpack_bin(&in, &payload);
    return payload;
}
