/* SPDX-License-Identifier: MIT
 *
 * The journal on a real SQLite file: batches, reads in order with them, and a
 * process killed again and again in the middle of committing: what it reported
 * is there, whole batches only.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/saga/journal_search.h"
#include "bus/clock.h"
#include "bus/code.h"

#define ROWS 20 /* of one batch of the killed child */
#define KILLS 5
#define REPORTS_MIN 3 /* batches reported before a kill */

struct scene {
    char folder[64];
    char source[96];
    struct journal *journal;
    pthread_mutex_t lock;
    pthread_cond_t done;
    unsigned count; /* jobs done */
};

static void job_done(void *arg, struct journal_job *job)
{
    struct scene *scene = arg;
    (void)job;
    pthread_mutex_lock(&scene->lock);
    scene->count++;
    pthread_cond_signal(&scene->done);
    pthread_mutex_unlock(&scene->lock);
}

static void scene_start(struct scene *scene)
{
    const struct journal_options options = {
        .driver = &sql_sqlite,
        .source = scene->source,
        .clock = &bus_clock_system,
        .done = job_done,
        .arg = scene,
    };
    struct bus_error err = {0};
    assert_int_equal(journal_open(&options, &scene->journal, &err), BUS_OK);
}

static int scene_open(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/saga-journal.XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->source, sizeof(scene->source), "sqlite:%s/saga.db",
             scene->folder);
    pthread_mutex_init(&scene->lock, NULL);
    pthread_cond_init(&scene->done, NULL);
    scene_start(scene);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    static const char *const files[] = {"saga.db", "saga.db-wal",
                                        "saga.db-shm"};
    if (scene->journal)
        journal_close(scene->journal);
    for (size_t i = 0; i < 3; i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s/%s", scene->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(scene->folder), 0);
    pthread_cond_destroy(&scene->done);
    pthread_mutex_destroy(&scene->lock);
    test_free(scene);
    return 0;
}

/* Does one job and waits for it; release the arena of a reading one. */
static int run(struct scene *scene, struct journal_job *job)
{
    unsigned before = scene->count;
    journal_do(scene->journal, job);
    pthread_mutex_lock(&scene->lock);
    while (scene->count == before)
        pthread_cond_wait(&scene->done, &scene->lock);
    pthread_mutex_unlock(&scene->lock);
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

static int commit_one(struct scene *scene, struct journal_row one)
{
    struct journal_job job = {.kind = JOURNAL_COMMIT, .rows = &one, .count = 1};
    return run(scene, &job);
}

static struct journal_job ask(enum journal_kind kind, const char *gid)
{
    struct journal_job job = {.kind = kind, .limit = 10};
    snprintf(job.gid, sizeof(job.gid), "%s", gid);
    job.after = INT64_MIN;
    bus_arena_init(&job.arena, BUS_ARENA_LIMIT);
    return job;
}

static void finds_what_was_written(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(commit_one(scene, row("a", 5, "running")), BUS_OK);
    struct journal_job job = ask(JOURNAL_FIND, "a");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 1);
    assert_string_equal(job.found[0].gid, "a");
    assert_string_equal(job.found[0].name, "register");
    assert_string_equal(job.found[0].status, "running");
    assert_false(job.found[0].finished);
    assert_int_equal(job.found[0].due, 5);
    assert_int_equal(job.found[0].updated, 6);
    assert_int_equal(job.found[0].state.len, 4);
    assert_int_equal(job.found[0].state.data[0], 0x93);
    bus_arena_release(&job.arena);
    job = ask(JOURNAL_FIND, "b");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 0);
    bus_arena_release(&job.arena);
}

static void a_saga_written_again_replaces_itself(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(commit_one(scene, row("a", 5, "running")), BUS_OK);
    assert_int_equal(commit_one(scene, row("a", 9, "done")), BUS_OK);
    struct journal_job job = ask(JOURNAL_LIST, "");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 1);
    assert_string_equal(job.found[0].status, "done");
    assert_int_equal(job.found[0].created, 5);
    bus_arena_release(&job.arena);
}

