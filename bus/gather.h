/* SPDX-License-Identifier: MIT
 *
 * Several calls at once, from inside a handler: begin them, wait for all, for
 * any or for the first success, under the deadline of the call they are made
 * for. What comes later than that is forgotten.
 *
 *     struct bus_gather *gather = bus_gather_new(call);
 *     bus_gather_begin(gather, NULL, &user_getUser_method, &req, &user);
 *     bus_gather_begin(gather, NULL, &score_getUserScore_method, &req2,
 * &score); int code = bus_gather_wait(gather, BUS_GATHER_ALL);
 *     bus_gather_end(gather);
 */
#ifndef BUS_GATHER_H
#define BUS_GATHER_H

#include "bus/call.h"

#define BUS_GATHER_MAX 1024 /* calls of one gathering */

enum bus_gather_until {
    BUS_GATHER_ALL,     /* every call has ended */
    BUS_GATHER_ANY,     /* one has ended */
    BUS_GATHER_SUCCESS, /* one has ended well, or all have ended */
};

struct bus_gather;

/* call must outlive it. Not inside an open transaction: then every begin is
 * refused, as bus_call is. */
struct bus_gather *bus_gather_new(struct bus_call *call);

/* Begins a call as bus_call would make it; its number, from 0, or -1:
 * call->error says why. reply (NULL: not wanted) is filled, from call->arena,
 * by the wait that sees the answer. */
int bus_gather_begin(struct bus_gather *gather, const char *target,
                     const struct bus_method *method, const void *request,
                     void *reply);

/* Begins one at every instance of the actor that lives now (user*): replies
 * is an array of max structs of the reply's size. Returns how many were begun,
 * or -1. */
int bus_gather_everywhere(struct bus_gather *gather,
                          const struct bus_method *method, const void *request,
                          void *replies, size_t max);

/* Waits. BUS_OK, or the code of the first call, by number, that ended badly
 * (ALL), of the one that ended first (ANY), of the last to fail (SUCCESS). */
int bus_gather_wait(struct bus_gather *gather, enum bus_gather_until until);

/* How a call ended, as far as the last wait saw; NULL: it has not. */
const struct bus_error *bus_gather_ended(const struct bus_gather *gather,
                                         int number);
/* The number of the call that decided the last wait; -1: none. */
int bus_gather_which(const struct bus_gather *gather);

/* Forgets calls that are still under way. */
void bus_gather_end(struct bus_gather *gather);

#endif
