/* SPDX-License-Identifier: MIT
 *
 * One saga in memory, and its whole state as one msgpack value: what a row of
 * the journal holds and all that a restart needs. The engine decides; this file
 * remembers what the engine need not know: inputs, replies, times, sentences.
 *
 * The packed form is an array, so that it stays small: [1, status, trace,
 * created, updated, finished, failed, request, plan, steps]; a step is [action,
 * compensation, reply]; a branch is [status, code, attempts, failures, started,
 * finished, business, sentence] or nil while nothing has happened to it. A
 * phase that waits for the disk is stored as what is true once it is there.
 */
#ifndef SAGA_STATE_H
#define SAGA_STATE_H

#include "actors/saga/engine.h"
#include "actors/saga/plan.h"
#include "bus/buf.h"
#include "bus/trace.h"

#define SAGA_STATE_VERSION 1
#define SAGA_REQUEST_MAX ((size_t)1 << 20) /* bytes of a request */
#define SAGA_REPLY_MAX ((size_t)1 << 20)   /* bytes of a step's reply */
#define SAGA_STATE_MAX ((size_t)96 << 20)  /* bytes of a packed state */

/* What is remembered of a branch beside its struct engine_branch. */
struct saga_note {
    int64_t started;  /* Unix time, us; 0: never. The first try */
    int64_t finished; /* 0: not yet. When it became done or failed */
    int32_t business;
    char *sentence; /* owned; of the last refusal; NULL: none */
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
    struct bus_bytes *replies;    /* owned; one value a step; len 0: none */
};

/* A new saga. The plan is taken over (dropped by saga_release), gid and request
 * are copied. */
void saga_init(struct saga *saga, struct plan *plan, const char *gid,
               struct bus_bytes request);
void saga_release(struct saga *saga, struct plans *plans);

/* Replaces what an earlier call set; copies. */
void saga_reply(struct saga *saga, uint16_t step, struct bus_bytes reply);
void saga_sentence(struct saga *saga, uint16_t step, enum engine_op op,
                   const char *sentence);

/* The branch id of a step: "01", "02", ... */
#define SAGA_BRANCH_TEXT 4
void saga_branch_id(uint16_t step, char ret[SAGA_BRANCH_TEXT]);

void saga_pack(const struct saga *saga, struct bus_buf *buf);

/* The opposite. Anything that saga_pack could not have written is DATA_LOSS and
 * a sentence; ret is untouched then. */
int saga_unpack(struct bus_bytes bytes, const char *gid, struct plans *plans,
                struct saga *ret, struct bus_error *err);

#endif