static void reads_unfinished_ones_by_due_time_in_batches(void **state)
{
    struct scene *scene = *state;
    struct journal_row rows[] = {row("c", 2, "running"), row("a", 3, "undoing"),
                                 row("b", 2, "running"), row("d", 1, "done")};
    struct journal_job job = {.kind = JOURNAL_COMMIT, .rows = rows, .count = 4};
    assert_int_equal(run(scene, &job), BUS_OK);
    job = ask(JOURNAL_DUE, "");
    job.limit = 2;
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 2);
    assert_string_equal(job.found[0].gid, "b");
    assert_string_equal(job.found[1].gid, "c");
    struct journal_job next = ask(JOURNAL_DUE, "c");
    next.after = 2;
    assert_int_equal(run(scene, &next), BUS_OK);
    assert_int_equal(next.found_count, 1);
    assert_string_equal(next.found[0].gid, "a");
    bus_arena_release(&job.arena);
    bus_arena_release(&next.arena);
}

static void lists_newest_first_and_filters(void **state)
{
    struct scene *scene = *state;
    struct journal_row rows[] = {row("a", 1, "running"), row("b", 2, "done"),
                                 row("c", 3, "running")};
    struct journal_job job = {.kind = JOURNAL_COMMIT, .rows = rows, .count = 3};
    assert_int_equal(run(scene, &job), BUS_OK);
    job = ask(JOURNAL_LIST, "");
    snprintf(job.status, sizeof(job.status), "running");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 2);
    assert_string_equal(job.found[0].gid, "c");
    assert_string_equal(job.found[1].gid, "a");
    bus_arena_release(&job.arena);
    job = ask(JOURNAL_LIST, "");
    snprintf(job.name, sizeof(job.name), "other");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 0);
    bus_arena_release(&job.arena);
}

static void a_list_goes_on_where_the_last_one_ended(void **state)
{
    struct scene *scene = *state;
    struct journal_row rows[] = {row("a", 1, "running"), row("b", 2, "done"),
                                 row("c", 2, "running")};
    struct journal_job job = {.kind = JOURNAL_COMMIT, .rows = rows, .count = 3};
    assert_int_equal(run(scene, &job), BUS_OK);
    job = ask(JOURNAL_LIST, "c");
    job.before = 2;
    job.limit = 1;
    job.whole = true;
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 1);
    assert_string_equal(job.found[0].gid, "b");
    assert_int_equal(job.found[0].state.len, 4);
    bus_arena_release(&job.arena);
    job = ask(JOURNAL_LIST, "");
    job.from = 2;
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 2);
    bus_arena_release(&job.arena);
}

static void finished_ones_expire(void **state)
{
    struct scene *scene = *state;
    struct journal_row rows[] = {row("a", 1, "done"), row("b", 2, "running"),
                                 row("c", 9, "done")};
    struct journal_job job = {.kind = JOURNAL_COMMIT, .rows = rows, .count = 3};
    assert_int_equal(run(scene, &job), BUS_OK);
    job = ask(JOURNAL_EXPIRE, "");
    job.before = 5;
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 1);
    bus_arena_release(&job.arena);
    job = ask(JOURNAL_LIST, "");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 2);
    bus_arena_release(&job.arena);
}

static int put(struct scene *scene, const char *key, const char *value,
               int64_t version)
{
    struct journal_job job = ask(JOURNAL_KV_PUT, key);
    snprintf(job.name, sizeof(job.name), "topics");
    job.value = value;
    job.version = version;
    int code = run(scene, &job);
    bus_arena_release(&job.arena);
    return code;
}

static void keys_are_changed_by_version(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(put(scene, "k", "one", 0), BUS_OK);
    assert_int_equal(put(scene, "k", "again", 0), BUS_ABORTED);
    assert_int_equal(put(scene, "k", "two", 1), BUS_OK);
    assert_int_equal(put(scene, "k", "late", 1), BUS_ABORTED);
    assert_int_equal(put(scene, "l", "x", 0), BUS_OK);
    struct journal_job job = ask(JOURNAL_KV_LIST, "");
    snprintf(job.name, sizeof(job.name), "topics");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.kv_count, 2);
    assert_string_equal(job.kv[0].value, "two");
    assert_int_equal(job.kv[0].version, 2);
    bus_arena_release(&job.arena);
    job = ask(JOURNAL_KV_DELETE, "k");
    snprintf(job.name, sizeof(job.name), "topics");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(run(scene, &job), BUS_NOT_FOUND);
    bus_arena_release(&job.arena);
    job = ask(JOURNAL_KV_FIND, "k");
    snprintf(job.name, sizeof(job.name), "topics");
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.kv_count, 0);
    bus_arena_release(&job.arena);
}

