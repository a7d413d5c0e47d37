/* SPDX-License-Identifier: MIT
 *
 * One request as one function with an input and an output: from an inbound's
 * bytes to a reply's, through the store's bracket, the method's middlewares and
 * its handler.
 */
#ifndef ACTOR_HANDLE_H
#define ACTOR_HANDLE_H

#include "actors/runtime/runtime.h"

/* Runs a request on this worker and fills *ret, whose spans live in the worker
 * until its next request. entry NULL: there is no such method. Logs one line.
 * Takes the time it is and returns the time it then is (monotonic ns): reading
 * the clock is a good part of a short request. */
int64_t handle_request(struct actor_worker *worker, struct method_entry *entry,
                       const struct bus_inbound *inbound, int64_t started,
                       struct bus_reply *ret);

#endif
