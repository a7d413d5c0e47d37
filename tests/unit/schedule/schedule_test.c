/* SPDX-License-Identifier: MIT
 *
 * Two replicas over one database and one clock that only the test moves: who
 * starts what, what became of the rest, and who was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "actors/schedule/rows.h"
#include "actors/schedule/schedule.h"
#include "bus/code.h"
#include "bus/pack.h"
#include "tests/unit/store/fixture.h"

#define FIRED_MAX 512
#define US INT64_C(1000000)
#define START (1767225600 * US) /* 2026-01-01T00:00:00Z */

struct fired {
    char name[ROWS_NAME_MAX], gid[ROWS_NAME_MAX], method[ROWS_NAME_MAX];
    char target[ROWS_NAME_MAX], body[16];
    int64_t due;
    struct schedule_run *run; /* NULL: ended */
};

struct replica {
    struct store_shared *shared;
    struct schedule *schedule;
    struct schedule_entry entries[2];
    enum schedule_catchup later;
    size_t entry_count;
    char owner[16];
    struct fired fired[FIRED_MAX];
    size_t fired_count;
    bool holds; /* runs end when the test says so; else at once */
    struct bus_error answer;
    enum schedule_owner knows; /* of the others */
    struct schedule_report reports[16];
    size_t report_count;
};

struct scene {
    struct world world;
    struct replica replicas[2];
    int incarnations;
};

static int64_t mono, wall;

static int64_t clock_now(void *arg)
{
    (void)arg;
    return mono;
}

static int64_t clock_wall(void *arg)
{
    (void)arg;
    return wall;
}

static const struct bus_clock test_clock = {clock_now, clock_wall, NULL};

static void world_fire(void *arg, const struct schedule_firing *firing,
                       struct schedule_run *run)
{
    struct replica *replica = arg;
    assert_true(replica->fired_count < FIRED_MAX);
    struct fired *fired = &replica->fired[replica->fired_count++];
    *fired = (struct fired){.due = firing->due, .run = run};
    snprintf(fired->name, sizeof(fired->name), "%s", firing->name);
    snprintf(fired->method, sizeof(fired->method), "%s", firing->method);
    snprintf(fired->target, sizeof(fired->target), "%s", firing->target);
    snprintf(fired->gid, sizeof(fired->gid), "%s",
             firing->gid ? firing->gid : "");
    snprintf(fired->body, sizeof(fired->body), "%.*s", (int)firing->body.len,
             (const char *)firing->body.data);
    if (replica->holds)
        return;
    fired->run = NULL;
    schedule_ended(run, &replica->answer);
}

static void world_report(void *arg, const struct schedule_report *report)
{
    struct replica *replica = arg;
    assert_true(replica->report_count < 16);
    replica->reports[replica->report_count++] = *report;
}

static enum schedule_owner world_owner(void *arg, const char *owner)
{
    const struct replica *replica = arg;
    (void)owner;
    return replica->knows;
}

static void replica_start(struct scene *scene, int index)
{
    struct replica *replica = &scene->replicas[index];
    struct bus_error err = {0};
    snprintf(replica->owner, sizeof(replica->owner), "%d/%d", index,
             ++scene->incarnations);
    const struct schedule_options options = {
        .actor = "user",
        .owner = replica->owner,
        .entries = replica->entries,
        .count = replica->entry_count,
        .later = replica->later,
        .shared = replica->shared,
        .world = {replica, &test_clock, world_fire, world_report, world_owner}};
    if (schedule_new(&options, &replica->schedule, &err))
        fail_msg("%s", err.sentence);
}

/* As kill -9: what ran is forgotten. */
static void replica_kill(struct scene *scene, int index)
{
    struct replica *replica = &scene->replicas[index];
    schedule_free(replica->schedule);
    replica->schedule = NULL;
    for (size_t i = 0; i < replica->fired_count; i++)
        replica->fired[i].run = NULL;
}

static void settle(struct scene *scene)
{
    for (bool did = true; did;) {
        did = false;
        for (int i = 0; i < 2; i++)
            did |= scene->replicas[i].schedule &&
                   schedule_step(scene->replicas[i].schedule) == 0;
    }
}

/* Lets time pass, a second at a time at most. */
static void pass(struct scene *scene, int64_t ms)
{
    for (settle(scene); ms > 0; settle(scene)) {
        int64_t step = ms < 1000 ? ms : 1000;
        mono += step * BUS_MILLI;
        wall += step * 1000;
        ms -= step;
    }
}

