/* SPDX-License-Identifier: MIT
 *
 * The journal on a MySQL or MariaDB that several orchestrators share, where
 * TROUPE_TEST_MYSQL names a server's socket (tests/live/mysql/run); otherwise
 * every test is skipped. Owners expire by a statement, not by waiting.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/saga/journal_mysql.h"
#include "actors/saga/journal_search.h"
#include "bus/clock.h"
#include "bus/code.h"

#define MANY 150 /* rows: statements of every size */
#define OWNERS 3

struct scene {
    char database[64];
    char source[256];
    struct journal *journals[OWNERS];
};

static void on_done(void *arg, struct journal_job *job)
{
    (void)arg;
    (void)job;
}

static void statement(const char *source, const char *text)
{
    struct sql *sql = NULL;
    struct bus_error err = {0};
    assert_int_equal(sql_mysql.open(source, &sql, &err), BUS_OK);
    if (sql_mysql.define(sql, text, &err) != BUS_OK)
        fail_msg("%s: %s", text, err.sentence);
    sql_mysql.close(sql);
}

static void start(struct scene *scene, int index, const char *owner)
{
    const struct journal_options options = {
        .driver = &sql_mysql,
        .source = scene->source,
        .owner = owner,
        .clock = &bus_clock_system,
        .done = on_done,
        .inline_ = true,
    };
    struct bus_error err = {0};
    if (journal_open(&options, &scene->journals[index], &err))
        fail_msg("%s", err.sentence);
}

static void stop(struct scene *scene, int index)
{
    if (scene->journals[index])
        journal_close(scene->journals[index]);
    scene->journals[index] = NULL;
}

static int scene_open(void **state)
{
    static unsigned number;
    const char *socket = getenv("TROUPE_TEST_MYSQL");
    struct scene *scene = test_calloc(1, sizeof(*scene));
    *state = scene;
    if (!socket)
        return 0;
    char text[128], server[256];
    snprintf(scene->database, sizeof(scene->database), "saga_%d_%u",
             (int)getpid(), number++);
    snprintf(server, sizeof(server), "root@unix(%s)/", socket);
    snprintf(text, sizeof(text), "create database %s", scene->database);
    statement(server, text);
    snprintf(scene->source, sizeof(scene->source), "root@unix(%s)/%s", socket,
             scene->database);
    start(scene, 0, "a");
    start(scene, 1, "b");
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < OWNERS; i++)
        stop(scene, i);
    test_free(scene);
    return 0;
}

static struct scene *scene_of(void **state)
{
    if (!getenv("TROUPE_TEST_MYSQL"))
        skip();
    return *state;
}

static int run(struct scene *scene, int index, struct journal_job *job)
{
    journal_do(scene->journals[index], job);
    return job->code;
}

static struct journal_row row(const char *gid, int64_t due, const char *status)
{
    static const uint8_t state[] = {0x93, 1, 2, 3};
    return (struct journal_row){.gid = gid,
                                .name = "register",
                                .status = status,
                                .finished = status[0] == 'd',
                                .due = due,
                                .created = due,
                                .updated = due + 1,
                                .state = {state, sizeof(state)}};
}

static struct journal_job commit(struct journal_row *rows, size_t count)
{
    return (struct journal_job){
        .kind = JOURNAL_COMMIT, .rows = rows, .count = count};
}

static void write_one(struct scene *scene, int index, struct journal_row one)
{
    struct journal_job job = commit(&one, 1);
    assert_int_equal(run(scene, index, &job), BUS_OK);
}

static struct journal_job ask(enum journal_kind kind, const char *gid)
{
    struct journal_job job = {.kind = kind, .limit = 10};
    snprintf(job.gid, sizeof(job.gid), "%s", gid);
    job.after = INT64_MIN;
    bus_arena_init(&job.arena, BUS_ARENA_LIMIT);
    return job;
}