static void an_empty_batch_proves_that_writing_works(void **state)
{
    struct scene *scene = *state;
    struct journal_job job = {.kind = JOURNAL_COMMIT};
    assert_int_equal(run(scene, &job), BUS_OK);
}

static void closing_finishes_what_was_handed_over(void **state)
{
    struct scene *scene = *state;
    static struct journal_job jobs[50];
    static struct journal_row rows[50];
    static char gids[50][8];
    for (int i = 0; i < 50; i++) {
        snprintf(gids[i], sizeof(gids[i]), "g%d", i);
        rows[i] = row(gids[i], i, "running");
        jobs[i] = (struct journal_job){
            .kind = JOURNAL_COMMIT, .rows = &rows[i], .count = 1};
        journal_do(scene->journal, &jobs[i]);
    }
    journal_close(scene->journal);
    assert_int_equal(scene->count, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(jobs[i].code, BUS_OK);
    scene_start(scene);
    struct journal_job job = ask(JOURNAL_LIST, "");
    job.limit = 100;
    assert_int_equal(run(scene, &job), BUS_OK);
    assert_int_equal(job.found_count, 50);
    bus_arena_release(&job.arena);
}

static void a_journal_that_cannot_be_opened_says_so(void **state)
{
    const struct journal_options options = {
        .driver = &sql_sqlite,
        .source = "sqlite:/nowhere/at/all/saga.db",
        .clock = &bus_clock_system,
        .done = job_done,
    };
    struct journal *journal = NULL;
    struct bus_error err = {0};
    (void)state;
    assert_int_not_equal(journal_open(&options, &journal, &err), BUS_OK);
    assert_true(err.sentence[0] != 0);
    assert_null(journal);
}

/* ---- kill -9 ---- */

/* The child writes batch after batch, ROWS sagas each, all named after the
 * batch, and says the batch's number once it is reported committed. */
static void write_for_ever(struct scene *scene, int pipe, unsigned first)
{
    static char gids[ROWS][24];
    struct journal_row rows[ROWS];
    for (unsigned batch = first;; batch++) {
        for (unsigned i = 0; i < ROWS; i++) {
            snprintf(gids[i], sizeof(gids[i]), "%u-%u", batch, i);
            rows[i] = row(gids[i], batch, "running");
        }
        struct journal_job job = {
            .kind = JOURNAL_COMMIT, .rows = rows, .count = ROWS};
        if (run(scene, &job) != BUS_OK ||
            write(pipe, &batch, sizeof(batch)) != (ssize_t)sizeof(batch))
            _exit(1);
    }
}

/* Kills a child that has reported some batches; returns the last. */
static unsigned kill_a_writer(struct scene *scene, unsigned first)
{
    int ends[2];
    unsigned batch = 0, last = 0;
    int status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        scene->count = 0;
        scene_start(scene);
        write_for_ever(scene, ends[1], first);
    }
    close(ends[1]);
    for (int i = 0; i < REPORTS_MIN; i++)
        if (read(ends[0], &batch, sizeof(batch)) == (ssize_t)sizeof(batch))
            last = batch;
    kill(child, SIGKILL);
    while (read(ends[0], &batch, sizeof(batch)) == (ssize_t)sizeof(batch))
        last = batch;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return last;
}

/* Every batch up to the last reported is there, and none in part. */
static void check_batches(struct scene *scene, unsigned last)
{
    unsigned counts[JOURNAL_LIST_MAX] = {0};
    int64_t due = INT64_MIN;
    char gid[SAGA_GID_MAX + 1] = "";
    for (;;) {
        struct journal_job job = ask(JOURNAL_DUE, gid);
        job.after = due;
        job.limit = 100;
        assert_int_equal(run(scene, &job), BUS_OK);
        for (size_t i = 0; i < job.found_count; i++) {
            due = job.found[i].due;
            snprintf(gid, sizeof(gid), "%s", job.found[i].gid);
            if (due < JOURNAL_LIST_MAX)
                counts[due]++;
        }
        bool over = job.found_count < job.limit;
        bus_arena_release(&job.arena);
        if (over)
            break;
    }
    for (unsigned i = 1; i < JOURNAL_LIST_MAX; i++) {
        assert_true(counts[i] == 0 || counts[i] == ROWS);
        if (i <= last)
            assert_int_equal(counts[i], ROWS);
    }
}