/* Time in which nobody looked. */
static void sleep_through(int64_t s)
{
    mono += s * BUS_SECOND;
    wall += s * US;
}

static int scene_open(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    mono = 1000 * BUS_SECOND;
    wall = START + 500000;
    world_open(&scene->world, false);
    scene->replicas[0].shared = scene->world.shared;
    scene->replicas[1].shared = world_share(&scene->world, false);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 2; i++)
        schedule_free(scene->replicas[i].schedule);
    store_shared_close(scene->replicas[1].shared);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

/* Both replicas with the entry "tick". */
static void start_ticking(struct scene *scene, const char *at,
                          enum schedule_catchup catchup)
{
    for (int i = 0; i < 2; i++) {
        struct replica *replica = &scene->replicas[i];
        replica->entries[0] =
            (struct schedule_entry){.name = "tick",
                                    .at = at,
                                    .zone_name = "",
                                    .spec = at,
                                    .method = "count",
                                    .body = {(const uint8_t *)"body", 4},
                                    .catchup = catchup,
                                    .timeout_ns = -1};
        assert_int_equal(cron_parse(at, &replica->entries[0].cron, NULL), 0);
        replica->entry_count = 1;
        replica->later = SCHEDULE_ALL;
        replica_start(scene, i);
    }
}

/* ---- rows ---- */

struct text_row {
    const char *value;
};

static const struct bus_field text_field = {
    .name = "value", .kind = BUS_TEXT, .presence = BUS_NO_PRESENCE};
static const struct bus_shape text_shape = {"text", sizeof(struct text_row), 1,
                                            &text_field};

/* The states of an entry's rows by due time, with the seconds since START:
 * "1 done, 2 missed". */
static void assert_rows(const struct scene *scene, const char *name,
                        const char *expected)
{
    struct worker worker;
    struct bus_list rows;
    char text[4096] = "";
    worker_open(&worker, scene->world.shared);
    worker_call(&worker, &person_read_method);
    const struct sql_value args[] = {sql_text(name)};
    int code = sql_query(&worker.call,
                         "select state as value from troupe_schedule where "
                         "name = ? and state <> 'since' order by due",
                         args, 1, &text_shape, 512, &rows);
    assert_int_equal(code, BUS_OK);
    const struct text_row *row = rows.items;
    for (size_t i = 0; i < rows.count; i++) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
                 row[i].value);
    }
    store_end(&worker.call, BUS_OK, (struct bus_bytes){0});
    worker_close(&worker);
    assert_string_equal(text, expected);
}

/* Each due time was started once at most, by anybody. */
static void assert_once(const struct scene *scene, size_t expected)
{
    const struct replica *a = &scene->replicas[0], *b = &scene->replicas[1];
    assert_int_equal(a->fired_count + b->fired_count, expected);
    for (size_t i = 0; i < a->fired_count; i++) {
        for (size_t j = i + 1; j < a->fired_count; j++)
            assert_int_not_equal(a->fired[i].due, a->fired[j].due);
        for (size_t j = 0; j < b->fired_count; j++)
            assert_int_not_equal(a->fired[i].due, b->fired[j].due);
    }
}

static size_t reported(const struct scene *scene, enum schedule_event event,
                       uint64_t *ret_count)
{
    size_t reports = 0;
    uint64_t count = 0;
    for (int i = 0; i < 2; i++) {
        for (size_t j = 0; j < scene->replicas[i].report_count; j++) {
            const struct schedule_report *report =
                &scene->replicas[i].reports[j];
            reports += report->event == event;
            count += report->event == event ? report->count : 0;
        }
    }
    if (ret_count)
        *ret_count = count;
    return reports;
}

/* A delayed message, as a handler leaves it. */
static void send_later(struct scene *scene, const char *id, int64_t due)
{
    struct worker worker;
    bool is_new = false;
    struct schedule_row row =
        rows_new("user", id, due, ROWS_LATER, ROWS_WAITING);
    row.method = "greet";
    row.target = "score";
    row.body = (struct bus_bytes){(const uint8_t *)"hello", 5};
    worker_open(&worker, scene->world.shared);
    worker_call(&worker, &person_write_method);
    assert_int_equal(rows_insert(&worker.call, &row, &is_new), BUS_OK);
    assert_true(is_new);
    assert_int_equal(store_end(&worker.call, BUS_OK, (struct bus_bytes){0}),
                     BUS_OK);
    worker_close(&worker);
}

