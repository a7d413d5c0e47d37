/* SPDX-License-Identifier: MIT
 *
 * A compensation's inputs that its orchestrator never learned: meta.saga.fill
 * names, for fields of the request, paths into the action's stored reply.
 */
#ifndef ACTOR_FILL_H
#define ACTOR_FILL_H

#include "bus/call.h"

#define FILL_FIELDS_MAX 64 /* of one compensation */

/* The request's map with the fields of call->meta.saga.fill put in, or put in
 * place of what it held. A path is dotted; "int(PATH)" makes an integer of
 * decimal text and "text(PATH)" the reverse. A path that leads nowhere leaves
 * its field as it came. *ret lives in the call's arena. INVALID_ARGUMENT for a
 * fill that is no map of texts. */
int fill_request(struct bus_call *call, struct bus_bytes request,
                 struct bus_bytes stored, struct bus_bytes *ret);

#endif
