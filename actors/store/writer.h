/* SPDX-License-Identifier: MIT
 *
 * One writer a process: SQLite lets one connection write at a time and makes
 * the others poll; transactions of one process on one file queue here instead,
 * woken when their turn has come.
 *
 * Those that wait share a commit: whoever has done its work leaves the place to
 * the next in the queue, and when nobody waits any more, or the group has grown
 * large or old, the last one commits for all. Each hears of the end only then:
 * whoever is done may have to wait for the one that followed. A transaction
 * that meets nobody commits at once.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/clock.h"
#include "bus/error.h"

#define WRITER_WAIT_MAX (10 * BUS_SECOND) /* when the deadline is further */
#define WRITER_GROUP_MAX 64               /* transactions that share a commit */
#define WRITER_GROUP_NS (5 * BUS_MILLI)   /* from its begin; then none joins */

struct writer; /* the writer's place of one file */

/* A transaction that has done its work; its owner's, who waits until it has
 * ended. */
struct writer_member {
    struct writer_member *next;
    struct bus_error *err; /* its owner's */
    int code;
    bool ended; /* with code */
};

struct writer_driver {
    /* Ends the group's transaction, in the thread of one of them. */
    int (*commit)(void *kept, struct writer_member *members,
                  struct bus_error *err);
    void (*release)(void *kept);
};

/* The place of that file, shared by all who ask with the same path. Any thread.
 * Never fails. */
struct writer *writer_get(const char *path, const struct writer_driver *driver);
void writer_put(struct writer *writer);

/* What goes with the place, for who is in it: the connection that writes. NULL
 * at first; released with the place. */
void **writer_kept(struct writer *writer);

enum writer_place {
    WRITER_LATE,   /* the deadline passed */
    WRITER_FIRST,  /* of a new group */
    WRITER_JOINED, /* others have done their work, and did not commit it */
};

/* Waits for the place until the deadline (monotonic ns of the system's clock).
 */
enum writer_place writer_enter(struct writer *writer, int64_t deadline);

/* How many wait for it now. */
unsigned writer_waiting(struct writer *writer);

/* How old a group may get before nobody joins it any more, instead of
 * WRITER_GROUP_NS. */
void writer_patience(struct writer *writer, int64_t ns);

/* Leaves it with nothing to commit. */
void writer_leave(struct writer *writer);

/* Leaves it with work to commit, and waits until that is done. */
int writer_commit(struct writer *writer, struct writer_member *member,
                  struct bus_error *err);

/* For who is in the place: the work of all who wait for the commit is lost. */
void writer_lose(struct writer *writer, const struct bus_error *cause);

/* A writer of another process can only be polled: waits one step. False when it
 * is time to give up: the deadline passed, or WRITER_WAIT_MAX since `since`. */
bool writer_poll(int64_t since, int64_t deadline);

#endif
