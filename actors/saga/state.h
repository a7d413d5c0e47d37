/* SPDX-License-Identifier: MIT
 *
 * One saga in memory, and its whole state as one msgpack value: what a row of
 * the journal holds and all that a restart needs. The engine decides; this file
 * remembers what the engine need not know: inputs, replies, times, sentences.
 *
 * The packed form is an array, so that it stays small: [2, status, trace,
 * created, updated, finished, failed, request, plan, steps, extra]; a step is
 * [action, compensation, reply]; a branch is [status, code, attempts, failures,
 * started, finished, business, sentence, history] or nil while nothing has
 * happened to it; history is an array of [started, duration, code, sentence],
 * or nil. extra is nil or [reason, result, digest, added], where added is an
 * array of [branch, op, status, forth, back, data, created]. A phase that waits
 * for the disk is stored as what is true once it is there. Version 1, which is
 * read as well, has neither history nor extra.
 */
#ifndef SAGA_STATE_H
#define SAGA_STATE_H

#include "actors/saga/engine.h"
#include "actors/saga/journal.h"
#include "actors/saga/plan.h"
#include "bus/buf.h"
#include "bus/trace.h"

#define SAGA_STATE_VERSION 2
#define SAGA_REQUEST_MAX ((size_t)1 << 20) /* bytes of a request */
#define SAGA_REPLY_MAX ((size_t)1 << 20)   /* bytes of a step's reply */
#define SAGA_STATE_MAX ((size_t)96 << 20)  /* bytes of a packed state */

#define SAGA_HISTORY_MAX 32              /* attempts kept of a branch */
#define SAGA_ADDED_MAX 1024              /* branches registered with a saga */
#define SAGA_TEXT_MAX ((size_t)64 << 10) /* bytes of a reason */

/* One try that did not end well, or the last one. */
struct saga_attempt {
    int64_t started;  /* Unix time, us */
    int64_t duration; /* us */
    int32_t code;     /* enum bus_code */
    char *sentence;   /* owned; NULL: none */
};

/* A branch that its client registered: of TCC and XA a step of the engine (the
 * same index), of a workflow a line of its log. */
struct saga_added {
    char *branch; /* all owned */
    char *op;     /* workflow: what was done */
    char *status; /* workflow: "succeed", "failed" */
    char *url[2]; /* confirm and cancel; commit and rollback */
    struct bus_bytes data;
    int64_t created; /* Unix time, us */
};

/* What is remembered of a branch beside its struct engine_branch. */
struct saga_note {
    int64_t started;  /* Unix time, us; 0: never. The first try */
    int64_t finished; /* 0: not yet. When it became done or failed */
    int64_t called;   /* Unix time, us: the try under way */
    char *sentence;   /* owned; of the last refusal; NULL: none */
    struct saga_attempt *history; /* owned; the first, then the last ones */
    uint32_t history_count;
    int32_t business;
};

struct saga {
    struct engine engine;
    struct plan *plan;        /* held */
    char *gid;                /* owned */
    struct bus_bytes request; /* owned; one value; len 0: none */
    struct bus_trace trace;
    int64_t created, updated, finished; /* Unix time, us; 0: not yet */
    struct engine_step *steps;
    struct saga_note (*notes)[2]; /* one pair a step, by enum engine_op */
    struct bus_bytes *replies;    /* owned; see saga_replied; NULL: none yet */
    struct engine_rule *rules; /* owned, of added branches; NULL: the plan's */
    struct saga_added *added;  /* owned */
    size_t added_count;
    char *reason; /* owned; why it rolled back, for DTM's API; NULL: none */
    struct bus_bytes result; /* owned; of a workflow: base64 text */
    uint64_t digest;         /* of what DTM's API submitted; 0: none */
};

/* What a saga fails at, or has failed at; "": nothing. Whole characters. */
struct saga_trouble {
    char step[JOURNAL_STEP_MAX];
    char error[JOURNAL_ERROR_MAX]; /* "CODE: sentence" */
};
void saga_trouble(const struct saga *saga, struct saga_trouble *ret);

/* "saga", "msg", "tcc", "xa", "workflow", as DTM's API calls them. */
const char *saga_pattern_text(const struct saga *saga);
enum engine_pattern saga_pattern_from_text(const char *text); /* or COUNT */

/* A new saga. The plan is taken over (dropped by saga_release), gid and request
 * are copied. */
void saga_init(struct saga *saga, struct plan *plan, const char *gid,
               struct bus_bytes request);
void saga_release(struct saga *saga, struct plans *plans);

/* The reply of a step: one value; len 0: none. */
struct bus_bytes saga_replied(const struct saga *saga, uint16_t step);
/* Replaces what an earlier call set; copies. */
void saga_reply(struct saga *saga, uint16_t step, struct bus_bytes reply);
void saga_sentence(struct saga *saga, uint16_t step, enum engine_op op,
                   const char *sentence);

/* Copies one more registered branch; of TCC and XA the engine grows by a step.
 * False: there are too many. */
bool saga_add(struct saga *saga, const struct saga_added *added);

/* Copies; cut at SAGA_TEXT_MAX. The first reason stays. */
void saga_reason(struct saga *saga, const char *reason);
void saga_result(struct saga *saga, struct bus_bytes result);

/* A try of a branch is over. */
void saga_attempted(struct saga *saga, uint16_t step, enum engine_op op,
                    const struct saga_attempt *attempt);

/* Where a branch leads: the URL or actor; NULL if it has no such branch. */
const char *saga_target(const struct saga *saga, uint16_t step,
                        enum engine_op op);
/* The payload of a branch of DTM's API. */
struct bus_bytes saga_payload(const struct saga *saga, uint16_t step);

/* The branch id of a step: "01", "02", ... */
#define SAGA_BRANCH_TEXT 4
void saga_branch_id(uint16_t step, char ret[SAGA_BRANCH_TEXT]);

/* The same of a saga that may come from DTM's API; static, or the saga's, or in
 * ret. */
const char *saga_branch(const struct saga *saga, uint16_t step,
                        char ret[SAGA_BRANCH_TEXT]);

/* About what it takes packed, without what is said of its branches: request,
 * plan, replies, payloads. */
size_t saga_weight(const struct saga *saga);

void saga_pack(const struct saga *saga, struct bus_buf *buf);

/* The opposite. Anything that saga_pack could not have written is DATA_LOSS and
 * a sentence; ret is untouched then. */
int saga_unpack(struct bus_bytes bytes, const char *gid, struct plans *plans,
                struct saga *ret, struct bus_error *err);

#endif
