/* SPDX-License-Identifier: MIT
 *
 * Branches that are URLs: http and https by http_branch.h, bus://actor/method
 * (and /package.Service/method, as gRPC names it) over the bus with JSON made
 * msgpack. What a branch of DTM's API says is judged as DTM judges it
 * (dtm_judge.h); what one of ours says, by its status alone.
 */
#ifndef SAGA_BRANCH_CALL_H
#define SAGA_BRANCH_CALL_H

#include "actors/saga/http_branch.h"
#include "actors/saga/orchestrator.h"

/* Where a URL leads on the bus. */
struct branch_place {
    char actor[BUS_TARGET_MAX];
    char method[BUS_METHOD_MAX];
};

/* True if the URL is a place on the bus. */
bool branch_place(const char *url, struct branch_place *ret);

/* Told once; the reply's spans live until it returns. */
typedef void branch_done(void *arg, const struct bus_reply *reply);

struct branch_flight;

/* Calls over HTTP that are under way. */
struct branch_calls {
    struct http_branches *branches;
    struct branch_flight *first;
};

/* Calls a branch over HTTP; done follows from the loop. */
void branch_call_http(struct branch_calls *calls, const struct saga_call *call,
                      branch_done *done, void *arg);

/* After http_branches_close: whoever waits hears that it is lost. */
void branch_calls_lost(struct branch_calls *calls);

/* The body of a call over the bus: JSON to msgpack, "" to an empty map. */
int branch_call_body(struct bus_bytes json, struct bus_buf *ret,
                     struct bus_error *err);

#endif
