/* SPDX-License-Identifier: MIT
 *
 * The supervisor's mind in a made-up world: processes are numbers, time stands
 * still until it is moved. Order of start and stop, repair, back-off, scaling,
 * rolling restarts, reload.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "actors/supervisor/super.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/log.h"

#define MS BUS_MILLI

struct fake {
    struct super super;
    int64_t now;
    int next_pid;
    bool refuse_spawn;
    char log[4096]; /* "+a1 -a1 !a1": spawned, told to stop, killed */
};

static struct fake fake;

static int64_t fake_now(void *arg)
{
    (void)arg;
    return fake.now;
}

static const struct bus_clock clock_fake = {fake_now, fake_now, NULL};

static void note(char what, const struct super_instance *instance)
{
    size_t len = strlen(fake.log);
    snprintf(fake.log + len, sizeof(fake.log) - len, "%s%c%s%d", len ? " " : "",
             what, instance->actor->spec->name, instance->number);
}

static int fake_spawn(void *arg, struct super_instance *instance,
                      char cause[SUPER_CAUSE_MAX])
{
    (void)arg;
    if (fake.refuse_spawn) {
        snprintf(cause, SUPER_CAUSE_MAX, "could not be started");
        return -1;
    }
    note('+', instance);
    return ++fake.next_pid;
}

static void fake_signal(void *arg, struct super_instance *instance, int signo)
{
    (void)arg;
    note(signo == SIGKILL ? '!' : '-', instance);
}

static void fake_changed(void *arg, const struct super_instance *instance)
{
    (void)arg;
    (void)instance;
}

static void fake_forget(void *arg, struct super_instance *instance)
{
    (void)arg;
    assert_int_equal(instance->pid, 0);
}

static uint64_t fake_random(void *arg)
{
    (void)arg;
    return 0; /* the low end of the jitter */
}

static const struct super_world world = {fake_spawn,  fake_signal, fake_changed,
                                         fake_forget, fake_random, &clock_fake,
                                         NULL};

/* A topology from "a:1 b:2": names and replicas. */
static struct topology *topology_of(const char *text)
{
    struct topology *topology = calloc(1, sizeof(*topology));
    assert_non_null(topology);
    bus_arena_init(&topology->arena, BUS_ARENA_LIMIT);
    topology->node = "n1";
    topology->path = "/t.yaml";
    struct topology_actor *actors =
        bus_arena_array(&topology->arena, 8, sizeof(*actors));
    size_t count = 0;
    for (const char *at = text; *at; at += strcspn(at, " "), at += *at == ' ') {
        size_t len = strcspn(at, ":");
        struct topology_actor *actor = &actors[count++];
        *actor = (struct topology_actor){
            .name = bus_arena_text_n(&topology->arena, at, len),
            .program = "/p",
            .config = "",
            .replicas = (int32_t)strtol(at + len + 1, NULL, 10),
            .workers = 4,
            .stop_timeout = 1000,
            .ready_timeout = 2000,
            .restart_first = 100,
            .restart_max = 800,
            .restart_forgive = 1000};
    }
    topology->actors = (struct bus_list){actors, count};
    return topology;
}

static void begin(const char *text)
{
    memset(&fake, 0, sizeof(fake));
    fake.now = 1000 * BUS_SECOND;
    super_init(&fake.super, &world, topology_of(text));
    super_settle(&fake.super);
}

static struct super_instance *at(const char *name, int number)
{
    struct super_actor *actor = super_find(&fake.super, name);
    assert_non_null(actor);
    assert_non_null(actor->instances[number - 1]);
    return actor->instances[number - 1];
}

static void ready(const char *name, int number)
{
    super_said(&fake.super, at(name, number), "ready");
}

static void dies(const char *name, int number)
{
    super_exited(&fake.super, at(name, number), 0, SIGKILL);
}

static void leaves(const char *name, int number)
{
    super_exited(&fake.super, at(name, number), 0, 0);
}

/* What happened since the last look. */
static void saw(const char *expected)
{
    assert_string_equal(fake.log, expected);
    fake.log[0] = '\0';
}

static void pass(int64_t ms)
{
    fake.now += ms * MS;
    super_tick(&fake.super);
}

/* Everything still there goes, so that nothing leaks. */
static void finish(void)
{
    struct super *super = &fake.super;
    super_down(super);
    while (!super_ended(super)) {
        for (size_t i = 0; i < super->count; i++) {
            struct super_actor *actor = super->actors[i];
            for (int k = actor->count; k > 0; k--) {
                struct super_instance *instance =
                    k <= actor->count ? actor->instances[k - 1] : NULL;
                if (instance && instance->pid)
                    super_exited(super, instance, 0, 0);
            }
        }
    }
    super_release(super);
}

