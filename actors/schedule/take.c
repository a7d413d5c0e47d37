/* SPDX-License-Identifier: MIT
 *
 * What has come due of an entry is told from the latest due time in the table,
 * so that it makes no difference who was away, and for how long. The newest due
 * time that is not too late is on time; what lies before it was missed. All of
 * it goes into the table in one transaction; who inserts a row reports it.
 */
#include <stdio.h>
#include <string.h>

#include "actors/schedule/inside.h"
#include "actors/store/sql.h"

/* Due times, the newest SCHEDULE_CATCHUP_MAX + 1 of them. */
struct dues {
    int64_t at[SCHEDULE_CATCHUP_MAX + 1]; /* Unix s, a ring */
    uint64_t count;                       /* of all */
};

struct take {
    struct schedule *schedule;
    struct place *place;
    int64_t now; /* Unix us */
    struct dues dues;
    uint64_t missed; /* of these, new in the table through us */
    int64_t first, last;
    bool skipped;
};

static int64_t dues_at(const struct dues *dues, uint64_t index)
{
    return dues->at[index % (SCHEDULE_CATCHUP_MAX + 1)];
}

static void dues_collect(struct dues *dues, const struct schedule_entry *entry,
                         int64_t after, int64_t now)
{
    dues->count = 0;
    for (int64_t at = cron_next(&entry->cron, &entry->zone, after);
         at <= now && dues->count < SCHEDULE_COUNT_MAX;
         at = cron_next(&entry->cron, &entry->zone, at))
        dues->at[dues->count++ % (SCHEDULE_CATCHUP_MAX + 1)] = at;
}

static int insert(struct bus_call *call, const struct take *take, int64_t at,
                  const char *state, const char *said, bool *ret_new)
{
    const struct schedule_entry *entry = take->place->entry;
    struct schedule_row row = rows_new(take->schedule->actor, entry->name,
                                       at * SECOND_US, entry->spec, state);
    struct bus_trace trace;
    char text[BUS_TRACEPARENT_TEXT];
    bus_trace_new(&trace);
    bus_trace_text(&trace, text);
    row.trace = text;
    row.said = said;
    row.method = entry->method;
    if (strcmp(state, ROWS_WAITING) != 0)
        row.ended = take->now;
    return rows_insert(call, &row, ret_new);
}

static int insert_missed(struct bus_call *call, struct take *take,
                         uint64_t count)
{
    enum schedule_catchup catchup = take->place->entry->catchup;
    const struct dues *dues = &take->dues;
    uint64_t kept = count < SCHEDULE_CATCHUP_MAX ? count : SCHEDULE_CATCHUP_MAX;
    for (uint64_t i = count - kept; i < count; i++) {
        bool runs = catchup == SCHEDULE_ALL ||
                    (catchup == SCHEDULE_LAST && i + 1 == dues->count);
        bool is_new = false;
        int code =
            insert(call, take, dues_at(dues, i),
                   runs ? ROWS_WAITING : ROWS_MISSED, ROWS_MISSED, &is_new);
        if (code)
            return code;
        if (!is_new)
            continue;
        if (take->missed == 0)
            take->first = dues_at(dues, i);
        take->last = dues_at(dues, i);
        /* What is too much to be kept goes with the oldest that is. */
        take->missed += i == count - kept ? count - kept + 1 : 1;
    }
    return BUS_OK;
}

/* Whether the firing that is on time has to stand back. */
static int is_skipped(struct bus_call *call, const struct take *take, bool *ret)
{
    const struct schedule_entry *entry = take->place->entry;
    const char *actor = take->schedule->actor;
    int64_t running = 0, waiting = 0;
    *ret = false;
    if (entry->overlap)
        return BUS_OK;
    int code = rows_count(call, actor, entry->name, ROWS_RUNNING, &running);
    if (!code)
        code = rows_count(call, actor, entry->name, ROWS_WAITING, &waiting);
    /* Behind others that are being caught up with it takes its turn. */
    bool queues = entry->catchup == SCHEDULE_ALL && waiting > 0;
    *ret = !queues && running + waiting > 0;
    return code;
}

static int insert_on_time(struct bus_call *call, struct take *take, int64_t at)
{
    bool skipped = false, is_new = false;
    int code = is_skipped(call, take, &skipped);
    if (!code)
        code = insert(call, take, at, skipped ? ROWS_SKIPPED : ROWS_WAITING, "",
                      &is_new);
    take->skipped = skipped && is_new;
    return code;
}

static int work(struct bus_call *call, void *arg)
{
    struct take *take = arg;
    const struct place *place = take->place;
    const struct schedule_entry *entry = place->entry;
    int64_t last, now = take->now / SECOND_US;
    bool is_new = false;
    take->missed = 0;
    take->skipped = false;
    take->dues.count = 0;
    int code =
        rows_last(call, take->schedule->actor, entry->name, entry->spec, &last);
    if (code)
        return code;
    if (last == INT64_MIN)
        return insert(call, take, now, ROWS_SINCE, "", &is_new);
    /* With the clock put back, times that were run are behind us: the rows
     * keep them from running again. */
    last /= SECOND_US;
    if (last > now)
        last = place->checked && place->checked < now ? place->checked : now;
    dues_collect(&take->dues, entry, last, now);
    uint64_t count = take->dues.count;
    if (count == 0)
        return BUS_OK;
    int64_t newest = dues_at(&take->dues, count - 1);
    bool on_time = take->now - newest * SECOND_US <= SCHEDULE_GRACE_US;
    code = insert_missed(call, take, on_time ? count - 1 : count);
    return code || !on_time ? code : insert_on_time(call, take, newest);
}

static const char *const consequences[] = {
    [SCHEDULE_NONE] = "nobody ran it (catchup none)",
    [SCHEDULE_LAST] = "nobody ran it; the newest is run (catchup last)",
    [SCHEDULE_ALL] = "nobody ran it; each is run now (catchup all)",
};

static void report(const struct take *take)
{
    const struct schedule_entry *entry = take->place->entry;
    struct schedule_report report = {.name = entry->name};
    if (take->missed > 0) {
        report.event = SCHEDULE_MISSED;
        report.first = take->first * SECOND_US;
        report.due = take->last * SECOND_US;
        report.count = take->missed;
        report.said = consequences[entry->catchup];
        schedule_tell(take->schedule, &report);
    }
    if (take->skipped) {
        report.event = SCHEDULE_SKIPPED;
        report.due = report.first =
            dues_at(&take->dues, take->dues.count - 1) * SECOND_US;
        report.count = 1;
        report.said = "the firing before it has not ended";
        schedule_tell(take->schedule, &report);
    }
}

int take_due(struct schedule *schedule, struct place *place)
{
    struct take take = {
        .schedule = schedule, .place = place, .now = schedule_wall(schedule)};
    struct bus_call call =
        schedule_call(schedule, schedule->store, &schedule->arena, true);
    int code = sql_transact(&call, work, &take);
    if (code)
        return schedule_complain(schedule, &call, code);
    place->checked = take.now / SECOND_US;
    place->next =
        cron_next(&place->entry->cron, &place->entry->zone, place->checked);
    report(&take);
    return BUS_OK;
}
