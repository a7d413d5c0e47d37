/* SPDX-License-Identifier: MIT
 *
 * Sagas in memory and as bytes. The reader has a sticky error: each getter
 * gives a zero after the first thing that does not fit.
 */
#include "actors/saga/state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"

#define STATE_FIELDS 10
#define STEP_FIELDS 3
#define BRANCH_FIELDS 8
#define TRACE_BYTES (sizeof((struct bus_trace *)0)->id + 8 + 1)

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
        .replies = zeroed(count, sizeof(struct bus_bytes)),
    };
    engine_init(&saga->engine, plan->rules, saga->steps, count);
}

void saga_release(struct saga *saga, struct plans *plans)
{
    for (uint16_t i = 0; i < saga->engine.count; i++) {
        free(saga->notes[i][OP_ACTION].sentence);
        free(saga->notes[i][OP_COMPENSATE].sentence);
        bytes_free(&saga->replies[i]);
    }
    bytes_free(&saga->request);
    free(saga->gid);
    free(saga->steps);
    free(saga->notes);
    free(saga->replies);
    plans_drop(plans, saga->plan);
    *saga = (struct saga){0};
}

void saga_reply(struct saga *saga, uint16_t step, struct bus_bytes reply)
{
    assert(step < saga->engine.count);
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

static void pack_value(struct bus_buf *buf, struct bus_bytes value)
{
    if (value.len > 0)
        bus_pack_raw(buf, value);
    else
        bus_pack_nil(buf);
}

static bool branch_untouched(const struct engine_branch *branch)
{
    return branch->status == BRANCH_WAITING && branch->attempts == 0;
}

static void pack_branch(const struct saga *saga, uint16_t step,
                        enum engine_op op, struct bus_buf *buf)
{
    const struct engine_branch *branch = &saga->steps[step].branch[op];
    const struct saga_note *note = &saga->notes[step][op];
    if (branch_untouched(branch)) {
        bus_pack_nil(buf);
        return;
    }
    bus_pack_array(buf, BRANCH_FIELDS);
    bus_pack_text(buf, engine_branch_text(branch->status));
    bus_pack_uint(buf, branch->code);
    bus_pack_uint(buf, branch->attempts);
    bus_pack_uint(buf, branch->failures);
    bus_pack_int(buf, note->started);
    bus_pack_int(buf, note->finished);
    bus_pack_int(buf, note->business);
    bus_pack_text(buf, note->sentence);
}

static void pack_trace(const struct bus_trace *trace, struct bus_buf *buf)
{
    uint8_t bytes[TRACE_BYTES];
    memcpy(bytes, trace->id, sizeof(trace->id));
    memcpy(bytes + sizeof(trace->id), trace->span, sizeof(trace->span));
    bytes[sizeof(bytes) - 1] = trace->flags;
    bus_pack_bin(buf, bytes, sizeof(bytes));
}

void saga_pack(const struct saga *saga, struct bus_buf *buf)
{
    bus_pack_array(buf, STATE_FIELDS);
    bus_pack_uint(buf, SAGA_STATE_VERSION);
    bus_pack_text(buf, engine_phase_text(saga->engine.phase));
    pack_trace(&saga->trace, buf);
    bus_pack_int(buf, saga->created);
    bus_pack_int(buf, saga->updated);
    bus_pack_int(buf, saga->finished);
    bus_pack_int(buf, saga->engine.failed);
    pack_value(buf, saga->request);
    bus_pack_raw(buf, saga->plan->bytes);
    bus_pack_array(buf, saga->engine.count);
    for (uint16_t i = 0; i < saga->engine.count; i++) {
        bus_pack_array(buf, STEP_FIELDS);
        pack_branch(saga, i, OP_ACTION, buf);
        pack_branch(saga, i, OP_COMPENSATE, buf);
        pack_value(buf, saga->replies[i]);
    }
}

struct reader {
    struct bus_unpack in;
    bool failed;
};

static bool get_array(struct reader *reader, uint32_t count)
{
    uint32_t have = 0;
    if (reader->failed || !bus_unpack_array(&reader->in, &have) ||
        have != count)
        reader->failed = true;
    return !reader->failed;
}

static uint64_t get_uint(struct reader *reader, uint64_t max)
{
    uint64_t value = 0;
    if (reader->failed || !bus_unpack_uint(&reader->in, &value) || value > max)
        reader->failed = true;
    return reader->failed ? 0 : value;
}

static int64_t get_int(struct reader *reader, int64_t low, int64_t high)
{
    int64_t value = 0;
    if (reader->failed || !bus_unpack_int(&reader->in, &value) || value < low ||
        value > high)
        reader->failed = true;
    return reader->failed ? 0 : value;
}

static int64_t get_time(struct reader *reader)
{
    return get_int(reader, 0, INT64_MAX);
}

/* nil is an empty span. */
static struct bus_bytes get_value(struct reader *reader)
{
    struct bus_bytes value = {0};
    if (reader->failed)
        return value;
    if (!bus_unpack_nil(&reader->in) && !bus_unpack_value(&reader->in, &value))
        reader->failed = true;
    return value;
}

static struct bus_bytes get_text(struct reader *reader)
{
    struct bus_bytes text = {0};
    if (reader->failed || !bus_unpack_text(&reader->in, &text))
        reader->failed = true;
    return text;
}

/* A word shorter than WORD_MAX into ret, NUL-terminated. */
#define WORD_MAX 16
static void get_word(struct reader *reader, char ret[WORD_MAX])
{
    struct bus_bytes text = get_text(reader);
    ret[0] = 0;
    if (reader->failed || text.len >= WORD_MAX) {
        reader->failed = true;
        return;
    }
    memcpy(ret, text.data, text.len);
    ret[text.len] = 0;
}

static void get_trace(struct reader *reader, struct bus_trace *trace)
{
    struct bus_bytes bytes = {0};
    if (reader->failed || !bus_unpack_bin(&reader->in, &bytes) ||
        bytes.len != TRACE_BYTES) {
        reader->failed = true;
        return;
    }
    memcpy(trace->id, bytes.data, sizeof(trace->id));
    memcpy(trace->span, bytes.data + sizeof(trace->id), sizeof(trace->span));
    trace->flags = bytes.data[TRACE_BYTES - 1];
}

static void get_branch(struct reader *reader, struct engine_branch *branch,
                       struct saga_note *note)
{
    char word[WORD_MAX];
    if (reader->failed || bus_unpack_nil(&reader->in))
        return; /* as saga_init left it */
    if (!get_array(reader, BRANCH_FIELDS))
        return;
    get_word(reader, word);
    enum engine_branch_status status = engine_branch_from_text(word);
    if (status == BRANCH_COUNT) {
        reader->failed = true;
        return;
    }
    branch->status = (uint8_t)status;
    branch->code = (uint8_t)get_uint(reader, BUS_UNAUTHENTICATED);
    branch->attempts = (uint32_t)get_uint(reader, UINT32_MAX);
    branch->failures = (uint32_t)get_uint(reader, UINT32_MAX);
    note->started = get_time(reader);
    note->finished = get_time(reader);
    note->business = (int32_t)get_int(reader, INT32_MIN, INT32_MAX);
    struct bus_bytes text = get_text(reader);
    if (!reader->failed && text.len > 0)
        note->sentence = text_copy((const char *)text.data, text.len);
}

/* What stands before the plan. */
struct head {
    enum engine_phase phase;
    struct bus_trace trace;
    int64_t created, updated, finished;
    int64_t failed;
    struct bus_bytes request, plan;
};

static void get_head(struct reader *reader, struct head *head)
{
    char word[WORD_MAX];
    if (!get_array(reader, STATE_FIELDS) ||
        get_uint(reader, UINT32_MAX) != SAGA_STATE_VERSION)
        reader->failed = true;
    get_word(reader, word);
    head->phase = engine_phase_stored(word);
    if (head->phase == PHASE_COUNT)
        reader->failed = true;
    get_trace(reader, &head->trace);
    head->created = get_time(reader);
    head->updated = get_time(reader);
    head->finished = get_time(reader);
    head->failed = get_int(reader, -1, ENGINE_STEPS_MAX - 1);
    head->request = get_value(reader);
    head->plan = get_value(reader);
}

static void get_steps(struct reader *reader, struct saga *saga)
{
    if (!get_array(reader, saga->engine.count))
        return;
    for (uint16_t i = 0; i < saga->engine.count; i++) {
        if (!get_array(reader, STEP_FIELDS))
            return;
        for (int op = 0; op < 2; op++)
            get_branch(reader, &saga->steps[i].branch[op], &saga->notes[i][op]);
        saga_reply(saga, i, get_value(reader));
    }
    if (reader->in.at != reader->in.end)
        reader->failed = true;
}

static int corrupt(struct bus_error *err, const char *gid)
{
    return bus_error_set(err, BUS_DATA_LOSS,
                         "the journal's row of saga %s cannot be read", gid);
}

int saga_unpack(struct bus_bytes bytes, const char *gid, struct plans *plans,
                struct saga *ret, struct bus_error *err)
{
    struct reader reader = {.in = bus_unpack_open(bytes)};
    struct head head = {0};
    struct plan *plan = NULL;
    get_head(&reader, &head);
    if (reader.failed || plans_take(plans, head.plan, &plan, err))
        return corrupt(err, gid);
    struct saga saga;
    saga_init(&saga, plan, gid, head.request);
    saga.trace = head.trace;
    saga.created = head.created;
    saga.updated = head.updated;
    saga.finished = head.finished;
    saga.engine.phase = (uint8_t)head.phase;
    saga.engine.failed = (int16_t)head.failed;
    get_steps(&reader, &saga);
    if (reader.failed || !engine_sound(&saga.engine)) {
        saga_release(&saga, plans);
        return corrupt(err, gid);
    }
    *ret = saga;
    return BUS_OK;
}