static struct fired *fired_last(struct scene *scene, int index)
{
    struct replica *replica = &scene->replicas[index];
    assert_true(replica->fired_count > 0);
    return &replica->fired[replica->fired_count - 1];
}

/* ---- success ---- */

static void each_due_time_is_started_once(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@every 1s", SCHEDULE_NONE);
    pass(scene, 30000);
    assert_once(scene, 30);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 0);
    const struct fired *fired = scene->replicas[0].fired_count
                                    ? &scene->replicas[0].fired[0]
                                    : &scene->replicas[1].fired[0];
    assert_string_equal(fired->method, "count");
    assert_string_equal(fired->body, "body");
    assert_string_equal(fired->target, "");
    assert_string_equal(fired->gid, ""); /* it is never run again */
}

static void nothing_is_due_before_the_first_start(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@hourly", SCHEDULE_ALL);
    pass(scene, 5000);
    assert_once(scene, 0);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 0);
}

static void another_replica_goes_on(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@every 1s", SCHEDULE_NONE);
    pass(scene, 5000);
    replica_kill(scene, 0);
    pass(scene, 5000);
    assert_once(scene, 10);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 0);
}

static void one_that_is_a_little_late_is_no_miss(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@daily", SCHEDULE_NONE);
    pass(scene, 1000);
    sleep_through(86400 + 30);
    pass(scene, 1000);
    assert_once(scene, 1);
    assert_rows(scene, "tick", "done");
}

static void an_end_lets_the_next_begin(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@every 2s", SCHEDULE_NONE);
    scene->replicas[0].holds = scene->replicas[1].holds = true;
    pass(scene, 2000);
    assert_once(scene, 1);
    pass(scene, 4000);
    assert_once(scene, 1);
    assert_rows(scene, "tick", "running skipped skipped");
    assert_int_equal(reported(scene, SCHEDULE_SKIPPED, NULL), 2);
    for (int i = 0; i < 2; i++) {
        struct replica *replica = &scene->replicas[i];
        if (replica->fired_count)
            schedule_ended(replica->fired[0].run, &replica->answer);
        replica->holds = false;
    }
    pass(scene, 2000);
    assert_once(scene, 2);
    assert_rows(scene, "tick", "done skipped skipped done");
}

static void overlapping_ones_run_side_by_side(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@every 1s", SCHEDULE_NONE);
    for (int i = 0; i < 2; i++) {
        scene->replicas[i].holds = true;
        scene->replicas[i].entries[0].overlap = true;
    }
    pass(scene, 3000);
    assert_once(scene, 3);
    assert_rows(scene, "tick", "running running running");
}

static void a_message_is_delivered_when_it_is_due(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    send_later(scene, "m1", wall + 3 * US + 250000);
    pass(scene, 3000);
    assert_once(scene, 0);
    pass(scene, 250);
    assert_once(scene, 1);
    const struct fired *fired =
        fired_last(scene, scene->replicas[0].fired_count ? 0 : 1);
    assert_string_equal(fired->gid, "m1");
    assert_string_equal(fired->target, "score");
    assert_string_equal(fired->method, "greet");
    assert_string_equal(fired->body, "hello");
    pass(scene, 60000);
    assert_once(scene, 1);
}

/* Two who read the same row: one of them has it. */
static void a_row_is_claimed_once(void **state)
{
    struct scene *scene = *state;
    struct worker workers[2];
    struct bus_list lists[2];
    int claims = 0;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    send_later(scene, "m1", wall);
    for (int i = 0; i < 2; i++) {
        worker_open(&workers[i], scene->replicas[i].shared);
        struct bus_call *call = worker_call(&workers[i], &person_read_method);
        assert_int_equal(rows_ready(call, "user", wall, 8, &lists[i]), BUS_OK);
        assert_int_equal(lists[i].count, 1);
    }
    for (int i = 0; i < 2; i++) {
        bool done = false;
        workers[i].call.method = &person_write_method;
        assert_int_equal(rows_claim(&workers[i].call, lists[i].items, "x", true,
                                    wall, &done),
                         BUS_OK);
        assert_int_equal(
            store_end(&workers[i].call, BUS_OK, (struct bus_bytes){0}), BUS_OK);
        worker_close(&workers[i]);
        claims += done;
    }
    assert_int_equal(claims, 1);
}

