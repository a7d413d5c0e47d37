/* SPDX-License-Identifier: MIT
 *
 * Workers on their threads: private state, several at once, drain points, what
 * a full or closed mailbox answers, and a stop that answers all it accepted.
 */
#include "actors/runtime/worker.h"

#include "actors/runtime/system.h"
#include "tests/unit/runtime/fake.h"

#define WORKERS 3

/* Handlers wait here until the test lets them go. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int inside;
    bool open;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};

static int flushes_at_gate;

static int gate_handler(struct bus_call *call, const void *request, void *reply)
{
    (void)call;
    (void)request;
    (void)reply;
    pthread_mutex_lock(&gate.lock);
    gate.inside++;
    flushes_at_gate = fake.flushes;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return BUS_OK;
}

static void gate_await(int inside)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.inside < inside)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static int quick_handler(struct bus_call *call, const void *request,
                         void *reply)
{
    (void)request;
    ((struct fake_note_out *)reply)->text = "quick";
    (*(int *)call->state)++;
    return BUS_OK;
}

static int states[WORKERS];
static int opened, closed, open_fails_at = -1;

static int note_open(struct actor_worker *worker, const void *config,
                     void **ret_state)
{
    (void)config;
    if (worker->index == open_fails_at)
        return BUS_UNAVAILABLE;
    *ret_state = &states[worker->index];
    __atomic_add_fetch(&opened, 1, __ATOMIC_SEQ_CST);
    return BUS_OK;
}

static void note_close(void *state)
{
    assert_true(state >= (void *)states && state < (void *)(states + WORKERS));
    __atomic_add_fetch(&closed, 1, __ATOMIC_SEQ_CST);
}

static const struct bus_method methods[] = {
    {"note", "quick", NULL, NULL, &fake_out, 0, ""},
    {"note", "gate", NULL, NULL, NULL, 0, ""},
};
static const struct actor_method table[] = {
    {&methods[0], quick_handler, NULL},
    {&methods[1], gate_handler, NULL},
};
static const struct actor_type note_actor = {.name = "note",
                                             .version = "1",
                                             .methods = table,
                                             .count = 2,
                                             .open = note_open,
                                             .close = note_close};

static struct runtime runtime;

static int set_up(void **state)
{
    (void)state;
    opened = closed = 0;
    open_fails_at = -1;
    gate.inside = 0;
    gate.open = false;
    memset(states, 0, sizeof(states));
    fake_runtime(&runtime, &note_actor, WORKERS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gate_open();
    workers_stop(&runtime);
    fake_runtime_free(&runtime);
    return 0;
}

static void start(void)
{
    struct bus_error err;
    assert_int_equal(workers_start(&runtime, &err), BUS_OK);
}

static void put(const char *method)
{
    runtime_serve(&runtime, fake_inbound(method, NULL));
}

static void every_worker_has_its_own_state(void **state)
{
    (void)state;
    start();
    assert_int_equal(opened, WORKERS);
    for (size_t i = 1; i <= 20; i++) {
        put("quick");
        fake_await(i);
        assert_string_equal(fake_text(&fake.replies[i - 1]), "quick");
    }
    workers_stop(&runtime);
    assert_int_equal(states[0] + states[1] + states[2], 20);
    assert_int_equal(closed, WORKERS);
}

static void slow_handlers_run_side_by_side(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < WORKERS; i++)
        put("gate");
    gate_await(WORKERS); /* all of them inside at once */
    gate_open();
    fake_await(WORKERS);
}

static void a_reply_leaves_before_a_slow_handler_runs(void **state)
{
    (void)state;
    /* Both wait in the mailbox; one worker takes them in order. */
    runtime.process.workers = 1;
    put("quick");
    put("gate");
    start();
    gate_await(1);
    assert_int_equal(fake.count, 1);
    assert_true(flushes_at_gate >= 1);
    runtime.process.workers = 1;
}

static void a_reply_leaves_when_nothing_else_waits(void **state)
{
    (void)state;
    start();
    put("quick");
    fake_await(1);
    workers_stop(&runtime);
    assert_true(fake.flushes >= 1);
}

static void stopping_answers_all_that_was_accepted(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        put("quick");
    start();
    workers_stop(&runtime);
    assert_int_equal(fake.count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(fake.replies[i].error.code, BUS_OK);
}

/* ---- failures ---- */

static void a_full_mailbox_refuses_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) /* nobody takes any; four fit */
        put("quick");
    assert_int_equal(fake.count, 1);
    assert_int_equal(fake.replies[0].error.code, BUS_RESOURCE_EXHAUSTED);
    assert_string_equal(fake.replies[0].error.reason, "busy");
    assert_int_equal(runtime.refused, 1);
    assert_int_equal(fake.flushes, 1);
    start();
    fake_await(5);
}

static void a_stopped_actor_refuses_as_draining(void **state)
{
    (void)state;
    start();
    workers_stop(&runtime);
    put("quick");
    assert_int_equal(fake.replies[0].error.code, BUS_UNAVAILABLE);
    assert_string_equal(fake.replies[0].error.reason, "draining");
}

static void what_waited_too_long_is_not_executed(void **state)
{
    (void)state;
    put("quick");
    fake.now += 20 * BUS_SECOND;
    start();
    fake_await(1);
    assert_int_equal(fake.replies[0].error.code, BUS_DEADLINE_EXCEEDED);
    workers_stop(&runtime);
    assert_int_equal(states[0] + states[1] + states[2], 0);
}

static void a_worker_that_does_not_open_ends_the_start(void **state)
{
    (void)state;
    struct bus_error err;
    open_fails_at = 1;
    assert_int_equal(workers_start(&runtime, &err), BUS_UNAVAILABLE);
    assert_string_equal(err.sentence,
                        "note_open of worker 1 failed: UNAVAILABLE");
    workers_stop(&runtime);
    assert_int_equal(opened, WORKERS - 1);
    assert_int_equal(closed, WORKERS - 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_worker_has_its_own_state),
        TEST(slow_handlers_run_side_by_side),
        TEST(a_reply_leaves_before_a_slow_handler_runs),
        TEST(a_reply_leaves_when_nothing_else_waits),
        TEST(stopping_answers_all_that_was_accepted),
        TEST(a_full_mailbox_refuses_at_once),
        TEST(a_stopped_actor_refuses_as_draining),
        TEST(what_waited_too_long_is_not_executed),
        TEST(a_worker_that_does_not_open_ends_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