static void what_was_reported_survives_a_kill(void **state)
{
    struct scene *scene = *state;
    unsigned first = 1;
    journal_close(scene->journal);
    scene->journal = NULL;
    for (int i = 0; i < KILLS; i++) {
        unsigned last = kill_a_writer(scene, first);
        assert_true(last >= first + REPORTS_MIN - 1);
        scene_start(scene);
        check_batches(scene, last);
        journal_close(scene->journal);
        scene->journal = NULL;
        first = last + 1; /* which may be there already, unreported */
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

/* What a search with that filter finds, a letter a row; it goes on where it
 * stopped until there is no more. searches counts. */
static void assert_searched(struct scene *scene,
                            const struct journal_filter *from,
                            const char *expected, unsigned searches)
{
    struct journal_filter filter = *from;
    char found[32] = "", last[SAGA_GID_MAX + 1];
    unsigned count = 0;
    bool more = true;
    for (; more; count++) {
        struct journal_job job = ask(JOURNAL_SEARCH, "");
        job.filter = &filter;
        assert_int_equal(run(scene, &job), BUS_OK);
        for (size_t i = 0; i < job.found_count; i++)
            strncat(found, job.found[i].gid, 1);
        more = job.more;
        filter.before = job.before;
        snprintf(last, sizeof(last), "%s", job.gid);
        filter.before_gid = last;
        bus_arena_release(&job.arena);
    }
    assert_string_equal(found, expected);
    assert_int_equal(count, searches);
}

static void write_searched(struct scene *scene)
{
    struct journal_row rows[] = {
        row("a", 1, "done"),    row("b1", 2, "undone"), row("c", 2, "parked"),
        row("d", 2, "running"), row("e", 5, "done"),
    };
    rows[1].failing = "pay";
    rows[1].error = "ABORTED: no Money";
    rows[2].type = "tcc";
    rows[2].failing = "01";
    rows[2].error = "INTERNAL: 500 broken";
    rows[3].name = "order";
    rows[4].updated = 900;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!rows[i].type)
            rows[i].type = "saga";
        assert_int_equal(commit_one(scene, rows[i]), BUS_OK);
    }
}

static void searches_by_every_filter(void **state)
{
    struct scene *scene = *state;
    struct journal_filter any, filter;
    write_searched(scene);
    journal_filter_init(&any);
    any.limit = 100;
#define SEARCH(expected, ...)                                                  \
    filter = any;                                                              \
    __VA_ARGS__;                                                               \
    assert_searched(scene, &filter, expected, 1)
    SEARCH("edcba", (void)0);
    SEARCH("ea", filter.status = "done");
    SEARCH("d", filter.name = "order");
    SEARCH("c", filter.type = "tcc");
    SEARCH("b", filter.step = "pay");
    SEARCH("b", filter.gid = "b");
    SEARCH("", filter.gid = "b12");
    SEARCH("b", filter.error = "money");
    SEARCH("c", filter.error = "INTERNAL");
    SEARCH("edcb", filter.created_since = 2);
    SEARCH("a", filter.created_until = 2);
    SEARCH("dcb", filter.created_since = 2, filter.created_until = 5);
    SEARCH("e", filter.updated_since = 900);
    SEARCH("dcba", filter.updated_until = 900);
    SEARCH("", filter.owner = "nobody");
#undef SEARCH
}

/* However few fit, one search looks at no more than that, and none is missed
 * or found twice, also where many are as old. */
static void searches_in_pages(void **state)
{
    struct scene *scene = *state;
    struct journal_filter filter;
    write_searched(scene);
    journal_filter_init(&filter);
    filter.limit = 100;
    filter.look = 2;
    assert_searched(scene, &filter, "edcba", 3);
    filter.status = "done";
    assert_searched(scene, &filter, "ea", 3);
    filter.status = "";
    filter.look = 0;
    filter.limit = 1;
    assert_searched(scene, &filter, "edcba", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_written),
        TEST(a_saga_written_again_replaces_itself),
        TEST(reads_unfinished_ones_by_due_time_in_batches),
        TEST(lists_newest_first_and_filters),
        TEST(a_list_goes_on_where_the_last_one_ended),
        TEST(searches_by_every_filter),
        TEST(searches_in_pages),
        TEST(finished_ones_expire),
        TEST(keys_are_changed_by_version),
        TEST(an_empty_batch_proves_that_writing_works),
        TEST(closing_finishes_what_was_handed_over),
        cmocka_unit_test(a_journal_that_cannot_be_opened_says_so),
        TEST(what_was_reported_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
