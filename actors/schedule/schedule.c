/* SPDX-License-Identifier: MIT
 *
 * One step after another: ends are written, the pulse is given, due times are
 * taken down, what waits is begun, old rows go. A step that the database fails
 * is tried again a little later; everything it does is a transaction that can
 * be.
 */
#include "actors/schedule/schedule.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/schedule/inside.h"
#include "actors/store/sql.h"
#include "actors/store/store.h"
#include "actors/store/wait.h"
#include "bus/log.h"

#define STATEMENT_WAIT (5 * BUS_SECOND)
#define COMPLAINT_PAUSE (60 * BUS_SECOND)

int64_t schedule_wall(const struct schedule *schedule)
{
    return bus_wall(schedule->options.world.clock);
}

struct bus_call schedule_call(struct schedule *schedule, struct store *store,
                              struct bus_arena *arena, bool writes)
{
    static const struct bus_method reading = {.name = "schedule",
                                              .flags = BUS_NO_SIDE_EFFECTS};
    const struct bus_clock *clock = schedule->options.world.clock;
    return (struct bus_call){.arena = arena,
                             .clock = clock,
                             .deadline = bus_now(clock) + STATEMENT_WAIT,
                             .store = store,
                             .method = writes ? NULL : &reading};
}

int schedule_complain(struct schedule *schedule, const struct bus_call *call,
                      int code)
{
    int64_t now = bus_now(schedule->options.world.clock);
    if (schedule->complained && now - schedule->complained < COMPLAINT_PAUSE)
        return code;
    schedule->complained = now;
    bus_log(BUS_LOG_ERROR, NULL, NULL, "%s: schedule: %s: %s", schedule->actor,
            bus_code_name(code), call->error.sentence);
    return code;
}

void schedule_tell(struct schedule *schedule,
                   const struct schedule_report *report)
{
    const struct schedule_world *world = &schedule->options.world;
    atomic_fetch_add(&schedule->events[report->event], report->count);
    world->report(world->arg, report);
}

/* ---- steps ---- */

static bool is_halted(struct schedule *schedule)
{
    pthread_mutex_lock(&schedule->lock);
    bool halted = schedule->halted;
    pthread_mutex_unlock(&schedule->lock);
    return halted;
}

static int take_all(struct schedule *schedule)
{
    int64_t now = schedule_wall(schedule) / SECOND_US;
    int code = BUS_OK;
    for (size_t i = 0; i < schedule->options.count && !code; i++) {
        struct place *place = &schedule->places[i];
        if (place->next <= now)
            code = take_due(schedule, place);
    }
    return code;
}

struct purge {
    struct schedule *schedule;
    const struct place *place; /* NULL: messages */
    uint64_t deleted;
};

static int purge_work(struct bus_call *call, void *arg)
{
    struct purge *purge = arg;
    struct schedule *schedule = purge->schedule;
    const struct schedule_entry *entry =
        purge->place ? purge->place->entry : NULL;
    int64_t last = INT64_MAX;
    int code = BUS_OK;
    if (entry)
        code =
            rows_last(call, schedule->actor, entry->name, entry->spec, &last);
    return code ? code
                : rows_purge(call, schedule->actor, entry ? entry->name : "",
                             schedule_wall(schedule) - SCHEDULE_KEEP_US, last,
                             SCHEDULE_PURGE_BATCH, &purge->deleted);
}

/* One batch of each; a full one is followed by another before long. */
static int purge_all(struct schedule *schedule)
{
    int64_t now = bus_now(schedule->options.world.clock);
    bool more = false;
    int code = BUS_OK;
    for (size_t i = 0; i <= schedule->options.count && !code; i++) {
        struct purge purge = {.schedule = schedule};
        if (i < schedule->options.count)
            purge.place = &schedule->places[i];
        struct bus_call call =
            schedule_call(schedule, schedule->store, &schedule->arena, true);
        code = sql_transact(&call, purge_work, &purge);
        if (code)
            schedule_complain(schedule, &call, code);
        more |= purge.deleted == SCHEDULE_PURGE_BATCH;
    }
    schedule->purge = now + (more ? SCHEDULE_POLL : SCHEDULE_PURGE);
    return code;
}

/* The monotonic moment of a wall time, not later than the next poll. */
static int64_t moment(const struct schedule *schedule, int64_t wall)
{
    int64_t now = bus_now(schedule->options.world.clock);
    int64_t left = wall - schedule_wall(schedule);
    if (left >= SCHEDULE_POLL / 1000)
        return now + SCHEDULE_POLL;
    return now + (left > 0 ? left * 1000 : 0);
}

static int plan(struct schedule *schedule, int64_t *ret)
{
    int64_t first = INT64_MAX;
    struct bus_call call =
        schedule_call(schedule, schedule->store, &schedule->arena, false);
    /* One that may run already waits for the one before it, or for room. */
    int code = store_end(
        &call,
        rows_next(&call, schedule->actor, schedule_wall(schedule), &first),
        (struct bus_bytes){0});
    if (code)
        return schedule_complain(schedule, &call, code);
    for (size_t i = 0; i < schedule->options.count; i++) {
        int64_t next = schedule->places[i].next;
        if (next < INT64_MAX / SECOND_US && next * SECOND_US < first)
            first = next * SECOND_US;
    }
    *ret = moment(schedule, first);
    return BUS_OK;
}

