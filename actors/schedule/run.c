/* SPDX-License-Identifier: MIT
 *
 * From a row that waits to a row that has ended. The claim is committed before
 * anything is begun, so a due time is started once; the end is written after
 * the handler's own transaction, so a firing may have taken effect and look
 * interrupted, never the reverse.
 */
#include <stdio.h>
#include <string.h>

#include "actors/schedule/inside.h"
#include "actors/store/sql.h"
#include "actors/store/store.h"

const struct schedule_entry *run_entry(const struct schedule *schedule,
                                       const char *name)
{
    for (size_t i = 0; i < schedule->options.count; i++) {
        if (strcmp(schedule->options.entries[i].name, name) == 0)
            return &schedule->options.entries[i];
    }
    return NULL;
}

/* ---- beginning ---- */

struct claim {
    struct schedule *schedule;
    const struct schedule_row *read;
    const struct schedule_entry *entry; /* NULL: a message */
    enum schedule_catchup catchup;
    bool later;
    bool late;               /* nobody ran it in time, and nobody has said so */
    const char *gone;        /* why it is not run at all; NULL */
    struct schedule_row row; /* after the claim */
    bool done;
};

static int claim_work(struct bus_call *call, void *arg)
{
    struct claim *claim = arg;
    int64_t now = schedule_wall(claim->schedule);
    bool overlap = claim->later || (claim->entry && claim->entry->overlap);
    claim->row = *claim->read;
    if (claim->late)
        claim->row.said = ROWS_MISSED;
    if (!claim->gone)
        return rows_claim(call, &claim->row, claim->schedule->owner, overlap,
                          now, &claim->done);
    claim->row.state = ROWS_MISSED;
    claim->row.ended = now;
    return rows_move(call, claim->read, &claim->row, &claim->done);
}

/* What to do with a row, before anybody else is asked. */
static void claim_judge(struct claim *claim)
{
    const struct schedule *schedule = claim->schedule;
    const struct schedule_row *row = claim->read;
    claim->later = strcmp(row->spec, ROWS_LATER) == 0;
    claim->entry = claim->later ? NULL : run_entry(schedule, row->name);
    claim->catchup = claim->later   ? schedule->options.later
                     : claim->entry ? claim->entry->catchup
                                    : SCHEDULE_NONE;
    claim->late = row->tries == 0 && strcmp(row->said, ROWS_MISSED) != 0 &&
                  schedule_wall(schedule) - row->due > SCHEDULE_GRACE_US;
    if (!claim->later && !claim->entry)
        claim->gone = "there is no such entry any more";
    else if (claim->late && claim->catchup == SCHEDULE_NONE)
        claim->gone = "nobody ran it in time (catchup none)";
}

static struct schedule_run *run_new(struct claim *claim)
{
    struct schedule *schedule = claim->schedule;
    struct schedule_run *run = NULL;
    pthread_mutex_lock(&schedule->lock);
    for (size_t i = 0; i < SCHEDULE_RUNS_MAX && !run; i++) {
        if (schedule->runs[i].state == RUN_FREE)
            run = &schedule->runs[i];
    }
    if (run) {
        *run = (struct schedule_run){.schedule = schedule,
                                     .state = RUN_RUNS,
                                     .due = claim->row.due,
                                     .tries = claim->row.tries,
                                     .entry = claim->entry};
        snprintf(run->name, sizeof(run->name), "%s", claim->row.name);
    }
    pthread_mutex_unlock(&schedule->lock);
    return run;
}

static size_t runs_free(struct schedule *schedule)
{
    size_t count = 0;
    pthread_mutex_lock(&schedule->lock);
    for (size_t i = 0; !schedule->halted && i < SCHEDULE_RUNS_MAX; i++)
        count += schedule->runs[i].state == RUN_FREE;
    pthread_mutex_unlock(&schedule->lock);
    return count;
}

/* Hands it over. What may be run again carries an id under which it takes
 * effect once: a message its own, a firing that of the trace in its row. */
static void fire(struct claim *claim, struct schedule_run *run)
{
    const struct schedule_world *world = &claim->schedule->options.world;
    const struct schedule_row *row = &claim->row;
    const struct schedule_entry *entry = claim->entry;
    char gid[BUS_TRACE_TEXT];
    struct schedule_firing firing = {
        .name = row->name,
        .due = row->due,
        .target = entry ? "" : row->target,
        .method = entry ? entry->method : row->method,
        .body = entry ? entry->body : row->body,
        .timeout_ns = entry ? entry->timeout_ns : -1,
    };
    struct bus_trace trace;
    if (bus_trace_parse(row->trace, &trace))
        bus_trace_child(&trace, &firing.trace);
    else
        bus_trace_new(&firing.trace);
    bus_trace_id_text(&firing.trace, gid);
    if (claim->catchup != SCHEDULE_NONE)
        firing.gid = claim->later ? row->name : gid;
    atomic_fetch_add(&claim->schedule->started, 1);
    world->fire(world->arg, &firing, run);
}

static void report_missed(const struct claim *claim)
{
    const struct schedule_report report = {
        .event = SCHEDULE_MISSED,
        .name = claim->read->name,
        .first = claim->read->due,
        .due = claim->read->due,
        .count = 1,
        .said =
            claim->gone ? claim->gone : "nobody ran it in time; it is run now"};
    schedule_tell(claim->schedule, &report);
}

