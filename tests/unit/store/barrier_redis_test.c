/* SPDX-License-Identifier: MIT
 *
 * The barrier's Redis form on a server of its own: null compensation, hanging,
 * duplicates, several at once, and a debit that is repeated when little is
 * left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/barrier_redis.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/store/redis_server.h"

#define RACERS 6
#define RACES 20

struct scene {
    struct world world;
    struct redis_server server;
    struct store_shared *shared;
    struct worker worker;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    world_open(&scene->world, false);
    redis_server_start(&scene->server, scene->world.folder, "redis.sock");
    const struct store_node node = {.host = scene->server.socket,
                                    .weight = 100};
    scene->shared = world_share_by(
        &scene->world, (struct store_options){.nodes = &node, .node_count = 1});
    worker_open(&scene->worker, scene->shared);
    redis_server_ask(&scene->server, "SET", "stock", "10", NULL);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    worker_close(&scene->worker);
    store_shared_close(scene->shared);
    redis_server_kill(&scene->server);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

struct told {
    int code;
    enum store_verdict verdict;
};

static struct told step(struct worker *worker, const char *gid, const char *op,
                        int64_t by)
{
    struct told told = {BUS_OK, STORE_RUN};
    struct bus_call *call = worker_step(worker, gid, op);
    const struct barrier_amount amount = {"stock", by, 60 * BUS_SECOND};
    call->bare = true; /* Redis alone */
    told.code = barrier_redis_adjust(call, &amount, &told.verdict);
    return told;
}

static int stock(struct scene *scene)
{
    return atoi(redis_server_ask(&scene->server, "GET", "stock", NULL, NULL));
}

static void assert_told(struct told told, int code, enum store_verdict verdict)
{
    assert_int_equal(told.code, code);
    assert_int_equal(told.verdict, verdict);
}

static void an_action_counts_once_and_is_undone_once(void **state)
{
    struct scene *scene = *state;
    struct worker *worker = &scene->worker;
    assert_told(step(worker, "g", "action", -7), BUS_OK, STORE_RUN);
    assert_int_equal(stock(scene), 3);
    /* Repeated, although 3 would not suffice for another one. */
    assert_told(step(worker, "g", "action", -7), BUS_OK, STORE_REPEAT);
    assert_int_equal(stock(scene), 3);
    assert_told(step(worker, "g", "compensate", 7), BUS_OK, STORE_RUN);
    assert_told(step(worker, "g", "compensate", 7), BUS_OK, STORE_REPEAT);
    assert_int_equal(stock(scene), 10);
    assert_told(step(worker, "g", "action", -7), BUS_OK, STORE_REPEAT);
    assert_int_equal(stock(scene), 10);
}

static void marks_are_dtms(void **state)
{
    struct scene *scene = *state;
    step(&scene->worker, "g", "action", -1);
    step(&scene->worker, "h", "cancel", 1);
    assert_string_equal(redis_server_ask(&scene->server, "EXISTS",
                                         "g-01-action-01", "h-01-cancel-01",
                                         NULL),
                        "2");
    assert_string_equal(
        redis_server_ask(&scene->server, "GET", "h-01-try-01", NULL, NULL),
        "rollback");
    assert_in_range(atoi(redis_server_ask(&scene->server, "TTL",
                                          "g-01-action-01", NULL, NULL)),
                    50, 60);
}

static void a_compensation_without_its_action_is_null(void **state)
{
    struct scene *scene = *state;
    assert_told(step(&scene->worker, "g", "compensate", 7), BUS_OK, STORE_NULL);
    assert_int_equal(stock(scene), 10);
    /* and the action that hung on the way does nothing any more */
    assert_told(step(&scene->worker, "g", "action", -7), BUS_ABORTED,
                STORE_LATE);
    assert_int_equal(stock(scene), 10);
}

