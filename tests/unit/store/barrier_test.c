/* SPDX-License-Identifier: MIT
 *
 * The barrier as a saga's step sees it: first runs, repetitions, compensations
 * that come too early or twice, actions that come too late, several at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/store/child.h"
#include "tests/unit/store/fixture.h"

#define RACERS 6
#define RACES 20

static const struct bus_bytes reply = {(const uint8_t *)"\x81\xa2id\x07", 5};

struct scene {
    struct world world;
    struct worker worker;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    world_open(&scene->world, false);
    worker_open(&scene->worker, scene->world.shared);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    worker_close(&scene->worker);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

/* What one step's run was told, and what it was answered. */
struct told {
    enum store_verdict verdict;
    struct bus_bytes stored;
    int code;
};

static bool undoes(const char *op)
{
    return strcmp(op, "compensate") == 0 || strcmp(op, "cancel") == 0;
}

/* One step as the runtime runs it; an action inserts a person, a compensation
 * deletes it. The answer is `code`. */
static struct told run(struct worker *worker, const char *gid, const char *op,
                       int code)
{
    struct told told = {.verdict = STORE_LATE};
    struct bus_call *call = worker_step(worker, gid, op);
    int begun = store_begin(call, &told.verdict, &told.stored);
    if (begun != BUS_OK) {
        told.code = begun;
        return told;
    }
    struct person person = person_make(70, "70");
    if (told.verdict == STORE_RUN && undoes(op))
        assert_int_equal(model_delete(call, &person_table, &person), BUS_OK);
    else if (told.verdict == STORE_RUN)
        assert_int_equal(model_insert(call, &person_table, &person), BUS_OK);
    if (told.verdict == STORE_LATE)
        code = BUS_ABORTED;
    told.code = store_end(call, code, reply);
    return told;
}

static struct told step(void **state, const char *op, int code)
{
    struct scene *scene = *state;
    return run(&scene->worker, "g1", op, code);
}

static int64_t people(void **state)
{
    struct scene *scene = *state;
    return world_count(&scene->world, "person") - 1; /* the seed's */
}

static void assert_reply(struct bus_bytes stored)
{
    assert_int_equal(stored.len, reply.len);
    assert_memory_equal(stored.data, reply.data, reply.len);
}

/* ---- in order ---- */

static void an_action_runs_once_and_its_reply_is_replayed(void **state)
{
    struct told told = step(state, "action", BUS_OK);
    assert_int_equal(told.verdict, STORE_RUN);
    assert_int_equal(told.stored.len, 0);
    assert_int_equal(told.code, BUS_OK);
    for (int i = 0; i < 2; i++) {
        told = step(state, "action", BUS_OK);
        assert_int_equal(told.verdict, STORE_REPEAT);
        assert_reply(told.stored);
        assert_int_equal(told.code, BUS_OK);
    }
    assert_int_equal(people(state), 1);
}

static void an_action_is_compensated_once_with_its_reply(void **state)
{
    step(state, "action", BUS_OK);
    struct told told = step(state, "compensate", BUS_OK);
    assert_int_equal(told.verdict, STORE_RUN);
    assert_reply(told.stored);
    assert_int_equal(people(state), 0);
    told = step(state, "compensate", BUS_OK);
    assert_int_equal(told.verdict, STORE_REPEAT);
    assert_reply(told.stored); /* the compensation's own */
}

static void an_action_repeated_after_its_compensation_stays_undone(void **state)
{
    step(state, "action", BUS_OK);
    step(state, "compensate", BUS_OK);
    struct told told = step(state, "action", BUS_OK);
    assert_int_equal(told.verdict, STORE_REPEAT);
    assert_int_equal(people(state), 0);
}

static void an_empty_reply_is_replayed_as_empty(void **state)
{
    struct scene *scene = *state;
    struct told told;
    struct bus_call *call = worker_step(&scene->worker, "g2", "action");
    assert_int_equal(store_begin(call, &told.verdict, &told.stored), BUS_OK);
    assert_int_equal(store_end(call, BUS_OK, (struct bus_bytes){0}), BUS_OK);
    told = run(&scene->worker, "g2", "action", BUS_OK);
    assert_int_equal(told.verdict, STORE_REPEAT);
    assert_int_equal(told.stored.len, 0);
}

static void sagas_and_branches_do_not_meet(void **state)
{
    struct scene *scene = *state;
    step(state, "action", BUS_OK);
    struct told told = run(&scene->worker, "g2", "compensate", BUS_OK);
    assert_int_equal(told.verdict, STORE_NULL);
    struct bus_call *call = worker_step(&scene->worker, "g1", "action");
    call->meta.saga.branch = "02";
    assert_int_equal(store_begin(call, &told.verdict, &told.stored), BUS_OK);
    assert_int_equal(told.verdict, STORE_RUN);
    store_end(call, BUS_ABORTED, reply);
}

