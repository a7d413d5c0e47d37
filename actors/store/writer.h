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

struct writer; /* the writer's place of one file */

/* The place of that file, shared by all who ask with the same path. Any thread.
 * Never fails. */
struct writer *writer_get(const char *path);
void writer_put(struct writer *writer);

/* Waits for the place until the deadline (monotonic ns of the system's clock).
 * False if it passed. */
bool writer_enter(struct writer *writer, int64_t deadline);
void writer_leave(struct writer *writer);

#endif
