/* SPDX-License-Identifier: MIT
 *
 * How a plan travels inside saga.submit: a msgpack map described by shapes, so
 * that any client can write one. {name, steps: [{name, action: {target, method,
 * inputs: [{field, from, path, convert, literal}], plan}, compensate: {...},
 * timeout_ms, retry_first_ms, retry_max_ms, retry_limit, interval_ms, after}],
 * result: [inputs], partial, pattern, timeout_ms, dtm}. Absent: 0, "" or none.
 * A literal has no `from`. `after` is a mask of steps, looked at if `partial`.
 */
#ifndef ACTOR_SAGA_PACK_H
#define ACTOR_SAGA_PACK_H

#include "actors/runtime/saga.h"
#include "bus/buf.h"
#include "bus/shape.h"

struct saga_wire_input {
    const char *field;
    bool has_from;
    const char *from;
    bool has_path;
    const char *path;
    bool has_convert;
    uint8_t convert;          /* enum saga_convert */
    struct bus_bytes literal; /* ANY */
};

struct saga_wire_branch {
    const char *target;
    const char *method;
    struct bus_list inputs; /* struct saga_wire_input */
    struct bus_bytes plan;  /* ANY; of a saga that is a step */
};

struct saga_wire_step {
    const char *name;
    struct saga_wire_branch *action;
    struct saga_wire_branch *compensate; /* NULL: none */
    uint32_t timeout_ms;
    uint32_t retry_first_ms;
    uint32_t retry_max_ms;
    uint32_t retry_limit;
    uint32_t interval_ms;
    uint64_t after;
};

struct saga_wire_plan {
    const char *name;
    struct bus_list steps;  /* struct saga_wire_step */
    struct bus_list result; /* struct saga_wire_input */
    bool partial;
    uint8_t pattern; /* enum saga_pattern */
    uint32_t timeout_ms;
    struct bus_bytes dtm; /* ANY */
};

extern const struct bus_shape saga_plan_shape; /* of saga_wire_plan */

/* What saga.submit takes, and saga.undo. */
struct saga_wire_submit {
    const char *gid;          /* "": the orchestrator makes one */
    struct bus_bytes plan;    /* ANY */
    struct bus_bytes request; /* ANY */
    uint32_t wait_ms;         /* 0: answered as soon as it is accepted */
    bool fresh;     /* gid was made at random for this very submission: it need
                     * not be looked for */
    bool forwarded; /* undo: another orchestrator takes it for ours */
    bool happened;  /* undo: it is known to have been done, so that one that is
                     * not found is an error */
};

extern const struct bus_shape saga_submit_shape;

/* Appends the plan as msgpack. */
void saga_plan_pack(struct bus_buf *buf, const struct saga_plan *plan);

#endif
