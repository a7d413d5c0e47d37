/* SPDX-License-Identifier: MIT
 *
 * What a branch said by HTTP, as DTM understands it, in this order: 425, or
 * ONGOING anywhere in the body: still going. 409, or FAILURE anywhere: refused.
 * Anything but 200: unknown, asked again. 200: done. Words in a body are a trap
 * (a customer named FAILURE rolls a saga back): a strict transaction looks at
 * the status alone, and takes every 2xx as done. Pure.
 */
#ifndef SAGA_DTM_JUDGE_H
#define SAGA_DTM_JUDGE_H

#include <stdbool.h>

#include "bus/buf.h"

/* enum bus_code: OK, FAILED_PRECONDITION, ABORTED or UNKNOWN. */
int dtm_judge(int status, struct bus_bytes body, bool strict);

/* The same of an answer to JSON-RPC: then also by its error's code. */
int dtm_judge_rpc(int status, struct bus_bytes body, bool strict);

/* Appends why a transaction rolled back: "url:URL return failed: BODY FAILURE".
 */
void dtm_judge_reason(struct bus_buf *buf, const char *url,
                      struct bus_bytes body);

#endif