/* Its status and whose it is; "" if there is none. */
static void assert_found(struct scene *scene, int index, const char *gid,
                         const char *status, bool foreign)
{
    struct journal_job job = ask(JOURNAL_FIND, gid);
    assert_int_equal(run(scene, index, &job), BUS_OK);
    assert_int_equal(job.found_count, status[0] != '\0');
    if (status[0]) {
        assert_string_equal(job.found[0].status, status);
        assert_int_equal(job.found[0].foreign, foreign);
        assert_int_equal(job.found[0].state.len, 4);
    }
    bus_arena_release(&job.arena);
}

static void expire(struct scene *scene, const char *owner)
{
    char text[128];
    snprintf(text, sizeof(text),
             "update saga_owner set until = 1 where name = '%s'", owner);
    statement(scene->source, text);
}

/* --- success --- */

static void writes_many_and_changes_them(void **state)
{
    struct scene *scene = scene_of(state);
    static char gids[MANY][8];
    struct journal_row rows[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(gids[i], sizeof(gids[i]), "g%03d", i);
        rows[i] = row(gids[i], i, "running");
        rows[i].contested = true;
    }
    struct journal_job job = commit(rows, MANY);
    int64_t before = bus_now(&bus_clock_system);
    assert_int_equal(run(scene, 0, &job), BUS_OK);
    assert_true(job.leased >= before + JOURNAL_LEASE_MS * BUS_MILLI);
    for (int i = 0; i < MANY; i++) {
        assert_false(rows[i].taken);
        rows[i] = row(gids[i], i, i % 2 ? "done" : "undoing");
    }
    job = commit(rows, MANY);
    assert_int_equal(run(scene, 0, &job), BUS_OK);
    assert_found(scene, 0, "g149", "done", false);
    assert_found(scene, 0, "g000", "undoing", false);
    assert_found(scene, 1, "g148", "undoing", true);
    struct journal_job list = ask(JOURNAL_LIST, "");
    snprintf(list.status, sizeof(list.status), "undoing");
    assert_int_equal(run(scene, 1, &list), BUS_OK);
    assert_int_equal(list.found_count, 10);
    assert_string_equal(list.found[0].gid, "g148");
    bus_arena_release(&list.arena);
}

static void reads_its_own_by_due_time_in_batches(void **state)
{
    struct scene *scene = scene_of(state);
    struct journal_row rows[] = {row("c", 2, "running"), row("a", 3, "undoing"),
                                 row("b", 2, "running"), row("d", 1, "done")};
    struct journal_job job = commit(rows, 4);
    assert_int_equal(run(scene, 0, &job), BUS_OK);
    write_one(scene, 1, row("e", 0, "running"));
    job = ask(JOURNAL_DUE, "");
    job.limit = 2;
    assert_int_equal(run(scene, 0, &job), BUS_OK);
    assert_int_equal(job.found_count, 2);
    assert_string_equal(job.found[0].gid, "b");
    assert_string_equal(job.found[1].gid, "c");
    struct journal_job next = ask(JOURNAL_DUE, "c");
    next.after = 2;
    assert_int_equal(run(scene, 0, &next), BUS_OK);
    assert_int_equal(next.found_count, 1);
    assert_string_equal(next.found[0].gid, "a");
    bus_arena_release(&job.arena);
    bus_arena_release(&next.arena);
}

static void assert_search(struct scene *scene, struct journal_filter *filter,
                          const char *first, size_t count, bool more)
{
    struct journal_job job = ask(JOURNAL_SEARCH, "");
    job.filter = filter;
    assert_int_equal(run(scene, 1, &job), BUS_OK);
    assert_int_equal(job.found_count, count);
    if (count > 0)
        assert_string_equal(job.found[0].gid, first);
    assert_int_equal(job.more, more);
    bus_arena_release(&job.arena);
}

