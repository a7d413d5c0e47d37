/* SPDX-License-Identifier: MIT
 *
 * What a call from inside a handler takes along and brings back; shared by
 * bus_call (outgoing.c) and bus_gather.
 */
#ifndef BUS_OUTGOING_H
#define BUS_OUTGOING_H

#include "bus/call.h"

/* Makes the request; its body lies in call->arena. Refusals stand in
 * call->error too. */
int outgoing_make(struct bus_call *call, const char *target,
                  const struct bus_method *method, const void *request,
                  struct bus_request *ret);

/* Unpacks a body that came with BUS_OK; reply and body may be empty. */
int outgoing_answer(struct bus_call *call, const struct bus_method *method,
                    struct bus_bytes body, void *reply, struct bus_error *err);

#endif
