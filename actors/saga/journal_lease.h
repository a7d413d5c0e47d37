/* SPDX-License-Identifier: MIT
 *
 * Who owns which sagas where several orchestrators share one MySQL or MariaDB.
 * Each has a row in saga_owner: its name, an epoch and a time until which
 * nobody else may touch its sagas, on the server's clock. Every transaction of
 * its journal begins by renewing that row under its own epoch; whoever takes
 * over from an owner whose time is up raises the epoch first. So an owner that
 * was paused for too long changes nothing any more: its next transaction finds
 * the epoch raised and is refused.
 *
 * The journal's thread only. Functions that write want a transaction begun.
 */
#ifndef SAGA_JOURNAL_LEASE_H
#define SAGA_JOURNAL_LEASE_H

#include "actors/saga/journal.h"

#define LEASE_NAME_MAX 192 /* bytes */

struct lease {
    const struct sql_driver *driver;
    struct sql *sql;
    char name[LEASE_NAME_MAX];    /* of the owner: the same after a restart */
    char address[LEASE_NAME_MAX]; /* where others ask it */
    int64_t id, epoch;
};

extern const char *const lease_schema[]; /* NULL at the end */

/* Takes the row of that name over, or makes it: a restart raises the epoch of
 * the process before it, whether that is gone or not. Begins and commits. */
int lease_open(struct lease *lease, struct bus_error *err);

/* Others need not wait: we are going. Begins and commits. */
void lease_release(struct lease *lease);

/* ABORTED, reason fenced: somebody took over. The first also begins, in the
 * same round trip; when it fails nothing is begun. */
int lease_begin(struct lease *lease, int64_t deadline, struct bus_error *err);
int lease_renew(struct lease *lease, struct bus_error *err);

/* Reads rows of sagas into job->found, inside the transaction. */
typedef int lease_rows(struct journal_job *job, const char *text,
                       const struct sql_value *args, size_t count, void *arg);

/* Takes up to job->limit unfinished sagas from an owner whose time is up, as
 * job->found; none if there is no such owner. Begins and commits. */
int lease_take(struct lease *lease, struct journal_job *job, lease_rows *rows,
               void *arg);

#endif
