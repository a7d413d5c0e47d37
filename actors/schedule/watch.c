/* SPDX-License-Identifier: MIT
 *
 * Who runs a firing counts its beat on. A beat that stands still for as long as
 * SCHEDULE_LEASE, by the watcher's own monotonic clock, says that its owner is
 * gone: no two machines' clocks are ever compared. An owner on this node is
 * known by its name, which is locked as long as it lives.
 */
#include <stdio.h>
#include <string.h>

#include "actors/schedule/inside.h"
#include "actors/store/sql.h"
#include "actors/store/store.h"

/* The run that a row of our own belongs to. */
static bool is_ours(struct schedule *schedule, const struct schedule_row *row)
{
    bool found = false;
    pthread_mutex_lock(&schedule->lock);
    for (size_t i = 0; i < SCHEDULE_RUNS_MAX && !found; i++) {
        const struct schedule_run *run = &schedule->runs[i];
        found = run->state != RUN_FREE && run->due == row->due &&
                run->tries == row->tries && strcmp(run->name, row->name) == 0;
    }
    pthread_mutex_unlock(&schedule->lock);
    return found;
}

static bool runs_any(struct schedule *schedule)
{
    bool any = false;
    pthread_mutex_lock(&schedule->lock);
    for (size_t i = 0; i < SCHEDULE_RUNS_MAX; i++)
        any |= schedule->runs[i].state != RUN_FREE;
    pthread_mutex_unlock(&schedule->lock);
    return any;
}

struct interruption {
    struct schedule *schedule;
    const struct schedule_row *row;
    const struct schedule_entry *entry; /* NULL: a message, or gone */
    bool again, done;
};

/* Whether an interrupted firing is run once more. */
static int runs_again(struct bus_call *call,
                      const struct interruption *interruption, bool *ret)
{
    const struct schedule *schedule = interruption->schedule;
    const struct schedule_row *row = interruption->row;
    const struct schedule_entry *entry = interruption->entry;
    bool later = strcmp(row->spec, ROWS_LATER) == 0;
    enum schedule_catchup catchup = later   ? schedule->options.later
                                    : entry ? entry->catchup
                                            : SCHEDULE_NONE;
    int64_t last;
    *ret =
        catchup != SCHEDULE_NONE && (!later || row->tries < SCHEDULE_TRIES_MAX);
    if (later || catchup != SCHEDULE_LAST)
        return BUS_OK;
    int code = rows_last(call, row->actor, row->name, row->spec, &last);
    *ret = last <= row->due;
    return code;
}

static int work(struct bus_call *call, void *arg)
{
    struct interruption *interruption = arg;
    struct schedule_row row = *interruption->row;
    int64_t now = schedule_wall(interruption->schedule);
    int code = runs_again(call, interruption, &interruption->again);
    if (code)
        return code;
    row.state = interruption->again ? ROWS_WAITING : ROWS_INTERRUPTED;
    row.retry = now;
    row.ended = interruption->again ? 0 : now;
    row.code = BUS_UNKNOWN;
    row.said = "interrupted";
    return rows_move(call, interruption->row, &row, &interruption->done);
}

static int interrupt(struct schedule *schedule, const struct schedule_row *row)
{
    struct interruption interruption = {.schedule = schedule,
                                        .row = row,
                                        .entry =
                                            run_entry(schedule, row->name)};
    struct bus_call call =
        schedule_call(schedule, schedule->store, &schedule->arena, true);
    int code = sql_transact(&call, work, &interruption);
    if (code)
        return schedule_complain(schedule, &call, code);
    if (!interruption.done)
        return BUS_OK;
    char said[ROWS_SAID_MAX];
    snprintf(said, sizeof(said), "%.100s died while it ran%s", row->owner,
             interruption.again ? "; it is run again" : "");
    const struct schedule_report report = {.event = SCHEDULE_INTERRUPTED,
                                           .name = row->name,
                                           .first = row->due,
                                           .due = row->due,
                                           .count = 1,
                                           .said = said};
    schedule_tell(schedule, &report);
    return BUS_OK;
}

static const struct seen *seen_find(const struct schedule *schedule,
                                    const struct schedule_row *row)
{
    for (size_t i = 0; i < schedule->seen_count; i++) {
        const struct seen *seen = &schedule->seen[i];
        if (seen->due == row->due && seen->tries == row->tries &&
            strcmp(seen->name, row->name) == 0)
            return seen;
    }
    return NULL;
}

/* Since when the row's owner has given no sign of life. */
static int64_t silent_since(const struct schedule *schedule,
                            const struct schedule_row *row, int64_t now)
{
    const struct seen *seen = seen_find(schedule, row);
    return seen && seen->beat == row->beat ? seen->since : now;
}

/* The beat of a living owner may stand still, too: where a handler's long
 * transaction is the only one that may write. */
static bool is_dead(const struct schedule *schedule,
                    const struct schedule_row *row, bool silent)
{
    const struct schedule_world *world = &schedule->options.world;
    enum schedule_owner owner = world->owner(world->arg, row->owner);
    return owner == SCHEDULE_DEAD || (owner == SCHEDULE_UNKNOWN && silent);
}

static int watch(struct schedule *schedule, const struct bus_list *list)
{
    const struct schedule_row *rows = list->items;
    int64_t now = bus_now(schedule->options.world.clock);
    struct seen *fresh =
        bus_arena_array(&schedule->arena, list->count, sizeof(*fresh));
    size_t count = 0;
    int code = BUS_OK;
    for (size_t i = 0; fresh && i < list->count && !code; i++) {
        const struct schedule_row *row = &rows[i];
        bool own = strcmp(row->owner, schedule->owner) == 0;
        int64_t since = silent_since(schedule, row, now);
        bool silent = now - since >= SCHEDULE_LEASE;
        /* A row of our own that we know nothing of: the claim was committed,
         * but we were told otherwise. */
        if (own ? !is_ours(schedule, row) : is_dead(schedule, row, silent)) {
            code = interrupt(schedule, row);
        } else if (!own) {
            fresh[count] = (struct seen){.due = row->due,
                                         .tries = row->tries,
                                         .beat = row->beat,
                                         .since = since};
            snprintf(fresh[count++].name, ROWS_NAME_MAX, "%s", row->name);
        }
    }
    if (fresh && !code) {
        memcpy(schedule->seen, fresh, count * sizeof(*fresh));
        schedule->seen_count = count;
    }
    return code;
}

static int beat(struct bus_call *call, void *arg)
{
    const struct schedule *schedule = arg;
    return rows_beat(call, schedule->actor, schedule->owner);
}

int watch_pulse(struct schedule *schedule)
{
    struct bus_list rows;
    struct bus_call call =
        schedule_call(schedule, schedule->store, &schedule->arena, true);
    int code = BUS_OK;
    if (runs_any(schedule))
        code = sql_transact(&call, beat, schedule);
    if (!code) {
        call =
            schedule_call(schedule, schedule->store, &schedule->arena, false);
        code = store_end(&call,
                         rows_running(&call, schedule->actor, WATCH_MAX, &rows),
                         (struct bus_bytes){0});
    }
    return code ? schedule_complain(schedule, &call, code)
                : watch(schedule, &rows);
}