static void a_plain_call_needs_no_barrier(void **state)
{
    struct scene *scene = *state;
    struct told told;
    struct bus_call *call = worker_call(&scene->worker, &person_write_method);
    assert_int_equal(store_begin(call, &told.verdict, &told.stored), BUS_OK);
    assert_int_equal(told.verdict, STORE_RUN);
    assert_false(call->locked);
    assert_int_equal(store_end(call, BUS_OK, reply), BUS_OK);
    assert_int_equal(world_count(&scene->world, "barrier"), 0);
}

/* ---- out of order ---- */

static void a_compensation_without_its_action_is_null(void **state)
{
    struct told told = step(state, "compensate", BUS_OK);
    assert_int_equal(told.verdict, STORE_NULL);
    assert_int_equal(told.stored.len, 0);
    assert_int_equal(told.code, BUS_OK);
    told = step(state, "compensate", BUS_OK);
    assert_int_equal(told.verdict, STORE_REPEAT);
    assert_int_equal(told.stored.len, 0);
    struct scene *scene = *state;
    assert_int_equal(world_count(&scene->world, "barrier"), 2);
    assert_int_equal(world_count(&scene->world, "saga_reply"), 0);
}

static void an_action_after_its_compensation_is_late(void **state)
{
    step(state, "compensate", BUS_OK);
    for (int i = 0; i < 2; i++) {
        struct told told = step(state, "action", BUS_OK);
        assert_int_equal(told.verdict, STORE_LATE);
        assert_int_equal(told.code, BUS_ABORTED);
    }
    assert_int_equal(people(state), 0);
}

static void a_refused_action_leaves_no_trace(void **state)
{
    struct scene *scene = *state;
    struct told told = step(state, "action", BUS_UNAVAILABLE);
    assert_int_equal(told.verdict, STORE_RUN);
    assert_int_equal(told.code, BUS_UNAVAILABLE);
    assert_int_equal(world_count(&scene->world, "barrier"), 0);
    assert_int_equal(people(state), 0);
    told = step(state, "action", BUS_OK); /* the retry */
    assert_int_equal(told.verdict, STORE_RUN);
    assert_int_equal(people(state), 1);
}

static void a_refused_compensation_runs_again(void **state)
{
    step(state, "action", BUS_OK);
    step(state, "compensate", BUS_UNAVAILABLE);
    assert_int_equal(people(state), 1);
    struct told told = step(state, "compensate", BUS_OK);
    assert_int_equal(told.verdict, STORE_RUN);
    assert_int_equal(people(state), 0);
}

static void a_compensation_of_a_refused_action_is_null(void **state)
{
    step(state, "action", BUS_ABORTED);
    struct told told = step(state, "compensate", BUS_OK);
    assert_int_equal(told.verdict, STORE_NULL);
}

static void metadata_must_be_whole(void **state)
{
    struct scene *scene = *state;
    struct told told = {0};
    char gid[140];
    memset(gid, 'g', sizeof(gid) - 1);
    gid[sizeof(gid) - 1] = '\0';
    told = run(&scene->worker, gid, "action", BUS_OK);
    assert_int_equal(told.code, BUS_INVALID_ARGUMENT);
    told = run(&scene->worker, "", "action", BUS_OK);
    assert_int_equal(told.code, BUS_INVALID_ARGUMENT);
    assert_false(scene->worker.call.locked);
    /* Nothing stays begun. */
    assert_int_equal(run(&scene->worker, "g", "action", BUS_OK).code, BUS_OK);
}

static void a_passed_deadline_begins_nothing(void **state)
{
    struct scene *scene = *state;
    struct told told;
    struct bus_call *call = worker_step(&scene->worker, "g1", "action");
    call->deadline = bus_now(call->clock) - 1;
    assert_int_equal(store_begin(call, &told.verdict, &told.stored),
                     BUS_DEADLINE_EXCEEDED);
    assert_false(call->locked);
}

/* ---- at once ---- */

struct racer {
    struct store_shared *shared;
    const char *gid;
    const char *op;
    struct told told;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct worker worker;
    worker_open(&worker, racer->shared);
    racer->told = run(&worker, racer->gid, racer->op, BUS_OK);
    worker_close(&worker); /* told.stored is gone: only its length is used */
    return NULL;
}

static void one_of_several_runs(void **state, const char *op)
{
    struct scene *scene = *state;
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    int ran = 0;
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){scene->world.shared, "g1", op, {0}};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(racers[i].told.code, BUS_OK);
        ran += racers[i].told.verdict == STORE_RUN;
        if (racers[i].told.verdict != STORE_RUN) {
            assert_int_equal(racers[i].told.verdict, STORE_REPEAT);
            assert_int_equal(racers[i].told.stored.len, reply.len);
        }
    }
    assert_int_equal(ran, 1);
    assert_int_equal(people(state), 1);
}

