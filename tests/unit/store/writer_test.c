/* SPDX-License-Identifier: MIT
 *
 * Transactions of one process that meet at the writer's place: they share a
 * commit, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "actors/store/writer.h"
#include "bus/code.h"
#include "tests/unit/store/fixture.h"

#define TURNS 3
#define SHORT (50 * BUS_MILLI)

static const struct sql_driver *const driver = &sql_sqlite;

struct note {
    int64_t id;
};

static const struct bus_field note_fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .offset = offsetof(struct note, id),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape note_shape = {"note", sizeof(struct note), 1,
                                            note_fields};

struct scene {
    struct world world;
    struct sql *sql; /* who is in the place while the others come */
    struct writer *place;
    const volatile _Atomic uint32_t *commits;
    uint32_t commits_before;
    int after; /* hooks that ran */
    struct bus_error err;
};

/* Somebody else's transaction, on a thread of its own. */
struct turn {
    struct scene *scene;
    const char *text;
    int64_t wait_ns; /* of the statement; 0: long */
    bool gives_up;
    pthread_t thread;
    bool in_company;
    int code, exec_code;
    struct bus_error err;
};

static int64_t in(int64_t ns)
{
    return bus_now(&bus_clock_system) + ns;
}

static struct sql *connect(struct scene *scene)
{
    struct sql *sql = NULL;
    if (driver->open(scene->world.source, &sql, &scene->err) != BUS_OK)
        fail_msg("%s", scene->err.sentence);
    return sql;
}

static void after(void *arg, bool committed)
{
    struct scene *scene = arg;
    scene->after += committed;
}

static const struct sql_hooks hooks = {.after = after};

static void *take_turn(void *arg)
{
    struct turn *turn = arg;
    struct sql *sql = connect(turn->scene);
    driver->on_commit(sql, &hooks, turn->scene);
    turn->code = driver->begin(sql, in(SOON), &turn->err);
    if (turn->code == BUS_OK) {
        turn->in_company = driver->in_company(sql);
        turn->exec_code = driver->exec(sql, turn->text, NULL, 0,
                                       in(turn->wait_ns ? turn->wait_ns : SOON),
                                       NULL, &turn->err);
        if (turn->gives_up)
            driver->rollback(sql);
        else
            turn->code = driver->commit(sql, &turn->err);
    }
    driver->close(sql);
    return NULL;
}

/* The scene's own work is done, and so many wait. */
static void gather(struct scene *scene, struct turn *turns, unsigned count)
{
    assert_int_equal(driver->begin(scene->sql, in(SOON), &scene->err), BUS_OK);
    assert_false(driver->in_company(scene->sql));
    assert_int_equal(driver->exec(scene->sql, "insert into note values (1)",
                                  NULL, 0, in(SOON), NULL, &scene->err),
                     BUS_OK);
    scene->commits_before = atomic_load(scene->commits);
    for (unsigned i = 0; i < count; i++) {
        turns[i].scene = scene;
        pthread_create(&turns[i].thread, NULL, take_turn, &turns[i]);
    }
    while (writer_waiting(scene->place) < count)
        sched_yield();
}

static void join(struct turn *turns, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        pthread_join(turns[i].thread, NULL);
}

static int64_t sum(struct scene *scene)
{
    struct bus_arena arena;
    struct bus_list rows = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    assert_int_equal(driver->query(scene->sql,
                                   "select ifnull(sum(id), 0) as id from note",
                                   NULL, 0, in(SOON), &note_shape, 1, &arena,
                                   &rows, &scene->err),
                     BUS_OK);
    int64_t id = ((struct note *)rows.items)->id;
    bus_arena_release(&arena);
    return id;
}

static int scene_open(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    world_open(&scene->world, false);
    scene->sql = connect(scene);
    driver->on_commit(scene->sql, &hooks, scene);
    scene->place = writer_get(scene->world.source + strlen("sqlite:"), NULL);
    writer_patience(scene->place, SOON);
    assert_int_equal(driver->begin(scene->sql, in(SOON), &scene->err), BUS_OK);
    assert_int_equal(driver->exec(scene->sql,
                                  "create table note (id integer primary key)",
                                  NULL, 0, in(SOON), NULL, &scene->err),
                     BUS_OK);
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_OK);
    scene->after = 0;
    scene->commits = driver->commits(scene->sql);
    assert_non_null(scene->commits);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    writer_put(scene->place);
    driver->close(scene->sql);
    world_close(&scene->world);
    test_free(scene);
    return 0;
}

/* ---- success ---- */

static void those_who_wait_share_a_commit(void **state)
{
    struct scene *scene = *state;
    struct turn turns[TURNS] = {{.text = "insert into note values (10)"},
                                {.text = "insert into note values (100)"},
                                {.text = "insert into note values (1000)"}};
    gather(scene, turns, TURNS);
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_OK);
    join(turns, TURNS);
    for (int i = 0; i < TURNS; i++) {
        assert_int_equal(turns[i].code, BUS_OK);
        assert_true(turns[i].in_company);
    }
    assert_int_equal(sum(scene), 1111);
    assert_int_equal(atomic_load(scene->commits) - scene->commits_before, 1);
    assert_int_equal(scene->after, 1 + TURNS);
}