static int look(struct schedule *schedule, bool *ret_did)
{
    int64_t now = bus_now(schedule->options.world.clock);
    int code = BUS_OK;
    bool began = false;
    if (now >= schedule->pulse) {
        code = watch_pulse(schedule);
        schedule->pulse = now + SCHEDULE_POLL;
    }
    if (!code && !is_halted(schedule)) {
        code = orders_take(schedule);
        if (!code)
            code = take_all(schedule);
        if (!code)
            code = run_ready(schedule, &began);
        if (!code && now >= schedule->purge)
            code = purge_all(schedule);
    }
    *ret_did |= began;
    return code ? code : plan(schedule, &schedule->next);
}

static bool poke_take(struct schedule *schedule)
{
    pthread_mutex_lock(&schedule->lock);
    bool poked = schedule->poked;
    schedule->poked = false;
    pthread_mutex_unlock(&schedule->lock);
    return poked;
}

int64_t schedule_step(struct schedule *schedule)
{
    bool did = false;
    bus_arena_reset(&schedule->arena);
    int code = run_ends(schedule, &did);
    /* An end makes room, and may let the next of its name begin. */
    int64_t now = bus_now(schedule->options.world.clock);
    bool due = poke_take(schedule) || did || now >= schedule->next;
    if (now < schedule->begin)
        return schedule->begin;
    if (!code && due)
        code = look(schedule, &did);
    if (code) {
        schedule->next = bus_now(schedule->options.world.clock) + SCHEDULE_POLL;
        return schedule->next;
    }
    if (due)
        schedule->complained = 0;
    return did ? 0 : schedule->next;
}

/* ---- the thread ---- */

/* Waits for what comes first; false once everything is over. The lock is
 * held. */
static bool rest(struct schedule *schedule, int64_t until)
{
    bool busy = false;
    for (size_t i = 0; i < SCHEDULE_RUNS_MAX; i++)
        busy |= schedule->runs[i].state != RUN_FREE;
    int64_t now = bus_now(&bus_clock_system);
    if (schedule->stopping) {
        if (!busy || now >= schedule->deadline)
            return false;
        until = until < schedule->deadline ? until : schedule->deadline;
    }
    if (until > now && !schedule->poked)
        wait_until(&schedule->moved, &schedule->lock, until);
    return true;
}

static void *schedule_main(void *arg)
{
    struct schedule *schedule = arg;
    bool goes_on = true;
    while (goes_on) {
        int64_t until = schedule_step(schedule);
        pthread_mutex_lock(&schedule->lock);
        goes_on = rest(schedule, until);
        pthread_mutex_unlock(&schedule->lock);
    }
    return NULL;
}

int schedule_start(struct schedule *schedule, struct bus_error *err)
{
    schedule->begin = bus_now(schedule->options.world.clock) + SCHEDULE_POLL;
    if (pthread_create(&schedule->thread, NULL, schedule_main, schedule) != 0)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "no thread could be started");
    schedule->threaded = true;
    return BUS_OK;
}

void schedule_halt(struct schedule *schedule)
{
    pthread_mutex_lock(&schedule->lock);
    schedule->halted = true;
    pthread_mutex_unlock(&schedule->lock);
}

void schedule_stop(struct schedule *schedule, int64_t deadline)
{
    schedule_halt(schedule);
    if (!schedule->threaded)
        return;
    pthread_mutex_lock(&schedule->lock);
    schedule->stopping = true;
    schedule->deadline = deadline;
    pthread_cond_signal(&schedule->moved);
    pthread_mutex_unlock(&schedule->lock);
    pthread_join(schedule->thread, NULL);
    schedule->threaded = false;
}

void schedule_poke(struct schedule *schedule)
{
    pthread_mutex_lock(&schedule->lock);
    schedule->poked = true;
    pthread_cond_signal(&schedule->moved);
    pthread_mutex_unlock(&schedule->lock);
}

/* ---- life ---- */

static void *must_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

int schedule_new(const struct schedule_options *options, struct schedule **ret,
                 struct bus_error *err)
{
    int code = store_ensure(options->shared, &schedule_table, err);
    if (code)
        return code;
    struct schedule *schedule = must_alloc(1, sizeof(*schedule));
    schedule->options = *options;
    assert(strlen(options->actor) < sizeof(schedule->actor));
    assert(strlen(options->owner) < sizeof(schedule->owner));
    snprintf(schedule->actor, sizeof(schedule->actor), "%s", options->actor);
    snprintf(schedule->owner, sizeof(schedule->owner), "%s", options->owner);
    schedule->places = must_alloc(options->count, sizeof(*schedule->places));
    for (size_t i = 0; i < options->count; i++)
        schedule->places[i].entry = &options->entries[i];
    schedule->seen = must_alloc(WATCH_MAX, sizeof(*schedule->seen));
    bus_arena_init(&schedule->arena, BUS_ARENA_LIMIT);
    pthread_mutex_init(&schedule->lock, NULL);
    wait_init(&schedule->moved);
    code = store_open(options->shared, &schedule->store, err);
    if (code)
        schedule_free(schedule);
    else
        *ret = schedule;
    return code;
}

void schedule_free(struct schedule *schedule)
{
    if (!schedule)
        return;
    schedule_stop(schedule, 0);
    store_close(schedule->store);
    bus_arena_release(&schedule->arena);
    pthread_cond_destroy(&schedule->moved);
    pthread_mutex_destroy(&schedule->lock);
    free(schedule->places);
    free(schedule->seen);
    free(schedule);
}

void schedule_stats(struct schedule *schedule, struct schedule_stats *ret)
{
    ret->started = atomic_load(&schedule->started);
    ret->done = atomic_load(&schedule->done);
    for (size_t i = 0; i < SCHEDULE_EVENTS; i++)
        ret->events[i] = atomic_load(&schedule->events[i]);
}