static int claim_one(struct schedule *schedule, const struct schedule_row *row,
                     bool *ret_did)
{
    struct claim claim = {.schedule = schedule, .read = row};
    struct bus_call call =
        schedule_call(schedule, schedule->store, &schedule->arena, true);
    claim_judge(&claim);
    int code = sql_transact(&call, claim_work, &claim);
    if (code)
        return schedule_complain(schedule, &call, code);
    if (!claim.done)
        return BUS_OK;
    *ret_did = true;
    if (claim.late || claim.gone)
        report_missed(&claim);
    struct schedule_run *run = claim.gone ? NULL : run_new(&claim);
    if (run)
        fire(&claim, run);
    return BUS_OK;
}

int run_ready(struct schedule *schedule, bool *ret_did)
{
    size_t room = runs_free(schedule);
    struct bus_list list;
    if (room == 0)
        return BUS_OK;
    struct bus_call call =
        schedule_call(schedule, schedule->store, &schedule->arena, false);
    int code = store_end(&call,
                         rows_ready(&call, schedule->actor,
                                    schedule_wall(schedule), room, &list),
                         (struct bus_bytes){0});
    if (code)
        return schedule_complain(schedule, &call, code);
    const struct schedule_row *rows = list.items;
    for (size_t i = 0; i < list.count && !code; i++)
        code = claim_one(schedule, &rows[i], ret_did);
    return code;
}

/* ---- ending ---- */

/* It was refused before it ran. */
static bool never_ran(const struct schedule_run *run)
{
    return strcmp(run->reason, "busy") == 0 ||
           strcmp(run->reason, "draining") == 0;
}

/* A message of which another try cannot make anything else. */
static bool is_final(int code)
{
    return code == BUS_INVALID_ARGUMENT || code == BUS_NOT_FOUND ||
           code == BUS_ALREADY_EXISTS || code == BUS_PERMISSION_DENIED ||
           code == BUS_ABORTED || code == BUS_OUT_OF_RANGE;
}

static int64_t backoff(int32_t tries)
{
    int64_t pause = SECOND_US;
    for (; tries > 1 && pause < SCHEDULE_BACKOFF_MAX_US; tries--)
        pause *= 2;
    return pause < SCHEDULE_BACKOFF_MAX_US ? pause : SCHEDULE_BACKOFF_MAX_US;
}

/* The row after a run. */
static struct schedule_row row_after(const struct schedule_run *run,
                                     int64_t now)
{
    struct schedule_row row =
        rows_new(run->schedule->actor, run->name, run->due, "", ROWS_DONE);
    row.ended = row.retry = now;
    row.code = run->code;
    row.said = run->said;
    if (run->code == BUS_OK)
        return row;
    bool again = never_ran(run) || (!run->entry && !is_final(run->code) &&
                                    run->tries < SCHEDULE_TRIES_MAX);
    row.state = again ? ROWS_WAITING : ROWS_FAILED;
    if (again) {
        row.ended = 0;
        row.retry = now + (run->entry ? SECOND_US : backoff(run->tries));
    }
    return row;
}

struct end {
    struct schedule_row read, row;
    bool done;
};

static int end_work(struct bus_call *call, void *arg)
{
    struct end *end = arg;
    return rows_move(call, &end->read, &end->row, &end->done);
}

static void end_report(const struct schedule_run *run, const struct end *end)
{
    struct schedule *schedule = run->schedule;
    char said[ROWS_SAID_MAX + 64];
    if (end->done && strcmp(end->row.state, ROWS_DONE) == 0)
        atomic_fetch_add(&schedule->done, 1);
    if (end->done && strcmp(end->row.state, ROWS_FAILED) != 0)
        return;
    snprintf(said, sizeof(said), "%s%s: %s",
             end->done ? "" : "it was taken for interrupted; it ended with ",
             bus_code_name(run->code), run->said);
    const struct schedule_report report = {.event = SCHEDULE_FAILED,
                                           .name = run->name,
                                           .first = run->due,
                                           .due = run->due,
                                           .count = 1,
                                           .said = said};
    schedule_tell(schedule, &report);
}

static int end_one(struct schedule *schedule, struct schedule_run *run)
{
    struct end end = {.row = row_after(run, schedule_wall(schedule))};
    struct bus_call call =
        schedule_call(schedule, schedule->store, &schedule->arena, true);
    end.read = end.row;
    end.read.state = ROWS_RUNNING;
    end.read.owner = schedule->owner;
    end.read.tries = run->tries;
    end.read.beat = -1;
    int code = sql_transact(&call, end_work, &end);
    if (code)
        return schedule_complain(schedule, &call, code);
    end_report(run, &end);
    pthread_mutex_lock(&schedule->lock);
    run->state = RUN_FREE;
    pthread_mutex_unlock(&schedule->lock);
    return BUS_OK;
}

int run_ends(struct schedule *schedule, bool *ret_did)
{
    int code = BUS_OK;
    for (size_t i = 0; i < SCHEDULE_RUNS_MAX && !code; i++) {
        struct schedule_run *run = &schedule->runs[i];
        pthread_mutex_lock(&schedule->lock);
        bool ended = run->state == RUN_ENDED;
        pthread_mutex_unlock(&schedule->lock);
        if (!ended)
            continue;
        code = end_one(schedule, run);
        *ret_did |= !code;
    }
    return code;
}

void schedule_ended(struct schedule_run *run, const struct bus_error *error)
{
    struct schedule *schedule = run->schedule;
    pthread_mutex_lock(&schedule->lock);
    run->state = RUN_ENDED;
    run->code = error->code;
    snprintf(run->reason, sizeof(run->reason), "%s", error->reason);
    snprintf(run->said, sizeof(run->said), "%s",
             error->code ? error->sentence : "");
    schedule->poked = true;
    pthread_cond_signal(&schedule->moved);
    pthread_mutex_unlock(&schedule->lock);
}