static void actors_start_in_order_each_after_the_one_before(void **state)
{
    (void)state;
    begin("a:1 b:2 c:1");
    saw("+a1");
    ready("a", 1);
    saw("+b1 +b2");
    ready("b", 2);
    saw("");
    ready("b", 1);
    saw("+c1");
    struct bus_error err;
    assert_int_equal(super_reached(&fake.super, NULL, &err),
                     BUS_FAILED_PRECONDITION);
    ready("c", 1);
    assert_int_equal(super_reached(&fake.super, NULL, &err), BUS_OK);
    finish();
}

static void they_stop_in_reverse_one_actor_at_a_time(void **state)
{
    (void)state;
    begin("a:1 b:2");
    ready("a", 1);
    ready("b", 1);
    ready("b", 2);
    saw("+a1 +b1 +b2");
    super_down(&fake.super);
    saw("-b2 -b1");
    leaves("b", 1);
    saw("");
    leaves("b", 2);
    saw("-a1");
    assert_false(super_ended(&fake.super));
    leaves("a", 1);
    assert_true(super_ended(&fake.super));
    super_release(&fake.super);
}

static void who_does_not_stop_in_time_is_killed(void **state)
{
    (void)state;
    begin("a:1");
    ready("a", 1);
    super_down(&fake.super);
    saw("+a1 -a1");
    pass(999);
    saw("");
    pass(1);
    saw("!a1");
    pass(10000);
    saw("");
    dies("a", 1);
    assert_true(super_ended(&fake.super));
    super_release(&fake.super);
}

static void a_ready_one_that_dies_is_repaired_at_once(void **state)
{
    (void)state;
    begin("a:1 b:1");
    ready("a", 1);
    ready("b", 1);
    saw("+a1 +b1");
    dies("a", 1);
    saw("+a1"); /* alone, and b goes on */
    assert_int_equal(at("a", 1)->restarts, 1);
    assert_string_equal(at("a", 1)->cause, "was killed by signal 9 (Killed)");
    assert_int_equal(at("b", 1)->state, LIFE_READY);
    finish();
}

static void a_second_death_waits_and_health_forgives(void **state)
{
    (void)state;
    begin("a:1");
    ready("a", 1);
    dies("a", 1);
    ready("a", 1);
    saw("+a1 +a1");
    dies("a", 1);
    saw("");
    assert_int_equal(super_due(&fake.super), fake.now + 80 * MS);
    pass(79);
    saw("");
    pass(1);
    saw("+a1");
    ready("a", 1);
    pass(2000); /* two failures, two seconds ready */
    dies("a", 1);
    saw("+a1");
    finish();
}

static void who_never_gets_ready_is_killed_and_tried_for_ever(void **state)
{
    (void)state;
    begin("a:1");
    for (int i = 0; i < 20; i++) {
        pass(2000);
        saw(i ? "+a1 !a1" : "+a1 !a1");
        dies("a", 1);
        assert_string_equal(at("a", 1)->cause, "was not ready within 2000 ms");
        pass(800);
        pass(0);
        if (i < 19)
            assert_int_equal(at("a", 1)->state, LIFE_STARTING);
    }
    finish();
}

static void whoever_waits_is_told_after_three_failures(void **state)
{
    (void)state;
    struct bus_error err;
    begin("a:1");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(super_reached(&fake.super, "a", &err),
                         BUS_FAILED_PRECONDITION);
        super_exited(&fake.super, at("a", 1), 7, 0);
        if (i < 2)
            pass(800);
    }
    assert_int_equal(super_reached(&fake.super, "a", &err), BUS_UNAVAILABLE);
    assert_string_equal(err.sentence,
                        "a#1 failed 3 times in a row: it exited with status 7");
    finish();
}

static void exit_status_two_before_ready_is_told_at_once(void **state)
{
    (void)state;
    struct bus_error err;
    begin("a:1");
    super_exited(&fake.super, at("a", 1), 2, 0);
    assert_int_equal(super_reached(&fake.super, NULL, &err),
                     BUS_INVALID_ARGUMENT);
    finish();
}

static void a_program_that_cannot_be_started_backs_off(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    fake.refuse_spawn = true;
    super_init(&fake.super, &world, topology_of("a:1"));
    super_settle(&fake.super);
    assert_int_equal(at("a", 1)->state, LIFE_BACKING_OFF);
    assert_string_equal(at("a", 1)->cause, "could not be started");
    fake.refuse_spawn = false;
    pass(80);
    saw("+a1");
    finish();
}

