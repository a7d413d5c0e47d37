/* SPDX-License-Identifier: MIT
 *
 * One writer a process: SQLite lets one connection write at a time and makes
 * the others poll; connections of one process to one file queue here instead,
 * woken when their turn has come.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/clock.h"

#define WRITER_WAIT_MAX (10 * BUS_SECOND) /* when the deadline is further */

struct writer; /* the writer's place of one file */

/* The place of that file, shared by all who ask with the same path. Any thread.
 * Never fails. */
struct writer *writer_get(const char *path);
void writer_put(struct writer *writer);

/* Waits for the place until the deadline (monotonic ns of the system's clock).
 * False if it passed. */
bool writer_enter(struct writer *writer, int64_t deadline);
void writer_leave(struct writer *writer);

/* A writer of another process can only be polled: waits one step. False when it
 * is time to give up: the deadline passed, or WRITER_WAIT_MAX since `since`. */
bool writer_poll(int64_t since, int64_t deadline);

#endif
