/* SPDX-License-Identifier: MIT
 *
 * What DTM's clients send: a transaction, a registered branch, a JSON-RPC call.
 * Read as DTM reads, so that its clients need not change: keys in any case,
 * unknown ones skipped, null leaves a field as it is, the last of two equal
 * keys counts, whole numbers only where whole numbers are meant. What DTM
 * answers with a panic is refused here with a sentence. Texts lie in the arena
 * or in the body.
 */
#ifndef SAGA_DTM_REQUEST_H
#define SAGA_DTM_REQUEST_H

#include <stdbool.h>

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/error.h"
#include "bus/shape.h"

#define DTM_STEPS_MAX 64 /* of a saga or message; branches of TCC and XA */
#define DTM_PAIRS_MAX 64 /* entries of a map of texts */
#define DTM_GID_MAX 128

struct dtm_pair {
    const char *name;
    const char *value;
};

/* NULL: not there. */
struct dtm_step {
    const char *action;
    const char *compensate;
    const char *data;
};

struct dtm_trans {
    const char *gid;
    const char *trans_type;
    const char *status;
    struct bus_list steps;    /* struct dtm_step */
    struct bus_list payloads; /* const char * */
    const char *custom_data;
    const char *query_prepared;
    const char *protocol;
    const char *rollback_reason;
    bool wait_result;
    bool concurrent;
    bool strict;
    int64_t timeout_to_fail; /* all in seconds; 0: the server's */
    int64_t request_timeout;
    int64_t retry_interval;
    int64_t retry_limit;
    struct bus_list branch_headers; /* struct dtm_pair */
    struct bus_list req_extra;      /* struct dtm_pair */
};

/* gid and status lose line ends and semicolons; a missing text is "". */
int dtm_trans_read(struct bus_bytes body, struct bus_arena *arena,
                   struct dtm_trans *ret, struct bus_error *err);

/* A flat object of texts. */
int dtm_pairs_read(struct bus_bytes body, struct bus_arena *arena,
                   struct bus_list *ret, struct bus_error *err);
/* "" if there is none; the last of several. */
const char *dtm_pair(const struct bus_list *pairs, const char *name);

/* custom_data of a saga, of a message and of a workflow. */
struct dtm_custom {
    bool concurrent;
    uint64_t after[DTM_STEPS_MAX]; /* orders */
    bool ordered;
    int64_t delay; /* seconds */
    const char *name;
    const char *data; /* base64 */
};
int dtm_custom_read(const char *text, struct bus_arena *arena,
                    struct dtm_custom *ret, struct bus_error *err);

/* A JSON-RPC call; params is the text of its value, "" if there is none. */
struct dtm_rpc {
    const char *method;
    const char *version;
    const char *id;
    struct bus_bytes params;
};
int dtm_rpc_read(struct bus_bytes body, struct bus_arena *arena,
                 struct dtm_rpc *ret, struct bus_error *err);

#endif