static void who_gives_up_undoes_its_own_work_only(void **state)
{
    struct scene *scene = *state;
    struct turn turns[TURNS] = {
        {.text = "insert into note values (10)", .gives_up = true},
        {.text = "insert into note values (100)"},
        {.text = "insert into note values (1)"}}; /* refused: a duplicate */
    gather(scene, turns, TURNS);
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_OK);
    join(turns, TURNS);
    assert_int_equal(turns[1].code, BUS_OK);
    assert_int_equal(turns[2].exec_code, BUS_ALREADY_EXISTS);
    assert_int_equal(sum(scene), 101);
    assert_int_equal(atomic_load(scene->commits) - scene->commits_before, 1);
}

static void the_last_one_need_not_commit(void **state)
{
    struct scene *scene = *state;
    struct turn turn = {.text = "insert into note values (10)",
                        .gives_up = true};
    gather(scene, &turn, 1);
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_OK);
    join(&turn, 1);
    assert_true(turn.in_company);
    assert_int_equal(sum(scene), 1);
    assert_int_equal(scene->after, 1);
}

static void an_old_group_is_joined_by_nobody(void **state)
{
    struct scene *scene = *state;
    struct turn turn = {.text = "insert into note values (10)"};
    writer_patience(scene->place, 0);
    gather(scene, &turn, 1);
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_OK);
    join(&turn, 1);
    assert_false(turn.in_company);
    assert_int_equal(sum(scene), 11);
    assert_int_equal(atomic_load(scene->commits) - scene->commits_before, 2);
}

/* ---- failure ---- */

/* SQLite ends the whole transaction when it interrupts a statement that writes:
 * nobody hears that it is done. */
static void an_interrupted_write_takes_the_others_along(void **state)
{
    struct scene *scene = *state;
    struct turn turn = {
        .text = "insert into note with recursive n(id) as (select 2 union all "
                "select id + 1 from n) select id from n",
        .wait_ns = SHORT};
    gather(scene, &turn, 1);
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_UNAVAILABLE);
    assert_non_null(strstr(scene->err.sentence, "shared"));
    join(&turn, 1);
    assert_int_equal(turn.code, BUS_DEADLINE_EXCEEDED);
    assert_int_equal(scene->after, 0);
    assert_int_equal(sum(scene), 0);
    gather(scene, NULL, 0); /* the place is free, and works */
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_OK);
    assert_int_equal(sum(scene), 1);
}

/* Reading changes nothing: there the deadline is the reader's own affair. */
static void an_interrupted_read_leaves_the_others_alone(void **state)
{
    struct scene *scene = *state;
    struct turn turn = {.text =
                            "with recursive n(id) as (select 2 union all "
                            "select id + 1 from n) select max(id) as id from n",
                        .wait_ns = SHORT};
    gather(scene, &turn, 1);
    assert_int_equal(driver->commit(scene->sql, &scene->err), BUS_OK);
    join(&turn, 1);
    assert_int_equal(turn.code, BUS_DEADLINE_EXCEEDED);
    assert_int_equal(sum(scene), 1);
}

static int commit_fails(void *kept, struct writer_member *members,
                        struct bus_error *err)
{
    (void)kept;
    assert_non_null(members->next);
    return bus_error_set(err, BUS_UNAVAILABLE, "no room");
}

struct failing {
    struct writer *writer;
    int code;
    struct bus_error err;
};

static void *fail_in_thread(void *arg)
{
    struct failing *failing = arg;
    struct writer_member member;
    assert_int_equal(writer_enter(failing->writer, in(SOON)), WRITER_JOINED);
    failing->code = writer_commit(failing->writer, &member, &failing->err);
    return NULL;
}

static void a_failed_commit_is_everybodys(void **state)
{
    static const struct writer_driver fails = {.commit = commit_fails};
    struct writer *writer = writer_get("nowhere", &fails);
    struct failing failing = {.writer = writer};
    struct writer_member member;
    struct bus_error err;
    pthread_t thread;
    (void)state;
    writer_patience(writer, SOON);
    assert_int_equal(writer_enter(writer, in(SOON)), WRITER_FIRST);
    pthread_create(&thread, NULL, fail_in_thread, &failing);
    while (writer_waiting(writer) == 0)
        sched_yield();
    assert_int_equal(writer_commit(writer, &member, &err), BUS_UNAVAILABLE);
    pthread_join(thread, NULL);
    assert_int_equal(failing.code, BUS_UNAVAILABLE);
    assert_string_equal(err.sentence, "no room");
    assert_string_equal(failing.err.sentence, "no room");
    assert_int_equal(writer_enter(writer, in(SOON)), WRITER_FIRST);
    writer_leave(writer);
    writer_put(writer);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(those_who_wait_share_a_commit),
        T(who_gives_up_undoes_its_own_work_only),
        T(the_last_one_need_not_commit),
        T(an_old_group_is_joined_by_nobody),
        T(an_interrupted_write_takes_the_others_along),
        T(an_interrupted_read_leaves_the_others_alone),
        cmocka_unit_test(a_failed_commit_is_everybodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