static void searches_all_of_them(void **state)
{
    struct scene *scene = scene_of(state);
    struct journal_filter any, filter;
    struct journal_row rows[] = {row("a1", 1, "done"), row("b", 2, "undone")};
    rows[1].type = "msg";
    rows[1].failing = "pay";
    rows[1].error = "ABORTED: \xc3\xbc is too much";
    struct journal_job job = commit(rows, 2);
    assert_int_equal(run(scene, 0, &job), BUS_OK);
    write_one(scene, 1, row("c", 3, "running"));
    journal_filter_init(&any);
    any.limit = 10;
#define SEARCH(first, count, ...)                                              \
    filter = any;                                                              \
    __VA_ARGS__;                                                               \
    assert_search(scene, &filter, first, count, false)
    SEARCH("c", 3, (void)0);
    SEARCH("b", 2, filter.owner = "a");
    SEARCH("c", 1, filter.owner = "b");
    SEARCH("b", 1, filter.error = "TOO much");
    SEARCH("b", 1, filter.step = "pay", filter.type = "msg");
    SEARCH("a1", 1, filter.gid = "a");
    SEARCH("b", 1, filter.before = 3, filter.before_gid = "c",
           filter.gid = "b");
#undef SEARCH
    filter = any;
    filter.look = 2;
    assert_search(scene, &filter, "c", 2, true);
}

static void restart_keeps_what_is_its_own(void **state)
{
    struct scene *scene = scene_of(state);
    write_one(scene, 0, row("x", 1, "running"));
    stop(scene, 0);
    start(scene, 0, "a");
    assert_found(scene, 0, "x", "running", false);
    write_one(scene, 0, row("x", 1, "done"));
}

static void silent_owner_is_taken_over_in_batches(void **state)
{
    struct scene *scene = scene_of(state);
    struct journal_row rows[] = {row("1", 1, "running"), row("2", 2, "running"),
                                 row("3", 3, "undoing"), row("4", 4, "done")};
    struct journal_job job = commit(rows, 4);
    assert_int_equal(run(scene, 0, &job), BUS_OK);
    expire(scene, "a");
    struct journal_job take = ask(JOURNAL_TAKE, "");
    take.limit = 2;
    assert_int_equal(run(scene, 1, &take), BUS_OK);
    assert_int_equal(take.found_count, 2);
    assert_string_equal(take.found[0].gid, "1");
    assert_false(take.found[0].foreign);
    assert_int_equal(take.found[1].state.len, 4);
    struct journal_job rest = ask(JOURNAL_TAKE, "");
    rest.limit = 2;
    assert_int_equal(run(scene, 1, &rest), BUS_OK);
    assert_int_equal(rest.found_count, 1);
    assert_string_equal(rest.found[0].gid, "3");
    assert_found(scene, 1, "1", "running", false);
    write_one(scene, 1, row("3", 3, "done"));
    bus_arena_release(&take.arena);
    bus_arena_release(&rest.arena);
}

/* One that stops in the middle of a transaction, with its locks. */
static void paused_owner_is_taken_over(void **state)
{
    struct scene *scene = scene_of(state);
    struct journal_mysql paused = {0};
    struct sql *sql = NULL;
    struct bus_error err = {0};
    const struct journal_options options = {
        .driver = &sql_mysql, .source = scene->source, .owner = "a"};
    write_one(scene, 0, row("x", 1, "running"));
    assert_int_equal(journal_mysql_open(&paused, &options, &sql, &err), BUS_OK);
    assert_int_equal(
        sql_mysql.begin(sql, bus_now(&bus_clock_system) + BUS_SECOND, &err),
        BUS_OK);
    assert_int_equal(lease_renew(&paused.lease, &err), BUS_OK);
    expire(scene, "a"); /* waits for the lock, 5 s at most */
    struct journal_job take = ask(JOURNAL_TAKE, "");
    assert_int_equal(run(scene, 1, &take), BUS_OK);
    assert_int_equal(take.found_count, 1);
    assert_int_not_equal(sql_mysql.commit(sql, &err), BUS_OK);
    assert_found(scene, 1, "x", "running", false);
    bus_arena_release(&take.arena);
    sql_mysql.close(sql);
    journal_mysql_release(&paused);
}

static void one_that_goes_leaves_at_once(void **state)
{
    struct scene *scene = scene_of(state);
    write_one(scene, 0, row("x", 1, "running"));
    stop(scene, 0);
    struct journal_job take = ask(JOURNAL_TAKE, "");
    assert_int_equal(run(scene, 1, &take), BUS_OK);
    assert_int_equal(take.found_count, 1);
    bus_arena_release(&take.arena);
}

/* --- failure --- */