static void of_several_actions_at_once_one_runs(void **state)
{
    one_of_several_runs(state, "action");
}

static void of_several_tries_at_once_one_runs(void **state)
{
    one_of_several_runs(state, "try");
}

static void of_several_confirms_at_once_one_runs(void **state)
{
    one_of_several_runs(state, "confirm");
}

/* Whichever comes first, the row is not there in the end. */
static void both_at_once_undo(void **state, const char *act, const char *undo)
{
    struct scene *scene = *state;
    for (int i = 0; i < RACES; i++) {
        char gid[16];
        pthread_t threads[2];
        snprintf(gid, sizeof(gid), "race%d", i);
        struct racer racers[] = {{scene->world.shared, gid, act, {0}},
                                 {scene->world.shared, gid, undo, {0}}};
        for (int j = 0; j < 2; j++)
            pthread_create(&threads[j], NULL, race, &racers[j]);
        for (int j = 0; j < 2; j++)
            pthread_join(threads[j], NULL);
        bool acted = racers[0].told.verdict == STORE_RUN;
        assert_int_equal(racers[0].told.code, acted ? BUS_OK : BUS_ABORTED);
        assert_int_equal(racers[1].told.verdict,
                         acted ? STORE_RUN : STORE_NULL);
        assert_int_equal(people(state), 0);
    }
}

static void an_action_and_its_compensation_at_once_undo(void **state)
{
    both_at_once_undo(state, "action", "compensate");
}

static void a_try_and_its_cancel_at_once_undo(void **state)
{
    both_at_once_undo(state, "try", "cancel");
}

/* Exit status: 1 + the verdict, or 0. */
static int child_steps(struct child *self, void *arg)
{
    struct world world = *(struct world *)arg;
    struct worker worker;
    world.shared = world_share(&world, false);
    worker_open(&worker, world.shared);
    child_say(self);
    child_hear(self);
    struct told told = run(&worker, "g1", "action", BUS_OK);
    worker_close(&worker);
    store_shared_close(world.shared);
    return told.code == BUS_OK ? 1 + (int)told.verdict : 0;
}

static void of_several_processes_at_once_one_runs(void **state)
{
    struct scene *scene = *state;
    struct child children[3];
    int seen[2] = {0};
    for (int i = 0; i < 3; i++)
        child_start(&children[i], child_steps, &scene->world);
    for (int i = 0; i < 3; i++)
        assert_true(child_hear(&children[i]));
    for (int i = 0; i < 3; i++)
        child_say(&children[i]);
    for (int i = 0; i < 3; i++) {
        int verdict = child_wait(&children[i]) - 1;
        assert_in_range(verdict, STORE_RUN, STORE_REPEAT);
        seen[verdict]++;
    }
    assert_int_equal(seen[STORE_RUN], 1);
    assert_int_equal(seen[STORE_REPEAT], 2);
    assert_int_equal(people(state), 1);
}

static int child_dies_in_step(struct child *self, void *arg)
{
    struct world world = *(struct world *)arg;
    struct worker worker;
    struct told told;
    world.shared = world_share(&world, false);
    worker_open(&worker, world.shared);
    struct bus_call *call = worker_step(&worker, "g1", "action");
    struct person person = person_make(70, "70");
    if (store_begin(call, &told.verdict, &told.stored) != BUS_OK ||
        model_insert(call, &person_table, &person) != BUS_OK)
        return 1;
    child_say(self);
    child_hear(self);
    return 2;
}

static void a_step_killed_before_its_commit_runs_again(void **state)
{
    struct scene *scene = *state;
    struct child child;
    child_start(&child, child_dies_in_step, &scene->world);
    assert_true(child_hear(&child));
    assert_int_equal(child_kill(&child), -9);
    struct told told = step(state, "action", BUS_OK);
    assert_int_equal(told.verdict, STORE_RUN);
    assert_int_equal(told.code, BUS_OK);
    assert_int_equal(people(state), 1);
}

/* ---- purge ---- */