/* An end that is written after the row was claimed again. */
static void a_row_moves_from_where_it_was_read(void **state)
{
    struct scene *scene = *state;
    struct worker worker;
    bool done = true;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    send_later(scene, "m1", wall);
    worker_open(&worker, scene->world.shared);
    struct bus_call *call = worker_call(&worker, &person_write_method);
    struct schedule_row read =
        rows_new("user", "m1", wall, ROWS_LATER, ROWS_RUNNING);
    struct schedule_row row = read;
    row.state = ROWS_DONE;
    assert_int_equal(rows_move(call, &read, &row, &done), BUS_OK);
    assert_false(done);
    read.state = ROWS_WAITING;
    assert_int_equal(rows_move(call, &read, &row, &done), BUS_OK);
    assert_true(done);
    store_end(call, BUS_OK, (struct bus_bytes){0});
    worker_close(&worker);
}

static void a_cancelled_message_is_not(void **state)
{
    struct scene *scene = *state;
    struct worker worker;
    bool done = false;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    send_later(scene, "m1", wall + 3 * US);
    worker_open(&worker, scene->world.shared);
    worker_call(&worker, &person_write_method);
    assert_int_equal(rows_cancel(&worker.call, "user", "m1", &done), BUS_OK);
    assert_true(done);
    store_end(&worker.call, BUS_OK, (struct bus_bytes){0});
    pass(scene, 5000);
    assert_once(scene, 0);
    assert_int_equal(rows_cancel(&worker.call, "user", "m1", &done), BUS_OK);
    assert_false(done);
    store_end(&worker.call, BUS_OK, (struct bus_bytes){0});
    worker_close(&worker);
}

static void an_entry_is_fired_by_hand(void **state)
{
    struct scene *scene = *state;
    struct bus_error err = {0};
    int64_t due = 0;
    start_ticking(scene, "@hourly", SCHEDULE_NONE);
    pass(scene, 1000);
    assert_int_equal(
        schedule_fire(scene->replicas[0].schedule, "tick", &due, &err), 0);
    settle(scene);
    assert_once(scene, 1);
    assert_int_equal(due, wall);
    /* The entry's own times go on as if nothing had been. */
    pass(scene, 3600 * 1000);
    assert_once(scene, 2);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 0);
    assert_int_equal(
        schedule_fire(scene->replicas[0].schedule, "tock", &due, &err),
        BUS_NOT_FOUND);
}

static void what_there_is_can_be_asked(void **state)
{
    struct scene *scene = *state;
    struct bus_error err = {0};
    struct bus_buf buf;
    struct bus_bytes value;
    start_ticking(scene, "@hourly", SCHEDULE_LAST);
    pass(scene, 3600 * 1000);
    send_later(scene, "m1", wall + 3 * US);
    bus_buf_init(&buf, 4096);
    assert_int_equal(schedule_pack(scene->replicas[1].schedule, &buf, &err),
                     BUS_OK);
    assert_true(bus_pack_find(bus_buf_bytes(&buf), "entries", &value));
    struct bus_unpack in = bus_unpack_open(value);
    uint32_t count;
    struct bus_bytes text;
    assert_true(bus_unpack_array(&in, &count));
    assert_int_equal(count, 1);
    assert_true(bus_unpack_value(&in, &value));
    assert_true(bus_pack_find(value, "next", &text));
    in = bus_unpack_open(text);
    assert_true(bus_unpack_text(&in, &text));
    assert_memory_equal(text.data, "2026-01-01T02:00:00Z", 20);
    assert_true(bus_pack_find(value, "state", &text));
    in = bus_unpack_open(text);
    assert_true(bus_unpack_text(&in, &text));
    assert_memory_equal(text.data, "done", 4);
    bus_buf_release(&buf);
}

static int64_t system_now(void *arg)
{
    (void)arg;
    return bus_now(&bus_clock_system);
}

static int64_t system_wall(void *arg)
{
    (void)arg;
    return bus_wall(&bus_clock_system);
}

/* The thread's world: what it fires ends in yet another thread. */
struct threads {
    pthread_mutex_t lock;
    pthread_cond_t fired;
    int count;
};

static void *end_later(void *arg)
{
    static const struct bus_error ok = {0};
    schedule_ended(arg, &ok);
    return NULL;
}

static void threads_fire(void *arg, const struct schedule_firing *firing,
                         struct schedule_run *run)
{
    struct threads *threads = arg;
    pthread_t thread;
    (void)firing;
    assert_int_equal(pthread_create(&thread, NULL, end_later, run), 0);
    pthread_detach(thread);
    pthread_mutex_lock(&threads->lock);
    threads->count++;
    pthread_cond_signal(&threads->fired);
    pthread_mutex_unlock(&threads->lock);
}