static void too_little_is_refused_and_leaves_no_trace(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(step(&scene->worker, "g", "action", -11).code,
                     BUS_ABORTED);
    assert_int_equal(stock(scene), 10);
    assert_told(step(&scene->worker, "g", "compensate", 11), BUS_OK,
                STORE_NULL);
    redis_server_ask(&scene->server, "DEL", "stock", NULL, NULL);
    assert_int_equal(step(&scene->worker, "h", "action", 1).code, BUS_ABORTED);
}

static void a_messages_local_part_happened_or_never_will(void **state)
{
    struct scene *scene = *state;
    const struct barrier_amount amount = {"stock", -1, 60 * BUS_SECOND};
    struct bus_call *call;
    assert_told(step(&scene->worker, "g", "msg", -1), BUS_OK, STORE_RUN);
    call = worker_step(&scene->worker, "g", "msg");
    assert_int_equal(barrier_redis_query(call, &amount), BUS_OK);
    call = worker_step(&scene->worker, "h", "msg");
    assert_int_equal(barrier_redis_query(call, &amount), BUS_ABORTED);
    assert_told(step(&scene->worker, "h", "msg", -1), BUS_ABORTED, STORE_LATE);
    assert_int_equal(stock(scene), 9);
}

struct racer {
    struct store_shared *shared;
    const char *gid, *op;
    struct told told;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct worker worker;
    worker_open(&worker, racer->shared);
    racer->told = step(&worker, racer->gid, racer->op,
                       strcmp(racer->op, "action") == 0 ? -1 : 1);
    worker_close(&worker);
    return NULL;
}

/* Actions and compensations of one step at once, in every order: in the end
 * nothing is changed, or the compensation came first and the action is late. */
static void of_several_at_once_one_counts(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < RACES; i++) {
        struct racer racers[RACERS];
        pthread_t threads[RACERS];
        char gid[16];
        int runs = 0, undone = 0;
        snprintf(gid, sizeof(gid), "g%d", i);
        for (int k = 0; k < RACERS; k++) {
            racers[k] = (struct racer){.shared = scene->shared,
                                       .gid = gid,
                                       .op = k % 2 ? "compensate" : "action"};
            pthread_create(&threads[k], NULL, race, &racers[k]);
        }
        for (int k = 0; k < RACERS; k++) {
            pthread_join(threads[k], NULL);
            bool ran = racers[k].told.code == BUS_OK &&
                       racers[k].told.verdict == STORE_RUN;
            runs += ran && k % 2 == 0;
            undone += ran && k % 2 == 1;
        }
        assert_in_range(runs, 0, 1);
        assert_int_equal(runs, undone);
        assert_int_equal(stock(scene), 10);
    }
}

static void without_redis_or_a_saga_it_is_refused(void **state)
{
    struct scene *scene = *state;
    struct worker plain;
    struct bus_call *call;
    enum store_verdict verdict;
    const struct barrier_amount amount = {"stock", -1, 60 * BUS_SECOND};
    call = worker_call(&scene->worker, &person_write_method);
    assert_int_equal(barrier_redis_adjust(call, &amount, &verdict),
                     BUS_FAILED_PRECONDITION);
    worker_open(&plain, scene->world.shared);
    assert_int_equal(step(&plain, "g", "action", -1).code,
                     BUS_FAILED_PRECONDITION);
    worker_close(&plain);
    redis_server_kill(&scene->server);
    assert_int_equal(step(&scene->worker, "g", "action", -1).code,
                     BUS_UNAVAILABLE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_action_counts_once_and_is_undone_once),
        T(marks_are_dtms),
        T(a_compensation_without_its_action_is_null),
        T(too_little_is_refused_and_leaves_no_trace),
        T(a_messages_local_part_happened_or_never_will),
        T(of_several_at_once_one_counts),
        T(without_redis_or_a_saga_it_is_refused),
    };
    return redis_server_wanted() ? cmocka_run_group_tests(tests, NULL, NULL)
                                 : 0;
}
