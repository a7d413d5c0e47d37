/* SPDX-License-Identifier: MIT
 *
 * Durable events of one actor: from the keys Events and Consume of its
 * configuration to a relay and a consumer, and from an event to a request in
 * the actor's own mailbox.
 */
#ifndef RUNTIME_DURABLE_H
#define RUNTIME_DURABLE_H

#include "actors/runtime/runtime.h"

/* Checks Consume and Events: topics, methods, limits. INVALID_ARGUMENT with the
 * position. Reads only. */
int durable_check(struct runtime *runtime, struct bus_error *err);

/* Opens runtime->events, where the actor publishes or consumes. */
int durable_open(struct runtime *runtime, struct bus_error *err);

#endif