static void threads_report(void *arg, const struct schedule_report *report)
{
    (void)arg;
    (void)report;
}

static enum schedule_owner threads_owner(void *arg, const char *owner)
{
    (void)arg;
    (void)owner;
    return SCHEDULE_UNKNOWN;
}

/* On a thread of its own, by the system's clock: a message that is poked is run
 * at once, an order too, and stopping waits for what runs. */
static void a_thread_does_all_this(void **state)
{
    struct scene *scene = *state;
    static const struct bus_clock clock = {system_now, system_wall, NULL};
    struct threads threads = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .fired = PTHREAD_COND_INITIALIZER};
    struct schedule_entry entry = {.name = "tick",
                                   .at = "@yearly",
                                   .zone_name = "",
                                   .spec = "@yearly",
                                   .method = "count",
                                   .timeout_ns = -1};
    struct schedule *schedule = NULL;
    struct bus_error err = {0};
    int64_t due;
    assert_int_equal(cron_parse("@yearly", &entry.cron, NULL), 0);
    const struct schedule_options options = {
        .actor = "user",
        .owner = "thread",
        .entries = &entry,
        .count = 1,
        .later = SCHEDULE_ALL,
        .shared = scene->replicas[0].shared,
        .world = {&threads, &clock, threads_fire, threads_report,
                  threads_owner}};
    assert_int_equal(schedule_new(&options, &schedule, &err), BUS_OK);
    assert_int_equal(schedule_start(schedule, &err), BUS_OK);
    send_later(scene, "m1", bus_wall(&clock));
    schedule_poke(schedule);
    assert_int_equal(schedule_fire(schedule, "tick", &due, &err), BUS_OK);
    pthread_mutex_lock(&threads.lock);
    while (threads.count < 2)
        pthread_cond_wait(&threads.fired, &threads.lock);
    pthread_mutex_unlock(&threads.lock);
    schedule_stop(schedule, bus_now(&clock) + 20 * BUS_SECOND);
    assert_rows(scene, "tick", "done");
    assert_rows(scene, "m1", "done");
    assert_int_equal(schedule_fire(schedule, "tick", &due, &err),
                     BUS_UNAVAILABLE);
    schedule_free(schedule);
}

static void old_rows_go_but_the_last(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@daily", SCHEDULE_NONE);
    send_later(scene, "m1", wall);
    pass(scene, 1000);
    for (int day = 0; day < 9; day++) {
        sleep_through(86390);
        pass(scene, 10000);
    }
    assert_rows(scene, "tick", "done done done done done done done done");
    assert_rows(scene, "m1", "");
    for (int i = 0; i < 2; i++)
        scene->replicas[i].entry_count = 0;
}

/* It tells from when on times are missed. */
static void the_last_row_stays_however_old(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@monthly", SCHEDULE_NONE);
    pass(scene, 1000);
    sleep_through(31 * 86400);
    pass(scene, 1000);
    for (int day = 0; day < 9; day++) {
        sleep_through(86390);
        pass(scene, 10000);
    }
    assert_rows(scene, "tick", "done");
}

/* ---- failure ---- */

static void missed_ones_are_reported(void **state)
{
    struct scene *scene = *state;
    uint64_t count;
    start_ticking(scene, "@hourly", SCHEDULE_NONE);
    pass(scene, 1000);
    sleep_through(4 * 3600 + 1800); /* 4:30 */
    pass(scene, 2000);
    assert_once(scene, 0);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, &count), 1);
    assert_int_equal(count, 4);
    assert_rows(scene, "tick", "missed missed missed missed");
    /* Once and for all. */
    replica_kill(scene, 0);
    replica_start(scene, 0);
    pass(scene, 2000);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 1);
}

static void the_newest_missed_one_is_caught_up(void **state)
{
    struct scene *scene = *state;
    uint64_t count;
    start_ticking(scene, "@hourly", SCHEDULE_LAST);
    pass(scene, 1000);
    sleep_through(4 * 3600 + 1800);
    pass(scene, 2000);
    assert_once(scene, 1);
    assert_rows(scene, "tick", "missed missed missed done");
    reported(scene, SCHEDULE_MISSED, &count);
    assert_int_equal(count, 4);
    const struct fired *fired =
        fired_last(scene, scene->replicas[0].fired_count ? 0 : 1);
    assert_int_equal(fired->due, START + 4 * 3600 * US);
    assert_true(fired->gid[0]);
}

