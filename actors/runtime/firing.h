/* SPDX-License-Identifier: MIT
 *
 * The schedule's world (actors/schedule): a firing is an ordinary request in
 * the actor's own mailbox, or a call to another actor; an accident is a log
 * line, a counter and a live event.
 */
#ifndef RUNTIME_FIRING_H
#define RUNTIME_FIRING_H

#include "actors/runtime/runtime.h"

/* Opens runtime->schedule where the actor has a store. */
int firing_open(struct runtime *runtime, struct bus_error *err);
/* Once no request and no call is in flight any more. */
void firing_close(struct runtime *runtime);

/* Names of enum schedule_event. */
extern const char *const firing_words[];

/* Appends the text "schedule" and one map; nil without one. */
void firing_stats_pack(struct runtime *runtime, struct bus_buf *buf);

/* What `$cron` and `$cron_run` ({name}) answer: one map. */
int firing_list(struct runtime *runtime, struct bus_buf *buf,
                struct bus_error *err);
int firing_run(struct runtime *runtime, struct bus_bytes body,
               struct bus_buf *buf, struct bus_error *err);

#endif
