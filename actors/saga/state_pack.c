/* SPDX-License-Identifier: MIT
 *
 * Sagas as bytes. The reader has a sticky error: each getter gives a zero after
 * the first thing that does not fit. What a saga's registered branches need of
 * the engine is made again by saga_add, before the steps are read.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/saga/state.h"
#include "bus/code.h"
#include "bus/pack.h"

#define STATE_FIELDS 11
#define STATE_FIELDS_1 10 /* of version 1 */
#define STEP_FIELDS 3
#define BRANCH_FIELDS 9
#define BRANCH_FIELDS_1 8
#define ATTEMPT_FIELDS 4
#define EXTRA_FIELDS 4
#define ADDED_FIELDS 7
#define TRACE_BYTES (sizeof((struct bus_trace *)0)->id + 8 + 1)

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

static void pack_history(const struct saga_note *note, struct bus_buf *buf)
{
    if (note->history_count == 0) {
        bus_pack_nil(buf);
        return;
    }
    bus_pack_array(buf, note->history_count);
    for (uint32_t i = 0; i < note->history_count; i++) {
        const struct saga_attempt *attempt = &note->history[i];
        bus_pack_array(buf, ATTEMPT_FIELDS);
        bus_pack_int(buf, attempt->started);
        bus_pack_int(buf, attempt->duration);
        bus_pack_int(buf, attempt->code);
        bus_pack_text(buf, attempt->sentence);
    }
}

static void pack_added(const struct saga_added *added, struct bus_buf *buf)
{
    bus_pack_array(buf, ADDED_FIELDS);
    bus_pack_text(buf, added->branch);
    bus_pack_text(buf, added->op);
    bus_pack_text(buf, added->status);
    bus_pack_text(buf, added->url[0]);
    bus_pack_text(buf, added->url[1]);
    bus_pack_bin(buf, added->data.data, added->data.len);
    bus_pack_int(buf, added->created);
}

static void pack_extra(const struct saga *saga, struct bus_buf *buf)
{
    if (!saga->reason && saga->result.len == 0 && saga->digest == 0 &&
        saga->added_count == 0) {
        bus_pack_nil(buf);
        return;
    }
    bus_pack_array(buf, EXTRA_FIELDS);
    bus_pack_text(buf, saga->reason);
    bus_pack_bin(buf, saga->result.data, saga->result.len);
    bus_pack_uint(buf, saga->digest);
    bus_pack_array(buf, saga->added_count);
    for (size_t i = 0; i < saga->added_count; i++)
        pack_added(&saga->added[i], buf);
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
    pack_history(note, buf);
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
        pack_value(buf, saga_replied(saga, i));
    }
    pack_extra(saga, buf);
}

struct reader {
    struct bus_unpack in;
    bool failed;
    bool old; /* version 1 */
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

/* A text of the caller's, NULL if it is empty. */
static char *get_copy(struct reader *reader)
{
    struct bus_bytes text = get_text(reader);
    if (reader->failed || text.len == 0)
        return NULL;
    char *copy = calloc(1, text.len + 1);
    if (!copy)
        abort();
    memcpy(copy, text.data, text.len);
    return copy;
}

static struct bus_bytes get_bin(struct reader *reader)
{
    struct bus_bytes bytes = {0};
    if (reader->failed || !bus_unpack_bin(&reader->in, &bytes))
        reader->failed = true;
    return bytes;
}

static uint32_t get_count(struct reader *reader, uint32_t max)
{
    uint32_t count = 0;
    if (reader->failed || !bus_unpack_array(&reader->in, &count) || count > max)
        reader->failed = true;
    return reader->failed ? 0 : count;
}

static void get_history(struct reader *reader, struct saga *saga, uint16_t step,
                        enum engine_op op)
{
    if (reader->failed || bus_unpack_nil(&reader->in))
        return;
    uint32_t count = get_count(reader, SAGA_HISTORY_MAX);
    for (uint32_t i = 0; i < count && get_array(reader, ATTEMPT_FIELDS); i++) {
        struct saga_attempt attempt = {
            .started = get_time(reader),
            .duration = get_time(reader),
            .code = (int32_t)get_uint(reader, BUS_UNAUTHENTICATED),
        };
        attempt.sentence = get_copy(reader);
        if (!reader->failed)
            saga_attempted(saga, step, op, &attempt);
        free(attempt.sentence);
    }
}

static void get_branch(struct reader *reader, struct saga *saga, uint16_t step,
                       enum engine_op op)
{
    struct engine_branch *branch = &saga->steps[step].branch[op];
    struct saga_note *note = &saga->notes[step][op];
    char word[WORD_MAX];
    if (reader->failed || bus_unpack_nil(&reader->in))
        return; /* as saga_init left it */
    if (!get_array(reader, reader->old ? BRANCH_FIELDS_1 : BRANCH_FIELDS))
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
    note->sentence = get_copy(reader);
    if (!reader->old)
        get_history(reader, saga, step, op);
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
    uint32_t fields = get_count(reader, STATE_FIELDS);
    uint64_t version = get_uint(reader, SAGA_STATE_VERSION);
    reader->old = version == 1;
    if (version == 0 || fields != (reader->old ? STATE_FIELDS_1 : STATE_FIELDS))
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
        get_branch(reader, saga, i, OP_ACTION);
        get_branch(reader, saga, i, OP_COMPENSATE);
        saga_reply(saga, i, get_value(reader));
    }
}

static void get_added(struct reader *reader, struct saga *saga)
{
    uint32_t count = get_count(reader, SAGA_ADDED_MAX);
    for (uint32_t i = 0; i < count && get_array(reader, ADDED_FIELDS); i++) {
        struct saga_added added = {0};
        added.branch = get_copy(reader);
        added.op = get_copy(reader);
        added.status = get_copy(reader);
        added.url[0] = get_copy(reader);
        added.url[1] = get_copy(reader);
        added.data = get_bin(reader);
        added.created = get_time(reader);
        struct saga_added kept = added;
        kept.branch = added.branch ? added.branch : (char[]){""};
        if (!reader->failed && !saga_add(saga, &kept))
            reader->failed = true;
        free(added.branch);
        free(added.op);
        free(added.status);
        free(added.url[0]);
        free(added.url[1]);
    }
}

static void get_extra(struct reader *reader, struct saga *saga)
{
    if (reader->failed || reader->old || bus_unpack_nil(&reader->in) ||
        !get_array(reader, EXTRA_FIELDS))
        return;
    saga->reason = get_copy(reader);
    saga_result(saga, get_bin(reader));
    saga->digest = get_uint(reader, UINT64_MAX);
    get_added(reader, saga);
}

/* Added branches make the engine's steps, which come before them in the row. */
static void get_rest(struct reader *reader, struct saga *saga)
{
    struct reader steps = *reader;
    if (!reader->failed && !bus_unpack_value(&reader->in, NULL))
        reader->failed = true;
    get_extra(reader, saga);
    if (reader->in.at != reader->in.end)
        reader->failed = true;
    get_steps(&steps, saga);
    reader->failed = reader->failed || steps.failed;
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
    get_rest(&reader, &saga);
    saga.engine.phase = (uint8_t)head.phase;
    saga.engine.failed = (int16_t)head.failed;
    if (reader.failed || !engine_sound(&saga.engine)) {
        saga_release(&saga, plans);
        return corrupt(err, gid);
    }
    *ret = saga;
    return BUS_OK;
}