static void all_missed_ones_are_caught_up_in_order(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@hourly", SCHEDULE_ALL);
    pass(scene, 1000);
    replica_kill(scene, 1);
    sleep_through(4 * 3600 + 1800);
    pass(scene, 5000);
    assert_once(scene, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(scene->replicas[0].fired[i].due,
                         START + (i + 1) * 3600 * US);
    assert_rows(scene, "tick", "done done done done");
}

/* Also by two who could run two at a time. */
static void caught_up_ones_wait_for_each_other(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@hourly", SCHEDULE_ALL);
    pass(scene, 1000);
    sleep_through(4 * 3600 + 1800);
    scene->replicas[0].holds = scene->replicas[1].holds = true;
    pass(scene, 3000);
    assert_rows(scene, "tick", "running waiting waiting waiting");
    for (int i = 0; i < 2; i++)
        if (scene->replicas[i].fired_count)
            schedule_ended(scene->replicas[i].fired[0].run,
                           &scene->replicas[i].answer);
    pass(scene, 3000);
    assert_rows(scene, "tick", "done running waiting waiting");
}

static void too_many_missed_ones_are_counted(void **state)
{
    struct scene *scene = *state;
    uint64_t count;
    start_ticking(scene, "* * * * *", SCHEDULE_ALL);
    pass(scene, 1000);
    sleep_through(200 * 60);
    pass(scene, 200000);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, &count), 1);
    assert_int_equal(count, 199);
    /* The newest hundred, the one on time, and three while time passed. */
    assert_once(scene, SCHEDULE_CATCHUP_MAX + 1 + 3);
}

static void an_interrupted_one_is_reported(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "* * * * *", SCHEDULE_NONE);
    replica_kill(scene, 1);
    scene->replicas[0].holds = true;
    pass(scene, 60 * 1000);
    assert_once(scene, 1);
    replica_kill(scene, 0);
    replica_start(scene, 1);
    pass(scene, 4000);
    assert_int_equal(reported(scene, SCHEDULE_INTERRUPTED, NULL), 0);
    pass(scene, 3000);
    assert_int_equal(reported(scene, SCHEDULE_INTERRUPTED, NULL), 1);
    assert_rows(scene, "tick", "interrupted");
    assert_once(scene, 1);
}

/* A predecessor is known to be dead; somebody on this node to live. */
static void an_owner_is_known_by_its_name(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "* * * * *", SCHEDULE_NONE);
    replica_kill(scene, 1);
    scene->replicas[0].holds = true;
    pass(scene, 60 * 1000);
    replica_kill(scene, 0);
    scene->replicas[1].knows = SCHEDULE_ALIVE;
    replica_start(scene, 1);
    pass(scene, 30 * 1000);
    assert_rows(scene, "tick", "running");
    scene->replicas[1].knows = SCHEDULE_DEAD;
    pass(scene, 1000);
    assert_rows(scene, "tick", "interrupted");
}

static void one_whose_owner_lives_is_not(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@hourly", SCHEDULE_ALL);
    scene->replicas[0].holds = scene->replicas[1].holds = true;
    pass(scene, 3600 * 1000 + 120 * 1000);
    assert_once(scene, 1);
    assert_int_equal(reported(scene, SCHEDULE_INTERRUPTED, NULL), 0);
    assert_rows(scene, "tick", "running");
}

static void an_interrupted_one_runs_again(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "* * * * *", SCHEDULE_ALL);
    replica_kill(scene, 1);
    scene->replicas[0].holds = true;
    pass(scene, 60 * 1000);
    replica_kill(scene, 0);
    replica_start(scene, 1);
    pass(scene, 7000);
    assert_int_equal(reported(scene, SCHEDULE_INTERRUPTED, NULL), 1);
    assert_int_equal(scene->replicas[1].fired_count, 1);
    /* Under the same id, so that it takes effect once. */
    assert_string_equal(scene->replicas[0].fired[0].gid,
                        scene->replicas[1].fired[0].gid);
    assert_true(scene->replicas[0].fired[0].gid[0]);
    assert_rows(scene, "tick", "done");
}

static void an_interrupted_one_gives_way_to_a_newer(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "* * * * *", SCHEDULE_LAST);
    replica_kill(scene, 1);
    scene->replicas[0].holds = true;
    pass(scene, 2 * 60 * 1000); /* the second is skipped */
    replica_kill(scene, 0);
    replica_start(scene, 1);
    pass(scene, 7000);
    assert_int_equal(reported(scene, SCHEDULE_INTERRUPTED, NULL), 1);
    assert_int_equal(scene->replicas[1].fired_count, 0);
    assert_rows(scene, "tick", "interrupted skipped");
}