static void scaling_adds_and_drains_the_highest(void **state)
{
    (void)state;
    struct bus_error err;
    begin("a:1");
    ready("a", 1);
    saw("+a1");
    assert_int_equal(super_scale(&fake.super, "a", 3, &err), BUS_OK);
    saw("+a2 +a3");
    assert_int_equal(super_reached(&fake.super, "a", &err),
                     BUS_FAILED_PRECONDITION);
    ready("a", 2);
    ready("a", 3);
    assert_int_equal(super_reached(&fake.super, "a", &err), BUS_OK);
    assert_int_equal(super_scale(&fake.super, "a", 1, &err), BUS_OK);
    saw("-a3 -a2");
    leaves("a", 2);
    assert_int_equal(super_reached(&fake.super, "a", &err),
                     BUS_FAILED_PRECONDITION);
    leaves("a", 3);
    assert_int_equal(super_reached(&fake.super, "a", &err), BUS_OK);
    assert_int_equal(super_find(&fake.super, "a")->count, 1);
    finish();
}

static void scaling_up_while_draining_starts_again(void **state)
{
    (void)state;
    struct bus_error err;
    begin("a:2");
    ready("a", 1);
    ready("a", 2);
    super_scale(&fake.super, "a", 1, &err);
    super_scale(&fake.super, "a", 2, &err);
    saw("+a1 +a2 -a2");
    leaves("a", 2);
    saw("+a2");
    finish();
}

static void scaling_is_checked(void **state)
{
    (void)state;
    struct bus_error err;
    begin("a:1");
    assert_int_equal(super_scale(&fake.super, "x", 1, &err), BUS_NOT_FOUND);
    assert_string_equal(err.reason, "no_such_actor");
    assert_int_equal(super_scale(&fake.super, "a", -1, &err), BUS_OUT_OF_RANGE);
    assert_int_equal(super_scale(&fake.super, "a", 257, &err),
                     BUS_OUT_OF_RANGE);
    finish();
}

static void a_restart_rolls(void **state)
{
    (void)state;
    struct bus_error err;
    begin("a:2");
    ready("a", 1);
    ready("a", 2);
    saw("+a1 +a2");
    assert_int_equal(super_restart(&fake.super, "a", &err), BUS_OK);
    saw("-a1");
    leaves("a", 1);
    saw("+a1"); /* a2 serves until a1 is ready */
    ready("a", 1);
    saw("-a2");
    leaves("a", 2);
    saw("+a2");
    assert_int_equal(super_reached(&fake.super, "a", &err),
                     BUS_FAILED_PRECONDITION);
    ready("a", 2);
    saw("");
    assert_int_equal(super_reached(&fake.super, "a", &err), BUS_OK);
    finish();
}

static void a_reload_adds_removes_and_keeps(void **state)
{
    (void)state;
    struct bus_error err;
    begin("a:1 b:1");
    ready("a", 1);
    ready("b", 1);
    saw("+a1 +b1");
    assert_int_equal(super_reload(&fake.super, topology_of("c:1 a:2"), &err),
                     BUS_OK);
    saw("+c1 +a2 -b1");
    assert_null(super_find(&fake.super, "b"));
    ready("c", 1);
    ready("a", 2);
    struct topology *early = topology_of("c:1 a:2");
    assert_int_equal(super_reload(&fake.super, early, &err),
                     BUS_FAILED_PRECONDITION);
    topology_free(early);
    finish();
}

static void a_bad_stats_line_changes_nothing(void **state)
{
    (void)state;
    begin("a:1");
    super_said(&fake.super, at("a", 1), "stats {\"busy\":3,\"calls\":7}");
    super_said(&fake.super, at("a", 1), "stats {\"busy\":");
    super_said(&fake.super, at("a", 1), "hello");
    super_said(&fake.super, at("a", 1), "");
    assert_int_equal(at("a", 1)->stats.busy, 3);
    assert_int_equal(at("a", 1)->stats.calls, 7);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actors_start_in_order_each_after_the_one_before),
        cmocka_unit_test(they_stop_in_reverse_one_actor_at_a_time),
        cmocka_unit_test(who_does_not_stop_in_time_is_killed),
        cmocka_unit_test(a_ready_one_that_dies_is_repaired_at_once),
        cmocka_unit_test(a_second_death_waits_and_health_forgives),
        cmocka_unit_test(who_never_gets_ready_is_killed_and_tried_for_ever),
        cmocka_unit_test(whoever_waits_is_told_after_three_failures),
        cmocka_unit_test(exit_status_two_before_ready_is_told_at_once),
        cmocka_unit_test(a_program_that_cannot_be_started_backs_off),
        cmocka_unit_test(scaling_adds_and_drains_the_highest),
        cmocka_unit_test(scaling_up_while_draining_starts_again),
        cmocka_unit_test(scaling_is_checked),
        cmocka_unit_test(a_restart_rolls),
        cmocka_unit_test(a_reload_adds_removes_and_keeps),
        cmocka_unit_test(a_bad_stats_line_changes_nothing),
    };
    bus_log_level(BUS_LOG_SEVERE); /* deaths are loud */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