static void assert_fenced(struct scene *scene, int index)
{
    struct journal_row one = row("x", 1, "done");
    struct journal_row other = row("new", 1, "running");
    struct journal_job job = commit(&one, 1);
    assert_int_equal(run(scene, index, &job), BUS_ABORTED);
    assert_string_equal(job.err.reason, "fenced");
    job = commit(&other, 1);
    assert_int_equal(run(scene, index, &job), BUS_ABORTED);
    job = commit(NULL, 0);
    assert_int_equal(run(scene, index, &job), BUS_ABORTED);
}

static void stale_owner_changes_nothing(void **state)
{
    struct scene *scene = scene_of(state);
    write_one(scene, 0, row("x", 1, "running"));
    expire(scene, "a");
    struct journal_job take = ask(JOURNAL_TAKE, "");
    assert_int_equal(run(scene, 1, &take), BUS_OK);
    assert_int_equal(take.found_count, 1);
    assert_fenced(scene, 0);
    assert_found(scene, 1, "x", "running", false);
    assert_found(scene, 1, "new", "", false);
    struct journal_job again = ask(JOURNAL_TAKE, "");
    expire(scene, "b");
    assert_int_equal(run(scene, 0, &again), BUS_ABORTED);
    assert_string_equal(again.err.reason, "fenced");
    assert_int_equal(again.found_count, 0);
    bus_arena_release(&take.arena);
    bus_arena_release(&again.arena);
}

static void restart_fences_the_one_before(void **state)
{
    struct scene *scene = scene_of(state);
    write_one(scene, 0, row("x", 1, "running"));
    start(scene, 2, "a");
    assert_fenced(scene, 0);
    assert_found(scene, 2, "x", "running", false);
}

static void the_living_are_not_taken_over(void **state)
{
    struct scene *scene = scene_of(state);
    write_one(scene, 0, row("x", 1, "running"));
    struct journal_job take = ask(JOURNAL_TAKE, "");
    assert_int_equal(run(scene, 1, &take), BUS_OK);
    assert_int_equal(take.found_count, 0);
    write_one(scene, 0, row("x", 1, "done"));
    bus_arena_release(&take.arena);
}

/* Late but not replaced: nothing happened to it. */
static void expired_owner_goes_on_where_nobody_came(void **state)
{
    struct scene *scene = scene_of(state);
    write_one(scene, 0, row("x", 1, "running"));
    expire(scene, "a");
    write_one(scene, 0, row("x", 1, "undoing"));
    the_living_are_not_taken_over(state);
}

static void gid_of_another_is_left_alone(void **state)
{
    struct scene *scene = scene_of(state);
    write_one(scene, 0, row("x", 1, "running"));
    struct journal_row rows[] = {row("y", 1, "running"), row("x", 2, "done")};
    rows[0].contested = rows[1].contested = true;
    struct journal_job job = commit(rows, 2);
    assert_int_equal(run(scene, 1, &job), BUS_OK);
    assert_false(rows[0].taken);
    assert_true(rows[1].taken);
    assert_found(scene, 1, "x", "running", true);
    assert_found(scene, 1, "y", "running", false);
}

static void batch_is_written_whole_or_not(void **state)
{
    struct scene *scene = scene_of(state);
    struct journal_row rows[] = {row("a", 1, "running"),
                                 row("b", 1, "a status that is too long")};
    struct journal_job job = commit(rows, 2);
    assert_int_not_equal(run(scene, 0, &job), BUS_OK);
    assert_found(scene, 0, "a", "", false);
    write_one(scene, 0, row("a", 1, "running"));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_many_and_changes_them),
        TEST(reads_its_own_by_due_time_in_batches),
        TEST(searches_all_of_them),
        TEST(restart_keeps_what_is_its_own),
        TEST(silent_owner_is_taken_over_in_batches),
        TEST(paused_owner_is_taken_over),
        TEST(one_that_goes_leaves_at_once),
        TEST(stale_owner_changes_nothing),
        TEST(restart_fences_the_one_before),
        TEST(the_living_are_not_taken_over),
        TEST(expired_owner_goes_on_where_nobody_came),
        TEST(gid_of_another_is_left_alone),
        TEST(batch_is_written_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