/* It was only slow: its end comes after others gave it up. */
static void a_late_end_changes_nothing(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "* * * * *", SCHEDULE_NONE);
    replica_kill(scene, 1);
    scene->replicas[0].holds = true;
    pass(scene, 60 * 1000);
    struct schedule *slow = scene->replicas[0].schedule;
    scene->replicas[0].schedule = NULL; /* it does not get to run */
    replica_start(scene, 1);
    pass(scene, 8000);
    assert_rows(scene, "tick", "interrupted");
    scene->replicas[0].schedule = slow;
    schedule_ended(scene->replicas[0].fired[0].run, &scene->replicas[0].answer);
    pass(scene, 1000);
    assert_rows(scene, "tick", "interrupted");
    assert_int_equal(reported(scene, SCHEDULE_FAILED, NULL), 1);
}

static void a_refused_one_has_failed(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "* * * * *", SCHEDULE_ALL);
    for (int i = 0; i < 2; i++)
        bus_error_set(&scene->replicas[i].answer, BUS_INTERNAL, "no luck");
    pass(scene, 60 * 1000);
    assert_once(scene, 1);
    assert_rows(scene, "tick", "failed");
    assert_int_equal(reported(scene, SCHEDULE_FAILED, NULL), 1);
}

static void one_that_never_ran_is_tried_again(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "* * * * *", SCHEDULE_NONE);
    for (int i = 0; i < 2; i++)
        bus_error_reason(&scene->replicas[i].answer, BUS_RESOURCE_EXHAUSTED,
                         "busy", "the mailbox is full");
    pass(scene, 60 * 1000 + 2500);
    assert_rows(scene, "tick", "waiting");
    for (int i = 0; i < 2; i++)
        scene->replicas[i].answer = (struct bus_error){0};
    pass(scene, 2000);
    assert_rows(scene, "tick", "done");
    assert_int_equal(reported(scene, SCHEDULE_FAILED, NULL), 0);
}

static void a_message_is_tried_until_it_is_taken(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    for (int i = 0; i < 2; i++)
        bus_error_set(&scene->replicas[i].answer, BUS_UNAVAILABLE, "nobody");
    send_later(scene, "m1", wall);
    pass(scene, 16000); /* at 0, 1, 3, 7 and 15 s */
    assert_int_equal(
        scene->replicas[0].fired_count + scene->replicas[1].fired_count, 5);
    for (int i = 0; i < 2; i++)
        scene->replicas[i].answer = (struct bus_error){0};
    pass(scene, 20000);
    assert_rows(scene, "m1", "done");
}

static void a_message_that_is_refused_has_failed(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    for (int i = 0; i < 2; i++)
        bus_error_set(&scene->replicas[i].answer, BUS_NOT_FOUND, "who?");
    send_later(scene, "m1", wall);
    pass(scene, 5000);
    assert_once(scene, 1);
    assert_rows(scene, "m1", "failed");
}

static void tries_come_to_an_end(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    for (int i = 0; i < 2; i++)
        bus_error_set(&scene->replicas[i].answer, BUS_UNAVAILABLE, "nobody");
    send_later(scene, "m1", wall);
    pass(scene, 1200 * 1000);
    assert_int_equal(scene->replicas[0].fired_count +
                         scene->replicas[1].fired_count,
                     SCHEDULE_TRIES_MAX);
    assert_rows(scene, "m1", "failed");
}

static void a_missed_message_is_reported_and_delivered(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    send_later(scene, "m1", wall + US);
    sleep_through(3600);
    pass(scene, 2000);
    assert_once(scene, 1);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 1);
    assert_rows(scene, "m1", "done");
}

static void or_not_delivered_where_catchup_says_so(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    for (int i = 0; i < 2; i++) {
        replica_kill(scene, i);
        scene->replicas[i].later = SCHEDULE_NONE;
        replica_start(scene, i);
    }
    send_later(scene, "m1", wall + US);
    sleep_through(3600);
    pass(scene, 2000);
    assert_once(scene, 0);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 1);
    assert_rows(scene, "m1", "missed");
}

static void an_interrupted_message_is_delivered_again(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@yearly", SCHEDULE_NONE);
    replica_kill(scene, 1);
    scene->replicas[0].holds = true;
    send_later(scene, "m1", wall);
    pass(scene, 1000);
    assert_once(scene, 1);
    replica_kill(scene, 0);
    replica_start(scene, 1);
    pass(scene, 8000);
    assert_int_equal(scene->replicas[1].fired_count, 1);
    assert_string_equal(scene->replicas[1].fired[0].gid, "m1");
    assert_int_equal(reported(scene, SCHEDULE_INTERRUPTED, NULL), 1);
    assert_rows(scene, "m1", "done");
}