static void old_rows_are_purged_in_batches(void **state)
{
    struct scene *scene = *state;
    struct bus_error err;
    int64_t now = bus_wall(&bus_clock_system);
    static const char fill[] =
        "insert into %s with recursive n(i) as (select 1 union all "
        "select i + 1 from n where i < 900) "
        "select %s, '01', 'action', %s '2001-01-01 00:00:00' from n";
    bool mysql = world_on_mysql();
    const char *gid = mysql ? "concat('old', i)" : "'old' || i";
    char text[512];
    struct bus_call *call = worker_call(&scene->worker, &person_write_method);
    snprintf(text, sizeof(text), fill,
             mysql ? "dtm_barrier.barrier (gid, branch_id, op, create_time)"
                   : "barrier (gid, branch_id, op, create_time)",
             gid, "");
    assert_int_equal(sql_exec(call, text, NULL, 0, NULL), BUS_OK);
    snprintf(text, sizeof(text), fill, "saga_reply", gid, "x'01',");
    assert_int_equal(sql_exec(call, text, NULL, 0, NULL), BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    step(state, "action", BUS_OK);
    assert_int_equal(
        store_purge(scene->world.shared, now - 3600 * INT64_C(1000000), &err),
        BUS_OK);
    assert_int_equal(world_count(&scene->world, "barrier"), 1);
    assert_int_equal(world_count(&scene->world, "saga_reply"), 1);
    assert_int_equal(step(state, "action", BUS_OK).verdict, STORE_REPEAT);
}

static void a_step_may_have_several_barriers(void **state)
{
    struct scene *scene = *state;
    enum store_verdict first = STORE_LATE, second = STORE_LATE;
    struct bus_bytes stored;
    struct bus_call *call = worker_step(&scene->worker, "g", "action");
    assert_int_equal(store_begin(call, &first, &stored), BUS_OK);
    assert_int_equal(store_barrier(call, &second), BUS_OK);
    assert_int_equal(second, STORE_RUN);
    assert_int_equal(store_barrier(call, &second), BUS_OK);
    assert_int_equal(second, STORE_RUN);
    assert_int_equal(store_end(call, BUS_OK, reply), BUS_OK);
    assert_int_equal(world_count(&scene->world, "barrier"), 3);
    /* Of its compensation the first and second are to be undone, a fourth was
     * never done. */
    call = worker_step(&scene->worker, "g", "compensate");
    assert_int_equal(store_begin(call, &first, &stored), BUS_OK);
    assert_int_equal(first, STORE_RUN);
    assert_int_equal(store_barrier(call, &second), BUS_OK);
    assert_int_equal(second, STORE_RUN);
    assert_int_equal(store_barrier(call, &second), BUS_OK);
    assert_int_equal(second, STORE_RUN);
    assert_int_equal(store_barrier(call, &second), BUS_OK);
    assert_int_equal(second, STORE_NULL);
    assert_int_equal(store_end(call, BUS_OK, reply), BUS_OK);
    /* Outside a saga there is nothing to be kept apart. */
    call = worker_call(&scene->worker, &person_write_method);
    assert_int_equal(store_barrier(call, &second), BUS_OK);
    assert_int_equal(second, STORE_RUN);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
}

static void old_rows_go_by_themselves(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 3; i++) {
        char gid[16];
        snprintf(gid, sizeof(gid), "old %d", i);
        struct bus_call *step = worker_step(&scene->worker, gid, "confirm");
        call_begin(step);
        assert_int_equal(call_end(step, BUS_OK), BUS_OK);
    }
    struct bus_call *call = worker_call(&scene->worker, &person_write_method);
    assert_int_equal(
        sql_exec(call,
                 world_on_mysql()
                     ? "update dtm_barrier.barrier set create_time = "
                       "'2020-01-01' where gid <> 'old 2'"
                     : "update barrier set create_time = '2020-01-01' "
                       "where gid <> 'old 2'",
                 NULL, 0, NULL),
        BUS_OK);
    assert_int_equal(call_end(call, BUS_OK), BUS_OK);
    struct store_shared *purging = world_share_by(
        &scene->world, (struct store_options){.keep_ns = 3600 * BUS_SECOND});
    for (int i = 0; i < 2000 && world_count(&scene->world, "barrier") > 1; i++)
        poll(NULL, 0, 5);
    assert_int_equal(world_count(&scene->world, "barrier"), 1);
    store_shared_close(purging);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_action_runs_once_and_its_reply_is_replayed),
        T(an_action_is_compensated_once_with_its_reply),
        T(an_action_repeated_after_its_compensation_stays_undone),
        T(an_empty_reply_is_replayed_as_empty),
        T(sagas_and_branches_do_not_meet),
        T(a_plain_call_needs_no_barrier),
        T(a_compensation_without_its_action_is_null),
        T(an_action_after_its_compensation_is_late),
        T(a_refused_action_leaves_no_trace),
        T(a_refused_compensation_runs_again),
        T(a_compensation_of_a_refused_action_is_null),
        T(metadata_must_be_whole),
        T(a_passed_deadline_begins_nothing),
        T(of_several_actions_at_once_one_runs),
        T(of_several_tries_at_once_one_runs),
        T(of_several_confirms_at_once_one_runs),
        T(an_action_and_its_compensation_at_once_undo),
        T(a_try_and_its_cancel_at_once_undo),
        T(of_several_processes_at_once_one_runs),
        T(a_step_killed_before_its_commit_runs_again),
        T(old_rows_are_purged_in_batches),
        T(a_step_may_have_several_barriers),
        T(old_rows_go_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
