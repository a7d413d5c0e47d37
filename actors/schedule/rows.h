/* SPDX-License-Identifier: MIT
 *
 * The table troupe_schedule in the actor's own database: one row a firing of a
 * cron entry, or a delayed message. Whoever inserts the row of a due time is
 * the one who has it fired; whoever then turns `waiting` into `running` runs
 * it. So nothing but the database has to be shared, and of its locks only
 * rows'.
 *
 * Every function runs in the transaction of the call it is given and answers
 * the store's codes; what is read lives in the call's arena. Times are Unix us.
 */
#ifndef SCHEDULE_ROWS_H
#define SCHEDULE_ROWS_H

#include "actors/store/model.h"

#define ROWS_ACTOR_MAX 64 /* bytes in the columns, with NUL */
#define ROWS_NAME_MAX 64
#define ROWS_SPEC_MAX 192
#define ROWS_OWNER_MAX 160
#define ROWS_TARGET_MAX 192
#define ROWS_METHOD_MAX 128
#define ROWS_SAID_MAX 256
#define ROWS_BODY_MAX ((size_t)1 << 20)

/* What `state` holds. */
#define ROWS_SINCE "since" /* from then on the entry's times count */
#define ROWS_WAITING "waiting"
#define ROWS_RUNNING "running"
#define ROWS_DONE "done"
#define ROWS_FAILED "failed"
#define ROWS_MISSED "missed"
#define ROWS_SKIPPED "skipped"
#define ROWS_INTERRUPTED "interrupted"

/* What `spec` holds beside an entry's times and zone. */
#define ROWS_LATER "later"   /* a delayed message */
#define ROWS_MANUAL "manual" /* an entry, fired by hand */

struct schedule_row {
    const char *actor; /* whose it is */
    const char *name;  /* the entry's, or the message's id */
    int64_t due;
    const char *spec; /* under which times and zone it was due */
    const char *state;
    int64_t retry;     /* waiting: when it may run */
    const char *owner; /* running: the incarnation that runs it */
    int64_t beat;      /* running: counted on while that lives */
    int32_t tries;     /* how often it was started */
    int64_t started, ended;
    int32_t code; /* of its end */
    const char *said;
    const char *target, *method; /* of messages; "" otherwise */
    struct bus_bytes body;
    const char *trace; /* traceparent; of entries its id is the gid, too */
};

extern const struct model_table schedule_table;
extern const struct bus_shape schedule_row_shape;

/* The columns that every row has; the rest empty. */
struct schedule_row rows_new(const char *actor, const char *name, int64_t due,
                             const char *spec, const char *state);

/* *ret_new false: somebody has inserted that due time before. */
int rows_insert(struct bus_call *call, struct schedule_row *row, bool *ret_new);

/* The latest due time of an entry under these times, INT64_MIN: none. */
int rows_last(struct bus_call *call, const char *actor, const char *name,
              const char *spec, int64_t *ret);

/* How many rows of that name are in a state. */
int rows_count(struct bus_call *call, const char *actor, const char *name,
               const char *state, int64_t *ret);

/* How many messages wait. */
int rows_messages(struct bus_call *call, const char *actor, int64_t *ret);

/* At most max rows: those running; those waiting that may run by then, the
 * oldest due time first. */
int rows_running(struct bus_call *call, const char *actor, size_t max,
                 struct bus_list *ret);
int rows_ready(struct bus_call *call, const char *actor, int64_t now,
               size_t max, struct bus_list *ret);

/* When the first of those may run that wait until after now; INT64_MAX: none
 * does. */
int rows_next(struct bus_call *call, const char *actor, int64_t now,
              int64_t *ret);

/* waiting -> running, for one owner alone; unless overlap is allowed, not while
 * another row of the name runs. row: as read, and on success as it is now. */
int rows_claim(struct bus_call *call, struct schedule_row *row,
               const char *owner, bool overlap, int64_t now, bool *ret_done);

/* The row as it was read goes to row->state with row's retry, ended, code and
 * said, if nobody has changed its state, tries or owner since, nor its beat
 * (read->beat below 0: whatever that is). */
int rows_move(struct bus_call *call, const struct schedule_row *read,
              const struct schedule_row *row, bool *ret_done);

/* The owner says that it lives. */
int rows_beat(struct bus_call *call, const char *actor, const char *owner);

/* Deletes a message that waits. */
int rows_cancel(struct bus_call *call, const char *actor, const char *id,
                bool *ret_done);

/* The newest row of an entry, NULL if there is none. */
int rows_newest(struct bus_call *call, const char *actor, const char *name,
                const struct schedule_row **ret);

/* Deletes at most max rows that ended before then; of an entry's rows those
 * before its last due time alone. */
int rows_purge(struct bus_call *call, const char *actor, const char *name,
               int64_t before, int64_t last, size_t max, uint64_t *ret);

#endif