static void a_clock_put_back_repeats_nothing(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@every 1s", SCHEDULE_ALL);
    pass(scene, 10000);
    wall -= 5 * US;
    pass(scene, 10000);
    assert_once(scene, 15);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 0);
}

/* Also where nobody remembers. */
static void a_clock_put_back_is_survived(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@every 1s", SCHEDULE_ALL);
    pass(scene, 10000);
    for (int i = 0; i < 2; i++)
        replica_kill(scene, i);
    wall -= 5 * US;
    for (int i = 0; i < 2; i++)
        replica_start(scene, i);
    pass(scene, 10000);
    assert_once(scene, 15);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 0);
}

static void a_clock_put_forward_is_a_miss(void **state)
{
    struct scene *scene = *state;
    uint64_t count;
    start_ticking(scene, "@hourly", SCHEDULE_NONE);
    pass(scene, 1000);
    wall += 2 * 3600 * US + 1800 * US;
    pass(scene, 2000);
    reported(scene, SCHEDULE_MISSED, &count);
    assert_int_equal(count, 2);
    assert_once(scene, 0);
}

static void other_times_begin_anew(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@hourly", SCHEDULE_ALL);
    pass(scene, 3600 * 1000);
    assert_once(scene, 1);
    for (int i = 0; i < 2; i++)
        replica_kill(scene, i);
    sleep_through(3600 * 5);
    start_ticking(scene, "*/5 * * * *", SCHEDULE_ALL);
    pass(scene, 1000);
    assert_once(scene, 1);
    assert_int_equal(reported(scene, SCHEDULE_MISSED, NULL), 0);
}

static void a_halted_one_begins_nothing(void **state)
{
    struct scene *scene = *state;
    start_ticking(scene, "@every 1s", SCHEDULE_NONE);
    replica_kill(scene, 1);
    scene->replicas[0].holds = true;
    pass(scene, 1000);
    schedule_halt(scene->replicas[0].schedule);
    pass(scene, 3000);
    assert_once(scene, 1);
    schedule_ended(scene->replicas[0].fired[0].run, &scene->replicas[0].answer);
    pass(scene, 1000);
    assert_rows(scene, "tick", "done");
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_due_time_is_started_once),
        TEST(nothing_is_due_before_the_first_start),
        TEST(another_replica_goes_on),
        TEST(one_that_is_a_little_late_is_no_miss),
        TEST(an_end_lets_the_next_begin),
        TEST(overlapping_ones_run_side_by_side),
        TEST(a_message_is_delivered_when_it_is_due),
        TEST(a_row_is_claimed_once),
        TEST(a_row_moves_from_where_it_was_read),
        TEST(a_cancelled_message_is_not),
        TEST(an_entry_is_fired_by_hand),
        TEST(what_there_is_can_be_asked),
        TEST(a_thread_does_all_this),
        TEST(old_rows_go_but_the_last),
        TEST(the_last_row_stays_however_old),
        TEST(missed_ones_are_reported),
        TEST(the_newest_missed_one_is_caught_up),
        TEST(all_missed_ones_are_caught_up_in_order),
        TEST(caught_up_ones_wait_for_each_other),
        TEST(too_many_missed_ones_are_counted),
        TEST(an_interrupted_one_is_reported),
        TEST(an_owner_is_known_by_its_name),
        TEST(one_whose_owner_lives_is_not),
        TEST(an_interrupted_one_runs_again),
        TEST(an_interrupted_one_gives_way_to_a_newer),
        TEST(a_late_end_changes_nothing),
        TEST(a_refused_one_has_failed),
        TEST(one_that_never_ran_is_tried_again),
        TEST(a_message_is_tried_until_it_is_taken),
        TEST(a_message_that_is_refused_has_failed),
        TEST(tries_come_to_an_end),
        TEST(a_missed_message_is_reported_and_delivered),
        TEST(or_not_delivered_where_catchup_says_so),
        TEST(an_interrupted_message_is_delivered_again),
        TEST(a_clock_put_back_repeats_nothing),
        TEST(a_clock_put_back_is_survived),
        TEST(a_clock_put_forward_is_a_miss),
        TEST(other_times_begin_anew),
        TEST(a_halted_one_begins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
