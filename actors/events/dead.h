/* SPDX-License-Identifier: MIT
 *
 * What `bus dlq` asks an actor: which events it gave up, why, and that they be
 * tried again.
 */
#ifndef EVENTS_DEAD_H
#define EVENTS_DEAD_H

#include "actors/events/stream.h"

#define DEAD_LIST_MAX 1000 /* of one answer */

/* Answers one request, a map: {op: "ls", after, count}, {op: "show", id},
 * {op: "replay", id} or {op: "replay", all: true}. ls: {dead: [...]}, each as
 * event_dead with its id; show: one; replay: {replayed: N}. Replayed events go
 * to the group that had given them up, and to no other. INVALID_ARGUMENT,
 * NOT_FOUND, UNAVAILABLE. */
int dead_answer(const struct stream_options *options, const char *actor,
                struct bus_bytes request, struct bus_buf *buf,
                struct bus_error *err);

#endif
