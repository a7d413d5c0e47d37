/* SPDX-License-Identifier: MIT
 *
 * The body of a branch call in DTM's JSON-RPC form: the payload, an object, is
 * `params`, and the transaction's four words are added to it at its end.
 */
#ifndef SAGA_JSON_RPC_H
#define SAGA_JSON_RPC_H

#include "bus/buf.h"
#include "bus/error.h"

struct json_rpc {
    const char *gid, *trans_type, *branch_id, *op;
    const char *method;
    struct bus_bytes payload; /* len 0: {} */
};

/* Appends. INVALID_ARGUMENT if the payload is not one JSON object. */
int json_rpc_write(const struct json_rpc *call, struct bus_buf *buf,
                   struct bus_error *err);

#endif
